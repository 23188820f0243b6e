//! What was compared, and how it came out.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// What was compared.
    pub name: String,
    /// Is it as it should be?
    pub ok: bool,
    /// Is it an equality? False: only bounds could be asked for, because clients may have written.
    pub exact: bool,
    /// Both sides.
    pub evidence: String,
}

/// All comparisons.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// In the order they were made.
    pub checks: Vec<Check>,
}

impl Report {
    /// Is everything as it should be?
    #[must_use]
    pub fn ok(&self) -> bool {
        self.checks.iter().all(|c| c.ok)
    }

    /// Notes a comparison that knows what must be there.
    pub fn exact(&mut self, name: impl Into<String>, ok: bool, evidence: impl Into<String>) {
        self.checks.push(Check { name: name.into(), ok, exact: true, evidence: evidence.into() });
    }

    /// Notes a comparison that knows only bounds.
    pub fn bounds(&mut self, name: impl Into<String>, ok: bool, evidence: impl Into<String>) {
        self.checks.push(Check { name: name.into(), ok, exact: false, evidence: evidence.into() });
    }
}
