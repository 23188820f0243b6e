//! A plan: a runbook with nothing left unknown, against facts that are written down in its fingerprint.
mod build;
mod copies;
mod difference;
mod digest;
mod expected;
mod fingerprint;
mod gate;
pub use build::{Input, PlanError, build};
pub use difference::{Difference, PlanChange};
pub use digest::{canonical, digest_of, sha256_hex};
pub use fingerprint::{FileMark, Fingerprint, Mark, take as take_fingerprint};
pub use gate::{Gate, told};

use crate::action::{Action, Change, Site};
use crate::facts::{Bytes, Point, Seconds, Time};
use crate::runbook::{OnFailure, Retry, Risk};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The name and version of the document.
pub const SCHEMA: &str = "redis-dr/plan/1";

/// What a plan is expected to cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanEstimate {
    /// From the stop until clients may write again.
    pub downtime_seconds: Option<Seconds>,
    /// Data lost.
    pub loss_seconds: Option<Seconds>,
    /// Bytes that safety copies take (links and marks take none).
    pub copy_bytes: Bytes,
    /// Free bytes left on the data's filesystem at the most.
    pub free_bytes_after: Option<Bytes>,
}

/// A copy that is made before a step acts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SafetyCopy {
    /// What is saved.
    pub path: String,
    /// Its size.
    pub bytes: Option<Bytes>,
    /// link, mark, copy, owner and mode, or absent; for a mark or a copy the run uses a reflink where the filesystem has it.
    pub how: String,
}

/// A file that a step reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReadFile {
    /// Its path.
    pub path: String,
    /// Its size; unknown where it can't be looked at.
    pub bytes: Option<Bytes>,
}

/// One line of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedStep {
    /// Its id in the runbook.
    pub id: String,
    /// What it does, in words; `${steps.…}` is put in when those steps have been taken.
    pub title: String,
    /// The action's name.
    #[serde(rename = "do")]
    pub action: String,
    /// The action's parameters.
    pub with: serde_json::Value,
    /// Files that it reads besides those of the instance and the point.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<ReadFile>,
    /// What is different afterwards.
    pub changes: Vec<Change>,
    /// What is saved first.
    pub safety_copies: Vec<SafetyCopy>,
    /// Questions that must be answered yes before it acts.
    pub gates: Vec<Gate>,
    /// Questions that must be answered yes after it acted.
    #[serde(default)]
    pub gates_after: Vec<Gate>,
    /// How it is taken back.
    pub undo: String,
    /// `run`, or `skip: REASON`.
    pub verdict: String,
    /// May a person skip it after a failure?
    #[serde(default)]
    pub may_skip: bool,
    /// How often it is tried.
    #[serde(default)]
    pub retry: Option<Retry>,
    /// What its failure means.
    #[serde(default)]
    pub on_failure: Option<OnFailure>,
}

/// A plan, complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// redis-dr/plan/1
    pub schema: String,
    /// blake3 of the compact JSON with sorted keys, without this key.
    pub digest: String,
    /// Which instance.
    pub instance: String,
    /// Which runbook.
    pub runbook: String,
    /// SHA-256 of the runbook's text.
    pub runbook_sha256: String,
    /// The runbook's title.
    pub title: String,
    /// The runbook's risk.
    pub risk: Risk,
    /// The runbook's parameters.
    pub params: serde_json::Map<String, serde_json::Value>,
    /// The recovery point's id.
    pub point: Option<String>,
    /// What it costs.
    pub estimate: PlanEstimate,
    /// The facts that it relies on.
    pub fingerprint: Fingerprint,
    /// The step after which nothing is rolled back by itself.
    pub point_of_no_return: Option<String>,
    /// What the runbook requires, each answered.
    pub require: Vec<Gate>,
    /// The steps.
    pub steps: Vec<PlannedStep>,
    /// When the run may say *recovered*.
    pub recovered: Vec<Gate>,
    /// The resolved paths and settings.
    pub site: Site,
    /// When it was made.
    pub made_at: Time,
    /// Why this way was chosen.
    pub because: String,
}

