//! `redis-dr/drill/1`: what rehearsals came to, one scorecard each. Filled by `drill`, drawn here.
use crate::facts::{Seconds, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a rehearsal came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DrillVerdict {
    /// Every criterion is met.
    Passed,
    /// A criterion is missed.
    Failed,
    /// It needs something that is not here.
    LeftOut,
    /// The sandbox could not be built or broken as the scenario says: nothing was learnt.
    Broken,
}

impl DrillVerdict {
    /// The word on a screen.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::LeftOut => "left out",
            Self::Broken => "broken",
        }
    }
}

/// One thing that is asked of a recovery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Criterion {
    /// outcome, decision, back_within, loss_percent, loss_possible, rpo, data, gates, durable, admitted or untouched.
    pub id: String,
    /// What is wanted.
    pub target: String,
    /// What was seen.
    pub actual: String,
    /// By how much it is missed, where that can be said.
    pub gap: Option<String>,
    /// Is it met?
    pub met: bool,
    /// What to improve, where it is missed.
    pub improve: Option<String>,
}

/// What was asked of it: the scenario's own, or the instance's `objectives`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DrillObjectives {
    /// Clients must be served again within this.
    pub rto_seconds: Option<Seconds>,
    /// At most so much of the data may be lost, in time.
    pub rpo_seconds: Option<Seconds>,
    /// At most so much of the data may be lost, percent of the keys.
    pub lost_percent: Option<f64>,
}

/// When what was reached, counted from the moment `recover --auto` was called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DrillTimes {
    /// It knew what is wrong.
    pub detect_seconds: Option<Seconds>,
    /// It had decided what to do, and began.
    pub decide_seconds: Option<Seconds>,
    /// Clients were served again, writes included.
    pub serve_seconds: Option<Seconds>,
    /// Everything was proved, and what clients write was kept on disk.
    pub durable_seconds: Option<Seconds>,
}

/// What was lost, against what had to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DrillLoss {
    /// Keys before the fault.
    pub keys_before: u64,
    /// Keys afterwards; null where the server could not be asked.
    pub keys_after: Option<u64>,
    /// Keys that are gone.
    pub keys_lost: Option<u64>,
    /// Keys that nobody could have saved.
    pub keys_possible: u64,
    /// Keys that are gone, percent of those before.
    pub percent: Option<f64>,
    /// From the oldest write that is gone to the fault.
    pub seconds: Option<Seconds>,
    /// What the recovery itself said is lost.
    pub admitted_seconds: Option<Seconds>,
}

/// A step that did not succeed the first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Retried {
    /// Its id.
    pub step: String,
    /// How often it was tried.
    pub tries: u32,
}

/// A step and how long it took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DrillStep {
    /// Its id.
    pub id: String,
    /// done, already_done, skipped, failed or undone.
    pub outcome: String,
    /// How long it took.
    pub seconds: Option<Seconds>,
}

/// The decision of the playbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrillDecision {
    /// Which playbook.
    pub playbook: String,
    /// The rule that decided: its number and condition.
    pub rule: String,
    /// Its reason.
    pub because: String,
}

/// One rehearsal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scorecard {
    /// Which scenario.
    pub scenario: String,
    /// What it rehearses, in a sentence.
    pub title: String,
    /// Who owns it.
    pub owner: String,
    /// monthly, quarterly, yearly or ad_hoc.
    pub cadence: String,
    /// The instance whose program, policy and objectives were used; null for the system's server and a policy that allows
    /// every runbook.
    pub instance: Option<String>,
    /// When it began.
    pub started_at: Time,
    /// When it ended, the sandbox's removal included.
    pub ended_at: Time,
    /// What it came to.
    pub verdict: DrillVerdict,
    /// Why, where it did not pass.
    pub because: String,
    /// The server that was broken, such as `redis 7.0.15`.
    pub server: String,
    /// The version of redis-dr.
    pub version: String,
    /// How `recover --auto` ended; null where it was not called.
    pub outcome: Option<super::RunOutcome>,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// Ids of what it found, worst first.
    pub findings: Vec<String>,
    /// What decided.
    pub decision: Option<DrillDecision>,
    /// The runbook that brought it back.
    pub runbook: Option<String>,
    /// The runbook's text, as a digest.
    pub runbook_sha256: Option<String>,
    /// The recovery point that was used.
    pub point: Option<String>,
    /// What was asked of it.
    pub objectives: DrillObjectives,
    /// When what was reached.
    pub times: DrillTimes,
    /// What was lost.
    pub loss: DrillLoss,
    /// Gates asked.
    pub gates: super::Gates,
    /// Its steps.
    pub steps: Vec<DrillStep>,
    /// Steps that needed more than one try.
    pub retried: Vec<Retried>,
    /// What was changed.
    pub changed: Vec<String>,
    /// What is asked of it, and what came.
    pub criteria: Vec<Criterion>,
    /// Where the sandbox is, if it was kept.
    pub kept_at: Option<String>,
}

