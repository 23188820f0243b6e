//! The parameters of every action: the structs are the YAML grammar and the schema.
mod load;
pub use load::DataLoad;

use crate::facts::{Bytes, Seconds};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Names a recovery point: `"${point}"` in a runbook, a point's id in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PointRef(pub String);

impl JsonSchema for PointRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PointRef".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": "recovery_point"})
    }
}

fn half_minute() -> Seconds {
    Seconds(30.0)
}
fn ten_minutes() -> Seconds {
    Seconds(600.0)
}
fn ten_seconds() -> Seconds {
    Seconds(10.0)
}
fn yes() -> bool {
    true
}

/// Parameters of `service.stop`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceStop {
    /// Let the server save before it stops. Off by default: a save could overwrite the only good snapshot.
    #[serde(default)]
    pub save: bool,
    /// How long to wait until it is gone.
    #[serde(default = "half_minute")]
    pub timeout: Seconds,
}

/// What to wait for after a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartUntil {
    /// All data is loaded and commands are answered.
    #[default]
    Loaded,
}

/// Parameters of `service.start`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceStart {
    /// What to wait for.
    #[serde(default)]
    pub until: StartUntil,
    /// Refuse clients' writes until `service.open`.
    #[serde(default = "yes")]
    pub fenced: bool,
    /// How long the load may go on without an end.
    #[serde(default = "ten_minutes")]
    pub timeout: Seconds,
}

/// Parameters of `service.open`: none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceOpen {}

/// Parameters of `service.restart`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceRestart {
    /// Refuse clients' writes until `service.open`.
    #[serde(default = "yes")]
    pub fenced: bool,
    /// How long to wait until it is gone.
    #[serde(default = "half_minute")]
    pub stop_timeout: Seconds,
    /// How long the load may go on without an end.
    #[serde(default = "ten_minutes")]
    pub timeout: Seconds,
}

/// Parameters of `service.hold`: none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceHold {}

/// Parameters of `service.wake`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceWake {
    /// How long to wait for an answer.
    #[serde(default = "ten_seconds")]
    pub timeout: Seconds,
}

/// Parameters of `service.kill`: none. Its probes and their 30 s are law, not a choice.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceKill {}

/// Parameters of `disk.free`: none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskFree {}

/// Parameters of `server.snapshot`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerSnapshot {
    /// How long it may take.
    #[serde(default = "ten_minutes")]
    pub timeout: Seconds,
}

/// Parameters of `conf.set`: directive to value.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ConfSet(pub BTreeMap<String, String>);

/// Parameters of `conf.disable`: none. Which lines it is about is in the assessment, and in the plan.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfDisable {}

/// Which data files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataFiles {
    /// The AOF: its directory, or its single file.
    Aof,
    /// The snapshot.
    Rdb,
}

/// Parameters of `files.set_aside`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesSetAside {
    /// What goes into the vault.
    pub what: Vec<DataFiles>,
}

/// Parameters of `files.restore`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesRestore {
    /// What is put back as it was when the run first saved it.
    pub what: Vec<DataFiles>,
}

/// Parameters of `files.chown`: none. Which paths get which owner and mode is in the assessment, and in the plan.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesChown {}

/// Parameters of `rdb.place`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RdbPlace {
    /// The point whose snapshot is placed.
    pub from: PointRef,
}

/// Parameters of `rdb.check`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RdbCheck {
    /// The point whose snapshot is walked.
    pub point: PointRef,
    /// Let a private server load it too.
    #[serde(default)]
    pub load: bool,
    /// How long that load may take.
    #[serde(default = "ten_minutes")]
    pub timeout: Seconds,
}

/// Parameters of `aof.check`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AofCheck {
    /// Let a private server load it too.
    #[serde(default)]
    pub load: bool,
    /// How long that load may take.
    #[serde(default = "ten_minutes")]
    pub timeout: Seconds,
}

