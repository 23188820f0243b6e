//! Stories: redis-dr against real servers, a file per promise.
//!
//! `REDIS_DR_SERVERS` names a directory of servers to tell them on; without it the server on the PATH is used.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]
mod assess;
mod auto;
mod browser;
mod causes;
mod damage;
mod data;
mod data_checks;
mod decisions;
mod discovery;
mod dr;
mod drills;
mod first;
mod flushed;
mod guard;
mod hold;
mod interactive;
mod keys_gone;
mod lab;
mod lab_itself;
mod language;
mod large;
mod midway;
mod pause;
mod plan;
mod proof;
mod repairs;
mod replicated;
mod resp;
mod resume;
mod runs;
mod sandbox;
mod scenes;
mod signals;
mod starved;
mod taken_back;
mod terminal;
mod to_time;
mod traps;
mod troubles;
mod unfinished;
mod untouched;
