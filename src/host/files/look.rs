//! The half of the host that looks: nothing here changes anything.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};

use super::HostError;
use super::stat::{Entry, Kind, Mount, Space, Stat, Trust};

/// Reads files, directories and this machine's facts. Cheap to copy; holds nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look(());

impl Look {
    /// A new pair of eyes.
    #[must_use]
    pub fn new() -> Self {
        Look(())
    }

    /// Opens a regular file for reading, links followed.
    ///
    /// Opened without blocking, so that a FIFO somebody put there can't hang us.
    ///
    /// # Errors
    /// [`HostError::NotAFile`] for a FIFO, device, socket or directory; else what the system says.
    pub fn open(&self, path: &Path) -> Result<File, HostError> {
        self.open_with(path, OFlags::empty())
    }

    /// As [`Look::open`], but a symbolic link as last component is an error.
    ///
    /// # Errors
    /// As [`Look::open`]; ELOOP for a link.
    pub fn open_no_link(&self, path: &Path) -> Result<File, HostError> {
        self.open_with(path, OFlags::NOFOLLOW)
    }

    fn open_with(&self, path: &Path, more: OFlags) -> Result<File, HostError> {
        // Asked first: opening some devices has effects of its own.
        if let Ok(stat) = self.stat(path)
            && stat.kind != Kind::File
        {
            return Err(HostError::NotAFile { path: path.to_path_buf(), kind: stat.kind });
        }
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY | more;
        let fd: OwnedFd =
            rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(|e| HostError::os("open", path, e))?;
        let stat: Stat = rustix::fs::fstat(&fd).map_err(|e| HostError::os("look at", path, e))?.into();
        if stat.kind != Kind::File {
            return Err(HostError::NotAFile { path: path.to_path_buf(), kind: stat.kind });
        }
        Ok(File::from(fd))
    }

