//! Layout of the state directory.
//!
//! ```text
//! runs/<run id>/journal.jsonl   what was done      plan.json   what was to be done      facts.json   what was seen before
//! holds/<hold id>/journal.jsonl what a hold changed
//! locks/<instance>.lock         who holds the instance
//! pauses/<instance>.json        maintenance marks
//! seen/<instance>.json          the data that guard saw at the last start it let through
//! verify/<instance>.json        how far a comparison that was cut off had come
//! rates.json                    throughputs measured on this host
//! drills/history/<scenario>/    scorecards of rehearsals      drills/open/  sandboxes that are open, or were left
//! ```
//! Directories are 0700, files 0600. Nothing is made until something is written.

mod drills;
mod runs;

pub use runs::RunDir;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::host::{HostError, Look, OwnFiles, shown};

/// Largest record read back whole, bytes.
const LARGEST: u64 = 64 << 20;

/// What can go wrong with the state directory.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A file or directory of it.
    #[error(transparent)]
    Host(#[from] HostError),
    /// No run has this id, or begins with it.
    #[error("there is no run {id} in {}", shown(.dir))]
    NoSuchRun {
        /// What was asked for.
        id: String,
        /// The directory looked in.
        dir: PathBuf,
    },
    /// More than one run begins with this.
    #[error("{} runs begin with {prefix}: {}", .ids.len(), .ids.join(", "))]
    ManyRuns {
        /// What was asked for.
        prefix: String,
        /// The runs it could be, newest first.
        ids: Vec<String>,
    },
    /// A record can't be understood.
    #[error("{} is damaged: {because}", shown(.path))]
    Damaged {
        /// The record.
        path: PathBuf,
        /// What is wrong with it.
        because: String,
    },
    /// Neither root nor a home directory: there is no place for the state.
    #[error("no state directory: neither XDG_STATE_HOME nor HOME is set")]
    Nowhere,
}

impl StateError {
    /// The next thing to do, for a person.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            StateError::Host(e) => format!("{}; or keep redis-dr's records elsewhere: --state-dir DIR", e.hint()),
            StateError::NoSuchRun { .. } => "redis-dr runs list".to_string(),
            StateError::ManyRuns { .. } => "give more of the id".to_string(),
            StateError::Damaged { path, .. } => {
                format!("move {} away; it is only a record", shown(path))
            }
            StateError::Nowhere => "give --state-dir DIR".to_string(),
        }
    }
}

/// The state directory of redis-dr.
#[derive(Clone, Debug)]
pub struct State {
    dir: PathBuf,
    /// Where runs are in it: `runs`, or `holds`.
    shelf: &'static str,
}

/// Throughputs measured on this host, bytes per second, by what was done (`copy`, `walk_rdb`, `load_aof`, …).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rates(pub BTreeMap<String, f64>);

/// A maintenance mark: `--auto` keeps its hands off this instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who set it.
    pub by: String,
    /// When it was set.
    pub since: jiff::Timestamp,
    /// When it ends by itself; `None`: when it is taken off.
    pub until: Option<jiff::Timestamp>,
}

/// The data of an instance as it was when a start was last let through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSeen {
    /// The data directory.
    pub dir: PathBuf,
    /// What a start would have loaded.
    pub loads: crate::facts::WouldLoad,
    /// How much of it there was, bytes.
    pub bytes: u64,
    /// When.
    pub at: jiff::Timestamp,
    /// The filesystem it was on.
    pub dev: u64,
    /// The listing that a person accepted as all there is.
    pub accepted: Option<String>,
}

impl std::fmt::Display for Pause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "paused by {} since {:.0}", self.by.escape_debug(), self.since)?;
        match self.until {
            Some(until) => write!(f, ", until {until:.0}"),
            None => Ok(()),
        }
    }
}

