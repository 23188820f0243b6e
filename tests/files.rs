//! Files: the host's two halves, the state directory, locks, safety copies, the journal, and what is in files in hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "files/aof_cut.rs"]
mod aof_cut;
#[path = "files/host.rs"]
mod host;
#[path = "files/inspect.rs"]
mod inspect;
#[path = "files/journal.rs"]
mod journal;
#[path = "files/lock.rs"]
mod lock;
#[path = "files/state.rs"]
mod state;
#[path = "files/vault.rs"]
mod vault;
