//! Bucket by bucket: which records of two sides meet, and what differs between those that do.
use super::record::{BYTES, Mark, Record};
use super::spill::{Disk, Spill};
use crate::rdb::Kind;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io;

/// Buckets the keys are sorted into.
pub(super) const BUCKETS: usize = 1024;
/// Records of a bucket, both sides, that are held at once; a larger one is gone through in turns.
const HELD: u64 = 200_000;
/// Keys of a segment, by their numbers: marks are read back segment by segment, in the order of the file.
pub(super) const SEGMENT: u64 = 1 << 22;

/// How many keys of a type differ, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) added: u64,
    pub(super) gone: u64,
    pub(super) changed: u64,
    pub(super) equal: u64,
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
}

/// Marks of one side, by segment.
pub(super) struct Marks<'a> {
    pub(super) spill: Spill<'a, 4>,
    pub(super) count: u64,
}

impl<'a> Marks<'a> {
    fn new(disk: &'a dyn Disk) -> Self {
        Marks { spill: Spill::new(disk), count: 0 }
    }

    fn put(&mut self, record: &Record, mark: Mark) -> io::Result<()> {
        self.count += 1;
        let segment = usize::try_from(record.number / SEGMENT).map_err(io::Error::other)?;
        // Smaller than a segment.
        self.spill.put(segment, &mark.at((record.number % SEGMENT) as u32))
    }
}

/// Compares all.
///
/// # Errors
/// The disk is full, or fails.
pub(super) fn compare<'a>(
    a: &Spill<'_, BYTES>,
    b: &Spill<'_, BYTES>,
    disk: &'a dyn Disk,
    progress: &dyn Fn(u64),
) -> io::Result<Compared<'a>> {
    let mut compared = Compared {
        types: BTreeMap::new(),
        value: 0,
        expiry: 0,
        kind: 0,
        expired: [0; 2],
        marks: [Marks::new(disk), Marks::new(disk)],
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for bucket in 0..a.buckets().max(b.buckets()) {
        let turns = (a.records(bucket) + b.records(bucket)).div_ceil(HELD).max(1);
        for turn in 0..turns {
            read(a, bucket, (turn, turns), &mut ours)?;
            read(b, bucket, (turn, turns), &mut theirs)?;
            compared.merge(&ours, &theirs)?;
        }
        progress(bucket as u64 + 1);
    }
    Ok(compared)
}

/// Reads the records of one turn, sorted.
fn read(spill: &Spill<'_, BYTES>, bucket: usize, (turn, turns): (u64, u64), into: &mut Vec<Record>) -> io::Result<()> {
    into.clear();
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

impl Compared<'_> {
    fn merge(&mut self, ours: &[Record], theirs: &[Record]) -> io::Result<()> {
        let (mut ours, mut theirs) = (ours.iter().peekable(), theirs.iter().peekable());
        loop {
            let next = match (ours.peek(), theirs.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => a.key.cmp(&b.key),
            };
            let one = if next == Ordering::Greater { None } else { ours.next() };
            let other = if next == Ordering::Less { None } else { theirs.next() };
            match (one, other) {
                (Some(a), Some(b)) => self.both(a, b)?,
                (Some(a), None) => self.alone(a, 0)?,
                (None, Some(b)) => self.alone(b, 1)?,
                (None, None) => return Ok(()),
            }
        }
    }

    fn both(&mut self, a: &Record, b: &Record) -> io::Result<()> {
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
