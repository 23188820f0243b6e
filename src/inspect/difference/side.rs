//! One side of a comparison: which bytes hold its keys, and the records made of them.
use super::Asked;
use super::document::Side;
use super::names::{Names, Roll};
use super::record::{BYTES, Record};
use crate::aof::set::{self, JudgeOptions, Layout, SetState};
use crate::facts::{Time, Validity};
use crate::host::{Look, OwnFiles, shown};
use crate::inspect::document::Kind;
use crate::inspect::spill::{Disk, Spill};
use crate::inspect::subject::{self, Subject};
use crate::inspect::{InspectError, aof, snapshot};
use crate::rdb::{self, KeyMeta, Meaning, Met, Report, Secret, Stored, Verdict, WalkOptions};
use crate::sandbox::{self, AofFiles, Loads, PrivateLoad, PrivateSnapshot};
use crate::{service, store};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Libraries told apart; a server has a handful.
const LIBRARIES: usize = 10_000;
/// Bytes of records that are kept in memory, of each side: a small comparison needs no disk.
const KEPT: usize = 12 << 20;
/// Databases of a private server.
const DATABASES: u32 = 1000;
/// How long a private load may take.
const LOAD: Duration = Duration::from_secs(6 * 3600);

/// Where the keys of a side are.
pub(super) struct Source {
    pub(super) side: Side,
    /// The RDB that has them all; none: there are none, or they can't be had.
    rdb: Option<PathBuf>,
    /// Commands may follow it, and be none.
    preamble: bool,
    /// That file, where a private server made it: it goes with this.
    _made: Option<PrivateSnapshot>,
}

/// What records are made with.
#[derive(Clone, Copy)]
pub(super) struct Means<'d> {
    /// Where they go that don't fit into memory.
    pub(super) disk: &'d dyn Disk,
    /// What their digests are keyed with; the same for both sides.
    pub(super) secret: &'d Secret,
    /// Into how many buckets they are sorted; the same for both sides.
    pub(super) buckets: usize,
}

/// Records of all keys of a side.
pub(super) struct Scanned<'a> {
    pub(super) records: Spill<'a, BYTES>,
    pub(super) keys: u64,
    /// Digest of the code by name.
    pub(super) libraries: BTreeMap<Box<[u8]>, blake3::Hash>,
    pub(super) report: Option<Report>,
}

/// Finds out where the keys of a path are, and makes records of them.
///
/// # Errors
/// It can't be read, is no data, or commands follow its base.
pub(super) fn scanned<'d>(
    look: &Look,
    path: &Path,
    asked: &Asked<'_>,
    means: &Means<'d>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(Source, Scanned<'d>), InspectError> {
    let (mut source, file) = match subject::of(look, path)? {
        Subject::Snapshot { path: file } => (Source::of(look, path, Kind::Rdb, Some(file.clone()), false), Some(file)),
        Subject::Aof { dir, layout } => (of_aof(look, path, &dir, &layout, asked)?, None),
        Subject::Config { path } => {
            return Err(InspectError::NoKeys { path: shown(&path), because: "it is a configuration".into() });
        }
        Subject::Nothing { path, kind, because } => (Source::of(look, &path, kind, None, false).damaged(because), None),
    };
    let found = source.scan(look, asked, means, progress)?;
    // What begins like an RDB may be an AOF with an RDB in front; only its end tells.
    let behind = found.report.as_ref().filter(|report| report.trailing).map(|report| report.bytes);
    if let (Some(file), Some(offset)) = (file, behind)
        && snapshot::commands_follow(look, &file, offset)?
    {
        let (dir, name) = (file.parent().unwrap_or(Path::new("")), file.file_name().unwrap_or_default());
        let layout = Layout::Single { file: name.to_string_lossy().into_owned() };
        let mut source = of_aof(look, path, dir, &layout, asked)?;
        let found = source.scan(look, asked, means, progress)?;
        return Ok((source, found));
    }
    Ok((source, found))
}

