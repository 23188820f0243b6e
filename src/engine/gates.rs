//! Gates: questions about facts taken at this moment, asked until they are answered yes or time is up.
use super::{Event, Observer, Stop};
use crate::action::Site;
use crate::expr::{self, Truth};
use crate::facts::Facts;
use crate::plan::{Gate, vocabulary};
use std::time::{Duration, Instant};

/// How a gate was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Open {
        /// The facts it read.
        evidence: String,
    },
    /// No.
    Closed {
        /// Its reason, and the facts it read.
        because: String,
    },
    /// A fact that it asks for is unknown.
    Unknown {
        /// Which.
        because: String,
    },
}

/// Takes the facts of these groups again.
pub trait Refresh {
    /// `groups` are first names, such as `server` or `persistence`.
    fn refresh(&self, facts: &mut Facts, groups: &[String]);
}

/// Answers one gate on the facts as they stand.
#[must_use]
pub fn answer(gate: &Gate, facts: &Facts, site: &Site) -> Verdict {
    let expr = match expr::check(&gate.that, vocabulary(), None) {
        Ok(expr) => expr,
        Err(errors) => {
            let because = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            return Verdict::Unknown { because: format!("{}: {because}", gate.that) };
        }
    };
    let scope = scope_of(facts, site);
    let evidence = expr.explain(&scope);
    match expr.truth(&scope) {
        Truth::True => Verdict::Open { evidence },
        Truth::False => Verdict::Closed { because: format!("{} ({evidence})", gate.because) },
        Truth::Unknown(_) => Verdict::Unknown { because: format!("{}: unknown ({evidence})", gate.that) },
    }
}

/// Facts, point and estimates as one JSON object.
#[must_use]
pub fn scope_of(facts: &Facts, site: &Site) -> serde_json::Value {
    let mut scope = serde_json::to_value(facts).unwrap_or_default();
    if let Some(map) = scope.as_object_mut() {
        map.insert("point".into(), serde_json::to_value(&site.point).unwrap_or_default());
        map.insert("estimate".into(), serde_json::to_value(site.estimate).unwrap_or_default());
    }
    scope
}

/// Asks a gate until it is open or its time is up. Facts are taken again before each answer.
pub fn ask(
    gate: &Gate,
    facts: &mut Facts,
    site: &Site,
    refresh: &dyn Refresh,
    observer: &mut dyn Observer,
    stop: &Stop,
) -> Verdict {
    let groups: Vec<String> = match expr::check(&gate.that, vocabulary(), None) {
        Ok(expr) => expr.names().iter().filter_map(|n| n.split('.').next().map(String::from)).collect(),
        Err(_) => vec![],
    };
    let within = gate.within.map_or(Duration::ZERO, crate::facts::Seconds::duration);
    let every = gate.every.map_or(Duration::from_secs(1), crate::facts::Seconds::duration);
    let start = Instant::now();
    let mut pause = Duration::from_millis(20);
    loop {
        refresh.refresh(facts, &groups);
        let verdict = answer(gate, facts, site);
        let last = start.elapsed() >= within || stop.asked();
        if matches!(verdict, Verdict::Open { .. }) || last {
            let (open, evidence) = match &verdict {
                Verdict::Open { evidence } => (true, evidence.clone()),
                Verdict::Closed { because } | Verdict::Unknown { because } => (false, because.clone()),
            };
            observer.event(&Event::Gate { gate, open, evidence });
            return verdict;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(every);
    }
}
