//! The directories of runs: their ids, and how one is found.
use super::{LARGEST, State, StateError, name_of};
use crate::host::{Kind, Look, OwnFiles};
use std::path::{Path, PathBuf};

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

impl State {
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
}

/// `-2` comes after nothing, `-10` after `-9`: the moment, then the count.
fn run_order(id: &str) -> (String, u32, String) {
    let moment = id.get(..16).unwrap_or(id).to_string();
    let count = id.rsplit_once('-').and_then(|(_, n)| n.parse().ok()).unwrap_or(1);
    (moment, count, id.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::run_order;

    #[test]
    fn the_tenth_run_of_a_second_comes_after_the_ninth() {
        let mut ids = ["20260101T000000Z-restart-10", "20260101T000000Z-restart", "20260101T000000Z-restart-9"];
        ids.sort_by_key(|id| run_order(id));
        assert_eq!(ids[2], "20260101T000000Z-restart-10");
        assert_eq!(ids[0], "20260101T000000Z-restart");
    }
}
