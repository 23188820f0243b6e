//! When a scenario is to be rehearsed again, and how it went over time. Pure.
use super::scenario::Cadence;
use crate::facts::Time;
use crate::report::{DrillVerdict, Scorecard, Trend};

/// When a scenario was held, and is to be held again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Due {
    /// When it was last held to its end.
    pub last: Option<Time>,
    /// What it came to.
    pub verdict: Option<DrillVerdict>,
    /// From when on it is due; none when it never is.
    pub at: Option<Time>,
    /// Is it due now?
    pub now: bool,
}

/// From its scorecards, oldest first. What was left out or broken taught nothing and does not count; one that failed is due at
/// once. A scenario that was never held is due, unless nobody said how often.
#[must_use]
pub fn due(cadence: Cadence, cards: &[Scorecard], now: Time) -> Due {
    let held = cards.iter().rfind(|c| matches!(c.verdict, DrillVerdict::Passed | DrillVerdict::Failed));
    let last = held.map(|c| c.started_at);
    let verdict = held.map(|c| c.verdict);
    let at = cadence.days().and_then(|days| match (last, verdict) {
        (Some(last), Some(DrillVerdict::Passed)) => Time::from_unix(last.unix().saturating_add(days * 86_400)),
        (Some(last), _) => Some(last),
        (None, _) => Some(now),
    });
    Due { last, verdict, at, now: at.is_some_and(|at| at <= now) }
}

/// A scenario over time.
#[must_use]
pub fn trend(scenario: &str, cards: &[Scorecard]) -> Trend {
    let held: Vec<&Scorecard> =
        cards.iter().filter(|c| matches!(c.verdict, DrillVerdict::Passed | DrillVerdict::Failed)).collect();
    let passed = held.iter().filter(|c| c.verdict == DrillVerdict::Passed).count();
    Trend {
        scenario: scenario.into(),
        runs: held.len() as u64,
        passed: passed as u64,
        at: held.iter().map(|c| c.started_at).collect(),
        verdicts: held.iter().map(|c| c.verdict).collect(),
        serve_seconds: held.iter().map(|c| c.times.serve_seconds).collect(),
        lost_percent: held.iter().map(|c| c.loss.percent).collect(),
    }
}
