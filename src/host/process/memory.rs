//! Memory: of the machine, and of a control group.
//!
//! sysinfo tells the machine's. Of control groups it knows only the one this process runs in, not the server's, and not how
//! often the kernel killed there.

use std::path::{Path, PathBuf};

use sysinfo::{MemoryRefreshKind, System};

use crate::host::Look;

/// The machine's memory, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// All there is.
    pub total: u64,
    /// What a new process could have without swapping.
    pub available: u64,
    /// Free swap.
    pub swap_free: u64,
    /// vm.overcommit_memory: 0 guesses, 1 always grants, 2 counts.
    pub overcommit: Option<i64>,
    /// Are transparent huge pages always on? They make a fork's copies large.
    pub huge_pages_always: Option<bool>,
}

/// The memory bounds of a control group and of those above it, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CgroupMemory {
    /// The tightest limit.
    pub limit: u64,
    /// What the group with that limit uses, page cache among it.
    pub used: u64,
    /// What it could still take: the limit less what it uses, the droppable page cache given back.
    pub available: u64,
    /// How often the kernel killed in it for memory, where it counts.
    pub oom_kills: Option<u64>,
}

const ROOT: &str = "/sys/fs/cgroup";

impl Look {
    /// The memory of this machine; `None` where /proc doesn't tell.
    #[must_use]
    pub fn memory(&self) -> Option<Memory> {
        let mut info = System::new();
        info.refresh_memory_specifics(MemoryRefreshKind::everything());
        let read = |path: &str| std::fs::read_to_string(path).ok();
        // Without /proc/meminfo it says 0.
        (info.total_memory() > 0).then(|| Memory {
            total: info.total_memory(),
            available: info.available_memory(),
            swap_free: info.free_swap(),
            overcommit: read("/proc/sys/vm/overcommit_memory").and_then(|text| text.trim().parse().ok()),
            huge_pages_always: read("/sys/kernel/mm/transparent_hugepage/enabled")
                .map(|text| text.contains("[always]")),
        })
    }

    /// The tightest memory limit over a process; `None` when there is none.
    #[must_use]
    pub fn cgroup_memory(&self, pid: i32) -> Option<CgroupMemory> {
        let groups = procfs::process::Process::new(pid).ok()?.cgroups().ok()?.0;
        let v1 = groups.iter().find(|group| group.controllers.iter().any(|name| name == "memory"));
        match v1 {
            Some(group) => tightest(Path::new(ROOT).join("memory"), &group.pathname, read_v1),
            None => {
                let group = groups.iter().find(|group| group.hierarchy == 0)?;
                tightest(PathBuf::from(ROOT), &group.pathname, read_v2)
            }
        }
    }
}

/// Goes from a group up to the root and keeps the tightest limit.
fn tightest(root: PathBuf, path: &str, read: fn(&Path) -> Option<CgroupMemory>) -> Option<CgroupMemory> {
    let relative = path.trim_start_matches('/');
    if relative.split('/').any(|part| part == "..") {
        // A group outside of what our namespace shows.
        return read(&root);
    }
    let mut dir = root.join(relative);
    let mut found: Option<CgroupMemory> = None;
    while dir.starts_with(&root) {
        if let Some(here) = read(&dir)
            && found.as_ref().is_none_or(|old| here.limit < old.limit)
        {
            found = Some(here);
        }
        if !dir.pop() {
            break;
        }
    }
    found
}

fn number(path: &Path) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// A line `name value` of a statistics file.
fn field(path: &Path, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

fn read_v2(dir: &Path) -> Option<CgroupMemory> {
    // "max" is no number, so no limit.
    let limit = number(&dir.join("memory.max"))?;
    let cache = field(&dir.join("memory.stat"), "inactive_file").unwrap_or(0);
    let oom_kills = field(&dir.join("memory.events"), "oom_kill");
    Some(bounded(limit, number(&dir.join("memory.current")).unwrap_or(0), cache, oom_kills))
}

fn read_v1(dir: &Path) -> Option<CgroupMemory> {
    // Without a limit v1 says a number near the end of the address space.
    let limit = number(&dir.join("memory.limit_in_bytes")).filter(|limit| *limit < 1 << 60)?;
    let cache = field(&dir.join("memory.stat"), "total_inactive_file").unwrap_or(0);
    let oom_kills = field(&dir.join("memory.oom_control"), "oom_kill");
    Some(bounded(limit, number(&dir.join("memory.usage_in_bytes")).unwrap_or(0), cache, oom_kills))
}

fn bounded(limit: u64, used: u64, cache: u64, oom_kills: Option<u64>) -> CgroupMemory {
    let available = limit.saturating_sub(used.saturating_sub(cache));
    CgroupMemory { limit, used, available, oom_kills }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_tightest_group_counts() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(root.path().join("a/memory.max"), "1000\n").unwrap();
        std::fs::write(root.path().join("a/memory.current"), "700\n").unwrap();
        std::fs::write(root.path().join("a/memory.stat"), "anon 1\ninactive_file 200\n").unwrap();
        std::fs::write(root.path().join("a/memory.events"), "oom 4\noom_kill 3\n").unwrap();
        std::fs::write(inner.join("memory.max"), "max\n").unwrap();
        let found = tightest(root.path().to_path_buf(), "/a/b", read_v2).unwrap();
        assert_eq!(found, CgroupMemory { limit: 1000, used: 700, available: 500, oom_kills: Some(3) });
        assert_eq!(tightest(root.path().to_path_buf(), "/", read_v2), None);
        assert!(Look::new().memory().unwrap().available > 0);
    }
}
