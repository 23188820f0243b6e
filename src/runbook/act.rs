//! What a step does, before its `${…}` are resolved.
use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::action::Action;
use crate::expr::{Bindings, Scope, Template, Unknown, Value};

/// The `do:` of a step: an action whose parameters may still read facts. All of it is type-checked at load.
#[derive(Debug, Clone, PartialEq)]
pub struct Do {
    pub(super) name: String,
    pub(super) with: Shape,
}

/// JSON with typed holes in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Json(Json),
    Text(Template),
    /// A place for a recovery point: the point's id is what the action gets.
    Point(Template),
    List(Vec<Shape>),
    Map(Vec<(String, Shape)>),
}

/// Why an action can't be made from the facts at hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DoError {
    /// A parameter reads what could not be observed.
    #[error("`{parameter}` of {action} can't be known: {because}")]
    Unknown {
        /// The action's dotted name.
        action: String,
        /// The parameter, dotted where it is nested.
        parameter: String,
        /// Which facts, or which reason.
        because: Unknown,
    },
    /// The values found do not make a valid action.
    #[error("{action} can't be carried out with these values: {because}")]
    Invalid {
        /// The action's dotted name.
        action: String,
        /// What the action says.
        because: String,
    },
}

impl DoError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            DoError::Unknown { .. } => "assess again when that can be observed, or give the value with --param",
            DoError::Invalid { .. } => "give another value with --param",
        }
    }
}

impl Do {
    /// The action's dotted name, such as `service.stop`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The action with every value resolved, once.
    ///
    /// # Errors
    /// A parameter that reads an unknown fact, or values that the action refuses.
    pub fn resolve(&self, scope: &dyn Scope) -> Result<Action, DoError> {
        let with = self.with.render(scope, "").map_err(|(parameter, because)| DoError::Unknown {
            action: self.name.clone(),
            parameter,
            because,
        })?;
        let whole = Json::Object([(self.name.clone(), with)].into_iter().collect());
        let invalid = |because: String| DoError::Invalid { action: self.name.clone(), because };
        let action: Action = serde_json::from_value(whole).map_err(|e| invalid(e.to_string()))?;
        action.act().sound().map_err(invalid)?;
        Ok(action)
    }

    /// The dotted names its parameters read.
    pub fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.with.each(&mut |t| names.extend(t.names()));
        names
    }

    /// A parameter that is written down as it is, without `${…}`.
    pub(super) fn literal(&self, parameter: &str) -> Option<&Json> {
        match &self.with {
            Shape::Json(json) => json.get(parameter),
            Shape::Map(entries) => entries.iter().find(|(k, _)| k == parameter).and_then(|(_, v)| match v {
                Shape::Json(json) => Some(json),
                _ => None,
            }),
            _ => None,
        }
    }

    pub(super) fn bind(&self, bindings: &Bindings) -> Do {
        Do { name: self.name.clone(), with: self.with.bind(bindings) }
    }
}

impl Shape {
    fn render(&self, scope: &dyn Scope, path: &str) -> Result<Json, (String, Unknown)> {
        let below = |key: &str| {
            if path.is_empty() { key.to_string() } else { format!("{path}.{key}") }
        };
        match self {
            Shape::Json(json) => Ok(json.clone()),
            Shape::Text(template) => match template.render(scope) {
                Value::Unknown(u) => Err((path.to_string(), u)),
                value => Ok(value.to_json()),
            },
            Shape::Point(template) => match template.render(scope) {
                Value::Unknown(u) => Err((path.to_string(), u)),
                value => Ok(Json::String(value.to_string())),
            },
            Shape::List(items) => {
                let items = items.iter().enumerate().map(|(i, s)| s.render(scope, &below(&i.to_string())));
                items.collect::<Result<Vec<_>, _>>().map(Json::Array)
            }
            Shape::Map(entries) => {
                let entries = entries.iter().map(|(k, s)| Ok((k.clone(), s.render(scope, &below(k))?)));
                entries.collect::<Result<serde_json::Map<_, _>, _>>().map(Json::Object)
            }
        }
    }

    pub(super) fn each(&self, found: &mut dyn FnMut(&Template)) {
        match self {
            Shape::Json(_) => {}
            Shape::Text(t) | Shape::Point(t) => found(t),
            Shape::List(items) => items.iter().for_each(|s| s.each(found)),
            Shape::Map(entries) => entries.iter().for_each(|(_, s)| s.each(found)),
        }
    }

    fn bind(&self, bindings: &Bindings) -> Shape {
        match self {
            Shape::Json(json) => Shape::Json(json.clone()),
            Shape::Text(t) => Shape::Text(t.bind(bindings)),
            Shape::Point(t) => Shape::Point(t.bind(bindings)),
            Shape::List(items) => Shape::List(items.iter().map(|s| s.bind(bindings)).collect()),
            Shape::Map(entries) => Shape::Map(entries.iter().map(|(k, s)| (k.clone(), s.bind(bindings))).collect()),
        }
    }
}
