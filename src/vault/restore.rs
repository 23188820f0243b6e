//! Taking a path back to what it was, bit for bit.

use std::ffi::OsStr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::save::{copy_bytes, untold};
use super::saved::{How, Kept, Save, Saved};
use super::{Vault, VaultError};
use crate::host::{Dir, Kind, Place, Stat};

/// What an undo did to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Put {
    /// Nothing: it was as before already.
    AsBefore,
    /// Put back.
    PutBack,
    /// It is the very file that was saved, and something has appended to it since: that stays.
    Grown,
}

/// An undo of one path, verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// What was done.
    pub put: Put,
    /// What was there, and is in the vault's `after` now.
    pub kept: Vec<Kept>,
}

impl Vault {
    /// Takes a path back to what it was. What is there now goes to `after` first. May be repeated; verified at the end.
    ///
    /// # Errors
    /// [`VaultError::CopyGone`], [`VaultError::NotTheMarkedFile`], [`VaultError::NotAsBefore`]; what the system says.
    pub fn restore(&mut self, saved: &Saved) -> Result<Restored, VaultError> {
        if self.matches(saved)? {
            return Ok(Restored { put: Put::AsBefore, kept: Vec::new() });
        }
        let place = self.place_of(saved)?;
        let now = place.stat()?;
        let kept = match (saved.how, saved.was) {
            (How::Absent, _) | (_, None) => self.take_away(&place, now)?,
            (How::Owner, Some(was)) => {
                self.pen.dress_name(&place.dir, &place.name, was.owner(), Some(&saved.attrs))?;
                Vec::new()
            }
            (How::Tail, Some(was)) => {
                let mut kept = Vec::new();
                // a rewrite has given its name to another file
                if saved.copy.is_some() && !now.is_some_and(|now| now.same_inode(&was)) {
                    kept = self.put_over(&place, saved, now)?;
                }
                kept.extend(self.cut_back(&place, saved, &was)?);
                kept
            }
            (How::Link, Some(was)) if now.is_some_and(|now| now.same_inode(&was)) => {
                self.pen.dress_name(&place.dir, &place.name, was.owner(), Some(&saved.attrs))?;
                Vec::new()
            }
            (How::Link | How::Reflink | How::Copy, Some(_)) => self.put_over(&place, saved, now)?,
        };
        let put = self.settle(saved)?;
        Ok(Restored { put, kept })
    }

    /// Takes everything back, last first. May be repeated.
    ///
    /// # Errors
    /// As [`Vault::restore`]; those before the failed one stay as they are.
    pub fn restore_all(&mut self, saves: &[Save]) -> Result<Vec<Restored>, VaultError> {
        saves
            .iter()
            .rev()
            .map(|save| match save {
                Save::File(saved) => self.restore(saved),
                Save::Tree(tree) => self.restore_tree(tree),
            })
            .collect()
    }

    fn take_away(&mut self, place: &Place, now: Option<Stat>) -> Result<Vec<Kept>, VaultError> {
        let Some(now) = now else {
            return Ok(Vec::new());
        };
        let kept = match now.kind {
            Kind::File => {
                let kept = self.keep(place)?;
                self.pen.unlink(&place.dir, &place.name)?;
                vec![kept]
            }
            Kind::Directory if place.dir.open_dir(&place.name)?.list()?.is_empty() => {
                self.pen.remove_dir(&place.dir, &place.name)?;
                Vec::new()
            }
            _ => vec![self.put_away(&place.dir, &place.name, &place.name)?],
        };
        self.pen.sync_dir(&place.dir)?;
        Ok(kept)
    }

    /// Cuts off what was appended since the mark; what is cut off goes to `after`.
    pub(super) fn cut_back(&mut self, place: &Place, saved: &Saved, was: &Stat) -> Result<Vec<Kept>, VaultError> {
        let gone = || VaultError::NotTheMarkedFile { path: saved.path.clone(), size: was.size };
        let mark = saved.mark.as_ref().ok_or_else(gone)?;
        if place.stat()?.is_none() || !self.look.holds_mark(&saved.path, mark)? {
            return Err(gone());
        }
        let mut kept = Vec::new();
        if place.stat()?.is_some_and(|now| now.size > mark.size) {
            kept.push(self.keep_tail(place, mark.size)?);
            self.pen.cut_back(&place.dir, &place.name, mark.size)?;
        }
        self.pen.dress_name(&place.dir, &place.name, was.owner(), Some(&saved.attrs))?;
        self.pen.set_mtime(&place.dir.open_file(&place.name)?, &saved.path, was.mtime_ns)?;
        Ok(kept)
    }

    fn keep_tail(&mut self, place: &Place, from: u64) -> Result<Kept, VaultError> {
        use std::io::{Seek, SeekFrom};
        let path = place.path();
        let mut source = place.dir.open_file(&place.name)?;
        source.seek(SeekFrom::Start(from)).map_err(|source| crate::host::HostError::Os {
            doing: "read",
            path: path.clone(),
            source,
        })?;
        let mut name = place.name.clone();
        name.push(format!(".from-{from}"));
        let name = super::index::free_name(&self.after, &name)?;
        let to = self.after.path().join(&name);
        let mut file = self.pen.new_file(self.after.dir(), &name)?;
        self.pen.fill(&mut file, &to, &mut source, u64::MAX)?;
        self.pen.sync_dir(self.after.dir())?;
        let kept = Kept { from: path, to };
        self.note_kept(&kept)?;
        Ok(kept)
    }

