#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

const USUAL: &str = "file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.2.incr.aof seq 2 type i\n";

fn refused(text: &str) -> (usize, Rule) {
    let error = parse(text.as_bytes()).unwrap_err();
    (error.line, error.because)
}

#[test]
fn the_usual_manifest_comes_back_byte_for_byte() {
    let manifest = parse(USUAL.as_bytes()).unwrap();
    assert_eq!(manifest.base().unwrap().name, "appendonly.aof.2.base.rdb");
    assert_eq!(manifest.incrs().map(|e| e.seq).collect::<Vec<_>>(), [2]);
    assert_eq!(manifest.render(), USUAL);
}

#[test]
fn key_order_and_case_are_free_and_unknown_pairs_are_kept() {
    let manifest = parse(b"TYPE incr SEQ 3 File \"a b.aof\" startoffset 17 endoffset 90\n").unwrap();
    assert_eq!(manifest.render(), "file \"a b.aof\" seq 3 type i startoffset 17 endoffset 90\n");
}

#[test]
fn comments_are_skipped_and_alone_make_an_empty_manifest() {
    assert_eq!(parse(b"# hello\n#\n").unwrap(), Manifest::default());
    assert_eq!(parse(format!("# one\n{USUAL}").as_bytes()).unwrap().entries.len(), 2);
}

#[test]
fn the_order_is_base_history_incrs() {
    let manifest = parse(b"file i seq 1 type i\nfile h seq 1 type h\nfile b seq 1 type b\n").unwrap();
    assert_eq!(manifest.render(), "file b seq 1 type b\nfile h seq 1 type h\nfile i seq 1 type i\n");
    assert_eq!(manifest.loaded().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["b", "i"]);
}

#[test]
fn each_rule_is_the_servers() {
    assert_eq!(refused(""), (0, Rule::Empty));
    assert_eq!(refused("file a seq 1 type b"), (1, Rule::LongLine));
    assert_eq!(refused(&format!("{USUAL}file a seq 3 type i")), (3, Rule::LongLine));
    assert_eq!(refused(&format!("file {} seq 1 type b\n", "x".repeat(1024))), (1, Rule::LongLine));
    assert_eq!(refused("file a\0 seq 1 type b\n"), (1, Rule::LongLine));
    assert_eq!(refused("\n"), (1, Rule::Format));
    assert_eq!(refused(&format!("{USUAL}\n")), (3, Rule::Format));
    assert_eq!(refused("file a seq 1\n"), (1, Rule::Format));
    assert_eq!(refused("file a seq 1 type b extra\n"), (1, Rule::Format));
    assert_eq!(refused("file \"a seq 1 type b\n"), (1, Rule::Format));
    assert_eq!(refused("file a seq 0 type b\n"), (1, Rule::Format));
    assert_eq!(refused("file a seq one type b\n"), (1, Rule::Format));
    assert_eq!(refused("file a seq 1 kind b\n"), (1, Rule::Format));
    assert_eq!(refused("name a seq 1 type b\n"), (1, Rule::Format));
    assert_eq!(refused("file a seq 1 type \"\"\n"), (1, Rule::Format));
    assert_eq!(refused("file a/b seq 1 type b\n"), (1, Rule::Path));
    assert_eq!(refused("file ../a seq 1 type b\n"), (1, Rule::Path));
    assert_eq!(refused("file a seq 1 type b\nfile b seq 2 type b\n"), (2, Rule::DuplicateBase));
    assert_eq!(refused("file a seq 2 type i\nfile b seq 2 type i\n"), (2, Rule::NotMonotonic));
    assert_eq!(refused("file a seq -1 type i\n"), (1, Rule::NotMonotonic));
    assert_eq!(refused("file a seq 2 type x\n"), (1, Rule::UnknownKind));
}

#[test]
fn a_comment_over_the_limit_goes_on_as_a_line_of_its_own() {
    assert_eq!(refused(&format!("#{}\n{USUAL}", "x".repeat(1100))), (2, Rule::Format));
}

#[test]
fn an_error_speaks_the_servers_words() {
    let error = parse(b"file a seq 1 type b").unwrap_err();
    assert_eq!(error.to_string(), "The AOF manifest file contains too long line (line 1)");
    assert_eq!(parse(b"").unwrap_err().to_string(), "Found an empty AOF manifest");
}

#[test]
fn without_drops_lines() {
    let manifest = parse(USUAL.as_bytes()).unwrap().without(&["appendonly.aof.2.incr.aof".to_owned()]);
    assert_eq!(manifest.render(), "file appendonly.aof.2.base.rdb seq 2 type b\n");
}