fn of_aof(look: &Look, path: &Path, dir: &Path, layout: &Layout, asked: &Asked<'_>) -> Result<Source, InspectError> {
    let open = |name: &str| aof::opened(look, &dir.join(name));
    let judging = JudgeOptions { now_ms: asked.now_ms(), ..JudgeOptions::default() };
    let report = set::judge(layout, &open, &judging);
    if let SetState::Unreadable { name, because } = &report.state {
        return Err(InspectError::Unreadable { path: shown(&dir.join(name)), because: because.clone() });
    }
    let kind = if matches!(layout, Layout::Single { .. }) { Kind::Aof } else { Kind::AofSet };
    let (valid, because) = aof::valid(layout, &report);
    if valid != Validity::Intact {
        let because = because.unwrap_or_default();
        let cut = "none of its keys was compared; redis-dr aof cut makes a copy that ends before the damage";
        return Ok(Source::of(look, path, kind, None, false).damaged(format!("{because}; {cut}")));
    }
    let commands: u64 = report.files.iter().filter_map(|file| file.commands.as_ref()).map(|c| c.writes).sum();
    if commands > 0 {
        let sizes = report.files.iter().filter_map(|file| Some((file.name.clone(), file.bytes?))).collect();
        let files = AofFiles { dir, layout, sizes: &sizes };
        let source = Source::of(look, path, kind, None, false);
        return load(look, &files, asked)
            .map(|made| source.loaded(made))
            .map_err(|because| InspectError::NeedsServer { path: shown(path), commands, because });
    }
    let base = report.files.first().filter(|file| file.rdb.is_some()).map(|file| dir.join(&file.name));
    Ok(Source::of(look, path, kind, base, true))
}

/// What commands make of their base only a server knows: a private one loads a copy of the files, and saves.
fn load(look: &Look, files: &AofFiles<'_>, asked: &Asked<'_>) -> Result<(PrivateSnapshot, String), String> {
    let program = service::find_program(look, asked.bin_dir).map_err(|e| format!("{e}; {}", e.hint()))?;
    let version = program.version.ok_or_else(|| format!("{} does not tell its version", shown(&program.path)))?;
    // A server started by root would do as root whatever the file says.
    let owner = look.stat(files.dir).map_err(|e| e.to_string())?.uid;
    let user = if look.is_root() && owner != 0 { look.user_by_id(owner).map_err(|e| e.to_string())? } else { None };
    let name = match files.layout {
        Layout::Single { file } => file.clone(),
        Layout::Multi { appendfilename, .. } => appendfilename.clone(),
    };
    let server = format!("{} {version}", shown(&program.path));
    let private = PrivateLoad {
        program: program.path,
        version,
        // More than anybody has: with fewer, keys of the highest would go elsewhere.
        lines: vec![format!("databases {DATABASES}")],
        loads: Loads::Aof(name),
        user,
        launcher: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe")),
        timeout: LOAD,
    };
    let own = OwnFiles::open(&asked.scratch.join(format!("redis-dr-{}", look.uid()))).map_err(|e| e.to_string())?;
    (asked.told)("load into a private server", 0, None);
    let made = sandbox::snapshot_of(look, own, files, &private, asked.interrupted)?;
    Ok((made, server))
}

impl Source {
    fn loaded(mut self, (made, server): (PrivateSnapshot, String)) -> Self {
        self.rdb = Some(made.path());
        self.side.loaded_by = Some(server);
        self._made = Some(made);
        self
    }

    fn of(look: &Look, path: &Path, kind: Kind, rdb: Option<PathBuf>, preamble: bool) -> Self {
        let side = Side {
            path: shown(path),
            kind,
            modified_at: look.stat(path).ok().map(|stat| Time(stat.mtime())),
            written_by: None,
            written_at: None,
            keys: 0,
            valid: Validity::Intact,
            because: None,
            loaded_by: None,
        };
        Source { side, rdb, preamble, _made: None }
    }

    fn damaged(mut self, because: String) -> Self {
        (self.side.valid, self.side.because) = (Validity::Damaged, Some(because));
        self
    }

    /// Makes records of all keys, sorted into buckets.
    ///
    /// # Errors
    /// It can't be read; the disk is full.
    fn scan<'d>(
        &mut self,
        look: &Look,
        asked: &Asked<'_>,
        means: &Means<'d>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Scanned<'d>, InspectError> {
        let mut scanned =
            Scanned { records: Spill::new(means.disk, KEPT), keys: 0, libraries: BTreeMap::new(), report: None };
        let Some(path) = self.rdb.clone() else { return Ok(scanned) };
        let (now_ms, mut scratch, mut number, mut failed) = (asked.now_ms(), Vec::new(), 0, None);
        let opened = store::open(look, &path)?;
        let hint = opened.len_hint();
        let visit = &mut |met: Stored<'_>| {
            match met {
                Stored::Library(code) => scanned.library(code),
                Stored::Key(key, stored) => {
                    if asked.wants(key.key) {
                        let digest = key.digest(means.secret, &mut scratch);
                        let stored = Meaning::from_bytes(stored.to_le_bytes());
                        let record = Record::of(key, digest, stored, number, now_ms);
                        scanned.keys += 1;
                        failed = scanned.records.put(record.bucket(means.buckets), &record.to_bytes()).err();
                    }
                    number += 1;
                }
            }
            if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let walking = self.walking(now_ms);
        let report = rdb::walk_stored(opened, hint, &walking, means.secret, progress, visit);
        if let Some(error) = failed {
            return Err(InspectError::Scratch { because: error.to_string() });
        }
        self.judge(&report, &path)?;
        self.side.keys = scanned.keys;
        scanned.report = Some(report);
        Ok(scanned)
    }

