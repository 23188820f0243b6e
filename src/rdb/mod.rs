//! RDB: a streaming walker. Bytes in, facts out: which server wrote a file, how many keys of which type lie in which
//! database, whether its structure and its checksum are right, and which servers can load it.
//!
//! Nothing is allocated per key, nothing because a length in the file asks for it, and a file is never held in memory.
//! Types and opcodes were checked against the files of Redis 6.0 to 8.0 and Valkey 8.0 to 9.1.

mod cursor;
mod decimal;
mod encoded;
mod feed;
mod loadable;
mod lzf;
mod meaning;
mod opcode;
mod report;
mod stream;
#[cfg(test)]
mod tests;
mod value;
mod visitor;
mod walker;
mod writer;

use std::io::{Chain, Cursor as Bytes, Read};
use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;

use cursor::Cursor;
use feed::{Beside, CHUNK, Chunk, Inline};
use visitor::{Nobody, Visitor};
use walker::Walker;

pub use loadable::{Flavour, Loadable, ServerVersion, loadable};
pub use meaning::{Meaning, Parts, Secret, StreamId, of_dump};
pub use report::{Announced, Checksum, DbCount, Kind, Magic, PARTIAL, Report, Verdict};
pub use visitor::KeyMeta;
pub use writer::Writer;

/// How to walk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WalkOptions {
    /// The moment against which expiries are judged, Unix milliseconds.
    pub now_ms: i64,
    /// Look for nothing after the checksum: commands follow an RDB preamble, so bytes there are no `trailing`.
    pub stop_at_eof_opcode: bool,
    /// Also unpack compressed strings and walk packed collections. Slower; finds damage a file saved with
    /// `rdbchecksum no` would hide. It does not look for members that occur twice or pending entries nobody owns, which
    /// a server also refuses: those never pass a good checksum.
    pub deep: bool,
}

/// Below this a second thread costs more than it saves.
const SMALL: u64 = 1 << 20;
/// Buffers going round between the reading and the walking thread.
const BUFFERS: usize = 4;

/// A place inside a file, from which its records can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The family of the file's header.
    pub magic: Magic,
    /// The version of the file's header.
    pub version: u32,
    /// Bytes from the start of the file.
    pub offset: u64,
    /// The database of the keys from here on.
    pub db: u64,
}

/// What follows an RDB preamble: bytes already read, then the reader.
pub type Rest<R> = Chain<Bytes<Vec<u8>>, R>;

