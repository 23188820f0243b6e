//! Values by meaning: the same whatever the encoding, another when anything a client can see is.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::super::lzf::{Stretch, unlzf};
use super::super::*;
use super::fixtures::{FILES, later};
use super::{File, NOW, everything, listpack, module_id, opts, timed_listpack, walk_bytes};

type Meanings = BTreeMap<(u64, Vec<u8>), (Kind, Option<u64>, Meaning)>;

fn meanings(bytes: &[u8]) -> Meanings {
    let mut found = Meanings::new();
    let report = walk_meanings(bytes, Some(bytes.len() as u64), &later(false), &|_| {}, &mut |met| {
        if let Met::Key(key, meaning) = met {
            found.insert((key.db, key.key.to_vec()), (key.kind, key.size, meaning));
        }
        ControlFlow::Continue(())
    });
    assert_eq!(report, walk_bytes_later(bytes), "counts as every walk");
    found
}

fn walk_bytes_later(bytes: &[u8]) -> Report {
    walk(bytes, Some(bytes.len() as u64), &later(true), &|_| {})
}

/// The meaning of the only value of a file.
fn of(op: u8, value: &[u8]) -> Meaning {
    of_family("REDIS0012", op, value)
}

fn of_family(header: &str, op: u8, value: &[u8]) -> Meaning {
    let file = File::new(header).key(op, "k").raw(value).end();
    let found = meanings(&file);
    found[&(0, b"k".to_vec())].2
}

fn parts(kind: Kind, put: impl FnOnce(&mut Parts)) -> Meaning {
    let mut parts = Parts::default();
    parts.begin(kind);
    put(&mut parts);
    parts.end()
}

fn texts(all: &[&[u8]]) -> Vec<u8> {
    all.iter().flat_map(|text| [&[u8::try_from(text.len()).unwrap()][..], text].concat()).collect()
}

#[test]
fn the_same_data_means_the_same_whoever_wrote_it() {
    let newest = meanings(FILES[3].1);
    for (name, bytes) in FILES {
        let found = meanings(bytes);
        for (key, value) in found.iter().filter(|(key, _)| !key.1.starts_with(b"hash-fields")) {
            // Hyperloglogs and the key that has expired are not made the same way by all.
            if let Some(other) = newest.get(key).filter(|_| key.1 != b"stream") {
                assert_eq!(value, other, "{name} {:?}", String::from_utf8_lossy(&key.1));
            }
        }
        assert!(found.len() >= 23, "{name}");
    }
    // Delivery times are of the moment a file was made at: entries and groups are compared in `parts` below.
    let fields = |at: usize, key: &str| meanings(FILES[at].1)[&(0, key.as_bytes().to_vec())];
    for key in ["hash-fields-expire", "hash-fields-expire-small"] {
        assert_eq!(fields(3, key), fields(5, key), "Redis 8.0 and Valkey 9.1");
        assert_ne!(fields(3, key).2, fields(0, key).2, "6.0 has no expiries of fields");
    }
}

#[test]
fn every_encoding_of_a_hash_is_the_same_hash() {
    let wanted = parts(Kind::Hash, |p| {
        p.field(b"12", b"w", None);
        p.field(b"f", b"v", None);
    });
    assert_eq!(of(4, &[&[2][..], &texts(&[b"f", b"v", b"12", b"w"])].concat()), wanted);
    assert_eq!(of(4, &[&[2, 0xc0, 12][..], &texts(&[b"w", b"f", b"v"])].concat()), wanted);
    assert_eq!(of(16, &texts(&[&listpack(&[b"f", b"v", b"12", b"w"])])), wanted);
    assert_eq!(of(9, &texts(&[&[2, 1, b'f', 1, 0, b'v', 2, b'1', b'2', 1, 0, b'w', 0xff]])), wanted);
    let ziplist = [22, 0, 0, 0, 18, 0, 0, 0, 4, 0, 0, 1, b'f', 3, 1, b'v', 3, 0xfe, 12, 3, 1, b'w', 0xff];
    let mut ziplist = ziplist.to_vec();
    ziplist[0] = u8::try_from(ziplist.len()).unwrap();
    assert_eq!(of(13, &texts(&[&ziplist])), wanted);
    let untimed = [&NOW.to_le_bytes()[..], &[2, 0], &texts(&[b"f", b"v"]), &[0], &texts(&[b"12", b"w"])].concat();
    assert_eq!(of(24, &untimed), wanted);
    for other in ["f v 12 x", "f v", "f 12 v w"] {
        let other: Vec<&[u8]> = other.split(' ').map(str::as_bytes).collect();
        assert_ne!(of(16, &texts(&[&listpack(&other)])), wanted);
    }
}

