//! What the live server has under the keys of one batch: small values by DUMP, large ones in pieces.
use super::{Comparison, Wanted};
use crate::rdb::{self, Kind, Meaning, Parts};
use crate::server::{Piece, Server, ServerError, StreamState};
use std::time::Instant;

/// Larger values are read in pieces: a DUMP of so many bytes takes a server well under a millisecond.
const SMALL: u64 = 64 << 10;
/// Bytes of values that are asked for in one go.
const GO: u64 = 256 << 10;
/// Values that are asked for in one go.
const VALUES: usize = 50;
/// Times a value is read anew that was changed while it was read in pieces.
const TRIES: usize = 3;

/// A key of the live server.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Live {
    /// There is no such key.
    Gone,
    /// It is there.
    Is {
        /// Its type.
        kind: String,
        /// When it expires, Unix milliseconds, and by how much that may be off.
        expires_at_ms: Option<i64>,
        slack_ms: i64,
        /// What its value means, or why that is not known.
        value: Result<Meaning, String>,
    },
}

impl Comparison<'_> {
    /// Keys of one database.
    pub(super) fn ask(&mut self, batch: &[Wanted]) -> Result<Vec<Live>, ServerError> {
        let Some(db) = batch.first().map(|first| first.db) else {
            return Ok(Vec::new());
        };
        let keys: Vec<Vec<u8>> = batch.iter().map(|wanted| wanted.key.clone()).collect();
        let states = self.server.types_and_expiries(db, &keys)?;
        let mut live: Vec<Live> = states
            .into_iter()
            .map(|state| match state.kind {
                None => Live::Gone,
                Some(kind) => Live::Is {
                    kind,
                    expires_at_ms: state.expires_at_ms,
                    slack_ms: state.slack_ms,
                    value: Err("it was not read".into()),
                },
            })
            .collect();
        // of another type, it differs whatever it holds
        let to_read: Vec<usize> = (0..batch.len())
            .filter(|at| match (batch.get(*at), live.get(*at)) {
                (Some(wanted), Some(Live::Is { kind, .. })) => same_kind(wanted.kind, kind),
                _ => false,
            })
            .collect();
        let wanted_keys: Vec<Vec<u8>> = to_read.iter().filter_map(|at| keys.get(*at).cloned()).collect();
        let kinds: Vec<&str> = to_read.iter().filter_map(|at| batch.get(*at)).map(|w| w.kind.as_str()).collect();
        let weights = self.server.weights(db, &wanted_keys, &kinds)?;
        let mut small: Vec<(usize, u64)> = Vec::new();
        for ((at, key), bytes) in to_read.into_iter().zip(&wanted_keys).zip(weights) {
            let Some(place) = live.get_mut(at) else { continue };
            match (bytes, place) {
                (None, place) => *place = Live::Gone,
                (Some(bytes), Live::Is { kind, value, .. }) if bytes > SMALL && kind_of(kind).is_some() => {
                    let kind = kind.clone();
                    *value = self.in_pieces(db, key, &kind, bytes)?;
                }
                (Some(bytes), _) => small.push((at, bytes)),
            }
        }
        self.dumped(db, &keys, &small, &mut live)?;
        Ok(live)
    }

    /// Small values, a few at a time.
    fn dumped(
        &mut self,
        db: u32,
        keys: &[Vec<u8>],
        small: &[(usize, u64)],
        live: &mut [Live],
    ) -> Result<(), ServerError> {
        let mut rest = small;
        while !rest.is_empty() {
            let mut bytes = 0;
            let many = rest
                .iter()
                .take(VALUES)
                .take_while(|(_, size)| {
                    bytes += size;
                    bytes <= GO
                })
                .count()
                .max(1);
            let (now, later) = rest.split_at(many.min(rest.len()));
            rest = later;
            let asked: Vec<Vec<u8>> = now.iter().filter_map(|(at, _)| keys.get(*at).cloned()).collect();
            for ((at, _), payload) in now.iter().zip(self.server.dumps(db, &asked)?) {
                match (live.get_mut(*at), payload) {
                    (Some(Live::Is { value, .. }), Some(payload)) => {
                        *value = rdb::of_dump(&payload).map(|(_, meaning)| meaning);
                    }
                    (Some(place), None) => *place = Live::Gone,
                    (Some(Live::Gone) | None, _) => {}
                }
            }
        }
        Ok(())
    }

    /// A large value. It may be changed meanwhile; then it is read anew, and in the end said not to be known.
    fn in_pieces(
        &mut self,
        db: u32,
        key: &[u8],
        kind: &str,
        bytes: u64,
    ) -> Result<Result<Meaning, String>, ServerError> {
        for _ in 0..TRIES {
            match self.read_once(db, key, kind, bytes) {
                Ok(Some(meaning)) => return Ok(Ok(meaning)),
                Ok(None) => {}
                Err(ServerError::Answer { text }) if text.starts_with("WRONGTYPE") => {}
                Err(other) => return Err(other),
            }
        }
        Ok(Err("it is large, and was changed while it was read".into()))
    }

    /// None where it did not stay the same: the number of its elements tells.
    fn read_once(&mut self, db: u32, key: &[u8], kind: &str, bytes: u64) -> Result<Option<Meaning>, ServerError> {
        let (Some(of), Some(mut reading)) = (kind_of(kind), self.server.begin_reading(db, key, kind, bytes)?) else {
            return Ok(None);
        };
        let mut parts = Parts::default();
        parts.begin(of);
        let mut count = 0;
        loop {
            if (self.interrupted)() {
                return Err(ServerError::Interrupted);
            }
            let began = Instant::now();
            let Some(piece) = self.server.next_piece(&mut reading)? else { break };
            count += add(&mut parts, &piece);
            self.pace.rest(self.server, 0, began.elapsed())?;
        }
        if of == Kind::Stream {
            let Some(state) = self.server.stream_state(db, key)? else { return Ok(None) };
            add_state(&mut parts, &state);
        }
        let now = still(self.server, db, key, kind, bytes)?;
        Ok((count == reading.count && now == Some(count)).then(|| parts.end()))
    }
}

