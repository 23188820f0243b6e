//! `files.chown`: the server's user gets the owner and mode that it needs on its files, and nothing more.
use super::results::RightsChanged;
use super::{
    Act, ActError, Change, ChangeKind, Done, Effects, FilesChown, Hands, RepeatClass, SaveSpec, SaveUse, Site, UndoMove,
};
use crate::facts::RightsFacts;
use crate::host::Owner;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn wanted(right: &RightsFacts) -> Owner {
    Owner { uid: right.uid, gid: right.gid, mode: right.mode }
}

impl Act for FilesChown {
    fn effects(&self, site: &Site) -> Effects {
        let change = |r: &RightsFacts| {
            let [uid, gid, mode] = r.was;
            let what = format!("{}: {uid}:{gid} {mode:04o} becomes {}:{} {:04o}", r.path, r.uid, r.gid, r.mode);
            Change { what, kind: ChangeKind::OwnerAndMode }
        };
        let save = |r: &RightsFacts| SaveSpec { path: PathBuf::from(&r.path), usage: SaveUse::OwnerAndMode };
        Effects {
            changes: site.rights.iter().map(change).collect(),
            saves: site.rights.iter().map(save).collect(),
            undo: vec![UndoMove::RestoreSaved],
            undo_text: "give each its old owner and mode back".into(),
            class: RepeatClass::Checkable,
            opens: false,
        }
    }

    fn already_done(&self, hands: &mut Hands<'_>, _: &Value) -> Done {
        let is = |r: &RightsFacts| hands.look.lstat(Path::new(&r.path)).is_ok_and(|s| s.owner() == wanted(r));
        if hands.site.rights.iter().all(is) { Done::Yes("each has its owner and mode".into()) } else { Done::No }
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        // Before anything is changed: a path that is another one than was planned for is not touched.
        for right in &hands.site.rights {
            let now = hands.look.lstat(Path::new(&right.path))?.owner();
            let Owner { uid, gid, mode } = now;
            if [uid, gid, mode] != right.was && now != wanted(right) {
                let because = format!("{} is {uid}:{gid} {mode:04o}, not what the plan was made for", right.path);
                return Err(ActError::failed(because, "somebody changed it since; make a new plan"));
            }
        }
        for right in &hands.site.rights {
            hands.set_owner(Path::new(&right.path), wanted(right))?;
        }
        Ok(json!(RightsChanged { changed: hands.site.rights.len() }))
    }
}
