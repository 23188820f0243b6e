//! One command in a slice of bytes.

/// More words than this no server reads (`atoi` into an int).
pub(super) const MOST_WORDS: u64 = i32::MAX as u64;
/// Longer words no server writes: `proto-max-bulk-len` is 512 MiB, and some raise it.
pub(super) const LONGEST_WORD: u64 = 4 << 30;
/// Longest `#` line, newline included (`AOF_ANNOTATION_LINE_MAX_LEN` less the NUL).
pub(super) const LONGEST_ANNOTATION: usize = 1023;

/// What stands at a place.
pub(super) enum Frame {
    /// A command that ends before `end`; its name is `name`.
    Command { end: usize, name: (usize, usize) },
    /// The slice ends within it.
    Short,
    /// Not a command. [`super::walk`] goes over it again byte by byte and says why.
    Bad,
}

/// What had to stand at a place instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    Star,
    Dollar,
    Digit,
    Cr,
    Lf,
    /// The number is above what a server writes, or a command of no words.
    SaneNumber,
    /// A `#` line no longer than the server reads.
    ShortLine,
}

impl Want {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Star => "a command (`*`)",
            Self::Dollar => "the length of a word (`$`)",
            Self::Digit => "a digit",
            Self::Cr | Self::Lf => "the end of a line or word (CR LF)",
            Self::SaneNumber => "a number that a server could have written",
            Self::ShortLine => "the end of a `#` line",
        }
    }
}

enum Number {
    Is(u64, usize),
    Short,
    Bad,
}

/// Reads the command at `at`, which holds a `*`.
#[inline]
pub(super) fn command(bytes: &[u8], at: usize) -> Frame {
    let (words, mut at) = match number(bytes, at + 1, MOST_WORDS) {
        Number::Is(0, _) => return Frame::Bad,
        Number::Is(words, next) => (words, next),
        Number::Short => return Frame::Short,
        Number::Bad => return Frame::Bad,
    };
    let mut name = (0, 0);
    for index in 0..words {
        match bytes.get(at) {
            Some(b'$') => {}
            Some(_) => return Frame::Bad,
            None => return Frame::Short,
        }
        let (length, start) = match number(bytes, at + 1, LONGEST_WORD) {
            Number::Is(length, next) => (length, next),
            Number::Short => return Frame::Short,
            Number::Bad => return Frame::Bad,
        };
        let Some(end) = usize::try_from(length).ok().and_then(|n| start.checked_add(n)) else {
            return Frame::Short;
        };
        match bytes.get(end..end.saturating_add(2)) {
            Some(b"\r\n") => {}
            Some(_) => return Frame::Bad,
            None => return Frame::Short,
        }
        if index == 0 {
            name = (start, end);
        }
        at = end + 2;
    }
    Frame::Command { end: at, name }
}

#[inline]
fn number(bytes: &[u8], start: usize, most: u64) -> Number {
    let mut value = 0_u64;
    let mut at = start;
    loop {
        match bytes.get(at) {
            Some(digit @ b'0'..=b'9') => {
                value = value * 10 + u64::from(digit - b'0');
                if value > most {
                    return Number::Bad;
                }
                at += 1;
            }
            Some(b'\r') if at > start => break,
            Some(_) => return Number::Bad,
            None => return Number::Short,
        }
    }
    match bytes.get(at + 1) {
        Some(b'\n') => Number::Is(value, at + 2),
        Some(_) => Number::Bad,
        None => Number::Short,
    }
}
