//! Files of real servers; `tests/fixtures/make.sh` says which wrote them.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::super::*;
use super::{NOW, opts};

macro_rules! file {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../../tests/fixtures/rdb/all-types-", $name, ".rdb")).as_slice())
    };
}

pub(super) const FILES: [(&str, &[u8]); 7] = [
    file!("redis-6.0"),
    file!("redis-6.2"),
    file!("redis-7.0"),
    file!("redis-8.0"),
    file!("valkey-8.1"),
    file!("valkey-9.1"),
    file!("redict-7.3"),
];

/// After the files were written, so that the key that had expired has.
pub(super) fn later(deep: bool) -> WalkOptions {
    WalkOptions { now_ms: NOW + 400_000_000_000, ..opts(deep) }
}

#[test]
fn the_files_of_every_server_are_read() {
    for (name, bytes) in FILES {
        let report = walk(bytes, Some(bytes.len() as u64), &later(true), &|_| {});
        assert_eq!((&report.verdict, &report.checksum), (&Verdict::Intact, &Checksum::Good), "{name}");
        // Valkey 9 does not save a key that has expired.
        let expired = u64::from(name != "valkey-9.1");
        assert_eq!((report.keys, report.expires, report.expired), (23 + expired, 1 + expired, expired), "{name}");
        assert_eq!(report.functions, u64::from(!name.starts_with("redis-6")), "{name}");
        let fields = if matches!(name, "redis-8.0" | "valkey-9.1") { 2 } else { 0 };
        assert_eq!(report.databases[&0].hash_field_expires, fields, "{name}");
        let of = |kind| report.types[&kind];
        let counts = [Kind::List, Kind::Set, Kind::Zset, Kind::Hash, Kind::Stream].map(of);
        assert_eq!((of(Kind::String), counts), (9 + expired, [2, 4, 2, 4, 2]), "{name}");
        for count in report.databases.values() {
            assert_eq!(count.announced, Some(Announced { keys: count.keys, expires: count.expires }), "{name}");
        }
        assert!(report.ctime().is_some() && report.memory_hint.is_some() && !report.is_aof_base(), "{name}");
        assert!(report.writer().is_some_and(|version| version.starts_with(&name[name.len() - 3..])), "{name}");
    }
}

#[test]
fn the_same_keys_are_seen_whoever_wrote_them() {
    let keys = |bytes: &[u8]| {
        let mut keys = BTreeSet::new();
        for_each_key(bytes, &later(true), &mut |key| {
            keys.insert((key.db, key.key.to_vec(), key.kind, key.expire_ms.filter(|_| key.db == 0), key.size));
            ControlFlow::Continue(())
        });
        keys.retain(|key| key.1 != b"expired" && key.2 != Kind::String);
        keys
    };
    let first = keys(FILES[0].1);
    assert_eq!(first.len(), 14);
    for (name, bytes) in FILES {
        assert_eq!(keys(bytes), first, "{name}");
    }
}

#[test]
fn none_of_them_is_intact_when_cut_off() {
    for (name, bytes) in FILES {
        for len in 1..bytes.len() {
            let verdict = walk(&bytes[..len], Some(len as u64), &later(true), &|_| {}).verdict;
            assert!(matches!(verdict, Verdict::Damaged { .. }), "{name} {len}: {verdict}");
        }
    }
}

#[test]
fn none_of_them_is_intact_with_a_byte_changed() {
    for (name, bytes) in FILES {
        for at in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] ^= 0x10;
            let verdict = walk(&changed[..], Some(changed.len() as u64), &later(at % 2 == 0), &|_| {}).verdict;
            assert_ne!(verdict, Verdict::Intact, "{name} {at}");
        }
    }
}
