//! Commands near the end of the AOF that threw keys away, and where the set can be cut before them.
//!
//! FLUSHDB after FLUSHDB, or FLUSHALL twice, is one accident: what counts is the place before the first of them.
use crate::aof::set::{self, FlushIn, SetReport};

/// A flush counts as near the end while fewer commands than this follow it.
const NEAR: u64 = 1000;
/// So many places to cut are offered; of more, the last ones.
const MOST: usize = 5;

/// One accident: a flush, or several without a command between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accident {
    /// Its first command, as it stands.
    pub command: String,
    /// The file it is in.
    pub file: String,
    /// Where it starts, in bytes.
    pub offset: u64,
    /// The `#TS:` annotation it stands under, unix seconds.
    pub moment: Option<i64>,
    /// What it threw away: keys of the base, and commands since the flush before it. No count of keys: one command may
    /// write many, or the same one again.
    pub at_stake: (u64, u64),
    /// Commands after it, which are lost with it.
    pub commands_after: u64,
    /// Where to cut so that it never happened; none where what comes before it is damaged.
    pub cut: Option<set::Cut>,
    /// The bytes of its commands and of those of later accidents, so that they alone can be left out; none where the AOF
    /// is not whole.
    pub gaps: Option<Vec<set::Gap>>,
    /// Database selected at its last command, and where that ends: the file and the offset.
    pub ends: (u32, String, u64),
    /// SWAPDB: it removed nothing.
    pub exchange: bool,
    /// Places of its commands in the report.
    flushes: Vec<usize>,
}

impl Accident {
    /// In words, as evidence.
    #[must_use]
    pub fn shown(&self) -> String {
        if self.exchange {
            let file = self.file.escape_debug();
            let (command, after) = (&self.command, self.commands_after);
            return format!("{command} at byte {} of {file}; {after} commands after it", self.offset);
        }
        let (base, commands) = self.at_stake;
        let stake = match (base, commands) {
            (0, n) => format!("what {n} commands wrote"),
            (keys, 0) => format!("{keys} keys of the base"),
            (keys, n) => format!("{keys} keys of the base and what {n} commands wrote"),
        };
        let file = self.file.escape_debug();
        format!(
            "{} at byte {} of {file} removed {stake}; {} commands after it",
            self.command, self.offset, self.commands_after
        )
    }

    /// A rough measure, only to be compared with that of another accident.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.at_stake.0.saturating_add(self.at_stake.1)
    }
}

/// The accidents near the end that threw something away, in order. SWAPDB removes nothing and is none.
#[must_use]
pub fn accidents(report: &SetReport) -> Vec<Accident> {
    let mut found: Vec<Accident> = Vec::new();
    let mut base = report.base_keys.unwrap_or(0);
    // Commands after the place up to which everything was counted; at first, all of them.
    let mut left = report.commands_after_base;
    for (index, flush) in report.flushes.iter().enumerate().filter(|(_, f)| !is_exchange(f)) {
        let commands = left.saturating_sub(flush.commands_after + 1);
        left = flush.commands_after;
        let all = word(&flush.flush.command).eq_ignore_ascii_case("flushall");
        let of_base = if all { base } else { base.min(in_database(report, flush.flush.db)) };
        base -= of_base;
        match found.last_mut().filter(|_| commands == 0) {
            Some(last) => {
                last.at_stake.0 += of_base;
                last.commands_after = flush.commands_after;
                last.flushes.push(index);
                last.ends = ends(flush);
            }
            None => found.push(Accident { at_stake: (of_base, commands), ..accident(report, index, flush) }),
        }
    }
    found.retain(|a| a.commands_after < NEAR && a.weight() > 0);
    // A flush left out is of no use while a later one still removes everything: those go with it.
    let all: Vec<usize> = found.iter().flat_map(|a| a.flushes.iter().copied()).collect();
    for accident in &mut found {
        let from = accident.flushes.first().copied().unwrap_or_default();
        let these: Vec<usize> = all.iter().copied().filter(|index| *index >= from).collect();
        accident.gaps = set::without(report, &these);
    }
    found.split_off(found.len().saturating_sub(MOST))
}

/// The last SWAPDB near the end: it removed nothing, and where it was one too many it can be taken back all the same.
#[must_use]
pub fn exchange(report: &SetReport) -> Option<Accident> {
    let (index, swap) = report.flushes.iter().enumerate().rev().find(|(_, f)| is_exchange(f))?;
    let gaps = set::without(report, &[index]);
    Some(Accident { gaps, exchange: true, ..accident(report, index, swap) }).filter(|a| a.commands_after < NEAR)
}

fn is_exchange(flush: &FlushIn) -> bool {
    word(&flush.flush.command).eq_ignore_ascii_case("swapdb")
}

fn accident(report: &SetReport, index: usize, flush: &FlushIn) -> Accident {
    Accident {
        command: flush.flush.command.clone(),
        file: flush.file.clone(),
        offset: flush.flush.offset,
        moment: flush.flush.ts,
        at_stake: (0, 0),
        commands_after: flush.commands_after,
        cut: set::cut_before_flush(report, index),
        gaps: None,
        ends: ends(flush),
        exchange: false,
        flushes: vec![index],
    }
}

