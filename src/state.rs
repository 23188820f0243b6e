//! Layout of the state directory.
//!
//! ```text
//! runs/<run id>/journal.jsonl   what was done      plan.json   what was to be done      facts.json   what was seen before
//! holds/<hold id>/journal.jsonl what a hold changed
//! locks/<instance>.lock         who holds the instance
//! pauses/<instance>.json        maintenance marks
//! seen/<instance>.json          the data that guard saw at the last start it let through
//! rates.json                    throughputs measured on this host
//! drills/history/<scenario>/    scorecards of rehearsals      drills/open/  sandboxes that are open, or were left
//! ```
//! Directories are 0700, files 0600. Nothing is made until something is written.

mod drills;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::host::{HostError, Kind, Look, OwnFiles, shown};

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

    /// Makes the directory of a new run. Its id is the moment and the runbook, `-2` and on where that is taken.
    ///
    /// # Errors
    /// What the system says.
    pub fn new_run(&self, now: jiff::Timestamp, runbook: &str) -> Result<RunDir, StateError> {
        let runs = OwnFiles::open(&self.dir)?.sub(self.shelf)?;
        let first = format!("{}-{}", now.strftime("%Y%m%dT%H%M%SZ"), name_of(runbook));
        let mut id = first.clone();
        let mut count = 2_u32;
        loop {
            match runs.new_sub(&id) {
                Ok(own) => return Ok(RunDir { id, own }),
                Err(e) if e.errno() == Some(nix::errno::Errno::EEXIST as i32) => {
                    id = format!("{first}-{count}");
                    count = count.saturating_add(1);
                }
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Makes the directory of a run that began elsewhere, under its own id.
    ///
    /// # Errors
    /// It is there already; an id that is no name of a file; else what the system says.
    pub fn adopt_run(&self, id: &str) -> Result<RunDir, StateError> {
        let own = OwnFiles::open(&self.dir)?.sub("runs")?.new_sub(id)?;
        Ok(RunDir { id: id.to_string(), own })
    }

    /// Opens the directory of a run for writing.
    ///
    /// # Errors
    /// [`StateError::NoSuchRun`]; else what the system says.
    pub fn open_run(&self, id: &str) -> Result<RunDir, StateError> {
        if !self.run_ids()?.iter().any(|have| have == id) {
            return Err(StateError::NoSuchRun { id: id.to_string(), dir: self.runs_dir() });
        }
        let own = OwnFiles::open(&self.dir)?.sub(self.shelf)?.sub(id)?;
        Ok(RunDir { id: id.to_string(), own })
    }

    /// The path of a run's directory.
    #[must_use]
    pub fn run_path(&self, id: &str) -> PathBuf {
        self.runs_dir().join(id)
    }

    /// The path of a run's journal.
    #[must_use]
    pub fn journal_path(&self, id: &str) -> PathBuf {
        self.run_path(id).join(JOURNAL)
    }

    fn runs_dir(&self) -> PathBuf {
        self.dir.join(self.shelf)
    }

    /// The ids of all runs that have a journal, newest first.
    ///
    /// # Errors
    /// What the system says; no state directory is an empty list.
    pub fn run_ids(&self) -> Result<Vec<String>, StateError> {
        let look = Look::new();
        let entries = match look.list(&self.runs_dir()) {
            Ok(entries) => entries,
            Err(e) if e.is_missing() => return Ok(Vec::new()),
            Err(e) => return Err(e.into()),
        };
        let mut ids: Vec<String> = entries
            .into_iter()
            .filter(|entry| entry.stat.kind == Kind::Directory)
            .filter_map(|entry| entry.name.into_string().ok())
            .filter(|id| look.exists(&self.journal_path(id)))
            .collect();
        ids.sort_by_key(|id| std::cmp::Reverse(run_order(id)));
        Ok(ids)
    }

    /// The run somebody means: its id, a prefix only it has, or `last`.
    ///
    /// # Errors
    /// [`StateError::NoSuchRun`], [`StateError::ManyRuns`]; else what the system says.
    pub fn find_run(&self, wanted: &str) -> Result<String, StateError> {
        let ids = self.run_ids()?;
        let missing = || StateError::NoSuchRun { id: wanted.escape_debug().to_string(), dir: self.runs_dir() };
        if wanted == "last" {
            return ids.first().cloned().ok_or_else(missing);
        }
        if ids.iter().any(|id| id == wanted) {
            return Ok(wanted.to_string());
        }
        let mut meant: Vec<String> = ids.into_iter().filter(|id| id.starts_with(wanted)).collect();
        match meant.len() {
            1 => meant.pop().ok_or_else(missing),
            0 => Err(missing()),
            _ => Err(StateError::ManyRuns { prefix: wanted.to_string(), ids: meant }),
        }
    }

    /// Removes a run with all that is in its directory.
    ///
    /// # Errors
    /// [`StateError::NoSuchRun`]; else what the system says.
    pub fn remove_run(&self, id: &str) -> Result<(), StateError> {
        if !self.run_ids()?.iter().any(|have| have == id) {
            return Err(StateError::NoSuchRun { id: id.to_string(), dir: self.runs_dir() });
        }
        Ok(OwnFiles::open(&self.dir)?.sub(self.shelf)?.remove_tree(id)?)
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

/// Name of the journal in a run's directory.
const JOURNAL: &str = "journal.jsonl";

/// The directory of one run.
#[derive(Debug)]
pub struct RunDir {
    id: String,
    own: OwnFiles,
}

impl RunDir {
    /// The run's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The directory's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.own.path()
    }

    /// The hand that writes in it.
    #[must_use]
    pub fn own(&self) -> &OwnFiles {
        &self.own
    }

    /// The path of the journal, which need not exist yet.
    #[must_use]
    pub fn journal_path(&self) -> PathBuf {
        self.own.path().join(JOURNAL)
    }

    /// Writes a document (`plan.json`, `facts.json`) beside the journal, at one instant.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        Ok(self.own.write(name, bytes)?)
    }

    /// Reads a document beside the journal; `None` when there is none.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        match Look::new().read(&self.own.path().join(name), LARGEST) {
            Ok(bytes) => Ok(Some(bytes)),
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

/// `-2` comes after nothing, `-10` after `-9`: the moment, then the count.
fn run_order(id: &str) -> (String, u32, String) {
    let moment = id.get(..16).unwrap_or(id).to_string();
    let count = id.rsplit_once('-').and_then(|(_, n)| n.parse().ok()).unwrap_or(1);
    (moment, count, id.to_string())
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
    fn the_tenth_run_of_a_second_comes_after_the_ninth() {
        let mut ids = ["20260101T000000Z-restart-10", "20260101T000000Z-restart", "20260101T000000Z-restart-9"];
        ids.sort_by_key(|id| run_order(id));
        assert_eq!(ids[2], "20260101T000000Z-restart-10");
        assert_eq!(ids[0], "20260101T000000Z-restart");
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
