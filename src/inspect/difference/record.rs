//! One key of one side, in 48 bytes: what is needed to tell whether the other side has the same.
use crate::rdb::{KeyMeta, Kind, Meaning};

/// Bytes of a record.
pub(super) const BYTES: usize = 48;
/// Bits of the number of a key; the type is above.
const NUMBER: u32 = 56;

/// A key, digested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Record {
    /// 128 bits of its database and its name.
    pub(super) key: u128,
    /// The how manieth key of its file it is.
    pub(super) number: u64,
    pub(super) kind: u8,
    pub(super) meaning: Meaning,
    /// Unix milliseconds; the largest stands for never.
    pub(super) expires: i64,
    /// Its time is over.
    pub(super) expired: bool,
}

impl Record {
    pub(super) fn of(key: &KeyMeta<'_>, meaning: Meaning, number: u64, now_ms: i64, scratch: &mut Vec<u8>) -> Self {
        scratch.clear();
        scratch.extend_from_slice(&key.db.to_le_bytes());
        scratch.extend_from_slice(key.key);
        let hash = blake3::hash(scratch);
        Record {
            key: hash.as_bytes().first_chunk().map_or(0, |half| u128::from_le_bytes(*half)),
            number,
            kind: key.kind as u8,
            meaning,
            expires: key.expire_ms.unwrap_or(i64::MAX),
            expired: key.gone_ms.is_some_and(|at| at < now_ms),
        }
    }

    /// Which of `buckets` it belongs to; a power of two.
    pub(super) fn bucket(&self, buckets: usize) -> usize {
        // Cut off on purpose: the lowest bits are as good as any.
        (self.key as usize) & (buckets - 1)
    }

    pub(super) fn to_bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let parts: [&[u8]; 4] = [
            &self.key.to_le_bytes(),
            &self.meaning.to_bytes(),
            &self.expires.to_le_bytes(),
            &(self.number | u64::from(self.kind | u8::from(self.expired) << 7) << NUMBER).to_le_bytes(),
        ];
        for (slot, byte) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *slot = *byte;
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; BYTES]) -> Self {
        let half = |at: usize| bytes.get(at..).and_then(<[u8]>::first_chunk::<16>).copied().unwrap_or_default();
        let eight = |at: usize| bytes.get(at..).and_then(<[u8]>::first_chunk::<8>).copied().unwrap_or_default();
        let last = u64::from_le_bytes(eight(40));
        let above = (last >> NUMBER) as u8;
        Record {
            key: u128::from_le_bytes(half(0)),
            meaning: Meaning::from_bytes(half(16)),
            expires: i64::from_le_bytes(eight(32)),
            number: last & ((1 << NUMBER) - 1),
            kind: above & 0x7f,
            expired: above & 0x80 != 0,
        }
    }

    /// Its type.
    pub(super) fn kind(&self) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| *kind as u8 == self.kind)
    }
}

/// What is said of a key that differs: 22 bits of its number within its segment, and what differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(u8);

impl Mark {
    /// Only this side has it.
    pub(super) const ALONE: Mark = Mark(1);
    const TYPE: u8 = 2;
    const VALUE: u8 = 4;
    const EXPIRY: u8 = 8;

    /// What two records of one key differ in; none when in nothing.
    pub(super) fn between(a: &Record, b: &Record) -> Option<Mark> {
        let same_type = a.kind == b.kind;
        let mark = (Self::TYPE * u8::from(!same_type))
            | (Self::VALUE * u8::from(same_type && a.meaning != b.meaning))
            | (Self::EXPIRY * u8::from(a.expires != b.expires));
        (mark != 0).then_some(Mark(mark))
    }

    pub(super) fn alone(self) -> bool {
        self == Self::ALONE
    }

    pub(super) fn kind(self) -> bool {
        self.0 & Self::TYPE != 0
    }

    pub(super) fn value(self) -> bool {
        self.0 & Self::VALUE != 0
    }

    pub(super) fn expiry(self) -> bool {
        self.0 & Self::EXPIRY != 0
    }

    /// With the place of its key within a segment.
    pub(super) fn at(self, place: u32) -> [u8; 4] {
        (place << 4 | u32::from(self.0)).to_le_bytes()
    }

    /// The place, and the mark.
    pub(super) fn from_bytes(bytes: [u8; 4]) -> (u32, Mark) {
        let both = u32::from_le_bytes(bytes);
        (both >> 4, Mark((both & 0x0f) as u8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_whole() {
        let record = Record {
            key: u128::MAX / 3,
            number: (1 << NUMBER) - 1,
            kind: 6,
            meaning: Meaning::from_bytes([7; 16]),
            expires: -5,
            expired: true,
        };
        assert_eq!(Record::from_bytes(&record.to_bytes()), record);
        assert_eq!(record.kind(), Some(Kind::Module));
        let other = Record { expires: 5, ..record };
        let Some(mark) = Mark::between(&record, &other) else { unreachable!() };
        assert!(mark.expiry() && !mark.value() && !mark.kind() && !mark.alone());
        assert_eq!(Mark::from_bytes(mark.at(4_000_000)), (4_000_000, mark));
        assert_eq!(Mark::between(&record, &record), None);
    }
}