impl PlannedStep {
    /// The action with its parameters.
    ///
    /// # Errors
    /// The plan was edited or is of another version.
    pub fn action(&self) -> Result<Action, serde_json::Error> {
        let mut tagged = serde_json::Map::new();
        tagged.insert(self.action.clone(), self.with.clone());
        serde_json::from_value(serde_json::Value::Object(tagged))
    }

    /// A step that a journal says was begun, of a plan that is lost.
    #[must_use]
    pub fn begun(id: &str) -> Self {
        Self {
            id: id.into(),
            title: id.into(),
            action: String::new(),
            with: serde_json::Value::Null,
            reads: vec![],
            changes: vec![],
            safety_copies: vec![],
            gates: vec![],
            gates_after: vec![],
            undo: String::new(),
            verdict: "run".into(),
            may_skip: false,
            retry: None,
            on_failure: None,
        }
    }

    /// The reason why the plan leaves it out.
    #[must_use]
    pub fn skipped(&self) -> Option<&str> {
        self.verdict.strip_prefix("skip: ")
    }
}

impl Plan {
    /// What is left of a plan that is lost: where it acts, and the steps that were begun. It can be taken back, not
    /// carried out.
    #[must_use]
    pub fn remembered(instance: &str, runbook: &str, site: Site, steps: Vec<PlannedStep>, made_at: Time) -> Self {
        Self {
            schema: SCHEMA.into(),
            digest: String::new(),
            instance: instance.into(),
            runbook: runbook.into(),
            runbook_sha256: String::new(),
            title: runbook.into(),
            risk: Risk::High,
            params: serde_json::Map::new(),
            point: site.point.as_ref().map(|p| p.id.clone()),
            estimate: PlanEstimate {
                downtime_seconds: None,
                loss_seconds: None,
                copy_bytes: Bytes(0),
                free_bytes_after: None,
            },
            fingerprint: Fingerprint::default(),
            point_of_no_return: None,
            require: vec![],
            steps,
            recovered: vec![],
            site,
            made_at,
            because: String::new(),
        }
    }

    /// The recovery point, in full.
    #[must_use]
    pub fn recovery_point(&self) -> Option<&Point> {
        self.site.point.as_ref()
    }

    /// Files that its steps read besides those of the instance and the point.
    #[must_use]
    pub fn reads(&self) -> Vec<PathBuf> {
        let taken = self.steps.iter().filter(|s| s.skipped().is_none());
        taken.flat_map(|s| &s.reads).map(|file| PathBuf::from(&file.path)).collect()
    }

    /// Does it put other data in the place of what is there?
    #[must_use]
    pub fn restores(&self) -> bool {
        crate::policy::restores(self.steps.iter().filter(|s| s.skipped().is_none()).map(|s| s.action.as_str()))
    }

    /// Reads a plan and proves that nobody changed it.
    ///
    /// # Errors
    /// [`PlanError`] names what is wrong: not JSON, another schema, or a digest that does not fit.
    pub fn read(text: &[u8]) -> Result<Self, PlanError> {
        let value: serde_json::Value =
            serde_json::from_slice(text).map_err(|e| PlanError::NotAPlan { because: e.to_string() })?;
        match value.get("schema").and_then(|s| s.as_str()) {
            Some(SCHEMA) => {}
            Some(other) => {
                return Err(PlanError::NotAPlan { because: format!("its schema is {other}, not {SCHEMA}") });
            }
            None => {
                return Err(PlanError::NotAPlan { because: "it has no schema".into() });
            }
        }
        let expected = digest_of(&value);
        let plan: Plan = serde_json::from_value(value).map_err(|e| PlanError::NotAPlan { because: e.to_string() })?;
        if plan.digest != expected {
            return Err(PlanError::Edited { stated: plan.digest, actual: expected });
        }
        Ok(plan)
    }

    /// Sets the digest over everything else.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        self.digest = serde_json::to_value(&self).map(|v| digest_of(&v)).unwrap_or_default();
        self
    }
}
