#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::aof::resp::Readable;

/// An RDB of version 11 with one key and no checksum: `REDIS0011`, `SELECTDB 0`, `a` = `1`, EOF, eight zero bytes.
fn rdb() -> Vec<u8> {
    [b"REDIS0011\xfe\x00\x00\x01a\x011\xff".as_slice(), &[0; 8]].concat()
}

fn cmd(words: &[&str]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    out
}

fn incr(n: usize) -> Vec<u8> {
    [cmd(&["SELECT", "0"]), cmd(&["set", "k", "v"]).repeat(n)].concat()
}

const BASE: &str = "appendonly.aof.1.base.rdb";
const INCR: &str = "appendonly.aof.1.incr.aof";
const NEXT: &str = "appendonly.aof.2.incr.aof";

struct Set(Vec<(&'static str, Vec<u8>)>);

impl Set {
    fn open(&self, name: &str) -> io::Result<(Box<dyn Read + Send>, u64)> {
        let bytes = self.0.iter().find(|f| f.0 == name).map(|f| f.1.clone()).ok_or(io::ErrorKind::NotFound)?;
        let length = bytes.len() as u64;
        Ok((Box::new(io::Cursor::new(bytes)), length))
    }

    fn names(&self) -> Vec<(String, u64)> {
        self.0.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.len() as u64)).collect()
    }

    fn manifest(&self) -> String {
        manifest::rebuild(&self.names(), "appendonly.aof").unwrap().manifest.render()
    }

    fn under(&self, manifest: Option<&str>) -> SetReport {
        let layout = Layout::Multi {
            appendfilename: "appendonly.aof".to_owned(),
            manifest: manifest.map(|m| m.as_bytes().to_vec()),
            names: self.names(),
        };
        let counter = AtomicU64::new(0);
        let report = judge(
            &layout,
            &|name| self.open(name),
            &JudgeOptions { progress: Some(&counter), ..JudgeOptions::default() },
        );
        assert!(counter.into_inner() <= report.bytes.max(1) * 2);
        report
    }

    fn judged(&self) -> SetReport {
        self.under(Some(&self.manifest()))
    }

    /// The set after its cut, as whoever applies it would write it.
    fn after(&self, cut: &Cut) -> Set {
        let kept = self.0.iter().filter(|f| !cut.drop_files.iter().any(|d| d == f.0));
        Set(kept
            .map(|(name, bytes)| {
                (
                    *name,
                    if *name == cut.file {
                        bytes[..usize::try_from(cut.offset).unwrap()].to_vec()
                    } else {
                        bytes.clone()
                    },
                )
            })
            .collect())
    }
}

fn usual() -> Set {
    Set(vec![(BASE, rdb()), (INCR, incr(3)), (NEXT, incr(2))])
}

fn with(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Set {
    let mut set = usual();
    change(&mut set.0.iter_mut().find(|f| f.0 == name).unwrap().1);
    set
}

fn single(bytes: &[u8]) -> SetReport {
    let set = Set(vec![("appendonly.aof", bytes.to_vec())]);
    judge(&Layout::Single { file: "appendonly.aof".to_owned() }, &|name| set.open(name), &JudgeOptions::default())
}

fn because(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::LoadsLosing { because }
        | Outcome::Refuses { because }
        | Outcome::StartsEmpty { because }
        | Outcome::Unknown { because } => because,
        Outcome::Loads => "",
    }
}

fn loses(report: &SetReport, major: u32) -> String {
    let outcome = server_outcome(report, major, true);
    assert!(matches!(outcome, Outcome::LoadsLosing { .. }), "{outcome:?}");
    assert!(matches!(server_outcome(report, major, false), Outcome::Refuses { .. } | Outcome::LoadsLosing { .. }));
    because(&outcome).to_owned()
}

fn refused(report: &SetReport) -> String {
    let outcome = server_outcome(report, 7, true);
    assert!(matches!(outcome, Outcome::Refuses { .. }), "{outcome:?}");
    because(&outcome).to_owned()
}

fn empty(report: &SetReport, major: u32) -> bool {
    matches!(server_outcome(report, major, true), Outcome::StartsEmpty { .. })
}

#[test]
fn an_intact_set() {
    let report = usual().judged();
    assert_eq!(report.state, SetState::Intact);
    assert_eq!((report.base_keys, report.commands_after_base, report.keys), (Some(1), 5, None));
    assert_eq!(report.cut, None);
    assert_eq!(server_outcome(&report, 7, false), Outcome::Loads);
    assert!(empty(&report, 6));
}

