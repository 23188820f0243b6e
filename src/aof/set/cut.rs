//! Where to cut: always at the end of a complete command outside MULTI, never within a base.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FileReport, SetReport, SetState, state};
use crate::aof::resp::{Boundary, End, Readable};

/// A cut that makes a set load, or that ends it before a flush, and what it costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cut {
    /// The file that becomes shorter, the last one then.
    pub file: String,
    /// Its length afterwards, bytes.
    pub offset: u64,
    /// Later files, which leave the manifest; one that is listed and not there may be among them.
    pub drop_files: Vec<String>,
    /// Bytes that go, later files among them.
    pub bytes_lost: u64,
    /// Complete commands that go and lie before the damage: those of an open transaction, or after a flush. Without
    /// MULTI, EXEC and SELECT, as all counts here.
    pub commands_lost_complete: u64,
    /// Only a command or transaction goes that was never complete, so nothing that a client was told is done.
    pub lost_is_only_incomplete: bool,
    /// Commands that are readable after the damage: then it is a hole, not a tail.
    pub commands_after_damage: Readable,
    /// Commands in later files.
    pub commands_in_later_files: u64,
    /// The last `#TS:` annotation before a command that stays, unix seconds.
    pub ts_before: Option<i64>,
}

/// The cut that makes a damaged set load.
pub(super) fn of(state: &SetState, files: &[FileReport], stem: Option<&str>) -> Option<Cut> {
    match state {
        SetState::FileMissing { .. } => before_missing(files, stem),
        SetState::Truncated
        | SetState::TornTransaction
        | SetState::ZeroPadded
        | SetState::FirstCommandTorn
        | SetState::Corrupt { .. }
        | SetState::NonLastTruncated { .. } => at_damage(files, stem),
        _ => None,
    }
}

fn at_damage(files: &[FileReport], stem: Option<&str>) -> Option<Cut> {
    let last = files.len().saturating_sub(1);
    let index = files.iter().enumerate().position(|(index, file)| state::fault(file, index == last, stem).is_some())?;
    let file = files.get(index)?;
    let commands = file.commands.as_ref()?;
    let later = files.get(index + 1..).unwrap_or(&[]);
    let complete = commands.writes - commands.safe_cut_writes;
    // What follows an RDB base without a command in it was never part of the AOF: the commands of later files stand.
    let stray = file.rdb.is_some() && commands.writes == 0 && commands.after_damage == Readable::default();
    let rest_is_right =
        later.iter().enumerate().all(|(at, file)| state::fault(file, at + 1 == later.len(), stem).is_none());
    if stray && !later.is_empty() && rest_is_right {
        return Some(Cut { lost_is_only_incomplete: true, ..cut(files, index, commands.safe_cut, 0, &[]) });
    }
    let mut found = cut(files, index, commands.safe_cut, complete, later);
    let incomplete = match commands.end {
        End::Torn { .. } => true,
        End::OpenMulti { appended, .. } => appended == 0,
        _ => false,
    };
    found.lost_is_only_incomplete =
        incomplete && commands.after_damage == Readable::default() && found.commands_in_later_files == 0;
    Some(found)
}

/// The set up to the first listed file that is not there.
fn before_missing(files: &[FileReport], stem: Option<&str>) -> Option<Cut> {
    let missing = files.iter().position(|f| f.bytes.is_none())?;
    let kept = files.get(..missing)?;
    let index = missing.checked_sub(1)?;
    // With a damage before it the set ends there instead.
    if kept.iter().enumerate().any(|(at, file)| state::fault(file, at == index, stem).is_some()) {
        return match state::of(kept, stem) {
            SetState::Empty => None,
            damaged => of(&damaged, kept, stem).map(|found| Cut {
                drop_files: found
                    .drop_files
                    .into_iter()
                    .chain(files.iter().skip(missing).map(|f| f.name.clone()))
                    .collect(),
                bytes_lost: found.bytes_lost + files.iter().skip(missing).filter_map(|f| f.bytes).sum::<u64>(),
                commands_in_later_files: found.commands_in_later_files
                    + files.iter().skip(missing).map(FileReport::writes).sum::<u64>(),
                lost_is_only_incomplete: false,
                ..found
            }),
        };
    }
    let end = files.get(index)?.bytes?;
    Some(cut(files, index, end, 0, files.get(missing..).unwrap_or(&[])))
}

/// The cut that ends the set right before a flush, by its place in [`SetReport::flushes`].
///
/// `None` where there is no such flush, or where the set before it is damaged.
#[must_use]
pub fn cut_before_flush(report: &SetReport, index: usize) -> Option<Cut> {
    let wanted = report.flushes.get(index)?;
    let flush = &wanted.flush;
    let boundary = Boundary { offset: flush.cut, writes: flush.commands_before, ts: flush.ts_before };
    cut_at_boundary(report, &wanted.file, boundary)
}

/// The cut that ends the set at a boundary in one of its files; `None` where the set before it is damaged.
pub(super) fn cut_at_boundary(report: &SetReport, file: &str, boundary: Boundary) -> Option<Cut> {
    let at = report.files.iter().position(|f| f.name == file)?;
    if !whole_before(&report.files, at) {
        return None;
    }
    let commands = report.files.get(at)?.commands.as_ref()?;
    let complete = commands.writes - boundary.writes;
    let later = report.files.get(at + 1..).unwrap_or(&[]);
    let ts_before = boundary.ts.or_else(|| last_ts(&report.files, at));
    Some(Cut { ts_before, ..cut(&report.files, at, boundary.offset, complete, later) })
}

/// Are the files before one whole?
fn whole_before(files: &[FileReport], at: usize) -> bool {
    files.iter().take(at).all(|f| {
        f.bytes.is_some()
            && f.rdb.as_ref().is_none_or(crate::rdb::Report::is_intact)
            && f.commands.as_ref().is_none_or(|c| c.end.is_clean())
    })
}

fn cut(files: &[FileReport], index: usize, offset: u64, complete: u64, later: &[FileReport]) -> Cut {
    let file = files.get(index);
    let commands = file.and_then(|f| f.commands.as_ref());
    let here = file.and_then(|f| f.bytes).unwrap_or(0).saturating_sub(offset);
    Cut {
        file: file.map(|f| f.name.clone()).unwrap_or_default(),
        offset,
        drop_files: later.iter().map(|f| f.name.clone()).collect(),
        bytes_lost: here + later.iter().filter_map(|f| f.bytes).sum::<u64>(),
        commands_lost_complete: complete,
        lost_is_only_incomplete: false,
        commands_after_damage: commands.map(|c| c.after_damage).unwrap_or_default(),
        commands_in_later_files: later.iter().map(FileReport::writes).sum(),
        ts_before: commands.and_then(|c| c.ts_before_cut).or_else(|| last_ts(files, index)),
    }
}

/// The last annotation in the files before one.
fn last_ts(files: &[FileReport], before: usize) -> Option<i64> {
    files.iter().take(before).rev().find_map(|f| f.commands.as_ref()?.ts_before_cut)
}
