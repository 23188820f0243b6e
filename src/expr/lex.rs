//! Text to tokens, each with its place.
use super::ExprError;
use super::value::whole;
use crate::facts::{Bytes, Seconds};

/// A range of bytes of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start, end: other.end }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Name(String),
    Str(String),
    Int(i64),
    Float(f64),
    Duration(f64),
    Size(i64),
    Op(&'static str),
    End,
}

impl Token {
    pub fn describe(&self) -> String {
        match self {
            Token::Name(n) => format!("`{n}`"),
            Token::Str(s) => format!("{s:?}"),
            Token::Int(_) | Token::Float(_) => "a number".into(),
            Token::Duration(_) => "a duration".into(),
            Token::Size(_) => "a size".into(),
            Token::Op(o) => format!("`{o}`"),
            Token::End => "the end".into(),
        }
    }
}

/// Longest first, so that `<=` is not read as `<`.
const OPS: [&str; 18] =
    ["&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "(", ")", "[", "]", ","];

/// All tokens of `src`, ending in [`Token::End`].
pub fn tokens(src: &str) -> Result<Vec<(Token, Span)>, ExprError> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = src.get(at..).and_then(|s| s.chars().next()) {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (token, end) = match c {
            '"' | '\'' => string(src, at, c)?,
            '0'..='9' => number(src, at)?,
            c if c.is_ascii_alphabetic() || c == '_' => name(src, at)?,
            _ => operator(src, at, c)?,
        };
        out.push((token, Span { start: at, end }));
        at = end;
    }
    out.push((Token::End, Span { start: src.len(), end: src.len() }));
    Ok(out)
}

fn rest(src: &str, at: usize) -> &str {
    src.get(at..).unwrap_or("")
}

fn string(src: &str, at: usize, quote: char) -> Result<(Token, usize), ExprError> {
    let mut text = String::new();
    let mut chars = rest(src, at + 1).char_indices();
    while let Some((i, c)) = chars.next() {
        let here = at + 1 + i;
        if c == quote {
            return Ok((Token::Str(text), here + 1));
        }
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some((_, e @ ('\\' | '"' | '\''))) => text.push(e),
            Some((_, 'n')) => text.push('\n'),
            Some((_, 't')) => text.push('\t'),
            other => {
                let end = other.map_or(src.len(), |(j, c)| at + 1 + j + c.len_utf8());
                return Err(ExprError::at(Span { start: here, end }, "this escape is not known")
                    .hint(r#"known are \\ \" \' \n \t"#));
            }
        }
    }
    Err(ExprError::at(Span { start: at, end: src.len() }, "the text is not closed")
        .hint(format!("add {quote} where the text ends")))
}

fn number(src: &str, at: usize) -> Result<(Token, usize), ExprError> {
    let text = rest(src, at);
    let len = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_')).unwrap_or(text.len());
    let (word, end) = (text.get(..len).unwrap_or(text), at + len);
    let span = Span { start: at, end };
    if !word.contains(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return plain_number(word, span).map(|t| (t, end));
    }
    if let Some(seconds) = Seconds::parse(word).ok().map(|s| s.0).filter(|s| s.is_finite()) {
        return Ok((Token::Duration(seconds), end));
    }
    #[allow(clippy::cast_precision_loss)]
    if let Some(bytes) = Bytes::parse(word).ok().and_then(|b| whole(b.0 as f64)) {
        return Ok((Token::Size(bytes), end));
    }
    Err(ExprError::at(span, format!("`{word}` is neither a number nor a duration nor a size"))
        .hint("durations take ms, s, m, h, d; sizes take B, KB, MB, GB, TB, KiB, MiB, GiB, TiB; text is quoted"))
}

fn plain_number(word: &str, span: Span) -> Result<Token, ExprError> {
    if !word.contains('.') {
        return word.parse().map(Token::Int).map_err(|_| ExprError::at(span, "this number is too large"));
    }
    let well_formed = word.matches('.').count() == 1 && !word.ends_with('.');
    match word.parse::<f64>() {
        Ok(f) if well_formed && f.is_finite() => Ok(Token::Float(f)),
        _ => Err(ExprError::at(span, format!("`{word}` is not a number")).hint("a version is text: quote it")),
    }
}

fn name(src: &str, at: usize) -> Result<(Token, usize), ExprError> {
    let text = rest(src, at);
    let len = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(text.len());
    let word = text.get(..len).unwrap_or(text);
    let bad = word.split('.').any(|part| part.is_empty() || part.starts_with(|c: char| c.is_ascii_digit()));
    if bad {
        return Err(ExprError::at(Span { start: at, end: at + len }, format!("`{word}` is not a name"))
            .hint("a name is words of letters, digits and _ with single dots between them"));
    }
    Ok((Token::Name(word.to_string()), at + len))
}

fn operator(src: &str, at: usize, c: char) -> Result<(Token, usize), ExprError> {
    if let Some(op) = OPS.iter().find(|op| rest(src, at).starts_with(**op)) {
        return Ok((Token::Op(op), at + op.len()));
    }
    let span = Span { start: at, end: at + c.len_utf8() };
    let error = ExprError::at(span, format!("{c:?} has no meaning here"));
    Err(match c {
        '=' => error.hint("equality is `==`"),
        '&' => error.hint("and is `&&`"),
        '|' => error.hint("or is `||`"),
        '%' | '?' | ':' | '{' | '}' | '.' => {
            error.hint("the language has && || ! == != < <= > >= in + - * / and has()")
        }
        '\u{201c}' | '\u{201d}' | '\u{2018}' | '\u{2019}' => error.hint("text is quoted with \" or '"),
        _ => error,
    })
}
