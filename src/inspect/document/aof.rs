//! What an inspection found of an AOF.
use super::Prefix;
use crate::aof::resp::End;
use crate::aof::set::{FileKind, SetKind, SetState};
use crate::facts::Time;
use schemars::JsonSchema;
use serde::Serialize;

/// An AOF.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Aof {
    /// One file, or parts.
    pub layout: SetKind,
    /// What is wrong, if anything.
    pub state: SetState,
    /// Its files, in the order a start reads them.
    pub files: Vec<AofFile>,
    /// The manifest, as the server would write it.
    pub manifest: Option<String>,
    /// A manifest made from the parts, where there is none or a broken one.
    pub rebuilt_manifest: Option<String>,
    /// The first moment it tells of (`#TS:`).
    pub first_at: Option<Time>,
    /// The last one.
    pub last_at: Option<Time>,
    /// Complete MULTI … EXEC blocks.
    pub transactions: u64,
    /// The commands, from the most frequent on.
    pub by_name: Vec<Command>,
    /// Commands whose names are not listed.
    pub other_commands: u64,
    /// Commands by what their key begins with.
    pub prefixes: Vec<Prefix>,
    /// FLUSHALL, FLUSHDB and SWAPDB, the last ones.
    pub flushes: Vec<Flush>,
    /// How many there are.
    pub flush_count: u64,
    /// Tags, the last ones.
    pub tags: Vec<Tag>,
    /// How many there are.
    pub tag_count: u64,
    /// Commands whose key matches the pattern.
    pub matching: Option<Matching>,
    /// Where a cut makes it load, and what is lost by that.
    pub cut: Option<Loss>,
}

/// One file of an AOF.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AofFile {
    /// Its name.
    pub name: String,
    /// `single`, `base` or `incr`.
    pub role: FileKind,
    /// Its size; null: it is listed and not there, or can't be read.
    pub bytes: Option<u64>,
    /// It begins with an RDB.
    pub rdb: bool,
    /// Commands, without MULTI, EXEC and SELECT.
    pub commands: u64,
    /// Complete MULTI … EXEC blocks.
    pub transactions: u64,
    /// `#` lines.
    pub annotations: u64,
    /// How its commands end.
    pub end: Option<End>,
    /// After the last complete command outside MULTI, where the file could end.
    pub safe_cut: Option<u64>,
    /// Commands that can be read after a damage.
    pub readable_after_damage: u64,
}

/// Commands of one name.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Command {
    /// The name, in lower case.
    pub name: String,
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A command that threw a dataset away or exchanged it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Flush {
    /// The file it is in.
    pub file: String,
    /// Where it starts.
    pub offset: u64,
    /// The command.
    pub command: String,
    /// The database that was selected.
    pub db: u32,
    /// When, where the file tells.
    pub at: Option<Time>,
    /// Inside MULTI or the effects of a script.
    pub in_multi: bool,
    /// The last safe boundary before it.
    pub cut: u64,
    /// Commands after it.
    pub commands_after: u64,
}

/// A mark that can be cut at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Tag {
    /// Its name, as `aof cut --at-tag` takes it.
    pub name: String,
    /// The file it is in.
    pub file: String,
    /// Where its command starts.
    pub offset: u64,
    /// When, where the file tells.
    pub at: Option<Time>,
}

/// Commands whose key matches a pattern.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Matching {
    /// The pattern.
    pub pattern: String,
    /// How many there are.
    pub commands: u64,
    /// The last ones.
    pub last: Vec<Match>,
}

/// One command.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Match {
    /// The file it is in.
    pub file: String,
    /// Where it starts.
    pub offset: u64,
    /// When, where the file tells.
    pub at: Option<Time>,
    /// The command, long words cut short.
    pub command: String,
}

/// What is lost by cutting where an AOF is damaged.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Loss {
    /// The file that becomes shorter.
    pub file: String,
    /// Its length afterwards.
    pub offset: u64,
    /// Later files that go as a whole.
    pub drop_files: Vec<String>,
    /// Bytes that go.
    pub bytes: u64,
    /// Complete commands that go.
    pub commands: u64,
    /// There may be more of them.
    pub at_least: bool,
    /// Only a command or transaction goes that was never complete.
    pub only_incomplete: bool,
    /// The moment of the data afterwards, where the file tells.
    pub data_as_of: Option<Time>,
    /// The first of the commands, and what follows them that is none.
    pub shown: Vec<String>,
}
