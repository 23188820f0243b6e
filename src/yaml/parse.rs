//! Text → tree. Strict on purpose: what a reader could misread, or a machine could blow up on, is refused.
use super::{Diag, Key, Node, Span, Value, reword, scalar};
use serde_yaml::granit_parser as parser;
use std::collections::HashMap;

/// The largest document, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// The deepest nesting of lists and maps.
pub const MAX_DEPTH: usize = 64;
/// The most values in a document.
const MAX_NODES: usize = 100_000;
/// How many mistakes are collected before giving up.
const MAX_DIAGS: usize = 200;

/// Reads one document.
///
/// # Errors
/// Syntax errors (the first), and every anchor, alias, merge key, tag, duplicate key and second document up to there.
pub fn parse(text: &str) -> Result<Node, Vec<Diag>> {
    if text.len() > MAX_BYTES {
        let size = crate::facts::Bytes(text.len() as u64);
        return Err(vec![Diag::at(Span::default(), format!("the document is larger than 1 MiB ({size})"), None)]);
    }
    let options = parser::options! {
        emit_comments: false,
        emit_anchor_events: true,
        emit_unresolved_aliases: true,
        disallow_directives: true,
    };
    let mut tree = Tree::new(text);
    for event in parser::Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => tree.take(event, &span),
            Err(error) => tree.syntax(&error),
        }
        if tree.stop || tree.diags.len() >= MAX_DIAGS {
            break;
        }
    }
    tree.finish()
}

/// A list or map that is still open.
enum Open {
    Seq(Span, Vec<Node>),
    Map { span: Span, entries: Vec<(Key, Node)>, seen: HashMap<String, usize>, key: Option<Key> },
}

struct Tree<'a> {
    text: &'a str,
    open: Vec<Open>,
    root: Option<Node>,
    diags: Vec<Diag>,
    documents: usize,
    nodes: usize,
    stop: bool,
}

