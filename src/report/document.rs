//! `redis-dr/run/1` and `redis-dr/runs/1`: a run as a document, folded from its plan and its journal.
use crate::facts::{Decision, Seconds, Time};
use crate::finding::{Finding, Severity};
use crate::journal::{Event, Log, Phase, Record, Status, StepOutcome, StepState};
use crate::plan::Plan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Done and proved.
    Recovered,
    /// Nothing had to be done.
    Healthy,
    /// Everything was taken back by request.
    RolledBack,
    /// A step failed and everything was taken back.
    Failed,
    /// A person must decide; nothing was changed.
    Refused,
    /// It mends itself, but not within the time given.
    Waiting,
    /// The facts have moved since the plan was made; nothing was changed.
    Stale,
    /// Another run holds the instance; nothing was changed.
    Locked,
    /// Stopped part-way.
    Unfinished,
    /// An undo failed.
    Stuck,
    /// Stopped before anything was changed.
    Interrupted,
}

impl RunOutcome {
    /// The exit code that goes with it.
    #[must_use]
    pub fn exit_code(self) -> i32 {
        match self {
            Self::Recovered | Self::Healthy | Self::RolledBack => 0,
            Self::Failed => 1,
            Self::Refused | Self::Waiting => 3,
            Self::Unfinished => 4,
            Self::Stale => 5,
            Self::Locked => 6,
            Self::Stuck => 7,
            Self::Interrupted => 130,
        }
    }

    /// The word in JSON.
    #[must_use]
    pub fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|v| v.as_str().map(String::from)).unwrap_or_default()
    }
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepRow {
    /// Its id.
    pub id: String,
    /// done, already_done, skipped, failed or undone.
    pub outcome: String,
    /// What it says.
    pub because: String,
    /// When it was last begun; null where it changed nothing.
    #[serde(default)]
    pub started_at: Option<Time>,
    /// How long it took.
    pub seconds: Option<Seconds>,
    /// What it found out; null where nothing.
    #[serde(default)]
    pub results: Value,
}

/// Gates asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gates {
    /// Answered yes.
    pub passed: u64,
    /// Answered no, or unknown.
    pub failed: u64,
}

/// A run, or a call that started none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunDocument {
    /// redis-dr/run/1
    pub schema: String,
    /// Its id; none when nothing started.
    pub run_id: Option<String>,
    /// Which instance.
    pub instance: String,
    /// Which runbook.
    pub runbook: Option<String>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// The exit code that goes with it.
    pub exit_code: i32,
    /// Why.
    pub because: String,
    /// What to do.
    pub hint: String,
    /// The worst finding.
    pub severity: Option<Severity>,
    /// What was wrong.
    pub findings: Vec<Finding>,
    /// What the playbook came to.
    pub decision: Option<Decision>,
    /// When it started.
    pub started_at: Option<Time>,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// From the stop until clients could write again.
    pub downtime_seconds: Option<Seconds>,
    /// How long clients' writes were refused by a fence.
    pub fenced_seconds: Option<Seconds>,
    /// When clients could write again.
    pub opened_at: Option<Time>,
    /// Are clients served now?
    pub serving: Option<bool>,
    /// Data lost.
    pub loss_seconds: Option<Seconds>,
    /// The recovery point's id.
    pub point: Option<String>,
    /// Its steps.
    pub steps: Vec<StepRow>,
    /// Gates asked.
    pub gates: Gates,
    /// The earlier run that was not finished and that this call took back first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_back: Option<String>,
    /// What was changed.
    pub changed: Vec<String>,
    /// Where the safety copies are.
    pub vault: Option<String>,
    /// The record.
    pub journal: Option<String>,
    /// Commands that go on from here.
    pub next: Vec<String>,
    /// What a person has to do, where it is stuck.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_hand: Vec<String>,
}

impl RunDocument {
    /// A call that started no run.
    #[must_use]
    pub fn without_run(instance: &str, outcome: RunOutcome, because: String, hint: String) -> Self {
        Self {
            schema: "redis-dr/run/1".into(),
            run_id: None,
            instance: instance.into(),
            runbook: None,
            outcome,
            exit_code: outcome.exit_code(),
            because,
            hint,
            severity: None,
            findings: vec![],
            decision: None,
            started_at: None,
            ended_at: None,
            downtime_seconds: None,
            fenced_seconds: None,
            opened_at: None,
            serving: None,
            loss_seconds: None,
            point: None,
            steps: vec![],
            gates: Gates::default(),
            taken_back: None,
            changed: vec![],
            vault: None,
            journal: None,
            next: vec![],
            by_hand: vec![],
        }
    }

    /// What this call did before the run that the document tells of comes first among the reasons.
    pub fn told_before(&mut self, said: &str) {
        if !said.is_empty() {
            let rest = std::mem::take(&mut self.because);
            self.because = if rest.is_empty() { said.into() } else { format!("{said}; {rest}") };
        }
    }

