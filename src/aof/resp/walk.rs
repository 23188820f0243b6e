//! The walk: framing of every command, and what the few that matter mean.
use std::cell::RefCell;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use super::chunks::{self, Chunks, Direct, Fed};
use super::frame::{self, FirstWords, Frame, LONGEST_ANNOTATION, LONGEST_WORD, MOST_WORDS, Want};
use super::report::{CommandsReport, End};
use super::tally::Tally;
use super::until::Until;
use crate::aof::notes::VALUE_BYTES;
use crate::aof::witness::Witness;

/// How to walk.
#[derive(Debug, Clone, Copy)]
pub struct WalkOptions<'a> {
    /// Flushes that are kept one by one; more are only counted.
    pub max_flushes: usize,
    /// Bytes expected, where known: above 4 MiB, or unknown, a second thread reads ahead.
    pub len_hint: Option<u64>,
    /// Counts the bytes walked.
    pub progress: Option<&'a AtomicU64>,
    /// The moment whose cut is looked for.
    pub until: Option<&'a Until>,
    /// Who else is shown the commands; slower.
    pub witness: Option<&'a RefCell<dyn Witness>>,
}

impl Default for WalkOptions<'_> {
    fn default() -> Self {
        Self { max_flushes: 1000, len_hint: None, progress: None, until: None, witness: None }
    }
}

/// Files below this are read in one thread.
const ALONE: u64 = 4 << 20;
/// Bytes of a command across buffers that are looked at for its meaning.
const SEEN: usize = 512;
/// The same for a witness: a value as long as one that is noted, and its key.
const SEEN_BY_WITNESS: usize = VALUE_BYTES + 8192;

/// Walks the commands that `reader` hands out, to its end; `start` is the offset of its first byte in the file.
///
/// Never fails: what went wrong is in [`CommandsReport::end`]. `after_damage` is left at 0: it takes a second reading.
pub fn walk_commands<R: Read + Send>(reader: R, start: u64, options: &WalkOptions<'_>) -> CommandsReport {
    if options.len_hint.is_some_and(|n| n < ALONE) {
        return Walk::new(Direct(reader), start, options).run();
    }
    thread::scope(|scope| {
        let (full_in, full) = mpsc::sync_channel(chunks::TURN);
        let (empty, empty_out) = mpsc::sync_channel(chunks::TURN);
        let spawned = thread::Builder::new()
            .name("aof-read".into())
            .spawn_scoped(scope, move || chunks::feed(reader, &empty_out, &full_in));
        // A feeder that could not be started has dropped its ends, and the walk sees an empty file: say why instead.
        match spawned {
            Ok(_) => Walk::new(Fed { full, empty }, start, options).run(),
            Err(error) => {
                let mut report = Walk::new(Fed { full, empty }, start, options).run();
                report.end = End::Io { because: error.to_string() };
                report
            }
        }
    })
}

/// Why the walk stops.
enum Stop {
    /// The end of the file.
    Eof,
    Bad {
        offset: u64,
        byte: u8,
        want: Want,
    },
    Io(String),
}

struct Walk<'a, C> {
    chunks: C,
    options: &'a WalkOptions<'a>,
    chunk: Vec<u8>,
    /// Filled bytes of `chunk`.
    filled: usize,
    at: usize,
    /// Offset in the file of `chunk[0]`.
    base: u64,
    /// First bytes of a command that lies across buffers.
    seen: Vec<u8>,
    /// How many of them are kept.
    keep: usize,
    tally: Tally<'a>,
}

impl<'a, C: Chunks> Walk<'a, C> {
    fn new(chunks: C, start: u64, options: &'a WalkOptions<'a>) -> Self {
        let tally = Tally::new(start, options.max_flushes, options.until);
        Self {
            chunks,
            options,
            chunk: Vec::new(),
            filled: 0,
            at: 0,
            base: start,
            seen: Vec::with_capacity(SEEN),
            keep: if options.witness.is_some() { SEEN_BY_WITNESS } else { SEEN },
            tally,
        }
    }

    fn run(mut self) -> CommandsReport {
        let stop = loop {
            self.within_chunk();
            if let Err(stop) = self.across_chunks() {
                break stop;
            }
        };
        let item = self.tally.item;
        let end = match stop {
            Stop::Eof => self.tally.end_of_file(item, self.offset(), self.seen.first() != Some(&b'#')),
            Stop::Io(because) => End::Io { because },
            Stop::Bad { offset, byte, want } => match self.only_zeros() {
                Err(because) => End::Io { because },
                Ok(true) if byte == 0 => End::ZeroPadded { offset: item },
                Ok(_) => End::Garbage {
                    offset: item,
                    because: format!("byte {offset} is {byte:#04x} where {} had to be", want.words()),
                },
            },
        };
        let offset = self.offset();
        self.tally.report(end, offset)
    }

    /// Offset in the file of the next byte.
    fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// Takes all that lies whole in the buffer at hand; stops before the first that does not, or that is bad.
    fn within_chunk(&mut self) {
        let bytes = self.chunk.get(..self.filled).unwrap_or(&[]);
        let mut at = self.at;
        let mut witness = self.options.witness.map(RefCell::borrow_mut);
        loop {
            match bytes.get(at) {
                Some(b'*') => match frame::command(bytes, at) {
                    Frame::Command { end, words } => {
                        let (start, after) = (self.base + at as u64, self.base + end as u64);
                        let (name, command) = (words.name(bytes), bytes.get(at..end));
                        if let Some(witness) = &mut witness {
                            let command = command.unwrap_or_default();
                            witness.command(&self.tally.shown(start, after, command, words.of(bytes)));
                        }
                        self.tally.command(start, after, name, command);
                        at = end;
                    }
                    Frame::Short | Frame::Bad => break,
                },
                Some(b'#') => match bytes.get(at..).and_then(|rest| memchr::memchr(b'\n', rest)) {
                    Some(length) if length < LONGEST_ANNOTATION => {
                        self.tally.annotation(bytes.get(at..at + length));
                        at += length + 1;
                    }
                    _ => break,
                },
                _ => break,
            }
        }
        self.at = at;
    }

