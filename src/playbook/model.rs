//! A playbook that has been read and found valid.
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::expr::{Expr, Template};
use crate::facts::{Outcome, Point, PointKind};

/// What is looked at; a playbook names those that its rules need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// The server's process and what runs it.
    Process,
    /// Its listening address.
    Port,
    /// What it answers.
    Server,
    /// Its configuration, and what a start would load.
    Config,
    /// Its data files.
    Files,
    /// The filesystem of the data.
    Disk,
    /// Memory of the host.
    Memory,
    /// Its log.
    Log,
    /// Evidence of replication.
    Replication,
    /// The recovery points.
    Points,
}

/// An end of the tree that is no runbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Nothing has to be done.
    Healthy,
    /// It mends itself; look again.
    Wait,
    /// A person must decide.
    NeedsHuman,
}

impl From<Ending> for Outcome {
    fn from(ending: Ending) -> Outcome {
        match ending {
            Ending::Healthy => Outcome::Healthy,
            Ending::Wait => Outcome::Wait,
            Ending::NeedsHuman => Outcome::NeedsHuman,
        }
    }
}

/// Where a rule leads.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    /// The tree ends.
    Outcome(Ending),
    /// One runbook.
    Runbook {
        /// Its id.
        id: String,
        /// Parameters, each a text or one `${…}`, or a literal.
        with: BTreeMap<String, Given>,
        /// Of which kinds its point may be; none when it takes no point, empty means any.
        kinds: Option<Vec<PointKind>>,
    },
    /// The best point, restored by the runbook of its kind.
    Restore(BTreeMap<PointKind, String>),
    /// The rules of another playbook go on.
    Playbook(Box<Playbook>),
}

/// The value of a parameter in a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// As it is written.
    Literal(serde_json::Value),
    /// Read from the facts.
    Template(Template),
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// When it holds; none is `otherwise`.
    pub when: Option<Expr>,
    /// Why it leads there.
    pub because: Template,
    /// Where it leads.
    pub then: Then,
}

/// A playbook, valid: everything it leads to exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Playbook {
    /// Its id; its file is `<id>.yaml`.
    pub id: String,
    /// The file it was read from.
    pub file: String,
    /// The text it was read from.
    pub text: String,
    /// What it is for.
    pub title: String,
    /// What is looked at.
    pub assess: Vec<Probe>,
    /// In order; the first that holds decides.
    pub rules: Vec<Rule>,
}

impl Rule {
    /// How it is named in a decision: its number from 1 and its condition.
    pub fn name(&self, number: usize) -> String {
        match &self.when {
            Some(expr) => format!("{number}: {}", expr.source()),
            None => format!("{number}: otherwise"),
        }
    }
}

impl Playbook {
    /// The dotted names its rules read, the playbooks it leads to included.
    pub fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for rule in &self.rules {
            names.extend(rule.when.iter().flat_map(Expr::names));
            names.extend(rule.because.names());
            match &rule.then {
                Then::Playbook(inner) => names.extend(inner.names()),
                Then::Runbook { with, .. } => names.extend(with.values().flat_map(|g| match g {
                    Given::Template(t) => t.names(),
                    Given::Literal(_) => BTreeSet::new(),
                })),
                Then::Outcome(_) | Then::Restore(_) => {}
            }
        }
        names
    }

    /// The runbook that restores a point of this kind when a person chooses it: that of the first `restore` rule that
    /// knows the kind, here or in a playbook this one leads to.
    pub fn runbook_for(&self, point: &Point) -> Option<&str> {
        if point.undoes_flush()
            && let Some(id) = self.undoes_flush()
        {
            return Some(id);
        }
        self.rules.iter().find_map(|rule| match &rule.then {
            Then::Restore(map) => map.get(&point.kind).map(String::as_str),
            Then::Playbook(inner) => inner.runbook_for(point),
            Then::Outcome(_) | Then::Runbook { .. } => None,
        })
    }

    /// The runbook of the rule that asks whether the best point undoes a flush.
    fn undoes_flush(&self) -> Option<&str> {
        self.rules.iter().find_map(|rule| match &rule.then {
            Then::Runbook { id, .. } => {
                let asks = rule.when.as_ref().is_some_and(|w| w.names().contains("points.best_undoes_flush"));
                asks.then_some(id.as_str())
            }
            Then::Playbook(inner) => inner.undoes_flush(),
            Then::Outcome(_) | Then::Restore(_) => None,
        })
    }

    /// Every runbook it can end in.
    pub fn runbooks(&self) -> BTreeSet<&str> {
        let mut all = BTreeSet::new();
        for rule in &self.rules {
            match &rule.then {
                Then::Runbook { id, .. } => {
                    all.insert(id.as_str());
                }
                Then::Restore(map) => all.extend(map.values().map(String::as_str)),
                Then::Playbook(inner) => all.extend(inner.runbooks()),
                Then::Outcome(_) => {}
            }
        }
        all
    }
}
