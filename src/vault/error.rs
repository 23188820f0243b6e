//! Why something could not be saved, changed or taken back.

use std::path::{Path, PathBuf};

use super::saved::How;
use crate::host::{HostError, shown};

/// A safety copy, change or undo that failed.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// A file of this machine.
    #[error(transparent)]
    Host(#[from] HostError),
    /// Something keeps writing to the file.
    #[error("{} changed while it was being copied into the vault", shown(.path))]
    Changing {
        /// The file.
        path: PathBuf,
    },
    /// The file is a mount of its own.
    #[error("{} is a mount of its own: a new file can't be renamed over it", shown(.path))]
    MountPoint {
        /// The file.
        path: PathBuf,
    },
    /// It was saved for another use (an owner's change, an appending) than this one.
    #[error("{} was saved as {how}, which does not cover this change", shown(.path))]
    NotSavedForThis {
        /// The file.
        path: PathBuf,
        /// How it was saved.
        how: How,
    },
    /// What the plan was to remove for good is something else by now.
    #[error("{} is not the file that the plan was to remove, so it is left alone", shown(.path))]
    NotAsPlanned {
        /// The file.
        path: PathBuf,
    },
    /// A new file's owner was to be the old one's, but there was none.
    #[error("{} did not exist: whose owner and mode should the new one have?", shown(.path))]
    NothingToBeLike {
        /// The file.
        path: PathBuf,
    },
    /// What was to be written is not what was expected.
    #[error("what would be written to {} is not what was expected ({because})", shown(.path))]
    Unexpected {
        /// The file.
        path: PathBuf,
        /// In what it differs.
        because: String,
    },
    /// A safety copy is not there any more, or not what it was.
    #[error("the safety copy {} of {} {because}", shown(.copy), shown(.path))]
    CopyGone {
        /// The file.
        path: PathBuf,
        /// Its copy in the vault.
        copy: PathBuf,
        /// What is wrong with it.
        because: String,
    },
    /// A growing file is not the one that was marked.
    #[error("{} no longer begins with the bytes it had: it can't be cut back to {size} bytes", shown(.path))]
    NotTheMarkedFile {
        /// The file.
        path: PathBuf,
        /// Its size when it was marked, bytes.
        size: u64,
    },
    /// After an undo the path is not as it was.
    #[error("{} is not as it was before the run ({because})", shown(.path))]
    NotAsBefore {
        /// The path.
        path: PathBuf,
        /// In what it differs.
        because: String,
    },
    /// The filesystem can't exchange two directories at one instant.
    #[error("the filesystem of {} can't exchange two directories at one instant", shown(.path))]
    NoExchange {
        /// The directory.
        path: PathBuf,
    },
    /// A name the index can't hold.
    #[error("{} can't be written into the index: {because}", shown(.path))]
    Index {
        /// The path.
        path: PathBuf,
        /// Why.
        because: String,
    },
}

impl VaultError {
    /// The next thing to do, for a person.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            VaultError::Host(e) => e.hint(),
            VaultError::Changing { path } => {
                format!("see who writes to it: fuser -v {}", shown(path))
            }
            VaultError::MountPoint { path } => {
                format!("unmount it, or change the file where it comes from: findmnt {}", shown(path))
            }
            VaultError::NotSavedForThis { .. } => "this is a defect of redis-dr; please report it".to_string(),
            VaultError::NothingToBeLike { .. } => "name the owner: run_as in the configuration".to_string(),
            VaultError::NotAsPlanned { .. } => "make a new plan: redis-dr recover looks again".to_string(),
            VaultError::Unexpected { .. } => "the facts have moved: assess again".to_string(),
            VaultError::CopyGone { copy, .. } => {
                format!("look for it: ls -la {}", shown(copy.parent().unwrap_or(copy)))
            }
            VaultError::NotTheMarkedFile { path, .. } | VaultError::NotAsBefore { path, .. } => {
                format!("compare it with the copies: redis-dr vault list; ls -la {}", shown(path))
            }
            VaultError::NoExchange { path } => {
                format!("put the data on ext4, xfs or btrfs, or stop the server and move {} by hand", shown(path))
            }
            VaultError::Index { .. } => "rename the file to a name that is UTF-8".to_string(),
        }
    }

    /// The host's answer behind it, if it was the host that refused.
    #[must_use]
    pub fn host(&self) -> Option<&HostError> {
        match self {
            VaultError::Host(e) => Some(e),
            _ => None,
        }
    }

    pub(super) fn copy_gone(path: &Path, copy: &Path, because: impl Into<String>) -> Self {
        VaultError::CopyGone { path: path.to_path_buf(), copy: copy.to_path_buf(), because: because.into() }
    }
}