    /// What a journal says.
    ///
    /// # Errors
    /// The journal tells of something that can't have happened.
    pub fn of_journal(plan: &Plan, log: &Log, journal: &str) -> Result<Self, String> {
        let status = log.status().map_err(|e| e.to_string())?;
        let entries = &log.records;
        let outcome = outcome_of(&status, entries);
        let mut doc = Self::without_run(&plan.instance, outcome, String::new(), String::new());
        doc.run_id = Some(log.header.run_id.clone());
        doc.runbook = Some(plan.runbook.clone());
        doc.point = plan.point.clone();
        doc.loss_seconds = plan.estimate.loss_seconds;
        doc.vault = Some(log.header.vault.display().to_string());
        doc.journal = Some(journal.into());
        doc.started_at = Some(Time(log.header.started_at));
        doc.ended_at = entries.last().map(|e| Time(e.at));
        let mut fenced_at = None;
        for entry in entries {
            match &entry.event {
                Event::Opened { .. } => doc.opened_at = doc.opened_at.or(Some(Time(entry.at))),
                Event::StepStarted { step, .. }
                    if plan.steps.iter().any(|s| s.id == *step && s.action == "service.start") =>
                {
                    fenced_at = fenced_at.or(Some(Time(entry.at)));
                }
                Event::StepFailed { because, hint, .. } => {
                    doc.because.clone_from(because);
                    doc.hint.clone_from(hint);
                    doc.gates.failed += u64::from(because.starts_with("gate "));
                }
                Event::RunStopped { because } => doc.because.clone_from(because),
                Event::UndoFailed { because, by_hand, .. } => {
                    doc.because.clone_from(because);
                    doc.by_hand.clone_from(by_hand);
                }
                _ => {}
            }
        }
        if outcome == RunOutcome::Recovered {
            // what stopped it on the way was overcome; its steps still tell of it
            doc.because.clear();
            doc.hint.clear();
        }
        doc.downtime_seconds = doc.opened_at.zip(doc.started_at).map(|(o, s)| o.since(s));
        doc.fenced_seconds = doc.opened_at.zip(fenced_at).map(|(o, f)| o.since(f));
        doc.serving = Some(match outcome {
            RunOutcome::Recovered => true,
            RunOutcome::Unfinished => doc.opened_at.is_some(),
            _ => false,
        });
        doc.steps = plan.steps.iter().filter_map(|s| row(&s.id, entries, &status)).collect();
        doc.changed = changed(plan, &doc.steps);
        Ok(doc)
    }
}

fn outcome_of(status: &Status, entries: &[Record]) -> RunOutcome {
    // a failure that somebody came back to before it was taken back is no failure of the taking back
    let last = entries.iter().rfind(|e| matches!(e.event, Event::StepFailed { .. } | Event::Resumed { .. }));
    let failed = last.is_some_and(|e| matches!(e.event, Event::StepFailed { .. }));
    match status.phase() {
        Phase::Recovered => RunOutcome::Recovered,
        Phase::RolledBack if failed => RunOutcome::Failed,
        Phase::RolledBack => RunOutcome::RolledBack,
        Phase::Stuck => RunOutcome::Stuck,
        Phase::Unfinished if !status.touched() => RunOutcome::Interrupted,
        _ => RunOutcome::Unfinished,
    }
}

fn row(step: &str, entries: &[Record], status: &Status) -> Option<StepRow> {
    let state = status.step(step)?;
    let mut row = StepRow {
        id: step.into(),
        outcome: String::new(),
        because: String::new(),
        started_at: None,
        seconds: None,
        results: Value::Null,
    };
    for entry in entries {
        match &entry.event {
            Event::StepStarted { step: s, .. } if s == step => row.started_at = Some(Time(entry.at)),
            Event::StepDone { step: s, outcome, because, seconds, results } if s == step => {
                row.results.clone_from(results);
                row.outcome = match outcome {
                    StepOutcome::Done => "done",
                    StepOutcome::AlreadyDone => "already_done",
                    StepOutcome::Skipped => "skipped",
                }
                .into();
                row.because.clone_from(because);
                row.seconds = Some(Seconds(*seconds));
            }
            Event::SkippedByHand { step: s, reason, .. } if s == step => {
                row.outcome = "skipped".into();
                row.because.clone_from(reason);
            }
            Event::MarkedDone { step: s, reason, .. } if s == step => {
                row.outcome = "done".into();
                row.because = format!("by hand: {reason}");
            }
            Event::StepFailed { step: s, because, .. } if s == step => {
                row.outcome = "failed".into();
                row.because.clone_from(because);
            }
            _ => {}
        }
    }
    if state == StepState::Undone {
        row.outcome = "undone".into();
    }
    if row.outcome.is_empty() {
        row.outcome = "failed".into();
        row.because = "it was started and not finished".into();
    }
    Some(row)
}

/// What the steps that were carried out changed, and did not take back.
fn changed(plan: &Plan, rows: &[StepRow]) -> Vec<String> {
    let mut out = Vec::new();
    for step in &plan.steps {
        if rows.iter().any(|r| r.id == step.id && r.outcome == "done") {
            for change in &step.changes {
                if !out.contains(&change.what) {
                    out.push(change.what.clone());
                }
            }
        }
    }
    out
}

/// One line of `runs list`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunsRow {
    /// Its id.
    pub run_id: String,
    /// Which instance.
    pub instance: String,
    /// Which runbook.
    pub runbook: String,
    /// How it ended.
    pub outcome: RunOutcome,
    /// When it started.
    pub started_at: Option<Time>,
    /// When it ended.
    pub ended_at: Option<Time>,
}

/// `runs list`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunsDocument {
    /// redis-dr/runs/1
    pub schema: String,
    /// Newest first.
    pub runs: Vec<RunsRow>,
}
