//! Runbooks: the steps that bring data back. Grammar, includes, lint; pure.
//!
//! [`load`] turns a text into a [`Runbook`] in which every name, type, parameter and rule has been checked and every
//! include is flattened. What reads facts is an [`crate::expr::Expr`] or a [`crate::expr::Template`], resolved once by
//! the plan ([`Do::resolve`]); the scope it needs has the roots of [`crate::facts::Facts`] and beside them `estimate`
//! ([`crate::action::Estimate`]), `params` (an object, [`Runbook::bind_params`]; recovery points under their names) and
//! `point`. What a step finds out is read as `steps.<id>.<result>` by what is asked and said after it ([`results_types`],
//! [`results_by_step`]).
//!
//! A runbook is found by its id: the file `<id>.yaml` of the operator's directories, first match wins, then the
//! built-in ones ([`Library`]).
mod act;
pub(crate) mod chart;
mod grammar;
mod graph;
mod include;
mod library;
pub(crate) mod lint;
mod load;
mod model;
pub(crate) mod reader;
mod results;

pub use crate::config::Risk;
pub use act::{Do, DoError};
pub use chart::Chart;
pub use grammar::schema;
pub(crate) use grammar::{Condition, Scalar};
pub(crate) use library::compiled_in;
pub use library::{Library, Source};
pub(crate) use load::{literal, param_type};
pub use load::{load, vocabulary};
pub use model::{Gate, OnFailure, Param, ParamError, ParamType, Retry, Runbook, Step};
pub use results::{STEPS, results_by_step, results_types};

/// Looks up a runbook by id.
pub type Find<'a> = dyn Fn(&str) -> Option<Source> + 'a;

/// The built-in runbooks, by id.
pub fn builtin() -> Vec<Source> {
    static DIR: include_dir::Dir<'_> = include_dir::include_dir!("$CARGO_MANIFEST_DIR/runbooks");
    library::compiled_in(&DIR)
}

/// The word of a kind of recovery point, as in YAML.
pub(crate) fn kind_word(kind: crate::facts::PointKind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
