//! What an inspection found: the document `redis-dr/inspection/1`. Moments are RFC 3339, sizes bytes; names from the file
//! are printable, with everything else in them escaped; null where unknown.
use crate::facts::{Time, Validity};
use crate::rdb::{self, Checksum, Magic};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

mod aof;

pub use aof::{Aof, AofFile, Command, Flush, Loss, Match, Matching, Tag};

/// What lies at a path, and whether it is whole.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Inspection {
    /// `redis-dr/inspection/1`.
    pub schema: String,
    /// What was looked into.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Bytes of all its files, as they lie on disk.
    pub bytes: Option<u64>,
    /// When the last of its files was written to.
    pub modified_at: Option<Time>,
    /// `gz` or `zst` where it is packed.
    pub compression: Option<String>,
    /// Whether it is whole. `unchecked`: nobody can tell, since it changed, or a newer server wrote it.
    pub valid: Validity,
    /// Why it is not intact.
    pub because: Option<String>,
    /// Keys; of an AOF known only where no command follows its base.
    pub keys: Option<u64>,
    /// Those whose expiry has passed.
    pub keys_expired: Option<u64>,
    /// Keys in the base of an AOF.
    pub base_keys: Option<u64>,
    /// Commands of an AOF after its base, without MULTI, EXEC and SELECT.
    pub commands: Option<u64>,
    /// The RDB, or the RDB base of an AOF.
    pub snapshot: Option<Box<Snapshot>>,
    /// The AOF.
    pub aof: Option<Box<Aof>>,
    /// The configuration.
    pub config: Option<Box<Config>>,
    /// What servers would do with it.
    pub servers: Vec<Server>,
}

impl Inspection {
    pub(super) fn of(path: &Path, kind: Kind) -> Self {
        Self {
            schema: "redis-dr/inspection/1".into(),
            path: crate::host::shown(path),
            kind,
            bytes: None,
            modified_at: None,
            compression: None,
            valid: Validity::Intact,
            because: None,
            keys: None,
            keys_expired: None,
            base_keys: None,
            commands: None,
            snapshot: None,
            aof: None,
            config: None,
            servers: Vec::new(),
        }
    }

    /// 0 whole, 8 not.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        if self.valid == Validity::Intact { 0 } else { 8 }
    }
}

/// What a path can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A snapshot.
    Rdb,
    /// One file of commands, with or without an RDB in front.
    Aof,
    /// A manifest and the files it lists.
    AofSet,
    /// A redis.conf or valkey.conf.
    Config,
    /// None of these.
    Unknown,
}

/// An RDB.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Snapshot {
    /// Which family wrote the header.
    pub magic: Option<Magic>,
    /// The RDB version.
    pub version: u32,
    /// The version of the server that wrote it, as it calls itself.
    pub written_by: Option<String>,
    /// When.
    pub written_at: Option<Time>,
    /// It says it was written as the base of an AOF.
    pub aof_base: bool,
    /// Memory of the server that wrote it, bytes.
    pub memory_bytes: Option<u64>,
    /// Where replication was.
    pub replication: Option<Replication>,
    /// All AUX fields.
    pub aux: BTreeMap<String, String>,
    /// Keys per database.
    pub databases: Vec<Database>,
    /// Keys.
    pub keys: u64,
    /// Keys that carry an expiry.
    pub expires: u64,
    /// Keys whose expiry has passed.
    pub expired: u64,
    /// Hashes without a passed expiry, all of whose fields have expired.
    pub expired_hashes: u64,
    /// Collections without an element, which servers drop.
    pub empty_collections: u64,
    /// Function libraries.
    pub functions: u64,
    /// Modules a server needs to read it.
    pub modules: Vec<String>,
    /// Bytes up to the end of its checksum, unpacked; of a damaged one those that were read.
    pub data_bytes: u64,
    /// Something follows the checksum.
    pub trailing: bool,
    /// The checksum.
    pub checksum: Checksum,
    /// The judgement.
    pub verdict: rdb::Verdict,
    /// Keys by type, expiry, size and prefix.
    pub statistics: Statistics,
}

