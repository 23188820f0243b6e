//! After a start: the load is waited for, and it is checked that the server runs as was asked.
use super::conf::{FENCE_MARKER, effective, text};
use super::{ActError, Hands, Wait};
use crate::facts::Bytes;
use crate::redis_conf;
use crate::server::{Info, ServerError};
use crate::verify;
use std::time::Duration;

/// Waits until the server has loaded; a process that dies meanwhile is told with its last words.
pub(super) fn wait_loaded(hands: &mut Hands<'_>, timeout: Duration, log_from: u64) -> Result<Info, ActError> {
    let mut gone = 0;
    hands.wait_watching("the server to load its data", timeout, |h| {
        let refused = match h.connect().and_then(|mut s| s.info(Some("everything"))) {
            Ok(info) if !info.loading() => return Ok(Wait::Over(info)),
            Ok(info) => {
                let (done, total) = (info.number("loading_loaded_bytes"), info.number("loading_total_bytes"));
                (h.progress)("load", done.unwrap_or(0), total);
                let part = done.zip(total).filter(|(_, total)| *total > 0);
                return Ok(Wait::Goes(part.map(|(done, total)| done as f64 / total as f64)));
            }
            Err(e @ ServerError::AuthFailed { .. }) => return Err(e.into()),
            Err(e) => e.to_string(),
        };
        if h.running()?.is_some() {
            gone = 0;
            return Ok(Wait::Goes(None));
        }
        gone += 1;
        let ended = h.service.ended_badly();
        // a service manager needs a moment between its answer and the process
        if gone < 8 && ended.is_none() {
            return Ok(Wait::Goes(None));
        }
        let because = telling(&h.log_since(log_from)).or(ended).unwrap_or(refused);
        Err(ActError::failed(
            format!("the server did not stay up: {because}"),
            "redis-dr assess explains the log's words",
        ))
    })
}

/// What a log says of why its server ended: its last two warnings, without those that every start writes.
fn telling(log: &[String]) -> Option<String> {
    const EVERY_START: &[&str] = &["oO0OoO0OoO0Oo", "WARNING", "Configuration loaded", "Server initialized"];
    let mut told: Vec<&str> = Vec::new();
    for line in log.iter().filter(|line| !EVERY_START.iter().any(|words| line.contains(words))) {
        let words = line.split_once(" # ").map_or(line.as_str(), |(_, words)| words);
        // a service manager may have tried more than once
        told.retain(|have| *have != words);
        told.push(words);
    }
    let first = told.len().saturating_sub(2);
    told.get(first..).filter(|last| !last.is_empty()).map(|last| last.join(" | "))
}

/// A start is a success only if the server runs with what was asked for, and loaded without an error (§5).
pub(super) fn check_start(hands: &mut Hands<'_>, info: &Info, lines: &[String], log_from: u64) -> Result<(), ActError> {
    let mut server = hands.connect()?;
    for line in lines {
        let (name, value) = line.split_once(' ').unwrap_or((line, ""));
        let is = match server.setting(name) {
            Ok(is) => is.unwrap_or_default(),
            Err(e) => return Err(e.into()),
        };
        if is != value.trim_matches('"') {
            return Err(ActError::failed(
                format!("the server runs with {name} {is}, not {value}"),
                "look for another file or start argument that sets it",
            ));
        }
    }
    let log = hands.site.logfile.as_ref();
    if let Some(line) = log.map(|path| verify::first_critical(hands.look, path, log_from)).transpose()?.flatten() {
        return Err(ActError::failed(
            format!("a command failed while loading: {line}"),
            "choose another point: redis-dr points",
        ));
    }
    fits_owners_memory(hands, info)?;
    match info.number("evicted_keys") {
        None | Some(0) => Ok(()),
        Some(n) => Err(ActError::failed(
            format!("the server evicted {n} keys while it loaded"),
            "raise maxmemory above what the data needs, then try again",
        )),
    }
}

/// Once opened the owner's maxmemory is in force again: what was loaded must fit in it.
fn fits_owners_memory(hands: &Hands<'_>, info: &Info) -> Result<(), ActError> {
    let text = text(hands)?;
    let bare = redis_conf::edit::remove_block(text.as_bytes(), FENCE_MARKER).unwrap_or_else(|| text.into_bytes());
    let max = effective(hands, &String::from_utf8_lossy(&bare)).maxmemory();
    let used = info.number("used_memory").unwrap_or(0);
    // clients' buffers need room too, or the first write tips it over
    let headroom = (max / 50).max(512 << 10);
    if max == 0 || used + headroom < max {
        return Ok(());
    }
    Err(ActError::failed(
        format!(
            "the data takes {}, maxmemory is {}: keys would be evicted, or writes refused",
            Bytes(used),
            Bytes(max)
        ),
        "raise maxmemory in the configuration above what the data needs, then try again",
    ))
}
