//! The grammar of the command line; its doc comments are the help texts.
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

mod care;
mod drill;
mod files;
mod global;
mod history;
mod library;
mod plan;
mod verify;

pub use care::{GuardArgs, HoldArgs, InitArgs, PauseArgs};
pub use drill::{DrillCommand, DrillRunArgs};
pub use files::{AofCommand, AofCutArgs, AofTagArgs, InspectArgs};
pub use global::Global;
pub use history::{RunsCommand, VaultCommand};
pub use library::{Drawn, LibraryCommand, PlaybookCommand};
pub use plan::{PlanCommand, PlanView};
pub use verify::{VerifyArgs, VerifySchema};

/// Brings a broken Redis or Valkey back with as much of its data as exists, and never makes things worse.
#[derive(Debug, Parser)]
#[command(name = "redis-dr", version, max_term_width = 80, subcommand_required = false, disable_help_subcommand = true)]
#[command(after_help = "Examples:
  redis-dr assess                         what is wrong here?
  redis-dr recover cache-1                asks once, and proves the result
  redis-dr plan cache-1 -o plan.json      what would recover do? Changes nothing
  redis-dr explain exit-codes             what the exit codes mean")]
pub struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which way out is taken.
#[derive(Debug, Clone, Default, Args)]
pub struct Select {
    /// The playbook that decides.
    #[arg(long, value_name = "P", conflicts_with = "runbook", help_heading = "Selection")]
    pub playbook: Option<String>,
    /// The runbook to use, without asking the decision tree.
    #[arg(long, value_name = "R", help_heading = "Selection")]
    pub runbook: Option<String>,
    /// A parameter of the runbook.
    #[arg(long = "param", value_name = "K=V", help_heading = "Selection")]
    pub params: Vec<String>,
    /// Least loss first, or fastest within the RPO first.
    #[arg(long, value_enum, default_value_t = Prefer::Complete, help_heading = "Selection")]
    pub prefer: Prefer,
    /// The recovery point to use: an id of `redis-dr points`.
    #[arg(long, value_name = "ID", conflicts_with = "point_file", help_heading = "Selection")]
    pub point: Option<String>,
    /// A snapshot in hand.
    #[arg(long, value_name = "FILE", help_heading = "Selection")]
    pub point_file: Option<PathBuf>,
    /// When it broke, where nobody can tell: 03:12, "2026-11-21 03:12" (local), -15m, or RFC 3339.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, help_heading = "Selection")]
    pub incident_at: Option<String>,
}

/// How points are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Prefer {
    /// Least loss, then fastest.
    #[default]
    Complete,
    /// Fastest within the RPO.
    Fast,
}

/// From which severity on `--exit-code` answers 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Any finding.
    Minor,
    /// Major or critical.
    Major,
    /// Critical only.
    Critical,
}

