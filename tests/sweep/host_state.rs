//! What a host is like: every name under a sandbox with its bytes, owner, mode and time; what is left behind.
use crate::sandbox::{Sandbox, processes_in};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// One name.
#[derive(Clone, PartialEq, Eq)]
struct Entry {
    kind: char,
    mode: u32,
    owner: (u32, u32),
    /// Of files, which a restore dates back; a directory's time tells of names that came and went.
    mtime: Option<(i64, i64)>,
    bytes: Vec<u8>,
}

/// The data directory, the configuration and the backups as they are; redis-dr's own room aside.
#[derive(Clone, PartialEq, Eq)]
pub struct HostState(BTreeMap<PathBuf, Entry>);

impl HostState {
    pub fn of(server: &Sandbox) -> Self {
        let mut all = BTreeMap::new();
        for top in [server.conf(), server.data(), server.backups()] {
            look(server.root(), &top, &mut all);
        }
        Self(all)
    }

    /// In what another state differs from this one.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let mut out = Vec::new();
        for (path, was) in &self.0 {
            match now.0.get(path) {
                None => out.push(format!("{} is gone", path.display())),
                Some(is) if is == was => {}
                Some(is) => out.push(format!(
                    "{}: was {} {:o} {:?} {:?} {} bytes, is {} {:o} {:?} {:?} {} bytes",
                    path.display(),
                    was.kind,
                    was.mode,
                    was.owner,
                    was.mtime,
                    was.bytes.len(),
                    is.kind,
                    is.mode,
                    is.owner,
                    is.mtime,
                    is.bytes.len()
                )),
            }
        }
        out.extend(now.0.keys().filter(|p| !self.0.contains_key(*p)).map(|p| format!("{} is new", p.display())));
        out
    }

    /// The part under a directory of the sandbox.
    pub fn under(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|(path, _)| path.starts_with(name)).map(|(p, e)| (p.clone(), e.clone())).collect())
    }
}

fn look(root: &Path, path: &Path, all: &mut BTreeMap<PathBuf, Entry>) {
    if path.file_name().is_some_and(|name| name == ".redis-dr") {
        return;
    }
    let stat = fs::symlink_metadata(path).unwrap();
    let (kind, bytes) = match stat.file_type() {
        kind if kind.is_dir() => ('d', Vec::new()),
        kind if kind.is_symlink() => ('l', fs::read_link(path).unwrap().to_string_lossy().into_owned().into_bytes()),
        _ => ('f', fs::read(path).unwrap()),
    };
    let mtime = (kind != 'd').then(|| (stat.mtime(), stat.mtime_nsec()));
    let entry = Entry { kind, mode: stat.mode() & 0o7777, owner: (stat.uid(), stat.gid()), mtime, bytes };
    all.insert(path.strip_prefix(root).unwrap().to_owned(), entry);
    if kind == 'd' {
        for inner in fs::read_dir(path).unwrap() {
            look(root, &inner.unwrap().path(), all);
        }
    }
}

/// What a run that has ended must not leave: temporaries, locks, the mark of a hold, processes of its own.
pub fn left_behind(server: &Sandbox) -> Vec<String> {
    let mut out = Vec::new();
    let mut to_visit = vec![server.root().to_owned()];
    while let Some(dir) = to_visit.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let shown = path.strip_prefix(server.root()).unwrap().display().to_string();
            // a run that never began has left only its directory, for `runs prune`
            let never_began = path.parent().unwrap().parent().unwrap().ends_with("state/runs")
                && !path.with_file_name("journal.jsonl").exists();
            if name.starts_with(".redis-dr-") && !never_began {
                out.push(format!("the temporary {shown}"));
            }
            if name == "held" {
                out.push(format!("the hold {shown}"));
            }
            if name.contains("lock") && path.is_file() && fs::File::open(&path).unwrap().try_lock().is_err() {
                out.push(format!("the lock {shown} is taken"));
            }
            if path.is_dir() && !path.is_symlink() {
                to_visit.push(path);
            }
        }
    }
    let helpers = processes_in(server.root()).len() + launches_under_way(server);
    if helpers > 0 {
        out.push(format!("{helpers} processes"));
    }
    out
}

/// Servers of this sandbox that are about to become one: redis-dr's own program in between.
pub fn launches_under_way(server: &Sandbox) -> usize {
    let root = server.root().display().to_string();
    let lines = fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .filter(|l| l.contains("__exec") && l.contains(&root))
        .count()
}
