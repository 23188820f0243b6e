//! What can be put on record.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::server::WriteCount;
use crate::vault::{Kept, Save};

/// The first line of a journal: which run this is, and what a later binary must agree with to go on with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The journal format, [`FORMAT`](super::FORMAT).
    pub journal: u32,
    /// The run's id.
    pub run_id: String,
    /// The instance.
    pub instance: String,
    /// The runbook.
    pub runbook: String,
    /// The digest of the plan, stored beside.
    pub plan_digest: String,
    /// The revision of every action the plan uses: `resume` needs the same ones for the steps to come.
    pub action_revisions: BTreeMap<String, u32>,
    /// Where the safety copies are.
    pub vault: PathBuf,
    /// The host.
    pub host: String,
    /// The kernel's id of the boot the run began in.
    pub boot_id: Option<String>,
    /// The version of redis-dr that began it.
    pub version: String,
    /// When it began.
    pub started_at: jiff::Timestamp,
    /// Where the run acts, in the words of the plan: with it the journal alone is enough to take the run back.
    #[serde(default)]
    pub site: serde_json::Value,
}

/// One line after the first: an event, and when it was put on record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When.
    pub at: jiff::Timestamp,
    /// What.
    pub event: Event,
}

/// How a step ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// It was carried out.
    Done,
    /// It turned out to be done already.
    AlreadyDone,
    /// Its `if` said no.
    Skipped,
}

/// Something that happens in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The run begins.
    RunStarted {
        /// Who started it.
        by: String,
        /// With nobody watching: the written policy decides.
        auto: bool,
    },
    /// A step is about to act. Holds all that undo needs.
    StepStarted {
        /// The step's id.
        step: String,
        /// What was saved.
        saves: Vec<Save>,
        /// How to undo it, in the action's own words.
        undo: serde_json::Value,
        /// The state before, in the action's own words.
        before: serde_json::Value,
    },
    /// A step is done, and what it wrote is on the disk.
    StepDone {
        /// The step's id.
        step: String,
        /// How it ended.
        outcome: StepOutcome,
        /// Why it ended so, or what was seen.
        because: String,
        /// How long it took.
        seconds: f64,
        /// What it found out.
        results: serde_json::Value,
    },
    /// A step failed.
    StepFailed {
        /// The step's id.
        step: String,
        /// Why.
        because: String,
        /// What to do.
        hint: String,
        /// May it have happened all the same (a timeout, a broken connection)?
        #[serde(default)]
        in_doubt: bool,
    },
    /// Clients may write again: the point of no return for `--auto`.
    Opened {
        /// The server's count of writes at that moment, where it could be had.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        writes: Option<WriteCount>,
    },
    /// The run's goal was checked and is reached.
    RunRecovered {},
    /// A step is about to be undone.
    UndoStarted {
        /// The step's id.
        step: String,
    },
    /// A step is undone, and everything is as before it.
    UndoDone {
        /// The step's id.
        step: String,
        /// What the step had put there, and where it is now.
        after: Vec<Kept>,
    },
    /// A step can't be undone: stuck.
    UndoFailed {
        /// The step's id.
        step: String,
        /// Why.
        because: String,
        /// What a person has to do.
        by_hand: Vec<String>,
    },
    /// Everything is as before the run.
    RunRolledBack {},
    /// The run stops part-way.
    RunStopped {
        /// Why.
        because: String,
    },
    /// Somebody goes on with it.
    Resumed {
        /// Who.
        by: String,
    },
    /// A person says a step is done, having done it by hand.
    MarkedDone {
        /// The step's id.
        step: String,
        /// Who says so.
        by: String,
        /// Why.
        reason: String,
    },
    /// A person leaves a step out.
    SkippedByHand {
        /// The step's id.
        step: String,
        /// Who does.
        by: String,
        /// Why.
        reason: String,
    },
    /// Something worth remembering that changes nothing.
    Note {
        /// What.
        text: String,
    },
}

impl Event {
    /// The step an event speaks of.
    #[must_use]
    pub fn step(&self) -> Option<&str> {
        match self {
            Event::StepStarted { step, .. }
            | Event::StepDone { step, .. }
            | Event::StepFailed { step, .. }
            | Event::UndoStarted { step }
            | Event::UndoDone { step, .. }
            | Event::UndoFailed { step, .. }
            | Event::MarkedDone { step, .. }
            | Event::SkippedByHand { step, .. } => Some(step),
            Event::RunStarted { .. }
            | Event::Opened { .. }
            | Event::RunRecovered {}
            | Event::RunRolledBack {}
            | Event::RunStopped { .. }
            | Event::Resumed { .. }
            | Event::Note { .. } => None,
        }
    }

    /// What the event is called in messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Event::RunStarted { .. } => "run started",
            Event::StepStarted { .. } => "step started",
            Event::StepDone { .. } => "step done",
            Event::StepFailed { .. } => "step failed",
            Event::Opened { .. } => "opened",
            Event::RunRecovered {} => "run recovered",
            Event::UndoStarted { .. } => "undo started",
            Event::UndoDone { .. } => "undo done",
            Event::UndoFailed { .. } => "undo failed",
            Event::RunRolledBack {} => "run rolled back",
            Event::RunStopped { .. } => "run stopped",
            Event::Resumed { .. } => "resumed",
            Event::MarkedDone { .. } => "marked done",
            Event::SkippedByHand { .. } => "skipped by hand",
            Event::Note { .. } => "note",
        }
    }
}
