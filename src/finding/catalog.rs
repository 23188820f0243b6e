//! The findings: name, usual severity, meaning, hint.
use super::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One finding a line: its variant, its name, how bad it usually is; what it means; what to do.
macro_rules! findings {
    ($($id:ident $name:literal $severity:ident $meaning:literal $hint:literal;)*) => {
        /// Every finding there is. The names are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum Id {
            $(#[doc = $meaning] #[serde(rename = $name)] $id,)*
        }

        impl Id {
            /// All of them, in the order of the docs.
            pub const ALL: &'static [Id] = &[$(Id::$id),*];

            /// Name, usual severity, meaning, hint.
            pub(super) fn row(self) -> (&'static str, Severity, &'static str, &'static str) {
                match self {
                    $(Id::$id => ($name, Severity::$severity, $meaning, $hint),)*
                }
            }
        }
    };
}

findings! {
    ServerNotRunning "server.not_running" Critical
        "The server's process is not there, so nobody is served."
        "redis-dr recover";
    ServerStoppedOnPurpose "server.stopped_on_purpose" Major
        "Somebody stopped the server with SHUTDOWN or through its service manager."
        "start it the way it was stopped, or have it started: redis-dr recover --runbook restart";
    ServerHung "server.hung" Critical
        "The process is there but does not answer, or is stopped by a signal."
        "redis-dr recover --runbook unhang waits, continues it, or ends what blocks it";
    ServerLoading "server.loading" Minor
        "The server is loading its data and will answer when it has finished."
        "wait; redis-dr assess shows the progress";
    ServerBusyScript "server.busy_script" Major
        "A script or function blocks the server."
        "wait 15 s, then redis-dr recover --runbook unhang; a script that has written only ends with its server";
    ServerAuthFailed "server.auth_failed" Major
        "The server refuses redis-dr's credentials, so nothing about it can be seen."
        "set auth.user and auth.password_file in the config, or use --password-file";
    ServerRestartLoop "server.restart_loop" Critical
        "The service manager starts the server again and again and it fails each time."
        "redis-dr recover holds the unit while it repairs";
    ServerStartTimeout "server.start_timeout" Critical
        "The service manager stops the server before it has finished loading."
        "raise TimeoutStartSec above the time the load takes";
    ServerOomKilled "server.oom_killed" Critical
        "The kernel killed the server because memory ran out."
        "give the host more memory or lower maxmemory before it is started again";
    ServerPortTaken "server.port_taken" Critical
        "Another program listens on this instance's address, so the server can't start."
        "a stray server of this instance makes way: redis-dr recover --runbook free-port; another program (see the evidence) must move; no data is damaged";
    ServerConfigInvalid "server.config_invalid" Critical
        "The server refuses its configuration."
        "mend the line in the evidence, or make it a comment: redis-dr recover --runbook fix-config; no data is damaged";
    ServerConfigDrift "server.config_drift" Minor
        "The running server's settings differ from its file, so a restart would change them."
        "compare with CONFIG GET, then CONFIG REWRITE or edit the file";
    ServerReadOnly "server.read_only" Major
        "The server refuses writes because it is a replica."
        "find the primary, or promote this one";
    ServerMisconf "server.misconf" Major
        "The server refuses writes because it can't write to disk."
        "mend the cause (disk, rights, memory for fork), then redis-dr recover --runbook resume-writes; don't just switch the check off";
    ServerFenced "server.fenced" Critical
        "Clients' writes are refused by a fence that a run left."
        "redis-dr runs resume, or redis-dr runs rollback";
    ServerHeld "server.held" Major
        "The instance is held: nothing starts it until the hold is released."
        "redis-dr hold --release; where a run holds it, redis-dr runs resume or redis-dr runs rollback";
    ServerDataEmpty "server.data_empty" Critical
        "The server holds no data although a source of data exists."
        "don't let it save; redis-dr recover brings the data back";
    ServerVersionTooOld "server.version_too_old" Critical
        "The server is too old for the files it must load."
        "start the version that wrote the files";
    ServerModuleMissing "server.module_missing" Critical
        "The files need a module that this server does not load."
        "install the module and its loadmodule line";
    ServerCompromised "server.compromised" Critical
        "There are signs of a break-in."
        "isolate the host, keep everything, restore elsewhere";
    ConfigMissing "config.missing" Critical
        "The configuration file is not there."
        "restore it from your configuration management, or set config_file";
    ConfigAofTrap "config.aof_trap" Critical
        "AOF is switched on but there is no AOF, so a start would come up empty although data exists."
        "don't start it; redis-dr recover restores the data as the AOF's base";
    ConfigNoPersistence "config.no_persistence" Minor
        "Neither AOF nor save points are on, so a restart loses everything."
        "switch on AOF: redis-dr recover --runbook enable-aof";
    ConfigWeakFsync "config.weak_fsync" Minor
        "appendfsync no leaves it to the kernel when writes reach the disk."
        "appendfsync everysec";
    ConfigRdbNameMismatch "config.rdb_name_mismatch" Critical
        "The configured dump file is not there, but another snapshot is."
        "set dbfilename to the file that holds the data";
    ConfigAofNameMismatch "config.aof_name_mismatch" Critical
        "The configured AOF name has no files, but another name has."
        "set appendfilename to the name of the files that hold the data";
    ConfigDirMismatch "config.dir_mismatch" Critical
        "The configured directory is not the one that holds the data."
        "set dir to the directory that holds the data";
    ConfigSharedDataDir "config.shared_data_dir" Critical
        "Two servers use the same data directory and overwrite each other's files."
        "stop one of them and give it a directory of its own";
    ConfigOverridden "config.overridden" Minor
        "The start command overrides what the file says."
        "change it in the start command";
    FilesRdbMissing "files.rdb_missing" Major
        "The snapshot that a start would load is not there."
        "redis-dr points shows what else there is";
    FilesRdbCorrupt "files.rdb_corrupt" Major
        "The snapshot is damaged; a server that must load it will not start."
        "redis-dr points shows what else there is";
    FilesRdbEmpty "files.rdb_empty" Major
        "The snapshot holds no key."
        "redis-dr points shows what else there is";
    FilesAofMissing "files.aof_missing" Major
        "AOF is on and its files are not there."
        "redis-dr points shows what else there is";
    FilesAofTruncated "files.aof_truncated" Major
        "The AOF ends in the middle of a command or transaction."
        "redis-dr recover cuts a copy at the last safe boundary";
    FilesAofCorrupt "files.aof_corrupt" Major
        "The AOF is damaged; the server will not load it."
        "redis-dr recover cuts a copy before the damage, and shows what is lost";
    FilesManifestMissing "files.manifest_missing" Critical
        "The AOF's parts are there but the manifest that lists them is not: a start would come up empty."
        "don't start it; redis-dr recover rebuilds the manifest";
    FilesManifestBroken "files.manifest_broken" Major
        "The AOF's manifest can't be read or names files that are not there."
        "redis-dr recover rebuilds the manifest from the parts";
    FilesPartsWithoutManifest "files.parts_without_manifest" Critical
        "There are AOF parts that no manifest lists: a start would come up empty and could mix old commands in."
        "don't start it; redis-dr recover rebuilds the manifest";
    FilesPermission "files.permission" Critical
        "The server's user may not read or write its files."
        "give the files back to the server's user, or redis-dr recover --runbook fix-permissions";
    FilesFlushFound "files.flush_found" Major
        "The AOF contains a command that removes all keys, near its end."
        "if it was an accident: CONFIG SET auto-aof-rewrite-percentage 0 at once, then redis-dr recover --runbook undo-flush";
    FilesNoTimeTravel "files.no_time_travel" Minor
        "The AOF carries neither timestamps nor tags, so a moment can't be found in it later."
        "CONFIG SET aof-timestamp-enabled yes (7.0 and newer), or redis-dr aof tag every minute (packaging/ has a timer)";
    FilesTempLeft "files.temp_left" Minor
        "Temporary files of a failed save or rewrite take space."
        "remove them when no save or rewrite runs";
    DiskFull "disk.full" Critical
        "No space is left where the data lives."
        "free space, or remove what nobody needs: redis-dr recover --runbook free-disk";
    DiskLow "disk.low" Minor
        "Space is short where the data lives."
        "free space before the next rewrite needs it";
    DiskReadOnly "disk.read_only" Critical
        "The data's filesystem is read-only."
        "find out why in the kernel log, then remount it";
    DiskIoError "disk.io_error" Critical
        "Reading or writing the data fails with an I/O error."
        "stop using this disk; restore on another";
    MemoryLow "memory.low" Major
        "Memory is short on this host."
        "free memory before the server is started";
    MemoryOvercommit "memory.overcommit" Minor
        "vm.overcommit_memory is not 1, so a background save can fail."
        "sysctl vm.overcommit_memory=1";
    MemoryForkRisk "memory.fork_risk" Minor
        "There is not enough memory for a background save under load."
        "add memory or lower maxmemory";
    MemoryMaxmemory "memory.maxmemory" Major
        "maxmemory is reached."
        "remove keys, or raise maxmemory: redis-dr recover --runbook relieve-memory";
    HostClockWrong "host.clock_wrong" Major
        "The clock is far from the times in the files, so expiries are wrong."
        "mend the clock before the server is started";
    ReplicationUnknown "replication.unknown" Major
        "Something points at replication, but nobody said which role this instance has."
        "set topology in the config, or type standalone in a terminal";
    ReplicationLinkDown "replication.link_down" Major
        "The link to the primary is down."
        "look at the primary first";
    ReplicationLag "replication.lag" Minor
        "The replica is behind its primary."
        "look at the link and the primary's load";
    ReplicationReplicasAtRisk "replication.replicas_at_risk" Critical
        "Replicas would copy an empty primary."
        "keep this server down until its data is back";
    ReplicationDiverged "replication.diverged" Critical
        "Two primaries have taken different writes."
        "decide which one is right";
    SentinelNoQuorum "sentinel.no_quorum" Critical
        "The Sentinels can't agree."
        "bring the Sentinels back first";
    ClusterDown "cluster.down" Critical
        "The Cluster does not serve."
        "look at the slots";
    ClusterSlotsUncovered "cluster.slots_uncovered" Critical
        "Some slots have no primary."
        "bring their shard back";
    BackupNone "backup.none" Minor
        "No backup is configured or found."
        "name a store in the config";
    BackupStale "backup.stale" Minor
        "The newest backup is older than the allowed loss."
        "look at the job that makes them";
    BackupCorrupt "backup.corrupt" Minor
        "A backup is damaged or can't be loaded here."
        "redis-dr points shows which; look at the job that makes them";
    BackupSuspiciousCount "backup.suspicious_count" Minor
        "The newest backup holds far fewer keys than those before it."
        "find out why before older ones are removed";
    DataKeyMissing "data.key_missing" Major
        "A key that must exist is not there."
        "redis-dr verify carries the owner's data_checks out; redis-dr points shows what else there is";
    DataCheckFailed "data.check_failed" Major
        "A data check failed."
        "the evidence names the keys";
    DataCountLow "data.count_low" Major
        "There are fewer keys than there must be."
        "redis-dr verify carries the owner's data_checks out; redis-dr points shows what else there is";
    VaultLarge "vault.large" Minor
        "Safety copies of earlier runs take much space."
        "redis-dr runs prune";
    RunUnfinished "run.unfinished" Major
        "A run on this instance was not finished."
        "redis-dr runs resume, or redis-dr runs rollback";
}
