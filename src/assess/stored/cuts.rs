//! The AOF cut short, or with commands left out, as recovery points.
use super::aof::{Judged, blank, loadable};
use super::flush::Accident;
use super::snapshot::Loader;
use super::survey::Survey;
use crate::aof::resp::{Touched, TouchedKeys};
use crate::aof::set::{self, SetReport};
use crate::facts::{Bytes, Cut, Point, PointKind, Time, Validity};
use crate::host::Look;
use std::fmt::Write as _;

/// Bytes of each file behind a flush that are read for the keys that they name.
const AFTER: u64 = 4 << 20;

/// What came after a flush.
#[derive(Debug, Default)]
pub struct After {
    /// The first commands that a cut before it removes.
    pub(super) preview: Vec<String>,
    /// The keys that commands after it write to.
    pub(super) keys: Touched,
}

/// The keys that commands after a flush write to, as far as they can be read at once.
pub(super) fn keys_after(look: &Look, dir: &std::path::Path, report: &SetReport, accident: &Accident) -> Touched {
    let (db, file, from) = &accident.ends;
    let mut keys = TouchedKeys::default();
    let mut read = |file: &str, db, from| {
        let bytes = look.read_at(&dir.join(file), from, AFTER).unwrap_or_default();
        // bytes in memory: nothing can fail
        let _ = keys.read(bytes.as_slice(), db, bytes.len() + 1);
    };
    read(file, *db, *from);
    for later in set::files_after(report, file) {
        read(&later.name, 0, 0);
    }
    keys.found()
}

/// The AOF as it was before each flush near its end. The last one has the plain name: it is the one that people mean,
/// unless one before it threw away more; then its moment is left open, so that a person chooses.
pub(super) fn before_flushes(survey: &Survey, judged: &Judged, loader: &Loader) -> Vec<Point> {
    let greatest = judged.accidents.iter().map(|(a, _)| a.weight()).max();
    let last = judged.accidents.len().saturating_sub(1);
    let mut points = Vec::new();
    for (index, (accident, after)) in judged.accidents.iter().enumerate() {
        let at = if index == last { String::new() } else { format!("-at-{}", accident.offset) };
        points.extend(without(&format!("aof-without-flush{at}"), judged, loader, accident, after));
        let Some(cut) = &accident.cut else { continue };
        let small = Some(accident.weight()) < greatest;
        let id = format!("aof-before-flush{at}");
        let mut point = cut_point(&id, survey, judged, loader, cut, accident.commands_after == 0 && !small);
        if small {
            point.as_of = None;
            point.why = "moment left open: another flush removed more".into();
        }
        let _ = write!(point.why, "; right before {}", accident.shown());
        point.cut = Some(Cut {
            commands_lost: accident.commands_after,
            preview: after.preview.clone(),
            before: accident.command.clone(),
            keys_after: after.keys.clone(),
            ..place(cut)
        });
        points.push(point);
    }
    points.extend(around_exchange(survey, judged, loader));
    points
}

/// The AOF as it was before the last SWAPDB, and without it. A person's choice: no moment is named, so that neither is
/// ever the best.
fn around_exchange(survey: &Survey, judged: &Judged, loader: &Loader) -> Vec<Point> {
    let Some((swap, after)) = &judged.exchange else {
        return vec![];
    };
    let mut points: Vec<Point> = without("aof-without-swapdb", judged, loader, swap, after).into_iter().collect();
    if let Some(cut) = &swap.cut {
        let mut point = cut_point("aof-before-swapdb", survey, judged, loader, cut, false);
        point.as_of = None;
        point.why =
            format!("moment left open: whether it was one too many is a person's word; right before {}", swap.shown());
        let (preview, before) = (after.preview.clone(), swap.command.clone());
        let (commands_lost, keys_after) = (swap.commands_after, after.keys.clone());
        point.cut = Some(Cut { commands_lost, preview, before, keys_after, ..place(cut) });
        points.push(point);
    }
    points
}

