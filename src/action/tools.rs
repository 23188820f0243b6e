//! How actions reach into the vault, the configuration and the AOF: each in one way.
use super::{ActError, Hands, Site};
use crate::aof::set;
use crate::host::{Attr, Look, Owner};
use crate::redis_conf::{self, Effective, Files, Start};
use crate::vault::{BuiltDir, Content, Like, Save, Saved};
use serde_json::{Value, json};
use std::io;
use std::path::{Path, PathBuf};

/// The configuration as a start would read it, start arguments included, if the main file read `text`.
#[must_use]
pub fn effective(look: &Look, site: &Site, text: &str) -> Effective {
    let cwd = site.working_dir.clone().or_else(|| site.config_file.parent().map(Path::to_path_buf));
    let start = Start {
        cwd: cwd.unwrap_or_else(|| PathBuf::from("/")),
        config_file: Some(site.config_file.clone()),
        options: site.start_args.clone(),
        ..Start::with_file(site.config_file.clone())
    };
    let read = |path: &Path| -> io::Result<Vec<u8>> {
        if path == site.config_file {
            return Ok(text.as_bytes().to_vec());
        }
        look.read(path, 4 << 20).map_err(|e| io::Error::other(e.to_string()))
    };
    let glob = |pattern: &str| look.glob(pattern);
    redis_conf::load(&start, None, &Files { read: &read, glob: &glob })
}

/// Walks the whole AOF of a site.
pub(super) fn judge(look: &Look, site: &Site) -> set::SetReport {
    let options = set::JudgeOptions { now_ms: look.now().as_millisecond(), ..set::JudgeOptions::default() };
    let dir = if site.multi_part { site.aof.clone() } else { site.aof.parent().unwrap_or(&site.aof).to_path_buf() };
    let open = |name: &str| -> io::Result<(Box<dyn io::Read + Send>, u64)> {
        let path = dir.join(name);
        let file = look.open_to_walk(&path).map_err(|e| match e.errno() {
            Some(no) => io::Error::from_raw_os_error(no),
            None => io::Error::other(e.to_string()),
        })?;
        let len = file.metadata()?.len();
        Ok((Box::new(file), len))
    };
    let layout = if site.multi_part {
        let manifest = look.read(&dir.join(format!("{}.manifest", site.aof_name)), 1 << 20).ok();
        let names = look
            .list(&dir)
            .unwrap_or_default()
            .into_iter()
            .map(|e| (e.name.to_string_lossy().into_owned(), e.stat.size))
            .collect();
        set::Layout::Multi { appendfilename: site.aof_name.clone(), manifest, names }
    } else {
        let file = site.aof.file_name().unwrap_or_default().to_string_lossy().into_owned();
        set::Layout::Single { file }
    };
    set::judge(&layout, &open, &options)
}

/// Where the bytes of a path are in the vault, once a step has moved them there.
pub(super) fn in_vault(hands: &Hands<'_>, path: &Path) -> Option<PathBuf> {
    let (saves, _) = crate::vault::list(*hands.look, hands.vault.dir()).ok()?;
    saves.iter().flat_map(Save::files).find(|s| s.path() == path).and_then(|s| s.copy().map(Path::to_path_buf))
}

