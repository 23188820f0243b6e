//! What a step can do: a closed set of actions, one file per family.
//!
//! Each action says in one place what it changes, which copies it needs first, how it is undone and whether it may be
//! repeated ([`Act::effects`]), and then does it ([`Act::perform`]). Engine, plan, docs and schema go through [`Action::act`].
mod aof;
mod beside;
mod command;
mod conf;
mod cut;
mod data;
mod disk;
mod files;
mod hands;
mod hung;
mod load;
mod memory;
mod params;
mod people;
mod rdb;
mod redis;
mod refused;
mod repair;
mod restart;
mod results;
mod rights;
mod saves;
mod scratch;
mod service;
mod site;
mod started;
mod tools;
pub use beside::Loaded;
pub use conf::FENCE_MARKER;
pub use hands::{Act, ActError, Done, ENOUGH, Hands, PUT_BACK, Progress, Wait, with_causes};
pub use params::*;
pub use repair::restore_keys;
pub use results::{all_results, results_schema};
pub use saves::{MARKED_ABOVE, Part, WholeFile, listed, part};
pub use service::{FENCE, save_live};
pub use site::*;
pub use tools::effective;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Raised when an action's way of working changes, so that a run of an older binary is not resumed with new habits.
pub const REVISION: u32 = 2;

/// One action with its parameters, as it stands under `do:`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum Action {
    /// Stop the server without losing what it holds, and hold it stopped.
    #[serde(rename = "service.stop")]
    ServiceStop(ServiceStop),
    /// Start the server and wait until it answers.
    #[serde(rename = "service.start")]
    ServiceStart(ServiceStart),
    /// Stop the server without saving and start it again.
    #[serde(rename = "service.restart")]
    ServiceRestart(ServiceRestart),
    /// Keep anything from starting the server; one that runs goes on.
    #[serde(rename = "service.hold")]
    ServiceHold(ServiceHold),
    /// Get a server that does not answer to answer again, without losing anything.
    #[serde(rename = "service.wake")]
    ServiceWake(ServiceWake),
    /// Kill a server that three probes over 30 s found not to answer.
    #[serde(rename = "service.kill")]
    ServiceKill(ServiceKill),
    /// Lift the fence: clients may write again.
    #[serde(rename = "service.open")]
    ServiceOpen(ServiceOpen),
    /// Save the memory of the running server into the vault.
    #[serde(rename = "server.snapshot")]
    ServerSnapshot(ServerSnapshot),
    /// Change settings in the configuration file.
    #[serde(rename = "conf.set")]
    ConfSet(ConfSet),
    /// Remove what dead processes left half-written on the data's disk.
    #[serde(rename = "disk.free")]
    DiskFree(DiskFree),
    /// Turn the lines that the server refuses into comments.
    #[serde(rename = "conf.disable")]
    ConfDisable(ConfDisable),
    /// Move data files into the vault.
    #[serde(rename = "files.set_aside")]
    FilesSetAside(FilesSetAside),
    /// Put data files back as they were when an earlier step saved them.
    #[serde(rename = "files.restore")]
    FilesRestore(FilesRestore),
    /// Give paths the owner, mode, ACL and label that the server's user needs.
    #[serde(rename = "files.chown")]
    FilesChown(FilesChown),
    /// Put a snapshot where the server loads it.
    #[serde(rename = "rdb.place")]
    RdbPlace(RdbPlace),
    /// Walk a snapshot and require that it is whole.
    #[serde(rename = "rdb.check")]
    RdbCheck(RdbCheck),
    /// Walk the AOF and require that it is whole.
    #[serde(rename = "aof.check")]
    AofCheck(AofCheck),
    /// Replace the AOF by a copy that ends at the last safe boundary.
    #[serde(rename = "aof.cut")]
    AofCut(AofCut),
    /// Make a snapshot the base of a new, complete AOF.
    #[serde(rename = "aof.seed")]
    AofSeed(AofSeed),
    /// Write a manifest for the AOF parts that are there.
    #[serde(rename = "aof.rebuild_manifest")]
    AofRebuildManifest(AofRebuildManifest),
    /// CONFIG SET on the running server.
    #[serde(rename = "redis.config_set")]
    RedisConfigSet(RedisConfigSet),
    /// CONFIG REWRITE: write the running settings into the configuration file.
    #[serde(rename = "redis.config_rewrite")]
    RedisConfigRewrite(RedisConfigRewrite),
    /// Raise maxmemory of the running server, within what the host has free.
    #[serde(rename = "redis.raise_maxmemory")]
    RedisRaiseMaxmemory(RedisRaiseMaxmemory),
    /// Give the running server one command.
    #[serde(rename = "redis.command")]
    RedisCommand(RedisCommand),
    /// Wait until a field of INFO says what it must.
    #[serde(rename = "redis.wait")]
    RedisWait(RedisWait),
    /// CONFIG SET appendonly yes, and wait until a complete AOF is on disk.
    #[serde(rename = "redis.enable_aof")]
    RedisEnableAof(RedisEnableAof),
    /// BGREWRITEAOF, and wait until it is done.
    #[serde(rename = "redis.rewrite_aof")]
    RedisRewriteAof(RedisRewriteAof),
    /// BGSAVE, and wait until it is done.
    #[serde(rename = "redis.bgsave")]
    RedisBgsave(RedisBgsave),
    /// Compare the live server with a recovery point.
    #[serde(rename = "data.verify")]
    DataVerify(DataVerify),
    /// Load data from another system: a file, or what a program writes.
    #[serde(rename = "data.load")]
    DataLoad(DataLoad),
    /// Repair keys that fail a data check, as the check declares it.
    #[serde(rename = "data.repair")]
    DataRepair(DataRepair),
    /// Tell the operator's own program something; its failure is only noted.
    #[serde(rename = "notify")]
    Notify(Notify),
    /// Run one of the operator's own programs.
    #[serde(rename = "run")]
    Run(Run),
    /// Ask a person to do something; the step's gates prove it.
    #[serde(rename = "manual")]
    Manual(Manual),
    /// Ask a person a question that must be answered yes.
    #[serde(rename = "ask")]
    Ask(Ask),
}

