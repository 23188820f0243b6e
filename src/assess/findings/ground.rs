//! The ground it stands on: disk, memory, replication, earlier runs.
use super::{log_lines, next, yes};
use crate::assess::seen::Seen;
use crate::facts::{Bytes, Facts, Point, Topology};
use crate::finding::{Finding, Id, Severity};

pub(super) fn derive(facts: &Facts, _points: &[Point], seen: &Seen, found: &mut Vec<Finding>) {
    disk(facts, found);
    memory(facts, seen, found);
    replication(facts, found);
    if yes(facts.run.unfinished) {
        let run = facts.run.run_id.clone().unwrap_or_default();
        found.push(Id::RunUnfinished.found(format!("run {run} was not finished"), vec![]));
    }
}

fn disk(facts: &Facts, found: &mut Vec<Finding>) {
    let disk = &facts.disk;
    let dir = facts.config.data_dir.clone().unwrap_or_default();
    if yes(disk.io_error) {
        found.push(Id::DiskIoError.found(format!("reading {dir} fails"), log_lines(facts, Id::DiskIoError)));
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
    // A rewrite needs about as much again as the data takes.
    let data = facts.files.rdb.bytes.map_or(0, |b| b.0).max(facts.files.aof.bytes.map_or(0, |b| b.0));
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
        found.push(Id::MemoryForkRisk.found(
            "a background save under load could run out of memory",
            vec![format!("the server uses {}, {available} are available", Bytes(used))],
        ));
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
    }
}
