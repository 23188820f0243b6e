//! Saving what a step will change, each file in the cheapest way that will do.
use super::run::Run;
use super::{Event, Witness};
use crate::action::{ActError, SaveSpec, WholeFile};
use crate::vault::{How, Save};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A copy that takes less is not worth a bar.
const SLOW: Duration = Duration::from_secs(1);

/// How often a bar moves.
const TICK: Duration = Duration::from_millis(100);

impl Run<'_> {
    /// Saves everything that a step will change, before it changes anything.
    pub(super) fn save_all(&mut self, specs: &[SaveSpec]) -> Result<Vec<Save>, ActError> {
        let whole = self.found_whole();
        let mut kept = Vec::new();
        for spec in specs {
            let mut bar = Bar::new(&mut *self.deps.person);
            let mut told = |path: &Path, done: u64, total: u64| bar.moves(path, done, total);
            let one = spec.save(&mut self.vault, &self.plan.site, &whole, &mut told)?;
            for file in one.files() {
                let (path, how) = (file.path().display().to_string(), file.how().to_string());
                self.deps.person.event(&Event::Saved { path, how, bytes: file.bytes() });
            }
            kept.push(one);
        }
        Ok(kept)
    }

    /// Files that a walk found whole: that of the recovery point, or a step's; and those that are marked already and have
    /// only grown since.
    fn found_whole(&self) -> Vec<WholeFile> {
        let mut all = self.plan.found_whole();
        for found in self.results.values() {
            all.extend(serde_json::from_value::<Vec<WholeFile>>(found["whole"].clone()).unwrap_or_default());
        }
        let earlier = self.earlier.values().flat_map(|started| &started.saves).flat_map(Save::files);
        for saved in earlier.filter(|saved| saved.how() == How::Tail) {
            if let Ok(stat) = self.deps.look.stat(saved.path())
                && self.vault.has_only_grown(saved).unwrap_or(false)
            {
                all.push(WholeFile::now(saved.path(), &stat));
            }
        }
        all
    }
}

/// Shows how far a slow copy is.
struct Bar<'p> {
    person: &'p mut dyn Witness,
    path: PathBuf,
    begun: Instant,
    moved: Instant,
}

impl<'p> Bar<'p> {
    fn new(person: &'p mut dyn Witness) -> Self {
        let now = Instant::now();
        Self { person, path: PathBuf::new(), begun: now, moved: now }
    }

    fn moves(&mut self, path: &Path, done: u64, total: u64) {
        let now = Instant::now();
        if self.path != path {
            (self.path, self.begun, self.moved) = (path.to_path_buf(), now, now);
        }
        if now - self.begun < SLOW || (now - self.moved < TICK && done < total) {
            return;
        }
        self.moved = now;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.person.event(&Event::Progress { what: &format!("copy {name}"), done, total: Some(total) });
    }
}
