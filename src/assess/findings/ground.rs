//! The ground it stands on: disk, memory, replication, earlier runs.
use super::{log_lines, next, yes};
use crate::assess::seen::Seen;
use crate::facts::{Bytes, Facts, Point, Seconds, Topology};
use crate::finding::{Finding, Id, Severity};

pub(super) fn derive(facts: &Facts, _points: &[Point], seen: &Seen, found: &mut Vec<Finding>) {
    disk(facts, seen, found);
    memory(facts, seen, found);
    replication(facts, found);
    cluster(seen, found);
    if yes(facts.host.clock_wrong) {
        let title = "the clock is far from the times in the files or from the server's";
        found.push(Id::HostClockWrong.found(title, facts.host.clock_because.clone()));
    }
    if let Some(moved) = seen.clock_moved.filter(|_| !yes(facts.host.clock_wrong)) {
        let title = format!("the clock was moved by about {} since the server started", Seconds(moved.abs()));
        found.push(next(Id::HostClockWrong.found(title, vec![]).severity(Severity::Minor)));
    }
    if let Some(copies) = seen.copies
        && copies > LARGE.max(data(facts).saturating_mul(3))
    {
        let held = format!("safety copies of earlier runs take {}", Bytes(copies));
        found.push(Id::VaultLarge.found(held, vec![format!("data files take {}", Bytes(data(facts)))]));
    }
    if yes(facts.run.unfinished) {
        let run = facts.run.run_id.clone().unwrap_or_default();
        found.push(Id::RunUnfinished.found(format!("run {run} was not finished"), vec![]));
    }
}

/// Copies below this, in bytes, are worth no word.
const LARGE: u64 = 1 << 30;
/// A link that was silent for longer, in seconds, is behind: a primary pings its replicas every 10 s.
const BEHIND: f64 = 15.0;

/// Bytes of the larger of snapshot and AOF.
fn data(facts: &Facts) -> u64 {
    facts.files.rdb.bytes.map_or(0, |b| b.0).max(facts.files.aof.bytes.map_or(0, |b| b.0))
}

fn disk(facts: &Facts, seen: &Seen, found: &mut Vec<Finding>) {
    let disk = &facts.disk;
    let dir = facts.config.data_dir.clone().unwrap_or_default();
    if yes(disk.io_error) {
        let evidence = seen.io_errors.iter().cloned().chain(log_lines(facts, Id::DiskIoError)).collect();
        found.push(Id::DiskIoError.found(format!("the disk of {dir} fails"), evidence));
    }
    if yes(disk.read_only) {
        found.push(Id::DiskReadOnly.found(format!("the filesystem of {dir} is read-only"), vec![]));
    }
    let free = disk.free.unwrap_or_default();
    if yes(disk.full) {
        let inodes = disk.free_inodes.map(|n| format!("{n} inodes")).into_iter();
        let evidence = std::iter::once(format!("{free} free")).chain(inodes).chain(log_lines(facts, Id::DiskFull));
        found.push(Id::DiskFull.found(format!("there is no room in {dir}"), evidence.collect()));
        return;
    }
    // A quota is not seen in what the filesystem has free.
    let quota: Vec<String> = log_lines(facts, Id::DiskFull).into_iter().filter(|l| l.contains("quota")).collect();
    if !quota.is_empty() && facts.server.writable == Some(false) {
        found.push(Id::DiskFull.found(format!("the quota of the server's user is used up in {dir}"), quota));
    }
    // A rewrite needs about as much again as the data takes.
    let data = data(facts);
    if let (Some(free), Some(total)) = (disk.free, disk.total)
        && (free.0 < total.0 / 20 || free.0 < data.saturating_mul(2))
    {
        found.push(Id::DiskLow.found(
            format!("space is short in {dir}"),
            vec![format!("{free} free of {total}"), format!("data files take {}", Bytes(data))],
        ));
    }
}

fn memory(facts: &Facts, seen: &Seen, found: &mut Vec<Finding>) {
    let memory = &facts.memory;
    if let (Some(available), Some(total)) = (memory.available, memory.total)
        && available.0 < total.0 / 33
    {
        found.push(
            Id::MemoryLow.found("memory is short on this host", vec![format!("{available} available of {total}")]),
        );
    }
    if memory.overcommit.is_some_and(|value| value != 1) {
        let value = memory.overcommit.unwrap_or(0);
        found.push(Id::MemoryOvercommit.found(format!("vm.overcommit_memory is {value}"), vec![]));
    }
    if let (Some(used), Some(available)) = (seen.used_memory, memory.available)
        && used > available.0
    {
        found.push(
            Id::MemoryForkRisk.found(
                "a background save under load could run out of memory",
                std::iter::once(format!("the server uses {}, {available} are available", Bytes(used)))
                    .chain(yes(memory.huge_pages).then(|| HUGE.to_string()))
                    .collect(),
            ),
        );
    }
}

/// Why huge pages matter to a save.
const HUGE: &str = "transparent huge pages are always on: each page written during a save copies 2 MiB";

fn cluster(seen: &Seen, found: &mut Vec<Finding>) {
    let Some(told) = &seen.cluster else { return };
    let line = |name: &str| told.lines().find_map(|l| l.trim().strip_prefix(name)?.strip_prefix(':'));
    if line("cluster_state") == Some("fail") {
        let evidence = told.lines().filter(|l| l.starts_with("cluster_s")).map(str::to_string).collect();
        found.push(Id::ClusterDown.found("the Cluster does not serve, as this node sees it", evidence));
    }
    let number = |name: &str| line(name).and_then(|n| n.parse::<u32>().ok());
    let uncovered = number("cluster_slots_assigned").map_or(0, |n| 16384_u32.saturating_sub(n))
        + number("cluster_slots_fail").unwrap_or(0);
    if uncovered > 0 {
        found.push(Id::ClusterSlotsUncovered.found(format!("{uncovered} slots have no primary that answers"), vec![]));
    }
}

fn replication(facts: &Facts, found: &mut Vec<Finding>) {
    let replication = &facts.replication;
    if yes(replication.evidence) && facts.instance.topology == Topology::Unknown {
        let finding: Finding =
            Id::ReplicationUnknown.found("something points at a replication", replication.because.clone());
        // A primary that serves with its replicas attached is well; who holds newer data matters once it is down.
        let serves = yes(facts.server.writable) && !yes(facts.server.data_empty);
        found.push(if serves { next(finding.severity(Severity::Minor)) } else { finding });
    }
    if replication.link_up == Some(false) {
        found.push(Id::ReplicationLinkDown.found("the link to the primary is down", replication.because.clone()));
    } else if let Some(lag) = replication.lag.filter(|lag| lag.0 > BEHIND) {
        let title = format!("a link of the replication was silent for {lag}");
        found.push(Id::ReplicationLag.found(title, replication.because.clone()));
    }
}
