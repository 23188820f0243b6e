//! Facts in, findings out. Pure.
mod ground;
mod order;
mod serving;
mod stored;

use super::seen::Seen;
use crate::facts::{Facts, FindingsFacts, Point, Role};
use crate::finding::{Finding, Id, Scope, Severity};

/// Everything wrong that the facts show: what hurts now, causes before their consequences, then the rest, worst first.
#[must_use]
pub fn derive(facts: &Facts, points: &[Point], seen: &Seen) -> Vec<Finding> {
    let mut found = Vec::new();
    serving::derive(facts, seen, &mut found);
    stored::derive(facts, points, seen, &mut found);
    ground::derive(facts, points, seen, &mut found);
    if facts.instance.role == Role::Cache {
        found.iter_mut().filter(|f| persistence(f.id)).for_each(|f| f.severity = lower(f.severity));
    }
    order::causes_first(&mut found);
    found
}

/// The findings as a vocabulary of conditions.
#[must_use]
pub fn summary(found: &[Finding]) -> FindingsFacts {
    let worst = |of: &mut dyn Iterator<Item = &Finding>| of.map(|f| f.severity).max().unwrap_or(Severity::Healthy);
    FindingsFacts {
        worst_now: worst(&mut found.iter().filter(|f| f.scope == Scope::Now)),
        worst: worst(&mut found.iter()),
        ids: found.iter().map(|f| f.id).collect(),
    }
}

/// Findings about keeping data: they weigh less where the data can be made again.
fn persistence(id: Id) -> bool {
    let name = id.name();
    (name.starts_with("files.") && id != Id::FilesPermission)
        || name.starts_with("backup.")
        || name.starts_with("config.")
}

fn lower(severity: Severity) -> Severity {
    match severity {
        Severity::Critical => Severity::Major,
        _ => Severity::Minor,
    }
}

/// The same finding, which only the next failure would make hurt.
fn next(mut finding: Finding) -> Finding {
    finding.scope = Scope::Next;
    finding
}

/// The lines of the log that mean this.
fn log_lines(facts: &Facts, id: Id) -> Vec<String> {
    facts.log.fatal.iter().filter(|l| l.finding == Some(id)).map(|l| format!("log: {}", l.line)).collect()
}

fn yes(fact: Option<bool>) -> bool {
    fact == Some(true)
}

#[cfg(test)]
mod tests;
