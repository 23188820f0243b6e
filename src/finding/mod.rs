//! Finding ids, severities and scopes; `redis-dr explain ID` prints what stands here.
mod catalog;
pub use catalog::Id;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How bad a finding is; ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-ordered" = true))]
pub enum Severity {
    /// Nothing is wrong.
    #[default]
    Healthy,
    /// Within a day.
    Minor,
    /// Within an hour.
    Major,
    /// Act now.
    Critical,
}

/// Whether a finding hurts now, or only when the next thing fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Service or data is affected.
    Now,
    /// Only the next failure would hurt.
    Next,
}

/// Something wrong, with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Which finding.
    pub id: Id,
    /// How bad it is here.
    pub severity: Severity,
    /// Hurts now or at the next failure.
    pub scope: Scope,
    /// One sentence with the particulars.
    pub title: String,
    /// What was seen: log lines, sizes, offsets.
    pub evidence: Vec<String>,
    /// What to do.
    pub hint: String,
}

impl Id {
    /// The dotted name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().0
    }
    /// Severity where the circumstances don't say otherwise.
    #[must_use]
    pub fn severity(self) -> Severity {
        self.row().1
    }
    /// Whether it hurts now.
    #[must_use]
    pub fn scope(self) -> Scope {
        use Id::*;
        match self {
            BackupNone | BackupStale | BackupCorrupt | MemoryOvercommit | MemoryForkRisk | DiskLow | FilesTempLeft
            | ConfigNoPersistence | ConfigWeakFsync | FilesNoTimeTravel => Scope::Next,
            _ => Scope::Now,
        }
    }
    /// What it means.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.row().2
    }
    /// What to do about it.
    #[must_use]
    pub fn hint(self) -> &'static str {
        self.row().3
    }
    /// Where no assessment derives it: what would have to be looked at, and is not.
    #[must_use]
    pub fn not_derived(self) -> Option<&'static str> {
        use Id::*;
        match self {
            ReplicationDiverged => Some("it takes the replication ids and offsets of both servers, and one is asked"),
            SentinelNoQuorum => Some("it takes the answers of the Sentinels, and they are not asked"),
            _ => None,
        }
    }
    /// The finding with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|id| id.name() == name)
    }
    /// A finding of this id with its usual severity and hint.
    #[must_use]
    pub fn found(self, title: impl Into<String>, evidence: Vec<String>) -> Finding {
        Finding {
            id: self,
            severity: self.severity(),
            scope: self.scope(),
            title: title.into(),
            evidence,
            hint: self.hint().to_string(),
        }
    }
}

impl Finding {
    /// The same finding with another severity.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}
