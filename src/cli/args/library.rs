//! What is said about runbooks and playbooks.
use clap::Subcommand;
use std::path::PathBuf;

/// `runbook …`.
#[derive(Debug, Subcommand)]
pub enum LibraryCommand {
    /// All there are, and where each comes from.
    List,
    /// One of them, as text.
    Show {
        /// Its id.
        id: String,
    },
    /// Check files (or all there are): every error with line and column.
    Lint {
        /// YAML files.
        files: Vec<PathBuf>,
    },
    /// Draw one.
    Graph {
        /// Its id.
        id: String,
        /// Mermaid instead of text.
        #[arg(long)]
        mermaid: bool,
    },
    /// The JSON schema of the files.
    Schema,
}

/// `playbook …`.
#[derive(Debug, Subcommand)]
pub enum PlaybookCommand {
    /// All there are, and where each comes from.
    List,
    /// One of them, as text.
    Show {
        /// Its id.
        id: String,
    },
    /// Check files (or all there are): every error with line and column.
    Lint {
        /// YAML files.
        files: Vec<PathBuf>,
    },
    /// Draw one.
    Graph {
        /// Its id.
        id: String,
        /// Mermaid instead of text.
        #[arg(long)]
        mermaid: bool,
    },
    /// Run test cases: saved facts and the rule that they must lead to.
    Test {
        /// Case files; all built-in cases when left out.
        files: Vec<PathBuf>,
    },
    /// The JSON schema of the files.
    Schema,
}
