//! A run as Markdown, for a ticket, a wiki or a post-mortem.
use super::RunDocument;
use super::run::titles;
use super::words::{clean, found, lost};
use crate::facts::RuleVerdict;
use crate::plan::Plan;
use std::fmt::Write as _;

/// Text that Markdown takes literally, on one line, also within a table. Only what would be taken for markup is escaped.
pub(super) fn plain(text: &str) -> String {
    let text: Vec<char> = clean(text).chars().collect();
    let in_word = |i: usize| {
        let word = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(|c| c.is_alphanumeric());
        word(i.checked_sub(1)) && word(Some(i + 1))
    };
    let mut out = String::new();
    for (i, c) in text.iter().enumerate() {
        let markup = match c {
            '|' | '*' | '`' | '<' | '[' | '\\' => true,
            // an entity, such as &amp;
            '&' => text.get(i + 1).is_some_and(|c| c.is_alphanumeric() || *c == '#'),
            '_' => !in_word(i),
            '#' | '>' | '-' | '+' => i == 0,
            _ => false,
        };
        if markup {
            out.push('\\');
        }
        out.push(*c);
    }
    out
}

/// Text as code: no character in it is markup, a bar aside, which would end the cell of a table.
pub(super) fn code(text: &str) -> String {
    let text = clean(text).replace('|', "\u{2502}");
    if text.is_empty() {
        return text;
    }
    // a fence longer than any in the text
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let (fence, blank) = ("`".repeat(longest + 1), if longest > 0 { " " } else { "" });
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// What was run on what, when, and what it cost: names and values.
pub(super) fn rows(d: &RunDocument, plan: &Plan) -> Vec<(&'static str, String)> {
    let time = |t: Option<crate::facts::Time>, none: &str| t.map_or(none.to_string(), |t| t.to_string());
    let unknown = || "unknown".to_string();
    vec![
        ("run", d.run_id.clone().unwrap_or_else(|| "none".into())),
        ("runbook", plan.runbook.clone()),
        ("recovery point", d.point.clone().unwrap_or_else(|| "none".into())),
        ("started", time(d.started_at, "unknown")),
        ("clients could write again", time(d.opened_at, "not yet")),
        ("ended", time(d.ended_at, "unknown")),
        ("downtime under repair", d.downtime_seconds.map_or_else(unknown, |t| t.to_string())),
        ("data lost", d.loss_seconds.map_or_else(unknown, lost)),
        ("gates passed", d.gates.passed.to_string()),
    ]
}

/// What happened, why this way was chosen, what was changed, where the copies are.
#[must_use]
pub fn markdown(d: &RunDocument, plan: &Plan) -> String {
    let mut out =
        format!("# {}: {}\n\n| | |\n|---|---|\n", plain(&d.instance), plain(&d.outcome.word().replace('_', " ")));
    for (name, value) in rows(d, plan) {
        let _ = writeln!(out, "| {name} | {} |", plain(&value));
    }
    if !d.because.is_empty() {
        let _ = writeln!(out, "\n**Because:** {}", plain(&d.because));
    }
    why(&mut out, d, plan);
    if !d.findings.is_empty() {
        out.push_str("\n## What was found\n\n");
        for f in &d.findings {
            let severity = format!("{:?}", f.severity).to_lowercase();
            let _ = writeln!(out, "- {severity}: {} {}", code(f.id.name()), plain(&f.title));
            for e in &f.evidence {
                let _ = writeln!(out, "  - {}", code(e));
            }
        }
    }
    steps(&mut out, d, plan);
    if let Some(cut) = plan.recovery_point().and_then(|p| p.cut.as_ref()) {
        let _ =
            writeln!(out, "\n## What was cut\n\n{} of {} at byte {}:\n", cut.bytes_lost, code(&cut.file), cut.offset);
        for line in &cut.preview {
            let _ = writeln!(out, "- {}", code(line));
        }
    }
    if !d.changed.is_empty() {
        out.push_str("\n## Changed\n\n");
        for c in &d.changed {
            let _ = writeln!(out, "- {}", if c.starts_with('/') { code(c) } else { plain(c) });
        }
    }
    if !d.by_hand.is_empty() {
        out.push_str("\n## To do by hand\n\n");
        d.by_hand.iter().for_each(|line| {
            let _ = writeln!(out, "1. {}", plain(line));
        });
    }
    let _ = writeln!(out, "\nSafety copies: {}", code(d.vault.as_deref().unwrap_or("none")));
    for line in &d.next {
        let what = if line.contains(" runs rollback ") { "To take it back" } else { "Next" };
        let _ = writeln!(out, "\n{what}: {}", code(line));
    }
    out
}

/// The rule that decided; of those that did not hold only their number.
fn why(out: &mut String, d: &RunDocument, plan: &Plan) {
    if !plan.because.is_empty() {
        let _ = writeln!(out, "\n## Why this way\n\n{}", plain(&plan.because));
    }
    let Some(decision) = &d.decision else { return };
    out.push('\n');
    for rule in decision.path.iter().filter(|r| r.verdict != RuleVerdict::Rejected) {
        let word = if rule.verdict == RuleVerdict::Matched { "holds" } else { "can't be told" };
        let (number, text) = rule.rule.split_once(": ").unwrap_or(("", rule.rule.as_str()));
        let _ = writeln!(out, "- rule {} of the playbook {word}: {}", plain(number), code(text));
        let _ = writeln!(out, "  - {}", plain(&rule.evidence));
    }
    let rejected = decision.path.iter().filter(|r| r.verdict == RuleVerdict::Rejected).count();
    let _ = writeln!(out, "- rules of {} before it that did not hold: {rejected}", plain(&decision.playbook));
}

fn steps(out: &mut String, d: &RunDocument, plan: &Plan) {
    if d.steps.is_empty() {
        return;
    }
    out.push_str("\n## Steps\n\n| step | outcome | seconds | |\n|---|---|---:|---|\n");
    for (s, title) in d.steps.iter().zip(titles(d, plan)) {
        let time = s.seconds.map_or(String::new(), |t| format!("{:.2}", t.0));
        let because = if s.because.is_empty() { String::new() } else { format!(": {}", plain(&s.because)) };
        let outcome = s.outcome.replace('_', " ");
        let _ = writeln!(out, "| {} | {} | {time} | {}{because} |", plain(&s.id), plain(&outcome), plain(&title));
    }
    let told: Vec<_> = d.steps.iter().filter_map(|s| Some((&s.id, found(&s.results)?))).collect();
    if !told.is_empty() {
        out.push_str("\nWhat the steps found out:\n\n");
        for (id, found) in told {
            let _ = writeln!(out, "- {}: {}", plain(id), plain(&found));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_markup_is_escaped() {
        assert_eq!(plain("loaded_keys 7 > 5, _this_ a|b *c* <b>"), "loaded_keys 7 > 5, \\_this\\_ a\\|b \\*c\\* \\<b>");
        assert_eq!(plain("# no head"), "\\# no head");
    }

    #[test]
    fn code_holds_what_it_is_given() {
        assert_eq!(code("a_b *c*"), "`a_b *c*`");
        assert_eq!(code("where a command (`*`) had to be"), "`` where a command (`*`) had to be ``");
        assert_eq!(code(""), "");
    }
}
