//! Where a schema offers several forms: enums, tagged or not, and optional values.
use super::check::{At, Checker, or_list, words};
use super::diag::{nearest, shortened};
use super::{Node, Value};
use serde_json::Value as Json;

/// What types a schema lets through.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools)] // a set
pub(super) struct Kinds {
    pub null: bool,
    pub boolean: bool,
    pub whole: bool,
    pub number: bool,
    pub text: bool,
    pub list: bool,
    pub map: bool,
}

impl Kinds {
    const ALL: Kinds =
        Kinds { null: true, boolean: true, whole: true, number: true, text: true, list: true, map: true };

    /// Any scalar besides null?
    pub(super) fn scalar(self) -> bool {
        self.boolean || self.whole || self.number || self.text
    }

    fn or(self, o: Kinds) -> Kinds {
        Kinds {
            null: self.null || o.null,
            boolean: self.boolean || o.boolean,
            whole: self.whole || o.whole,
            number: self.number || o.number,
            text: self.text || o.text,
            list: self.list || o.list,
            map: self.map || o.map,
        }
    }

    fn takes(self, node: &Node) -> bool {
        match node.value {
            Value::Null => self.null,
            Value::Bool(_) => self.boolean,
            Value::Int(_) => self.whole || self.number,
            Value::Float(_) => self.number,
            Value::Str(_) => self.text,
            Value::Seq(_) => self.list,
            Value::Map(_) => self.map,
        }
    }
}

/// The forms of an enum, sorted by how they are written.
#[derive(Default)]
struct Forms<'a> {
    /// Written as one word.
    words: Vec<&'a str>,
    /// Written as a map with exactly this key.
    tags: Vec<(&'a str, &'a Json)>,
    /// Anything else.
    others: Vec<&'a Json>,
}

impl<'a> Checker<'a> {
    /// `oneOf` and `anyOf`.
    pub(super) fn choice(&mut self, node: &Node, schema: &'a Json, at: &At) {
        let mut forms = Forms::default();
        self.collect(schema, &mut forms, 0);
        if !forms.others.is_empty() {
            return self.untagged(node, schema, &forms, at);
        }
        if forms.tags.is_empty() {
            return self.word(node, &forms.words, at);
        }
        self.tagged(node, &forms, at);
    }

    fn collect(&self, schema: &'a Json, forms: &mut Forms<'a>, depth: usize) {
        let branches = ["oneOf", "anyOf"].iter().filter_map(|k| schema.get(k).and_then(Json::as_array)).flatten();
        for branch in branches {
            let branch = self.resolve(branch);
            let found = words(branch);
            if branch.get("type").and_then(Json::as_str) == Some("null") {
                // Null was dealt with before.
            } else if !found.is_empty() {
                forms.words.extend(found);
            } else if let Some(tag) = tag(branch) {
                forms.tags.push(tag);
            } else if depth < 8 && (branch.get("oneOf").is_some() || branch.get("anyOf").is_some()) {
                self.collect(branch, forms, depth + 1);
            } else {
                forms.others.push(branch);
            }
        }
    }

    /// An externally tagged enum: a map with exactly one of the known keys, or a word.
    fn tagged(&mut self, node: &Node, forms: &Forms<'a>, at: &At) {
        let tags: Vec<&str> = forms.tags.iter().map(|(t, _)| *t).collect();
        let every: Vec<&str> = forms.words.iter().chain(&tags).copied().collect();
        match &node.value {
            Value::Map(entries) => self.tagged_map(node, entries, forms, &tags, at),
            Value::Str(text) if forms.words.contains(&text.as_str()) => {}
            Value::Str(text) if tags.contains(&text.as_str()) => self.say(
                node.span,
                format!("`{text}` in {} needs a value", at.name),
                Some(format!("write `{text}: {{..}}`")),
            ),
            _ => {
                let written = node.as_str().unwrap_or(&node.raw);
                let near = nearest(written, every.iter().copied());
                self.say(
                    node.span,
                    format!("{} must be one of {}, not {}", at.name, or_list(&every), node.describe()),
                    near.map(|n| format!("did you mean `{n}`?")),
                );
            }
        }
    }

    fn tagged_map(&mut self, node: &Node, entries: &[(super::Key, Node)], forms: &Forms<'a>, tags: &[&str], at: &At) {
        if entries.is_empty() {
            let message = format!("{} is empty; it needs one of {}", at.name, or_list(tags));
            return self.say(node.span_or(at.span), message, None);
        }
        let mut first: Option<&str> = None;
        for (key, value) in entries {
            match forms.tags.iter().find(|(t, _)| *t == key.text) {
                None => self.unknown(key, tags, at),
                Some((_, inner)) => {
                    if let Some(first) = first {
                        let both = format!("found `{first}` and `{}`", shortened(&key.text));
                        let message = format!("{} takes exactly one of {}; {both}", at.name, or_list(tags));
                        self.say(key.span, message, None);
                    }
                    first = first.or(Some(&key.text));
                    self.node(value, inner, &at.key(key));
                }
            }
        }
    }

    /// Forms that differ by type, or only by their keys: the one that fits best explains what is wrong.
    fn untagged(&mut self, node: &Node, schema: &'a Json, forms: &Forms<'a>, at: &At) {
        if node.as_str().is_some_and(|t| forms.words.contains(&t)) {
            return;
        }
        if let Value::Map(entries) = &node.value
            && let [(key, _)] = entries.as_slice()
            && forms.tags.iter().any(|(t, _)| *t == key.text)
        {
            return self.tagged(node, forms, at);
        }
        let fitting: Vec<&'a Json> =
            forms.others.iter().filter(|s| self.kinds(s, 0).takes(node) || formatted(s, node)).copied().collect();
        match fitting.as_slice() {
            [] => self.no_form(node, schema, forms, at),
            [one] => self.node(node, one, at),
            several => self.best(node, several, at),
        }
    }

