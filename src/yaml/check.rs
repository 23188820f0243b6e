//! A tree against a JSON schema made by `schemars`: every mistake in one pass, each at its place.
use super::diag::{nearest, shortened};
use super::expression::{ExprSite, Shape, shape};
use super::quantity::{parse_duration, parse_moment, parse_size};
use super::{Diag, Node, Span, Value};
use serde_json::Value as Json;

/// Steps before a check gives up: bounds the work a hostile document can ask for.
const FUEL: usize = 2_000_000;
/// How many mistakes are collected.
const MAX_DIAGS: usize = 1000;

/// Holds a tree against a schema (with its `$defs`) and returns every mistake, in the order written.
///
/// With `allow_expr` a scalar that is one `${…}` is accepted wherever a scalar or a list is expected, and text around
/// `${…}` wherever text is; each is pushed to `exprs` with the schema it must meet. Without it `${` is plain text.
pub fn check(node: &Node, schema: &Json, allow_expr: bool, exprs: &mut Vec<ExprSite>) -> Vec<Diag> {
    let mut checker = Checker { root: schema, allow_expr, exprs: Vec::new(), diags: Vec::new(), fuel: FUEL };
    let top = At { path: String::new(), name: "the document".into(), span: node.span };
    checker.node(node, schema, &top);
    if checker.fuel == 0 {
        let message = "the document is too complicated to check";
        checker.diags.push(Diag::at(node.span, message, None));
    }
    exprs.append(&mut checker.exprs);
    let mut diags = checker.diags;
    diags.sort_by_key(|d| (d.line, d.column));
    diags.dedup();
    diags
}

/// Where the check is: for pointers, messages and carets.
pub(super) struct At {
    /// JSON pointer.
    pub path: String,
    /// The key or item, as a message names it.
    pub name: String,
    /// Where to point when the value itself is not written.
    pub span: Span,
}

impl At {
    pub(super) fn key(&self, key: &super::Key) -> At {
        let part = key.text.replace('~', "~0").replace('/', "~1");
        At { path: format!("{}/{part}", self.path), name: format!("`{}`", shortened(&key.text)), span: key.span }
    }

    fn item(&self, index: usize, node: &Node) -> At {
        At {
            path: format!("{}/{index}", self.path),
            name: format!("item {} of {}", index + 1, self.name),
            span: node.span_or(self.span),
        }
    }
}

pub(super) struct Checker<'a> {
    pub root: &'a Json,
    pub allow_expr: bool,
    pub exprs: Vec<ExprSite>,
    pub diags: Vec<Diag>,
    pub fuel: usize,
}

impl<'a> Checker<'a> {
    pub(super) fn say(&mut self, span: Span, message: String, hint: Option<String>) {
        if self.diags.len() < MAX_DIAGS {
            self.diags.push(Diag::at(span, message, hint));
        }
    }

