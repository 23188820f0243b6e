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
    /// What its value means; or, in its place, a digest of how that is stored.
    pub(super) meaning: Meaning,
    /// Unix milliseconds; the largest stands for never.
    pub(super) expires: i64,
    /// Its time is over.
    pub(super) expired: bool,
}

impl Record {
    /// Of a key whose name and database have this digest.
    pub(super) fn of(key: &KeyMeta<'_>, digest: u128, meaning: Meaning, number: u64, now_ms: i64) -> Self {
        Record {
            key: digest,
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
        let above = u64::from(self.kind | u8::from(self.expired) << 7);
        let last = u128::from(self.expires.cast_unsigned()) | u128::from(self.number | above << NUMBER) << 64;
        let rows = [self.key.to_le_bytes(), self.meaning.to_bytes(), last.to_le_bytes()];
        rows.as_flattened().first_chunk().copied().unwrap_or([0; BYTES])
    }

    pub(super) fn from_bytes(bytes: &[u8; BYTES]) -> Self {
        let (key, meaning, last) = match bytes.as_chunks::<16>().0 {
            [key, meaning, last, ..] => (key, meaning, u128::from_le_bytes(*last)),
            _ => (&[0; 16], &[0; 16], 0),
        };
        let number = (last >> 64) as u64;
        let above = (number >> NUMBER) as u8;
        Record {
            key: u128::from_le_bytes(*key),
            meaning: Meaning::from_bytes(*meaning),
            expires: (last as u64).cast_signed(),
            number: number & ((1 << NUMBER) - 1),
            kind: above & 0x7f,
            expired: above & 0x80 != 0,
        }
    }

    /// Its type.
    pub(super) fn kind(&self) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| *kind as u8 == self.kind)
    }
}

/// What is said of a key that differs: 21 bits of its number within its segment, and what differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(u8);

impl Mark {
    /// Only this side has it.
    pub(super) const ALONE: Mark = Mark(1);
    /// Whether the sides differ in it is open.
    pub(super) const OPEN: Mark = Mark(Self::VALUE);
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
