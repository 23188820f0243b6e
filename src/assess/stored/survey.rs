//! Names and sizes in the data directory: enough to say what a start would load.
use crate::aof::manifest;
use crate::facts::ConfigFacts;
use crate::host::{HostError, Kind, Look, Stat};
use crate::points::{StartFiles, StartSettings};
use crate::service::writer_of;
use std::path::{Path, PathBuf};

/// Largest manifest read, in bytes; the server's own lines are short.
const MANIFEST: u64 = 4 << 20;
/// Other names of the directory that are looked into, to find data under another name.
const MOST_OTHERS: usize = 200;

/// Where the data files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The data directory.
    pub dir: PathBuf,
    /// The snapshot.
    pub rdb: PathBuf,
    /// The AOF's directory, or its single file.
    pub aof: PathBuf,
    /// The single-file AOF, also where parts are expected.
    pub single_aof: PathBuf,
    /// The manifest, where the AOF is kept in parts.
    pub manifest: Option<PathBuf>,
    /// What decides what is loaded.
    pub settings: StartSettings,
}

impl Paths {
    /// The paths that a configuration names; none while the directory is not known.
    #[must_use]
    pub fn of(config: &ConfigFacts) -> Option<Self> {
        let dir = PathBuf::from(config.data_dir.as_ref()?);
        let name = |given: &Option<String>, usual: &str| given.clone().unwrap_or_else(|| usual.to_string());
        let dbfilename = name(&config.dbfilename, "dump.rdb");
        let appendfilename = name(&config.appendfilename, "appendonly.aof");
        // Where the program is not known, what is there decides: nearly every server in use keeps parts.
        let multi_part = config.multi_part.unwrap_or(true);
        let parts = dir.join(name(&config.appenddirname, "appendonlydir"));
        let single_aof = dir.join(&appendfilename);
        Some(Self {
            rdb: dir.join(&dbfilename),
            aof: if multi_part { parts.clone() } else { single_aof.clone() },
            manifest: multi_part.then(|| parts.join(format!("{appendfilename}.manifest"))),
            single_aof,
            settings: StartSettings {
                appendonly: config.appendonly.unwrap_or(false),
                appendfilename,
                dbfilename,
                multi_part,
            },
            dir,
        })
    }
}

/// What the listing of a data directory shows.
#[derive(Debug, Default)]
pub struct Survey {
    /// Names and sizes that a start looks at.
    pub files: StartFiles,
    /// The snapshot.
    pub rdb: Option<Stat>,
    /// Every file of the AOF directory that a start reads, with its manifest.
    pub aof_stats: Vec<(String, Stat)>,
    /// Why something could not be looked at: path and reason.
    pub errors: Vec<(PathBuf, HostError)>,
    /// Temporary files of saves and rewrites.
    pub temporaries: Vec<String>,
    /// Other snapshots in the directory.
    pub other_rdb: Vec<String>,
    /// AOF sets of another name.
    pub other_aof: Vec<String>,
}

impl Survey {
    /// When the AOF was last written, by the times of its files.
    #[must_use]
    pub fn aof_written(&self) -> Option<jiff::Timestamp> {
        self.aof_stats.iter().filter(|(name, _)| !name.ends_with(".manifest")).map(|(_, stat)| stat.mtime()).max()
    }
}

/// A file that holds data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Its path.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Does a running server write to it in place? Everything else is only ever replaced.
    pub grows: bool,
}

/// Every data file of an instance: snapshots, also of other names, and all of the AOF.
#[must_use]
pub fn data_files(look: &Look, config: &ConfigFacts) -> Vec<DataFile> {
    let Some(paths) = Paths::of(config) else { return vec![] };
    let there = survey(look, &paths);
    let mut files: Vec<DataFile> = Vec::new();
    let mut add = |path: PathBuf, bytes: u64, grows: bool| files.push(DataFile { path, bytes, grows });
    if let Some(stat) = there.rdb {
        add(paths.rdb.clone(), stat.size, false);
    }
    if let Some(bytes) = there.files.single_aof {
        add(paths.single_aof.clone(), bytes, true);
    }
    for (name, stat) in there.aof_stats.iter().filter(|(name, _)| *name != paths.settings.appendfilename) {
        add(paths.aof.join(name), stat.size, name.contains(".incr."));
    }
    for name in &there.other_rdb {
        let path = paths.dir.join(name);
        let bytes = look.stat(&path).map_or(0, |s| s.size);
        add(path, bytes, false);
    }
    files
}

