//! The findings: name, usual severity, meaning, hint.
use super::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Every finding there is. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Id {
    /// The server's process is not there, so nobody is served.
    #[serde(rename = "server.not_running")]
    ServerNotRunning,
    /// Somebody stopped the server with SHUTDOWN or through its service manager.
    #[serde(rename = "server.stopped_on_purpose")]
    ServerStoppedOnPurpose,
    /// The process is there but does not answer, or is stopped by a signal.
    #[serde(rename = "server.hung")]
    ServerHung,
    /// The server is loading its data and will answer when it has finished.
    #[serde(rename = "server.loading")]
    ServerLoading,
    /// A script or function blocks the server.
    #[serde(rename = "server.busy_script")]
    ServerBusyScript,
    /// The server refuses redis-dr's credentials, so nothing about it can be seen.
    #[serde(rename = "server.auth_failed")]
    ServerAuthFailed,
    /// The service manager starts the server again and again and it fails each time.
    #[serde(rename = "server.restart_loop")]
    ServerRestartLoop,
    /// The service manager stops the server before it has finished loading.
    #[serde(rename = "server.start_timeout")]
    ServerStartTimeout,
    /// The kernel killed the server because memory ran out.
    #[serde(rename = "server.oom_killed")]
    ServerOomKilled,
    /// Another program listens on this instance's address, so the server can't start.
    #[serde(rename = "server.port_taken")]
    ServerPortTaken,
    /// The server refuses its configuration.
    #[serde(rename = "server.config_invalid")]
    ServerConfigInvalid,
    /// The running server's settings differ from its file, so a restart would change them.
    #[serde(rename = "server.config_drift")]
    ServerConfigDrift,
    /// The server refuses writes because it is a replica.
    #[serde(rename = "server.read_only")]
    ServerReadOnly,
    /// The server refuses writes because it can't write to disk.
    #[serde(rename = "server.misconf")]
    ServerMisconf,
    /// Clients' writes are refused by a fence that a run left.
    #[serde(rename = "server.fenced")]
    ServerFenced,
    /// The instance is held: nothing starts it until the hold is released.
    #[serde(rename = "server.held")]
    ServerHeld,
    /// The server holds no data although a source of data exists.
    #[serde(rename = "server.data_empty")]
    ServerDataEmpty,
    /// The server is too old for the files it must load.
    #[serde(rename = "server.version_too_old")]
    ServerVersionTooOld,
    /// The files need a module that this server does not load.
    #[serde(rename = "server.module_missing")]
    ServerModuleMissing,
    /// There are signs of a break-in.
    #[serde(rename = "server.compromised")]
    ServerCompromised,
    /// The configuration file is not there.
    #[serde(rename = "config.missing")]
    ConfigMissing,
    /// AOF is switched on but there is no AOF, so a start would come up empty although data exists.
    #[serde(rename = "config.aof_trap")]
    ConfigAofTrap,
    /// Neither AOF nor save points are on, so a restart loses everything.
    #[serde(rename = "config.no_persistence")]
    ConfigNoPersistence,
    /// appendfsync no leaves it to the kernel when writes reach the disk.
    #[serde(rename = "config.weak_fsync")]
    ConfigWeakFsync,
    /// The configured dump file is not there, but another snapshot is.
    #[serde(rename = "config.rdb_name_mismatch")]
    ConfigRdbNameMismatch,
    /// The configured AOF name has no files, but another name has.
    #[serde(rename = "config.aof_name_mismatch")]
    ConfigAofNameMismatch,
    /// The configured directory is not the one that holds the data.
    #[serde(rename = "config.dir_mismatch")]
    ConfigDirMismatch,
    /// Two servers use the same data directory and overwrite each other's files.
    #[serde(rename = "config.shared_data_dir")]
    ConfigSharedDataDir,
    /// The start command overrides what the file says.
    #[serde(rename = "config.overridden")]
    ConfigOverridden,
    /// The snapshot that a start would load is not there.
    #[serde(rename = "files.rdb_missing")]
    FilesRdbMissing,
    /// The snapshot is damaged; a server that must load it will not start.
    #[serde(rename = "files.rdb_corrupt")]
    FilesRdbCorrupt,
    /// The snapshot holds no key.
    #[serde(rename = "files.rdb_empty")]
    FilesRdbEmpty,
    /// AOF is on and its files are not there.
    #[serde(rename = "files.aof_missing")]
    FilesAofMissing,
    /// The AOF ends in the middle of a command or transaction.
    #[serde(rename = "files.aof_truncated")]
    FilesAofTruncated,
    /// The AOF is damaged; the server will not load it.
    #[serde(rename = "files.aof_corrupt")]
    FilesAofCorrupt,
    /// The AOF's parts are there but the manifest that lists them is not: a start would come up empty.
    #[serde(rename = "files.manifest_missing")]
    FilesManifestMissing,
    /// The AOF's manifest can't be read or names files that are not there.
    #[serde(rename = "files.manifest_broken")]
    FilesManifestBroken,
    /// There are AOF parts that no manifest lists: a start would come up empty and could mix old commands in.
    #[serde(rename = "files.parts_without_manifest")]
    FilesPartsWithoutManifest,
    /// The server's user may not read or write its files.
    #[serde(rename = "files.permission")]
    FilesPermission,
    /// The AOF contains a command that removes all keys, near its end.
    #[serde(rename = "files.flush_found")]
    FilesFlushFound,
    /// The AOF carries neither timestamps nor tags, so a moment can't be found in it later.
    #[serde(rename = "files.no_time_travel")]
    FilesNoTimeTravel,
    /// Temporary files of a failed save or rewrite take space.
    #[serde(rename = "files.temp_left")]
    FilesTempLeft,
    /// No space is left where the data lives.
    #[serde(rename = "disk.full")]
    DiskFull,
    /// Space is short where the data lives.
    #[serde(rename = "disk.low")]
    DiskLow,
    /// The data's filesystem is read-only.
    #[serde(rename = "disk.read_only")]
    DiskReadOnly,
    /// Reading the data fails with an I/O error.
    #[serde(rename = "disk.io_error")]
    DiskIoError,
    /// Memory is short on this host.
    #[serde(rename = "memory.low")]
    MemoryLow,
    /// vm.overcommit_memory is not 1, so a background save can fail.
    #[serde(rename = "memory.overcommit")]
    MemoryOvercommit,
    /// There is not enough memory for a background save under load.
    #[serde(rename = "memory.fork_risk")]
    MemoryForkRisk,
    /// maxmemory is reached.
    #[serde(rename = "memory.maxmemory")]
    MemoryMaxmemory,
    /// The clock is far from the times in the files, so expiries are wrong.
    #[serde(rename = "host.clock_wrong")]
    HostClockWrong,
    /// Something points at replication, but nobody said which role this instance has.
    #[serde(rename = "replication.unknown")]
    ReplicationUnknown,
    /// The link to the primary is down.
    #[serde(rename = "replication.link_down")]
    ReplicationLinkDown,
    /// The replica is behind its primary.
    #[serde(rename = "replication.lag")]
    ReplicationLag,
    /// Replicas would copy an empty primary.
    #[serde(rename = "replication.replicas_at_risk")]
    ReplicationReplicasAtRisk,
    /// Two primaries have taken different writes.
    #[serde(rename = "replication.diverged")]
    ReplicationDiverged,
    /// The Sentinels can't agree.
    #[serde(rename = "sentinel.no_quorum")]
    SentinelNoQuorum,
    /// The Cluster does not serve.
    #[serde(rename = "cluster.down")]
    ClusterDown,
    /// Some slots have no primary.
    #[serde(rename = "cluster.slots_uncovered")]
    ClusterSlotsUncovered,
    /// No backup is configured or found.
    #[serde(rename = "backup.none")]
    BackupNone,
    /// The newest backup is older than the allowed loss.
    #[serde(rename = "backup.stale")]
    BackupStale,
    /// A backup is damaged or can't be loaded here.
    #[serde(rename = "backup.corrupt")]
    BackupCorrupt,
    /// The newest backup holds far fewer keys than those before it.
    #[serde(rename = "backup.suspicious_count")]
    BackupSuspiciousCount,
    /// A key that must exist is not there.
    #[serde(rename = "data.key_missing")]
    DataKeyMissing,
    /// A data check failed.
    #[serde(rename = "data.check_failed")]
    DataCheckFailed,
    /// There are fewer keys than there must be.
    #[serde(rename = "data.count_low")]
    DataCountLow,
    /// Safety copies of earlier runs take much space.
    #[serde(rename = "vault.large")]
    VaultLarge,
    /// A run on this instance was not finished.
    #[serde(rename = "run.unfinished")]
    RunUnfinished,
}

