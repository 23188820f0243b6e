//! What is in a file: an RDB, an AOF (one file, or a directory of parts with their manifest), a redis.conf.
//!
//! ```text
//! subject    what lies at a path, by its content
//! snapshot   an RDB: who wrote it, its keys, its checksum
//! aof        an AOF: its files, commands, flushes and tags, where it is damaged and what a cut there loses
//! moments    the moments an AOF can be cut at: its times, tags and flushes
//! config     a redis.conf: what it decides about data, and what servers refuse in it
//! keys       statistics of keys in bounded memory       commands   the same of commands
//! servers    which server loads it, refuses it, or loses some of it
//! difference the keys of two files, compared by meaning
//! salvage    what can be had from a damaged RDB
//! spill      records sorted into buckets, on disk where they don't fit into memory
//! ```
//! Each file is read once; the statistics are witnesses of the walk that gives the verdict. Needs no config and no server.
mod aof;
mod commands;
mod config;
pub mod difference;
mod document;
mod keys;
mod moments;
mod most;
mod pattern;
pub mod salvage;
mod servers;
mod snapshot;
mod spill;
mod subject;

pub use aof::{loss, opened};
pub use document::{
    Aof, AofFile, Command, Config, Database, Directive, Expiry, Flush, Inspection, KeyRow, Kind, Loss, Match, Matching,
    Prefix, Problem, Replication, Server, Snapshot, Start, Statistics, Tag, TypeRow,
};
pub use moments::{Moments, moments};
pub use pattern::Pattern;
pub use subject::{Subject, of as subject};

use crate::facts::{Time, Validity};
use crate::host::{HostError, Look, Stat};
use crate::store::StoreError;
use std::path::{Path, PathBuf};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Options {
    /// Biggest keys, prefixes and names that are listed.
    pub top: usize,
    /// Only keys that match are counted in the statistics.
    pub keys: Option<Pattern>,
    /// The moment against which expiries are judged.
    pub now: Time,
}

/// Why a file could not be looked into.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// It can't be opened or read.
    #[error(transparent)]
    Host(#[from] HostError),
    /// It is packed, and can't be unpacked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system failed while it was read.
    #[error("{path} can't be read: {because}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's error.
        because: String,
    },
    /// It is compared, and has no keys.
    #[error("{path} has no keys to compare: {because}")]
    NoKeys {
        /// The file.
        path: String,
        /// What it is.
        because: String,
    },
    /// It is compared, and what commands make of its base only a server knows.
    #[error("what the {commands} commands of {path} come to is known once a private server has loaded it: {because}")]
    NeedsServer {
        /// The AOF.
        path: String,
        /// How many.
        commands: u64,
        /// Why none has.
        because: String,
    },
    /// It is to be salvaged, and there is nothing to begin with.
    #[error("nothing can be salvaged from {path}: {because}")]
    NothingToSalvage {
        /// The file.
        path: String,
        /// What is wrong with its beginning.
        because: String,
    },
    /// What does not fit into memory can't be put on disk.
    #[error("what does not fit into memory can't be kept: {because}")]
    Scratch {
        /// Where, and the system's error.
        because: String,
    },
    /// A directory with more than one AOF in it.
    #[error("{path} has {count} manifests")]
    Manifests {
        /// The directory.
        path: String,
        /// How many.
        count: usize,
    },
}

impl InspectError {
    /// A failed read or write of what does not fit into memory.
    fn scratch(dir: &Path, error: &std::io::Error) -> Self {
        Self::Scratch { because: format!("{}: {error}", crate::host::shown(dir)) }
    }

    /// The next thing to do, for a person.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Host(HostError::NotAFile { .. }) | Self::Store(StoreError::Host(HostError::NotAFile { .. })) => {
                "inspect reads a regular file or a directory: save what it carries into a file first".into()
            }
            Self::Host(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Unreadable { .. } => "look at the disk: dmesg; copy what can still be read from it first".into(),
            Self::NoKeys { .. } => "compare RDBs and AOFs".into(),
            Self::NeedsServer { .. } => "name the directory of the server program that wrote it: --bin-dir DIR".into(),
            Self::NothingToSalvage { .. } => "only an RDB whose first nine bytes are right can be salvaged".into(),
            Self::Scratch { .. } => "choose a directory with more room: --tmp DIR".into(),
            Self::Manifests { .. } => "name the one that is meant: redis-dr inspect DIR/NAME.manifest".into(),
        }
    }
}

/// Looks into what lies at a path.
///
/// # Errors
/// It is not there, may not be read, or is neither a regular file nor a directory. Damage inside is no error: it is in
/// the document.
pub fn inspect(look: &Look, path: &Path, options: &Options) -> Result<Inspection, InspectError> {
    let subject = subject::of(look, path)?;
    let before = watched(look, &subject);
    let mut found = match &subject {
        Subject::Snapshot { path } => snapshot::inspect(look, path, options)?,
        Subject::Aof { dir, layout } => aof::inspect(look, path, dir, layout, options)?,
        Subject::Config { path } => config::inspect(look, path),
        Subject::Nothing { path, kind, because } => {
            let mut found = Inspection::of(path, *kind);
            (found.valid, found.because) = (Validity::Damaged, Some(because.clone()));
            found
        }
    };
    if !matches!(subject, Subject::Nothing { kind: Kind::AofSet, .. }) {
        found.bytes = Some(before.iter().filter_map(|(_, stat)| stat.as_ref()).map(|stat| stat.size).sum());
    }
    found.modified_at = before.iter().filter_map(|(_, stat)| stat.as_ref()).map(|stat| Time(stat.mtime())).max();
    for (path, stat) in &before {
        if look.stat(path).ok() != *stat {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            found.valid = Validity::Unchecked;
            found.because = Some(format!(
                "{} was changed while it was read: inspect a copy, or once more when nothing writes to it",
                crate::aof::resp::printable(name.as_bytes())
            ));
        }
    }
    Ok(found)
}

/// The files that must stay as they are while they are read, as they are now.
fn watched(look: &Look, subject: &Subject) -> Vec<(PathBuf, Option<Stat>)> {
    subject.files().into_iter().map(|path| (path.clone(), look.stat(&path).ok())).collect()
}
