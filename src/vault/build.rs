//! Building a whole directory beside a live one, and exchanging the two at one instant.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::save::{Told, open_any, untold};
use super::saved::{How, Kept, SavedTree};
use super::write::{Content, Placed};
use super::{Vault, VaultError};
use crate::host::{Attr, Dir, HostError, Kind, Owner, Place};

/// A directory being built beside the one it will replace. Dropped before [`BuildDir::finish`], it is removed.
#[derive(Debug)]
pub struct BuildDir<'a> {
    vault: &'a Vault,
    parent: Dir,
    name: OsString,
    dir: Dir,
    owner: Owner,
    finished: bool,
}

/// A directory that is built, synced and dressed, under a temporary name.
#[must_use = "it is not in its place yet"]
#[derive(Debug)]
pub struct BuiltDir {
    path: PathBuf,
}

impl BuiltDir {
    /// Where it is now.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Vault {
    /// Begins a directory beside `live`, with the owner and mode it will have.
    ///
    /// # Errors
    /// What the system says.
    pub fn build_dir(&self, live: &Path, owner: Owner) -> Result<BuildDir<'_>, VaultError> {
        let Place { dir: parent, .. } = self.pinned(live)?;
        let name = self.pen.temp_dir(&parent)?;
        let dir = parent.open_dir(&name)?;
        Ok(BuildDir { vault: self, parent, name, dir, owner, finished: false })
    }

    /// Removes a built directory that is not put in any place, with what a server may have made in it.
    ///
    /// # Errors
    /// What the system says.
    pub fn take_down(&self, built: BuiltDir) -> Result<(), VaultError> {
        let place = self.pinned(&built.path)?;
        if place.stat()?.is_none() {
            return Ok(());
        }
        for entry in place.dir.open_dir(&place.name)?.list()? {
            self.pen.unlink(&place.dir.open_dir(&place.name)?, &entry.name)?;
        }
        self.pen.remove_dir(&place.dir, &place.name)?;
        Ok(self.pen.sync_dir(&place.dir)?)
    }

    /// Puts a built directory in the place of a saved one, at one instant; the old one goes to `after`. What was left
    /// alone in the old one is moved to the new one. A place where nothing is, is simply taken.
    ///
    /// # Errors
    /// [`VaultError::NoExchange`]; what the system says.
    pub fn exchange_dir(&mut self, built: BuiltDir, tree: &SavedTree) -> Result<Vec<Kept>, VaultError> {
        let live = self.pinned(&tree.dir)?;
        let new = self.pinned(&built.path)?;
        self.dress_like(&new, tree)?;
        self.swap(&new, &live, tree)
    }

    /// Gives a built directory and its files the attributes that the saved ones had, ACL and label among them. A file of
    /// another name gets the ACL and label of the first; one with a second name is not ours alone, and stays.
    fn dress_like(&self, built: &Place, tree: &SavedTree) -> Result<(), VaultError> {
        let Some(was) = tree.was.filter(|was| was.kind == Kind::Directory) else {
            return Ok(());
        };
        let dir = built.dir.open_dir(&built.name)?;
        let usual: Vec<Attr> =
            tree.files.first().map_or(&[][..], |f| &f.attrs).iter().filter(|a| a.is_right()).cloned().collect();
        for entry in dir.list()?.into_iter().filter(|e| e.stat.kind == Kind::File && e.stat.nlink == 1) {
            let same = tree.files.iter().find(|f| f.path.file_name() == Some(&entry.name));
            let attrs = same.map_or(usual.as_slice(), |f| &f.attrs);
            if !attrs.is_empty() {
                self.pen.dress_name(&dir, &entry.name, entry.stat.owner(), Some(attrs))?;
            }
        }
        if !tree.attrs.is_empty() {
            let now = dir.stat()?.owner();
            self.pen.dress_name(&built.dir, &built.name, Owner { mode: was.mode, ..now }, Some(&tree.attrs))?;
        }
        Ok(())
    }

    pub(super) fn swap(&mut self, new: &Place, live: &Place, tree: &SavedTree) -> Result<Vec<Kept>, VaultError> {
        let Some(now) = live.stat()? else {
            self.pen.rename_new(&new.dir, &new.name, &live.dir, &live.name)?;
            self.pen.sync_dir(&live.dir)?;
            return Ok(Vec::new());
        };
        if now.kind == Kind::Directory {
            let fresh = new.dir.open_dir(&new.name)?;
            for name in &tree.left_alone {
                if fresh.stat_name(name.as_os_str())?.is_some() {
                    let because = "it is no regular file, and has the name of one that is to be put there".to_string();
                    return Err(VaultError::Unexpected { path: live.path().join(name), because });
                }
            }
        }
        match self.pen.exchange(&new.dir, &new.name, &live.dir, &live.name) {
            Err(e) if cannot_exchange(&e) => {
                return Err(VaultError::NoExchange { path: live.path() });
            }
            other => other?,
        }
        self.pen.sync_dir(&live.dir)?;
        if now.kind == Kind::Directory {
            let (old, fresh) = (new.dir.open_dir(&new.name)?, live.dir.open_dir(&live.name)?);
            for name in &tree.left_alone {
                if old.stat_name(name.as_os_str())?.is_some() {
                    self.pen.rename_new(&old, name.as_os_str(), &fresh, name.as_os_str())?;
                }
            }
            self.pen.sync_dir(&fresh)?;
        }
        Ok(vec![self.put_away(&new.dir, &new.name, &live.name)?])
    }
}

