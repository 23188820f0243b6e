//! One command in a slice of bytes.

/// More words than this no server reads (`atoi` into an int).
pub(super) const MOST_WORDS: u64 = i32::MAX as u64;
/// Longer words no server writes: `proto-max-bulk-len` is 512 MiB, and some raise it.
pub(super) const LONGEST_WORD: u64 = 4 << 30;
/// Longest `#` line, newline included (`AOF_ANNOTATION_LINE_MAX_LEN` less the NUL).
pub(super) const LONGEST_ANNOTATION: usize = 1023;

/// What stands at a place.
pub(super) enum Frame {
    /// A command that ends before `end`, and where its first words are.
    Command { end: usize, words: Words },
    /// The slice ends within it.
    Short,
    /// Not a command. [`super::walk`] goes over it again byte by byte and says why.
    Bad,
}

/// Words whose places are kept: the name, and the first key wherever it stands.
pub(super) const KEPT: usize = 4;

/// Where the first words of a command begin and end; those that it does not have are empty.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Words {
    at: [(usize, usize); KEPT],
    count: usize,
}

impl Words {
    #[inline]
    pub(super) fn name<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let [(from, to), ..] = self.at;
        bytes.get(from..to)
    }

    /// The words themselves.
    #[inline]
    pub(super) fn of<'a>(&self, bytes: &'a [u8]) -> FirstWords<'a> {
        FirstWords { words: self.at.map(|(from, to)| bytes.get(from..to).unwrap_or_default()), count: self.count }
    }
}

/// The first words of a command.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::aof) struct FirstWords<'a> {
    words: [&'a [u8]; KEPT],
    count: usize,
}

impl<'a> FirstWords<'a> {
    /// Those of a command that may end within its bytes.
    pub(super) fn read(bytes: &'a [u8]) -> Self {
        let mut first = Self::default();
        for (slot, word) in first.words.iter_mut().zip(super::text::each_word(bytes)) {
            *slot = word;
            first.count += 1;
        }
        first
    }

    /// One of them, the name being the first.
    #[inline]
    pub(in crate::aof) fn get(&self, place: usize) -> Option<&'a [u8]> {
        self.words.get(place).copied().filter(|_| place < self.count)
    }
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
    let mut first = Words { count: KEPT.min(words as usize), ..Words::default() };
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
        if let Some(slot) = first.at.get_mut(index as usize) {
            *slot = (start, end);
        }
        at = end + 2;
    }
    Frame::Command { end: at, words: first }
}

#[inline(always)]
fn number(bytes: &[u8], start: usize, most: u64) -> Number {
    let digit = |byte: &u8| u64::from(byte - b'0');
    // What nearly all numbers are: they are short, and smaller than any limit.
    match bytes.get(start..) {
        Some([a @ b'0'..=b'9', b'\r', b'\n', ..]) => Number::Is(digit(a), start + 3),
        Some([a @ b'0'..=b'9', b @ b'0'..=b'9', b'\r', b'\n', ..]) => Number::Is(digit(a) * 10 + digit(b), start + 4),
        Some([a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b'\r', b'\n', ..]) => {
            Number::Is(digit(a) * 100 + digit(b) * 10 + digit(c), start + 5)
        }
        _ => any_number(bytes, start, most),
    }
}

#[inline(never)]
fn any_number(bytes: &[u8], start: usize, most: u64) -> Number {
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
