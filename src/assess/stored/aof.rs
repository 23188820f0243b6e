//! The AOF: judged as a whole, as facts and as recovery points.
use super::cuts::{self, After};
use super::flush::{self, Accident};
use super::snapshot::{Loader, content};
use super::survey::{Paths, Survey};
use crate::aof::resp::{self, Until};
use crate::aof::set::{self, JudgeOptions, Layout, SetReport, SetState};
use crate::facts::{AofFacts, AofState, Bytes, Cut, Loadable, Point, PointKind, Time, Validity};
use crate::host::Look;
use crate::points::{AofNames, memory_needed};
use std::fmt::Write as _;
use std::io::Read;
use std::path::PathBuf;

/// Commands of a cut that are shown.
const PREVIEW: usize = 50;
/// Bytes of a cut that are looked at for that.
const WINDOW: u64 = 256 * 1024;

/// The AOF after all of it was read.
#[derive(Debug)]
pub struct Judged {
    /// What was found.
    pub report: SetReport,
    /// The directory of its files.
    pub dir: PathBuf,
    /// When its one file was made, of an AOF that is not kept in parts; unknown where the filesystem does not tell.
    pub born: Option<Time>,
    /// Commands that the cut removes, shortened.
    pub preview: Vec<String>,
    /// Flushes near its end that threw something away, each with what came after it.
    pub accidents: Vec<(Accident, After)>,
    /// The last SWAPDB near its end.
    pub exchange: Option<(Accident, After)>,
    /// The moment that was asked for, its cut or why there is none, and the first commands that it removes.
    pub at: Option<(String, Result<set::Cut, String>, Vec<String>)>,
}

/// Reads and judges the AOF; none where nothing of it is there.
#[must_use]
pub fn judge(look: &Look, paths: &Paths, survey: &Survey, now_ms: i64, moment: Option<&str>) -> Option<Judged> {
    let until: Option<Until> = moment.and_then(|text| text.parse().ok());
    let single = match survey.files.aof(&paths.settings) {
        AofNames::Missing => return None,
        AofNames::Single(_) => true,
        _ => false,
    };
    let (dir, layout) = if single {
        (paths.dir.clone(), Layout::Single { file: paths.settings.appendfilename.clone() })
    } else {
        let layout = Layout::Multi {
            appendfilename: paths.settings.appendfilename.clone(),
            manifest: survey.files.manifest.clone(),
            names: survey.files.aof_dir.clone(),
        };
        (paths.aof.clone(), layout)
    };
    let open = |name: &str| -> std::io::Result<(Box<dyn Read + Send>, u64)> {
        let path = dir.join(name);
        let as_io = |e: crate::host::HostError| {
            e.errno().map_or_else(|| std::io::Error::other(e.to_string()), std::io::Error::from_raw_os_error)
        };
        let file = look.open_to_walk(&path).map_err(as_io)?;
        let size = look.stat_open(&file, &path).map_err(as_io)?.size;
        Ok((Box::new(file.take(size)), size))
    };
    let report = set::judge(&layout, &open, &JudgeOptions { now_ms, until: until.as_ref(), ..JudgeOptions::default() });
    let lost = |cut: Option<&set::Cut>| cut.map(|c| preview(look, &dir, &c.file, c.offset)).unwrap_or_default();
    let preview = lost(report.cut.as_ref());
    let with_after = |a: Accident| {
        let after = After { preview: lost(a.cut.as_ref()), keys: cuts::keys_after(look, &dir, &report, &a) };
        (a, after)
    };
    let accidents = flush::accidents(&report).into_iter().map(with_after).collect();
    let exchange = flush::exchange(&report).map(with_after);
    let at = until.zip(moment).map(|(until, text)| {
        let cut = set::cut_at(&report, &until).map_err(|why| why.to_string());
        let lost = lost(cut.as_ref().ok());
        (text.to_string(), cut, lost)
    });
    let born = single.then(|| look.born(&paths.single_aof).map(Time)).flatten();
    Some(Judged { report, preview, accidents, exchange, at, dir, born })
}

/// Bytes at the end of an AOF that are searched for tags: written every minute, one is among them.
const TAGGED: u64 = 4 << 20;

