//! What the files hold that a server loads: one walk, in bounded memory, before, beside or after the load.
use crate::aof::set::{self, JudgeOptions, Layout, SetReport, SetState};
use crate::aof::{Decided, KeyNotes};
use crate::host::{Look, Stat};
use crate::rdb;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Largest manifest read, in bytes.
const MANIFEST: u64 = 1 << 20;

/// Where a server's data files are.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The snapshot.
    pub rdb: &'a Path,
    /// The AOF's directory where it is kept in parts, else its file.
    pub aof: &'a Path,
    /// `appendfilename`.
    pub aof_name: &'a str,
    /// Is the AOF kept in parts (7.0 and newer)?
    pub multi_part: bool,
}

/// The files that a start loads, with their sizes at the moment they were looked at: what is appended later is left out.
#[derive(Debug, Clone)]
pub enum Loads {
    /// A snapshot.
    Snapshot(PathBuf),
    /// An AOF.
    Aof {
        /// The directory of its files.
        dir: PathBuf,
        /// How they lie there.
        layout: Layout,
        /// Bytes of each.
        sizes: BTreeMap<String, u64>,
    },
}

impl Loads {
    /// Looks at names and sizes; reads the manifest and nothing else.
    #[must_use]
    pub fn of(look: &Look, places: &Places<'_>, appendonly: bool) -> Self {
        if !appendonly {
            return Self::Snapshot(places.rdb.to_path_buf());
        }
        let above = || places.aof.parent().unwrap_or(places.aof).to_path_buf();
        let listed = |dir: &Path| -> BTreeMap<String, u64> {
            let entries = look.list(dir).unwrap_or_default();
            entries.into_iter().map(|e| (e.name.to_string_lossy().into_owned(), e.stat.size)).collect()
        };
        let manifest = || look.read(&places.aof.join(format!("{}.manifest", places.aof_name)), MANIFEST).ok();
        // parts, unless a server of 7.0 or newer has yet to make them from an older server's file
        if places.multi_part && (look.exists(places.aof) || !look.exists(&above().join(places.aof_name))) {
            let (manifest, sizes) = (manifest(), listed(places.aof));
            let names = sizes.iter().map(|(name, size)| (name.clone(), *size)).collect();
            let layout = Layout::Multi { appendfilename: places.aof_name.to_owned(), manifest, names };
            return Self::Aof { dir: places.aof.to_path_buf(), layout, sizes };
        }
        let dir = above();
        let sizes = listed(&dir).into_iter().filter(|(name, _)| name == places.aof_name).collect();
        Self::Aof { dir, layout: Layout::Single { file: places.aof_name.to_owned() }, sizes }
    }
}

/// What one walk found.
#[derive(Debug)]
pub struct Holdings {
    what: What,
    notes: KeyNotes,
    /// The last file of an AOF, to which the server appends, and its bytes that were walked.
    last: Option<(PathBuf, u64)>,
    /// The files as they were when they were opened.
    files: Vec<(PathBuf, Stat)>,
}

#[derive(Debug)]
enum What {
    Snapshot(Box<rdb::Report>),
    Aof(Box<SetReport>),
}

impl Holdings {
    /// Walks a snapshot, uncompressed; `now_ms` is the moment against which expiries are judged.
    pub fn of_snapshot(reader: impl Read + Send, len_hint: Option<u64>, now_ms: i64) -> Self {
        let mut notes = KeyNotes::new(now_ms);
        let options = rdb::WalkOptions { now_ms, ..rdb::WalkOptions::default() };
        let report = rdb::walk_keys(reader, len_hint, &options, &|_| {}, &mut |key| {
            notes.base_key(key);
            ControlFlow::Continue(())
        });
        Self { what: What::Snapshot(Box::new(report)), notes, last: None, files: Vec::new() }
    }

    /// Walks the files that a start loads; `stopped` ends it early.
    ///
    /// # Errors
    /// A snapshot that can't be opened. Damage is found by [`Holdings::damage`].
    pub fn of_files(look: &Look, loads: &Loads, now_ms: i64, stopped: &Arc<AtomicBool>) -> io::Result<Self> {
        match loads {
            Loads::Snapshot(path) => {
                let (file, stat) = open(look, path)?;
                let until = Until { reader: file, stopped: stopped.clone() };
                let files = vec![(path.clone(), stat)];
                Ok(Self { files, ..Self::of_snapshot(until, Some(stat.size), now_ms) })
            }
            Loads::Aof { dir, layout, sizes } => {
                let notes = RefCell::new(KeyNotes::new(now_ms));
                let options = JudgeOptions { now_ms, witness: Some(&notes), ..JudgeOptions::default() };
                // opened before the walk: the server may move an older server's file
                let (opened, mut files) = (RefCell::new(BTreeMap::new()), Vec::new());
                for name in sizes.keys() {
                    if let Ok((file, stat)) = open(look, &dir.join(name)) {
                        opened.borrow_mut().insert(name.clone(), file);
                        files.push((dir.join(name), stat));
                    }
                }
                let reopen = |name: &str| -> io::Result<(Box<dyn Read + Send>, u64)> {
                    let file = match opened.borrow_mut().remove(name) {
                        Some(file) => file,
                        None => open(look, &dir.join(name))?.0,
                    };
                    let size = sizes.get(name).copied().unwrap_or(0);
                    Ok((Box::new(Until { reader: file.take(size), stopped: stopped.clone() }), size))
                };
                let report = set::judge(layout, &reopen, &options);
                let last = report.files.last().filter(|f| f.rdb.is_none() || report.files.len() == 1);
                let last = last.map(|f| (dir.join(&f.name), f.bytes.unwrap_or(0)));
                Ok(Self { what: What::Aof(Box::new(report)), notes: notes.into_inner(), last, files })
            }
        }
    }

