//! What can be had from a damaged RDB: the keys before the damage, and those behind it where a next record can be found.
//!
//! Every record is read whole, packed values included, before its bytes are taken over. Behind damage the next record is
//! looked for byte by byte: a place counts when many records in a row can be read from it, or all up to the end of the file.
//! Of a key that is found twice the first record stays: no server loads a file with both.
//!
//! What is written is an RDB of the same version with a right checksum. Its AUX field `redis-dr-partial` says that it is not
//! all there was. With a key go its expiry, how long it was idle or how often it was used, and what modules say of it; data
//! of modules that belongs to no key is kept too. Of the AUX fields those that say who wrote it and when stay. What says that
//! a replica could go on from it, or a slot migration, is left out: both would be wrong of a file that lacks something.
mod disk;
mod document;
mod search;
#[cfg(test)]
mod tests;
mod twice;

pub use document::{Hole, Salvage};

use super::InspectError;
use super::spill::{Disk, Scratch};
use crate::host::{HostError, Look, NewFile, shown};
use crate::rdb::{KeyMeta, Met, PARTIAL, Place, Report, Verdict, WalkOptions, Writer, walk_from, walk_head};
use disk::{From, Patient};
use search::search;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;
use twice::Names;

/// How often the file is read for the sake of keys that are there twice: once more when there are some, and once more again
/// when a disk that fails gave something else then.
const READINGS: usize = 3;
/// Bytes copied at once.
const PIECE: usize = 1 << 20;
/// Bytes read at once.
const WHOLE: u64 = 512 << 10;

/// Told how far it is: bytes done, of how many.
pub type Told<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// Writes what can be had from an RDB to a new file.
///
/// # Errors
/// It can't be opened, is no RDB, or of an unknown version; the new file is there already, or can't be written.
pub fn salvage(look: &Look, path: &Path, output: &Path, told: Told<'_>) -> Result<Salvage, InspectError> {
    let file = look.open(path)?;
    let len = look.stat_open(&file, path)?.size;
    let dir = output.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let scratch = Scratch { look: *look, dir: dir.to_path_buf() };
    let begin = || NewFile::begin(output);
    let carried = carried(&Patient { source: &file, len }, &scratch, begin, told);
    let (out, done) = carried.map_err(|problem| problem.of(path, output))?;
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
    /// It can't be begun.
    Host(HostError),
}

impl Problem {
    fn of(self, path: &Path, output: &Path) -> InspectError {
        match self {
            Problem::Nothing(because) => InspectError::NothingToSalvage { path: shown(path), because },
            Problem::Output(error) => InspectError::Host(HostError::os("write", output, error)),
            Problem::Host(error) => InspectError::Host(error),
        }
    }
}

impl std::convert::From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Problem::Output(error)
    }
}

impl std::convert::From<HostError> for Problem {
    fn from(error: HostError) -> Self {
        Problem::Host(error)
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

/// Carries over what can be had, each key once.
fn carried<W: Write>(
    disk: &Patient<'_>,
    scratch: &dyn Disk,
    begin: impl Fn() -> Result<W, HostError>,
    told: Told<'_>,
) -> Result<(W, Carried), Problem> {
    let mut again = Vec::new();
    for _ in 0..READINGS {
        let (mut out, mut names) = (begin()?, Names::new(scratch));
        let done = carry(disk, &mut out, &mut Once { names: &mut names, again: &again }, told)?;
        let found = names.again()?;
        if found == again {
            return Ok((out, done));
        }
        again = found;
    }
    Err(Problem::Nothing("its disk gives other bytes each time".into()))
}

/// Sees to it that each key is written once.
struct Once<'a, 'd> {
    names: &'a mut Names<'d>,
    /// The numbers of those that are there a second time, in order.
    again: &'a [u64],
}

fn carry(disk: &Patient<'_>, out: &mut dyn Write, once: &mut Once<'_, '_>, told: Told<'_>) -> Result<Carried, Problem> {
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
        let stretch = stretch(disk, place, &mut writer, &mut done, once, told)?;
        let Some((from, because, unreadable)) = stretch.broke else { break };
        let behind = Place { db: stretch.db, ..place };
        // A wrong length can lead over many records: the last one is believed only if none begins inside it.
        let inside = stretch.held.filter(|_| !unreadable).and_then(|held| {
            let within = Place { offset: held.offset + 1, ..behind };
            search(disk, within, held.end(), told)
        });
        let held = stretch.held.filter(|_| inside.is_none());
        if let Some(held) = held {
            held.write(disk, &mut writer, &mut done, once)?;
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
    /// Where what belongs to it begins, behind its expiry.
    from: u64,
    /// Where its record begins.
    offset: u64,
    bytes: u64,
    db: u64,
    expire_ms: Option<i64>,
    digest: u128,
}

impl Held {
    fn of(key: &KeyMeta<'_>, names: &mut Names<'_>) -> Self {
        Held {
            from: key.offset - key.before,
            offset: key.offset,
            bytes: key.bytes,
            db: key.db,
            expire_ms: key.expire_ms,
            digest: names.digest(key),
        }
    }

    fn end(&self) -> u64 {
        self.offset + self.bytes
    }

    fn write(
        &self,
        disk: &Patient<'_>,
        writer: &mut Writer<&mut dyn Write>,
        done: &mut Carried,
        once: &mut Once<'_, '_>,
    ) -> io::Result<()> {
        let number = once.names.note(self.digest)?;
        if once.again.binary_search(&number).is_ok() {
            let because = "its key is there before".to_owned();
            done.holes.push(Hole { from: self.from, to: self.end(), because, unreadable: false, db_assumed: None });
            return Ok(());
        }
        done.keys += 1;
        writer.before_key(self.db, self.expire_ms)?;
        copy(disk, self.from, self.end(), writer)
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
    once: &mut Once<'_, '_>,
    told: Told<'_>,
) -> Result<Stretch, Problem> {
    let (mut kept, mut held): (u64, Option<Held>) = (place.offset, None);
    let (mut failed, mut twice, mut db) = (None, None, place.db);
    let report = walk_from(From { disk: *disk, at: place.offset }, place, &options(), WHOLE, &mut |met| {
        let taken = match met {
            Met::Library(code) => {
                done.functions += 1;
                writer.library(code)
            }
            Met::ModuleData { offset, bytes } => {
                let before = held.take().map_or(Ok(()), |before| before.write(disk, writer, done, once));
                kept = offset + bytes;
                before.and_then(|()| copy(disk, offset, kept, writer))
            }
            Met::Key(key, _) => {
                let next = Held::of(key, once.names);
                db = key.db;
                // Zeros read as keys without a name, one after the other.
                if held.is_some_and(|held| held.digest == next.digest) {
                    twice = Some((next.from, "the same key once more".to_owned(), false));
                    return ControlFlow::Break(());
                }
                held.replace(next).map_or(Ok(()), |before| {
                    kept = before.end();
                    told(kept, disk.len);
                    before.write(disk, writer, done, once)
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
    if let (None, Some(last)) = (&broke, held) {
        last.write(disk, writer, done, once)?;
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

/// Copies bytes that were read once before.
fn copy(disk: &Patient<'_>, mut at: u64, end: u64, writer: &mut Writer<&mut dyn Write>) -> io::Result<()> {
    let mut piece = vec![0; usize::try_from(end - at).unwrap_or(PIECE).min(PIECE)];
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

/// Does the checksum fit the bytes?
fn sum_fits(disk: &Patient<'_>) -> bool {
    let whole = crate::rdb::walk(From { disk: *disk, at: 0 }, None, &WalkOptions::default(), &|_| {});
    whole.is_intact()
}
