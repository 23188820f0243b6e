//! A runbook as a picture: a flowchart, or lines for a terminal.
use std::fmt::Write as _;

use super::chart::{Chart, Shape};
use super::model::{Gate, OnFailure, Runbook, Step};

impl Runbook {
    /// A flowchart: gates are diamonds, steps boxes; the step after which clients write again is thick.
    pub fn chart(&self) -> Chart {
        let mut chart = Chart::default();
        chart.put("start", Shape::End, &self.id);
        let mut last = "start".to_string();
        let mut link = |chart: &mut Chart, to: &str, text: &str| {
            chart.arrow(&last, to, text);
            last = to.to_string();
        };
        if !self.require.is_empty() {
            chart.put("require", Shape::Question, &gates(&self.require));
            chart.put("refused", Shape::End, "refused, nothing changed");
            chart.arrow("require", "refused", "no");
            link(&mut chart, "require", "");
        }
        for (i, step) in self.steps.iter().enumerate() {
            let node = format!("s{i}");
            let opens = step.action.name() == "service.open";
            let text = format!("{}: {}\n{}", step.id, step.title.source(), step.action.name());
            chart.put(&node, if opens { Shape::Opening } else { Shape::Step }, &text);
            let condition = step.only_if.as_ref().map_or(String::new(), |e| format!("if {}", e.source()));
            let first = i == 0 && !self.require.is_empty() && condition.is_empty();
            link(&mut chart, &node, if first { "yes" } else { &condition });
            for (side, gate) in [("before", &step.before), ("after", &step.after)] {
                if !gate.is_empty() {
                    let beside = format!("g{i}{side}");
                    chart.put(&beside, Shape::Gate, &format!("{side}: {}", gates(gate)));
                    chart.beside(&node, &beside);
                }
            }
        }
        chart.put("recovered", Shape::Question, &gates(&self.recovered));
        link(&mut chart, "recovered", "");
        chart.put("done", Shape::End, "recovered");
        link(&mut chart, "done", "yes");
        chart
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
