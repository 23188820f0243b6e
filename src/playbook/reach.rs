//! Can every rule be reached?
use super::model::Rule;
use crate::expr::{Expr, Value};
use crate::runbook::reader::{Reader, below};

/// A rule that can never be reached hides a mistake: somebody believes that it is asked.
pub(super) fn reachable(r: &mut Reader<'_>, rules: &[Option<Rule>]) {
    let mut always: Option<usize> = None;
    let mut earlier: Vec<(usize, &Expr)> = Vec::new();
    for (i, rule) in rules.iter().enumerate() {
        let path = below("/decide", i);
        if let Some(last) = always {
            r.error(&path, "this rule can never be reached", Some(format!("rule {} before it always holds", last + 1)));
            continue;
        }
        let Some(rule) = rule else { continue };
        let Some(when) = &rule.when else {
            always = Some(i);
            continue;
        };
        let place = below(&path, "when");
        match when.constant() {
            Some(Value::Bool(true)) => always = Some(i),
            Some(_) => {
                r.error(
                    &place,
                    "this rule can never hold",
                    Some("its condition is false whatever the facts are".into()),
                );
                continue;
            }
            None => {}
        }
        let all: Vec<&Expr> = earlier.iter().map(|(_, e)| *e).collect();
        if always.is_none() && when.covered_by(&all) {
            let by = earlier.iter().find(|(_, e)| when.covered_by(&[e]));
            let hint = match by {
                Some((n, e)) => format!("rule {} takes all of it: {}", n + 1, e.source()),
                None => "the rules before it together take all of it".into(),
            };
            r.error(&place, "this rule can never be reached", Some(hint));
        }
        earlier.push((i, when));
    }
}
