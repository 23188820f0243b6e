//! One run: the plan, its journal, its vault, and everything the walk needs.
use super::gates::{Known, Refresh};
use super::{Event, Stop, Witness};
use crate::action::{ENOUGH, Hands, Loaded, with_causes};
use crate::expr::Types;
use crate::facts::Facts;
use crate::host::process::Reins;
use crate::host::{Kind, Look};
use crate::journal::{Event as Line, Journal, JournalError, Log};
use crate::plan::{Plan, told};
use crate::server::{self, Endpoint, WriteCount};
use crate::service::Service;
use crate::vault::{Save, Vault};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Why a run can't go on at all: its journal can't be written or does not fit.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The plan and the journal don't fit each other, or this binary does not know an action.
    #[error("{because}")]
    Plan {
        /// What does not fit.
        because: String,
    },
}

impl RunError {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Journal(e) => e.hint(),
            Self::Plan { .. } => "redis-dr runs rollback takes back what was changed".into(),
        }
    }
}

/// What a run needs from outside.
pub struct Deps<'a> {
    /// The half of the host that looks.
    pub look: &'a Look,
    /// How the server is reached.
    pub endpoint: &'a Endpoint,
    /// Takes facts again.
    pub refresh: &'a dyn Refresh,
    /// Hears what happens, and answers what must be asked.
    pub person: &'a mut dyn Witness,
    /// Has somebody asked to stop?
    pub stop: &'a Stop,
    /// Ask before every step.
    pub step_by_step: bool,
    /// How the server is started, stopped and held.
    pub service: Service,
}

/// One run.
pub struct Run<'a> {
    /// What is carried out.
    pub plan: &'a Plan,
    /// Its record.
    pub journal: Journal,
    /// Its safety copies, with the pen.
    pub vault: Vault,
    /// What it needs from outside.
    pub deps: Deps<'a>,
    /// The facts, taken again where gates ask for them.
    pub facts: Facts,
    /// What steps found out, by their ids.
    pub results: BTreeMap<String, Value>,
    /// The names its gates may use.
    pub(super) types: Types,
    /// Gates answered yes.
    pub gates_passed: u64,
    /// What was started before this walk, by step.
    pub(super) earlier: BTreeMap<String, Started>,
    /// The server's count of writes when it was opened to clients.
    at_opening: Option<WriteCount>,
    fresh: bool,
    /// What the server loaded, while this process saw it.
    loaded: Option<Loaded>,
}

/// A step that the journal says was started.
#[derive(Debug, Clone)]
pub(super) struct Started {
    /// What was saved for it.
    pub saves: Vec<Save>,
    /// What its action saw before it acted.
    pub before: Value,
    /// May it have happened? No longer once it is on record that it did, or did not.
    pub in_doubt: bool,
}

impl<'a> Run<'a> {
    /// A run with its journal at hand: a new one, or (with `log`) one that goes on.
    #[must_use]
    pub fn new(
        plan: &'a Plan,
        journal: Journal,
        log: Option<&Log>,
        vault: Vault,
        deps: Deps<'a>,
        facts: Facts,
    ) -> Self {
        let mut run = Self {
            plan,
            journal,
            vault,
            deps,
            facts,
            results: BTreeMap::new(),
            types: plan.vocabulary(),
            gates_passed: 0,
            earlier: BTreeMap::new(),
            at_opening: None,
            fresh: log.is_none_or(|l| l.records.is_empty()),
            loaded: None,
        };
        for record in log.map(|l| l.records.as_slice()).unwrap_or_default() {
            match &record.event {
                Line::StepStarted { step, saves, before, .. } => {
                    run.starts(step, saves, before);
                }
                Line::StepDone { step, results, .. } => {
                    run.results.insert(step.clone(), results.clone());
                    run.settled(step, false);
                }
                Line::Opened { writes } => run.at_opening.clone_from(writes),
                Line::StepFailed { step, in_doubt, .. } => run.settled(step, *in_doubt),
                _ => {}
            }
        }
        run
    }

    /// A step goes to act; its first attempt saw the world as it was.
    pub(super) fn starts(&mut self, step: &str, saves: &[Save], before: &Value) {
        let first = Started { saves: saves.to_vec(), before: before.clone(), in_doubt: true };
        self.earlier.entry(step.to_string()).or_insert(first).in_doubt = true;
    }

