//! Which values may be compared, and how.
use super::ExprError;
use super::check::{Checker, constant};
use super::hint::{called, mismatch_hint, quoted};
use super::lex::Span;
use super::nearest;
use super::node::{Kind, Node};
use super::parse::{Ast, AstKind};
use super::types::{Type, Words};
use super::value::Value;

impl Checker<'_> {
    pub(super) fn member(&mut self, item_ast: &Ast, list_ast: &Ast) -> Option<Node> {
        let (item, list) = (self.node(item_ast), self.node(list_ast));
        let (item, list) = (item?, list?);
        let Type::List(inner) = &list.ty else {
            let error = ExprError::at(list_ast.span, format!("`in` takes a list on its right, this is {}", list.ty));
            return self.fail(error.hint("such as [\"rdb\", \"backup\"]"));
        };
        let ok = match (&item.ty, &**inner) {
            (Type::Enum(w), Type::Str) => self.each_word(&list, list_ast, w),
            (Type::Str, Type::Enum(w)) => self.word(&item, item_ast, w),
            (a, b) => self.same(a, b, item_ast, list_ast),
        };
        let kind = Kind::In { item: Box::new(item), list: Box::new(list) };
        ok.then_some(Node { ty: Type::Bool, kind })
    }

    pub(super) fn each_word(&mut self, list: &Node, ast: &Ast, words: &Words) -> bool {
        match (&list.kind, &ast.kind) {
            (Kind::List(nodes), AstKind::List(asts)) => {
                let bad = nodes.iter().zip(asts).filter(|(n, a)| !self.word(n, a, words)).count();
                bad == 0
            }
            _ => true,
        }
    }

    pub(super) fn same(&mut self, a: &Type, b: &Type, left: &Ast, right: &Ast) -> bool {
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

    pub(super) fn compare(&mut self, op: &'static str, op_span: Span, left: &Ast, right: &Ast) -> Option<Node> {
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
        let kind = Kind::Compare { op, order, left: Box::new(l), right: Box::new(r) };
        Some(Node { ty: Type::Bool, kind })
    }

    pub(super) fn has_order(&mut self, op: &str, span: Span, ty: &Type, words: Option<&Words>) -> Option<()> {
        let error = match (words, ty) {
            (Some(w), _) if w.ordered => return Some(()),
            (Some(w), _) => {
                let words = w.words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(", ");
                ExprError::at(span, format!("the words {words} have no order, so `{op}` means nothing"))
                    .hint("use `==` or `in [..]`")
            }
            (None, Type::Str) => ExprError::at(span, format!("text has no order, so `{op}` means nothing"))
                .hint("as text \"10.0\" would be smaller than \"7.0\"; use `==` or `in [..]`"),
            (None, Type::Bool) => ExprError::at(span, format!("yes/no values have no order, so `{op}` means nothing")),
            _ => return Some(()),
        };
        self.errors.push(error);
        None
    }

    /// Is this constant one of the words?
    pub(super) fn word(&mut self, node: &Node, ast: &Ast, words: &Words) -> bool {
        let Kind::Const(Value::Str(given)) = &node.kind else {
            let message = "words of an enumeration are compared with quoted words".to_string();
            self.errors.push(ExprError::at(ast.span, message).hint(format!("they are {}", quoted(words))));
            return false;
        };
        if words.rank(given).is_some() {
            return true;
        }
        let error = ExprError::at(ast.span, format!("\"{given}\" is not a word of {}", called(words)));
        let near = nearest(given, words.words.iter().map(String::as_str));
        self.errors.push(error.hint(match near {
            Some(near) => format!("did you mean \"{near}\"? the words are {}", quoted(words)),
            None => format!("the words are {}", quoted(words)),
        }));
        false
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
