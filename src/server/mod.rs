//! RESP to a live server: the only room that opens connections to Redis or Valkey.
//!
//! Every call has a deadline that bounds the whole of it: connecting, TLS, writing and reading. A server that accepts
//! and never answers costs the timeout and no more. After a timeout or a broken reply a connection is never used again,
//! since the next answer could belong to the last question.
//!
//! The protocol is spoken here and not by a client library: a feed of a snapshot needs the raw socket anyway, replies come
//! from a machine in trouble and are read with limits, and a deadline must hold for all parts of a connect.

mod data;
mod endpoint;
mod error;
mod info;
mod reply;
mod snapshot;
mod wire;

pub use crate::config::{Address, Secret, Tls};
pub use data::{KeyState, Latency, ScanPage};
pub use endpoint::Endpoint;
pub use error::ServerError;
pub use info::{Info, Keyspace};
pub use reply::Reply;
pub use snapshot::{SnapshotInfo, snapshot};

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use wire::Wire;

/// A connection to a server, authenticated.
#[derive(Debug)]
pub struct Server {
    wire: Wire,
    timeout: Duration,
    /// Why it can't be used any more; the next answer could belong to an older question.
    broken: bool,
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
        let wire = Wire::open(endpoint, Instant::now() + timeout)?;
        let mut server = Server { wire, timeout, broken: false, db: 0, exact_expiry: None };
        server.log_in(endpoint)?;
        Ok(server)
    }

    /// AUTH, if there is anything to say. Takes what is left of the connect's deadline.
    fn log_in(&mut self, endpoint: &Endpoint) -> Result<(), ServerError> {
        let Some(password) = &endpoint.password else {
            return Ok(());
        };
        let mut args: Vec<&[u8]> = vec![b"AUTH"];
        if let Some(user) = &endpoint.user {
            args.push(user.as_bytes());
        }
        args.push(password.expose().as_bytes());
        match self.exchange(&args) {
            Ok(_) => Ok(()),
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

    /// Sends one command and reads its answer; an error answer is an `Err`.
    ///
    /// # Errors
    /// What the server refused with, or why no answer came.
    pub fn call(&mut self, args: &[&[u8]]) -> Result<Reply, ServerError> {
        self.wire.set_deadline(Instant::now() + self.timeout);
        self.exchange(args)
    }

    /// As [`call`](Self::call), for words.
    ///
    /// # Errors
    /// As `call`.
    pub fn command(&mut self, args: &[&str]) -> Result<Reply, ServerError> {
        let bytes: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        self.call(&bytes)
    }

    /// Sends many commands before it reads the first answer. One answer for each, errors among them.
    ///
    /// # Errors
    /// No answers came: timeout, closed, protocol.
    pub fn pipeline(&mut self, commands: &[Vec<Vec<u8>>]) -> Result<Vec<Reply>, ServerError> {
        self.usable()?;
        self.wire.set_deadline(Instant::now() + self.timeout);
        let mut out = Vec::new();
        for command in commands {
            let args: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
            reply::pack(&mut out, &args);
        }
        let mut all = || -> Result<Vec<Reply>, ServerError> {
            self.wire.send(&out)?;
            commands.iter().map(|_| reply::read(&mut self.wire)).collect()
        };
        let answers = all();
        self.broken = answers.is_err();
        answers
    }

    fn exchange(&mut self, args: &[&[u8]]) -> Result<Reply, ServerError> {
        self.usable()?;
        let mut out = Vec::new();
        reply::pack(&mut out, args);
        let answer = match self.wire.send(&out) {
            Ok(()) => reply::read(&mut self.wire),
            // The server may have said why before it closed ("max number of clients reached").
            Err(refused) => reply::read(&mut self.wire).map_err(|_| refused),
        };
        match answer {
            Ok(Reply::Error(text)) => Err(ServerError::from_answer(&text, args)),
            Ok(reply) => Ok(reply),
            Err(error) => {
                self.broken = true;
                Err(error)
            }
        }
    }

    fn usable(&self) -> Result<(), ServerError> {
        if self.broken { Err(ServerError::Closed) } else { Ok(()) }
    }

    /// PING. It is refused while loading, and with MISCONF, BUSY or MASTERDOWN.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn ping(&mut self) -> Result<(), ServerError> {
        self.command(&["PING"]).map(|_| ())
    }

    /// INFO, of one section (`server`, `everything`, …) or the default ones. Works while loading.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn info(&mut self, section: Option<&str>) -> Result<Info, ServerError> {
        let answer = match section {
            Some(section) => self.command(&["INFO", section])?,
            None => self.command(&["INFO"])?,
        };
        Ok(Info::parse(&answer.text()))
    }

    /// CONFIG GET: the settings whose names match a glob. Works while loading.
    ///
    /// # Errors
    /// `Denied` where CONFIG is renamed away or not allowed.
    pub fn config_get(&mut self, pattern: &str) -> Result<BTreeMap<String, String>, ServerError> {
        let items = self.command(&["CONFIG", "GET", pattern])?.items();
        Ok(items.chunks_exact(2).map(|pair| (pair[0].text(), pair[1].text())).collect())
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
        self.command(&["CONFIG", "SET", name, value]).map(|_| ())
    }

    /// CONFIG REWRITE.
    ///
    /// # Errors
    /// `Answer` when the server runs without a file or can't write it.
    pub fn config_rewrite(&mut self) -> Result<(), ServerError> {
        self.command(&["CONFIG", "REWRITE"]).map(|_| ())
    }

    /// Keys in one database, those that expired and were not yet dropped among them.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn dbsize(&mut self, db: u32) -> Result<u64, ServerError> {
        self.select(db)?;
        self.command(&["DBSIZE"])?
            .number()
            .and_then(|n| u64::try_from(n).ok())
            .ok_or(ServerError::Protocol { because: "DBSIZE did not answer with a number".to_string() })
    }

    /// Goes to a database.
    ///
    /// # Errors
    /// `Answer` when there is no such database.
    pub fn select(&mut self, db: u32) -> Result<(), ServerError> {
        if self.db != db {
            self.command(&["SELECT", &db.to_string()])?;
            self.db = db;
        }
        Ok(())
    }

    /// BGSAVE. Returns when it has begun, or was put in the queue behind an AOF rewrite.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn bgsave(&mut self) -> Result<(), ServerError> {
        self.command(&["BGSAVE", "SCHEDULE"]).map(|_| ())
    }

    /// BGREWRITEAOF. Returns when it has begun or was put in the queue.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn bgrewriteaof(&mut self) -> Result<(), ServerError> {
        self.command(&["BGREWRITEAOF"]).map(|_| ())
    }

    /// SHUTDOWN NOSAVE: no file is written over by what is in memory. Done when the server closes the connection.
    ///
    /// # Errors
    /// `Answer` with its text when it goes on running (`Errors trying to SHUTDOWN`, an initial AOF being written).
    pub fn shutdown_nosave(mut self) -> Result<(), ServerError> {
        match self.command(&["SHUTDOWN", "NOSAVE"]) {
            Ok(answer) => Err(ServerError::Answer { text: format!("SHUTDOWN answered {}", answer.text()) }),
            Err(ServerError::Closed) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
