//! redis-dr's own records: the state directory, and `.redis-dr` in a data directory.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::stat::{Kind, Stat};
use super::{Dir, Entry, HostError, Look, Pen};

/// Writes files of redis-dr's own, in one private directory (0700), and nowhere else.
#[derive(Debug)]
pub struct OwnFiles {
    dir: Dir,
    pen: Pen,
    mode: Modes,
}

/// What is made here gets these modes, whatever the umask.
#[derive(Clone, Copy, Debug)]
struct Modes {
    dir: u32,
    file: u32,
}

const PRIVATE: Modes = Modes { dir: 0o700, file: 0o600 };
/// For what other programs and users have to read, such as a unit's drop-ins.
const READABLE: Modes = Modes { dir: 0o755, file: 0o644 };

impl OwnFiles {
    /// Opens a private directory, making it (and what is missing above it) if need be.
    ///
    /// # Errors
    /// [`HostError::NotOurs`] when it belongs to somebody else or others can write to it; else what the system says.
    pub fn open(path: &Path) -> Result<Self, HostError> {
        use std::os::unix::fs::DirBuilderExt;
        if !path.is_absolute() {
            return Err(HostError::BadPath { path: path.to_path_buf(), because: "it is not absolute" });
        }
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|e| HostError::os("make the directory", path, e))?;
        let dir = Look::new().pin(path)?;
        check_ours(&dir, None)?;
        Ok(OwnFiles { dir, pen: Pen::new(), mode: PRIVATE }.swept())
    }

    /// Opens `name` in a directory that need not be ours (the data directory), making it if need be. The owner of the
    /// directory above may own it too: redis-dr may have run as the server's user before.
    ///
    /// # Errors
    /// [`HostError::NotOurs`]; ENOTDIR or ELOOP when something else has the name; else what the system says.
    pub fn open_in(above: &Path, name: &str) -> Result<Self, HostError> {
        let above = Look::new().pin(above)?;
        OwnFiles::enter(&above, name, Some(above.stat()?.uid), PRIVATE)
    }

    /// As [`OwnFiles::open_in`], for files that everybody may read (0755 and 0644).
    ///
    /// # Errors
    /// As [`OwnFiles::open_in`].
    pub fn open_readable_in(above: &Path, name: &str) -> Result<Self, HostError> {
        let above = Look::new().pin(above)?;
        OwnFiles::enter(&above, name, None, READABLE)
    }

    /// A private directory inside this one, made if need be.
    ///
    /// # Errors
    /// As [`OwnFiles::open_in`].
    pub fn sub(&self, name: &str) -> Result<Self, HostError> {
        OwnFiles::enter(&self.dir, name, Some(self.dir.stat()?.uid), self.mode)
    }

    /// A private directory inside this one that must not exist yet.
    ///
    /// # Errors
    /// EEXIST; else as [`OwnFiles::sub`].
    pub fn new_sub(&self, name: &str) -> Result<Self, HostError> {
        one_name(&self.dir, name)?;
        self.pen.make_dir(&self.dir, OsStr::new(name), 0o700)?;
        self.pen.sync_dir(&self.dir)?;
        self.sub(name)
    }

    fn enter(above: &Dir, name: &str, also: Option<u32>, mode: Modes) -> Result<Self, HostError> {
        one_name(above, name)?;
        let pen = Pen::new();
        match pen.make_dir(above, OsStr::new(name), mode.dir) {
            Ok(()) => {
                // a umask may have taken more away than was meant
                let made = above.open_dir(OsStr::new(name))?;
                rustix::fs::fchmod(&made, Mode::from_raw_mode(mode.dir))
                    .map_err(|e| HostError::os("set the mode of", made.path(), e))?;
                pen.sync_dir(above)?;
            }
            Err(e) if e.errno() == Some(Errno::EXIST.raw_os_error()) => {}
            // A full or read-only disk still lets us use what is there.
            Err(e) if above.stat_name(OsStr::new(name))?.is_none() => return Err(e),
            Err(_) => {}
        }
        let dir = above.open_dir(OsStr::new(name))?;
        check_ours(&dir, also)?;
        Ok(OwnFiles { dir, pen, mode }.swept())
    }

    /// The directory, pinned.
    #[must_use]
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    /// The directory's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Every name in it, sorted.
    ///
    /// # Errors
    /// What the system says.
    pub fn list(&self) -> Result<Vec<Entry>, HostError> {
        self.dir.list()
    }

    /// Opens a file for appending; `new` makes it and fails if it is there, else it must be there.
    ///
    /// # Errors
    /// EEXIST, ENOENT; [`HostError::NotOurs`] for a file with a second name; else what the system says.
    pub fn open_append(&self, name: &str, new: bool) -> Result<File, HostError> {
        let flags = if new { OFlags::CREATE | OFlags::EXCL } else { OFlags::empty() };
        let file = self.open_own(name, flags | OFlags::APPEND | OFlags::RDWR)?;
        if new && let Err(e) = self.pen.sync_dir(&self.dir) {
            let _ = self.pen.unlink(&self.dir, OsStr::new(name));
            return Err(e);
        }
        Ok(file)
    }

    /// Opens a lock file, making it if need be. Close-on-exec, or a server started later would inherit the lock.
    ///
    /// # Errors
    /// As [`OwnFiles::open_append`].
    pub fn open_lock(&self, name: &str) -> Result<File, HostError> {
        self.open_own(name, OFlags::CREATE | OFlags::RDWR)
    }

    fn open_own(&self, name: &str, flags: OFlags) -> Result<File, HostError> {
        one_name(&self.dir, name)?;
        let path = self.dir.path().join(name);
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = rustix::fs::openat(&self.dir, name, flags, Mode::RUSR | Mode::WUSR)
            .map(File::from)
            .map_err(|e| HostError::os("open", &path, e))?;
        let stat: Stat = rustix::fs::fstat(&file).map_err(|e| HostError::os("look at", &path, e))?.into();
        if stat.kind != Kind::File {
            return Err(HostError::NotAFile { path, kind: stat.kind });
        }
        if stat.nlink > 1 {
            return Err(HostError::NotOurs { path, because: "has a second name somewhere else".to_string() });
        }
        Ok(file)
    }

    /// Writes a whole file, replacing it at one instant; on the disk when this returns.
    ///
    /// # Errors
    /// What the system says; what was there before is then still there.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), HostError> {
        self.replace(name, bytes, true)?;
        self.pen.sync_dir(&self.dir)
    }

    /// As [`OwnFiles::write`], and not waited for: what a loss of power may take, such as a memory that saves work.
    ///
    /// # Errors
    /// As [`OwnFiles::write`].
    pub fn write_unsynced(&self, name: &str, bytes: &[u8]) -> Result<(), HostError> {
        self.replace(name, bytes, false)
    }

    fn replace(&self, name: &str, bytes: &[u8], synced: bool) -> Result<(), HostError> {
        one_name(&self.dir, name)?;
        let (mut file, temp) = self.pen.temp_file(&self.dir)?;
        let path = self.dir.path().join(name);
        let done = file
            .write_all(bytes)
            .map_err(|e| HostError::os("write", &path, e))
            .and_then(|()| {
                rustix::fs::fchmod(&file, Mode::from_raw_mode(self.mode.file))
                    .map_err(|e| HostError::os("set the mode of", &path, e))
            })
            .and_then(|()| if synced { self.pen.sync(&file, &path) } else { Ok(()) })
            .and_then(|()| self.pen.rename(&self.dir, &temp, &self.dir, OsStr::new(name)));
        if let Err(e) = done {
            let _ = self.pen.unlink(&self.dir, &temp);
            return Err(e);
        }
        Ok(())
    }

    /// Removes what a crash left half-written here. Failing at it is no failure: the next one tries again.
    fn swept(self) -> Self {
        for entry in self.dir.list().unwrap_or_default() {
            if entry.stat.kind == Kind::File && Look::new().is_dead_temp(&entry.name) {
                let _ = self.pen.unlink(&self.dir, &entry.name);
            }
        }
        self
    }

    /// Removes one file. Nothing there is no error.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove(&self, name: &str) -> Result<(), HostError> {
        one_name(&self.dir, name)?;
        self.pen.unlink(&self.dir, OsStr::new(name))?;
        self.pen.sync_dir(&self.dir)
    }

    /// Removes a directory with all in it (links are removed, not followed). Nothing there is no error.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove_tree(&self, name: &str) -> Result<(), HostError> {
        one_name(&self.dir, name)?;
        remove_all(&self.pen, &self.dir, OsStr::new(name))?;
        self.pen.sync_dir(&self.dir)
    }

    /// Removes the directory itself, out of `above`, if nothing is left in it.
    ///
    /// # Errors
    /// What the system says, other than that something is in it.
    pub fn remove_if_empty(self, above: &Path) -> Result<(), HostError> {
        let Some(name) = self.dir.path().file_name().map(std::ffi::OsStr::to_os_string) else {
            return Ok(());
        };
        let above = Look::new().pin(above)?;
        match self.pen.remove_dir(&above, &name) {
            Err(e) if e.errno() == Some(Errno::NOTEMPTY.raw_os_error()) => Ok(()),
            Err(e) => Err(e),
            Ok(()) => self.pen.sync_dir(&above),
        }
    }

    /// Sets room aside for a file without changing its size, so that a disk that fills up later does not stop it.
    /// A filesystem that can't is no error.
    ///
    /// # Errors
    /// No space.
    pub fn reserve(&self, file: &File, name: &str, bytes: u64) -> Result<(), HostError> {
        match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::KEEP_SIZE, 0, bytes) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
            Err(e) => Err(HostError::os("set room aside for", &self.dir.path().join(name), e)),
        }
    }
}

