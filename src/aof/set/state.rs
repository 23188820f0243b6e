//! The verdict on a set: the first thing wrong, in the order a start would meet it.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FileKind, FileReport};
use crate::aof::manifest;
use crate::aof::resp::End;
use crate::rdb;

/// What is wrong with an AOF, if anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum SetState {
    /// No file at all.
    Missing,
    /// Files of no bytes, or a manifest that lists nothing and no parts.
    Empty,
    /// Every command complete, every base right.
    Intact,
    /// The last file ends within a command, and nothing is readable after it.
    Truncated,
    /// The last file ends within a transaction.
    TornTransaction,
    /// The last file ends in zero bytes: a power loss.
    ZeroPadded,
    /// The first command after an RDB base is incomplete: servers before Valkey 9.1 load, then cut the file to nothing.
    FirstCommandTorn,
    /// Bytes that are no command, or a command that swallows others.
    Corrupt {
        /// Which file.
        name: String,
        /// Where and what.
        because: String,
    },
    /// A file before the last one ends within a command or transaction.
    NonLastTruncated {
        /// Which file.
        name: String,
    },
    /// The base can't be used, and no cut repairs it.
    BaseDamaged {
        /// Which file, where and what.
        because: String,
    },
    /// The manifest lists a file that is not there.
    FileMissing {
        /// Which file.
        name: String,
    },
    /// The server refuses the manifest.
    ManifestBroken {
        /// The server's words.
        because: String,
    },
    /// Files are there, none of them a part or manifest of this name.
    ManifestMissing,
    /// Parts are there and no manifest lists them: a start comes up empty and writes over them.
    PartsWithoutManifest,
    /// A file can't be read; nothing is known of it.
    Unreadable {
        /// Which file.
        name: String,
        /// The system's error.
        because: String,
    },
    /// A base of a version that is not known here.
    Unknown {
        /// Which file and what.
        because: String,
    },
}

impl SetState {
    /// What is wrong, in words; none where nothing is, or where there is nothing.
    #[must_use]
    pub fn because(&self) -> Option<String> {
        Some(match self {
            Self::Missing | Self::Empty | Self::Intact | Self::ManifestMissing => return None,
            Self::Truncated => "it ends within a command".into(),
            Self::TornTransaction => "it ends within a transaction".into(),
            Self::ZeroPadded => "it ends in zero bytes".into(),
            Self::FirstCommandTorn => "the first command after its base is incomplete".into(),
            Self::Corrupt { name, because } => format!("{}: {because}", name.escape_debug()),
            Self::NonLastTruncated { name } => {
                format!("{} ends within a command and is not the last file", name.escape_debug())
            }
            Self::BaseDamaged { because } | Self::ManifestBroken { because } | Self::Unknown { because } => {
                because.clone()
            }
            Self::FileMissing { name } => format!("the manifest lists {}, which is not there", name.escape_debug()),
            Self::PartsWithoutManifest => "no manifest lists the parts".into(),
            Self::Unreadable { name, because } => format!("{}: {because}", name.escape_debug()),
        })
    }
}

/// The verdict on files in load order; `stem` is the `appendfilename` of parts.
pub(super) fn of(files: &[FileReport], stem: Option<&str>) -> SetState {
    // The server asks for all sizes before it reads any file.
    if let Some(file) = files.iter().find(|f| f.bytes.is_none() && f.unreadable.is_none()) {
        return SetState::FileMissing { name: file.name.clone() };
    }
    if !files.is_empty() && files.iter().all(|f| f.bytes == Some(0)) {
        return SetState::Empty;
    }
    let last = files.len().saturating_sub(1);
    files.iter().enumerate().find_map(|(index, file)| fault(file, index == last, stem)).unwrap_or(SetState::Intact)
}

