//! What is broken, cut off or absurd: said so, and survived.

use std::io::Read;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::*;
use super::{File, everything, listpack, opts, walk_bytes};

#[test]
fn a_file_cut_off_anywhere_is_never_intact() {
    let whole = everything();
    for len in 0..whole.len() {
        for deep in [false, true] {
            let report = walk(&whole[..len], Some(len as u64), &opts(deep), &|_| {});
            match report.verdict {
                Verdict::Empty => assert_eq!(len, 0),
                Verdict::Damaged { offset, because } => {
                    assert_eq!(offset, len as u64, "{because}");
                    assert!(because.starts_with("the file ends "), "{because}");
                }
                other => panic!("{len}: {other}"),
            }
        }
    }
}

#[test]
fn a_file_cut_off_says_inside_what() {
    let file = File::new("REDIS0009").key(1, "l").raw(&[9]).text(b"abc").0;
    let Verdict::Damaged { offset, because } = walk_bytes(&file, false).verdict else { panic!() };
    assert_eq!((offset, because.as_str()), (17, "the file ends inside the list (type 1) that begins at offset 9"));
    let file = File::new("REDIS0009").key(0, "k").text(b"v").0;
    let Verdict::Damaged { because, .. } = walk_bytes(&file, false).verdict else { panic!() };
    assert_eq!(because, "the file ends without its end mark");
}

#[test]
fn a_wrong_byte_shows_in_the_checksum() {
    let mut file = File::new("REDIS0009").key(0, "k").text(b"value").end();
    let at = file.len() - 10;
    file[at] ^= 1;
    let report = walk_bytes(&file, false);
    assert!(matches!(report.checksum, Checksum::Bad { .. }));
    let Verdict::Damaged { because, .. } = report.verdict else { panic!() };
    assert!(because.starts_with("wrong checksum: the bytes give "), "{because}");
    assert_eq!(report.keys, 1);
}

#[test]
fn a_checksum_of_zero_is_one_switched_off() {
    let mut file = File::new("REDIS0009").key(0, "k").text(b"v").end();
    let from = file.len() - 8;
    file[from..].fill(0);
    let report = walk_bytes(&file, false);
    assert_eq!((report.verdict, report.checksum), (Verdict::Intact, Checksum::Disabled));
}

#[test]
fn bytes_after_the_checksum_are_reported() {
    let mut file = everything();
    let len = file.len() as u64;
    file.push(b'\n');
    let report = walk_bytes(&file, false);
    assert_eq!((report.verdict, report.trailing, report.bytes), (Verdict::Intact, true, len));
}

#[test]
fn what_is_no_rdb_is_said_so() {
    for bytes in [&b"*1\r\n$4\r\nPING\r\n"[..], b"x", &[0; 4096], b"REDIS00x9\xff", b"VALUE"] {
        assert_eq!(walk_bytes(bytes, false).verdict, Verdict::NotRdb);
    }
    assert_eq!(walk_bytes(b"", false).verdict, Verdict::Empty);
    for header in ["REDIS0000", "REDIS0015", "VALKEY079", "VALKEY082"] {
        assert!(matches!(walk_bytes(header.as_bytes(), false).verdict, Verdict::UnknownVersion { .. }), "{header}");
    }
}

#[test]
fn an_unknown_type_is_named_with_its_offset() {
    let file = File::new("REDIS0012").key(0, "k").text(b"v").key(30, "x").end();
    let Verdict::Damaged { offset, because } = walk_bytes(&file, false).verdict else { panic!() };
    assert_eq!((offset, because.contains("unknown type 30")), (14, true), "{because}");
    // In a file of a version that has types of its own, the same byte need not be damage.
    let file = File::new("REDIS0014").key(28, "x").end();
    assert!(matches!(walk_bytes(&file, false).verdict, Verdict::UnknownVersion { .. }));
}

#[test]
fn an_absurd_length_ends_at_the_end_of_the_file() {
    let huge = [0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    for op in [0u8, 1, 2, 3, 4, 5, 7, 9, 10, 11, 14, 15, 16, 18, 21, 24, 25] {
        let file = File::new("REDIS0012").key(op, "k").raw(&huge).raw(&huge).raw(&huge).0;
        for deep in [false, true] {
            let verdict = walk_bytes(&file, deep).verdict;
            assert!(matches!(verdict, Verdict::Damaged { .. }), "{op}: {verdict}");
        }
    }
    let bomb = File::new("REDIS0012").key(0, "k").raw(&[0xc3, 5]).raw(&huge).raw(&[0; 5]).end();
    let Verdict::Damaged { because, .. } = walk_bytes(&bomb, false).verdict else { panic!() };
    assert!(because.contains("5 compressed bytes cannot unpack to 18446744073709551615"), "{because}");
}

#[test]
fn only_a_deep_walk_looks_inside_packed_values() {
    let mut broken = listpack(&[b"f", b"v"]);
    broken[8] = 0x55;
    let file = File::new("REDIS0012").key(16, "h").text(&broken).end();
    assert_eq!(walk_bytes(&file, false).verdict, Verdict::Intact);
    assert!(matches!(walk_bytes(&file, true).verdict, Verdict::Damaged { .. }));
    let odd = File::new("REDIS0012").key(16, "h").text(&listpack(&[b"f"])).end();
    let Verdict::Damaged { because, .. } = walk_bytes(&odd, true).verdict else { panic!() };
    assert!(because.contains("1 packed elements do not make a hash"), "{because}");
}

#[test]
fn an_error_of_the_reader_is_no_damage() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("Input/output error"))
        }
    }
    for hint in [Some(10), None] {
        let report = walk(b"REDIS0009".chain(Failing), hint, &opts(false), &|_| {});
        assert_eq!(report.verdict, Verdict::Unreadable { because: "Input/output error".to_owned() });
    }
}

/// A file of every type, and where it is harmed and with what: a byte changed, bytes put in, bytes taken out.
fn harmed(at: usize, kind: u8, bytes: &[u8]) -> Vec<u8> {
    static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(everything);
    let mut file = WHOLE.clone();
    let at = at % file.len();
    match kind {
        0 => file[at] ^= bytes[0] | 1,
        1 => file.truncate(at),
        2 => drop(file.splice(at..at, bytes.iter().copied())),
        _ => drop(file.drain(at..(at + bytes.len()).min(WHOLE.len()))),
    }
    file
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn a_harmed_file_is_never_intact(
        at in any::<usize>(), kind in 0u8..4, bytes in proptest::collection::vec(any::<u8>(), 1..9), deep in any::<bool>(),
    ) {
        let file = harmed(at, kind, &bytes);
        let report = walk(&file[..], Some(file.len() as u64), &opts(deep), &|_| {});
        // bytes put into the checksum can leave it right and stand behind it: said, and no whole file
        prop_assert!(report.verdict != Verdict::Intact || report.trailing, "{:?}", report.verdict);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn anything_at_all_is_survived(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), header in 0usize..3) {
        let header = [&b"REDIS0012"[..], b"VALKEY080", b"REDIS0014"][header];
        bytes.splice(0..0, header.iter().copied());
        for deep in [false, true] {
            let report = walk(&bytes[..], Some(bytes.len() as u64), &opts(deep), &|_| {});
            prop_assert!(report.bytes <= bytes.len() as u64);
        }
    }
}