    /// Opens a file that will be read once from start to end, and tells the kernel so.
    ///
    /// # Errors
    /// As [`Look::open`].
    pub fn open_to_walk(&self, path: &Path) -> Result<File, HostError> {
        let file = self.open(path)?;
        // Advice only: a filesystem that knows none is no reason to fail.
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Sequential);
        Ok(file)
    }

    /// Tells the kernel that the pages of this file read so far are not needed again, so that a long walk does not push
    /// the server's own pages out of memory.
    pub fn forget_pages(&self, file: &File) {
        let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
    }

    /// What an open file is now.
    ///
    /// # Errors
    /// What the system says.
    pub fn stat_open(&self, file: &File, path: &Path) -> Result<Stat, HostError> {
        rustix::fs::fstat(file).map(Stat::from).map_err(|e| HostError::os("look at", path, e))
    }

    /// Reads a whole regular file (or a file of /proc) of at most `limit` bytes.
    ///
    /// # Errors
    /// [`HostError::TooLarge`] beyond the limit; as [`Look::open`].
    pub fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>, HostError> {
        let file = self.open(path)?;
        let size = self.stat_open(&file, path)?.size;
        if size > limit {
            return Err(HostError::TooLarge { path: path.to_path_buf(), size, limit });
        }
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| HostError::os("read", path, e))?;
        match u64::try_from(bytes.len()) {
            Ok(size) if size > limit => Err(HostError::TooLarge { path: path.to_path_buf(), size, limit }),
            _ => Ok(bytes),
        }
    }

    /// As [`Look::read`], as text; bytes that are not UTF-8 are an error.
    ///
    /// # Errors
    /// As [`Look::read`], and for bytes that are not UTF-8.
    pub fn read_text(&self, path: &Path, limit: u64) -> Result<String, HostError> {
        String::from_utf8(self.read(path, limit)?)
            .map_err(|e| HostError::os("read", path, std::io::Error::new(std::io::ErrorKind::InvalidData, e)))
    }

    /// Reads at most `len` bytes from `offset`; fewer where the file ends.
    ///
    /// # Errors
    /// As [`Look::open`].
    pub fn read_at(&self, path: &Path, offset: u64, len: u64) -> Result<Vec<u8>, HostError> {
        let mut file = self.open(path)?;
        file.seek(SeekFrom::Start(offset)).map_err(|e| HostError::os("read", path, e))?;
        let mut bytes = Vec::new();
        file.take(len).read_to_end(&mut bytes).map_err(|e| HostError::os("read", path, e))?;
        Ok(bytes)
    }

    /// The last `len` bytes of a file (all of a shorter one): the end of a log.
    ///
    /// # Errors
    /// As [`Look::open`].
    pub fn read_tail(&self, path: &Path, len: u64) -> Result<Vec<u8>, HostError> {
        let size = self.stat(path)?.size;
        self.read_at(path, size.saturating_sub(len), len)
    }

    /// What a path is, links followed.
    ///
    /// # Errors
    /// What the system says.
    pub fn stat(&self, path: &Path) -> Result<Stat, HostError> {
        rustix::fs::stat(path).map(Stat::from).map_err(|e| HostError::os("look at", path, e))
    }

    /// When a file was made, whatever was done to it since; `None` where the filesystem does not tell.
    #[must_use]
    pub fn born(&self, path: &Path) -> Option<jiff::Timestamp> {
        let made = std::fs::metadata(path).and_then(|meta| meta.created()).ok()?;
        jiff::Timestamp::try_from(made).ok()
    }

    /// What a path is, a link being a link.
    ///
    /// # Errors
    /// What the system says.
    pub fn lstat(&self, path: &Path) -> Result<Stat, HostError> {
        rustix::fs::lstat(path).map(Stat::from).map_err(|e| HostError::os("look at", path, e))
    }

    /// What a path is (not followed), `None` when there is nothing.
    ///
    /// # Errors
    /// What the system says, other than that there is nothing.
    pub fn lstat_if_there(&self, path: &Path) -> Result<Option<Stat>, HostError> {
        match self.lstat(path) {
            Ok(stat) => Ok(Some(stat)),
            Err(e) if e.is_missing() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// True when the path can be looked at (links followed).
    #[must_use]
    pub fn exists(&self, path: &Path) -> bool {
        self.stat(path).is_ok()
    }

    /// Every name in a directory, sorted, with what it is. A name that vanishes meanwhile is left out.
    ///
    /// # Errors
    /// [`HostError::NotADirectory`]; else what the system says.
    pub fn list(&self, dir: &Path) -> Result<Vec<Entry>, HostError> {
        let stat = self.stat(dir)?;
        if stat.kind != Kind::Directory {
            return Err(HostError::NotADirectory { path: dir.to_path_buf(), kind: stat.kind });
        }
        let reader = std::fs::read_dir(dir).map_err(|e| HostError::os("list", dir, e))?;
        let mut entries = Vec::new();
        for entry in reader {
            let name = entry.map_err(|e| HostError::os("list", dir, e))?.file_name();
            if let Some(stat) = self.lstat_if_there(&dir.join(&name))? {
                entries.push(Entry { name, stat });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// The path with every link, `.` and `..` resolved.
    ///
    /// # Errors
    /// What the system says.
    pub fn real_path(&self, path: &Path) -> Result<PathBuf, HostError> {
        std::fs::canonicalize(path).map_err(|e| HostError::os("resolve", path, e))
    }

    /// What a symbolic link says.
    ///
    /// # Errors
    /// EINVAL when it is no link; else what the system says.
    pub fn read_link(&self, path: &Path) -> Result<PathBuf, HostError> {
        std::fs::read_link(path).map_err(|e| HostError::os("read the link", path, e))
    }

    /// What the filesystem of a path has left.
    ///
    /// # Errors
    /// What the system says.
    pub fn space(&self, path: &Path) -> Result<Space, HostError> {
        let vfs = rustix::fs::statvfs(path).map_err(|e| HostError::os("ask for the free space of", path, e))?;
        let fstype = self.mount_of(path).map_or_else(|| "unknown".to_string(), |mount| mount.fstype);
        Ok(Space {
            free_bytes: vfs.f_bavail.saturating_mul(vfs.f_frsize),
            total_bytes: vfs.f_blocks.saturating_mul(vfs.f_frsize),
            free_inodes: (vfs.f_files > 0).then_some(vfs.f_favail),
            read_only: vfs.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
            fstype,
        })
    }

    /// The mount a path lies on; `None` where /proc doesn't tell.
    #[must_use]
    pub fn mount_of(&self, path: &Path) -> Option<Mount> {
        let real = self.real_path(path).ok()?;
        // The last of equals lies on top.
        self.mounts().into_iter().filter(|m| real.starts_with(&m.point)).max_by_key(|m| m.point.as_os_str().len())
    }

    /// True when something is mounted exactly here (a file can be a bind mount): such a path can't be renamed over.
    #[must_use]
    pub fn is_mount_point(&self, path: &Path) -> bool {
        let Ok(real) = self.real_path(path) else {
            return false;
        };
        self.mounts().iter().any(|m| m.point == real)
    }

    /// This process' mount table; empty where /proc doesn't tell.
    #[must_use]
    pub fn mounts(&self) -> Vec<Mount> {
        let Ok(bytes) = self.read(Path::new("/proc/self/mountinfo"), 16 << 20) else {
            return Vec::new();
        };
        bytes.split(|b| *b == b'\n').filter_map(parse_mount).collect()
    }

    /// A file and every directory above it, for [`Trust::problem_for_root`]. Links are resolved first.
    ///
    /// # Errors
    /// What the system says.
    pub fn trust(&self, path: &Path) -> Result<Trust, HostError> {
        let real = self.real_path(path)?;
        let chain =
            real.ancestors().map(|p| Ok((p.to_path_buf(), self.lstat(p)?))).collect::<Result<_, HostError>>()?;
        Ok(Trust { path: real, chain })
    }

    /// Whether this process may write here, asked of the kernel (ACLs and read-only mounts included).
    #[must_use]
    pub fn may_write(&self, path: &Path) -> bool {
        rustix::fs::accessat(CWD, path, rustix::fs::Access::WRITE_OK, AtFlags::EACCESS).is_ok()
    }

    /// Whether this process may read here, asked of the kernel.
    #[must_use]
    pub fn may_read(&self, path: &Path) -> bool {
        rustix::fs::accessat(CWD, path, rustix::fs::Access::READ_OK, AtFlags::EACCESS).is_ok()
    }

    /// Whether the kernel keeps users from making second names for files of others (`fs.protected_hardlinks`).
    #[must_use]
    pub fn links_are_protected(&self) -> bool {
        self.read_text(Path::new("/proc/sys/fs/protected_hardlinks"), 16).is_ok_and(|text| text.trim() == "1")
    }

    /// 32 hexadecimal digits nobody can guess.
    ///
    /// # Errors
    /// /dev/urandom can't be read.
    pub fn random_name(&self) -> Result<String, HostError> {
        let path = Path::new("/dev/urandom");
        let mut bytes = [0_u8; 16];
        File::open(path).and_then(|mut f| f.read_exact(&mut bytes)).map_err(|e| HostError::os("read", path, e))?;
        Ok(bytes.iter().fold(String::with_capacity(32), |text, b| text + &format!("{b:02x}")))
    }
}

/// One line of /proc/self/mountinfo: `36 35 98:0 /root /point opts - ext4 /dev/sda1 opts`.
fn parse_mount(line: &[u8]) -> Option<Mount> {
    let fields: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
    let dash = fields.iter().position(|f| *f == b"-")?;
    Some(Mount {
        root: PathBuf::from(std::ffi::OsString::from_vec(unescape(fields.get(3)?))),
        point: PathBuf::from(std::ffi::OsString::from_vec(unescape(fields.get(4)?))),
        fstype: String::from_utf8_lossy(fields.get(dash + 1)?).into_owned(),
        source: String::from_utf8_lossy(&unescape(fields.get(dash + 2)?)).into_owned(),
    })
}

/// The kernel writes blank, tab, newline and backslash as `\ooo`.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, tail)) = rest.split_first() {
        let octal = if byte == b'\\' { tail.get(..3) } else { None };
        match octal.and_then(|o| u8::from_str_radix(std::str::from_utf8(o).ok()?, 8).ok()) {
            Some(value) => {
                out.push(value);
                rest = &tail[3..];
            }
            None => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_mount_point_with_a_blank_is_read() {
        let mount = parse_mount(b"36 35 98:0 / /mnt/my\\040disk rw,noatime shared:1 - ext4 /dev/sda1 rw").unwrap();
        assert_eq!(mount.point, PathBuf::from("/mnt/my disk"));
        assert_eq!(mount.fstype, "ext4");
        assert!(parse_mount(b"").is_none());
    }
}