/// One scenario over time, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trend {
    /// Which scenario.
    pub scenario: String,
    /// Rehearsals on record.
    pub runs: u64,
    /// Of them passed.
    pub passed: u64,
    /// When each began.
    pub at: Vec<Time>,
    /// What each came to.
    pub verdicts: Vec<DrillVerdict>,
    /// When clients were served again.
    pub serve_seconds: Vec<Option<Seconds>>,
    /// Keys that were lost, percent.
    pub lost_percent: Vec<Option<f64>>,
}

/// Something the evidence says should be mended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suggestion {
    /// Which instance or scenario it is about.
    pub about: String,
    /// What is wanted.
    pub target: String,
    /// What is seen.
    pub actual: String,
    /// What that costs.
    pub because: String,
    /// The command or the setting that mends it.
    pub mend: String,
}

/// `drill run` and `drill report`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DrillDocument {
    /// redis-dr/drill/1
    pub schema: String,
    /// On which host.
    pub host: String,
    /// Rehearsals that passed.
    pub passed: u64,
    /// That missed a criterion.
    pub failed: u64,
    /// That need something that is not here.
    pub left_out: u64,
    /// That could not be set up.
    pub broken: u64,
    /// The scorecards: of `drill run` those of this call, of `drill report` the newest of each scenario.
    pub drills: Vec<Scorecard>,
    /// The scenarios over time, those of this call included.
    pub trend: Vec<Trend>,
    /// What the evidence suggests; null where it was not asked for.
    pub actions: Option<Vec<Suggestion>>,
    /// 0 all passed, 8 a criterion is missed, 1 nothing is missed but one could not be rehearsed.
    pub exit_code: i32,
}

impl DrillDocument {
    /// Scorecards with their count and exit code. `asked` are scenarios named by the caller: one of those that was left out
    /// is no success.
    #[must_use]
    pub fn of(host: String, drills: Vec<Scorecard>, trend: Vec<Trend>, asked: &[String]) -> Self {
        let count = |v: DrillVerdict| drills.iter().filter(|d| d.verdict == v).count() as u64;
        let (failed, broken) = (count(DrillVerdict::Failed), count(DrillVerdict::Broken));
        let missed = drills.iter().any(|d| d.verdict == DrillVerdict::LeftOut && asked.contains(&d.scenario));
        let exit_code = match (failed, broken) {
            (1.., _) => 8,
            (0, 1..) => 1,
            _ if missed => 1,
            _ => 0,
        };
        Self {
            schema: "redis-dr/drill/1".into(),
            host,
            passed: count(DrillVerdict::Passed),
            failed,
            left_out: count(DrillVerdict::LeftOut),
            broken,
            drills,
            trend,
            actions: None,
            exit_code,
        }
    }
}

/// The JSON schema of `redis-dr/drill/1`.
#[must_use]
pub fn drill_document_schema() -> serde_json::Value {
    schemars::schema_for!(DrillDocument).to_value()
}

impl Scorecard {
    /// Was it held to its end, so that it taught something?
    #[must_use]
    pub fn is_held(&self) -> bool {
        matches!(self.verdict, DrillVerdict::Passed | DrillVerdict::Failed)
    }
}