#[test]
fn keys_are_known_only_when_no_command_follows_the_base() {
    let report = Set(vec![(BASE, rdb()), (INCR, incr(0))]).judged();
    assert_eq!((report.base_keys, report.commands_after_base, report.keys), (Some(1), 0, Some(1)));
    assert_eq!(single(&rdb()).keys, Some(1));
    assert_eq!(single(&cmd(&["SELECT", "0"])).keys, Some(0));
    assert_eq!(single(&cmd(&["set", "a", "1"])).keys, None);
}

#[test]
fn nothing_there() {
    let nothing = Set(Vec::new());
    let report = nothing.under(None);
    assert_eq!(report.state, SetState::Missing);
    assert!(empty(&report, 7));
    let report = judge(
        &Layout::Single { file: "appendonly.aof".to_owned() },
        &|name| nothing.open(name),
        &JudgeOptions::default(),
    );
    assert_eq!(report.state, SetState::Missing);
    assert_eq!(single(b"").state, SetState::Empty);
    assert!(empty(&single(b""), 6));
    assert_eq!(Set(vec![("other.aof.1.base.rdb", rdb())]).under(None).state, SetState::ManifestMissing);
    assert_eq!(nothing.under(Some("# none\n")).state, SetState::Empty);
}

#[test]
fn parts_without_a_manifest_are_judged_as_if_it_were_rebuilt() {
    let report = usual().under(None);
    assert_eq!(report.state, SetState::PartsWithoutManifest);
    assert_eq!(report.once_rebuilt, Some(SetState::Intact));
    assert_eq!(report.rebuilt.as_ref().unwrap().manifest.render(), usual().manifest());
    assert_eq!((report.base_keys, report.files.len()), (Some(1), 3));
    assert!(empty(&report, 7));
    assert_eq!(usual().under(Some("# only a comment\n")).state, SetState::PartsWithoutManifest);
    let torn = with(NEXT, |b| b.truncate(b.len() - 3)).under(None);
    assert_eq!(torn.once_rebuilt, Some(SetState::Truncated));
    assert_eq!(torn.cut.unwrap().file, NEXT);
    let gap = Set(vec![(INCR, incr(1))]).under(None);
    assert_eq!((gap.state, gap.rebuild_error), (SetState::PartsWithoutManifest, Some(RebuildError::NoBase)));
}

#[test]
fn a_broken_manifest() {
    let report = usual().under(Some(usual().manifest().trim_end()));
    assert_eq!(
        report.state,
        SetState::ManifestBroken { because: "The AOF manifest file contains too long line (line 3)".to_owned() }
    );
    assert_eq!(report.once_rebuilt, Some(SetState::Intact));
    assert_eq!(refused(&report), "The AOF manifest file contains too long line (line 3)");
    assert!(matches!(usual().under(Some("")).state, SetState::ManifestBroken { .. }));
}

#[test]
fn a_listed_file_that_is_not_there() {
    let mut set = usual();
    let manifest = set.manifest();
    set.0.retain(|f| f.0 != INCR);
    let report = set.under(Some(&manifest));
    assert_eq!(report.state, SetState::FileMissing { name: INCR.to_owned() });
    assert!(refused(&report).contains(INCR));
    let cut = report.cut.unwrap();
    assert_eq!(
        (cut.file.as_str(), cut.offset, cut.drop_files.as_slice()),
        (BASE, rdb().len() as u64, [INCR.to_owned(), NEXT.to_owned()].as_slice())
    );
    assert_eq!(
        (cut.commands_in_later_files, cut.bytes_lost, cut.lost_is_only_incomplete),
        (2, incr(2).len() as u64, false)
    );
    let mut set = usual();
    set.0.retain(|f| f.0 != BASE);
    let report = set.under(Some(&manifest));
    assert_eq!((report.state, report.cut), (SetState::FileMissing { name: BASE.to_owned() }, None));
}

