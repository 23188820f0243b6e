//! Playbooks: what to look at, and the decision tree over what was seen. Pure.
//!
//! [`load`] reads and checks one: every name and type, every runbook it ends in with the parameters and kinds of points
//! that one takes, and that every rule can be reached. [`decide`] walks the rules in order: the first that holds decides;
//! one that comes out unknown stops the tree, unless a person answered it ([`Choice::answers`]).
//!
//! # Cases
//! `redis-dr playbook test` holds a playbook against cases, each a small change to a healthy instance ([`cases`]):
//!
//! ```yaml
//! version: 1
//! playbook: triage
//! cases:
//!   - name: killed, the AOF is torn at its end
//!     facts: { server.answers: false, process.state: down, files.aof.state: truncated }
//!     findings: [server.not_running, files.aof_truncated]
//!     points:
//!       - { id: aof, kind: aof-cut, valid: repairable }
//!     expect: { rule: points.usable, runbook: repair-aof, point: aof }
//! ```
mod baseline;
mod case;
mod decide;
mod grammar;
mod graph;
mod load;
mod model;
mod reach;

pub use case::{Case, CaseResult, cases, run_case};
pub use decide::{Choice, decide, open_question};
pub use grammar::{case_schema, schema};
pub use load::{Shelves, load};
pub use model::{Ending, Playbook, Probe, Rule, Then};

use crate::runbook::Source;

/// The built-in playbooks, by id.
pub fn builtin() -> Vec<Source> {
    crate::runbook::compiled_in(&DIR)
}

/// The built-in cases of `redis-dr playbook test`, one source per file of `playbooks/tests`.
pub fn builtin_cases() -> Vec<Source> {
    DIR.get_dir("tests").map(crate::runbook::compiled_in).unwrap_or_default()
}

/// The built-in scenarios of `redis-dr drill`, one source per file of `playbooks/drills`.
pub fn builtin_drills() -> Vec<Source> {
    DIR.get_dir("drills").map(crate::runbook::compiled_in).unwrap_or_default()
}

static DIR: include_dir::Dir<'_> = include_dir::include_dir!("$CARGO_MANIFEST_DIR/playbooks");

#[cfg(test)]
mod tests;
