//! The names of the keys that differ, read from the files once more.
use super::compare::{Marks, SEGMENT, Tally};
use super::document::{KeyDifference, PrefixDifference, What};
use super::record::Mark;
use crate::aof::resp::printable;
use crate::facts::Time;
use crate::inspect::keys::KEY_BYTES;
use crate::inspect::most::{Amount, ByName, prefix};
use crate::rdb::KeyMeta;
use std::io;
use std::ops::ControlFlow;

/// What is gathered of both sides.
pub(super) struct Names {
    top: usize,
    pub(super) added: Vec<KeyDifference>,
    pub(super) gone: Vec<KeyDifference>,
    pub(super) changed: Vec<KeyDifference>,
    prefixes: ByName<Tally>,
}

impl Amount for Tally {
    fn add(&mut self, other: &Self) {
        self.added += other.added;
        self.gone += other.gone;
        self.changed += other.changed;
        self.equal += other.equal;
    }

    fn weight(&self) -> u64 {
        self.added + self.gone + self.changed
    }
}

impl Names {
    pub(super) fn new(top: usize) -> Self {
        Names { top, added: Vec::new(), gone: Vec::new(), changed: Vec::new(), prefixes: ByName::default() }
    }

    fn note(&mut self, key: &KeyMeta<'_>, mark: Mark, first: bool) {
        let (list, amount) = match (mark.alone(), first) {
            (true, true) => (&mut self.gone, Tally { gone: 1, ..Tally::default() }),
            (true, false) => (&mut self.added, Tally { added: 1, ..Tally::default() }),
            (false, _) => (&mut self.changed, Tally { changed: 1, ..Tally::default() }),
        };
        self.prefixes.put(prefix(key.key), amount);
        if list.len() < self.top {
            list.push(row(key, mark));
        }
    }

    /// The prefixes with most that differ, how much differs in others, and whether none was given up.
    pub(super) fn into_prefixes(self) -> (Vec<PrefixDifference>, u64, bool) {
        let exact = self.prefixes.is_exact();
        let (top, rest) = self.prefixes.top(self.top, Amount::weight);
        let rows = top.into_iter().map(|(name, tally)| PrefixDifference {
            prefix: printable(&name),
            added: tally.added,
            gone: tally.gone,
            changed: tally.changed,
        });
        (rows.collect(), rest.weight(), exact)
    }
}

fn row(key: &KeyMeta<'_>, mark: Mark) -> KeyDifference {
    let name = printable(key.key.get(..KEY_BYTES).unwrap_or(key.key));
    let more = if key.key.len() > KEY_BYTES { "…" } else { "" };
    let what = [(mark.kind(), What::Type), (mark.value(), What::Value), (mark.expiry(), What::Expiry)];
    KeyDifference {
        db: key.db,
        key: name + more,
        kind: key.kind,
        bytes: key.bytes,
        expires_at: key.expire_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).map(Time),
        differs_in: what.into_iter().filter_map(|(is, what)| is.then_some(what)).collect(),
    }
}

/// Goes through the keys of one side in the order of its file, and knows what was said of each.
pub(super) struct Roll<'a, 'm> {
    marks: &'a Marks<'m>,
    first: bool,
    number: u64,
    /// Marks of the segment being read, by place; zero for none.
    segment: Vec<Option<Mark>>,
    left: u64,
    pub(super) failed: Option<io::Error>,
}

impl<'a, 'm> Roll<'a, 'm> {
    pub(super) fn new(marks: &'a Marks<'m>, first: bool) -> Self {
        Roll { marks, first, number: 0, segment: Vec::new(), left: marks.count, failed: None }
    }

    /// The next key; ends the walk when nothing was said of any further one.
    pub(super) fn call(&mut self, key: &KeyMeta<'_>, names: &mut Names) -> ControlFlow<()> {
        if let Some(mark) = self.next() {
            names.note(key, mark, self.first);
        }
        self.on()
    }

    /// What is said of the next key.
    pub(super) fn next(&mut self) -> Option<Mark> {
        let place = self.number % SEGMENT;
        self.number += 1;
        if place == 0
            && let Err(error) = self.turn()
        {
            self.failed = Some(error);
        }
        let mark = self.segment.get(place as usize).copied().flatten()?;
        self.left -= 1;
        Some(mark)
    }

    /// The number of the key that was called last.
    pub(super) fn last(&self) -> u64 {
        self.number.saturating_sub(1)
    }

    /// Ends the walk when nothing was said of any further key, or it can't be read what.
    pub(super) fn on(&self) -> ControlFlow<()> {
        if self.left == 0 || self.failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Reads the marks of the next segment.
    fn turn(&mut self) -> io::Result<()> {
        let segment = usize::try_from(self.last() / SEGMENT).map_err(io::Error::other)?;
        self.segment.clear();
        if self.marks.in_segment(segment) == 0 {
            return Ok(());
        }
        self.segment.resize(SEGMENT as usize, None);
        let places = &mut self.segment;
        self.marks.each(segment, |place, mark| {
            if let Some(slot) = places.get_mut(place as usize) {
                *slot = Some(mark);
            }
        })
    }
}
