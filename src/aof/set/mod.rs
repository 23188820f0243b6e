//! The whole AOF of an instance: all its files judged together, what a start would make of them, where to cut.
use std::cell::RefCell;
use std::io::{self, Read};
use std::sync::atomic::AtomicU64;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Witness;
use super::manifest::{self, Kind, Manifest, RebuildError, Rebuilt};
use super::resp::{CommandsReport, Flush, Until};
use crate::rdb;

mod cut;
mod edit;
mod file;
mod moment;
mod outcome;
mod state;

pub use cut::{Cut, cut_before_flush};
pub use edit::{Gap, files_after, pieces, without};
pub use moment::{NoMoment, cut_at, cut_before_last_flush};
pub use outcome::{Outcome, server_outcome};
pub use state::SetState;

/// How the AOF lies on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// One file: up to 6.2, or from there.
    Single {
        /// Its name.
        file: String,
    },
    /// A directory of parts with a manifest: 7.0 and later.
    Multi {
        /// `appendfilename`: the stem of all names.
        appendfilename: String,
        /// The manifest's bytes, where there is one.
        manifest: Option<Vec<u8>>,
        /// Files in the directory with their sizes in bytes.
        names: Vec<(String, u64)>,
    },
}

/// Opens a file of the set by its name: the bytes from its start, and how many there are.
pub type Open<'a> = dyn Fn(&str) -> io::Result<(Box<dyn Read + Send>, u64)> + 'a;

/// How to judge.
#[derive(Debug, Clone, Copy)]
pub struct JudgeOptions<'a> {
    /// Now, unix milliseconds: what is expired in a base.
    pub now_ms: i64,
    /// Flushes that are kept one by one, per file.
    pub max_flushes: usize,
    /// Counts the bytes walked, over all files.
    pub progress: Option<&'a AtomicU64>,
    /// The moment whose cut is looked for, see [`cut_at`].
    pub until: Option<&'a Until>,
    /// Who else is shown the keys and commands; slower.
    pub witness: Option<&'a RefCell<dyn Witness>>,
}

impl Default for JudgeOptions<'_> {
    fn default() -> Self {
        Self { now_ms: 0, max_flushes: 1000, progress: None, until: None, witness: None }
    }
}

/// What is known of an AOF after all of it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetReport {
    /// One file, or parts.
    pub kind: SetKind,
    /// The verdict: the first thing wrong, in the order a start would meet it.
    pub state: SetState,
    /// The files in the order a start reads them; those of `rebuilt` where the manifest is lost or broken.
    pub files: Vec<FileReport>,
    /// Bytes of all these files.
    pub bytes: u64,
    /// The manifest, where it can be read.
    pub manifest: Option<Manifest>,
    /// A manifest made from the parts, where there is none or a broken one.
    pub rebuilt: Option<Rebuilt>,
    /// Why none could be made.
    pub rebuild_error: Option<RebuildError>,
    /// The state with the rebuilt manifest in place.
    pub once_rebuilt: Option<SetState>,
    /// Keys in the RDB base; unknown for a base of commands.
    pub base_keys: Option<u64>,
    /// Commands after the base, without MULTI, EXEC and SELECT.
    pub commands_after_base: u64,
    /// Keys; known only where no command follows the base.
    pub keys: Option<u64>,
    /// First `#TS:` annotation of the set, unix seconds.
    pub first_ts: Option<i64>,
    /// Last `#TS:` annotation of the set, unix seconds.
    pub last_ts: Option<i64>,
    /// Commands that throw a dataset away or exchange it, in order; bounded per file.
    pub flushes: Vec<FlushIn>,
    /// How many there are in all.
    pub flush_count: u64,
    /// Where to cut so that the rest loads, where the set is damaged and a cut helps.
    pub cut: Option<Cut>,
}

/// One file, or parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SetKind {
    /// One file.
    Single,
    /// Parts and a manifest.
    Multi,
}

/// What a file is in the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// The only file.
    Single,
    /// The dataset at the last rewrite.
    Base,
    /// Commands since.
    Incr,
}

/// One file of the set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileReport {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: FileKind,
    /// Its size in bytes; `None`: it is listed and not there.
    pub bytes: Option<u64>,
    /// Its RDB part, where it starts with one.
    pub rdb: Option<rdb::Report>,
    /// Its commands: the whole file, or what follows the RDB part.
    pub commands: Option<CommandsReport>,
    /// Why it could not be opened.
    pub unreadable: Option<String>,
}

/// A flush and the file it is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FlushIn {
    /// The file's name.
    pub file: String,
    /// The command.
    pub flush: Flush,
    /// Commands after it in its file and all later ones, without MULTI, EXEC and SELECT.
    pub commands_after: u64,
}

