//! What was seen, held against what was asked: the scorecard. Pure.
use super::data::{Left, Written};
use super::scenario::{Expect, Expected, Scenario};
use super::{Ground, Terms};
use crate::facts::{Decision, RuleVerdict, Seconds, Time};
use crate::report::{
    Criterion, DrillDecision, DrillLoss, DrillObjectives, DrillStep, DrillTimes, DrillVerdict, Gates, Retried,
    RunDocument, RunOutcome, Scorecard,
};
use std::collections::BTreeMap;

/// What was seen.
pub(super) struct Observed {
    pub written: Written,
    /// When the fault began.
    pub broken_at: Time,
    /// When `recover --auto` was called the first time.
    pub called_at: Time,
    /// When the last call ended.
    pub ended_at: Time,
    pub first: RunDocument,
    /// After a person mended what it was refused for.
    pub second: Option<RunDocument>,
    /// Whether a refusal left everything as it was.
    pub untouched: Option<bool>,
    pub left: Option<Left>,
    /// What is not as it should be after kill -9 and a start; nothing when all is.
    pub survives: Option<Option<String>>,
    pub assessed_at: Option<Time>,
    /// How often each step was begun.
    pub tries: BTreeMap<String, u32>,
    pub runbook_sha256: Option<String>,
}

impl Observed {
    /// The document of the last call.
    pub fn last(&self) -> &RunDocument {
        self.second.as_ref().unwrap_or(&self.first)
    }
}

/// A scorecard of which nothing is known yet: left out.
pub(super) fn blank(scenario: &Scenario, terms: &Terms, ground: &Ground<'_>) -> Scorecard {
    let now = Time(ground.look.now());
    Scorecard {
        scenario: scenario.drill.clone(),
        title: scenario.title.clone(),
        owner: scenario.owner.clone(),
        cadence: scenario.cadence.word().into(),
        instance: terms.instance.clone(),
        started_at: now,
        ended_at: now,
        verdict: DrillVerdict::LeftOut,
        because: String::new(),
        server: ground.server(),
        version: env!("CARGO_PKG_VERSION").into(),
        outcome: None,
        exit_code: None,
        findings: Vec::new(),
        decision: None,
        runbook: None,
        runbook_sha256: None,
        point: None,
        objectives: DrillObjectives {
            rto_seconds: Some(terms.rto.unwrap_or(scenario.criteria.back_within)),
            rpo_seconds: terms.rpo,
            lost_percent: Some(scenario.criteria.lost_percent),
        },
        times: DrillTimes::default(),
        loss: DrillLoss::default(),
        gates: Gates::default(),
        steps: Vec::new(),
        retried: Vec::new(),
        changed: Vec::new(),
        criteria: Vec::new(),
        kept_at: None,
    }
}

/// Fills a scorecard with what was seen.
pub(super) fn score(card: &mut Scorecard, scenario: &Scenario, terms: &Terms, seen: &Observed) {
    let run = seen.last();
    card.outcome = Some(seen.first.outcome);
    card.exit_code = Some(seen.first.exit_code);
    card.findings = seen.first.findings.iter().map(|f| f.id.name().to_string()).collect();
    card.decision = seen.first.decision.as_ref().and_then(decided);
    card.runbook.clone_from(&run.runbook);
    card.runbook_sha256.clone_from(&seen.runbook_sha256);
    card.point.clone_from(&run.point);
    card.gates = run.gates.clone();
    card.changed.clone_from(&run.changed);
    let step =
        |s: &crate::report::StepRow| DrillStep { id: s.id.clone(), outcome: s.outcome.clone(), seconds: s.seconds };
    card.steps = run.steps.iter().map(step).collect();
    let more = seen.tries.iter().filter(|(_, tries)| **tries > 1);
    card.retried = more.map(|(step, tries)| Retried { step: step.clone(), tries: *tries }).collect();
    card.times = times(seen);
    card.loss = loss(scenario, seen);
    card.criteria = criteria(card, scenario, terms, seen);
    let missed: Vec<String> =
        card.criteria.iter().filter(|c| !c.met).map(|c| format!("{}: {}", c.id, c.actual)).collect();
    card.verdict = if missed.is_empty() { DrillVerdict::Passed } else { DrillVerdict::Failed };
    card.because = missed.join("; ");
}

/// The rule that ended the tree.
fn decided(decision: &Decision) -> Option<DrillDecision> {
    let rule = decision.path.iter().rfind(|r| r.verdict != RuleVerdict::Rejected)?;
    let playbook = decision.playbook.clone();
    Some(DrillDecision { playbook, rule: rule.rule.clone(), because: rule.because.clone() })
}

