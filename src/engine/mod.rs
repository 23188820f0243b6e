//! The engine walks a plan forward, walks it back, and carries it on after a crash. It prints nothing; what happens is
//! told to an [`Observer`], and what must be asked is asked through an [`Asker`].
//!
//! The order inside a step is law: gates, safety copies (synced and read back), journal *started*, act, sync, journal
//! *done*. The journal is written before anything is believed; if it can't be written, nothing more is done.
mod again;
mod back;
mod before;
mod forward;
mod gates;
mod proof;
mod run;
mod saves;
mod stop;

pub use back::roll_back;
pub use forward::walk;
pub use gates::Refresh;
pub use run::{Deps, Run, RunError};
pub use stop::Stop;

use crate::facts::Seconds;
use crate::plan::Gate;

/// What happens, as it happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// A step begins.
    StepStarted {
        /// Its id.
        id: &'a str,
        /// Its title.
        title: &'a str,
        /// Its number, from 1.
        number: usize,
        /// How many there are.
        of: usize,
    },
    /// A path was saved.
    Saved {
        /// The path.
        path: String,
        /// link, reflink, copy, mark or absent.
        how: String,
        /// Its size.
        bytes: u64,
    },
    /// Something takes time.
    Progress {
        /// What is being done.
        what: &'a str,
        /// How far, in the unit of `total`.
        done: u64,
        /// Of how much, where it is known.
        total: Option<u64>,
    },
    /// A gate was answered.
    Gate {
        /// The gate.
        gate: &'a Gate,
        /// Is it open?
        open: bool,
        /// The facts it read.
        evidence: String,
    },
    /// A step ended well.
    StepDone {
        /// Its id.
        id: &'a str,
        /// done, already_done or skipped.
        outcome: &'a str,
        /// What it says.
        because: String,
        /// How long it took.
        seconds: Seconds,
    },
    /// A step failed.
    StepFailed {
        /// Its id.
        id: &'a str,
        /// Why.
        because: String,
        /// What to do.
        hint: String,
    },
    /// Clients may write: the point of no return for automatic rollback.
    Opened,
    /// A step is being taken back.
    Undoing {
        /// Its id.
        id: &'a str,
    },
    /// A step was taken back.
    Undone {
        /// Its id.
        id: &'a str,
    },
    /// Something worth saying.
    Note(String),
}

/// Hears what happens.
pub trait Observer {
    /// One event.
    fn event(&mut self, event: &Event<'_>);
}

/// What to do after a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterFailure {
    /// Try the step again.
    Retry,
    /// Take everything back.
    RollBack,
    /// Leave it as it is; `runs resume` goes on.
    StopHere,
    /// A person did it; its gates are still checked.
    MarkDone {
        /// Why.
        reason: String,
    },
    /// Leave it out, where the runbook allows that.
    Skip {
        /// Why.
        reason: String,
    },
}

/// Answers what the engine has to ask.
pub trait Asker {
    /// A step failed before the server was opened to clients (or after, when `opened`).
    fn after_failure(&mut self, step: &str, because: &str, hint: &str, may_skip: bool, opened: bool) -> AfterFailure;
    /// Shall this step run? Asked before each step when going step by step.
    fn go_on(&mut self, step: &str, title: &str) -> bool;
    /// A question of the runbook, or instructions that a person carries out.
    fn question(&mut self, text: &str) -> bool;
    /// Is nobody there to be asked?
    fn auto(&self) -> bool;
}

/// Who hears and answers.
pub trait Witness: Observer + Asker {}
impl<T: Observer + Asker + ?Sized> Witness for T {}

/// How a walk ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// Everything is done and proved.
    Recovered,
    /// A step failed and everything was taken back.
    RolledBack {
        /// The failure.
        because: String,
        /// What to do.
        hint: String,
    },
    /// Stopped part-way.
    Unfinished {
        /// Why.
        because: String,
        /// What to do.
        hint: String,
    },
    /// An undo failed.
    Stuck {
        /// Which step and why.
        because: String,
        /// What a person has to do.
        by_hand: Vec<String>,
    },
    /// Stopped before anything was changed.
    Interrupted,
}
