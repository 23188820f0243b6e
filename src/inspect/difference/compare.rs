//! Bucket by bucket: which records of two sides meet, and what differs between those that do.
use super::record::{BYTES, Mark, Record};
use crate::inspect::most::Amount;
use crate::inspect::spill::{Disk, Spill};
use crate::rdb::Kind;
use std::cmp;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Buckets the keys are sorted into, the least and the most: so few that what they gather stays in a core's cache.
const BUCKETS: (usize, usize) = (64, 1024);
/// What a key takes in a file, with its value, at the least; of most files it is many times as much.
const KEY_BYTES: u64 = 24;
/// Records of a bucket, both sides, that are held at once; a larger one is gone through in turns.
const HELD: u64 = 200_000;
/// Keys of a segment, by their numbers: marks are read back segment by segment, in the order of the file.
pub(super) const SEGMENT: u64 = 1 << 21;

/// How many keys of a type differ, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) added: u64,
    pub(super) gone: u64,
    pub(super) changed: u64,
    pub(super) equal: u64,
}

/// Bytes of marks that each worker keeps in memory, of each side.
const KEPT: usize = 1 << 20;

/// Into how many buckets the keys of files of so many bytes are sorted; a power of two.
pub(super) fn buckets(bytes: u64) -> usize {
    let (least, most) = BUCKETS;
    let wanted = bytes / KEY_BYTES * 2 / HELD;
    usize::try_from(wanted).map_or(most, |wanted| wanted.clamp(least, most).next_power_of_two())
}

/// What came of it.
pub(super) struct Compared<'a> {
    pub(super) types: BTreeMap<Kind, Tally>,
    /// Of the keys that changed, how many in what.
    pub(super) value: u64,
    pub(super) expiry: u64,
    pub(super) kind: u64,
    /// Keys of one side only whose time is over.
    pub(super) expired: [u64; 2],
    /// What is said of the keys of each side; of a key that changed on the first side.
    pub(super) marks: [Marks<'a>; 2],
    /// Keys of both sides that are stored differently, where that was compared: only their meanings tell.
    pub(super) undecided: [Marks<'a>; 2],
    by: By,
}

/// What records have of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// How it is stored.
    Storage,
    /// What it means.
    Meaning,
}

/// Marks of one side, by segment.
pub(super) struct Marks<'a> {
    /// Those that each worker made.
    spills: Vec<Spill<'a, 4>>,
    pub(super) count: u64,
}

/// None on either side.
pub(super) fn no_marks<'a>(disk: &'a dyn Disk) -> [Marks<'a>; 2] {
    [Marks::new(disk), Marks::new(disk)]
}

impl<'a> Marks<'a> {
    fn new(disk: &'a dyn Disk) -> Self {
        Marks { spills: vec![Spill::new(disk, KEPT)], count: 0 }
    }

    fn put(&mut self, record: &Record, mark: Mark) -> io::Result<()> {
        self.count += 1;
        let segment = usize::try_from(record.number / SEGMENT).map_err(io::Error::other)?;
        // Smaller than a segment.
        let bytes = mark.at((record.number % SEGMENT) as u32);
        self.spills.first_mut().map_or(Ok(()), |spill| spill.put(segment, &bytes))
    }

    fn join(&mut self, other: Marks<'a>) {
        self.count += other.count;
        self.spills.extend(other.spills);
    }

    /// How many there are in a segment.
    pub(super) fn in_segment(&self, segment: usize) -> u64 {
        self.spills.iter().map(|spill| spill.records(segment)).sum()
    }

    /// Shows those of a segment, each with its place.
    ///
    /// # Errors
    /// The disk fails.
    pub(super) fn each(&self, segment: usize, mut show: impl FnMut(u32, Mark)) -> io::Result<()> {
        self.spills.iter().try_for_each(|spill| {
            spill.each(segment, |bytes| {
                let (place, mark) = Mark::from_bytes(*bytes);
                show(place, mark);
            })
        })
    }
}

