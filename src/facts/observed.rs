//! What is known about an instance and its host at one moment.
use super::{Bytes, Seconds, Time};
use crate::finding::{Id, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the instance is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    #[default]
    /// Its data matters.
    Database,
    /// Its data can be made again; persistence findings weigh less.
    Cache,
}

/// How the config says the instance is replicated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Topology {
    #[default]
    /// The config does not say.
    Unknown,
    /// One server, no replication.
    Standalone,
    /// Part of a replication.
    Replicated,
    /// A Cluster node.
    Cluster,
}

/// How the server is started and stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceKind {
    #[default]
    /// Not configured and not discovered.
    Unknown,
    /// redis-dr starts the process itself.
    Process,
    /// A systemd unit.
    Systemd,
    /// Commands of the operator.
    Command,
}

/// What the process table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProcessState {
    /// It is there.
    Running,
    /// It is not there.
    Down,
    /// It is there, stopped by a signal (state T).
    Stopped,
    /// It is there, in uninterruptible sleep (state D).
    Blocked,
}

/// The replication role the server answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServerRole {
    /// A primary.
    Master,
    /// A replica.
    Slave,
}

/// Which family of servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Flavour {
    /// Redis.
    Redis,
    /// Valkey.
    Valkey,
    /// Redict.
    Redict,
}

/// Whether the server would accept its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConfigState {
    /// No configuration file.
    Missing,
    /// The server would refuse it.
    Invalid,
    /// Nothing wrong was found.
    Valid,
}

/// What a start now would load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WouldLoad {
    /// The AOF.
    Aof,
    /// The snapshot.
    Rdb,
    /// No data: it would come up empty.
    Nothing,
    /// Nothing: the server would refuse to start.
    Refuse,
}

/// What is known about a snapshot file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// Not there.
    Missing,
    /// No bytes in it.
    Empty,
    /// It may not be read.
    Unreadable,
    /// There, not walked.
    Unchecked,
    /// Walked, not whole.
    Damaged,
    /// Walked, whole.
    Intact,
}

/// What is known about the AOF, in the words of its damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AofState {
    /// Not there.
    Missing,
    /// There, with no bytes in it.
    Empty,
    /// It may not be read.
    Unreadable,
    /// There, not walked.
    Unchecked,
    /// Walked, whole.
    Intact,
    /// Ends inside a command.
    Truncated,
    /// Ends inside a MULTI.
    TornTransaction,
    /// Ends in zero bytes.
    ZeroPadded,
    /// Damaged, and not only at its end.
    Corrupt,
    /// A file that is not the last one ends inside a command.
    NonLastTruncated,
    /// The base is damaged.
    BaseDamaged,
    /// The manifest lists a file that is not there.
    FileMissing,
    /// Parts are there, the manifest is not.
    ManifestMissing,
    /// The manifest can not be read.
    ManifestBroken,
}

/// The instance under care.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct InstanceFacts {
    /// Its name in the config, or its address.
    pub name: String,
    /// Where it listens.
    pub address: String,
    /// This host's name.
    pub host: String,
    /// Database or cache.
    pub role: Role,
    /// What the config says about replication.
    pub topology: Topology,
    /// How it is started and stopped.
    pub service: ServiceKind,
    /// The unit, where there is one.
    pub service_name: Option<String>,
    /// The user it runs as.
    pub user: Option<String>,
    /// Is there a maintenance mark?
    pub paused: Option<bool>,
    /// Who set the maintenance mark, where there is one.
    pub paused_by: Option<String>,
    /// When the maintenance mark ends by itself.
    pub paused_until: Option<Time>,
    /// Are its files on this host?
    pub files_visible: Option<bool>,
    /// The objective for the time to recovery.
    pub rto: Option<Seconds>,
    /// The objective for the loss of data.
    pub rpo: Option<Seconds>,
}

/// The server's process.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ProcessFacts {
    /// Running, down, stopped or blocked.
    pub state: Option<ProcessState>,
    /// Its process id while it is there.
    pub pid: Option<i64>,
    /// Whose process it is.
    pub user: Option<String>,
    /// When it started.
    pub started_at: Option<Time>,
    /// When it was last seen alive, as far as log and files tell.
    pub down_since: Option<Time>,
    /// Is that when it went down, rather than only when it was last seen alive?
    pub down_exactly: Option<bool>,
    /// Its command line.
    pub cmdline: Vec<String>,
    /// The server program that a start would run.
    pub binary: Option<String>,
    /// The supervisor above it, where it is not known how to drive it.
    pub supervisor: Option<String>,
    /// Is it run by a supervisor that redis-dr does not know?
    pub supervisor_unknown: Option<bool>,
    /// Did somebody stop it?
    pub stopped_on_purpose: Option<bool>,
    /// Does the service manager start it over and over?
    pub restart_loop: Option<bool>,
    /// Did the kernel kill it for memory?
    pub oom_killed: Option<bool>,
}

