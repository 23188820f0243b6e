//! The command line: one file per subcommand; only here and in `report` is anything printed.
mod apply;
pub mod args;
mod assess;
pub mod context;
mod explain;
mod failure;
mod keyboard;
mod library;
pub mod out;
mod pause;
mod plan;
mod points;
mod progress;
mod recover;
mod runs;
mod shells;
mod signals;
pub mod silent;
mod start;
pub mod terminal;
mod vault;
mod verify;

pub use context::Context;
pub use failure::Failure;
pub use start::main;
