//! How a check came out.
use super::grammar::{Check, Expect};
use crate::finding::{Finding, Id};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Offenders that are named, of each check.
pub const NAMED: usize = 20;
/// Characters of a key or a value that are shown.
const SHOWN: usize = 120;

/// A key that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offender {
    /// The database.
    pub db: u32,
    /// Its name, control characters escaped.
    pub key: String,
    /// What is wrong with it.
    pub why: String,
}

/// How one check came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// The check's name.
    pub id: String,
    /// What kind of check: `key`, `keys`, `number`, `state`, `reference`, `time` or `run`.
    pub kind: String,
    /// Is it as it must be?
    pub ok: bool,
    /// The finding that it gives, where not.
    pub finding: Option<Id>,
    /// Keys that were looked at.
    pub examined: u64,
    /// Keys that are not as they must be.
    pub failed: u64,
    /// In words.
    pub evidence: String,
    /// The first of them.
    pub first: Vec<Offender>,
    /// What the runbook `repair-data` would do about them, where the check declares something.
    pub repair: Option<String>,
}

/// A check while keys are looked at.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub examined: u64,
    pub failed: u64,
    pub first: Vec<Offender>,
    /// Set by checks that are about no key: how it came out.
    pub verdict: Option<(bool, String)>,
}

impl Tally {
    pub(super) fn offends(&mut self, db: u32, key: &[u8], why: &str) {
        self.failed += 1;
        if self.first.len() < NAMED {
            self.first.push(Offender { db, key: shown(key), why: why.to_string() });
        }
    }

    pub(super) fn outcome(self, check: &Check) -> Outcome {
        let (ok, evidence, finding) = self.verdict(check);
        Outcome {
            id: check.id.clone(),
            kind: check.expect.word().to_string(),
            ok,
            finding: (!ok).then_some(finding),
            examined: self.examined,
            failed: self.failed,
            evidence,
            first: self.first,
            repair: check.repair.as_ref().map(super::Repair::words),
        }
    }

    fn verdict(&self, check: &Check) -> (bool, String, Id) {
        let (examined, failed) = (self.examined, self.failed);
        match (&check.expect, &self.verdict) {
            (Expect::Run(_), Some((ok, words))) => (*ok, words.clone(), Id::DataCheckFailed),
            (Expect::Key(_), Some((ok, words))) => {
                let finding = if examined == 0 { Id::DataKeyMissing } else { Id::DataCheckFailed };
                (*ok, words.clone(), finding)
            }
            (Expect::Keys(rule), _) => {
                let few = rule.at_least.filter(|least| examined < *least);
                let many = rule.at_most.filter(|most| examined > *most);
                let mut words = format!("{examined} keys");
                few.iter().for_each(|least| words.push_str(&format!(", and there must be at least {least}")));
                many.iter().for_each(|most| words.push_str(&format!(", and there may be at most {most}")));
                if let Some(kind) = rule.kind {
                    words.push_str(&format!(", {failed} of another type than {}", kind.name()));
                }
                let finding = if few.is_some() { Id::DataCountLow } else { Id::DataCheckFailed };
                (few.is_none() && many.is_none() && failed == 0, words, finding)
            }
            _ => (failed == 0, format!("{failed} of {examined} keys are not as they must be"), Id::DataCheckFailed),
        }
    }
}

/// The findings that these outcomes give.
#[must_use]
pub fn findings(outcomes: &[Outcome]) -> Vec<Finding> {
    let found = |outcome: &Outcome| {
        let named = outcome.first.iter().map(|o| format!("db{} {}: {}", o.db, o.key, o.why));
        let title = format!("data check {}: {}", outcome.id, outcome.evidence);
        Some(outcome.finding?.found(title, named.collect()))
    };
    outcomes.iter().filter_map(found).collect()
}

/// A key or a value for people: one line, no control characters, not too long.
#[must_use]
pub fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown: String = text.chars().take(SHOWN).flat_map(|c| c.escape_debug()).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
