//! What a file, a directory and a filesystem are, as plain values.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What kind of thing a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A named pipe.
    Fifo,
    /// A unix socket.
    Socket,
    /// A block or character device.
    Device,
    /// Something this program has no word for.
    Other,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::File => "regular file",
            Kind::Directory => "directory",
            Kind::Link => "symbolic link",
            Kind::Fifo => "FIFO",
            Kind::Socket => "socket",
            Kind::Device => "device",
            Kind::Other => "thing of unknown kind",
        })
    }
}

/// What `stat` says about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    /// Device number of the filesystem.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Size in bytes.
    pub size: u64,
    /// Time of last change of the content, nanoseconds since 1970-01-01 UTC.
    pub mtime_ns: i64,
    /// User id of the owner.
    pub uid: u32,
    /// Group id of the owner.
    pub gid: u32,
    /// Permission bits (07777).
    pub mode: u32,
    /// Number of names the inode has.
    pub nlink: u64,
    /// What it is.
    pub kind: Kind,
}

impl Stat {
    /// True when both are the same inode of the same filesystem.
    #[must_use]
    pub fn same_inode(&self, other: &Stat) -> bool {
        self.dev == other.dev && self.ino == other.ino
    }

    /// Owner and permission bits.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner { uid: self.uid, gid: self.gid, mode: self.mode }
    }

    /// The time of last change as a moment.
    #[must_use]
    pub fn mtime(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_nanosecond(i128::from(self.mtime_ns)).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl From<rustix::fs::Stat> for Stat {
    #[allow(clippy::unnecessary_cast, clippy::cast_possible_wrap)] // field widths differ between architectures
    fn from(raw: rustix::fs::Stat) -> Self {
        let kind = match rustix::fs::FileType::from_raw_mode(raw.st_mode) {
            rustix::fs::FileType::RegularFile => Kind::File,
            rustix::fs::FileType::Directory => Kind::Directory,
            rustix::fs::FileType::Symlink => Kind::Link,
            rustix::fs::FileType::Fifo => Kind::Fifo,
            rustix::fs::FileType::Socket => Kind::Socket,
            rustix::fs::FileType::CharacterDevice | rustix::fs::FileType::BlockDevice => Kind::Device,
            rustix::fs::FileType::Unknown => Kind::Other,
        };
        Stat {
            dev: raw.st_dev as u64,
            ino: raw.st_ino as u64,
            size: u64::try_from(raw.st_size).unwrap_or(0),
            mtime_ns: (raw.st_mtime as i64).saturating_mul(1_000_000_000).saturating_add(raw.st_mtime_nsec as i64),
            uid: raw.st_uid,
            gid: raw.st_gid,
            mode: raw.st_mode & 0o7777,
            nlink: raw.st_nlink as u64,
            kind,
        }
    }
}

/// Who owns a file and what the permission bits allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Permission bits (07777).
    pub mode: u32,
}

/// One name in a directory, with what it is (not followed when a link).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name, without the directory.
    pub name: OsString,
    /// What `lstat` says about it.
    pub stat: Stat,
}

/// What a filesystem has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Bytes this process may still use.
    pub free_bytes: u64,
    /// Size of the filesystem in bytes.
    pub total_bytes: u64,
    /// Inodes this process may still use; `None` where the filesystem has no fixed number (btrfs).
    pub free_inodes: Option<u64>,
    /// Mounted read-only.
    pub read_only: bool,
    /// Name of the filesystem type (`ext4`, `xfs`, `tmpfs`); `unknown` when /proc doesn't tell.
    pub fstype: String,
}

/// One line of this process' mount table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where it is mounted.
    pub point: PathBuf,
    /// Filesystem type.
    pub fstype: String,
    /// Device or other source.
    pub source: String,
    /// The directory (or file, for a bind mount of a file) of the filesystem that is mounted here.
    pub root: PathBuf,
}

/// Who could have written a file: for deciding whether its words may be followed as root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The path asked about, links resolved.
    pub path: PathBuf,
    /// The file itself, then each directory above it up to `/`.
    pub chain: Vec<(PathBuf, Stat)>,
}

impl Trust {
    /// Why root should not follow what this file says; `None` when nothing speaks against it.
    ///
    /// The file must belong to root and be writable by nobody else; of the directories above it only a world-writable
    /// one without the sticky bit is refused.
    #[must_use]
    pub fn problem_for_root(&self) -> Option<String> {
        let mut chain = self.chain.iter();
        let (path, stat) = chain.next()?;
        if stat.uid != 0 {
            return Some(format!("{} belongs to user id {}, not to root", super::shown(path), stat.uid));
        }
        if stat.mode & 0o022 != 0 {
            return Some(format!("{} is writable by group or others (mode {:o})", super::shown(path), stat.mode));
        }
        chain.find(|(_, s)| s.mode & 0o002 != 0 && s.mode & 0o1000 == 0).map(|(path, stat)| {
            format!("{}, above it, is writable by everybody (mode {:o})", super::shown(path), stat.mode)
        })
    }
}

/// One of the three things permission bits speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read a file, list a directory.
    Read,
    /// Write a file, make and remove names in a directory.
    Write,
    /// Execute a file, pass through a directory.
    Execute,
}

impl Access {
    /// Its permission bit: 4, 2 or 1.
    #[must_use]
    pub fn bit(self) -> u32 {
        match self {
            Access::Read => 4,
            Access::Write => 2,
            Access::Execute => 1,
        }
    }
}

impl Stat {
    /// Whether the permission bits allow `user` (with all of `groups`) this access. Root may all but execute a file
    /// nobody may. ACLs and read-only mounts are not considered.
    #[must_use]
    pub fn allows(&self, uid: u32, groups: &[u32], access: Access) -> bool {
        if uid == 0 {
            return access != Access::Execute || self.kind == Kind::Directory || self.mode & 0o111 != 0;
        }
        let shift = if uid == self.uid {
            6
        } else if groups.contains(&self.gid) {
            3
        } else {
            0
        };
        self.mode >> shift & access.bit() != 0
    }
}
