//! What a walk notes of single keys, in bounded memory: a sample whose state the files alone decide, and when the keys
//! of a base are due to go.
//!
//! A key is in the sample while all that a server does to it on its way through the files is understood here: it was in
//! the base, it was set, given an expiry, deleted or flushed. A command whose effect depends on more than that drops it
//! from the sample. The sample is the keys with the smallest hashes, so it is spread evenly, is the same on every walk,
//! and needs no second pass.
use std::collections::{BTreeMap, btree_map::Entry};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use super::resp::words;
use super::witness::{Shown, Witness};
use crate::rdb::{KeyMeta, Kind};

/// Keys that are kept; of fewer all.
const KEYS: usize = 2000;
/// A longer key is left out.
const KEY_BYTES: usize = 4096;
/// A key of which a longer value is set is left out.
pub(super) const VALUE_BYTES: usize = 64 * 1024;
/// Databases that are told apart; where more are flushed or exchanged nothing is noted any more.
const DATABASES: usize = 1024;
/// How far ahead the keys that are due are counted by the second: 2 h.
const AHEAD_MS: i64 = 2 * 3600 * 1000;

/// What the files say that the server must hold under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Nothing.
    Absent,
    /// This string.
    Text {
        /// blake3 of its bytes.
        digest: blake3::Hash,
        /// When it expires, Unix milliseconds.
        expires_at_ms: Option<i64>,
    },
    /// A value of this type, as it was in the base.
    Of {
        /// The type.
        kind: Kind,
        /// When it expires, Unix milliseconds.
        expires_at_ms: Option<i64>,
        /// When it is gone, by that or by the expiries of a hash's fields, Unix milliseconds.
        gone_ms: Option<i64>,
    },
}

/// One key of the sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The database.
    pub db: u32,
    /// The key.
    pub key: Vec<u8>,
    /// What must be there.
    pub fate: Fate,
}

/// Notes of one walk over a snapshot, or over all files of an AOF in their order.
#[derive(Debug)]
pub struct KeyNotes {
    now_ms: i64,
    sample: BTreeMap<u64, Noted>,
    /// The largest hash that is still taken in.
    limit: u64,
    /// Keys of the base that go, by database and second, as far as that is near.
    due: BTreeMap<(u64, i64), u64>,
    /// Which dataset a database number stands for, where SWAPDB has exchanged them.
    swapped: BTreeMap<u32, u32>,
    /// When each dataset, and all of them, were last flushed, in commands read.
    flushed: BTreeMap<u32, u64>,
    flushed_all: u64,
    commands: u64,
    /// Those that do more than take keys, or fields of a hash, away.
    adds: u64,
    db: u32,
    in_multi: bool,
    /// In a transaction of which nobody knows whether the server keeps it.
    blind: bool,
    gave_up: bool,
}

#[derive(Debug)]
struct Noted {
    key: Vec<u8>,
    /// By dataset: when it was decided, in commands read, and what.
    states: BTreeMap<u32, (u64, Fate)>,
}

impl KeyNotes {
    /// Notes of a walk that begins at this moment, Unix milliseconds.
    #[must_use]
    pub fn new(now_ms: i64) -> Self {
        Self {
            now_ms,
            sample: BTreeMap::new(),
            limit: u64::MAX,
            due: BTreeMap::new(),
            swapped: BTreeMap::new(),
            flushed: BTreeMap::new(),
            flushed_all: 0,
            commands: 0,
            adds: 0,
            db: 0,
            in_multi: false,
            blind: false,
            gave_up: false,
        }
    }

    /// A key of a snapshot, or of the base of an AOF.
    pub fn base_key(&mut self, key: &KeyMeta<'_>) {
        if let Some(at) = key.gone_ms.filter(|at| (self.now_ms..self.now_ms + AHEAD_MS).contains(at)) {
            *self.due.entry((key.db, at / 1000)).or_default() += 1;
        }
        if let Ok(db) = u32::try_from(key.db) {
            let (expires_at_ms, gone_ms) = (key.expire_ms, key.gone_ms);
            self.decide(db, key.key, || Fate::Of { kind: key.kind, expires_at_ms, gone_ms });
        }
    }

    /// Keys of the base in a database that went between the beginning of the walk and this moment, Unix milliseconds:
    /// at least and at most, since they are counted by the second.
    #[must_use]
    pub fn gone_since(&self, db: u64, at_ms: i64) -> (u64, u64) {
        let second = at_ms / 1000;
        let sum = |to: i64| self.due.range((db, i64::MIN)..(db, to)).map(|(_, n)| n).sum();
        (sum(second), sum(second + 1))
    }

