//! Changing what was saved: replace, create, remove, another owner.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::save::{Told, copy_bytes, untold};
use super::saved::{How, Saved};
use super::{Vault, VaultError};
use crate::host::{Access, Attr, Dir, HostError, Kind, Owner, Place, Stat};

/// What a new file is to hold.
pub enum Content<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// The bytes of a file, or only the first `len` of them; shared with it where the filesystem can.
    File {
        /// The file.
        path: &'a Path,
        /// How many bytes; `None`: all.
        len: Option<u64>,
    },
    /// All that this gives.
    Reader(&'a mut dyn Read),
}

/// Whose owner, mode, ACL and label a new file gets.
#[derive(Clone, Copy, Debug)]
pub enum Like<'a> {
    /// Those of the file it replaces.
    Saved,
    /// Those of this file.
    Path(&'a Path),
    /// These; no ACL, the directory's label.
    Owner(Owner),
}

/// What was put in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its size in bytes.
    pub bytes: u64,
    /// blake3, hexadecimal; `None` when the blocks are shared with a file and were not read.
    pub digest: Option<String>,
}

impl Vault {
    /// Replaces a saved file at one instant: a temporary beside it, read back, synced, owner and mode set, renamed over.
    ///
    /// Should something else than what was saved be there by now, it goes to `after` first: nothing is lost.
    ///
    /// # Errors
    /// [`VaultError::NotSavedForThis`]; [`VaultError::MountPoint`]; what the system says. The old file is then still there.
    pub fn replace(&mut self, saved: &Saved, content: Content<'_>, like: Like<'_>) -> Result<Placed, VaultError> {
        match saved.how {
            How::Link | How::Reflink | How::Copy => self.put(saved, content, like),
            how => Err(VaultError::NotSavedForThis { path: saved.path.clone(), how }),
        }
    }

    /// Creates a file where there was none, as [`Vault::replace`] replaces one.
    ///
    /// # Errors
    /// As [`Vault::replace`]; [`VaultError::NothingToBeLike`] for [`Like::Saved`].
    pub fn create(&mut self, absent: &Saved, content: Content<'_>, like: Like<'_>) -> Result<Placed, VaultError> {
        match absent.how {
            How::Absent => self.put(absent, content, like),
            how => Err(VaultError::NotSavedForThis { path: absent.path.clone(), how }),
        }
    }

    fn put(&mut self, saved: &Saved, content: Content<'_>, like: Like<'_>) -> Result<Placed, VaultError> {
        let place = self.place_of(saved)?;
        if self.look.is_mount_point(&saved.path) {
            return Err(VaultError::MountPoint { path: saved.path.clone() });
        }
        self.keep_what_was_not_saved(&place, saved)?;
        let (owner, attrs) = self.likeness(saved, like)?;
        let (mut file, temp) = self.pen.temp_file(&place.dir)?;
        let path = place.dir.path().join(&temp);
        let fill = || -> Result<Placed, VaultError> {
            // dressed first: its one sync comes with the bytes
            self.pen.dress(&file, &path, owner, attrs.as_deref())?;
            let placed = self.pour(&mut file, &path, content, &mut untold)?;
            self.pen.rename(&place.dir, &temp, &place.dir, &place.name)?;
            Ok(placed)
        };
        let placed = match fill() {
            Ok(placed) => placed,
            Err(e) => {
                let _ = self.pen.unlink(&place.dir, &temp);
                return Err(e);
            }
        };
        self.pen.sync_dir(&place.dir)?;
        Ok(placed)
    }

    /// Removes a saved file. Gone already is no error; something else than what was saved goes to `after` first.
    ///
    /// # Errors
    /// [`VaultError::NotSavedForThis`] for a save without bytes; what the system says.
    pub fn remove(&mut self, saved: &Saved) -> Result<(), VaultError> {
        if matches!(saved.how, How::Tail | How::Owner) {
            return Err(VaultError::NotSavedForThis { path: saved.path.clone(), how: saved.how });
        }
        let place = match self.place_of(saved) {
            Err(VaultError::Host(e)) if e.is_missing() => return Ok(()),
            other => other?,
        };
        self.keep_what_was_not_saved(&place, saved)?;
        self.pen.unlink(&place.dir, &place.name)?;
        self.pen.sync_dir(&place.dir)?;
        Ok(())
    }

    /// Removes for good a file that is worth nothing to anybody, as the plan said with its size. The one removal without a
    /// save: half-written files of dead processes fill the disk, and a copy of them would fill the next one.
    ///
    /// # Errors
    /// [`VaultError::NotAsPlanned`]: it is no plain file of this size any more, and is left alone. What the system says.
    pub fn discard(&mut self, path: &Path, bytes: u64) -> Result<(), VaultError> {
        let place = self.pinned(path)?;
        match place.stat()? {
            Some(now) if now.kind == Kind::File && now.size == bytes => {}
            _ => return Err(VaultError::NotAsPlanned { path: path.to_path_buf() }),
        }
        self.pen.unlink(&place.dir, &place.name)?;
        Ok(self.pen.sync_dir(&place.dir)?)
    }

    /// Gives a saved file or directory another owner and mode, and these attributes; all others stay.
    ///
    /// # Errors
    /// [`VaultError::NotSavedForThis`] for a path that was absent; what the system says.
    pub fn set_owner(&mut self, saved: &Saved, owner: Owner, attrs: &[Attr]) -> Result<(), VaultError> {
        if saved.is_absent() {
            return Err(VaultError::NotSavedForThis { path: saved.path.clone(), how: saved.how });
        }
        let place = self.place_of(saved)?;
        let others = saved.attrs.iter().filter(|was| attrs.iter().all(|new| new.name != was.name));
        let all: Vec<Attr> = others.chain(attrs).cloned().collect();
        let all = (!attrs.is_empty()).then_some(all.as_slice());
        Ok(self.pen.dress_name(&place.dir, &place.name, owner, all)?)
    }

