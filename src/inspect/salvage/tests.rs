#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! Files that are damaged, and disks that fail: what is had is had whole, and what is not is told.
use super::disk::{SECTOR, Source};
use super::*;
use crate::rdb::{Checksum, Magic, for_each_key, walk};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A disk with sectors that can't be read, and some that can't at first.
struct Failing {
    bytes: Vec<u8>,
    bad: Vec<u64>,
}

impl Source for Failing {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let end = (offset + buf.len() as u64).min(self.bytes.len() as u64);
        if self.bad.iter().any(|sector| offset < (sector + 1) * SECTOR && sector * SECTOR < end) {
            return Err(io::Error::from_raw_os_error(5));
        }
        let from = usize::try_from(offset).unwrap().min(self.bytes.len());
        let n = usize::try_from(end).unwrap().saturating_sub(from);
        buf[..n].copy_from_slice(&self.bytes[from..from + n]);
        Ok(n)
    }
}

/// Keys as they must come back: name, database, expiry, and the bytes of the value.
type Keys = BTreeMap<(u64, Vec<u8>), (Option<i64>, u64)>;

fn file(keys: u32) -> Vec<u8> {
    let mut writer = Writer::begin(Vec::new(), Magic::Redis, 11).unwrap();
    writer.aux("redis-ver", "7.2.4").unwrap();
    writer.library(b"#!lua name=lib\nx").unwrap();
    for n in 0..keys {
        let expires = (n % 5 == 0).then_some(4_102_444_800_000 + i64::from(n));
        writer.before_key(u64::from(n * 2 / keys.max(1)), expires).unwrap();
        let (key, value) = (format!("key:{n:06}"), format!("value {n} ").repeat(1 + n as usize % 20));
        writer.raw(&[0, u8::try_from(key.len()).unwrap()]).unwrap();
        writer.raw(key.as_bytes()).unwrap();
        writer.raw(&[0x40 | u8::try_from(value.len() >> 8).unwrap(), (value.len() & 0xff) as u8]).unwrap();
        writer.raw(value.as_bytes()).unwrap();
    }
    writer.end().unwrap()
}

fn keys_of(bytes: &[u8]) -> Keys {
    let mut keys = Keys::new();
    let report = for_each_key(bytes, &WalkOptions::default(), &mut |key| {
        keys.insert((key.db, key.key.to_vec()), (key.expire_ms, key.bytes));
        ControlFlow::Continue(())
    });
    assert!(report.is_intact() && report.checksum == Checksum::Good, "{}", report.verdict);
    keys
}

fn tried(source: &dyn Source, len: usize) -> Result<(Vec<u8>, Carried), Problem> {
    let scratch = Scratch { look: Look::new(), dir: std::env::temp_dir() };
    carried(&Patient { source, len: len as u64 }, &scratch, || Ok(Vec::new()), &|_, _| {})
}

fn salvaged(source: &dyn Source, len: usize) -> (Vec<u8>, Carried) {
    tried(source, len).unwrap()
}

fn on_disk(bytes: &[u8], bad: &[u64]) -> Failing {
    Failing { bytes: bytes.to_vec(), bad: bad.to_vec() }
}

fn is_partial(bytes: &[u8]) -> bool {
    walk(bytes, None, &WalkOptions::default(), &|_| {}).aux.contains_key(PARTIAL)
}

#[test]
fn a_whole_file_comes_back_whole() {
    let bytes = file(1000);
    let (out, done) = salvaged(&on_disk(&bytes, &[]), bytes.len());
    assert_eq!((done.keys, done.functions, done.holes.len(), done.checksum_bad), (1000, 1, 0, false));
    assert_eq!((keys_of(&out), is_partial(&out)), (keys_of(&bytes), false));
}

#[test]
fn a_file_that_is_cut_off_keeps_all_before() {
    let bytes = file(1000);
    let cut = &bytes[..bytes.len() / 2];
    let (out, done) = salvaged(&on_disk(cut, &[]), cut.len());
    assert!(done.keys > 400 && is_partial(&out));
    assert_eq!((done.holes.len(), done.holes[0].to), (1, cut.len() as u64));
    let all = keys_of(&bytes);
    assert!(keys_of(&out).iter().all(|(name, key)| all.get(name) == Some(key)));
}

#[test]
fn a_wrong_length_costs_one_key() {
    let bytes = file(1000);
    let at = memchr::memmem::find(&bytes, b"key:000300").unwrap() + 10;
    let mut broken = bytes.clone();
    broken[at] = 0x7f;
    let (out, done) = salvaged(&on_disk(&broken, &[]), broken.len());
    assert_eq!((done.keys, done.holes.len()), (999, 1), "{:?}", done.holes);
    let (mut all, found) = (keys_of(&bytes), keys_of(&out));
    all.remove(&(0, b"key:000300".to_vec()));
    assert_eq!(found, all);
    assert_eq!((done.holes[0].unreadable, done.holes[0].db_assumed), (false, Some(0)));
}

#[test]
fn sectors_that_cannot_be_read_are_told_and_the_rest_is_had() {
    let bytes = file(3000);
    let (out, done) = salvaged(&on_disk(&bytes, &[10, 11, 30]), bytes.len());
    assert_eq!(done.holes.len(), 2, "{:?}", done.holes);
    for (hole, sector) in done.holes.iter().zip([10, 30]) {
        assert!(hole.unreadable && hole.from <= sector * SECTOR && hole.to >= (sector + 1) * SECTOR, "{hole:?}");
        assert!(hole.to - hole.from < 4 * SECTOR, "{hole:?}");
    }
    let (all, found) = (keys_of(&bytes), keys_of(&out));
    assert!(found.len() > 2800 && found.iter().all(|(name, key)| all.get(name) == Some(key)));
    assert_eq!(found.len() as u64, done.keys);
}