#[test]
fn expiries_of_fields_are_part_of_the_hash() {
    let wanted = |at| parts(Kind::Hash, |p| p.field(b"f", b"v", at));
    assert_eq!(of(25, &[&NOW.to_le_bytes()[..], &texts(&[&timed_listpack(NOW)])].concat()), wanted(Some(NOW)));
    let table = [&NOW.to_le_bytes()[..], &[1, 1], &texts(&[b"f", b"v"])].concat();
    assert_eq!(of(24, &table), wanted(Some(NOW)));
    let valkey = [&[1][..], &texts(&[b"f", b"v"]), &NOW.to_le_bytes()].concat();
    assert_eq!(of_family("VALKEY080", 22, &valkey), wanted(Some(NOW)));
    assert_ne!(wanted(Some(NOW)), wanted(Some(NOW + 1)));
    assert_ne!(wanted(Some(NOW)), wanted(None));
}

#[test]
fn sets_lists_and_scores_are_told_by_what_is_in_them() {
    let set = parts(Kind::Set, |p| ["1", "2"].iter().for_each(|m| p.member(m.as_bytes())));
    assert_eq!(of(2, &[&[2][..], &texts(&[b"2", b"1"])].concat()), set);
    assert_eq!(of(11, &texts(&[&[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 2, 0]])), set);
    assert_eq!(of(20, &texts(&[&listpack(&[b"1", b"2"])])), set);
    let list = parts(Kind::List, |p| ["1", "2"].iter().for_each(|m| p.element(m.as_bytes())));
    assert_eq!(of(1, &[2, 0xc0, 1, 1, b'2']), list);
    assert_eq!(of(18, &[&[2, 1][..], &texts(&[b"1"]), &[2], &texts(&[&listpack(&[b"2"])])].concat()), list);
    assert_ne!(of(1, &[2, 0xc0, 2, 1, b'1']), list, "a list has an order");
    assert_ne!(set, list);
    let scores = parts(Kind::Zset, |p| {
        p.scored(b"a", 1.5);
        p.scored(b"b", 0.0);
    });
    let binary = [&[2, 1, b'b'][..], &(-0.0f64).to_le_bytes(), &[1, b'a'], &1.5f64.to_le_bytes()].concat();
    assert_eq!(of(5, &binary), scores);
    assert_eq!(of(3, &[2, 1, b'a', 3, b'1', b'.', b'5', 1, b'b', 1, b'0']), scores);
    assert_eq!(of(17, &texts(&[&listpack(&[b"b", b"0", b"a", b"1.50"])])), scores);
    let odd = File::new("REDIS0012").key(17, "k").text(&listpack(&[b"a", b"x"])).end();
    let report = walk_meanings(&odd[..], None, &opts(false), &|_| {}, &mut |_| ControlFlow::Continue(()));
    assert!(report.verdict.to_string().contains("a score that is no number"), "{}", report.verdict);
}

/// Two entries that share the master's field, one of them deleted, and one with its own.
fn node() -> Vec<u8> {
    let ints = |all: &[u8]| all.iter().flat_map(|n| [*n, 1]).collect::<Vec<u8>>();
    let text = |text: u8| vec![0x81, text, 2];
    let body = [
        ints(&[2, 1, 1]),
        text(b'f'),
        ints(&[0]),
        ints(&[2, 0, 0]),
        text(b'1'),
        ints(&[4]),
        ints(&[3, 1, 0]),
        text(b'2'),
        ints(&[4]),
        ints(&[0, 2, 7, 1]),
        text(b'g'),
        text(b'3'),
        ints(&[6]),
    ]
    .concat();
    let mut whole = u32::try_from(body.len() + 7).unwrap().to_le_bytes().to_vec();
    whole.extend_from_slice(&[0xff, 0xff]);
    whole.extend_from_slice(&body);
    whole.push(0xff);
    whole
}

#[test]
fn a_stream_is_its_entries_and_its_groups() {
    let id = |ms: u64, seq: u64| [ms.to_be_bytes(), seq.to_be_bytes()].concat();
    let wanted = |deliveries| {
        parts(Kind::Stream, |p| {
            p.entry((10, 1), 2);
            ["f", "1"].iter().for_each(|text| p.element(text.as_bytes()));
            p.entry((12, 8), 2);
            ["g", "3"].iter().for_each(|text| p.element(text.as_bytes()));
            p.last_id((12, 8));
            p.pending((10, 1), NOW, deliveries);
            p.owns((10, 1));
            p.consumer(b"c");
            p.group(b"g", (10, 1));
        })
    };
    let group = |seen: &[u8], read: &[u8]| {
        [
            &[1][..],
            b"\x01g",
            &[10, 1],
            read,
            &[1],
            &id(10, 1),
            &NOW.to_le_bytes(),
            &[1],
            &[1],
            b"\x01c",
            seen,
            &[1],
            &id(10, 1),
        ]
        .concat()
    };
    let nodes = [&[1, 16][..], &id(10, 1), &texts(&[&node()])].concat();
    let old = [&nodes[..], &[2, 12, 8], &group(&[1; 8], &[])].concat();
    let new = [&nodes[..], &[2, 12, 8, 10, 1, 11, 1, 3], &group(&[2; 16], &[1])].concat();
    assert_eq!(of(15, &old), wanted(1));
    assert_eq!(of(21, &new), wanted(1), "what only counts or clocks is left out");
    assert_ne!(wanted(1), wanted(2));
}

