//! One line: splitting it into words as `sdssplitargs` does, and quoting a word so that it survives.

/// A quote that is not closed, or that is followed by something other than a blank. The server refuses such a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Unbalanced quotes in configuration line")]
pub struct UnbalancedQuotes;

/// What C's `isspace` accepts: wider than what ends an unquoted word.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Splits a line into its words. Source: `sdssplitargs` of every server version.
///
/// # Errors
/// [`UnbalancedQuotes`] where the server would say the same.
pub fn split_args(line: &[u8]) -> Result<Vec<Vec<u8>>, UnbalancedQuotes> {
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        while at < line.len() && is_space(line[at]) {
            at += 1;
        }
        if at == line.len() {
            return Ok(words);
        }
        let mut word = Vec::new();
        at = read_word(line, at, &mut word)?;
        words.push(word);
    }
}

/// Reads one word that starts at `at`; answers where it ends. A quote may open in the middle of a word, and closes it.
fn read_word(line: &[u8], mut at: usize, word: &mut Vec<u8>) -> Result<usize, UnbalancedQuotes> {
    while let Some(&byte) = line.get(at) {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' | 0 => return Ok(at + 1),
            b'"' => return read_double_quoted(line, at + 1, word),
            b'\'' => return read_single_quoted(line, at + 1, word),
            _ => word.push(byte),
        }
        at += 1;
    }
    Ok(at)
}

fn read_double_quoted(line: &[u8], mut at: usize, word: &mut Vec<u8>) -> Result<usize, UnbalancedQuotes> {
    loop {
        match (line.get(at), line.get(at + 1)) {
            (None, _) => return Err(UnbalancedQuotes),
            (Some(b'\\'), Some(&escaped)) => {
                if let Some(byte) = hex_escape(line, at) {
                    word.push(byte);
                    at += 4;
                    continue;
                }
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => other,
                });
                at += 2;
            }
            (Some(b'"'), next) => return closed(at, next),
            (Some(&byte), _) => {
                word.push(byte);
                at += 1;
            }
        }
    }
}

fn read_single_quoted(line: &[u8], mut at: usize, word: &mut Vec<u8>) -> Result<usize, UnbalancedQuotes> {
    loop {
        match (line.get(at), line.get(at + 1)) {
            (None, _) => return Err(UnbalancedQuotes),
            (Some(b'\\'), Some(b'\'')) => {
                word.push(b'\'');
                at += 2;
            }
            (Some(b'\''), next) => return closed(at, next),
            (Some(&byte), _) => {
                word.push(byte);
                at += 1;
            }
        }
    }
}

/// A closing quote must be followed by a blank or by nothing.
fn closed(at: usize, next: Option<&u8>) -> Result<usize, UnbalancedQuotes> {
    match next {
        Some(&byte) if !is_space(byte) => Err(UnbalancedQuotes),
        _ => Ok(at + 1),
    }
}

/// The byte of `\xHH` at `at`.
fn hex_escape(line: &[u8], at: usize) -> Option<u8> {
    let digits = line.get(at + 1..at + 4)?;
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|v| u8::try_from(v).ok());
    match digits {
        [b'x', high, low] => Some(value(*high)? << 4 | value(*low)?),
        _ => None,
    }
}

/// A word as it must be written in a file so that [`split_args`] gives it back: bare where that is safe, else in double
/// quotes with escapes.
#[must_use]
pub fn quote(word: &[u8]) -> Vec<u8> {
    let bare = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\' | b'#');
    if !word.is_empty() && word.iter().all(bare) {
        return word.to_vec();
    }
    repr(word)
}

/// A word in double quotes, always: what the server makes of an argument of its command line (`sdscatrepr`), except that
/// bytes above ASCII stay as they are.
pub(super) fn repr(word: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for &byte in word {
        match byte {
            b'\\' | b'"' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0..0x20 | 0x7f => out.extend(format!("\\x{byte:02x}").into_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
    out
}

/// `sdstrim(line, " \t\r\n")`, which the server applies before it looks for `#`.
pub(super) fn trim(mut line: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    while line.first().is_some_and(blank) {
        line = &line[1..];
    }
    while line.last().is_some_and(blank) {
        line = &line[..line.len() - 1];
    }
    line
}
