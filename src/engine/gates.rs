//! Gates: questions about facts taken at this moment, asked until they are answered yes or time is up.
use super::{Event, Observer, Stop};
use crate::action::Site;
use crate::expr::{self, Truth, Types};
use crate::facts::Facts;
use crate::plan::{Gate, told};
use crate::runbook::{STEPS, results_by_step};
use serde_json::Value;
use std::collections::BTreeMap;
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

/// What a run knows beside the facts.
pub struct Known<'a> {
    /// The names its plan may use.
    pub types: &'a Types,
    /// Its point and estimates.
    pub site: &'a Site,
    /// What its steps found out, by their ids; a step that is not in it, or null, left everything unknown.
    pub results: &'a BTreeMap<String, Value>,
}

/// Answers one gate on the facts as they stand.
#[must_use]
pub fn answer(gate: &Gate, facts: &Facts, known: &Known<'_>) -> Verdict {
    let expr = match expr::check(&gate.that, known.types, None) {
        Ok(expr) => expr,
        Err(errors) => {
            let because = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            return Verdict::Unknown { because: format!("{}: {because}", gate.that) };
        }
    };
    let scope = known.scope(facts);
    let evidence = expr.explain(&scope);
    match expr.truth(&scope) {
        Truth::True => Verdict::Open { evidence },
        Truth::False => {
            Verdict::Closed { because: format!("{} ({evidence})", told(&gate.because, known.types, &scope)) }
        }
        Truth::Unknown(_) => Verdict::Unknown { because: format!("{}: unknown ({evidence})", gate.that) },
    }
}

impl Known<'_> {
    /// Facts, point, estimates and results as one JSON object.
    #[must_use]
    pub fn scope(&self, facts: &Facts) -> Value {
        let mut scope = serde_json::to_value(facts).unwrap_or_default();
        if let Some(map) = scope.as_object_mut() {
            map.insert("point".into(), serde_json::to_value(&self.site.point).unwrap_or_default());
            map.insert("estimate".into(), serde_json::to_value(self.site.estimate).unwrap_or_default());
            map.insert(STEPS.into(), results_by_step(self.results.iter()));
        }
        scope
    }
}

/// Asks a gate until it is open or its time is up. Facts are taken again before each answer.
pub fn ask(
    gate: &Gate,
    facts: &mut Facts,
    known: &Known<'_>,
    refresh: &dyn Refresh,
    observer: &mut dyn Observer,
    stop: &Stop,
) -> Verdict {
    let groups: Vec<String> = match expr::check(&gate.that, known.types, None) {
        Ok(expr) => expr.names().iter().filter_map(|n| n.split('.').next().map(String::from)).collect(),
        Err(_) => vec![],
    };
    let within = gate.within.map_or(Duration::ZERO, crate::facts::Seconds::duration);
    let every = gate.every.map_or(Duration::from_secs(1), crate::facts::Seconds::duration);
    let start = Instant::now();
    let mut pause = Duration::from_millis(20);
    loop {
        refresh.refresh(facts, &groups);
        let verdict = answer(gate, facts, known);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::runbook::results_types;
    use serde_json::json;

    fn site() -> Site {
        serde_json::from_value(json!({
            "instance": "demo", "address": "127.0.0.1:6379", "config_file": "/x/redis.conf", "data_dir": "/x",
            "rdb": "/x/dump.rdb", "aof": "/x/appendonlydir", "aof_name": "appendonly.aof", "multi_part": true,
            "aof_on": true, "flavour": "redis", "version": "7.0.15", "binary": null, "service": "process",
            "unit": null, "commands": null, "run_as": null, "overridden": [], "start_args": [], "working_dir": null,
            "vault_dir": "/v", "logfile": null, "can_fence": true, "probe": true, "was_answering": false,
            "memory_worthless": false, "point": null, "estimate": { "load": 1.0, "rewrite": 1.0, "copy": 1.0 },
        }))
        .unwrap()
    }

    /// The verdict of a gate when the steps have found this out.
    fn verdict(that: &str, results: &[(&str, Value)]) -> Verdict {
        let steps = [("start", "service.start"), ("inner.stop-it", "service.stop")];
        let types = Types::new().with(STEPS, results_types(steps.into_iter()));
        let results = results.iter().map(|(id, found)| (id.to_string(), found.clone())).collect();
        let because = "${steps.start.loaded_keys} keys are too few".to_string();
        let gate = Gate { that: that.into(), because, within: None, every: None };
        answer(&gate, &Facts::default(), &Known { types: &types, site: &site(), results: &results })
    }

    #[test]
    fn what_steps_found_out_opens_and_closes_gates() {
        let found = [("start", json!({ "loaded_keys": 7 })), ("inner.stop-it", json!({ "was": "down" }))];
        let open = verdict("steps.start.loaded_keys > 5 && steps.inner.stop_it.was == \"down\"", &found);
        let evidence = "steps.start.loaded_keys is 7, steps.inner.stop_it.was is down";
        assert_eq!(open, Verdict::Open { evidence: evidence.into() });
        let because = "7 keys are too few (steps.start.loaded_keys is 7)";
        assert_eq!(verdict("steps.start.loaded_keys > 7", &found), Verdict::Closed { because: because.into() });
    }

    #[test]
    fn what_was_not_found_out_closes_them() {
        let skipped = ("start", Value::Null);
        for results in [vec![], vec![skipped], vec![("start", json!({ "loaded_keys": null }))]] {
            let verdict = verdict("steps.start.loaded_keys > 5", &results);
            assert!(matches!(verdict, Verdict::Unknown { .. }), "{results:?}: {verdict:?}");
        }
    }
}
