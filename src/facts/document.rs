//! The documents: an assessment, and the decision in it.
use super::{Facts, Point, Time};
use crate::finding::{Finding, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the tree ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A runbook brings the data back.
    Runbook,
    /// Nothing has to be done.
    Healthy,
    /// It mends itself; look again.
    Wait,
    /// A person must decide.
    NeedsHuman,
}

/// What became of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleVerdict {
    /// It holds.
    Matched,
    /// It does not hold.
    Rejected,
    /// A fact that it asks for is unknown.
    Unknown,
}

/// One rule on the way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RuleResult {
    /// Its number and condition.
    pub rule: String,
    /// The reason written beside it.
    pub because: String,
    /// What became of it.
    pub verdict: RuleVerdict,
    /// The facts it read.
    pub evidence: String,
}

/// Another point and the runbook that serves it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alternative {
    /// The point's id.
    pub point: String,
    /// The runbook.
    pub runbook: String,
}

/// What the playbook came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// Which playbook.
    pub playbook: String,
    /// Where it ended.
    pub outcome: Outcome,
    /// The rules, in order.
    pub path: Vec<RuleResult>,
    /// The reason of the rule that matched.
    pub because: String,
    /// The runbook it chose.
    pub runbook: Option<String>,
    /// Parameters of the rule.
    pub params: serde_json::Map<String, serde_json::Value>,
    /// The point it chose.
    pub point: Option<String>,
    /// Other ways.
    pub alternatives: Vec<Alternative>,
}

/// Facts and findings at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Assessment {
    /// redis-dr/assessment/1
    pub schema: String,
    /// Which instance.
    pub instance: String,
    /// On which host.
    pub host: String,
    /// When.
    pub taken_at: Time,
    /// How long it took.
    pub duration_ms: u64,
    /// The worst finding.
    pub severity: Severity,
    /// What is wrong, worst first.
    pub findings: Vec<Finding>,
    /// What was observed.
    pub facts: Facts,
    /// Where data can be had from, best first.
    pub points: Vec<Point>,
    /// What the playbook came to.
    pub decision: Option<Decision>,
}
