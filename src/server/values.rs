//! Single values, asked for without making the server send or touch more than is needed.
use super::link::convert;
use super::{Server, ServerError};
use redis::{Pipeline, Value, cmd};

/// Commands sent before answers are read: a server works through what one client sent before it turns to the next.
const BATCH: usize = 100;
/// Longest value that is asked for, in bytes.
pub const LONGEST: u64 = 4096;

/// What is asked for: a string, or one field of a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The field of the hash; without it the key is a string.
    pub field: Option<&'a [u8]>,
}

/// What is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// No such key, or no such field.
    Missing,
    /// The key holds another type.
    OtherType,
    /// It is longer than [`LONGEST`]: so many bytes, which were not asked for.
    Long(u64),
    /// Its bytes.
    Bytes(Vec<u8>),
}

impl Server {
    /// From now on, reading a key of this connection leaves its idle time and its use count as they are: a walk over all
    /// keys would make each of them look just used, and a cache would throw the wrong ones away. False where the server
    /// can't (before Redis 7.2 and Valkey) or does not let us.
    ///
    /// # Errors
    /// The connection broke.
    pub fn no_touch(&mut self) -> Result<bool, ServerError> {
        match self.ask::<()>(cmd("CLIENT").arg("NO-TOUCH").arg("ON")) {
            Ok(()) => Ok(true),
            Err(refused) if refused.answered() => Ok(false),
            Err(broken) => Err(broken),
        }
    }

    /// What is under each of these, in their order. Lengths are asked first, so that nothing large is sent.
    ///
    /// # Errors
    /// `Denied` where STRLEN, HSTRLEN, GET or HGET is not allowed; any other [`ServerError`].
    pub fn values(&mut self, db: u32, wanted: &[Wanted<'_>]) -> Result<Vec<Held>, ServerError> {
        if !wanted.is_empty() {
            self.select(db)?;
        }
        let mut held = Vec::with_capacity(wanted.len());
        for batch in wanted.chunks(BATCH) {
            self.batch_of_values(batch, &mut held)?;
        }
        Ok(held)
    }

    fn batch_of_values(&mut self, batch: &[Wanted<'_>], held: &mut Vec<Held>) -> Result<(), ServerError> {
        let mut lengths = redis::pipe();
        for wanted in batch {
            each(&mut lengths, wanted, "STRLEN", "HSTRLEN");
        }
        let mut short = redis::pipe();
        let mut to_fill = Vec::new();
        for (wanted, answer) in batch.iter().zip(self.ask_all(&lengths)?) {
            match fitting::<u64>(answer, "STRLEN")? {
                None => held.push(Held::OtherType),
                Some(length) if length > LONGEST => held.push(Held::Long(length)),
                // 0 is an empty value, or none: asked for below
                Some(_) => {
                    each(&mut short, wanted, "GET", "HGET");
                    to_fill.push(held.len());
                    held.push(Held::Missing);
                }
            }
        }
        if to_fill.is_empty() {
            return Ok(());
        }
        for (at, answer) in to_fill.into_iter().zip(self.ask_all(&short)?) {
            let is = match fitting::<Option<Vec<u8>>>(answer, "GET")? {
                None => Held::OtherType,
                Some(None) => Held::Missing,
                Some(Some(bytes)) => Held::Bytes(bytes),
            };
            if let Some(place) = held.get_mut(at) {
                *place = is;
            }
        }
        Ok(())
    }

    /// Which of these keys exist, in their order.
    ///
    /// # Errors
    /// `Denied` where EXISTS is not allowed; any other [`ServerError`].
    pub fn exist(&mut self, db: u32, keys: &[Vec<u8>]) -> Result<Vec<bool>, ServerError> {
        if !keys.is_empty() {
            self.select(db)?;
        }
        let mut found = Vec::with_capacity(keys.len());
        for batch in keys.chunks(BATCH) {
            let mut commands = redis::pipe();
            for key in batch {
                commands.cmd("EXISTS").arg(key);
            }
            for answer in self.ask_all(&commands)? {
                found.push(convert::<u64>(answer, "EXISTS")? > 0);
            }
        }
        Ok(found)
    }
}

fn each(commands: &mut Pipeline, wanted: &Wanted<'_>, of_string: &str, of_hash: &str) {
    match wanted.field {
        None => commands.cmd(of_string).arg(wanted.key),
        Some(field) => commands.cmd(of_hash).arg(wanted.key).arg(field),
    };
}

/// An answer of the type; none where the key holds another type than was asked for.
fn fitting<T: redis::FromRedisValue>(answer: Value, command: &str) -> Result<Option<T>, ServerError> {
    match convert::<T>(answer, command) {
        Ok(value) => Ok(Some(value)),
        Err(ServerError::Answer { text }) if text.starts_with("WRONGTYPE") => Ok(None),
        Err(other) => Err(other),
    }
}
