//! What a plan relies on, so that `apply` can tell whether it still holds.
use crate::action::Site;
use crate::facts::{Facts, Point, ServerRole};
use crate::host::{Kind, Look};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How a file is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It must not be there.
    Absent,
    /// It must be exactly as it was.
    Exact {
        /// Size in bytes.
        size: u64,
        /// Modification time, nanoseconds since 1970.
        mtime_ns: i64,
        /// blake3 of its first and last 64 KiB.
        edges: String,
    },
    /// It may have grown.
    Prefix {
        /// At least this many bytes.
        at_least: u64,
        /// blake3 of the 64 KiB before that offset.
        tail: String,
    },
}

/// One file that a step reads or changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileMark {
    /// Its path.
    pub path: String,
    /// Device and inode, as `dev:ino`; empty when absent. The kernel gives devices their numbers anew at each boot.
    pub identity: String,
    /// How it is recognised.
    pub mark: Mark,
}

/// The facts that a plan relies on. Not clock, load, free bytes, logs or counters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Fingerprint {
    /// The host's name.
    pub host: String,
    /// The kernel's id of the boot it was taken in; empty where it is not told. No reason to refuse by itself: it says
    /// whether numbers of devices can be compared.
    #[serde(default)]
    pub boot_id: String,
    /// Primary, replica, or unknown while it is down.
    pub role: String,
    /// The running server's run id, or `down`.
    pub run_id: String,
    /// The version of the program that is started.
    pub version: String,
    /// blake3 of the configuration in effect.
    pub config_digest: String,
    /// blake3 of the runbook's text.
    pub runbook_digest: String,
    /// Resolved paths by name.
    pub paths: BTreeMap<String, String>,
    /// Files that the steps read or change.
    pub files: Vec<FileMark>,
}

impl Fingerprint {
    /// What differs from `now`, in words; empty when the facts still hold.
    #[must_use]
    pub fn differences(&self, now: &Fingerprint) -> Vec<String> {
        let mut out = Vec::new();
        for (name, then, is) in [
            ("host", &self.host, &now.host),
            ("role", &self.role, &now.role),
            ("server", &self.run_id, &now.run_id),
            ("version", &self.version, &now.version),
            ("configuration", &self.config_digest, &now.config_digest),
            ("runbook", &self.runbook_digest, &now.runbook_digest),
        ] {
            if then != is {
                out.push(format!("{name}: was {then}, is {is}"));
            }
        }
        for (name, then) in &self.paths {
            match now.paths.get(name) {
                Some(is) if is == then => {}
                is => out.push(format!("{name}: was {then}, is {}", is.map_or("gone", |s| s.as_str()))),
            }
        }
        for then in &self.files {
            match now.files.iter().find(|f| f.path == then.path) {
                None => out.push(format!("{}: is no longer looked at", then.path)),
                Some(is) if !self.is_same_file(then, now, is) => out.push(format!("{}: is another file", then.path)),
                Some(is) if is.mark != then.mark => out.push(format!("{}: its bytes have changed", then.path)),
                Some(_) => {}
            }
        }
        for is in &now.files {
            if !self.files.iter().any(|f| f.path == is.path) {
                out.push(format!("{}: is new", is.path));
            }
        }
        out
    }

    /// Do the two marks mean one inode? After a boot the device may go by another number; inode and bytes still tell.
    fn is_same_file(&self, then: &FileMark, now: &Fingerprint, is: &FileMark) -> bool {
        let inode = |file: &FileMark| file.identity.split_once(':').map(|(_, inode)| inode.to_owned());
        let booted = !self.boot_id.is_empty() && !now.boot_id.is_empty() && self.boot_id != now.boot_id;
        then.identity == is.identity || booted && inode(then) == inode(is)
    }
}

/// Takes the fingerprint of a site as it is now. `role` and `run_id` come from the facts.
#[must_use]
pub fn take(look: &Look, facts: &Facts, site: &Site, point: Option<&Point>) -> Fingerprint {
    let running = facts.server.answers == Some(true);
    let role = match (running, facts.server.role) {
        (true, Some(ServerRole::Master)) => "master",
        (true, Some(ServerRole::Slave)) => "slave",
        _ => "unknown",
    };
    // one that hangs goes on writing once it is woken
    let there = running || facts.process.pid.is_some();
    let run_id = match (running, there) {
        (true, _) => facts.server.run_id.clone().unwrap_or_default(),
        (false, true) => "silent".into(),
        (false, false) => "down".into(),
    };
    let mut paths = BTreeMap::new();
    for (name, path) in
        [("config_file", &site.config_file), ("data_dir", &site.data_dir), ("rdb", &site.rdb), ("aof", &site.aof)]
    {
        paths.insert(name.to_string(), path.display().to_string());
    }
    let mut files = Vec::new();
    let mut seen = Vec::new();
    let point_path = point.and_then(|p| p.path.clone()).map(PathBuf::from);
    for path in [Some(site.config_file.clone()), Some(site.rdb.clone()), Some(site.aof.clone()), point_path]
        .into_iter()
        .flatten()
    {
        mark_all(look, &path, there, &mut files, &mut seen);
    }
    Fingerprint {
        host: look.hostname(),
        boot_id: look.boot_id().unwrap_or_default(),
        role: role.into(),
        run_id,
        version: site.version.clone(),
        config_digest: facts.config.digest.clone().unwrap_or_default(),
        runbook_digest: String::new(),
        paths,
        files,
    }
}

