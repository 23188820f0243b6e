//! A run on a screen: how it ended, what each step did, what to do next.
use super::words::{clean, found, lost};
use super::{RunDocument, RunOutcome, Width};
use std::fmt::Write as _;

/// The whole document.
#[must_use]
pub fn run(d: &RunDocument, width: Width) -> String {
    let mut out = String::new();
    let title = match d.outcome {
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
        RunOutcome::Interrupted => "interrupted before anything was changed",
    };
    let _ = writeln!(out, "{}   {title}", clean(&d.instance));
    if !d.because.is_empty() {
        let _ = writeln!(out, "because   {}", clean(&d.because));
    }
    if !d.steps.is_empty() {
        out.push('\n');
    }
    for s in &d.steps {
        let time = s.seconds.map_or(String::new(), |t| t.to_string());
        let _ = writeln!(out, "  {:<12} {:<18} {:>8}  {}", s.outcome, s.id, time, clean(&s.because));
        if let Some(found) = found(&s.results) {
            let _ = writeln!(out, "  {:<12} {found}", "");
        }
    }
    if let Some(t) = d.downtime_seconds {
        let loss = d.loss_seconds.map_or("unknown".into(), lost);
        let _ =
            writeln!(out, "\nclients could write again after {t}; data lost: {loss}; gates passed: {}", d.gates.passed);
    }
    if let Some(vault) = &d.vault {
        let _ = writeln!(out, "safety copies are in {}", clean(vault));
    }
    if let Some(id) = &d.run_id {
        let _ = writeln!(out, "run {id}");
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
    width.wrap(&out)
}
