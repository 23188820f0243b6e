//! A gate of a plan: its question as text, so that a plan can be stored and read by any later binary.
use crate::expr::{Type, Types};
use crate::facts::Seconds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// A question that must be answered yes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gate {
    /// The question.
    pub that: String,
    /// Why it is asked.
    pub because: String,
    /// How long it may take until the answer is yes; without it it is asked once.
    pub within: Option<Seconds>,
    /// How often it is asked meanwhile.
    pub every: Option<Seconds>,
}

/// The names that gates may use: the facts, `point.…` and `estimate.…`.
pub fn vocabulary() -> &'static Types {
    static TYPES: LazyLock<Types> = LazyLock::new(|| {
        let object = |name: &str, schema: serde_json::Value| {
            let types = Types::from_schema(&schema);
            Type::object(name, types.roots().map(|(n, t)| (n.to_string(), t.clone())))
        };
        crate::runbook::vocabulary()
            .with("point", object("point", crate::facts::point_schema()))
            .with("estimate", object("estimate", crate::action::estimate_schema()))
    });
    &TYPES
}