impl Hands<'_> {
    /// The copy of one path that was made for this step, inside saved directories too.
    fn saved(&self, path: &Path) -> Result<Saved, ActError> {
        let real = self.look.real_path(path).unwrap_or_else(|_| path.to_path_buf());
        self.saves
            .iter()
            .filter_map(|s| match s {
                Save::File(f) => Some(f),
                Save::Tree(_) => None,
            })
            .find(|s| s.path() == path || s.path() == real || s.via() == Some(path))
            .cloned()
            .ok_or_else(|| not_saved(path))
    }

    /// Gives `path` new content at one instant; it must have been saved for this step.
    ///
    /// # Errors
    /// It was not saved, or can't be written; the old file is then still there.
    pub fn replace(&mut self, path: &Path, content: Content<'_>) -> Result<u64, ActError> {
        let saved = self.saved(path)?;
        if saved.is_absent() {
            let (_, file) = self.owners()?;
            return Ok(self.vault.create(&saved, content, Like::Owner(file))?.bytes);
        }
        Ok(self.vault.replace(&saved, content, Like::Saved)?.bytes)
    }

    /// Gives a path that was saved for this step another owner and mode, and these attributes.
    ///
    /// # Errors
    /// It was not saved, or the system refuses.
    pub fn set_owner(&mut self, path: &Path, owner: Owner, attrs: &[Attr]) -> Result<(), ActError> {
        let saved = self.saved(path)?;
        Ok(self.vault.set_owner(&saved, owner, attrs)?)
    }

    /// Removes a path that was saved for this step.
    ///
    /// # Errors
    /// It was not saved, or can't be removed.
    pub fn remove(&mut self, path: &Path) -> Result<(), ActError> {
        match self.save_of(path)? {
            Save::File(saved) => self.vault.remove(&saved)?,
            Save::Tree(tree) => {
                self.vault.remove_tree(&tree)?;
            }
        }
        Ok(())
    }

    /// Puts a built directory in the place of one that was saved for this step, in one move.
    ///
    /// # Errors
    /// It was not saved, or the filesystem can't do it.
    pub fn exchange(&mut self, built: BuiltDir, live: &Path) -> Result<(), ActError> {
        match self.save_of(live)? {
            Save::Tree(tree) => {
                self.vault.exchange_dir(built, &tree)?;
                Ok(())
            }
            Save::File(_) => Err(not_saved(live)),
        }
    }

    fn save_of(&self, path: &Path) -> Result<Save, ActError> {
        let real = self.look.real_path(path).unwrap_or_else(|_| path.to_path_buf());
        self.saves.iter().find(|s| s.path() == path || s.path() == real).cloned().ok_or_else(|| not_saved(path))
    }

    /// Owner and mode that new directories and files of the server get: its user's where it is known, else those of the
    /// data directory.
    ///
    /// # Errors
    /// The data directory can't be looked at.
    pub fn owners(&self) -> Result<(Owner, Owner), ActError> {
        let dir = self.look.stat(&self.site.data_dir)?;
        let (mut uid, mut gid) = (dir.uid, dir.gid);
        if let Some(user) = self.site.run_as.as_deref().and_then(|name| self.look.user(name).ok())
            && self.look.is_root()
        {
            (uid, gid) = (user.uid, user.gid);
        } else if !self.look.is_root() {
            (uid, gid) = (self.look.uid(), self.look.gid());
        }
        Ok((Owner { uid, gid, mode: dir.mode & 0o7777 & 0o755 }, Owner { uid, gid, mode: 0o640 & (dir.mode | 0o600) }))
    }

    /// Which AOF is there now: inode and size of its directory or file.
    #[must_use]
    pub fn aof_identity(&self) -> Value {
        match self.look.lstat_if_there(&self.site.aof) {
            Ok(Some(s)) => json!({ "inode": s.ino, "size": s.size, "mtime_ns": s.mtime_ns }),
            Ok(None) => json!("absent"),
            Err(_) => Value::Null,
        }
    }

    /// The size of the server's log now.
    #[must_use]
    pub fn log_size(&self) -> u64 {
        self.site.logfile.as_ref().and_then(|p| self.look.stat(p).ok()).map_or(0, |s| s.size)
    }

    /// The last lines that the server logged since its log had this size; at most ten.
    #[must_use]
    pub fn log_since(&self, from: u64) -> Vec<String> {
        let Some(path) = &self.site.logfile else {
            return vec![];
        };
        let Ok(stat) = self.look.stat(path) else {
            return vec![];
        };
        let len = stat.size.saturating_sub(from).min(256 << 10);
        let Ok(bytes) = self.look.read_tail(path, len) else {
            return vec![];
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let marked: Vec<String> = text
            .lines()
            .filter(|l| l.contains(" # ") || l.contains("***") || l.contains("== CRITICAL =="))
            .map(|l| l.chars().filter(|c| !c.is_control()).take(300).collect())
            .collect();
        marked.iter().rev().take(10).rev().cloned().collect()
    }
}

fn not_saved(path: &Path) -> ActError {
    ActError::failed(
        format!("{} was not saved for this step, so it is not changed", path.display()),
        "this is a defect in redis-dr",
    )
}
