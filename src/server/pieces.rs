//! A large value in pieces, so that no single question keeps the server from its other clients.
use super::link::convert;
use super::{Server, ServerError};
use redis::{Value, cmd};

/// Bytes of a string that are asked for at once.
const STRETCH: u64 = 64 << 10;
/// Bytes that a piece of elements should have, about.
const PIECE: u64 = 64 << 10;
/// Most elements of a piece.
const ELEMENTS: u64 = 500;
/// Most pending entries of one group that are asked for: they come in one piece.
pub const PENDING: u64 = 10_000;

/// The id of an entry of a stream: milliseconds and sequence.
pub type EntryId = (u64, u64);

/// Fields and their values.
type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// A part of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// The next bytes of a string.
    Bytes(Vec<u8>),
    /// The next elements of a list.
    Elements(Vec<Vec<u8>>),
    /// Members of a set. One may come twice while the set is changed.
    Members(Vec<Vec<u8>>),
    /// Members of a sorted set, and their scores.
    Scored(Vec<(Vec<u8>, f64)>),
    /// Fields of a hash, their values, and when they expire, Unix milliseconds. One may come twice while the hash is changed.
    Fields(Vec<(Vec<u8>, Vec<u8>, Option<i64>)>),
    /// The next entries of a stream: ids, and fields and values in turn.
    Entries(Vec<(EntryId, Vec<Vec<u8>>)>),
}

/// How far the reading of a value has come.
#[derive(Debug, Clone)]
pub struct Reading {
    key: Vec<u8>,
    kind: String,
    /// Elements for one piece, bytes of a string.
    step: u64,
    /// Where the next piece begins: an index, a cursor.
    at: u64,
    /// The entry behind which a stream goes on.
    after: Option<EntryId>,
    ended: bool,
    /// Elements it had at the beginning, bytes of a string.
    pub count: u64,
}

impl Server {
    /// Begins to read a value of this type, which takes about so many bytes in memory; none where there is no such key any
    /// more, or no value of this type can be read in pieces.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn begin_reading(
        &mut self,
        db: u32,
        key: &[u8],
        kind: &str,
        bytes: u64,
    ) -> Result<Option<Reading>, ServerError> {
        self.select(db)?;
        let Some(count) = self.elements(key, kind)? else {
            return Ok(None);
        };
        let step = if kind == "string" { STRETCH } else { (PIECE / (bytes / count).max(1)).clamp(1, ELEMENTS) };
        Ok(Some(Reading { key: key.to_vec(), kind: kind.to_string(), step, at: 0, after: None, ended: false, count }))
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// Any [`ServerError`]; `Answer` with WRONGTYPE when the key has another type by now.
    pub fn next_piece(&mut self, reading: &mut Reading) -> Result<Option<Piece>, ServerError> {
        if reading.ended {
            return Ok(None);
        }
        let piece = match reading.kind.as_str() {
            "string" => {
                let last = reading.at + reading.step - 1;
                let bytes: Vec<u8> = self.ask(cmd("GETRANGE").arg(&reading.key).arg(reading.at).arg(last))?;
                reading.pass(bytes.len());
                Piece::Bytes(bytes)
            }
            "list" => {
                let last = reading.at + reading.step - 1;
                let elements: Vec<Vec<u8>> = self.ask(cmd("LRANGE").arg(&reading.key).arg(reading.at).arg(last))?;
                reading.pass(elements.len());
                Piece::Elements(elements)
            }
            "zset" => {
                let last = reading.at + reading.step - 1;
                let found: Vec<(Vec<u8>, f64)> =
                    self.ask(cmd("ZRANGE").arg(&reading.key).arg(reading.at).arg(last).arg("WITHSCORES"))?;
                reading.pass(found.len());
                Piece::Scored(found)
            }
            "set" => {
                let (cursor, members) =
                    self.ask(cmd("SSCAN").arg(&reading.key).arg(reading.at).arg("COUNT").arg(reading.step))?;
                reading.go_to(cursor);
                Piece::Members(members)
            }
            "hash" => self.fields_of(reading)?,
            "stream" => self.entries_of(reading)?,
            _ => return Ok(None),
        };
        Ok(Some(piece))
    }

    fn fields_of(&mut self, reading: &mut Reading) -> Result<Piece, ServerError> {
        let (cursor, pairs): (u64, Pairs) =
            self.ask(cmd("HSCAN").arg(&reading.key).arg(reading.at).arg("COUNT").arg(reading.step))?;
        reading.go_to(cursor);
        let expiries = self.field_expiries(&reading.key, &pairs)?;
        let fields = pairs.into_iter().zip(expiries).map(|((field, value), at)| (field, value, at));
        Ok(Piece::Fields(fields.collect()))
    }

    /// When fields expire, where the server knows such a thing (Redis 7.4, Valkey 9).
    fn field_expiries(&mut self, key: &[u8], pairs: &[(Vec<u8>, Vec<u8>)]) -> Result<Vec<Option<i64>>, ServerError> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let mut ask = cmd("HPEXPIRETIME");
        ask.arg(key).arg("FIELDS").arg(pairs.len());
        for (field, _) in pairs {
            ask.arg(field);
        }
        match self.ask::<Option<Vec<i64>>>(&ask) {
            Ok(times) => {
                let mut times = times.unwrap_or_default().into_iter();
                Ok(pairs.iter().map(|_| times.next().filter(|at| *at >= 0)).collect())
            }
            Err(ServerError::Denied { text, .. }) if !text.starts_with("NOPERM") => Ok(vec![None; pairs.len()]),
            Err(other) => Err(other),
        }
    }

    fn entries_of(&mut self, reading: &mut Reading) -> Result<Piece, ServerError> {
        let from = match reading.after {
            None => "-".to_string(),
            Some((ms, seq)) => match seq.checked_add(1) {
                Some(seq) => format!("{ms}-{seq}"),
                None => format!("{}-0", ms.saturating_add(1)),
            },
        };
        let found: Vec<(String, Vec<Vec<u8>>)> =
            self.ask(cmd("XRANGE").arg(&reading.key).arg(from).arg("+").arg("COUNT").arg(reading.step))?;
        reading.ended = (found.len() as u64) < reading.step;
        let entries = found.into_iter().map(|(id, texts)| Ok((entry_id(&id)?, texts)));
        let entries = entries.collect::<Result<Vec<_>, ServerError>>()?;
        reading.after = entries.last().map(|(id, _)| *id).or(reading.after);
        Ok(Piece::Entries(entries))
    }
}

