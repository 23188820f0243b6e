//! The half of the host that writes. Only the vault holds one.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::attrs;
use super::digest::digest_of;
use super::stat::{Owner, Stat};
use super::temp::temp_name;
use super::{Attr, Dir, HostError};

/// The only thing that changes files of this machine. Made once, in `cli`, and given by value to the vault.
#[derive(Debug)]
pub struct Pen(());

/// What was written into a new file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Bytes.
    pub bytes: u64,
    /// blake3 of them, hexadecimal.
    pub digest: String,
}

impl Pen {
    /// Takes up the pen. For `cli` (and tests): whoever has one can change this machine.
    #[must_use]
    #[allow(clippy::new_without_default)] // a pen is never made by accident
    pub fn new() -> Self {
        Pen(())
    }

    /// The same pen, for a thread that works for whoever holds this one.
    pub(crate) fn for_thread(&self) -> Self {
        Pen(())
    }

    /// Makes an empty file with an unguessable name, mode 0600, in a directory. Returns it, and its name.
    ///
    /// # Errors
    /// What the system says.
    pub fn temp_file(&self, dir: &Dir) -> Result<(File, OsString), HostError> {
        let name = temp_name()?;
        let file = self.new_file(dir, &name)?;
        Ok((file, name))
    }

    /// Makes an empty file, mode 0600, that must not exist yet.
    ///
    /// # Errors
    /// EEXIST; else what the system says.
    pub fn new_file(&self, dir: &Dir, name: &OsStr) -> Result<File, HostError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(dir, name, flags, Mode::RUSR | Mode::WUSR)
            .map(File::from)
            .map_err(|e| HostError::os("create", &dir.path().join(name), e))
    }

    /// Makes a directory with an unguessable name, mode 0700. Returns its name.
    ///
    /// # Errors
    /// What the system says.
    pub fn temp_dir(&self, dir: &Dir) -> Result<OsString, HostError> {
        let name = temp_name()?;
        self.make_dir(dir, &name, 0o700)?;
        Ok(name)
    }

    /// Makes a directory that must not exist yet.
    ///
    /// # Errors
    /// EEXIST; else what the system says.
    pub fn make_dir(&self, dir: &Dir, name: &OsStr, mode: u32) -> Result<(), HostError> {
        rustix::fs::mkdirat(dir, name, Mode::from_raw_mode(mode))
            .map_err(|e| HostError::os("make the directory", &dir.path().join(name), e))
    }

    /// Writes all that a reader has into an open file, at most `limit` bytes, syncs it, and reads it back.
    ///
    /// # Errors
    /// [`HostError::ReadBack`] when it does not read back as written; else what the system says, with `to` as the path.
    pub fn fill(&self, file: &mut File, to: &Path, from: &mut dyn Read, limit: u64) -> Result<Written, HostError> {
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0_u8; 512 * 1024];
        let mut bytes = 0_u64;
        let mut from = from.take(limit);
        loop {
            let n = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(HostError::os("read what is to be written to", to, e)),
            };
            file.write_all(&buffer[..n]).map_err(|e| HostError::os("write", to, e))?;
            hasher.update(&buffer[..n]);
            bytes += n as u64;
        }
        self.sync(file, to)?;
        let digest = hasher.finalize().to_hex().to_string();
        self.read_back(file, to, &digest)?;
        Ok(Written { bytes, digest })
    }

    fn read_back(&self, file: &mut File, path: &Path, digest: &str) -> Result<(), HostError> {
        file.seek(SeekFrom::Start(0)).map_err(|e| HostError::os("read back", path, e))?;
        if digest_of(&mut *file, path)? != digest {
            return Err(HostError::ReadBack { path: path.to_path_buf() });
        }
        Ok(())
    }

    /// Lets an empty file share all blocks of another (reflink). `false` where the filesystem can't.
    ///
    /// # Errors
    /// What the system says, other than that this can't be done here.
    pub fn reflink(&self, from: &File, to: &File, path: &Path) -> Result<bool, HostError> {
        match rustix::fs::ioctl_ficlone(to, from) {
            Ok(()) => Ok(true),
            Err(e)
                if [
                    Errno::OPNOTSUPP,
                    Errno::XDEV,
                    Errno::INVAL,
                    Errno::NOTTY,
                    Errno::NOSYS,
                    Errno::PERM,
                    Errno::TXTBSY,
                ]
                .contains(&e) =>
            {
                Ok(false)
            }
            Err(e) => Err(HostError::os("reflink to", path, e)),
        }
    }

    /// Gives an inode a second name. `false` where a link can't be made (other filesystem, too many, not allowed).
    ///
    /// # Errors
    /// What the system says, other than EPERM, EXDEV, EMLINK and their like.
    pub fn link(&self, from: &Dir, name: &OsStr, to: &Dir, new: &OsStr) -> Result<bool, HostError> {
        match rustix::fs::linkat(from, name, to, new, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(e)
                if [Errno::PERM, Errno::XDEV, Errno::MLINK, Errno::OPNOTSUPP, Errno::NOSYS, Errno::ACCESS]
                    .contains(&e) =>
            {
                Ok(false)
            }
            Err(e) => Err(HostError::os("link", &from.path().join(name), e)),
        }
    }

    /// Renames, replacing what has the new name.
    ///
    /// # Errors
    /// What the system says; EXDEV across filesystems.
    pub fn rename(&self, from: &Dir, name: &OsStr, to: &Dir, new: &OsStr) -> Result<(), HostError> {
        rustix::fs::renameat(from, name, to, new).map_err(|e| HostError::os("rename to", &to.path().join(new), e))
    }

    /// Renames to a name that must be free.
    ///
    /// # Errors
    /// EEXIST; else what the system says.
    pub fn rename_new(&self, from: &Dir, name: &OsStr, to: &Dir, new: &OsStr) -> Result<(), HostError> {
        rustix::fs::renameat_with(from, name, to, new, RenameFlags::NOREPLACE)
            .map_err(|e| HostError::os("rename to", &to.path().join(new), e))
    }

    /// Lets two names change places at one instant.
    ///
    /// # Errors
    /// EINVAL where the filesystem can't; else what the system says.
    pub fn exchange(&self, one: &Dir, name: &OsStr, other: &Dir, with: &OsStr) -> Result<(), HostError> {
        rustix::fs::renameat_with(one, name, other, with, RenameFlags::EXCHANGE)
            .map_err(|e| HostError::os("exchange", &other.path().join(with), e))
    }

    /// Takes a file's name away. Nothing there is no error.
    ///
    /// # Errors
    /// What the system says, other than that there is nothing.
    pub fn unlink(&self, dir: &Dir, name: &OsStr) -> Result<(), HostError> {
        match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(HostError::os("remove", &dir.path().join(name), e)),
        }
    }

    /// Removes an empty directory. Nothing there is no error.
    ///
    /// # Errors
    /// ENOTEMPTY; else what the system says.
    pub fn remove_dir(&self, dir: &Dir, name: &OsStr) -> Result<(), HostError> {
        match rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(HostError::os("remove the directory", &dir.path().join(name), e)),
        }
    }

    /// Removes what a name stands for, a directory with all in it; links are removed, not followed. Nothing there is no error.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove_tree(&self, dir: &Dir, name: &OsStr) -> Result<(), HostError> {
        super::own::remove_all(self, dir, name)
    }

    /// Puts a file's bytes and facts on the disk.
    ///
    /// # Errors
    /// What the system says; it must not be tried again and believed.
    pub fn sync(&self, file: &File, path: &Path) -> Result<(), HostError> {
        rustix::fs::fsync(file).map_err(|e| HostError::os("sync", path, e))
    }

    /// Puts a directory's names on the disk.
    ///
    /// # Errors
    /// What the system says; it must not be tried again and believed.
    pub fn sync_dir(&self, dir: &Dir) -> Result<(), HostError> {
        rustix::fs::fsync(dir).map_err(|e| HostError::os("sync the directory", dir.path(), e))
    }

    /// Gives an open file or directory its owner, permission bits and attributes (`None`: they stay as they are). What
    /// is already so is not touched, so that a process without root's rights can do it too.
    ///
    /// # Errors
    /// What the system says.
    pub fn dress(&self, file: &File, path: &Path, owner: Owner, attrs: Option<&[Attr]>) -> Result<(), HostError> {
        use std::os::unix::fs::PermissionsExt;
        let have: Stat = rustix::fs::fstat(file).map_err(|e| HostError::os("look at", path, e))?.into();
        if have.uid != owner.uid || have.gid != owner.gid {
            std::os::unix::fs::fchown(file, Some(owner.uid), Some(owner.gid))
                .map_err(|e| HostError::os("set the owner of", path, e))?;
        }
        // chown may clear bits: the mode comes after it, and the ACL, which speaks of the mode, last.
        file.set_permissions(std::fs::Permissions::from_mode(owner.mode))
            .map_err(|e| HostError::os("set the mode of", path, e))?;
        attrs.map_or(Ok(()), |attrs| attrs::set(file, attrs, path))
    }

    /// As [`Pen::dress`], by name, for a file or directory that this process perhaps may not open yet. Not through links.
    ///
    /// # Errors
    /// What the system says.
    pub fn dress_name(&self, dir: &Dir, name: &OsStr, owner: Owner, attrs: Option<&[Attr]>) -> Result<(), HostError> {
        let path = dir.path().join(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let open = || rustix::fs::openat(dir, name, flags, Mode::empty()).map(File::from);
        let file = match open() {
            // Without root's rights a file of ours that nobody may read can only be reached by its name.
            Err(Errno::ACCESS) if dir.stat_name(name)?.is_some_and(|stat| stat.kind != super::Kind::Link) => {
                rustix::fs::chmodat(dir, name, Mode::from_raw_mode(owner.mode | 0o400), AtFlags::empty())
                    .map_err(|e| HostError::os("set the mode of", &path, e))?;
                open()
            }
            other => other,
        };
        let file = file.map_err(|e| HostError::os("open", &path, e))?;
        self.dress(&file, &path, owner, attrs)?;
        self.sync(&file, &path)
    }

    /// Sets the time of last change, nanoseconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_mtime(&self, file: &File, path: &Path, mtime_ns: i64) -> Result<(), HostError> {
        let away = Duration::from_nanos(mtime_ns.unsigned_abs());
        let epoch = SystemTime::UNIX_EPOCH;
        let time = if mtime_ns < 0 { epoch.checked_sub(away) } else { epoch.checked_add(away) };
        file.set_times(std::fs::FileTimes::new().set_modified(time.unwrap_or(epoch)))
            .map_err(|e| HostError::os("set the time of", path, e))
    }

    /// Cuts a file to `size` bytes, in place, and syncs it. Only for taking back what was appended.
    ///
    /// # Errors
    /// What the system says.
    pub fn cut_back(&self, dir: &Dir, name: &OsStr, size: u64) -> Result<(), HostError> {
        let path: PathBuf = dir.path().join(name);
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(dir, name, flags, Mode::empty()).map_err(|e| HostError::os("open", &path, e))?;
        rustix::fs::ftruncate(&fd, size).map_err(|e| HostError::os("cut back", &path, e))?;
        rustix::fs::fsync(&fd).map_err(|e| HostError::os("sync", &path, e))
    }

    /// Cuts an open file of ours to `size` bytes.
    ///
    /// # Errors
    /// What the system says.
    pub fn shorten(&self, file: &File, path: &Path, size: u64) -> Result<(), HostError> {
        rustix::fs::ftruncate(file, size).map_err(|e| HostError::os("shorten", path, e))
    }
}
