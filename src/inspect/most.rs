//! The most of something, in bounded memory.
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::{BuildHasher, RandomState};

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The `N` items of the largest measure.
#[derive(Debug)]
pub(super) struct Most<T> {
    limit: usize,
    heap: BinaryHeap<Reverse<(u64, Reverse<u64>, T)>>,
    /// Items seen: of equal measures the first ones stay.
    seen: u64,
}

impl<T: Ord> Most<T> {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, heap: BinaryHeap::new(), seen: 0 }
    }

    /// Takes an item in if it is among the largest; makes it only then.
    pub(super) fn offer(&mut self, measure: u64, item: impl FnOnce() -> T) {
        self.seen += 1;
        let full = self.heap.len() >= self.limit;
        if full && self.heap.peek().is_none_or(|Reverse(least)| measure <= least.0) {
            return;
        }
        self.heap.push(Reverse((measure, Reverse(self.seen), item())));
        if full {
            self.heap.pop();
        }
    }

    /// The largest first.
    pub(super) fn into_sorted(self) -> Vec<T> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse((_, _, item))| item).collect()
    }
}

/// How many names are told apart before those with the least are no longer.
const NAMES: usize = 8192;
/// Bytes of a name that are told apart.
const NAME_BYTES: usize = 128;

/// A count, and the bytes that go with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) count: u64,
    pub(super) bytes: u64,
}

/// What is summed up by name.
pub(super) trait Amount: Copy + Default + PartialEq {
    fn add(&mut self, other: &Self);
    /// Those with the least are given up first.
    fn weight(&self) -> u64;
}

impl Amount for Sum {
    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.bytes += other.bytes;
    }

    fn weight(&self) -> u64 {
        self.bytes
    }
}

/// A name and its sum.
pub(super) type Named<A = Sum> = (Box<[u8]>, A);

/// Sums by name. Exact up to 8192 names; beyond, names with little are given up, and those that stay are lower bounds.
///
/// It is asked once for every key of a file, so it is a table of its own: the name asked for last is tried before any is
/// hashed, and hashes are kept.
#[derive(Debug)]
pub(super) struct ByName<A = Sum> {
    names: Vec<Entry<A>>,
    /// Places in `names`, one more each, where their hashes lead or behind that; zero is none. A power of two, and never full.
    slots: Vec<u16>,
    last: usize,
    /// Of this table alone, so that nobody can choose names whose hashes all meet.
    seed: u64,
    rest: A,
}

#[derive(Debug)]
struct Entry<A> {
    name: Box<[u8]>,
    hash: u64,
    sum: A,
}

impl<A: Amount> Default for ByName<A> {
    fn default() -> Self {
        let seed = RandomState::new().hash_one(0);
        ByName { names: Vec::new(), slots: vec![0; 4 * NAMES], last: 0, seed, rest: A::default() }
    }
}

impl ByName {
    #[inline]
    pub(super) fn add(&mut self, name: &[u8], bytes: u64) {
        self.put(name, Sum { count: 1, bytes });
    }
}

impl<A: Amount> ByName<A> {
    #[inline]
    pub(super) fn put(&mut self, name: &[u8], amount: A) {
        let name = name.get(..NAME_BYTES).unwrap_or(name);
        match self.names.get_mut(self.last) {
            Some(last) if *last.name == *name => last.sum.add(&amount),
            _ => self.find(name, amount),
        }
    }

    fn find(&mut self, name: &[u8], amount: A) {
        let hash = xxh3_64_with_seed(name, self.seed);
        let found = self.places(hash).map(|slot| self.slots.get(slot).copied().unwrap_or(0));
        for place in found {
            let Some(place) = usize::from(place).checked_sub(1) else { break };
            if let Some(entry) = self.names.get_mut(place)
                && entry.hash == hash
                && *entry.name == *name
            {
                entry.sum.add(&amount);
                self.last = place;
                return;
            }
        }
        if self.names.len() >= NAMES {
            self.give_up_half();
        }
        self.last = self.names.len();
        self.names.push(Entry { name: name.into(), hash, sum: amount });
        self.settle(hash, self.last);
    }

    /// The slots where a hash may be, in their order.
    fn places(&self, hash: u64) -> impl Iterator<Item = usize> + use<A> {
        let mask = self.slots.len() - 1;
        // Cut off on purpose: the lowest bits are as good as any.
        (0..=mask).map(move |step| (hash as usize).wrapping_add(step) & mask)
    }