fn times(seen: &Observed) -> DrillTimes {
    let since = |t: Time| Seconds(t.since(seen.called_at).0.max(0.0));
    let run = seen.last();
    let recovered = run.outcome == RunOutcome::Recovered;
    DrillTimes {
        detect_seconds: seen.assessed_at.filter(|_| seen.second.is_none()).map(since),
        decide_seconds: if seen.second.is_some() { None } else { run.started_at.map(since) },
        serve_seconds: run.opened_at.or(run.ended_at).filter(|_| recovered).map(since),
        durable_seconds: run.ended_at.filter(|_| recovered).map(since),
    }
}

fn loss(scenario: &Scenario, seen: &Observed) -> DrillLoss {
    let moments = &seen.written.moments;
    let before = moments.last().map_or(0, |m| m.keys);
    let lost = seen.left.as_ref().map(|left| match left.moment.and_then(|i| moments.get(i)) {
        Some(moment) => before.saturating_sub(moment.keys),
        // what expired meanwhile is not lost; of the keys with a number none expires
        None if seen.written.volatile > 0 => left.missing,
        None => left.missing.max(before.saturating_sub(left.keys)),
    });
    // the oldest write that is gone is the first after the moment that is left
    let oldest = seen.left.as_ref().and_then(|left| match left.moment {
        Some(i) => moments.get(i + 1),
        None => moments.first(),
    });
    #[allow(clippy::cast_precision_loss)]
    let percent = |lost: u64| if before == 0 { 0.0 } else { (lost as f64 * 10_000.0 / before as f64).round() / 100.0 };
    DrillLoss {
        keys_before: before,
        keys_after: seen.left.as_ref().map(|left| left.keys),
        keys_lost: lost,
        keys_possible: scenario.expect.loses,
        percent: lost.map(percent),
        seconds: lost.map(|lost| match oldest {
            Some(moment) if lost > 0 => Seconds(seen.broken_at.since(moment.at).0.max(0.001)),
            _ => Seconds(0.0),
        }),
        admitted_seconds: seen.last().loss_seconds,
    }
}

/// One criterion; where it is missed, what to improve.
fn criterion(id: &str, target: String, actual: String, met: bool, improve: &str) -> Criterion {
    let improve = (!met).then(|| improve.to_string());
    Criterion { id: id.into(), target, actual, gap: None, met, improve }
}

fn criteria(card: &Scorecard, scenario: &Scenario, terms: &Terms, seen: &Observed) -> Vec<Criterion> {
    let expect = &scenario.expect;
    let mut out = vec![outcome(expect, &seen.first), decision(expect, card, seen)];
    if let Some(untouched) = seen.untouched {
        let actual = if untouched { "every file is as it was" } else { "files have changed" };
        out.push(criterion(
            "untouched",
            "a refusal changes nothing".into(),
            actual.into(),
            untouched,
            "this is a defect of redis-dr: report it with the scenario",
        ));
    }
    if expect.outcome == Expected::Refused && scenario.mend.is_empty() {
        return out;
    }
    out.push(back(card, seen, terms));
    out.extend(lost(card, scenario, terms));
    if let Some(left) = &seen.left {
        let volatile = seen.written.volatile;
        let about = left.keys.saturating_add(volatile + left.missing) >= card.loss.keys_before;
        let met = left.moment.is_some() || (volatile > 0 && about);
        let actual = match left.moment {
            Some(_) => "it is".to_string(),
            None if met => format!("as far as can be told: {volatile} keys of the backup expire meanwhile"),
            None => format!("{} keys, {} of those written are gone, or values differ", left.keys, left.missing),
        };
        let improve = "this is a defect of redis-dr: report it with the scenario";
        let target = "the data is exactly what was there at a moment".to_string();
        out.push(criterion("data", target, actual, met, improve));
    }
    let run = seen.last();
    let passed = format!("{} passed, {} failed", run.gates.passed, run.gates.failed);
    let improve = "redis-dr drill run SCENARIO --keep, then runs report shows the gate that closed";
    out.push(criterion("gates", "no gate fails".into(), passed, run.gates.failed == 0, improve));
    if let Some(survives) = &seen.survives {
        let actual = survives.clone().unwrap_or_else(|| "it did".into());
        out.push(criterion(
            "durable",
            "a write made afterwards survives kill -9, and a restart loads the same".into(),
            actual,
            survives.is_none(),
            "switch AOF on: redis-dr recover INSTANCE --runbook enable-aof",
        ));
    }
    out
}

fn outcome(expect: &Expect, run: &RunDocument) -> Criterion {
    let (target, met) = match expect.outcome {
        Expected::Recovered => ("recovered", run.outcome == RunOutcome::Recovered),
        Expected::Refused => ("refused", run.outcome == RunOutcome::Refused),
    };
    let word = run.outcome.word();
    let actual = if run.because.is_empty() || met { word } else { format!("{word}: {}", run.because) };
    let improve = match run.outcome {
        RunOutcome::Refused if expect.outcome == Expected::Recovered => {
            "raise max_risk or max_loss under `policy`, or accept that a person is called: redis-dr explain policy"
        }
        _ => "redis-dr drill run SCENARIO --keep, then runs report says what went wrong",
    };
    criterion("outcome", target.into(), actual, met, improve)
}