    /// A step has ended, well or not; `in_doubt`: it may have happened although it failed.
    pub(super) fn settled(&mut self, step: &str, in_doubt: bool) {
        if let Some(earlier) = self.earlier.get_mut(step) {
            earlier.in_doubt = in_doubt;
        }
    }

    /// Writes one line of the journal; returns when it is on disk.
    pub(super) fn record(&mut self, line: Line) -> Result<(), RunError> {
        if matches!(line, Line::StepStarted { .. } | Line::UndoStarted { .. }) {
            self.deps.stop.acts();
        }
        Ok(self.journal.record(line)?)
    }

    /// Begins: the first line of a new run, or that it goes on.
    ///
    /// # Errors
    /// The journal can't be written.
    pub fn begin(&mut self, auto: bool) -> Result<(), RunError> {
        let by = self.deps.look.user_by_id(self.deps.look.uid()).ok().flatten().map_or("unknown".into(), |u| u.name);
        if self.journal.status().touched() {
            self.deps.stop.acts();
        }
        if self.earlier.is_empty() && self.fresh {
            return self.record(Line::RunStarted { by, auto });
        }
        if self.journal.status().phase().is_over() {
            // a finished run is taken back by a person's word: nothing goes on
            return Ok(());
        }
        self.record(Line::Resumed { by })
    }

    /// Clients are let in from here on.
    pub(super) fn open(&mut self) -> Result<(), RunError> {
        self.at_opening = server::count_writes(self.deps.endpoint);
        self.record(Line::Opened { writes: self.at_opening.clone() })?;
        self.tell(&Event::Opened);
        Ok(())
    }

    /// The run's id.
    pub(super) fn id(&self) -> String {
        let dir = self.journal.path().parent().and_then(Path::file_name);
        dir.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// What clients wrote since they were let in, in words.
    pub(super) fn writes_since(&self) -> String {
        WriteCount::since(self.at_opening.as_ref(), server::count_writes(self.deps.endpoint).as_ref())
    }

    /// Takes away what a crash left half-written where a run writes.
    pub(super) fn sweep(&mut self) {
        let site = &self.plan.site;
        crate::sandbox::end_strays(self.deps.look, &Reins::new(), &site.data_dir);
        let config_dir = site.config_file.parent().unwrap_or(&site.data_dir);
        for dir in [&site.data_dir, &site.aof, config_dir] {
            let is_dir = self.deps.look.stat(dir).is_ok_and(|stat| stat.kind == Kind::Directory);
            if is_dir && let Err(e) = self.vault.sweep_temps(dir) {
                let words = format!("what was left half-written in {} stays: {}", dir.display(), with_causes(&e));
                self.deps.person.event(&Event::Note(words));
            }
        }
    }

    /// Has nothing been started that was not taken back?
    pub(super) fn untouched(&self) -> bool {
        !self.journal.status().touched()
    }

    /// A title of the plan, with what steps have found out put in.
    pub(super) fn titled(&self, title: &str) -> String {
        let known = Known { types: &self.types, site: &self.plan.site, results: &self.results };
        told(title, &self.types, &known.scope(&self.facts))
    }

    /// Why nothing more needs to be done, once a step found that out.
    pub(super) fn enough(&self) -> Option<String> {
        self.results.values().find_map(|found| Some(found.get(ENOUGH)?.as_str()?.to_string()))
    }

    /// Tells the observer.
    pub(super) fn tell(&mut self, event: &Event<'_>) {
        self.deps.person.event(event);
    }

    /// Runs `act` with everything an action may use.
    pub(super) fn with_hands<T>(&mut self, saves: &[Save], act: impl FnOnce(&mut Hands<'_>) -> T) -> T {
        let auto = self.deps.person.auto();
        let stop = self.deps.stop;
        let person = std::cell::RefCell::new(&mut *self.deps.person);
        let mut progress = |what: &str, done: u64, total: Option<u64>| {
            person.borrow_mut().event(&Event::Progress { what, done, total });
        };
        let mut ask = |text: &str| person.borrow_mut().question(text);
        let mut hands = Hands {
            site: &self.plan.site,
            look: self.deps.look,
            vault: &mut self.vault,
            endpoint: self.deps.endpoint,
            service: &mut self.deps.service,
            saves,
            results: &self.results,
            loaded: &mut self.loaded,
            progress: &mut progress,
            interrupted: &|| stop.asked(),
            ask: if auto { None } else { Some(&mut ask) },
        };
        act(&mut hands)
    }
}