/// Whether an action may be carried out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepeatClass {
    /// It only looks.
    Read,
    /// Twice is the same as once.
    Idempotent,
    /// It can find out whether it was done.
    Checkable,
    /// Nobody can tell; it is never repeated without asking.
    Once,
}

/// How a path changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A new file takes its name.
    Replace,
    /// It is removed, after it was saved.
    Remove,
    /// It did not exist.
    Create,
    /// The server writes into it.
    WriteInPlace,
    /// A directory with all that is in it.
    Directory,
    /// Its owner and mode; its bytes stay.
    OwnerAndMode,
    /// The service is started or stopped.
    Service,
    /// A setting of the running server.
    LiveConfig,
    /// Keys of the running server.
    Keys,
    /// Something outside that redis-dr can not see.
    Outside,
}

/// One thing that a step changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The path, unit or setting.
    pub what: String,
    /// How it changes.
    pub kind: ChangeKind,
}

/// Which way a path must be saved before a step acts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SaveSpec {
    /// What is saved.
    pub path: PathBuf,
    /// How it will be changed, and so which ways of saving are good enough.
    pub usage: SaveUse,
}

/// How a saved path is going to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SaveUse {
    /// Its name is given to another file: a link is enough.
    Replaced,
    /// Anything may be written into it: it is copied.
    Written,
    /// A server appends to it: it is copied, or marked where it is large and whole.
    Appended,
    /// Only its owner and mode change.
    OwnerAndMode,
    /// A directory that is replaced or removed as a whole: links are enough.
    ReplacedTree,
    /// A directory that a server uses: its last increment is appended to, all else is replaced.
    AppendedTree,
}

