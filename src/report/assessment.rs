//! The assessment on a screen.
use super::Width;
use super::words::{clean, number, severity};
use crate::facts::{Assessment, Bytes, Decision, FileState, Outcome, RuleVerdict};
use crate::finding::{Finding, Id, Severity};
use std::fmt::Write as _;

/// Evidence lines of one finding on a screen; the rest is in the JSON and behind `e`.
const EVIDENCE: usize = 4;

/// Head, findings, points and the reason; `where_from` names the config in force. `rules`: also those that did not hold.
#[must_use]
pub fn assessment(a: &Assessment, where_from: &str, rules: bool, width: Width) -> String {
    let mut out = head(a, where_from);
    out.push('\n');
    let names = a.findings.iter().map(|f| f.id.name().len()).max().unwrap_or(0).max(8);
    for f in &a.findings {
        finding(&mut out, f, names);
    }
    let mut ok = |name: &str, text: String| {
        let _ = writeln!(out, "  {}  {name:<names$}  {text}", severity(Severity::Healthy));
    };
    if a.findings.is_empty() {
        let keys = a.facts.server.keys.map_or(String::new(), |k| format!(", {} keys", number(k)));
        ok(&a.instance, format!("nothing is wrong{keys}"));
    }
    let rdb = &a.facts.files.rdb;
    if rdb.state == Some(FileState::Intact)
        && let Some(keys) = rdb.keys
    {
        let name = rdb.path.as_deref().and_then(|p| p.rsplit('/').next()).unwrap_or("snapshot");
        let saved = rdb.modified_at.map_or(String::new(), |t| format!(", saved {t}"));
        let several = rdb.databases.filter(|n| *n > 1).map_or(String::new(), |n| format!(" in {n} databases"));
        ok(&clean(name), format!("{} keys{several}, checksum good{saved}", number(keys)));
    }
    out.push_str(&bars(a));
    if !a.points.is_empty() {
        out.push('\n');
        out.push_str(&super::points(&a.points, a.taken_at, width));
    }
    if let Some(decision) = &a.decision {
        out.push('\n');
        out.push_str(&reason(decision, rules));
    }
    width.wrap(&out)
}

/// How much is taken of memory and disk, and by which files, where that is known.
fn bars(a: &Assessment) -> String {
    let (memory, disk, files) = (&a.facts.memory, &a.facts.disk, &a.facts.files);
    let mut out = String::new();
    let mut bar = |name: &str, taken: Option<Bytes>, whole: Option<Bytes>, of: &str| {
        if let (Some(taken), Some(whole)) = (taken, whole.filter(|w| w.0 > 0)) {
            let _ = writeln!(out, "  {name:<8}  {}  {taken} of {whole}{of}", filled(taken.0, whole.0));
        }
    };
    let limit = a.facts.config.maxmemory.filter(|m| m.0 > 0);
    let of = if limit.is_some() { " (maxmemory)" } else { " of this host" };
    bar("memory", memory.used, limit.or(memory.total), of);
    let taken = disk.total.zip(disk.free).map(|(total, free)| Bytes(total.0.saturating_sub(free.0)));
    bar("disk", taken, disk.total, "");
    let sizes = [("snapshot", files.rdb.bytes), ("AOF", files.aof.bytes)];
    let sizes = sizes.iter().filter_map(|(name, bytes)| Some(format!("{name} {}", (*bytes)?)));
    let sizes: Vec<String> = sizes.collect();
    if !sizes.is_empty() && !out.is_empty() {
        let _ = writeln!(out, "  {:<8}  {}", "files", sizes.join(", "));
    }
    if out.is_empty() { out } else { format!("\n{out}") }
}

/// A bar of twenty, filled as far as `taken` goes.
fn filled(taken: u64, whole: u64) -> String {
    let full = usize::try_from(taken.min(whole).saturating_mul(20).div_ceil(whole)).unwrap_or(20).min(20);
    format!("[{}{}]", "#".repeat(full), "-".repeat(20 - full))
}