    /// Commands that do more than take keys, or fields of a hash, away.
    #[must_use]
    pub fn adds(&self) -> u64 {
        self.adds
    }

    /// The sample.
    #[must_use]
    pub fn decided(&self) -> Vec<Decided> {
        let mut all = Vec::new();
        for noted in self.sample.values() {
            for (dataset, (at, fate)) in &noted.states {
                let flushed = self.flushed_all.max(self.flushed.get(dataset).copied().unwrap_or(0)) > *at;
                let fate = if flushed { Fate::Absent } else { fate.clone() };
                let db = self.swapped.iter().find(|(_, d)| *d == dataset).map_or(*dataset, |(db, _)| *db);
                all.push(Decided { db, key: noted.key.clone(), fate });
            }
        }
        all
    }

    /// A command. `whole` is false where the bytes end within it.
    fn note(&mut self, bytes: &[u8], whole: bool) {
        self.commands += 1;
        let mut words = words(bytes);
        let name = words.next().unwrap_or_default();
        let mut lower = [0_u8; 24];
        let lower = match lower.get_mut(..name.len()) {
            Some(room) => {
                room.copy_from_slice(name);
                room.make_ascii_lowercase();
                &*room
            }
            None => name,
        };
        self.adds += u64::from(!matches!(lower, b"del" | b"unlink" | b"hdel" | b"select" | b"multi" | b"exec"));
        if self.blind && lower != b"exec" {
            return;
        }
        match lower {
            b"multi" => self.multi(),
            b"exec" => self.exec(),
            b"select" => match words.next().and_then(number) {
                Some(db) => self.db = db,
                None => self.forget_all(),
            },
            b"flushall" => (self.flushed_all, self.flushed) = (self.commands, BTreeMap::new()),
            b"flushdb" => self.flush(),
            b"swapdb" => self.swap(words.next().and_then(number), words.next().and_then(number)),
            b"ping" | b"publish" | b"spublish" | b"function" | b"script" => {}
            // their keys need not be among their words
            b"eval" | b"evalsha" | b"fcall" => self.forget_all(),
            _ if !whole => self.cut_short(lower, words.next()),
            b"del" | b"unlink" => words.for_each(|key| self.decide(self.db, key, || Fate::Absent)),
            b"set" => self.set(words.next(), words.next(), words),
            b"getset" => self.set(words.next(), words.next(), [].into_iter()),
            b"mset" => {
                while let (key @ Some(_), value) = (words.next(), words.next()) {
                    self.set(key, value, [].into_iter());
                }
            }
            b"pexpireat" => self.expire(words.next(), words.next().and_then(number), words.next()),
            b"persist" => self.expire(words.next(), None, None),
            other if changes_first_key(other) => self.forget(words.next()),
            _ => words.for_each(|word| self.forget(Some(word))),
        }
    }

    fn multi(&mut self) {
        if self.in_multi {
            // a server that refused it may have dropped the first one, or go on with it
            self.blind = true;
        }
        self.in_multi = true;
    }

    fn exec(&mut self) {
        if self.blind {
            self.forget_all();
        }
        (self.in_multi, self.blind) = (false, false);
    }

    /// The end of a command is not at hand.
    fn cut_short(&mut self, name: &[u8], first: Option<&[u8]>) {
        if first.is_some() && (changes_first_key(name) || matches!(name, b"set" | b"getset")) {
            self.forget(first);
        } else {
            self.forget_all();
        }
    }

