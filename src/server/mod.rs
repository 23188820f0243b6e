//! RESP to a live server: the only room that opens connections to Redis or Valkey.
//!
//! Every call has a deadline that bounds the whole of it: connecting, TLS, writing and reading. A server that accepts
//! and never answers costs the timeout and no more. After a timeout or a broken reply a connection is never used again,
//! since the next answer could belong to the last question.
//!
//! The `redis` crate packs commands, reads answers and turns them into values; the connection under it is ours, for the
//! reasons given in `link`.

mod channel;
mod data;
mod digests;
mod dumps;
mod edits;
mod endpoint;
mod error;
mod info;
mod link;
mod pace;
mod pieces;
mod snapshot;
mod socket;
mod together;
mod values;
mod writes;

pub use crate::config::{Address, Secret, Tls};
pub use data::{KeyState, Latency, ScanPage};
pub use edits::Edit;
pub use endpoint::Endpoint;
pub use error::ServerError;
pub use info::{Info, Keyspace};
pub use pace::Pace;
pub use pieces::{EntryId, PENDING, Piece, Reading, StreamGroup, StreamState};
pub use snapshot::{SnapshotInfo, changed_by_snapshot, snapshot};
pub use together::{Together, Words};
pub use values::{Held, LONGEST, Wanted};
pub use writes::{WriteCount, count_writes};

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use link::Link;
use redis::{Cmd, FromRedisValue, Pipeline, Value, cmd};

/// A connection to a server, authenticated.
#[derive(Debug)]
pub struct Server {
    link: Link,
    timeout: Duration,
    /// Selected database.
    db: u32,
    /// Whether PEXPIRETIME is there (7.0 and newer); asked once.
    exact_expiry: Option<bool>,
}

impl Server {
    /// Connects and authenticates; `timeout` bounds all of that together, and later each single call.
    ///
    /// A password that the server does not ask for is no error: it lets everybody in, so the connection is as good.
    ///
    /// # Errors
    /// [`ServerError`]; `AuthFailed` when it does not take the credentials.
    pub fn connect(endpoint: &Endpoint, timeout: Duration) -> Result<Server, ServerError> {
        let link = Link::open(endpoint, Instant::now() + timeout)?;
        let mut server = Server { link, timeout, db: 0, exact_expiry: None };
        server.log_in(endpoint)?;
        Ok(server)
    }

    /// AUTH, if there is anything to say. Takes what is left of the connect's deadline.
    fn log_in(&mut self, endpoint: &Endpoint) -> Result<(), ServerError> {
        let Some(password) = &endpoint.password else {
            return Ok(());
        };
        let mut auth = cmd("AUTH");
        auth.arg(endpoint.user.as_deref()).arg(password.expose());
        match self.link.ask(&auth) {
            Ok(()) => Ok(()),
            Err(ServerError::Answer { text }) if error::no_password_needed(&text) && endpoint.user.is_none() => Ok(()),
            Err(ServerError::Answer { text } | ServerError::Denied { text, .. }) => {
                Err(ServerError::AuthFailed { text })
            }
            Err(other) => Err(other),
        }
    }

    /// How long a call may take from now on.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Asks one command, within the timeout, and takes the answer as a `T`; an error answer is an `Err`.
    ///
    /// # Errors
    /// What the server refused with, or why no answer came; `Protocol` when the answer is no `T`.
    pub fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, ServerError> {
        self.link.set_deadline(Instant::now() + self.timeout);
        self.link.ask(command)
    }

    /// Sends many commands before it reads the first answer, all within the timeout. One answer for each, errors among
    /// them.
    fn ask_all(&mut self, commands: &Pipeline) -> Result<Vec<Value>, ServerError> {
        self.link.set_deadline(Instant::now() + self.timeout);
        self.link.ask_all(commands)
    }

