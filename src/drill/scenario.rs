//! A scenario: how a sandbox is broken, what must be decided, and what counts as success. Pure.
//!
//! Its YAML is these types; [`super::load`] reads and checks it.
use crate::facts::Seconds;
use crate::finding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A rehearsal: how a private server is broken, what `recover --auto` must decide, and what counts as success.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The version of this grammar: 1.
    pub version: u32,
    /// Its id; the file is `<id>.yaml`.
    pub drill: String,
    /// What happens, in a sentence.
    pub title: String,
    /// How often it is rehearsed.
    pub cadence: Cadence,
    /// Who sees to it.
    pub owner: String,
    /// What it needs beside a server program; without it the scenario is left out, and that is said.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Lines of the server's redis.conf, by directive. AOF is on and save points are off where nothing is said.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// What is done before anything breaks: data, snapshots, backups.
    pub before: Vec<Deed>,
    /// What breaks.
    pub fault: Vec<Deed>,
    /// What a person does once redis-dr has refused; then it is called again.
    #[serde(default)]
    pub mend: Vec<Deed>,
    /// What must be decided, and the best that is possible.
    pub expect: Expect,
    /// What counts as success. The objectives of an instance take the place of `back_within`.
    pub criteria: Criteria,
}

/// How often a scenario is rehearsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cadence {
    /// Every month.
    Monthly,
    /// Every three months.
    Quarterly,
    /// Once a year.
    Yearly,
    /// When somebody wants to; never due.
    AdHoc,
}

impl Cadence {
    /// After how many days it is due again.
    #[must_use]
    pub fn days(self) -> Option<i64> {
        match self {
            Self::Monthly => Some(30),
            Self::Quarterly => Some(91),
            Self::Yearly => Some(365),
            Self::AdHoc => None,
        }
    }

    /// The word in YAML and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
            Self::Yearly => "yearly",
            Self::AdHoc => "ad_hoc",
        }
    }
}

/// What a scenario needs beside a server program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// An AOF in parts with a manifest: Redis 7.0 or newer, any Valkey.
    MultiPartAof,
    /// To be root: the server runs as the user `nobody`.
    Root,
    /// The right to mount a small filesystem for the data.
    Mount,
}

impl Need {
    /// The word in YAML and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::MultiPartAof => "multi_part_aof",
            Self::Root => "root",
            Self::Mount => "mount",
        }
    }
}

/// One thing that is done to the sandbox. A closed list: nothing outside the sandbox can be named.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Write so many new keys, of every type.
    Write(Write),
    /// Save a snapshot (BGSAVE), and wait for it.
    Save,
    /// Rewrite the AOF, and wait for it.
    RewriteAof,
    /// Save a snapshot and put it among the backups under this name.
    Backup(Named),
    /// Put a snapshot without a key among the backups: whole, new, and worth nothing.
    EmptyBackup(Named),
    /// FLUSHALL.
    Flush,
    /// Write until maxmemory is reached and the server takes no more.
    FillMemory,
    /// SIGKILL.
    Kill,
    /// SIGSTOP: the process is there and answers nothing.
    Freeze,
    /// SHUTDOWN NOSAVE by a client.
    ShutDown,
    /// Start the server, and wait until it answers.
    Start,
    /// Remove something.
    Remove(What),
    /// Cut bytes off the end of something.
    Truncate(Truncate),
    /// Append bytes to something.
    Append(Append),
    /// Turn 16 bytes of something round.
    Corrupt(Corrupt),
    /// Append lines to redis.conf, by directive; the last one counts.
    Configure(BTreeMap<String, String>),
    /// Make saves fail: a directory takes the snapshot's name, and a save is tried.
    BlockSaves,
    /// Take that directory away.
    UnblockSaves,
    /// Somebody else listens on the server's port.
    TakePort(TakePort),
    /// The port is given back.
    GivePortBack,
    /// Fill the disk of the data to its last byte.
    FillDisk,
    /// Leave half a snapshot of a process that is gone, an hour old.
    LeaveHalfASnapshot,
    /// The filesystem of the data becomes read-only.
    RemountReadOnly,
    /// And writable again.
    RemountWritable,
    /// Give something to root alone, so that the server's user can't read it.
    LockAway(What),
}

/// How many keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// New keys, at most 1 000 000.
    pub keys: u64,
}

/// A file of the store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The file's name.
    pub name: String,
}

/// Something of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct What {
    /// What.
    pub what: Thing,
}

/// What there is in a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    /// The whole AOF: its directory, or the one file of an older server.
    Aof,
    /// The file that the AOF's commands go to.
    AofTail,
    /// The AOF's manifest.
    Manifest,
    /// The snapshot.
    Rdb,
    /// Everything in the data directory.
    Data,
    /// The newest backup.
    NewestBackup,
}

/// Bytes cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Truncate {
    /// What.
    pub what: Thing,
    /// So many bytes.
    pub bytes: u64,
}

/// Bytes appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Append {
    /// To what.
    pub what: Thing,
    /// Which bytes.
    pub bytes: Junk,
}