/// Was it this rule: by its condition, or by the beginning of its reason?
fn is_rule(decision: &DrillDecision, words: &str) -> bool {
    let condition = decision.rule.split_once(": ").map_or(decision.rule.as_str(), |(_, c)| c);
    condition == words || decision.because.starts_with(words)
}

fn decision(expect: &Expect, card: &Scorecard, seen: &Observed) -> Criterion {
    let rule = card.decision.as_ref().is_some_and(|d| is_rule(d, &expect.rule));
    let runbook = expect.runbook.is_none() || expect.runbook == seen.last().runbook;
    let point = expect.point.is_none() || expect.point == seen.last().point;
    let finding = expect.finding.is_none_or(|id| card.findings.iter().any(|f| f == id.name()));
    let mut target = vec![format!("rule `{}`", expect.rule)];
    target.extend(expect.finding.map(|id| format!("finding {}", id.name())));
    target.extend(expect.runbook.as_ref().map(|r| format!("runbook {r}")));
    target.extend(expect.point.as_ref().map(|p| format!("point {p}")));
    let mut actual = vec![card.decision.as_ref().map_or("no rule".to_string(), |d| format!("rule {}", d.rule))];
    if !finding {
        actual.push(format!("findings {}", card.findings.join(" ")));
    }
    actual.extend(seen.last().runbook.as_ref().map(|r| format!("runbook {r}")));
    actual.extend(seen.last().point.as_ref().map(|p| format!("point {p}")));
    let met = rule && runbook && point && finding;
    let improve = "redis-dr playbook graph shows the order of the rules; -v tells which did not hold and why";
    criterion("decision", target.join(", "), actual.join(", "), met, improve)
}

fn back(card: &Scorecard, seen: &Observed, terms: &Terms) -> Criterion {
    let wanted = card.objectives.rto_seconds.unwrap_or(Seconds(0.0));
    let whose = if terms.rto.is_some() { "objectives.rto" } else { "back_within" };
    let target = format!("{wanted} ({whose})");
    let improve =
        "the steps show where the time went; a faster disk, a smaller snapshot or a replica shortens the load";
    let Some(took) = card.times.serve_seconds else {
        let word = seen.last().outcome.word();
        return criterion("back_within", target, format!("not back: {word}"), false, improve);
    };
    let met = took <= wanted;
    let gap = (!met).then(|| format!("{} too long", Seconds(took.0 - wanted.0)));
    Criterion { gap, ..criterion("back_within", target, took.to_string(), met, improve) }
}

fn lost(card: &Scorecard, scenario: &Scenario, terms: &Terms) -> Vec<Criterion> {
    let loss = &card.loss;
    let (Some(keys), Some(percent)) = (loss.keys_lost, loss.percent) else { return Vec::new() };
    let mut out = Vec::new();
    let allowed = scenario.criteria.lost_percent;
    out.push(Criterion {
        gap: (percent > allowed).then(|| format!("{:.2} % too much", percent - allowed)),
        ..criterion(
            "loss_percent",
            format!("at most {allowed} % of the keys"),
            format!("{percent} %, {keys} of {} keys", loss.keys_before),
            percent <= allowed,
            "take backups more often, and switch AOF on",
        )
    });
    out.push(Criterion {
        gap: (keys > loss.keys_possible).then(|| format!("{} keys", keys - loss.keys_possible)),
        ..criterion(
            "loss_possible",
            format!("no more than had to be: {} keys", loss.keys_possible),
            format!("{keys} keys"),
            keys <= loss.keys_possible,
            "a newer source was there: redis-dr points says why it was passed over",
        )
    });
    if let (Some(rpo), Some(seconds)) = (terms.rpo, loss.seconds) {
        out.push(Criterion {
            gap: (seconds > rpo).then(|| Seconds(seconds.0 - rpo.0).to_string()),
            ..criterion(
                "rpo",
                format!("{rpo} (objectives.rpo)"),
                seconds.to_string(),
                seconds <= rpo,
                "take backups more often than the RPO",
            )
        });
    }
    let admits = keys == 0 || loss.admitted_seconds.is_none_or(|s| s.0 > 0.0);
    let said = loss
        .admitted_seconds
        .map_or("unknown".to_string(), |s| if s.0 > 0.0 { s.to_string() } else { "nothing".into() });
    out.push(criterion(
        "admitted",
        "what is lost is said".into(),
        format!("it says that it lost {said}"),
        admits,
        "this is a defect of redis-dr: report it with the scenario",
    ));
    out
}
