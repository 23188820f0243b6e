//! Words of a line as the server splits and quotes them (`sdssplitargs`, `sdscatrepr` in its sds.c).

/// Splits a line into words; `None` where quotes are unbalanced, as the server refuses it.
///
/// Double quotes know `\xHH`, `\n \r \t \b \a` and `\` before any other byte; single quotes know only `\'`.
/// A closing quote must be followed by white space or the end.
pub(crate) fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    // The server works on C strings: a NUL ends the line.
    let line = line.split(|b| *b == 0).next().unwrap_or(line);
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        while line.get(at).copied().is_some_and(is_space) {
            at += 1;
        }
        if at >= line.len() {
            return Some(words);
        }
        let (word, next) = word(line, at)?;
        words.push(word);
        at = next;
    }
}

fn word(line: &[u8], mut at: usize) -> Option<(Vec<u8>, usize)> {
    let mut out = Vec::new();
    while let Some(&byte) = line.get(at) {
        match byte {
            b'"' => return quoted(line, at + 1, out),
            b'\'' => return single_quoted(line, at + 1, out),
            b if is_space(b) => break,
            b => out.push(b),
        }
        at += 1;
    }
    Some((out, at))
}

fn quoted(line: &[u8], mut at: usize, mut out: Vec<u8>) -> Option<(Vec<u8>, usize)> {
    loop {
        match *line.get(at)? {
            b'\\' => {
                let next = *line.get(at + 1)?;
                let hex = (next == b'x').then(|| Some((digit(*line.get(at + 2)?)?, digit(*line.get(at + 3)?)?)));
                if let Some(Some((high, low))) = hex {
                    out.push(high * 16 + low);
                    at += 4;
                    continue;
                }
                out.push(match next {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => other,
                });
                at += 2;
            }
            b'"' => return closed(line, at + 1, out),
            byte => {
                out.push(byte);
                at += 1;
            }
        }
    }
}

fn single_quoted(line: &[u8], mut at: usize, mut out: Vec<u8>) -> Option<(Vec<u8>, usize)> {
    loop {
        match *line.get(at)? {
            b'\\' if line.get(at + 1) == Some(&b'\'') => {
                out.push(b'\'');
                at += 2;
            }
            b'\'' => return closed(line, at + 1, out),
            byte => {
                out.push(byte);
                at += 1;
            }
        }
    }
}

fn closed(line: &[u8], at: usize, out: Vec<u8>) -> Option<(Vec<u8>, usize)> {
    match line.get(at) {
        Some(&byte) if !is_space(byte) => None,
        _ => Some((out, at)),
    }
}

/// The word as the server writes it into a manifest: bare where it can, else in double quotes with escapes.
pub(crate) fn quote(word: &str) -> String {
    let needs = word.is_empty() || word.bytes().any(|b| !(b'!'..=b'~').contains(&b) || b == b'\\' || b == b'"');
    if !needs {
        return word.to_owned();
    }
    let mut out = String::from("\"");
    for byte in word.bytes() {
        match byte {
            b'\\' | b'"' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            7 => out.push_str("\\a"),
            8 => out.push_str("\\b"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | 9..=13)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn words_split_as_in_the_server() {
        let ok = |line: &str| {
            split(line.as_bytes()).unwrap().iter().map(|w| String::from_utf8_lossy(w).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(ok("file \"back up.rdb\" seq 1"), ["file", "back up.rdb", "seq", "1"]);
        assert_eq!(ok("a\t 'b c'  d\\n"), ["a", "b c", "d\\n"]);
        assert_eq!(ok(r#""\x41\n\q" 'it\'s' """#), ["A\nq", "it's", ""]);
        assert_eq!(ok(""), Vec::<String>::new());
        assert!(split(b"\"open").is_none());
        assert!(split(b"'open").is_none());
        assert!(split(b"\"a\"b").is_none());
        assert!(split(b"\"a\\").is_none());
    }

    #[test]
    fn quoting_comes_back_the_same() {
        for word in ["plain.aof", "back up.rdb", "a\"b\\c", "tab\there", "ü", "\u{7}\u{8}\u{1}"] {
            assert_eq!(split(quote(word).as_bytes()).unwrap(), [word.as_bytes()], "{word:?}");
        }
        assert_eq!(split(quote("").as_bytes()).unwrap(), [b""], "an empty word is a word");
        assert_eq!(quote("plain.aof"), "plain.aof");
        assert_eq!(quote("back up.rdb"), "\"back up.rdb\"");
    }
}