fn finding(out: &mut String, f: &Finding, names: usize) {
    let below = " ".repeat(names + 14);
    let _ = writeln!(out, "  {}  {:<names$}  {}", severity(f.severity), f.id.name(), clean(&f.title));
    for line in f.evidence.iter().take(EVIDENCE) {
        let _ = writeln!(out, "{below}{}", clean(line));
    }
    if f.evidence.len() > EVIDENCE {
        let _ = writeln!(out, "{below}and {} more lines: --json", f.evidence.len() - EVIDENCE);
    }
    if !f.hint.is_empty() {
        let _ = writeln!(out, "{below}hint: {}", clean(&f.hint));
    }
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
    let name = clean(&a.instance);
    let address = clean(&f.instance.address);
    let named = if name == address { name.clone() } else { format!("{name}   {address}") };
    let mut out = format!(
        "{named}   {version}   {}   on {}, {}   assessed in {seconds:.1} s\n",
        clean(dir),
        clean(&a.host),
        clean(where_from),
    );
    let mut now = Vec::new();
    if let Some(since) = f.process.down_since {
        let ago = a.taken_at.since(since);
        let rto = |before: &str, after: &str| f.instance.rto.map_or(String::new(), |r| format!("{before}{r}{after}"));
        now.push(match f.process.down_exactly {
            Some(true) => format!("down {ago}{}", rto(" of RTO ", "")),
            _ => format!("last seen alive {ago} ago{}", rto(" (RTO ", ")")),
        });
    }
    // one of them is this look itself
    if let Some(others) = f.server.clients.filter(|_| f.server.answers == Some(true)).map(|n| n.saturating_sub(1)) {
        let clients = if others == 1 { "client is" } else { "clients are" };
        now.push(format!("{} {clients} connected", number(others)));
    }
    if let Some(before) = f.log.clients.filter(|_| f.server.answers != Some(true)) {
        let clients = if before == 1 { "client was" } else { "clients were" };
        now.push(format!("{} {clients} connected", number(before)));
    }
    if a.findings.iter().any(|f| f.id == Id::ServerHeld) {
        now.push("held: nothing overwrites its files or starts it".into());
    }
    if f.instance.paused == Some(true) {
        let by = f.instance.paused_by.as_deref().map_or(String::new(), |who| format!(" by {}", clean(who)));
        let until = f.instance.paused_until.map_or(String::new(), |t| format!(" until {t}"));
        now.push(format!("paused{by}{until}: --auto keeps its hands off"));
    }
    if f.instance.files_visible == Some(false) {
        now.push("its files are on another host: what needs them is unknown".into());
    }
    if !now.is_empty() {
        let _ = writeln!(out, "{}   {}", " ".repeat(name.chars().count()), now.join(" · "));
    }
    out
}

/// The rule that decided, and where that leads; with `rules` also those that did not hold, each with the facts it read.
#[must_use]
pub fn reason(d: &Decision, rules: bool) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "Because   {}", clean(&d.because));
    let mut rejected = 0;
    for rule in &d.path {
        let word = match rule.verdict {
            RuleVerdict::Matched => "holds",
            RuleVerdict::Unknown => "can't be told",
            RuleVerdict::Rejected if rules => "no",
            RuleVerdict::Rejected => {
                rejected += 1;
                continue;
            }
        };
        let _ = writeln!(out, "          {word}: rule {} ({})", clean(&rule.rule), clean(&rule.evidence));
    }
    if rejected > 0 {
        let _ = writeln!(
            out,
            "          rules of {} tried before it that do not hold: {rejected} (-v shows them)",
            d.playbook
        );
    }
    let chosen = match (d.outcome, &d.runbook, &d.point) {
        (Outcome::Runbook, Some(r), Some(p)) => format!("runbook {r} with point {}", clean(p)),
        (Outcome::Runbook, Some(r), None) => format!("runbook {r}"),
        (Outcome::Healthy, ..) => "healthy: nothing to do".into(),
        (Outcome::Wait, ..) => "wait: it mends itself".into(),
        _ => "a person must decide".into(),
    };
    let _ = writeln!(out, "Outcome   {chosen}");
    for other in &d.alternatives {
        let _ = writeln!(out, "          or runbook {} with point {}", other.runbook, clean(&other.point));
    }
    out
}
