//! Names and types. Collects every error; a part that is wrong hides only what depends on its type.
use super::hint::{compare_hint, join, no_field};
use super::lex::Span;
use super::node::{Join, Kind, Node};
use super::parse::{Ast, AstKind};
use super::types::{Type, Types};
use super::value::Value;
use super::{ExprError, nearest};

/// Types the whole; see [`super::check`].
pub fn typed(ast: &Ast, types: &Types, expected: Option<&Type>) -> Result<Node, Vec<ExprError>> {
    let mut checker = Checker { types, errors: Vec::new() };
    let node = checker.node(ast);
    let node = match (node, expected) {
        (Some(node), Some(wanted)) => checker.wanted(node, ast, wanted),
        (node, _) => node,
    };
    let mut errors = checker.errors;
    errors.sort_by_key(|e| e.offset);
    match node {
        Some(node) if errors.is_empty() => Ok(node),
        _ => Err(errors),
    }
}

pub(super) struct Checker<'a> {
    types: &'a Types,
    pub(super) errors: Vec<ExprError>,
}

impl Checker<'_> {
    pub(super) fn fail(&mut self, error: ExprError) -> Option<Node> {
        self.errors.push(error);
        None
    }

    pub(super) fn node(&mut self, ast: &Ast) -> Option<Node> {
        match &ast.kind {
            AstKind::Const(value) => Some(constant(value)),
            AstKind::Name(name) => {
                let ty = self.name(name, ast.span)?;
                Some(Node { ty, kind: Kind::Name(name.clone()) })
            }
            AstKind::Has(inner) => match &inner.kind {
                AstKind::Name(name) => {
                    self.name(name, inner.span)?;
                    Some(Node { ty: Type::Bool, kind: Kind::Has(name.clone()) })
                }
                _ => self
                    .fail(ExprError::at(inner.span, "has() takes a name").hint("such as has(persistence.aof_enabled)")),
            },
            AstKind::List(items) => self.list(items, ast.span),
            AstKind::Not(inner) => {
                let inner = self.bool(inner, "!")?;
                Some(Node { ty: Type::Bool, kind: Kind::Not(Box::new(inner)) })
            }
            AstKind::Neg(inner) => {
                let node = self.node(inner)?;
                if !node.ty.is_number() && !matches!(node.ty, Type::Duration | Type::Size) {
                    return self.fail(ExprError::at(inner.span, format!("`-` takes a number, this is {}", node.ty)));
                }
                Some(Node { ty: node.ty.clone(), kind: Kind::Neg(Box::new(node)) })
            }
            AstKind::Binary { op, op_span, left, right } => match *op {
                "&&" | "||" => {
                    let (l, r) = (self.bool(left, op), self.bool(right, op));
                    let join = if *op == "&&" { Join::And } else { Join::Or };
                    let kind = Kind::Join { join, left: Box::new(l?), right: Box::new(r?) };
                    Some(Node { ty: Type::Bool, kind })
                }
                "in" => self.member(left, right),
                "+" | "-" | "*" | "/" => self.arith(op, *op_span, left, right),
                _ => self.compare(op, *op_span, left, right),
            },
        }
    }

    fn bool(&mut self, ast: &Ast, op: &str) -> Option<Node> {
        let node = self.node(ast)?;
        if node.ty == Type::Bool {
            return Some(node);
        }
        let error = ExprError::at(ast.span, format!("`{op}` takes yes/no values, this is {}", node.ty));
        self.fail(error.hint(compare_hint(&node)))
    }

    fn name(&mut self, name: &str, span: Span) -> Option<Type> {
        if let Some(ty) = self.types.get(name) {
            return Some(ty.clone());
        }
        if let Some((len, barred)) = self.types.bar(name) {
            let span = Span { start: span.start, end: span.start + len };
            self.errors.push(ExprError::at(span, barred.message.clone()).hint(barred.hint.clone()));
            return None;
        }
        // Find the first part that leads nowhere and point at it.
        let mut parts = name.split('.');
        let root = parts.next().unwrap_or("");
        let mut start = span.start;
        let Some(mut ty) = self.types.roots.get(root) else {
            let part = Span { start, end: start + root.len() };
            let error = ExprError::at(part, format!("there is no name `{root}`"));
            let hint = match nearest(root, self.types.roots.keys().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None if !name.contains('.') => format!("text is quoted: \"{root}\""),
                None => format!("the names are {}", join(self.types.roots.keys())),
            };
            self.errors.push(error.hint(hint));
            return None;
        };
        let mut path = root.to_string();
        for part in parts {
            start += path.rsplit('.').next().map_or(0, str::len) + 1;
            match ty.field(part) {
                Some(next) => ty = next,
                None => {
                    self.errors.push(no_field(ty, &path, part, Span { start, end: start + part.len() }));
                    return None;
                }
            }
            path = format!("{path}.{part}");
        }
        None
    }

    fn list(&mut self, items: &[Ast], span: Span) -> Option<Node> {
        let nodes: Vec<Option<Node>> = items.iter().map(|i| self.node(i)).collect();
        let mut out: Vec<Node> = Vec::new();
        for (node, ast) in nodes.into_iter().zip(items) {
            let node = node?;
            if let Some(first) = out.first()
                && !node.ty.fits(&first.ty)
            {
                let message = format!("a list holds values of one type: this is {}, the first {}", node.ty, first.ty);
                return self.fail(ExprError::at(ast.span, message));
            }
            out.push(node);
        }
        let Some(first) = out.first() else {
            return self.fail(ExprError::at(span, "an empty list holds nothing to compare with"));
        };
        Some(Node { ty: Type::List(Box::new(first.ty.clone())), kind: Kind::List(out) })
    }

    fn arith(&mut self, op: &'static str, op_span: Span, left: &Ast, right: &Ast) -> Option<Node> {
        let (l, r) = (self.node(left), self.node(right));
        let (l, r) = (l?, r?);
        let Some(ty) = arith_type(op, &l.ty, &r.ty) else {
            let (a, b) = (&l.ty, &r.ty);
            return self.fail(ExprError::at(op_span, format!("`{op}` can't be used between {a} and {b}")));
        };
        Some(Node { ty, kind: Kind::Arith { op, left: Box::new(l), right: Box::new(r) } })
    }

    fn wanted(&mut self, node: Node, ast: &Ast, wanted: &Type) -> Option<Node> {
        if let (Type::Enum(words), Kind::Const(Value::Str(_))) = (wanted, &node.kind) {
            return self.word(&node, ast, words).then_some(node);
        }
        if node.ty.fits(wanted) {
            return Some(node);
        }
        let error = ExprError::at(ast.span, format!("{wanted} is wanted here, this is {}", node.ty));
        self.fail(match wanted {
            Type::Bool => error.hint(compare_hint(&node)),
            Type::Str => error.hint("text around ${…} makes it text"),
            _ => error,
        })
    }
}