/// Lists a data directory. Reads nothing but the manifest and a few first bytes.
#[must_use]
pub fn survey(look: &Look, paths: &Paths) -> Survey {
    let mut out = Survey::default();
    out.rdb = stat(look, &paths.rdb, &mut out.errors);
    out.files.rdb = out.rdb.map(|s| s.size);
    let single = stat(look, &paths.single_aof, &mut out.errors);
    out.files.single_aof = single.filter(|s| s.kind == Kind::File).map(|s| s.size);
    if let Some(manifest) = &paths.manifest {
        parts(look, paths, manifest, &mut out);
    }
    if out.aof_stats.is_empty()
        && let Some(stat) = single
    {
        out.aof_stats.push((paths.settings.appendfilename.clone(), stat));
    }
    match look.list(&paths.dir) {
        Ok(entries) => {
            let names: Vec<(String, Stat)> =
                entries.iter().map(|e| (e.name.to_string_lossy().into_owned(), e.stat)).collect();
            out.temporaries = names
                .iter()
                .filter(|(n, s)| writer_of(n).is_some() && s.kind == Kind::File)
                .map(|(n, _)| n.clone())
                .collect();
            others(look, paths, &names, &mut out);
        }
        Err(error) => out.errors.push((paths.dir.clone(), error)),
    }
    out
}

fn stat(look: &Look, path: &Path, errors: &mut Vec<(PathBuf, HostError)>) -> Option<Stat> {
    match look.stat(path) {
        Ok(stat) => Some(stat),
        Err(error) if error.is_missing() => None,
        Err(error) => {
            errors.push((path.to_path_buf(), error));
            None
        }
    }
}

fn parts(look: &Look, paths: &Paths, manifest: &Path, out: &mut Survey) {
    match look.list(&paths.aof) {
        Ok(entries) => {
            for entry in entries {
                let name = entry.name.to_string_lossy().into_owned();
                // A part may be a link to a file elsewhere; the server follows it.
                let Ok(stat) = look.stat(&paths.aof.join(&entry.name)) else {
                    continue;
                };
                if stat.kind != Kind::File {
                    continue;
                }
                out.files.aof_dir.push((name.clone(), stat.size));
                if name.starts_with("temp") {
                    out.temporaries.push(format!("{}/{name}", paths.aof.display()));
                } else {
                    out.aof_stats.push((name, stat));
                }
            }
        }
        Err(error) if error.is_missing() => {}
        Err(error) => out.errors.push((paths.aof.clone(), error)),
    }
    match look.read(manifest, MANIFEST) {
        Ok(bytes) => out.files.manifest = Some(bytes),
        Err(error) if error.is_missing() => {}
        Err(error) => out.errors.push((manifest.to_path_buf(), error)),
    }
}

/// Data under another name than the configured one.
fn others(look: &Look, paths: &Paths, names: &[(String, Stat)], out: &mut Survey) {
    for (name, stat) in names.iter().take(MOST_OTHERS) {
        let configured = [&paths.settings.dbfilename, &paths.settings.appendfilename].contains(&name);
        if configured || writer_of(name).is_some() || name.starts_with('.') {
            continue;
        }
        let path = paths.dir.join(name);
        if stat.kind == Kind::File && stat.size > 9 {
            let head = look.read_at(&path, 0, 9).unwrap_or_default();
            if head.starts_with(b"REDIS0") || head.starts_with(b"VALKEY") {
                out.other_rdb.push(name.clone());
            }
        } else if stat.kind == Kind::Directory && path != paths.aof {
            let Ok(inside) = look.list(&path) else {
                continue;
            };
            out.other_aof.extend(inside.iter().filter_map(|e| {
                let file = e.name.to_string_lossy();
                let stem = file.strip_suffix(".manifest")?;
                Some(format!("{name}/{stem}"))
            }));
        }
    }
    for (name, _) in &out.files.aof_dir {
        let stem = name.strip_suffix(".manifest");
        if let Some(stem) = stem.filter(|stem| *stem != paths.settings.appendfilename) {
            out.other_aof.push(stem.to_string());
        } else if manifest::part(name, &paths.settings.appendfilename).is_none()
            && let Some((stem, _)) = name.split_once(".1.base.")
        {
            out.other_aof.push(stem.to_string());
        }
    }
    out.other_aof.sort();
    out.other_aof.dedup();
}