    /// No form takes this type: the words are named, and the nearest of them is the hint.
    fn no_form(&mut self, node: &Node, schema: &'a Json, forms: &Forms<'a>, at: &At) {
        let near = node.as_str().and_then(|t| nearest(t, forms.words.iter().copied()));
        let Some(near) = near else {
            return self.mismatch(node, schema, at);
        };
        let message = format!("{} must be {}, not {}", at.name, self.expected(schema), node.describe());
        self.say(node.span, message, Some(format!("did you mean `{near}`?")));
    }

    fn best(&mut self, node: &Node, several: &[&'a Json], at: &At) {
        let mut best: Option<Checker<'a>> = None;
        for schema in several {
            let mut trial = Checker {
                root: self.root,
                allow_expr: self.allow_expr,
                exprs: Vec::new(),
                diags: Vec::new(),
                fuel: self.fuel,
            };
            trial.node(node, schema, at);
            self.fuel = trial.fuel;
            if best.as_ref().is_none_or(|b| trial.diags.len() < b.diags.len()) {
                best = Some(trial);
            }
        }
        if let Some(best) = best {
            self.diags.extend(best.diags);
            self.exprs.extend(best.exprs);
        }
    }

    /// The types a schema lets through.
    pub(super) fn kinds(&self, schema: &'a Json, depth: usize) -> Kinds {
        let schema = self.resolve(schema);
        let mut kinds = Kinds::default();
        let mut named = false;
        let types: Vec<&str> = match schema.get("type") {
            Some(Json::String(one)) => vec![one.as_str()],
            Some(Json::Array(many)) => many.iter().filter_map(Json::as_str).collect(),
            _ => Vec::new(),
        };
        for kind in types {
            named = true;
            match kind {
                "null" => kinds.null = true,
                "boolean" => kinds.boolean = true,
                "integer" => kinds.whole = true,
                "number" => (kinds.whole, kinds.number) = (true, true),
                "string" => kinds.text = true,
                "array" => kinds.list = true,
                "object" => kinds.map = true,
                _ => {}
            }
        }
        if !words(schema).is_empty() {
            (named, kinds.text) = (true, true);
        }
        for branch in
            ["oneOf", "anyOf", "allOf"].iter().filter_map(|k| schema.get(k).and_then(Json::as_array)).flatten()
        {
            named = true;
            if depth < 8 {
                kinds = kinds.or(self.kinds(branch, depth + 1));
            }
        }
        if schema.get("properties").is_some() {
            (named, kinds.map) = (true, true);
        }
        if named { kinds } else { Kinds::ALL }
    }

    /// What a schema wants, in words.
    pub(super) fn expected(&self, schema: &'a Json) -> String {
        let schema = self.resolve(schema);
        match schema.get("format").and_then(Json::as_str) {
            Some("duration") => return "a duration such as 30s".into(),
            Some("bytes") => return "a size such as 64MB".into(),
            Some("date-time") => return "a moment such as 2026-11-21T03:12:44Z".into(),
            _ => {}
        }
        let mut forms = Forms::default();
        self.collect(schema, &mut forms, 0);
        if let ([one], true, true) = (forms.others.as_slice(), forms.words.is_empty(), forms.tags.is_empty()) {
            return self.expected(one);
        }
        if forms.others.is_empty() && !(forms.words.is_empty() && forms.tags.is_empty()) {
            let tags = forms.tags.iter().map(|(t, _)| *t);
            let every: Vec<&str> = forms.words.iter().copied().chain(tags).collect();
            return or_list(&every);
        }
        let words = words(schema);
        if !words.is_empty() {
            return or_list(&words);
        }
        let kinds = if forms.others.is_empty() {
            self.kinds(schema, 0)
        } else {
            let each = forms.others.iter().map(|s| self.kinds(s, 0));
            each.fold(Kinds::default(), Kinds::or)
        };
        let known: Vec<String> = forms.words.iter().map(|w| format!("`{w}`")).collect();
        let names = [
            (kinds.text, "text"),
            (kinds.number, "a number"),
            (kinds.whole && !kinds.number, "a whole number"),
            (kinds.boolean, "true or false"),
            (kinds.list, "a list"),
            (kinds.map, "a map"),
        ];
        let names = names.iter().filter(|n| n.0).map(|n| n.1.to_owned());
        let every: Vec<String> = known.into_iter().chain(names).collect();
        every.join(" or ")
    }
}

/// The tag and the schema of its value, where a branch is one form of an externally tagged enum.
fn tag(branch: &Json) -> Option<(&str, &Json)> {
    let properties = branch.get("properties")?.as_object()?;
    let required = branch.get("required")?.as_array()?;
    let closed = branch.get("additionalProperties") == Some(&Json::Bool(false));
    match (properties.iter().next(), required.as_slice()) {
        (Some((name, inner)), [only]) if closed && properties.len() == 1 && only == name => {
            Some((name.as_str(), inner))
        }
        _ => None,
    }
}

/// A text where the schema says number, but its format is written as text in YAML.
fn formatted(schema: &Json, node: &Node) -> bool {
    let format = schema.get("format").and_then(Json::as_str);
    node.as_str().is_some() && matches!(format, Some("duration" | "bytes" | "date-time"))
}
