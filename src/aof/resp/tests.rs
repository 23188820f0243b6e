#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::io::{self, Read};

use super::*;

fn cmd(words: &[&str]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    out
}

fn file(parts: &[&[&str]]) -> Vec<u8> {
    parts
        .iter()
        .flat_map(|p| if p[0].starts_with('#') { format!("{}\r\n", p[0]).into_bytes() } else { cmd(p) })
        .collect()
}

/// Hands out a few bytes at a time, so that everything lies across buffers for the reader, though not for the walk.
fn walk(bytes: &[u8]) -> CommandsReport {
    let one = walk_commands(bytes, 0, &WalkOptions { len_hint: Some(0), ..WalkOptions::default() });
    let two = walk_commands(bytes, 0, &WalkOptions::default());
    assert_eq!(one, two, "one thread and two see the same");
    one
}

const USUAL: &[&[&str]] =
    &[&["SELECT", "0"], &["set", "a", "1"], &["MULTI"], &["set", "b", "2"], &["incr", "b"], &["EXEC"], &["del", "a"]];

#[test]
fn a_clean_file() {
    let bytes = file(USUAL);
    let report = walk(&bytes);
    assert_eq!(report.end, End::Clean);
    assert_eq!((report.commands, report.writes, report.transactions), (7, 4, 1));
    assert_eq!((report.safe_cut, report.safe_cut_commands), (bytes.len() as u64, 7));
    assert_eq!(report.bytes, bytes.len() as u64);
    assert_eq!(walk(b"").end, End::Clean);
}

#[test]
fn cut_short_at_every_byte_the_safe_cut_is_the_last_boundary_outside_multi() {
    let parts: &[&[&str]] = &[
        &["#TS:100"],
        &["SELECT", "0"],
        &["set", "a", "1\r\n*1\r\n$4\r\nPING"],
        &["MULTI"],
        &["SELECT", "3"],
        &["set", "b", ""],
        &["exec"],
        &["#TS:101"],
        &["#unknown line"],
        &["set", "c", "ü"],
        &["multi"],
        &["incr", "c"],
        &["EXEC"],
        &["del", "a"],
    ];
    let (mut bytes, mut bounds, mut depth, mut count) = (Vec::new(), vec![(0, 0)], false, 0);
    for part in parts {
        bytes.extend(file(&[part]));
        if part[0].starts_with('#') {
            continue;
        }
        count += 1;
        depth =
            if part[0].eq_ignore_ascii_case("multi") { true } else { depth && !part[0].eq_ignore_ascii_case("exec") };
        if !depth {
            bounds.push((bytes.len() as u64, count));
        }
    }
    for length in 0..=bytes.len() {
        let report = walk(&bytes[..length]);
        let last = *bounds.iter().rfind(|b| b.0 <= length as u64).unwrap();
        assert_eq!((report.safe_cut, report.safe_cut_commands), last, "cut at {length}: {:?}", report.end);
        assert!(
            !matches!(report.end, End::Garbage { .. } | End::ZeroPadded { .. } | End::Io { .. }),
            "{length}: {:?}",
            report.end
        );
        let again = walk(&bytes[..usize::try_from(report.safe_cut).unwrap()]);
        assert!(again.end.is_clean());
        assert_eq!(report.end.is_clean(), {
            let rest = &bytes[usize::try_from(last.0).unwrap()..length];
            rest.is_empty() || (rest.starts_with(b"#") && rest.ends_with(b"\n") && !rest.contains(&b'*'))
        });
        let mut padded = bytes[..length].to_vec();
        padded.extend([0; 5000]);
        let end = walk(&padded);
        assert_eq!(end.safe_cut, last.0, "padded at {length}: {:?}", end.end);
        assert!(
            matches!(
                end.end,
                End::ZeroPadded { .. }
                    | End::Garbage { .. }
                    | End::Torn { in_command: false, .. }
                    | End::OpenMulti { .. }
            ),
            "{length} {:?}",
            end.end
        );
    }
}

#[test]
fn timestamps_are_kept_with_the_cut() {
    let mut bytes = file(&[&["#TS:100"], &["set", "a", "1"], &["#TS:105"], &["set", "a", "2"], &["#TS:109"]]);
    bytes.extend(b"*3\r\n$3\r\nse");
    let report = walk(&bytes);
    assert_eq!((report.first_ts, report.last_ts, report.ts_before_cut), (Some(100), Some(109), Some(105)));
    assert_eq!(report.annotations, 3);
}

