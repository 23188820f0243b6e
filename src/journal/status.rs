//! What state a run is in: a fold over its events, with one table of legal moves.

use serde::{Deserialize, Serialize};

use super::{Event, StepOutcome};

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Going forward, clients not let in yet.
    Running,
    /// Going forward, clients let in.
    Opened,
    /// A step failed, and what follows is not decided.
    Failed,
    /// Going back.
    RollingBack,
    /// An undo failed.
    Stuck,
    /// Stopped part-way.
    Unfinished,
    /// Over: everything is as before.
    RolledBack,
    /// Over: recovered.
    Recovered,
}

impl Phase {
    /// The run is over; nothing is left to resume.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Phase::RolledBack | Phase::Recovered)
    }
}

/// Where a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Started, no word since: in doubt after a crash.
    Started,
    /// Done.
    Done,
    /// Was done already.
    AlreadyDone,
    /// Left out by its `if`.
    Skipped,
    /// Failed.
    Failed,
    /// Done by hand, says a person.
    MarkedDone,
    /// Left out by a person.
    SkippedByHand,
    /// Its undo has started, no word since.
    Undoing,
    /// Undone.
    Undone,
    /// Its undo failed.
    UndoFailed,
}

/// A step and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepStatus {
    /// The step's id.
    pub id: String,
    /// Where it is.
    pub state: StepState,
    /// It has saved something, or has something to undo, and was not undone since: rolling back has to.
    pub touched: bool,
}

/// The state of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    phase: Option<Phase>,
    opened: bool,
    back: bool,
    resumed: bool,
    auto: bool,
    /// The step, or undo, that has started and not ended.
    current: Option<String>,
    steps: Vec<StepStatus>,
}

/// An event that may not follow what is on record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a run that is {phase} can't go on with: {event}")]
pub struct IllegalEvent {
    /// Where the run was.
    pub phase: String,
    /// What came.
    pub event: String,
}

