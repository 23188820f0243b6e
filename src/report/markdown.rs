//! A run as Markdown, for a ticket or a post-mortem.
use super::RunDocument;
use super::words::{clean, found};
use crate::plan::{Plan, told};
use crate::runbook::{STEPS, results_by_step};
use std::fmt::Write as _;

/// Text that Markdown takes literally, on one line.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in clean(text).chars() {
        if matches!(c, '|' | '*' | '_' | '`' | '<' | '>' | '[' | ']' | '\\' | '#') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// What happened, why this way was chosen, what was changed, where the copies are.
#[must_use]
pub fn markdown(d: &RunDocument, plan: &Plan) -> String {
    let mut out = format!("# {} — {}\n\n", plain(&d.instance), plain(&d.outcome.word()));
    let _ = writeln!(out, "| | |\n|---|---|");
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "| {name} | {value} |");
    };
    line("run", plain(d.run_id.as_deref().unwrap_or("none")));
    line("runbook", plain(&plan.runbook));
    line("recovery point", plain(d.point.as_deref().unwrap_or("none")));
    line("started", d.started_at.map_or("unknown".into(), |t| t.to_string()));
    line("clients could write again", d.opened_at.map_or("not yet".into(), |t| t.to_string()));
    line("ended", d.ended_at.map_or("unknown".into(), |t| t.to_string()));
    line("downtime under repair", d.downtime_seconds.map_or("unknown".into(), |t| t.to_string()));
    line("data lost", d.loss_seconds.map_or("unknown".into(), |t| t.to_string()));
    line("gates passed", d.gates.passed.to_string());
    if !d.because.is_empty() {
        let _ = writeln!(out, "\n**Because:** {}", plain(&d.because));
    }
    if !plan.because.is_empty() {
        let _ = writeln!(out, "\n## Why this way\n\n{}", plain(&plan.because));
    }
    if let Some(decision) = &d.decision {
        for rule in &decision.path {
            let word = format!("{:?}", rule.verdict).to_lowercase();
            let _ = writeln!(out, "- {word}: {} ({})", plain(&rule.rule), plain(&rule.evidence));
        }
    }
    if !d.findings.is_empty() {
        out.push_str("\n## Findings\n\n");
        for f in &d.findings {
            let _ = writeln!(out, "- **{}** ({:?}): {}", plain(f.id.name()), f.severity, plain(&f.title));
            for e in &f.evidence {
                let _ = writeln!(out, "  - {}", plain(e));
            }
        }
    }
    out.push_str("\n## Steps\n\n| step | outcome | seconds | | found out |\n|---|---|---|---|---|\n");
    let known = serde_json::json!({ STEPS: results_by_step(d.steps.iter().map(|s| (&s.id, &s.results))) });
    let types = plan.vocabulary();
    for s in &d.steps {
        let title = plan.steps.iter().find(|p| p.id == s.id).map_or("", |p| p.title.as_str());
        let title = told(title, &types, &known);
        let time = s.seconds.map_or(String::new(), |t| format!("{:.2}", t.0));
        let _ = writeln!(
            out,
            "| {} | {} | {time} | {} {} | {} |",
            plain(&s.id),
            plain(&s.outcome),
            plain(&title),
            plain(&s.because),
            plain(&found(&s.results).unwrap_or_default())
        );
    }
    if let Some(cut) = plan.recovery_point().and_then(|p| p.cut.as_ref()) {
        let _ =
            writeln!(out, "\n## What was cut\n\n{} of {} at byte {}:\n", cut.bytes_lost, plain(&cut.file), cut.offset);
        for line in &cut.preview {
            let _ = writeln!(out, "- {}", plain(line));
        }
    }
    if !d.changed.is_empty() {
        out.push_str("\n## Changed\n\n");
        for c in &d.changed {
            let _ = writeln!(out, "- {}", plain(c));
        }
    }
    let _ = writeln!(out, "\nSafety copies: {}", plain(d.vault.as_deref().unwrap_or("none")));
    if let Some(id) = &d.run_id {
        let _ = writeln!(out, "\nTo take it back: `redis-dr runs rollback {id} --discard-writes`");
    }
    out
}
