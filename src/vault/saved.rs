//! What was saved, as data: the journal holds these, and undo needs nothing else.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::host::{Attr, Mark, Stat};

/// What a step will do to a file; decides how it may be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The name will be replaced or removed, and nothing writes to the inode any more: a hard link will do.
    Replaced,
    /// Something writes to the inode: reflink, else copy.
    WrittenInPlace,
    /// A large intact file that will only be appended to: reflink, else a second name, its size and the digest of the
    /// 64 KiB before it, which are enough to cut it back; else copy.
    TailMark,
    /// Only owner, mode and attributes will change (directories too).
    OwnerAndMode,
}

/// How a path was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// There was nothing.
    Absent,
    /// A second name for the same inode.
    Link,
    /// A new inode sharing the blocks.
    Reflink,
    /// A copy.
    Copy,
    /// A second name for the same inode, which goes on growing; its size and the digest of its end say what it held.
    #[serde(rename = "mark", alias = "tail")]
    Tail,
    /// Owner, mode and attributes; no bytes are in the vault.
    Owner,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            How::Absent => "absent",
            How::Link => "link",
            How::Reflink => "reflink",
            How::Copy => "copy",
            How::Tail => "mark",
            How::Owner => "owner and mode",
        })
    }
}

/// Proof that a path was saved and the copy read back before a change. Only [`Vault::save`](super::Vault::save) makes one.
#[must_use = "what was saved goes into the journal before the change"]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The path, directories (and a link that may be followed) resolved.
    pub(super) path: PathBuf,
    /// The link that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) via: Option<PathBuf>,
    pub(super) how: How,
    /// What it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) was: Option<Stat>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) attrs: Vec<Attr>,
    /// Where its bytes are now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) copy: Option<PathBuf>,
    /// blake3 of all of it, where it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<String>,
    /// Its end, for a file that grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mark: Option<Mark>,
}

impl Saved {
    /// The path saved, directories resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The symbolic link that led to it, where one was followed.
    #[must_use]
    pub fn via(&self) -> Option<&Path> {
        self.via.as_deref()
    }

    /// How it was saved.
    #[must_use]
    pub fn how(&self) -> How {
        self.how
    }

    /// Where its bytes are in the vault; `None` when none had to be saved. Behind a mark it goes on growing: only the first
    /// [`Saved::bytes`] of it are what was saved.
    #[must_use]
    pub fn copy(&self) -> Option<&Path> {
        self.copy.as_deref()
    }

    /// Its size in bytes, 0 for nothing.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.was.map_or(0, |was| was.size)
    }

    /// Its size then and the digest of its end, where those were noted.
    #[must_use]
    pub fn mark(&self) -> Option<&Mark> {
        self.mark.as_ref()
    }

    /// blake3 of its bytes, hexadecimal, where all of them were read.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// What it was; `None` for nothing.
    #[must_use]
    pub fn was(&self) -> Option<&Stat> {
        self.was.as_ref()
    }

    /// True when there was nothing at the path.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.how == How::Absent
    }
}

/// Proof that a directory and every file in it were saved.
#[must_use = "what was saved goes into the journal before the change"]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedTree {
    pub(super) dir: PathBuf,
    /// What the directory was; `None`: there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) was: Option<Stat>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) attrs: Vec<Attr>,
    pub(super) files: Vec<Saved>,
    /// Names in it that are no regular files; they are neither saved nor changed, and stay with the directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) left_alone: Vec<PathBuf>,
}

impl SavedTree {
    /// The directory's path, resolved.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// True when there was no such directory.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.was.is_none()
    }

    /// What the directory was; `None` for nothing.
    #[must_use]
    pub fn was(&self) -> Option<&Stat> {
        self.was.as_ref()
    }

    /// Every file in it.
    pub fn files(&self) -> &[Saved] {
        &self.files
    }

    /// Names in it that are no regular files (subdirectories, links): not saved, not changed.
    #[must_use]
    pub fn left_alone(&self) -> &[PathBuf] {
        &self.left_alone
    }
}

/// One thing saved: a path, or a directory with its files.
#[must_use = "what was saved goes into the journal before the change"]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Save {
    /// One path.
    File(Saved),
    /// A directory.
    Tree(SavedTree),
}

impl Save {
    /// The path saved.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Save::File(saved) => &saved.path,
            Save::Tree(tree) => &tree.dir,
        }
    }

    /// Every single path of it: the files of a directory.
    pub fn files(&self) -> &[Saved] {
        match self {
            Save::File(saved) => std::slice::from_ref(saved),
            Save::Tree(tree) => &tree.files,
        }
    }
}

impl From<Saved> for Save {
    fn from(saved: Saved) -> Self {
        Save::File(saved)
    }
}

impl From<SavedTree> for Save {
    fn from(tree: SavedTree) -> Self {
        Save::Tree(tree)
    }
}

/// Something that was found in the way, and is in the vault's `after` now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Where it was.
    pub from: PathBuf,
    /// Where it is.
    pub to: PathBuf,
}
