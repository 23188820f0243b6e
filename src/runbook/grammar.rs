//! The YAML of a runbook as types: they are its schema. `redis-dr runbook schema` prints it.
#![allow(dead_code, reason = "only their schema is used; values are read from the spanned tree")]
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value as Json;

use super::model::{OnFailure, ParamType, Retry};
use crate::action::Action;
use crate::config::Risk;
use crate::facts::{PointKind, Seconds};

/// A runbook: the steps that bring data back, with a gate before and after each.
#[derive(JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunbookFile {
    /// The version of this grammar: 1.
    version: u32,
    /// Its id; the file is `<id>.yaml`.
    runbook: String,
    /// What it does, in a sentence.
    title: String,
    /// How much it can harm.
    risk: Risk,
    /// Its parameters, by name. One named `point` of type `recovery_point` is read as `point.…`.
    #[serde(default)]
    params: BTreeMap<String, ParamFile>,
    /// Gates that must be open before anything is changed.
    #[serde(default)]
    require: Vec<GateFile>,
    /// The steps, in order.
    steps: Vec<StepFile>,
    /// What *recovered* means for this runbook; checked last.
    recovered: Vec<GateFile>,
}

/// A parameter.
#[derive(JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParamFile {
    /// What it takes.
    r#type: ParamType,
    /// For a recovery point: of which kinds.
    #[serde(default)]
    kinds: Vec<PointKind>,
    /// Its value when none is given; `best` for a recovery point.
    #[serde(default)]
    default: Option<Scalar>,
}

/// A question that must be answered yes.
#[derive(JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
struct GateFile {
    /// The question, an expression over the facts and over what earlier steps found out (`steps.<id>.<result>`, `-` of
    /// an id written `_`).
    that: Condition,
    /// Why it is asked; may hold `${…}`.
    #[serde(default)]
    because: Option<String>,
    /// How long it may take until the answer is yes.
    #[serde(default)]
    within: Option<Seconds>,
    /// How often it is asked meanwhile.
    #[serde(default)]
    every: Option<Seconds>,
}

/// One step.
#[derive(JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFile {
    /// Unique in the runbook. What the step finds out is read as `steps.<id>.<result>`, with `_` for `-`.
    id: String,
    /// What it does, in a sentence; may hold `${…}`.
    title: String,
    /// What it does: one action with its parameters.
    r#do: DoFile,
    /// Only if this holds; otherwise it is skipped.
    #[serde(default)]
    r#if: Option<Condition>,
    /// Gates before it.
    #[serde(default)]
    before: Vec<GateFile>,
    /// Gates after it; they may read what it found out.
    #[serde(default)]
    after: Vec<GateFile>,
    /// May a person skip it when it failed?
    #[serde(default)]
    may_skip: bool,
    /// Tried again how often; only for actions that may be repeated.
    #[serde(default)]
    retry: Option<Retry>,
    /// What happens when it fails. Default: `roll_back` until the server is opened, `stop` after.
    #[serde(default)]
    on_failure: Option<OnFailure>,
}

/// Another runbook, carried out here.
#[derive(JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
struct Include {
    /// Which one.
    id: String,
    /// Its parameters.
    #[serde(default)]
    params: BTreeMap<String, Scalar>,
}

/// An expression that is true or false.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Condition(Json);

impl JsonSchema for Condition {
    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "boolean"], "format": "condition"})
    }
}

/// A value: one without parts, or a list of texts.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Scalar(Json);

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean", "array"], "items": {"type": "string"}})
    }
}

/// An action or an include. Actions come from [`Action`]; the include is the grammar's own.
#[derive(Deserialize)]
#[serde(transparent)]
struct DoFile(Json);

impl JsonSchema for DoFile {
    fn schema_name() -> Cow<'static, str> {
        "Do".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let include = generator.subschema_for::<Include>();
        let mut schema = Action::json_schema(generator);
        let one = json_schema!({
            "type": "object",
            "description": "Carry out another runbook here.",
            "properties": { "runbook": include },
            "required": ["runbook"],
            "additionalProperties": false,
        });
        if let Some(Json::Array(branches)) = schema.get_mut("oneOf") {
            branches.push(one.to_value());
        }
        schema
    }
}

/// The JSON schema of a runbook. Under `x-results` it has the schema of what each action finds out, by its name.
pub fn schema() -> &'static Json {
    static SCHEMA: LazyLock<Json> = LazyLock::new(|| {
        let mut schema = schemars::schema_for!(RunbookFile).to_value();
        schema["x-results"] = crate::action::all_results();
        schema
    });
    &SCHEMA
}
