//! The safety copies that a plan announces: of the files as they will be when a step begins.
use super::{Fingerprint, Mark, Plan, ReadFile, SafetyCopy};
use crate::action::{Action, DataFiles, Part, SaveSpec, SaveUse, Site, WholeFile, part};
use crate::aof::manifest::{self, Manifest};
use crate::facts::{Bytes, Point, PointKind, Validity};
use crate::vault::Use;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Files of an AOF or a snapshot: path and size in bytes.
type Sizes = Vec<(PathBuf, u64)>;

/// The files of a site at one step of a plan: as they are now, and what the steps before make of them.
pub(super) struct Files<'a> {
    site: &'a Site,
    /// A file, or the files of a directory; nothing where nothing is.
    now: &'a dyn Fn(&Path) -> Sizes,
    /// What steps before have made of a path.
    made: BTreeMap<PathBuf, Sizes>,
    listed: Option<Manifest>,
    whole: Whole,
}

/// Which files are known to be whole.
enum Whole {
    These(Vec<WholeFile>),
    /// A step before checks all of them.
    All,
}

impl<'a> Files<'a> {
    /// As they are now.
    pub(super) fn new(
        site: &'a Site,
        now: &'a dyn Fn(&Path) -> Sizes,
        listed: Option<Manifest>,
        whole: Vec<WholeFile>,
    ) -> Self {
        Self { site, now, made: BTreeMap::new(), listed, whole: Whole::These(whole) }
    }

    /// A file that a step reads.
    pub(super) fn read(&self, path: &Path) -> ReadFile {
        let bytes = (self.now)(path).first().map(|(_, bytes)| Bytes(*bytes));
        ReadFile { path: path.display().to_string(), bytes }
    }

    fn at(&self, path: &Path) -> Sizes {
        self.made.get(path).cloned().unwrap_or_else(|| (self.now)(path))
    }

    /// What is saved of one path, and in which way: one row, or one for each file where the ways differ.
    pub(super) fn copies(&self, spec: &SaveSpec) -> Vec<SafetyCopy> {
        let row = |path: &Path, bytes: Option<u64>, how: &str| SafetyCopy {
            path: path.display().to_string(),
            bytes: bytes.map(Bytes),
            how: how.into(),
        };
        let files: Vec<(PathBuf, u64, &str)> = self
            .at(&spec.path)
            .into_iter()
            .map(|(path, bytes)| {
                let how = self.how(spec, &path, bytes);
                (path, bytes, how)
            })
            .collect();
        match files.split_first() {
            // a directory may be empty
            None if spec.usage == SaveUse::OwnerAndMode => vec![row(&spec.path, Some(0), "owner and mode")],
            None => vec![row(&spec.path, None, "absent")],
            Some((first, rest)) if rest.iter().all(|f| f.2 == first.2) => {
                vec![row(&spec.path, Some(files.iter().map(|f| f.1).sum()), first.2)]
            }
            Some(_) => files.iter().map(|(path, bytes, how)| row(path, Some(*bytes), how)).collect(),
        }
    }

