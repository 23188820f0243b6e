//! The server's log since its last start: lines that say why.
//!
//! `source` reads the end of it, wherever it is; `words` knows the lines; here they become facts. Pure but for the
//! reading.
mod source;
mod words;

pub use source::{Source, killed_for_memory};
pub use words::planted;

use crate::facts::{LogFacts, LogLine, Time};
use crate::host::Look;
use words::{break_in, fatal, is_start, of_replication, passes, solved};

/// Lines kept as evidence.
const MOST: usize = 8;

/// What the log says, besides facts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Told {
    /// The facts.
    pub facts: LogFacts,
    /// Did the last run end with a completed save?
    pub saved_at_the_end: bool,
    /// The last line of the last run that took connections.
    pub served_until: Option<Time>,
    /// Lines that speak of a primary or a replica.
    pub replication: Vec<String>,
    /// Was one of them written before the last start?
    pub replicated_before: bool,
    /// Did a primary make it drop its data since the last start?
    pub flushed_by_primary: bool,
    /// Lines that show a break-in.
    pub break_in: Vec<String>,
    /// Processes that wrote the lines, the last one first.
    pub pids: Vec<i32>,
}

/// Reads the end of a log.
///
/// # Errors
/// Why it can't be read, in words.
pub fn read(look: &Look, source: &Source) -> Result<Told, String> {
    let complete = |text: &str| text.lines().any(is_start);
    let text = source::text(look, source, &complete)?;
    let mut told = since_last_start(&text);
    match source {
        Source::File(path) => {
            told.facts.path = Some(path.to_string_lossy().into_owned());
            let written = look.stat(path).ok().filter(|stat| stat.size > 0);
            told.facts.last_at = written.map(|stat| Time(stat.mtime()));
        }
        Source::Journal(unit) => {
            told.facts.path = Some(format!("journal of {unit}"));
            told.facts.last_at = text.lines().rev().find_map(moment);
        }
    }
    Ok(told)
}

/// Reads lines, of which those since the last start count.
#[must_use]
pub fn since_last_start(text: &str) -> Told {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.iter().rposition(|line| is_start(line)).unwrap_or(0);
    let last_run = lines.get(from..).unwrap_or_default();
    let mut told = Told { served_until: served_until(&lines), ..Told::default() };
    for line in last_run {
        if let Some(finding) = fatal(line) {
            told.facts.fatal.push(LogLine { finding, line: shown(line) });
        } else if solved(line) {
            told.facts.fatal.retain(|line| !passes(line.finding));
        }
    }
    told.pids = lines.iter().rev().filter_map(|line| pid(line)).take(200).collect();
    told.pids.dedup();
    // Whoever broke in, or was replicated to, before the last start still counts.
    let some = |tells: fn(&str) -> bool| lines.iter().filter(|l| tells(l)).map(|l| shown(l)).collect::<Vec<_>>();
    told.break_in = some(break_in);
    told.break_in.truncate(MOST);
    told.replication = some(of_replication);
    told.replicated_before = lines.iter().take(from).any(|line| of_replication(line));
    told.flushed_by_primary = last_run.iter().any(|line| line.contains("<-> REPLICA sync: Flushing old data"));
    let surplus = told.facts.fatal.len().saturating_sub(MOST);
    told.facts.fatal.drain(..surplus);
    let surplus = told.replication.len().saturating_sub(3);
    told.replication.drain(..surplus);
    let asked = |line: &&&str| {
        line.contains("User requested shutdown")
            || line.contains("Received SIGTERM")
            || line.contains("Received SIGINT")
    };
    // A shutdown that was asked for and failed is followed by more life.
    let request = last_run.iter().rposition(|line| asked(&line));
    let after = request.map_or(&[][..], |at| last_run.get(at..).unwrap_or_default());
    let ended = after.iter().any(|line| line.contains("bye bye"));
    told.facts.shutdown_requested = Some(ended);
    told.saved_at_the_end = ended && after.iter().any(|line| line.contains("DB saved on disk"));
    told
}

/// When the last run that took connections wrote its last line. A start that failed later is no sign of a write.
fn served_until(lines: &[&str]) -> Option<Time> {
    let ready = lines.iter().rposition(|line| line.contains("eady to accept connections"))?;
    let run = lines.get(ready..)?;
    let end = run.iter().position(|line| is_start(line)).unwrap_or(run.len());
    run.get(..end)?.iter().rev().find_map(|line| moment(line))
}

/// The process that wrote a line such as `4711:M 21 Nov 2026 …`.
fn pid(line: &str) -> Option<i32> {
    line.split_once(':')?.0.parse().ok()
}

/// The moment of a line such as `7:M 21 Nov 2026 10:00:00.123 * …`, which the server writes in local time.
fn moment(line: &str) -> Option<Time> {
    let rest = line.split_once(' ')?.1;
    let (text, _) = rest.split_at_checked(rest.match_indices(' ').nth(3)?.0)?;
    let at = jiff::civil::DateTime::strptime("%d %b %Y %H:%M:%S%.f", text).ok()?;
    at.to_zoned(jiff::tz::TimeZone::system()).ok().map(|zoned| Time(zoned.timestamp()))
}

