//! Who else looks at what a walk over an AOF reads, beside the verdict: notes of single keys and statistics. The
//! verdict does not wait for a witness that is not there.
use super::resp::FirstWords;
use crate::rdb::KeyMeta;

/// Is shown every file, key of a base and command of one walk, in their order.
pub trait Witness: std::fmt::Debug {
    /// A file begins.
    fn file(&mut self, name: &str);
    /// A key of an RDB base.
    fn key(&mut self, key: &KeyMeta<'_>);
    /// A complete command.
    fn command(&mut self, command: &Shown<'_>);
}

/// A complete command, where it stands, and what was around it.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// Offset of its first byte in the file.
    pub start: u64,
    /// Offset of the byte after it.
    pub end: u64,
    /// Its bytes; of a long one that lies across buffers only the first.
    pub bytes: &'a [u8],
    /// The `#TS:` annotation it stands under, unix seconds.
    pub ts: Option<i64>,
    /// The database that was selected before it.
    pub db: u32,
    /// Its first words, as they were found when it was read.
    pub(in crate::aof) first: FirstWords<'a>,
}

impl<'a> Shown<'a> {
    /// Are all its bytes at hand?
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.end - self.start
    }

    /// One of its first four words, the name being word 0; none where it has fewer, or not all of it is at hand.
    #[must_use]
    #[inline]
    pub fn word(&self, place: usize) -> Option<&'a [u8]> {
        self.first.get(place)
    }

    /// Its words, as far as they are whole in the bytes at hand.
    pub fn words(&self) -> impl Iterator<Item = &'a [u8]> {
        super::resp::words(self.bytes)
    }

    /// As text to look at: control characters escaped, long words cut short.
    #[must_use]
    pub fn text(&self) -> String {
        super::resp::command_text(self.bytes)
    }
}