    /// Renames the saved bytes over whatever is there.
    fn put_over(&mut self, place: &Place, saved: &Saved, now: Option<Stat>) -> Result<Vec<Kept>, VaultError> {
        let mut kept = Vec::new();
        let temp = crate::host::temp_name()?;
        // The old bytes are ready before anything is taken away.
        self.put_back_as(saved, &place.dir, &temp)?;
        let done = (|| {
            match now {
                Some(now) if now.kind == Kind::File => kept.push(self.keep(place)?),
                Some(_) => kept.push(self.put_away(&place.dir, &place.name, &place.name)?),
                None => {}
            }
            Ok(self.pen.rename(&place.dir, &temp, &place.dir, &place.name)?)
        })();
        if let Err(e) = done {
            let _ = self.pen.unlink(&place.dir, &temp);
            return Err(e);
        }
        self.pen.sync_dir(&place.dir)?;
        Ok(kept)
    }

    /// Gives the saved bytes the name `name` (free until now) in a directory, dressed as they were. Behind a mark the
    /// file may be longer than it was: [`Vault::cut_back`] comes after.
    pub(super) fn put_back_as(&self, saved: &Saved, dir: &Dir, name: &OsStr) -> Result<(), VaultError> {
        let (Some(was), Some(copy)) = (saved.was, saved.copy.as_deref()) else {
            return Err(VaultError::NotSavedForThis { path: saved.path.clone(), how: saved.how });
        };
        self.copy_is_whole(saved, &was, copy)?;
        let linked = matches!(saved.how, How::Link | How::Tail) && self.link_back(copy, dir, name)?;
        if !linked && let Err(e) = self.copy_back(saved, copy, dir, name) {
            let _ = self.pen.unlink(dir, name);
            // On a full disk the vault's own copy gets a second name: that takes no space.
            let full = e.host().is_some_and(crate::host::HostError::is_full);
            if !full || !self.link_back(copy, dir, name)? {
                return Err(e);
            }
        }
        self.pen.dress_name(dir, name, was.owner(), Some(&saved.attrs))?;
        let file = dir.open_file(name)?;
        let path = dir.path().join(name);
        if self.look.stat_open(&file, &path)?.size == was.size {
            self.pen.set_mtime(&file, &path, was.mtime_ns)?;
        }
        Ok(self.pen.sync(&file, &path)?)
    }

    fn copy_is_whole(&self, saved: &Saved, was: &Stat, copy: &Path) -> Result<(), VaultError> {
        let gone = |because: &str| Err(VaultError::copy_gone(&saved.path, copy, because));
        let Some(stat) = self.look.lstat_if_there(copy)? else {
            return gone("is not there");
        };
        if stat.kind != Kind::File {
            return gone("is no file");
        }
        // A linked file may have been appended to through its other name; the others are nobody's but ours.
        if stat.size < was.size || (stat.size > was.size && !matches!(saved.how, How::Link | How::Tail)) {
            return gone("has another size");
        }
        if saved.how == How::Tail
            && let Some(mark) = &saved.mark
            && !self.look.holds_mark(copy, mark)?
        {
            return gone("no longer begins with the bytes it had");
        }
        if stat.size == was.size
            && let Some(digest) = &saved.digest
            && *digest != self.look.digest(copy)?
        {
            return gone("does not hold the bytes any more");
        }
        Ok(())
    }

    fn link_back(&self, copy: &Path, dir: &Dir, name: &OsStr) -> Result<bool, VaultError> {
        let place = self.pinned(copy)?;
        Ok(self.pen.link(&place.dir, &place.name, dir, name)?)
    }

    fn copy_back(&self, saved: &Saved, copy: &Path, dir: &Dir, name: &OsStr) -> Result<(), VaultError> {
        let mut from = self.look.open_no_link(copy)?;
        let path = dir.path().join(name);
        let mut file = self.pen.new_file(dir, name)?;
        let limit = saved.mark.as_ref().filter(|_| saved.how == How::Tail).map_or(u64::MAX, |mark| mark.size);
        let digest = copy_bytes(&self.pen, &mut from, &mut file, &path, limit, &mut untold)?;
        match (&saved.digest, digest) {
            (Some(wanted), Some(got)) if *wanted != got => {
                Err(VaultError::copy_gone(&saved.path, copy, "does not hold the bytes any more"))
            }
            _ => Ok(()),
        }
    }

    fn settle(&self, saved: &Saved) -> Result<Put, VaultError> {
        let Some(because) = self.differs(saved)? else {
            return Ok(Put::PutBack);
        };
        if self.has_only_grown(saved)? {
            return Ok(Put::Grown);
        }
        Err(VaultError::NotAsBefore { path: saved.path.clone(), because })
    }
}