/// The forms a report comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For a terminal.
    #[default]
    Text,
    /// Markdown.
    #[value(alias = "markdown")]
    Md,
    /// One file for a browser: pictures in it, nothing fetched.
    Html,
    /// JSON.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find the servers of this host and write a commented redis-dr.yaml for all of them.
    ///
    /// It goes where it is looked for: /etc/redis-dr/redis-dr.yaml for root, else
    /// $XDG_CONFIG_HOME/redis-dr/redis-dr.yaml. Nothing is overwritten, and no password is written.
    #[command(
        after_help = "Examples:\n  redis-dr init\n  redis-dr init -o -                      look at it first\n  redis-dr init -o redis-dr.yaml --json"
    )]
    Init(InitArgs),
    /// Look at an instance: what is wrong, and what would help. Changes nothing.
    #[command(
        after_help = "Examples:\n  redis-dr assess cache-1\n  redis-dr assess -p 6380 --json\n  redis-dr assess cache-1 --quick --exit-code=critical"
    )]
    Assess {
        /// A name of the config, HOST:PORT or unix:PATH.
        instance: Option<String>,
        /// Only what can be seen at once: no file is walked.
        #[arg(long)]
        quick: bool,
        /// The playbook that decides.
        #[arg(long, value_name = "P")]
        playbook: Option<String>,
        /// Exit 8 when something was found (at this severity or above).
        #[arg(long, value_name = "LEVEL", num_args = 0..=1, require_equals = true, default_missing_value = "minor")]
        exit_code: Option<Level>,
    },
    /// List the recovery points, best first, with what each would lose and how long it takes.
    #[command(
        after_help = "Examples:\n  redis-dr points cache-1\n  redis-dr points cache-1 --point-file /tmp/dump-from-a-clone.rdb\n  redis-dr points -p 6380 --prefer fast --json"
    )]
    Points {
        /// A name of the config, HOST:PORT or unix:PATH.
        instance: Option<String>,
        /// A snapshot in hand, examined beside the others.
        #[arg(long, value_name = "FILE")]
        point_file: Option<PathBuf>,
        /// Least loss first, or fastest within the RPO first.
        #[arg(long, value_enum, default_value_t = Prefer::Complete)]
        prefer: Prefer,
        /// When it broke, where nobody can tell: 03:12, "2026-11-21 03:12" (local), -15m, or RFC 3339.
        #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
        incident_at: Option<String>,
    },
    /// Work out exactly what `recover` would do, and change nothing.
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Examples:\n  redis-dr plan cache-1\n  redis-dr plan cache-1 -o plan.json      then: redis-dr apply plan.json\n  redis-dr plan show plan.json\n  redis-dr plan --facts assessment.json   of a saved `assess --json`"
    )]
    Plan {
        /// Show a plan.
        #[command(subcommand)]
        show: Option<PlanCommand>,
        /// A name of the config, HOST:PORT or unix:PATH.
        instance: Option<String>,
        /// Which way.
        #[command(flatten)]
        select: Select,
        /// Use a saved assessment (`assess --json`) instead of looking.
        #[arg(long, value_name = "FILE")]
        facts: Option<PathBuf>,
        /// Write the plan to a file (`-` is standard output); with --format or --diff what those make of it.
        #[arg(short = 'o', long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Exit 8 when there is something to do; with --diff when something is different.
        #[arg(long)]
        exit_code: bool,
        /// In which form it is looked at.
        #[command(flatten)]
        view: PlanView,
    },
    /// Recover an instance: assess, choose, plan, confirm, run, verify.
    #[command(
        after_help = "Examples:\n  redis-dr recover cache-1                     shows everything, asks once\n  redis-dr recover cache-1 --auto --json       nobody watches: the policy holds\n  redis-dr recover cache-1 --confirm cache-1   a script that a person runs\n  redis-dr recover cache-1 --point nightly/dump.rdb"
    )]
    Recover {
        /// A name of the config, HOST:PORT or unix:PATH.
        instance: Option<String>,
        /// Which way.
        #[command(flatten)]
        select: Select,
        /// Ask before every step.
        #[arg(long)]
        step: bool,
        /// How it is confirmed.
        #[command(flatten)]
        consent: Consent,
        /// Show the plan and stop, as `plan` does.
        #[arg(short = 'n', long, conflicts_with_all = ["auto", "confirm", "step"])]
        dry_run: bool,
        /// Wait this long for another run on this instance to end.
        #[arg(long, value_name = "DURATION")]
        wait: Option<String>,
    },
    /// Carry out a plan that was made and reviewed before; refuses when the facts have moved.
    #[command(
        after_help = "Examples:\n  redis-dr apply plan.json                      shows it, asks once\n  redis-dr apply plan.json --confirm cache-1    a script that a person runs"
    )]
    Apply {
        /// The plan.
        plan: PathBuf,
        /// How it is confirmed.
        #[command(flatten)]
        consent: Consent,
    },
    /// Stop the bleeding: in under a second, reversible, and on record before it acts.
    ///
    /// The running server gets `save ""`, `auto-aof-rewrite-percentage 0` and, from 7.0 on, `aof-disable-auto-gc yes`, so that
    /// it overwrites none of its files; nothing starts it any more; and every data file gets a second name or a copy in the
    /// vault. --release puts the owner's values back and lets it start; so does a recovery that succeeds. Until then
    /// `--auto` keeps its hands off (exit 3); a person may recover. The copies are listed by `redis-dr vault list` and stay
    /// until `redis-dr runs prune`. Where the server does not answer, or not all files could be kept, the rest is done, and the
    /// exit code is 4: hold again.
    #[command(
        after_help = "Examples:\n  redis-dr hold cache-1             somebody typed FLUSHALL: this first\n  redis-dr hold cache-1 --release"
    )]
    Hold(HoldArgs),
    /// May this server be started? For `ExecStartPre=`: 0 lets it start, 3 refuses.
    ///
    /// Reads its configuration, the names and sizes of its files and the AOF's manifest, and refuses a start that would come
    /// up with less than exists: AOF switched on without an AOF, AOF parts without a manifest, another file name or directory
    /// than the data's, an empty directory where data was at an earlier guarded start, a hold, a run that was not finished. A
    /// guard that can't look (a config it can't read, an unknown instance) says so and lets the server start.
    #[command(
        after_help = "Examples:\n  redis-dr guard cache-1\n  redis-dr guard cache-1 --accept         start empty on purpose\n\nIn a drop-in of the server's unit:\n  ExecStartPre=+/usr/bin/redis-dr guard cache-1"
    )]
    Guard(GuardArgs),
    /// Mark an instance as being worked on: `recover --auto` keeps its hands off (exit 3) until the mark is over.
    #[command(
        after_help = "Examples:\n  redis-dr pause cache-1                  for two hours\n  redis-dr pause cache-1 --for 30m\n  redis-dr pause cache-1 --off"
    )]
    Pause(PauseArgs),
    /// Compare a live server with a recovery point, and carry out its owner's data checks. Changes nothing.
    ///
    /// Counts, types and expiries are exact where nothing was written since, else bounds. A file of `data_checks` in the config
    /// adds the owner's own: keys that must exist, how many there must be, numbers in range, allowed states, references,
    /// moments, and programs that ask another system. The exit code is 0 where everything is as it should be, 8 where not.
    #[command(
        after_help = "Examples:\n  redis-dr verify cache-1\n  redis-dr verify cache-1 --against nightly/dump.rdb --json\n  redis-dr verify cache-1 --against rdb --deep     every value; can go on\n  redis-dr verify cache-1 --checks new.checks.yaml --rate 1000\n  redis-dr verify cache-1 --bench                  redis-benchmark, bounded\n  redis-dr verify --lint --checks new.checks.yaml\n  redis-dr verify --schema checks"
    )]
    Verify(VerifyArgs),
    /// Runs: list, show, carry on, take back, report.
    #[command(
        subcommand,
        after_help = "Examples:\n  redis-dr runs list\n  redis-dr runs show last\n  redis-dr runs rollback               the one that was not finished"
    )]
    Runs(RunsCommand),
    /// The safety copies of runs.
    #[command(
        subcommand,
        after_help = "Examples:\n  redis-dr vault list last\n  redis-dr vault restore last /var/lib/redis/dump.rdb -o /tmp/dump.rdb"
    )]
    Vault(VaultCommand),
    /// Runbooks: list, show, check, draw.
    #[command(
        subcommand,
        after_help = "Examples:\n  redis-dr runbook list\n  redis-dr runbook show restore-rdb > my-runbook.yaml\n  redis-dr runbook lint my-runbook.yaml"
    )]
    Runbook(LibraryCommand),
    /// Playbooks: list, show, check, draw, test.
    #[command(
        subcommand,
        after_help = "Examples:\n  redis-dr playbook show triage > my-triage.yaml\n  redis-dr playbook test               all cases there are"
    )]
    Playbook(PlaybookCommand),
    /// Drills: rehearse on a private server, and see how fast and how whole it comes back.
    #[command(
        subcommand,
        after_help = "Examples:\n  redis-dr drill run\n  redis-dr drill report --format html -o drills.html"
    )]
    Drill(DrillCommand),
    /// Say what is in a file, and whether it is whole: an RDB, an AOF, a manifest, a redis.conf. Changes nothing.
    ///
    /// Reads it once, in constant memory, and needs no config and no server. The exit code is 0 where it is whole, 8 where it
    /// can be read and is not whole (damaged, empty, of an unknown version, bytes after its checksum, changed meanwhile), and
    /// 1 where it can't be read. With --diff it is 0 where both are whole and the same, and 8 where they differ.
    #[command(
        after_help = "Examples:\n  redis-dr inspect /var/lib/redis/dump.rdb\n  redis-dr inspect /var/lib/redis/appendonlydir --json\n  redis-dr inspect dump-140000.rdb.zst --top 50 --keys 'session:*'\n  redis-dr inspect before.rdb --diff after.rdb\n  redis-dr inspect damaged.rdb --salvage saved.rdb\n  redis-dr inspect /etc/redis/redis.conf"
    )]
    Inspect(InspectArgs),
    /// AOFs: cut a copy of one in hand, tag one that is written.
    #[command(
        subcommand,
        after_help = "Examples:\n  redis-dr aof cut appendonlydir --before-flush -o /tmp/before\n  redis-dr aof tag cache-1 --name deploy"
    )]
    Aof(AofCommand),
    /// Explain a finding, an exit code, a runbook or a word.
    #[command(
        after_help = "Examples:\n  redis-dr explain                       everything that can be explained\n  redis-dr explain files.aof_corrupt     a finding\n  redis-dr explain exit-codes            all exit codes\n  redis-dr explain restore-rdb           a runbook\n  redis-dr explain redis-dr/plan/1       the schema of a JSON document"
    )]
    Explain {
        /// Such as files.aof_corrupt, exit-codes, 3, restore-rdb or vault.
        id: Option<String>,
    },
    /// Print shell completions.
    #[command(
        after_help = "Examples:\n  redis-dr completions bash > /etc/bash_completion.d/redis-dr\n  redis-dr completions zsh\n  redis-dr completions fish"
    )]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    #[command(after_help = "Examples:\n  redis-dr man > /usr/local/share/man/man1/redis-dr.1")]
    Man,
    /// Starts a server as another user; used by redis-dr itself.
    #[command(name = "__exec", hide = true, disable_help_flag = true)]
    Exec {
        /// User, then the command line.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<std::ffi::OsString>,
    },
}

