//! The order in which findings are shown: the one in which triage excludes causes.
use crate::finding::{Finding, Id, Scope, Severity};
use std::cmp::Reverse;

/// Causes before their consequences. What is not here comes after these: what hurts now, then the worst first.
const CAUSES: &[Id] = &[
    // Is it ours to touch?
    Id::ServerCompromised,
    Id::ConfigSharedDataDir,
    Id::RunUnfinished,
    Id::ServerFenced,
    Id::ServerHeld,
    Id::ServerStoppedOnPurpose,
    // Can we see, and does it end by itself?
    Id::ServerAuthFailed,
    Id::ServerLoading,
    Id::ServerBusyScript,
    // Who has the newest data?
    Id::ReplicationReplicasAtRisk,
    Id::ReplicationDiverged,
    Id::ReplicationUnknown,
    Id::ReplicationLinkDown,
    // The ground.
    Id::DiskIoError,
    Id::DiskReadOnly,
    Id::DiskFull,
    Id::ServerOomKilled,
    Id::HostClockWrong,
    Id::FilesPermission,
    Id::MemoryForkRisk,
    Id::MemoryLow,
    Id::MemoryMaxmemory,
    Id::ConfigDirMismatch,
    Id::ServerMisconf,
    // The program.
    Id::ServerPortTaken,
    Id::ConfigMissing,
    Id::ServerConfigInvalid,
    Id::ServerVersionTooOld,
    Id::ServerModuleMissing,
    Id::ServerStartTimeout,
    Id::ServerRestartLoop,
    // What follows from all these, and from damaged files as well.
    Id::ServerHung,
    Id::ServerNotRunning,
    Id::ServerDataEmpty,
];

/// Each finding once, in order. What is minor, or only the next failure would make hurt, never stands before what hurts now.
pub(super) fn causes_first(found: &mut Vec<Finding>) {
    let place = |f: &Finding| {
        let hurts = f.scope == Scope::Now && f.severity >= Severity::Major;
        let cause = CAUSES.iter().position(|id| *id == f.id).filter(|_| hurts).unwrap_or(CAUSES.len());
        (!hurts, cause, f.scope == Scope::Next, Reverse(f.severity), f.id)
    };
    found.sort_by_key(place);
    let mut seen = Vec::new();
    found.retain(|f| {
        let first = !seen.contains(&f.id);
        seen.push(f.id);
        first
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_stands_before_what_follows_from_it() {
        let found = |id: Id| id.found("", vec![]);
        let mut all = vec![
            found(Id::BackupNone),
            found(Id::FilesAofTruncated),
            found(Id::ServerNotRunning),
            found(Id::ServerMisconf),
            found(Id::DiskFull),
            found(Id::MemoryForkRisk),
            found(Id::ServerStoppedOnPurpose),
        ];
        causes_first(&mut all);
        let ids: Vec<Id> = all.iter().map(|f| f.id).collect();
        let wanted = [
            Id::ServerStoppedOnPurpose,
            Id::DiskFull,
            Id::ServerMisconf,
            Id::ServerNotRunning,
            Id::FilesAofTruncated,
            Id::MemoryForkRisk,
            Id::BackupNone,
        ];
        assert_eq!(ids, wanted);
    }
}
