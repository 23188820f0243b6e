//! One server under care.
use super::Address;
use crate::facts::Seconds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One server under care.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Where it listens: `HOST:PORT` or `unix:PATH`.
    pub address: Address,
    /// TLS for that address; plain when left out.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// How to log in. If set, nothing else is tried.
    #[serde(default)]
    pub auth: Option<Auth>,
    /// The server's own configuration file; includes are followed, and the data directory and file names are read from it.
    #[serde(default)]
    pub config_file: Option<PathBuf>,
    /// Who starts and stops it; discovered when left out.
    #[serde(default)]
    pub service: Option<Service>,
    /// The user the server runs as; the unit's user, or the owner of the data directory, when left out.
    #[serde(default)]
    pub run_as: Option<String>,
    /// Where `redis-server` or `valkey-server` is.
    #[serde(default)]
    pub bin_dir: Option<PathBuf>,
    /// What it is part of; unknown when left out.
    #[serde(default)]
    pub topology: Option<Topology>,
    /// Database, or cache: then persistence findings weigh less.
    #[serde(default)]
    pub role: Role,
    /// Where the safety copies go; the state directory if it is on the data directory's filesystem, else
    /// `<data dir>/.redis-dr`, when left out.
    #[serde(default)]
    pub vault_dir: Option<PathBuf>,
    /// The stores that hold its backups, by name.
    #[serde(default)]
    pub stores: Vec<String>,
    /// The recovery objectives.
    #[serde(default)]
    pub objectives: Objectives,
    /// What `--auto` may do.
    #[serde(default)]
    pub policy: Policy,
    /// The owner's own data checks.
    #[serde(default)]
    pub data_checks: Option<PathBuf>,
    /// Whom to call; printed on exits 3, 4 and 7.
    #[serde(default)]
    pub contact: Option<String>,
    /// Programs told about findings and runs.
    #[serde(default)]
    pub hooks: Hooks,
}

impl Instance {
    /// An instance of which only the address is known; everything else is discovered or has its default.
    #[must_use]
    pub fn at(address: Address) -> Self {
        Self {
            address,
            tls: None,
            auth: None,
            config_file: None,
            service: None,
            run_as: None,
            bin_dir: None,
            topology: None,
            role: Role::default(),
            vault_dir: None,
            stores: Vec::new(),
            objectives: Objectives::default(),
            policy: Policy::default(),
            data_checks: None,
            contact: None,
            hooks: Hooks::default(),
        }
    }
}

/// TLS files; absolute paths.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate authority that signed the server's certificate.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Our certificate, where the server asks for one; with `key`.
    #[serde(default)]
    pub cert: Option<PathBuf>,
    /// The key of our certificate.
    #[serde(default)]
    pub key: Option<PathBuf>,
}

/// How to log in. Exactly one of `password_file` and `password_env`; a password itself is never written here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// The ACL user; the default user when left out.
    #[serde(default)]
    pub user: Option<String>,
    /// A file whose bytes, less one final newline, are the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// An environment variable that holds the password.
    #[serde(default)]
    pub password_env: Option<String>,
}

/// Who starts and stops the server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// A systemd unit, such as `redis-server.service`.
    Systemd(String),
    /// redis-dr itself, detached.
    Process(ProcessService),
    /// Three commands of the operator.
    Command(CommandService),
}

/// No settings: `process: {}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessService {}

/// Argument lists, never shell strings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandService {
    /// Starts the server.
    pub start: Vec<String>,
    /// Stops it.
    pub stop: Vec<String>,
    /// Exits 0 while it runs.
    pub status: Vec<String>,
}

/// What the instance is part of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Topology {
    /// `standalone` or `cluster`.
    Word(TopologyWord),
    /// A primary with replicas, maybe under Sentinel.
    Replicated(Replication),
}

/// The topologies that need no detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TopologyWord {
    /// Alone: no replica, no Sentinel, no Cluster.
    Standalone,
    /// A node of a Cluster.
    Cluster,
}

/// A primary and what surrounds it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replication {
    /// The replicas.
    #[serde(default)]
    pub replicas: Vec<Address>,
    /// The Sentinels that watch it.
    #[serde(default)]
    pub sentinels: Vec<Address>,
    /// The name under which they watch it.
    #[serde(default)]
    pub master_name: Option<String>,
}

/// What the data is to its owner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The only home of its data.
    #[default]
    Database,
    /// Can be filled again: persistence findings weigh less.
    Cache,
}

/// The recovery objectives; unknown where left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Objectives {
    /// Time to recovery.
    #[serde(default)]
    pub rto: Option<Seconds>,
    /// Data-loss window.
    #[serde(default)]
    pub rpo: Option<Seconds>,
}

/// How much harm a runbook could do, as it declares: `low < medium < high`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Starts what is intact.
    #[default]
    Low,
    /// Changes files or settings that can be put back.
    Medium,
    /// Replaces data.
    High,
}

impl std::fmt::Display for Risk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        })
    }
}

/// What `--auto` may do. Left out it may restart an instance whose files are intact and would load completely, no more.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The highest risk of a runbook it may carry out.
    pub max_risk: Risk,
    /// The most data it may lose, in time.
    pub max_loss: Seconds,
    /// How often it may act.
    pub max_recoveries: MaxRecoveries,
    /// May a key be written, read and deleted to prove that writes work?
    pub probe: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { max_risk: Risk::Low, max_loss: Seconds(0.0), max_recoveries: MaxRecoveries::default(), probe: true }
    }
}

/// How often `--auto` may carry out a run that changes something.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MaxRecoveries {
    /// So many runs.
    pub count: u32,
    /// In so long a time.
    pub within: Seconds,
}

impl Default for MaxRecoveries {
    fn default() -> Self {
        Self { count: 3, within: Seconds(3600.0) }
    }
}

/// Programs told what happens; the JSON document is on their standard input.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Hooks {
    /// After an assessment that found something.
    pub on_finding: Option<Hook>,
    /// Before a run changes anything.
    pub on_start: Option<Hook>,
    /// When a run has ended, however it ended.
    pub on_end: Option<Hook>,
}

/// One program.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// An argument list, never a shell string.
    pub run: Vec<String>,
    /// How long it may take.
    #[serde(default = "ten_seconds")]
    pub timeout: Seconds,
    /// Does its failure stop a run? Otherwise it is only noted.
    #[serde(default)]
    pub required: bool,
}

fn ten_seconds() -> Seconds {
    Seconds(10.0)
}
