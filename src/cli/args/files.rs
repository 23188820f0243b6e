//! What is said about files in hand.
use clap::{Args, Subcommand};
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
    /// Compare its keys with those of this RDB or AOF: what is added there, gone, or changed, whatever the encoding.
    #[arg(long, value_name = "OTHER")]
    pub diff: Option<PathBuf>,
    /// Write what can be had from a damaged RDB to this new file: the keys before the damage, and those behind it. It is
    /// marked as partial, and `--auto` never restores it.
    #[arg(long, value_name = "OUT", conflicts_with_all = ["diff", "keys"])]
    pub salvage: Option<PathBuf>,
    /// Where the server program is: one loads a private copy of an AOF that has commands, so that its keys can be compared.
    #[arg(long, value_name = "DIR", requires = "diff")]
    pub bin_dir: Option<PathBuf>,
    /// Where a comparison keeps what does not fit into memory: 48 bytes for each key. Default: $TMPDIR, else /var/tmp.
    #[arg(long, value_name = "DIR", requires = "diff")]
    pub tmp: Option<PathBuf>,
}

/// `aof …`.
#[derive(Debug, Subcommand)]
pub enum AofCommand {
    /// Write a copy of an AOF that ends earlier: before a flush, at a moment, an offset or a tag.
    ///
    /// The AOF itself is only read. The copy ends after a complete command outside MULTI, is a complete set with a manifest,
    /// and is walked once more before it is called done. Where there is no such place, nothing is written (exit code 1).
    #[command(
        override_usage = "redis-dr aof cut [OPTIONS] <FILE|DIR> --output <DIR>\n         (--before-flush | --at <TIME> | --at-offset <N> | --at-tag <TAG>)",
        after_help = "Examples:\n  redis-dr aof cut /var/lib/redis/appendonlydir --before-flush -o /tmp/before\n  redis-dr aof cut appendonlydir --at 2026-11-21T03:12:30Z -o /tmp/cut\n  redis-dr aof cut appendonly.aof --at-offset 18442113 -o /tmp/cut --json\n  redis-dr aof cut appendonlydir --at-tag TAG111101_1200 -o /tmp/cut"
    )]
    Cut(AofCutArgs),
    /// Write a mark into the AOF of a running server, which it can be cut at later: for servers without timestamps.
    ///
    /// One key with a minute to live, `redis-dr:tag:NAME`, in database 0; the mark is the command that the AOF keeps until
    /// it is rewritten. Cheap enough for every minute: packaging/ has a timer and a cron line. On a replica it is refused (3),
    /// where AOF is off it fails (1).
    #[command(
        after_help = "Examples:\n  redis-dr aof tag cache-1                        named by the moment\n  redis-dr aof tag cache-1 --name deploy\n  redis-dr recover cache-1 --runbook restore-to-time --param at=tag:deploy"
    )]
    Tag(AofTagArgs),
}

/// `aof tag`.
#[derive(Debug, Args)]
pub struct AofTagArgs {
    /// A name of the config, HOST:PORT or unix:PATH.
    pub instance: Option<String>,
    /// What it is called, at most 128 letters, digits and `._:-`; without it the moment, as in 2026-11-21T03:12:30Z.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// How long its key lives. The mark outlives it.
    #[arg(long, value_name = "DURATION", default_value = "1m")]
    pub keep: String,
}

/// `aof cut`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("place").required(true).args(["before_flush", "at", "at_offset", "at_tag"])))]
pub struct AofCutArgs {
    /// An AOF: one file, the directory of its parts, or their manifest.
    #[arg(value_name = "FILE|DIR")]
    pub path: PathBuf,
    /// End before the last FLUSHALL or FLUSHDB.
    #[arg(long)]
    pub before_flush: bool,
    /// End after the last command of this second; needs timestamps in the AOF.
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// End at the last safe boundary up to this byte of its only file with commands; of several: FILE:N.
    #[arg(long, value_name = "N")]
    pub at_offset: Option<String>,
    /// End right after the last tag of this name, or after its transaction where it is in one.
    #[arg(long, value_name = "TAG")]
    pub at_tag: Option<String>,
    /// The directory to make; it must not be there yet.
    #[arg(short = 'o', long, value_name = "DIR")]
    pub output: PathBuf,
}
