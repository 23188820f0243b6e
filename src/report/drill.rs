//! Rehearsals on a screen: a line each while they are held, a page at the end.
use super::words::{clean, lost};
use super::{Criterion, DrillDocument, DrillVerdict, Scorecard, Suggestion, Trend, Width};
use crate::facts::{Seconds, Time};
use console::style;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A row of `drill list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrillRow {
    /// Its id.
    pub id: String,
    /// What it rehearses.
    pub title: String,
    /// monthly, quarterly, yearly or ad_hoc.
    pub cadence: String,
    /// Who sees to it.
    pub owner: String,
    /// What it needs beside a server program.
    pub needs: Vec<String>,
    /// When it was last held.
    pub last_run: Option<Time>,
    /// What it came to.
    pub last_verdict: Option<DrillVerdict>,
    /// From when on it is due; null when it never is.
    pub due_at: Option<Time>,
    /// Is it due?
    pub due: bool,
    /// Where it comes from.
    pub file: String,
    /// Is it compiled in?
    pub builtin: bool,
    /// Does it lint?
    pub valid: bool,
}

fn verdict(v: DrillVerdict) -> String {
    let padded = format!("{:<8}", v.word());
    match v {
        DrillVerdict::Passed => style(padded).green().to_string(),
        DrillVerdict::Failed | DrillVerdict::Broken => style(padded).red().bold().to_string(),
        DrillVerdict::LeftOut => style(padded).dim().to_string(),
    }
}

pub(super) fn seconds(s: Option<Seconds>) -> String {
    s.map_or("-".to_string(), |s| if s.0 < 10.0 { format!("{:.2} s", s.0) } else { s.to_string() })
}

/// One line for a rehearsal that has ended: what came of it, how fast, what was lost, by which runbook.
#[must_use]
pub fn drill_line(c: &Scorecard) -> String {
    let head = format!("  {} {:<22}", verdict(c.verdict), clean(&c.scenario));
    if matches!(c.verdict, DrillVerdict::LeftOut | DrillVerdict::Broken) {
        return format!("{head} {}", clean(&c.because));
    }
    let keys = match (c.loss.keys_lost, c.loss.keys_possible) {
        (None, _) => "-".to_string(),
        (Some(0), 0) => "nothing lost".into(),
        (Some(lost), possible) => format!("{lost} of {} keys lost, {possible} had to be", c.loss.keys_before),
    };
    let how = c.runbook.clone().unwrap_or_else(|| c.outcome.map_or("-".into(), super::RunOutcome::word));
    let mut line = format!("{head} {:>7}  {:<23}  {}", seconds(c.times.serve_seconds), how, keys);
    if c.verdict == DrillVerdict::Failed {
        let _ = write!(line, "\n           {}", clean(&c.because));
    }
    line
}

/// The end of `drill run`: how many, the slowest, what missed and what to improve.
#[must_use]
pub fn drill_summary(d: &DrillDocument, width: Width) -> String {
    let mut out = format!("{} passed, {} failed", d.passed, d.failed);
    if d.broken > 0 {
        let _ = write!(out, ", {} could not be held", d.broken);
    }
    if d.left_out > 0 {
        let _ = write!(out, ", {} left out", d.left_out);
    }
    out.push('\n');
    let served = |c: &&Scorecard| c.times.serve_seconds.is_some();
    let slowest = d.drills.iter().filter(served).max_by(|a, b| {
        let of = |c: &Scorecard| c.times.serve_seconds.map_or(0.0, |s| s.0);
        of(a).total_cmp(&of(b))
    });
    if let Some(c) = slowest.filter(|_| d.drills.len() > 1) {
        let _ = writeln!(out, "slowest   {}: back in {}", clean(&c.scenario), seconds(c.times.serve_seconds));
    }
    for c in d.drills.iter().filter(|c| c.verdict == DrillVerdict::Failed) {
        let _ = writeln!(out, "\n{}", clean(&c.scenario));
        c.criteria.iter().filter(|c| !c.met).for_each(|one| told(&mut out, "MISSED", one));
    }
    width.wrap(&out)
}

/// One criterion, and what to improve where it is missed.
fn told(out: &mut String, mark: &str, c: &Criterion) {
    let gap = c.gap.as_ref().map(|g| format!(", {}", clean(g))).unwrap_or_default();
    let _ = writeln!(out, "  {mark:<6}  {:<13}  wanted: {}; seen: {}{gap}", c.id, clean(&c.target), clean(&c.actual));
    if let Some(improve) = &c.improve {
        let _ = writeln!(out, "  {:<6}  {:<13}  to improve: {}", "", "", clean(improve));
    }
}

/// The newest rehearsal of every scenario as a whole, and what to mend.
#[must_use]
pub fn drill_report(d: &DrillDocument, width: Width) -> String {
    if d.drills.is_empty() && d.actions.is_none() {
        return "No drill was held yet: redis-dr drill run\n".into();
    }
    let mut out = String::new();
    for c in &d.drills {
        card(&mut out, c, d.trend.iter().find(|t| t.scenario == c.scenario));
        out.push('\n');
    }
    let _ = writeln!(out, "{} passed, {} failed, newest of each scenario", d.passed, d.failed);
    if let Some(actions) = &d.actions {
        suggested(&mut out, actions);
    }
    width.wrap(&out)
}

fn suggested(out: &mut String, actions: &[Suggestion]) {
    if actions.is_empty() {
        out.push_str("\nNothing to mend was found.\n");
        return;
    }
    out.push_str("\nTo mend\n");
    for a in actions {
        let _ = writeln!(out, "  {:<16}  wanted: {}; seen: {}", clean(&a.about), clean(&a.target), clean(&a.actual));
        let _ = writeln!(out, "  {:<16}  {}", "", clean(&a.because));
        let _ = writeln!(out, "  {:<16}  {}", "", style(clean(&a.mend)).bold());
    }
}

fn card(out: &mut String, c: &Scorecard, trend: Option<&Trend>) {
    let _ = writeln!(out, "{} {}", verdict(c.verdict), style(clean(&c.scenario)).bold());
    let _ = writeln!(out, "  {}", clean(&c.title));
    for (name, value) in rows(c) {
        let _ = writeln!(out, "  {name:<16}  {}", clean(&value));
    }
    for one in &c.criteria {
        let mark = if one.met { "met" } else { "MISSED" };
        told(out, mark, one);
    }
    if let Some(trend) = trend.filter(|t| t.runs > 1) {
        let _ = writeln!(out, "  {:<16}  {}", "over time", over_time(trend));
    }
}

/// What was run on what, how fast, what it lost: names and values.
pub(super) fn rows(c: &Scorecard) -> Vec<(&'static str, String)> {
    let mut rows = vec![("held", format!("{}, on {}, redis-dr {}", c.started_at, c.server, c.version))];
    if !c.because.is_empty() {
        rows.push(("because", c.because.clone()));
    }
    if let Some(instance) = &c.instance {
        rows.push(("under the terms", format!("of {instance}")));
    }
    if let Some(d) = &c.decision {
        rows.push(("decided by", format!("{}: {}", d.playbook, d.because)));
    }
    if let Some(runbook) = &c.runbook {
        let point = c.point.as_ref().map(|p| format!(", from {p}")).unwrap_or_default();
        rows.push(("runbook", format!("{runbook}{point}")));
    }
    if c.times.serve_seconds.is_some() {
        let t = &c.times;
        rows.push((
            "times",
            format!(
                "detected {}, decided {}, served {}, durable {}",
                seconds(t.detect_seconds),
                seconds(t.decide_seconds),
                seconds(t.serve_seconds),
                seconds(t.durable_seconds)
            ),
        ));
    }
    if let Some(keys) = c.loss.keys_lost {
        let said = c.loss.admitted_seconds.map_or("unknown".into(), lost);
        let time = c.loss.seconds.map_or(String::new(), |s| format!(", {} of writes", lost(s)));
        let (before, possible) = (c.loss.keys_before, c.loss.keys_possible);
        rows.push(("lost", format!("{keys} of {before} keys ({possible} had to be){time}; it said: {said}")));
    }
    for again in &c.retried {
        rows.push(("tried again", format!("{}, {} times in all", again.step, again.tries)));
    }
    if let Some(at) = &c.kept_at {
        rows.push(("sandbox", format!("{at} (yours to remove)")));
    }
    rows
}

/// The times of a scenario as a picture of one line, oldest first, with what they mean.
fn over_time(t: &Trend) -> String {
    let known: Vec<f64> = t.serve_seconds.iter().flatten().map(|s| s.0).collect();
    let last = t.serve_seconds.iter().rev().find_map(|s| *s);
    let words = format!("{} of {} passed", t.passed, t.runs);
    match (last, known.iter().copied().reduce(f64::min), known.iter().copied().reduce(f64::max)) {
        (Some(last), Some(least), Some(most)) => format!(
            "{}  back in {} last, {} to {}; {words}",
            sparkline(&t.serve_seconds),
            seconds(Some(last)),
            seconds(Some(Seconds(least))),
            seconds(Some(Seconds(most)))
        ),
        _ => words,
    }
}

/// A bar for each value, scaled to the largest; a cross where there is none.
fn sparkline(values: &[Option<Seconds>]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.iter().flatten().map(|s| s.0).fold(0.0, f64::max);
    let bar = |value: f64| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let at = if most > 0.0 { (value / most * 7.0).round() as usize } else { 0 };
        BARS[at.min(7)]
    };
    values.iter().map(|v| v.map_or('×', |s| bar(s.0))).collect()
}

/// `drill list`.
#[must_use]
pub fn drill_list(rows: &[DrillRow], width: Width) -> String {
    let mut out = String::new();
    // what most of them share is said once
    let owners: BTreeSet<&str> = rows.iter().map(|row| row.owner.as_str()).collect();
    let shared = if owners.len() == 1 { owners.first().copied() } else { None };
    if let Some(owner) = shared {
        let _ = writeln!(out, "rehearsed by {}", clean(owner));
    }
    for row in rows {
        let when = match (row.last_run, row.last_verdict) {
            (Some(at), Some(v)) => format!("{} {}", v.word(), day(at)),
            _ => "not rehearsed yet".into(),
        };
        let due = match (row.due, row.due_at) {
            (true, _) => style("due now".to_string()).yellow().to_string(),
            (false, Some(at)) => format!("due {}", day(at)),
            (false, None) => "never due".into(),
        };
        let _ = writeln!(out, "{:<24}  {:<9}  {when}, {due}", clean(&row.id), row.cadence.replace('_', " "));
        let title = if row.valid { clean(&row.title) } else { "not valid, see redis-dr drill lint".into() };
        let needs = if row.needs.is_empty() { String::new() } else { format!("; needs {}", row.needs.join(", ")) };
        let owner = if shared.is_some() { String::new() } else { format!("; {}", clean(&row.owner)) };
        let _ = writeln!(out, "{:<24}  {title}{owner}{needs}", "");
    }
    width.wrap(&out)
}

/// The day of a moment.
fn day(t: Time) -> String {
    t.to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_is_one_bar_a_rehearsal() {
        let values = [Some(Seconds(0.0)), Some(Seconds(4.0)), None, Some(Seconds(8.0))];
        assert_eq!(sparkline(&values), "▁▅×█");
        assert_eq!(sparkline(&[]), "");
    }
}
