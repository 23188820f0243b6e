//! `files.chown`: the server's user gets the owner, mode, ACL and label that it needs on its files, and nothing more.
use super::results::RightsChanged;
use super::{
    Act, ActError, Change, ChangeKind, Done, Effects, FilesChown, Hands, RepeatClass, SaveSpec, SaveUse, Site, UndoMove,
};
use crate::facts::RightsFacts;
use crate::host::{Acl, Attr, Look, Owner};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn wanted(right: &RightsFacts) -> Owner {
    Owner { uid: right.uid, gid: right.gid, mode: right.mode }
}

/// What a path is as far as this action changes it: owner, ACL and label.
type State = (Owner, Option<String>, Option<String>);

fn now(look: &Look, right: &RightsFacts) -> Result<State, ActError> {
    let path = Path::new(&right.path);
    Ok((look.lstat(path)?.owner(), look.acl(path).map(|acl| acl.to_string()), look.label(path)))
}

fn before(right: &RightsFacts) -> State {
    let [uid, gid, mode] = right.was;
    (Owner { uid, gid, mode }, right.acl_was.clone(), right.label_was.clone())
}

/// Is it as the plan wants it? What the plan leaves alone is not asked: a new mode changes an ACL's first words too.
fn is_done(look: &Look, right: &RightsFacts) -> bool {
    let kept = |new: &Option<String>, is: &Option<String>| new.is_none() || new == is;
    now(look, right)
        .is_ok_and(|(owner, acl, label)| owner == wanted(right) && kept(&right.acl, &acl) && kept(&right.label, &label))
}

/// What is to be set beside owner and mode.
fn attrs(right: &RightsFacts) -> Result<Vec<Attr>, ActError> {
    let unreadable = |e: String| ActError::failed(e, "the plan is damaged; make a new one");
    let acl = right.acl.as_ref().map(|text| text.parse::<Acl>().map(|acl| Attr::acl(&acl)));
    let acl = acl.transpose().map_err(unreadable)?;
    Ok(acl.into_iter().chain(right.label.as_deref().map(Attr::label)).collect())
}

/// One change in words.
fn said(right: &RightsFacts) -> String {
    let [uid, gid, mode] = right.was;
    let becomes = |what: &str, was: &Option<String>, new: &Option<String>| match new {
        Some(new) => format!("; {what} {} becomes {new}", was.as_deref().unwrap_or("none")),
        None => String::new(),
    };
    let owner = format!("{uid}:{gid} {mode:04o} becomes {}:{} {:04o}", right.uid, right.gid, right.mode);
    let acl = becomes("ACL", &right.acl_was, &right.acl);
    let label = becomes("label", &right.label_was, &right.label);
    format!("{}: {owner}{acl}{label}", right.path)
}

impl Act for FilesChown {
    fn effects(&self, site: &Site) -> Effects {
        let change = |r: &RightsFacts| Change { what: said(r), kind: ChangeKind::OwnerAndMode };
        let save = |r: &RightsFacts| SaveSpec { path: PathBuf::from(&r.path), usage: SaveUse::OwnerAndMode };
        Effects {
            changes: site.rights.iter().map(change).collect(),
            saves: site.rights.iter().map(save).collect(),
            undo: vec![UndoMove::RestoreSaved],
            undo_text: "give each its old owner, mode, ACL and label back".into(),
            class: RepeatClass::Checkable,
            opens: false,
        }
    }

    fn already_done(&self, hands: &mut Hands<'_>, _: &Value) -> Done {
        let all = hands.site.rights.iter().all(|right| is_done(hands.look, right));
        if all { Done::Yes("each has its owner, mode, ACL and label".into()) } else { Done::No }
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        // Before anything is changed: a path that is another one than was planned for is not touched.
        for right in &hands.site.rights {
            let is = now(hands.look, right)?;
            if is != before(right) && !is_done(hands.look, right) {
                let (Owner { uid, gid, mode }, acl, label) = is;
                let more = [acl, label].into_iter().flatten().fold(String::new(), |all, one| format!("{all} {one}"));
                let because = format!("{} is {uid}:{gid} {mode:04o}{more}, not what the plan was made for", right.path);
                return Err(ActError::failed(because, "somebody changed it since; make a new plan"));
            }
        }
        for right in &hands.site.rights {
            hands.set_owner(Path::new(&right.path), wanted(right), &attrs(right)?)?;
            if !is_done(hands.look, right) {
                let because = format!("{} did not keep the rights it was given", right.path);
                return Err(ActError::failed(because, "its filesystem or a security module refuses them"));
            }
        }
        Ok(json!(RightsChanged { changed: hands.site.rights.len() }))
    }
}