    /// Follows `$ref` to the schema it names.
    pub(super) fn resolve(&self, mut schema: &'a Json) -> &'a Json {
        for _ in 0..32 {
            let Some(pointer) = schema.get("$ref").and_then(Json::as_str) else {
                break;
            };
            let Some(target) = pointer.strip_prefix('#').and_then(|p| self.root.pointer(p)) else {
                break;
            };
            schema = target;
        }
        schema
    }

    pub(super) fn node(&mut self, node: &Node, schema: &'a Json, at: &At) {
        if self.fuel == 0 || self.diags.len() >= MAX_DIAGS {
            return;
        }
        self.fuel -= 1;
        let schema = self.resolve(schema);
        if schema == &Json::Bool(false) {
            let span = node.span_or(at.span);
            return self.say(span, format!("{} is not allowed here", at.name), None);
        }
        if self.expression(node, schema, at) {
            return;
        }
        if node.value == Value::Null {
            return self.null(node, schema, at);
        }
        if is_any(schema) {
            return self.anything(node, at);
        }
        if let Some(all) = schema.get("allOf").and_then(Json::as_array) {
            for part in all {
                self.node(node, part, at);
            }
        }
        if schema.get("oneOf").is_some() || schema.get("anyOf").is_some() {
            return self.choice(node, schema, at);
        }
        let words = words(schema);
        if !words.is_empty() {
            return self.word(node, &words, at);
        }
        self.typed(node, schema, at);
    }

    fn null(&mut self, node: &Node, schema: &'a Json, at: &At) {
        if !self.kinds(schema, 0).null {
            let expected = self.expected(schema);
            self.say(node.span_or(at.span), format!("{} is empty; it must be {expected}", at.name), None);
        }
    }

    /// Anything is allowed: only expressions are looked for.
    fn anything(&mut self, node: &Node, at: &At) {
        for (index, item) in node.items().iter().enumerate() {
            self.node(item, &Json::Bool(true), &at.item(index, item));
        }
        for (key, value) in node.entries() {
            self.node(value, &Json::Bool(true), &at.key(key));
        }
    }

    /// Is this scalar an expression? Then it is recorded and its literal type does not matter.
    fn expression(&mut self, node: &Node, schema: &'a Json, at: &At) -> bool {
        let Some(text) = node.as_str().filter(|_| self.allow_expr) else {
            return false;
        };
        let shape = shape(text);
        let kinds = self.kinds(schema, 0);
        let fits = match shape {
            Shape::Literal => false,
            Shape::Unclosed(_) => {
                let message = "`${` without its closing `}`".to_owned();
                self.say(node.span, message, None);
                return true;
            }
            Shape::Whole => kinds.scalar() || kinds.list,
            Shape::Mixed => kinds.text,
        };
        if fits {
            self.exprs.push(ExprSite {
                path: at.path.clone(),
                span: node.span,
                text: text.to_owned(),
                whole: shape == Shape::Whole,
                expected: schema.clone(),
            });
        }
        fits
    }

    /// One of a closed set of words.
    pub(super) fn word(&mut self, node: &Node, words: &[&str], at: &At) {
        if node.as_str().is_some_and(|text| words.contains(&text)) {
            return;
        }
        let written = node.as_str().unwrap_or(&node.raw);
        let hint = nearest(written, words.iter().copied())
            .map(|w| format!("did you mean `{w}`?"))
            .filter(|_| !matches!(node.value, Value::Seq(_) | Value::Map(_)));
        self.say(node.span, format!("{} must be {}, not {}", at.name, or_list(words), node.describe()), hint);
    }

    fn typed(&mut self, node: &Node, schema: &'a Json, at: &At) {
        let kinds = self.kinds(schema, 0);
        match (&node.value, schema.get("format").and_then(Json::as_str)) {
            (Value::Map(_), _) if kinds.map => self.map(node, schema, at),
            (Value::Seq(items), _) if kinds.list => self.list(node, items, schema, at),
            (Value::Str(text), Some("duration")) => self.read(node, at, parse_duration(text)),
            (Value::Str(text), Some("bytes")) => self.read(node, at, parse_size(text)),
            (Value::Str(text), Some("date-time")) => self.read(node, at, parse_moment(text)),
            (Value::Int(_) | Value::Float(_), Some("duration")) => {
                let message = format!("{} is a duration and needs a unit", at.name);
                self.say(node.span, message, Some(format!("write `{}s`", node.raw)));
            }
            (Value::Str(text), _) if kinds.text => {
                let least = schema.get("minLength").and_then(Json::as_u64).unwrap_or(0);
                if (text.chars().count() as u64) < least {
                    self.say(node.span, format!("{} must not be empty", at.name), None);
                }
            }
            (Value::Bool(_), _) if kinds.boolean => {}
            #[allow(clippy::cast_precision_loss)]
            (Value::Int(i), _) if kinds.number || kinds.whole => {
                self.range(node, *i as f64, schema, at);
            }
            (Value::Float(f), _) if kinds.number => self.range(node, *f, schema, at),
            _ => self.mismatch(node, schema, at),
        }
    }

    fn read<T>(&mut self, node: &Node, at: &At, result: Result<T, String>) {
        if let Err(message) = result {
            self.say(node.span, format!("{}: {message}", at.name), None);
        }
    }

    fn range(&mut self, node: &Node, number: f64, schema: &Json, at: &At) {
        let bound = |key: &str| schema.get(key).and_then(Json::as_f64);
        let problem = match (bound("minimum"), bound("maximum")) {
            (Some(least), _) if number < least => format!("at least {least}"),
            (_, Some(most)) if number > most => format!("at most {most}"),
            _ => return,
        };
        self.say(node.span, format!("{} must be {problem}, not `{}`", at.name, node.raw), None);
    }

    fn list(&mut self, node: &Node, items: &[Node], schema: &'a Json, at: &At) {
        let least = schema.get("minItems").and_then(Json::as_u64).unwrap_or(0);
        let most = schema.get("maxItems").and_then(Json::as_u64);
        let count = items.len() as u64;
        if count < least {
            let message = format!("{} needs at least {least} item(s), not {count}", at.name);
            self.say(node.span_or(at.span), message, None);
        }
        if let Some(most) = most.filter(|most| count > *most) {
            let message = format!("{} takes at most {most} item(s), not {count}", at.name);
            self.say(node.span_or(at.span), message, None);
        }
        let first = schema.get("prefixItems").and_then(Json::as_array);
        for (index, item) in items.iter().enumerate() {
            let inner = first.and_then(|f| f.get(index)).or_else(|| schema.get("items")).unwrap_or(&Json::Bool(true));
            self.node(item, inner, &at.item(index, item));
        }
    }

    fn map(&mut self, node: &Node, schema: &'a Json, at: &At) {
        let known = schema.get("properties").and_then(Json::as_object);
        let other = schema.get("additionalProperties").or_else(|| {
            let patterns = schema.get("patternProperties")?.as_object()?;
            patterns.values().next()
        });
        for (key, value) in node.entries() {
            let inner = known.and_then(|k| k.get(&key.text));
            match (inner, other) {
                (Some(inner), _) => self.node(value, inner, &at.key(key)),
                (None, Some(Json::Bool(false))) => {
                    let known: Vec<&str> = known.map(|k| k.keys().map(String::as_str).collect()).unwrap_or_default();
                    self.unknown(key, &known, at);
                }
                (None, Some(inner)) => self.node(value, inner, &at.key(key)),
                (None, None) => self.node(value, &Json::Bool(true), &at.key(key)),
            }
        }
        let required = schema.get("required").and_then(Json::as_array);
        let required = required.into_iter().flatten().filter_map(Json::as_str);
        for name in required.filter(|name| node.get(name).is_none()) {
            let span = if at.path.is_empty() { node.span } else { at.span };
            self.say(span, format!("{} needs `{name}`", at.name), None);
        }
        let least = schema.get("minProperties").and_then(Json::as_u64).unwrap_or(0);
        if (node.entries().len() as u64) < least {
            let message = format!("{} needs at least {least} entry", at.name);
            self.say(node.span_or(at.span), message, None);
        }
    }

    /// A key nobody knows.
    pub(super) fn unknown(&mut self, key: &super::Key, known: &[&str], at: &At) {
        if self.diags.len() >= MAX_DIAGS {
            return;
        }
        let hint = match nearest(&key.text, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "nothing may stand here".to_owned(),
            None => format!("known here: {}", known.join(", ")),
        };
        let place = if at.path.is_empty() { String::new() } else { format!(" in {}", at.name) };
        let message = format!("unknown key `{}`{place}", shortened(&key.text));
        self.say(key.span, message, Some(hint));
    }

    /// The wrong type, with the usual way out.
    pub(super) fn mismatch(&mut self, node: &Node, schema: &'a Json, at: &At) {
        let kinds = self.kinds(schema, 0);
        let hint = match &node.value {
            Value::Int(_) | Value::Float(_) | Value::Bool(_) if kinds.text => {
                Some(format!("quote it: \"{}\"", node.raw))
            }
            Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::Str(_) if kinds.list && !kinds.map => {
                Some("write it as a list: [..]".to_owned())
            }
            Value::Str(text) if kinds.boolean => match text.to_lowercase().as_str() {
                "yes" | "y" | "on" | "true" => Some("write true".to_owned()),
                "no" | "n" | "off" | "false" => Some("write false".to_owned()),
                _ => None,
            },
            Value::Str(text) if node.quoted && (kinds.whole || kinds.number) && text.trim().parse::<f64>().is_ok() => {
                Some("remove the quotes".to_owned())
            }
            _ => None,
        };
        let expected = self.expected(schema);
        self.say(node.span_or(at.span), format!("{} must be {expected}, not {}", at.name, node.describe()), hint);
    }
}

/// No constraint on the type at all.
fn is_any(schema: &Json) -> bool {
    const CONSTRAINTS: [&str; 8] = ["type", "enum", "const", "oneOf", "anyOf", "allOf", "properties", "$ref"];
    match schema {
        Json::Object(map) => !CONSTRAINTS.iter().any(|c| map.contains_key(*c)),
        other => other == &Json::Bool(true),
    }
}

/// The words of a schema that is an enum of texts.
pub(super) fn words(schema: &Json) -> Vec<&str> {
    if let Some(word) = schema.get("const").and_then(Json::as_str) {
        return vec![word];
    }
    let list = schema.get("enum").and_then(Json::as_array);
    list.into_iter().flatten().filter_map(Json::as_str).collect()
}

/// `a`, `b` or `c`.
pub(super) fn or_list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|w| format!("`{w}`")).collect();
    match quoted.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [start @ .., last] => format!("{} or {last}", start.join(", ")),
    }
}