impl State {
    /// The state directory at this path. Nothing is made yet.
    #[must_use]
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        State { dir: dir.into(), shelf: "runs" }
    }

    /// Where the state is when nobody says otherwise: `/var/lib/redis-dr` for root, else
    /// `$XDG_STATE_HOME/redis-dr` or `~/.local/state/redis-dr`. `env` answers for the environment.
    ///
    /// # Errors
    /// [`StateError::Nowhere`].
    pub fn default_dir(is_root: bool, env: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, StateError> {
        if is_root {
            return Ok(PathBuf::from("/var/lib/redis-dr"));
        }
        let absolute = |name| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
        absolute("XDG_STATE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
            .map(|base| base.join("redis-dr"))
            .ok_or(StateError::Nowhere)
    }

    /// The same with holds in the place of runs.
    #[must_use]
    pub fn holds(&self) -> Self {
        State { dir: self.dir.clone(), shelf: "holds" }
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The directory the instances' locks are in, made if need be.
    ///
    /// # Errors
    /// What the system says.
    pub fn locks(&self) -> Result<OwnFiles, StateError> {
        Ok(OwnFiles::open(&self.dir)?.sub("locks")?)
    }

    /// The path of an instance's lock, which need not exist.
    #[must_use]
    pub fn lock_path(&self, instance: &str) -> PathBuf {
        self.dir.join("locks").join(format!("{}.lock", name_of(instance)))
    }

    /// The throughputs measured so far; none when there is no record, or it can't be understood (it is only a hint).
    #[must_use]
    pub fn rates(&self) -> Rates {
        self.read(&self.dir.join("rates.json")).ok().flatten().unwrap_or_default()
    }

    /// Remembers throughputs beside those known already.
    ///
    /// # Errors
    /// What the system says.
    pub fn learn_rates(&self, new: &Rates) -> Result<(), StateError> {
        let mut rates = self.rates();
        rates.0.extend(new.0.iter().filter(|(_, rate)| rate.is_finite()).map(|(name, rate)| (name.clone(), *rate)));
        write_json(&OwnFiles::open(&self.dir)?, "rates.json", &rates)
    }

    /// The maintenance mark of an instance, if one is set and not over.
    ///
    /// # Errors
    /// [`StateError::Damaged`]: an unreadable mark still is one; else what the system says.
    pub fn pause(&self, instance: &str, now: jiff::Timestamp) -> Result<Option<Pause>, StateError> {
        let path = self.dir.join("pauses").join(format!("{}.json", name_of(instance)));
        let pause: Option<Pause> = self.read(&path)?;
        Ok(pause.filter(|pause| pause.until.is_none_or(|until| now < until)))
    }

    /// Sets the maintenance mark of an instance, or takes it off.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_pause(&self, instance: &str, pause: Option<&Pause>) -> Result<(), StateError> {
        let own = OwnFiles::open(&self.dir)?.sub("pauses")?;
        let name = format!("{}.json", name_of(instance));
        match pause {
            Some(pause) => write_json(&own, &name, pause),
            None => Ok(own.remove(&name)?),
        }
    }

    /// What guard saw at the last start it let through; nothing when there is no record, or it can't be understood.
    #[must_use]
    pub fn data_seen(&self, instance: &str) -> Option<DataSeen> {
        self.read(&self.dir.join("seen").join(format!("{}.json", name_of(instance)))).ok().flatten()
    }

    /// Remembers the data of an instance.
    ///
    /// # Errors
    /// What the system says.
    pub fn see_data(&self, instance: &str, seen: &DataSeen) -> Result<(), StateError> {
        let own = OwnFiles::open(&self.dir)?.sub("seen")?;
        write_json(&own, &format!("{}.json", name_of(instance)), seen)
    }

    /// How far a comparison of this instance has come; nothing when none was cut off, or the record can't be understood.
    #[must_use]
    pub fn verification<T: for<'a> Deserialize<'a>>(&self, instance: &str) -> Option<T> {
        self.read(&self.dir.join("verify").join(format!("{}.json", name_of(instance)))).ok().flatten()
    }

    /// Keeps how far a comparison has come, or forgets it.
    ///
    /// # Errors
    /// What the system says.
    pub fn keep_verification<T: Serialize>(&self, instance: &str, progress: Option<&T>) -> Result<(), StateError> {
        let own = OwnFiles::open(&self.dir)?.sub("verify")?;
        let name = format!("{}.json", name_of(instance));
        match progress {
            Some(progress) => write_json(&own, &name, progress),
            None => own.remove(&name).or_else(|e| if e.is_missing() { Ok(()) } else { Err(e.into()) }),
        }
    }

    fn read<T: for<'a> Deserialize<'a>>(&self, path: &Path) -> Result<Option<T>, StateError> {
        match Look::new().read(path, LARGEST) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|e| StateError::Damaged { path: path.to_path_buf(), because: e.to_string() }),
            Err(e) if e.is_missing() => Ok(None),
            Err(e) => Err(e.into()),
        }
    }
}

fn write_json<T: Serialize>(own: &OwnFiles, name: &str, value: &T) -> Result<(), StateError> {
    let bytes = serde_json::to_vec_pretty(value)
        .map_err(|e| StateError::Damaged { path: own.path().join(name), because: e.to_string() })?;
    Ok(own.write(name, &bytes)?)
}

/// An instance's or runbook's name as a file name: what is not a letter, digit, `.`, `_` or `-` becomes `%..`.
fn name_of(instance: &str) -> String {
    let mut name = String::new();
    for (i, byte) in instance.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' || (byte == b'.' && i > 0) {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02x}");
        }
    }
    name
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_makes_a_file_name() {
        assert_eq!(name_of("cache-1"), "cache-1");
        assert_eq!(name_of("127.0.0.1:6379"), "127.0.0.1%3a6379");
        assert_eq!(name_of("unix:/run/r.sock"), "unix%3a%2frun%2fr.sock");
        assert_eq!(name_of("../x"), "%2e.%2fx");
    }

    #[test]
    fn the_default_place_depends_on_who_we_are() {
        let home = |name: &str| (name == "HOME").then(|| OsString::from("/home/ann"));
        assert_eq!(State::default_dir(true, home).unwrap(), PathBuf::from("/var/lib/redis-dr"));
        assert_eq!(State::default_dir(false, home).unwrap(), PathBuf::from("/home/ann/.local/state/redis-dr"));
        let xdg = |name: &str| (name == "XDG_STATE_HOME").then(|| OsString::from("/s"));
        assert_eq!(State::default_dir(false, xdg).unwrap(), PathBuf::from("/s/redis-dr"));
        assert!(matches!(State::default_dir(false, |_| None), Err(StateError::Nowhere)));
    }
}
