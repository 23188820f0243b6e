//! What a drill writes into its server, and how it knows it again.
//!
//! Every key has a number. After each batch the server's digest over all keys and values is taken: a recovery is right
//! when it ends at one of these moments, and then which one says how many keys are lost.
use super::{DrillError, Sandbox};
use crate::facts::Time;
use crate::server::Server;

/// Keys of one MSET, or of one EXISTS.
const BATCH: u64 = 200;

/// What the server held at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moment {
    /// When it had all of it.
    pub at: Time,
    /// Keys in all databases.
    pub keys: u64,
    /// DEBUG DIGEST; none where the server does not give it.
    pub digest: Option<String>,
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Written {
    /// Keys with a number.
    pub numbered: u64,
    /// Every moment after a batch, oldest first.
    pub moments: Vec<Moment>,
    /// Keys of the backup it began with that expire: some may be gone before the drill is over.
    pub volatile: u64,
}

/// What is left of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Left {
    /// Keys in all databases.
    pub keys: u64,
    /// Keys with a number that are gone.
    pub missing: u64,
    /// Which moment it is, by the digest.
    pub moment: Option<usize>,
}

impl Sandbox<'_> {
    /// Writes new keys, waits until the kernel has them, and takes the digest.
    pub(super) fn write(&self, written: &mut Written, keys: u64) -> Result<(), DrillError> {
        let mut server = self.server()?;
        let (first, last) = (written.numbered, written.numbered + keys);
        let mut at = first;
        while at < last {
            let end = (at + BATCH).min(last);
            write_batch(&mut server, at, end)?;
            at = end;
        }
        written.numbered = last;
        self.handed_over()?;
        self.remember(written, &mut server)
    }

    /// Takes what the server holds now as a moment.
    pub(super) fn remember(&self, written: &mut Written, server: &mut Server) -> Result<(), DrillError> {
        let (keys, digest) = held(server)?;
        written.moments.push(Moment { at: Time(self.ground.look.now()), keys, digest });
        Ok(())
    }

    /// Waits until every write is handed to the kernel: while it is busy with a sync, the server answers before that.
    pub(super) fn handed_over(&self) -> Result<(), DrillError> {
        self.wait("wait for the writes to be handed to the kernel", |s| {
            let info = s.server().ok().and_then(|mut server| server.info(Some("persistence")).ok());
            info.is_some_and(|info| info.number("aof_buffer_length").is_none_or(|length| length == 0))
        })
    }

    /// Compares what the server holds now with what was written.
    pub(super) fn compare(&self, written: &Written) -> Result<Left, DrillError> {
        let mut server = self.server()?;
        let (keys, digest) = held(&mut server)?;
        let same = |m: &Moment| m.keys == keys && m.digest.is_some() && m.digest == digest;
        let moment = written.moments.iter().rposition(same);
        let mut there = 0;
        let mut at = 0;
        while at < written.numbered {
            let end = (at + BATCH).min(written.numbered);
            let names: Vec<String> = (at..end).map(key).collect();
            let mut argv = vec!["EXISTS"];
            argv.extend(names.iter().map(String::as_str));
            there += server.give(&argv)?.parse::<u64>().unwrap_or(0);
            at = end;
        }
        Ok(Left { keys, missing: written.numbered.saturating_sub(there), moment })
    }
}

fn held(server: &mut Server) -> Result<(u64, Option<String>), DrillError> {
    let keys = server.info(Some("keyspace"))?.keys();
    Ok((keys, server.give(&["DEBUG", "DIGEST"]).ok()))
}

fn key(number: u64) -> String {
    format!("drill:{number}")
}

/// Every tenth key is a hash, a list, a set or a sorted set each, the rest are strings, some with an expiry far away.
fn write_batch(server: &mut Server, from: u64, to: u64) -> Result<(), DrillError> {
    let mut strings = vec!["MSET".to_string()];
    for number in from..to {
        let (name, n) = (key(number), number.to_string());
        match number % 10 {
            0 => server.give(&["HSET", &name, "number", &n, "of", "a drill"])?,
            1 => server.give(&["RPUSH", &name, "one", "two", &n])?,
            2 => server.give(&["SADD", &name, "1", "2", &n])?,
            3 => server.give(&["ZADD", &name, "1.5", "a", "2", &n])?,
            4 => server.give(&["SET", &name, &n, "EX", "8640000"])?,
            _ => {
                strings.extend([name, format!("value {n} {}", "x".repeat(usize::try_from(number % 100).unwrap_or(0)))]);
                String::new()
            }
        };
    }
    if strings.len() > 1 {
        server.give(&strings.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    Ok(())
}