    fn set<'w>(&mut self, key: Option<&[u8]>, value: Option<&[u8]>, mut options: impl Iterator<Item = &'w [u8]>) {
        let (Some(key), Some(value)) = (key, value) else {
            return self.forget_all();
        };
        let expires_at_ms = match (options.next(), options.next(), options.next()) {
            (None, ..) => None,
            (Some(word), Some(at), None) if word.eq_ignore_ascii_case(b"pxat") && number::<i64>(at).is_some() => {
                number(at)
            }
            // whether it was set depends on what was there, or on when it was read
            _ => return self.forget(Some(key)),
        };
        if value.len() > VALUE_BYTES {
            return self.forget(Some(key));
        }
        self.decide(self.db, key, || Fate::Text { digest: blake3::hash(value), expires_at_ms });
    }

    /// Another expiry, or none; with further words it depends on the one before.
    fn expire(&mut self, key: Option<&[u8]>, at_ms: Option<i64>, more: Option<&[u8]>) {
        let Some(key) = key.filter(|_| more.is_none()) else {
            return self.forget(key);
        };
        let dataset = self.dataset(self.db);
        let Some(noted) = self.sample.get_mut(&hash(key)).filter(|noted| noted.key == key) else {
            return;
        };
        match noted.states.get_mut(&dataset) {
            Some((_, Fate::Text { expires_at_ms, .. })) => *expires_at_ms = at_ms,
            // the fields of a hash may go before it: then this is no longer all that decides
            Some((_, Fate::Of { expires_at_ms, gone_ms, .. })) if expires_at_ms == gone_ms => {
                (*expires_at_ms, *gone_ms) = (at_ms, at_ms);
            }
            Some((_, Fate::Of { .. })) => _ = noted.states.remove(&dataset),
            Some((_, Fate::Absent)) | None => {}
        }
    }

    fn flush(&mut self) {
        let dataset = self.dataset(self.db);
        self.flushed.insert(dataset, self.commands);
        if self.flushed.len() > DATABASES {
            self.give_up();
        }
    }

    fn swap(&mut self, one: Option<u32>, other: Option<u32>) {
        let (Some(one), Some(other)) = (one, other) else {
            return self.give_up();
        };
        let (first, second) = (self.dataset(one), self.dataset(other));
        self.swapped.insert(one, second);
        self.swapped.insert(other, first);
        if self.swapped.len() > DATABASES {
            self.give_up();
        }
    }

    fn dataset(&self, db: u32) -> u32 {
        self.swapped.get(&db).copied().unwrap_or(db)
    }

    fn decide(&mut self, db: u32, key: &[u8], fate: impl FnOnce() -> Fate) {
        let hash = hash(key);
        if hash > self.limit || key.len() > KEY_BYTES || self.gave_up {
            return;
        }
        let (dataset, at) = (self.dataset(db), self.commands);
        match self.sample.entry(hash) {
            Entry::Vacant(free) => {
                let states = BTreeMap::from([(dataset, (at, fate()))]);
                free.insert(Noted { key: key.to_vec(), states });
            }
            Entry::Occupied(mut noted) if noted.get().key == key && noted.get().states.len() < DATABASES => {
                noted.get_mut().states.insert(dataset, (at, fate()));
            }
            Entry::Occupied(noted) => _ = noted.remove(),
        }
        if self.sample.len() > KEYS {
            self.sample.pop_last();
            self.limit = self.sample.last_key_value().map_or(u64::MAX, |(hash, _)| *hash);
        }
    }

    /// Nobody knows any more what is under this key, in any database.
    fn forget(&mut self, key: Option<&[u8]>) {
        if let Some(key) = key.filter(|key| key.len() <= KEY_BYTES) {
            self.sample.remove(&hash(key));
        }
    }

    fn forget_all(&mut self) {
        self.sample.clear();
    }

    fn give_up(&mut self) {
        self.gave_up = true;
        self.forget_all();
    }
}

impl Witness for KeyNotes {
    /// The server reads each file as a client of its own.
    fn file(&mut self, _: &str) {
        (self.db, self.in_multi, self.blind) = (0, false, false);
    }

    fn key(&mut self, key: &KeyMeta<'_>) {
        self.base_key(key);
    }

    fn command(&mut self, command: &Shown<'_>) {
        self.note(command.bytes, command.is_whole());
    }
}

fn hash(key: &[u8]) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(key)
}

fn number<N: std::str::FromStr>(word: &[u8]) -> Option<N> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// Commands that change the key that is their first word, and no other. All others are taken to change every key among
/// their words.
pub(super) fn changes_first_key(name: &[u8]) -> bool {
    #[rustfmt::skip]
    const NAMES: [&[u8]; 44] = [
        b"append", b"bitfield", b"decr", b"decrby", b"geoadd", b"hdel", b"hincrby", b"hincrbyfloat", b"hmset",
        b"hset", b"hsetnx", b"incr", b"incrby", b"incrbyfloat", b"linsert", b"lpop", b"lpush", b"lpushx", b"lrem",
        b"lset", b"ltrim", b"pfadd", b"psetex", b"restore", b"rpop", b"rpush", b"rpushx", b"sadd", b"setbit",
        b"setex", b"setnx", b"setrange", b"spop", b"srem", b"xack", b"xadd", b"xclaim", b"xdel", b"xtrim", b"zadd",
        b"zincrby", b"zrem", b"zremrangebyrank", b"zremrangebyscore",
    ];
    NAMES.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests;
