//! Keys whose state the files alone decide, compared one by one with the server.
use super::report::Report;
use super::{Clients, Expected};
use crate::aof::{Decided, Fate};
use crate::server::{KeyState, Server, ServerError};
use std::collections::BTreeMap;

/// A key this close to its expiry may be there or not, milliseconds.
const CLOSE_MS: i64 = 1000;
/// Keys that differ and are named.
const NAMED: usize = 10;

#[derive(Default)]
struct Tally {
    compared: u64,
    expired: u64,
    absent: u64,
    values: u64,
    wrong: u64,
    named: Vec<String>,
}

/// Asks the server for type, expiry and, where the files tell it, the value of each.
pub(super) fn compare(
    server: &mut Server,
    decided: &[Decided],
    expected: &Expected<'_>,
    report: &mut Report,
) -> Result<(), ServerError> {
    let mut databases: BTreeMap<u32, Vec<&Decided>> = BTreeMap::new();
    decided.iter().for_each(|d| databases.entry(d.db).or_default().push(d));
    let mut tally = Tally::default();
    for (db, keys) in databases {
        let names: Vec<Vec<u8>> = keys.iter().map(|d| d.key.clone()).collect();
        let states = match server.types_and_expiries(db, &names) {
            Ok(states) => states,
            // the server has no such database: nothing can be there
            Err(ServerError::Answer { .. }) => {
                vec![KeyState { kind: None, expires_at_ms: None, slack_ms: 0 }; keys.len()]
            }
            Err(other) => return Err(other),
        };
        let texts: Vec<Vec<u8>> = keys
            .iter()
            .zip(&states)
            .filter(|(d, is)| matches!(d.fate, Fate::Text { .. }) && is.kind.as_deref() == Some("string"))
            .map(|(d, _)| d.key.clone())
            .collect();
        let values: BTreeMap<&[u8], Option<blake3::Hash>> =
            texts.iter().map(Vec::as_slice).zip(server.digests(db, &texts)?).collect();
        for (key, is) in keys.iter().zip(&states) {
            let value = values.get(key.key.as_slice()).copied().flatten();
            tally.one(db, key, is, value, expected.now_ms);
        }
    }
    tally.tell(expected, report);
    Ok(())
}

impl Tally {
    fn one(&mut self, db: u32, key: &Decided, is: &KeyState, value: Option<blake3::Hash>, now_ms: i64) {
        self.compared += 1;
        let (kind, expires_at_ms, gone_ms) = match &key.fate {
            Fate::Absent => ("missing", None, None),
            Fate::Text { expires_at_ms, .. } => ("string", *expires_at_ms, *expires_at_ms),
            Fate::Of { kind, expires_at_ms, gone_ms } => (kind.as_str(), *expires_at_ms, *gone_ms),
        };
        if is.kind.is_none() && gone_ms.is_some_and(|at| at <= now_ms + CLOSE_MS) {
            self.expired += 1;
            return;
        }
        let have = is.kind.as_deref().unwrap_or("missing");
        let time = match (expires_at_ms, is.expires_at_ms) {
            (None, None) => true,
            // asked as what is left, a time that is over is rounded
            (Some(want), Some(have)) => (want - have).abs() <= is.slack_ms,
            _ => false,
        };
        let same_kind = have == kind || (kind == "module" && have != "missing");
        let same_value = match (&key.fate, value) {
            (Fate::Text { digest, .. }, Some(have)) => *digest == have,
            _ => true,
        };
        self.absent += u64::from(key.fate == Fate::Absent);
        self.values += u64::from(value.is_some());
        if same_kind && time && same_value {
            return;
        }
        self.wrong += 1;
        if self.named.len() < NAMED {
            let name: String =
                String::from_utf8_lossy(&key.key).chars().take(60).flat_map(char::escape_debug).collect();
            let other = if same_value { "" } else { ", of another value" };
            self.named.push(format!(
                "db{db} {name}: {kind} {} in the files, {have} {} in the server{other}",
                expiry(expires_at_ms),
                expiry(is.expires_at_ms)
            ));
        }
    }

    fn tell(self, expected: &Expected<'_>, report: &mut Report) {
        let Tally { compared, expired, absent, values, wrong, named } = self;
        let all =
            format!("{compared} keys compared: {values} by value, {absent} that must be gone, {expired} that expired");
        match expected.clients {
            Clients::Nothing if wrong == 0 => report.exact("keys", true, all),
            Clients::Nothing => report.exact("keys", false, format!("{wrong} differ of {all}; {}", named.join("; "))),
            Clients::Changes(n) => {
                report.bounds("keys", wrong <= n, format!("{wrong} differ of {all}; {n} changes since"));
            }
            Clients::Unknown => {
                let ok = compared == 0 || wrong < compared;
                report.bounds("keys", ok, format!("{wrong} differ of {all}; clients may have changed them since"));
            }
        }
    }
}

fn expiry(at_ms: Option<i64>) -> String {
    at_ms.map_or_else(|| "without expiry".to_owned(), |at| format!("expiring at {at}"))
}
