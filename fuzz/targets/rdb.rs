//! A snapshot, a DUMP payload, the RDB part of an AOF: whatever the bytes, no walk panics, and none of them is called intact
//! with a wrong checksum.
#![no_main]
use std::io::Read;
use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use redis_dr::rdb::{self, Checksum, Report, Verdict, WalkOptions};
use redis_dr_fuzz::{chosen, crc64};

/// Between the fixtures' moments of expiry.
const NOW_MS: i64 = 1_800_000_000_000;

fuzz_target!(|bytes: &[u8]| {
    let plain = walked(bytes, false);
    honest(bytes, &plain);
    let deep = walked(bytes, true);
    honest(bytes, &deep);
    assert!(plain.is_intact() || !deep.is_intact(), "a closer look found less: {} and {}", plain.verdict, deep.verdict);
    seen_in_other_ways(bytes, &plain);
    harmed(bytes);
    let _ = rdb::of_dump(bytes);
});

fn options(deep: bool) -> WalkOptions {
    WalkOptions { now_ms: NOW_MS, deep, ..WalkOptions::default() }
}

fn walked(bytes: &[u8], deep: bool) -> Report {
    rdb::walk(bytes, Some(bytes.len() as u64), &options(deep), &|_| {})
}

/// What a report says of the checksum is so.
fn honest(bytes: &[u8], report: &Report) {
    assert!(report.bytes <= bytes.len() as u64);
    assert!(!matches!(report.verdict, Verdict::Unreadable { .. } | Verdict::Stopped), "{}", report.verdict);
    if !report.is_intact() {
        return;
    }
    let (read, after) = bytes.split_at(report.bytes as usize);
    assert_eq!(report.trailing, !after.is_empty());
    let stored = || u64::from_le_bytes(*read.last_chunk().expect("a checksum"));
    match &report.checksum {
        Checksum::Good => assert_eq!(crc64(&read[..read.len() - 8]), stored()),
        Checksum::Disabled => assert_eq!(stored(), 0),
        Checksum::Absent => assert!(report.version < 5),
        other => panic!("intact, and the checksum is {other:?}"),
    }
    assert_eq!(report.keys, report.databases.values().map(|db| db.keys).sum::<u64>());
    assert_eq!(report.keys, report.types.values().sum::<u64>());
    assert!(report.expired <= report.expires && report.expires <= report.keys);
}

/// The same file by the other doors.
fn seen_in_other_ways(bytes: &[u8], plain: &Report) {
    let mut keys = 0;
    let mut shown = rdb::for_each_key(bytes, &options(false), &mut |_| {
        keys += 1;
        ControlFlow::Continue(())
    });
    // Who wants the keys looks closer at them: one that is too long, or can't be unpacked.
    assert!(plain.is_intact() || !shown.is_intact());
    if shown.is_intact() {
        // Only who unpacks a compressed collection sees that it is empty; no server writes one.
        shown.empty_collections = plain.empty_collections;
        assert_eq!(&shown, plain);
    }
    assert_eq!(keys, shown.keys);
    let meant =
        rdb::walk_meanings(
            bytes,
            Some(bytes.len() as u64),
            &options(true),
            &|_| {},
            &mut |_| ControlFlow::Continue(()),
        );
    assert!(plain.is_intact() || !meant.is_intact());
    let (preamble, mut rest) = rdb::walk_preamble(bytes, &options(false), &|_| {});
    if preamble.is_intact() {
        let mut after = Vec::new();
        rest.read_to_end(&mut after).expect("bytes in memory");
        assert_eq!(after, &bytes[preamble.bytes as usize..]);
    }
    let _ = rdb::walk_head(bytes, &options(false));
}

/// A file whose checksum is right, and one byte of it changed: never intact.
fn harmed(bytes: &[u8]) {
    let Some(at) = bytes.len().checked_sub(8).filter(|at| *at > 9) else { return };
    let mut file = bytes.to_vec();
    file[at..].copy_from_slice(&crc64(&bytes[..at]).to_le_bytes());
    let whole = walked(&file, false);
    honest(&file, &whole);
    if whole.checksum != Checksum::Good || whole.trailing {
        return;
    }
    // A header that says there is no checksum is believed, as the servers do; so is a checksum of zero.
    let place = 9 + chosen(bytes, file.len() - 9);
    file[place] ^= 1 << chosen(&bytes[..at], 8);
    if file[at..] != [0; 8] {
        let report = walked(&file, false);
        assert!(!report.is_intact(), "byte {place} was changed");
    }
}