    fn how(&self, spec: &SaveSpec, path: &Path, bytes: u64) -> &'static str {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let part = if spec.usage.is_tree() { part(self.listed.as_ref(), &name) } else { Part::Appended };
        let whole = match &self.whole {
            Whole::All => true,
            Whole::These(files) => files.iter().any(|file| file.path == path && file.bytes == bytes),
        };
        match spec.usage.way(part, bytes, whole) {
            Use::Replaced => "link",
            Use::TailMark => "mark",
            Use::WrittenInPlace => "copy",
            Use::OwnerAndMode => "owner and mode",
        }
    }

    /// A step has been carried out.
    pub(super) fn after(&mut self, action: &Action) {
        match action {
            Action::FilesSetAside(step) => {
                for what in &step.what {
                    let path = if *what == DataFiles::Rdb { &self.site.rdb } else { &self.site.aof };
                    self.made.insert(path.clone(), Vec::new());
                }
            }
            Action::FilesRestore(step) => {
                for what in &step.what {
                    let path = if *what == DataFiles::Rdb { &self.site.rdb } else { &self.site.aof };
                    self.made.remove(path);
                }
            }
            Action::RdbPlace(_) => {
                let bytes = self.site.point.as_ref().map_or(0, snapshot_bytes);
                self.made.insert(self.site.rdb.clone(), vec![(self.site.rdb.clone(), bytes)]);
            }
            Action::AofSeed(_) => self.seeded(),
            Action::AofCut(_) => self.cut(),
            Action::AofRebuildManifest(_) => {
                if let Some(listed) = self.rebuilt() {
                    self.set_of(&listed.render(), &self.parts());
                }
            }
            Action::AofCheck(_) => self.whole = Whole::All,
            _ => {}
        }
    }

    fn seeded(&mut self) {
        let bytes = self.site.point.as_ref().map_or(0, snapshot_bytes);
        if !self.site.multi_part {
            self.made.insert(self.site.aof.clone(), vec![(self.site.aof.clone(), bytes)]);
            return;
        }
        let name = &self.site.aof_name;
        let (base, incr) = (format!("{name}.1.base.rdb"), format!("{name}.1.incr.aof"));
        self.set_of(&format!("file {base} seq 1 type b\nfile {incr} seq 1 type i\n"), &[(base, bytes), (incr, 0)]);
    }

    fn cut(&mut self) {
        let Some(cut) = self.site.point.as_ref().and_then(|point| point.cut.clone()) else {
            return;
        };
        if !self.site.multi_part {
            self.made.insert(self.site.aof.clone(), vec![(self.site.aof.clone(), cut.offset)]);
            return;
        }
        let before = self.parts();
        if before.is_empty() {
            // the one file of an older server becomes the base of a set
            let incr = format!("{}.1.incr.aof", self.site.aof_name);
            let lines = format!("file {} seq 1 type b\nfile {incr} seq 1 type i\n", cut.file);
            return self.set_of(&lines, &[(cut.file, cut.offset), (incr, 0)]);
        }
        let Some(mut listed) = self.listed.take().or_else(|| self.rebuilt()) else {
            return;
        };
        listed.entries.retain(|e| !cut.drop_files.contains(&e.name) && e.kind != manifest::Kind::History);
        let stays = |name: &String| listed.entries.iter().any(|e| e.name == *name);
        let files: Vec<(String, u64)> = before
            .into_iter()
            .filter(|(name, _)| stays(name))
            .map(|(name, bytes)| if name == cut.file { (name, cut.offset) } else { (name, bytes) })
            .collect();
        self.set_of(&listed.render(), &files);
    }

    /// The parts of the AOF, by name; its manifest aside.
    fn parts(&self) -> Vec<(String, u64)> {
        let files = self.at(&self.site.aof).into_iter();
        let named =
            files.map(|(path, bytes)| (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), bytes));
        named.filter(|(name, _)| !name.ends_with(".manifest")).collect()
    }

    /// The manifest that a step makes of the parts that are there.
    fn rebuilt(&self) -> Option<Manifest> {
        manifest::rebuild(&self.parts(), &self.site.aof_name).ok().map(|rebuilt| rebuilt.manifest)
    }

    /// A set of parts, with its manifest.
    fn set_of(&mut self, lines: &str, parts: &[(String, u64)]) {
        let manifest = (format!("{}.manifest", self.site.aof_name), lines.len() as u64);
        let files = parts.iter().chain([&manifest]).map(|(name, bytes)| (self.site.aof.join(name), *bytes)).collect();
        self.made.insert(self.site.aof.clone(), files);
        self.listed = manifest::parse(lines.as_bytes()).ok();
    }
}

/// What a snapshot takes where it is put; a compressed one takes more than it does now.
fn snapshot_bytes(point: &Point) -> u64 {
    let plain = point.content.as_ref().map(|c| c.data_bytes).filter(|n| *n > 0);
    plain.unwrap_or_else(|| point.bytes.map_or(0, |b| b.0))
}

/// Files that the walk of a point found whole: those that the fingerprint knows exactly, if the point is the AOF as it is.
pub(super) fn found_whole(point: Option<&Point>, fingerprint: &Fingerprint) -> Vec<WholeFile> {
    if !point.is_some_and(|p| p.kind == PointKind::Aof && p.valid == Validity::Intact && p.cut.is_none()) {
        return Vec::new();
    }
    let exact = fingerprint.files.iter().filter_map(|file| match file.mark {
        Mark::Exact { size, mtime_ns, .. } => {
            Some(WholeFile { path: PathBuf::from(&file.path), bytes: size, mtime_ns })
        }
        Mark::Absent | Mark::Prefix { .. } => None,
    });
    exact.collect()
}

impl Plan {
    /// Files that the walk of the recovery point found whole, as they were then.
    #[must_use]
    pub fn found_whole(&self) -> Vec<WholeFile> {
        found_whole(self.site.point.as_ref(), &self.fingerprint)
    }
}