/// A line fit for evidence: printable, and not too long.
fn shown(line: &str) -> String {
    let short: String = line.chars().take(300).collect();
    short.escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\"")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::finding::Id;

    const LOG: &str = "1:C 21 Nov 2026 10:00:00.000 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo\n\
        1:M 21 Nov 2026 10:00:00.000 # Bad file format reading the append only file x: make a backup\n\
        1:C 21 Nov 2026 10:01:00.000 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo\n\
        1:M 21 Nov 2026 10:02:00.000 # User requested shutdown...\n\
        1:M 21 Nov 2026 10:02:00.000 * Saving the final RDB snapshot before exiting.\n\
        1:M 21 Nov 2026 10:02:00.000 * DB saved on disk\n\
        1:M 21 Nov 2026 10:02:00.000 # Redis is now ready to exit, bye bye...\n";

    #[test]
    fn only_the_last_start_counts() {
        let told = since_last_start(LOG);
        assert!(told.facts.fatal.is_empty());
        assert_eq!(told.facts.shutdown_requested, Some(true));
        assert!(told.saved_at_the_end);
        let first: String = LOG.lines().take(2).collect::<Vec<_>>().join("\n");
        let told = since_last_start(&first);
        assert_eq!(told.facts.fatal[0].finding, Some(Id::FilesAofCorrupt));
        assert_eq!(told.facts.shutdown_requested, Some(false));
    }

    #[test]
    fn only_a_run_that_took_connections_tells_when_it_served() {
        assert_eq!(since_last_start(LOG).served_until, None);
        let log = "1:C 21 Nov 2026 10:00:00.000 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo\n\
            1:M 21 Nov 2026 10:00:00.100 * Ready to accept connections\n\
            1:M 21 Nov 2026 10:05:00.250 * 1 changes in 300 seconds. Saving...\n\
            1:C 21 Nov 2026 11:00:00.000 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo\n\
            1:M 21 Nov 2026 11:00:00.100 # Bad file format reading the append only file x\n";
        let at = since_last_start(log).served_until.unwrap();
        assert_eq!(at, moment("1:M 21 Nov 2026 10:05:00.250 * x").unwrap());
    }

    #[test]
    fn a_replication_of_an_earlier_run_is_seen_and_a_flush_of_this_one() {
        let sync = "1:S 21 Nov 2026 09:00:00.000 * MASTER <-> REPLICA sync: Flushing old data\n";
        let told = since_last_start(&format!("{sync}{LOG}"));
        assert_eq!((told.replication.len(), told.flushed_by_primary), (1, false));
        assert!(since_last_start(&format!("{LOG}{sync}")).flushed_by_primary);
        let copied = "1:M 21 Nov 2026 09:00:00.000 * Replica 127.0.0.1:<unknown-replica-port> asks for synchronization";
        assert!(since_last_start(copied).replication.is_empty());
    }

    #[test]
    fn what_kept_it_from_writing_and_is_over_does_not_count() {
        let full = "1:M 21 Nov 2026 10:00:00.000 # Write error saving DB on disk: No space left on device\n";
        let told = since_last_start(full);
        assert_eq!(told.facts.fatal[0].finding, Some(Id::DiskFull));
        let over = "1:M 21 Nov 2026 10:09:00.000 * Background saving terminated with success\n";
        assert!(since_last_start(&format!("{full}{over}")).facts.fatal.is_empty());
    }

    #[test]
    fn the_systems_reason_stands_before_the_file() {
        let finding = |line: &str| since_last_start(line).facts.fatal[0].finding;
        let manifest = "1:M # Fatal error: can't open the AOF manifest file x: Permission denied";
        assert_eq!(finding(manifest), Some(Id::FilesPermission));
        let bound = "1:M # Could not create server TCP listening socket *:1: bind: Address already in use";
        assert_eq!(finding(bound), Some(Id::ServerPortTaken));
        let fork = "1:M # Can't save in background: fork: Cannot allocate memory";
        assert_eq!(finding(fork), Some(Id::MemoryForkRisk));
    }

    #[test]
    fn a_cron_table_and_keys_are_signs_of_a_break_in() {
        let line = "9:M 21 Nov 2026 # Failed opening the RDB file crontab (in server root dir /etc) for saving: Permission denied";
        assert_eq!(since_last_start(&format!("{line}\n{LOG}")).break_in.len(), 1);
        let usual =
            "9:M # Failed opening the temp RDB file temp-9.rdb (in server root dir /var/lib/redis) for saving: x";
        assert!(since_last_start(usual).break_in.is_empty());
        assert!(planted("/home/redis/.ssh", "dump.rdb") && planted("/data", "authorized_keys"));
        assert!(!planted("/etc/redis", "dump.rdb") && !planted("/", "dump.rdb"));
    }

    #[test]
    fn control_characters_are_escaped() {
        let told = since_last_start("1:M # No space left on device \u{1b}[2J");
        assert!(!told.facts.fatal[0].line.contains('\u{1b}'));
    }
}
