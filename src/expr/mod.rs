//! The condition language of playbooks and runbooks: parsed, statically typed, three-valued. Pure.
//!
//! One language is used in `when`, `that`, `if` and inside `${…}`. It is a small subset of CEL's syntax:
//!
//! ```text
//! operators   || && ! == != < <= > >= in + - * /        parentheses
//! literals    "text" 'text'   12 0.5   true false
//!             30s 500ms 5m 2h 7d 1h30m                  duration (ms, s, m, h, d only)
//!             512B 64KB 64MB 1GB 64KiB 64MiB 1GiB       size (KB = 1000, KiB = 1024)
//!             time("2026-11-21T03:12:44Z")              moment (RFC 3339)
//!             ["rdb", "backup"]                         list, for `in`
//! names       server.answers   point.valid              dotted, from the facts' schema
//!             steps.start.loaded_keys                   what a step of a runbook found out, after it
//! has(name)                                             was it observed?
//! ```
//!
//! **Types.** There is no truthiness and no conversion: an integer compared with text, `<` on words without an
//! order, an unknown name or an unknown word is an error of [`check`], which reports all of them. The literal `0`
//! may stand for a size or a duration in a comparison. `int / int` is a fraction (`7 / 2` is `3.5`).
//! `time - time` is a duration, `time ± duration` a time; durations and sizes can be added, scaled and divided.
//!
//! **Unknown.** In facts `null` always means *could not be observed*. Kleene's logic: `false && unknown` is false,
//! `true || unknown` is true, everything else that reads an unknown is unknown and says which names made it so.
//! A division by zero, a number out of range and a fact of another type than the schema's are unknown as well.
mod check;
mod compare;
mod eval;
mod explain;
mod hint;
mod lex;
mod node;
mod parse;
mod schema;
mod substitute;
mod template;
mod types;
mod value;
mod written;

use std::collections::BTreeSet;

pub use eval::{Layers, Scope};
pub use explain::Leaf;
pub use parse::{Ast, parse};
pub use substitute::Bindings;
pub use template::Template;
pub use types::{Fields, Type, Types, Words};
pub use value::{Truth, Unknown, Value};

/// What is wrong with an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExprError {
    /// Byte offset of the first wrong character in the source given.
    pub offset: usize,
    /// Bytes that are wrong; 0 at the end of the source.
    pub len: usize,
    /// One sentence, without a final stop.
    pub message: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
}

impl ExprError {
    pub(crate) fn at(span: lex::Span, message: impl Into<String>) -> Self {
        ExprError { offset: span.start, len: span.end - span.start, message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// An expression that is known to be well typed. Made by [`check`] only.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    source: String,
    root: node::Node,
}

/// Parses and types `src` against the vocabulary. `expected` is the type the place wants (`Bool` for a condition).
///
/// # Errors
/// All that is wrong, in the order of the source; a syntax error hides what comes after it.
pub fn check(src: &str, types: &Types, expected: Option<&Type>) -> Result<Expr, Vec<ExprError>> {
    let ast = parse(src).map_err(|e| vec![e])?;
    let root = check::typed(&ast, types, expected)?;
    Ok(Expr { source: src.to_string(), root })
}

impl Expr {
    /// The text it was made from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The type of its value.
    pub fn ty(&self) -> &Type {
        &self.root.ty
    }

    /// The value in this scope; [`Value::Unknown`] with the names that were not observed.
    pub fn eval(&self, scope: &dyn Scope) -> Value {
        eval::eval(&self.root, Some(scope))
    }

    /// The verdict of a condition in this scope.
    pub fn truth(&self, scope: &dyn Scope) -> Truth {
        self.eval(scope).truth()
    }

    /// Its value when that does not depend on any fact, such as `true || server.answers`.
    pub fn constant(&self) -> Option<Value> {
        Some(eval::eval(&self.root, None)).filter(Value::is_known)
    }

    /// The dotted names it reads, so that the engine knows which facts to take again.
    pub fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.root.each_name(&mut |n| {
            names.insert(n.to_string());
        });
        names
    }

    /// The observed values that decided, such as `server.answers is false, points.usable is true`.
    /// Of `a && b` that is false only the operands that are false are told. Empty when no fact was read.
    pub fn explain(&self, scope: &dyn Scope) -> String {
        let leaves = self.leaves(scope);
        leaves.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// The same as data: name and value of each fact that decided, in the order of the source, each once.
    pub fn leaves(&self, scope: &dyn Scope) -> Vec<Leaf> {
        explain::leaves(&self.root, scope)
    }

    /// True when this expression can only be true where one of `earlier` is true already. Sound, not complete:
    /// it compares the operands of `||` and `&&` as text, so a clever rewriting is not seen.
    pub fn covered_by(&self, earlier: &[&Expr]) -> bool {
        let mut theirs = Vec::new();
        for e in earlier {
            for d in e.root.operands(node::Join::Or) {
                theirs.push(conjuncts(d));
            }
        }
        self.root.operands(node::Join::Or).into_iter().all(|d| {
            let ours = conjuncts(d);
            theirs.iter().any(|t| t.is_subset(&ours))
        })
    }
}

impl Expr {
    /// True where both are; the source is joined for people.
    #[must_use]
    pub fn and(self, other: Expr) -> Expr {
        let source = format!("({}) && ({})", self.source, other.source);
        let kind = node::Kind::Join { join: node::Join::And, left: Box::new(self.root), right: Box::new(other.root) };
        Expr { source, root: node::Node { ty: Type::Bool, kind } }
    }

    /// The dotted name when the expression is nothing else.
    pub fn as_name(&self) -> Option<&str> {
        match &self.root.kind {
            node::Kind::Name(n) => Some(n),
            _ => None,
        }
    }
}

fn conjuncts(node: &node::Node) -> BTreeSet<String> {
    node.operands(node::Join::And).into_iter().map(node::Node::canonical).collect()
}

/// The nearest of `words` when it is near enough to be a slip of the pen, or one begins with the other.
pub fn nearest<'a>(given: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = match given.chars().count() {
        0..=3 => 1,
        4..=7 => 2,
        _ => 3,
    };
    let given = given.to_lowercase();
    let begins = |w: &str| given.len() >= 3 && (w.starts_with(&given) || given.starts_with(w));
    words
        .into_iter()
        .map(|w| {
            let distance = strsim::damerau_levenshtein(&given, &w.to_lowercase());
            (distance > limit, distance, w)
        })
        .filter(|(far, _, w)| !far || begins(w))
        .min_by_key(|(far, distance, _)| (*far, *distance))
        .map(|(_, _, w)| w)
}

#[cfg(test)]
mod tests;
