//! May this server be started? Said before a start (`ExecStartPre=`), from the configuration, names and sizes alone:
//! no file is walked, no connection opened.
//!
//! It refuses a start that would come up with less than exists. Whatever it can't tell is a note and no refusal: a guard
//! that is itself in trouble must not keep a healthy server down, and a configuration that can't be read is the server's
//! own refusal to make.
mod ours;

use super::stored::{Paths, Survey, survey};
use super::{Target, binary, discover, settings};
use crate::facts::{ConfigState, Role, ServiceKind, WouldLoad};
use crate::finding::{Finding, Id};
use crate::host::Look;
use crate::points::{AofNames, would_load};
use crate::redis_conf::{Effective, Start};
use crate::service::held_path;
use crate::state::{DataSeen, State};
use ours::Ours;
use std::path::{Path, PathBuf};

/// What the guard says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Guarded {
    /// Why the server must not be started; empty when it may.
    pub refusals: Vec<Finding>,
    /// What could not be told, or is worth knowing.
    pub notes: Vec<String>,
}

impl Guarded {
    /// May it be started?
    #[must_use]
    pub fn may_start(&self) -> bool {
        self.refusals.is_empty()
    }

    fn refuse(&mut self, id: Id, title: impl Into<String>, evidence: Vec<String>) {
        self.refusals.push(id.found(title, evidence));
    }
}

/// Guards a start of this instance. With `accept` what is there now is taken for all there is, from now on.
#[must_use]
pub fn guard(look: Look, target: &Target, state: &State, accept: bool) -> Guarded {
    let mut said = Guarded::default();
    let Some((start, program)) = start_of(&look, target) else {
        said.notes.push("how it is started is not known: name its configuration file or its unit in the config".into());
        return said;
    };
    let version = binary::find(&look, target.bin_dir.as_deref(), program).and_then(|p| binary::version(&look, &p));
    let conf = settings::load(&look, &start, version.as_ref().map(binary::for_conf));
    let file = start.config_file.as_ref().map(|file| start.cwd.join(file));
    let major = version.as_ref().map(|v| i64::from(v.version.0));
    let config = settings::facts(&conf, file.as_deref(), major, version.as_ref().map(binary::for_conf));
    if config.state == Some(ConfigState::Invalid) || (config.state == Some(ConfigState::Missing) && file.is_some()) {
        let why = config.error.unwrap_or_else(|| "its configuration file is not there".into());
        said.notes.push(format!("the server will refuse its configuration: {why}"));
        return said;
    }
    let Some(paths) = Paths::of(&config) else { return said };
    let dir = look.real_path(&paths.dir).unwrap_or_else(|_| paths.dir.clone());
    match ours::look_for(&look, state, &target.name, &dir) {
        Ours::Starting => {
            said.notes.push("a run of redis-dr starts it".into());
            return said;
        }
        Ours::Unfinished(run) => said.refuse(Id::RunUnfinished, format!("the run {run} was not finished"), vec![]),
        Ours::Unreadable(because) => said.notes.push(because),
        Ours::None => {}
    }
    let held = held_path(&dir);
    if look.exists(&held) {
        let mark = look.read_text(&held, 4096).unwrap_or_default();
        let evidence = mark.lines().take(2).map(str::to_string).chain([format!("{} is there", held.display())]);
        said.refuse(Id::ServerHeld, "the instance is held", evidence.collect());
    }
    names(&look, target, state, accept, &paths, &mut said);
    said
}

/// How it would be started, and by which program: as its unit says, else with its configuration file alone.
/// The data directory of a start, from the configuration alone; `None` while that does not tell, or it is not there.
#[must_use]
pub fn data_dir(look: &Look, target: &Target) -> Option<PathBuf> {
    look.real_path(configuration(look, target)?.dir()).ok()
}

/// The configuration of a start; `None` while nothing says which file it is.
#[must_use]
pub fn configuration(look: &Look, target: &Target) -> Option<Effective> {
    let (start, _) = start_of(look, target)?;
    Some(settings::load(look, &start, None))
}

fn start_of(look: &Look, target: &Target) -> Option<(Start, Option<PathBuf>)> {
    let unit = target.unit.as_deref().and_then(|name| discover::start_of_unit(look, Path::new("/"), name));
    let file = target.config_file.clone().or_else(|| target.likely_config.clone());
    match (unit, file) {
        (Some((start, program)), None) => Some((start, program)),
        // The configured file counts; the unit adds its options where it names the same one.
        (Some((start, program)), Some(file)) if start.config_file.as_ref() == Some(&file) => Some((start, program)),
        (unit, Some(file)) => {
            let mut start = Start::with_file(&file);
            if target.service != ServiceKind::Systemd {
                start.cwd = file.parent().map_or_else(|| PathBuf::from("/"), Path::to_path_buf);
            }
            Some((start, unit.and_then(|(_, program)| program)))
        }
        (None, None) => None,
    }
}

