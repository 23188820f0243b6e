//! The ground: disk and memory of this host.
use crate::facts::{Bytes, DiskFacts, MemoryFacts};
use crate::host::{HostError, Look};
use std::path::Path;

/// Below this, in bytes, nothing can be written that helps.
const FULL: u64 = 1 << 20;

/// The filesystem of a directory; of the nearest one above it that exists.
#[must_use]
pub fn disk(look: &Look, dir: &Path) -> (DiskFacts, Option<String>) {
    let there = dir.ancestors().find(|p| look.exists(p)).unwrap_or(dir);
    match look.space(there) {
        Ok(space) => {
            let no_inodes = space.free_inodes == Some(0);
            let listed = look.list(there);
            (
                DiskFacts {
                    free: Some(Bytes(space.free_bytes)),
                    total: Some(Bytes(space.total_bytes)),
                    free_inodes: space.free_inodes,
                    read_only: Some(space.read_only),
                    full: Some(space.free_bytes < FULL || no_inodes),
                    io_error: Some(listed.is_err_and(|e| is_io_error(&e))),
                    filesystem: Some(space.fstype),
                },
                None,
            )
        }
        Err(error) => {
            let facts = DiskFacts { io_error: Some(is_io_error(&error)), ..DiskFacts::default() };
            (facts, Some(error.to_string()))
        }
    }
}

/// EIO: the disk itself fails.
#[must_use]
pub fn is_io_error(error: &HostError) -> bool {
    error.errno() == Some(nix::errno::Errno::EIO as i32)
}

/// Memory of this host, or what the cgroup of the process (else our own) leaves of it.
#[must_use]
pub fn memory(look: &Look, pid: Option<i32>) -> MemoryFacts {
    let text = look.read_text(Path::new("/proc/meminfo"), 1 << 16).unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
    };
    let (mut available, mut total) = (field("MemAvailable"), field("MemTotal"));
    if let Some((limit, used)) = cgroup(look, pid) {
        total = total.map(|t| t.min(limit));
        available = available.map(|a| a.min(limit.saturating_sub(used)));
    }
    let overcommit = look.read_text(Path::new("/proc/sys/vm/overcommit_memory"), 64).ok();
    MemoryFacts {
        available: available.map(Bytes),
        total: total.map(Bytes),
        overcommit: overcommit.and_then(|t| t.trim().parse().ok()),
    }
}

/// Limit and use, in bytes, of the version 2 cgroup of a process.
fn cgroup(look: &Look, pid: Option<i32>) -> Option<(u64, u64)> {
    let who = pid.map_or_else(|| "self".to_string(), |pid| pid.to_string());
    let text = look.read_text(Path::new(&format!("/proc/{who}/cgroup")), 1 << 16).ok()?;
    let group = text.lines().find_map(|line| line.strip_prefix("0::"))?.trim_start_matches('/').to_string();
    let dir = Path::new("/sys/fs/cgroup").join(group);
    let number = |name: &str| look.read_text(&dir.join(name), 64).ok()?.trim().parse::<u64>().ok();
    Some((number("memory.max")?, number("memory.current")?))
}