    /// Takes one command or line byte by byte, over as many buffers as it has.
    fn across_chunks(&mut self) -> Result<(), Stop> {
        self.tally.item = self.offset();
        let start = self.offset();
        self.seen.clear();
        match self.byte()? {
            b'*' => self.command(start),
            b'#' => self.annotation(),
            byte => Err(self.bad(byte, Want::Star)),
        }
    }

    fn command(&mut self, start: u64) -> Result<(), Stop> {
        let words = self.number(MOST_WORDS)?;
        if words == 0 {
            return Err(Stop::Bad { offset: self.offset().saturating_sub(3), byte: b'0', want: Want::SaneNumber });
        }
        let mut name = None;
        for _ in 0..words {
            self.expect(b'$', Want::Dollar)?;
            let length = self.number(LONGEST_WORD)?;
            let from = self.seen.len();
            self.skip(length)?;
            let to = self.seen.len();
            name = name.or_else(|| ((to - from) as u64 == length).then_some((from, to)).or(Some((0, 0))));
            self.expect(b'\r', Want::Cr)?;
            self.expect(b'\n', Want::Lf)?;
        }
        let after = self.offset();
        let name = name.unwrap_or((0, 0));
        let name = self.seen.get(name.0..name.1);
        if let Some(witness) = self.options.witness {
            let words = FirstWords::read(&self.seen);
            witness.borrow_mut().command(&self.tally.shown(start, after, &self.seen, words));
        }
        self.tally.command(start, after, name, Some(&self.seen));
        Ok(())
    }

    fn annotation(&mut self) -> Result<(), Stop> {
        loop {
            let byte = self.byte()?;
            if byte == b'\n' {
                self.tally.annotation(Some(self.seen.strip_suffix(b"\n").unwrap_or(&self.seen)));
                return Ok(());
            }
            if self.offset() - self.tally.item >= LONGEST_ANNOTATION as u64 {
                return Err(self.bad(byte, Want::ShortLine));
            }
        }
    }

    fn number(&mut self, most: u64) -> Result<u64, Stop> {
        let (mut value, mut digits) = (0_u64, 0);
        loop {
            match self.byte()? {
                byte @ b'0'..=b'9' => {
                    value = value * 10 + u64::from(byte - b'0');
                    digits += 1;
                    if value > most {
                        return Err(self.bad(byte, Want::SaneNumber));
                    }
                }
                b'\r' if digits > 0 => break,
                byte => return Err(self.bad(byte, Want::Digit)),
            }
        }
        self.expect(b'\n', Want::Lf)?;
        Ok(value)
    }

    fn expect(&mut self, wanted: u8, want: Want) -> Result<(), Stop> {
        match self.byte()? {
            byte if byte == wanted => Ok(()),
            byte => Err(self.bad(byte, want)),
        }
    }

    /// The byte just taken can't stand where it does.
    fn bad(&self, byte: u8, want: Want) -> Stop {
        Stop::Bad { offset: self.offset().saturating_sub(1), byte, want }
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        if self.at >= self.filled {
            self.next_chunk()?;
        }
        let Some(&byte) = self.chunk.get(self.at) else {
            return Err(Stop::Eof);
        };
        self.at += 1;
        if self.seen.len() < self.keep {
            self.seen.push(byte);
        }
        Ok(byte)
    }

    fn skip(&mut self, mut length: u64) -> Result<(), Stop> {
        while length > 0 {
            if self.at >= self.filled {
                self.next_chunk()?;
            }
            let step = usize::try_from(length).unwrap_or(usize::MAX).min(self.filled - self.at);
            let room = self.keep.saturating_sub(self.seen.len()).min(step);
            self.seen.extend_from_slice(self.chunk.get(self.at..self.at + room).unwrap_or(&[]));
            self.at += step;
            length -= step as u64;
        }
        Ok(())
    }

    fn next_chunk(&mut self) -> Result<(), Stop> {
        self.base += self.filled as u64;
        self.at = 0;
        self.filled = 0;
        let used = std::mem::take(&mut self.chunk);
        let (chunk, filled) = self.chunks.next(used).map_err(|error| Stop::Io(error.to_string()))?;
        if filled == 0 {
            return Err(Stop::Eof);
        }
        if let Some(progress) = self.options.progress {
            progress.fetch_add(filled as u64, Ordering::Relaxed);
        }
        (self.chunk, self.filled) = (chunk, filled);
        Ok(())
    }

    /// Reads to the end; whether nothing but zero bytes followed.
    fn only_zeros(&mut self) -> Result<bool, String> {
        let mut zeros = true;
        loop {
            zeros = zeros && self.chunk.get(self.at..self.filled).unwrap_or(&[]).iter().all(|b| *b == 0);
            self.at = self.filled;
            match self.next_chunk() {
                Ok(()) => {}
                Err(Stop::Io(because)) => return Err(because),
                Err(_) => return Ok(zeros),
            }
        }
    }
}
