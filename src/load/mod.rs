//! Data from another system, loaded into a running server: records or commands, batch by batch, each once.
//!
//! ```text
//! source    a file (packed or not) or what a program writes, read as it comes, and proved the same when read again
//! record    NDJSON: a line is a key with its whole value        base64   bytes that are no text, in JSON
//! resp      a stream of commands, as `redis-cli --pipe` takes it and an AOF has it
//! words     which commands such a stream may hold
//! mark      how far a load is: a key in the server, written in the same transaction as the data
//! batch     what goes into one transaction                      pace     how much, and how fast
//! run       the whole of it
//! ```
//!
//! A load is cut off anywhere and carried on without loading twice, because the mark and the data it stands for are one
//! transaction: whatever becomes of redis-dr, the connection or the server, both are there or neither is.
mod base64;
mod batch;
mod item;
mod mark;
mod pace;
mod record;
mod resp;
mod run;
mod source;
mod words;

pub use item::{Fault, Faults};
pub use mark::Tally;
pub use mark::key as mark_key;
pub use run::{Loaded, Reach, check, forget, is_unfinished, load};
pub use source::{Origin, Source};
pub use words::is_allowed;

use serde::{Deserialize, Serialize};
use std::str::FromStr;
use std::time::Duration;

/// How the source is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// As its first byte says.
    #[default]
    Auto,
    /// Commands in RESP.
    Resp,
    /// A JSON object a line.
    Ndjson,
}

/// What becomes of a key that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// It stays as it is.
    #[default]
    Keep,
    /// The record takes its place.
    Replace,
    /// The load stops there.
    Fail,
}

/// What is loaded, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// How the source is written.
    pub format: Format,
    /// What becomes of keys that are there.
    pub existing: Existing,
    /// Records or commands of one transaction, at most.
    pub batch: u64,
    /// Records or commands a second, at most; 0: as fast as the server takes them.
    pub rate: u64,
    /// A transaction that takes longer is answered by a smaller one, and a pause.
    pub slow: Duration,
    /// How many records may be wrong before the load stops.
    pub max_errors: u64,
    /// Only what came after this moment, Unix milliseconds.
    pub since_ms: Option<i64>,
    /// Commands that a stream may hold although they are not of the usual ones; upper case.
    pub allow: Vec<String>,
    /// How long the source may say nothing, and how long the server may take for one transaction.
    pub patience: Duration,
}

/// Why a load stopped. What it had loaded stays, and its mark says how far it was.
#[derive(Debug, thiserror::Error)]
#[error("{because}")]
pub struct LoadError {
    /// What, where, why.
    pub because: String,
    /// What to do.
    pub hint: String,
    /// Somebody asked for it.
    pub interrupted: bool,
}

impl LoadError {
    fn new(because: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { because: because.into(), hint: hint.into(), interrupted: false }
    }

    fn interrupted() -> Self {
        Self { interrupted: true, ..Self::new("interrupted", "redis-dr runs resume goes on where it was") }
    }
}

impl From<crate::server::ServerError> for LoadError {
    fn from(e: crate::server::ServerError) -> Self {
        let mut because = e.to_string();
        if let Some(why) = std::error::Error::source(&e) {
            because.push_str(&format!(": {why}"));
        }
        Self::new(because, format!("{}; then redis-dr runs resume goes on where it was", e.hint()))
    }
}

impl FromStr for Format {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        serde_json::from_value(text.into()).map_err(|_| format!("`{text}` is no format: auto, resp or ndjson"))
    }
}

impl FromStr for Existing {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let words = "keep (they stay), replace (the source's take their place) or fail (the load stops)";
        serde_json::from_value(text.into())
            .map_err(|_| format!("`{text}` says nothing about keys that are there: {words}"))
    }
}
