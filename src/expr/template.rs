//! Text with `${expressions}` in it.
use std::collections::BTreeSet;

use super::eval::Scope;
use super::lex::Span;
use super::node::Node;
use super::types::{Type, Types};
use super::value::{Unknown, Value};
use super::{Bindings, Expr, ExprError};

/// A checked template. `$$` before `{` stands for one `$`.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Expr(Expr),
}

impl Template {
    /// Parses and types the text. A template that is one `${…}` and nothing else keeps the type of its expression;
    /// any other is text.
    ///
    /// # Errors
    /// All that is wrong, with offsets in `src`.
    pub fn check(src: &str, types: &Types, expected: Option<&Type>) -> Result<Template, Vec<ExprError>> {
        let mut errors = Vec::new();
        let pieces = pieces(src).map_err(|e| vec![e])?;
        let alone = pieces.len() == 1;
        let mut parts = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => parts.push(Part::Text(text)),
                Piece::Expr(span) => {
                    let inner = src.get(span.start..span.end).unwrap_or("");
                    let wanted = expected.filter(|_| alone);
                    match super::check(inner, types, wanted).and_then(|e| printable(e, alone)) {
                        Ok(expr) => parts.push(Part::Expr(expr)),
                        Err(mut found) => {
                            found.iter_mut().for_each(|e| e.offset += span.start);
                            errors.extend(found);
                        }
                    }
                }
            }
        }
        let template = Template { source: src.to_string(), parts };
        if errors.is_empty()
            && let Some(error) = template.unfit(expected)
        {
            errors.push(error);
        }
        if errors.is_empty() { Ok(template) } else { Err(errors) }
    }

    /// Is there a `${` in it at all?
    pub fn is_template(src: &str) -> bool {
        src.contains("${")
    }

    /// The text it was made from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The type of what it renders to.
    pub fn ty(&self) -> Type {
        match self.alone() {
            Some(expr) => expr.ty().clone(),
            None => Type::Str,
        }
    }

    /// The expression when there is nothing around it.
    pub fn alone(&self) -> Option<&Expr> {
        match self.parts.as_slice() {
            [Part::Expr(expr)] => Some(expr),
            _ => None,
        }
    }

    /// Its value; unknown when anything in it is.
    pub fn render(&self, scope: &dyn Scope) -> Value {
        if let Some(expr) = self.alone() {
            return expr.eval(scope);
        }
        let mut text = String::new();
        let mut unknown: Option<Unknown> = None;
        for part in &self.parts {
            match part {
                Part::Text(t) => text.push_str(t),
                Part::Expr(expr) => match expr.eval(scope) {
                    Value::Unknown(u) => unknown = Some(unknown.take().unwrap_or_default().and(u)),
                    value => text.push_str(&value.to_string()),
                },
            }
        }
        unknown.map_or(Value::Str(text), Value::Unknown)
    }

    /// As text for people: what is unknown is shown as `unknown` in its place.
    pub fn show(&self, scope: &dyn Scope) -> String {
        let shown = self.parts.iter().map(|part| match part {
            Part::Text(t) => t.clone(),
            Part::Expr(expr) => expr.eval(scope).to_string(),
        });
        shown.collect()
    }

    /// As text in which only what lies below the root name `later` is left to be put in, as a template of its own: what
    /// is known now is never read as an expression again.
    pub fn settled(&self, scope: &dyn Scope, later: &str) -> String {
        let below = |n: &String| n.split('.').next() == Some(later);
        let (mut out, mut known) = (String::new(), String::new());
        for part in &self.parts {
            match part {
                Part::Expr(expr) if expr.names().iter().any(below) => {
                    out.push_str(&std::mem::take(&mut known).replace("${", "$${"));
                    out.push_str(&format!("${{{}}}", expr.source));
                }
                Part::Expr(expr) => known.push_str(&expr.eval(scope).to_string()),
                Part::Text(text) => known.push_str(text),
            }
        }
        out + &known.replace("${", "$${")
    }

    /// The dotted names it reads.
    pub fn names(&self) -> BTreeSet<String> {
        let exprs = self.parts.iter().filter_map(|p| match p {
            Part::Expr(e) => Some(e.names()),
            Part::Text(_) => None,
        });
        exprs.flatten().collect()
    }

    /// The same with names replaced; see [`Bindings`].
    #[must_use]
    pub fn bind(&self, bindings: &Bindings) -> Template {
        let parts = self.parts.iter().map(|part| match part {
            Part::Text(t) => Part::Text(t.clone()),
            Part::Expr(e) => Part::Expr(e.bind(bindings)),
        });
        Template { source: self.source.clone(), parts: parts.collect() }
    }

    fn unfit(&self, expected: Option<&Type>) -> Option<ExprError> {
        let wanted = expected?;
        if self.alone().is_some() || Type::Str.fits(wanted) {
            return None;
        }
        let span = Span { start: 0, end: self.source.len() };
        Some(ExprError::at(span, format!("{wanted} is wanted here, text around ${{…}} makes it text")))
    }
}

/// A list or an object inside text would be noise.
fn printable(expr: Expr, alone: bool) -> Result<Expr, Vec<ExprError>> {
    let Node { ty, .. } = &expr.root;
    if alone || !matches!(ty, Type::Object(_) | Type::Map(_)) {
        return Ok(expr);
    }
    let span = Span { start: 0, end: expr.source.len() };
    Err(vec![ExprError::at(span, format!("{ty} can't be put into text")).hint("name one of its parts")])
}

enum Piece {
    Text(String),
    Expr(Span),
}

fn pieces(src: &str) -> Result<Vec<Piece>, ExprError> {
    let mut out = Vec::new();
    let mut text = String::new();
    let mut at = 0;
    while let Some(rest) = src.get(at..).filter(|r| !r.is_empty()) {
        if let Some(tail) = rest.strip_prefix("$${") {
            text.push_str("${");
            at = src.len() - tail.len();
        } else if rest.starts_with("${") {
            let end = closing(src, at)?;
            if !text.is_empty() {
                out.push(Piece::Text(std::mem::take(&mut text)));
            }
            out.push(Piece::Expr(Span { start: at + 2, end }));
            at = end + 1;
        } else {
            let c = rest.chars().next().unwrap_or(' ');
            text.push(c);
            at += c.len_utf8();
        }
    }
    if !text.is_empty() || out.is_empty() {
        out.push(Piece::Text(text));
    }
    Ok(out)
}

/// The `}` that ends the expression begun at `open`; one inside quotes does not count.
fn closing(src: &str, open: usize) -> Result<usize, ExprError> {
    let mut quote = None;
    let mut escaped = false;
    for (i, c) in src.get(open..).unwrap_or("").char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '}') => return Ok(open + i),
            _ => {}
        }
    }
    let span = Span { start: open, end: open + 2 };
    Err(ExprError::at(span, "`}` is missing to close this").hint("a `${` that is meant as text is written `$${`"))
}
