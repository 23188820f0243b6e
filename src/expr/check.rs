//! Names and types. Collects every error; a part that is wrong hides only what depends on its type.
use std::sync::Arc;

use super::lex::Span;
use super::parse::{Ast, AstKind};
use super::types::{Type, Types, Words};
use super::value::Value;
use super::{ExprError, nearest};

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
            Kind::Join { left, right, .. }
            | Kind::Compare { left, right, .. }
            | Kind::Arith { left, right, .. } => {
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
            Kind::List(items) => format!(
                "[{}]",
                items
                    .iter()
                    .map(Node::canonical)
                    .collect::<Vec<_>>()
                    .join(",")
            ),
            Kind::Not(inner) => format!("!{}", inner.canonical()),
            Kind::Neg(inner) => format!("-{}", inner.canonical()),
            Kind::Join { join, .. } => {
                let mut parts: Vec<String> = self
                    .operands(*join)
                    .into_iter()
                    .map(Node::canonical)
                    .collect();
                parts.sort();
                parts.dedup();
                format!(
                    "({})",
                    parts.join(if *join == Join::And { "&&" } else { "||" })
                )
            }
            Kind::Compare {
                op, left, right, ..
            } => {
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

/// Types the whole; see [`super::check`].
pub fn typed(ast: &Ast, types: &Types, expected: Option<&Type>) -> Result<Node, Vec<ExprError>> {
    let mut checker = Checker {
        types,
        errors: Vec::new(),
    };
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

struct Checker<'a> {
    types: &'a Types,
    errors: Vec<ExprError>,
}

impl Checker<'_> {
    fn fail(&mut self, error: ExprError) -> Option<Node> {
        self.errors.push(error);
        None
    }

    fn node(&mut self, ast: &Ast) -> Option<Node> {
        match &ast.kind {
            AstKind::Const(value) => Some(constant(value)),
            AstKind::Name(name) => {
                let ty = self.name(name, ast.span)?;
                Some(Node {
                    ty,
                    kind: Kind::Name(name.clone()),
                })
            }
            AstKind::Has(inner) => match &inner.kind {
                AstKind::Name(name) => {
                    self.name(name, inner.span)?;
                    Some(Node {
                        ty: Type::Bool,
                        kind: Kind::Has(name.clone()),
                    })
                }
                _ => self.fail(
                    ExprError::at(inner.span, "has() takes a name")
                        .hint("such as has(persistence.aof_enabled)"),
                ),
            },
            AstKind::List(items) => self.list(items, ast.span),
            AstKind::Not(inner) => {
                let inner = self.bool(inner, "!")?;
                Some(Node {
                    ty: Type::Bool,
                    kind: Kind::Not(Box::new(inner)),
                })
            }
            AstKind::Neg(inner) => {
                let node = self.node(inner)?;
                if !node.ty.is_number() && !matches!(node.ty, Type::Duration | Type::Size) {
                    return self.fail(ExprError::at(
                        inner.span,
                        format!("`-` takes a number, this is {}", node.ty),
                    ));
                }
                Some(Node {
                    ty: node.ty.clone(),
                    kind: Kind::Neg(Box::new(node)),
                })
            }
            AstKind::Binary {
                op,
                op_span,
                left,
                right,
            } => match *op {
                "&&" | "||" => {
                    let (l, r) = (self.bool(left, op), self.bool(right, op));
                    let join = if *op == "&&" { Join::And } else { Join::Or };
                    let kind = Kind::Join {
                        join,
                        left: Box::new(l?),
                        right: Box::new(r?),
                    };
                    Some(Node {
                        ty: Type::Bool,
                        kind,
                    })
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
        let error = ExprError::at(
            ast.span,
            format!("`{op}` takes yes/no values, this is {}", node.ty),
        );
        self.fail(error.hint(compare_hint(&node)))
    }

    fn name(&mut self, name: &str, span: Span) -> Option<Type> {
        if let Some(ty) = self.types.get(name) {
            return Some(ty.clone());
        }
        // Find the first part that leads nowhere and point at it.
        let mut parts = name.split('.');
        let root = parts.next().unwrap_or("");
        let mut start = span.start;
        let Some(mut ty) = self.types.roots.get(root) else {
            let part = Span {
                start,
                end: start + root.len(),
            };
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
                    self.errors.push(no_field(
                        ty,
                        &path,
                        part,
                        Span {
                            start,
                            end: start + part.len(),
                        },
                    ));
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
                let message = format!(
                    "a list holds values of one type: this is {}, the first {}",
                    node.ty, first.ty
                );
                return self.fail(ExprError::at(ast.span, message));
            }
            out.push(node);
        }
        let Some(first) = out.first() else {
            return self.fail(ExprError::at(
                span,
                "an empty list holds nothing to compare with",
            ));
        };
        Some(Node {
            ty: Type::List(Box::new(first.ty.clone())),
            kind: Kind::List(out),
        })
    }

    fn member(&mut self, item_ast: &Ast, list_ast: &Ast) -> Option<Node> {
        let (item, list) = (self.node(item_ast), self.node(list_ast));
        let (item, list) = (item?, list?);
        let Type::List(inner) = &list.ty else {
            let error = ExprError::at(
                list_ast.span,
                format!("`in` takes a list on its right, this is {}", list.ty),
            );
            return self.fail(error.hint("such as [\"rdb\", \"backup\"]"));
        };
        let ok = match (&item.ty, &**inner) {
            (Type::Enum(w), Type::Str) => self.each_word(&list, list_ast, w),
            (Type::Str, Type::Enum(w)) => self.word(&item, item_ast, w),
            (a, b) => self.same(a, b, item_ast, list_ast),
        };
        let kind = Kind::In {
            item: Box::new(item),
            list: Box::new(list),
        };
        ok.then_some(Node {
            ty: Type::Bool,
            kind,
        })
    }

    fn each_word(&mut self, list: &Node, ast: &Ast, words: &Words) -> bool {
        match (&list.kind, &ast.kind) {
            (Kind::List(nodes), AstKind::List(asts)) => {
                let bad = nodes
                    .iter()
                    .zip(asts)
                    .filter(|(n, a)| !self.word(n, a, words))
                    .count();
                bad == 0
            }
            _ => true,
        }
    }

    fn same(&mut self, a: &Type, b: &Type, left: &Ast, right: &Ast) -> bool {
        let comparable = !matches!(a, Type::List(_) | Type::Object(_) | Type::Map(_));
        if comparable && (a.fits(b) || b.fits(a)) {
            return true;
        }
        let span = left.span.to(right.span);
        let error = ExprError::at(span, format!("{a} can't be compared with {b}"));
        self.errors.push(match mismatch_hint(a, b, left, right) {
            Some(hint) => error.hint(hint),
            None => error,
        });
        false
    }

    fn compare(
        &mut self,
        op: &'static str,
        op_span: Span,
        left: &Ast,
        right: &Ast,
    ) -> Option<Node> {
        let (l, r) = (self.node(left), self.node(right));
        let (mut l, mut r) = (l?, r?);
        zero_adapts(&mut l, &r.ty);
        zero_adapts(&mut r, &l.ty);
        let words = match (&l.ty, &r.ty) {
            (Type::Enum(w), Type::Str) => self.word(&r, right, w).then(|| Some(w.clone()))?,
            (Type::Str, Type::Enum(w)) => self.word(&l, left, w).then(|| Some(w.clone()))?,
            (Type::Enum(a), Type::Enum(b)) if a.words == b.words => Some(a.clone()),
            (a, b) => {
                let (a, b) = (a.clone(), b.clone());
                self.same(&a, &b, left, right).then_some(None)?
            }
        };
        let ordering = !matches!(op, "==" | "!=");
        if ordering {
            self.has_order(op, op_span, &l.ty, words.as_deref())?;
        }
        let order = words.filter(|_| ordering);
        let kind = Kind::Compare {
            op,
            order,
            left: Box::new(l),
            right: Box::new(r),
        };
        Some(Node {
            ty: Type::Bool,
            kind,
        })
    }

    fn has_order(&mut self, op: &str, span: Span, ty: &Type, words: Option<&Words>) -> Option<()> {
        let error = match (words, ty) {
            (Some(w), _) if w.ordered => return Some(()),
            (Some(w), _) => {
                let words = w
                    .words
                    .iter()
                    .map(|w| format!("\"{w}\""))
                    .collect::<Vec<_>>()
                    .join(", ");
                ExprError::at(
                    span,
                    format!("the words {words} have no order, so `{op}` means nothing"),
                )
                .hint("use `==` or `in [..]`")
            }
            (None, Type::Str) => {
                ExprError::at(span, format!("text has no order, so `{op}` means nothing"))
                    .hint("as text \"10.0\" would be smaller than \"7.0\"; use `==` or `in [..]`")
            }
            (None, Type::Bool) => ExprError::at(
                span,
                format!("yes/no values have no order, so `{op}` means nothing"),
            ),
            _ => return Some(()),
        };
        self.errors.push(error);
        None
    }

    /// Is this constant one of the words?
    fn word(&mut self, node: &Node, ast: &Ast, words: &Words) -> bool {
        let Kind::Const(Value::Str(given)) = &node.kind else {
            let message = "words of an enumeration are compared with quoted words".to_string();
            self.errors
                .push(ExprError::at(ast.span, message).hint(format!("they are {}", quoted(words))));
            return false;
        };
        if words.rank(given).is_some() {
            return true;
        }
        let error = ExprError::at(
            ast.span,
            format!("\"{given}\" is not a word of {}", called(words)),
        );
        let near = nearest(given, words.words.iter().map(String::as_str));
        self.errors.push(error.hint(match near {
            Some(near) => format!("did you mean \"{near}\"? the words are {}", quoted(words)),
            None => format!("the words are {}", quoted(words)),
        }));
        false
    }

    fn arith(&mut self, op: &'static str, op_span: Span, left: &Ast, right: &Ast) -> Option<Node> {
        let (l, r) = (self.node(left), self.node(right));
        let (l, r) = (l?, r?);
        let Some(ty) = arith_type(op, &l.ty, &r.ty) else {
            let (a, b) = (&l.ty, &r.ty);
            return self.fail(ExprError::at(
                op_span,
                format!("`{op}` can't be used between {a} and {b}"),
            ));
        };
        Some(Node {
            ty,
            kind: Kind::Arith {
                op,
                left: Box::new(l),
                right: Box::new(r),
            },
        })
    }

    fn wanted(&mut self, node: Node, ast: &Ast, wanted: &Type) -> Option<Node> {
        if let (Type::Enum(words), Kind::Const(Value::Str(_))) = (wanted, &node.kind) {
            return self.word(&node, ast, words).then_some(node);
        }
        if node.ty.fits(wanted) {
            return Some(node);
        }
        let error = ExprError::at(
            ast.span,
            format!("{wanted} is wanted here, this is {}", node.ty),
        );
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

fn constant(value: &Value) -> Node {
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
    Node {
        ty,
        kind: Kind::Const(value.clone()),
    }
}

/// The literal 0 is also no bytes and no time.
fn zero_adapts(node: &mut Node, other: &Type) {
    if let Kind::Const(Value::Int(0)) = node.kind {
        match other {
            Type::Size => *node = constant(&Value::Size(0)),
            Type::Duration => *node = constant(&Value::Duration(0.0)),
            _ => {}
        }
    }
}

fn no_field(ty: &Type, path: &str, part: &str, span: Span) -> ExprError {
    match ty {
        Type::Object(o) => {
            let error = ExprError::at(span, format!("`{path}` has no `{part}`"));
            match nearest(part, o.fields.keys().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean `{path}.{near}`?")),
                None => error.hint(format!("it has {}", join(o.fields.keys()))),
            }
        }
        other => ExprError::at(span, format!("`{path}` is {other} and has no parts")),
    }
}

fn compare_hint(node: &Node) -> String {
    let text = match &node.kind {
        Kind::Name(n) => n.as_str(),
        _ => "it",
    };
    match &node.ty {
        Type::Int | Type::Float | Type::Size | Type::Duration => {
            format!("compare it: `{text} > 0`")
        }
        Type::Enum(w) => format!(
            "compare it: `{text} == \"{}\"`",
            w.words.first().map_or("", String::as_str)
        ),
        Type::Object(_) | Type::Map(_) | Type::List(_) => {
            format!("`has({text})` asks whether it was observed")
        }
        _ => "compare it with something".into(),
    }
}

fn mismatch_hint(a: &Type, b: &Type, left: &Ast, right: &Ast) -> Option<String> {
    let (ty, literal) = match (&left.kind, &right.kind) {
        (_, AstKind::Const(v)) => (a, v),
        (AstKind::Const(v), _) => (b, v),
        _ => return None,
    };
    match (ty, literal) {
        (Type::Bool, Value::Str(s)) if s == "yes" || s == "true" => {
            Some("leave the comparison out".into())
        }
        (Type::Bool, Value::Str(s)) if s == "no" || s == "false" => {
            Some("write `!` before it instead".into())
        }
        (Type::Int | Type::Float | Type::Bool, Value::Str(_)) => {
            Some("numbers, true and false are not quoted".into())
        }
        (Type::Duration, Value::Str(_) | Value::Int(_)) => {
            Some("a duration has a unit and no quotes: 30s".into())
        }
        (Type::Size, Value::Str(_) | Value::Int(_)) => {
            Some("a size has a unit and no quotes: 64MiB".into())
        }
        (Type::Time, Value::Str(_)) => {
            Some("a moment is written time(\"2026-11-21T03:12:44Z\")".into())
        }
        (Type::Str | Type::Enum(_), _) => Some("text is quoted".into()),
        _ => None,
    }
}

fn called(words: &Words) -> String {
    if words.name.is_empty() {
        "this fact".into()
    } else {
        format!("`{}`", words.name)
    }
}

fn quoted(words: &Words) -> String {
    words
        .words
        .iter()
        .map(|w| format!("\"{w}\""))
        .collect::<Vec<_>>()
        .join(", ")
}

fn join<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}