fn cannot_exchange(e: &HostError) -> bool {
    use nix::errno::Errno;
    [Errno::EINVAL, Errno::ENOSYS, Errno::EOPNOTSUPP, Errno::EXDEV].iter().any(|no| e.errno() == Some(*no as i32))
}

impl BuildDir<'_> {
    /// Where it is being built.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Adds a file; read back and synced.
    ///
    /// # Errors
    /// EEXIST; as [`Vault::replace`].
    pub fn add_file(&mut self, name: &str, content: Content<'_>, owner: Owner) -> Result<Placed, VaultError> {
        self.add_file_telling(name, content, owner, &mut untold)
    }

    /// As [`BuildDir::add_file`]; the copy of a file tells how far it is.
    ///
    /// # Errors
    /// As [`BuildDir::add_file`].
    pub fn add_file_telling(
        &mut self,
        name: &str,
        content: Content<'_>,
        owner: Owner,
        told: &mut Told<'_>,
    ) -> Result<Placed, VaultError> {
        let name = self.one_name(name)?;
        let path = self.dir.path().join(name);
        let mut file = self.vault.pen.new_file(&self.dir, name)?;
        // dressed first: its one sync comes with the bytes
        self.vault.pen.dress(&file, &path, owner, None)?;
        self.vault.pour(&mut file, &path, content, told)
    }

    /// Adds a file that is somewhere already: by a second name if that is allowed and owner and mode are right as they
    /// are, else by sharing its blocks, else by a copy. A file of somebody else (a store's) must not be linked: what the
    /// server then writes would be written to it too.
    ///
    /// # Errors
    /// EEXIST; as [`Vault::replace`].
    pub fn add_link_or_copy(
        &mut self,
        source: &Path,
        name: &str,
        may_link: bool,
        owner: Owner,
    ) -> Result<How, VaultError> {
        let to = self.one_name(name)?;
        let from = self.vault.pinned(source)?;
        let as_wanted = from.stat()?.is_some_and(|stat| stat.kind == Kind::File && stat.owner() == owner);
        if may_link && as_wanted && self.vault.pen.link(&from.dir, &from.name, &self.dir, to)? {
            return Ok(How::Link);
        }
        let placed = self.add_file(name, Content::File { path: source, len: None }, owner)?;
        Ok(if placed.digest.is_some() { How::Copy } else { How::Reflink })
    }

    /// Adds a second name of a file, with its owner and mode as they are: theirs who own it, so nothing is set. `false`
    /// where a link can't be made, or the file carries an ACL or a label of its own. Whoever writes into the file in place
    /// writes into both: [`Vault::unshare`] ends that.
    ///
    /// # Errors
    /// EEXIST; what the system says.
    pub fn add_link(&mut self, source: &Path, name: &str) -> Result<bool, VaultError> {
        let to = self.one_name(name)?;
        let from = self.vault.pinned(source)?;
        let Some(stat) = from.stat()?.filter(|stat| stat.kind == Kind::File) else {
            return Ok(false);
        };
        let file = open_any(&from, &stat)?;
        if !self.vault.look.attrs(&file, source)?.is_empty() {
            return Ok(false);
        }
        // the bytes may still be on their way to the disk
        self.vault.pen.sync(&file, source)?;
        Ok(self.vault.pen.link(&from.dir, &from.name, &self.dir, to)?)
    }

    /// Dresses and syncs the directory. It is still under its temporary name.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(mut self) -> Result<BuiltDir, VaultError> {
        self.vault.pen.sync_dir(&self.dir)?;
        self.vault.pen.dress_name(&self.parent, &self.name, self.owner, None)?;
        self.vault.pen.sync_dir(&self.parent)?;
        self.finished = true;
        Ok(BuiltDir { path: self.parent.path().join(&self.name) })
    }

    fn one_name<'n>(&self, name: &'n str) -> Result<&'n OsStr, HostError> {
        if name.is_empty() || name.contains('/') || name == "." || name == ".." {
            let because = "a name in a directory was expected";
            return Err(HostError::BadPath { path: self.dir.path().join(name), because });
        }
        Ok(OsStr::new(name))
    }
}

impl Drop for BuildDir<'_> {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        // Everything in it has another copy elsewhere; what can't be removed is swept later.
        for entry in self.dir.list().unwrap_or_default() {
            let _ = self.vault.pen.unlink(&self.dir, &entry.name);
        }
        let _ = self.vault.pen.remove_dir(&self.parent, &self.name);
    }
}
