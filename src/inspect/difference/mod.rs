//! The difference between the keys of two files, by meaning, in bounded memory.
//!
//! ```text
//! side       which bytes hold the keys of a side, and the records made of them
//! record     a key in 48 bytes: digests of its name and of its value, type, expiry
//! compare    bucket by bucket: which records meet, and what differs
//! names      what differs by name, from the files once more
//! document   the document `redis-dr/difference/1`
//! ```
//! Both sides are read at the same time: once for how each value is stored, which decides nearly all; once more for what
//! those values mean that are stored differently; once more for the names of what differs. What is held in memory does not
//! grow with the number of keys: records go into files without a name, which are gone with the process however it ends.
//! Digests are keyed with a secret of this one comparison.
mod compare;
mod document;
mod names;
mod record;
mod side;
#[cfg(test)]
mod tests;

pub use document::{Difference, Functions, KeyDifference, PrefixDifference, Side, TypeDifference, What};

use super::spill::Scratch;
use super::{InspectError, Options, Subject, subject, watched};
use crate::facts::Validity;
use crate::host::{Look, shown};
use crate::rdb::Secret;
use compare::{By, Compared, Marks, compare};
use names::{Names, Roll};
use side::{Means, Scanned, Source};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Told how far it is: what is being done, how much of it, of how much where that is known.
pub type Told<'a> = &'a (dyn Fn(&str, u64, Option<u64>) + Sync);

/// What is asked.
pub struct Asked<'a> {
    /// Names that are listed, the pattern, the moment against which expiries are judged.
    pub options: &'a Options,
    /// Where records go that don't fit into memory.
    pub scratch: &'a Path,
    /// Told how far it is.
    pub told: Told<'a>,
    /// Where the server program is that loads an AOF with commands; none: where the system has it.
    pub bin_dir: Option<&'a Path>,
    /// Asked while a private server loads.
    pub interrupted: &'a (dyn Fn() -> bool + Sync),
}

impl Asked<'_> {
    fn now_ms(&self) -> i64 {
        self.options.now.0.as_millisecond()
    }

    fn wants(&self, key: &[u8]) -> bool {
        self.options.keys.as_ref().is_none_or(|pattern| pattern.fits(key))
    }
}

/// Compares the keys of two RDBs or AOFs.
///
/// # Errors
/// One of them can't be read or has no keys to compare; an AOF has commands that only a server can carry out; the disk is
/// full. Damage is no error: it is in the document.
pub fn difference(look: &Look, a: &Path, b: &Path, asked: &Asked<'_>) -> Result<Difference, InspectError> {
    let (ours, theirs) = (subject::of(look, a)?, subject::of(look, b)?);
    let before = [watched(look, &ours), watched(look, &theirs)].concat();
    let disk = Scratch { look: *look, dir: asked.scratch.to_path_buf() };
    let (secret, total) = (Secret::random(), total(&before, [&ours, &theirs]));
    let largest = before.iter().filter_map(|(_, stat)| stat.as_ref()).map(|stat| stat.size).max();
    let means = Means { disk: &disk, secret: &secret, buckets: compare::buckets(largest.unwrap_or(u64::MAX)) };
    let counter = Counter { asked, total, what: "read both", done: AtomicU64::new(0) };
    let scan = |path: &Path| side::scanned(look, path, asked, &means, &counter.of_one());
    let (mut one, mut other) = both(|| scan(a), || scan(b))?;
    let scratch = |e| InspectError::scratch(&disk.dir, &e);
    let told = |bucket: u64| (asked.told)("compare", bucket * 100 / means.buckets as u64, Some(100));
    let (first, second) = (one.1.take_records(&disk), other.1.take_records(&disk));
    let mut compared = compare(&first, &second, By::Storage, &disk, &told).map_err(scratch)?;
    drop((first, second));
    let [open_a, open_b] = std::mem::replace(&mut compared.undecided, compare::no_marks(&disk));
    if open_a.count > 0 {
        let counter = Counter { what: "read what is stored differently", done: AtomicU64::new(0), ..counter };
        let read = |source: &Source, open: &Marks<'_>| {
            source.meanings(look, Roll::new(open, true), asked.now_ms(), &means, &counter.of_one())
        };
        let (first, second) = both(|| read(&one.0, &open_a), || read(&other.0, &open_b))?;
        compared.join(compare(&first, &second, By::Meaning, &disk, &told).map_err(scratch)?);
    }
    let names = names_of(look, &one.0, &other.0, &compared, asked)?;
    let mut found = document_of(one, other, &compared, names, asked);
    for (path, stat) in &before {
        if look.stat(path).ok() != *stat {
            found.same = false;
            found.because = Some(format!("{} was changed while it was read: compare a copy", shown(path)));
        }
    }
    Ok(found)
}

