//! Which observed values decided.
use std::fmt;

use super::eval::{Scope, eval};
use super::node::{Join, Kind, Node};
use super::value::Value;

/// A fact that was read and what it held.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// Dotted name.
    pub name: String,
    /// What was observed.
    pub value: Value,
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Str(s) if s.is_empty() => write!(f, "{} is empty", self.name),
            Value::List(items) if items.is_empty() => write!(f, "{} is empty", self.name),
            value => write!(f, "{} is {value}", self.name),
        }
    }
}

pub fn leaves(root: &Node, scope: &dyn Scope) -> Vec<Leaf> {
    let mut out: Vec<Leaf> = Vec::new();
    collect(root, scope, &mut out);
    out
}

fn collect(node: &Node, scope: &dyn Scope, out: &mut Vec<Leaf>) {
    match &node.kind {
        Kind::Const(_) => {}
        Kind::Name(name) => {
            if !out.iter().any(|l| &l.name == name) {
                out.push(Leaf { name: name.clone(), value: eval(node, Some(scope)) });
            }
        }
        Kind::Has(name) => {
            if out.iter().any(|l| &l.name == name) {
                return;
            }
            let value = match eval(node, Some(scope)) {
                Value::Bool(true) => Value::Str("observed".into()),
                _ => Value::Str("unknown".into()),
            };
            out.push(Leaf { name: name.clone(), value });
        }
        Kind::List(items) => items.iter().for_each(|i| collect(i, scope, out)),
        Kind::Not(inner) | Kind::Neg(inner) => collect(inner, scope, out),
        Kind::Join { join, .. } => deciding(node, *join, scope, out),
        Kind::Compare { left, right, .. } | Kind::Arith { left, right, .. } => {
            collect(left, scope, out);
            collect(right, scope, out);
        }
        Kind::In { item, list } => {
            collect(item, scope, out);
            collect(list, scope, out);
        }
    }
}

/// The operands that made the result what it is: of a false `&&` those that are false, of an unknown one those that
/// are unknown, of a true one all.
fn deciding(node: &Node, join: Join, scope: &dyn Scope, out: &mut Vec<Leaf>) {
    let whole = eval(node, Some(scope));
    for operand in node.operands(join) {
        let value = eval(operand, Some(scope));
        let same = match (&whole, &value) {
            (Value::Unknown(_), Value::Unknown(_)) => true,
            (a, b) => a == b,
        };
        if same {
            collect(operand, scope, out);
        }
    }
}
