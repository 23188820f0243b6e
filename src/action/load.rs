//! `data.load`: data from another system into the running server.
use super::results::{DataLoaded, MemorySaved};
use super::service::snapshot;
use super::{Act, ActError, Change, ChangeKind, DataLoad, Done, Effects, Hands, RepeatClass, Site, UndoMove};
use crate::facts::Bytes;
use crate::load::{self, Existing, LoadError, Loaded, Order, Origin, Reach, Tally};
use crate::server::{Info, Server};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Memory that must be left on the host, at least.
const HOST_KEEPS: u64 = 64 << 20;
/// The longest note of what was loaded.
const NOTE: u64 = 1 << 20;

/// Reads a word that only text can be: a runbook's parameter has no type of its own for it.
pub(super) fn word<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

impl From<LoadError> for ActError {
    fn from(e: LoadError) -> Self {
        Self { interrupted: e.interrupted, ..Self::failed(e.because, e.hint) }
    }
}

impl Act for DataLoad {
    fn effects(&self, site: &Site) -> Effects {
        if self.check {
            return Effects::none();
        }
        let those = match self.existing {
            Existing::Keep => "keys that are there stay",
            Existing::Replace => "keys that are there are replaced",
            Existing::Fail => "it stops at a key that is there",
        };
        let after = if self.since.is_empty() { String::new() } else { format!(" after {}", self.since) };
        let what = format!("loads {}{after}; {those}", self.origin_as_said().shown());
        let saved = site.vault_dir.join(BEFORE);
        Effects {
            changes: vec![Change { what, kind: ChangeKind::Keys }],
            class: RepeatClass::Checkable,
            undo_text: format!(
                "a server that the run started goes with all it holds when its start is taken back; in one that ran \
                 before the loaded keys stay, since nobody can tell whose they are by then. If it held keys, they are \
                 first saved to {}",
                saved.display()
            ),
            opens: true,
            ..Effects::none()
        }
    }

    fn sound(&self) -> Result<(), String> {
        match (self.file.is_empty(), self.command.is_empty()) {
            (true, true) => return Err("nothing says where the data comes from: give `file` or `command`".into()),
            (false, false) => return Err("it has both `file` and `command`".into()),
            (false, true) if !self.file.starts_with('/') => return Err("`file` is no absolute path".into()),
            (false, true) if !self.stdin.is_empty() => return Err("`stdin` is for a `command`".into()),
            _ => {}
        }
        if let Some(at) = self.command.iter().position(|word| holds_secret(word)) {
            return Err(format!(
                "argument {at} of `command` holds a password, which every user of the host could read: name a file that \
                 holds it (PostgreSQL: passfile=), or a variable under `env`"
            ));
        }
        self.since().map(|_| ())
    }

    fn reads(&self) -> Vec<PathBuf> {
        [&self.file, &self.stdin].into_iter().filter(|path| !path.is_empty()).map(PathBuf::from).collect()
    }

    /// A server that holds keys is saved first: some may be replaced, and there is no other way back.
    fn before(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        if self.check {
            return Ok(Value::Null);
        }
        let keys = hands.connect()?.info(Some("keyspace"))?.keys();
        let memory: Option<MemorySaved> = match keys {
            0 => None,
            _ => Some(snapshot(hands, BEFORE, Duration::from_secs(600))?),
        };
        // a server that this run started goes with all it holds when that is taken back
        let ours = hands.results.values().any(|found| !found["log_from"].is_null());
        let mark = load::mark_key(&self.name(hands));
        let undo = [UndoMove::ForgetLoad { mark, keys_stay: !ours }];
        Ok(json!({ "keys": keys, "memory": memory, "undo": undo }))
    }

    fn already_done(&self, hands: &mut Hands<'_>, _: &Value) -> Done {
        let name = self.name(hands);
        if self.check || noted(hands, &name).is_none() {
            return Done::No;
        }
        // the note is written before the mark goes; data that a crash of the host took away takes the mark back with it
        match hands.connect().map_err(LoadError::from).and_then(|mut server| load::is_unfinished(&mut server, &name)) {
            Ok(false) => Done::Yes("all of it was loaded".into()),
            Ok(true) => Done::No,
            Err(e) => Done::CantTell(e.because),
        }
    }

