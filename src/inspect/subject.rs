//! What lies at a path, by its content; the name only decides where the content can't.
use super::InspectError;
use super::document::Kind;
use crate::aof::manifest;
use crate::aof::resp::printable;
use crate::aof::set::Layout;
use crate::host::{HostError, Kind as FileKind, Look};
use crate::{redis_conf, store};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes looked at to tell what a file is.
const HEAD: u64 = 4096;
/// Longest manifest that is read, bytes.
const MANIFEST: u64 = 1 << 20;

/// What lies at a path.
#[derive(Debug)]
pub enum Subject {
    /// An RDB, packed or not.
    Snapshot {
        /// The file.
        path: PathBuf,
    },
    /// An AOF.
    Aof {
        /// Where its files are.
        dir: PathBuf,
        /// Which they are.
        layout: Layout,
    },
    /// A configuration.
    Config {
        /// The file.
        path: PathBuf,
    },
    /// Nothing that is known here.
    Nothing {
        /// The file or directory.
        path: PathBuf,
        /// What it would be by its name.
        kind: Kind,
        /// Why it is not.
        because: String,
    },
}

impl Subject {
    /// The files that are read.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Snapshot { path } | Self::Config { path } | Self::Nothing { path, .. } => vec![path.clone()],
            Self::Aof { dir, layout: Layout::Single { file } } => vec![dir.join(file)],
            Self::Aof { dir, layout: Layout::Multi { appendfilename, manifest, names } } => {
                let listed = manifest.as_deref().and_then(|bytes| manifest::parse(bytes).ok());
                let wanted = |name: &str| match &listed {
                    Some(manifest) => manifest.loaded().any(|entry| entry.name == name),
                    None => manifest::part(name, appendfilename).is_some(),
                };
                let parts = names.iter().filter(|(name, _)| wanted(name)).map(|(name, _)| dir.join(name));
                let manifest = manifest.as_ref().map(|_| dir.join(format!("{appendfilename}.manifest")));
                parts.chain(manifest).collect()
            }
        }
    }
}

/// Tells what lies at a path.
///
/// # Errors
/// It is not there, may not be read, or is neither a regular file nor a directory.
pub fn of(look: &Look, path: &Path) -> Result<Subject, InspectError> {
    if look.stat(path)?.kind == FileKind::Directory {
        return directory(look, path);
    }
    let mut opened = store::open(look, path)?;
    let mut head = Vec::new();
    if let Err(error) = opened.by_ref().take(HEAD).read_to_end(&mut head) {
        if opened.compression == store::Compression::None {
            return Err(HostError::os("read", path, error).into());
        }
        let because = format!("it can't be unpacked: {error}");
        return Ok(Subject::Nothing { path: path.into(), kind: Kind::Unknown, because });
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if name.ends_with(".manifest") || is_manifest(&head) {
        return manifest_file(look, path, &name);
    }
    Ok(by_content(path, &name, &head))
}

fn by_content(path: &Path, name: &str, head: &[u8]) -> Subject {
    let (dir, file) = (path.parent().unwrap_or(Path::new("")).to_path_buf(), name.to_owned());
    let path = path.to_path_buf();
    let aof = |dir, file| Subject::Aof { dir, layout: Layout::Single { file } };
    if head.is_empty() {
        let kind = if name.ends_with(".aof") { Kind::Aof } else { Kind::Rdb };
        return match name.ends_with(".incr.aof") {
            // What a server leaves that was written nothing since its last rewrite.
            true => aof(dir, file),
            false => Subject::Nothing { path, kind, because: "it is empty, zero bytes".into() },
        };
    }
    if head.starts_with(b"REDIS") || head.starts_with(b"VALKEY") {
        let preamble = [&b"aof-preamble\xc0\x01"[..], b"aof-preamble\x011"].iter().any(|mark| holds(head, mark));
        return if preamble || name.ends_with(".aof") { aof(dir, file) } else { Subject::Snapshot { path } };
    }
    match head {
        [b'*', b'0'..=b'9', ..] => aof(dir, file),
        [b'#', b'T', b'S', b':', ..] => aof(dir, file),
        _ if is_config(name, head) => Subject::Config { path },
        // Damaged at its very start: what it should be is in its name.
        _ if name.ends_with(".aof") => aof(dir, file),
        _ if name.ends_with(".rdb") => Subject::Snapshot { path },
        _ => {
            let because = "it begins like no RDB, AOF, manifest or redis.conf".into();
            Subject::Nothing { path, kind: Kind::Unknown, because }
        }
    }
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(bytes, wanted).is_some()
}

fn is_manifest(head: &[u8]) -> bool {
    let first = head.split(|b| *b == b'\n').find(|line| line.first() != Some(&b'#')).unwrap_or_default();
    first.get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"file ")) && holds(first, b" seq ")
}

