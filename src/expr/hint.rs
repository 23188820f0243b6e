//! What to write instead.
use super::lex::Span;
use super::node::{Kind, Node};
use super::parse::{Ast, AstKind};
use super::types::{Type, Words};
use super::value::Value;
use super::{ExprError, nearest};

pub(super) fn no_field(ty: &Type, path: &str, part: &str, span: Span) -> ExprError {
    match ty {
        Type::Object(o) => {
            let error = ExprError::at(span, format!("`{path}` has no `{part}`"));
            match nearest(part, o.fields.keys().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean `{path}.{near}`?")),
                None if o.fields.is_empty() => error.hint("it has nothing that could be read"),
                None => error.hint(format!("it has {}", join(o.fields.keys()))),
            }
        }
        other => ExprError::at(span, format!("`{path}` is {other} and has no parts")),
    }
}

pub(super) fn compare_hint(node: &Node) -> String {
    let text = match &node.kind {
        Kind::Name(n) => n.as_str(),
        _ => "it",
    };
    match &node.ty {
        Type::Int | Type::Float | Type::Size | Type::Duration => {
            format!("compare it: `{text} > 0`")
        }
        Type::Enum(w) => format!("compare it: `{text} == \"{}\"`", w.words.first().map_or("", String::as_str)),
        Type::Object(_) | Type::Map(_) | Type::List(_) => {
            format!("`has({text})` asks whether it was observed")
        }
        _ => "compare it with something".into(),
    }
}

pub(super) fn mismatch_hint(a: &Type, b: &Type, left: &Ast, right: &Ast) -> Option<String> {
    let (ty, literal) = match (&left.kind, &right.kind) {
        (_, AstKind::Const(v)) => (a, v),
        (AstKind::Const(v), _) => (b, v),
        _ => return None,
    };
    match (ty, literal) {
        (Type::Bool, Value::Str(s)) if s == "yes" || s == "true" => Some("leave the comparison out".into()),
        (Type::Bool, Value::Str(s)) if s == "no" || s == "false" => Some("write `!` before it instead".into()),
        (Type::Int | Type::Float | Type::Bool, Value::Str(_)) => Some("numbers, true and false are not quoted".into()),
        (Type::Duration, Value::Str(_) | Value::Int(_)) => Some("a duration has a unit and no quotes: 30s".into()),
        (Type::Size, Value::Str(_) | Value::Int(_)) => Some("a size has a unit and no quotes: 64MiB".into()),
        (Type::Time, Value::Str(_)) => Some("a moment is written time(\"2026-11-21T03:12:44Z\")".into()),
        (Type::Str | Type::Enum(_), _) => Some("text is quoted".into()),
        _ => None,
    }
}

pub(super) fn called(words: &Words) -> String {
    if words.name.is_empty() { "this fact".into() } else { format!("`{}`", words.name) }
}

pub(super) fn quoted(words: &Words) -> String {
    words.words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(", ")
}

pub(super) fn join<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}