    fn found(&self, hands: &mut Hands<'_>, _: &Value) -> Value {
        let name = self.name(hands);
        let told = noted(hands, &name).map(|tally| Loaded { tally, ..Loaded::default() });
        told.and_then(|loaded| self.told(hands, &name, loaded).ok()).unwrap_or_default()
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let (order, origin, name) = (self.order()?, self.origin(hands)?, self.name(hands));
        let (look, endpoint, interrupted) = (hands.look, hands.endpoint, hands.interrupted);
        let patience = order.patience;
        let evicted = std::cell::Cell::new(None);
        let mut reach = Reach {
            connect: &|| Server::connect(endpoint, Duration::from_secs(2)),
            open: &|| origin.open(look, patience, interrupted),
            full: &|info| full(info, look.memory().map(|m| m.available), &evicted),
            progress: &mut *hands.progress,
            interrupted,
            now_ms: look.now().as_millisecond(),
        };
        if self.check {
            let read = load::check(&order, &mut reach)?;
            return Ok(json!(results(read, None)));
        }
        let loaded = load::load(&order, &name, &mut reach)?;
        note(hands, &name, &loaded.tally)?;
        self.told(hands, &name, loaded)
    }
}

/// The copy of what a server held before a load.
const BEFORE: &str = "memory-before-load.rdb";

impl DataLoad {
    /// What this load is called: the run, and what it loads.
    fn name(&self, hands: &Hands<'_>) -> String {
        let digest = blake3::hash(json!(self).to_string().as_bytes()).to_hex();
        format!("{}:{}", hands.vault.run_id(), &digest[..8])
    }

    fn since(&self) -> Result<Option<jiff::Timestamp>, String> {
        if self.since.is_empty() {
            return Ok(None);
        }
        let bad = |_| format!("`since` is `{}`, which is no moment such as 2026-11-21T03:12:00Z", self.since);
        self.since.parse().map(Some).map_err(bad)
    }

    fn order(&self) -> Result<Order, ActError> {
        let since = self.since().map_err(|e| ActError::failed(e, "--param since=TIME"))?;
        Ok(Order {
            format: self.format,
            existing: self.existing,
            batch: self.batch,
            rate: self.rate,
            slow: self.slow.duration(),
            max_errors: self.max_errors,
            since_ms: since.map(jiff::Timestamp::as_millisecond),
            allow: self.allow.clone(),
            patience: self.timeout.duration(),
        })
    }

    fn origin_as_said(&self) -> Origin {
        if !self.file.is_empty() {
            return Origin::File(PathBuf::from(&self.file));
        }
        let argv = self.command.iter().map(|word| word.replace("{since}", &self.since)).collect();
        let stdin = Some(&self.stdin).filter(|path| !path.is_empty()).map(PathBuf::from);
        Origin::Command { argv, stdin, env: Vec::new() }
    }

    /// The same, with the values of the variables that the program gets.
    fn origin(&self, hands: &Hands<'_>) -> Result<Origin, ActError> {
        let mut origin = self.origin_as_said();
        if let Origin::Command { env, .. } = &mut origin {
            for name in &self.env {
                let value = hands.look.variable(name).ok_or_else(|| {
                    let because = format!("the variable {name}, which the source's program needs, is not set");
                    ActError::failed(because, "set it for redis-dr, then redis-dr runs resume")
                })?;
                env.push((name.clone(), value));
            }
        }
        Ok(origin)
    }

    /// What came of it; its mark is taken away.
    fn told(&self, hands: &Hands<'_>, name: &str, loaded: Loaded) -> Result<Value, ActError> {
        let mut server = hands.connect()?;
        load::forget(&mut server, name)?;
        let keys = server.info(Some("keyspace"))?.keys();
        Ok(json!(results(loaded, Some(keys))))
    }
}

fn results(loaded: Loaded, keys: Option<u64>) -> DataLoaded {
    let Loaded { tally, faults, .. } = loaded;
    DataLoaded {
        read: tally.read,
        loaded: tally.loaded,
        kept: tally.kept,
        replaced: tally.replaced,
        passed: tally.passed,
        errors: tally.errors,
        first_errors: faults.first,
        bytes: Bytes(tally.bytes),
        keys,
    }
}

