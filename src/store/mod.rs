//! Where the operator's backups live: directories, local or mounted. Reads only.
//!
//! ```text
//! list       which files could be backups, newest first
//! open       their bytes, decompressed on the way, never as a whole in memory
//! examine    walk one, with the verdict remembered by device, inode, size and time
//! ```
mod list;
mod open;
mod verdict;

pub use list::{Compression, Listing, Stored, list};
pub use open::{Opened, open};
pub use verdict::{Verdicts, examine};

use crate::host::HostError;

/// Why a store, or a file in it, can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory or the file can't be read.
    #[error(transparent)]
    Host(#[from] HostError),
    /// It ends in a compressed stream that can't be opened.
    #[error("{path} can't be decompressed: {because}")]
    Compressed {
        /// The file.
        path: String,
        /// What is wrong.
        because: String,
    },
}

impl StoreError {
    /// The next thing to do, for a person.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Host(error) => error.hint(),
            Self::Compressed { .. } => "look at the job that makes the backups; choose another: redis-dr points".into(),
        }
    }
}
