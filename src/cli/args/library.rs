//! What is said about runbooks and playbooks.
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `runbook …`.
#[derive(Debug, Subcommand)]
pub enum LibraryCommand {
    /// All there are, and where each comes from.
    #[command(after_help = "Examples:\n  redis-dr runbook list")]
    List,
    /// One of them, as text.
    #[command(after_help = "Examples:\n  redis-dr runbook show restore-rdb")]
    Show {
        /// Its id, or a file.
        id: String,
    },
    /// Check files (or all there are): every error with line and column.
    #[command(
        after_help = "Examples:\n  redis-dr runbook lint my-runbook.yaml\n  redis-dr runbook lint               all there are"
    )]
    Lint {
        /// YAML files.
        files: Vec<PathBuf>,
    },
    /// Draw one.
    #[command(
        after_help = "Examples:\n  redis-dr runbook graph restore-rdb\n  redis-dr runbook graph restore-rdb --mermaid\n  redis-dr runbook graph restore-rdb --dot > restore-rdb.dot     for Graphviz"
    )]
    Graph {
        /// Its id, or a file.
        id: String,
        /// In which form.
        #[command(flatten)]
        drawn: Drawn,
    },
    /// The JSON schema of the files.
    #[command(after_help = "Examples:\n  redis-dr runbook schema > runbook.schema.json")]
    Schema,
}

/// `playbook …`.
#[derive(Debug, Subcommand)]
pub enum PlaybookCommand {
    /// All there are, and where each comes from.
    #[command(after_help = "Examples:\n  redis-dr playbook list")]
    List,
    /// One of them, as text.
    #[command(after_help = "Examples:\n  redis-dr playbook show triage")]
    Show {
        /// Its id, or a file.
        id: String,
    },
    /// Check files (or all there are): every error with line and column.
    #[command(
        after_help = "Examples:\n  redis-dr playbook lint my-playbook.yaml\n  redis-dr playbook lint               all there are"
    )]
    Lint {
        /// YAML files.
        files: Vec<PathBuf>,
    },
    /// Draw one.
    #[command(
        after_help = "Examples:\n  redis-dr playbook graph triage\n  redis-dr playbook graph triage --mermaid\n  redis-dr playbook graph triage --dot > triage.dot     for Graphviz"
    )]
    Graph {
        /// Its id, or a file.
        id: String,
        /// In which form.
        #[command(flatten)]
        drawn: Drawn,
    },
    /// Run test cases: saved facts and the rule that they must lead to.
    #[command(
        after_help = "Examples:\n  redis-dr playbook test             all built-in cases\n  redis-dr playbook test my-cases.yaml"
    )]
    Test {
        /// Case files; all built-in cases when left out.
        files: Vec<PathBuf>,
    },
    /// The JSON schema of the files.
    #[command(after_help = "Examples:\n  redis-dr playbook schema > playbook.schema.json")]
    Schema,
}

/// How a graph is drawn; as text without either.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Drawn {
    /// Mermaid instead of text.
    #[arg(long, conflicts_with = "dot")]
    pub mermaid: bool,
    /// DOT, for Graphviz, instead of text.
    #[arg(long)]
    pub dot: bool,
}
