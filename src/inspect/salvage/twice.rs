//! Keys that were found twice: no server loads a file that has one. What was found first stays.
use crate::inspect::spill::{Disk, Spill};
use crate::rdb::{KeyMeta, Secret};
use std::io;

/// Buckets the keys are sorted into.
const BUCKETS: usize = 1024;
/// Bytes of records that are kept in memory.
const KEPT: usize = 8 << 20;
/// Keys that may be there once more than once.
const MOST: usize = 1_000_000;
/// A digest, and a number.
const BYTES: usize = 24;

/// All keys that were taken over, numbered in their order.
pub(super) struct Names<'a> {
    spill: Spill<'a, BYTES>,
    secret: Secret,
    scratch: Vec<u8>,
    count: u64,
}

impl<'a> Names<'a> {
    pub(super) fn new(disk: &'a dyn Disk) -> Self {
        Names { spill: Spill::new(disk, KEPT), secret: Secret::random(), scratch: Vec::new(), count: 0 }
    }

    /// What tells a key from all others.
    pub(super) fn digest(&mut self, key: &KeyMeta<'_>) -> u128 {
        key.digest(&self.secret, &mut self.scratch)
    }

    /// Takes in the next key, and gives its number.
    ///
    /// # Errors
    /// The disk is full, or fails.
    pub(super) fn note(&mut self, digest: u128) -> io::Result<u64> {
        let number = self.count;
        self.count += 1;
        let mut record = [0; BYTES];
        let both = [digest.to_le_bytes(), u128::from(number).to_le_bytes()];
        record.copy_from_slice(both.as_flattened().get(..BYTES).unwrap_or(&[0; BYTES]));
        // Cut off on purpose: the lowest bits are as good as any.
        self.spill.put(digest as usize & (BUCKETS - 1), &record)?;
        Ok(number)
    }

    /// The numbers of those that were there before, in order.
    ///
    /// # Errors
    /// The disk fails; there are too many.
    pub(super) fn again(&self) -> io::Result<Vec<u64>> {
        let (mut again, mut bucket) = (Vec::new(), Vec::new());
        for number in 0..self.spill.buckets() {
            bucket.clear();
            self.spill.each(number, |record| bucket.push(of(record)))?;
            bucket.sort_unstable();
            let pairs = bucket.iter().zip(bucket.iter().skip(1));
            again.extend(pairs.filter(|(one, next)| one.0 == next.0).map(|(_, next)| next.1));
            if again.len() > MOST {
                return Err(io::Error::other(format!("more than {MOST} keys are there twice")));
            }
        }
        again.sort_unstable();
        Ok(again)
    }
}

fn of(record: &[u8; BYTES]) -> (u128, u64) {
    let digest = record.first_chunk().map_or(0, |digest| u128::from_le_bytes(*digest));
    (digest, record.last_chunk().map_or(0, |number| u64::from_le_bytes(*number)))
}