/// Replication as an RDB notes it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Replication {
    /// `repl-id`.
    pub id: String,
    /// `repl-offset`.
    pub offset: Option<u64>,
    /// `repl-stream-db`.
    pub db: Option<i64>,
}

/// One database.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Database {
    /// Its number.
    pub db: u64,
    /// Keys.
    pub keys: u64,
    /// Keys that carry an expiry.
    pub expires: u64,
    /// Keys whose expiry has passed.
    pub expired: u64,
    /// Hashes with fields that expire.
    pub hash_field_expires: u64,
    /// Keys by type.
    pub types: BTreeMap<rdb::Kind, u64>,
}

/// Statistics of keys: of all, or of those that match a pattern.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Statistics {
    /// The pattern.
    pub pattern: Option<String>,
    /// Keys counted here.
    pub keys: u64,
    /// Bytes they take in the file.
    pub bytes: u64,
    /// By type.
    pub types: Vec<TypeRow>,
    /// By expiry.
    pub expiry: Expiry,
    /// Those that take most bytes in the file.
    pub biggest: Vec<KeyRow>,
    /// By what they begin with.
    pub prefixes: Vec<Prefix>,
    /// Keys of prefixes that are not listed.
    pub other_keys: u64,
    /// Bytes of those.
    pub other_bytes: u64,
    /// False: there are so many prefixes that the sums are lower bounds.
    pub prefixes_exact: bool,
}

/// Keys of one type.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TypeRow {
    /// The type.
    #[serde(rename = "type")]
    pub kind: rdb::Kind,
    /// Keys.
    pub keys: u64,
    /// Keys that carry an expiry.
    pub expires: u64,
    /// Bytes they take in the file.
    pub bytes: u64,
}

/// When keys expire, from the moment of the inspection on.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
pub struct Expiry {
    /// Never.
    pub never: u64,
    /// It has passed.
    pub passed: u64,
    /// Within an hour.
    pub hour: u64,
    /// Within a day, and not an hour.
    pub day: u64,
    /// Within 7 days, and not a day.
    pub week: u64,
    /// Within 30 days, and not 7.
    pub month: u64,
    /// Later.
    pub later: u64,
}

/// One key.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct KeyRow {
    /// Its database.
    pub db: u64,
    /// The key.
    pub key: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: rdb::Kind,
    /// Bytes it takes in the file.
    pub bytes: u64,
    /// Bytes of a string, elements of anything else.
    pub size: Option<u64>,
    /// When it expires.
    pub expires_at: Option<Time>,
}

/// Keys, or commands, by what the key begins with.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Prefix {
    /// Up to the separator, that included; empty for keys that have none.
    pub prefix: String,
    /// Keys, or commands.
    pub count: u64,
    /// Their bytes in the file.
    pub bytes: u64,
}

/// A configuration.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Config {
    /// The files that were read, includes among them.
    pub files: Vec<String>,
    /// Directives that were taken.
    pub directives: u64,
    /// What it decides about data and memory; passwords are never shown.
    pub effective: Vec<Directive>,
    /// Lines that a server would refuse.
    pub problems: Vec<Problem>,
    /// A comment that says a tool writes this file.
    pub managed_by: Option<String>,
}

/// A directive in effect.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Directive {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where it was set; null: by default.
    pub line: Option<String>,
}

/// A line that is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// Where it stands.
    pub at: String,
    /// The line, without secrets.
    pub text: String,
    /// What the server says.
    pub message: String,
}

/// What one server would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Server {
    /// Which.
    pub server: String,
    /// What it would do.
    pub start: Start,
    /// Why, where it is not all.
    pub because: Option<String>,
}

/// What a start does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// It loads all of it.
    Loads,
    /// It comes up with less than there is, or loses some at a later start.
    Loses,
    /// It comes up without a key.
    Empty,
    /// It refuses to start.
    Refuses,
    /// Nobody knows.
    Unknown,
}