    /// Why the files are not what a server should load, if so.
    #[must_use]
    pub fn damage(&self) -> Option<String> {
        match &self.what {
            What::Snapshot(report) if report.is_intact() => None,
            What::Snapshot(report) => Some(report.verdict.to_string()),
            What::Aof(report) => match &report.state {
                SetState::Intact | SetState::Empty => None,
                state => Some(format!("the AOF is not whole: {state:?}")),
            },
        }
    }

    /// Is it an AOF?
    #[must_use]
    pub fn is_aof(&self) -> bool {
        matches!(self.what, What::Aof(_))
    }

    /// The snapshot, or the snapshot that an AOF has as its base.
    #[must_use]
    pub fn base(&self) -> Option<&rdb::Report> {
        match &self.what {
            What::Snapshot(report) => Some(report),
            What::Aof(report) => report.files.first()?.rdb.as_ref(),
        }
    }

    /// Commands after the base, without MULTI, EXEC and SELECT.
    #[must_use]
    pub fn commands(&self) -> u64 {
        match &self.what {
            What::Snapshot(_) => 0,
            What::Aof(report) => report.commands_after_base,
        }
    }

    /// Bytes that were walked.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match &self.what {
            What::Snapshot(report) => report.bytes,
            What::Aof(report) => report.bytes,
        }
    }

    /// Bytes of the first file of an AOF, where that is its base.
    pub(super) fn base_bytes(&self) -> Option<u64> {
        match &self.what {
            What::Snapshot(_) => None,
            What::Aof(report) => report.files.first().filter(|f| f.kind != set::FileKind::Incr)?.bytes,
        }
    }

    /// The file that is the snapshot, or the base of an AOF; none where an AOF has no base, or the bytes came from no file.
    #[must_use]
    pub fn base_file(&self) -> Option<&Path> {
        let is_base = |path: &Path| match &self.what {
            What::Snapshot(_) => true,
            What::Aof(report) => report
                .files
                .first()
                .is_some_and(|first| first.rdb.is_some() && path.file_name().is_some_and(|name| *name == *first.name)),
        };
        self.files.iter().map(|(path, _)| path.as_path()).find(|path| is_base(path))
    }

    /// A file that was walked has been exchanged for a copy of it, made while it stayed as it was.
    pub fn same_bytes(&mut self, path: &Path, was: &Stat, now: Stat) {
        for (known, stat) in &mut self.files {
            if known == path && stat.same_inode(was) && stat.size == was.size && stat.mtime_ns == was.mtime_ns {
                *stat = now;
            }
        }
    }

    /// Are these files still there, unchanged but for what was appended to the last, and no others to be loaded?
    pub(super) fn unchanged(&self, look: &Look, loads: &Loads) -> bool {
        let appended = |path: &Path| self.last.as_ref().is_some_and(|(last, _)| last == path);
        // the server writes a new manifest when it adds a file: what the manifest lists is compared by the names walked
        let is_manifest = |path: &Path| path.extension().is_some_and(|e| e == "manifest");
        let same = self.files.iter().filter(|(path, _)| !is_manifest(path)).all(|(path, was)| {
            look.stat(path).is_ok_and(|now| {
                let whole = was.size == now.size && was.mtime_ns == now.mtime_ns;
                was.same_inode(&now) && (whole || (appended(path) && now.size >= was.size))
            })
        });
        let known = |path: &Path| self.files.iter().any(|(known, _)| known == path);
        let others = match loads {
            Loads::Snapshot(path) => !known(path),
            Loads::Aof { dir, sizes, .. } => {
                sizes.keys().map(|name| dir.join(name)).any(|path| !is_manifest(&path) && !known(&path))
            }
        };
        same && !others && !self.files.is_empty()
    }

    /// The file to which the server appends, and where that begins.
    pub(super) fn appended_to(&self) -> Option<(&Path, u64)> {
        self.last.as_ref().map(|(path, from)| (path.as_path(), *from))
    }

    /// Keys of the base that went since the walk began: at least and at most.
    pub(super) fn gone_since(&self, db: u64, at_ms: i64) -> (u64, u64) {
        self.notes.gone_since(db, at_ms)
    }

    /// Keys whose state the files alone decide.
    pub(super) fn decided(&self) -> Vec<Decided> {
        self.notes.decided()
    }
}

fn open(look: &Look, path: &Path) -> io::Result<(impl Read + Send + use<>, Stat)> {
    let as_io = |e: crate::host::HostError| {
        e.errno().map_or_else(|| io::Error::other(e.to_string()), io::Error::from_raw_os_error)
    };
    let file = look.open_to_walk(path).map_err(as_io)?;
    let stat = look.stat_open(&file, path).map_err(as_io)?;
    Ok((file, stat))
}

/// A reader that ends with an error when nobody needs the walk any more.
struct Until<R> {
    reader: R,
    stopped: Arc<AtomicBool>,
}

impl<R: Read> Read for Until<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(io::Error::other("the walk was given up"));
        }
        self.reader.read(buffer)
    }
}