/// Removes what a name stands for, a directory with all in it.
pub(super) fn remove_all(pen: &Pen, dir: &Dir, name: &OsStr) -> Result<(), HostError> {
    match dir.stat_name(name)? {
        None => Ok(()),
        Some(stat) if stat.kind == Kind::Directory => {
            let inner = dir.open_dir(name)?;
            for entry in inner.list()? {
                remove_all(pen, &inner, &entry.name)?;
            }
            pen.remove_dir(dir, name)
        }
        Some(_) => pen.unlink(dir, name),
    }
}

fn one_name(dir: &Dir, name: &str) -> Result<(), HostError> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(_)), None) if !name.ends_with('/') => Ok(()),
        _ => Err(HostError::BadPath { path: dir.path().join(name), because: "it leads out of its directory" }),
    }
}

/// Ours: it belongs to this process' user (or, for root, to `also`), nobody else can write to it, and it can be read.
fn check_ours(dir: &Dir, also: Option<u32>) -> Result<(), HostError> {
    let stat = dir.stat()?;
    let me = Look::new().uid();
    let path = dir.path().to_path_buf();
    if stat.uid != me && !(me == 0 && also == Some(stat.uid)) {
        let because = format!("belongs to user id {}, but redis-dr runs as user id {me}", stat.uid);
        return Err(HostError::NotOurs { path, because });
    }
    if stat.mode & 0o022 != 0 {
        let because = format!("can be written by others (mode {:o})", stat.mode);
        return Err(HostError::NotOurs { path, because });
    }
    if rustix::fs::accessat(dir, ".", rustix::fs::Access::READ_OK, AtFlags::EACCESS).is_err() {
        return Err(HostError::NotOurs { path, because: "can't be read".to_string() });
    }
    Ok(())
}
