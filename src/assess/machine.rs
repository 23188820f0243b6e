//! The ground: disk and memory of this host.
use crate::facts::{Bytes, DiskFacts, MemoryFacts};
use crate::host::Look;
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
                    io_error: Some(listed.is_err_and(|e| e.is_io())),
                    filesystem: Some(space.fstype),
                },
                None,
            )
        }
        Err(error) => {
            let facts = DiskFacts { io_error: Some(error.is_io()), ..DiskFacts::default() };
            (facts, Some(error.to_string()))
        }
    }
}

/// Memory of this host, or what the control group of the process leaves of it.
#[must_use]
pub fn memory(look: &Look, pid: Option<i32>) -> MemoryFacts {
    let Some(host) = look.memory() else {
        return MemoryFacts::default();
    };
    let group = pid.and_then(|pid| look.cgroup_memory(pid));
    let (available, total) =
        group.map_or((host.available, host.total), |g| (host.available.min(g.available), host.total.min(g.limit)));
    MemoryFacts {
        available: Some(Bytes(available)),
        total: Some(Bytes(total)),
        overcommit: host.overcommit,
        huge_pages: host.huge_pages_always,
        used: None,
    }
}
