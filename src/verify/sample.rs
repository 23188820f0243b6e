//! A bounded sample of the keys of a snapshot, compared one by one with the server.
use super::{Expected, Report};
use crate::rdb::{self, WalkOptions};
use crate::server::{Server, ServerError};
use std::collections::BTreeMap;
use std::io::Read;
use std::ops::ControlFlow;

/// Up to this many keys all are compared; of more, about this many, spread evenly.
const KEYS: u64 = 2000;
/// A key longer than this is left out: the sample's memory is bounded.
const KEY_BYTES: usize = 4096;

/// One key of the sample.
pub(super) struct Key {
    name: Vec<u8>,
    kind: &'static str,
    expires_at_ms: Option<i64>,
}

/// Walks the snapshot once: its counts at this moment, and the sample by database.
pub(super) fn take(reader: Box<dyn Read + Send>, keys: u64, now_ms: i64) -> (rdb::Report, BTreeMap<u32, Vec<Key>>) {
    let options = WalkOptions { now_ms, ..WalkOptions::default() };
    let every = (keys / KEYS).max(1);
    let mut sample: BTreeMap<u32, Vec<Key>> = BTreeMap::new();
    let mut number = 0_u64;
    let mut kept = 0_u64;
    let report = rdb::for_each_key(reader, &options, &mut |key| {
        number += 1;
        let wanted = number.is_multiple_of(every) && kept < 2 * KEYS && key.key.len() <= KEY_BYTES;
        if wanted && let Ok(db) = u32::try_from(key.db) {
            kept += 1;
            sample.entry(db).or_default().push(Key {
                name: key.key.to_vec(),
                kind: key.kind.as_str(),
                expires_at_ms: key.expire_ms,
            });
        }
        ControlFlow::Continue(())
    });
    (report, sample)
}

/// Asks the server for type and expiry of each.
pub(super) fn compare(
    server: &mut Server,
    sample: &BTreeMap<u32, Vec<Key>>,
    expected: &Expected<'_>,
    report: &mut Report,
) -> Result<(), ServerError> {
    let (mut compared, mut expired, mut wrong) = (0_u64, 0_u64, Vec::new());
    for (db, keys) in sample {
        let names: Vec<Vec<u8>> = keys.iter().map(|k| k.name.clone()).collect();
        for (key, is) in keys.iter().zip(server.types_and_expiries(*db, &names)?) {
            compared += 1;
            let over = key.expires_at_ms.is_some_and(|at| at <= expected.now_ms + 60_000);
            if over && (is.kind.is_none() || expected.open) {
                expired += 1;
                continue;
            }
            let kind = is.kind.as_deref().unwrap_or("missing");
            let time = match (key.expires_at_ms, is.expires_at_ms) {
                (None, None) => true,
                (Some(a), Some(b)) => (a - b).abs() <= is.slack_ms,
                _ => false,
            };
            let same_kind = kind == key.kind || (key.kind == "module" && kind != "missing");
            if !(same_kind && time) && wrong.len() < 10 {
                let name: String =
                    String::from_utf8_lossy(&key.name).chars().take(60).flat_map(char::escape_debug).collect();
                wrong.push(format!(
                    "db{db} {name}: {} expiring at {:?} in the snapshot, {kind} expiring at {:?} in the server",
                    key.kind, key.expires_at_ms, is.expires_at_ms
                ));
            }
        }
    }
    let evidence = if wrong.is_empty() {
        format!("{compared} keys compared, {expired} of them expired")
    } else {
        wrong.join("; ")
    };
    report.check("types and expiries", expected.open || wrong.is_empty(), evidence);
    Ok(())
}
