//! What a verification found: the document `redis-dr/verify/1`.
use super::bench::Bench;
use super::deep::Deep;
use super::report::{Check, Report};
use crate::checks::Outcome;
use crate::finding::Finding;
use schemars::JsonSchema;
use serde::Serialize;

/// A live server against what it must hold. Keys that were not asked for are null.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Verification {
    /// `redis-dr/verify/1`.
    pub schema: String,
    /// The instance.
    pub instance: String,
    /// The recovery point; null where there is none, and only the owner's checks were carried out.
    pub point: Option<String>,
    /// Is everything as it should be?
    pub ok: bool,
    /// Is every comparison with the point an equality? False where only bounds could be asked for.
    pub exact: bool,
    /// Changes that clients made since the point, as the server counts them; null where nobody knows.
    pub changes_since: Option<u64>,
    /// The comparisons with the point.
    pub checks: Vec<Check>,
    /// Every key's value, where that was asked for.
    pub deep: Option<Deep>,
    /// The owner's checks.
    pub data_checks: Option<DataChecks>,
    /// What the vendor's benchmark measured, where that was asked for.
    pub bench: Option<Bench>,
    /// What was found wrong.
    pub findings: Vec<Finding>,
}

/// A file of data checks, carried out.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DataChecks {
    /// The file.
    pub file: String,
    /// Is everything as it must be?
    pub ok: bool,
    /// Each check.
    pub checks: Vec<Outcome>,
}

impl Verification {
    /// Of an instance, before anything was looked at.
    #[must_use]
    pub fn of(instance: &str) -> Self {
        Self {
            schema: "redis-dr/verify/1".into(),
            instance: instance.into(),
            point: None,
            ok: true,
            exact: true,
            changes_since: None,
            checks: vec![],
            deep: None,
            data_checks: None,
            bench: None,
            findings: vec![],
        }
    }

    /// Adds comparisons with the point.
    pub fn compared(&mut self, report: Report) {
        self.ok &= report.ok();
        self.exact &= report.checks.iter().all(|c| c.exact);
        self.checks.extend(report.checks);
    }

    /// Adds the owner's checks.
    pub fn checked(&mut self, file: String, outcomes: Vec<Outcome>) {
        let ok = outcomes.iter().all(|outcome| outcome.ok);
        self.ok &= ok;
        self.findings.extend(crate::checks::findings(&outcomes));
        self.data_checks = Some(DataChecks { file, ok, checks: outcomes });
    }

    /// Its JSON schema.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Verification).to_value()
    }
}
