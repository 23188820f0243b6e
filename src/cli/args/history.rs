//! What is said about runs that were, and what they saved.
use super::Format;
use clap::Subcommand;
use std::path::PathBuf;

/// `runs …`.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// All runs, newest first.
    #[command(after_help = "Examples:\n  redis-dr runs list\n  redis-dr runs list --json")]
    List,
    /// One run: its steps, gates, changes and copies.
    #[command(
        after_help = "Examples:\n  redis-dr runs show               the newest one\n  redis-dr runs show 20261121T03"
    )]
    Show {
        /// An id, a unique prefix or `last`.
        run: Option<String>,
    },
    /// Carry on a run that was not finished.
    #[command(
        after_help = "Examples:\n  redis-dr runs resume             the one that was not finished\n  redis-dr runs resume last --auto"
    )]
    Resume {
        /// An id, a unique prefix or `last`; left out it is the one unfinished run.
        run: Option<String>,
        /// Nobody is watching: never ask, keep to the policy.
        #[arg(long)]
        auto: bool,
    },
    /// Take back everything that a run changed.
    #[command(
        after_help = "Examples:\n  redis-dr runs rollback                         the one not finished\n  redis-dr runs rollback last --discard-writes   loses what was written since\n  redis-dr runs rollback --journal j.jsonl       the state directory is gone"
    )]
    Rollback {
        /// An id, a unique prefix or `last`; left out it is the one unfinished run.
        run: Option<String>,
        /// Nobody is watching: never ask.
        #[arg(long, conflicts_with = "confirm")]
        auto: bool,
        /// The typed confirmation, for a script that a person runs.
        #[arg(long, value_name = "INSTANCE")]
        confirm: Option<String>,
        /// Take back a finished run, and lose what clients wrote since.
        #[arg(long)]
        discard_writes: bool,
        /// A copy of the journal, when the state directory is gone.
        #[arg(long, value_name = "FILE", conflicts_with = "run")]
        journal: Option<PathBuf>,
    },
    /// What happened, for people who were not there.
    #[command(
        after_help = "Examples:\n  redis-dr runs report last\n  redis-dr runs report last --format md -o incident.md\n  redis-dr runs report last --format html -o incident.html"
    )]
    Report {
        /// An id, a unique prefix or `last`.
        run: Option<String>,
        /// In which form.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        /// Write it to a file (`-` is standard output).
        #[arg(short = 'o', long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Remove journals and safety copies of old finished runs. Shows what it would remove unless --yes.
    #[command(
        after_help = "Examples:\n  redis-dr runs prune                          shows what would go\n  redis-dr runs prune --older-than 90d --yes   removes it"
    )]
    Prune {
        /// Older than this.
        #[arg(long, value_name = "DURATION", default_value = "30d")]
        older_than: String,
        /// Really remove them.
        #[arg(long)]
        yes: bool,
    },
}

/// `vault …`.
#[derive(Debug, Subcommand)]
pub enum VaultCommand {
    /// What was saved.
    #[command(after_help = "Examples:\n  redis-dr vault list last\n  redis-dr vault list --json")]
    List {
        /// An id, a unique prefix or `last`.
        run: Option<String>,
    },
    /// Copy a saved file out of the vault; the original place is not touched.
    #[command(after_help = "Examples:\n  redis-dr vault restore last /var/lib/redis/dump.rdb -o /tmp/dump.rdb")]
    Restore {
        /// An id, a unique prefix or `last`.
        run: String,
        /// The path as it was, or its end where only one has it: `dump.rdb`.
        path: PathBuf,
        /// Where the copy goes; it must not exist.
        #[arg(short = 'o', long, value_name = "FILE")]
        output: PathBuf,
    },
}
