//! `files.set_aside` and `files.restore`, and how actions open the bytes of a recovery point.
use super::results::{FilesRestored, SetAside};
use super::{
    Act, ActError, Change, ChangeKind, DataFiles, Done, Effects, FilesRestore, FilesSetAside, Hands, RepeatClass,
    SaveSpec, SaveUse, Site, UndoMove,
};
use crate::facts::Point;
use crate::vault::{Put, Save};
use serde_json::{Value, json};
use std::io::Read;
use std::path::PathBuf;

/// The paths that `what` stands for on this site.
fn paths(site: &Site, what: &[DataFiles]) -> Vec<(PathBuf, SaveUse)> {
    what.iter()
        .map(|w| match w {
            DataFiles::Rdb => (site.rdb.clone(), SaveUse::Replaced),
            DataFiles::Aof => aof_replaced(site),
        })
        .collect()
}

/// How the AOF is saved by a step that puts another in its place, or takes it away.
pub(super) fn aof_replaced(site: &Site) -> (PathBuf, SaveUse) {
    (site.aof.clone(), if site.multi_part { SaveUse::ReplacedTree } else { SaveUse::Replaced })
}

/// How the AOF is saved before a server appends to it.
pub(super) fn aof_appended(site: &Site) -> SaveSpec {
    SaveSpec { path: site.aof.clone(), usage: if site.multi_part { SaveUse::AppendedTree } else { SaveUse::Appended } }
}

impl Act for FilesSetAside {
    fn effects(&self, site: &Site) -> Effects {
        let paths = paths(site, &self.what);
        Effects {
            changes: paths
                .iter()
                .map(|(p, _)| Change { what: p.display().to_string(), kind: ChangeKind::Remove })
                .collect(),
            saves: paths.into_iter().map(|(path, usage)| SaveSpec { path, usage }).collect(),
            undo: vec![UndoMove::RestoreSaved],
            undo_text: "put the files back from the vault".into(),
            class: RepeatClass::Checkable,
            opens: false,
        }
    }

    fn already_done(&self, hands: &mut Hands<'_>, _: &Value) -> Done {
        if paths(hands.site, &self.what).iter().all(|(p, _)| !hands.look.exists(p)) {
            return Done::Yes("nothing is there any more".into());
        }
        Done::No
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let mut gone = Vec::new();
        for (path, _) in paths(hands.site, &self.what) {
            if hands.look.exists(&path) {
                hands.remove(&path)?;
                gone.push(path.display().to_string());
            }
        }
        Ok(json!(SetAside { set_aside: gone }))
    }
}

/// What the run saved first of these paths: how they were before any step changed them.
fn saved_first(hands: &Hands<'_>, what: &[DataFiles]) -> Result<Vec<Save>, ActError> {
    let (saves, _) = crate::vault::list(*hands.look, hands.vault.dir())?;
    let first = |path: PathBuf| {
        let real = hands.look.real_path(&path).unwrap_or_else(|_| path.clone());
        saves.iter().find(|s| s.path() == path || s.path() == real).cloned()
    };
    Ok(paths(hands.site, what).into_iter().filter_map(|(path, _)| first(path)).collect())
}

impl Act for FilesRestore {
    fn effects(&self, site: &Site) -> Effects {
        let paths = paths(site, &self.what);
        let kind = |usage: &SaveUse| if usage.is_tree() { ChangeKind::Directory } else { ChangeKind::Replace };
        Effects {
            changes: paths.iter().map(|(p, u)| Change { what: p.display().to_string(), kind: kind(u) }).collect(),
            saves: paths.into_iter().map(|(path, usage)| SaveSpec { path, usage }).collect(),
            undo: vec![UndoMove::RestoreSaved],
            undo_text: "put back what was there before this step".into(),
            class: RepeatClass::Checkable,
            opens: false,
        }
    }

    fn already_done(&self, hands: &mut Hands<'_>, _: &Value) -> Done {
        match saved_first(hands, &self.what).map(|saves| hands.vault.differs_any(&saves)) {
            Ok(Ok(None)) => Done::Yes("the files are as they were".into()),
            _ => Done::No,
        }
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        if let Some(pid) = hands.running()? {
            let because = format!("the server runs (pid {pid}); files are not exchanged under it");
            return Err(ActError::failed(because, "let service.stop come before files.restore"));
        }
        let saves = saved_first(hands, &self.what)?;
        let done = hands.vault.restore_all(&saves)?;
        // from the last to the first
        let back = saves.iter().rev().zip(&done).filter(|(_, done)| done.put != Put::AsBefore);
        Ok(json!(FilesRestored { restored: back.map(|(save, _)| save.path().display().to_string()).collect() }))
    }
}

/// The bytes of a point's snapshot, uncompressed: from where it lies, or from the vault once a step has moved it there.
///
/// # Errors
/// It is nowhere, or can't be read.
pub(super) fn open_snapshot(hands: &Hands<'_>, point: &Point) -> Result<Box<dyn Read + Send>, ActError> {
    let Some(path) = point.path.as_ref().map(PathBuf::from) else {
        return Err(ActError::failed(format!("{} is not a file", point.id), "choose a point that is a snapshot"));
    };
    let from = super::tools::in_vault(hands, &path).filter(|_| !hands.look.exists(&path)).unwrap_or(path);
    let file = hands.vault.open_source(&from)?;
    let plain: Box<dyn Read + Send> = match point.compression.as_deref() {
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(file)),
        Some("zst") => Box::new(zstd::stream::read::Decoder::new(file).map_err(|e| {
            ActError::failed(format!("{}: {e}", from.display()), "the file is not what it was; redis-dr points")
        })?),
        _ => Box::new(file),
    };
    match point.content.as_ref().map(|c| c.data_bytes).filter(|n| *n > 0) {
        // an AOF base must end at its checksum: bytes behind it would be read as commands
        Some(n) => Ok(Box::new(plain.take(n))),
        None => Ok(plain),
    }
}

/// The point a plan was made for, if it has this id.
pub(super) fn point_of<'s>(site: &'s Site, id: &str) -> Result<&'s Point, ActError> {
    site.point
        .as_ref()
        .filter(|p| p.id == id)
        .ok_or_else(|| ActError::failed(format!("the plan has no point {id}"), "make a new plan"))
}
