//! The typed facts: one set of structs is the JSON, the schema, the vocabulary of expressions, and the docs.
mod document;
mod files;
mod observed;
mod point;
mod units;
mod words;
pub use document::*;
pub use files::*;
pub use observed::*;
pub use point::*;
pub use units::{Bytes, Seconds, Time};
pub use words::*;

/// The JSON schema of [`Facts`]; expressions take their names and types from it.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Facts).to_value()
}

/// The JSON schema of a [`Point`]; `point.…` in expressions.
#[must_use]
pub fn point_schema() -> serde_json::Value {
    schemars::schema_for!(Point).to_value()
}

impl Point {
    /// Could it be restored here: whole or mendable, and this server can load it?
    #[must_use]
    pub fn usable(&self) -> bool {
        matches!(self.valid, Validity::Intact | Validity::Repairable) && self.loadable == Loadable::Yes
    }

    /// Is it the AOF as it was right before a flush?
    #[must_use]
    pub fn undoes_flush(&self) -> bool {
        self.cut.as_ref().is_some_and(|cut| !cut.before.is_empty())
    }

    /// Is it the AOF with a flush left out, and what came after it kept? Nobody but a person chooses that.
    #[must_use]
    pub fn keeps_after(&self) -> bool {
        self.cut.as_ref().is_some_and(|cut| !cut.left_out.is_empty())
    }

    /// The most that restoring it can lose: the loss where it is known, else its upper bound.
    #[must_use]
    pub fn worst_loss(&self) -> Option<Seconds> {
        self.loss_seconds.or(self.loss_upper)
    }
}