/// What is wrong with one file.
pub(super) fn fault(file: &FileReport, last: bool, stem: Option<&str>) -> Option<SetState> {
    if let Some(because) = &file.unreadable {
        return Some(SetState::Unreadable { name: file.name.clone(), because: because.clone() });
    }
    if file.kind == FileKind::Base && file.bytes == Some(0) && is_rdb_name(file) {
        // A server with `aof-use-rdb-preamble no` and no keys writes a `.base.aof` of no bytes, never a `.base.rdb`.
        return Some(base_damaged(file, "is empty"));
    }
    match file.rdb.as_ref().map(|rdb| &rdb.verdict) {
        None | Some(rdb::Verdict::Intact) => {}
        Some(rdb::Verdict::Unreadable { because }) => {
            return Some(SetState::Unreadable { name: file.name.clone(), because: because.clone() });
        }
        Some(verdict @ rdb::Verdict::UnknownVersion { .. }) => {
            return Some(SetState::Unknown { because: format!("{}: {verdict}", file.name) });
        }
        Some(verdict) => return Some(base_damaged(file, &verdict.to_string())),
    }
    let commands = file.commands.as_ref()?;
    let end = &commands.end;
    if let End::Io { because } = end {
        return Some(SetState::Unreadable { name: file.name.clone(), because: because.clone() });
    }
    if end.is_clean() {
        return None;
    }
    let because = words(end);
    if is_the_dataset(file, stem) {
        return Some(base_damaged(file, &because));
    }
    let hole = commands.after_damage.commands > 0;
    Some(match end {
        End::Garbage { .. } => corrupt(file, because),
        End::ZeroPadded { .. } if last => SetState::ZeroPadded,
        End::ZeroPadded { .. } => corrupt(file, because),
        _ if hole => {
            corrupt(file, format!("{because}, and {} commands are readable after it", commands.after_damage.commands))
        }
        _ if !last => SetState::NonLastTruncated { name: file.name.clone() },
        _ if file.rdb.is_some()
            && commands.safe_cut == commands.start
            && !matches!(end, End::Torn { in_command: false, .. }) =>
        {
            SetState::FirstCommandTorn
        }
        End::OpenMulti { .. } => SetState::TornTransaction,
        _ => SetState::Truncated,
    })
}

/// Whether the damage is in the dataset itself, so that a cut would keep only a piece of it.
fn is_the_dataset(file: &FileReport, stem: Option<&str>) -> bool {
    let Some(commands) = file.commands.as_ref().filter(|_| file.rdb.is_none()) else {
        return false;
    };
    match file.kind {
        FileKind::Incr => false,
        // A base of commands is a dataset written out. One with another name was a single file before an upgrade: a history.
        FileKind::Base if stem.is_some_and(|stem| manifest::part(&file.name, stem).is_some()) => true,
        // Where not even the first bytes are commands, the start of all is gone.
        _ => commands.safe_cut == 0 && !matches!(commands.end, End::Torn { .. } | End::OpenMulti { .. }),
    }
}

fn is_rdb_name(file: &FileReport) -> bool {
    file.name.strip_suffix(".rdb").is_some()
}

fn base_damaged(file: &FileReport, because: &str) -> SetState {
    SetState::BaseDamaged { because: format!("{}: {because}", file.name) }
}

fn corrupt(file: &FileReport, because: String) -> SetState {
    SetState::Corrupt { name: file.name.clone(), because }
}

/// An end in words.
pub(super) fn words(end: &End) -> String {
    match end {
        End::Clean => "ends after a complete command".to_owned(),
        End::Torn { offset, in_command: true } => format!("ends within the command at byte {offset}"),
        End::Torn { offset, in_command: false } => format!("ends within the # line at byte {offset}"),
        End::OpenMulti { offset, .. } => format!("ends within the transaction at byte {offset}"),
        End::Garbage { offset, because } => format!("not a command at byte {offset}: {because}"),
        End::ZeroPadded { offset } => format!("zero bytes from byte {offset} on"),
        End::Io { because } => because.clone(),
    }
}