#[test]
fn a_torn_annotation_is_no_clean_end() {
    let mut bytes = file(USUAL);
    let whole = bytes.len() as u64;
    bytes.extend(b"#TS:17000");
    let report = walk(&bytes);
    assert_eq!(report.end, End::Torn { offset: whole, in_command: false });
    assert_eq!(report.safe_cut, whole);
}

#[test]
fn flushes_are_found_in_any_case_and_inside_multi() {
    let bytes = file(&[
        &["#TS:100"],
        &["set", "a", "1"],
        &["#TS:101"],
        &["flushall", "async"],
        &["SELECT", "4"],
        &["set", "b", "1"],
        &["MULTI"],
        &["set", "b", "2"],
        &["FlushDB"],
        &["EXEC"],
        &["swapdb", "0", "1"],
        &["set", "flushall", "x"],
    ]);
    let report = walk(&bytes);
    assert_eq!(report.flush_count, 3);
    let [all, db, swap] = report.flushes.as_slice() else { panic!("{:?}", report.flushes) };
    assert_eq!(
        (all.command.as_str(), all.db, all.ts, all.ts_before, all.in_multi),
        ("flushall async", 0, Some(101), Some(100), false)
    );
    assert_eq!((all.commands_before, all.commands_after), (1, 5));
    assert_eq!(all.cut, file(&[&["#TS:100"], &["set", "a", "1"]]).len() as u64);
    assert_eq!((db.command.as_str(), db.db, db.in_multi, db.commands_after), ("FlushDB", 4, true, 2));
    assert!(bytes[usize::try_from(db.cut).unwrap()..].starts_with(&cmd(&["MULTI"])));
    assert!(bytes[usize::try_from(db.offset).unwrap()..].starts_with(&cmd(&["FlushDB"])));
    assert_eq!((swap.command.as_str(), swap.in_multi, swap.commands_after), ("swapdb 0 1", false, 1));
}

#[test]
fn flushes_are_listed_up_to_a_bound_and_counted_beyond() {
    let bytes = cmd(&["flushall"]).repeat(7);
    let report = walk_commands(bytes.as_slice(), 0, &WalkOptions { max_flushes: 2, ..WalkOptions::default() });
    assert_eq!((report.flushes.len(), report.flush_count), (2, 7));
}

#[test]
fn an_open_multi_is_told_from_one_that_a_server_appended_to() {
    let open = |tail: &[&[&str]]| walk(&[file(USUAL), file(tail)].concat()).end;
    let at = file(USUAL).len() as u64;
    assert_eq!(
        open(&[&["MULTI"], &["SELECT", "0"], &["set", "a", "1"]]),
        End::OpenMulti { offset: at, commands: 2, torn_at: None, appended: 0 }
    );
    assert_eq!(
        open(&[
            &["MULTI"],
            &["SELECT", "0"],
            &["set", "a", "1"],
            &["SELECT", "0"],
            &["set", "x", "1"],
            &["set", "y", "1"]
        ]),
        End::OpenMulti { offset: at, commands: 5, torn_at: None, appended: 3 }
    );
    let torn = walk(&[file(USUAL), file(&[&["MULTI"]]), b"*3\r\n$3".to_vec()].concat());
    assert_eq!(torn.end, End::OpenMulti { offset: at, commands: 0, torn_at: Some(at + 15), appended: 0 });
    assert_eq!(torn.safe_cut, at);
}

#[test]
fn an_exec_alone_and_a_multi_twice_are_errors_to_the_server_and_nothing_to_us() {
    assert_eq!(walk(&file(&[&["EXEC"], &["set", "a", "1"]])).end, End::Clean);
    assert_eq!(walk(&file(&[&["MULTI"], &["MULTI"], &["EXEC"]])).end, End::Clean);
}

