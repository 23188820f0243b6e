//! What was seen beside the facts, as evidence for findings.
use crate::finding::Id;
use std::path::PathBuf;
use std::time::Duration;

/// Observations that no condition asks for, but a finding shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// Looks at its files that failed with an I/O error.
    pub io_errors: Vec<String>,
    /// Other snapshots in the data directory.
    pub other_rdb: Vec<String>,
    /// Why the AOF must be thought to have begun with an empty start.
    pub began_empty: Option<String>,
    /// AOF sets of another name in the data directory.
    pub other_aof: Vec<String>,
    /// A directory other than the configured one where the running server keeps its data.
    pub other_dir: Option<String>,
    /// Was the directory of the running server removed?
    pub dir_gone: bool,
    /// The directory it is started in, where a relative `dir` shows that it is not its configuration's.
    pub started_in: Option<PathBuf>,
    /// Other servers that use the data directory.
    pub sharing: Vec<String>,
    /// The mark that holds the instance.
    pub held: Option<String>,
    /// `appendfsync`.
    pub appendfsync: Option<String>,
    /// `aof-timestamp-enabled`.
    pub timestamps: Option<bool>,
    /// Are tags written into the AOF, as far as its last bytes tell?
    pub tagged: bool,
    /// Memory the running server uses, in bytes.
    pub used_memory: Option<u64>,
    /// What it may use at most, where it then refuses writes, in bytes; none where it evicts or has no limit.
    pub max_memory: Option<u64>,
    /// Was it part of a replication before its last start?
    pub replicated_before: bool,
    /// Is a save or rewrite running, so that temporaries are in use?
    pub child_running: bool,
    /// Why this server could not load the files a start would read: version or module.
    pub load_refusal: Option<(Id, String)>,
    /// How far the server's clock is ahead of ours, in seconds.
    pub clock_ahead: Option<f64>,
    /// How far the clock was moved since the server started, in seconds, where that is much.
    pub clock_moved: Option<f64>,
    /// What CLUSTER INFO answered.
    pub cluster: Option<String>,
    /// Bytes that safety copies of earlier runs take.
    pub copies: Option<u64>,
    /// Signs of a break-in.
    pub break_in: Vec<String>,
    /// Commands that remove all keys near the end of the AOF.
    pub flushes: Vec<String>,
    /// After how long the service manager ended the server while it was loading.
    pub start_timeout: Option<Duration>,
    /// Lines of journal or log that show a restart loop.
    pub restarts: Option<String>,
    /// What a program answered that holds the port.
    pub notes: Vec<String>,
    /// Are stores configured?
    pub stores_configured: bool,
    /// Moment of the newest backup and how old it is, in seconds.
    pub newest_backup_age: Option<f64>,
    /// Stores that could not be looked at, and why.
    pub store_errors: Vec<String>,
    /// Did the last run end with a completed save?
    pub saved_at_the_end: bool,
    /// Processes that wrote the log, the last one first.
    pub logged_pids: Vec<i32>,
    /// The kernel's line about killing the server for memory.
    pub killed: Option<String>,
    /// Lines of the log that speak of a primary or a replica.
    pub log_replication: Vec<String>,
    /// Does the log say that a primary made it drop its data?
    pub flushed_by_primary: Option<bool>,
    /// The last line of the log's last run that took connections.
    pub served_until: Option<crate::facts::Time>,
    /// When that run wrote that it ends.
    pub ended_at: Option<crate::facts::Time>,
    /// Was that the log's last run of all?
    pub served_last: bool,
    /// When the log's last run was told to shut down, where it did.
    pub shutdown_at: Option<crate::facts::Time>,
    /// Size of the AOF's base.
    pub aof_base: Option<crate::facts::Bytes>,
}
