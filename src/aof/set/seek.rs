//! Places where a set can be made to end: at a moment, a tag, an offset; found by a witness of the walk.
use super::cut::{Cut, cut_at_boundary};
use super::{SetReport, edit};
use crate::aof::resp::Boundary;
use crate::aof::{Shown, Witness, tag};
use crate::rdb::KeyMeta;

/// Where a set is to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// Before its last FLUSHALL or FLUSHDB; of several with nothing between them before the first.
    BeforeFlush,
    /// After the last command of this second, unix time.
    Second(i64),
    /// At the last safe boundary up to this offset.
    Offset {
        /// The file; none: the only one with commands.
        file: Option<String>,
        /// The offset in it.
        offset: u64,
    },
    /// Right after the last tag of this name; before its transaction where it is in one.
    Tag(String),
}

/// Looks for a moment while the set is walked.
#[derive(Debug)]
pub struct Seeker {
    wanted: Moment,
    file: String,
    found: Option<(String, Boundary)>,
    /// The search is over: a later moment was met.
    passed: bool,
}

/// Why there is no such place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoMoment {
    /// No flush is in it.
    #[error("no FLUSHALL and no FLUSHDB is in it")]
    NoFlush,
    /// Nothing in it tells the time.
    #[error("it holds no timestamps")]
    NoTimestamps,
    /// It begins later.
    #[error("nothing in it is from before that moment: its first timestamp is {0}, unix time")]
    TooEarly(i64),
    /// All of it is from before.
    #[error("all of it is from before that moment: its last timestamp is {0}, unix time")]
    TooLate(i64),
    /// No tag of this name.
    #[error("no tag of this name is in it")]
    NoTag,
    /// More than one file has commands, and an offset counts in one.
    #[error("an offset counts within one file, and it has {0} of them with commands")]
    WhichFile(usize),
    /// No such file, or the offset lies before its first boundary or behind its end.
    #[error("no file of it has a safe boundary there")]
    NoBoundary,
    /// What would stay is damaged.
    #[error("it is damaged before that place")]
    Damaged,
}

impl Seeker {
    /// Begins a search.
    #[must_use]
    pub fn new(wanted: Moment) -> Self {
        Self { wanted, file: String::new(), found: None, passed: false }
    }

    /// The cut that makes the walked set end there.
    ///
    /// # Errors
    /// There is no such place, or what would stay is damaged.
    pub fn cut(self, report: &SetReport) -> Result<Cut, NoMoment> {
        let (file, boundary) = match &self.wanted {
            Moment::BeforeFlush => before_flush(report).ok_or(NoMoment::NoFlush)?,
            Moment::Tag(_) => self.found.ok_or(NoMoment::NoTag)?,
            Moment::Second(second) => {
                let (Some(first), Some(last)) = (report.first_ts, report.last_ts) else {
                    return Err(NoMoment::NoTimestamps);
                };
                if !self.passed {
                    return Err(NoMoment::TooLate(last));
                }
                if *second < first {
                    return Err(NoMoment::TooEarly(first));
                }
                self.found.ok_or(NoMoment::TooEarly(first))?
            }
            Moment::Offset { file, offset } => at_offset(report, file.as_deref(), *offset, self.found)?,
        };
        cut_at_boundary(report, &file, boundary).ok_or(NoMoment::Damaged)
    }
}

fn before_flush(report: &SetReport) -> Option<(String, Boundary)> {
    let mut flushes =
        report.flushes.iter().rev().filter(|f| !f.flush.command.to_ascii_lowercase().starts_with("swapdb"));
    let mut wanted = flushes.next()?;
    for earlier in flushes {
        if earlier.commands_after != wanted.commands_after + 1 {
            break;
        }
        wanted = earlier;
    }
    let flush = &wanted.flush;
    Some((wanted.file.clone(), Boundary { offset: flush.cut, writes: flush.commands_before, ts: flush.ts_before }))
}

fn at_offset(
    report: &SetReport,
    file: Option<&str>,
    offset: u64,
    found: Option<(String, Boundary)>,
) -> Result<(String, Boundary), NoMoment> {
    let with_commands: Vec<_> = report.files.iter().filter(|f| f.commands.is_some()).collect();
    let meant = match (file, with_commands.as_slice()) {
        (Some(name), all) => all.iter().find(|f| f.name == name).ok_or(NoMoment::NoBoundary)?,
        (None, [only]) => only,
        (None, all) => return Err(NoMoment::WhichFile(all.len())),
    };
    let commands = meant.commands.as_ref().ok_or(NoMoment::NoBoundary)?;
    let end = Boundary { offset: commands.safe_cut, writes: commands.safe_cut_writes, ts: commands.ts_before_cut };
    if offset > commands.start + commands.bytes || offset < commands.start {
        return Err(NoMoment::NoBoundary);
    }
    if end.offset <= offset {
        return Ok((meant.name.clone(), end));
    }
    found.filter(|(name, _)| *name == meant.name).ok_or(NoMoment::NoBoundary)
}

impl Witness for Seeker {
    fn file(&mut self, name: &str) {
        name.clone_into(&mut self.file);
    }

    fn key(&mut self, _: &KeyMeta<'_>) {}

    fn command(&mut self, command: &Shown<'_>) {
        let found = match &self.wanted {
            Moment::BeforeFlush => None,
            Moment::Second(second) if !self.passed && command.ts.is_some_and(|ts| ts > *second) => {
                self.passed = true;
                Some(command.before)
            }
            Moment::Second(_) => None,
            Moment::Offset { file, offset } => {
                let here = file.as_ref().is_none_or(|file| *file == self.file);
                (here && command.before.offset <= *offset).then_some(command.before)
            }
            Moment::Tag(name) => {
                let mut words = command.words();
                let verb = words.next().unwrap_or_default().to_ascii_lowercase();
                let is = words.next().and_then(|key| tag::name(&verb, key)).is_some_and(|tag| tag == *name);
                let after = Boundary { offset: command.end, writes: command.before.writes + 1, ts: command.ts };
                is.then_some(if command.in_multi { command.before } else { after })
            }
        };
        if let Some(boundary) = found {
            self.found = Some((self.file.clone(), boundary));
        }
    }
}

/// Commands that a cut takes away, in its file and all later ones.
#[must_use]
pub fn commands_lost(report: &SetReport, cut: &Cut) -> u64 {
    let later: u64 = edit::files_after(report, &cut.file).filter_map(|f| f.commands.as_ref()).map(|c| c.writes).sum();
    cut.commands_lost_complete + later
}