/// Text whose lines begin with names that a server knows, most of them.
fn is_config(name: &str, head: &[u8]) -> bool {
    if head.contains(&0) {
        return false;
    }
    let lines = head.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let (mut known, mut other, mut comments) = (0, 0, 0);
    for line in lines {
        if line.starts_with(b"#") {
            comments += 1;
            continue;
        }
        let word = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        let word = String::from_utf8_lossy(word).to_ascii_lowercase();
        let is_known = redis_conf::knows(None, &redis_conf::canonical(&word));
        *(if is_known { &mut known } else { &mut other }) += 1;
    }
    known > other || (name.ends_with(".conf") && known + comments > 0)
}

fn manifest_file(look: &Look, path: &Path, name: &str) -> Result<Subject, InspectError> {
    let dir = path.parent().unwrap_or(Path::new("")).to_path_buf();
    let listed = look.read(path, MANIFEST)?;
    let stem = match name.strip_suffix(".manifest") {
        Some(stem) => stem.to_owned(),
        // Under another name: the parts say what it was.
        None => {
            let first = manifest::parse(&listed).ok().and_then(|m| m.loaded().next().map(|entry| entry.name.clone()));
            first.as_deref().and_then(stem_of).unwrap_or(name).to_owned()
        }
    };
    let names = parts(look, &dir)?;
    Ok(Subject::Aof { dir, layout: Layout::Multi { appendfilename: stem, manifest: Some(listed), names } })
}

/// `appendonly.aof` of `appendonly.aof.3.base.rdb`.
fn stem_of(part: &str) -> Option<&str> {
    let stem = [".base.rdb", ".base.aof", ".incr.aof"].iter().find_map(|ending| part.strip_suffix(ending))?;
    let (stem, number) = stem.rsplit_once('.')?;
    (!stem.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(stem)
}

/// The regular files of a directory with their sizes.
fn parts(look: &Look, dir: &Path) -> Result<Vec<(String, u64)>, InspectError> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let mut names = Vec::new();
    for entry in look.list(dir)? {
        let Ok(stat) = look.stat(&dir.join(&entry.name)) else { continue };
        if stat.kind == FileKind::File {
            names.push((entry.name.to_string_lossy().into_owned(), stat.size));
        }
    }
    Ok(names)
}

/// The names that snapshots have, also packed ones.
fn snapshots(names: &[(String, u64)]) -> impl Iterator<Item = &str> {
    let named = |name: &str| name.trim_end_matches(".gz").trim_end_matches(".zst").ends_with(".rdb");
    names.iter().map(|(name, _)| name.as_str()).filter(move |name| named(name))
}

fn directory(look: &Look, dir: &Path) -> Result<Subject, InspectError> {
    let names = parts(look, dir)?;
    let manifests: Vec<&str> = names.iter().filter_map(|(name, _)| name.strip_suffix(".manifest")).collect();
    // What a server was writing when it ended is no manifest.
    let manifests: Vec<&str> = manifests.into_iter().filter(|stem| !stem.starts_with("temp_")).collect();
    match manifests.as_slice() {
        [] => {}
        [_] => {
            let name = format!("{}.manifest", manifests.concat());
            return manifest_file(look, &dir.join(&name), &name);
        }
        several => {
            return Err(InspectError::Manifests { path: crate::host::shown(dir), count: several.len() });
        }
    }
    if let Some(stem) = names.iter().find_map(|(name, _)| stem_of(name)) {
        let (dir, appendfilename) = (dir.to_path_buf(), stem.to_owned());
        return Ok(Subject::Aof { dir, layout: Layout::Multi { appendfilename, manifest: None, names } });
    }
    let below = look.list(dir)?.into_iter().filter(|entry| entry.stat.kind == FileKind::Directory);
    let set = below.map(|entry| dir.join(entry.name)).find(|sub| {
        parts(look, sub).is_ok_and(|names| names.iter().any(|(n, _)| n.ends_with(".manifest") || stem_of(n).is_some()))
    });
    let because = match set {
        Some(sub) => format!("it holds no AOF itself; there is one in {}", crate::host::shown(&sub)),
        None if names.is_empty() => "it is an empty directory".into(),
        None if snapshots(&names).next().is_some() => {
            let some: Vec<String> = snapshots(&names).take(3).map(|name| printable(name.as_bytes())).collect();
            let because = format!("it holds no AOF; a snapshot is inspected by its own name: {}", some.join(", "));
            return Ok(Subject::Nothing { path: dir.into(), kind: Kind::Unknown, because });
        }
        None => "it holds no manifest and no part of an AOF".into(),
    };
    Ok(Subject::Nothing { path: dir.into(), kind: Kind::AofSet, because })
}
