#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod damage;
mod fixtures;
mod meanings;
mod servers;

use std::io::Read;
use std::ops::ControlFlow;

use super::*;

const NOW: i64 = 1_700_000_000_000;

fn opts(deep: bool) -> WalkOptions {
    WalkOptions { now_ms: NOW, deep, ..WalkOptions::default() }
}

/// Builds files byte by byte.
struct File(Vec<u8>);

impl File {
    fn new(header: &str) -> Self {
        File(header.as_bytes().to_vec())
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn text(self, text: &[u8]) -> Self {
        let len = u8::try_from(text.len()).unwrap();
        assert!(len < 64);
        self.raw(&[len]).raw(text)
    }

    /// A key of a type; its value is for the caller to add.
    fn key(self, op: u8, name: &str) -> Self {
        self.raw(&[op]).text(name.as_bytes())
    }

    fn aux(self, name: &str, value: &str) -> Self {
        self.raw(&[0xfa]).text(name.as_bytes()).text(value.as_bytes())
    }

    fn end(mut self) -> Vec<u8> {
        self.0.push(0xff);
        let mut digest = feed::digest();
        digest.update(&self.0);
        let sum = digest.finalize();
        self.0.extend_from_slice(&sum.to_le_bytes());
        self.0
    }
}

fn listpack(entries: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for entry in entries {
        body.push(0x80 | u8::try_from(entry.len()).unwrap());
        body.extend_from_slice(entry);
        body.push(u8::try_from(entry.len() + 1).unwrap());
    }
    let total = u32::try_from(body.len() + 7).unwrap();
    let mut whole = total.to_le_bytes().to_vec();
    whole.extend_from_slice(&u16::try_from(entries.len()).unwrap().to_le_bytes());
    whole.extend_from_slice(&body);
    whole.push(0xff);
    whole
}

/// One of everything Redis writes, a record or two per line.
#[rustfmt::skip]
fn everything() -> Vec<u8> {
    File::new("REDIS0012")
        .aux("redis-ver", "7.4.1")
        .aux("ctime", "1699999999")
        .aux("used-mem", "1048576")
        .raw(&[0xf5]).text(b"#!lua name=lib\n")
        // A module's AUX data: id of "ReJSON-RL" version 3, when, one string.
        .raw(&[0xf7, 0x81]).raw(&module_id("ReJSON-RL", 3).to_be_bytes()).raw(&[2, 1, 5, 1, b'x', 0])
        .raw(&[0xfe, 0, 0xfb, 11, 2])
        .key(0, "plain").text(b"value")
        .key(0, "number").raw(&[0xc1, 0x39, 0x30])
        // "aaaaaaaaaa": one literal, then nine from one back.
        .key(0, "packed").raw(&[0xc3, 5, 10, 0, b'a', 0xe0, 0, 0])
        .raw(&[0xfc]).raw(&(NOW - 1).to_le_bytes()).key(1, "list").raw(&[2]).text(b"a").text(b"b")
        .raw(&[0xfd]).raw(&1_800_000_000i32.to_le_bytes()).key(2, "set").raw(&[1]).text(b"a")
        .key(3, "old zset").raw(&[2]).text(b"a").raw(&[3, b'1', b'.', b'5']).text(b"b").raw(&[254])
        .key(5, "zset").raw(&[1]).text(b"a").raw(&1.5f64.to_le_bytes())
        .raw(&[0xf9, 7]).key(4, "hash").raw(&[1]).text(b"f").text(b"v")
        .raw(&[0xf8, 60]).key(16, "small hash").text(&listpack(&[b"f", b"v"]))
        .key(11, "ints").text(&[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 2, 0])
        .key(18, "quick").raw(&[2, 1]).text(b"large").raw(&[2]).text(&listpack(&[b"a", b"b"]))
        .raw(&[0xfe, 5])
        .key(24, "timed").raw(&NOW.to_le_bytes()).raw(&[1, 1]).text(b"f").text(b"v")
        .key(25, "small timed").raw(&NOW.to_le_bytes()).text(&timed_listpack(NOW))
        .key(20, "nothing").text(&listpack(&[]))
        .key(7, "json").raw(&[0x81]).raw(&module_id("ReJSON-RL", 3).to_be_bytes()).raw(&[2, 7, 5, 1, b'x', 0])
        .key(21, "stream").raw(&[1]).text(&[0; 16]).text(&listpack(&[b"e"]))
        .raw(&[1, 1, 0, 1, 0, 0, 0, 1]).raw(&[1]).text(b"group").raw(&[1, 0, 1])
        .raw(&[1]).raw(&[0; 24]).raw(&[1]).raw(&[1]).text(b"consumer").raw(&[0; 16]).raw(&[1]).raw(&[0; 16])
        .end()
}

fn module_id(name: &str, version: u64) -> u64 {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    name.chars().fold(0, |id, c| id << 6 | LETTERS.find(c).unwrap() as u64) << 10 | version
}

fn walk_bytes(bytes: &[u8], deep: bool) -> Report {
    let small = walk(bytes, Some(bytes.len() as u64), &opts(deep), &|_| {});
    let beside = walk(bytes, None, &opts(deep), &|_| {});
    assert_eq!(small, beside);
    small
}

#[test]
fn the_checksum_is_the_one_redis_documents() {
    let mut digest = feed::digest();
    digest.update(b"123456789");
    assert_eq!(digest.finalize(), 0xe9c6_d914_c4b8_d9ca);
}

#[test]
fn everything_is_counted() {
    for deep in [false, true] {
        let report = walk_bytes(&everything(), deep);
        assert_eq!(report.verdict, Verdict::Intact);
        assert_eq!(report.checksum, Checksum::Good);
        assert_eq!((report.magic, report.version), (Some(Magic::Redis), 12));
        assert_eq!((report.keys, report.expires, report.expired), (16, 2, 1));
        assert_eq!((report.functions, report.empty_collections), (1, 1));
        assert_eq!(report.modules, ["ReJSON-RL"]);
        assert_eq!(
            (report.ctime(), report.memory_hint, report.writer()),
            (Some(1_699_999_999), Some(1 << 20), Some("7.4.1"))
        );
        assert_eq!(report.databases[&0].announced, Some(Announced { keys: 11, expires: 2 }));
        assert_eq!((report.databases[&0].keys, report.databases[&5].keys), (11, 5));
        assert_eq!(report.databases[&5].hash_field_expires, 2);
        let kinds: Vec<_> = report.types.iter().map(|(kind, n)| (kind.as_str(), *n)).collect();
        assert_eq!(
            kinds,
            [("string", 3), ("list", 2), ("set", 3), ("zset", 2), ("hash", 4), ("stream", 1), ("module", 1)]
        );
        assert_eq!(report.bytes, everything().len() as u64);
        assert!(!report.trailing);
    }
}

#[test]
fn keys_are_shown_with_their_sizes() {
    let mut seen = Vec::new();
    let report = for_each_key(&everything()[..], &opts(false), &mut |key| {
        seen.push((key.db, String::from_utf8(key.key.to_vec()).unwrap(), key.kind, key.expire_ms, key.size));
        ControlFlow::Continue(())
    });
    assert_eq!(report, walk_bytes(&everything(), false));
    let sizes: Vec<_> = seen.iter().map(|(_, key, _, _, size)| (key.as_str(), *size)).collect();
    assert_eq!(
        sizes,
        [
            ("plain", Some(5)),
            ("number", Some(5)),
            ("packed", Some(10)),
            ("list", Some(2)),
            ("set", Some(1)),
            ("old zset", Some(2)),
            ("zset", Some(1)),
            ("hash", Some(1)),
            ("small hash", Some(1)),
            ("ints", Some(2)),
            ("quick", Some(3)),
            ("timed", Some(1)),
            ("small timed", Some(1)),
            ("nothing", Some(0)),
            ("json", None),
            ("stream", Some(1)),
        ]
    );
    assert_eq!((seen[3].3, seen[4].3, seen[5].3), (Some(NOW - 1), Some(1_800_000_000_000), None));
    assert_eq!((seen[10].0, seen[11].0), (0, 5));
}

#[test]
fn a_visitor_can_stop() {
    let mut n = 0;
    let report = for_each_key(&everything()[..], &opts(false), &mut |_| {
        n += 1;
        if n == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((n, report.keys, report.verdict), (3, 3, Verdict::Stopped));
}

#[test]
fn old_files_have_no_checksum() {
    let file = File::new("REDIS0003").raw(&[0xfe, 0]).key(9, "h").text(&[1, 1, b'f', 1, 0, b'v', 0xff]).raw(&[0xff]).0;
    let report = walk_bytes(&file, true);
    assert_eq!((report.verdict, report.checksum, report.keys), (Verdict::Intact, Checksum::Absent, 1));
    let mut turned_off = everything();
    turned_off[7] ^= 1;
    let Verdict::Damaged { offset: 5, because } = walk_bytes(&turned_off, false).verdict else { panic!() };
    assert!(because.contains("has no checksum, and yet bytes follow"), "{because}");
}

#[test]
fn a_preamble_leaves_the_commands_after_it() {
    let mut file = everything();
    let len = file.len() as u64;
    file.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
    let (report, mut rest) = walk_preamble(&file[..], &opts(false), &|_| {});
    assert_eq!((report.verdict, report.trailing, report.bytes), (Verdict::Intact, false, len));
    let mut commands = String::new();
    rest.read_to_string(&mut commands).unwrap();
    assert_eq!(commands, "*1\r\n$4\r\nPING\r\n");
}

#[test]
fn the_two_families_part_at_types_22_and_23() {
    let valkey = File::new("VALKEY080").key(22, "h").raw(&[1]).text(b"f").text(b"v").raw(&[0xff; 8]).end();
    let report = walk_bytes(&valkey, false);
    assert_eq!((report.verdict, report.databases[&0].hash_field_expires), (Verdict::Intact, 1));
    let redis = File::new("REDIS0012").key(22, "h").raw(&[1, 9]).text(b"f").text(b"v").end();
    assert_eq!(walk_bytes(&redis, false).verdict, Verdict::Intact);
    let import = File::new("VALKEY080").raw(&[0xf3]).text(&[b'j'; 40]).raw(&[1, 0, 9]).end();
    assert_eq!(walk_bytes(&import, false).verdict, Verdict::Intact);
    let meta = File::new("REDIS0013").raw(&[0xf3, 1, 0, 0, 0, 1, 2, 7, 0]).key(0, "k").text(b"v").end();
    assert_eq!(walk_bytes(&meta, false).verdict, Verdict::Intact);
}

#[test]
#[rustfmt::skip]
fn hashes_whose_every_field_has_expired_are_counted() {
    let past = NOW - 1000;
    let fields = |ttls: [u8; 2]| [&[2, ttls[0], 1, b'f', 1, b'v', ttls[1], 1, b'g', 1, b'w'][..]].concat();
    let redis = File::new("REDIS0012")
        .key(24, "gone").raw(&past.to_le_bytes()).raw(&fields([1, 2]))
        .key(24, "one stays").raw(&past.to_le_bytes()).raw(&fields([1, 0]))
        .raw(&[0xfc]).raw(&past.to_le_bytes())
        .key(24, "expired as a key").raw(&past.to_le_bytes()).raw(&fields([1, 2]))
        .key(25, "gone, packed").raw(&past.to_le_bytes()).text(&timed_listpack(past))
        .key(25, "stays, packed").raw(&NOW.to_le_bytes()).text(&timed_listpack(NOW))
        .end();
    let report = walk_bytes(&redis, false);
    assert_eq!((&report.verdict, report.expired, report.expired_hashes), (&Verdict::Intact, 1, 2));
    let valkey = File::new("VALKEY080")
        .key(22, "gone").raw(&[1]).text(b"f").text(b"v").raw(&past.to_le_bytes())
        .key(22, "stays").raw(&[1]).text(b"f").text(b"v").raw(&NOW.to_le_bytes())
        .end();
    let report = walk_bytes(&valkey, false);
    assert_eq!((&report.verdict, report.expired_hashes, report.databases[&0].hash_field_expires), (&Verdict::Intact, 1, 2));
}

/// One field, its value and its expiry, packed as Redis does: the expiry as a 64-bit number.
fn timed_listpack(at: i64) -> Vec<u8> {
    let mut whole = vec![23, 0, 0, 0, 3, 0, 0x81, b'f', 2, 0x81, b'v', 2, 0xf4];
    whole.extend_from_slice(&at.to_le_bytes());
    whole.extend_from_slice(&[9, 0xff]);
    whole
}

#[test]
fn a_file_larger_than_the_buffers_is_walked_across_their_seams() {
    let mut file = File::new("REDIS0009");
    for n in 0..40_000 {
        file = file.key(0, &format!("key:{n}")).raw(&[0x40, 100]).raw(&[b'x'; 100]);
    }
    let file = file.end();
    assert!(file.len() > 8 * CHUNK);
    let report = walk(&file[..], Some(file.len() as u64), &opts(false), &|_| {});
    assert_eq!((report.verdict, report.keys, report.bytes), (Verdict::Intact, 40_000, file.len() as u64));
    let mut n = 0;
    for_each_key(&file[..], &opts(true), &mut |key| {
        assert_eq!((key.key, key.size), (format!("key:{n}").as_bytes(), Some(100)));
        n += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(n, 40_000);
}

#[test]
fn a_report_survives_json() {
    let report = walk_bytes(&everything(), false);
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    let _ = schemars::schema_for!(Report);
}
