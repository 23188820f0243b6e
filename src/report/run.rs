//! A run on a screen: in short for whoever goes on from here, as a whole for whoever wants to know why.
use super::words::{clean, found, lost, severity};
use super::{RunDocument, RunOutcome, Width};
use crate::facts::RuleVerdict;
use crate::plan::{Plan, told};
use crate::runbook::{STEPS, results_by_step};
use std::fmt::Write as _;

/// How it ended, what each step did, what to do next.
#[must_use]
pub fn run(d: &RunDocument, width: Width) -> String {
    width.wrap(&in_short(d, &[]))
}

/// The same, with the steps that are still to come.
#[must_use]
pub fn status(d: &RunDocument, plan: &Plan, width: Width) -> String {
    let open = matches!(d.outcome, RunOutcome::Unfinished | RunOutcome::Stuck | RunOutcome::Interrupted);
    let begun = |id: &str| d.steps.iter().any(|s| s.id == id);
    let to_come: Vec<&str> = plan.steps.iter().map(|s| s.id.as_str()).filter(|id| open && !begun(id)).collect();
    width.wrap(&in_short(d, &to_come))
}

/// All of it: what was found, why this way, what every step found out, what was changed, and how to go on.
#[must_use]
pub fn whole(d: &RunDocument, plan: &Plan, width: Width) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}   {}", clean(&d.instance), headline(d));
    heads(&mut out, d, plan);
    if !d.findings.is_empty() {
        out.push_str("\nFound\n");
        for f in &d.findings {
            let _ = writeln!(out, "  {}  {}: {}", severity(f.severity), f.id.name(), clean(&f.title));
            for line in &f.evidence {
                let _ = writeln!(out, "            {}", clean(line));
            }
        }
    }
    if let Some(decision) = &d.decision {
        let _ = writeln!(out, "\nWhy this way\n  {}", clean(&plan.because));
        for rule in decision.path.iter().filter(|r| r.verdict != RuleVerdict::Rejected) {
            let word = if rule.verdict == RuleVerdict::Matched { "holds" } else { "can't be told" };
            let _ = writeln!(out, "  {word}: rule {} ({})", clean(&rule.rule), clean(&rule.evidence));
        }
    }
    out.push_str("\nSteps\n");
    let titles = titles(d, plan);
    for (step, title) in d.steps.iter().zip(titles) {
        let time = step.seconds.map_or(String::new(), |t| t.to_string());
        let _ = writeln!(out, "  {:<12} {:<18} {:>8}  {}", step.outcome, step.id, time, clean(&title));
        let below = " ".repeat(43);
        let lines = [Some(clean(&step.because)).filter(|b| !b.is_empty()), found(&step.results)];
        lines.into_iter().flatten().for_each(|line| {
            let _ = writeln!(out, "{below}{line}");
        });
    }
    if plan.recovery_point().is_some_and(|p| p.cut.is_some()) {
        let _ = write!(out, "\nWhat was cut\n  {}", super::cut_bytes(plan));
    }
    if !d.changed.is_empty() {
        out.push_str("\nChanged\n");
        d.changed.iter().for_each(|c| {
            let _ = writeln!(out, "  {}", clean(c));
        });
    }
    ends(&mut out, d);
    width.wrap(&out)
}

/// What was run on what, and its times, one name and value a line.
fn heads(out: &mut String, d: &RunDocument, plan: &Plan) {
    for (name, value) in super::run_sheet::rows(d, plan) {
        let _ = writeln!(out, "  {name:<24} {}", clean(&value));
    }
    if !d.because.is_empty() {
        let _ = writeln!(out, "because   {}", clean(&d.because));
    }
}

/// The title of every step that was begun, with what was found out filled in.
pub(super) fn titles(d: &RunDocument, plan: &Plan) -> Vec<String> {
    let known = serde_json::json!({ STEPS: results_by_step(d.steps.iter().map(|s| (&s.id, &s.results))) });
    let types = plan.vocabulary();
    let title = |id: &str| plan.steps.iter().find(|p| p.id == id).map_or("", |p| p.title.as_str());
    d.steps.iter().map(|s| told(title(&s.id), &types, &known)).collect()
}

/// How it ended, in one line.
fn headline(d: &RunDocument) -> String {
    let title = title(d.outcome);
    match &d.taken_back {
        Some(run) => {
            title.replace("nothing was changed", &format!("nothing was changed but that {run} was taken back"))
        }
        None => title.into(),
    }
}

pub(super) fn title(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Recovered => "RECOVERED",
        RunOutcome::Healthy => "healthy: nothing to do",
        RunOutcome::RolledBack => "rolled back: every file is as before",
        RunOutcome::Failed => "FAILED, and rolled back: every file is as before",
        RunOutcome::Refused => "REFUSED: a person must decide; nothing was changed",
        RunOutcome::Waiting => "waiting: it may mend itself; nothing was changed",
        RunOutcome::Stale => "STALE: the facts have moved since the plan was made; nothing was changed",
        RunOutcome::Locked => "LOCKED: another run holds this instance; nothing was changed",
        RunOutcome::Unfinished => "UNFINISHED",
        RunOutcome::Stuck => "STUCK: an undo failed",
        RunOutcome::Interrupted => "ended before anything was changed",
    }
}

fn in_short(d: &RunDocument, to_come: &[&str]) -> String {
    let mut out = format!("{}   {}\n", clean(&d.instance), headline(d));
    if !d.because.is_empty() {
        let _ = writeln!(out, "because   {}", clean(&d.because));
    }
    if let Some(id) = &d.run_id {
        let began = d.started_at.map_or(String::new(), |t| format!(", begun {t}"));
        let point = d.point.as_deref().map_or(String::new(), |p| format!(" with point {}", clean(p)));
        let runbook = d.runbook.as_deref().map_or(String::new(), |r| format!(": runbook {}{point}", clean(r)));
        let _ = writeln!(out, "run       {id}{runbook}{began}");
    }
    if !d.steps.is_empty() || !to_come.is_empty() {
        out.push('\n');
    }
    for s in &d.steps {
        let time = s.seconds.map_or(String::new(), |t| t.to_string());
        let line = format!("  {:<12} {:<18} {:>8}  {}", s.outcome, s.id, time, clean(&s.because));
        let _ = writeln!(out, "{}", line.trim_end());
    }
    for id in to_come {
        let _ = writeln!(out, "  {:<12} {id}", "to come");
    }
    let back = matches!(d.outcome, RunOutcome::RolledBack | RunOutcome::Failed);
    if let Some(t) = d.downtime_seconds.filter(|_| !back) {
        let loss = d.loss_seconds.map_or("unknown".into(), lost);
        let _ =
            writeln!(out, "\nclients could write again after {t}; data lost: {loss}; gates passed: {}", d.gates.passed);
    }
    ends(&mut out, d);
    out
}

/// Where the copies are, what a person has to do, and the commands that go on from here.
fn ends(out: &mut String, d: &RunDocument) {
    if let Some(vault) = &d.vault {
        let _ = writeln!(out, "safety copies are in {}", clean(vault));
    }
    if !d.by_hand.is_empty() {
        out.push_str("\nby hand:\n");
        for line in &d.by_hand {
            let _ = writeln!(out, "  {}", clean(line));
        }
    }
    if !d.hint.is_empty() {
        let _ = writeln!(out, "hint: {}", clean(&d.hint));
    }
    if !d.next.is_empty() {
        out.push_str("\nnext:\n");
        for line in &d.next {
            let _ = writeln!(out, "  {}", clean(line));
        }
    }
}
