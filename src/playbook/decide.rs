//! The walk through the rules.
use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::model::{Given, Playbook, Rule, Then};
use crate::expr::{Truth, Unknown, Value};
use crate::facts::{Alternative, Decision, Outcome, Point, PointKind, RuleResult, RuleVerdict};

/// What a person has said so far. Empty under `--auto`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choice {
    /// The id of the point to restore instead of the best.
    pub point: Option<String>,
    /// Answers to rules that came out unknown, by [`RuleResult::rule`] or by the condition as it is written.
    pub answers: BTreeMap<String, bool>,
}

/// Walks the rules over the facts (an object as [`crate::facts::Facts`] serializes) and the points, best first.
///
/// The first rule that holds decides. A rule that comes out unknown and was not answered ends the tree in
/// `needs_human`; [`open_question`] gives it, so that a terminal can ask and decide again.
pub fn decide(playbook: &Playbook, facts: &Json, points: &[Point], choice: &Choice) -> Decision {
    let mut decision = Decision {
        playbook: playbook.id.clone(),
        outcome: Outcome::NeedsHuman,
        path: Vec::new(),
        because: "no rule matched".into(),
        runbook: None,
        params: serde_json::Map::new(),
        point: None,
        alternatives: Vec::new(),
    };
    let walk = Walk { top: playbook, facts, points, choice };
    walk.rules(playbook, &mut decision);
    decision
}

/// The rule that came out unknown and stopped the tree, if that is how it ended.
pub fn open_question(decision: &Decision) -> Option<&RuleResult> {
    decision.path.last().filter(|r| r.verdict == RuleVerdict::Unknown)
}

struct Walk<'a> {
    top: &'a Playbook,
    facts: &'a Json,
    points: &'a [Point],
    choice: &'a Choice,
}