/// Compares all, on two cores.
///
/// # Errors
/// The disk is full, or fails.
pub(super) fn compare<'a>(
    a: &Spill<'_, BYTES>,
    b: &Spill<'_, BYTES>,
    by: By,
    disk: &'a dyn Disk,
    progress: &(dyn Fn(u64) + Sync),
) -> io::Result<Compared<'a>> {
    let (next, buckets) = (AtomicUsize::new(0), a.buckets().max(b.buckets()));
    let work = || {
        let mut compared = Compared::none(by, disk);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        loop {
            let bucket = next.fetch_add(1, Ordering::Relaxed);
            if bucket >= buckets {
                return Ok(compared);
            }
            let turns = (a.records(bucket) + b.records(bucket)).div_ceil(HELD).max(1);
            for turn in 0..turns {
                read(a, bucket, (turn, turns), &mut ours)?;
                read(b, bucket, (turn, turns), &mut theirs)?;
                compared.merge(&ours, &theirs)?;
            }
            progress(bucket as u64 + 1);
        }
    };
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let one = work();
        (one, other.join().unwrap_or_else(|_| Err(io::Error::other("a comparing thread ended early"))))
    });
    let mut all = one?;
    all.join(other?);
    Ok(all)
}

/// Reads the records of one turn, sorted.
fn read(spill: &Spill<'_, BYTES>, bucket: usize, (turn, turns): (u64, u64), into: &mut Vec<Record>) -> io::Result<()> {
    into.clear();
    into.reserve(usize::try_from(spill.records(bucket) / turns).map_err(io::Error::other)?);
    spill.each(bucket, |bytes| {
        let record = Record::from_bytes(bytes);
        // Other bits than those that chose the bucket.
        if turns == 1 || (record.key >> 64) as u64 % turns == turn {
            into.push(record);
        }
    })?;
    into.sort_unstable();
    Ok(())
}

impl<'a> Compared<'a> {
    fn none(by: By, disk: &'a dyn Disk) -> Self {
        let (marks, undecided) = (no_marks(disk), no_marks(disk));
        Compared { types: BTreeMap::new(), value: 0, expiry: 0, kind: 0, expired: [0; 2], marks, undecided, by }
    }

    /// Takes in what another worker, or a later comparison, found.
    pub(super) fn join(&mut self, other: Compared<'a>) {
        for (kind, tally) in other.types {
            self.types.entry(kind).or_default().add(&tally);
        }
        self.value += other.value;
        self.expiry += other.expiry;
        self.kind += other.kind;
        for (sum, more) in self.expired.iter_mut().zip(other.expired) {
            *sum += more;
        }
        for (marks, more) in self.marks.iter_mut().zip(other.marks) {
            marks.join(more);
        }
        for (undecided, more) in self.undecided.iter_mut().zip(other.undecided) {
            undecided.join(more);
        }
    }

    fn merge(&mut self, ours: &[Record], theirs: &[Record]) -> io::Result<()> {
        let (mut ours, mut theirs) = (ours.iter().peekable(), theirs.iter().peekable());
        loop {
            let next = match (ours.peek(), theirs.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => cmp::Ordering::Less,
                (None, Some(_)) => cmp::Ordering::Greater,
                (Some(a), Some(b)) => a.key.cmp(&b.key),
            };
            let one = if next == cmp::Ordering::Greater { None } else { ours.next() };
            let other = if next == cmp::Ordering::Less { None } else { theirs.next() };
            match (one, other) {
                (Some(a), Some(b)) => self.both(a, b)?,
                (Some(a), None) => self.alone(a, 0)?,
                (None, Some(b)) => self.alone(b, 1)?,
                (None, None) => return Ok(()),
            }
        }
    }

    fn both(&mut self, a: &Record, b: &Record) -> io::Result<()> {
        if self.by == By::Storage && a.kind == b.kind && a.meaning != b.meaning {
            let [first, second] = &mut self.undecided;
            first.put(a, Mark::OPEN)?;
            return second.put(b, Mark::OPEN);
        }
        let mark = Mark::between(a, b);
        if let Some(tally) = self.tally(a) {
            match mark {
                Some(_) => tally.changed += 1,
                None => tally.equal += 1,
            }
        }
        let Some(mark) = mark else { return Ok(()) };
        self.value += u64::from(mark.value());
        self.expiry += u64::from(mark.expiry());
        self.kind += u64::from(mark.kind());
        let [first, _] = &mut self.marks;
        first.put(a, mark)
    }

    fn alone(&mut self, record: &Record, side: usize) -> io::Result<()> {
        if record.expired {
            // Nobody can read it: the side without it shows clients the same.
            self.expired.get_mut(side).into_iter().for_each(|n| *n += 1);
            return Ok(());
        }
        if let Some(tally) = self.tally(record) {
            match side {
                0 => tally.gone += 1,
                _ => tally.added += 1,
            }
        }
        self.marks.get_mut(side).map_or(Ok(()), |marks| marks.put(record, Mark::ALONE))
    }

    fn tally(&mut self, record: &Record) -> Option<&mut Tally> {
        Some(self.types.entry(record.kind()?).or_default())
    }
}
