//! A runbook that has been read and found valid.
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::act::Do;
use crate::config::Risk;
use crate::expr::{Bindings, Expr, Scope, Template, Truth, Types};
use crate::facts::{Bytes, PointKind, Seconds};

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParamType {
    /// A recovery point; `kinds` says of which kinds.
    RecoveryPoint,
    /// Text.
    String,
    /// A whole number.
    Int,
    /// `true` or `false`.
    Bool,
    /// Such as 30s.
    Duration,
    /// Such as 64MiB.
    Size,
    /// An absolute path.
    Path,
    /// Texts, such as a program with its arguments.
    List,
}

/// A parameter of a runbook.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// What it takes.
    pub kind: ParamType,
    /// Of which kinds a recovery point may be; empty means any.
    pub kinds: Vec<PointKind>,
    /// Its value when none is given, as JSON (seconds, bytes). `"best"` for a recovery point. None: it must be given.
    pub default: Option<Json>,
}

/// A question that must be answered yes.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// The question.
    pub that: Expr,
    /// Why it is asked.
    pub because: Option<Template>,
    /// How long it may take until the answer is yes; none: it is asked once.
    pub within: Option<Seconds>,
    /// How often it is asked meanwhile.
    pub every: Option<Seconds>,
}

/// How often a failed step is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// At most this often, the first time not counted.
    pub times: u32,
    /// Time between two tries.
    pub every: Seconds,
}

/// What happens when a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Everything the run changed is taken back. The default until the server is opened.
    RollBack,
    /// The run stops unfinished. The default after the server was opened.
    Stop,
    /// The next step is taken.
    KeepGoing,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Unique in the runbook; `parent.child` where it came from an included one.
    pub id: String,
    /// What it does, for people.
    pub title: Template,
    /// What it does.
    pub action: Do,
    /// Only if this holds; otherwise the step is skipped.
    pub only_if: Option<Expr>,
    /// Gates before it.
    pub before: Vec<Gate>,
    /// Gates after it.
    pub after: Vec<Gate>,
    /// May a person skip it when it failed?
    pub may_skip: bool,
    /// Tried again how often.
    pub retry: Option<Retry>,
    /// What happens when it fails; none: the default of [`OnFailure`].
    pub on_failure: Option<OnFailure>,
}

/// A runbook, valid and flat: includes are resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Runbook {
    /// Its id; its file is `<id>.yaml`.
    pub id: String,
    /// The file it was read from, or `built-in`.
    pub file: String,
    /// The text it was read from; plans carry its digest.
    pub text: String,
    /// What it does, for people.
    pub title: String,
    /// How much it can harm.
    pub risk: Risk,
    /// Parameters by name.
    pub params: BTreeMap<String, Param>,
    /// Gates that must be open before anything is changed.
    pub require: Vec<Gate>,
    /// In order.
    pub steps: Vec<Step>,
    /// What *recovered* means for it.
    pub recovered: Vec<Gate>,
}

/// A value that a parameter does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParamError {
    /// What is wrong.
    pub message: String,
    /// What to give instead.
    pub hint: String,
}

impl Gate {
    /// Its verdict in this scope.
    pub fn truth(&self, scope: &dyn Scope) -> Truth {
        self.that.truth(scope)
    }

    /// The observed values that decided, for evidence lines.
    pub fn evidence(&self, scope: &dyn Scope) -> String {
        self.that.explain(scope)
    }

    pub(super) fn bind(&self, b: &Bindings) -> Gate {
        Gate { that: self.that.bind(b), because: self.because.as_ref().map(|t| t.bind(b)), ..self.clone() }
    }
}

impl Step {
    pub(super) fn bind(&self, b: &Bindings) -> Step {
        let gates = |gates: &[Gate]| gates.iter().map(|g| g.bind(b)).collect();
        Step {
            title: self.title.bind(b),
            action: self.action.bind(b),
            only_if: self.only_if.as_ref().map(|e| e.bind(b)),
            before: gates(&self.before),
            after: gates(&self.after),
            ..self.clone()
        }
    }
}

impl Runbook {
    /// The same with the parameters' values put in, so that the source of no gate reads `params.…` any more: a plan
    /// stores gates as text. `params` is what [`Runbook::bind_params`] gave; a recovery point stays the name `point`.
    #[must_use]
    pub fn settle(&self, params: &serde_json::Map<String, Json>) -> Runbook {
        let mut bindings = Bindings::default();
        for (name, param) in &self.params {
            let ty = super::param_type(param.kind);
            let value = match (param.kind, params.get(name)) {
                (ParamType::RecoveryPoint, _) if name == "point" => {
                    crate::expr::check("point", &Types::new().with("point", ty), None).ok()
                }
                (_, Some(json)) => Expr::of(json, &ty),
                _ => None,
            };
            if let Some(value) = value {
                bindings = bindings.with(format!("params.{name}"), &value);
            }
        }
        let gates = |gates: &[Gate]| gates.iter().map(|g| g.bind(&bindings)).collect();
        Runbook {
            require: gates(&self.require),
            steps: self.steps.iter().map(|s| s.bind(&bindings)).collect(),
            recovered: gates(&self.recovered),
            ..self.clone()
        }
    }

