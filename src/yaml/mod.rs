//! Spanned YAML: text → tree with positions → checked against a JSON schema, all errors at once → plain structs.
//!
//! [`parse`] reads a small, strict YAML: no anchors, aliases, merge keys or tags, no duplicate keys, one document, at most
//! 1 MiB and 64 levels. [`check`] holds the tree against a schema made by `schemars` and finds every mistake in one pass;
//! [`render`] shows them with the offending line and a caret. [`load`] does all of it and deserializes.
mod check;
mod choice;
mod diag;
mod expression;
mod parse;
mod quantity;
mod reword;
mod scalar;

pub use check::check;
pub use diag::{Diag, nearest, printable, render};
pub use expression::{ExprSite, Shape, shape};
pub use parse::{MAX_BYTES, MAX_DEPTH, parse};
pub use quantity::{parse_duration, parse_moment, parse_size};

/// Where something is written. Lines and columns count from 1, columns and `len` in characters; `offset` in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The line, from 1; 0 where nothing is known.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// Characters covered on that line; 0 where the value is left out.
    pub len: usize,
    /// Bytes from the start of the document.
    pub offset: usize,
}

/// A key of a map and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key as text, whatever it looks like: `7` and `true` are the texts `7` and `true`.
    pub text: String,
    /// Where the key is written.
    pub span: Span,
}

/// What a node holds. Plain scalars follow YAML 1.2: `yes`, `no`, `on` and `off` are text, and so is `0644`.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing after the colon, `null` or `~`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number that fits.
    Int(i64),
    /// Any other finite number.
    Float(f64),
    /// Text, quoted or not.
    Str(String),
    /// A list.
    Seq(Vec<Node>),
    /// A map, in the order written, without duplicate keys.
    Map(Vec<(Key, Node)>),
}

/// A value and where it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it holds.
    pub value: Value,
    /// Where it starts. A block map starts at its first key.
    pub span: Span,
    /// Written in quotes or as a block (`|`, `>`): never taken for a number.
    pub quoted: bool,
    /// A plain scalar as it was written, such as `7.0`; empty otherwise.
    pub raw: String,
}

impl Node {
    /// The child with this key; `None` when it is absent or this is not a map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, node)| node)
    }

    /// The key and its value; `None` when it is absent or this is not a map.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<(&Key, &Node)> {
        self.entries().iter().find(|(k, _)| k.text == key).map(|(k, n)| (k, n))
    }

    /// The entries of a map; none for anything else.
    #[must_use]
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    #[must_use]
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Seq(items) => items,
            _ => &[],
        }
    }

    /// The text, where this is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Where the value at a JSON pointer (`/steps/2/do/service.stop`) is written: the value itself, its key where the
    /// value is left out, or the nearest parent that exists.
    #[must_use]
    pub fn locate(&self, pointer: &str) -> Span {
        let (mut node, mut span) = (self, self.span);
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let next = match &node.value {
                Value::Map(_) => node.entry(&part).map(|(k, n)| (n, n.span_or(k.span))),
                Value::Seq(items) => part.parse::<usize>().ok().and_then(|i| items.get(i)).map(|n| (n, n.span)),
                _ => None,
            };
            let Some((n, s)) = next else { break };
            (node, span) = (n, s);
        }
        span
    }

    /// An error about the value at a JSON pointer, for checks a schema cannot make.
    #[must_use]
    pub fn diag_at(&self, pointer: &str, message: impl Into<String>, hint: Option<String>) -> Diag {
        Diag::at(self.locate(pointer), message, hint)
    }

    /// The node's own place, or `other` when nothing is written there.
    #[must_use]
    pub fn span_or(&self, other: Span) -> Span {
        if self.span.len == 0 { other } else { self.span }
    }

    /// What it is, in words: `the number 7.0`, `a list`.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing".into(),
            Value::Bool(_) => format!("`{}`", self.raw),
            Value::Int(_) | Value::Float(_) => format!("the number `{}`", self.raw),
            Value::Str(text) => format!("the text `{}`", diag::shortened(text)),
            Value::Seq(_) => "a list".into(),
            Value::Map(_) => "a map".into(),
        }
    }
}

/// The tree as plain JSON. Durations and sizes stay texts: the types they are deserialized into read them.
#[must_use]
pub fn to_json(node: &Node) -> serde_json::Value {
    use serde_json::Value as Json;
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(i) => Json::from(*i),
        Value::Float(f) => Json::from(*f),
        Value::Str(s) => Json::from(s.as_str()),
        Value::Seq(items) => items.iter().map(to_json).collect(),
        Value::Map(entries) => Json::Object(entries.iter().map(|(k, n)| (k.text.clone(), to_json(n))).collect()),
    }
}

/// Parses, checks against the type's schema and deserializes: for documents without expressions.
///
/// # Errors
/// Every mistake found, in the order written.
pub fn load<T>(text: &str) -> Result<T, Vec<Diag>>
where
    T: serde::de::DeserializeOwned + schemars::JsonSchema,
{
    let node = parse(text)?;
    let schema = schemars::schema_for!(T).to_value();
    let diags = check(&node, &schema, false, &mut Vec::new());
    if diags.is_empty() { from_node(&node) } else { Err(diags) }
}

/// Deserializes a tree that was already checked.
///
/// # Errors
/// What the type itself refuses, placed at the start of the document: a check that belongs before this call.
pub fn from_node<T: serde::de::DeserializeOwned>(node: &Node) -> Result<T, Vec<Diag>> {
    serde_json::from_value(to_json(node)).map_err(|e| vec![Diag::at(node.span, e.to_string(), None)])
}

#[cfg(test)]
mod tests;
