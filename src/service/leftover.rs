//! What saves and rewrites left half-written when their process died.

use std::path::Path;

use super::owner::same_dir;
use crate::facts::{Bytes, LeftOver};
use crate::host::process::{Proc, ProcessError, SERVER_PROGRAMS};
use crate::host::{Kind, Look};

/// A file that was written so recently (seconds) may still be written by a server that runs in the directory.
const FRESH: i64 = 60;

/// The process that gave a temporary file of this name: the saves' and rewrites' names hold its number.
#[must_use]
pub fn writer_of(name: &str) -> Option<i32> {
    let number = |rest: Option<&str>, end: &str| {
        let digits = rest?.strip_suffix(end)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    number(name.strip_prefix("temp-rewriteaof-bg-"), ".aof")
        .or_else(|| number(name.strip_prefix("temp-rewriteaof-"), ".aof"))
        .or_else(|| number(name.strip_prefix("temp-"), ".rdb"))
}

/// Which of these files of a data directory are of no use to anybody: a temporary's name, a process that is gone, and
/// half a file. A snapshot that may be whole is not among them: it could be the newest there is.
///
/// # Errors
/// /proc can't be read.
pub fn leftovers(look: &Look, dir: &Path, names: &[String]) -> Result<Vec<LeftOver>, ProcessError> {
    if !names.iter().any(|name| writer_of(name).is_some()) {
        return Ok(vec![]);
    }
    // Where a process is at home can't be seen of another user's: then it counts as being here.
    let here: Vec<Proc> = look
        .processes()?
        .into_iter()
        .filter(|p| is_of_a_server(look, p) && p.cwd.as_deref().is_none_or(|cwd| same_dir(look, cwd, dir)))
        .filter(|p| !look.gone(p.id))
        .collect();
    // A child at work writes one of them, under a number that in a container is not the one seen here.
    if here.iter().any(|p| !p.is_server()) {
        return Ok(vec![]);
    }
    let found = |name: &String| {
        let (path, process) = (dir.join(name), writer_of(name)?);
        let stat = look.lstat_if_there(&path).ok()??;
        let age = look.now().as_second() - stat.mtime().as_second();
        let in_use = here.iter().any(|p| p.pid() == process) || (!here.is_empty() && age < FRESH);
        let left = stat.kind == Kind::File && !in_use && !may_be_whole(look, &path, stat.size);
        left.then(|| LeftOver { path: path.display().to_string(), bytes: Bytes(stat.size), process })
    };
    Ok(names.iter().filter_map(found).collect())
}

/// A server, or its child that saves: that one's title does not look like a server's command line.
fn is_of_a_server(look: &Look, proc: &Proc) -> bool {
    let named = |name: &str| SERVER_PROGRAMS.iter().any(|program| name.starts_with(program));
    let child = || proc.cmdline.first().is_some_and(|t| t.starts_with("redis-") || t.starts_with("valkey-"));
    proc.is_server() || named(&proc.comm) || child() || look.parent(proc).is_some_and(|parent| parent.is_server())
}

/// Could this be a whole snapshot? Before the eight bytes of its checksum it ends with 0xFF. Anything that does not begin
/// like a snapshot (commands, or what can't be read) is not judged, and counts as whole.
fn may_be_whole(look: &Look, path: &Path, size: u64) -> bool {
    if size == 0 {
        return false;
    }
    let head = look.read_at(path, 0, 9).unwrap_or_default();
    if !head.starts_with(b"REDIS") && !head.starts_with(b"VALKEY") {
        return true;
    }
    size < 18 || look.read_at(path, size - 9, 1).map_or(true, |end| end == [0xff])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_saves_and_rewrites_give_have_a_writer() {
        assert_eq!(writer_of("temp-12.rdb"), Some(12));
        assert_eq!(writer_of("temp-rewriteaof-bg-7.aof"), Some(7));
        assert_eq!(writer_of("temp-rewriteaof-34.aof"), Some(34));
        for name in ["temp-.rdb", "temp-x1.rdb", "temp-12.aof", "temp-appendonly.aof.incr", "dump.rdb", "temp-1.rdb.gz"]
        {
            assert_eq!(writer_of(name), None, "{name}");
        }
    }
}
