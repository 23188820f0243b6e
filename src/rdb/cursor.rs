//! Reads numbers, lengths and strings from a feed, across the seams between its chunks.

use std::io;

use super::feed::{Chunk, Feed};
use super::meaning::{Long, Secret};

/// Why a walk ended before the end of the file.
#[derive(Debug)]
pub(super) enum Stop {
    /// The bytes ran out.
    Short,
    /// The reader failed.
    Io(io::Error),
    /// Something impossible at an offset.
    Bad(u64, String),
    /// Something only a newer writer could mean.
    Unknown(String),
    /// The visitor wants no more.
    Halted,
}

/// The result of reading something. Boxed, so that the good case stays in registers.
pub(super) type Step<T> = Result<T, Box<Stop>>;

/// The head of a string; its bytes come next.
#[derive(Debug, Clone, Copy)]
pub(super) enum Text {
    /// So many bytes as they are.
    Plain(u64),
    /// An integer; nothing comes next.
    Int(i64),
    /// Compressed bytes and the length they unpack to.
    Lzf { packed: u64, len: u64 },
}

/// A place in the file.
pub(super) struct Cursor<'p, F> {
    feed: F,
    chunk: Chunk,
    pos: usize,
    /// The offset in the file of the chunk's first byte.
    start: u64,
    progress: &'p dyn Fn(u64),
    tap: Option<Tap>,
}

/// What is digested as it is read.
struct Tap {
    /// Where in the chunk that begins.
    from: usize,
    /// The digest of what is in chunks before.
    long: Option<Long>,
    secret: Secret,
}

impl<'p, F: Feed> Cursor<'p, F> {
    pub(super) fn new(feed: F, first: Chunk, progress: &'p dyn Fn(u64)) -> Self {
        Cursor { feed, chunk: first, pos: 0, start: 0, progress, tap: None }
    }

    /// The feed begins at an offset of the file.
    pub(super) fn at(self, start: u64) -> Self {
        Cursor { start, ..self }
    }

    /// What is read from here on is digested, up to [`Cursor::tapped`].
    #[inline]
    pub(super) fn tap(&mut self, secret: &Secret) {
        match &mut self.tap {
            Some(tap) => (tap.from, tap.long) = (self.pos, None),
            None => self.tap = Some(Tap { from: self.pos, long: None, secret: secret.clone() }),
        }
    }

    /// The digest of what was read since the tap.
    #[inline]
    pub(super) fn tapped(&mut self) -> u128 {
        let Some(tap) = &mut self.tap else { return 0 };
        let last = self.chunk.bytes().get(tap.from..self.pos).unwrap_or_default();
        match tap.long.take() {
            None => tap.secret.digest(last),
            Some(long) => long.end(last),
        }
    }

    /// Bytes read so far.
    pub(super) fn offset(&self) -> u64 {
        self.start + self.pos as u64
    }

    /// The checksum of everything read so far.
    pub(super) fn sum(&self) -> u64 {
        self.chunk.sum_to(self.pos)
    }

    /// The feed, and the bytes it gave that were not walked.
    pub(super) fn into_rest(self) -> (F, Vec<u8>) {
        let rest = self.chunk.bytes().get(self.pos..).unwrap_or_default().to_vec();
        (self.feed, rest)
    }

    /// The next `n` bytes, where they lie whole in the chunk at hand; then they are read.
    #[inline]
    pub(super) fn here(&mut self, n: u64) -> Option<&[u8]> {
        let end = self.pos.checked_add(usize::try_from(n).ok()?)?;
        let bytes = self.chunk.bytes().get(self.pos..end)?;
        self.pos = end;
        Some(bytes)
    }

    /// Reads over strings that are not compressed, at most `n` of them and `behind` bytes after each, as far as they lie whole
    /// in the chunk at hand. Tells how many are left.
    #[inline]
    pub(super) fn skip_short(&mut self, mut n: u64, behind: usize) -> u64 {
        let bytes = self.chunk.bytes();
        let mut at = self.pos;
        while n > 0 {
            let (head, len) = match bytes.get(at..) {
                Some([short @ 0..=0x3f, ..]) => (1, usize::from(*short)),
                Some([high @ 0x40..=0x7f, low, ..]) => (2, usize::from(high & 0x3f) << 8 | usize::from(*low)),
                Some([integer @ 0xc0..=0xc2, ..]) => (1, 1 << (integer & 3)),
                _ => break,
            };
            let next = at + head + len + behind;
            if next > bytes.len() {
                break;
            }
            (at, n) = (next, n - 1);
        }
        self.pos = at;
        n
    }

    #[inline]
    fn ahead(&self) -> &[u8] {
        self.chunk.bytes().get(self.pos..).unwrap_or_default()
    }

    /// The next chunk; false at the end of the file. Only when the current one is used up.
    #[cold]
    fn refill(&mut self) -> Step<bool> {
        if let Some(tap) = &mut self.tap {
            let piece = self.chunk.bytes().get(tap.from..self.pos).unwrap_or_default();
            tap.long.get_or_insert_with(|| Long::keyed(&tap.secret)).update(piece);
            tap.from = 0;
        }
        self.start += self.pos as u64;
        self.pos = 0;
        let used = self.chunk.take();
        self.chunk = self.feed.next(used).map_err(|error| Box::new(Stop::Io(error)))?;
        (self.progress)(self.start);
        Ok(!self.chunk.bytes().is_empty())
    }

