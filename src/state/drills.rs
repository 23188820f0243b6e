//! What drills leave: the scorecards of rehearsals, and the sandboxes that are open.
use super::{State, StateError, write_json};
use crate::host::{Look, OwnFiles};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Scorecards kept of each scenario.
const KEPT: usize = 50;

impl State {
    fn drills(&self) -> PathBuf {
        self.dir.join("drills")
    }

    /// The scorecards of a scenario, oldest first. One that can't be understood is left out: it is only a record.
    #[must_use]
    pub fn scorecards<T: for<'a> Deserialize<'a>>(&self, scenario: &str) -> Vec<T> {
        let dir = self.drills().join("history").join(super::name_of(scenario));
        let names = Look::new().list(&dir).unwrap_or_default();
        names.into_iter().filter_map(|entry| self.read(&dir.join(entry.name)).ok().flatten()).collect()
    }

    /// The scenarios that have scorecards.
    #[must_use]
    pub fn rehearsed(&self) -> Vec<String> {
        let names = Look::new().list(&self.drills().join("history")).unwrap_or_default();
        names.into_iter().filter_map(|entry| entry.name.into_string().ok()).collect()
    }

    /// Keeps a scorecard, and the newest of its scenario beside it.
    ///
    /// # Errors
    /// What the system says.
    pub fn keep_scorecard<T: Serialize>(
        &self,
        scenario: &str,
        began: jiff::Timestamp,
        card: &T,
    ) -> Result<(), StateError> {
        let own = OwnFiles::open(&self.dir)?.sub("drills")?.sub("history")?.sub(&super::name_of(scenario))?;
        write_json(&own, &format!("{}.json", began.strftime("%Y%m%dT%H%M%S%3fZ")), card)?;
        let names = own.list()?;
        for old in names.iter().take(names.len().saturating_sub(KEPT)) {
            if let Some(name) = old.name.to_str() {
                own.remove(name)?;
            }
        }
        Ok(())
    }

    /// The sandboxes that are open, or that a drill which was killed left, by name.
    #[must_use]
    pub fn sandboxes<T: for<'a> Deserialize<'a>>(&self) -> Vec<(String, T)> {
        let dir = self.drills().join("open");
        let names = Look::new().list(&dir).unwrap_or_default();
        let all = names.into_iter().filter_map(|entry| entry.name.into_string().ok());
        all.filter_map(|name| {
            let record = self.read(&dir.join(&name)).ok().flatten()?;
            Some((name.strip_suffix(".json")?.to_string(), record))
        })
        .collect()
    }

    /// Puts a sandbox on record, before anything of it is there; or anew, with what it has come to.
    ///
    /// # Errors
    /// What the system says.
    pub fn record_sandbox<T: Serialize>(&self, name: &str, record: &T) -> Result<(), StateError> {
        let own = OwnFiles::open(&self.dir)?.sub("drills")?.sub("open")?;
        write_json(&own, &format!("{name}.json"), record)
    }

    /// Takes the record of a sandbox away, when nothing of it is left.
    ///
    /// # Errors
    /// What the system says.
    pub fn forget_sandbox(&self, name: &str) -> Result<(), StateError> {
        let own = OwnFiles::open(&self.dir)?.sub("drills")?.sub("open")?;
        Ok(own.remove(&format!("{name}.json"))?)
    }
}