/// Does the file that commands are appended to hold tags near its end?
#[must_use]
pub fn is_tagged(look: &Look, paths: &Paths, survey: &Survey) -> bool {
    let files = survey.aof_stats.iter().filter(|(name, _)| !name.ends_with(".manifest"));
    let Some((name, _)) = files.max_by_key(|(_, stat)| stat.mtime()) else {
        return false;
    };
    let single = *name == paths.settings.appendfilename;
    let path = if single { paths.dir.join(name) } else { paths.aof.join(name) };
    look.read_tail(&path, TAGGED).is_ok_and(|bytes| crate::aof::tag::is_in(&bytes))
}

/// The commands that a cut removes, as far as they can be read, each shortened.
fn preview(look: &Look, dir: &std::path::Path, file: &str, offset: u64) -> Vec<String> {
    let bytes = look.read_at(&dir.join(file), offset, WINDOW).unwrap_or_default();
    let Ok(lost) = resp::lost_commands(bytes.as_slice()) else {
        return vec![];
    };
    let rest = lost.rest.map(|rest| format!("… {rest}"));
    lost.shown.into_iter().chain(rest).take(PREVIEW).collect()
}

/// The state as a word, and what is wrong in words.
fn state(state: &SetState) -> (AofState, Option<String>) {
    let word = match state {
        SetState::Missing | SetState::ManifestMissing => AofState::Missing,
        SetState::Empty => AofState::Empty,
        SetState::Intact => AofState::Intact,
        SetState::Truncated | SetState::FirstCommandTorn => AofState::Truncated,
        SetState::TornTransaction => AofState::TornTransaction,
        SetState::ZeroPadded => AofState::ZeroPadded,
        SetState::Corrupt { .. } => AofState::Corrupt,
        SetState::NonLastTruncated { .. } => AofState::NonLastTruncated,
        SetState::BaseDamaged { .. } => AofState::BaseDamaged,
        SetState::FileMissing { .. } => AofState::FileMissing,
        SetState::ManifestBroken { .. } => AofState::ManifestBroken,
        SetState::PartsWithoutManifest => AofState::ManifestMissing,
        SetState::Unreadable { .. } => AofState::Unreadable,
        SetState::Unknown { .. } => AofState::Unchecked,
    };
    (word, state.because())
}

/// The facts of the AOF. `judged` is none where it was not walked.
#[must_use]
pub fn aof_facts(paths: &Paths, survey: &Survey, judged: Option<&Judged>) -> AofFacts {
    let names = survey.files.aof(&paths.settings);
    let path = if matches!(names, AofNames::Single(_)) { &paths.single_aof } else { &paths.aof };
    let mut facts = AofFacts { path: Some(path.to_string_lossy().into_owned()), ..AofFacts::default() };
    facts.modified_at = survey.aof_written().map(Time);
    facts.rebuildable = Some(false);
    if let Some(judged) = judged {
        let report = &judged.report;
        let (word, because) = state(&report.state);
        facts.state = Some(word);
        facts.because = because.map(|b| with_offset(b, report));
        facts.bytes = Some(Bytes(report.bytes));
        facts.base_keys = report.base_keys;
        facts.commands = Some(report.commands_after_base);
        facts.rebuildable = Some(report.rebuilt.is_some() && report.once_rebuilt == Some(SetState::Intact));
        facts.flush_near_end = Some(!judged.accidents.is_empty());
        return facts;
    }
    let unreadable = survey.errors.iter().find(|(p, _)| p.starts_with(path));
    (facts.state, facts.because) = match (unreadable, names) {
        (Some((_, error)), _) => (Some(AofState::Unreadable), Some(error.to_string())),
        (_, AofNames::Missing) => (Some(AofState::Missing), None),
        (_, AofNames::PartsOnly(_)) => (Some(AofState::ManifestMissing), Some("no manifest lists the parts".into())),
        (_, AofNames::Broken(because)) => (Some(AofState::ManifestBroken), Some(because)),
        (_, AofNames::FileMissing(name)) => {
            (Some(AofState::FileMissing), Some(format!("{} is not there", name.escape_debug())))
        }
        (_, AofNames::Listed(_, 0) | AofNames::Single(0)) => (Some(AofState::Empty), None),
        (_, AofNames::Listed(_, bytes) | AofNames::Single(bytes)) => {
            facts.bytes = Some(Bytes(bytes));
            (Some(AofState::Unchecked), None)
        }
    };
    if matches!(facts.state, Some(AofState::ManifestMissing | AofState::ManifestBroken)) {
        facts.rebuildable = None;
    }
    facts
}

