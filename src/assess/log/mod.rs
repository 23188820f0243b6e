//! The server's log since its last start: lines that say why.
//!
//! `source` reads the end of it, wherever it is; `words` knows the lines; here they become facts. Pure but for the
//! reading.
mod source;
mod words;

pub use source::{Source, killed_for_memory};
pub use words::planted;

use super::Earlier;
use crate::facts::{LogFacts, LogLine, Time};
use crate::host::Look;
use words::{break_in, clients, fatal, is_start, of_replication, passes, solved};

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
    /// When that run wrote that it ends.
    pub ended_at: Option<Time>,
    /// Was that the last run of all?
    pub served_last: bool,
    /// When it was told to shut down, where it did.
    pub shutdown_at: Option<Time>,
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
pub fn read(look: &Look, source: &Source, earlier: &Earlier) -> Result<Told, String> {
    let complete = |text: &str| text.lines().any(is_start);
    let text = source::text(look, source, &complete)?;
    let mut told = since_last_start(&text, earlier);
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

/// The lines of one start of the server and what came of it.
struct Life<'t> {
    lines: &'t [&'t str],
    /// Did a run of ours start it, and stop it again before any client could write?
    ours: bool,
}

impl Life<'_> {
    fn served(&self) -> bool {
        self.lines.iter().any(|line| line.contains("eady to accept connections"))
    }

    /// Does it end with a line that a server writes when it ends?
    fn ended(&self) -> bool {
        self.lines.iter().any(|line| line.contains("bye bye") || line.contains("crashed by signal"))
    }

    fn until(&self) -> Option<Time> {
        self.lines.iter().rev().find_map(|line| moment(line))
    }
}