impl Id {
    /// All of them, in the order of the docs.
    pub const ALL: &'static [Id] = &[
        Id::ServerNotRunning,
        Id::ServerStoppedOnPurpose,
        Id::ServerHung,
        Id::ServerLoading,
        Id::ServerBusyScript,
        Id::ServerAuthFailed,
        Id::ServerRestartLoop,
        Id::ServerStartTimeout,
        Id::ServerOomKilled,
        Id::ServerPortTaken,
        Id::ServerConfigInvalid,
        Id::ServerConfigDrift,
        Id::ServerReadOnly,
        Id::ServerMisconf,
        Id::ServerFenced,
        Id::ServerHeld,
        Id::ServerDataEmpty,
        Id::ServerVersionTooOld,
        Id::ServerModuleMissing,
        Id::ServerCompromised,
        Id::ConfigMissing,
        Id::ConfigAofTrap,
        Id::ConfigNoPersistence,
        Id::ConfigWeakFsync,
        Id::ConfigRdbNameMismatch,
        Id::ConfigAofNameMismatch,
        Id::ConfigDirMismatch,
        Id::ConfigSharedDataDir,
        Id::ConfigOverridden,
        Id::FilesRdbMissing,
        Id::FilesRdbCorrupt,
        Id::FilesRdbEmpty,
        Id::FilesAofMissing,
        Id::FilesAofTruncated,
        Id::FilesAofCorrupt,
        Id::FilesManifestMissing,
        Id::FilesManifestBroken,
        Id::FilesPartsWithoutManifest,
        Id::FilesPermission,
        Id::FilesFlushFound,
        Id::FilesNoTimeTravel,
        Id::FilesTempLeft,
        Id::DiskFull,
        Id::DiskLow,
        Id::DiskReadOnly,
        Id::DiskIoError,
        Id::MemoryLow,
        Id::MemoryOvercommit,
        Id::MemoryForkRisk,
        Id::MemoryMaxmemory,
        Id::HostClockWrong,
        Id::ReplicationUnknown,
        Id::ReplicationLinkDown,
        Id::ReplicationLag,
        Id::ReplicationReplicasAtRisk,
        Id::ReplicationDiverged,
        Id::SentinelNoQuorum,
        Id::ClusterDown,
        Id::ClusterSlotsUncovered,
        Id::BackupNone,
        Id::BackupStale,
        Id::BackupCorrupt,
        Id::BackupSuspiciousCount,
        Id::DataKeyMissing,
        Id::DataCheckFailed,
        Id::DataCountLow,
        Id::VaultLarge,
        Id::RunUnfinished,
    ];

    /// Name, usual severity, meaning, hint.
    pub(super) fn row(self) -> (&'static str, Severity, &'static str, &'static str) {
        use Severity::{Critical, Major, Minor};
        match self {
            Id::ServerNotRunning => (
                "server.not_running",
                Critical,
                "The server's process is not there, so nobody is served.",
                "redis-dr recover",
            ),
            Id::ServerStoppedOnPurpose => (
                "server.stopped_on_purpose",
                Major,
                "Somebody stopped the server with SHUTDOWN or through its service manager.",
                "start it the way it was stopped, or have it started: redis-dr recover --runbook restart",
            ),
            Id::ServerHung => (
                "server.hung",
                Critical,
                "The process is there but does not answer, or is stopped by a signal.",
                "redis-dr recover --runbook unhang waits, continues it, or ends what blocks it",
            ),
            Id::ServerLoading => (
                "server.loading",
                Minor,
                "The server is loading its data and will answer when it has finished.",
                "wait; redis-dr assess shows the progress",
            ),
            Id::ServerBusyScript => (
                "server.busy_script",
                Major,
                "A script or function blocks the server.",
                "wait 15 s, then redis-dr recover --runbook unhang; a script that has written only ends with its server",
            ),
            Id::ServerAuthFailed => (
                "server.auth_failed",
                Major,
                "The server refuses redis-dr's credentials, so nothing about it can be seen.",
                "set auth.user and auth.password_file in the config, or use --password-file",
            ),
            Id::ServerRestartLoop => (
                "server.restart_loop",
                Critical,
                "The service manager starts the server again and again and it fails each time.",
                "redis-dr recover holds the unit while it repairs",
            ),
            Id::ServerStartTimeout => (
                "server.start_timeout",
                Critical,
                "The service manager stops the server before it has finished loading.",
                "raise TimeoutStartSec above the time the load takes",
            ),
            Id::ServerOomKilled => (
                "server.oom_killed",
                Critical,
                "The kernel killed the server because memory ran out.",
                "give the host more memory or lower maxmemory before it is started again",
            ),
            Id::ServerPortTaken => (
                "server.port_taken",
                Critical,
                "Another program listens on this instance's address, so the server can't start.",
                "a stray server of this instance makes way: redis-dr recover --runbook free-port; another program (see the evidence) must move; no data is damaged",
            ),
            Id::ServerConfigInvalid => (
                "server.config_invalid",
                Critical,
                "The server refuses its configuration.",
                "mend the line in the evidence, or make it a comment: redis-dr recover --runbook fix-config; no data is damaged",
            ),
            Id::ServerConfigDrift => (
                "server.config_drift",
                Minor,
                "The running server's settings differ from its file, so a restart would change them.",
                "compare with CONFIG GET, then CONFIG REWRITE or edit the file",
            ),
            Id::ServerReadOnly => (
                "server.read_only",
                Major,
                "The server refuses writes because it is a replica.",
                "find the primary, or promote this one",
            ),
            Id::ServerMisconf => (
                "server.misconf",
                Major,
                "The server refuses writes because it can't write to disk.",
                "mend the cause (disk, rights, memory for fork), then redis-dr recover --runbook resume-writes; don't just switch the check off",
            ),
            Id::ServerFenced => (
                "server.fenced",
                Critical,
                "Clients' writes are refused by a fence that a run left.",
                "redis-dr runs resume, or redis-dr runs rollback",
            ),
            Id::ServerHeld => (
                "server.held",
                Major,
                "The instance is held: nothing starts it until the hold is released.",
                "redis-dr hold --release; where a run holds it, redis-dr runs resume or redis-dr runs rollback",
            ),
            Id::ServerDataEmpty => (
                "server.data_empty",
                Critical,
                "The server holds no data although a source of data exists.",
                "don't let it save; redis-dr recover brings the data back",
            ),
            Id::ServerVersionTooOld => (
                "server.version_too_old",
                Critical,
                "The server is too old for the files it must load.",
                "start the version that wrote the files",
            ),
            Id::ServerModuleMissing => (
                "server.module_missing",
                Critical,
                "The files need a module that this server does not load.",
                "install the module and its loadmodule line",
            ),
            Id::ServerCompromised => (
                "server.compromised",
                Critical,
                "There are signs of a break-in.",
                "isolate the host, keep everything, restore elsewhere",
            ),
            Id::ConfigMissing => (
                "config.missing",
                Critical,
                "The configuration file is not there.",
                "restore it from your configuration management, or set config_file",
            ),
            Id::ConfigAofTrap => (
                "config.aof_trap",
                Critical,
                "AOF is switched on but there is no AOF, so a start would come up empty although data exists.",
                "don't start it; redis-dr recover restores the data as the AOF's base",
            ),
            Id::ConfigNoPersistence => (
                "config.no_persistence",
                Minor,
                "Neither AOF nor save points are on, so a restart loses everything.",
                "switch on AOF: redis-dr recover --runbook enable-aof",
            ),
            Id::ConfigWeakFsync => (
                "config.weak_fsync",
                Minor,
                "appendfsync no leaves it to the kernel when writes reach the disk.",
                "appendfsync everysec",
            ),
            Id::ConfigRdbNameMismatch => (
                "config.rdb_name_mismatch",
                Critical,
                "The configured dump file is not there, but another snapshot is.",
                "set dbfilename to the file that holds the data",
            ),
            Id::ConfigAofNameMismatch => (
                "config.aof_name_mismatch",
                Critical,
                "The configured AOF name has no files, but another name has.",
                "set appendfilename to the name of the files that hold the data",
            ),
            Id::ConfigDirMismatch => (
                "config.dir_mismatch",
                Critical,
                "The configured directory is not the one that holds the data.",
                "set dir to the directory that holds the data",
            ),
            Id::ConfigSharedDataDir => (
                "config.shared_data_dir",
                Critical,
                "Two servers use the same data directory and overwrite each other's files.",
                "stop one of them and give it a directory of its own",
            ),
            Id::ConfigOverridden => (
                "config.overridden",
                Minor,
                "The start command overrides what the file says.",
                "change it in the start command",
            ),
            Id::FilesRdbMissing => (
                "files.rdb_missing",
                Major,
                "The snapshot that a start would load is not there.",
                "redis-dr points shows what else there is",
            ),
            Id::FilesRdbCorrupt => (
                "files.rdb_corrupt",
                Major,
                "The snapshot is damaged; a server that must load it will not start.",
                "redis-dr points shows what else there is",
            ),
            Id::FilesRdbEmpty => {
                ("files.rdb_empty", Major, "The snapshot holds no key.", "redis-dr points shows what else there is")
            }
            Id::FilesAofMissing => (
                "files.aof_missing",
                Major,
                "AOF is on and its files are not there.",
                "redis-dr points shows what else there is",
            ),
            Id::FilesAofTruncated => (
                "files.aof_truncated",
                Major,
                "The AOF ends in the middle of a command or transaction.",
                "redis-dr recover cuts a copy at the last safe boundary",
            ),
            Id::FilesAofCorrupt => (
                "files.aof_corrupt",
                Major,
                "The AOF is damaged; the server will not load it.",
                "redis-dr recover cuts a copy before the damage, and shows what is lost",
            ),
            Id::FilesManifestMissing => (
                "files.manifest_missing",
                Critical,
                "The AOF's parts are there but the manifest that lists them is not: a start would come up empty.",
                "don't start it; redis-dr recover rebuilds the manifest",
            ),
            Id::FilesManifestBroken => (
                "files.manifest_broken",
                Major,
                "The AOF's manifest can't be read or names files that are not there.",
                "redis-dr recover rebuilds the manifest from the parts",
            ),
            Id::FilesPartsWithoutManifest => (
                "files.parts_without_manifest",
                Critical,
                "There are AOF parts that no manifest lists: a start would come up empty and could mix old commands in.",
                "don't start it; redis-dr recover rebuilds the manifest",
            ),
            Id::FilesPermission => (
                "files.permission",
                Critical,
                "The server's user may not read or write its files.",
                "give the files back to the server's user, or redis-dr recover --runbook fix-permissions",
            ),
            Id::FilesFlushFound => (
                "files.flush_found",
                Major,
                "The AOF contains a command that removes all keys, near its end.",
                "if it was an accident: CONFIG SET auto-aof-rewrite-percentage 0 at once, then redis-dr recover --runbook undo-flush",
            ),
            Id::FilesNoTimeTravel => (
                "files.no_time_travel",
                Minor,
                "The AOF carries neither timestamps nor tags, so a moment can't be found in it later.",
                "CONFIG SET aof-timestamp-enabled yes (7.0 and newer), or redis-dr aof tag every minute (packaging/ has a timer)",
            ),
            Id::FilesTempLeft => (
                "files.temp_left",
                Minor,
                "Temporary files of a failed save or rewrite take space.",
                "remove them when no save or rewrite runs",
            ),
            Id::DiskFull => (
                "disk.full",
                Critical,
                "No space is left where the data lives.",
                "free space, or remove what nobody needs: redis-dr recover --runbook free-disk",
            ),
            Id::DiskLow => (
                "disk.low",
                Minor,
                "Space is short where the data lives.",
                "free space before the next rewrite needs it",
            ),
            Id::DiskReadOnly => (
                "disk.read_only",
                Critical,
                "The data's filesystem is read-only.",
                "find out why in the kernel log, then remount it",
            ),
            Id::DiskIoError => (
                "disk.io_error",
                Critical,
                "Reading the data fails with an I/O error.",
                "stop using this disk; restore on another",
            ),
            Id::MemoryLow => {
                ("memory.low", Major, "Memory is short on this host.", "free memory before the server is started")
            }
            Id::MemoryOvercommit => (
                "memory.overcommit",
                Minor,
                "vm.overcommit_memory is not 1, so a background save can fail.",
                "sysctl vm.overcommit_memory=1",
            ),
            Id::MemoryForkRisk => (
                "memory.fork_risk",
                Minor,
                "There is not enough memory for a background save under load.",
                "add memory or lower maxmemory",
            ),
            Id::MemoryMaxmemory => (
                "memory.maxmemory",
                Major,
                "maxmemory is reached.",
                "remove keys, or raise maxmemory: redis-dr recover --runbook relieve-memory",
            ),
            Id::HostClockWrong => (
                "host.clock_wrong",
                Major,
                "The clock is far from the times in the files, so expiries are wrong.",
                "mend the clock before the server is started",
            ),
            Id::ReplicationUnknown => (
                "replication.unknown",
                Major,
                "Something points at replication, but nobody said which role this instance has.",
                "set topology in the config, or type standalone in a terminal",
            ),
            Id::ReplicationLinkDown => {
                ("replication.link_down", Major, "The link to the primary is down.", "look at the primary first")
            }
            Id::ReplicationLag => (
                "replication.lag",
                Minor,
                "The replica is behind its primary.",
                "look at the link and the primary's load",
            ),
            Id::ReplicationReplicasAtRisk => (
                "replication.replicas_at_risk",
                Critical,
                "Replicas would copy an empty primary.",
                "keep this server down until its data is back",
            ),
            Id::ReplicationDiverged => (
                "replication.diverged",
                Critical,
                "Two primaries have taken different writes.",
                "decide which one is right",
            ),
            Id::SentinelNoQuorum => {
                ("sentinel.no_quorum", Critical, "The Sentinels can't agree.", "bring the Sentinels back first")
            }
            Id::ClusterDown => ("cluster.down", Critical, "The Cluster does not serve.", "look at the slots"),
            Id::ClusterSlotsUncovered => {
                ("cluster.slots_uncovered", Critical, "Some slots have no primary.", "bring their shard back")
            }
            Id::BackupNone => ("backup.none", Minor, "No backup is configured or found.", "name a store in the config"),
            Id::BackupStale => (
                "backup.stale",
                Minor,
                "The newest backup is older than the allowed loss.",
                "look at the job that makes them",
            ),
            Id::BackupCorrupt => (
                "backup.corrupt",
                Minor,
                "A backup is damaged or can't be loaded here.",
                "redis-dr points shows which; look at the job that makes them",
            ),
            Id::BackupSuspiciousCount => (
                "backup.suspicious_count",
                Minor,
                "The newest backup holds far fewer keys than those before it.",
                "find out why before older ones are removed",
            ),
            Id::DataKeyMissing => (
                "data.key_missing",
                Major,
                "A key that must exist is not there.",
                "redis-dr verify carries the owner's data_checks out; redis-dr points shows what else there is",
            ),
            Id::DataCheckFailed => ("data.check_failed", Major, "A data check failed.", "the evidence names the keys"),
            Id::DataCountLow => (
                "data.count_low",
                Major,
                "There are fewer keys than there must be.",
                "redis-dr verify carries the owner's data_checks out; redis-dr points shows what else there is",
            ),
            Id::VaultLarge => {
                ("vault.large", Minor, "Safety copies of earlier runs take much space.", "redis-dr runs prune")
            }
            Id::RunUnfinished => (
                "run.unfinished",
                Major,
                "A run on this instance was not finished.",
                "redis-dr runs resume, or redis-dr runs rollback",
            ),
        }
    }
}