/// Does two things at the same time.
fn both<T: Send>(
    one: impl FnOnce() -> Result<T, InspectError>,
    other: impl FnOnce() -> Result<T, InspectError> + Send,
) -> Result<(T, T), InspectError> {
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(other);
        let one = one();
        let gone = || Err(InspectError::Scratch { because: "a reading thread ended early".into() });
        (one, other.join().unwrap_or_else(|_| gone()))
    });
    Ok((one?, other?))
}

/// Adds up how far both readings are.
struct Counter<'a, 'b> {
    asked: &'a Asked<'b>,
    total: Option<u64>,
    what: &'static str,
    done: AtomicU64,
}

impl Counter<'_, '_> {
    /// Takes the offsets of one reading.
    fn of_one(&self) -> impl Fn(u64) + Sync {
        let last = AtomicU64::new(0);
        move |at: u64| {
            let more = at.saturating_sub(last.swap(at, Ordering::Relaxed));
            let all = self.done.fetch_add(more, Ordering::Relaxed) + more;
            (self.asked.told)(self.what, all, self.total);
        }
    }
}

/// Bytes to be read in the first pass, where no file is packed.
fn total(before: &[(PathBuf, Option<crate::host::Stat>)], subjects: [&Subject; 2]) -> Option<u64> {
    let snapshots = subjects.iter().all(|subject| matches!(subject, Subject::Snapshot { .. }));
    let packed = |path: &Path| path.extension().is_some_and(|ext| ext == "gz" || ext == "zst");
    let plain = snapshots && !before.iter().any(|(path, _)| packed(path));
    plain.then(|| before.iter().filter_map(|(_, stat)| stat.as_ref()).map(|stat| stat.size).sum())
}

fn names_of(
    look: &Look,
    a: &Source,
    b: &Source,
    compared: &Compared<'_>,
    asked: &Asked<'_>,
) -> Result<Names, InspectError> {
    let mut names = Names::new(asked.options.top);
    let [ours, theirs] = &compared.marks;
    for (source, marks, first) in [(a, ours, true), (b, theirs, false)] {
        if marks.count > 0 {
            let progress = |at: u64| (asked.told)("read the names of what differs", at, None);
            source.names(look, Roll::new(marks, first), &mut names, &progress)?;
        }
    }
    Ok(names)
}

fn document_of(
    (a, ours): (Source, Scanned<'_>),
    (b, theirs): (Source, Scanned<'_>),
    compared: &Compared<'_>,
    mut names: Names,
    asked: &Asked<'_>,
) -> Difference {
    let sum = |of: fn(&compare::Tally) -> u64| compared.types.values().map(of).sum::<u64>();
    let (added, gone, changed) = (sum(|t| t.added), sum(|t| t.gone), sum(|t| t.changed));
    let functions = functions(&ours, &theirs);
    let because = [&a.side, &b.side].into_iter().find(|side| side.valid != Validity::Intact).map(|side| {
        let because = side.because.as_deref().unwrap_or("it can't be judged");
        format!("{} is not whole: {because}; what could be read of it was compared", side.path)
    });
    let types = compared.types.iter().map(|(kind, tally)| TypeDifference {
        kind: *kind,
        added: tally.added,
        gone: tally.gone,
        changed: tally.changed,
        equal: tally.equal,
    });
    let lists = (std::mem::take(&mut names.added), std::mem::take(&mut names.gone), std::mem::take(&mut names.changed));
    let (prefixes, other_keys, prefixes_exact) = names.into_prefixes();
    let [expired_a, expired_b] = compared.expired;
    Difference {
        schema: "redis-dr/difference/1".into(),
        same: added + gone + changed == 0 && functions.is_same() && because.is_none(),
        because,
        pattern: asked.options.keys.as_ref().map(super::Pattern::text),
        added,
        gone,
        changed,
        equal: sum(|t| t.equal),
        changed_value: compared.value,
        changed_expiry: compared.expiry,
        changed_type: compared.kind,
        expired_a,
        expired_b,
        types: types.collect(),
        prefixes,
        other_keys,
        prefixes_exact,
        added_keys: lists.0,
        gone_keys: lists.1,
        changed_keys: lists.2,
        functions,
        a: a.side,
        b: b.side,
    }
}

fn functions(a: &Scanned<'_>, b: &Scanned<'_>) -> Functions {
    let name = |name: &[u8]| crate::aof::resp::printable(name);
    let alone = |one: &Scanned<'_>, other: &Scanned<'_>| -> Vec<String> {
        one.libraries.keys().filter(|lib| !other.libraries.contains_key(*lib)).map(|lib| name(lib)).collect()
    };
    let in_both = a.libraries.iter().filter_map(|(lib, code)| Some((lib, code, b.libraries.get(lib)?)));
    let changed = in_both.filter(|(_, code, other)| code != other).map(|(lib, ..)| name(lib)).collect();
    Functions { added: alone(b, a), gone: alone(a, b), changed }
}
