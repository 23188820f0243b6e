//! `redis.…`: commands to the running server that change it, each waited for until it is true on disk.
use super::files::aof_appended;
use super::memory::{KEEPS_ALL, POLICY, is, throws_no_key_away};
use super::results::{AofRewritten, Bgsaved};
use super::{
    Act, ActError, Change, ChangeKind, Done, Effects, Hands, RedisBgsave, RedisConfigSet, RedisEnableAof,
    RedisRewriteAof, RepeatClass, SaveSpec, SaveUse, Site, UndoMove,
};
use crate::aof::manifest;
use crate::facts::Bytes;
use crate::server::{Info, Server};
use serde_json::{Value, json};

/// Is a complete AOF on disk (redis-facts §5)? `aof_enabled` alone is no proof: it is 1 while the first rewrite runs.
fn aof_complete(hands: &Hands<'_>, info: &Info) -> Option<bool> {
    let off = |k: &str| info.number(k).unwrap_or(0) == 0;
    if !off("aof_rewrite_in_progress") || !off("aof_rewrite_scheduled") {
        return None;
    }
    let ok = info.get("aof_last_bgrewrite_status") == Some("ok")
        && info.number("aof_enabled") == Some(1)
        && info.number("aof_base_size").is_some_and(|size| size > 0);
    if !hands.site.multi_part {
        return Some(ok && hands.look.exists(&hands.site.aof));
    }
    let path = hands.site.aof.join(format!("{}.manifest", hands.site.aof_name));
    let listed = hands.look.read(&path, 1 << 20).ok().and_then(|b| manifest::parse(&b).ok());
    let whole = listed.is_some_and(|m| {
        m.base().is_some() && m.entries.iter().all(|e| hands.look.exists(&hands.site.aof.join(&e.name)))
    });
    Some(ok && whole)
}

fn rewritten(info: &Info) -> AofRewritten {
    AofRewritten { base_size: info.number("aof_base_size").map(Bytes) }
}

fn wait_for_aof(hands: &mut Hands<'_>, timeout: crate::facts::Seconds) -> Result<Value, ActError> {
    hands.wait("a complete AOF on disk", timeout.duration(), |h| {
        let info = h.connect()?.info(Some("persistence"))?;
        match aof_complete(h, &info) {
            Some(true) => Ok(Some(json!(rewritten(&info)))),
            Some(false) if info.get("aof_last_bgrewrite_status") == Some("err") => Err(ActError::failed(
                "the AOF rewrite failed",
                "look at the server's log (space, memory for fork), then redis-dr runs resume",
            )),
            _ => Ok(None),
        }
    })
}

fn rewrite_effects(site: &Site, words: &str) -> Effects {
    let save = aof_appended(site);
    Effects {
        changes: vec![
            Change { what: save.path.display().to_string(), kind: ChangeKind::Directory },
            Change { what: words.into(), kind: ChangeKind::LiveConfig },
        ],
        saves: vec![save],
        undo: vec![],
        undo_text: "left as it is: clients write already".into(),
        class: RepeatClass::Checkable,
        opens: false,
    }
}

impl Act for RedisEnableAof {
    fn effects(&self, site: &Site) -> Effects {
        let undo_text = "CONFIG SET appendonly no, and the AOF's files as they were".into();
        Effects { undo_text, ..rewrite_effects(site, "appendonly yes") }
    }

    /// Where it was off: switched off again first, then the files put back. An AOF left beside a server that does not
    /// write it would win over the snapshot at a later start.
    fn before(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let value = current(&mut hands.connect()?, "appendonly")?;
        if value != "no" {
            return Ok(Value::Null);
        }
        let undo = [UndoMove::ConfigSet { name: "appendonly".into(), value }, UndoMove::RestoreSaved];
        Ok(json!({ "undo": undo }))
    }

    fn already_done(&self, hands: &mut Hands<'_>, _: &Value) -> Done {
        let info = hands.connect().and_then(|mut s| s.info(Some("persistence")));
        match info {
            Ok(info) if aof_complete(hands, &info) == Some(true) => Done::Yes("the AOF is on and complete".into()),
            _ => Done::No,
        }
    }

    fn found(&self, hands: &mut Hands<'_>, _: &Value) -> Value {
        let info = hands.connect().and_then(|mut s| s.info(Some("persistence")));
        info.map_or(Value::Null, |info| json!(rewritten(&info)))
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        hands.connect()?.config_set("appendonly", "yes")?;
        wait_for_aof(hands, self.timeout)
    }
}

impl Act for RedisRewriteAof {
    fn effects(&self, site: &Site) -> Effects {
        Effects { class: RepeatClass::Idempotent, ..rewrite_effects(site, "BGREWRITEAOF") }
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        hands.connect()?.bgrewriteaof()?;
        wait_for_aof(hands, self.timeout)
    }
}

impl Act for RedisBgsave {
    fn effects(&self, site: &Site) -> Effects {
        Effects {
            changes: vec![Change { what: site.rdb.display().to_string(), kind: ChangeKind::Replace }],
            saves: vec![SaveSpec { path: site.rdb.clone(), usage: SaveUse::Replaced }],
            undo: vec![UndoMove::RestoreSaved],
            undo_text: "put the old snapshot back".into(),
            class: RepeatClass::Idempotent,
            opens: false,
        }
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let before = hands.connect()?.info(Some("persistence"))?.number("rdb_saves");
        hands.connect()?.bgsave()?;
        hands.wait("the background save", self.timeout.duration(), |h| {
            let info = h.connect()?.info(Some("persistence"))?;
            if info.number("rdb_bgsave_in_progress") != Some(0) {
                return Ok(None);
            }
            if info.get("rdb_last_bgsave_status") != Some("ok") {
                return Err(ActError::failed("the background save failed", "look at the server's log"));
            }
            Ok(Some(json!(Bgsaved { saves_before: before })))
        })
    }
}

impl Act for RedisConfigSet {
    fn effects(&self, _: &Site) -> Effects {
        Effects {
            changes: self
                .0
                .iter()
                .map(|(k, v)| Change { what: format!("{k} {v}"), kind: ChangeKind::LiveConfig })
                .collect(),
            saves: vec![],
            undo: vec![],
            undo_text: "the old values are set again".into(),
            class: RepeatClass::Idempotent,
            opens: false,
        }
    }

    /// The old values, so that the undo can set them again.
    fn before(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let mut server = hands.connect()?;
        let mut undo = Vec::new();
        for name in self.0.keys() {
            let value = current(&mut server, name)?;
            undo.push(UndoMove::ConfigSet { name: name.clone(), value });
        }
        Ok(json!({ "undo": undo }))
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let mut server = hands.connect()?;
        throws_no_key_away(hands, &mut server, &self.0)?;
        // a policy that keeps all keys comes before a limit under which the one in force would throw some away
        let (policy, others): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|(name, value)| is(name, POLICY) && is(value, KEEPS_ALL));
        for (name, value) in policy.into_iter().chain(others) {
            server.config_set(name, value)?;
        }
        Ok(Value::Null)
    }
}

fn current(server: &mut Server, name: &str) -> Result<String, ActError> {
    server.config_get(name)?.get(name).cloned().ok_or_else(|| {
        ActError::failed(format!("the server knows no setting {name}"), "look at CONFIG GET * for the right name")
    })
}