#[test]
fn files_of_no_bytes() {
    let report = Set(vec![(BASE, Vec::new()), (INCR, Vec::new())]).judged();
    assert_eq!(report.state, SetState::Empty);
    assert!(empty(&report, 7));
    let report = Set(vec![(BASE, Vec::new()), (INCR, incr(2))]).judged();
    assert_eq!(report.state, SetState::BaseDamaged { because: format!("{BASE}: is empty") });
    assert_eq!(report.cut, None);
    assert!(loses(&report, 7).contains("only what came after it"));
    let written_as_commands = Set(vec![("appendonly.aof.1.base.aof", Vec::new()), (INCR, incr(2))]).judged();
    assert_eq!(written_as_commands.state, SetState::Intact);
}

#[test]
fn a_torn_last_file() {
    let set = with(NEXT, |b| b.truncate(b.len() - 3));
    let report = set.judged();
    assert_eq!(report.state, SetState::Truncated);
    let cut = report.cut.clone().unwrap();
    assert_eq!((cut.file.as_str(), cut.offset, cut.lost_is_only_incomplete), (NEXT, incr(1).len() as u64, true));
    assert_eq!((cut.commands_lost_complete, cut.bytes_lost), (0, cmd(&["set", "k", "v"]).len() as u64 - 3));
    assert!(loses(&report, 7).contains("ends within the command"));
    assert!(matches!(server_outcome(&report, 7, false), Outcome::Refuses { .. }));
    assert_eq!(set.after(&cut).judged().state, SetState::Intact);
}

#[test]
fn a_torn_file_before_the_last() {
    let set = with(INCR, |b| b.truncate(b.len() - 3));
    let report = set.judged();
    assert_eq!(report.state, SetState::NonLastTruncated { name: INCR.to_owned() });
    assert!(refused(&report).contains("the next one loads with a hole"));
    let cut = report.cut.unwrap();
    assert_eq!((cut.file.as_str(), cut.drop_files.as_slice()), (INCR, [NEXT.to_owned()].as_slice()));
    assert_eq!((cut.commands_in_later_files, cut.lost_is_only_incomplete), (2, false));
    assert_eq!(set.after(&cut).judged().state, SetState::Intact);
}

#[test]
fn a_torn_transaction() {
    let open = |tail: &[u8]| {
        with(NEXT, |b| b.extend([cmd(&["MULTI"]), cmd(&["set", "x", "1"]), tail.to_vec()].concat())).judged()
    };
    let report = open(b"*3\r\n$3\r\ns");
    assert_eq!(report.state, SetState::TornTransaction);
    let cut = report.cut.clone().unwrap();
    assert_eq!((cut.offset, cut.commands_lost_complete, cut.lost_is_only_incomplete), (incr(2).len() as u64, 1, true));
    assert!(loses(&report, 7).contains("leaves the MULTI"));
    assert!(loses(&report, 9).contains("which is dropped"));
    assert!(loses(&open(b""), 7).contains("which is dropped"));
    let appended = open(&[cmd(&["SELECT", "0"]), cmd(&["SELECT", "0"]), cmd(&["set", "y", "1"])].concat());
    assert!(!appended.cut.unwrap().lost_is_only_incomplete, "acknowledged writes of a later start go too");
}

#[test]
fn zero_bytes_at_the_end() {
    let set = with(NEXT, |b| b.extend([0; 4096]));
    let report = set.judged();
    assert_eq!(report.state, SetState::ZeroPadded);
    assert!(refused(&report).contains("zero bytes from byte"));
    let cut = report.cut.unwrap();
    assert_eq!((cut.offset, cut.lost_is_only_incomplete), (incr(2).len() as u64, false));
    assert_eq!(set.after(&cut).judged().state, SetState::Intact);
    assert!(matches!(with(INCR, |b| b.extend([0; 10])).judged().state, SetState::Corrupt { .. }));
}

#[test]
fn garbage_in_the_middle_is_a_hole() {
    let at = incr(1).len();
    let report = with(INCR, |b| b[at] = b'x').judged();
    assert!(matches!(&report.state, SetState::Corrupt { name, .. } if name == INCR), "{:?}", report.state);
    assert!(refused(&report).contains("not a command at byte"));
    let cut = report.cut.unwrap();
    assert_eq!(
        (cut.offset, cut.commands_after_damage, cut.commands_in_later_files),
        (at as u64, Readable { commands: 1, at_least: false }, 2)
    );
}

