//! Recovery points: where data can be had from, and what each would cost.
use super::{Bytes, DatabaseFacts, Seconds, Time};
use crate::aof::resp::Touched;
use crate::aof::set::Gap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PointKind {
    /// The memory of a running server.
    Memory,
    /// The live AOF, whole.
    Aof,
    /// The live AOF, cut at a safe boundary.
    AofCut,
    /// The snapshot that the configuration names.
    Rdb,
    /// A file of a store, or one given by hand.
    Backup,
    /// A replica.
    Replica,
}

/// Whether its bytes are whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// Walked and whole.
    Intact,
    /// Damaged in a way that a runbook mends.
    Repairable,
    /// Damaged.
    Damaged,
    /// Not walked.
    Unchecked,
}

/// Whether the server of this instance could load it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Loadable {
    /// It could.
    Yes,
    /// It could not.
    No,
    /// Nobody knows.
    Unknown,
}

/// Where an AOF is cut, and what that loses.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Cut {
    /// The file that is shortened.
    pub file: String,
    /// Its size afterwards, in bytes.
    pub offset: u64,
    /// Later files that leave the set.
    pub drop_files: Vec<String>,
    /// Bytes that are cut, later files included.
    pub bytes_lost: Bytes,
    /// Complete commands among them, those behind a damage too.
    pub commands_lost: u64,
    /// Those of them that are readable behind the damage: a hole, not a tail.
    pub commands_after_damage: u64,
    /// Is only an incomplete command or transaction cut?
    pub only_incomplete: bool,
    /// The commands that are cut, shortened, at most fifty.
    pub preview: Vec<String>,
    /// Does the file still grow, so that the cut may come later?
    pub may_come_later: bool,
    /// The command that it takes back, as it stands; empty where the cut is at a damage.
    pub before: String,
    /// The moment that was asked for, as it was asked; empty where the cut is at a damage or a flush.
    pub moment: String,
    /// Bytes that are left out while all else is kept, the commands after them too; nothing is cut off then.
    pub left_out: Vec<Gap>,
    /// Keys that the commands after it write to.
    pub keys_after: Touched,
}

/// What a point holds, counted by a walk.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Content {
    /// Per database.
    pub databases: BTreeMap<String, DatabaseFacts>,
    /// Keys by type.
    pub types: BTreeMap<String, u64>,
    /// Function libraries.
    pub functions: u64,
    /// Modules it needs.
    pub modules: Vec<String>,
    /// Magic and version, such as REDIS0010.
    pub format: String,
    /// Bytes of the snapshot up to the end of its checksum, uncompressed; 0 where that is not known.
    pub data_bytes: u64,
}

/// One recovery point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Stable between calls.
    pub id: String,
    /// What it is.
    pub kind: PointKind,
    /// Where it is.
    pub source: String,
    /// The moment of its data.
    pub as_of: Option<Time>,
    /// Data lost by restoring it.
    pub loss_seconds: Option<Seconds>,
    /// Keys in it.
    pub keys: Option<u64>,
    /// Of these, keys whose time is over.
    pub keys_expired: Option<u64>,
    /// Keys in the base of an AOF.
    pub base_keys: Option<u64>,
    /// Commands after the base of an AOF.
    pub commands: Option<u64>,
    /// Its size.
    pub bytes: Option<Bytes>,
    /// Whether its bytes are whole.
    pub valid: Validity,
    /// Whether this server could load it.
    pub loadable: Loadable,
    /// Estimated time until the server answers.
    pub recover_seconds: Option<Seconds>,
    /// Where moment and verdict come from.
    pub why: String,
    /// Memory that its data takes, estimated.
    pub memory_needed: Option<Bytes>,
    /// The most that it can lose where the loss is unknown.
    pub loss_upper: Option<Seconds>,
    /// The file or directory, where it is one.
    pub path: Option<String>,
    /// gz or zst.
    pub compression: Option<String>,
    /// For aof-cut: where.
    pub cut: Option<Cut>,
    /// What it holds.
    pub content: Option<Content>,
    /// For an AOF: must its manifest be rebuilt first?
    pub needs_rebuild: bool,
}
