//! redis-dr brings a broken Redis or Valkey back with as much of its data as exists, and never makes things worse.
//!
//! Rooms, top to bottom (a room uses only rooms below it; `tests/architecture.rs` holds this):
//!
//! ```text
//! 9  cli
//! 8  drill
//! 7  recover
//! 6  engine    report     hold
//! 5  plan      assess
//! 4  runbook   playbook   policy
//! 3  action
//! 2b verify    checks     sandbox    inspect   load
//! 2a vault     journal    lock     state    store    service    server
//! 1  host      config     points
//! 0  expr   yaml   facts   finding   rdb   aof   redis_conf
//! ```
pub mod action;
pub mod aof;
pub mod assess;
pub mod checks;
pub mod cli;
pub mod config;
pub mod drill;
pub mod engine;
pub mod expr;
pub mod facts;
pub mod finding;
pub mod hold;
pub mod host;
pub mod inspect;
pub mod journal;
pub mod load;
pub mod lock;
pub mod plan;
pub mod playbook;
pub mod points;
pub mod policy;
pub mod rdb;
pub mod recover;
pub mod redis_conf;
pub mod report;
pub mod runbook;
pub mod sandbox;
pub mod server;
pub mod service;
pub mod state;
pub mod store;
pub mod vault;
pub mod verify;
pub mod yaml;