/// Cuts a log at its starts.
fn lives<'t>(lines: &'t [&'t str], earlier: &Earlier) -> Vec<Life<'t>> {
    let starts = lines.iter().enumerate().filter(|(_, line)| is_start(line)).map(|(at, _)| first_line(lines, at));
    let mut bounds: Vec<usize> = std::iter::once(0).chain(starts).collect();
    bounds.dedup();
    let began = |index: usize| bounds.get(index).and_then(|at| lines.get(*at)).and_then(|line| moment(line));
    let life = |index: usize| {
        let end = bounds.get(index + 1).copied().unwrap_or(lines.len());
        let lines = bounds.get(index).and_then(|from| lines.get(*from..end)).unwrap_or_default();
        Life { lines, ours: began(index).is_some_and(|at| earlier.started(at, began(index + 1))) }
    };
    (0..bounds.len()).map(life).collect()
}

/// A new process may warn of the host's settings before it says that it starts.
fn first_line(lines: &[&str], start: usize) -> usize {
    let own = lines.get(start).and_then(|line| pid(line));
    let warns =
        |line: &&&str| own.is_some() && pid(line) == own && (line.contains(":C ") || line.contains(" WARNING "));
    start - lines.get(..start).unwrap_or_default().iter().rev().take_while(warns).count()
}

/// Reads lines, of which those since the last start count. Starts of our own runs are none, but why they failed counts.
#[must_use]
pub fn since_last_start(text: &str, earlier: &Earlier) -> Told {
    let lines: Vec<&str> = text.lines().collect();
    let lives = lives(&lines, earlier);
    let last = lives.iter().rposition(|life| !life.ours);
    let last_run = last.and_then(|at| lives.get(at)).map(|life| life.lines).unwrap_or_default();
    let from: usize = lives.iter().take(last.unwrap_or(0)).map(|life| life.lines.len()).sum();
    let served = lives.iter().rposition(|life| life.served() && !life.ours);
    let server = served.and_then(|at| lives.get(at));
    let mut told = Told {
        served_until: server.and_then(Life::until),
        ended_at: server.filter(|life| life.ended()).and_then(Life::until),
        served_last: served.is_some() && served == last,
        ..Told::default()
    };
    since(&lines, from, &mut told);
    told.facts.clients = server.and_then(|life| life.lines.iter().rev().find_map(|line| clients(line)));
    told.flushed_by_primary = last_run.iter().any(|line| line.contains("<-> REPLICA sync: Flushing old data"));
    let asked = |line: &&&str| {
        line.contains("User requested shutdown")
            || line.contains("Received SIGTERM")
            || line.contains("Received SIGINT")
    };
    // A shutdown that was asked for and failed is followed by more life.
    let request = last_run.iter().rposition(|line| asked(&line));
    let after = request.map_or(&[][..], |at| last_run.get(at..).unwrap_or_default());
    let ended = after.iter().any(|line| line.contains("bye bye"));
    told.facts.shutdown_requested = last.map(|_| ended);
    told.shutdown_at = after.first().filter(|_| ended).and_then(|line| moment(line));
    told.saved_at_the_end = ended && after.iter().any(|line| line.contains("DB saved on disk"));
    told
}

/// Lines that say why, of those since `from`, and those that count whenever they were written.
fn since(lines: &[&str], from: usize, told: &mut Told) {
    for line in lines.get(from..).unwrap_or_default() {
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
    let surplus = told.facts.fatal.len().saturating_sub(MOST);
    told.facts.fatal.drain(..surplus);
    let surplus = told.replication.len().saturating_sub(3);
    told.replication.drain(..surplus);
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
    use super::super::{Before, Window};
    use super::*;

    fn read_all(text: &str) -> Told {
        since_last_start(text, &Earlier::default())
    }
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
        let told = read_all(LOG);
        assert!(told.facts.fatal.is_empty());
        assert_eq!(told.facts.shutdown_requested, Some(true));
        assert!(told.saved_at_the_end);
        let first: String = LOG.lines().take(2).collect::<Vec<_>>().join("\n");
        let told = read_all(&first);
        assert_eq!(told.facts.fatal[0].finding, Some(Id::FilesAofCorrupt));
        assert_eq!(told.facts.shutdown_requested, Some(false));
    }

    #[test]
    fn only_a_run_that_took_connections_tells_when_it_served() {
        assert_eq!(read_all(LOG).served_until, None);
        let log = "1:C 21 Nov 2026 10:00:00.000 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo\n\
            1:M 21 Nov 2026 10:00:00.100 * Ready to accept connections\n\
            1:M 21 Nov 2026 10:05:00.250 * 1 changes in 300 seconds. Saving...\n\
            1:C 21 Nov 2026 11:00:00.000 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo\n\
            1:M 21 Nov 2026 11:00:00.100 # Bad file format reading the append only file x\n";
        let at = read_all(log).served_until.unwrap();
        assert_eq!(at, moment("1:M 21 Nov 2026 10:05:00.250 * x").unwrap());
    }

    #[test]
    fn how_many_clients_it_had_is_its_last_word_of_them() {
        let served = "1:M 21 Nov 2026 10:00:00.100 * Ready to accept connections\n";
        assert_eq!(read_all(served).facts.clients, None);
        let verbose = "1:M 21 Nov 2026 10:00:05.100 - 312 clients connected (1 replicas), 1048576 bytes in use\n";
        assert_eq!(read_all(&format!("{served}{verbose}")).facts.clients, Some(312));
        let crash =
            "1:M 21 Nov 2026 10:00:09.000 # Redis 7.0.15 crashed by signal: 11\n# Clients\nconnected_clients:7\r\n";
        assert_eq!(read_all(&format!("{served}{verbose}{crash}")).facts.clients, Some(7));
    }

    #[test]
    fn what_a_start_warns_of_first_is_no_last_word_of_the_run_before() {
        let log = "1:M 21 Nov 2026 10:00:00.100 * Ready to accept connections tcp\n\
            1:M 21 Nov 2026 11:00:00.000 # WARNING Memory overcommit must be enabled!\n\
            1:M 21 Nov 2026 11:00:00.000 * oO0OoO0OoO0Oo Valkey is starting oO0OoO0OoO0Oo\n";
        assert_eq!(read_all(log).served_until, moment("1:M 21 Nov 2026 10:00:00.100 * x"));
    }

    #[test]
    fn a_start_of_ours_that_was_stopped_again_is_no_last_start() {
        let ours = "9:M 21 Nov 2026 12:00:00.000 * oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo\n\
            9:M 21 Nov 2026 12:00:01.000 * Ready to accept connections\n\
            9:M 21 Nov 2026 12:00:02.000 # User requested shutdown...\n\
            9:M 21 Nov 2026 12:00:03.000 # Redis is now ready to exit, bye bye...\n";
        let served = "1:M 21 Nov 2026 10:00:00.000 # Redis is starting\n\
            1:M 21 Nov 2026 10:00:01.000 * Ready to accept connections\n";
        let at = |line: usize| moment(ours.lines().nth(line).unwrap()).unwrap();
        let before = Before { down: true, ..Before::default() };
        let window = Window { run: "r".into(), from: at(0), until: at(3), opened: None, before: Some(before) };
        let earlier = Earlier { windows: vec![window], ..Earlier::default() };
        let told = since_last_start(&format!("{served}{ours}"), &earlier);
        assert_eq!((told.facts.shutdown_requested, told.ended_at), (Some(false), None));
        assert_eq!(told.served_until, moment(served.lines().nth(1).unwrap()));
        assert_eq!(read_all(&format!("{served}{ours}")).ended_at, Some(at(3)));
        assert_eq!(since_last_start(ours, &earlier).facts.shutdown_requested, None);
    }

    #[test]
    fn a_replication_of_an_earlier_run_is_seen_and_a_flush_of_this_one() {
        let sync = "1:S 21 Nov 2026 09:00:00.000 * MASTER <-> REPLICA sync: Flushing old data\n";
        let told = read_all(&format!("{sync}{LOG}"));
        assert_eq!((told.replication.len(), told.flushed_by_primary), (1, false));
        assert!(read_all(&format!("{LOG}{sync}")).flushed_by_primary);
        let copied = "1:M 21 Nov 2026 09:00:00.000 * Replica 127.0.0.1:<unknown-replica-port> asks for synchronization";
        assert!(read_all(copied).replication.is_empty());
    }

    #[test]
    fn what_kept_it_from_writing_and_is_over_does_not_count() {
        let full = "1:M 21 Nov 2026 10:00:00.000 # Write error saving DB on disk: No space left on device\n";
        let told = read_all(full);
        assert_eq!(told.facts.fatal[0].finding, Some(Id::DiskFull));
        let over = "1:M 21 Nov 2026 10:09:00.000 * Background saving terminated with success\n";
        assert!(read_all(&format!("{full}{over}")).facts.fatal.is_empty());
    }

    #[test]
    fn the_systems_reason_stands_before_the_file() {
        let finding = |line: &str| read_all(line).facts.fatal[0].finding;
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
        assert_eq!(read_all(&format!("{line}\n{LOG}")).break_in.len(), 1);
        let usual =
            "9:M # Failed opening the temp RDB file temp-9.rdb (in server root dir /var/lib/redis) for saving: x";
        assert!(read_all(usual).break_in.is_empty());
        assert!(planted("/home/redis/.ssh", "dump.rdb") && planted("/data", "authorized_keys"));
        assert!(!planted("/etc/redis", "dump.rdb") && !planted("/", "dump.rdb"));
    }

    #[test]
    fn control_characters_are_escaped() {
        let told = read_all("1:M # No space left on device \u{1b}[2J");
        assert!(!told.facts.fatal[0].line.contains('\u{1b}'));
    }
}
