//! `verify`: what a live server holds against what it must hold.
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `verify`.
#[derive(Debug, Clone, Default, Args)]
pub struct VerifyArgs {
    /// A name of the config, HOST:PORT or unix:PATH.
    pub instance: Option<String>,
    /// The point: an id of `redis-dr points`; without it the best that is a file.
    #[arg(long, value_name = "POINT")]
    pub against: Option<String>,
    /// Compare every key's value, by what it means. Goes on where an earlier call was interrupted.
    #[arg(long)]
    pub deep: bool,
    /// Measure with the vendor's redis-benchmark beside the clients: 30 000 requests, to keys of its own that live a minute.
    #[arg(long)]
    pub bench: bool,
    /// Keys a second that are asked for by --deep and data checks; without it as the server's PING allows.
    #[arg(long, value_name = "KEYS", value_parser = clap::value_parser!(u64).range(1..))]
    pub rate: Option<u64>,
    /// The file of data checks, instead of the config's `data_checks`.
    #[arg(long, value_name = "FILE")]
    pub checks: Option<PathBuf>,
    /// Only say what is wrong with the file of data checks; asks no server.
    #[arg(long)]
    pub lint: bool,
    /// Print a JSON schema: of a file of data checks, or of the document that --json prints.
    #[arg(long, value_name = "WHAT", value_enum, conflicts_with_all = ["lint", "instance"])]
    pub schema: Option<VerifySchema>,
}

/// Whose schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VerifySchema {
    /// A file of data checks.
    Checks,
    /// The document `redis-dr/verify/1`.
    Document,
}
