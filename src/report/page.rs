//! The width of a page: lines that don't fit are broken between words, and go on below the text they belong to.
use std::fmt::Write as _;

/// How far right the text of a line may begin for its continuation to begin there too.
const MARGIN: usize = 40;

/// How wide a screen is, in columns; without a limit where nobody reads along (a file, a pipe).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Width(Option<usize>);

impl Width {
    /// So many columns, at least 40.
    #[must_use]
    pub fn columns(columns: usize) -> Self {
        Self(Some(columns.max(MARGIN)))
    }

    /// No limit.
    #[must_use]
    pub fn unlimited() -> Self {
        Self(None)
    }

    /// Columns left beside `taken`, at most `most`.
    #[must_use]
    pub(super) fn left(self, taken: usize, most: usize) -> usize {
        self.0.map_or(most, |all| all.saturating_sub(taken).min(most))
    }

    /// Breaks the lines of `text` that are longer.
    #[must_use]
    pub fn wrap(self, text: &str) -> String {
        let Some(columns) = self.0 else { return text.to_string() };
        let mut out = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            let bare = line.trim_end_matches('\n');
            if textwrap::core::display_width(bare) <= columns {
                out.push_str(line);
                continue;
            }
            let (head, column) = head(bare);
            let indent = " ".repeat(column);
            let options = textwrap::Options::new(columns)
                .initial_indent(&indent)
                .subsequent_indent(&indent)
                .word_separator(textwrap::WordSeparator::AsciiSpace)
                // a moment or a path broken at a hyphen can't be copied
                .word_splitter(textwrap::WordSplitter::NoHyphenation);
            let wrapped = textwrap::fill(&bare[head..], options);
            let head = &bare[..head];
            let _ = write!(out, "{head}{}", wrapped.get(indent.len()..).unwrap_or_default());
            out.push_str(&line[bare.len()..]);
        }
        out
    }
}

/// Where the text of a line begins, as bytes and as columns: behind the last gap of two or more blanks within the margin.
/// All screens part their columns by such gaps, so what goes on in the next line stands below what it goes on with.
fn head(line: &str) -> (usize, usize) {
    let (mut found, mut column, mut blanks, mut escaped) = ((0, 0), 0, 0, false);
    for (at, c) in line.char_indices() {
        match c {
            '\u{1b}' => escaped = true,
            'm' if escaped => escaped = false,
            _ if escaped => {}
            _ => {
                if c != ' ' && blanks >= 2 {
                    found = (at, column);
                }
                blanks = if c == ' ' { blanks + 1 } else { 0 };
                column += textwrap::core::display_width(c.encode_utf8(&mut [0; 4]));
            }
        }
        if column >= MARGIN {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_goes_on_below_its_own_text() {
        let text = "  2  cut     Replace the AOF by a copy that ends at the last safe boundary\nshort\n";
        let narrow = "  2  cut     Replace the AOF by a copy\n             that ends at the last safe\n             boundary\nshort\n";
        assert_eq!(Width::columns(40).wrap(text), narrow);
        assert_eq!(Width::unlimited().wrap(text), text);
    }

    #[test]
    fn words_longer_than_the_page_are_broken_and_nothing_is_lost() {
        let text = format!("hint: {}\n", "x".repeat(100));
        let wrapped = Width::columns(40).wrap(&text);
        assert!(wrapped.lines().all(|l| l.len() <= 40), "{wrapped}");
        assert_eq!(wrapped.matches('x').count(), 100);
    }

    #[test]
    fn colours_take_no_room() {
        let text = "  \u{1b}[31mCRITICAL\u{1b}[0m  server.not_running  gone\n";
        assert_eq!(Width::columns(40).wrap(text), text);
        let text = "  \u{1b}[31mMAJOR\u{1b}[0m  the disk has no room left for anything\n";
        let wrapped = "  \u{1b}[31mMAJOR\u{1b}[0m  the disk has no room left for\n         anything\n";
        assert_eq!(Width::columns(40).wrap(text), wrapped);
    }
}
