//! How a command fails: what, why, hint, exit code; as words or as `redis-dr/error/1`.
use serde::Serialize;

/// A command that did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// redis-dr/error/1
    pub schema: &'static str,
    /// What went wrong.
    pub error: String,
    /// Why, outermost first.
    pub caused_by: Vec<String>,
    /// What to do.
    pub hint: String,
    /// The process's exit code.
    pub exit_code: i32,
}

impl Failure {
    /// With an exit code.
    pub fn new(exit_code: i32, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { schema: "redis-dr/error/1", error: error.into(), caused_by: vec![], hint: hint.into(), exit_code }
    }

    /// The command was not written right, or a file of the operator's is not valid.
    pub fn usage(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(2, error, hint)
    }

    /// A read-only command could not look.
    pub fn look(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(1, error, hint)
    }

    /// The text for standard error.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out =
            if self.error.starts_with("error") { self.error.clone() } else { format!("error: {}", self.error) };
        for cause in &self.caused_by {
            out.push_str(&format!("\n  caused by: {cause}"));
        }
        if !self.hint.is_empty() {
            out.push_str(&format!("\nhint: {}", self.hint));
        }
        out
    }
}

impl From<crate::state::StateError> for Failure {
    fn from(e: crate::state::StateError) -> Self {
        let code = if matches!(e, crate::state::StateError::Host(_)) { 1 } else { 2 };
        Self::new(code, e.to_string(), e.hint())
    }
}

impl From<crate::host::HostError> for Failure {
    fn from(e: crate::host::HostError) -> Self {
        Self::look(e.to_string(), e.hint())
    }
}

impl From<crate::plan::PlanError> for Failure {
    fn from(e: crate::plan::PlanError) -> Self {
        Self::new(e.exit_code(), e.to_string(), e.hint())
    }
}

impl From<crate::config::PickError> for Failure {
    fn from(e: crate::config::PickError) -> Self {
        Self::usage(e.to_string(), e.hint())
    }
}

impl From<crate::journal::JournalError> for Failure {
    fn from(e: crate::journal::JournalError) -> Self {
        Self::look(e.to_string(), e.hint())
    }
}

impl From<crate::vault::VaultError> for Failure {
    fn from(e: crate::vault::VaultError) -> Self {
        Self::look(e.to_string(), e.hint())
    }
}