/// Reads and judges the whole AOF. Never fails: what can't be read is in the report.
pub fn judge(layout: &Layout, open: &Open<'_>, options: &JudgeOptions<'_>) -> SetReport {
    let reading = file::Reading { open, options };
    match layout {
        Layout::Single { file } => {
            let file = reading.file(file, FileKind::Single);
            let state = if file.bytes.is_none() && file.unreadable.is_none() {
                SetState::Missing
            } else {
                state::of(std::slice::from_ref(&file), None)
            };
            assemble(SetKind::Single, state, vec![file], None)
        }
        Layout::Multi { appendfilename, manifest, names } => {
            parts(&reading, appendfilename, manifest.as_deref(), names)
        }
    }
}

fn parts(reading: &file::Reading<'_>, stem: &str, bytes: Option<&[u8]>, names: &[(String, u64)]) -> SetReport {
    let has_parts = names.iter().any(|(name, _)| name == stem || manifest::part(name, stem).is_some());
    let lost = match bytes.map(manifest::parse) {
        Some(Ok(manifest)) if manifest.loaded().next().is_some() => {
            let files = reading.listed(&manifest, names);
            let state = state::of(&files, Some(stem));
            return SetReport { manifest: Some(manifest), ..assemble(SetKind::Multi, state, files, Some(stem)) };
        }
        Some(Err(error)) => SetState::ManifestBroken { because: error.to_string() },
        // A manifest of comments lists nothing: to a start it is as good as none.
        Some(Ok(_)) | None if has_parts => SetState::PartsWithoutManifest,
        Some(Ok(_)) => SetState::Empty,
        None if names.is_empty() => SetState::Missing,
        None => SetState::ManifestMissing,
    };
    if !has_parts {
        return assemble(SetKind::Multi, lost, Vec::new(), Some(stem));
    }
    match manifest::rebuild(names, stem) {
        Ok(rebuilt) => {
            let files = reading.listed(&rebuilt.manifest, names);
            let beneath = state::of(&files, Some(stem));
            let mut report = assemble(SetKind::Multi, beneath, files, Some(stem));
            report.once_rebuilt = Some(std::mem::replace(&mut report.state, lost));
            report.rebuilt = Some(rebuilt);
            report
        }
        Err(error) => {
            SetReport { rebuild_error: Some(error), ..assemble(SetKind::Multi, lost, Vec::new(), Some(stem)) }
        }
    }
}

fn assemble(kind: SetKind, state: SetState, files: Vec<FileReport>, stem: Option<&str>) -> SetReport {
    let base_keys = files.first().and_then(|f| f.rdb.as_ref()).filter(|r| r.is_intact()).map(|r| r.keys);
    let commands_after_base = files.iter().map(FileReport::writes).sum();
    let starts_empty = files.first().is_some_and(|f| f.rdb.is_none());
    let readable = files.iter().all(|f| f.unreadable.is_none() && f.bytes.is_some());
    let keys = if commands_after_base > 0 || !readable { None } else { base_keys.or(starts_empty.then_some(0)) };
    let walked = || files.iter().filter_map(|f| f.commands.as_ref());
    SetReport {
        kind,
        bytes: files.iter().filter_map(|f| f.bytes).sum(),
        manifest: None,
        rebuilt: None,
        rebuild_error: None,
        once_rebuilt: None,
        base_keys,
        commands_after_base,
        keys,
        first_ts: walked().find_map(|c| c.first_ts),
        last_ts: walked().rev().find_map(|c| c.last_ts),
        flushes: flushes(&files),
        flush_count: walked().map(|c| c.flush_count).sum(),
        cut: cut::of(&state, &files, stem),
        state,
        files,
    }
}

fn flushes(files: &[FileReport]) -> Vec<FlushIn> {
    let mut found = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let later: u64 = files.iter().skip(index + 1).map(FileReport::writes).sum();
        let here = file.commands.iter().flat_map(|c| &c.flushes);
        found.extend(here.map(|flush| FlushIn {
            file: file.name.clone(),
            flush: flush.clone(),
            commands_after: flush.commands_after + later,
        }));
    }
    found
}

impl FileReport {
    /// Commands without MULTI, EXEC and SELECT.
    fn writes(&self) -> u64 {
        self.commands.as_ref().map_or(0, |c| c.writes)
    }
}

impl From<Kind> for FileKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Base => Self::Base,
            Kind::Incr | Kind::History => Self::Incr,
        }
    }
}

#[cfg(test)]
mod tests;