    /// At the end of the file?
    pub(super) fn at_end(&mut self) -> Step<bool> {
        Ok(self.ahead().is_empty() && !self.refill()?)
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Step<u8> {
        if let Some(&byte) = self.chunk.bytes().get(self.pos) {
            self.pos += 1;
            return Ok(byte);
        }
        self.byte_over_seam()
    }

    #[cold]
    fn byte_over_seam(&mut self) -> Step<u8> {
        if !self.refill()? {
            return Err(Box::new(Stop::Short));
        }
        self.byte()
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Step<[u8; N]> {
        if let Some(bytes) = self.ahead().first_chunk::<N>() {
            let bytes = *bytes;
            self.pos += N;
            return Ok(bytes);
        }
        let mut bytes = [0; N];
        for slot in &mut bytes {
            *slot = self.byte()?;
        }
        Ok(bytes)
    }

    #[inline]
    pub(super) fn skip(&mut self, n: u64) -> Step<()> {
        if n <= self.ahead().len() as u64 {
            self.pos += n as usize;
            return Ok(());
        }
        self.skip_over_seam(n)
    }

    #[cold]
    fn skip_over_seam(&mut self, mut n: u64) -> Step<()> {
        loop {
            let here = self.ahead().len() as u64;
            if n <= here {
                self.pos += n as usize;
                return Ok(());
            }
            n -= here;
            self.pos += here as usize;
            if !self.refill()? {
                return Err(Box::new(Stop::Short));
            }
        }
    }

    /// Appends the next `n` bytes to `sink`, which grows only as bytes really arrive.
    #[inline]
    pub(super) fn append(&mut self, n: u64, sink: &mut Vec<u8>) -> Step<()> {
        if let Some(bytes) = self.here(n) {
            sink.extend_from_slice(bytes);
            return Ok(());
        }
        self.pieces(n, |piece| sink.extend_from_slice(piece))
    }

    /// Shows the next `n` bytes, piece by piece.
    pub(super) fn pieces(&mut self, mut n: u64, mut show: impl FnMut(&[u8])) -> Step<()> {
        loop {
            let ahead = self.ahead();
            let take = n.min(ahead.len() as u64) as usize;
            show(ahead.get(..take).unwrap_or_default());
            self.pos += take;
            n -= take as u64;
            if n == 0 {
                return Ok(());
            }
            if !self.refill()? {
                return Err(Box::new(Stop::Short));
            }
        }
    }

    #[cold]
    pub(super) fn bad<T>(&self, because: impl Into<String>) -> Step<T> {
        self.bad_at(self.offset(), because)
    }

    #[cold]
    pub(super) fn bad_at<T>(&self, offset: u64, because: impl Into<String>) -> Step<T> {
        Err(Box::new(Stop::Bad(offset, because.into())))
    }

    /// A length, or the number of a string encoding (second is true).
    #[inline]
    fn length_or_encoding(&mut self) -> Step<(u64, bool)> {
        let first = self.byte()?;
        match first >> 6 {
            0 => Ok((u64::from(first), false)),
            1 => Ok((u64::from(first & 0x3f) << 8 | u64::from(self.byte()?), false)),
            3 => Ok((u64::from(first & 0x3f), true)),
            _ => self.long_length(first),
        }
    }

    fn long_length(&mut self, first: u8) -> Step<(u64, bool)> {
        match first {
            0x80 => Ok((u64::from(u32::from_be_bytes(self.array()?)), false)),
            0x81 => Ok((u64::from_be_bytes(self.array()?), false)),
            _ => self.bad(format!("0x{first:02x} does not begin a length")),
        }
    }

    /// A length or a plain number.
    #[inline]
    pub(super) fn number(&mut self) -> Step<u64> {
        match self.length_or_encoding()? {
            (n, false) => Ok(n),
            (_, true) => self.bad("a string encoding where a number belongs"),
        }
    }

    /// The head of a string.
    #[inline]
    pub(super) fn text(&mut self) -> Step<Text> {
        if let Some(&short @ 0..=0x3f) = self.chunk.bytes().get(self.pos) {
            self.pos += 1;
            return Ok(Text::Plain(u64::from(short)));
        }
        match self.length_or_encoding()? {
            (n, false) => Ok(Text::Plain(n)),
            (encoding, true) => self.encoded_text(encoding),
        }
    }

    fn encoded_text(&mut self, encoding: u64) -> Step<Text> {
        match encoding {
            0 => Ok(Text::Int(i64::from(i8::from_le_bytes(self.array()?)))),
            1 => Ok(Text::Int(i64::from(i16::from_le_bytes(self.array()?)))),
            2 => Ok(Text::Int(i64::from(i32::from_le_bytes(self.array()?)))),
            3 => {
                let (packed, len) = (self.number()?, self.number()?);
                // Three bytes of LZF unpack to at most 264: more is an allocation bomb, not data.
                if packed == 0 || len == 0 || len / 88 > packed {
                    return self.bad(format!("{packed} compressed bytes cannot unpack to {len}"));
                }
                Ok(Text::Lzf { packed, len })
            }
            other => self.bad(format!("string encoding {other} does not exist")),
        }
    }

    /// Reads over the string whose head was read.
    #[inline]
    pub(super) fn skip_text(&mut self, text: Text) -> Step<()> {
        match text {
            Text::Plain(n) => self.skip(n),
            Text::Int(_) => Ok(()),
            Text::Lzf { packed, .. } => self.skip(packed),
        }
    }
}
