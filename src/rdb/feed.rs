//! Where a walk's bytes come from: chunks in order, each with the checksum of everything before it.
//!
//! The checksum covers the bytes up to the EOF opcode, and only the walk learns where that is. So each chunk brings
//! the sum before it, and the walk adds the part of the last chunk it needs.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender};

use crc_fast::{CrcParams, Digest};

/// Large enough for few hand-overs, small enough for a core's own cache.
pub(super) const CHUNK: usize = 256 * 1024;

/// CRC-64 as RDB uses it ("Jones"), polynomial 0xad93d23594c935a9, reflected, no initial value, no final xor.
pub(super) fn digest() -> Digest {
    Digest::new_with_params(CrcParams::new(
        "CRC-64/REDIS",
        64,
        0xad93_d235_94c9_35a9,
        0,
        true,
        0,
        0xe9c6_d914_c4b8_d9ca,
    ))
}

/// A piece of the file.
pub(super) struct Chunk {
    bytes: Box<[u8]>,
    len: usize,
    /// The checksum of everything before this piece.
    before: Digest,
}

impl Chunk {
    /// An empty piece whose buffer a feed will fill. `room` is bounded by [`CHUNK`].
    pub(super) fn empty(room: u64) -> Self {
        let room = usize::try_from(room).unwrap_or(CHUNK).clamp(4096, CHUNK);
        Chunk { bytes: vec![0; room].into_boxed_slice(), len: 0, before: digest() }
    }

    /// Takes the buffer out and leaves a piece without any.
    pub(super) fn take(&mut self) -> Chunk {
        let left = Chunk { bytes: Box::default(), len: 0, before: self.before };
        std::mem::replace(self, left)
    }

    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The checksum of the file up to `pos` in this piece.
    pub(super) fn sum_to(&self, pos: usize) -> u64 {
        let mut digest = self.before;
        digest.update(self.bytes().get(..pos).unwrap_or_default());
        digest.finalize()
    }
}

/// Gives the file's pieces in order and takes used ones back.
pub(super) trait Feed {
    /// The next piece; an empty one is the end of the file.
    fn next(&mut self, used: Chunk) -> io::Result<Chunk>;
}

/// Fills pieces.
struct Filling<R> {
    reader: R,
    failed: Option<io::Error>,
}

impl<R: Read> Filling<R> {
    fn fill(&mut self, mut chunk: Chunk) -> io::Result<Chunk> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        chunk.len = 0;
        while let Some(room) = chunk.bytes.get_mut(chunk.len..).filter(|room| !room.is_empty()) {
            match self.reader.read(room) {
                Ok(0) => break,
                Ok(n) => chunk.len = (chunk.len + n).min(chunk.bytes.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if chunk.len == 0 => return Err(error),
                // What was read before the error is walked first: the file may be damaged before it is unreadable.
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        Ok(chunk)
    }
}

/// Sums pieces, in their order.
struct Summing(Digest);

impl Summing {
    fn sum(&mut self, chunk: &mut Chunk) {
        chunk.before = self.0;
        self.0.update(chunk.bytes());
    }
}

/// Reads and sums on the walking thread.
pub(super) struct Inline<R> {
    filling: Filling<R>,
    summing: Summing,
}

impl<R: Read> Inline<R> {
    pub(super) fn new(reader: R) -> Self {
        Inline { filling: Filling { reader, failed: None }, summing: Summing(digest()) }
    }

    pub(super) fn into_reader(self) -> R {
        self.filling.reader
    }
}

impl<R: Read> Feed for Inline<R> {
    fn next(&mut self, chunk: Chunk) -> io::Result<Chunk> {
        let mut chunk = self.filling.fill(chunk)?;
        self.summing.sum(&mut chunk);
        Ok(chunk)
    }
}

/// Takes the pieces another thread reads, and sums them: that goes through a piece from its beginning to its end, which
/// brings it into the cache of the core that walks it far faster than the walk would, from key to key.
pub(super) struct Beside {
    full: Receiver<io::Result<Chunk>>,
    used: SyncSender<Chunk>,
    summing: Summing,
}

impl Beside {
    pub(super) fn new(full: Receiver<io::Result<Chunk>>, used: SyncSender<Chunk>) -> Self {
        Beside { full, used, summing: Summing(digest()) }
    }
}

impl Feed for Beside {
    fn next(&mut self, chunk: Chunk) -> io::Result<Chunk> {
        // A reader that is gone has sent its last piece or its error before.
        let _ = self.used.send(chunk);
        let ended = |_| Err(io::Error::other("the reading thread ended early"));
        let mut chunk = self.full.recv().unwrap_or_else(ended)?;
        self.summing.sum(&mut chunk);
        Ok(chunk)
    }
}

/// The reading side of [`Beside`]: until the end, an error, or a walk that wants no more.
pub(super) fn pump<R: Read>(reader: R, used: &Receiver<Chunk>, full: &SyncSender<io::Result<Chunk>>) {
    let mut filling = Filling { reader, failed: None };
    while let Ok(chunk) = used.recv() {
        let next = filling.fill(chunk);
        let last = next.as_ref().map_or(true, |chunk| chunk.len == 0);
        if full.send(next).is_err() || last {
            return;
        }
    }
}