fn with_offset(because: String, report: &SetReport) -> String {
    match &report.cut {
        Some(cut) if !because.contains("byte") => {
            format!("{because}; what comes before byte {} of {} is whole", cut.offset, cut.file.escape_debug())
        }
        _ => because,
    }
}

/// The recovery points of the AOF: whole, cut at its damage, or cut before a flush that ends it.
#[must_use]
pub fn aof_points(survey: &Survey, judged: &Judged, loader: &Loader, grows: bool) -> Vec<Point> {
    let report = &judged.report;
    let beneath = report.once_rebuilt.as_ref().unwrap_or(&report.state);
    let mut points = Vec::new();
    match beneath {
        SetState::Intact => points.push(whole(survey, judged, loader)),
        SetState::Missing | SetState::Empty | SetState::ManifestMissing => {}
        _ if report.cut.is_none() => points.push(whole(survey, judged, loader)),
        _ => {}
    }
    if let Some(cut) = &report.cut {
        points.push(at_damage(survey, judged, loader, cut, grows));
    }
    points.extend(cuts::before_flushes(survey, judged, loader));
    points.extend(cuts::at_moment(survey, judged, loader));
    points
}

fn whole(survey: &Survey, judged: &Judged, loader: &Loader) -> Point {
    let report = &judged.report;
    let beneath = report.once_rebuilt.as_ref().unwrap_or(&report.state);
    let intact = *beneath == SetState::Intact;
    let rebuilt = report.rebuilt.is_some();
    let (as_of, moment) = match report.last_ts.and_then(Time::from_unix) {
        Some(moment) => (Some(moment), "moment from its last timestamp"),
        None => (survey.aof_written().map(Time), "moment from the file's time"),
    };
    let mut point = blank("aof", PointKind::Aof, judged, report.bytes);
    point.as_of = as_of;
    point.keys = if intact && flush::ends_empty(report, 0) { Some(0) } else { report.keys.filter(|_| intact) };
    point.base_keys = report.base_keys;
    point.commands = Some(report.commands_after_base);
    point.valid = match (intact, rebuilt) {
        (true, false) => Validity::Intact,
        (true, true) => Validity::Repairable,
        _ if matches!(beneath, SetState::Unreadable { .. } | SetState::Unknown { .. }) => Validity::Unchecked,
        _ => Validity::Damaged,
    };
    point.needs_rebuild = rebuilt;
    let because = loadable(&mut point, report, loader);
    if point.valid == Validity::Damaged {
        point.loadable = Loadable::No;
    }
    let verdict = if intact { "walked and whole".to_string() } else { state(beneath).1.unwrap_or_default() };
    let manifest = if rebuilt { "; its manifest must be rebuilt" } else { "" };
    point.why = format!("{moment}; {verdict}{manifest}{because}");
    point
}

/// Did the AOF begin with no key although a snapshot or backup from before then holds some? Then a start came up empty, and
/// what that file holds is not in the AOF, however new it is; only a flush and a rewrite on purpose look the same.
#[must_use]
pub fn began_empty(judged: &Judged, others: &[Point]) -> Option<String> {
    let (began, most) = began(judged)?;
    let kept = |p: &Point| p.keys.map_or(0, |keys| keys.saturating_sub(p.keys_expired.unwrap_or(0)));
    let own = others.iter().filter(|p| matches!(p.kind, PointKind::Rdb | PointKind::Backup) && kept(p) > most);
    let fuller = own.filter(|p| p.as_of.is_some_and(|at| at < began)).max_by_key(|p| p.as_of)?;
    let (keys, of) = (kept(fuller), fuller.as_of?);
    Some(format!("it began with no key at {began}, although {}, of {of}, holds {keys}", fuller.id))
}

