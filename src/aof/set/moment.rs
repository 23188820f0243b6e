//! The cut that ends a set at a moment, or why there is none.
use super::cut::{Cut, cut_at_boundary, cut_before_flush};
use super::{FileReport, SetReport};
use crate::aof::resp::{Boundary, Until};

/// Why there is no such place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoMoment {
    /// No flush is in it.
    #[error("no FLUSHALL and no FLUSHDB is in the AOF")]
    NoFlush,
    /// Nothing in it tells the time.
    #[error("the AOF carries no timestamps")]
    NoTimestamps,
    /// It begins later.
    #[error("nothing in the AOF is from before that moment: its first timestamp is {0}, unix time")]
    TooEarly(i64),
    /// All of it is from before.
    #[error("all of the AOF is from before that moment: its last timestamp is {0}, unix time")]
    TooLate(i64),
    /// No tag of this name.
    #[error("no command in the AOF writes the tag {}", .0.escape_debug())]
    NoTag(String),
    /// More than one file has commands, and an offset counts in one.
    #[error("an offset counts within one file, and the AOF has {0} of them with commands: write FILE:BYTES")]
    WhichFile(usize),
    /// No such file, or the offset lies before its first boundary or behind its end.
    #[error("the AOF has no such byte")]
    NoByte,
    /// What would stay is damaged.
    #[error("what comes before that place is damaged")]
    Damaged,
}

/// The cut that ends the set at the moment it was judged for ([`super::JudgeOptions::until`]).
///
/// # Errors
/// There is no such place, or what would stay is damaged.
pub fn cut_at(report: &SetReport, until: &Until) -> Result<Cut, NoMoment> {
    let mut marked = report.files.iter().filter_map(|f| Some((f.name.as_str(), f.commands.as_ref()?.until?)));
    let (file, boundary) = match until {
        Until::Time(_) => {
            let last = report.last_ts.ok_or(NoMoment::NoTimestamps)?;
            marked.next().ok_or(NoMoment::TooLate(last))?
        }
        Until::Tag(tag) => marked.next_back().ok_or_else(|| NoMoment::NoTag(tag.clone()))?,
        Until::Offset(file, offset) => at_offset(report, file.as_deref(), *offset)?,
    };
    let cut = cut_at_boundary(report, file, boundary).ok_or(NoMoment::Damaged)?;
    if let (Until::Time(wanted), None, Some(first)) = (until, cut.ts_before, report.first_ts) {
        let lost = cut.commands_lost_complete + cut.commands_in_later_files;
        let base = report.files.first().and_then(|f| f.rdb.as_ref()?.ctime());
        if report.commands_after_base > lost || base.is_none_or(|base| base > *wanted) {
            return Err(NoMoment::TooEarly(first));
        }
    }
    Ok(cut)
}

/// The cut that ends the set before its last FLUSHALL or FLUSHDB; of several with nothing between them before the first.
///
/// # Errors
/// There is none, or what would stay is damaged.
pub fn cut_before_last_flush(report: &SetReport) -> Result<Cut, NoMoment> {
    let is_flush = |command: &str| !command.to_ascii_lowercase().starts_with("swapdb");
    let mut flushes = report.flushes.iter().enumerate().rev().filter(|(_, f)| is_flush(&f.flush.command));
    let (mut at, mut wanted) = flushes.next().ok_or(NoMoment::NoFlush)?;
    for (index, earlier) in flushes {
        if earlier.commands_after != wanted.commands_after + 1 {
            break;
        }
        (at, wanted) = (index, earlier);
    }
    cut_before_flush(report, at).ok_or(NoMoment::Damaged)
}

/// The last safe boundary up to an offset. The walk marks it where a command ends behind the offset; up to the file's end
/// none does.
fn at_offset<'r>(report: &'r SetReport, file: Option<&str>, offset: u64) -> Result<(&'r str, Boundary), NoMoment> {
    let with_commands: Vec<&FileReport> = report.files.iter().filter(|f| f.commands.is_some()).collect();
    let meant = match (file, with_commands.as_slice()) {
        (Some(name), all) => all.iter().find(|f| f.name == name).ok_or(NoMoment::NoByte)?,
        (None, [only]) => only,
        (None, all) => return Err(NoMoment::WhichFile(all.len())),
    };
    let commands = meant.commands.as_ref().ok_or(NoMoment::NoByte)?;
    if offset < commands.start || offset > commands.start + commands.bytes {
        return Err(NoMoment::NoByte);
    }
    let end = Boundary { offset: commands.safe_cut, writes: commands.safe_cut_writes, ts: commands.ts_before_cut };
    Ok((&meant.name, commands.until.unwrap_or(end)))
}
