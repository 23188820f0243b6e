//! What can go wrong with a file, said with what, where and why.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use super::stat::Kind;

/// A failed look at, or change of, a file of this machine.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The operating system said no.
    #[error("cannot {doing} {}", shown(.path))]
    Os {
        /// What was tried, as words that fit after "cannot".
        doing: &'static str,
        /// The path it was tried on.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// Something other than a regular file is where a file was expected (a FIFO would block for ever, a device never ends).
    #[error("{} is a {kind}, not a regular file", shown(.path))]
    NotAFile {
        /// The path looked at.
        path: PathBuf,
        /// What is there.
        kind: Kind,
    },
    /// Something other than a directory is where a directory was expected.
    #[error("{} is a {kind}, not a directory", shown(.path))]
    NotADirectory {
        /// The path looked at.
        path: PathBuf,
        /// What is there.
        kind: Kind,
    },
    /// The file is larger than the reader allows.
    #[error("{} has {size} bytes, more than the {limit} allowed here", shown(.path))]
    TooLarge {
        /// The path looked at.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The file ended before the bytes that were to be read.
    #[error("{} has only {size} bytes, {wanted} were expected", shown(.path))]
    TooShort {
        /// The path looked at.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// Bytes wanted.
        wanted: u64,
    },
    /// A symbolic link, or another name, of a file that whoever runs the server could have chosen.
    #[error("{} is a link in a directory that {who} can write", shown(.path))]
    LinkRefused {
        /// The link.
        path: PathBuf,
        /// Who could have made it.
        who: String,
    },
    /// The path can't be used as it is (relative, no file name, outside of the directory it must be in).
    #[error("{} can't be used here: {because}", shown(.path))]
    BadPath {
        /// The path given.
        path: PathBuf,
        /// Why not.
        because: &'static str,
    },
    /// A directory of redis-dr's own belongs to somebody else.
    #[error("{} {because}", shown(.path))]
    NotOurs {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong with it.
        because: String,
    },
    /// What was written does not read back as it was written.
    #[error("{} does not read back as it was written", shown(.path))]
    ReadBack {
        /// The path written.
        path: PathBuf,
    },
    /// A name of a user or group that this machine does not know.
    #[error("this machine knows no {what} {name}")]
    NoSuchName {
        /// `user` or `group`.
        what: &'static str,
        /// The name asked for.
        name: String,
    },
}

impl HostError {
    /// Wraps an answer of the operating system with what was tried where.
    pub(crate) fn os(doing: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        HostError::Os { doing, path: path.to_path_buf(), source: source.into() }
    }

    /// The operating system's error number, if it was the operating system that refused.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            HostError::Os { source, .. } => source.raw_os_error(),
            _ => None,
        }
    }

    /// True when there is nothing at the path, or on the way to it.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, HostError::Os { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// True when the rights of this process are not enough.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, HostError::Os { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }

    /// True when the filesystem, or the user's quota on it, is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, HostError::Os { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }

    /// True when the disk itself failed (EIO): no walk over that disk should follow.
    #[must_use]
    pub fn is_io(&self) -> bool {
        self.errno() == Some(nix::errno::Errno::EIO as i32)
    }

    /// The next thing to do, for a person.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            HostError::Os { path, .. } if self.is_full() => {
                format!("free space or inodes on the filesystem of {}", shown(path))
            }
            HostError::Os { .. } if self.is_denied() => {
                "run redis-dr as root, or as the user the server runs as".to_string()
            }
            HostError::Os { path, .. } if self.is_io() => {
                format!("the disk under {} failed: see dmesg, and restore on another disk", shown(path))
            }
            HostError::Os { path, .. } if self.errno() == Some(nix::errno::Errno::EROFS as i32) => {
                format!("the filesystem of {} is mounted read-only: see dmesg for why, then remount it", shown(path))
            }
            HostError::Os { path, .. } => format!("look at it: ls -ld {}", shown(path)),
            HostError::NotAFile { path, .. } | HostError::NotADirectory { path, .. } => {
                format!("move it away, or point the configuration elsewhere: ls -ld {}", shown(path))
            }
            HostError::TooLarge { .. } => "check that this is the file that was meant".to_string(),
            HostError::TooShort { path, .. } => {
                format!("something shortened {}; assess again", shown(path))
            }
            HostError::LinkRefused { path, .. } => {
                format!("put the real file there instead of the link: readlink -f {}", shown(path))
            }
            HostError::BadPath { .. } => "give an absolute path".to_string(),
            HostError::NotOurs { path, .. } => {
                format!("look who made it (ls -la {}), and move it away if it is not redis-dr's", shown(path))
            }
            HostError::ReadBack { path } => {
                format!("the disk under {} can't be trusted: see dmesg, and use another disk", shown(path))
            }
            HostError::NoSuchName { .. } => "check the name in the configuration: getent passwd".to_string(),
        }
    }
}

/// A path as text that is safe to print: control characters, which a hostile file name could send to the terminal, and
/// bytes that are not UTF-8 come out as `\x..`.
#[must_use]
pub fn shown(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut out = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            } else {
                out.push(c);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}