/// The instance's listening address.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PortFacts {
    /// Does anybody listen?
    pub listening: Option<bool>,
    /// Does a program listen that is not this instance?
    pub held_by_other: Option<bool>,
    /// Is that one a server of this instance that went astray: by its command line or our pid file it is ours, but it runs
    /// on another configuration and directory?
    pub stray: Option<bool>,
    /// Who listens, with process id and command.
    pub holder: Option<String>,
}

/// One numbered database of a server or a snapshot.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DatabaseFacts {
    /// Keys in it.
    pub keys: u64,
    /// Keys with a time to live.
    pub expires: u64,
    /// Of these, keys whose time is over (snapshots only).
    pub expired: u64,
}

/// What the server answers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ServerFacts {
    /// Does it answer commands?
    pub answers: Option<bool>,
    /// Would it take a write?
    pub writable: Option<bool>,
    /// Is it loading its data?
    pub loading: Option<bool>,
    /// How far the load is, 0 to 100.
    pub loading_percent: Option<f64>,
    /// Does a script block it?
    pub busy: Option<bool>,
    /// Does it refuse our credentials?
    pub auth_failed: Option<bool>,
    /// Does it refuse writes because it can not persist?
    pub misconf: Option<bool>,
    /// Does it refuse writes because it is a replica?
    pub read_only: Option<bool>,
    /// Is a fence of ours in force?
    pub fenced: Option<bool>,
    /// Is CONFIG renamed away or denied?
    pub config_denied: Option<bool>,
    /// Settings that differ from what a start would set.
    pub config_drift: Vec<String>,
    /// Primary or replica.
    pub role: Option<ServerRole>,
    /// Redis, Valkey or Redict, of the running server or else the installed program.
    pub flavour: Option<Flavour>,
    /// Its version, such as 7.0.15.
    pub version: Option<String>,
    /// The first number of the version; Valkey 7.2 and later count as 7 and later.
    pub major: Option<i64>,
    /// Changes at every start.
    pub run_id: Option<String>,
    /// How long it has been up.
    pub uptime: Option<Seconds>,
    /// Keys it holds.
    pub keys: Option<u64>,
    /// Per database.
    pub databases: BTreeMap<String, DatabaseFacts>,
    /// Connected clients.
    pub clients: Option<u64>,
    /// Connected replicas.
    pub replicas: Option<u64>,
    /// Loaded modules.
    pub modules: Vec<String>,
    /// Keys evicted since the start.
    pub evicted_keys: Option<u64>,
    /// Keys whose time was over, dropped since the start.
    pub expired_keys: Option<u64>,
    /// How often FLUSHALL or FLUSHDB was called since the start.
    pub flushes: Option<u64>,
    /// Is database 0 empty while another one holds keys?
    pub keys_elsewhere: Option<bool>,
    /// Does it hold nothing although a source of data exists?
    pub data_empty: Option<bool>,
    /// What it answered when it refused.
    pub error: Option<String>,
    /// Does it speak TLS where we don't, or the other way round?
    pub tls_failed: Option<bool>,
    /// How long this very call has watched it wait without any progress; 0 at a first look.
    pub unchanged_for: Seconds,
}

/// INFO persistence.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PersistenceFacts {
    /// Is the AOF on?
    pub aof_enabled: Option<bool>,
    /// Did the last write to it succeed?
    pub aof_last_write_ok: Option<bool>,
    /// Does a rewrite run or wait?
    pub aof_rewrite_in_progress: Option<bool>,
    /// Did the last rewrite succeed?
    pub aof_last_rewrite_ok: Option<bool>,
    /// Size of the base.
    pub aof_base_size: Option<Bytes>,
    /// Size of the whole AOF.
    pub aof_current_size: Option<Bytes>,
    /// Did the last background save succeed?
    pub rdb_last_save_ok: Option<bool>,
    /// When it saved last; the start time if never.
    pub rdb_last_save_time: Option<Time>,
    /// Writes since the last save.
    pub rdb_changes: Option<u64>,
    /// Keys loaded at the last start (7.0 and newer).
    pub loaded_keys: Option<u64>,
    /// Keys dropped as expired at the last start (7.0 and newer).
    pub loaded_expired: Option<u64>,
}

/// A line of a configuration file that the server refuses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RefusedLine {
    /// The file.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// The line, secrets replaced.
    pub text: String,
    /// What the server says of it, with the nearest right word.
    pub because: String,
}