impl Command {
    /// The word it is called by, where it takes an instance; that of `assess` else.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Points { .. } => "points",
            Self::Plan { .. } => "plan",
            Self::Recover { .. } => "recover",
            Self::Verify(_) => "verify",
            Self::Pause(_) => "pause",
            Self::Hold(_) => "hold",
            Self::Guard(_) => "guard",
            _ => "assess",
        }
    }
}

/// How a recovery is confirmed.
#[derive(Debug, Clone, Default, Args)]
pub struct Consent {
    /// Nobody is watching: never ask, keep to the policy.
    #[arg(long, conflicts_with = "confirm", help_heading = "Confirmation")]
    pub auto: bool,
    /// The typed confirmation, for a script that a person runs.
    #[arg(long, value_name = "INSTANCE", help_heading = "Confirmation")]
    pub confirm: Option<String>,
    /// Refused: say --auto or --confirm INSTANCE.
    #[arg(short = 'y', long, hide = true)]
    pub yes: bool,
}

/// Words that people try, and the command that they mean.
#[must_use]
pub fn near_word(word: &str) -> Option<&'static str> {
    Some(match word {
        "restore" | "fix" | "repair" => "redis-dr recover",
        "status" | "check" | "doctor" => "redis-dr assess",
        "undo" => "redis-dr runs rollback",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