/// Parameters of `aof.cut`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AofCut {
    /// The point that says where, or what is left out.
    pub at: PointRef,
    /// Let a private server load the copy before it is put in place.
    #[serde(default)]
    pub load: bool,
    /// How long that load may take.
    #[serde(default = "ten_minutes")]
    pub timeout: Seconds,
}

/// Parameters of `aof.seed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AofSeed {
    /// The point whose snapshot becomes the base.
    pub from: PointRef,
}

/// Parameters of `aof.rebuild_manifest`: none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AofRebuildManifest {}

/// Parameters of `redis.config_set`: setting to value.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RedisConfigSet(pub BTreeMap<String, String>);

/// Parameters of `redis.enable_aof`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedisEnableAof {
    /// How long the rewrite may take.
    #[serde(default = "ten_minutes")]
    pub timeout: Seconds,
}

/// Parameters of `redis.rewrite_aof`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedisRewriteAof {
    /// How long it may take.
    #[serde(default = "ten_minutes")]
    pub timeout: Seconds,
}

/// Parameters of `redis.bgsave`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedisBgsave {
    /// How long it may take.
    #[serde(default = "ten_minutes")]
    pub timeout: Seconds,
}

/// Parameters of `redis.command`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedisCommand {
    /// The command and its arguments. Commands that take data away, and those that have an action of their own, are
    /// refused.
    #[serde(deserialize_with = "super::command::harmless")]
    pub argv: Vec<String>,
    /// What it changes, in words, for the plan. Nothing of it is saved or undone.
    #[serde(default)]
    pub changes: Vec<String>,
    /// May it be given twice?
    #[serde(default)]
    pub repeatable: bool,
    /// How long it may take.
    #[serde(default = "half_minute")]
    pub timeout: Seconds,
}

/// Parameters of `redis.wait`: a field of INFO, and what it must come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedisWait {
    /// The field, such as `rdb_bgsave_in_progress`.
    pub field: String,
    /// It must say exactly this.
    #[serde(default)]
    pub is: Option<String>,
    /// It must be at least this number.
    #[serde(default)]
    pub at_least: Option<u64>,
    /// It must be at most this number.
    #[serde(default)]
    pub at_most: Option<u64>,
    /// How long that may take.
    #[serde(default = "half_minute")]
    pub timeout: Seconds,
}

/// Parameters of `redis.config_rewrite`: none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedisConfigRewrite {}

/// Parameters of `redis.raise_maxmemory`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedisRaiseMaxmemory {
    /// The new limit.
    pub to: Bytes,
}

/// Parameters of `data.verify`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataVerify {
    /// The point that the live server is compared with.
    pub against: PointRef,
    /// Carry out the owner's data checks too, where the config names a file of them.
    #[serde(default = "yes")]
    pub checks: bool,
}

/// Parameters of `data.repair`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataRepair {
    /// Most keys that may be repaired; more are a sign of another cause, and nothing is changed.
    pub at_most: u64,
}

/// Parameters of `run`: the door to the operator's own programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The program and its arguments; never a shell string.
    pub argv: Vec<String>,
    /// Paths that it changes; each is saved first and put back on rollback.
    #[serde(default)]
    pub changes: Vec<String>,
    /// May it be run twice?
    #[serde(default)]
    pub repeatable: bool,
    /// How long it may take.
    #[serde(default = "half_minute")]
    pub timeout: Seconds,
}

/// Parameters of `notify`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// The operator's program and its arguments; it gets a JSON document on its standard input.
    pub argv: Vec<String>,
    /// What it is told.
    pub message: String,
    /// How long it may take.
    #[serde(default = "ten_seconds")]
    pub timeout: Seconds,
}

/// Parameters of `manual`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manual {
    /// What the person has to do.
    pub instructions: String,
}

/// Parameters of `ask`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The question; anything but yes closes the gate.
    pub question: String,
}
