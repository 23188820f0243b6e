//! `redis.command`, `redis.wait` and `redis.config_rewrite`: what a runbook asks of the server in its own words.
use super::results::{Answered, Waited};
use super::service::FENCE;
use super::{
    Act, ActError, Change, ChangeKind, Effects, Hands, RedisCommand, RedisConfigRewrite, RedisWait, RepeatClass,
    SaveSpec, SaveUse, Site, UndoMove,
};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// Commands that are refused, and what to use instead. A command with its subcommand comes before the command alone.
const REFUSED: &[(&str, &str)] = &[
    ("CONFIG SET", "use redis.config_set, which can be undone"),
    ("CONFIG REWRITE", "use redis.config_rewrite, which saves the file first"),
    ("BGSAVE", "use redis.bgsave, which saves the old snapshot first"),
    ("SAVE", "use redis.bgsave, which saves the old snapshot first and does not block"),
    ("BGREWRITEAOF", "use redis.rewrite_aof, which saves the old AOF first"),
    ("SHUTDOWN", "use service.stop, which saves the memory first"),
    ("FLUSHALL", TAKES_DATA),
    ("FLUSHDB", TAKES_DATA),
    ("SWAPDB", TAKES_DATA),
    ("DEL", TAKES_DATA),
    ("UNLINK", TAKES_DATA),
    ("GETDEL", TAKES_DATA),
    ("RENAME", TAKES_DATA),
    ("RESTORE", TAKES_DATA),
    ("MIGRATE", TAKES_DATA),
    ("DEBUG", TAKES_DATA),
    ("REPLICAOF", "a replica drops its data and takes its primary's"),
    ("SLAVEOF", "a replica drops its data and takes its primary's"),
    ("FAILOVER", "the primary becomes a replica"),
    ("CLUSTER", "it changes who owns the data"),
    ("PSYNC", "it turns the connection into a replica's"),
    ("SYNC", "it turns the connection into a replica's"),
    ("MONITOR", "it never ends"),
    ("SUBSCRIBE", "it never ends"),
    ("MODULE", "a module can do anything"),
    ("EVAL", "a script can do anything"),
    ("EVALSHA", "a script can do anything"),
    ("FCALL", "a script can do anything"),
];
const TAKES_DATA: &str = "it takes data away, and nothing would bring it back";

/// Reads `argv` and refuses what must not be given.
pub(super) fn harmless<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let argv: Vec<String> = Vec::deserialize(deserializer)?;
    match refusal(&argv) {
        Some(because) => Err(serde::de::Error::custom(because)),
        None => Ok(argv),
    }
}

fn refusal(argv: &[String]) -> Option<String> {
    let Some(name) = argv.first() else {
        return Some("argv is empty: give the command as a list".into());
    };
    let name = name.to_uppercase();
    let both = argv.get(1).map(|sub| format!("{name} {}", sub.to_uppercase())).unwrap_or_default();
    let (refused, why) = REFUSED.iter().find(|(refused, _)| *refused == both || *refused == name)?;
    Some(format!("{refused} can't be given by redis.command: {why}"))
}

impl Act for RedisCommand {
    fn effects(&self, _: &Site) -> Effects {
        let change = |what: &String| Change { what: what.clone(), kind: ChangeKind::Outside };
        let undo = if self.changes.is_empty() { "nothing to undo" } else { "nothing that redis-dr knows of" };
        Effects {
            changes: self.changes.iter().map(change).collect(),
            class: if self.repeatable { RepeatClass::Idempotent } else { RepeatClass::Once },
            undo_text: undo.into(),
            ..Effects::none()
        }
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let mut server = hands.connect()?;
        server.set_timeout(self.timeout.duration());
        let argv: Vec<&str> = self.argv.iter().map(String::as_str).collect();
        Ok(json!(Answered { answer: server.give(&argv)? }))
    }
}

impl Act for RedisWait {
    fn effects(&self, _: &Site) -> Effects {
        Effects::none()
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let what = format!("{} to be {}", self.field, self.wanted());
        hands.wait(&what, self.timeout.duration(), |h| {
            let info = h.connect()?.info(Some("everything"))?;
            let is = info.get(&self.field).unwrap_or_default();
            Ok(self.met(is).then(|| json!(Waited { field: self.field.clone(), is: is.to_string() })))
        })
    }
}

impl RedisWait {
    fn met(&self, is: &str) -> bool {
        let number = || is.parse::<u64>().ok();
        self.is.as_deref().is_none_or(|wanted| wanted == is)
            && self.at_least.is_none_or(|least| number().is_some_and(|n| n >= least))
            && self.at_most.is_none_or(|most| number().is_some_and(|n| n <= most))
    }

    fn wanted(&self) -> String {
        let least = self.at_least.map(|n| format!("at least {n}"));
        let most = self.at_most.map(|n| format!("at most {n}"));
        [self.is.clone(), least, most].into_iter().flatten().collect::<Vec<_>>().join(" and ")
    }
}

impl Act for RedisConfigRewrite {
    fn effects(&self, site: &Site) -> Effects {
        let file = site.config_file.clone();
        Effects {
            changes: vec![Change {
                what: format!("{}: the settings of the running server", file.display()),
                kind: ChangeKind::Replace,
            }],
            saves: vec![SaveSpec { path: file, usage: SaveUse::Replaced }],
            undo: vec![UndoMove::RestoreSaved],
            undo_text: "put the configuration file back".into(),
            class: RepeatClass::Idempotent,
            opens: false,
        }
    }

    fn settings(&self, _: &Site) -> Option<Vec<String>> {
        None
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let mut server = hands.connect()?;
        if server.setting("min-replicas-to-write")? == Some(FENCE.to_string()) {
            let because = "the server is fenced; a rewrite now would write the fence into its configuration for good";
            return Err(ActError::failed(because, "let service.open come before redis.config_rewrite"));
        }
        server.config_rewrite()?;
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn command(argv: &[&str]) -> Result<RedisCommand, String> {
        serde_json::from_value(json!({ "argv": argv })).map_err(|e| e.to_string())
    }

    #[test]
    fn what_takes_data_away_or_has_its_own_action_is_refused_in_any_spelling() {
        for argv in [&["flushall"][..], &["FlushDB", "ASYNC"], &["config", "set", "maxmemory", "1"], &["DEL", "a"]] {
            let error = command(argv).unwrap_err();
            assert!(error.contains("can't be given by redis.command"), "{error}");
        }
        assert!(command(&[]).unwrap_err().contains("argv is empty"));
        for argv in [&["CONFIG", "GET", "save"][..], &["SCRIPT", "KILL"], &["CLIENT", "NO-EVICT", "on"]] {
            assert_eq!(command(argv).unwrap().argv, argv);
        }
    }

    #[test]
    fn a_field_is_waited_for_as_word_or_number() {
        let wait = |json: Value| serde_json::from_value::<RedisWait>(json).unwrap();
        let word = wait(json!({ "field": "rdb_last_bgsave_status", "is": "ok" }));
        assert!(word.met("ok") && !word.met("err") && !word.met(""));
        let number = wait(json!({ "field": "connected_slaves", "at_least": 1, "at_most": 3 }));
        assert!(number.met("2") && !number.met("0") && !number.met("4") && !number.met("many"));
        assert_eq!(number.wanted(), "at least 1 and at most 3");
    }
}