impl<'a> Tree<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, open: Vec::new(), root: None, diags: Vec::new(), documents: 0, nodes: 0, stop: false }
    }

    fn refuse(&mut self, span: Span, message: impl Into<String>, hint: Option<&str>) {
        self.diags.push(Diag::at(span, message, hint.map(str::to_owned)));
    }

    fn syntax(&mut self, error: &parser::ScanError) {
        let (message, hint) = reword::reword(error);
        let at = self.place(&parser::Span::empty(*error.marker()));
        self.diags.push(Diag::at(at, message, hint));
        self.stop = true;
    }

    fn take(&mut self, event: parser::Event<'_>, at: &parser::Span) {
        use parser::Event as E;
        if let (Some(tag), Some(place)) = (event.tag(), at.tag_span()) {
            let name = tag.original();
            let place = self.place(&place);
            self.refuse(
                place,
                format!("tags are not allowed: `{name}`"),
                Some("remove the tag; quote a value that must be text"),
            );
        }
        let span = self.place(at);
        match event {
            E::DocumentStart(..) => self.document(span),
            E::Anchor(_, name) => self.refuse(
                span,
                format!("anchors are not allowed: `&{name}`"),
                Some("write the value out where it is needed"),
            ),
            E::Alias(_) | E::UnresolvedAlias(_) => {
                let name = at.slice(self.text).unwrap_or("*").to_owned();
                self.refuse(
                    span,
                    format!("aliases are not allowed: `{name}`"),
                    Some("write the value out where it is needed"),
                );
                self.add(Node::new(Value::Null, span));
            }
            E::Scalar(text, style, ..) => self.scalar(&text, style, span),
            E::SequenceStart(..) => self.enter(Open::Seq(span, Vec::new()), span),
            E::MappingStart(..) => {
                self.enter(Open::Map { span, entries: Vec::new(), seen: HashMap::new(), key: None }, span)
            }
            E::SequenceEnd | E::MappingEnd => self.leave(),
            _ => {}
        }
    }

    fn document(&mut self, span: Span) {
        self.documents += 1;
        if self.documents > 1 {
            self.refuse(
                span,
                "a second document begins here; a file holds one",
                Some("remove the `---`, or put the second document in its own file"),
            );
            self.stop = true;
        }
    }

    fn scalar(&mut self, text: &str, style: parser::ScalarStyle, span: Span) {
        if style == parser::ScalarStyle::Plain {
            // An empty value comes as `~` with nothing written.
            let raw = if span.len == 0 { "" } else { text };
            let mut node = Node::new(scalar::resolve(raw), span);
            raw.clone_into(&mut node.raw);
            self.add(node);
        } else {
            let mut node = Node::new(Value::Str(text.to_owned()), span);
            node.quoted = true;
            self.add(node);
        }
    }

    fn enter(&mut self, open: Open, span: Span) {
        if self.open.len() >= MAX_DEPTH {
            self.refuse(span, format!("nested deeper than {MAX_DEPTH} levels"), None);
            self.stop = true;
            return;
        }
        self.open.push(open);
    }

    fn leave(&mut self) {
        let node = match self.open.pop() {
            Some(Open::Seq(span, items)) => Node::new(Value::Seq(items), Span { len: span.len.max(1), ..span }),
            Some(Open::Map { span, entries, .. }) => {
                let span = match entries.first() {
                    Some((key, _)) if span.len == 0 => key.span,
                    _ => span,
                };
                Node::new(Value::Map(entries), span)
            }
            None => return,
        };
        self.add(node);
    }

    /// Puts a finished node where it belongs.
    fn add(&mut self, node: Node) {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.refuse(node.span, format!("the document holds more than {MAX_NODES} values"), None);
            self.stop = true;
            return;
        }
        let refused = match self.open.last_mut() {
            None => {
                self.root = Some(node);
                None
            }
            Some(Open::Seq(_, items)) => {
                items.push(node);
                None
            }
            Some(Open::Map { entries, key, seen, .. }) => match key.take() {
                Some(key) => {
                    entries.push((key, node));
                    None
                }
                None => {
                    let (new, refused) = as_key(&node, seen);
                    *key = Some(new);
                    refused
                }
            },
        };
        self.diags.extend(refused);
    }

    /// A parser span in our units: characters on the first line only.
    fn place(&self, span: &parser::Span) -> Span {
        let offset = span.start.byte_offset().unwrap_or(0);
        let slice = span.slice(self.text).unwrap_or("");
        let first_line = slice.split(['\n', '\r']).next().unwrap_or("");
        Span { line: span.start.line(), column: span.start.col() + 1, len: first_line.chars().count(), offset }
    }

    fn finish(mut self) -> Result<Node, Vec<Diag>> {
        if self.diags.is_empty() {
            if let Some(root) = self.root.take() {
                return Ok(root);
            }
            self.refuse(Span::default(), "the document is empty", None);
        }
        self.diags.sort_by_key(|d| (d.line, d.column));
        Err(self.diags)
    }
}

/// A node as the key of a map, and what is wrong with it.
fn as_key(node: &Node, seen: &mut HashMap<String, usize>) -> (Key, Option<Diag>) {
    let text = match &node.value {
        Value::Str(text) => text.clone(),
        Value::Seq(_) | Value::Map(_) => {
            let key = Key { text: String::new(), span: node.span };
            let diag = Diag::at(node.span, "a key must be one word, not a list or a map", None);
            return (key, Some(diag));
        }
        _ => node.raw.clone(),
    };
    let key = Key { span: node.span, text };
    let refused = if key.text == "<<" && !node.quoted {
        Some((
            "merge keys (`<<`) are not allowed".to_owned(),
            Some("write the keys out where they are needed".to_owned()),
        ))
    } else if key.text.is_empty() {
        Some(("a key is missing before `:`".to_owned(), None))
    } else if let Some(line) = seen.get(&key.text) {
        Some((
            format!("duplicate key `{}`", super::diag::shortened(&key.text)),
            Some(format!("it is first given on line {line}")),
        ))
    } else {
        seen.insert(key.text.clone(), key.span.line);
        None
    };
    let diag = refused.map(|(message, hint)| Diag::at(key.span, message, hint));
    (key, diag)
}

impl Node {
    pub(super) fn new(value: Value, span: Span) -> Self {
        Self { value, span, quoted: false, raw: String::new() }
    }
}
