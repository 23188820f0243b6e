//! The durable record of a run: what was about to be done is on the disk before it is done.
//!
//! A journal is a file of lines, each one JSON document with a check over it and all lines before it. A last line that
//! a crash cut off is forgiven; anything else that does not fit is an error. What state a run is in is a fold over its
//! events ([`Status`]), the same for a running engine and for `resume`.

mod event;
mod line;
mod log;
mod status;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

pub use event::{Event, Header, Record, StepOutcome};
pub use log::{Log, UndoWork, read};
pub use status::{IllegalEvent, Phase, Status, StepState, StepStatus};

use crate::host::{HostError, Look, OwnFiles, Pen, shown};
use line::Chain;

/// The journal format this binary reads and writes.
pub const FORMAT: u32 = 1;

/// Room set aside for a new journal, bytes: a disk that fills up later does not stop the record. A step takes 1–4 KiB.
const ROOM: u64 = 1 << 20;

/// Why something could not be put on record, or a record not be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The journal's file.
    #[error(transparent)]
    Host(#[from] HostError),
    /// An earlier write or sync failed: what is on the disk is not known, and nothing more is written.
    #[error("the journal {} failed before; nothing more can be put on record", shown(.path))]
    Broken {
        /// The journal.
        path: PathBuf,
    },
    /// The event may not follow what is on record.
    #[error(transparent)]
    Illegal(#[from] IllegalEvent),
    /// The event can't be written as JSON (a path that is not UTF-8).
    #[error("this can't be put on record: {because}")]
    Encode {
        /// Why.
        because: String,
    },
    /// A line is not what was written.
    #[error("{}: line {line} {because}", shown(.path))]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        because: String,
    },
    /// There is no first line: the run never began.
    #[error("{} has no first line: its run never began", shown(.path))]
    NeverBegan {
        /// The journal.
        path: PathBuf,
    },
    /// Written in another format.
    #[error("{} is of journal format {found}; this redis-dr reads format {FORMAT}", shown(.path))]
    OtherFormat {
        /// The journal.
        path: PathBuf,
        /// Its format.
        found: u64,
    },
}

impl JournalError {
    /// The next thing to do, for a person.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            JournalError::Host(e) => e.hint(),
            JournalError::Broken { .. } => "look at the disk (dmesg, df), then: redis-dr runs rollback".to_string(),
            JournalError::Illegal(_) => "this is a defect of redis-dr; please report it".to_string(),
            JournalError::Encode { .. } => "rename the file to a name that is UTF-8".to_string(),
            JournalError::Damaged { .. } => {
                "use a copy of it that is whole (redis-dr runs rollback --journal FILE), or the copies themselves: \
                 redis-dr vault list"
                    .to_string()
            }
            JournalError::NeverBegan { .. } => {
                "nothing was changed by it; it can be removed: redis-dr runs prune".to_string()
            }
            JournalError::OtherFormat { .. } => "use the redis-dr that wrote it".to_string(),
        }
    }
}

/// A journal open for writing.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    pen: Pen,
    look: Look,
    chain: Chain,
    status: Status,
    broken: bool,
}

impl Journal {
    /// Begins a journal in a run's directory, with room set aside. It is on the disk when this returns.
    ///
    /// # Errors
    /// EEXIST when there is one already; no space; what the system says.
    pub fn create(own: &OwnFiles, name: &str, header: &Header) -> Result<Journal, JournalError> {
        let path = own.path().join(name);
        let file = own.open_append(name, true)?;
        let mut journal = Journal {
            file,
            path,
            pen: Pen::new(),
            look: Look::new(),
            chain: Chain::default(),
            status: Status::default(),
            broken: false,
        };
        let begun =
            own.reserve(&journal.file, name, ROOM).map_err(JournalError::from).and_then(|()| journal.append(header));
        if begun.is_err() {
            // nothing was done, so there is no run
            let _ = own.remove(name);
        }
        begun.map(|()| journal)
    }

    /// Opens a journal to go on with it, and what it holds. A last line that a crash cut off is removed.
    ///
    /// # Errors
    /// As [`read`].
    pub fn open(own: &OwnFiles, name: &str) -> Result<(Journal, Log), JournalError> {
        let path = own.path().join(name);
        let look = Look::new();
        let log = read(look, &path)?;
        let file = own.open_append(name, false)?;
        let pen = Pen::new();
        if log.torn {
            pen.shorten(&file, &path, log.bytes)?;
            pen.sync(&file, &path)?;
        }
        let journal = Journal { file, path, pen, look, chain: log.chain.clone(), status: log.status()?, broken: false };
        Ok((journal, log))
    }

    /// Puts an event on record. Returns only once it is on the disk. If it fails, do not act.
    ///
    /// # Errors
    /// [`JournalError::Illegal`]: it may not follow, nothing was written. Any other: what is on the disk is not known, and
    /// every later record fails too.
    pub fn record(&mut self, event: Event) -> Result<(), JournalError> {
        if self.broken {
            return Err(JournalError::Broken { path: self.path.clone() });
        }
        let next = self.status.clone().after(&event)?;
        self.append(&Record { at: self.look.now(), event })?;
        self.status = next;
        Ok(())
    }

    /// What state the run is in.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The journal's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn append<T: serde::Serialize>(&mut self, document: &T) -> Result<(), JournalError> {
        let (line, chain) = self.chain.seal(document).map_err(|because| JournalError::Encode { because })?;
        // From here on a failure leaves the end of the file unknown; a failed sync must not be tried again and believed.
        self.broken = true;
        self.file.write_all(line.as_bytes()).map_err(|source| HostError::Os {
            doing: "write",
            path: self.path.clone(),
            source,
        })?;
        self.pen.sync(&self.file, &self.path)?;
        self.broken = false;
        self.chain = chain;
        Ok(())
    }
}
