//! The command line: one file per subcommand; only here and in `report` is anything printed.
pub mod args;
pub mod context;
mod failure;
pub use failure::Failure;
pub mod out;
pub mod silent;
