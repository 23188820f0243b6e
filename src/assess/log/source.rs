//! Where a log is read from: its file, what was rotated away from it, the journal of its unit.
use crate::facts::Time;
use crate::host::Look;
use crate::host::process::Command;
use crate::store;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bytes kept of the end of a log, and of each file rotated away from it.
const TAIL: usize = 256 * 1024;
/// Bytes that are unpacked at most to come to the end of a rotated file.
const UNPACKED: u64 = 64 << 20;
/// Rotated files that are looked into.
const ROTATED: usize = 2;
/// Lines asked of a journal; each brings about half a kilobyte of fields.
const LINES: &str = "1000";
/// How long a journal or the kernel may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where a server writes its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// The journal of a systemd unit: what it writes to standard output or syslog, and what systemd says of it.
    Journal(String),
}

/// The end of a log: as much as it takes to see the last start, within bounds.
///
/// # Errors
/// Why it can't be read, in words.
pub fn text(look: &Look, source: &Source, complete: &dyn Fn(&str) -> bool) -> Result<String, String> {
    match source {
        Source::Journal(unit) => journal(look, unit),
        Source::File(path) => {
            let current = look.read_tail(path, TAIL as u64).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            let mut text = match current {
                Ok(text) => text,
                // Rotated away, and the server has not opened a new one yet.
                Err(error) if error.is_missing() => String::new(),
                Err(error) => return Err(error.to_string()),
            };
            for older in rotated(look, path).into_iter().take(ROTATED) {
                if complete(&text) {
                    break;
                }
                text.insert_str(0, &tail_of_packed(look, &older));
            }
            if text.is_empty() && !look.exists(path) {
                return Err(format!("{} is not there", path.display()));
            }
            Ok(text)
        }
    }
}

/// Files rotated away from this one (`redis.log.1`, `redis.log-20261121.gz`), newest first.
fn rotated(look: &Look, path: &Path) -> Vec<PathBuf> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str())) else {
        return vec![];
    };
    let belongs = |other: &str| {
        let rest = other.strip_prefix(name).and_then(|rest| rest.strip_prefix(['.', '-']));
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let entries = look.list(dir).unwrap_or_default().into_iter();
    let mut found: Vec<_> = entries.filter(|e| e.name.to_str().is_some_and(belongs)).collect();
    found.sort_by_key(|e| std::cmp::Reverse(e.stat.mtime_ns));
    found.into_iter().map(|e| dir.join(e.name)).collect()
}

/// The end of a file that may be packed; nothing where it can't be read, since it is only a help.
fn tail_of_packed(look: &Look, path: &Path) -> String {
    let Ok(opened) = store::open(look, path) else {
        return String::new();
    };
    let (mut kept, mut block) = (Vec::new(), vec![0; TAIL]);
    let mut reader = opened.take(UNPACKED);
    while let Ok(read @ 1..) = reader.read(&mut block) {
        kept.extend_from_slice(&block[..read]);
        let surplus = kept.len().saturating_sub(TAIL);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// The last lines of a unit's journal.
fn journal(look: &Look, unit: &str) -> Result<String, String> {
    let argv = ["journalctl", "--unit", unit, "--lines", LINES, "--no-pager", "--quiet", "--output", "cat"];
    let output = look.ask(&Command::new(argv, PATIENCE)).map_err(|e| format!("its journal can't be read: {e}"))?;
    if !output.ok() {
        return Err(format!("its journal can't be read: {}", output.complaint()));
    }
    Ok(output.text())
}

/// How far the kernel's clock for its lines may be from ours, in seconds.
const DRIFT: i64 = 30;

/// The kernel's line about killing one of these processes for memory; none where it may not be read. `last_word`: when they
/// last wrote to their log. Numbers of processes are used again: a kill before that was another's.
#[must_use]
pub fn killed_for_memory(look: &Look, pids: &[i32], last_word: Option<Time>) -> Option<String> {
    let output = look.ask(&Command::new(["dmesg"], PATIENCE)).ok().filter(crate::host::process::Output::ok)?;
    let text = output.text();
    let names = |line: &&str| {
        let killed = line.split_once("Killed process ").and_then(|(_, rest)| rest.split([' ', ',']).next());
        killed.and_then(|pid| pid.parse::<i32>().ok()).is_some_and(|pid| pids.contains(&pid))
    };
    let theirs = |line: &&str| match (last_word, booted_for(line).and_then(|micros| look.wall_clock_at(micros))) {
        (Some(last), Some(at)) => Time(at).unix() + DRIFT >= last.unix(),
        _ => true,
    };
    text.lines().rev().filter(names).find(theirs).map(str::to_string)
}

/// Microseconds since boot at the head of a kernel's line: `[20236.406164] Memory cgroup out of memory: …`.
fn booted_for(line: &str) -> Option<u64> {
    let seconds: f64 = line.strip_prefix('[')?.split_once(']')?.0.trim().parse().ok()?;
    (seconds >= 0.0).then_some((seconds * 1e6) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_line_tells_when_it_was_written() {
        assert_eq!(booted_for("[20236.406164] Memory cgroup out of memory: Killed process 1"), Some(20_236_406_164));
        assert_eq!(booted_for("[    1.5] x"), Some(1_500_000));
        assert_eq!(booted_for("Killed process 24159 (redis-server)"), None);
        assert_eq!(booted_for("[Tue Nov 24 18:00:00 2026] x"), None);
    }
}