    /// The dotted names that steps and gates read, so that the engine knows which facts to take again.
    pub fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let gates = self.require.iter().chain(&self.recovered);
        let of_steps = self.steps.iter().flat_map(|s| s.before.iter().chain(&s.after));
        for gate in gates.chain(of_steps) {
            names.extend(gate.that.names());
        }
        for step in &self.steps {
            names.extend(step.action.names());
            names.extend(step.title.names());
            names.extend(step.only_if.iter().flat_map(Expr::names));
        }
        names
    }

    /// Which kinds of recovery point its `point` takes; none when it has no such parameter. Empty means any.
    pub fn point_kinds(&self) -> Option<&[PointKind]> {
        let param = self.params.get("point").filter(|p| p.kind == ParamType::RecoveryPoint)?;
        Some(&param.kinds)
    }

    /// Can it restore a point of this kind?
    pub fn takes(&self, kind: PointKind) -> bool {
        self.point_kinds().is_some_and(|kinds| kinds.is_empty() || kinds.contains(&kind))
    }

    /// The value of every parameter that is not a recovery point: what was given on the command line (`--param K=V`),
    /// else what the rule that chose this runbook says ([`crate::facts::Decision::params`]), else the default.
    /// Reached as `params.<name>`.
    ///
    /// # Errors
    /// Every parameter that is unknown, missing or not of its type.
    pub fn bind_params(
        &self,
        given: &BTreeMap<String, String>,
        decided: &serde_json::Map<String, Json>,
    ) -> Result<serde_json::Map<String, Json>, Vec<ParamError>> {
        let mut values = serde_json::Map::new();
        let mut errors = Vec::new();
        for name in given.keys().filter(|n| !self.params.contains_key(*n)) {
            errors.push(self.no_param(name));
        }
        for (name, param) in self.params.iter().filter(|(_, p)| p.kind != ParamType::RecoveryPoint) {
            match (given.get(name).map(|text| param.kind.parse(text)), decided.get(name).or(param.default.as_ref())) {
                (Some(Ok(value)), _) => {
                    values.insert(name.clone(), value);
                }
                (Some(Err(message)), _) => errors.push(ParamError {
                    message: format!("parameter `{name}`: {message}"),
                    hint: format!("such as --param {name}={}", param.kind.example()),
                }),
                (None, Some(default)) => {
                    values.insert(name.clone(), default.clone());
                }
                (None, None) => errors.push(ParamError {
                    message: format!("runbook {} needs the parameter `{name}`", self.id),
                    hint: format!("--param {name}={}", param.kind.example()),
                }),
            }
        }
        if errors.is_empty() { Ok(values) } else { Err(errors) }
    }

    pub(crate) fn no_param(&self, name: &str) -> ParamError {
        let near = crate::expr::nearest(name, self.params.keys().map(String::as_str));
        let names: Vec<&str> = self.params.keys().map(String::as_str).collect();
        ParamError {
            message: format!("runbook {} has no parameter `{name}`", self.id),
            hint: match near {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => "it takes none".into(),
                None => format!("it takes {}", names.join(", ")),
            },
        }
    }
}

impl ParamType {
    /// A text as a value of this type, as JSON.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(self, text: &str) -> Result<Json, String> {
        match self {
            ParamType::String | ParamType::RecoveryPoint => Ok(Json::String(text.to_string())),
            ParamType::Int => {
                text.parse::<i64>().map(Json::from).map_err(|_| format!("`{text}` is not a whole number"))
            }
            ParamType::Bool => match text {
                "true" | "yes" => Ok(Json::Bool(true)),
                "false" | "no" => Ok(Json::Bool(false)),
                _ => Err(format!("`{text}` is neither true nor false")),
            },
            ParamType::Duration => Seconds::parse(text).map(|s| Json::from(s.0)),
            ParamType::Size => Bytes::parse(text).map(|b| Json::from(b.0)),
            ParamType::Path if text.starts_with('/') => Ok(Json::String(text.to_string())),
            ParamType::Path => Err(format!("`{text}` is not an absolute path")),
            ParamType::List if text.trim_start().starts_with('[') => match serde_json::from_str::<Vec<String>>(text) {
                Ok(texts) => Ok(Json::from(texts)),
                Err(_) => Err("it begins like a list in JSON, and is none of texts".into()),
            },
            ParamType::List => Ok(text.split_whitespace().map(Json::from).collect()),
        }
    }

    /// A value that it takes, for hints.
    pub fn example(self) -> &'static str {
        match self {
            ParamType::RecoveryPoint => "rdb",
            ParamType::String => "TEXT",
            ParamType::Int => "1",
            ParamType::Bool => "true",
            ParamType::Duration => "30s",
            ParamType::Size => "64MiB",
            ParamType::Path => "/some/path",
            ParamType::List => r#"'["one", "two words"]'"#,
        }
    }
}