/// When an AOF began with no key, and how many keys it can tell of in spite of that.
///
/// In parts it has an empty base, which says when. One file (before 7.0) has none until it is rewritten: it was made when
/// the server first wrote to it. A copy of such a file is younger than what it tells, so one with as many commands as the
/// snapshot has keys is believed to hold them.
fn began(judged: &Judged) -> Option<(Time, u64)> {
    let first = judged.report.files.first()?;
    match (&first.rdb, judged.report.kind) {
        (Some(base), _) if base.is_intact() && base.keys == 0 => {
            Some((base.ctime().filter(|t| *t > 0).and_then(Time::from_unix)?, 0))
        }
        (None, set::SetKind::Single) => Some((judged.born?, judged.report.commands_after_base)),
        _ => None,
    }
}

/// The AOF up to its damage.
fn at_damage(survey: &Survey, judged: &Judged, loader: &Loader, cut: &set::Cut, grows: bool) -> Point {
    let tail =
        (cut.commands_after_damage.commands == 0 && cut.commands_lost_complete <= 1) || cut.lost_is_only_incomplete;
    let mut point = cuts::cut_point("aof-cut", survey, judged, loader, cut, tail);
    let after = cut.commands_after_damage.commands;
    if after > 0 {
        let _ = write!(point.why, "; {after} commands are readable after the damage and are lost");
    }
    if cut.commands_in_later_files > 0 {
        let _ = write!(point.why, "; {} commands in later files are lost", cut.commands_in_later_files);
    }
    let lost = cut.commands_lost_complete + cut.commands_in_later_files;
    if flush::ends_empty(&judged.report, lost) {
        point.keys = Some(0);
    }
    point.cut = Some(Cut {
        commands_lost: lost + after,
        commands_after_damage: after,
        only_incomplete: cut.lost_is_only_incomplete,
        preview: judged.preview.clone(),
        may_come_later: grows,
        ..cuts::place(cut)
    });
    point
}

/// Judges whether the server would load it, by its base; gives the reason as an addition to `why`.
pub(super) fn loadable(point: &mut Point, report: &SetReport, loader: &Loader) -> String {
    let base = report.files.first().and_then(|f| f.rdb.as_ref());
    let Some(base) = base else {
        // Commands alone: any server reads them.
        point.loadable = Loadable::Yes;
        point.memory_needed = memory_needed(None, point);
        return String::new();
    };
    point.content = Some(content(base));
    let tail = report.bytes.saturating_sub(base.bytes);
    point.memory_needed = memory_needed(base.memory_hint.map(|used| used.saturating_add(tail)), point);
    let unbounded = Loader { evicts_beyond: None, ..loader.clone() };
    let (loadable, because) = unbounded.judge(base, None);
    point.loadable = loadable;
    because.map(|b| format!("; {b}")).unwrap_or_default()
}

pub(super) fn blank(id: &str, kind: PointKind, judged: &Judged, bytes: u64) -> Point {
    let single = judged.report.kind == set::SetKind::Single;
    let name = judged.report.files.first().filter(|_| single).map(|f| f.name.clone());
    let path = name.map_or_else(|| judged.dir.clone(), |name| judged.dir.join(name)).to_string_lossy().into_owned();
    Point { source: path.clone(), bytes: Some(Bytes(bytes)), path: Some(path), ..unwalked(id, kind) }
}

/// The AOF as a point while it was not walked.
#[must_use]
pub fn unchecked_aof(facts: &AofFacts) -> Option<Point> {
    let bytes = facts.bytes.filter(|b| b.0 > 0 && facts.state == Some(AofState::Unchecked))?;
    let path = facts.path.clone()?;
    Some(Point {
        as_of: facts.modified_at,
        bytes: Some(bytes),
        why: "moment from the file's time; not walked".into(),
        source: path.clone(),
        path: Some(path),
        ..unwalked("aof", PointKind::Aof)
    })
}

fn unwalked(id: &str, kind: PointKind) -> Point {
    Point {
        id: id.to_string(),
        kind,
        source: String::new(),
        as_of: None,
        loss_seconds: None,
        keys: None,
        keys_expired: None,
        base_keys: None,
        commands: None,
        bytes: None,
        valid: Validity::Unchecked,
        loadable: Loadable::Unknown,
        recover_seconds: None,
        why: String::new(),
        memory_needed: None,
        loss_upper: None,
        path: None,
        compression: None,
        cut: None,
        content: None,
        needs_rebuild: false,
    }
}
