//! What is said about plans in hand.
use super::Format;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `plan show`.
#[derive(Debug, Subcommand)]
pub enum PlanCommand {
    /// Show a plan that was written before.
    #[command(
        after_help = "Examples:\n  redis-dr plan show plan.json\n  redis-dr plan show plan.json --format html -o plan.html\n  redis-dr plan show plan.json --diff old.json"
    )]
    Show {
        /// The plan.
        file: PathBuf,
        /// In which form.
        #[command(flatten)]
        view: PlanView,
        /// Write it to a file (`-` is standard output).
        #[arg(short = 'o', long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// How a plan is looked at.
#[derive(Debug, Clone, Default, Args)]
pub struct PlanView {
    /// For a terminal, a ticket (md), a browser (html) or a program (json).
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Show only what is different from an earlier plan.
    #[arg(long, value_name = "OLD.json")]
    pub diff: Option<PathBuf>,
}
