//! What is said about drills.
use super::Format;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `drill …`.
#[derive(Debug, Subcommand)]
pub enum DrillCommand {
    /// The scenarios: how often each is to be rehearsed, when it was, and what it came to.
    #[command(after_help = "Examples:\n  redis-dr drill list\n  redis-dr drill list --due --json")]
    List {
        /// Only those that are due.
        #[arg(long)]
        due: bool,
    },
    /// Rehearse: break a private server, let `recover --auto` bring it back, and score what came of it.
    ///
    /// Needs a server program and nothing else: no config, no running server. Each scenario gets a private directory, a free
    /// port of the loopback and generated data; all of it is gone afterwards, also what an earlier drill that was killed has
    /// left. It refuses (exit 3) to work in a data directory or inside the unit of a configured instance. Without a SCENARIO
    /// those are held that need nothing but a server; the others (they mount a small disk, or run the server as another user)
    /// are named with what they need. Exit 0 when all passed, 8 when a criterion is missed.
    #[command(
        after_help = "Examples:\n  redis-dr drill run\n  redis-dr drill run aof-lost total-loss -v\n  redis-dr drill run --instance cache-1        its program, policy, objectives\n  redis-dr drill run ./my-scenario.yaml --keep\n  redis-dr drill run --due --json"
    )]
    Run(DrillRunArgs),
    /// What rehearsals came to, over time: target, actual, gap, and what to improve.
    #[command(
        after_help = "Examples:\n  redis-dr drill report\n  redis-dr drill report aof-lost               one scenario\n  redis-dr drill report --format html -o drills.html\n  redis-dr drill report --actions              what to mend, and how"
    )]
    Report {
        /// Only these; all that were rehearsed when left out.
        scenarios: Vec<String>,
        /// In which form.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        /// Write it to a file (`-` is standard output).
        #[arg(short = 'o', long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// What drills, runs and the state of the configured instances suggest to mend.
        #[arg(long)]
        actions: bool,
    },
    /// One scenario, as text.
    #[command(after_help = "Examples:\n  redis-dr drill show aof-lost > my-scenario.yaml")]
    Show {
        /// Its id, or a file.
        id: String,
    },
    /// Check scenarios (or all there are): every error with line and column.
    #[command(
        after_help = "Examples:\n  redis-dr drill lint my-scenario.yaml\n  redis-dr drill lint                 all there are"
    )]
    Lint {
        /// Files; all there are when left out.
        files: Vec<PathBuf>,
    },
    /// The JSON schema of the scenarios, or of the documents that are printed.
    #[command(
        after_help = "Examples:\n  redis-dr drill schema > drill.schema.json\n  redis-dr drill schema --document     of what `drill run --json` prints"
    )]
    Schema {
        /// Of redis-dr/drill/1.
        #[arg(long)]
        document: bool,
    },
}

/// `drill run`.
#[derive(Debug, Args)]
pub struct DrillRunArgs {
    /// Ids of `redis-dr drill list`, or files; without one, those that need nothing but a server.
    pub scenarios: Vec<String>,
    /// Also those that need more than a server, where it is there.
    #[arg(long, conflicts_with = "scenarios")]
    pub all: bool,
    /// Only those that are due.
    #[arg(long, conflicts_with = "scenarios")]
    pub due: bool,
    /// Use this instance's program, policy, objectives and settings; nothing of it is touched.
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// Where the server program is.
    #[arg(long, value_name = "DIR")]
    pub bin_dir: Option<PathBuf>,
    /// In which directory sandboxes are made; the system's directory for temporary files when left out.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Leave the sandboxes' files for a look; they are yours to remove.
    #[arg(long)]
    pub keep: bool,
}
