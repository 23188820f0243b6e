//! Where `${…}` stands in a document. What is inside is the business of [`crate::expr`].
use super::Span;

/// How an expression fills its scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// No `${` in it.
    Literal,
    /// The whole scalar is one `${…}`: it keeps its type.
    Whole,
    /// Text with `${…}` in it: it makes a text.
    Mixed,
    /// A `${` without its `}`; the byte where it begins.
    Unclosed(usize),
}

/// A scalar with `${…}` in it, found by [`super::check`].
#[derive(Debug, Clone, PartialEq)]
pub struct ExprSite {
    /// Where in the document, as a JSON pointer: `/steps/2/do/service.start/timeout`.
    pub path: String,
    /// The whole scalar, quotes included.
    pub span: Span,
    /// The scalar's text, `${` and `}` included, quotes and YAML escapes resolved.
    pub text: String,
    /// One expression and nothing around it.
    pub whole: bool,
    /// The schema the value must meet, `$ref` resolved; `true` where anything is allowed.
    pub expected: serde_json::Value,
}

/// Finds out how `${…}` fills a text. Braces inside string literals of the expression do not end it.
#[must_use]
pub fn shape(text: &str) -> Shape {
    let (mut at, mut found, mut whole) = (0, false, false);
    while let Some(start) = text[at..].find("${").map(|i| at + i) {
        let Some(end) = close(text, start + 2) else {
            return Shape::Unclosed(start);
        };
        whole = !found && start == 0 && end == text.len();
        found = true;
        at = end;
    }
    match (found, whole) {
        (false, _) => Shape::Literal,
        (true, true) => Shape::Whole,
        (true, false) => Shape::Mixed,
    }
}

/// The byte after the `}` that ends the expression whose inside starts at `from`.
fn close(text: &str, from: usize) -> Option<usize> {
    let (mut quote, mut escaped, mut depth) = (None, false, 0_usize);
    for (i, c) in text[from..].char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') if depth > 0 => depth -= 1,
            (None, '}') => return Some(from + i + 1),
            (None, _) => {}
        }
    }
    None
}

impl ExprSite {
    /// Where `len` bytes from byte `start` of [`Self::text`] are written in the document, for a caret inside a scalar.
    #[must_use]
    pub fn within(&self, document: &str, start: usize, len: usize) -> Span {
        self.span.within(document, &self.text, start, len)
    }
}

impl Span {
    /// Where `len` bytes from byte `start` of a scalar's text are written, this being the scalar's place.
    /// Follows quotes, simple escapes and folded lines; where it loses the thread it gives the scalar's place.
    #[must_use]
    pub fn within(self, document: &str, value: &str, start: usize, len: usize) -> Span {
        let first = self.aligned(document, value, start);
        let last = self.aligned(document, value, start + len.max(1));
        let (Some(first), last) = (first, last) else {
            return self;
        };
        let Some(rest) = document.get(first..) else {
            return self;
        };
        let line_end = rest.find(['\n', '\r']).map_or(document.len(), |i| first + i);
        let end = last.unwrap_or(first).clamp(first, line_end);
        let before = document.get(self.offset..first).unwrap_or("");
        let (line, column) = match before.rfind('\n') {
            Some(i) => (self.line + before.matches('\n').count(), before[i + 1..].chars().count() + 1),
            None => (self.line, self.column + before.chars().count()),
        };
        Span { line, column, len: document.get(first..end).map_or(1, |t| t.chars().count().max(1)), offset: first }
    }

    /// The document's byte for a byte of the value.
    fn aligned(self, document: &str, value: &str, target: usize) -> Option<usize> {
        let raw = document.get(self.offset..)?;
        let mut at = opening(raw, value);
        let quote = (at == 1).then(|| raw.chars().next()).flatten();
        let mut done = 0;
        for c in value.chars() {
            if done >= target {
                break;
            }
            let rest = raw.get(at..)?;
            let next = rest.chars().next()?;
            at += if next == '\\' && quote == Some('"') {
                // `\"` and `\\` stand for one character; a longer escape loses the thread and is caught below.
                1 + rest[1..].chars().next().map_or(0, char::len_utf8)
            } else if next == '\'' && quote == Some('\'') {
                2
            } else if c.is_whitespace() && next.is_whitespace() && next != c || next == '\n' {
                rest.find(|r: char| !r.is_whitespace())?
            } else if next == c {
                c.len_utf8()
            } else {
                return None;
            };
            done += c.len_utf8();
        }
        Some(self.offset + at)
    }
}

/// Bytes of the opening quote: 1, or 0 for plain and block scalars.
fn opening(raw: &str, value: &str) -> usize {
    let Some(quote) = raw.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        return 0;
    };
    let escape = if quote == '"' { '\\' } else { '\'' };
    let block = value.starts_with(quote) && !raw[1..].starts_with(escape);
    usize::from(!block)
}