impl Fingerprint {
    /// Marks files that steps read besides those of the instance and the point.
    pub fn also(&mut self, look: &Look, reads: &[PathBuf]) {
        let mut seen: Vec<PathBuf> = self.files.iter().map(|f| PathBuf::from(&f.path)).collect();
        reads.iter().for_each(|path| mark_all(look, path, false, &mut self.files, &mut seen));
    }
}

/// Marks a file, or every file of a directory.
fn mark_all(look: &Look, path: &Path, running: bool, files: &mut Vec<FileMark>, seen: &mut Vec<PathBuf>) {
    if seen.iter().any(|s| s == path) {
        return;
    }
    seen.push(path.to_path_buf());
    match look.stat(path) {
        Ok(stat) if stat.kind == Kind::Directory => {
            // what a crash of redis-dr left half-written is nobody's doing, and goes when the run goes on
            let entries = look.list(path).unwrap_or_default().into_iter().filter(|e| !look.is_dead_temp(&e.name));
            let mut names: Vec<PathBuf> = entries.map(|e| path.join(e.name)).collect();
            names.sort();
            for name in names.into_iter().take(1000) {
                mark_all(look, &name, running, files, seen);
            }
        }
        Ok(stat) => {
            let grows = running && path.extension().is_some_and(|e| e == "aof");
            let mark = if grows {
                Mark::Prefix { at_least: stat.size, tail: look.prefix_tail_digest(path, stat.size).unwrap_or_default() }
            } else {
                let edges = look.edge_digest(path).unwrap_or_default();
                Mark::Exact { size: stat.size, mtime_ns: stat.mtime_ns, edges }
            };
            files.push(FileMark {
                path: path.display().to_string(),
                identity: format!("{}:{}", stat.dev, stat.ino),
                mark,
            });
        }
        Err(_) => {
            files.push(FileMark { path: path.display().to_string(), identity: String::new(), mark: Mark::Absent })
        }
    }
}

/// Does a file still begin with the bytes that a mark remembers?
fn still_begins(look: &Look, file: &FileMark) -> bool {
    match &file.mark {
        Mark::Prefix { at_least, tail } => {
            look.prefix_tail_digest(Path::new(&file.path), *at_least).is_ok_and(|now| now == *tail)
        }
        _ => false,
    }
}

impl Fingerprint {
    /// As [`Fingerprint::differences`], with files that only grew looked at again.
    #[must_use]
    pub fn moved(&self, look: &Look, now: &Fingerprint) -> Vec<String> {
        let grown: Vec<&str> = self.files.iter().filter(|f| still_begins(look, f)).map(|f| f.path.as_str()).collect();
        let mut out = self.differences(now);
        out.retain(|line| !grown.iter().any(|path| line.starts_with(&format!("{path}: its bytes"))));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(boot_id: &str, identity: &str) -> Fingerprint {
        let mark = Mark::Exact { size: 7, mtime_ns: 1, edges: "e".into() };
        let file = FileMark { path: "/data/dump.rdb".into(), identity: identity.into(), mark };
        Fingerprint { boot_id: boot_id.into(), files: vec![file], ..Fingerprint::default() }
    }

    #[test]
    fn a_device_has_another_number_after_a_boot_and_the_file_is_the_same() {
        let then = taken("a", "2049:131");
        assert_eq!(then.differences(&taken("b", "64768:131")), Vec::<String>::new());
        let another = ["/data/dump.rdb: is another file"];
        assert_eq!(then.differences(&taken("a", "64768:131")), another);
        assert_eq!(then.differences(&taken("b", "2049:132")), another);
        // of a plan that does not say when it was made
        assert_eq!(taken("", "2049:131").differences(&taken("b", "64768:131")), another);
    }

    #[test]
    fn what_its_bytes_say_counts_after_a_boot_too() {
        let mut now = taken("b", "64768:131");
        now.files[0].mark = Mark::Exact { size: 8, mtime_ns: 1, edges: "e".into() };
        assert_eq!(taken("a", "2049:131").differences(&now), ["/data/dump.rdb: its bytes have changed"]);
        now.files[0].mark = Mark::Absent;
        now.files[0].identity = String::new();
        assert_eq!(taken("a", "2049:131").differences(&now), ["/data/dump.rdb: is another file"]);
    }
}
