//! The story: assess → choose → policy → plan → confirm → run → verify. It asks through [`Person`], so that a terminal,
//! `--auto` and tests answer alike, and it prints nothing.
mod bleeding;
mod blocked;
mod carry;
mod choose;
mod go_on;
mod hands_off;
mod hooks;
mod kept;
mod moved;
mod rights;
mod story;
mod unfinished;

pub use carry::apply_plan;
pub use choose::{Chosen, Selection, choose};
pub use go_on::{Way, continue_run};
pub use story::{planned, recover};
pub use unfinished::{OpenRun, assessment_of, of_run, open_run, take_in, unfinished_run};

use crate::assess::{Assessor, Target, Wanted};
use crate::config::Instance;
use crate::engine::Witness;
use crate::facts::Assessment;
use crate::host::Look;
use crate::plan::Plan;
use crate::report::{Commands, RunDocument};
use crate::runbook::Library;
use crate::state::State;

/// Who decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consent {
    /// Nobody is watching: the policy alone.
    Auto,
    /// `--confirm INSTANCE`.
    Confirmed(String),
    /// A person at a terminal.
    Person,
    /// Nobody can be asked, and nobody gave a word: whatever would have to ask is a usage error.
    Nobody,
}

/// What a person answers to the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The instance's name was typed.
    Start,
    /// The same, asking before every step.
    StepByStep,
    /// Another point, by its id.
    Another(String),
    /// Hold the instance first; then the plan is made and shown again.
    Hold,
    /// Leave everything as it is.
    Leave,
}

/// What a person answers where a running server may be overwriting what could be recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bleeding {
    /// Hold it, then look.
    Hold,
    /// Look without holding it.
    GoOn,
    /// Leave everything as it is.
    Leave,
}

/// What a person answers about a run that was not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    /// Carry it on.
    Resume,
    /// Take it back.
    RollBack,
    /// Leave it.
    Leave,
}

/// The person, or the stand-in for one.
pub trait Person: Witness {
    /// Shows the assessment.
    fn assessed(&mut self, assessment: &Assessment);
    /// Before the long look: every minute may cost data, because of these signs. Hold the instance first?
    fn bleeding(&mut self, instance: &str, signs: &[String]) -> Bleeding;
    /// Shows the plan and what the policy would say, and asks.
    fn confirm(&mut self, assessment: &Assessment, plan: &Plan, policy: &[String]) -> Answer;
    /// A run was not finished: what now? `back_only` says why it can't be resumed.
    fn unfinished(&mut self, run: &str, runbook: &str, back_only: Option<&str>) -> Unfinished;
    /// A rule came out unknown: does it hold?
    fn rule(&mut self, rule: &str, because: &str) -> Option<bool>;
    /// This may be part of a replication; must be answered by typing `standalone`.
    fn standalone(&mut self, because: &[String]) -> bool;
    /// The same person, as the engine knows it.
    fn parts(&mut self) -> &mut dyn Person;
}

/// What a recovery works with.
pub struct World<'a> {
    /// The half of the host that looks.
    pub look: &'a Look,
    /// The state directory.
    pub state: &'a State,
    /// The instance, for the assessment.
    pub target: &'a Target,
    /// The instance, as its config says.
    pub instance: &'a Instance,
    /// Runbooks by id.
    pub runbooks: &'a Library,
    /// Playbooks by id.
    pub playbooks: &'a Library,
    /// Makes next commands that can be pasted.
    pub commands: &'a Commands,
}

impl World<'_> {
    /// The assessor of this instance; it knows of earlier runs.
    pub(crate) fn assessor<'w>(&'w self, runs: &'w crate::assess::Runs<'w>) -> Assessor<'w> {
        Assessor::new(*self.look, self.target.clone(), self.state).with_runs(runs)
    }

    /// Looks at the instance.
    pub(crate) fn assess(&self, wanted: &Wanted) -> crate::assess::Assessed {
        let runs = |name: &str| unfinished::runs_of(self.state, self.look, name, self.target.recoveries_within);
        let mut assessed = self.assessor(&runs).assess(wanted);
        for finding in &mut assessed.document.findings {
            finding.hint = self.carried(&finding.hint);
        }
        assessed
    }

    /// blake3 of a runbook's text as it is now; empty when there is none of this id.
    pub(crate) fn runbook_digest(&self, id: &str) -> String {
        let source = self.runbooks.get(id);
        source.map(|s| blake3::hash(s.text.as_bytes()).to_hex().to_string()).unwrap_or_default()
    }

    /// A next command that can be pasted.
    fn command(&self, words: &str) -> String {
        self.commands.command(words)
    }

    /// A hint whose commands can be pasted.
    fn carried(&self, hint: &str) -> String {
        self.commands.carried(hint, Some(self.name()))
    }

    /// The instance's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.target.name
    }

    /// Adds what every document carries: contact and next commands.
    pub(crate) fn finish(&self, doc: &mut RunDocument) {
        doc.next = next(doc, self.commands);
        doc.hint = self.carried(&doc.hint);
        doc.by_hand = doc.by_hand.iter().map(|line| self.carried(line)).collect();
        if matches!(doc.exit_code, 3 | 4 | 7)
            && let Some(contact) = &self.instance.contact
        {
            doc.next.push(format!("contact: {contact}"));
        }
    }
}

/// The commands that go on from where a run, or a call that started none, ended.
#[must_use]
pub fn next(doc: &RunDocument, commands: &Commands) -> Vec<String> {
    use crate::report::RunOutcome as O;
    let name = &doc.instance;
    let run = doc.run_id.as_deref();
    let words: Vec<String> = match (doc.outcome, run) {
        (O::Unfinished | O::Stuck, Some(id)) => vec![format!("runs resume {id}"), format!("runs rollback {id}")],
        (O::Unfinished | O::Stuck, None) => vec!["runs resume".into(), "runs rollback".into()],
        (O::Refused | O::Waiting, _) => vec![format!("assess {name}"), format!("points {name}")],
        (O::Stale, _) => vec![format!("plan {name} -o plan.json")],
        (O::Failed | O::RolledBack, Some(id)) => vec![format!("runs report {id}"), format!("points {name}")],
        (O::Failed | O::RolledBack, None) => vec![format!("points {name}")],
        (O::Recovered, Some(id)) => vec![format!("runs report {id}")],
        _ => vec![],
    };
    words.iter().map(|words| commands.command(words)).collect()
}
