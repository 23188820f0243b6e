//! What is known about an instance and its host at one moment.
use super::{
    Bytes, ConfigFacts, FilesFacts, Flavour, ProcessState, Role, Seconds, ServerRole, ServiceKind, Time, Topology,
};
use crate::finding::{Id, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