    /// Makes a directory where there was nothing. There already is no error.
    ///
    /// # Errors
    /// [`VaultError::NotSavedForThis`] when there was something; what the system says.
    pub fn make_dir(&mut self, absent: &Saved, owner: Owner) -> Result<(), VaultError> {
        if !absent.is_absent() {
            return Err(VaultError::NotSavedForThis { path: absent.path.clone(), how: absent.how });
        }
        let place = self.place_of(absent)?;
        match place.stat()? {
            Some(stat) if stat.kind == Kind::Directory => {}
            _ => self.pen.make_dir(&place.dir, &place.name, 0o700)?,
        }
        self.pen.dress_name(&place.dir, &place.name, owner, None)?;
        Ok(self.pen.sync_dir(&place.dir)?)
    }

    /// The place of a saved path; its directory was resolved when it was saved, so a link in it now is somebody's doing.
    pub(super) fn place_of(&self, saved: &Saved) -> Result<Place, VaultError> {
        let place = self.pinned(&saved.path)?;
        if place.path() != saved.path {
            let because = "a directory on the way to it is a link now";
            return Err(HostError::BadPath { path: saved.path.clone(), because }.into());
        }
        Ok(place)
    }

    /// Pins a path's directory, and names what is in it, whatever that is.
    pub(super) fn pinned(&self, path: &Path) -> Result<Place, HostError> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(HostError::BadPath { path: path.to_path_buf(), because: "it names no file" });
        };
        let dir: Dir = self.look.pin(parent)?;
        Ok(Place { dir, name: name.to_os_string(), via: None })
    }

    /// Opens a file whose bytes are going to be the server's. A link that the server's user could have planted is refused:
    /// it may lead to what that user may not read, and so is another name of a file that it may not read, where the kernel
    /// lets users link the files of others.
    ///
    /// # Errors
    /// [`HostError::LinkRefused`]; what the system says.
    pub fn open_source(&self, path: &Path) -> Result<File, VaultError> {
        let Some((uid, groups)) = self.planters.server.as_ref().filter(|(uid, _)| *uid != 0) else {
            return Ok(self.look.open_to_walk(path)?);
        };
        let place = self.look.place(path, &self.planters)?;
        let file = place.dir.open_file(&place.name)?;
        let stat = self.look.stat_open(&file, path)?;
        let theirs = stat.nlink == 1 || stat.allows(*uid, groups, Access::Read) || self.look.links_are_protected();
        match self.planters.of(&place.dir.stat()?).filter(|_| !theirs) {
            Some(who) => Err(HostError::LinkRefused { path: place.path(), who }.into()),
            None => Ok(file),
        }
    }

    /// What turned up at the place since it was saved goes to `after`.
    fn keep_what_was_not_saved(&mut self, place: &Place, saved: &Saved) -> Result<(), VaultError> {
        let Some(now) = place.stat()? else {
            return Ok(());
        };
        let is_saved = saved.was.is_some_and(|was| match saved.how {
            How::Link => was.same_inode(&now),
            _ => was.same_inode(&now) && was.size == now.size && was.mtime_ns == now.mtime_ns,
        });
        if is_saved {
            return Ok(());
        }
        if now.kind == Kind::File {
            self.keep(place)?;
        } else {
            self.put_away(&place.dir, &place.name, &place.name)?;
        }
        Ok(())
    }

    fn likeness(&self, saved: &Saved, like: Like<'_>) -> Result<(Owner, Option<Vec<Attr>>), VaultError> {
        match (like, &saved.was) {
            (Like::Saved, Some(was)) => Ok((was.owner(), Some(saved.attrs.clone()))),
            (Like::Saved, None) => Err(VaultError::NothingToBeLike { path: saved.path.clone() }),
            (Like::Owner(owner), _) => Ok((owner, None)),
            (Like::Path(path), _) => {
                let file = self.look.open(path)?;
                let stat: Stat = self.look.stat_open(&file, path)?;
                Ok((stat.owner(), Some(self.look.attrs(&file, path)?)))
            }
        }
    }

    /// Fills an open, empty file of ours. Synced, and read back, when this returns.
    pub(super) fn pour(
        &self,
        file: &mut File,
        path: &Path,
        content: Content<'_>,
        told: &mut Told<'_>,
    ) -> Result<Placed, VaultError> {
        let (digest, wanted) = match content {
            Content::Bytes(mut bytes) => (Some(self.pen.fill(file, path, &mut bytes, u64::MAX)?.digest), None),
            Content::Reader(reader) => (Some(self.pen.fill(file, path, reader, u64::MAX)?.digest), None),
            Content::File { path: source, len } => {
                let mut from = self.open_source(source)?;
                let size = self.look.stat_open(&from, source)?.size;
                let len = len.unwrap_or(size);
                if len > size {
                    let because = format!("{len} bytes of {size}");
                    return Err(VaultError::Unexpected { path: path.to_path_buf(), because });
                }
                (copy_bytes(&self.pen, &mut from, file, path, len, told)?, Some(len))
            }
        };
        let bytes = self.look.stat_open(file, path)?.size;
        match wanted {
            Some(len) if len != bytes => {
                let because = format!("{bytes} bytes instead of {len}");
                Err(VaultError::Unexpected { path: path.to_path_buf(), because })
            }
            _ => Ok(Placed { bytes, digest }),
        }
    }
}
