//! `redis-dr.yaml`: what is under care, how it is served, and what `--auto` may do.
//!
//! Reading is pure: [`Config::from_text`] takes the text, [`lookup`] the environment, [`trust`] the owner and mode, each
//! handed in by the caller. A password is never part of the configuration; see [`Auth`] and [`Secret`].
mod address;
mod error;
mod instance;
mod lookup;
mod pick;
mod secret;
mod trust;
mod validate;

pub use address::{Address, AddressError};
pub use error::ConfigError;
pub use instance::{
    Auth, CommandService, Hook, Hooks, Instance, MaxRecoveries, Objectives, Policy, ProcessService, Replication, Risk,
    Role, Service, Tls, Topology, TopologyWord,
};
pub use lookup::{FILE_NAME, default_file, default_state_dir, lookup};
pub use pick::{Pick, PickError};
pub use secret::Secret;
pub use trust::{Stat, TrustError, trust};

use crate::yaml;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A commented example that parses: what `init` builds on and the docs show.
pub const EXAMPLE: &str = include_str!("example.yaml");

/// The version of the format this program reads.
pub const VERSION: u32 = 1;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The format's version: 1.
    pub version: u32,
    /// Runs, journals, locks and catalog live here; see [`default_state_dir`] where it is left out.
    #[serde(default)]
    pub state_dir: Option<PathBuf>,
    /// Directories of runbooks, looked up before the built-in ones.
    #[serde(default)]
    pub runbooks: Vec<PathBuf>,
    /// Directories of playbooks, looked up before the built-in ones.
    #[serde(default)]
    pub playbooks: Vec<PathBuf>,
    /// Where the operator's backups are, by name.
    #[serde(default)]
    pub stores: BTreeMap<String, Store>,
    /// The servers under care, by name.
    #[serde(default)]
    pub instances: BTreeMap<String, Instance>,
}

/// A place with the operator's backups.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// A directory, local or mounted; absolute.
    pub dir: PathBuf,
}

impl Config {
    /// Reads a configuration. `file` is its name in error texts.
    ///
    /// # Errors
    /// Every mistake found, rendered with the offending lines; passwords in them are masked. Exit code 2.
    pub fn from_text(text: &str, file: &str) -> Result<Self, ConfigError> {
        let fail = |diags| ConfigError::new(diags, file, text);
        let node = yaml::parse(text).map_err(fail)?;
        let (served, mut diags) = validate::unserved(&node);
        diags.extend(yaml::check(&served, &schema(), false, &mut Vec::new()));
        diags.extend(validate::rules(&node));
        if !diags.is_empty() {
            diags.sort_by_key(|d| (d.line, d.column));
            diags.dedup();
            return Err(fail(diags));
        }
        yaml::from_node(&served).map_err(fail)
    }
}

/// The JSON schema of the file, for editors and docs.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Config).to_value()
}

#[cfg(test)]
mod tests;