impl Status {
    /// The state after all these events.
    ///
    /// # Errors
    /// [`IllegalEvent`]: one of them may not follow those before it.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<Status, IllegalEvent> {
        events.into_iter().try_fold(Status::default(), Status::after)
    }

    /// Where the run is; before its first event it counts as running.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase.unwrap_or(Phase::Running)
    }

    /// Clients were let in: nothing may be taken back by itself any more.
    #[must_use]
    pub fn opened(&self) -> bool {
        self.opened
    }

    /// Rolling back has begun: there is no way forward any more.
    #[must_use]
    pub fn going_back(&self) -> bool {
        self.back
    }

    /// The run was started with nobody watching.
    #[must_use]
    pub fn auto(&self) -> bool {
        self.auto
    }

    /// The step, or undo, that has started and not ended.
    #[must_use]
    pub fn current(&self) -> Option<&str> {
        self.current.as_deref()
    }

    /// Has a step saved something, or has something to undo, and was not undone since?
    #[must_use]
    pub fn touched(&self) -> bool {
        self.steps.iter().any(|step| step.touched)
    }

    /// Does somebody have to carry it on or take it back? A run that was stopped before it changed anything does not.
    #[must_use]
    pub fn unfinished(&self) -> bool {
        !self.phase().is_over() && (self.touched() || self.phase() != Phase::Unfinished)
    }

    /// Where a step is; `None` when it was never mentioned.
    #[must_use]
    pub fn step(&self, id: &str) -> Option<StepState> {
        self.steps.iter().find(|step| step.id == id).map(|step| step.state)
    }

    /// Every step mentioned, in the order they came.
    #[must_use]
    pub fn steps(&self) -> &[StepStatus] {
        &self.steps
    }

    /// The state after one more event. The only place that knows which event may follow which.
    ///
    /// # Errors
    /// [`IllegalEvent`].
    pub fn after(mut self, event: &Event) -> Result<Status, IllegalEvent> {
        use Phase::{Failed, Opened, Recovered, RolledBack, RollingBack, Running, Stuck, Unfinished};
        use StepState as S;
        let at = event.step().and_then(|step| self.step(step));
        let here = self.current.is_some() && self.current.as_deref() == event.step();
        let free = self.current.is_none();
        let forward = if self.opened { Opened } else { Running };
        let stays = self.phase();
        // (where the run is, what comes) => where the run is then, where the step is then
        let next = match (self.phase, event) {
            (None, Event::RunStarted { .. }) => Some((Running, None)),
            (None, _) | (_, Event::RunStarted { .. }) => None,
            (_, Event::Note { .. }) => Some((stays, None)),

            // Forward. A step in doubt or failed may be started again; one done only if a resume found it undone.
            (Some(Running | Opened | Failed), Event::StepStarted { .. }) => {
                let again = matches!(at, Some(S::Started | S::Failed)) || (self.resumed && at == Some(S::Done));
                let first = matches!(at, None | Some(S::AlreadyDone | S::Skipped)) && free;
                (first || (again && (free || here))).then_some((forward, Some(S::Started)))
            }
            (Some(Running | Opened | Failed), Event::StepDone { outcome, .. }) => {
                let state = match outcome {
                    StepOutcome::Done => S::Done,
                    StepOutcome::AlreadyDone => S::AlreadyDone,
                    StepOutcome::Skipped => S::Skipped,
                };
                // Without having started, a step can only turn out to need nothing; one that a crash left in doubt may
                // be found done.
                let in_doubt = matches!(at, Some(S::Started | S::Failed));
                let fits = if here { state != S::Skipped } else { free && (in_doubt || state != S::Done) };
                fits.then_some((forward, Some(state)))
            }
            (Some(Running | Opened | Failed), Event::StepFailed { .. }) => {
                (here || free).then_some((Failed, Some(S::Failed)))
            }
            (Some(Running | Opened | Failed), Event::MarkedDone { .. }) => {
                (here || free).then_some((forward, Some(S::MarkedDone)))
            }
            (Some(Running | Opened | Failed), Event::SkippedByHand { .. }) => {
                (here || free).then_some((forward, Some(S::SkippedByHand)))
            }
            (Some(Running | Opened), Event::Opened { .. }) => Some((Opened, None)),
            // A failed step that may fail (`keep_going`) can be the last one.
            (Some(Running | Opened | Failed), Event::RunRecovered {}) => free.then_some((Recovered, None)),

            // Back. Also from a stop, from a finished run (a person's word), and again after an undo that failed.
            (Some(phase), Event::UndoStarted { .. }) if phase != RolledBack => {
                at.is_some_and(|state| state != S::Undone).then_some((RollingBack, Some(S::Undoing)))
            }
            (Some(RollingBack), Event::UndoDone { .. }) => here.then_some((RollingBack, Some(S::Undone))),
            (Some(RollingBack), Event::UndoFailed { .. }) => here.then_some((Stuck, Some(S::UndoFailed))),
            // A person who undid it by hand says so, and the roll back goes on.
            (Some(Stuck), Event::MarkedDone { .. }) => {
                (at == Some(S::UndoFailed)).then_some((RollingBack, Some(S::Undone)))
            }
            (Some(Running | Failed | RollingBack | Unfinished), Event::RunRolledBack {}) => {
                let clean = !self.steps.iter().any(|step| step.touched);
                (clean && (free || stays != RollingBack)).then_some((RolledBack, None))
            }

            // Stop, and go on.
            (Some(Running | Opened | Failed | RollingBack), Event::RunStopped { .. }) => Some((Unfinished, None)),
            (Some(Stuck), Event::RunStopped { .. }) => Some((Stuck, None)),
            (Some(RollingBack | Stuck), Event::Resumed { .. }) => Some((stays, None)),
            (Some(Unfinished), Event::Resumed { .. }) if self.back => Some((RollingBack, None)),
            (Some(Running | Opened | Failed | Unfinished), Event::Resumed { .. }) => Some((forward, None)),

            _ => None,
        };
        let Some((phase, state)) = next else {
            return Err(self.illegal(event));
        };
        self.phase = Some(phase);
        self.apply(event, state);
        Ok(self)
    }

    fn apply(&mut self, event: &Event, state: Option<StepState>) {
        match event {
            Event::RunStarted { auto, .. } => self.auto = *auto,
            Event::Opened { .. } => self.opened = true,
            Event::Resumed { .. } => {
                self.resumed = true;
                // Whatever was under way when the run broke off is in doubt now, not under way.
                self.current = None;
            }
            Event::UndoStarted { .. } => self.back = true,
            Event::RunStopped { .. } => self.current = None,
            _ => {}
        }
        let (Some(step), Some(state)) = (event.step(), state) else {
            return;
        };
        self.current = matches!(state, StepState::Started | StepState::Undoing).then(|| step.to_string());
        let at = self.steps.iter().position(|have| have.id == step).unwrap_or_else(|| {
            self.steps.push(StepStatus { id: step.to_string(), state, touched: false });
            self.steps.len() - 1
        });
        let Some(entry) = self.steps.get_mut(at) else {
            return;
        };
        entry.state = state;
        if let Event::StepStarted { saves, undo, .. } = event {
            // a step that stops the server saves nothing, and still has to be undone
            entry.touched |= !saves.is_empty() || undo.as_array().is_some_and(|moves| !moves.is_empty());
        }
        if state == StepState::Undone {
            entry.touched = false;
        }
    }

    fn illegal(&self, event: &Event) -> IllegalEvent {
        let phase = match self.phase {
            None => "not started",
            Some(Phase::Running) => "running",
            Some(Phase::Opened) => "opened",
            Some(Phase::Failed) => "failed",
            Some(Phase::RollingBack) => "rolling back",
            Some(Phase::Stuck) => "stuck",
            Some(Phase::Unfinished) => "unfinished",
            Some(Phase::RolledBack) => "rolled back",
            Some(Phase::Recovered) => "recovered",
        };
        let phase = match &self.current {
            Some(step) => format!("{phase}, in step `{step}`"),
            None => phase.to_string(),
        };
        let event = match event.step() {
            Some(step) => format!("{} `{step}`", event.name()),
            None => event.name().to_string(),
        };
        IllegalEvent { phase, event }
    }
}

#[cfg(test)]
mod tests;
