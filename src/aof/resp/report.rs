//! What a walk over commands found.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The commands of one file, or of what follows its RDB preamble. Offsets are in bytes from the start of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandsReport {
    /// Offset of the first byte that was walked: 0, or the end of the preamble.
    pub start: u64,
    /// Bytes from `start` to the end of the file.
    pub bytes: u64,
    /// Complete commands that were read, MULTI, EXEC and SELECT among them.
    pub commands: u64,
    /// Complete commands other than MULTI, EXEC and SELECT.
    pub writes: u64,
    /// Where the file can be cut: after the last complete command outside MULTI, or `start`.
    pub safe_cut: u64,
    /// Complete commands up to `safe_cut`.
    pub safe_cut_commands: u64,
    /// Those of `writes` up to `safe_cut`.
    pub safe_cut_writes: u64,
    /// How the file ends.
    pub end: End,
    /// First `#TS:` annotation, unix seconds.
    pub first_ts: Option<i64>,
    /// Last `#TS:` annotation that was read, unix seconds.
    pub last_ts: Option<i64>,
    /// Last `#TS:` annotation before a command that `safe_cut` keeps.
    pub ts_before_cut: Option<i64>,
    /// `#` lines; servers up to 6.2 refuse a file that has one.
    pub annotations: u64,
    /// Commands that throw a dataset away or exchange it, the last ones (see [`super::WalkOptions::max_flushes`]).
    pub flushes: Vec<Flush>,
    /// How many there are in all.
    pub flush_count: u64,
    /// Complete MULTI … EXEC blocks.
    pub transactions: u64,
    /// Database selected at the end.
    pub last_db: u32,
    /// Where to cut for the moment that was asked for, if it is in this file.
    pub until: Option<Boundary>,
    /// Commands readable after the damage; filled by [`super::readable_after`] where there is a damage.
    pub after_damage: Readable,
}

/// How a file of commands ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum End {
    /// After a complete command, outside MULTI.
    Clean,
    /// In the middle of a command or a `#` line, and it is right as far as it goes.
    Torn {
        /// Where the incomplete command or line starts.
        offset: u64,
        /// False: an incomplete `#` line. The server takes that as the end, and what it appends next is lost in the line.
        in_command: bool,
    },
    /// Inside a transaction with no EXEC.
    OpenMulti {
        /// Where the MULTI starts.
        offset: u64,
        /// Complete commands after the MULTI.
        commands: u64,
        /// Where the command starts that is itself incomplete, if so. A server before Valkey 9.1 then leaves the MULTI in the file.
        torn_at: Option<u64>,
        /// Complete commands that a server started on this file appended later: the acknowledged writes of a start after
        /// which the MULTI was left in the file. They show as a second SELECT of the same database.
        appended: u64,
    },
    /// Something that is not a command.
    Garbage {
        /// Where the command starts that can't be read.
        offset: u64,
        /// What was found, and where.
        because: String,
    },
    /// From here on, at most an incomplete command and then zero bytes to the end of the file: the mark of a power loss.
    ZeroPadded {
        /// Where the incomplete command or the zeros start.
        offset: u64,
    },
    /// Reading failed.
    Io {
        /// The system's error.
        because: String,
    },
}

impl End {
    /// Whether the file ends as a server leaves it.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::Clean
    }

    /// Where the first byte is that could not be taken as part of a complete command or transaction.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        match self {
            Self::Clean | Self::Io { .. } => None,
            Self::Torn { offset, .. }
            | Self::OpenMulti { offset, .. }
            | Self::Garbage { offset, .. }
            | Self::ZeroPadded { offset } => Some(*offset),
        }
    }
}

/// A command that throws a dataset away or exchanges it: FLUSHALL, FLUSHDB, SWAPDB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Flush {
    /// Where the command starts.
    pub offset: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// The last safe cut before it: before its MULTI where it is inside one.
    pub cut: u64,
    /// The command as it stands, printable.
    pub command: String,
    /// Selected database.
    pub db: u32,
    /// The `#TS:` annotation it stands under, unix seconds.
    pub ts: Option<i64>,
    /// The `#TS:` annotation of the last command that the cut keeps.
    pub ts_before: Option<i64>,
    /// Whether it is inside MULTI or the effects of a script.
    pub in_multi: bool,
    /// Commands in this file up to the cut, without MULTI, EXEC and SELECT.
    pub commands_before: u64,
    /// Commands in this file after it, without MULTI, EXEC and SELECT.
    pub commands_after: u64,
}

/// A place where a file can end: after a complete command outside MULTI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Boundary {
    /// Offset in the file.
    pub offset: u64,
    /// Commands in this file up to there, without MULTI, EXEC and SELECT.
    pub writes: u64,
    /// The `#TS:` annotation of the last command before it, unix seconds.
    pub ts: Option<i64>,
}

/// Complete commands found in bytes where the framing was lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Readable {
    /// How many.
    pub commands: u64,
    /// Whether there may be more: the search was given up on bytes made to be slow.
    pub at_least: bool,
}