fn ends(flush: &FlushIn) -> (u32, String, u64) {
    (flush.flush.db, flush.file.clone(), flush.flush.offset + flush.flush.bytes)
}

/// Keys of the base in one database.
fn in_database(report: &SetReport, db: u32) -> u64 {
    let base = report.files.first().and_then(|f| f.rdb.as_ref());
    base.and_then(|r| r.databases.get(&u64::from(db))).map_or(0, |db| db.keys)
}

/// Is a FLUSHALL the last command of what stays when the last `lost` commands are cut off?
#[must_use]
pub fn ends_empty(report: &SetReport, lost: u64) -> bool {
    report
        .flushes
        .last()
        .is_some_and(|f| f.commands_after == lost && word(&f.flush.command).eq_ignore_ascii_case("flushall"))
}

fn word(command: &str) -> &str {
    command.split_whitespace().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::aof::set::{JudgeOptions, Layout, judge};
    use std::io::{Cursor, Read};

    fn report(commands: &[&str]) -> SetReport {
        let words = |line: &&str| {
            let words: Vec<&str> = line.split(' ').collect();
            let each = words.iter().map(|w| format!("${}\r\n{w}\r\n", w.len())).collect::<String>();
            format!("*{}\r\n{each}", words.len())
        };
        let bytes = commands.iter().map(words).collect::<String>().into_bytes();
        let open = |_: &str| -> std::io::Result<(Box<dyn Read + Send>, u64)> {
            Ok((Box::new(Cursor::new(bytes.clone())), bytes.len() as u64))
        };
        judge(&Layout::Single { file: "a.aof".into() }, &open, &JudgeOptions::default())
    }

    #[test]
    fn flushes_without_a_command_between_them_are_one_accident() {
        let found = accidents(&report(&["SET a 1", "SET b 1", "FLUSHDB", "SELECT 1", "flushdb async", "SET c 1"]));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].at_stake, found[0].commands_after), ((0, 2), 1));
        assert_eq!(found[0].cut.as_ref().unwrap().offset, found[0].offset);
    }

    #[test]
    fn what_removed_nothing_is_no_accident_nor_is_an_exchange() {
        assert_eq!(accidents(&report(&["FLUSHALL", "SET a 1", "SWAPDB 0 1"])), []);
    }

    #[test]
    fn each_accident_tells_what_it_removed() {
        let found = accidents(&report(&["SET a 1", "FLUSHALL", "SET b 1", "SET c 1", "MULTI", "FLUSHALL", "EXEC"]));
        assert_eq!(
            found.iter().map(|a| (a.at_stake, a.commands_after)).collect::<Vec<_>>(),
            [((0, 1), 3), ((0, 2), 0)]
        );
        assert!(found[1].cut.as_ref().unwrap().offset < found[1].offset, "before its MULTI");
        assert!(
            found[1].shown().contains("removed what 2 commands wrote; 0 commands after it"),
            "{}",
            found[1].shown()
        );
    }

    #[test]
    fn all_commands_of_an_accident_are_left_out_together() {
        let found = accidents(&report(&["SET a 1", "FLUSHDB", "SELECT 1", "flushdb async", "SET c 1"]));
        let gaps = found[0].gaps.as_ref().unwrap();
        assert_eq!(gaps.iter().map(|g| (g.offset, g.bytes)).collect::<Vec<_>>(), [(27, 17), (67, 28)]);
        assert_eq!(found[0].ends, (1, "a.aof".to_string(), 95));
    }

    #[test]
    fn a_later_accident_is_left_out_with_an_earlier_one() {
        let found = accidents(&report(&["SET a 1", "FLUSHALL", "SET b 1", "FLUSHALL", "SET c 1"]));
        let gaps: Vec<usize> = found.iter().map(|a| a.gaps.as_ref().unwrap().len()).collect();
        assert_eq!(gaps, [2, 1]);
    }

    #[test]
    fn the_last_exchange_can_be_taken_back_too() {
        let found = exchange(&report(&["SWAPDB 0 1", "SET a 1", "SWAPDB 0 2", "SET b 1"])).unwrap();
        assert_eq!((found.command.as_str(), found.commands_after, found.exchange), ("SWAPDB 0 2", 1, true));
        assert_eq!(found.gaps.unwrap().len(), 1);
        assert_eq!(exchange(&report(&["FLUSHALL"])), None);
    }

    #[test]
    fn long_ago_is_not_near_the_end() {
        let mut lines = vec!["SET a 1", "FLUSHALL"];
        lines.resize(2 + 1000, "SET b 1");
        assert_eq!(accidents(&report(&lines)), []);
        lines.pop();
        assert_eq!(accidents(&report(&lines)).len(), 1);
    }

    #[test]
    fn only_a_flushall_at_the_end_is_known_to_leave_nothing() {
        assert!(ends_empty(&report(&["SET a 1", "FLUSHALL"]), 0));
        assert!(!ends_empty(&report(&["SET a 1", "FLUSHALL", "SET b 1"]), 0));
        assert!(ends_empty(&report(&["SET a 1", "FLUSHALL", "SET b 1"]), 1), "the last one is cut off");
        assert!(!ends_empty(&report(&["SET a 1", "FLUSHDB"]), 0));
    }
}
