//! What a person asks for before deciding: all evidence, and what a cut takes away.
use super::words::{clean, many, number, severity};
use crate::facts::{Assessment, RuleVerdict};
use crate::plan::Plan;
use std::fmt::Write as _;

/// All evidence, and the rules that did not hold.
#[must_use]
pub fn evidence(a: &Assessment) -> String {
    let mut text = String::new();
    for f in &a.findings {
        let _ = writeln!(text, "{}  {}", severity(f.severity), clean(&f.title));
        for line in &f.evidence {
            let _ = writeln!(text, "          {}", clean(line));
        }
    }
    let Some(decision) = &a.decision else {
        return text;
    };
    let _ = writeln!(text, "\nRules of {}, in order:", decision.playbook);
    for rule in &decision.path {
        let word = match rule.verdict {
            RuleVerdict::Matched => "holds",
            RuleVerdict::Rejected => "no",
            RuleVerdict::Unknown => "unknown",
        };
        let _ = writeln!(text, "  {word:<8} {}", clean(&rule.rule));
        let _ = writeln!(text, "           {}", clean(&rule.evidence));
    }
    text
}

/// What the cut takes away.
#[must_use]
pub fn cut_bytes(plan: &Plan) -> String {
    let Some(cut) = plan.recovery_point().and_then(|p| p.cut.as_ref()) else {
        return "This point cuts nothing.\n".into();
    };
    let mut text = format!(
        "{} is cut at byte {}: {} and {} go.\n",
        clean(&cut.file),
        number(cut.offset),
        cut.bytes_lost,
        many(cut.commands_lost, "complete command", "complete commands")
    );
    if cut.commands_after_damage > 0 {
        let behind = number(cut.commands_after_damage);
        let _ =
            writeln!(text, "{behind} of them lie behind the damage: they can be read, but not what the damage took.");
    }
    for line in &cut.preview {
        let _ = writeln!(text, "  - {}", clean(line));
    }
    for file in &cut.drop_files {
        let _ = writeln!(text, "  - the whole of {}", clean(file));
    }
    text
}
