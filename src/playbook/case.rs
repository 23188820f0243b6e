//! Cases of `redis-dr playbook test`: facts in, the expected rule out.
use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::grammar::{CaseFile, ExpectFile, RuleWord};
use super::model::Playbook;
use super::{Choice, baseline, decide, open_question};
use crate::expr;
use crate::facts::{Assessment, Decision, Facts, Outcome, Point, RuleVerdict};
use crate::finding::{Id, Scope, Severity};
use crate::runbook;
use crate::runbook::lint;
use crate::runbook::reader::{Reader, below};
use crate::yaml::Diag;

/// One case: facts, points, and what the playbook must come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The playbook it is about.
    pub playbook: String,
    /// What is wrong, in a sentence.
    pub name: String,
    /// A saved assessment to start from, as it is named in the file.
    pub assessment: Option<String>,
    facts: BTreeMap<String, Json>,
    findings: Option<Vec<Id>>,
    points: Option<Vec<Point>>,
    choice: Choice,
    expect: ExpectFile,
}

/// What a case came to.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseResult {
    /// Its name.
    pub name: String,
    /// What the playbook decided; none when the case could not be run.
    pub decision: Option<Decision>,
    /// Each expectation that was not met, in words. Empty: it passed.
    pub problems: Vec<String>,
}

/// Reads a file of cases.
///
/// # Errors
/// Everything that is wrong with it: structure, names of facts, values that are not of their type.
pub fn cases(text: &str) -> Result<Vec<Case>, Vec<Diag>> {
    let mut r = Reader::open(text, &super::case_schema())?;
    lint::version(&mut r);
    let playbook = r.text("/playbook").unwrap_or_default();
    let all: Vec<Option<Case>> = (0..r.count("/cases")).map(|i| case(&mut r, &below("/cases", i), &playbook)).collect();
    r.finish(all.into_iter().collect())
}

fn case(r: &mut Reader<'_>, path: &str, playbook: &str) -> Option<Case> {
    let types = runbook::vocabulary();
    let facts = below(path, "facts");
    for name in r.keys(&facts) {
        if let Err(errors) = expr::check(&name, &types, None) {
            for e in errors {
                r.error_at_key(&facts, &name, e.message, e.hint);
            }
            continue;
        }
        let mut probe = baseline::healthy();
        let place = below(&facts, &name);
        let value: Json = r.value(&place).unwrap_or(Json::Null);
        set(&mut probe, &name, value);
        if let Err(e) = serde_json::from_value::<Facts>(probe) {
            let wanted = types.get(&name).map(|t| format!("it is {t}"));
            r.error(&place, format!("`{name}` can't be this: {e}"), wanted);
        }
    }
    let file: CaseFile = r.value(path)?;
    let mut points = None;
    if let Some(given) = &file.points {
        let made: Vec<Option<Point>> =
            given.iter().enumerate().map(|(i, p)| point(r, &format!("{path}/points/{i}"), p)).collect();
        points = Some(made.into_iter().collect::<Option<Vec<Point>>>()?);
    }
    Some(Case {
        playbook: playbook.to_string(),
        name: file.name,
        assessment: file.assessment,
        facts: file.facts,
        findings: file.findings,
        points,
        choice: Choice { point: None, answers: file.answers },
        expect: file.expect,
    })
}

/// A point from what the case says about it; the rest is that of an intact one.
fn point(r: &mut Reader<'_>, path: &str, given: &serde_json::Map<String, Json>) -> Option<Point> {
    let mut whole = baseline::point();
    let object = whole.as_object_mut()?;
    if !given.contains_key("id") {
        object.insert("id".into(), given.get("kind").cloned().unwrap_or_default());
    }
    for (name, value) in given {
        if !object.contains_key(name) {
            let near = expr::nearest(name, object.keys().map(String::as_str)).map(|n| format!("did you mean `{n}`?"));
            r.error_at_key(path, name, format!("a point has no `{name}`"), near);
            return None;
        }
        object.insert(name.clone(), value.clone());
    }
    match serde_json::from_value(whole) {
        Ok(point) => Some(point),
        Err(e) => {
            r.error(path, format!("this is not a point: {e}"), None);
            None
        }
    }
}

/// Sets a dotted name.
fn set(facts: &mut Json, dotted: &str, value: Json) {
    let mut at = facts;
    let mut parts = dotted.split('.').peekable();
    while let Some(part) = parts.next() {
        let Some(object) = at.as_object_mut() else {
            return;
        };
        if parts.peek().is_none() {
            object.insert(part.to_string(), value);
            return;
        }
        at = object.entry(part.to_string()).or_insert_with(|| json!({}));
    }
}