#[test]
fn a_value_that_is_wrong_inside_is_said_to_be_somewhere() {
    let mut bytes = file(100);
    let at = memchr::memmem::find(&bytes, b"value 50").unwrap();
    bytes[at] = b'V';
    let (out, done) = salvaged(&on_disk(&bytes, &[]), bytes.len());
    assert_eq!((done.keys, done.holes.len(), done.checksum_bad, is_partial(&out)), (100, 0, true, true));
}

#[test]
fn what_has_nothing_is_said_so() {
    for (bytes, says) in [(&b""[..], "empty"), (b"*1\r\n$4\r\nPING\r\n", "not an RDB"), (b"REDIS0099", "not known")] {
        let disk = on_disk(bytes, &[]);
        let Err(Problem::Nothing(because)) = tried(&disk, bytes.len()) else { panic!("{says}") };
        assert!(because.contains(says), "{because}");
    }
}

/// Text keys of one letter, with what stands before each.
fn small(records: &[(&[u8], u8)]) -> Vec<u8> {
    let mut writer = Writer::begin(Vec::new(), Magic::Redis, 11).unwrap();
    for (before, name) in records {
        writer.raw(before).unwrap();
        writer.raw(&[0, 1, *name, 3, b'v', b'=', *name]).unwrap();
    }
    writer.end().unwrap()
}

#[test]
fn of_a_key_that_is_there_twice_the_first_stays() {
    let mut names: Vec<u8> = (b'a'..=b'z').collect();
    names.extend([b'c', b'A', b'a']);
    let records: Vec<(&[u8], u8)> = names.iter().map(|name| (&b""[..], *name)).collect();
    let bytes = small(&records);
    let (out, done) = salvaged(&on_disk(&bytes, &[]), bytes.len());
    assert_eq!((done.keys, keys_of(&out).len(), is_partial(&out)), (27, 27, true));
    let at = |n: u64| 9 + 7 * n;
    let holes: Vec<(u64, u64, bool)> = done.holes.iter().map(|h| (h.from, h.to, h.unreadable)).collect();
    assert_eq!(holes, [(at(26), at(27), false), (at(28), at(29), false)], "{:?}", done.holes);
    assert!(done.holes.iter().all(|hole| hole.because == "its key is there before"));
}

#[test]
fn how_a_key_was_used_and_data_of_modules_stay() {
    let module = [&[0xf7, 0x81][..], &0x1234_5678_9abc_def0u64.to_be_bytes(), &[2, 2, 2, 7, 0]].concat();
    let often = [&module[..], &[0xf9, 200]].concat();
    let bytes = small(&[(b"\xf8\x40\x64", b'a'), (&often, b'b'), (b"", b'c')]);
    let (out, done) = salvaged(&on_disk(&bytes, &[]), bytes.len());
    assert_eq!((done.keys, done.holes.len(), is_partial(&out)), (3, 0, false));
    for kept in [&b"\xf8\x40\x64\x00\x01a"[..], &module, b"\xf9\xc8\x00\x01b"] {
        assert!(memchr::memmem::find(&out, kept).is_some(), "{kept:?}");
    }
    let place = |wanted: &[u8]| memchr::memmem::find(&out, wanted).unwrap();
    assert!(place(b"v=a") < place(&module) && place(&module) < place(b"v=b"), "in their order");
    assert_eq!(keys_of(&out).len(), 3);
    let report = walk(&out[..], None, &WalkOptions::default(), &|_| {});
    assert_eq!(report.modules.len(), 1);
}

#[test]
fn a_length_behind_damage_that_leads_over_records_is_not_believed() {
    let bytes = file(1000);
    let at = |name: &[u8]| memchr::memmem::find(&bytes, name).unwrap();
    // What stands in the place of key 302 reads as a key whose value ends where a later record does.
    let (from, end) = (at(b"key:000302") - 2, at(b"key:000402") - 2);
    let mut broken = bytes.clone();
    let head = [0xff, 0, 1, b'k', 0x40 | u8::try_from((end - from - 6) >> 8).unwrap(), (end - from - 6) as u8];
    broken[from..from + 6].copy_from_slice(&head);
    let (out, done) = salvaged(&on_disk(&broken, &[]), broken.len());
    let (mut all, found) = (keys_of(&bytes), keys_of(&out));
    all.remove(&(0, b"key:000302".to_vec()));
    assert_eq!((found, done.holes.len()), (all, 1), "{:?}", done.holes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn whatever_is_broken_the_output_is_whole_and_says_it_is_not_all(
        at in 9usize..20_000, with in proptest::collection::vec(any::<u8>(), 1..200),
    ) {
        let mut bytes = file(400);
        let at = at % bytes.len();
        let end = (at + with.len()).min(bytes.len());
        let changed = bytes[at..end] != with[..end - at];
        bytes[at..end].copy_from_slice(&with[..end - at]);
        let (out, done) = salvaged(&on_disk(&bytes, &[]), bytes.len());
        let found = keys_of(&out);
        prop_assert!(found.len() as u64 <= done.keys);
        prop_assert!(done.keys > 300, "{} {:?}", done.keys, done.holes);
        prop_assert_eq!(is_partial(&out), changed);
    }
}
