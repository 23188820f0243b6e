//! Which way a file is saved before a step changes it. The plan says it and the engine does it, both from here.
use super::{SaveSpec, SaveUse, Site};
use crate::aof::manifest::{self, Manifest};
use crate::host::{Look, Stat};
use crate::vault::{Save, Told, Use, Vault, VaultError};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A file that a server only appends to is marked instead of copied when it is larger than this, in bytes: copying less
/// takes a moment, and a copy proves more.
pub const MARKED_ABOVE: u64 = 64 << 20;

/// What a server does to a file of its AOF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It is only ever replaced by another, or removed.
    Replaced,
    /// It is appended to: the last increment, or the one file.
    Appended,
    /// Nobody can tell: a file that no manifest lists may be begun anew, in place.
    Unlisted,
}

/// Tells the part of a file in the AOF's directory by its name.
#[must_use]
pub fn part(listed: Option<&Manifest>, name: &str) -> Part {
    if name.ends_with(".rdb") || name.ends_with(".manifest") || name.contains(".base.") {
        return Part::Replaced;
    }
    let Some(listed) = listed else {
        return Part::Unlisted;
    };
    if listed.incrs().last().is_some_and(|e| e.name == name) {
        Part::Appended
    } else if listed.entries.iter().any(|e| e.name == name) {
        Part::Replaced
    } else {
        Part::Unlisted
    }
}

/// The manifest of a site's AOF as it is now; `None` where there is none that can be read.
#[must_use]
pub fn listed(look: &Look, site: &Site) -> Option<Manifest> {
    let path = site.aof.join(format!("{}.manifest", site.aof_name));
    manifest::parse(&look.read(&path, 1 << 20).ok()?).ok()
}

impl SaveSpec {
    /// Makes the copy, in the cheapest way that will do. `whole`: files that were walked and found whole.
    ///
    /// # Errors
    /// It could not be saved, synced or read back.
    pub fn save(
        &self,
        vault: &mut Vault,
        site: &Site,
        whole: &[WholeFile],
        told: &mut Told<'_>,
    ) -> Result<Save, VaultError> {
        let look = vault.look();
        let way = |path: &Path, part: Part| {
            let now = look.stat(path).map(|stat| WholeFile::now(path, &stat)).ok();
            let bytes = now.as_ref().map_or(0, |now| now.bytes);
            self.usage.way(part, bytes, now.is_some_and(|now| whole.contains(&now)))
        };
        if !self.usage.is_tree() {
            return Ok(vault.save_telling(&self.path, way(&self.path, Part::Appended), told)?.into());
        }
        let listed = listed(&look, site);
        let of = |name: &OsStr| way(&self.path.join(name), part(listed.as_ref(), &name.to_string_lossy()));
        Ok(vault.save_tree_telling(&self.path, &of, told)?.into())
    }
}

impl SaveUse {
    /// Is it a directory that is saved?
    #[must_use]
    pub fn is_tree(self) -> bool {
        matches!(self, Self::ReplacedTree | Self::AppendedTree)
    }

    /// How a file is to be saved that has this part and size; `whole`: it was walked and found whole at that size. Of a
    /// damaged file a server may cut off the end, so it is never only marked.
    #[must_use]
    pub fn way(self, part: Part, bytes: u64, whole: bool) -> Use {
        match (self, part) {
            (Self::OwnerAndMode, _) => Use::OwnerAndMode,
            (Self::Replaced | Self::ReplacedTree, _) | (Self::AppendedTree, Part::Replaced) => Use::Replaced,
            (Self::Appended, _) | (Self::AppendedTree, Part::Appended) if whole && bytes > MARKED_ABOVE => {
                Use::TailMark
            }
            (Self::Written | Self::Appended | Self::AppendedTree, _) => Use::WrittenInPlace,
        }
    }
}

/// A file that was walked and found whole, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WholeFile {
    /// Its path.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its modification time, nanoseconds since 1970.
    pub mtime_ns: i64,
}

impl WholeFile {
    /// A file as it is now.
    #[must_use]
    pub fn now(path: &Path, stat: &Stat) -> Self {
        Self { path: path.to_path_buf(), bytes: stat.size, mtime_ns: stat.mtime_ns }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_a_server_appends_to_is_marked() {
        let listed =
            b"file a.1.base.rdb seq 1 type b\nfile a.1.incr.aof seq 1 type i\nfile a.2.incr.aof seq 2 type i\n";
        let listed = manifest::parse(listed).unwrap();
        let (large, small) = (MARKED_ABOVE + 1, MARKED_ABOVE);
        let way = |name, bytes, whole| SaveUse::AppendedTree.way(part(Some(&listed), name), bytes, whole);
        assert_eq!(way("a.1.base.rdb", large, true), Use::Replaced);
        assert_eq!(way("a.manifest", 90, true), Use::Replaced);
        assert_eq!(way("a.1.incr.aof", large, true), Use::Replaced);
        assert_eq!(way("a.2.incr.aof", large, true), Use::TailMark);
        assert_eq!(way("a.2.incr.aof", large, false), Use::WrittenInPlace);
        assert_eq!(way("a.2.incr.aof", small, true), Use::WrittenInPlace);
        // the server begins the next increment in place of whatever has its name
        assert_eq!(way("a.3.incr.aof", large, true), Use::WrittenInPlace);
        assert_eq!(SaveUse::AppendedTree.way(part(None, "a.2.incr.aof"), large, true), Use::WrittenInPlace);
        assert_eq!(SaveUse::ReplacedTree.way(part(Some(&listed), "a.2.incr.aof"), large, false), Use::Replaced);
        assert_eq!(SaveUse::Written.way(Part::Appended, large, true), Use::WrittenInPlace);
        assert_eq!(SaveUse::Appended.way(Part::Appended, large, true), Use::TailMark);
    }
}
