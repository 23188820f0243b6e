//! Names replaced by what they stand for: how an included runbook's parameters become those of the one that includes it.
use std::collections::BTreeMap;

use super::Expr;
use super::eval::from_json;
use super::node::{Join, Kind, Node};
use super::types::Type;
use super::value::Value;

/// What names stand for. A name bound to another name also renames everything below it
/// (`point` → `params.source` makes `point.valid` read `params.source.valid`).
#[derive(Debug, Clone, Default)]
pub struct Bindings {
    names: BTreeMap<String, Node>,
}

impl Bindings {
    /// Binds a dotted name to an expression of the same type.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, expr: &Expr) -> Self {
        self.names.insert(name.into(), expr.root.clone());
        self
    }

    fn find(&self, name: &str) -> Option<(&Node, String)> {
        self.names.iter().find_map(|(bound, node)| {
            let rest = name.strip_prefix(bound.as_str())?;
            (rest.is_empty() || rest.starts_with('.')).then(|| (node, rest.to_string()))
        })
    }
}

impl Expr {
    /// A value that is known, as JSON of this type (seconds, bytes); none when it is not of the type.
    pub fn of(json: &serde_json::Value, ty: &Type) -> Option<Expr> {
        let value = from_json(json, ty, "value");
        if matches!(value, Value::Unknown(_) | Value::Object(_)) {
            return None;
        }
        let root = Node { ty: ty.clone(), kind: Kind::Const(value) };
        Some(Expr { source: root.written(), root })
    }

    /// The same with names replaced. Its source is written anew where anything was, so that it can be stored as text
    /// and checked again against the names that are really read.
    #[must_use]
    pub fn bind(&self, bindings: &Bindings) -> Expr {
        let root = self.root.bound(bindings);
        let source = if root == self.root { self.source.clone() } else { root.written() };
        Expr { source, root }
    }
}

impl Node {
    /// Was everything observed that this reads? A literal is always known.
    fn observed(&self) -> Node {
        let mut all = Node { ty: Type::Bool, kind: Kind::Const(Value::Bool(true)) };
        self.each_name(&mut |name| {
            let has = Node { ty: Type::Bool, kind: Kind::Has(name.to_string()) };
            let left = Box::new(std::mem::replace(&mut all, has.clone()));
            all = Node { ty: Type::Bool, kind: Kind::Join { join: Join::And, left, right: Box::new(has) } };
        });
        all
    }

    fn bound(&self, b: &Bindings) -> Node {
        let again = |n: &Node| Box::new(n.bound(b));
        let kind = match &self.kind {
            Kind::Const(v) => Kind::Const(v.clone()),
            Kind::Name(name) => match b.find(name) {
                Some((node, rest)) if rest.is_empty() => return node.clone(),
                Some((Node { kind: Kind::Name(target), .. }, rest)) => Kind::Name(format!("{target}{rest}")),
                _ => Kind::Name(name.clone()),
            },
            Kind::Has(name) => match b.find(name) {
                Some((Node { kind: Kind::Name(target), .. }, rest)) => Kind::Has(format!("{target}{rest}")),
                Some((node, _)) => return node.observed(),
                None => Kind::Has(name.clone()),
            },
            Kind::List(items) => Kind::List(items.iter().map(|i| i.bound(b)).collect()),
            Kind::Not(inner) => Kind::Not(again(inner)),
            Kind::Neg(inner) => Kind::Neg(again(inner)),
            Kind::Join { join, left, right } => Kind::Join { join: *join, left: again(left), right: again(right) },
            Kind::Compare { op, order, left, right } => {
                Kind::Compare { op, order: order.clone(), left: again(left), right: again(right) }
            }
            Kind::In { item, list } => Kind::In { item: again(item), list: again(list) },
            Kind::Arith { op, left, right } => Kind::Arith { op, left: again(left), right: again(right) },
        };
        Node { ty: self.ty.clone(), kind }
    }
}
