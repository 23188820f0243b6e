//! What is assessed: an instance of the config, or an address and what can be found out from it.
use crate::action::ServiceCommands;
use crate::facts::{Role, Seconds, ServiceKind, Topology};
use crate::server::Endpoint;
use std::path::PathBuf;

/// An instance under care, as far as it is known before anybody has looked.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its name in the config, or its address.
    pub name: String,
    /// Where it listens and how to be let in.
    pub endpoint: Endpoint,
    /// Are these credentials the operator's own, so that no others are tried?
    pub auth_fixed: bool,
    /// Its configuration file; found out from the process where it is not given.
    pub config_file: Option<PathBuf>,
    /// How it is started and stopped; [`ServiceKind::Unknown`] where the config does not say.
    pub service: ServiceKind,
    /// The unit, where there is one.
    pub unit: Option<String>,
    /// The operator's own commands.
    pub commands: Option<ServiceCommands>,
    /// The user it runs as.
    pub run_as: Option<String>,
    /// Where the server program is.
    pub bin_dir: Option<PathBuf>,
    /// What the config says about replication.
    pub topology: Topology,
    /// Database or cache.
    pub role: Role,
    /// Where safety copies go, where the config says so.
    pub vault_dir: Option<PathBuf>,
    /// Names and directories of its stores.
    pub stores: Vec<(String, PathBuf)>,
    /// The objective for the time to recovery.
    pub rto: Option<Seconds>,
    /// The objective for the loss of data.
    pub rpo: Option<Seconds>,
    /// May a write probe be made?
    pub probe: bool,
    /// Are its files on this host?
    pub local: bool,
    /// Over which time recoveries by --auto are counted.
    pub recoveries_within: Seconds,
}

impl Target {
    /// An address and nothing else: the rest is found out.
    #[must_use]
    pub fn discover(endpoint: Endpoint) -> Self {
        let local = match &endpoint.address {
            crate::server::Address::Unix(_) => true,
            crate::server::Address::Tcp(host, _) => is_this_host(host),
        };
        Self {
            name: endpoint.to_string(),
            endpoint,
            auth_fixed: false,
            config_file: None,
            service: ServiceKind::Unknown,
            unit: None,
            commands: None,
            run_as: None,
            bin_dir: None,
            topology: Topology::Unknown,
            role: Role::Database,
            vault_dir: None,
            stores: vec![],
            rto: None,
            rpo: None,
            probe: true,
            local,
            recoveries_within: Seconds(3600.0),
        }
    }
}

/// Is this the loopback? Other addresses of this host need a config that says where the files are.
fn is_this_host(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
}
