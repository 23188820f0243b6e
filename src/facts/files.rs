//! What is known of the configuration and of the data files.
use super::{AofState, Bytes, ConfigState, FileState, Time, WouldLoad};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