fn still(server: &mut Server, db: u32, key: &[u8], kind: &str, bytes: u64) -> Result<Option<u64>, ServerError> {
    Ok(server.begin_reading(db, key, kind, bytes)?.map(|reading| reading.count))
}

/// How many elements a piece adds, bytes of a string.
fn add(parts: &mut Parts, piece: &Piece) -> u64 {
    match piece {
        Piece::Bytes(bytes) => {
            parts.bytes(bytes);
            bytes.len() as u64
        }
        Piece::Elements(elements) => elements.iter().map(|e| parts.element(e)).count() as u64,
        Piece::Members(members) => members.iter().map(|m| parts.member(m)).count() as u64,
        Piece::Scored(members) => members.iter().map(|(m, score)| parts.scored(m, *score)).count() as u64,
        Piece::Fields(fields) => fields.iter().map(|(f, value, at)| parts.field(f, value, *at)).count() as u64,
        Piece::Entries(entries) => {
            for (id, texts) in entries {
                parts.entry(*id, texts.len() as u64);
                texts.iter().for_each(|text| parts.element(text));
            }
            entries.len() as u64
        }
    }
}

fn add_state(parts: &mut Parts, state: &StreamState) {
    parts.last_id(state.last_id);
    for group in &state.groups {
        for (id, delivered_at, times) in &group.pending {
            parts.pending(*id, *delivered_at, *times);
        }
        for (consumer, owned) in &group.consumers {
            owned.iter().for_each(|id| parts.owns(*id));
            parts.consumer(consumer);
        }
        parts.group(&group.name, group.last_id);
    }
}

fn kind_of(name: &str) -> Option<Kind> {
    [Kind::String, Kind::List, Kind::Set, Kind::Zset, Kind::Hash, Kind::Stream].into_iter().find(|k| k.as_str() == name)
}

pub(super) fn same_kind(wanted: Kind, is: &str) -> bool {
    match wanted {
        Kind::Module => kind_of(is).is_none(),
        wanted => wanted.as_str() == is,
    }
}
