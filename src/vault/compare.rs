//! Whether a path is what it was, bit for bit.

use super::save::open_any;
use super::saved::{How, Save, Saved};
use super::{Vault, VaultError};
use crate::host::{Attr, Place, Stat};

impl Vault {
    /// Whether a path is bit for bit as it was saved: bytes, owner, mode, time, ACL; absent is absent.
    ///
    /// # Errors
    /// The path, or its copy, can't be read.
    pub fn matches(&self, saved: &Saved) -> Result<bool, VaultError> {
        Ok(self.differs(saved)?.is_none())
    }

    /// In what a path differs from what was saved; `None` when in nothing.
    ///
    /// # Errors
    /// As [`Vault::matches`].
    pub fn differs(&self, saved: &Saved) -> Result<Option<String>, VaultError> {
        let place = match self.place_of(saved) {
            Err(VaultError::Host(e)) if e.is_missing() => {
                return Ok(saved.was.map(|_| "its directory is not there".to_string()));
            }
            other => other?,
        };
        let (was, now) = match (saved.was, place.stat()?) {
            (None, None) => return Ok(None),
            (None, Some(now)) => {
                return Ok(Some(format!("there was nothing, now there is a {}", now.kind)));
            }
            (Some(_), None) => return Ok(Some("it is not there".to_string())),
            (Some(was), Some(now)) => (was, now),
        };
        if let Some(because) = facts_differ(&was, &now, saved.how != How::Owner) {
            return Ok(Some(because));
        }
        if self.attrs_differ(&place, &now, &saved.attrs, saved.how == How::Owner)? {
            return Ok(Some("its ACL or attributes differ".to_string()));
        }
        let same = match saved.how {
            How::Absent | How::Owner => true,
            How::Link if was.same_inode(&now) => true,
            How::Tail => match &saved.mark {
                Some(mark) => self.look.holds_mark(&saved.path, mark)?,
                None => false,
            },
            How::Link | How::Reflink | How::Copy => match (&saved.digest, &saved.copy) {
                (Some(digest), _) => *digest == self.look.digest(&saved.path)?,
                (None, Some(copy)) => self.look.same_bytes(&saved.path, copy)?,
                (None, None) => false,
            },
        };
        Ok((!same).then(|| "its bytes differ".to_string()))
    }

    /// `label`: also the SELinux label. That of a file made anew may follow its directory's rule instead (see `host`).
    fn attrs_differ(&self, place: &Place, now: &Stat, saved: &[Attr], label: bool) -> Result<bool, VaultError> {
        let chosen =
            |attrs: &[Attr]| -> Vec<Attr> { attrs.iter().filter(|attr| label || !attr.is_label()).cloned().collect() };
        match open_any(place, now) {
            Ok(file) => Ok(chosen(&self.look.attrs(&file, &place.path())?) != chosen(saved)),
            Err(e) if e.is_denied() => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// In what anything differs from what was saved; `None` when in nothing.
    ///
    /// # Errors
    /// As [`Vault::matches`].
    pub fn differs_any(&self, saves: &[Save]) -> Result<Option<String>, VaultError> {
        for save in saves {
            let differs = match save {
                Save::File(saved) => self.differs(saved)?,
                Save::Tree(tree) => self.tree_differs(tree)?,
            };
            if let Some(because) = differs {
                return Ok(Some(format!("{}: {because}", crate::host::shown(save.path()))));
            }
        }
        Ok(None)
    }

    /// Whether the path is the very inode that was linked (or linked and marked), with all it held then at its beginning.
    ///
    /// # Errors
    /// As [`Vault::matches`].
    pub fn has_only_grown(&self, saved: &Saved) -> Result<bool, VaultError> {
        let (How::Link | How::Tail, Some(was)) = (saved.how, saved.was) else {
            return Ok(false);
        };
        let Some(now) = self.place_of(saved)?.stat()? else {
            return Ok(false);
        };
        if !now.same_inode(&was) || now.owner() != was.owner() || now.size < was.size {
            return Ok(false);
        }
        match (&saved.mark, &saved.digest) {
            (Some(mark), _) => Ok(self.look.holds_mark(&saved.path, mark)?),
            (None, Some(digest)) => {
                let bytes = self.look.read_at(&saved.path, 0, was.size)?;
                Ok(blake3::hash(&bytes).to_hex().as_str() == digest)
            }
            (None, None) => Ok(false),
        }
    }
}

/// In what the facts of a file differ; its size and time only where its bytes were saved.
pub(super) fn facts_differ(was: &Stat, now: &Stat, bytes_too: bool) -> Option<String> {
    if was.kind != now.kind {
        return Some(format!("it was a {}, now it is a {}", was.kind, now.kind));
    }
    if (was.uid, was.gid) != (now.uid, now.gid) {
        return Some(format!("it belonged to {}:{}, now to {}:{}", was.uid, was.gid, now.uid, now.gid));
    }
    if was.mode != now.mode {
        return Some(format!("its mode was {:04o}, now it is {:04o}", was.mode, now.mode));
    }
    if bytes_too && was.size != now.size {
        return Some(format!("it had {} bytes, now it has {}", was.size, now.size));
    }
    (bytes_too && was.mtime_ns != now.mtime_ns).then(|| "its time of last change differs".to_string())
}
