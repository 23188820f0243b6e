//! Safety copies; holds the only pen.
//!
//! Nothing is changed that was not saved: [`Vault::save`] gives a [`Saved`], and only with one can a file be replaced,
//! removed, created or given another owner. [`Vault::restore`] takes a path back to what it was, bit for bit, and works
//! from the journal alone: a [`Saved`] is all it needs.
//!
//! ```text
//! <vault>/before/0001-dump.rdb   what was there before a step      after/0001-dump.rdb   what an undo found and took away
//! <vault>/index.jsonl            one line for each of them
//! ```

mod build;
mod compare;
mod error;
mod index;
mod restore;
mod save;
mod saved;
mod tree;
mod unshare;
mod write;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

pub use build::{BuildDir, BuiltDir};
pub use error::VaultError;
pub use index::list;
pub use restore::{Put, Restored};
pub use save::Told;
pub use saved::{How, Kept, Save, Saved, SavedTree, Use};
pub use unshare::Unsharing;
pub use write::{Content, Like, Placed};

use crate::host::{HostError, Look, OwnFiles, Pen, Planters};

/// redis-dr's directory in a data directory.
const OWN_DIR: &str = ".redis-dr";

/// The safety copies of one run, and the pen.
#[derive(Debug)]
pub struct Vault {
    pen: Pen,
    look: Look,
    own: OwnFiles,
    before: OwnFiles,
    after: OwnFiles,
    planters: Planters,
}

/// Where a run's vault belongs: beside the journal when that is on the data's filesystem (links are possible), else
/// in the data directory. With `avoid_data_disk` (the disk fails, is full or read-only) always beside the journal.
#[must_use]
pub fn home(look: Look, run_dir: &Path, data_dir: &Path, run_id: &str, avoid_data_disk: bool) -> PathBuf {
    let beside = run_dir.join("vault");
    let same = match (look.stat(run_dir), look.stat(data_dir)) {
        (Ok(run), Ok(data)) => run.dev == data.dev,
        // Without a data directory there is nothing to be near to.
        _ => true,
    };
    if same || avoid_data_disk { beside } else { data_dir.join(OWN_DIR).join(run_id) }
}

impl Vault {
    /// Opens the vault at `dir`, making it if need be (0700). `planters`: whose symbolic links are not followed.
    ///
    /// # Errors
    /// [`VaultError::Host`]: it can't be made, or belongs to somebody else.
    pub fn open(pen: Pen, dir: &Path, planters: Planters) -> Result<Vault, VaultError> {
        let own = open_own(dir)?;
        let before = own.sub("before")?;
        let after = own.sub("after")?;
        Ok(Vault { pen, look: Look::new(), own, before, after, planters })
    }

    /// The vault's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.own.path()
    }

    /// The id of the run whose copies these are, as [`home`] put them.
    #[must_use]
    pub fn run_id(&self) -> String {
        let dir = self.dir();
        let own = if dir.ends_with("vault") { dir.parent().unwrap_or(dir) } else { dir };
        own.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// A new file in the vault for what is saved from elsewhere, such as the memory of a server.
    ///
    /// # Errors
    /// It is there already, or what the system says.
    pub fn new_file(&self, name: &str) -> Result<(PathBuf, std::fs::File), VaultError> {
        // an attempt that was cut off left half a file
        self.own.remove(name).or_else(|e| if e.is_missing() { Ok(()) } else { Err(e) })?;
        Ok((self.own.path().join(name), self.own.open_append(name, true)?))
    }

    /// Syncs a file made by [`Vault::new_file`]; its size in bytes.
    ///
    /// # Errors
    /// What the system says; what is in the file must not be relied on then.
    pub fn finish_file(&self, path: &Path, file: &std::fs::File) -> Result<u64, VaultError> {
        self.pen.sync(file, path)?;
        self.pen.sync_dir(self.own.dir())?;
        Ok(self.look.stat(path)?.size)
    }

    /// The half of the host that looks.
    #[must_use]
    pub fn look(&self) -> Look {
        self.look
    }

    /// Removes what a crash left behind in `dir`: temporaries of ours that nobody works on, and nothing else. A half-built directory goes to
    /// `after`, since it may hold what an exchange took out. Returns the paths taken away.
    ///
    /// # Errors
    /// What the system says.
    pub fn sweep_temps(&mut self, dir: &Path) -> Result<Vec<PathBuf>, VaultError> {
        let pinned = self.look.pin(dir)?;
        let mut swept = Vec::new();
        for entry in pinned.list()? {
            if !self.look.is_dead_temp(&entry.name) {
                continue;
            }
            match entry.stat.kind {
                crate::host::Kind::File => self.pen.unlink(&pinned, &entry.name)?,
                crate::host::Kind::Directory => {
                    self.put_away(&pinned, &entry.name, OsStr::new("half-built"))?;
                }
                _ => continue,
            }
            swept.push(pinned.path().join(&entry.name));
        }
        if !swept.is_empty() {
            self.pen.sync_dir(&pinned)?;
        }
        Ok(swept)
    }
}

/// Removes a run's vault for good.
///
/// # Errors
/// What the system says.
pub fn prune(dir: &Path) -> Result<(), VaultError> {
    if !Look::new().exists(dir) {
        return Ok(());
    }
    open_own(dir)?;
    let (Some(above), Some(name)) = (dir.parent(), dir.file_name().and_then(OsStr::to_str)) else {
        return Err(HostError::BadPath { path: dir.to_path_buf(), because: "it names no directory" }.into());
    };
    Ok(open_own(above)?.remove_tree(name)?)
}

/// In a data directory only the last two components are ours; elsewhere the whole path is.
fn open_own(dir: &Path) -> Result<OwnFiles, HostError> {
    let name = |path: &Path| path.file_name().and_then(OsStr::to_str).map(str::to_string);
    if name(dir).as_deref() == Some(OWN_DIR)
        && let Some(data) = dir.parent()
    {
        return OwnFiles::open_in(data, OWN_DIR);
    }
    match (dir.parent(), name(dir)) {
        (Some(above), Some(run)) if name(above).as_deref() == Some(OWN_DIR) => open_own(above)?.sub(&run),
        _ => OwnFiles::open(dir),
    }
}
