//! What can be had from a damaged RDB: the keys before the damage, and those behind it where a next record can be found.
//!
//! Every record is read whole, packed values included, before its bytes are taken over. Behind damage the next record is
//! looked for byte by byte: a place counts when many records in a row can be read from it, or all up to the end of the file.
//! What is written is an RDB of the same version with a right checksum. Its AUX field `redis-dr-partial` says that it is not
//! all there was.
mod disk;
mod document;
#[cfg(test)]
mod tests;

pub use document::{Hole, Salvage};

use super::InspectError;
use crate::host::{Look, NewFile, shown};
use crate::rdb::{Magic, Met, PARTIAL, Place, Report, Verdict, WalkOptions, Writer, walk_from, walk_head};
use disk::{From, Patient};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

/// Records in a row that make a place believed.
const ROW: u64 = 24;
/// How far behind damage a record is looked for, bytes.
const SEARCHED: u64 = 64 << 20;
/// Bytes copied at once.
const PIECE: usize = 1 << 20;
/// Bytes read at once where many records are expected, and where one is only tried.
const WHOLE: u64 = 512 << 10;
const PROBE: u64 = 4 << 10;

/// Told how far it is: bytes done, of how many.
pub type Told<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// Writes what can be had from an RDB to a new file.
///
/// # Errors
/// It can't be opened, is no RDB, or of an unknown version; the new file is there already, or can't be written.
pub fn salvage(look: &Look, path: &Path, output: &Path, told: Told<'_>) -> Result<Salvage, InspectError> {
    let file = look.open(path)?;
    let len = look.stat_open(&file, path)?.size;
    let mut out = NewFile::begin(output)?;
    let done = carry(&Patient { source: &file, len }, &mut out, told).map_err(|problem| problem.of(path, output))?;
    let output_bytes = out.finish()?;
    Ok(Salvage {
        schema: "redis-dr/salvage/1".into(),
        path: shown(path),
        bytes: len,
        output: shown(output),
        output_bytes,
        keys: done.keys,
        functions: done.functions,
        whole: done.holes.is_empty() && !done.checksum_bad,
        checksum_bad: done.checksum_bad,
        lost_bytes: done.holes.iter().map(|hole| hole.to - hole.from).sum(),
        holes: done.holes,
    })
}

/// Why nothing was salvaged.
#[derive(Debug)]
enum Problem {
    /// The file has nothing to salvage.
    Nothing(String),
    /// The output can't be written.
    Output(io::Error),
}

impl Problem {
    fn of(self, path: &Path, output: &Path) -> InspectError {
        match self {
            Problem::Nothing(because) => InspectError::NothingToSalvage { path: shown(path), because },
            Problem::Output(error) => InspectError::Host(crate::host::HostError::os("write", output, error)),
        }
    }
}

impl std::convert::From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Problem::Output(error)
    }
}

/// What was carried over.
#[derive(Default)]
struct Carried {
    keys: u64,
    functions: u64,
    holes: Vec<Hole>,
    checksum_bad: bool,
}

fn carry(disk: &Patient<'_>, out: &mut dyn Write, told: Told<'_>) -> Result<Carried, Problem> {
    let head = walk_head(From { disk: *disk, at: 0 }, &options());
    let magic = match (&head.verdict, head.magic) {
        (Verdict::UnknownVersion { because }, _) => return Err(Problem::Nothing(because.clone())),
        (Verdict::NotRdb | Verdict::Empty, _) | (_, None) => return Err(Problem::Nothing(head.verdict.to_string())),
        (_, Some(magic)) => magic,
    };
    let mut writer = Writer::begin(out, magic, head.version)?;
    for (name, value) in
        head.aux.iter().filter(|(name, _)| name.ends_with("-ver") || matches!(name.as_str(), "redis-bits" | "ctime"))
    {
        writer.aux(name, value)?;
    }
    let mut done = Carried::default();
    let mut place = Place { magic, version: head.version, offset: 9, db: 0 };
    loop {
        let stretch = stretch(disk, place, &mut writer, &mut done, told)?;
        let Some((from, because, unreadable)) = stretch.broke else { break };
        let behind = Place { db: stretch.db, ..place };
        // A wrong length can lead over many records: the last one is believed only if none begins inside it.
        let inside = stretch.held.filter(|_| !unreadable).and_then(|held| {
            let within = Place { offset: held.offset + 1, ..behind };
            search(disk, within, held.end(), told)
        });
        let held = stretch.held.filter(|_| inside.is_none());
        if let Some(held) = held {
            held.write(disk, &mut writer)?;
            done.keys += 1;
        }
        let kept = held.map_or(stretch.kept, |held| held.end());
        let next = inside.or_else(|| {
            let after = if unreadable { disk.readable_from(from) } else { kept + 1 };
            search(disk, Place { offset: after, ..behind }, disk.len, told)
        });
        let to = next.map_or(disk.len, |place| place.offset);
        let db_assumed = next.map(|_| stretch.db);
        done.holes.push(Hole { from: kept, to, because, unreadable, db_assumed });
        match next {
            Some(next) => place = next,
            None => break,
        }
    }
    done.checksum_bad = done.holes.is_empty() && !sum_fits(disk);
    if !done.holes.is_empty() || done.checksum_bad {
        writer.aux(PARTIAL, "1")?;
    }
    writer.end()?;
    Ok(done)
}

fn options() -> WalkOptions {
    WalkOptions { stop_at_eof_opcode: true, ..WalkOptions::default() }
}

/// A record that was read and is not written yet.
#[derive(Debug, Clone, Copy)]
struct Held {
    offset: u64,
    bytes: u64,
    db: u64,
    expire_ms: Option<i64>,
}

impl Held {
    fn end(&self) -> u64 {
        self.offset + self.bytes
    }