impl Walk<'_> {
    fn rules(&self, playbook: &Playbook, decision: &mut Decision) {
        for (i, rule) in playbook.rules.iter().enumerate() {
            let mut result = self.ask(playbook, rule, i + 1);
            let verdict = result.verdict;
            if verdict == RuleVerdict::Unknown {
                decision.because = format!("it can't be told whether this rule holds: {}", result.evidence);
            } else if verdict == RuleVerdict::Matched {
                result.because = rule.because.show(self.facts);
                decision.because = result.because.clone();
            }
            decision.path.push(result);
            match verdict {
                RuleVerdict::Rejected => {}
                RuleVerdict::Unknown => return,
                RuleVerdict::Matched => return self.follow(rule, decision),
            }
        }
    }

    fn ask(&self, playbook: &Playbook, rule: &Rule, number: usize) -> RuleResult {
        let name = rule.name(number);
        let nested = !std::ptr::eq(playbook, self.top);
        let name = if nested { format!("{} {name}", playbook.id) } else { name };
        let because = rule.because.show(self.facts);
        let Some(when) = &rule.when else {
            let evidence = "no rule before it held".into();
            return RuleResult { rule: name, because, verdict: RuleVerdict::Matched, evidence };
        };
        let told = when.explain(self.facts);
        let (verdict, evidence) = match when.truth(self.facts) {
            Truth::True => (RuleVerdict::Matched, told),
            Truth::False => (RuleVerdict::Rejected, told),
            Truth::Unknown(why) => match self.answer(&name, when.source()) {
                Some(true) => (RuleVerdict::Matched, format!("a person said yes; {}", self.told(&why))),
                Some(false) => (RuleVerdict::Rejected, format!("a person said no; {}", self.told(&why))),
                None => (RuleVerdict::Unknown, self.told(&why)),
            },
        };
        RuleResult { rule: name, because, verdict, evidence }
    }

    fn answer(&self, name: &str, source: &str) -> Option<bool> {
        self.choice.answers.get(name).or_else(|| self.choice.answers.get(source)).copied()
    }

    /// Why it is unknown, with the reasons that the assessment noted in `unknown`.
    fn told(&self, why: &Unknown) -> String {
        let reasons = self.facts.get("unknown").and_then(Json::as_object);
        let mut parts: Vec<String> = why
            .names
            .iter()
            .map(|name| {
                // A reason noted for `server` also holds for `server.role`.
                let mut at = name.as_str();
                loop {
                    if let Some(reason) = reasons.and_then(|r| r.get(at)).and_then(Json::as_str) {
                        return format!("{name} is unknown ({reason})");
                    }
                    match at.rsplit_once('.') {
                        Some((parent, _)) => at = parent,
                        None => return format!("{name} is unknown"),
                    }
                }
            })
            .collect();
        parts.extend(why.reasons.iter().cloned());
        parts.join(", ")
    }

    fn follow(&self, rule: &Rule, decision: &mut Decision) {
        match &rule.then {
            Then::Outcome(ending) => decision.outcome = (*ending).into(),
            Then::Playbook(inner) => self.rules(inner, decision),
            Then::Runbook { id, with, kinds } => {
                let fits = |kind: PointKind| kinds.as_ref().is_some_and(|k| k.is_empty() || k.contains(&kind));
                if !self.params(with, decision) {
                    return;
                }
                match kinds {
                    None if self.choice.point.is_none() => self.settle(decision, id, None),
                    _ => self.restore(decision, &|kind| fits(kind).then(|| id.clone())),
                }
            }
            Then::Restore(map) => self.restore(decision, &|kind| map.get(&kind).cloned()),
        }
    }

    fn params(&self, with: &BTreeMap<String, Given>, decision: &mut Decision) -> bool {
        for (name, given) in with {
            let value = match given {
                Given::Literal(json) => json.clone(),
                Given::Template(template) => match template.render(self.facts) {
                    Value::Unknown(why) => {
                        decision.because = format!("the parameter `{name}` can't be known: {}", self.told(&why));
                        return false;
                    }
                    value => value.to_json(),
                },
            };
            decision.params.insert(name.clone(), value);
        }
        true
    }

    fn settle(&self, decision: &mut Decision, runbook: &str, point: Option<&Point>) {
        decision.outcome = Outcome::Runbook;
        decision.runbook = Some(runbook.to_string());
        decision.point = point.map(|p| p.id.clone());
    }

    /// The chosen point, or the best that this rule can restore; every other one with its runbook beside it.
    fn restore(&self, decision: &mut Decision, own: &dyn Fn(PointKind) -> Option<String>) {
        let serves = |p: &Point| own(p.kind).or_else(|| self.top.runbook_for(p).map(str::to_string));
        let usable: Vec<&Point> = self.points.iter().filter(|p| p.usable()).collect();
        let picked = match &self.choice.point {
            Some(id) => match self.points.iter().find(|p| &p.id == id) {
                Some(point) => serves(point).map(|runbook| (point, runbook)),
                None => {
                    decision.because = format!("there is no recovery point `{id}`");
                    return;
                }
            },
            None => usable.iter().find_map(|p| own(p.kind).map(|runbook| (*p, runbook))),
        };
        let Some((point, runbook)) = picked else {
            decision.because = match &self.choice.point {
                Some(id) => {
                    format!("no runbook of this playbook restores the recovery point `{id}`")
                }
                None => format!("{} But no recovery point that it could restore is usable.", decision.because),
            };
            return;
        };
        let others = usable.iter().filter(|p| p.id != point.id);
        decision.alternatives =
            others.filter_map(|p| Some(Alternative { point: p.id.clone(), runbook: serves(p)? })).collect();
        if self.choice.point.is_some() && own(point.kind).as_deref() != Some(runbook.as_str()) {
            // Another runbook than the rule's: its parameters are not those of the rule.
            decision.params.clear();
        }
        self.settle(decision, &runbook, Some(point));
    }
}