/// The configuration as the server would read it at a start.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ConfigFacts {
    /// Missing, invalid or valid.
    pub state: Option<ConfigState>,
    /// The main file.
    pub file: Option<String>,
    /// All files read, the main one first.
    pub files: Vec<String>,
    /// The line that the server would refuse.
    pub error: Option<String>,
    /// Can all refused lines be left out without changing what is loaded or who may enter?
    pub repairable: Option<bool>,
    /// The refused lines of its files.
    pub refused: Vec<RefusedLine>,
    /// blake3 of all settings in effect.
    pub digest: Option<String>,
    /// Where data files lie.
    pub data_dir: Option<String>,
    /// Name of the snapshot.
    pub dbfilename: Option<String>,
    /// Is the AOF on?
    pub appendonly: Option<bool>,
    /// Name of the AOF.
    pub appendfilename: Option<String>,
    /// Name of its directory (7.0 and newer).
    pub appenddirname: Option<String>,
    /// Does this server keep its AOF in parts (7.0 and newer)?
    pub multi_part: Option<bool>,
    /// Are there save points?
    pub save_points: Option<bool>,
    /// How many numbered databases.
    pub databases: Option<u64>,
    /// 0 is without limit.
    pub maxmemory: Option<Bytes>,
    /// Does its policy evict keys?
    pub evicts: Option<bool>,
    /// Its log file; none when it logs elsewhere.
    pub logfile: Option<String>,
    /// Its pid file.
    pub pidfile: Option<String>,
    /// The primary it is told to follow; empty if none.
    pub replicaof: Option<String>,
    /// Is it a Cluster node?
    pub cluster: Option<bool>,
    /// Settings that the start command fixes.
    pub overridden: Vec<String>,
    /// Who says it manages the file.
    pub managed_by: Option<String>,
    /// Does the file carry a fence of ours?
    pub fenced: Option<bool>,
    /// What a start now would load.
    pub start_loads: Option<WouldLoad>,
    /// Why.
    pub start_because: Option<String>,
    /// Would a start come up empty because AOF is on and its files are not there?
    pub trap: Option<bool>,
}

/// The snapshot that the configuration names.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RdbFacts {
    /// What is known about it.
    pub state: Option<FileState>,
    /// Where it is.
    pub path: Option<String>,
    /// Its size.
    pub bytes: Option<Bytes>,
    /// When it was written.
    pub modified_at: Option<Time>,
    /// Keys in it.
    pub keys: Option<u64>,
    /// How many databases they are in.
    pub databases: Option<u64>,
    /// What is wrong with it.
    pub because: Option<String>,
}

/// The AOF that the configuration names.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AofFacts {
    /// What is known about it.
    pub state: Option<AofState>,
    /// Its directory, or its single file.
    pub path: Option<String>,
    /// Size of all its files.
    pub bytes: Option<Bytes>,
    /// When it was last written.
    pub modified_at: Option<Time>,
    /// Keys in its base.
    pub base_keys: Option<u64>,
    /// Commands after the base.
    pub commands: Option<u64>,
    /// What is wrong with it, with file and offset.
    pub because: Option<String>,
    /// Can its manifest be rebuilt from its parts?
    pub rebuildable: Option<bool>,
    /// Did it begin with no key, after a snapshot or backup that holds some was saved?
    pub began_empty: Option<bool>,
    /// Does it end with a command that removes all keys?
    pub flush_near_end: Option<bool>,
}

/// Half a file that a save or rewrite left when its process died.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LeftOver {
    /// Where it is.
    pub path: String,
    /// Its size.
    pub bytes: Bytes,
    /// The process that wrote it.
    pub process: i32,
}

/// Owner and mode that a path must get, so that the server's user can use it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RightsFacts {
    /// The path.
    pub path: String,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
    /// User id, group id and permission bits as they are.
    pub was: [u32; 3],
    /// The ACL it must get, in the short form of `acl(5)`, users and groups by number; null: none, or it stays.
    pub acl: Option<String>,
    /// Its ACL as it is; null where the permission bits say all.
    pub acl_was: Option<String>,
    /// The SELinux label it must get, its directory's; null: it stays.
    pub label: Option<String>,
    /// Its SELinux label as it is; null where it has none.
    pub label_was: Option<String>,
}

/// Files of the instance.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FilesFacts {
    /// The snapshot.
    pub rdb: RdbFacts,
    /// The AOF.
    pub aof: AofFacts,
    /// May the server's user read and write them?
    pub permission_ok: Option<bool>,
    /// Which file it may not use, and why.
    pub permission_because: Option<String>,
    /// Could redis-dr give it what it needs?
    pub permission_repairable: Option<bool>,
    /// Owner and mode that paths must get for that, as few as do.
    pub rights: Vec<RightsFacts>,
    /// Files found in its stores.
    pub backups: u64,
    /// Parts of the AOF that were deleted, and that the running server still writes to.
    pub held_open: Vec<String>,
    /// Temporary files of saves and rewrites.
    pub temporaries: Vec<String>,
    /// Those of them that are of no use to anybody: half-written, by a process that is gone.
    pub leftovers: Vec<LeftOver>,
    /// What removing these would free.
    pub leftover_bytes: Option<Bytes>,
}

