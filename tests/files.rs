//! Files: the host's two halves, the state directory, locks, safety copies and the journal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "files/host.rs"]
mod host;
#[path = "files/journal.rs"]
mod journal;
#[path = "files/lock.rs"]
mod lock;
#[path = "files/state.rs"]
mod state;
#[path = "files/vault.rs"]
mod vault;
