//! The vault's own list of what is in it.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::saved::{Kept, Save, Saved, SavedTree};
use super::{Vault, VaultError};
use crate::host::{HostError, Look, OwnFiles};

const INDEX: &str = "index.jsonl";

/// Room set aside for a new index, bytes.
const ROOM: u64 = 64 << 10;

/// Largest index read, bytes.
const LARGEST: u64 = 256 << 20;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Saved(Saved),
    Tree(SavedTree),
    Kept(Kept),
}

/// What is in the vault at `dir`: what was saved, in order, and what was found in the way. Lines that were cut off by a
/// crash are left out; no vault is an empty one.
///
/// # Errors
/// The index is there but can't be read.
pub fn list(look: Look, dir: &Path) -> Result<(Vec<Save>, Vec<Kept>), VaultError> {
    let bytes = match look.read(&dir.join(INDEX), LARGEST) {
        Ok(bytes) => bytes,
        Err(e) if e.is_missing() => return Ok((Vec::new(), Vec::new())),
        Err(e) => return Err(e.into()),
    };
    let (mut saves, mut kept) = (Vec::new(), Vec::new());
    for line in bytes.split(|b| *b == b'\n') {
        match serde_json::from_slice(line) {
            Ok(Line::Saved(saved)) => saves.push(Save::File(saved)),
            Ok(Line::Tree(tree)) => saves.push(Save::Tree(tree)),
            Ok(Line::Kept(one)) => kept.push(one),
            Err(_) => {}
        }
    }
    Ok((saves, kept))
}

impl Vault {
    pub(super) fn note_saved(&self, saved: &Saved) -> Result<(), VaultError> {
        self.note(&Line::Saved(saved.clone()), &saved.path)
    }

    pub(super) fn note_tree(&self, tree: &SavedTree) -> Result<(), VaultError> {
        self.note(&Line::Tree(tree.clone()), &tree.dir)
    }

    /// An undo must not fail because its note finds no room: the bytes are kept, and the journal names them too.
    pub(super) fn note_kept(&self, kept: &Kept) -> Result<(), VaultError> {
        match self.note(&Line::Kept(kept.clone()), &kept.from) {
            Err(VaultError::Host(e)) if e.is_full() => Ok(()),
            other => other,
        }
    }

    /// The last save of a path that has bytes in the vault.
    pub(super) fn last_save_of(&self, path: &Path) -> Option<Saved> {
        let (saves, _) = list(self.look, self.dir()).ok()?;
        saves.iter().rev().flat_map(|save| save.files().iter().rev()).find(|saved| saved.path == path).cloned()
    }

    fn note(&self, line: &Line, path: &Path) -> Result<(), VaultError> {
        let because = |e: serde_json::Error| VaultError::Index { path: path.to_path_buf(), because: e.to_string() };
        // A line that a crash cut off must not swallow this one: an empty line does no harm.
        let mut text = b"\n".to_vec();
        serde_json::to_writer(&mut text, line).map_err(because)?;
        text.push(b'\n');
        let mut file = match self.own.open_append(INDEX, false) {
            Ok(file) => file,
            Err(e) if e.is_missing() => {
                let file = self.own.open_append(INDEX, true)?;
                // Without the room the line itself will say so.
                let _ = self.own.reserve(&file, INDEX, ROOM);
                file
            }
            Err(e) => return Err(e.into()),
        };
        let index = self.dir().join(INDEX);
        file.write_all(&text).map_err(|source| HostError::Os { doing: "write", path: index.clone(), source })?;
        Ok(self.pen.sync(&file, &index)?)
    }
}

/// A free name in a directory of the vault for something called `name`: `0007-dump.rdb`.
pub(super) fn free_name(own: &OwnFiles, name: &OsStr) -> Result<OsString, HostError> {
    let count = own
        .list()?
        .iter()
        .filter_map(|entry| entry.name.to_str()?.split_once('-')?.0.parse::<u64>().ok())
        .max()
        .unwrap_or(0);
    let plain: String = name
        .to_string_lossy()
        .chars()
        .map(|c| if c.is_ascii_graphic() && c != '/' { c } else { '_' })
        .take(200)
        .collect();
    Ok(OsString::from(format!("{:04}-{plain}", count + 1)))
}
