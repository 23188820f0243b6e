//! One mistake in a document, and how a person sees it.
use super::Span;
use std::fmt::Write as _;

/// How many mistakes are shown in full; the rest are counted.
const SHOWN: usize = 50;
/// How much of a long line is shown, in characters.
const WINDOW: usize = 160;

/// One mistake: where, what, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Diag {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// Characters to underline; 0 counts as 1.
    pub len: usize,
    /// What is wrong, one line.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diag {
    /// A mistake at a place.
    #[must_use]
    pub fn at(span: Span, message: impl Into<String>, hint: Option<String>) -> Self {
        Self { line: span.line.max(1), column: span.column.max(1), len: span.len, message: message.into(), hint }
    }
}

/// The mistakes as text: message, place, the offending line, a caret, a hint. Without colour; ends with a newline.
/// Control characters of the document never reach the result.
#[must_use]
pub fn render(diags: &[Diag], file_name: &str, text: &str) -> String {
    let lines = lines_of(text, diags);
    let mut out = String::new();
    for (index, diag) in diags.iter().take(SHOWN).enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let source = lines.get(&diag.line).copied().unwrap_or("");
        one(&mut out, diag, file_name, source);
    }
    if diags.len() > SHOWN {
        let _ = writeln!(out, "\nand {} more errors", diags.len() - SHOWN);
    }
    out
}

fn one(out: &mut String, diag: &Diag, file_name: &str, source: &str) {
    let number = diag.line.to_string();
    let margin = " ".repeat(number.len());
    let (before, marked, after) = cut(source, diag.column, diag.len);
    let pad = " ".repeat(console::measure_text_width(&before));
    let carets = "^".repeat(console::measure_text_width(&marked).max(1));
    let _ = writeln!(out, "error: {}", printable(&diag.message));
    let _ = writeln!(out, "{margin}--> {}:{}:{}", printable(file_name), diag.line, diag.column);
    let _ = writeln!(out, "{margin} |");
    let _ = writeln!(out, "{number} | {}", format!("{before}{marked}{after}").trim_end());
    let _ = writeln!(out, "{margin} | {pad}{carets}");
    if let Some(hint) = &diag.hint {
        let _ = writeln!(out, "hint: {}", printable(hint));
    }
}

/// The lines the mistakes are on, found in one walk over the text.
fn lines_of<'a>(text: &'a str, diags: &[Diag]) -> std::collections::HashMap<usize, &'a str> {
    let wanted: std::collections::HashSet<usize> = diags.iter().take(SHOWN).map(|d| d.line).collect();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = std::collections::HashMap::new();
    let (mut rest, mut number) = (text, 1);
    loop {
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        if wanted.contains(&number) {
            found.insert(number, &rest[..end]);
        }
        let Some(after) = rest.get(end..).filter(|a| !a.is_empty()) else {
            return found;
        };
        rest = after.strip_prefix("\r\n").unwrap_or(&after[1..]);
        number += 1;
    }
}

/// The line as (before the mark, the mark, after it), printable, and cut to a window around the mark.
fn cut(source: &str, column: usize, len: usize) -> (String, String, String) {
    let start = column.saturating_sub(1);
    let from = if start > WINDOW / 2 && source.len() > WINDOW { start - WINDOW / 2 } else { 0 };
    let mut chars = source.chars().skip(from);
    let before: String = chars.by_ref().take(start - from).collect();
    let marked: String = chars.by_ref().take(len.clamp(1, WINDOW)).collect();
    let room = WINDOW.saturating_sub(before.chars().count() + marked.chars().count());
    let mut after: String = chars.by_ref().take(room).collect();
    if chars.next().is_some() {
        after.push('…');
    }
    let mut before = printable(&before);
    if from > 0 {
        before.insert(0, '…');
    }
    (before, printable(&marked), printable(&after))
}

/// Text that is safe to print on one line: a tab becomes a space, other control and direction-changing characters `�`.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' | '\n' | '\r' => ' ',
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// Text fit to be quoted in a message.
pub(super) fn shortened(text: &str) -> String {
    if text.chars().count() <= 60 {
        printable(text)
    } else {
        let mut short = printable(&text.chars().take(57).collect::<String>());
        short.push('…');
        short
    }
}

/// The candidate a person most likely meant, if any is near.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |w: &str| w.to_lowercase().replace(['-', ' '], "_");
    if word.len() > 64 {
        return None;
    }
    let word = plain(word);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other = plain(candidate);
            let distance = strsim::damerau_levenshtein(&word, &other);
            let allowed = (word.chars().count().max(other.chars().count()) / 3).max(1);
            let begins = word.len() >= 3 && (other.starts_with(&word) || word.starts_with(&other));
            (distance <= allowed || begins).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
