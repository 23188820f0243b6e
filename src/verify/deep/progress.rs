//! How far a comparison has come, and what it found until then: kept, so that it goes on after an interruption.
use super::ask::Live;
use super::judge::{Found, Since};
use super::{Meaning, Wanted};
use crate::rdb::Kind;
use serde::{Deserialize, Serialize};

/// Keys that are not equal, and are remembered so that they can be read once more; more are only counted.
const REMEMBERED: usize = 1000;

/// Counts of keys of the point.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Compared so far, in the order of the point.
    pub done: u64,
    /// With the same value, type and expiry on the server.
    pub equal: u64,
    /// Not on the server, because their time is over.
    pub expired: u64,
    /// Not on the server.
    pub missing: u64,
    /// On the server with another value, type or expiry.
    pub differing: u64,
    /// Of those missing or differing, the ones that clients were seen to change.
    pub changing: u64,
    /// On the server, with a value that could not be compared.
    pub not_compared: u64,
    /// Keys of the point that are on the server.
    pub present: u64,
    /// Keys of the server that the point does not have; known at the end.
    pub extra: Option<u64>,
    /// Are the function libraries the same? Known at the end, of servers that have functions.
    pub libraries: Option<bool>,
    pub(super) odd: Vec<Odd>,
}

/// A key that is not equal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Odd {
    pub db: u32,
    /// As hex: a key is no text.
    key: String,
    kind: String,
    expires_at_ms: Option<i64>,
    gone_ms: Option<i64>,
    meaning: String,
    /// What the server had; none where the key was gone, or could not be read.
    had: Option<String>,
    /// What is not as in the point.
    pub what: String,
    pub since: Since,
    /// Counted as missing, as differing, or as not compared.
    counted: Counted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Counted {
    Missing,
    Differing,
    NotCompared,
}

impl Progress {
    /// One key of the point.
    pub(super) fn add(&mut self, wanted: &Wanted, live: &Live, found: &Found) {
        self.done += 1;
        self.present += u64::from(!matches!(live, Live::Gone));
        let (counted, what) = match found {
            Found::Equal => {
                self.equal += 1;
                return;
            }
            Found::Expired => {
                self.expired += 1;
                return;
            }
            Found::Missing => (Counted::Missing, "it is not on the server".to_string()),
            Found::Differs(what) => (Counted::Differing, what.clone()),
            Found::Unread(why) => (Counted::NotCompared, why.clone()),
        };
        *self.count(counted) += 1;
        if self.odd.len() < REMEMBERED {
            self.odd.push(Odd {
                db: wanted.db,
                key: hex(&wanted.key),
                kind: wanted.kind.as_str().into(),
                expires_at_ms: wanted.expires_at_ms,
                gone_ms: wanted.gone_ms,
                meaning: hex(&wanted.meaning.to_bytes()),
                had: had(live),
                what,
                since: Since::Unknown,
                counted,
            });
        }
    }

    /// The same key, read once more.
    pub(super) fn again(&mut self, at: usize, live: &Live, found: &Found) {
        let Some(odd) = self.odd.get_mut(at) else { return };
        let (counted, moved) = (odd.counted, odd.had != had(live));
        match found {
            Found::Equal | Found::Expired => {
                // it was changed and changed back, or read while it was being changed, or its time has come
                odd.since = Since::Equal;
                *self.count(counted) -= 1;
                *(if *found == Found::Equal { &mut self.equal } else { &mut self.expired }) += 1;
            }
            Found::Missing | Found::Differs(_) if moved => {
                odd.since = Since::Changed;
                if counted == Counted::NotCompared {
                    odd.counted = Counted::Differing;
                    self.not_compared -= 1;
                    self.differing += 1;
                }
                self.changing += 1;
            }
            Found::Missing | Found::Differs(_) | Found::Unread(_) => {}
        }
    }

    fn count(&mut self, counted: Counted) -> &mut u64 {
        match counted {
            Counted::Missing => &mut self.missing,
            Counted::Differing => &mut self.differing,
            Counted::NotCompared => &mut self.not_compared,
        }
    }
}

impl Odd {
    /// The key as the point has it.
    pub(super) fn wanted(&self) -> Option<Wanted> {
        let kinds = [Kind::String, Kind::List, Kind::Set, Kind::Zset, Kind::Hash, Kind::Stream, Kind::Module];
        Some(Wanted {
            db: self.db,
            key: bytes(&self.key)?,
            kind: kinds.into_iter().find(|kind| kind.as_str() == self.kind)?,
            expires_at_ms: self.expires_at_ms,
            gone_ms: self.gone_ms,
            meaning: Meaning::from_bytes(*bytes(&self.meaning)?.first_chunk()?),
        })
    }

    /// Its name, for people.
    pub(super) fn name(&self) -> String {
        crate::checks::shown(&bytes(&self.key).unwrap_or_default())
    }
}

fn had(live: &Live) -> Option<String> {
    match live {
        Live::Is { value: Ok(meaning), expires_at_ms, .. } => {
            Some(format!("{} {expires_at_ms:?}", hex(&meaning.to_bytes())))
        }
        Live::Is { kind, .. } => Some(kind.clone()),
        Live::Gone => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).ok());
    digits.map(|two| u8::from_str_radix(two?, 16).ok()).collect()
}
