//! Which files of a store could be backups.
use super::StoreError;
use crate::host::{Kind, Look, Stat, shown};
use std::path::{Path, PathBuf};

/// Directories below the store's own that are looked into.
const DEEPEST: usize = 2;
/// Names looked at in one store, so that a store on a huge tree costs seconds and not hours.
const MOST_NAMES: usize = 20_000;
/// Files taken, the newest ones.
const MOST_FILES: usize = 500;

/// How a backup is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gz,
    /// Zstandard.
    Zst,
}

impl Compression {
    /// `gz`, `zst`, or none.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gz => Some("gz"),
            Self::Zst => Some("zst"),
        }
    }

    /// What the first bytes say.
    #[must_use]
    pub fn sniff(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zst,
            _ => Self::None,
        }
    }
}

/// One file of a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its path inside the store, the second half of the point's id.
    pub name: String,
    /// Its path.
    pub path: PathBuf,
    /// What it is.
    pub stat: Stat,
    /// How it is packed.
    pub compression: Compression,
}

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Listing {
    /// Files that could be backups, newest first.
    pub files: Vec<Stored>,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// Lists the files of a directory store that hold an RDB, by their first bytes, newest first. Links out of the store,
/// FIFOs and devices are left out; so are files still being written to a temporary name.
///
/// # Errors
/// The directory can't be listed.
pub fn list(look: &Look, dir: &Path) -> Result<Listing, StoreError> {
    let mut listing = Listing::default();
    let root = look.real_path(dir)?;
    let mut queue = vec![(root.clone(), 0_usize)];
    let mut seen = 0_usize;
    let mut found = Vec::new();
    while let Some((at, depth)) = queue.pop() {
        let entries = match look.list(&at) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => return Err(error.into()),
            Err(error) => {
                listing.notes.push(error.to_string());
                continue;
            }
        };
        for entry in entries {
            seen += 1;
            if seen > MOST_NAMES {
                listing.notes.push(format!("only the first {MOST_NAMES} names of {} were looked at", shown(dir)));
                queue.clear();
                break;
            }
            let path = at.join(&entry.name);
            let hidden = entry.name.as_encoded_bytes().first() == Some(&b'.');
            match entry.stat.kind {
                Kind::Directory if depth < DEEPEST && !hidden => queue.push((path, depth + 1)),
                Kind::File if !hidden && entry.stat.size > 0 => found.push((path, entry.stat)),
                Kind::Link => found.extend(inside(look, &root, &path)),
                _ => {}
            }
        }
    }
    found.sort_by(|a, b| b.1.mtime_ns.cmp(&a.1.mtime_ns).then_with(|| a.0.cmp(&b.0)));
    for (path, stat) in found {
        if listing.files.len() >= MOST_FILES {
            listing.notes.push(format!("only the newest {MOST_FILES} files of {} were taken", shown(dir)));
            break;
        }
        if let Some(compression) = looks_like_backup(look, &path) {
            let name = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().into_owned();
            listing.files.push(Stored { name, path, stat, compression });
        }
    }
    Ok(listing)
}

/// A link is followed only to a regular file inside the store: `latest -> dump-140000.rdb`.
fn inside(look: &Look, root: &Path, link: &Path) -> Option<(PathBuf, Stat)> {
    let target = look.real_path(link).ok()?;
    let stat = look.stat(&target).ok()?;
    (target.starts_with(root) && stat.kind == Kind::File && stat.size > 0).then(|| (link.to_path_buf(), stat))
}

/// Does a file begin like an RDB, or carry the name of one? A damaged backup must be shown, not passed over.
fn looks_like_backup(look: &Look, path: &Path) -> Option<Compression> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    let named = name.contains(".rdb") && !name.ends_with(".tmp") && !name.ends_with(".part");
    let Ok(head) = look.read_at(path, 0, 16) else {
        return named.then(|| by_name(&name));
    };
    let compression = Compression::sniff(&head);
    let rdb = |bytes: &[u8]| bytes.starts_with(b"REDIS") || bytes.starts_with(b"VALKEY");
    let begins = match compression {
        Compression::None => rdb(&head),
        _ => super::open(look, path).ok().is_some_and(|mut opened| rdb(&opened.head(9))),
    };
    (begins || named).then_some(compression)
}

fn by_name(name: &str) -> Compression {
    if name.ends_with(".gz") {
        Compression::Gz
    } else if name.ends_with(".zst") {
        Compression::Zst
    } else {
        Compression::None
    }
}
