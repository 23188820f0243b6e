//! A checked tree and the expressions in it, read place by place. Playbooks are read with it too.
use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::expr::{self, Expr, ExprError, Template, Type, Types};
use crate::yaml::{self, Diag, ExprSite, Node, Value};

/// A document being read. Every method reports what is wrong into `diags` and gives none; a place whose structure is
/// wrong was reported by the schema already and is passed over in silence.
pub(crate) struct Reader<'a> {
    document: &'a str,
    root: Node,
    sites: BTreeMap<String, ExprSite>,
    used: BTreeSet<String>,
    pub diags: Vec<Diag>,
}

impl<'a> Reader<'a> {
    /// Parses and holds the tree against the schema.
    pub fn open(document: &'a str, schema: &Json) -> Result<Self, Vec<Diag>> {
        let root = yaml::parse(document)?;
        let mut sites = Vec::new();
        let diags = yaml::check(&root, schema, true, &mut sites);
        let sites = sites.into_iter().map(|s| (s.path.clone(), s)).collect();
        Ok(Reader { document, root, sites, used: BTreeSet::new(), diags })
    }

    /// Everything reported, in the order of the document; `None` in `value` without a report is one as well.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<Diag>> {
        let stray: Vec<String> = self.sites.keys().filter(|p| !self.used.contains(*p)).cloned().collect();
        for path in stray {
            let hint = "it may stand in titles, reasons and the parameters of actions";
            self.error(&path, "an expression can't stand here", Some(hint.into()));
        }
        self.diags.sort_by_key(|d| (d.line, d.column));
        self.diags.dedup_by(|a, b| (a.line, a.column) == (b.line, b.column) && a.message == b.message);
        match value {
            Some(value) if self.diags.is_empty() => Ok(value),
            None if self.diags.is_empty() => Err(vec![Diag::at(self.root.span, "this file is not complete", None)]),
            _ => Err(self.diags),
        }
    }

    pub fn node(&self, path: &str) -> Option<&Node> {
        let mut node = &self.root;
        for part in path.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            node = match &node.value {
                Value::Seq(items) => items.get(part.parse::<usize>().ok()?)?,
                _ => node.get(&part)?,
            };
        }
        Some(node)
    }

    pub fn has(&self, path: &str) -> bool {
        self.node(path).is_some_and(|n| n.value != Value::Null)
    }

    /// How many items the list at a place has.
    pub fn count(&self, path: &str) -> usize {
        self.node(path).map_or(0, |n| n.items().len())
    }

    /// The keys of the map at a place.
    pub fn keys(&self, path: &str) -> Vec<String> {
        self.node(path).map_or(Vec::new(), |n| n.entries().iter().map(|(k, _)| k.text.clone()).collect())
    }

    /// The text at a place.
    pub fn text(&self, path: &str) -> Option<String> {
        self.node(path)?.as_str().map(str::to_string)
    }

    /// The value at a place as a plain struct. Without `${…}`: those are reported by [`Reader::finish`].
    pub fn value<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        serde_json::from_value(yaml::to_json(self.node(path)?)).ok()
    }

    pub fn error(&mut self, path: &str, message: impl Into<String>, hint: Option<String>) {
        self.diags.push(self.root.diag_at(path, message, hint));
    }

    /// The same, pointing at the key rather than at its value.
    pub fn error_at_key(&mut self, parent: &str, key: &str, message: impl Into<String>, hint: Option<String>) {
        let span = match self.node(parent).and_then(|n| n.entry(key)) {
            Some((key, _)) => key.span,
            None => self.root.locate(parent),
        };
        self.diags.push(Diag::at(span, message, hint));
    }

    /// The site of `${…}` at a place; asking for it takes the responsibility for it.
    pub fn site(&mut self, path: &str) -> Option<ExprSite> {
        let site = self.sites.get(path).cloned()?;
        self.used.insert(path.to_string());
        Some(site)
    }

    /// Takes the responsibility for every `${…}` below a place that can't be judged for another mistake.
    pub fn excuse(&mut self, path: &str) {
        let below = format!("{path}/");
        let inside = self.sites.keys().filter(|p| p.starts_with(&below));
        self.used.extend(inside.cloned());
    }

    /// A condition, such as under `when`: an expression without `${…}` around it.
    pub fn condition(&mut self, path: &str, types: &Types) -> Option<Expr> {
        self.used.insert(path.to_string());
        let node = self.node(path)?;
        let source = match &node.value {
            Value::Str(text) => text.clone(),
            Value::Bool(b) => b.to_string(),
            _ => return None,
        };
        if let Some(inner) = source.trim().strip_prefix("${").and_then(|s| s.strip_suffix('}')) {
            let hint = format!("write it without: {inner}");
            self.error(path, "a condition is an expression already, `${…}` is not needed around it", Some(hint));
            return None;
        }
        match expr::check(&source, types, Some(&Type::Bool)) {
            Ok(expr) => Some(expr),
            Err(errors) => {
                self.within(path, &source, errors);
                None
            }
        }
    }

    /// A text that may hold `${…}`, or one `${…}` of the type wanted.
    pub fn template(&mut self, path: &str, types: &Types, wanted: Option<&Type>) -> Option<Template> {
        self.used.insert(path.to_string());
        let source = self.node(path)?.as_str()?.to_string();
        match Template::check(&source, types, wanted) {
            Ok(template) => Some(template),
            Err(errors) => {
                self.within(path, &source, errors);
                None
            }
        }
    }

    /// Errors inside a scalar, each with its caret in the document.
    fn within(&mut self, path: &str, text: &str, errors: Vec<ExprError>) {
        let span = self.root.locate(path);
        for e in errors {
            let place = span.within(self.document, text, e.offset, e.len);
            self.diags.push(Diag::at(place, e.message, e.hint));
        }
    }
}

/// One more part of a JSON pointer.
pub(crate) fn below(path: &str, key: impl std::fmt::Display) -> String {
    format!("{path}/{}", key.to_string().replace('~', "~0").replace('/', "~1"))
}
