//! *Hold*: stop the bleeding. In under a second, reversible, on record before it acts.
//!
//! ```text
//! take      the running server stops overwriting its files; nothing starts it; every data file gets a second name
//! release   all of that is put back, from the record alone
//! ```
//! A hold is no run: it has a journal of the same kind in `holds/` of the state directory, and a vault of its own, but
//! it changes no data and stands in no recovery's way. A recovery that succeeds ends it.
mod release;
mod take;

pub use release::{Released, release, release_after_recovery};
pub use take::{Taken, take, take_under};

use crate::assess::Target;
use crate::host::Look;
use crate::journal::{self, Event, JournalError, Log};
use crate::lock::{Holder, Lock, LockError};
use crate::state::{State, StateError};
use crate::vault::VaultError;
use std::path::PathBuf;

/// The journal's name in a hold's directory.
const JOURNAL: &str = "journal.jsonl";
/// Steps of a hold, as its journal names them.
const SETTINGS: &str = "settings";
const RESTARTS: &str = "restarts";
const FILES: &str = "files";

/// What a hold works with.
pub struct World<'a> {
    /// The half of the host that looks.
    pub look: Look,
    /// The state directory.
    pub state: &'a State,
    /// The instance.
    pub target: &'a Target,
}

/// Why an instance was not held, or not released.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// A run is at work on the instance.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// A run holds it.
    #[error("the run {run} was not finished, and it holds the instance itself")]
    Run {
        /// The run.
        run: String,
    },
    /// Nothing of it is known: no server answers, and its files are not known.
    #[error("neither does {instance} answer, nor is its data directory known")]
    Nothing {
        /// The instance.
        instance: String,
    },
    /// Its process waits for a device, and whoever touches the same disk would wait with it.
    #[error("the process of {instance} waits for a device (state D); what touches the same disk would wait with it")]
    Blocked {
        /// The instance.
        instance: String,
    },
    /// The record can't be written or read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The state directory.
    #[error(transparent)]
    State(#[from] StateError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Something could not be put back; it can be tried again.
    #[error("not all could be put back: {because}")]
    Stuck {
        /// What, and why.
        because: String,
        /// What a person has to do.
        by_hand: Vec<String>,
    },
}

impl HoldError {
    /// The next thing to do, for a person.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Locked(e) => e.hint(),
            Self::Run { .. } => "redis-dr runs resume, or redis-dr runs rollback".into(),
            Self::Nothing { .. } => "name its config_file in the config".into(),
            Self::Blocked { instance } => {
                format!("see what it waits for (redis-dr assess {instance}, dmesg), and mend the disk or mount")
            }
            Self::Journal(e) => e.hint(),
            Self::State(e) => e.hint(),
            Self::Vault(e) => e.hint(),
            Self::Stuck { by_hand, .. } => by_hand.join("; "),
        }
    }

    /// The process's exit code.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Locked(LockError::Held { .. }) => 6,
            Self::Run { .. } | Self::Blocked { .. } => 3,
            Self::Stuck { .. } => 7,
            _ => 1,
        }
    }
}

/// A hold that is in force.
#[derive(Debug, Clone)]
pub struct Active {
    /// Its id.
    pub id: String,
    /// Who held it.
    pub by: String,
    /// Since when.
    pub since: jiff::Timestamp,
    /// Its safety copies.
    pub vault: PathBuf,
    /// Its record.
    pub log: Log,
}

impl std::fmt::Display for Active {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "held by {} since {:.0}", self.by, self.since)
    }
}

/// The hold in force on an instance; one that was cut off in the middle is one too.
///
/// # Errors
/// The state directory can't be read.
pub fn active(look: Look, state: &State, instance: &str) -> Result<Option<Active>, StateError> {
    let holds = state.holds();
    for id in holds.run_ids()? {
        let Ok(log) = journal::read(look, &holds.journal_path(&id)) else {
            continue;
        };
        // One whose record ends with its first line never began.
        let over = log.records.is_empty() || log.status().is_ok_and(|s| s.phase().is_over());
        if over || log.header.instance != instance {
            continue;
        }
        let by = log.records.iter().find_map(|record| match &record.event {
            Event::RunStarted { by, .. } => Some(by.clone()),
            _ => None,
        });
        return Ok(Some(Active {
            id,
            by: by.unwrap_or_else(|| "somebody".into()),
            since: log.header.started_at,
            vault: log.header.vault.clone(),
            log,
        }));
    }
    Ok(None)
}

impl World<'_> {
    /// The lock that runs take too: a hold in the middle of one would hold it up.
    fn lock(&self, data_dir: Option<&std::path::Path>) -> Result<Lock, HoldError> {
        let holder = Holder::this_process(self.look);
        Ok(Lock::acquire(self.state, &self.target.name, data_dir, holder, None)?)
    }

    /// The run on this instance that was not finished.
    fn unfinished_run(&self) -> Result<Option<String>, StateError> {
        let of_ours = |id: &String| {
            journal::read(self.look, &self.state.journal_path(id))
                .is_ok_and(|log| log.header.instance == self.target.name && log.status().is_ok_and(|s| s.unfinished()))
        };
        Ok(self.state.run_ids()?.into_iter().find(of_ours))
    }
}

/// Who does it, for the record.
fn who(look: Look) -> String {
    let me = Holder::this_process(look);
    format!("{} on {}", me.who, me.host)
}