/// One move of an undo; carried out in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UndoMove {
    /// The server that the run started is stopped without saving.
    EnsureDown,
    /// Every path saved for the step is put back, bit for bit.
    RestoreSaved,
    /// The server is started again if it was running before the step.
    StartIfItRan,
    /// The hold is lifted if the step set it.
    ReleaseHold,
    /// The mark of a load goes, so that no other one takes it for its own.
    ForgetLoad {
        /// Its key, in database 0.
        mark: String,
        /// Do the loaded keys stay, since the run did not start the server?
        keys_stay: bool,
    },
    /// A live setting gets its old value.
    ConfigSet {
        /// Its name.
        name: String,
        /// The value it had.
        value: String,
    },
    /// Keys are put back as they were saved, in a file of the vault.
    RestoreKeys {
        /// The file.
        saved: PathBuf,
    },
}

/// What an action says about itself before it runs. Pure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Effects {
    /// What is different afterwards.
    pub changes: Vec<Change>,
    /// What is saved first.
    pub saves: Vec<SaveSpec>,
    /// How it is taken back.
    pub undo: Vec<UndoMove>,
    /// The undo in words; says so where there is none.
    pub undo_text: String,
    /// May it be repeated?
    pub class: RepeatClass,
    /// Do clients write from here on? The point of no return for automatic rollback.
    pub opens: bool,
}

impl Effects {
    /// Of an action that only looks.
    #[must_use]
    pub fn none() -> Self {
        Self {
            changes: vec![],
            saves: vec![],
            undo: vec![],
            undo_text: "nothing to undo".into(),
            class: RepeatClass::Read,
            opens: false,
        }
    }
}

/// The JSON schema of [`Action`], for runbooks.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Action).to_value()
}

impl Action {
    /// The dotted name, as in YAML.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ServiceStop(_) => "service.stop",
            Self::ServiceStart(_) => "service.start",
            Self::ServiceRestart(_) => "service.restart",
            Self::ServiceHold(_) => "service.hold",
            Self::ServiceWake(_) => "service.wake",
            Self::ServiceKill(_) => "service.kill",
            Self::ServiceOpen(_) => "service.open",
            Self::ServerSnapshot(_) => "server.snapshot",
            Self::ConfSet(_) => "conf.set",
            Self::DiskFree(_) => "disk.free",
            Self::ConfDisable(_) => "conf.disable",
            Self::FilesSetAside(_) => "files.set_aside",
            Self::FilesRestore(_) => "files.restore",
            Self::FilesChown(_) => "files.chown",
            Self::RdbPlace(_) => "rdb.place",
            Self::RdbCheck(_) => "rdb.check",
            Self::AofCheck(_) => "aof.check",
            Self::AofCut(_) => "aof.cut",
            Self::AofSeed(_) => "aof.seed",
            Self::AofRebuildManifest(_) => "aof.rebuild_manifest",
            Self::RedisConfigSet(_) => "redis.config_set",
            Self::RedisConfigRewrite(_) => "redis.config_rewrite",
            Self::RedisRaiseMaxmemory(_) => "redis.raise_maxmemory",
            Self::RedisCommand(_) => "redis.command",
            Self::RedisWait(_) => "redis.wait",
            Self::RedisEnableAof(_) => "redis.enable_aof",
            Self::RedisRewriteAof(_) => "redis.rewrite_aof",
            Self::RedisBgsave(_) => "redis.bgsave",
            Self::DataVerify(_) => "data.verify",
            Self::DataLoad(_) => "data.load",
            Self::DataRepair(_) => "data.repair",
            Self::Notify(_) => "notify",
            Self::Run(_) => "run",
            Self::Manual(_) => "manual",
            Self::Ask(_) => "ask",
        }
    }

    /// May an action of this name be retried by the engine?
    #[must_use]
    pub fn repeatable_name(name: &str) -> bool {
        !matches!(name, "run" | "redis.command" | "service.kill" | "manual" | "ask")
    }
}
