//! A runbook as a picture: Mermaid, or lines for a terminal.
use std::fmt::Write as _;

use super::model::{Gate, OnFailure, Runbook, Step};

impl Runbook {
    /// A Mermaid flowchart: gates are diamonds, steps boxes; the step after which clients write again is thick.
    pub fn mermaid(&self) -> String {
        let mut out = String::from("flowchart TD\n");
        let _ = writeln!(out, "  start([{}])", label(&self.id));
        let mut last = "start".to_string();
        let mut link = |out: &mut String, to: &str, text: &str| {
            let arrow = if text.is_empty() { "-->".into() } else { format!("-->|{}|", label(text)) };
            let _ = writeln!(out, "  {last} {arrow} {to}");
            last = to.to_string();
        };
        if !self.require.is_empty() {
            let _ = writeln!(out, "  require{{{}}}", label(&gates(&self.require)));
            let _ = writeln!(out, "  require -->|no| refused([refused, nothing changed])");
            link(&mut out, "require", "");
        }
        for (i, step) in self.steps.iter().enumerate() {
            let node = format!("s{i}");
            let _ = writeln!(
                out,
                "  {node}[{}]",
                label(&format!("{}: {}\n{}", step.id, step.title.source(), step.action.name()))
            );
            let condition = step.only_if.as_ref().map_or(String::new(), |e| format!("if {}", e.source()));
            let text =
                if i == 0 && !self.require.is_empty() && condition.is_empty() { "yes".into() } else { condition };
            link(&mut out, &node, &text);
            for (side, gate) in [("before", &step.before), ("after", &step.after)] {
                if !gate.is_empty() {
                    let _ =
                        writeln!(out, "  {node} -.- g{i}{side}{{{{{}}}}}", label(&format!("{side}: {}", gates(gate))));
                }
            }
            if step.action.name() == "service.open" {
                let _ = writeln!(out, "  style {node} stroke-width:4px");
            }
        }
        let _ = writeln!(out, "  recovered{{{}}}", label(&gates(&self.recovered)));
        link(&mut out, "recovered", "");
        let _ = writeln!(out, "  done([recovered])");
        link(&mut out, "done", "yes");
        out
    }

    /// The same as lines.
    pub fn outline(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "{}  {}  (risk: {})", self.id, self.title, self.risk);
        list(&mut out, "  require  ", &self.require);
        for (i, step) in self.steps.iter().enumerate() {
            outline_step(&mut out, i + 1, step);
        }
        list(&mut out, "  recovered when  ", &self.recovered);
        out
    }
}

fn outline_step(out: &mut String, number: usize, step: &Step) {
    let _ = writeln!(out, "  {number:>2}  {:<14} {}  [{}]", step.id, step.title.source(), step.action.name());
    if let Some(e) = &step.only_if {
        let _ = writeln!(out, "      only if {}", e.source());
    }
    list(out, "      before  ", &step.before);
    list(out, "      after  ", &step.after);
    let mut notes = Vec::new();
    if step.may_skip {
        notes.push("may be skipped".to_string());
    }
    if let Some(retry) = step.retry {
        notes.push(format!("tried again {} times, every {}", retry.times, retry.every));
    }
    match step.on_failure {
        Some(OnFailure::RollBack) => notes.push("on failure: roll back".into()),
        Some(OnFailure::Stop) => notes.push("on failure: stop".into()),
        Some(OnFailure::KeepGoing) => notes.push("on failure: keep going".into()),
        None => {}
    }
    if !notes.is_empty() {
        let _ = writeln!(out, "      {}", notes.join(", "));
    }
}

fn list(out: &mut String, head: &str, gates: &[Gate]) {
    for (i, gate) in gates.iter().enumerate() {
        let head = if i == 0 { head.to_string() } else { " ".repeat(head.chars().count()) };
        let within = gate.within.map_or(String::new(), |w| format!("  (within {w})"));
        let _ = writeln!(out, "{head}{}{within}", gate.that.source());
    }
}

fn gates(gates: &[Gate]) -> String {
    gates.iter().map(|g| g.that.source()).collect::<Vec<_>>().join("\n")
}

/// A Mermaid label: quoted, so that nothing in it is syntax.
pub(crate) fn label(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("#quot;"),
            '#' => out.push_str("#35;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '\n' => out.push_str("<br/>"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