impl Reading {
    /// So many were taken, by their place.
    fn pass(&mut self, taken: usize) {
        let taken = taken as u64;
        self.at += taken;
        self.ended = taken < self.step;
    }

    fn go_to(&mut self, cursor: u64) {
        self.at = cursor;
        self.ended = cursor == 0;
    }
}

/// A stream beside its entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamState {
    /// The id it has come to.
    pub last_id: EntryId,
    /// Its groups.
    pub groups: Vec<StreamGroup>,
}

/// A group of consumers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamGroup {
    /// Its name.
    pub name: Vec<u8>,
    /// The last id it delivered.
    pub last_id: EntryId,
    /// Entries delivered and not acknowledged: id, when, Unix milliseconds, and how often.
    pub pending: Vec<(EntryId, i64, u64)>,
    /// Consumers, and the ids pending with each.
    pub consumers: Vec<(Vec<u8>, Vec<EntryId>)>,
}

impl Server {
    /// The groups of a stream with all that is pending; none where there is no such key, or more is pending than is asked for
    /// at once ([`PENDING`]).
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn stream_state(&mut self, db: u32, key: &[u8]) -> Result<Option<StreamState>, ServerError> {
        self.select(db)?;
        let groups: Vec<Value> = match self.ask(cmd("XINFO").arg("GROUPS").arg(key)) {
            Ok(groups) => groups,
            Err(ServerError::Answer { text }) if text.contains("no such key") => return Ok(None),
            Err(other) => return Err(other),
        };
        let most = groups.iter().filter_map(|group| number(field(group, "pending")?)).max().unwrap_or(0);
        if most > PENDING {
            return Ok(None);
        }
        // COUNT bounds entries and pending ones alike, and 0 would mean all
        let full: Value = self.ask(cmd("XINFO").arg("STREAM").arg(key).arg("FULL").arg("COUNT").arg(most.max(1)))?;
        read_state(&full)
            .map(Some)
            .ok_or_else(|| ServerError::Protocol { because: "XINFO STREAM was answered with something else".into() })
    }
}

fn read_state(full: &Value) -> Option<StreamState> {
    let groups = items(field(full, "groups")?)?.iter().map(read_group).collect::<Option<Vec<_>>>()?;
    Some(StreamState { last_id: id(field(full, "last-generated-id")?)?, groups })
}

fn read_group(group: &Value) -> Option<StreamGroup> {
    let pending = |entry: &Value| {
        let parts = items(entry)?;
        Some((id(parts.first()?)?, signed(parts.get(2)?)?, number(parts.get(3)?)?))
    };
    let consumer = |consumer: &Value| {
        let owned = items(field(consumer, "pending").or_else(|| field(consumer, "pel"))?)?;
        let ids = owned.iter().map(|entry| id(items(entry)?.first()?)).collect::<Option<Vec<_>>>()?;
        Some((bytes(field(consumer, "name")?)?, ids))
    };
    Some(StreamGroup {
        name: bytes(field(group, "name")?)?,
        last_id: id(field(group, "last-delivered-id")?)?,
        pending: items(field(group, "pending").filter(|v| items(v).is_some()).or_else(|| field(group, "pel"))?)?
            .iter()
            .map(pending)
            .collect::<Option<Vec<_>>>()?,
        consumers: items(field(group, "consumers")?)?.iter().map(consumer).collect::<Option<Vec<_>>>()?,
    })
}

/// The value behind a name, in a list of names and values.
pub(super) fn field<'v>(list: &'v Value, name: &str) -> Option<&'v Value> {
    let found =
        items(list)?.chunks_exact(2).find(|pair| pair.first().and_then(bytes).as_deref() == Some(name.as_bytes()));
    found?.get(1)
}

fn items(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(items) => Some(items),
        _ => None,
    }
}

pub(super) fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes.clone()),
        Value::SimpleString(text) => Some(text.clone().into_bytes()),
        _ => None,
    }
}

fn signed(value: &Value) -> Option<i64> {
    convert(value.clone(), "XINFO").ok()
}

fn number(value: &Value) -> Option<u64> {
    convert(value.clone(), "XINFO").ok()
}

fn id(value: &Value) -> Option<EntryId> {
    entry_id(std::str::from_utf8(&bytes(value)?).ok()?).ok()
}

/// `1526919030474-55`.
fn entry_id(text: &str) -> Result<EntryId, ServerError> {
    let read = text.split_once('-').and_then(|(ms, seq)| Some((ms.parse().ok()?, seq.parse().ok()?)));
    read.ok_or_else(|| ServerError::Protocol { because: "an entry without an id".into() })
}
