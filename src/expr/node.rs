//! The typed tree.
use std::sync::Arc;

use super::types::{Type, Words};
use super::value::Value;

/// A typed part of an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub ty: Type,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Const(Value),
    Name(String),
    Has(String),
    List(Vec<Node>),
    Not(Box<Node>),
    Neg(Box<Node>),
    Join {
        join: Join,
        left: Box<Node>,
        right: Box<Node>,
    },
    /// `order` is set where words are compared by their order.
    Compare {
        op: &'static str,
        order: Option<Arc<Words>>,
        left: Box<Node>,
        right: Box<Node>,
    },
    In {
        item: Box<Node>,
        list: Box<Node>,
    },
    Arith {
        op: &'static str,
        left: Box<Node>,
        right: Box<Node>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    And,
    Or,
}

impl Node {
    pub fn each_name(&self, found: &mut dyn FnMut(&str)) {
        match &self.kind {
            Kind::Const(_) => {}
            Kind::Name(n) | Kind::Has(n) => found(n),
            Kind::List(items) => items.iter().for_each(|i| i.each_name(found)),
            Kind::Not(inner) | Kind::Neg(inner) => inner.each_name(found),
            Kind::Join { left, right, .. } | Kind::Compare { left, right, .. } | Kind::Arith { left, right, .. } => {
                left.each_name(found);
                right.each_name(found);
            }
            Kind::In { item, list } => {
                item.each_name(found);
                list.each_name(found);
            }
        }
    }

    /// The operands of a chain of `&&` or of `||`; itself when it is no such chain.
    pub fn operands(&self, wanted: Join) -> Vec<&Node> {
        match &self.kind {
            Kind::Join { join, left, right } if *join == wanted => {
                let mut all = left.operands(wanted);
                all.extend(right.operands(wanted));
                all
            }
            _ => vec![self],
        }
    }

    /// One spelling for equal expressions: spaces, quotes and superfluous parentheses are gone.
    pub fn canonical(&self) -> String {
        match &self.kind {
            Kind::Const(v) => format!("{v:?}"),
            Kind::Name(n) => n.clone(),
            Kind::Has(n) => format!("has({n})"),
            Kind::List(items) => format!("[{}]", items.iter().map(Node::canonical).collect::<Vec<_>>().join(",")),
            Kind::Not(inner) => format!("!{}", inner.canonical()),
            Kind::Neg(inner) => format!("-{}", inner.canonical()),
            Kind::Join { join, .. } => {
                let mut parts: Vec<String> = self.operands(*join).into_iter().map(Node::canonical).collect();
                parts.sort();
                parts.dedup();
                format!("({})", parts.join(if *join == Join::And { "&&" } else { "||" }))
            }
            Kind::Compare { op, left, right, .. } => {
                let (l, r) = (left.canonical(), right.canonical());
                match *op {
                    ">" => format!("({r}<{l})"),
                    ">=" => format!("({r}<={l})"),
                    "==" | "!=" if r < l => format!("({r}{op}{l})"),
                    op => format!("({l}{op}{r})"),
                }
            }
            Kind::In { item, list } => format!("({} in {})", item.canonical(), list.canonical()),
            Kind::Arith { op, left, right } => {
                format!("({}{op}{})", left.canonical(), right.canonical())
            }
        }
    }
}
