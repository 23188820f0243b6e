//! What a start of a server on a set would do, as tried on servers from 6.0 to Valkey 9.1.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::words;
use super::{FileKind, FileReport, SetKind, SetReport, SetState};
use crate::aof::resp::End;
use crate::rdb;

/// What a start would do with AOF on. Whether the server knows the version of an RDB base is not asked here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// It loads all of it.
    Loads,
    /// It comes up with less than there is, or loses some at a later start.
    LoadsLosing {
        /// What goes, and how.
        because: String,
    },
    /// It comes up with no keys.
    StartsEmpty {
        /// Why.
        because: String,
    },
    /// It ends with an error.
    Refuses {
        /// Why.
        because: String,
    },
    /// The files could not be read to the end, so nobody knows.
    Unknown {
        /// Why.
        because: String,
    },
}

/// The first major version whose loader keeps transactions and preambles whole: Valkey 9 (9.1.2 as tried).
const CAREFUL: u32 = 9;

/// What a server of a major version would do; `truncated_ok` is its `aof-load-truncated`, which is on by default.
#[must_use]
pub fn server_outcome(report: &SetReport, major: u32, truncated_ok: bool) -> Outcome {
    let empty = |because: &str| Outcome::StartsEmpty { because: because.to_owned() };
    match &report.state {
        SetState::Missing => return empty("there is no AOF"),
        SetState::Empty => return empty("the AOF has no bytes"),
        SetState::Unreadable { name, because } => {
            return Outcome::Unknown { because: format!("{name}: {because}") };
        }
        SetState::Unknown { because } => {
            return Outcome::Unknown { because: because.clone() };
        }
        _ => {}
    }
    if report.kind == SetKind::Multi && major < 7 {
        return empty("a server before 7.0 does not read a multi-part AOF");
    }
    match &report.state {
        SetState::ManifestMissing => empty("no manifest of this name is there"),
        SetState::PartsWithoutManifest => empty("no manifest lists the parts; those numbered 1 are written over"),
        SetState::ManifestBroken { because } => Outcome::Refuses { because: because.clone() },
        SetState::FileMissing { name } => {
            Outcome::Refuses { because: format!("the manifest lists {name}, which is not there") }
        }
        _ => of_files(report, major, truncated_ok),
    }
}

fn of_files(report: &SetReport, major: u32, truncated_ok: bool) -> Outcome {
    if major < 7
        && report
            .files
            .iter()
            .filter_map(|f| f.commands.as_ref())
            .any(|c| c.annotations > 0 || matches!(c.end, End::Torn { in_command: false, .. }))
    {
        return Outcome::Refuses { because: "a server before 7.0 does not read # lines".to_owned() };
    }
    let last = report.files.len().saturating_sub(1);
    let mut losing = None;
    for (index, file) in report.files.iter().enumerate() {
        match of_file(file, index == last, major, truncated_ok) {
            Outcome::Loads => {}
            Outcome::LoadsLosing { because } => losing = losing.or(Some(because)),
            stop => return stop,
        }
    }
    losing.map_or(Outcome::Loads, |because| Outcome::LoadsLosing { because })
}

fn of_file(file: &FileReport, last: bool, major: u32, truncated_ok: bool) -> Outcome {
    let losing = |because: &str| Outcome::LoadsLosing { because: format!("{}: {because}", file.name) };
    let refuses = |because: &str| Outcome::Refuses { because: format!("{}: {because}", file.name) };
    if file.kind == FileKind::Base && file.bytes == Some(0) && file.name.ends_with(".rdb") {
        return losing("the base is empty; only what came after it is loaded");
    }
    if let Some(rdb) = file.rdb.as_ref().filter(|rdb| rdb.verdict != rdb::Verdict::Intact) {
        return refuses(&rdb.verdict.to_string());
    }
    let Some(commands) = &file.commands else {
        return Outcome::Loads;
    };
    let first = file.rdb.is_some() && commands.safe_cut == commands.start;
    let careless = major < CAREFUL;
    match &commands.end {
        End::Clean => Outcome::Loads,
        End::Io { because } => Outcome::Unknown { because: format!("{}: {because}", file.name) },
        end @ (End::Garbage { .. } | End::ZeroPadded { .. }) => refuses(&words(end)),
        End::Torn { in_command: false, .. } if last => {
            losing("what is appended next goes on in the incomplete # line, and the start after that refuses the file")
        }
        End::Torn { in_command: false, .. } => Outcome::Loads,
        end if !last => refuses(&format!(
            "{}, and is not the last file{}",
            words(end),
            if truncated_ok { "; the refused start cuts it, and the next one loads with a hole" } else { "" }
        )),
        end if !truncated_ok => refuses(&format!("{}, and aof-load-truncated is no", words(end))),
        _ if first && careless => losing(
            "loads, then cuts the file to nothing because its first command is incomplete: the next start has no keys",
        ),
        End::OpenMulti { torn_at: Some(_), .. } if careless => {
            losing("leaves the MULTI of the incomplete transaction: a later start drops all that was written after it")
        }
        _ if commands.after_damage.commands > 0 => {
            losing("takes a damaged length for the end and drops all commands after it")
        }
        end => losing(&format!("{}, which is dropped", words(end))),
    }
}