/// Names and sizes: would it come up with less than exists?
fn names(look: &Look, target: &Target, state: &State, accept: bool, paths: &Paths, said: &mut Guarded) {
    let there = survey(look, paths);
    if let Some((path, error)) = there.errors.iter().find(|(p, e)| *p != paths.dir || !e.is_missing()) {
        said.notes.push(format!("{}: {error}", path.display()));
        return;
    }
    let starts = would_load(&paths.settings, &there.files);
    let bytes = size(&there, starts.loads);
    let seen = state.data_seen(&target.name);
    let listing = listing(paths, &there);
    let accepted = accept || seen.as_ref().is_some_and(|s| s.accepted.as_ref() == Some(&listing));
    if starts.loads == WouldLoad::Nothing && !accepted {
        come_up_empty(target, paths, &there, &starts.because, seen.as_ref(), look, said);
    }
    if starts.loads == WouldLoad::Refuse {
        said.notes.push(format!("the server will refuse to start: {}", starts.because));
    }
    if starts.loads == WouldLoad::Rdb
        && there.aof_written().is_some_and(|aof| there.rdb.is_some_and(|r| aof > r.mtime()))
    {
        said.notes
            .push("AOF is off, and AOF files that are newer than the snapshot are there and will not be read".into());
    }
    if accept || (said.may_start() && bytes > 0) {
        let now = DataSeen {
            dir: paths.dir.clone(),
            loads: starts.loads,
            bytes,
            at: look.now(),
            dev: look.stat(&paths.dir).map(|s| s.dev).unwrap_or(0),
            accepted: accept.then_some(listing),
        };
        if let Err(error) = state.see_data(&target.name, &now) {
            said.notes.push(format!("what is there could not be remembered: {error}"));
        }
    }
}

/// Bytes of what a start would load.
fn size(there: &Survey, loads: WouldLoad) -> u64 {
    match loads {
        WouldLoad::Rdb => there.files.rdb.unwrap_or(0),
        WouldLoad::Aof => there.aof_stats.iter().map(|(_, stat)| stat.size).sum(),
        WouldLoad::Nothing | WouldLoad::Refuse => 0,
    }
}

/// Settings, names and sizes as one word: a person's yes holds for these and no others.
fn listing(paths: &Paths, there: &Survey) -> String {
    let all = (&paths.dir, &paths.settings, &there.files, &there.other_rdb, &there.other_aof);
    blake3::hash(format!("{all:?}").as_bytes()).to_hex().to_string()
}

/// It would come up empty: is there, or was there, something?
fn come_up_empty(
    target: &Target,
    paths: &Paths,
    there: &Survey,
    because: &str,
    seen: Option<&DataSeen>,
    look: &Look,
    said: &mut Guarded,
) {
    let snapshot = there.files.rdb.filter(|size| *size > 0);
    let on = paths.settings.appendonly;
    let because = because.to_string();
    match there.files.aof(&paths.settings) {
        AofNames::PartsOnly(parts) if on => {
            let evidence = vec![because, format!("there are {}", parts.join(", "))];
            said.refuse(Id::FilesPartsWithoutManifest, "AOF parts are there that no manifest lists", evidence);
        }
        _ if on && snapshot.is_some() => {
            let evidence = vec![because, format!("{} has {} bytes", paths.rdb.display(), snapshot.unwrap_or(0))];
            said.refuse(Id::ConfigAofTrap, "a start now would come up empty although data exists", evidence);
        }
        _ if on && !there.other_aof.is_empty() => {
            let title = format!("no AOF named {} is there, but another is", paths.settings.appendfilename);
            said.refuse(Id::ConfigAofNameMismatch, title, there.other_aof.clone());
        }
        AofNames::Listed(_, bytes) | AofNames::Single(bytes) if !on && bytes > 0 => {
            let evidence = vec![because, format!("{} holds {bytes} bytes and AOF is off", paths.aof.display())];
            said.refuse(Id::FilesRdbMissing, "a start now would come up empty although an AOF exists", evidence);
        }
        _ if !there.other_rdb.is_empty() => {
            let title = format!("{} is not there, but another snapshot is", paths.settings.dbfilename);
            said.refuse(Id::ConfigRdbNameMismatch, title, there.other_rdb.clone());
        }
        _ => gone(target, paths, seen, look, said),
    }
}

/// Nothing is there. Was there something at an earlier start? A cache may forget.
fn gone(target: &Target, paths: &Paths, seen: Option<&DataSeen>, look: &Look, said: &mut Guarded) {
    let Some(seen) = seen.filter(|seen| seen.bytes > 0 && target.role == Role::Database) else {
        return;
    };
    let kind = if seen.loads == WouldLoad::Rdb { "a snapshot" } else { "an AOF" };
    let mut evidence = vec![format!("at {:.0} {} held {kind} of {} bytes", seen.at, seen.dir.display(), seen.bytes)];
    if look.stat(&paths.dir).is_ok_and(|now| now.dev != seen.dev) {
        evidence.push("another filesystem is there now: is the data's disk mounted?".into());
    }
    if !settings::same_path(look, &seen.dir.to_string_lossy(), &paths.dir.to_string_lossy()) {
        evidence.push(format!("the configuration names {} now", paths.dir.display()));
        said.refuse(Id::ConfigDirMismatch, "the configured directory is not the one that held the data", evidence);
        return;
    }
    let id = if paths.settings.appendonly { Id::FilesAofMissing } else { Id::FilesRdbMissing };
    said.refuse(id, "the data that was there is gone", evidence);
}
