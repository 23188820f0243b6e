//! A file of commands, or one with an RDB part before them: no walk panics, what is called intact is framed right, and what
//! redis-dr would cut it to is intact.
#![no_main]
use std::cell::RefCell;
use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use redis_dr::aof::resp::{self, TouchedKeys, Until};
use redis_dr::aof::set::{self, Cut, JudgeOptions, Layout, SetReport, SetState};
use redis_dr::aof::{KeyNotes, tag};
use redis_dr_fuzz::chosen;

const NAME: &str = "appendonly.aof";
const MANIFEST: &[u8] = b"file appendonly.aof.1.incr.aof seq 1 type i\nfile appendonly.aof.2.incr.aof seq 2 type i\n";

fuzz_target!(|bytes: &[u8]| {
    let report = judged(bytes, None);
    framed_right(bytes, &report);
    shorter(bytes, report.cut.as_ref());
    flushes(bytes, &report);
    moments(bytes, &report);
    noted(bytes);
    between_others(bytes);
    let _ = (resp::lost_commands(bytes), resp::readable_after(bytes), resp::is_flush(bytes), tag::is_in(bytes));
    let mut touched = TouchedKeys::default();
    touched.read(bytes, 0, 1 << 16).expect("bytes in memory");
    assert!(resp::printable(bytes).chars().all(|c| !c.is_control()));
});

fn judged(bytes: &[u8], until: Option<&Until>) -> SetReport {
    let layout = Layout::Single { file: NAME.to_owned() };
    let options = JudgeOptions { until, ..JudgeOptions::default() };
    set::judge(&layout, &|_| Ok((Box::new(Cursor::new(bytes.to_vec())), bytes.len() as u64)), &options)
}

/// Another reading of the same format, as short as can be: the commands, or none where the file is not whole.
fn framed(mut bytes: &[u8]) -> Option<u64> {
    fn line<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
        let end = bytes.iter().position(|b| *b == b'\n')?;
        let (line, rest) = bytes.split_at(end);
        *bytes = &rest[1..];
        Some(line)
    }
    fn number(bytes: &mut &[u8], mark: u8) -> Option<usize> {
        let digits = line(bytes)?.strip_prefix(&[mark])?.strip_suffix(b"\r")?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }
    let mut commands = 0;
    while let Some(first) = bytes.first() {
        if *first == b'#' {
            line(&mut bytes)?;
            continue;
        }
        for _ in 0..number(&mut bytes, b'*').filter(|words| *words > 0)? {
            let length = number(&mut bytes, b'$')?;
            let word_and_end = bytes.get(..length.checked_add(2)?)?;
            word_and_end.ends_with(b"\r\n").then_some(())?;
            bytes = &bytes[word_and_end.len()..];
        }
        commands += 1;
    }
    Some(commands)
}

fn framed_right(bytes: &[u8], report: &SetReport) {
    assert_eq!(report.bytes, bytes.len() as u64);
    let [file] = report.files.as_slice() else { panic!("one file") };
    let Some(commands) = &file.commands else {
        assert!(report.state != SetState::Intact || file.rdb.is_some());
        return;
    };
    let (start, end) = (commands.start, commands.start + commands.bytes);
    assert!(start <= commands.safe_cut && commands.safe_cut <= end && end == bytes.len() as u64);
    assert!(commands.safe_cut_commands <= commands.commands && commands.writes <= commands.commands);
    let oracle = framed(&bytes[start as usize..]);
    if report.state == SetState::Intact {
        assert_eq!(oracle, Some(commands.commands));
    }
    let kept = &bytes[start as usize..commands.safe_cut as usize];
    assert_eq!(framed(kept), Some(commands.safe_cut_commands), "the cut is inside a command");
}

/// The bytes that a cut keeps are a file that loads.
fn shorter(bytes: &[u8], cut: Option<&Cut>) {
    let Some(cut) = cut else { return };
    let kept = &bytes[..cut.offset as usize];
    assert_eq!(cut.bytes_lost, (bytes.len() - kept.len()) as u64);
    let state = judged(kept, None).state;
    assert!(matches!(state, SetState::Intact | SetState::Empty), "cut at {}: {state:?}", cut.offset);
}

fn flushes(bytes: &[u8], report: &SetReport) {
    shorter(bytes, set::cut_before_flush(report, chosen(bytes, report.flushes.len())).as_ref());
    let _ = set::cut_before_last_flush(report).map(|cut| shorter(bytes, Some(&cut)));
    let all: Vec<usize> = (0..report.flushes.len()).collect();
    let Some(gaps) = set::without(report, &all).filter(|_| report.flush_count == all.len() as u64) else { return };
    let mut kept = Vec::new();
    for (from, length) in set::pieces(&gaps, NAME) {
        let to = length.map_or(bytes.len(), |length| (from + length) as usize);
        kept.extend(&bytes[from as usize..to]);
    }
    let after = judged(&kept, None);
    assert!(matches!(after.state, SetState::Intact | SetState::Empty), "{:?}", after.state);
    assert_eq!(after.flush_count, 0);
}

fn moments(bytes: &[u8], report: &SetReport) {
    let time = report.last_ts.or(report.first_ts).unwrap_or(1_700_000_000);
    let until = match chosen(bytes, 3) {
        0 => Until::Time(time),
        1 => Until::Tag("monday".into()),
        _ => Until::Offset(None, chosen(bytes, bytes.len()) as u64),
    };
    let marked = judged(bytes, Some(&until));
    assert_eq!(marked.state, report.state);
    let _ = set::cut_at(&marked, &until).map(|cut| shorter(bytes, Some(&cut)));
}

/// The notes of single keys, which a proof after a recovery rests on.
fn noted(bytes: &[u8]) {
    let notes = RefCell::new(KeyNotes::new(1_800_000_000_000));
    let layout = Layout::Single { file: NAME.to_owned() };
    let options = JudgeOptions { witness: Some(&notes), ..JudgeOptions::default() };
    set::judge(&layout, &|_| Ok((Box::new(Cursor::new(bytes.to_vec())), bytes.len() as u64)), &options);
    let _ = (notes.borrow().decided(), notes.borrow().adds());
}

/// The same bytes as the last, or the last but one, file of a set.
fn between_others(bytes: &[u8]) {
    let names = [1, 2].map(|n| (format!("{NAME}.{n}.incr.aof"), 0));
    let layout =
        Layout::Multi { appendfilename: NAME.to_owned(), manifest: Some(MANIFEST.to_vec()), names: names.to_vec() };
    let other = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n".as_slice();
    let fuzzed = &names[chosen(bytes, 2)].0;
    let open = |name: &str| -> std::io::Result<(Box<dyn std::io::Read + Send>, u64)> {
        let bytes = if name == fuzzed { bytes } else { other };
        Ok((Box::new(Cursor::new(bytes.to_vec())), bytes.len() as u64))
    };
    let report = set::judge(&layout, &open, &JudgeOptions::default());
    for major in [7, 8, 9] {
        let _ = set::server_outcome(&report, major, major == 8);
    }
    if report.state == SetState::Intact && report.files.iter().all(|file| file.rdb.is_none()) {
        assert!(framed(bytes).is_some());
    }
}