/// The filesystem of the data.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DiskFacts {
    /// Free for unprivileged users.
    pub free: Option<Bytes>,
    /// Its size.
    pub total: Option<Bytes>,
    /// Free inodes.
    pub free_inodes: Option<u64>,
    /// Is it mounted read-only?
    pub read_only: Option<bool>,
    /// Is there no room at all?
    pub full: Option<bool>,
    /// Did reading fail with an I/O error?
    pub io_error: Option<bool>,
    /// Its type.
    pub filesystem: Option<String>,
}

/// Memory of this host, or of the cgroup of the server where that is less.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MemoryFacts {
    /// What a start could use.
    pub available: Option<Bytes>,
    /// All there is.
    pub total: Option<Bytes>,
    /// vm.overcommit_memory.
    pub overcommit: Option<i64>,
    /// Are transparent huge pages always on? They make a save's copies large.
    pub huge_pages: Option<bool>,
    /// What the running server's data takes.
    pub used: Option<Bytes>,
}

/// This host.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HostFacts {
    /// Is its clock far from the times in the files, or from the server's?
    pub clock_wrong: Option<bool>,
    /// What says so.
    pub clock_because: Vec<String>,
}

/// A line of the server's log that says why it died or refuses.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LogLine {
    /// What it means.
    pub finding: Option<Id>,
    /// The line.
    pub line: String,
}

/// The server's log since its last start.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LogFacts {
    /// Where it is.
    pub path: Option<String>,
    /// Lines that say why.
    pub fatal: Vec<LogLine>,
    /// Does it end with a shutdown that somebody asked for?
    pub shutdown_requested: Option<bool>,
    /// When it was written last.
    pub last_at: Option<Time>,
    /// How many clients were connected when it last told; unknown where it never does.
    pub clients: Option<u64>,
}

/// Is or was this instance part of a replication?
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ReplicationFacts {
    /// Does anything say so?
    pub evidence: Option<bool>,
    /// What says so.
    pub because: Vec<String>,
    /// Is the link to the primary up?
    pub link_up: Option<bool>,
    /// Is it copying everything from its primary just now?
    pub syncing: Option<bool>,
    /// How far that is, in bytes.
    pub synced: Option<Bytes>,
    /// How far it is behind its primary, or its slowest replica behind it, in seconds.
    pub lag: Option<Seconds>,
    /// Did a primary make it drop its data and take the primary's?
    pub flushed_by_primary: Option<bool>,
}

/// Runs on this instance.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RunFacts {
    /// Is there a run that was not finished?
    pub unfinished: Option<bool>,
    /// Which one.
    pub run_id: Option<String>,
    /// Recoveries by --auto that changed something, within the policy's time.
    pub recent: u64,
}

/// The findings, as a vocabulary.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FindingsFacts {
    /// The worst that hurts now.
    pub worst_now: Severity,
    /// The worst of all.
    pub worst: Severity,
    /// All that were found.
    pub ids: Vec<Id>,
}

/// The recovery points, as a vocabulary.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PointsFacts {
    /// Is there one that could be restored here?
    pub usable: Option<bool>,
    /// The id of the best.
    pub best: Option<String>,
    /// Its kind.
    pub best_kind: Option<super::PointKind>,
    /// Is it the AOF cut right before a flush?
    pub best_undoes_flush: Option<bool>,
    /// What it would lose.
    pub best_loss: Option<Seconds>,
    /// Is there any that holds, or may hold, a key?
    pub any_data: Option<bool>,
}

/// Everything observed. `null` always means that it could not be observed; `unknown` says why.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Facts {
    /// The instance under care.
    pub instance: InstanceFacts,
    /// Its process.
    pub process: ProcessFacts,
    /// Its address.
    pub port: PortFacts,
    /// What it answers.
    pub server: ServerFacts,
    /// INFO persistence.
    pub persistence: PersistenceFacts,
    /// Its configuration.
    pub config: ConfigFacts,
    /// Its files.
    pub files: FilesFacts,
    /// Where they lie.
    pub disk: DiskFacts,
    /// Memory of the host.
    pub memory: MemoryFacts,
    /// The host.
    pub host: HostFacts,
    /// Its log.
    pub log: LogFacts,
    /// Evidence of replication.
    pub replication: ReplicationFacts,
    /// Runs of redis-dr on it.
    pub run: RunFacts,
    /// What was found wrong.
    pub findings: FindingsFacts,
    /// Where data can be had from.
    pub points: PointsFacts,
    /// Why a fact is unknown, by its dotted name.
    pub unknown: BTreeMap<String, String>,
}
