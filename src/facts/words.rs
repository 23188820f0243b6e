//! The words that facts are told in, where a fact is one of a few.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