    /// Gives a name its slot.
    fn settle(&mut self, hash: u64, place: usize) {
        for slot in self.places(hash) {
            if let Some(slot) = self.slots.get_mut(slot).filter(|slot| **slot == 0) {
                // At most 8192.
                *slot = place as u16 + 1;
                return;
            }
        }
    }

    fn give_up_half(&mut self) {
        let mut weights: Vec<u64> = self.names.iter().map(|entry| entry.sum.weight()).collect();
        let middle = weights.len() / 2;
        let (_, median, _) = weights.select_nth_unstable(middle);
        let median = *median;
        let rest = &mut self.rest;
        self.names.retain(|entry| {
            let stays = entry.sum.weight() > median;
            if !stays {
                rest.add(&entry.sum);
            }
            stays
        });
        self.slots.fill(0);
        let hashes: Vec<u64> = self.names.iter().map(|entry| entry.hash).collect();
        hashes.into_iter().enumerate().for_each(|(place, hash)| self.settle(hash, place));
    }

    /// Was no name given up?
    pub(super) fn is_exact(&self) -> bool {
        self.rest == A::default()
    }

    /// The names with the most, and the sum of all others.
    pub(super) fn top(self, limit: usize, by: impl Fn(&A) -> u64) -> (Vec<Named<A>>, A) {
        let mut all: Vec<Named<A>> = self.names.into_iter().map(|entry| (entry.name, entry.sum)).collect();
        all.sort_unstable_by(|a, b| by(&b.1).cmp(&by(&a.1)).then_with(|| a.0.cmp(&b.0)));
        let mut rest = self.rest;
        for (_, sum) in all.iter().skip(limit) {
            rest.add(sum);
        }
        all.truncate(limit);
        (all, rest)
    }
}

/// The part of a key that it shares with its like: up to the first `:`, else up to the first of `/ | . - _`, that byte
/// included; none where it has neither.
pub(super) fn prefix(key: &[u8]) -> &[u8] {
    let key = key.get(..NAME_BYTES).unwrap_or(key);
    let end =
        memchr::memchr(b':', key).or_else(|| key.iter().position(|b| matches!(b, b'/' | b'|' | b'.' | b'-' | b'_')));
    end.and_then(|end| key.get(..=end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_stay_and_the_first_of_equals() {
        let mut most = Most::new(3);
        for (measure, name) in [(1, "a"), (5, "b"), (5, "c"), (2, "d"), (9, "e"), (5, "f")] {
            most.offer(measure, || name);
        }
        assert_eq!(most.into_sorted(), ["e", "b", "c"]);
        let mut none = Most::new(0);
        none.offer(1, || "a");
        assert!(none.into_sorted().is_empty());
    }

    #[test]
    fn names_beyond_the_bound_are_given_up_and_nothing_is_lost_from_the_sum() {
        let mut names = ByName::default();
        for n in 0..50_000u64 {
            names.add(format!("n{n}:").as_bytes(), 10);
            names.add(b"big:", 100);
        }
        assert!(!names.is_exact() && names.names.len() <= NAMES);
        let (top, rest) = names.top(1, |sum| sum.bytes);
        assert_eq!((&*top[0].0, top[0].1.bytes), (&b"big:"[..], 5_000_000));
        assert_eq!((rest.count, rest.bytes), (50_000, 500_000));
    }

    #[test]
    fn names_are_told_apart_and_each_keeps_its_sum() {
        let mut names = ByName::default();
        for round in 0..3u64 {
            for n in 0..NAMES as u64 {
                names.add(format!("name {n}").as_bytes(), n + round);
            }
        }
        assert!(names.is_exact());
        let (top, rest) = names.top(NAMES, |sum| sum.bytes);
        assert_eq!((top.len(), rest), (NAMES, Sum::default()));
        for (name, sum) in top {
            let n: u64 = String::from_utf8_lossy(&name)[5..].parse().unwrap_or_default();
            assert_eq!(sum, Sum { count: 3, bytes: 3 * n + 3 });
        }
    }

    #[test]
    fn prefixes_end_with_their_separator() {
        for (key, wanted) in [("user:1:name", "user:"), ("a-b:c", "a-b:"), ("a/b", "a/"), ("plain", ""), ("x_1", "x_")]
        {
            assert_eq!(prefix(key.as_bytes()), wanted.as_bytes());
        }
    }
}
