//! The server's log since its last start: lines that say why. Pure but for reading the tail.
use crate::facts::{LogFacts, LogLine, Time};
use crate::finding::Id;
use crate::host::Look;
use std::path::Path;

/// Bytes read from the end of a log.
const TAIL: u64 = 256 * 1024;
/// Lines kept as evidence.
const MOST: usize = 8;

/// Words of known lines, and what they mean.
const FATAL: &[(&str, Option<Id>)] = &[
    ("Bad file format reading the append only file", Some(Id::FilesAofCorrupt)),
    ("Unexpected end of file reading the append only file", Some(Id::FilesAofTruncated)),
    ("the truncated file is not the last file", Some(Id::FilesAofCorrupt)),
    ("Unknown command '", Some(Id::ServerModuleMissing)),
    ("FATAL AOF MANIFEST FILE ERROR", Some(Id::FilesManifestBroken)),
    ("Unable to obtain the AOF file", Some(Id::FilesManifestBroken)),
    ("The append log file", Some(Id::FilesManifestBroken)),
    ("Short read or OOM loading DB", Some(Id::FilesRdbCorrupt)),
    ("Wrong RDB checksum", Some(Id::FilesRdbCorrupt)),
    ("Internal error in RDB", Some(Id::FilesRdbCorrupt)),
    ("Wrong signature trying to load DB", Some(Id::FilesRdbCorrupt)),
    ("Fatal error loading the DB", Some(Id::FilesRdbCorrupt)),
    ("Error reading the RDB preamble", Some(Id::FilesAofCorrupt)),
    ("Can't handle RDB format version", Some(Id::ServerVersionTooOld)),
    ("Can't handle foreign type", Some(Id::ServerVersionTooOld)),
    ("no matching module", Some(Id::ServerModuleMissing)),
    ("module data I can't load", Some(Id::ServerModuleMissing)),
    ("FATAL CONFIG FILE ERROR", Some(Id::ServerConfigInvalid)),
    ("Bad directive or wrong number of arguments", Some(Id::ServerConfigInvalid)),
    ("Address already in use", Some(Id::ServerPortTaken)),
    ("Could not create server TCP listening socket", Some(Id::ServerPortTaken)),
    ("No space left on device", Some(Id::DiskFull)),
    ("Read-only file system", Some(Id::DiskReadOnly)),
    ("Input/output error", Some(Id::DiskIoError)),
    ("Permission denied", Some(Id::FilesPermission)),
    ("Out Of Memory allocating", Some(Id::ServerOomKilled)),
    ("Cannot allocate memory", Some(Id::MemoryForkRisk)),
    ("Data file was created with a Redis server configured to handle more than", Some(Id::ServerConfigInvalid)),
    ("REDIS BUG REPORT START", None),
    ("VALKEY BUG REPORT START", None),
    ("crashed by signal", None),
];

/// Words that only a primary with replicas, or a replica, writes.
const REPLICATION: &[&str] = &[
    "<-> REPLICA sync",
    "Connecting to MASTER",
    "Connecting to PRIMARY",
    "Synchronization with replica",
    "asks for synchronization",
    "Partial resynchronization request",
    "enabled (user request from",
];

/// Lines that only a start writes first.
const STARTS: &[&str] = &["oO0OoO0OoO0Oo", "Redis is starting", "Valkey is starting"];

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
    /// Did a primary make it drop its data since the last start?
    pub flushed_by_primary: bool,
}

/// Reads the tail of a log.
///
/// # Errors
/// Why it can't be read, in words.
pub fn read(look: &Look, path: &Path) -> Result<Told, String> {
    let stat = look.stat(path).map_err(|e| e.to_string())?;
    let bytes = look.read_tail(path, TAIL).map_err(|e| e.to_string())?;
    let mut told = since_last_start(&String::from_utf8_lossy(&bytes));
    told.facts.path = Some(path.to_string_lossy().into_owned());
    told.facts.last_at = (stat.size > 0).then(|| Time(stat.mtime()));
    Ok(told)
}

/// Reads lines, of which those since the last start count.
#[must_use]
pub fn since_last_start(text: &str) -> Told {
    let lines: Vec<&str> = text.lines().collect();
    let is_start = |line: &str| STARTS.iter().any(|word| line.contains(word));
    let from = lines.iter().rposition(|line| is_start(line)).unwrap_or(0);
    let last_run = lines.get(from..).unwrap_or_default();
    let mut told = Told { served_until: served_until(&lines), ..Told::default() };
    for line in last_run {
        if let Some((_, finding)) = FATAL.iter().find(|(words, _)| line.contains(words)) {
            told.facts.fatal.push(LogLine { finding: *finding, line: shown(line) });
        }
    }
    // It was part of a replication before its last start, too.
    told.replication = lines.iter().filter(|l| REPLICATION.iter().any(|w| l.contains(w))).map(|l| shown(l)).collect();
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
    let end = run.iter().position(|line| STARTS.iter().any(|word| line.contains(word))).unwrap_or(run.len());
    run.get(..end)?.iter().rev().find_map(|line| moment(line))
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
    }

    #[test]
    fn control_characters_are_escaped() {
        let told = since_last_start("1:M # No space left on device \u{1b}[2J");
        assert!(!told.facts.fatal[0].line.contains('\u{1b}'));
    }
}