fn names(parts: &[(&str, u64)]) -> Vec<(String, u64)> {
    parts.iter().map(|(n, s)| (format!("appendonly.aof{n}"), *s)).collect()
}

fn rebuilt(parts: &[(&str, u64)]) -> Rebuilt {
    rebuild(&names(parts), "appendonly.aof").unwrap()
}

#[test]
fn a_lost_manifest_is_rebuilt_from_the_parts() {
    let got = rebuilt(&[(".2.incr.aof", 10), (".2.base.rdb", 89), (".3.incr.aof", 0), (".manifest.bak", 1)]);
    assert_eq!(
        got.manifest.render(),
        "file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.2.incr.aof seq 2 type i\nfile appendonly.aof.3.incr.aof seq 3 type i\n"
    );
    assert!(got.left_out.is_empty() && got.doubts.is_empty());
}

#[test]
fn of_several_bases_the_newest_with_its_incrs() {
    let got = rebuilt(
        &[(".1.base.rdb", 89), (".1.incr.aof", 5), (".2.base.aof", 89), (".2.incr.aof", 5), (".10.incr.aof", 5)]
            .as_slice()[..4],
    );
    assert_eq!(
        got.manifest.render(),
        "file appendonly.aof.2.base.aof seq 2 type b\nfile appendonly.aof.2.incr.aof seq 2 type i\n"
    );
    assert_eq!(got.left_out, ["appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof"]);
    assert_eq!(got.doubts.len(), 1);
}

#[test]
fn an_empty_new_base_does_not_hide_an_older_one() {
    let got = rebuilt(&[(".1.base.rdb", 89), (".1.incr.aof", 5), (".2.base.rdb", 0), (".2.incr.aof", 5)]);
    assert_eq!(got.manifest.base().unwrap().seq, 1);
    assert_eq!(got.manifest.incrs().count(), 2);
}

#[test]
fn an_upgraded_single_file_is_a_base() {
    let got = rebuilt(&[("", 89), (".1.incr.aof", 5)]);
    assert_eq!(
        got.manifest.render(),
        "file appendonly.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
    );
}

#[test]
fn a_gap_or_a_missing_base_is_not_guessed_over() {
    let refuse = |parts: &[(&str, u64)]| rebuild(&names(parts), "appendonly.aof").unwrap_err();
    assert_eq!(refuse(&[(".1.incr.aof", 5)]), RebuildError::NoBase);
    assert_eq!(refuse(&[]), RebuildError::NoParts);
    assert_eq!(refuse(&[("x.1.base.rdb", 5)]), RebuildError::NoParts);
    assert_eq!(
        refuse(&[(".1.base.rdb", 5), (".1.incr.aof", 5), (".3.incr.aof", 5)]),
        RebuildError::Gap { missing: "appendonly.aof.2.incr.aof".to_owned() }
    );
    assert_eq!(refuse(&[(".1.base.rdb", 5), (".1.base.aof", 5)]), RebuildError::TwoBases { seq: 1 });
}

#[test]
fn numbers_up_to_the_last_are_no_gap() {
    let last = i64::MAX;
    let parts = [format!("a.aof.{}.base.rdb", last - 1), format!("a.aof.{}.incr.aof", last - 1)];
    let parts: Vec<(String, u64)> = parts
        .into_iter()
        .chain([format!("a.aof.{last}.incr.aof"), format!("a.aof.0{last}.incr.aof")])
        .map(|n| (n, 1))
        .collect();
    assert_eq!(rebuild(&parts, "a.aof").unwrap().manifest.entries.len(), 3);
}

#[test]
fn a_part_is_known_by_its_name() {
    assert_eq!(part("a.aof.12.incr.aof", "a.aof"), Some(Part { kind: Kind::Incr, seq: 12 }));
    assert_eq!(part("a.aof.1.base.rdb", "a.aof"), Some(Part { kind: Kind::Base, seq: 1 }));
    for name in [
        "a.aof.0.incr.aof",
        "a.aof.01.incr.aof",
        "a.aof.-1.incr.aof",
        "a.aof.+1.incr.aof",
        "a.aof.1.incr.rdb",
        "b.aof.1.incr.aof",
        "a.aof.1.incr.aof.bak",
        "a.aof.manifest",
    ] {
        assert_eq!(part(name, "a.aof"), None, "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_answered_and_what_is_read_is_written_the_same(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        if let Ok(manifest) = parse(&bytes) && !manifest.entries.is_empty() {
            let again = parse(manifest.render().as_bytes());
            proptest::prop_assert_eq!(again.map(|m| m.render()), Ok(manifest.render()));
        }
    }
}
