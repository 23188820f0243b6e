//! The moments that an AOF can be taken back to: the span of its timestamps, its tags, its flushes.
use super::aof::{flush, opened};
use super::commands::{in_lower_case, key_of};
use super::document::{Flush, Tag};
use super::{InspectError, Subject, subject};
use crate::aof::set::{self, JudgeOptions};
use crate::aof::{Shown, Witness, tag};
use crate::facts::Time;
use crate::host::Look;
use crate::rdb::KeyMeta;
use schemars::JsonSchema;
use serde::Serialize;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::Path;

/// Tags that are kept, the last ones.
const TAGS: usize = 1000;
/// Tags and flushes that are told, the last ones.
const TOLD: usize = 20;

/// Where an AOF can be cut.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Moments {
    /// The AOF.
    pub source: String,
    /// The first second that can be gone back to; null where it carries no timestamps.
    pub from: Option<Time>,
    /// The last one.
    pub to: Option<Time>,
    /// Its tags, the last 20 of them.
    pub tags: Vec<Tag>,
    /// How many there are.
    pub tag_count: u64,
    /// FLUSHALL, FLUSHDB and SWAPDB, the last 20 of them.
    pub flushes: Vec<Flush>,
    /// How many there are.
    pub flush_count: u64,
}

/// Tags, the last ones, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Tags {
    pub last: VecDeque<Tag>,
    pub count: u64,
}

impl Tags {
    /// Takes a command in, by its name in lower case and its key, if it is a tag.
    pub fn see(&mut self, file: &str, name: &[u8], key: &[u8], command: &Shown<'_>) {
        let Some(name) = tag::name(name, key) else {
            return;
        };
        self.count += 1;
        if self.last.len() >= TAGS {
            self.last.pop_front();
        }
        let at = command.ts.and_then(Time::from_unix);
        self.last.push_back(Tag { name, file: file.to_owned(), offset: command.start, at });
    }
}

/// Sees nothing but tags.
#[derive(Debug, Default)]
struct OnlyTags {
    file: String,
    tags: Tags,
}

impl Witness for OnlyTags {
    fn file(&mut self, name: &str) {
        self.file = crate::aof::resp::printable(name.as_bytes());
    }

    fn key(&mut self, _: &KeyMeta<'_>) {}

    fn command(&mut self, command: &Shown<'_>) {
        let mut lower = [0_u8; 32];
        let name = command.word(0).map_or(&b"?"[..], |word| in_lower_case(word, &mut lower));
        if let Some(key) = key_of(name, command) {
            self.tags.see(&self.file, name, key, command);
        }
    }
}

/// Walks an AOF for the moments it can be cut at; none where there is no AOF, or no such moment in it.
///
/// # Errors
/// It can't be read.
pub fn moments(look: &Look, path: &Path) -> Result<Option<Moments>, InspectError> {
    let (dir, layout) = match subject(look, path)? {
        Subject::Aof { dir, layout } => (dir, layout),
        Subject::Snapshot { .. } | Subject::Config { .. } | Subject::Nothing { .. } => return Ok(None),
    };
    let only = RefCell::new(OnlyTags::default());
    let open = |name: &str| opened(look, &dir.join(name));
    let report = set::judge(&layout, &open, &JudgeOptions { witness: Some(&only), ..JudgeOptions::default() });
    let tags = only.into_inner().tags;
    if report.first_ts.is_none() && tags.count == 0 && report.flush_count == 0 {
        return Ok(None);
    }
    let skip = report.flushes.len().saturating_sub(TOLD);
    Ok(Some(Moments {
        source: crate::host::shown(path).to_string(),
        from: report.first_ts.and_then(Time::from_unix),
        to: report.last_ts.and_then(Time::from_unix),
        tags: tags.last.into_iter().rev().take(TOLD).rev().collect(),
        tag_count: tags.count,
        flushes: report.flushes.iter().skip(skip).map(flush).collect(),
        flush_count: report.flush_count,
    }))
}
