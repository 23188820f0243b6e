//! How far a load is: a hash in database 0 of the server itself, written in the transaction of the data it stands for.
use super::LoadError;
use crate::server::{Server, ServerError, Words};
use serde::{Deserialize, Serialize};

/// What the names of marks begin with.
const PREFIX: &str = "redis-dr:load:";
/// A mark that nobody carries on goes by itself: 30 days.
const LIVES_MS: u64 = 30 * 24 * 3600 * 1000;

/// What has been read and done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Bytes of the source.
    pub bytes: u64,
    /// blake3 of them, in hexadecimal.
    pub digest: String,
    /// Records or commands, those left out among them.
    pub read: u64,
    /// Those that were loaded.
    pub loaded: u64,
    /// Those whose key was there, and stayed.
    pub kept: u64,
    /// Those that took the place of a key that was there.
    pub replaced: u64,
    /// Those from before the moment asked for, or expired.
    pub passed: u64,
    /// Those that could not be loaded.
    pub errors: u64,
    /// Is the source at its end?
    pub complete: bool,
}

/// The name of the mark of one load.
#[must_use]
pub fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// The commands that write it; database 0 is selected then.
pub(super) fn written(name: &str, tally: &Tally) -> Vec<Words> {
    let word = |text: &str| text.as_bytes().to_vec();
    let key = key(name);
    let json = serde_json::to_string(tally).unwrap_or_default();
    vec![
        vec![word("SELECT"), word("0")],
        vec![word("SET"), word(&key), word(&json), word("PX"), word(&LIVES_MS.to_string())],
    ]
}

/// Reads it; none where no transaction of this load was carried out.
pub(super) fn read(server: &mut Server, name: &str) -> Result<Option<Tally>, LoadError> {
    let Some(text) = server.text(0, key(name).as_bytes())? else { return Ok(None) };
    serde_json::from_slice(&text).map(Some).map_err(|_| {
        let because = format!("the key {} does not say how far the load is: something wrote to it", key(name));
        LoadError::new(because, "redis-dr runs rollback, then begin anew")
    })
}

/// Takes it away.
pub(super) fn remove(server: &mut Server, name: &str) -> Result<(), ServerError> {
    server.delete(0, key(name).as_bytes())
}
