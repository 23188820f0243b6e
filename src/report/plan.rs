//! A plan on a screen: what would run, what each step changes and saves, and how it is taken back.
use super::words::clean;
use crate::plan::{Plan, PlannedStep};
use std::fmt::Write as _;

/// The whole plan.
#[must_use]
pub fn plan(p: &Plan) -> String {
    let mut out = String::new();
    let risk = format!("{:?}", p.risk).to_lowercase();
    let _ = writeln!(out, "Runbook   {} (risk: {risk}): {}", p.runbook, clean(&p.title));
    if !p.because.is_empty() {
        let _ = writeln!(out, "Because   {}", clean(&p.because));
    }
    if let Some(point) = p.recovery_point() {
        let loss = point.loss_seconds.map_or_else(
            || point.loss_upper.map_or("unknown".into(), |u| format!("up to {u}")),
            |l| {
                if l.0 < 0.0005 { "nothing".into() } else { l.to_string() }
            },
        );
        let _ = writeln!(out, "Point     {} ({}), loses {loss}", clean(&point.id), clean(&point.source));
        if let Some(cut) = &point.cut {
            let sign = if cut.may_come_later { "≥ " } else { "" };
            let _ = writeln!(out, "          cut {} at byte {sign}{}, {} go", cut.file, cut.offset, cut.bytes_lost);
            for line in cut.preview.iter().take(5) {
                let _ = writeln!(out, "            - {}", clean(line));
            }
        }
    }
    if let Some(t) = p.estimate.downtime_seconds {
        let _ = writeln!(out, "Estimate  back in about {t}; safety copies take {}", p.estimate.copy_bytes);
    }
    out.push('\n');
    for (i, step) in p.steps.iter().enumerate() {
        one(&mut out, i + 1, step, p.point_of_no_return.as_deref() == Some(&step.id));
    }
    let gates: Vec<String> = p.recovered.iter().map(|g| g.that.clone()).collect();
    let _ = writeln!(out, "     recovered when  {}", clean(&gates.join(" and ")));
    let _ = writeln!(out, "                     and it takes a write, and a restart would load the same");
    let _ = writeln!(out, "\nSafety copies go to {}.", p.site.vault_dir.display());
    let _ = writeln!(out, "Plan {} made at {}.", &p.digest.get(..12).unwrap_or(&p.digest), p.made_at);
    out
}

fn one(out: &mut String, number: usize, step: &PlannedStep, no_return: bool) {
    let _ = writeln!(out, "{number:>3}  {:<16} {}", step.id, clean(&step.title));
    if let Some(reason) = step.skipped() {
        let _ = writeln!(out, "                      skipped: {}", clean(reason));
        return;
    }
    for change in &step.changes {
        let kind = format!("{:?}", change.kind).to_lowercase();
        let _ = writeln!(out, "                      {kind}: {}", clean(&change.what));
    }
    for copy in &step.safety_copies {
        let size = copy.bytes.map_or(String::new(), |b| format!(", {b}"));
        let _ = writeln!(out, "                      saved first: {} ({}{size})", clean(&copy.path), copy.how);
    }
    for gate in step.gates.iter().chain(&step.gates_after) {
        let _ = writeln!(out, "                      gate: {}", clean(&gate.that));
    }
    if !step.changes.is_empty() {
        let _ = writeln!(out, "                      undo: {}", clean(&step.undo));
    }
    if no_return {
        let _ = writeln!(out, "                      point of no return for --auto");
    }
}