/// Bytes that crashes and faults leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Junk {
    /// Bytes that are no command.
    Garbage,
    /// 4096 NULs, as a power loss leaves them.
    Zeros,
    /// A transaction whose EXEC never came.
    TornTransaction,
    /// Half a command.
    TornCommand,
}

/// Bytes turned round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Corrupt {
    /// Of what.
    pub what: Thing,
    /// Where they begin, counted from its end.
    pub from_end: u64,
}

/// Who takes the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TakePort {
    /// Who.
    pub by: Taker,
}

/// Who takes a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Taker {
    /// Another program.
    Stranger,
    /// A server of this very instance, started with another data directory.
    Stray,
}

/// What must come of it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// How `recover --auto` ends the first time.
    pub outcome: Expected,
    /// What must be found.
    #[serde(default)]
    pub finding: Option<finding::Id>,
    /// The rule that decides: its condition, or the beginning of its reason.
    pub rule: String,
    /// The runbook that brings it back; after `mend` where it is refused first.
    #[serde(default)]
    pub runbook: Option<String>,
    /// The recovery point that is used.
    #[serde(default)]
    pub point: Option<String>,
    /// The best possible loss: keys that no recovery could bring back.
    #[serde(default)]
    pub loses: u64,
}

/// How `recover --auto` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// It brings the server back.
    Recovered,
    /// It leaves the decision to a person, and changes nothing.
    Refused,
}

/// What counts as success.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Criteria {
    /// Clients are served again within this, counted from the call.
    pub back_within: Seconds,
    /// At most so much is lost, percent of the keys.
    pub lost_percent: f64,
}

impl Deed {
    /// What it needs to be there.
    pub(super) fn need(&self) -> Option<Need> {
        let thing = match self {
            Self::FillDisk | Self::RemountReadOnly | Self::RemountWritable => return Some(Need::Mount),
            Self::LockAway(_) => return Some(Need::Root),
            Self::Remove(w) => w.what,
            Self::Truncate(t) => t.what,
            Self::Append(a) => a.what,
            Self::Corrupt(c) => c.what,
            _ => return None,
        };
        (thing == Thing::Manifest).then_some(Need::MultiPartAof)
    }

    /// What it says to redis.conf.
    pub(super) fn settings(&self) -> Option<&BTreeMap<String, String>> {
        match self {
            Self::Configure(settings) => Some(settings),
            _ => None,
        }
    }
}

impl Thing {
    fn words(self) -> &'static str {
        match self {
            Self::Aof => "the AOF",
            Self::AofTail => "the end of the AOF",
            Self::Manifest => "the AOF's manifest",
            Self::Rdb => "the snapshot",
            Self::Data => "everything in the data directory",
            Self::NewestBackup => "the newest backup",
        }
    }
}

impl Deed {
    /// What was done, in words.
    pub(super) fn told(&self) -> String {
        let lines = |settings: &BTreeMap<String, String>| {
            settings.iter().map(|(name, value)| format!("`{name} {value}`")).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Write(write) => format!("{} keys were written", write.keys),
            Self::Save => "a snapshot was saved".into(),
            Self::RewriteAof => "the AOF was rewritten".into(),
            Self::Backup(named) => format!("a backup was taken: {}", named.name),
            Self::EmptyBackup(named) => format!("a backup without a key was taken: {}", named.name),
            Self::Flush => "fault: somebody typed FLUSHALL".into(),
            Self::FillMemory => "fault: maxmemory is reached, writes are refused".into(),
            Self::Kill => "fault: the process was killed (SIGKILL)".into(),
            Self::Freeze => "fault: the process stands still (SIGSTOP)".into(),
            Self::ShutDown => "fault: somebody typed SHUTDOWN".into(),
            Self::Start => "the server was started".into(),
            Self::Remove(w) => format!("fault: {} was removed", w.what.words()),
            Self::Truncate(t) => format!("fault: {} bytes were cut off {}", t.bytes, t.what.words()),
            Self::Append(a) => {
                let junk = match a.bytes {
                    Junk::Garbage => "garbage",
                    Junk::Zeros => "4096 NULs",
                    Junk::TornTransaction => "half a transaction",
                    Junk::TornCommand => "half a command",
                };
                format!("fault: {} now ends in {junk}", a.what.words())
            }
            Self::Corrupt(c) => format!("fault: 16 bytes of {} were turned round", c.what.words()),
            Self::Configure(settings) => format!("fault: redis.conf says {}", lines(settings)),
            Self::BlockSaves => "fault: a save failed".into(),
            Self::UnblockSaves => "what made it fail is gone".into(),
            Self::TakePort(TakePort { by: Taker::Stranger }) => "fault: another program listens on the port".into(),
            Self::TakePort(TakePort { by: Taker::Stray }) => "fault: a stray server of it has the port".into(),
            Self::GivePortBack => "the port was given back".into(),
            Self::FillDisk => "fault: the disk is full".into(),
            Self::LeaveHalfASnapshot => "fault: half a snapshot was left on the disk".into(),
            Self::RemountReadOnly => "fault: the filesystem is read-only".into(),
            Self::RemountWritable => "the filesystem is writable again".into(),
            Self::LockAway(w) => format!("fault: {} belongs to root alone", w.what.words()),
        }
    }
}
