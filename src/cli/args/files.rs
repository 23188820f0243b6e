//! What is said about files in hand.
use clap::Args;
use std::path::PathBuf;

/// `inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// An RDB (also .gz or .zst), an AOF, the directory of a multi-part AOF, its manifest, or a redis.conf.
    #[arg(value_name = "FILE|DIR")]
    pub path: PathBuf,
    /// How many of the biggest keys and prefixes are listed, at most 10000.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=10_000))]
    pub top: u16,
    /// Count only keys that match, such as `user:*`; of an AOF also show the last commands on them.
    #[arg(long, value_name = "PATTERN")]
    pub keys: Option<String>,
}
