//! Changing a configuration file's text. Everything not asked about stays byte for byte, line ends included.
use super::line::{quote, split_args, trim};
use super::names::canonical;
use std::ops::Range;

/// A directive and its words as one line, quoted where needed (the name of a module's setting may be anything), without a
/// line end.
#[must_use]
pub fn line(name: &str, args: &[impl AsRef<str>]) -> String {
    let quoted = |word: &str| String::from_utf8_lossy(&quote(word.as_bytes())).into_owned();
    std::iter::once(name).chain(args.iter().map(AsRef::as_ref)).map(quoted).collect::<Vec<_>>().join(" ")
}

/// Makes `name` have `args` in this text: changes its last occurrence, under whatever alias it is written, or appends a
/// line. Give it the file whose occurrence decides, and for a directive nobody sets the main file. For `save` the words
/// are all seconds and changes in effect afterwards; none, or one empty word, turns snapshots off.
#[must_use]
pub fn set(text: &[u8], name: &str, args: &[&str]) -> Vec<u8> {
    let wanted = canonical(name);
    let last = lines(text)
        .into_iter()
        .rev()
        .find(|span| directive(&text[span.clone()]).is_some_and(|written| canonical(&written) == wanted));
    let eol = line_end(text);
    match last {
        Some(span) => {
            let body = body(&text[span.clone()]);
            let written = directive(body).unwrap_or_else(|| name.to_owned());
            let mut out = text[..span.start].to_vec();
            out.extend(lines_for(&written, args).join(eol).into_bytes());
            out.extend(&text[span.start + body.len()..]);
            out
        }
        None => {
            let mut out = text.to_vec();
            if out.last().is_some_and(|byte| *byte != b'\n') {
                out.extend(eol.as_bytes());
            }
            out.extend(lines_for(name, args).join(eol).into_bytes());
            out.extend(eol.as_bytes());
            out
        }
    }
}

/// The lines that say it: one, except for save points, which are cleared first so that earlier ones don't add up.
fn lines_for(name: &str, args: &[&str]) -> Vec<String> {
    if !name.eq_ignore_ascii_case("save") {
        return vec![line(name, args)];
    }
    let clear = line(name, &[""]);
    let points = args.chunks(2).filter(|pair| pair.len() == 2).map(|pair| line(name, pair));
    std::iter::once(clear).chain(points).collect()
}

/// Turns one line (counted from 1) into a comment, below a comment that says why. None where that line does not read
/// like `shown`, as [`super::Problem::text`] tells it.
#[must_use]
pub fn comment_out(text: &[u8], number: usize, shown: &str, note: &str) -> Option<Vec<u8>> {
    let span = lines(text).into_iter().nth(number.checked_sub(1)?)?;
    let written = trim(&text[span.clone()]);
    if written.is_empty() || written[0] == b'#' || super::shown::shown(written) != shown {
        return None;
    }
    let mut out = text[..span.start].to_vec();
    out.extend(format!("# {}{}# ", one_line(note), line_end(text)).into_bytes());
    out.extend(&text[span.start..]);
    Some(out)
}

/// Adds lines at the end of the text, between two comments that name `marker`, so that [`remove_block`] gives back
/// exactly the text there was. Being last, they win over everything but the start command.
#[must_use]
pub fn append_block(text: &[u8], marker: &str, added: &[String]) -> Vec<u8> {
    let eol = line_end(text);
    let joined = text.last().is_some_and(|byte| *byte != b'\n');
    let mut out = text.to_vec();
    if joined {
        out.extend(eol.as_bytes());
    }
    let begin = begin_line(marker, joined);
    for line in [begin.as_str()].into_iter().chain(added.iter().map(String::as_str)).chain([end_line(marker).as_str()])
    {
        out.extend(line.as_bytes());
        out.extend(eol.as_bytes());
    }
    out
}

/// Takes out what [`append_block`] added. None if there is no complete block of that marker. Lines others wrote after
/// the block stay.
#[must_use]
pub fn remove_block(text: &[u8], marker: &str) -> Option<Vec<u8>> {
    let spans = lines(text);
    let is = |span: &Range<usize>, wanted: &str| trim(&text[span.clone()]) == wanted.as_bytes();
    let (first, joined) = spans.iter().enumerate().find_map(|(at, span)| {
        let joined = is(span, &begin_line(marker, true));
        (joined || is(span, &begin_line(marker, false))).then_some((at, joined))
    })?;
    let last = first + spans[first..].iter().position(|span| is(span, &end_line(marker)))?;
    let after = &text[spans[last].end..];
    let mut out = text[..spans[first].start].to_vec();
    if joined && after.is_empty() {
        out.pop();
        if out.last() == Some(&b'\r') && text[spans[first].clone()].ends_with(b"\r\n") {
            out.pop();
        }
    }
    out.extend(after);
    Some(out)
}

/// True if a complete or torn block of this marker is in the text.
#[must_use]
pub fn has_block(text: &[u8], marker: &str) -> bool {
    let begins = [begin_line(marker, true), begin_line(marker, false)];
    lines(text).into_iter().any(|span| begins.iter().any(|begin| trim(&text[span.clone()]) == begin.as_bytes()))
}

fn begin_line(marker: &str, joined: bool) -> String {
    let note = if joined { " (the line above had no line end)" } else { "" };
    format!("# begin {}{note}", one_line(marker))
}

fn end_line(marker: &str) -> String {
    format!("# end {}", one_line(marker))
}

fn one_line(marker: &str) -> String {
    marker.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Lines with their ends; the last may have none.
fn lines(text: &[u8]) -> Vec<Range<usize>> {
    let mut start = 0;
    text.split_inclusive(|byte| *byte == b'\n')
        .map(|line| {
            let span = start..start + line.len();
            start = span.end;
            span
        })
        .collect()
}

/// A line without its end.
fn body(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The name a line sets, as written; None for comments, blank lines and lines the server can't read.
fn directive(line: &[u8]) -> Option<String> {
    let line = trim(line);
    if line.first().is_none_or(|byte| *byte == b'#') || line.contains(&0) {
        return None;
    }
    let words = split_args(line).ok()?;
    String::from_utf8(words.first()?.clone()).ok()
}

/// The line end this text uses.
fn line_end(text: &[u8]) -> &'static str {
    match text.iter().position(|byte| *byte == b'\n') {
        Some(at) if at > 0 && text[at - 1] == b'\r' => "\r\n",
        _ => "\n",
    }
}