#[test]
fn a_length_that_grew_is_a_hole_and_no_torn_tail() {
    let mut bytes = incr(1);
    let at = bytes.len() as u64;
    bytes.extend(b"*3\r\n$3\r\nset\r\n$99999\r\nk\r\n$1\r\nv\r\n");
    bytes.extend(cmd(&["set", "k", "v"]).repeat(15));
    let report = Set(vec![(BASE, rdb()), (INCR, bytes)]).judged();
    assert!(
        matches!(&report.state, SetState::Corrupt { because, .. } if because.ends_with("15 commands are readable after it")),
        "{:?}",
        report.state
    );
    assert!(loses(&report, 7).contains("damaged length"));
    let cut = report.cut.unwrap();
    assert_eq!((cut.offset, cut.commands_after_damage.commands, cut.lost_is_only_incomplete), (at, 15, false));
}

#[test]
fn a_damaged_base_is_never_cut() {
    for change in [|b: &mut Vec<u8>| b.truncate(12), |b: &mut Vec<u8>| b.fill(0), |b: &mut Vec<u8>| b.truncate(3)] {
        let report = with(BASE, change).judged();
        assert!(
            matches!(&report.state, SetState::BaseDamaged { because } if because.starts_with(BASE))
                || report.state == SetState::NonLastTruncated { name: BASE.to_owned() },
            "{:?}",
            report.state
        );
        assert_eq!(report.cut, None);
        refused(&report);
    }
    let dataset = Set(vec![("appendonly.aof.1.base.aof", incr(3)[..45].to_vec()), (INCR, incr(1))]).judged();
    assert!(matches!(dataset.state, SetState::BaseDamaged { .. }));
    assert_eq!(dataset.cut, None);
}

#[test]
fn bytes_after_an_rdb_base_are_cut_and_later_commands_stand() {
    let set = with(BASE, |b| b.push(b'\n'));
    let report = set.judged();
    assert!(matches!(report.state, SetState::Corrupt { .. }));
    refused(&report);
    let cut = report.cut.unwrap();
    assert_eq!((cut.file.as_str(), cut.offset, cut.drop_files.len(), cut.bytes_lost), (BASE, rdb().len() as u64, 0, 1));
    assert!(cut.lost_is_only_incomplete);
    assert_eq!(set.after(&cut).judged().state, SetState::Intact);
}

#[test]
fn a_preamble_with_a_torn_first_command() {
    let report = single(&[rdb(), b"*3\r\n$3\r\nse".to_vec()].concat());
    assert_eq!(report.state, SetState::FirstCommandTorn);
    assert_eq!((report.base_keys, report.keys), (Some(1), Some(1)));
    assert!(loses(&report, 6).contains("cuts the file to nothing"));
    assert!(loses(&report, 8).contains("cuts the file to nothing"));
    assert!(!loses(&report, 9).contains("cuts the file to nothing"));
    let cut = report.cut.unwrap();
    assert_eq!((cut.offset, cut.lost_is_only_incomplete), (rdb().len() as u64, true));
    let later = single(&[rdb(), cmd(&["set", "a", "1"]), b"*3\r\n$3\r\nse".to_vec()].concat());
    assert_eq!(later.state, SetState::Truncated);
}

#[test]
fn a_single_file_cut_short_at_every_byte() {
    let whole =
        [rdb(), cmd(&["SELECT", "0"]), cmd(&["MULTI"]), cmd(&["set", "b", "1"]), cmd(&["EXEC"]), cmd(&["del", "a"])]
            .concat();
    let preamble = rdb().len();
    let bounds = [preamble, preamble + 23, whole.len() - cmd(&["del", "a"]).len(), whole.len()];
    for length in 1..=whole.len() {
        let report = single(&whole[..length]);
        if length < preamble {
            assert_eq!(report.cut, None, "{length}");
            assert!(matches!(report.state, SetState::BaseDamaged { .. }) || length < 5, "{length}: {:?}", report.state);
            continue;
        }
        let wanted = *bounds.iter().rfind(|b| **b <= length).unwrap();
        let offset = report.cut.as_ref().map_or(length as u64, |c| c.offset);
        assert_eq!(offset, wanted as u64, "{length}: {:?}", report.state);
        assert_eq!(report.cut.is_none(), report.state == SetState::Intact);
        assert_eq!(single(&whole[..wanted]).state, SetState::Intact);
    }
}

