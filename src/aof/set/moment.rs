//! The cut that ends a set at a moment, or why there is none.
use super::SetReport;
use super::cut::{Cut, cut, whole_before};
use crate::aof::resp::Until;

/// The cut that ends the set at the moment it was judged for ([`super::JudgeOptions::until`]).
///
/// # Errors
/// Why the moment can't be reached, in words.
pub fn cut_at(report: &SetReport, until: &Until) -> Result<Cut, String> {
    let found =
        report.files.iter().enumerate().find_map(|(at, file)| Some((at, file.commands.as_ref()?.until.as_ref()?)));
    let Some((at, boundary)) = found else {
        return Err(match (until, report.last_ts) {
            (Until::Time(_), None) => "the AOF carries no timestamps".into(),
            (Until::Time(_), Some(_)) => "nothing in the AOF is from after that moment".into(),
            (Until::Tag(tag), _) => format!("no command in the AOF writes the tag {}", tag.escape_debug()),
            (Until::Offset(..), _) => "the AOF has no such byte".into(),
        });
    };
    if !whole_before(&report.files, at) {
        return Err("what comes before that moment is damaged".into());
    }
    let ts_before =
        boundary.ts.or_else(|| report.files.iter().take(at).rev().find_map(|f| f.commands.as_ref()?.last_ts));
    if let Until::Time(wanted) = until
        && ts_before.is_none()
    {
        let kept = boundary.writes + report.files.iter().take(at).map(super::FileReport::writes).sum::<u64>();
        let base = report.files.first().and_then(|f| f.rdb.as_ref()?.ctime());
        if kept > 0 || base.is_none_or(|base| base > *wanted) {
            return Err("the moment is before the first timestamp in the AOF".into());
        }
    }
    let commands = report.files.get(at).and_then(|f| f.commands.as_ref());
    let complete = commands.map_or(0, |c| c.writes).saturating_sub(boundary.writes);
    let later = report.files.get(at + 1..).unwrap_or(&[]);
    Ok(Cut { ts_before, ..cut(&report.files, at, boundary.offset, complete, later) })
}