#[test]
fn what_is_no_command_is_named() {
    let bad = |tail: &[u8]| {
        let mut bytes = file(USUAL);
        bytes.extend(tail);
        let report = walk(&bytes);
        let at = file(USUAL).len() as u64;
        assert_eq!(report.safe_cut, at);
        match report.end {
            End::Garbage { offset, because } => {
                assert_eq!(offset, at);
                because.split_once(" is ").unwrap().1.to_owned()
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(bad(b"PING\r\n"), "0x50 where a command (`*`) had to be");
    assert_eq!(bad(b"\n"), "0x0a where a command (`*`) had to be");
    assert_eq!(bad(b"*0\r\n"), "0x30 where a number that a server could have written had to be");
    assert_eq!(bad(b"*-1\r\n"), "0x2d where a digit had to be");
    assert_eq!(bad(b"*2147483648\r\n"), "0x38 where a number that a server could have written had to be");
    assert_eq!(bad(b"*1\r\n$99999999999\r\n"), "0x39 where a number that a server could have written had to be");
    assert_eq!(bad(b"*1\r\n:4\r\n"), "0x3a where the length of a word (`$`) had to be");
    assert_eq!(bad(b"*1\r\n$4\r\nPINGS\r\n"), "0x53 where the end of a line or word (CR LF) had to be");
    assert_eq!(bad(b"*1\r\n$4\r\nPING\rx"), "0x78 where the end of a line or word (CR LF) had to be");
    assert_eq!(bad(format!("#{}\r\n", "x".repeat(1022)).as_bytes()), "0x78 where the end of a `#` line had to be");
}

#[test]
fn the_longest_annotation_passes() {
    assert!(walk(format!("#{}\r\n", "x".repeat(1020)).as_bytes()).end.is_clean());
}

#[test]
fn zeros_at_the_end_are_a_power_loss_and_zeros_before_something_are_not() {
    let mut bytes = file(USUAL);
    let at = bytes.len() as u64;
    bytes.extend(vec![0; 2_000_000]);
    assert_eq!(walk(&bytes).end, End::ZeroPadded { offset: at });
    assert_eq!(walk(&bytes).bytes, bytes.len() as u64);
    bytes.extend(cmd(&["PING"]));
    assert!(matches!(walk(&bytes).end, End::Garbage { offset, .. } if offset == at));
}

#[test]
fn a_length_that_grew_hides_commands_which_are_found_again() {
    let mut bytes = file(USUAL);
    let at = bytes.len();
    bytes.extend(b"*2\r\n$3\r\nget\r\n$99999\r\nabcde\r\n");
    bytes.extend(cmd(&["set", "k", "v"]).repeat(20));
    assert_eq!(walk(&bytes).end, End::Torn { offset: at as u64, in_command: true });
    assert_eq!(readable_after(&bytes[at + 1..]).unwrap(), Readable { commands: 20, at_least: false });
}

#[test]
fn commands_after_garbage_are_counted_over_many_windows() {
    let mut bytes = b"*9 garbage\r\n".to_vec();
    bytes.extend(cmd(&["set", "key", &"v".repeat(300)]).repeat(12_000));
    assert_eq!(readable_after(&bytes[1..]).unwrap(), Readable { commands: 12_000, at_least: false });
    assert_eq!(readable_after(&b""[..]).unwrap(), Readable::default());
    assert_eq!(readable_after(&vec![0; 3_000_000][..]).unwrap(), Readable::default());
}

#[test]
fn bytes_made_to_be_slow_are_given_up_on() {
    let bytes = b"*1000000\r\n$11\r\n".repeat(200_000);
    let found = readable_after(bytes.as_slice()).unwrap();
    assert!(found.commands < 10);
}

#[test]
fn commands_larger_than_the_buffers_are_framed() {
    let big = "x".repeat(1_700_000);
    let bytes = file(&[&["set", "a", &big], &["set", &big, "1"], &["flushall"], &[&big]]);
    let report = walk(&bytes);
    assert_eq!((report.end, report.commands, report.flush_count), (End::Clean, 4, 1));
    let many = cmd(&["rpush", "list", "0123456789abcdef", "and so on"]).repeat(60_000);
    let report = walk(&many);
    assert_eq!((report.end, report.commands), (End::Clean, 60_000));
}

#[test]
fn flushes_across_buffers_are_seen() {
    // Every position of the flush against the end of a 512 KiB buffer.
    for shift in 0..40 {
        let filler = "x".repeat(524_288 - 60 + shift);
        let report =
            walk(&file(&[&["set", "a", &filler], &["flushall", "async"], &["MULTI"], &["set", "a", "b"], &["EXEC"]]));
        assert_eq!((report.flush_count, report.transactions), (1, 1), "{shift}");
        assert_eq!(report.flushes[0].command, "flushall async");
    }
}

#[test]
fn a_reader_that_fails_is_reported() {
    struct Breaks(u32);
    impl Read for Breaks {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0 > 3 {
                return Err(io::Error::other("the disk is gone"));
            }
            let bytes = cmd(&["PING"]);
            buffer[..bytes.len()].copy_from_slice(&bytes);
            Ok(bytes.len())
        }
    }
    for hint in [Some(0), None] {
        let report = walk_commands(Breaks(0), 0, &WalkOptions { len_hint: hint, ..WalkOptions::default() });
        assert_eq!(report.end, End::Io { because: "the disk is gone".to_owned() });
    }
}

#[test]
fn offsets_count_from_the_start_of_the_file() {
    let report = walk_commands(&b"*1\r\n$4\r\nPING\r\n*"[..], 1000, &WalkOptions::default());
    assert_eq!((report.start, report.safe_cut, report.bytes), (1000, 1014, 15));
    assert_eq!(report.end, End::Torn { offset: 1014, in_command: true });
}

#[test]
fn lost_commands_are_shown_safely() {
    let mut bytes =
        file(&[&["set", "k", "\u{1b}[31m\u{202e}x\n"], &["set", "with space", ""], &["set", "long", &"y".repeat(100)]]);
    bytes.extend(b"*3\r\n$3\r\nset\r\n$5\r\nab");
    let lost = lost_commands(bytes.as_slice()).unwrap();
    assert_eq!(lost.commands, 3);
    assert_eq!(lost.shown[0], "set k \\u{1b}[31m\\u{202e}x\\n");
    assert_eq!(lost.shown[1], "set \"with space\" \"\"");
    assert_eq!(lost.shown[2], format!("set long {}… (100 bytes)", "y".repeat(64)));
    assert_eq!(lost.rest.as_deref(), Some("set ab… (5 bytes) … (+1 words) … (incomplete)"));
    assert_eq!(lost.bytes, bytes.len() as u64);
}

#[test]
fn lost_commands_are_bounded() {
    let lost = lost_commands(cmd(&["PING"]).repeat(70_000).as_slice()).unwrap();
    assert_eq!((lost.shown.len(), lost.commands, lost.bytes), (50, 70_000, 70_000 * 14));
    let big = cmd(&["set", "a", &"x".repeat(5_000_000)]);
    let lost = lost_commands(big.as_slice()).unwrap();
    assert_eq!((lost.commands, lost.bytes), (0, big.len() as u64));
    assert!(lost.rest.unwrap().starts_with("set a xxx"));
    assert_eq!(lost_commands(&[0_u8; 30][..]).unwrap().rest.as_deref(), Some("30 zero bytes"));
    assert_eq!(lost_commands(&b"junk\x07"[..]).unwrap().rest.as_deref(), Some("junk\\u{7}"));
}

proptest::proptest! {
    #[test]
    fn flipped_bits_never_panic_and_the_cut_is_always_clean(at in 0..1000_usize, bit in 0..8_u32, length in 0..1000_usize) {
        let mut bytes = file(USUAL).repeat(3);
        bytes.truncate(bytes.len().min(length.max(1)));
        let at = at % bytes.len();
        bytes[at] ^= 1_u8 << bit;
        let report = walk(&bytes);
        let cut = usize::try_from(report.safe_cut).unwrap();
        proptest::prop_assert!(cut <= bytes.len());
        let kept = walk(&bytes[..cut]);
        proptest::prop_assert!(kept.end.is_clean(), "{:?}", kept.end);
        proptest::prop_assert_eq!(kept.commands, report.safe_cut_commands);
        let _ = (readable_after(&bytes[cut..]).unwrap(), lost_commands(&bytes[cut..]).unwrap());
    }

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(proptest::sample::select(b"*$#12\r\n0aMULTI\0".to_vec()), 0..200)) {
        let report = walk(&bytes);
        proptest::prop_assert!(walk(&bytes[..usize::try_from(report.safe_cut).unwrap()]).end.is_clean());
        let _ = (readable_after(bytes.as_slice()).unwrap(), lost_commands(bytes.as_slice()).unwrap());
    }
}