    /// PING. It is refused while loading, and with MISCONF, BUSY or MASTERDOWN.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn ping(&mut self) -> Result<(), ServerError> {
        self.ask(&cmd("PING"))
    }

    /// INFO, of one section (`server`, `everything`, …) or the default ones. Works while loading.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn info(&mut self, section: Option<&str>) -> Result<Info, ServerError> {
        let answer: Vec<u8> = self.ask(cmd("INFO").arg(section))?;
        Ok(Info::parse(&String::from_utf8_lossy(&answer)))
    }

    /// CLUSTER INFO: how this node sees its Cluster, a line for each field.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn cluster_info(&mut self) -> Result<String, ServerError> {
        let answer: Vec<u8> = self.ask(cmd("CLUSTER").arg("INFO"))?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// CONFIG GET: the settings whose names match a glob. Works while loading.
    ///
    /// # Errors
    /// `Denied` where CONFIG is renamed away or not allowed.
    pub fn config_get(&mut self, pattern: &str) -> Result<BTreeMap<String, String>, ServerError> {
        let settings: Vec<(Vec<u8>, Vec<u8>)> = self.ask(cmd("CONFIG").arg("GET").arg(pattern))?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(settings.into_iter().map(|(name, value)| (text(name), text(value))).collect())
    }

    /// One setting by its name; `None` when this server has no such setting.
    ///
    /// # Errors
    /// As [`config_get`](Self::config_get).
    pub fn setting(&mut self, name: &str) -> Result<Option<String>, ServerError> {
        Ok(self.config_get(name)?.remove(name))
    }

    /// CONFIG SET. The error text never holds the value.
    ///
    /// # Errors
    /// `Answer` when the server does not take it, `Denied` where CONFIG is renamed away or not allowed.
    pub fn config_set(&mut self, name: &str, value: &str) -> Result<(), ServerError> {
        self.ask(cmd("CONFIG").arg("SET").arg(name).arg(value))
    }

    /// CONFIG REWRITE.
    ///
    /// # Errors
    /// `Answer` when the server runs without a file or can't write it.
    pub fn config_rewrite(&mut self) -> Result<(), ServerError> {
        self.ask(cmd("CONFIG").arg("REWRITE"))
    }

    /// Keys in one database, those that expired and were not yet dropped among them.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn dbsize(&mut self, db: u32) -> Result<u64, ServerError> {
        self.select(db)?;
        self.ask(&cmd("DBSIZE"))
    }

    /// Goes to a database.
    ///
    /// # Errors
    /// `Answer` when there is no such database.
    pub fn select(&mut self, db: u32) -> Result<(), ServerError> {
        if self.db != db {
            self.ask::<()>(cmd("SELECT").arg(db))?;
            self.db = db;
        }
        Ok(())
    }

    /// BGSAVE. Returns when it has begun, or was put in the queue behind an AOF rewrite.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn bgsave(&mut self) -> Result<(), ServerError> {
        self.ask(cmd("BGSAVE").arg("SCHEDULE"))
    }

    /// BGREWRITEAOF. Returns when it has begun or was put in the queue.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn bgrewriteaof(&mut self) -> Result<(), ServerError> {
        self.ask(&cmd("BGREWRITEAOF"))
    }

    /// Any one command; its answer as text, on one line, without control characters, and cut where it is long.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn give(&mut self, argv: &[&str]) -> Result<String, ServerError> {
        let mut command = cmd(argv.first().copied().unwrap_or_default());
        for arg in argv.iter().skip(1) {
            command.arg(*arg);
        }
        let answer: Value = self.ask(&command)?;
        let text = match answer {
            Value::Okay => "OK".to_string(),
            Value::Int(number) => number.to_string(),
            Value::SimpleString(text) => text,
            Value::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Value::Nil => String::new(),
            other => format!("{other:?}"),
        };
        Ok(text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(2000).collect())
    }

    /// SCRIPT KILL, or FUNCTION KILL where a function runs: ends what blocks the server, unless it has written.
    ///
    /// # Errors
    /// `Answer` with UNKILLABLE when it has written; any other [`ServerError`].
    pub fn end_script(&mut self) -> Result<(), ServerError> {
        match self.ask::<()>(cmd("SCRIPT").arg("KILL")) {
            Err(ServerError::Busy { .. }) => self.ask(cmd("FUNCTION").arg("KILL")),
            other => other,
        }
    }

    /// SHUTDOWN NOSAVE: no file is written over by what is in memory. Done when the server closes the connection.
    ///
    /// # Errors
    /// `Answer` with its text when it goes on running (`Errors trying to SHUTDOWN`, an initial AOF being written).
    pub fn shutdown_nosave(mut self) -> Result<(), ServerError> {
        match self.ask::<String>(cmd("SHUTDOWN").arg("NOSAVE")) {
            Ok(answer) => Err(ServerError::Answer { text: format!("SHUTDOWN answered {answer}") }),
            Err(ServerError::Closed) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
