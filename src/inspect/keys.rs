//! Statistics of keys: by type, expiry, size and prefix, in bounded memory and in one pass.
use super::Options;
use super::document::{Expiry, KeyRow, Prefix, Statistics, TypeRow};
use super::most::{Amount, ByName, Most, Named, Sum, prefix};
use super::pattern::Pattern;
use crate::aof::resp::printable;
use crate::facts::Time;
use crate::rdb::{KeyMeta, Kind};
use std::cmp::Ordering;

/// Bytes of a key that are kept for a list.
pub(super) const KEY_BYTES: usize = 512;
const HOUR_MS: i64 = 3_600_000;

/// Counts what it is shown.
#[derive(Debug)]
pub(super) struct Keys {
    now_ms: i64,
    top: usize,
    pattern: Option<Pattern>,
    /// Keys and those that expire, by type.
    types: [(Sum, u64); Kind::ALL.len()],
    expiry: Expiry,
    biggest: Most<Big>,
    prefixes: ByName,
}

/// A key among the biggest.
#[derive(Debug)]
struct Big {
    db: u64,
    key: Box<[u8]>,
    long: bool,
    kind: Kind,
    bytes: u64,
    size: Option<u64>,
    expire_ms: Option<i64>,
}

impl Keys {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            now_ms: options.now.0.as_millisecond(),
            top: options.top,
            pattern: options.keys.clone(),
            types: Default::default(),
            expiry: Expiry::default(),
            biggest: Most::new(options.top),
            prefixes: ByName::default(),
        }
    }

    pub(super) fn add(&mut self, key: &KeyMeta<'_>) {
        if self.pattern.as_ref().is_some_and(|pattern| !pattern.fits(key.key)) {
            return;
        }
        if let Some((sum, expires)) = self.types.get_mut(key.kind as usize) {
            sum.add(&Sum { count: 1, bytes: key.bytes });
            *expires += u64::from(key.expire_ms.is_some());
        }
        *self.until(key.expire_ms) += 1;
        self.prefixes.add(prefix(key.key), key.bytes);
        self.biggest.offer(key.bytes, || Big {
            db: key.db,
            key: key.key.get(..KEY_BYTES).unwrap_or(key.key).into(),
            long: key.key.len() > KEY_BYTES,
            kind: key.kind,
            bytes: key.bytes,
            size: key.size,
            expire_ms: key.expire_ms,
        });
    }

    fn until(&mut self, expire_ms: Option<i64>) -> &mut u64 {
        let expiry = &mut self.expiry;
        let Some(left) = expire_ms.map(|at| at.saturating_sub(self.now_ms)) else {
            return &mut expiry.never;
        };
        match left {
            ..0 => &mut expiry.passed,
            0..HOUR_MS => &mut expiry.hour,
            _ if left < 24 * HOUR_MS => &mut expiry.day,
            _ if left < 7 * 24 * HOUR_MS => &mut expiry.week,
            _ if left < 30 * 24 * HOUR_MS => &mut expiry.month,
            _ => &mut expiry.later,
        }
    }

    pub(super) fn into_document(self) -> Statistics {
        let mut all = Sum::default();
        let mut types = Vec::new();
        for (kind, (sum, expires)) in Kind::ALL.into_iter().zip(self.types).filter(|(_, (sum, _))| sum.count > 0) {
            all.add(&sum);
            types.push(TypeRow { kind, keys: sum.count, expires, bytes: sum.bytes });
        }
        types.sort_by_key(|row| std::cmp::Reverse((row.keys, row.bytes)));
        let prefixes_exact = self.prefixes.is_exact();
        let (prefixes, other) = self.prefixes.top(self.top, |sum| sum.bytes);
        Statistics {
            pattern: self.pattern.map(|pattern| pattern.text()),
            keys: all.count,
            bytes: all.bytes,
            types,
            expiry: self.expiry,
            biggest: self.biggest.into_sorted().into_iter().map(Big::row).collect(),
            prefixes: prefixes.into_iter().map(row).collect(),
            other_keys: other.count,
            other_bytes: other.bytes,
            prefixes_exact,
        }
    }
}

pub(super) fn row((name, sum): Named) -> Prefix {
    Prefix { prefix: printable(&name), count: sum.count, bytes: sum.bytes }
}

impl Big {
    fn row(self) -> KeyRow {
        let key = printable(&self.key) + if self.long { "…" } else { "" };
        let expires_at = self.expire_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).map(Time);
        KeyRow { db: self.db, key, kind: self.kind, bytes: self.bytes, size: self.size, expires_at }
    }
}

// The measure decides; what it is of only has to be orderable.
impl Ord for Big {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes.cmp(&other.bytes)
    }
}

impl PartialOrd for Big {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Big {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Big {}
