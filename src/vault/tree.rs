//! Whole directories: removing one, and making it anew exactly as it was.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use super::compare::facts_differ;
use super::restore::{Put, Restored};
use super::saved::{How, Kept, Saved, SavedTree};
use super::{Vault, VaultError};
use crate::host::{Kind, Place};

impl Vault {
    /// Takes a saved directory away, at one instant; it goes to `after` as a whole. Gone already is no error.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove_tree(&mut self, tree: &SavedTree) -> Result<Option<Kept>, VaultError> {
        let place = match self.pinned(&tree.dir) {
            Err(e) if e.is_missing() => return Ok(None),
            other => other?,
        };
        match place.stat()? {
            None => Ok(None),
            Some(_) => Ok(Some(self.put_away(&place.dir, &place.name, &place.name)?)),
        }
    }

    /// Whether a directory is as it was saved: its files bit for bit, its owner and mode, and nothing beside them.
    ///
    /// # Errors
    /// As [`Vault::matches`].
    pub fn matches_tree(&self, tree: &SavedTree) -> Result<bool, VaultError> {
        Ok(self.tree_differs(tree)?.is_none())
    }

    /// In what a directory differs from what was saved; `None` when in nothing.
    ///
    /// # Errors
    /// As [`Vault::matches`].
    pub fn tree_differs(&self, tree: &SavedTree) -> Result<Option<String>, VaultError> {
        // what is only linked goes on growing in the vault too: there is nothing to take it back to
        self.tree_differs_beyond(tree, |saved| saved.how == How::Link)
    }

    /// As [`Vault::tree_differs`], where those files that `may` have only grown are left out.
    fn tree_differs_beyond(
        &self,
        tree: &SavedTree,
        may: impl Fn(&Saved) -> bool,
    ) -> Result<Option<String>, VaultError> {
        let now = match self.pinned(&tree.dir) {
            Err(e) if e.is_missing() => None,
            other => other?.stat()?,
        };
        let (was, now) = match (tree.was, now) {
            (None, None) => return Ok(None),
            (None, Some(now)) => {
                return Ok(Some(format!("there was nothing, now there is a {}", now.kind)));
            }
            (Some(_), None) => return Ok(Some("it is not there".to_string())),
            (Some(was), Some(now)) => (was, now),
        };
        if let Some(because) = facts_differ(&was, &now, false) {
            return Ok(Some(because));
        }
        let had = names_of(tree);
        let entries = self.look.list(&tree.dir)?;
        if let Some(new) = entries.iter().find(|entry| !had.contains(entry.name.as_os_str())) {
            return Ok(Some(format!("{} was not in it", crate::host::shown(new.name.as_ref()))));
        }
        for saved in &tree.files {
            if let Some(because) = self.differs(saved)?
                && !(may(saved) && self.has_only_grown(saved)?)
            {
                return Ok(Some(format!("{}: {because}", crate::host::shown(&saved.path))));
            }
        }
        Ok(None)
    }

    /// Takes a directory back to what it was: built anew beside it, then exchanged, so that at every instant it is
    /// either as before the undo or as before the run. May be repeated; verified at the end.
    ///
    /// Files with a mark are cut back last, in place: between the two moves they hold what was saved, and behind it what
    /// was appended; never less, and never with another file's later bytes behind the cut.
    ///
    /// # Errors
    /// As [`Vault::restore`]; [`VaultError::NoExchange`].
    pub fn restore_tree(&mut self, tree: &SavedTree) -> Result<Restored, VaultError> {
        if self.matches_tree(tree)? {
            return Ok(Restored { put: Put::AsBefore, kept: Vec::new() });
        }
        let live = self.pinned(&tree.dir)?;
        let mut kept = Vec::new();
        if tree.was.is_none() {
            kept.extend(self.remove_tree(tree)?);
        } else if self.tree_differs_beyond(tree, |_| true)?.is_some() {
            kept = self.make_anew(&live, tree)?;
        }
        for saved in tree.files.iter().filter(|saved| saved.how == How::Tail) {
            if let Some(was) = saved.was {
                kept.extend(self.cut_back(&self.place_of(saved)?, saved, &was)?);
            }
        }
        match self.tree_differs(tree)? {
            None => Ok(Restored { put: Put::PutBack, kept }),
            Some(because) => Err(VaultError::NotAsBefore { path: tree.dir.clone(), because }),
        }
    }

    fn make_anew(&mut self, live: &Place, tree: &SavedTree) -> Result<Vec<Kept>, VaultError> {
        let name = self.pen.temp_dir(&live.dir)?;
        let new = Place { dir: self.look.pin(live.dir.path())?, name, via: None };
        let done = self.fill_anew(&new, tree).and_then(|()| self.swap(&new, live, tree));
        if done.is_err()
            && let Ok(dir) = new.dir.open_dir(&new.name)
        {
            self.clear_links(&dir, tree);
            let _ = self.pen.remove_dir(&new.dir, &new.name);
        }
        done
    }

    fn fill_anew(&self, new: &Place, tree: &SavedTree) -> Result<(), VaultError> {
        let dir = new.dir.open_dir(&new.name)?;
        for saved in &tree.files {
            let Some(name) = saved.path.file_name() else {
                continue;
            };
            self.put_back_as(saved, &dir, name)?;
        }
        self.pen.sync_dir(&dir)?;
        if let Some(was) = tree.was {
            self.pen.dress_name(&new.dir, &new.name, was.owner(), Some(&tree.attrs))?;
        }
        Ok(self.pen.sync_dir(&new.dir)?)
    }

    /// After a failure: removes what the vault has too. If the exchange was done already, this is the directory it took
    /// out, and only the files that are the vault's own inodes are known to have another name.
    fn clear_links(&self, dir: &crate::host::Dir, tree: &SavedTree) {
        for entry in dir.list().unwrap_or_default() {
            let in_vault = tree.files.iter().filter_map(|saved| saved.copy.as_deref()).any(|copy| {
                self.look.lstat(copy).is_ok_and(|stat| stat.same_inode(&entry.stat) && stat.kind == Kind::File)
            });
            if in_vault {
                let _ = self.pen.unlink(dir, &entry.name);
            }
        }
    }
}

fn names_of(tree: &SavedTree) -> BTreeSet<&OsStr> {
    let files = tree.files.iter().filter_map(|saved| saved.path.file_name());
    files.chain(tree.left_alone.iter().map(|name| name.as_os_str())).collect()
}
