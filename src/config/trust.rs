//! May root act on what this file says?
use std::path::{Path, PathBuf};

/// Owner and mode of a file or directory, as the caller has seen them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// Its path.
    pub path: PathBuf,
    /// The owner's user id.
    pub uid: u32,
    /// The permission bits (type bits are ignored).
    pub mode: u32,
}

/// Why root must not act on a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Somebody else could have written it.
    #[error("{path} belongs to user id {uid}, not to root; as root it is not acted on")]
    NotRoots {
        /// The file, printable.
        path: String,
        /// Its owner.
        uid: u32,
    },
    /// Somebody else can change it.
    #[error("{path} can be written by {who} (mode {mode:04o}); as root it is not acted on")]
    Writable {
        /// The file, printable.
        path: String,
        /// `its group`, `others` or both.
        who: &'static str,
        /// Its permission bits.
        mode: u32,
    },
    /// Anybody can put another file in its place.
    #[error("the directory {path} can be written by everybody (mode {mode:04o}); as root nothing below it is acted on")]
    OpenDirectory {
        /// The directory, printable.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
}

impl TrustError {
    /// The command that mends it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotRoots { path, .. } => {
                format!("read it, then: chown root {path} && chmod go-w {path}")
            }
            Self::Writable { path, .. } => format!("read it, then: chmod go-w {path}"),
            Self::OpenDirectory { path, .. } => format!("chmod o-w {path}"),
        }
    }

    /// The process's exit code: always 2.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        2
    }
}

/// May root act on a config, runbook, playbook, plan or hook? Ask only when root. `parents` are the directories above it,
/// links resolved; of those only a world-writable one without the sticky bit is refused.
///
/// # Errors
/// The first reason why not.
pub fn trust(file: &Stat, parents: &[Stat]) -> Result<(), TrustError> {
    let name = |path: &Path| crate::yaml::printable(&path.to_string_lossy());
    let mode = file.mode & 0o7777;
    if file.uid != 0 {
        return Err(TrustError::NotRoots { path: name(&file.path), uid: file.uid });
    }
    let who = match mode & 0o022 {
        0o020 => "its group",
        0o002 => "others",
        0o022 => "its group and others",
        _ => "",
    };
    if !who.is_empty() {
        return Err(TrustError::Writable { path: name(&file.path), who, mode });
    }
    match parents.iter().find(|d| d.mode & 0o1002 == 0o002) {
        None => Ok(()),
        Some(open) => Err(TrustError::OpenDirectory { path: name(&open.path), mode: open.mode & 0o7777 }),
    }
}
