//! A file that shares its inode with somebody else's (a store's backup, linked to begin at once) gets bytes of its own,
//! while a server loads it: a link costs nothing, but whoever writes into the backup in place later would write into the
//! server's data too.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::save::{copy_bytes, untold};
use super::{Vault, VaultError};
use crate::host::{Dir, Owner, Pen, Stat};

/// A copy under way; it can be made by another thread. Dropped before it is put in place, it is removed.
#[derive(Debug)]
pub struct Unsharing {
    pen: Pen,
    dir: Dir,
    name: OsString,
    temp: OsString,
    from: File,
    file: File,
    was: Stat,
    owner: Owner,
    put: bool,
}

impl Vault {
    /// Begins to give a file bytes of its own, under a temporary name beside it.
    ///
    /// # Errors
    /// What the system says.
    pub fn unshare(&self, path: &Path, owner: Owner) -> Result<Unsharing, VaultError> {
        let place = self.pinned(path)?;
        let from = place.dir.open_file(&place.name)?;
        let was = self.look.stat_open(&from, path)?;
        let (file, temp) = self.pen.temp_file(&place.dir)?;
        let pen = self.pen.for_thread();
        Ok(Unsharing { pen, dir: place.dir, name: place.name, temp, from, file, was, owner, put: false })
    }
}

impl Unsharing {
    /// Copies, syncs and reads back. The file in place is not touched.
    ///
    /// # Errors
    /// [`VaultError::Changing`] when somebody writes into it meanwhile; what the system says (no space).
    pub fn copy(&mut self) -> Result<(), VaultError> {
        let (path, temp) = (self.dir.path().join(&self.name), self.dir.path().join(&self.temp));
        copy_bytes(&self.pen, &mut self.from, &mut self.file, &temp, u64::MAX, &mut untold)?;
        let now: Stat = crate::host::Look::new().stat_open(&self.from, &path)?;
        if now.size != self.was.size || now.mtime_ns != self.was.mtime_ns {
            return Err(VaultError::Changing { path });
        }
        self.pen.dress(&self.file, &temp, self.owner, None)?;
        Ok(self.pen.sync(&self.file, &temp)?)
    }

    /// Puts the copy in the place of the link at one instant. A server that reads the link goes on reading it. Returns
    /// what was there, and what is there now.
    ///
    /// # Errors
    /// What the system says.
    pub fn put(mut self) -> Result<(PathBuf, Stat, Stat), VaultError> {
        self.pen.rename(&self.dir, &self.temp, &self.dir, &self.name)?;
        self.put = true;
        self.pen.sync_dir(&self.dir)?;
        let path = self.dir.path().join(&self.name);
        let now = crate::host::Look::new().stat_open(&self.file, &path)?;
        Ok((path, self.was, now))
    }
}

impl Drop for Unsharing {
    fn drop(&mut self) {
        if !self.put {
            // what can't be removed is swept later
            let _ = self.pen.unlink(&self.dir, &self.temp);
        }
    }
}
