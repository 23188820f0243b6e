//! Commands as text for people: nothing that moves a cursor or a terminal's mind, nothing long.

/// Longest part of a word that is shown, in characters.
const LONGEST: usize = 64;
/// Words that are shown of one command.
const MOST: usize = 12;

/// The command in `bytes`, which may end within it.
pub(in crate::aof) fn command(bytes: &[u8]) -> String {
    let mut out = String::new();
    let (mut shown, total) = (0, declared(bytes, b'*').map_or(0, |(n, _)| n));
    let mut rest = declared(bytes, b'*').map_or(&bytes[bytes.len()..], |(_, rest)| rest);
    while shown < MOST && (shown as u64) < total {
        let Some((length, after)) = declared(rest, b'$') else {
            break;
        };
        let there = usize::try_from(length).unwrap_or(usize::MAX).min(after.len());
        let (word, after) = after.split_at(there);
        push(&mut out, word, length);
        rest = after.get(2..).unwrap_or(&[]);
        shown += 1;
    }
    if total > shown as u64 {
        out.push_str(&format!(" … (+{} words)", total - shown as u64));
    }
    out
}

/// `<mark><number>\r\n` at the start of `bytes`, and what follows.
pub(super) fn declared(bytes: &[u8], mark: u8) -> Option<(u64, &[u8])> {
    let rest = bytes.strip_prefix(&[mark])?;
    let end = rest.iter().take(20).position(|b| *b == b'\r')?;
    let number = std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()?;
    rest.get(end..)?.strip_prefix(b"\r\n").map(|rest| (number, rest))
}

/// The words of a complete small command.
pub(super) fn words(bytes: &[u8]) -> Vec<&[u8]> {
    each_word(bytes).take(MOST).collect()
}

/// The words of a command, as far as they are whole in `bytes`.
pub(in crate::aof) fn each_word(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut left, mut rest) = declared(bytes, b'*').unwrap_or((0, &[]));
    std::iter::from_fn(move || {
        left = left.checked_sub(1)?;
        let (length, after) = declared(rest, b'$')?;
        let word = after.get(..usize::try_from(length).ok()?)?;
        rest = after.get(word.len() + 2..).unwrap_or(&[]);
        Some(word)
    })
}

fn push(out: &mut String, word: &[u8], length: u64) {
    if !out.is_empty() {
        out.push(' ');
    }
    let text = printable(word.get(..word.len().min(LONGEST * 4)).unwrap_or(word));
    let mut short: String = text.chars().take(LONGEST).collect();
    let quoted = word.is_empty() || short.contains(' ');
    if short.len() < text.len() || (word.len() as u64) < length || word.len() > LONGEST * 4 {
        short.push_str(&format!("… ({length} bytes)"));
    }
    if quoted {
        out.push('"');
        out.push_str(&short);
        out.push('"');
    } else {
        out.push_str(&short);
    }
}

/// Bytes as text with everything that is not a plain character escaped.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            // What Rust would escape takes in control, format (bidirectional marks) and private characters.
            let plain = c == ' ' || c.is_ascii_graphic() || (!c.is_ascii() && c.escape_debug().eq([c]));
            if plain && c != '\\' && c != '"' {
                out.push(c);
            } else {
                out.extend(c.escape_default());
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}