#[test]
fn a_single_file_with_no_command_at_its_start_is_not_cut() {
    for bytes in [vec![0; 100], b"hello".to_vec(), b"\n*1\r\n$4\r\nPING\r\n".to_vec()] {
        let report = single(&bytes);
        assert!(matches!(report.state, SetState::BaseDamaged { .. }), "{:?}", report.state);
        assert_eq!(report.cut, None);
    }
    assert_eq!(single(b"*1\r\n$4\r\nPI").cut.unwrap().offset, 0);
}

#[test]
fn annotations_are_refused_before_7() {
    let report = single(&[b"#TS:100\r\n".to_vec(), cmd(&["set", "a", "1"])].concat());
    assert!(matches!(server_outcome(&report, 6, true), Outcome::Refuses { .. }));
    assert_eq!(server_outcome(&report, 7, true), Outcome::Loads);
    assert_eq!((report.first_ts, report.last_ts), (Some(100), Some(100)));
}

#[test]
fn a_torn_annotation_is_cut_too() {
    let report = with(NEXT, |b| b.extend(b"#TS:12")).judged();
    assert_eq!(report.state, SetState::Truncated);
    assert_eq!(report.cut.as_ref().unwrap().offset, incr(2).len() as u64);
    assert!(loses(&report, 7).contains("# line"));
    let single = single(&[incr(1), b"#TS:12".to_vec()].concat());
    assert!(matches!(server_outcome(&single, 6, true), Outcome::Refuses { .. }));
}

#[test]
fn a_cut_before_a_flush() {
    let mut set = usual();
    set.0[1].1.extend(
        [
            b"#TS:100\r\n".to_vec(),
            cmd(&["set", "z", "1"]),
            b"#TS:107\r\n".to_vec(),
            cmd(&["MULTI"]),
            cmd(&["flushall"]),
            cmd(&["EXEC"]),
            cmd(&["set", "y", "1"]),
        ]
        .concat(),
    );
    let report = set.judged();
    assert_eq!((report.flush_count, report.flushes[0].file.as_str(), report.flushes[0].commands_after), (1, INCR, 3));
    let cut = cut_before_flush(&report, 0).unwrap();
    assert_eq!(
        (cut.file.as_str(), cut.commands_lost_complete, cut.commands_in_later_files, cut.ts_before),
        (INCR, 2, 2, Some(100))
    );
    assert_eq!(cut.drop_files, [NEXT]);
    let after = set.after(&cut).judged();
    assert_eq!((after.state, after.flush_count, after.commands_after_base), (SetState::Intact, 0, 4));
    assert_eq!(cut_before_flush(&report, 1), None);
}

#[test]
fn no_cut_before_a_flush_behind_a_damage() {
    let mut set = with(INCR, |b| b.truncate(b.len() - 1));
    set.0[2].1.extend(cmd(&["flushall"]));
    assert_eq!(cut_before_flush(&set.judged(), 0), None);
}

#[test]
fn what_cannot_be_read_is_unknown() {
    let set = usual();
    let open = |name: &str| {
        if name == INCR { Err(io::ErrorKind::PermissionDenied.into()) } else { set.open(name) }
    };
    let layout = Layout::Multi {
        appendfilename: "appendonly.aof".to_owned(),
        manifest: Some(set.manifest().into_bytes()),
        names: set.names(),
    };
    let report = judge(&layout, &open, &JudgeOptions::default());
    assert!(matches!(&report.state, SetState::Unreadable { name, .. } if name == INCR));
    assert!(matches!(server_outcome(&report, 7, true), Outcome::Unknown { .. }));
    assert_eq!((report.keys, report.cut), (None, None));
}

#[test]
fn a_report_comes_back_from_json() {
    let report = with(NEXT, |b| b.extend([cmd(&["MULTI"]), b"*".to_vec()].concat())).judged();
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<SetReport>(&json).unwrap(), report);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]
    #[test]
    fn a_flipped_bit_never_panics_and_a_cut_makes_an_intact_set(file in 0..3_usize, at in 0..500_usize, bit in 0..8_u32) {
        let mut set = usual();
        let bytes = &mut set.0[file].1;
        let at = at % bytes.len();
        bytes[at] ^= 1_u8 << bit;
        let report = set.judged();
        if let Some(cut) = &report.cut {
            let after = set.after(cut).judged();
            proptest::prop_assert!(matches!(after.state, SetState::Intact), "{:?} {:?} {:?}", report.state, cut, after.state);
        }
        let _ = (server_outcome(&report, 6, true), server_outcome(&report, 9, false), cut_before_flush(&report, 0));
    }
}
