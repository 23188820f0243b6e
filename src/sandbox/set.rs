//! What an AOF comes to: its files are copied into a private directory, a private server loads them and saves a snapshot.
//!
//! Only the bytes that were walked are copied, so that an AOF which its server goes on writing ends where it was looked at.
//! Nothing is changed beside the copy; it is removed with the [`PrivateSnapshot`], and one that a killed redis-dr left behind
//! by the next that opens the directory.
use super::load::{CONFIG, PrivateLoad, SNAPSHOT, end_strays};
use crate::aof::manifest::{self, Kind};
use crate::aof::set::Layout;
use crate::facts::Bytes;
use crate::host::process::Reins;
use crate::host::{Look, OwnFiles, Owner, Pen, temp_name};
use crate::redis_conf::{Directive, Effective, edit};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The files of an AOF, and how many bytes of each belong to it.
#[derive(Debug, Clone, Copy)]
pub struct AofFiles<'a> {
    /// Where they are.
    pub dir: &'a Path,
    /// How they lie there.
    pub layout: &'a Layout,
    /// Bytes of each.
    pub sizes: &'a BTreeMap<String, u64>,
}

/// A snapshot in a private directory; dropped, both are removed.
#[derive(Debug)]
pub struct PrivateSnapshot {
    above: OwnFiles,
    name: String,
    /// Keys that it holds.
    pub keys: u64,
}

impl PrivateSnapshot {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.above.path().join(&self.name).join(SNAPSHOT)
    }
}

impl Drop for PrivateSnapshot {
    fn drop(&mut self) {
        // what can't be removed now is swept by the next use
        let _ = self.above.remove_tree(&self.name);
    }
}

/// Copies an AOF, loads it and saves what it comes to, in a directory of its own in `above`. `interrupted` is asked all along.
///
/// # Errors
/// There is no room; it can't be copied, or does not load, or a command of it is refused; in words.
pub fn snapshot_of(
    look: &Look,
    above: OwnFiles,
    files: &AofFiles<'_>,
    load: &PrivateLoad,
    interrupted: &dyn Fn() -> bool,
) -> Result<PrivateSnapshot, String> {
    let bytes: u64 = files.sizes.values().sum();
    let free = look.space(above.path()).map_err(|e| e.to_string())?.free_bytes;
    // the copy, and a snapshot that is hardly larger than what it is made from
    if free < bytes.saturating_mul(2) {
        let (needed, free, at) = (Bytes(bytes.saturating_mul(2)), Bytes(free), crate::host::shown(above.path()));
        return Err(format!("a private load takes about {needed} on the disk of {at}, and {free} are free"));
    }
    let reins = Reins::new();
    end_strays(look, &reins, above.path());
    let name = temp_name().map_err(|e| e.to_string())?.to_string_lossy().into_owned();
    let own = above.new_sub(&name).map_err(|e| e.to_string())?;
    // from here on it is removed whatever happens
    let mut made = PrivateSnapshot { above, name, keys: 0 };
    fill(look, &own, files, load)?;
    let loaded = load.load_and_save(look, &reins, own.path(), interrupted)?;
    if let Some((count, first)) = loaded.refused {
        return Err(format!("a private server refused {count} commands of it; the first: {first}"));
    }
    made.keys = loaded.keys;
    Ok(made)
}

/// Copies the files, their manifest and the configuration, for the server's user.
fn fill(look: &Look, own: &OwnFiles, files: &AofFiles<'_>, load: &PrivateLoad) -> Result<(), String> {
    let owner = load.user.as_ref().map(|user| Owner { uid: user.uid, gid: user.gid, mode: 0o600 });
    let pen = Pen::new();
    let put = |name: &str, content: &mut dyn Read, limit: u64| -> Result<(), String> {
        let path = own.path().join(name);
        let mut file = pen.new_file(own.dir(), OsStr::new(name)).map_err(|e| e.to_string())?;
        pen.fill(&mut file, &path, content, limit).map_err(|e| e.to_string())?;
        owner.map_or(Ok(()), |owner| pen.dress(&file, &path, owner, None)).map_err(|e| e.to_string())
    };
    for name in names(files.layout)? {
        let mut file = look.open_to_walk(&files.dir.join(&name)).map_err(|e| e.to_string())?;
        put(&name, &mut file, files.sizes.get(&name).copied().unwrap_or(0))?;
    }
    if let Layout::Multi { appendfilename, manifest: Some(listed), .. } = files.layout {
        let listed = manifest::parse(listed).map_err(|e| e.to_string())?;
        let kept = listed.entries.into_iter().filter(|entry| entry.kind != Kind::History).collect();
        let text = manifest::Manifest { entries: kept }.render();
        put(&format!("{appendfilename}.manifest"), &mut text.as_bytes(), u64::MAX)?;
    }
    put(CONFIG, &mut load.config().as_bytes(), u64::MAX)?;
    let Some(owner) = owner else { return Ok(()) };
    let above = look.pin(own.path().parent().unwrap_or(own.path())).map_err(|e| e.to_string())?;
    let name = own.path().file_name().unwrap_or_default();
    pen.dress_name(&above, name, Owner { mode: 0o700, ..owner }, None).map_err(|e| e.to_string())
}

/// The files that a start reads.
fn names(layout: &Layout) -> Result<Vec<String>, String> {
    match layout {
        Layout::Single { file } => Ok(vec![file.clone()]),
        Layout::Multi { manifest: Some(listed), .. } => {
            let listed = manifest::parse(listed).map_err(|e| e.to_string())?;
            Ok(listed.entries.into_iter().filter(|entry| entry.kind != Kind::History).map(|entry| entry.name).collect())
        }
        Layout::Multi { manifest: None, .. } => Err("the AOF has no manifest".into()),
    }
}

/// Is there room in memory for a second copy of the data? A load that is killed for memory proves nothing, and may take
/// others with it.
///
/// # Errors
/// There is not; in words.
pub fn room(look: &Look, needed: Option<Bytes>) -> Result<(), String> {
    let Some(Bytes(needed)) = needed else { return Ok(()) };
    let own = i32::try_from(look.pid()).ok().and_then(|pid| look.cgroup_memory(pid)).map(|group| group.available);
    match [look.memory().map(|m| m.available), own].into_iter().flatten().min() {
        Some(free) if free < needed => {
            Err(format!("loading it privately takes about {} of memory, and {} are free", Bytes(needed), Bytes(free)))
        }
        _ => Ok(()),
    }
}

/// Lines of a configuration that decide what can be loaded.
#[must_use]
pub fn deciding(effective: &Effective) -> Vec<String> {
    const NAMES: [&str; 4] = ["databases", "loadmodule", "rename-command", "proto-max-bulk-len"];
    let line = |d: &Directive| edit::line(&d.name, &d.args);
    NAMES.iter().flat_map(|name| effective.all(name)).map(line).collect()
}
