//! What a walk found: counts, checksum, verdict.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Everything one walk learnt about an RDB file. Counts cover what was read before the walk ended, so on a
/// damaged file they are a lower bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Which family wrote the header; types 22, 23 and opcode 243 differ between the two.
    pub magic: Option<Magic>,
    /// The RDB version of the header (0 when there is no header).
    pub version: u32,
    /// The AUX fields, such as `redis-ver`, `ctime`, `used-mem`, `repl-id`. At most 64, each at most 1 KiB.
    pub aux: BTreeMap<String, String>,
    /// Counts per database; only databases the file selects.
    pub databases: BTreeMap<u64, DbCount>,
    /// Keys per logical type, all databases.
    pub types: BTreeMap<Kind, u64>,
    /// Keys, all databases.
    pub keys: u64,
    /// Keys that carry an expiry.
    pub expires: u64,
    /// Keys whose expiry lies before `WalkOptions::now_ms`: a server drops them when it loads a plain dump as a
    /// master, and keeps them (for a moment) when it loads the same bytes as an AOF base.
    pub expired: u64,
    /// Hashes without an expiry of their own that has passed, all of whose fields have one that has. They go like
    /// expired keys: Valkey 9 drops them when it loads a plain dump (and counts them apart), others soon after.
    pub expired_hashes: u64,
    /// Lists, sets, hashes and sorted sets without an element: servers since 6.2.7 drop them at load.
    pub empty_collections: u64,
    /// Function libraries (7.0 and later).
    pub functions: u64,
    /// Names of the modules a server needs to read this file, from module values and module AUX.
    pub modules: Vec<String>,
    /// The offset after the checksum; on a damaged file, how far the walk came.
    pub bytes: u64,
    /// Bytes follow the checksum: harmless in a `dump.rdb`, fatal in an AOF base.
    pub trailing: bool,
    /// The CRC-64 at the end of the file.
    pub checksum: Checksum,
    /// The writer's memory in bytes (`used-mem`), a hint of what a load will need.
    pub memory_hint: Option<u64>,
    /// The judgement.
    pub verdict: Verdict,
}

impl Report {
    /// The moment the data is from, in Unix seconds: the `ctime` the writer put into the file.
    #[must_use]
    pub fn ctime(&self) -> Option<i64> {
        self.aux.get("ctime")?.parse().ok()
    }

    /// The version of the server that wrote the file, as it calls itself.
    #[must_use]
    pub fn writer(&self) -> Option<&str> {
        ["valkey-ver", "redict-ver", "redis-ver"].iter().find_map(|name| self.aux.get(*name)).map(String::as_str)
    }

    /// The file was read to its end and nothing is wrong with it.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.verdict == Verdict::Intact
    }

    /// The file says it was written as the base of an AOF, not as a snapshot of its own.
    #[must_use]
    pub fn is_aof_base(&self) -> bool {
        ["aof-base", "aof-preamble"].iter().any(|name| self.aux.get(*name).is_some_and(|value| value == "1"))
    }

    /// It was salvaged from a damaged file, and is not all there was.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.aux.contains_key(PARTIAL)
    }

    pub(super) fn blank() -> Self {
        Report {
            magic: None,
            version: 0,
            aux: BTreeMap::new(),
            databases: BTreeMap::new(),
            types: BTreeMap::new(),
            keys: 0,
            expires: 0,
            expired: 0,
            expired_hashes: 0,
            empty_collections: 0,
            functions: 0,
            modules: Vec::new(),
            bytes: 0,
            trailing: false,
            checksum: Checksum::Unchecked,
            memory_hint: None,
            verdict: Verdict::Empty,
        }
    }
}

/// The AUX field of an RDB that was salvaged from a damaged one, and is not all there was.
pub const PARTIAL: &str = "redis-dr-partial";

/// The family of servers a header belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Magic {
    /// `REDIS` and four digits; written by every Redis and Redict, and by Valkey before 9.
    Redis,
    /// `VALKEY` and three digits; written by Valkey 9 and later.
    Valkey,
}

/// Counts of one database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DbCount {
    /// Keys.
    pub keys: u64,
    /// Keys that carry an expiry.
    pub expires: u64,
    /// Keys whose expiry has passed.
    pub expired: u64,
    /// Hashes of which some fields carry an expiry of their own (`subexpiry` in INFO keyspace).
    pub hash_field_expires: u64,
    /// Hashes all of whose fields have expired; see [`Report::expired_hashes`].
    pub expired_hashes: u64,
    /// Keys per logical type.
    pub types: BTreeMap<Kind, u64>,
    /// What the writer announced for this database, where it did (RESIZEDB).
    pub announced: Option<Announced>,
}

/// The writer's own counts of one database. Equal to the real ones in an undisturbed save: a cheap cross-check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Announced {
    /// Keys.
    pub keys: u64,
    /// Keys that carry an expiry.
    pub expires: u64,
}

/// The logical type of a value, whatever its encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A string.
    String,
    /// A list.
    List,
    /// A set.
    Set,
    /// A sorted set.
    Zset,
    /// A hash.
    Hash,
    /// A stream.
    Stream,
    /// A value of a module's type.
    Module,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 7] =
        [Kind::String, Kind::List, Kind::Set, Kind::Zset, Kind::Hash, Kind::Stream, Kind::Module];

    /// The word the TYPE command answers (for modules it answers the module's own word).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::List => "list",
            Kind::Set => "set",
            Kind::Zset => "zset",
            Kind::Hash => "hash",
            Kind::Stream => "stream",
            Kind::Module => "module",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the eight bytes at the end say. The two sums are hexadecimal, in the words of the server's own log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Checksum {
    /// Matches.
    Good,
    /// Zero: the server saved with `rdbchecksum no`, so damage that keeps the structure cannot be seen.
    Disabled,
    /// RDB versions before 5 have none.
    Absent,
    /// Does not match.
    Bad {
        /// Computed over the bytes of the file.
        expected: String,
        /// Stored in the file.
        got: String,
    },
    /// The walk did not get there.
    Unchecked,
}

/// The judgement over one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Read to the end; structure and checksum (where there is one) are right.
    Intact,
    /// Zero bytes.
    Empty,
    /// Does not begin like an RDB file.
    NotRdb,
    /// Written by a server newer than this walker knows, so neither intact nor damaged can be said.
    UnknownVersion {
        /// What is not known.
        because: String,
    },
    /// Broken or cut off.
    Damaged {
        /// Where, in bytes from the start of the file.
        offset: u64,
        /// What is wrong there.
        because: String,
    },
    /// The bytes could not be read: says nothing about the file itself.
    Unreadable {
        /// The error of the reader.
        because: String,
    },
    /// The caller's visitor ended the walk before the end of the file.
    Stopped,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Intact => f.write_str("intact"),
            Verdict::Empty => f.write_str("empty, zero bytes"),
            Verdict::NotRdb => f.write_str("not an RDB file"),
            Verdict::UnknownVersion { because } => write!(f, "cannot be judged: {because}"),
            Verdict::Damaged { offset, because } => {
                write!(f, "damaged at offset {offset}: {because}")
            }
            Verdict::Unreadable { because } => write!(f, "cannot be read: {because}"),
            Verdict::Stopped => f.write_str("not read to the end"),
        }
    }
}