/// Does an argument carry a password, in a form that programs know?
fn holds_secret(word: &str) -> bool {
    let lower = word.to_lowercase();
    let named = ["password=", "passwd=", "pwd="]
        .iter()
        .any(|name| lower.split(name).skip(1).any(|rest| !rest.is_empty() && !rest.starts_with([' ', '&', '\''])));
    let in_address = word.split_once("://").and_then(|(_, rest)| rest.split_once('@')).is_some_and(|(who, _)| {
        who.split_once(':').is_some_and(|(_, secret)| !secret.is_empty() && !who.contains('/'))
    });
    named || in_address
}

/// Why there is no room for more: in the server, which would throw keys away or refuse them, or on the host, whose kernel
/// would kill it.
fn full(info: &Info, available: Option<u64>, evicted: &std::cell::Cell<Option<u64>>) -> Option<String> {
    let now = info.number("evicted_keys").unwrap_or(0);
    let before = evicted.get().unwrap_or(now);
    evicted.set(Some(before));
    if now > before {
        return Some(format!("the server evicted {} keys to make room for the load", now - before));
    }
    let (used, most) = (info.number("used_memory").unwrap_or(0), info.number("maxmemory").unwrap_or(0));
    if most > 0 && used + most / 20 >= most {
        return Some(format!("the server uses {} of the {} that it may (maxmemory)", Bytes(used), Bytes(most)));
    }
    let free = available?;
    (free < HOST_KEEPS).then(|| format!("the host has only {} of memory left", Bytes(free)))
}

fn note_name(name: &str) -> String {
    format!("load-{}.json", name.rsplit(':').next().unwrap_or(name))
}

/// Writes down, durably, that all of it was loaded.
fn note(hands: &Hands<'_>, name: &str, tally: &Tally) -> Result<(), ActError> {
    use std::io::Write;
    let (path, mut file) = hands.vault.new_file(&note_name(name))?;
    let written = file.write_all(json!(tally).to_string().as_bytes());
    written
        .map_err(|e| ActError::failed(format!("{}: {e}", path.display()), "free space, then redis-dr runs resume"))?;
    hands.vault.finish_file(&path, &file)?;
    Ok(())
}

fn noted(hands: &Hands<'_>, name: &str) -> Option<Tally> {
    let bytes = hands.look.read(&hands.vault.dir().join(note_name(name)), NOTE).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(json: Value) -> Result<DataLoad, String> {
        let load: DataLoad = serde_json::from_value(json).map_err(|e| e.to_string())?;
        load.sound().map(|()| load)
    }

    #[test]
    fn parameters_that_do_not_fit_are_told() {
        for (json, because) in [
            (json!({}), "where the data comes from"),
            (json!({"file": "/x", "command": ["y"]}), "both"),
            (json!({"file": "x"}), "no absolute path"),
            (json!({"file": "/x", "existing": "overwrite"}), "keep (they stay)"),
            (json!({"file": "/x", "format": "csv"}), "no format"),
            (json!({"file": "/x", "since": "yesterday"}), "no moment"),
            (json!({"command": ["psql", "postgres://u:secret@h/d"]}), "argument 1"),
            (json!({"command": ["psql", "host=h password=secret"]}), "argument 1"),
            (json!({"command": ["mysql", "--password=secret"]}), "argument 1"),
        ] {
            let said = of(json).unwrap_err();
            assert!(said.contains(because) && !said.contains("secret"), "{said}");
        }
        for fine in ["postgres://u@h/d", "postgres:///d?host=/run", "passfile=/etc/p", "http://h:80/a@b", "{since}"] {
            assert!(of(json!({"command": ["psql", fine]})).is_ok(), "{fine}");
        }
    }

    #[test]
    fn there_is_no_room_where_keys_would_go_or_the_kernel_would_kill() {
        let full = |text: &str, available, evicted: &std::cell::Cell<_>| full(&Info::parse(text), available, evicted);
        let evicted = std::cell::Cell::default();
        assert_eq!(full("evicted_keys:5\r\nused_memory:10\r\nmaxmemory:0\r\n", Some(1 << 30), &evicted), None);
        assert!(full("evicted_keys:7\r\n", Some(1 << 30), &evicted).unwrap().contains("evicted 2 keys"));
        let evicted = std::cell::Cell::default();
        assert!(full("used_memory:96\r\nmaxmemory:100\r\n", None, &evicted).unwrap().contains("maxmemory"));
        assert!(full("used_memory:9\r\n", Some(1 << 20), &evicted).unwrap().contains("of memory left"));
    }
}