#[test]
fn what_dump_answers_means_the_same_as_the_file() {
    let payload = |op: u8, value: &[u8], version: u16| {
        let mut all = [&[op][..], value, &version.to_le_bytes()].concat();
        let mut digest = feed::digest();
        digest.update(&all);
        all.extend_from_slice(&digest.finalize().to_le_bytes());
        all
    };
    let hash = texts(&[&listpack(&[b"f", b"v"])]);
    assert_eq!(of_dump(&payload(16, &hash, 11)), Ok((Kind::Hash, of(16, &hash))));
    let dated = [&[1][..], &texts(&[b"f", b"v"]), &NOW.to_le_bytes()].concat();
    assert_eq!(of_dump(&payload(22, &dated, 80)), Ok((Kind::Hash, of_family("VALKEY080", 22, &dated))));
    let mut flipped = payload(16, &hash, 11);
    flipped[3] ^= 1;
    assert_eq!(of_dump(&flipped), Err("the payload's checksum is wrong".into()));
    assert_eq!(of_dump(b"short"), Err("the payload is too short".into()));
    assert_eq!(of_dump(&payload(99, b"", 11)), Err("type 99 is not known".into()));
    let error = of_dump(&payload(0, b"\x01vx", 11)).unwrap_err();
    assert!(error.starts_with("bytes follow the value"), "{error}");
    assert!(of_dump(&payload(0, b"\x05v", 11)).unwrap_err().starts_with("the file ends inside"));
}

#[test]
fn a_module_and_the_libraries_are_shown() {
    let mut libraries = Vec::new();
    let mut keys = 0;
    let file = everything();
    let mut broken = None;
    let report = walk_meanings(&file[..], None, &opts(false), &|_| {}, &mut |met| {
        match met {
            Met::Key(key, _) if key.key == b"stream" => broken = Some(key.bytes),
            Met::Key(..) => keys += 1,
            Met::Library(code) => libraries.push(code.to_vec()),
            Met::ModuleData { .. } => {}
        }
        ControlFlow::Continue(())
    });
    assert_eq!(libraries, [b"#!lua name=lib\n".to_vec()]);
    // The stream of that file is none inside: only whoever looks there can know.
    assert_eq!((keys, broken), (15, None));
    assert!(report.verdict.to_string().contains("do not make a stream's entries"), "{}", report.verdict);
    assert_eq!(walk_bytes(&file, true).verdict, Verdict::Intact);
    let id = module_id("ReJSON-RL", 3).to_be_bytes();
    let plain = [&[0x81][..], &id, &[2, 7, 5, 4, b'a', b'a', b'a', b'a', 0]].concat();
    let packed = [&[0x81][..], &id, &[2, 7, 5, 0xc3, 4, 4, 0, b'a', 0x20, 0, 0]].concat();
    assert_eq!(of(7, &plain), of(7, &packed));
}

#[test]
fn a_long_compressed_string_is_never_held_whole() {
    // "a", then runs of 264 of it.
    let runs = 20_000;
    let packed = [&[0, b'a'][..], &[0xe0, 255, 0].repeat(runs)].concat();
    let len = 1 + 264 * runs;
    let mut head = vec![0xc3, 0x80];
    head.extend_from_slice(&u32::try_from(packed.len()).unwrap().to_be_bytes());
    head.push(0x80);
    head.extend_from_slice(&u32::try_from(len).unwrap().to_be_bytes());
    let wanted = parts(Kind::String, |p| p.bytes(&b"a".repeat(len)));
    assert_eq!(of(0, &[head, packed].concat()), wanted);
}

proptest! {
    #[test]
    fn unpacking_in_pieces_is_unpacking(packed in proptest::collection::vec(any::<u8>(), 1..400), cut in 0usize..400, len in 0usize..3000) {
        let mut whole = Vec::new();
        let at_once = unlzf(&packed, len, &mut whole);
        let (mut pieces, mut stretch) = (Vec::new(), Stretch::new(len as u64));
        let (first, second) = packed.split_at(cut.min(packed.len()));
        let stretched = stretch
            .take(first, |bytes| pieces.extend_from_slice(bytes))
            .and_then(|()| stretch.take(second, |bytes| pieces.extend_from_slice(bytes)))
            .and_then(|()| stretch.end(|bytes| pieces.extend_from_slice(bytes)));
        prop_assert_eq!(at_once.is_ok(), stretched.is_ok());
        if at_once.is_ok() {
            prop_assert_eq!(whole, pieces);
        }
    }

    #[test]
    fn any_value_at_all_is_survived(op in 0u8..30, valkey: bool, mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        bytes.insert(0, op);
        let cursor = Cursor::new(Inline::new(&bytes[..]), Chunk::empty(bytes.len() as u64 + 1), &|_| {});
        let _ = Walker::new(cursor, &opts(false), Nobody).alone(valkey);
    }
}
