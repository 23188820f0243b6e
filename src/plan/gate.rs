//! A gate of a plan: its question as text, so that a plan can be stored and read by any later binary.
use super::Plan;
use crate::expr::{Scope, Template, Type, Types};
use crate::facts::Seconds;
use crate::runbook::{self, STEPS};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// A question that must be answered yes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gate {
    /// The question.
    pub that: String,
    /// Why it is asked; `${steps.…}` is put in when it is.
    pub because: String,
    /// How long it may take until the answer is yes; without it it is asked once.
    pub within: Option<Seconds>,
    /// How often it is asked meanwhile.
    pub every: Option<Seconds>,
}

/// The names that every gate may use: the facts, `point.…` and `estimate.…`.
fn vocabulary() -> &'static Types {
    static TYPES: LazyLock<Types> = LazyLock::new(|| {
        let object = |name: &str, schema: serde_json::Value| {
            let types = Types::from_schema(&schema);
            Type::object(name, types.roots().map(|(n, t)| (n.to_string(), t.clone())))
        };
        runbook::vocabulary()
            .with("point", object("point", crate::facts::point_schema()))
            .with("estimate", object("estimate", crate::action::estimate_schema()))
    });
    &TYPES
}

impl Plan {
    /// The names that its gates may use: the facts, `point.…`, `estimate.…`, and `steps.…`.
    #[must_use]
    pub fn vocabulary(&self) -> Types {
        let steps = self.steps.iter().map(|s| (s.id.as_str(), s.action.as_str()));
        vocabulary().clone().with(STEPS, runbook::results_types(steps))
    }
}

/// A title or reason of a plan with what steps have found out put in. `types` is [`Plan::vocabulary`].
#[must_use]
pub fn told(text: &str, types: &Types, scope: &dyn Scope) -> String {
    // an older plan may hold text that only looks like a template
    Template::check(text, types, None).map_or_else(|_| text.to_string(), |template| template.show(scope))
}
