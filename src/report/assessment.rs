//! The assessment on a screen.
use super::words::{clean, number, severity};
use crate::facts::{Assessment, Decision, FileState, Outcome, RuleVerdict};
use crate::finding::Severity;
use std::fmt::Write as _;

/// Head, findings, points and the reason; `where_from` names the config in force.
#[must_use]
pub fn assessment(a: &Assessment, where_from: &str) -> String {
    let mut out = head(a, where_from);
    out.push('\n');
    for f in &a.findings {
        let _ = writeln!(out, "  {}  {:<26} {}", severity(f.severity), f.id.name(), clean(&f.title));
        for line in f.evidence.iter().take(4) {
            let _ = writeln!(out, "            {}", clean(line));
        }
        if f.severity >= Severity::Minor && !f.hint.is_empty() {
            let _ = writeln!(out, "            hint: {}", clean(&f.hint));
        }
    }
    if a.findings.is_empty() {
        let keys = a.facts.server.keys.map_or(String::new(), |k| format!(", {} keys", number(k)));
        let _ = writeln!(out, "  {}  nothing is wrong{keys}", severity(Severity::Healthy));
    }
    if a.facts.files.rdb.state == Some(FileState::Intact)
        && let Some(keys) = a.facts.files.rdb.keys
    {
        let _ =
            writeln!(out, "  {}  {:<26} {} keys, checksum good", severity(Severity::Healthy), "snapshot", number(keys));
    }
    if !a.points.is_empty() {
        out.push('\n');
        out.push_str(&super::points(&a.points, a.taken_at));
    }
    if let Some(decision) = &a.decision {
        out.push('\n');
        out.push_str(&reason(decision));
    }
    out
}

fn head(a: &Assessment, where_from: &str) -> String {
    let f = &a.facts;
    let version = f.server.version.as_deref().map_or("version unknown".into(), |v| {
        let flavour = f.server.flavour.map_or("redis".into(), |x| format!("{x:?}").to_lowercase());
        format!("{flavour} {v}")
    });
    let dir = f.config.data_dir.as_deref().unwrap_or("data directory unknown");
    #[allow(clippy::cast_precision_loss)]
    let seconds = a.duration_ms as f64 / 1000.0;
    let mut out = format!(
        "{}   {}   {}   {}   on {}, {}   assessed in {:.1} s\n",
        clean(&a.instance),
        clean(&f.instance.address),
        version,
        clean(dir),
        clean(&a.host),
        clean(where_from),
        seconds
    );
    if let Some(since) = f.process.down_since {
        let rto = f.instance.rto.map_or(String::new(), |r| format!(" of RTO {r}"));
        let _ = writeln!(out, "down {}{rto}", a.taken_at.since(since));
    }
    out
}

/// The rules on the way, and where it ended.
#[must_use]
pub fn reason(d: &Decision) -> String {
    let mut out = String::new();
    let chosen = match (d.outcome, &d.runbook, &d.point) {
        (Outcome::Runbook, Some(r), Some(p)) => format!("runbook {r} with point {p}"),
        (Outcome::Runbook, Some(r), None) => format!("runbook {r}"),
        (Outcome::Healthy, ..) => "healthy: nothing to do".into(),
        (Outcome::Wait, ..) => "wait: it mends itself".into(),
        _ => "a person must decide".into(),
    };
    let _ = writeln!(out, "Because   {}", clean(&d.because));
    for rule in &d.path {
        if rule.verdict == RuleVerdict::Matched || rule.verdict == RuleVerdict::Unknown {
            let word = if rule.verdict == RuleVerdict::Matched { "matched" } else { "unknown" };
            let _ = writeln!(out, "          {word}: {} ({})", clean(&rule.rule), clean(&rule.evidence));
        }
    }
    let _ = writeln!(out, "Outcome   {chosen}");
    for other in &d.alternatives {
        let _ = writeln!(out, "          or runbook {} with point {}", other.runbook, clean(&other.point));
    }
    out
}
