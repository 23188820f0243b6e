//! The command line: one file per subcommand; only here and in `report` is anything printed.
mod apply;
pub mod args;
mod assess;
pub mod context;
mod failure;
mod keyboard;
pub mod out;
mod plan;
mod points;
mod progress;
mod recover;
mod runs;
mod signals;
pub mod silent;
mod start;
pub mod terminal;

pub use context::Context;
pub use failure::Failure;
pub use start::main;
