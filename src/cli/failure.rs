//! How a command fails: what, why, hint, exit code; as words or as `redis-dr/error/1`.
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::error::Error;

use crate::config::PickError;
use crate::host::HostError;
use crate::journal::JournalError;
use crate::plan::PlanError;
use crate::report::Commands;
use crate::state::StateError;
use crate::vault::VaultError;

/// A command that did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong; its chain of sources says why.
    error: anyhow::Error,
    /// What to do.
    hint: String,
    /// The process's exit code.
    pub exit_code: i32,
}

impl Failure {
    /// With an exit code, from an error whose sources are told as causes.
    pub fn of(exit_code: i32, error: impl Into<anyhow::Error>, hint: impl Into<String>) -> Self {
        Self { error: error.into(), hint: hint.into(), exit_code }
    }

    /// With an exit code, in words.
    pub fn new(exit_code: i32, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::of(exit_code, anyhow::Error::msg(error.into()), hint)
    }

    /// A file that the operator named can't be read or written.
    pub fn file(error: HostError) -> Self {
        let hint = error.hint();
        Self::of(2, error, hint)
    }

    /// The command was not written right, or a file of the operator's is not valid.
    pub fn usage(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(2, error, hint)
    }

    /// A read-only command could not look.
    pub fn look(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(1, error, hint)
    }

    /// With a hint whose commands can be pasted.
    #[must_use]
    pub fn carrying(mut self, commands: &Commands) -> Self {
        self.hint = commands.carried(&self.hint, None);
        self
    }

    /// What went wrong, and why, in one line.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{:#}", self.error)
    }

    /// Why, outermost first.
    fn caused_by(&self) -> impl Iterator<Item = String> {
        self.error.chain().skip(1).map(<dyn Error>::to_string)
    }

    /// The text for standard error.
    #[must_use]
    pub fn text(&self) -> String {
        let error = self.error.to_string();
        let mut out = if error.starts_with("error") { error } else { format!("error: {error}") };
        for cause in self.caused_by() {
            out.push_str(&format!("\n  caused by: {cause}"));
        }
        // what is wrong with a file is shown with its hints, line by line
        if !self.hint.is_empty() && !out.ends_with(&format!("hint: {}", self.hint)) {
            out.push_str(&format!("\nhint: {}", self.hint));
        }
        out
    }
}

/// As `redis-dr/error/1`.
impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_struct("Failure", 5)?;
        document.serialize_field("schema", "redis-dr/error/1")?;
        document.serialize_field("error", &self.error.to_string())?;
        document.serialize_field("caused_by", &self.caused_by().collect::<Vec<_>>())?;
        document.serialize_field("hint", &self.hint)?;
        document.serialize_field("exit_code", &self.exit_code)?;
        document.end()
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        let (exit_code, hint) = (if matches!(error, StateError::Host(_)) { 1 } else { 2 }, error.hint());
        Self::of(exit_code, error, hint)
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        let (exit_code, hint) = (error.exit_code(), error.hint());
        Self::of(exit_code, error, hint)
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        let hint = error.hint();
        Self::of(1, error, hint)
    }
}

impl From<PickError> for Failure {
    fn from(error: PickError) -> Self {
        let hint = error.hint();
        Self::of(2, error, hint)
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let hint = error.hint();
        Self::of(1, error, hint)
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        let hint = error.hint();
        Self::of(1, error, hint)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::path::Path;

    #[test]
    fn the_systems_answer_is_among_the_causes() {
        let nothing = Path::new("/nonexistent/redis-dr.yaml");
        let failure = Failure::file(crate::host::Look::new().read(nothing, 1).unwrap_err());
        assert_eq!(
            failure.text(),
            "error: cannot open /nonexistent/redis-dr.yaml\n  caused by: No such file or directory (os error 2)\n\
             hint: look at it: ls -ld /nonexistent/redis-dr.yaml"
        );
        assert_eq!(
            serde_json::to_value(&failure).unwrap(),
            serde_json::json!({
                "schema": "redis-dr/error/1",
                "error": "cannot open /nonexistent/redis-dr.yaml",
                "caused_by": ["No such file or directory (os error 2)"],
                "hint": "look at it: ls -ld /nonexistent/redis-dr.yaml",
                "exit_code": 2,
            })
        );
        assert_eq!(failure.line(), "cannot open /nonexistent/redis-dr.yaml: No such file or directory (os error 2)");
    }
}
