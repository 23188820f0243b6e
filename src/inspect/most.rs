//! The most of something, in bounded memory.
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

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
#[derive(Debug, Default)]
pub(super) struct ByName<A = Sum> {
    sums: HashMap<Box<[u8]>, A>,
    rest: A,
}

impl ByName {
    pub(super) fn add(&mut self, name: &[u8], bytes: u64) {
        self.put(name, Sum { count: 1, bytes });
    }
}

impl<A: Amount> ByName<A> {
    pub(super) fn put(&mut self, name: &[u8], amount: A) {
        let name = name.get(..NAME_BYTES).unwrap_or(name);
        if let Some(sum) = self.sums.get_mut(name) {
            sum.add(&amount);
            return;
        }
        if self.sums.len() >= NAMES {
            self.give_up_half();
        }
        self.sums.insert(name.into(), amount);
    }

    fn give_up_half(&mut self) {
        let mut weights: Vec<u64> = self.sums.values().map(Amount::weight).collect();
        let middle = weights.len() / 2;
        let (_, median, _) = weights.select_nth_unstable(middle);
        let median = *median;
        let rest = &mut self.rest;
        self.sums.retain(|_, sum| {
            let stays = sum.weight() > median;
            if !stays {
                rest.add(sum);
            }
            stays
        });
    }

    /// Was no name given up?
    pub(super) fn is_exact(&self) -> bool {
        self.rest == A::default()
    }

    /// The names with the most, and the sum of all others.
    pub(super) fn top(self, limit: usize, by: impl Fn(&A) -> u64) -> (Vec<Named<A>>, A) {
        let mut all: Vec<_> = self.sums.into_iter().collect();
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
        assert!(!names.is_exact());
        let (top, rest) = names.top(1, |sum| sum.bytes);
        assert_eq!((&*top[0].0, top[0].1.bytes), (&b"big:"[..], 5_000_000));
        assert_eq!((rest.count, rest.bytes), (50_000, 500_000));
    }

    #[test]
    fn prefixes_end_with_their_separator() {
        for (key, wanted) in [("user:1:name", "user:"), ("a-b:c", "a-b:"), ("a/b", "a/"), ("plain", ""), ("x_1", "x_")]
        {
            assert_eq!(prefix(key.as_bytes()), wanted.as_bytes());
        }
    }
}