    fn write(&self, disk: &Patient<'_>, writer: &mut Writer<&mut dyn Write>) -> io::Result<()> {
        copy(disk, self.offset, self.bytes, writer, (self.db, self.expire_ms))
    }
}

/// Records in a row that were taken over.
struct Stretch {
    /// Behind the last of them that is written.
    kept: u64,
    /// The last one, where records end before the file does.
    held: Option<Held>,
    db: u64,
    /// Where they end and why, and whether the disk is to blame; none: at the end of the file.
    broke: Option<(u64, String, bool)>,
}

fn stretch(
    disk: &Patient<'_>,
    place: Place,
    writer: &mut Writer<&mut dyn Write>,
    done: &mut Carried,
    told: Told<'_>,
) -> Result<Stretch, Problem> {
    let (mut kept, mut held, mut name): (u64, Option<Held>, Vec<u8>) = (place.offset, None, Vec::new());
    let (mut failed, mut twice) = (None, None);
    let report = walk_from(From { disk: *disk, at: place.offset }, place, &options(), WHOLE, &mut |met| {
        let taken = match met {
            Met::Library(code) => {
                done.functions += 1;
                writer.library(code)
            }
            Met::ModuleData { .. } => Ok(()),
            // Zeros read as keys without a name, one after the other; no file has a key twice.
            Met::Key(key, _) if held.is_some_and(|held| held.db == key.db) && name == key.key => {
                twice = Some((key.offset, "the same key once more".to_owned(), false));
                return ControlFlow::Break(());
            }
            Met::Key(key, _) => {
                name.clear();
                name.extend_from_slice(key.key);
                let next = Held { offset: key.offset, bytes: key.bytes, db: key.db, expire_ms: key.expire_ms };
                held.replace(next).map_or(Ok(()), |before| {
                    (kept, done.keys) = (before.end(), done.keys + 1);
                    told(kept, disk.len);
                    before.write(disk, writer)
                })
            }
        };
        failed = taken.err();
        if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if let Some(error) = failed {
        return Err(Problem::Output(error));
    }
    let broke = twice.or_else(|| end_of(&report, disk.len));
    let db = held.map_or(place.db, |held| held.db);
    if let (None, Some(last)) = (&broke, held) {
        last.write(disk, writer)?;
        done.keys += 1;
    }
    Ok(Stretch { kept, held: held.filter(|_| broke.is_some()), db, broke })
}

/// Where the records of a walk end, and why; none at the end of the file.
fn end_of(report: &Report, len: u64) -> Option<(u64, String, bool)> {
    let behind = if report.version >= 5 { 8 } else { 0 };
    match &report.verdict {
        Verdict::Intact if report.bytes + behind == len => None,
        Verdict::Intact => {
            let because = "an end mark, and it is not the end".to_owned();
            Some((report.bytes.saturating_sub(1), because, false))
        }
        Verdict::Unreadable { because } => Some((report.bytes, because.clone(), true)),
        Verdict::Damaged { offset, because } => Some((*offset.min(&report.bytes), because.clone(), false)),
        other => Some((report.bytes, other.to_string(), false)),
    }
}

/// Copies the bytes of a record that was read once before.
fn copy(
    disk: &Patient<'_>,
    offset: u64,
    bytes: u64,
    writer: &mut Writer<&mut dyn Write>,
    (db, expire_ms): (u64, Option<i64>),
) -> io::Result<()> {
    writer.before_key(db, expire_ms)?;
    let mut piece = vec![0; usize::try_from(bytes).unwrap_or(PIECE).min(PIECE)];
    let (mut at, end) = (offset, offset + bytes);
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(PIECE).min(piece.len());
        let into = piece.get_mut(..wanted).unwrap_or_default();
        let n = disk.read_at(into, at)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        writer.raw(into.get(..n).unwrap_or_default())?;
        at += n as u64;
    }
    Ok(())
}

/// Looks for the next place from which records can be read, from `place` on and before `end`.
fn search(disk: &Patient<'_>, place: Place, end: u64, told: Told<'_>) -> Option<Place> {
    let mut at = place.offset;
    let end = end.min(at.saturating_add(SEARCHED));
    let mut window = vec![0; PIECE];
    while at < end {
        let n = match disk.read_at(&mut window, at) {
            Ok(0) => return None,
            Ok(n) => n,
            Err(_) => {
                at = disk.readable_from(at);
                continue;
            }
        };
        told(at, disk.len);
        for (offset, op) in (at..end).zip(window.get(..n).unwrap_or_default()) {
            let candidate = Place { offset, ..place };
            if begins(*op, place.magic) && believed(disk, candidate) {
                return Some(candidate);
            }
        }
        at += n as u64;
    }
    None
}

/// Could a record, or what stands before one, begin with this byte?
fn begins(op: u8, magic: Magic) -> bool {
    match op {
        0..=5 | 7 | 9..=22 | 0xf8 | 0xf9 | 0xfb..=0xfe => true,
        23..=25 => magic == Magic::Redis,
        _ => false,
    }
}

/// Can many records in a row be read from here, or some and then the end of the file?
fn believed(disk: &Patient<'_>, place: Place) -> bool {
    let mut keys = 0;
    let report = walk_from(From { disk: *disk, at: place.offset }, place, &options(), PROBE, &mut |met| {
        keys += u64::from(matches!(met, Met::Key(..)));
        if keys >= ROW { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    keys >= ROW || (keys > 0 && end_of(&report, disk.len).is_none())
}

/// Does the checksum fit the bytes?
fn sum_fits(disk: &Patient<'_>) -> bool {
    let whole = crate::rdb::walk(From { disk: *disk, at: 0 }, None, &WalkOptions::default(), &|_| {});
    whole.is_intact()
}