/// Walks an RDB file. Another thread reads while this one sums and walks, unless `len_hint` (the length in bytes, where
/// known) says it is small. `progress` is called with the offset every quarter of a MiB.
///
/// Never fails: an error of the reader is the verdict `Unreadable`.
pub fn walk<R: Read + Send>(
    reader: R,
    len_hint: Option<u64>,
    opts: &WalkOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Report {
    walk_with(reader, len_hint, opts, progress, Nobody)
}

/// As [`walk`], and shows each key to `visit`, as [`for_each_key`] does.
pub fn walk_keys<R: Read + Send>(
    reader: R,
    len_hint: Option<u64>,
    opts: &WalkOptions,
    progress: &(dyn Fn(u64) + Sync),
    visit: &mut dyn FnMut(&KeyMeta<'_>) -> ControlFlow<()>,
) -> Report {
    walk_with(reader, len_hint, opts, progress, visit)
}

/// What [`walk_meanings`] shows.
#[derive(Debug)]
pub enum Met<'a> {
    /// A key, with the meaning of its value.
    Key(&'a KeyMeta<'a>, Meaning),
    /// The code of a library of functions.
    Library(&'a [u8]),
    /// Data of a module that belongs to no key, as the module wrote it.
    ModuleData {
        /// Where its record begins.
        offset: u64,
        /// Bytes of the record.
        bytes: u64,
    },
}

/// As [`walk_keys`], and reads every value whole and tells what it means. Much slower than a walk that reads over them. A
/// value that can't be read is damage, as in a deep walk.
pub fn walk_meanings<R: Read + Send>(
    reader: R,
    len_hint: Option<u64>,
    opts: &WalkOptions,
    progress: &(dyn Fn(u64) + Sync),
    visit: &mut dyn FnMut(Met<'_>) -> ControlFlow<()>,
) -> Report {
    walk_with(reader, len_hint, opts, progress, meaning::Telling::all(visit))
}

/// As [`walk_meanings`] for some of the keys, and far faster: the meanings are keyed with `secret`, and can be compared with
/// nothing else. `wants` is asked before each value, in the order of the file; those not wanted are not shown.
pub fn walk_some_meanings<R: Read + Send>(
    reader: R,
    len_hint: Option<u64>,
    opts: &WalkOptions,
    secret: &Secret,
    progress: &(dyn Fn(u64) + Sync),
    wants: &mut dyn FnMut() -> bool,
    visit: &mut dyn FnMut(Met<'_>) -> ControlFlow<()>,
) -> Report {
    let telling = meaning::Telling { visit, secret: Some(secret), wants: Some(wants) };
    walk_with(reader, len_hint, opts, progress, telling)
}

/// What [`walk_stored`] shows.
#[derive(Debug)]
pub enum Stored<'a> {
    /// A key, with a digest of its value as it is stored. Where two have the same, the values are the same; where they have
    /// not, only the meanings tell.
    Key(&'a KeyMeta<'a>, u128),
    /// The code of a library of functions.
    Library(&'a [u8]),
}

/// As [`walk_keys`], and tells how each value is stored.
pub fn walk_stored<R: Read + Send>(
    reader: R,
    len_hint: Option<u64>,
    opts: &WalkOptions,
    secret: &Secret,
    progress: &(dyn Fn(u64) + Sync),
    visit: &mut dyn FnMut(Stored<'_>) -> ControlFlow<()>,
) -> Report {
    walk_with(reader, len_hint, opts, progress, meaning::Storing { visit, secret })
}

/// Walks the records from a place inside a file, which the reader begins at, as [`walk_meanings`] does, up to an end mark:
/// then the verdict is `Intact`, whatever follows. At most `room` bytes are read ahead.
pub fn walk_from<R: Read>(
    reader: R,
    place: Place,
    opts: &WalkOptions,
    room: u64,
    visit: &mut dyn FnMut(Met<'_>) -> ControlFlow<()>,
) -> Report {
    let cursor = Cursor::new(Inline::new(reader), Chunk::empty(room), &|_| {}).at(place.offset);
    Walker::new(cursor, opts, meaning::Telling::all(visit)).records_from(place)
}

/// What a file says of itself before its first key: header and AUX fields. The verdict is of no use.
pub fn walk_head<R: Read>(reader: R, opts: &WalkOptions) -> Report {
    for_each_key(reader, opts, &mut |_| ControlFlow::Break(()))
}

fn walk_with<R: Read + Send, V: Visitor>(
    reader: R,
    len_hint: Option<u64>,
    opts: &WalkOptions,
    progress: &(dyn Fn(u64) + Sync),
    visitor: V,
) -> Report {
    if let Some(len) = len_hint.filter(|len| *len < SMALL) {
        // One byte more than the file, so that its end is seen at the first read.
        let cursor = Cursor::new(Inline::new(reader), Chunk::empty(len + 1), &progress);
        return Walker::new(cursor, opts, visitor).run().0;
    }
    std::thread::scope(|scope| {
        let (used_to, used) = sync_channel(BUFFERS);
        let (full_to, full) = sync_channel(BUFFERS);
        scope.spawn(move || feed::pump(reader, &used, &full_to));
        for _ in 1..BUFFERS {
            // The channel holds them all; a failure would mean the thread is gone, which the walk reports.
            let _ = used_to.send(Chunk::empty(CHUNK as u64));
        }
        let cursor = Cursor::new(Beside::new(full, used_to), Chunk::empty(CHUNK as u64), &progress);
        Walker::new(cursor, opts, visitor).run().0
    })
}

/// Walks the RDB preamble of an AOF on this thread and gives back what follows it. With an intact preamble the rest
/// begins right after the checksum (`Report::bytes`).
pub fn walk_preamble<R: Read>(reader: R, opts: &WalkOptions, progress: &dyn Fn(u64)) -> (Report, Rest<R>) {
    preamble_with(reader, opts, progress, Nobody)
}

/// As [`walk_preamble`], and shows each key to `visit`, as [`for_each_key`] does.
pub fn preamble_keys<R: Read>(
    reader: R,
    opts: &WalkOptions,
    progress: &dyn Fn(u64),
    visit: &mut dyn FnMut(&KeyMeta<'_>) -> ControlFlow<()>,
) -> (Report, Rest<R>) {
    preamble_with(reader, opts, progress, visit)
}

fn preamble_with<R: Read, V: Visitor>(
    reader: R,
    opts: &WalkOptions,
    progress: &dyn Fn(u64),
    visitor: V,
) -> (Report, Rest<R>) {
    let opts = WalkOptions { stop_at_eof_opcode: true, ..opts.clone() };
    let cursor = Cursor::new(Inline::new(reader), Chunk::empty(CHUNK as u64), progress);
    let (report, cursor) = Walker::new(cursor, &opts, visitor).run();
    let (feed, rest) = cursor.into_rest();
    (report, Bytes::new(rest).chain(feed.into_reader()))
}

/// Walks a file and shows each key to `visit`, in the order of the file, until it breaks off. A key is shown after its
/// value was read whole, so the last of a file cut off is not shown.
pub fn for_each_key<R: Read>(
    reader: R,
    opts: &WalkOptions,
    visit: &mut dyn FnMut(&KeyMeta<'_>) -> ControlFlow<()>,
) -> Report {
    let cursor = Cursor::new(Inline::new(reader), Chunk::empty(CHUNK as u64), &|_| {});
    Walker::new(cursor, opts, visit).run().0
}
