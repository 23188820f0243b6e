//! `aof.seed`, `aof.rebuild_manifest` and `aof.check`.
//!
//! A new AOF is always built complete beside the old one and exchanged for it in one move, so that at no instant a
//! start would find nothing, or half of it.
use super::files::{aof_replaced, open_snapshot, point_of};
use super::results::{AofChecked, AofSeeded, ManifestRebuilt};
use super::scratch::{self, LoadProof};
use super::{
    Act, ActError, AofCheck, AofRebuildManifest, AofSeed, Change, ChangeKind, Done, Effects, Hands, RepeatClass,
    SaveSpec, Site, UndoMove, WholeFile,
};
use crate::aof::{manifest, set};
use crate::facts::Seconds;
use crate::vault::Content;
use serde_json::{Value, json};
use std::path::PathBuf;

pub(super) fn effects(site: &Site, undo_text: &str) -> Effects {
    let (path, usage) = aof_replaced(site);
    Effects {
        changes: vec![Change {
            what: path.display().to_string(),
            kind: if site.multi_part { ChangeKind::Directory } else { ChangeKind::Replace },
        }],
        saves: vec![SaveSpec { path, usage }],
        undo: vec![UndoMove::RestoreSaved],
        undo_text: undo_text.into(),
        class: RepeatClass::Checkable,
        opens: false,
    }
}

pub(super) fn manifest_name(site: &Site) -> String {
    format!("{}.manifest", site.aof_name)
}

pub(super) fn read_manifest(hands: &Hands<'_>) -> Result<manifest::Manifest, ActError> {
    let path = hands.site.aof.join(manifest_name(hands.site));
    let bytes = hands.look.read(&path, 1 << 20)?;
    manifest::parse(&bytes)
        .map_err(|e| ActError::failed(format!("{}: {e}", path.display()), "redis-dr assess shows what can be done"))
}

impl Act for AofSeed {
    fn effects(&self, site: &Site) -> Effects {
        effects(site, "put the old AOF back")
    }

    fn already_done(&self, hands: &mut Hands<'_>, before: &Value) -> Done {
        // the step's own mark: the exchange is one move, so what is there now is either the old or the new
        match hands.aof_identity() {
            now if !before["identity"].is_null() && now == before["identity"] => Done::No,
            _ => Done::CantTell("the AOF is another one than before the step".into()),
        }
    }

    fn before(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        Ok(json!({ "identity": hands.aof_identity() }))
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let point = point_of(hands.site, &self.from.0)?.clone();
        let live = hands.site.aof.clone();
        if !hands.site.multi_part {
            let mut from = open_snapshot(hands, &point)?;
            hands.replace(&live, Content::Reader(&mut from))?;
            let base = live.display().to_string();
            return Ok(json!(AofSeeded { base, how: "copy".into(), shared: None }));
        }
        let base = format!("{}.1.base.rdb", hands.site.aof_name);
        let incr = format!("{}.1.incr.aof", hands.site.aof_name);
        let lines = format!("file {base} seq 1 type b\nfile {incr} seq 1 type i\n");
        let (dir, file) = hands.owners()?;
        let mut build = hands.vault.build_dir(&live, dir)?;
        let plain = point.compression.is_none().then_some(point.path.as_deref()).flatten().map(PathBuf::from);
        let exact = point.content.as_ref().map(|c| c.data_bytes) == point.bytes.map(|b| b.0);
        let plain = plain.filter(|path| exact && hands.look.exists(path));
        // the server never writes into a base: one that it may read begins as a link, and gets bytes of its own while the
        // server loads it (beside.rs)
        // (an ACL or a label that the set has is for files that are the server's alone)
        let bare = hands.look.rights_attrs(&live).is_empty();
        let linked = match &plain {
            Some(path) => bare && hands.may_read(path)? && build.add_link(path, &base)?,
            None => false,
        };
        let how = match &plain {
            Some(_) if linked => "link".to_owned(),
            Some(path) => build.add_link_or_copy(path, &base, false, file)?.to_string(),
            None => {
                let mut from = open_snapshot(hands, &point)?;
                build.add_file(&base, Content::Reader(&mut from), file)?;
                "copy".into()
            }
        };
        build.add_file(&incr, Content::Bytes(b""), file)?;
        build.add_file(&manifest_name(hands.site), Content::Bytes(lines.as_bytes()), file)?;
        let built = build.finish()?;
        hands.exchange(built, &live)?;
        let base = live.join(base).display().to_string();
        Ok(json!(AofSeeded { shared: linked.then(|| base.clone()), base, how }))
    }
}

