#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! Files that are damaged, and disks that fail: what is had is had whole, and what is not is told.
use super::disk::{SECTOR, Source};
use super::*;
use crate::rdb::{Checksum, for_each_key, walk};
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

fn salvaged(source: &dyn Source, len: usize) -> (Vec<u8>, Carried) {
    let mut out = Vec::new();
    let done = carry(&Patient { source, len: len as u64 }, &mut out, &|_, _| {}).unwrap();
    (out, done)
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
        let Err(Problem::Nothing(because)) =
            carry(&Patient { source: &disk, len: bytes.len() as u64 }, &mut Vec::new(), &|_, _| {})
        else {
            panic!("{says}")
        };
        assert!(because.contains(says), "{because}");
    }
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
