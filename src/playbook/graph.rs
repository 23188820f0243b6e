//! A playbook as a picture: a flowchart, or lines for a terminal.
use std::fmt::Write as _;

use super::model::{Ending, Playbook, Rule, Then};
use crate::runbook::chart::{Chart, Shape};
use crate::runbook::kind_word;

impl Playbook {
    /// A flowchart: questions are diamonds, taken from top to bottom.
    pub fn chart(&self) -> Chart {
        let mut chart = Chart::default();
        chart.put("start", Shape::End, &self.id);
        let first = self.draw(&mut chart, "r");
        chart.arrow("start", &first, "");
        chart
    }

    /// Draws the rules and gives the box they begin at.
    fn draw(&self, chart: &mut Chart, prefix: &str) -> String {
        let node = |i: usize| format!("{prefix}{i}");
        for (i, rule) in self.rules.iter().enumerate() {
            let (here, end) = (node(i), format!("{prefix}{i}e"));
            let target = match &rule.then {
                Then::Playbook(inner) => inner.draw(chart, &format!("{prefix}{i}_")),
                then => {
                    chart.put(&end, Shape::End, &words(then, "\n"));
                    end
                }
            };
            match &rule.when {
                Some(expr) => {
                    chart.put(&here, Shape::Question, expr.source());
                    chart.arrow(&here, &target, "yes");
                    if i + 1 < self.rules.len() {
                        chart.arrow(&here, &node(i + 1), "no");
                    }
                }
                None => {
                    chart.put(&here, Shape::Step, "otherwise");
                    chart.arrow(&here, &target, "");
                }
            }
        }
        node(0)
    }

    /// The same as lines.
    pub fn outline(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "{}  {}", self.id, self.title);
        self.lines(&mut out, "  ");
        out
    }

    fn lines(&self, out: &mut String, indent: &str) {
        for (i, rule) in self.rules.iter().enumerate() {
            line(out, indent, i + 1, rule);
            if let Then::Playbook(inner) = &rule.then {
                inner.lines(out, &format!("{indent}      "));
            }
        }
    }
}

fn line(out: &mut String, indent: &str, number: usize, rule: &Rule) {
    let condition = rule.when.as_ref().map_or("otherwise", |e| e.source());
    let _ = writeln!(out, "{indent}{number:>2}  {condition}");
    let _ = writeln!(out, "{indent}      → {}", words(&rule.then, ", "));
    let _ = writeln!(out, "{indent}        {}", rule.because.source());
}

fn words(then: &Then, between: &str) -> String {
    match then {
        Then::Outcome(Ending::Healthy) => "healthy".into(),
        Then::Outcome(Ending::Wait) => "wait".into(),
        Then::Outcome(Ending::NeedsHuman) => "needs_human".into(),
        Then::Runbook { id, .. } => format!("runbook {id}"),
        Then::Restore(map) => {
            map.iter().map(|(k, id)| format!("{}: runbook {id}", kind_word(*k))).collect::<Vec<_>>().join(between)
        }
        Then::Playbook(inner) => format!("playbook {}", inner.id),
    }
}