fn arith_type(op: &str, l: &Type, r: &Type) -> Option<Type> {
    use Type::{Duration, Float, Int, Size, Str, Time};
    Some(match (op, l, r) {
        ("+", Str, Str) => Str,
        ("+" | "-" | "*", Int, Int) => Int,
        (_, a, b) if a.is_number() && b.is_number() => Float,
        ("+" | "-", Duration, Duration) => Duration,
        ("+" | "-", Size, Size) => Size,
        ("+" | "-", Time, Duration) | ("+", Duration, Time) => Time,
        ("-", Time, Time) => Duration,
        ("*" | "/", Duration, n) | ("*", n, Duration) if n.is_number() => Duration,
        ("*" | "/", Size, n) | ("*", n, Size) if n.is_number() => Size,
        ("/", Duration, Duration) | ("/", Size, Size) => Float,
        _ => return None,
    })
}

pub(super) fn constant(value: &Value) -> Node {
    let ty = match value {
        Value::Bool(_) => Type::Bool,
        Value::Int(_) => Type::Int,
        Value::Float(_) => Type::Float,
        Value::Duration(_) => Type::Duration,
        Value::Size(_) => Type::Size,
        Value::Time(_) => Type::Time,
        // The parser makes no other constants.
        Value::Str(_) | Value::List(_) | Value::Object(_) | Value::Unknown(_) => Type::Str,
    };
    Node { ty, kind: Kind::Const(value.clone()) }
}
