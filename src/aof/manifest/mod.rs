//! The manifest of a multi-part AOF, read and written exactly as the server does (`aofLoadManifestFromFile`, Redis 7.0 and later).
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words;

mod rebuild;

pub use rebuild::{Part, RebuildError, Rebuilt, part, rebuild};

/// The server reads lines of at most this many bytes, newline included.
const LONGEST_LINE: usize = 1024;

/// What a manifest says: the files of the AOF in the order it lists them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// Every line that is not a comment, in file order.
    pub entries: Vec<Entry>,
}

/// One line of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Base name of the file in the AOF directory.
    pub name: String,
    /// Sequence number, never 0.
    pub seq: i64,
    /// What the file is to the server.
    pub kind: Kind,
    /// Further key/value pairs, kept as they are (Redis 8 writes `startoffset N`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<(String, String)>,
}

/// The role of a file in a multi-part AOF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `b`: the dataset at the last rewrite.
    Base,
    /// `i`: commands since then.
    Incr,
    /// `h`: from before the last rewrite; the server deletes it.
    History,
}

impl Kind {
    fn letter(self) -> char {
        match self {
            Self::Base => 'b',
            Self::Incr => 'i',
            Self::History => 'h',
        }
    }
}

/// Why the server refuses a manifest. `Display` gives its own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, JsonSchema)]
#[error("{}{}", .because.words(), if *.line > 0 { format!(" (line {})", .line) } else { String::new() })]
pub struct ManifestError {
    /// Line, from 1; 0 where the manifest as a whole is meant.
    pub line: usize,
    /// The rule that is broken.
    pub because: Rule,
}

/// The server's rules for a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Zero bytes.
    Empty,
    /// Over 1024 bytes, a NUL byte, or no newline at the end of the last line.
    LongLine,
    /// Blank line, unbalanced quotes, odd or too few words, or name, seq or type missing (seq 0 counts as missing).
    Format,
    /// The file name has a `/` or `\`.
    Path,
    /// A second base.
    DuplicateBase,
    /// An incr whose seq is not above the one before.
    NotMonotonic,
    /// A type other than b, i, h.
    UnknownKind,
    /// Our own limit: a name that is not UTF-8.
    NotUtf8,
}

impl Rule {
    /// The server's message.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Empty => "Found an empty AOF manifest",
            Self::LongLine => "The AOF manifest file contains too long line",
            Self::Format => "Invalid AOF manifest file format",
            Self::Path => "File can't be a path, just a filename",
            Self::DuplicateBase => "Found duplicate base file information",
            Self::NotMonotonic => "Found a non-monotonic sequence number",
            Self::UnknownKind => "Unknown AOF file type",
            Self::NotUtf8 => "the file name is not UTF-8",
        }
    }
}

impl ManifestError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self.because {
            Rule::LongLine => "the last line must end in a newline; rebuild the manifest from the files that are there",
            _ => "rebuild the manifest from the files that are there",
        }
    }
}

/// Reads a manifest as the server would.
///
/// # Errors
/// The first rule the server would refuse it for, with its line.
pub fn parse(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    if bytes.is_empty() {
        return Err(ManifestError { line: 0, because: Rule::Empty });
    }
    let mut manifest = Manifest::default();
    let mut highest = 0;
    for (index, line) in Lines(bytes).enumerate() {
        let at = |because| ManifestError { line: index + 1, because };
        if line.first() == Some(&b'#') {
            continue;
        }
        // The server looks for the newline in a C string.
        let visible = line.split(|b| *b == 0).next().unwrap_or(line);
        if !visible.ends_with(b"\n") {
            return Err(at(Rule::LongLine));
        }
        let entry = entry(visible).map_err(at)?;
        match entry.kind {
            Kind::Base if manifest.base().is_some() => return Err(at(Rule::DuplicateBase)),
            Kind::Incr if entry.seq <= highest => return Err(at(Rule::NotMonotonic)),
            Kind::Incr => highest = entry.seq,
            Kind::Base | Kind::History => {}
        }
        manifest.entries.push(entry);
    }
    Ok(manifest)
}

/// Lines as `fgets` hands them out: up to and with the newline, cut after 1024 bytes.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let limit = self.0.len().min(LONGEST_LINE);
        let end = memchr::memchr(b'\n', self.0.get(..limit)?).map_or(limit, |at| at + 1);
        let (line, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(line)
    }
}

fn entry(line: &[u8]) -> Result<Entry, Rule> {
    let words = words::split(line).ok_or(Rule::Format)?;
    if words.len() < 6 || words.len() % 2 == 1 {
        return Err(Rule::Format);
    }
    let (mut name, mut seq, mut kind, mut extra) = (None, 0, 0_u8, Vec::new());
    for pair in words.chunks_exact(2) {
        let [key, value] = pair else { continue };
        if key.eq_ignore_ascii_case(b"file") {
            if value.iter().any(|b| matches!(b, b'/' | b'\\')) {
                return Err(Rule::Path);
            }
            name = Some(String::from_utf8(value.clone()).map_err(|_| Rule::NotUtf8)?);
        } else if key.eq_ignore_ascii_case(b"seq") {
            seq = atoll(value);
        } else if key.eq_ignore_ascii_case(b"type") {
            kind = value.first().copied().unwrap_or(0);
        } else {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| Rule::NotUtf8);
            extra.push((text(key)?, text(value)?));
        }
    }
    let Some(name) = name else {
        return Err(Rule::Format);
    };
    if seq == 0 || kind == 0 {
        return Err(Rule::Format);
    }
    let kind = match kind {
        b'b' => Kind::Base,
        b'i' => Kind::Incr,
        b'h' => Kind::History,
        _ => return Err(Rule::UnknownKind),
    };
    Ok(Entry { name, seq, kind, extra })
}

/// C's `atoll`: leading white space, a sign, digits until something else; saturates.
fn atoll(word: &[u8]) -> i64 {
    let word = word.trim_ascii_start();
    let (negative, digits) = match word {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, word),
    };
    let mut value = 0_i64;
    for digit in digits.iter().take_while(|b| b.is_ascii_digit()) {
        let digit = i64::from(digit - b'0');
        value = value.saturating_mul(10);
        value = if negative { value.saturating_sub(digit) } else { value.saturating_add(digit) };
    }
    value
}

impl Manifest {
    /// The base, where there is one.
    #[must_use]
    pub fn base(&self) -> Option<&Entry> {
        self.entries.iter().find(|e| e.kind == Kind::Base)
    }

    /// The incrs, oldest first.
    pub fn incrs(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|e| e.kind == Kind::Incr)
    }

    /// What a start reads, in order: the base, then the incrs.
    pub fn loaded(&self) -> impl Iterator<Item = &Entry> {
        self.base().into_iter().chain(self.incrs())
    }

    /// The manifest's bytes, in the server's order: base, history, incrs; ends in a newline.
    #[must_use]
    pub fn render(&self) -> String {
        self.to_string()
    }

    /// The same manifest without these files.
    #[must_use]
    pub fn without(&self, names: &[String]) -> Self {
        Self { entries: self.entries.iter().filter(|e| !names.contains(&e.name)).cloned().collect() }
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let history = self.entries.iter().filter(|e| e.kind == Kind::History);
        self.base().into_iter().chain(history).chain(self.incrs()).try_for_each(|e| writeln!(f, "{e}"))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file {} seq {} type {}", words::quote(&self.name), self.seq, self.kind.letter())?;
        self.extra.iter().try_for_each(|(key, value)| write!(f, " {} {}", words::quote(key), words::quote(value)))
    }
}

#[cfg(test)]
mod tests;