pub(super) fn rebuilt(hands: &Hands<'_>) -> Result<manifest::Manifest, ActError> {
    let mut names = Vec::new();
    for entry in hands.look.list(&hands.site.aof)? {
        let name = entry.name.to_string_lossy().into_owned();
        let size = hands.look.stat(&hands.site.aof.join(&entry.name))?.size;
        names.push((name, size));
    }
    manifest::rebuild(&names, &hands.site.aof_name).map(|r| r.manifest).map_err(|e| {
        ActError::failed(format!("{}: {e}", hands.site.aof.display()), "choose another point: redis-dr points")
    })
}

impl Act for AofRebuildManifest {
    fn effects(&self, site: &Site) -> Effects {
        let path = site.aof.join(manifest_name(site));
        Effects {
            changes: vec![Change { what: path.display().to_string(), kind: ChangeKind::Create }],
            saves: vec![SaveSpec { path, usage: super::SaveUse::Replaced }],
            ..effects(site, "put the manifest back as it was")
        }
    }

    fn already_done(&self, hands: &mut Hands<'_>, _: &Value) -> Done {
        match (read_manifest(hands), rebuilt(hands)) {
            (Ok(is), Ok(wanted)) if is.render() == wanted.render() => Done::Yes("the manifest lists all parts".into()),
            _ => Done::No,
        }
    }

    fn found(&self, hands: &mut Hands<'_>, _: &Value) -> Value {
        read_manifest(hands).map_or(Value::Null, |is| json!(ManifestRebuilt { manifest: is.render() }))
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let lines = rebuilt(hands)?.render();
        let path = hands.site.aof.join(manifest_name(hands.site));
        hands.replace(&path, Content::Bytes(lines.as_bytes()))?;
        Ok(json!(ManifestRebuilt { manifest: lines }))
    }
}

/// The AOF's files as they are now.
fn files_now(hands: &Hands<'_>) -> Vec<WholeFile> {
    let (look, aof) = (hands.look, &hands.site.aof);
    let names = if hands.site.multi_part { look.list(aof).unwrap_or_default() } else { Vec::new() };
    let paths =
        if hands.site.multi_part { names.iter().map(|e| aof.join(&e.name)).collect() } else { vec![aof.clone()] };
    paths.iter().filter_map(|path| Some(WholeFile::now(path, &look.stat(path).ok()?))).collect()
}

/// Lets a private server load the AOF as it is now.
fn loads(hands: &mut Hands<'_>, timeout: Seconds) -> Result<LoadProof, ActError> {
    let live = hands.site.aof.clone();
    if hands.site.multi_part {
        let listed = read_manifest(hands)?;
        return scratch::load_parts(hands, &live, &listed, timeout);
    }
    let mut content = hands.look.open_to_walk(&live)?;
    scratch::load_single(hands, &mut content, timeout)
}

impl Act for AofCheck {
    fn effects(&self, _: &Site) -> Effects {
        Effects::none()
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let before = files_now(hands);
        let report = super::tools::judge(hands.look, hands.site);
        match report.state {
            set::SetState::Intact | set::SetState::Empty => {
                let mut whole = files_now(hands);
                whole.retain(|file| before.contains(file));
                let (base_keys, commands) = (report.base_keys, report.commands_after_base);
                let loaded = if self.load { Some(loads(hands, self.timeout)?) } else { None };
                Ok(json!(AofChecked { base_keys, commands, loaded, whole }))
            }
            other => Err(ActError::failed(
                format!("{} is still not whole: {other:?}", hands.site.aof.display()),
                "choose another point: redis-dr points",
            )),
        }
    }
}