    /// Reads the keys once more that a roll names, and makes records of what their values mean.
    ///
    /// # Errors
    /// It can't be read; the disk is full, or fails.
    pub(super) fn meanings<'d>(
        &self,
        look: &Look,
        roll: Roll<'_, '_>,
        now_ms: i64,
        means: &Means<'d>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Spill<'d, BYTES>, InspectError> {
        let mut records = Spill::new(means.disk, KEPT);
        let Some(path) = &self.rdb else { return Ok(records) };
        let (roll, mut scratch, mut failed) = (RefCell::new(roll), Vec::new(), None);
        let opened = store::open(look, path)?;
        let (hint, walking) = (opened.len_hint(), self.walking(now_ms));
        let visit = &mut |met: Met<'_>| {
            if let Met::Key(key, meaning) = met {
                let digest = key.digest(means.secret, &mut scratch);
                let record = Record::of(key, digest, meaning, roll.borrow().last(), now_ms);
                failed = records.put(record.bucket(means.buckets), &record.to_bytes()).err();
            }
            if failed.is_some() { ControlFlow::Break(()) } else { roll.borrow().on() }
        };
        let wants = &mut || roll.borrow_mut().next().is_some();
        let report = rdb::walk_some_meanings(opened, hint, &walking, means.secret, progress, wants, visit);
        match (failed.or(roll.into_inner().failed), report.verdict) {
            (Some(error), _) => Err(InspectError::Scratch { because: error.to_string() }),
            (None, Verdict::Unreadable { because }) => Err(InspectError::Unreadable { path: shown(path), because }),
            (None, _) => Ok(records),
        }
    }

    fn walking(&self, now_ms: i64) -> WalkOptions {
        WalkOptions { now_ms, stop_at_eof_opcode: self.preamble, ..WalkOptions::default() }
    }

    fn judge(&mut self, report: &Report, path: &Path) -> Result<(), InspectError> {
        if let Verdict::Unreadable { because } = &report.verdict {
            return Err(InspectError::Unreadable { path: shown(path), because: because.clone() });
        }
        let (valid, because) = snapshot::valid(report);
        (self.side.valid, self.side.because) = (valid, because);
        self.side.written_by = report.writer().map(str::to_owned);
        self.side.written_at = report.ctime().and_then(Time::from_unix);
        Ok(())
    }

    /// Reads the keys once more, for the names of those that differ.
    ///
    /// # Errors
    /// It can't be read; the disk fails.
    pub(super) fn names(
        &self,
        look: &Look,
        mut roll: Roll<'_, '_>,
        names: &mut Names,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), InspectError> {
        let Some(path) = &self.rdb else { return Ok(()) };
        let opened = store::open(look, path)?;
        let hint = opened.len_hint();
        let visit = &mut |key: &KeyMeta<'_>| roll.call(key, names);
        let report = rdb::walk_keys(opened, hint, &self.walking(0), progress, visit);
        match (roll.failed, report.verdict) {
            (Some(error), _) => Err(InspectError::Scratch { because: error.to_string() }),
            (None, Verdict::Unreadable { because }) => Err(InspectError::Unreadable { path: shown(path), because }),
            (None, _) => Ok(()),
        }
    }
}

impl<'d> Scanned<'d> {
    /// The records, which are not needed any more once they were compared.
    pub(super) fn take_records(&mut self, disk: &'d dyn Disk) -> Spill<'d, BYTES> {
        std::mem::replace(&mut self.records, Spill::new(disk, 0))
    }

    fn library(&mut self, code: &[u8]) {
        if self.libraries.len() < LIBRARIES {
            self.libraries.insert(library_name(code).into(), blake3::hash(code));
        }
    }
}

/// The name in the first line of a library: `#!lua name=mylib`.
fn library_name(code: &[u8]) -> &[u8] {
    let line = code.split(|b| *b == b'\n').next().unwrap_or_default();
    let at = memchr::memmem::find(line, b"name=").map_or(0, |at| at + 5);
    line.get(at..).unwrap_or(line).split(|b| b.is_ascii_whitespace()).next().unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_known_by_its_name() {
        assert_eq!(library_name(b"#!lua name=mylib\nredis.register"), b"mylib");
        assert_eq!(library_name(b"#!lua  name=a b\n"), b"a");
        assert_eq!(library_name(b"no header"), b"no");
    }
}
