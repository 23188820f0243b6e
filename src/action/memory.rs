//! `redis.raise_maxmemory`: more room for a server that refuses writes, and never less.
use super::conf::{effective, text};
use super::results::MaxmemoryRaised;
use super::{
    Act, ActError, Change, ChangeKind, Effects, Hands, RedisRaiseMaxmemory, RepeatClass, SaveSpec, SaveUse, Site,
    UndoMove,
};
use crate::facts::Bytes;
use crate::redis_conf;
use crate::server::Server;
use crate::vault::Content;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NAME: &str = "maxmemory";
/// What the server does at its limit.
pub(super) const POLICY: &str = "maxmemory-policy";
/// The policy that refuses writes, and throws no key away.
pub(super) const KEEPS_ALL: &str = "noeviction";

/// May the file say it? What the start command fixes, the file can't change.
fn lasts(site: &Site) -> bool {
    !site.overridden.iter().any(|o| o.eq_ignore_ascii_case(NAME))
}

impl Act for RedisRaiseMaxmemory {
    fn effects(&self, site: &Site) -> Effects {
        let live = Change { what: format!("{NAME} {}", self.to), kind: ChangeKind::LiveConfig };
        let file =
            Change { what: format!("{}: {NAME} {}", site.config_file.display(), self.to.0), kind: ChangeKind::Replace };
        let save = SaveSpec { path: site.config_file.clone(), usage: SaveUse::Replaced };
        let (changes, saves, undo_text) = if lasts(site) {
            (vec![live, file], vec![save], "set the old limit again, and put the configuration file back")
        } else {
            let note = "until the next start only: the start command fixes maxmemory".to_string();
            (vec![live, Change { what: note, kind: ChangeKind::Outside }], vec![], "set the old limit again")
        };
        Effects {
            changes,
            saves,
            undo: vec![UndoMove::RestoreSaved],
            undo_text: undo_text.into(),
            class: RepeatClass::Idempotent,
            opens: false,
        }
    }

    fn settings(&self, _: &Site) -> Option<Vec<String>> {
        Some(vec![NAME.into()])
    }

    fn before(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let value = limit(hands)?.0.to_string();
        Ok(json!({ "undo": [UndoMove::ConfigSet { name: NAME.into(), value }] }))
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let was = limit(hands)?;
        if was.0 == 0 || was > self.to {
            return Err(ActError::failed(
                format!("{NAME} is {was} by now, {} would be less", self.to),
                "redis-dr recover looks again",
            ));
        }
        fits(hands, self.to)?;
        hands.connect()?.config_set(NAME, &self.to.0.to_string())?;
        if lasts(hands.site) {
            let old = text(hands)?;
            let value = self.to.0.to_string();
            let mut new = String::from_utf8_lossy(&redis_conf::edit::set(old.as_bytes(), NAME, &[&value])).into_owned();
            if effective(hands, &new).maxmemory() != self.to.0 {
                // an included file says it later: a line behind everything decides
                new.push_str(&redis_conf::edit::line(NAME, &[&value]));
                new.push('\n');
            }
            let path = hands.site.config_file.clone();
            hands.replace(&path, Content::Bytes(new.as_bytes()))?;
        }
        Ok(json!(MaxmemoryRaised { was, is: self.to, lasts: lasts(hands.site) }))
    }
}

/// Are these settings such that the server would throw keys away at once? Less than what is used, with a policy that evicts,
/// is never set.
///
/// # Errors
/// They are, or the server does not tell what it uses.
pub(super) fn throws_no_key_away(
    hands: &Hands<'_>,
    server: &mut Server,
    settings: &BTreeMap<String, String>,
) -> Result<(), ActError> {
    if !settings.keys().any(|name| is(name, NAME) || is(name, POLICY)) {
        return Ok(());
    }
    let mut text = String::new();
    for name in [NAME, POLICY] {
        let value = match settings.iter().find(|(set, _)| is(set, name)) {
            Some((_, value)) => value.clone(),
            None => server.setting(name)?.unwrap_or_default(),
        };
        text.push_str(&redis_conf::edit::line(name, &[&value]));
        text.push('\n');
    }
    let after = effective(hands, &text);
    let (max, policy) = (after.maxmemory(), after.maxmemory_policy());
    let used = server.info(Some("memory"))?.number("used_memory").unwrap_or(u64::MAX);
    if max == 0 || used <= max || is(policy, KEEPS_ALL) {
        return Ok(());
    }
    Err(ActError::failed(
        format!(
            "{} are used: with {NAME} {} and {policy} the server would throw keys away at once",
            Bytes(used),
            Bytes(max)
        ),
        "set more, or maxmemory-policy noeviction",
    ))
}

/// Names and words of settings are the same in any case.
pub(super) fn is(word: &str, known: &str) -> bool {
    word.eq_ignore_ascii_case(known)
}

fn limit(hands: &Hands<'_>) -> Result<Bytes, ActError> {
    let value = hands.connect()?.setting(NAME)?.and_then(|v| v.parse().ok());
    value
        .map(Bytes)
        .ok_or_else(|| ActError::failed(format!("the server tells no {NAME}"), "look at CONFIG GET maxmemory"))
}

/// The server may grow to its new limit, and a save may copy as much again as it grows: both must be free now.
fn fits(hands: &Hands<'_>, to: Bytes) -> Result<(), ActError> {
    let used = hands.connect()?.info(Some("memory"))?.number("used_memory").unwrap_or(0);
    let grows = to.0.saturating_sub(used);
    let pid = hands.running()?;
    let host = hands.look.memory().map_or(0, |m| m.available);
    let group = pid.and_then(|pid| hands.look.cgroup_memory(pid)).map_or(host, |g| g.available);
    let free = Bytes(host.min(group));
    if grows.saturating_mul(2) <= free.0 {
        return Ok(());
    }
    Err(ActError::failed(
        format!(
            "the server could grow by {}, and only {free} are free on this host or in its control group",
            Bytes(grows)
        ),
        "give the host more memory, or remove keys that are not needed",
    ))
}
