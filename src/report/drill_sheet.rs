//! Rehearsals as a report: all of them in one table, then each with target, actual, gap, and what to improve.
use super::drill::{rows, seconds};
use super::sheet::{Block, Gauge, Mark, Mood, Phrase, Sheet, Timeline, code, plain};
use super::{DrillDocument, DrillVerdict, Scorecard, Suggestion, Trend};
use crate::facts::{Seconds, Time};
use std::time::Duration;

/// The whole report.
#[must_use]
pub fn drill_sheet(d: &DrillDocument) -> Sheet {
    let (verdict, mood) = match (d.failed, d.broken) {
        (0, 0) if d.passed > 0 => ("all passed", Mood::Good),
        (0, 0) => ("none was held", Mood::Plain),
        (0, _) => ("some could not be held", Mood::Fair),
        _ => ("some missed a criterion", Mood::Bad),
    };
    let counts =
        format!("{} passed, {} failed, {} left out, {} could not be held.", d.passed, d.failed, d.left_out, d.broken);
    let mut sheet = Sheet::new(format!("Drills on {}", d.host), verdict, mood, counts);
    if !d.drills.is_empty() {
        sheet.part("All of them", vec![overview(d)]);
    }
    if let Some(actions) = &d.actions {
        sheet.part("Actions", vec![suggested(actions)]);
    }
    for c in &d.drills {
        let heading = format!("{}: {}", c.scenario, c.verdict.word());
        sheet.part(&super::clean(&heading), card(c, d.trend.iter().find(|t| t.scenario == c.scenario)));
    }
    sheet
}

fn table(about: &str, head: &[&str], rows: Vec<(bool, Vec<Phrase>)>) -> Block {
    Block::Table { about: about.into(), head: head.iter().map(|h| (*h).to_string()).collect(), rows }
}

fn overview(d: &DrillDocument) -> Block {
    let row = |c: &Scorecard| {
        let lost = c.loss.keys_lost.map_or("-".to_string(), |k| format!("{k} of {}", c.loss.keys_before));
        let missed = matches!(c.verdict, DrillVerdict::Failed | DrillVerdict::Broken);
        let cells = vec![
            plain(&c.scenario),
            plain(c.verdict.word()),
            plain(seconds(c.times.serve_seconds)),
            plain(seconds(c.objectives.rto_seconds)),
            plain(lost),
            plain(c.loss.keys_possible.to_string()),
            plain(c.runbook.as_deref().unwrap_or("-")),
        ];
        (missed, cells)
    };
    let head = ["scenario", "verdict", " back in", " of", " keys lost", " had to be", "runbook"];
    table("Drills", &head, d.drills.iter().map(row).collect())
}

fn card(c: &Scorecard, trend: Option<&Trend>) -> Vec<Block> {
    let values = rows(c).into_iter().map(|(name, value)| (name.to_string(), plain(value))).collect();
    let mut out = vec![Block::Text { words: plain(format!("{}.", c.title)) }, Block::Values { rows: values }];
    if c.times.serve_seconds.is_some() {
        let gauge = |name: &str, value, target| Gauge { name: name.into(), value, target };
        let rto = gauge("Time to recovery (RTO)", c.times.serve_seconds, c.objectives.rto_seconds);
        let rpo = gauge("Data lost (RPO)", c.loss.seconds, c.objectives.rpo_seconds);
        out.push(Block::Gauges { gauges: vec![rto, rpo] });
    }
    out.extend(timeline(c).map(|timeline| Block::Timeline { timeline }));
    if !c.criteria.is_empty() {
        let row = |one: &super::Criterion| {
            let word = if one.met { "met" } else { "missed" };
            let [gap, improve] = [&one.gap, &one.improve].map(|text| plain(text.as_deref().unwrap_or("")));
            (!one.met, vec![plain(&one.id), plain(&one.target), plain(&one.actual), gap, plain(word), improve])
        };
        let head = ["criterion", "target", "actual", "gap", "verdict", "to improve"];
        out.push(table("What was asked of it", &head, c.criteria.iter().map(row).collect()));
    }
    if !c.steps.is_empty() {
        let row = |s: &super::DrillStep| {
            let time = s.seconds.map_or(String::new(), |t| format!("{:.2}", t.0));
            (false, vec![plain(&s.id), plain(s.outcome.replace('_', " ")), plain(time)])
        };
        let steps = table("Steps", &["step", "outcome", " seconds"], c.steps.iter().map(row).collect());
        out.push(Block::Folded { summary: "Its steps".into(), blocks: vec![steps] });
    }
    if let Some(trend) = trend.filter(|t| t.runs > 1) {
        let words = trend.at.iter().zip(&trend.verdicts).map(|(at, v)| format!("{at}, {}", v.word()));
        let values = words.zip(trend.serve_seconds.iter().copied()).collect();
        let about = format!("Time to recovery over {} drills, {} passed", trend.runs, trend.passed);
        out.push(Block::Trend { about, values, target: c.objectives.rto_seconds });
    }
    out
}

/// From the call of `recover --auto` to what it reached.
fn timeline(c: &Scorecard) -> Option<Timeline> {
    let to = c.times.durable_seconds.or(c.times.serve_seconds)?;
    let after =
        |s: Seconds| c.started_at.0.checked_add(Duration::from_secs_f64(s.0.max(0.0))).map_or(c.started_at, Time);
    let reached = [
        ("recover --auto is called", Some(Seconds(0.0))),
        ("what is wrong is known", c.times.detect_seconds),
        ("decided", c.times.decide_seconds),
        ("clients are served", c.times.serve_seconds),
        ("proved and durable", c.times.durable_seconds),
    ];
    let mark = |(name, at): (&str, Option<Seconds>)| Some(Mark { name: name.into(), at: after(at?) });
    Some(Timeline {
        about: format!("What the recovery of {} reached when", super::clean(&c.scenario)),
        from: c.started_at,
        to: after(to),
        before: None,
        bars: vec![],
        marks: reached.into_iter().filter_map(mark).collect(),
        estimated: false,
    })
}

fn suggested(actions: &[Suggestion]) -> Block {
    if actions.is_empty() {
        return Block::Text { words: plain("Nothing to mend was found.") };
    }
    let row = |a: &Suggestion| {
        (false, vec![plain(&a.about), plain(&a.target), plain(&a.actual), plain(&a.because), code(&a.mend)])
    };
    let head = ["about", "wanted", "seen", "why it matters", "mend it with"];
    table("What the evidence suggests", &head, actions.iter().map(row).collect())
}
