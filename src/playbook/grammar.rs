//! The YAML of playbooks and of their cases as types: they are its schema.
#![allow(dead_code, reason = "only their schema is used; values are read from the spanned tree")]
use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::model::{Ending, Probe};
use crate::facts::Outcome;
use crate::finding::Id;
use crate::runbook::{Condition, Scalar};

/// A playbook: what to look at, and rules in order; the first that holds decides.
#[derive(JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaybookFile {
    /// The version of this grammar: 1.
    version: u32,
    /// Its id; the file is `<id>.yaml`.
    playbook: String,
    /// What it is for, in a sentence.
    title: String,
    /// What is looked at.
    assess: Vec<Probe>,
    /// The rules.
    decide: Vec<RuleFile>,
}

/// A rule: `when` (or `otherwise`), `because`, and where it leads.
#[derive(JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    /// When it holds, an expression over the facts.
    #[serde(default)]
    when: Option<Condition>,
    /// The last rule: it always holds, and the tree ends so.
    #[serde(default)]
    otherwise: Option<Ending>,
    /// Why it leads there; may hold `${…}`.
    because: String,
    /// The tree ends.
    #[serde(default)]
    outcome: Option<Ending>,
    /// One runbook.
    #[serde(default)]
    runbook: Option<String>,
    /// The runbook's parameters.
    #[serde(default)]
    with: Option<BTreeMap<String, Scalar>>,
    /// Which runbook restores which kind of point.
    #[serde(default)]
    restore: Option<RestoreFile>,
    /// The rules of another playbook go on.
    #[serde(default)]
    playbook: Option<String>,
}

/// Kind of point to runbook.
#[derive(JsonSchema, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RestoreFile {
    /// For the memory of a running server.
    #[serde(default)]
    memory: Option<String>,
    /// For the live AOF.
    #[serde(default)]
    aof: Option<String>,
    /// For the live AOF, cut.
    #[serde(default)]
    aof_cut: Option<String>,
    /// For the snapshot.
    #[serde(default)]
    rdb: Option<String>,
    /// For a file of a store.
    #[serde(default)]
    backup: Option<String>,
    /// For a replica.
    #[serde(default)]
    replica: Option<String>,
}

/// Cases of a playbook.
#[derive(JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CasesFile {
    /// The version of this grammar: 1.
    pub version: u32,
    /// The playbook they are about.
    pub playbook: String,
    /// Each a small change to a healthy instance, or to a saved assessment.
    pub cases: Vec<CaseFile>,
}

/// One case.
#[derive(JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseFile {
    /// What is wrong, in a sentence.
    pub name: String,
    /// A saved assessment (`redis-dr assess --json`) to start from; else a healthy instance.
    #[serde(default)]
    pub assessment: Option<String>,
    /// Facts that differ, by dotted name; `null` is unknown.
    #[serde(default)]
    pub facts: BTreeMap<String, Json>,
    /// What was found; sets `findings.ids`, `findings.worst` and `findings.worst_now`.
    #[serde(default)]
    pub findings: Option<Vec<Id>>,
    /// The recovery points, best first; sets `points.*`. What is left out is that of an intact one.
    #[serde(default)]
    pub points: Option<Vec<serde_json::Map<String, Json>>>,
    /// Answers of a person to rules that come out unknown, by their condition.
    #[serde(default)]
    pub answers: BTreeMap<String, bool>,
    /// What must come out.
    pub expect: ExpectFile,
}

/// What a case must come to; what is left out may be anything.
#[derive(JsonSchema, Deserialize, Debug, Clone, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectFile {
    /// The rule that decides: its number, its condition, or the beginning of its reason.
    #[serde(default)]
    pub rule: Option<RuleWord>,
    /// Where the tree ends.
    #[serde(default)]
    pub outcome: Option<Outcome>,
    /// The runbook.
    #[serde(default)]
    pub runbook: Option<String>,
    /// The point's id.
    #[serde(default)]
    pub point: Option<String>,
    /// Does the tree stop at a rule that came out unknown?
    #[serde(default)]
    pub unknown: Option<bool>,
}

/// A rule's number, or its words.
#[derive(Deserialize, Debug, Clone, PartialEq)]
#[serde(untagged)]
pub(super) enum RuleWord {
    Number(usize),
    Words(String),
}

impl JsonSchema for RuleWord {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RuleWord".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": ["integer", "string"]})
    }
}

/// The JSON schema of a playbook.
pub fn schema() -> &'static Json {
    static SCHEMA: LazyLock<Json> = LazyLock::new(|| schemars::schema_for!(PlaybookFile).to_value());
    &SCHEMA
}

/// The JSON schema of a file of cases.
pub fn case_schema() -> Json {
    schemars::schema_for!(CasesFile).to_value()
}
