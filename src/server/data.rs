//! Looking at the data of a live server: keys, types, expiries; a probe and the latency.

use std::time::{Duration, Instant};

use redis::{Value, cmd};

use super::link::convert;
use super::{Server, ServerError};

/// What a server says of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyState {
    /// `string`, `list`, `set`, `zset`, `hash`, `stream`, a module's type; `None` when there is no such key.
    pub kind: Option<String>,
    /// When it expires, milliseconds since 1970; `None` when it stays.
    pub expires_at_ms: Option<i64>,
    /// The expiry may be off by this much (milliseconds). 0 from 7.0 on; older servers only tell what is left.
    pub slack_ms: i64,
}

/// One page of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanPage {
    /// Where to go on; 0 when the scan has been once around.
    pub cursor: u64,
    /// Keys of this page; a key can come twice in one scan.
    pub keys: Vec<Vec<u8>>,
}

/// How long PINGs took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// The fastest.
    pub min: Duration,
    /// Half of them were faster.
    pub median: Duration,
    /// 99 of 100 were faster.
    pub p99: Duration,
    /// The slowest.
    pub max: Duration,
}

/// Commands sent before answers are read.
const BATCH: usize = 500;

impl Server {
    /// One page of the keys of a database; begin with cursor 0.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn scan(&mut self, db: u32, cursor: u64, count: u32) -> Result<ScanPage, ServerError> {
        self.select(db)?;
        let (cursor, keys) = self.ask(cmd("SCAN").arg(cursor).arg("COUNT").arg(count))?;
        Ok(ScanPage { cursor, keys })
    }

    /// Type and expiry of each of these keys, in their order.
    ///
    /// # Errors
    /// `Denied` when TYPE or PTTL is not allowed; any other [`ServerError`].
    pub fn types_and_expiries(&mut self, db: u32, keys: &[Vec<u8>]) -> Result<Vec<KeyState>, ServerError> {
        self.select(db)?;
        let exact = self.knows_pexpiretime()?;
        let mut states = Vec::with_capacity(keys.len());
        for batch in keys.chunks(BATCH) {
            self.batch_of_states(batch, exact, &mut states)?;
        }
        Ok(states)
    }

    fn batch_of_states(
        &mut self,
        keys: &[Vec<u8>],
        exact: bool,
        states: &mut Vec<KeyState>,
    ) -> Result<(), ServerError> {
        let ask = if exact { "PEXPIRETIME" } else { "PTTL" };
        let mut commands = redis::pipe();
        commands.cmd("TIME");
        for key in keys {
            commands.cmd("TYPE").arg(key).cmd(ask).arg(key);
        }
        commands.cmd("TIME");
        let mut answers = self.ask_all(&commands)?;
        let after = answers.pop().and_then(milliseconds).unwrap_or(0);
        let mut answers = answers.into_iter();
        let before = answers.next().and_then(milliseconds).unwrap_or(after);
        while let (Some(kind), Some(expiry)) = (answers.next(), answers.next()) {
            let kind: String = convert(kind, "TYPE")?;
            let left = Some(convert::<i64>(expiry, ask)?).filter(|left| *left >= 0);
            states.push(KeyState {
                kind: (kind != "none").then_some(kind),
                expires_at_ms: if exact { left } else { left.map(|left| before.saturating_add(left)) },
                // TIME is read before and after: the truth lies between, and the server rounds to a millisecond.
                slack_ms: if exact { 0 } else { (after - before).max(0) + 1 },
            });
        }
        Ok(())
    }

    /// Both are tried on a plain name: a server repeats the arguments of a command that it does not know, and a key that
    /// is no text would make that an answer which can't be read.
    fn knows_pexpiretime(&mut self) -> Result<bool, ServerError> {
        const NONE: &str = "redis-dr:probe:none";
        if let Some(known) = self.exact_expiry {
            return Ok(known);
        }
        self.ask::<()>(cmd("TYPE").arg(NONE))?;
        let known = match self.ask(cmd("PEXPIRETIME").arg(NONE)) {
            Ok(()) => true,
            Err(ServerError::Denied { .. }) => false,
            Err(other) => return Err(other),
        };
        if !known {
            self.ask::<()>(cmd("PTTL").arg(NONE))?;
        }
        self.exact_expiry = Some(known);
        Ok(known)
    }

    /// Writes one key with 60 s to live, reads it back, deletes it. Returns how long the three took.
    ///
    /// # Errors
    /// Why the server takes no writes; `Protocol` when it does not read back.
    pub fn write_probe(&mut self, key: &str) -> Result<Duration, ServerError> {
        let started = Instant::now();
        let value = format!("redis-dr {}", std::process::id());
        self.select(0)?;
        self.ask::<()>(cmd("SET").arg(key).arg(&value).arg("PX").arg(60_000))?;
        let read: Option<Vec<u8>> = self.ask(cmd("GET").arg(key))?;
        self.ask::<()>(cmd("DEL").arg(key))?;
        if read == Some(value.into_bytes()) {
            Ok(started.elapsed())
        } else {
            Err(ServerError::Protocol { because: format!("{key} was written and did not read back") })
        }
    }

    /// The latency of `count` PINGs, one after the other.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn latency(&mut self, count: u32) -> Result<Latency, ServerError> {
        let mut times = Vec::new();
        for _ in 0..count.max(1) {
            let started = Instant::now();
            self.ping()?;
            times.push(started.elapsed());
        }
        times.sort_unstable();
        let at = |percent: usize| times[((times.len() - 1) * percent) / 100];
        Ok(Latency { min: at(0), median: at(50), p99: at(99), max: at(100) })
    }
}

/// The answer of TIME in milliseconds since 1970.
fn milliseconds(time: Value) -> Option<i64> {
    let (seconds, micros): (i64, i64) = convert(time, "TIME").ok()?;
    Some(seconds.saturating_mul(1000).saturating_add(micros / 1000))
}