/// Runs one case. `read` gives the text of a saved assessment.
pub fn run_case(playbook: &Playbook, case: &Case, read: &dyn Fn(&str) -> Result<String, String>) -> CaseResult {
    let (facts, points) = match situation(case, read) {
        Ok(found) => found,
        Err(problem) => {
            return CaseResult { name: case.name.clone(), decision: None, problems: vec![problem] };
        }
    };
    let decision = decide(playbook, &facts, &points, &case.choice);
    let problems = problems(&case.expect, &decision);
    CaseResult { name: case.name.clone(), decision: Some(decision), problems }
}

fn situation(case: &Case, read: &dyn Fn(&str) -> Result<String, String>) -> Result<(Json, Vec<Point>), String> {
    let (mut facts, mut points) = match &case.assessment {
        Some(file) => {
            let text = read(file)?;
            let saved: Assessment =
                serde_json::from_str(&text).map_err(|e| format!("{file} is not a saved assessment: {e}"))?;
            (serde_json::to_value(&saved.facts).map_err(|e| e.to_string())?, saved.points)
        }
        None => (baseline::healthy(), Vec::new()),
    };
    if let Some(own) = &case.points {
        points = own.clone();
        for (name, value) in summary(&points) {
            set(&mut facts, name, value);
        }
    }
    if let Some(ids) = &case.findings {
        let worst = |all: bool| {
            let counted = ids.iter().filter(|id| all || id.scope() == Scope::Now);
            counted.map(|id| id.severity()).max().unwrap_or(Severity::Healthy)
        };
        set(&mut facts, "findings", json!({ "ids": ids, "worst": worst(true), "worst_now": worst(false) }));
    }
    for (name, value) in &case.facts {
        set(&mut facts, name, value.clone());
    }
    Ok((facts, points))
}

/// `points.…` as it follows from the points.
fn summary(points: &[Point]) -> [(&'static str, Json); 6] {
    let best = points.iter().find(|p| p.usable());
    let any = points.iter().any(|p| p.keys.or(p.base_keys) != Some(0));
    [
        ("points.usable", json!(best.is_some())),
        ("points.best", json!(best.map(|p| &p.id))),
        ("points.best_kind", json!(best.map(|p| p.kind))),
        ("points.best_undoes_flush", json!(best.is_some_and(Point::undoes_flush))),
        ("points.best_loss", json!(best.and_then(Point::worst_loss))),
        ("points.any_data", json!(any)),
    ]
}

fn problems(expect: &ExpectFile, decision: &Decision) -> Vec<String> {
    let mut out = Vec::new();
    let last = decision.path.last();
    if let Some(word) = &expect.rule {
        let decides = last.filter(|r| r.verdict != RuleVerdict::Rejected);
        let fits = decides.is_some_and(|r| {
            let (number, condition) = r.rule.split_once(": ").unwrap_or((r.rule.as_str(), ""));
            match word {
                RuleWord::Number(n) => number.parse() == Ok(*n),
                RuleWord::Words(w) => condition == w || r.because.starts_with(w.as_str()),
            }
        });
        if !fits {
            let wanted = match word {
                RuleWord::Number(n) => format!("rule {n}"),
                RuleWord::Words(w) => format!("rule `{w}`"),
            };
            let came = decides.map_or("none".into(), |r| format!("`{}` ({})", r.rule, r.evidence));
            out.push(format!("{wanted} was expected to decide, it was {came}"));
        }
    }
    let unknown = open_question(decision).is_some();
    let expects_unknown = expect.unknown.unwrap_or(false);
    if unknown != expects_unknown {
        out.push(match last {
            Some(r) if unknown => format!("the tree stopped at `{}`: {}", r.rule, r.evidence),
            _ => "the tree was expected to stop at a rule that comes out unknown".into(),
        });
    }
    if let Some(outcome) = expect.outcome
        && outcome != decision.outcome
    {
        out.push(format!("outcome {} was expected, it is {}", word(outcome), word(decision.outcome)));
    }
    for (what, wanted, came) in
        [("runbook", &expect.runbook, &decision.runbook), ("point", &expect.point, &decision.point)]
    {
        if wanted.is_some() && wanted != came {
            let wanted = wanted.as_deref().unwrap_or("");
            let came = came.as_deref().unwrap_or("none");
            out.push(format!("{what} {wanted} was expected, it is {came}"));
        }
    }
    out
}

fn word(outcome: Outcome) -> String {
    match serde_json::to_value(outcome) {
        Ok(Json::String(word)) => word,
        _ => String::new(),
    }
}