/// The AOF with a flush left out and all that came after it kept; none where nothing did, or where it is not whole. Its
/// data never existed in this form, so it has no moment, and what it loses is not known: `--auto` never chooses it.
fn without(id: &str, judged: &Judged, loader: &Loader, accident: &Accident, after: &After) -> Option<Point> {
    let gaps = accident.gaps.clone().filter(|_| accident.commands_after > 0)?;
    let report = &judged.report;
    let bytes: u64 = gaps.iter().map(|gap| gap.bytes).sum();
    let mut point = blank(id, PointKind::AofCut, judged, report.bytes.saturating_sub(bytes));
    point.base_keys = report.base_keys;
    point.commands = Some(report.commands_after_base.saturating_sub(gaps.len() as u64));
    point.valid = Validity::Repairable;
    let because = loadable(&mut point, report, loader);
    let more = gaps.len().saturating_sub(1);
    let flushes = if more == 0 { String::new() } else { format!(" and {more} more such commands") };
    let kept = accident.commands_after.saturating_sub(more as u64);
    point.why = format!(
        "the AOF with {}{flushes} left out; the {kept} other commands after it are kept, and meet data that they never saw{because}",
        accident.command
    );
    point.cut = Some(Cut {
        file: accident.file.clone(),
        offset: accident.offset,
        bytes_lost: Bytes(bytes),
        before: accident.command.clone(),
        left_out: gaps,
        keys_after: after.keys.clone(),
        ..Cut::default()
    });
    Some(point)
}

/// The point of a moment that can't be reached: it can't be restored, and says why.
fn unreachable_moment(text: &str, judged: &Judged, because: &str) -> Point {
    let mut point = blank(&format!("aof-at:{text}"), PointKind::AofCut, judged, judged.report.bytes);
    point.valid = Validity::Damaged;
    point.loadable = crate::facts::Loadable::No;
    point.why = because.to_string();
    point.cut = Some(Cut { moment: text.to_string(), ..Cut::default() });
    point
}

/// The AOF up to the moment that was asked for.
pub(super) fn at_moment(survey: &Survey, judged: &Judged, loader: &Loader) -> Option<Point> {
    let (text, cut, preview) = judged.at.as_ref()?;
    let cut = match cut {
        Ok(cut) => cut,
        Err(because) => return Some(unreachable_moment(text, judged, because)),
    };
    let lost = cut.commands_lost_complete + cut.commands_in_later_files;
    let mut point = cut_point(&format!("aof-at:{text}"), survey, judged, loader, cut, lost == 0);
    // up to the second that was asked for nothing was written after the last timestamp
    if let Some(wanted) = text.strip_prefix("time:").and_then(|s| s.parse().ok()).and_then(Time::from_unix) {
        point.as_of = Some(wanted);
        point.why = format!("the moment asked for; cut at byte {} of {}", cut.offset, cut.file.escape_debug());
    }
    let (moment, preview) = (text.clone(), preview.clone());
    point.cut = Some(Cut { commands_lost: lost, preview, moment, ..place(cut) });
    Some(point)
}

/// Where a cut is, without what it costs.
pub(super) fn place(cut: &set::Cut) -> Cut {
    Cut {
        file: cut.file.clone(),
        offset: cut.offset,
        drop_files: cut.drop_files.clone(),
        bytes_lost: Bytes(cut.bytes_lost),
        ..Cut::default()
    }
}

/// The AOF cut short. `tail`: nothing that counts follows the cut, so that the file's own time is the moment of its data.
pub(super) fn cut_point(
    id: &str,
    survey: &Survey,
    judged: &Judged,
    loader: &Loader,
    cut: &set::Cut,
    tail: bool,
) -> Point {
    let report = &judged.report;
    let mut point = blank(id, PointKind::AofCut, judged, report.bytes.saturating_sub(cut.bytes_lost));
    let own_file = survey.aof_stats.iter().find(|(name, _)| *name == cut.file).map(|(_, stat)| Time(stat.mtime()));
    let (as_of, moment) = match (cut.ts_before.and_then(Time::from_unix), own_file) {
        (Some(moment), _) => (Some(moment), "moment from the last timestamp before the cut"),
        (None, Some(moment)) if tail => (Some(moment), "moment from the time of the file that is cut"),
        _ => (None, "moment not known: commands follow the cut and there are no timestamps"),
    };
    point.as_of = as_of;
    point.base_keys = report.base_keys;
    point.commands =
        Some(report.commands_after_base.saturating_sub(cut.commands_lost_complete + cut.commands_in_later_files));
    point.valid = Validity::Repairable;
    point.needs_rebuild = report.rebuilt.is_some();
    let because = loadable(&mut point, report, loader);
    point.why = format!("{moment}; cut at byte {} of {}{because}", cut.offset, cut.file.escape_debug());
    point
}
