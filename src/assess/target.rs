//! What is assessed: an instance of the config, or an address and what can be found out from it.
use super::Found;
use crate::action::ServiceCommands;
use crate::config::{self, Config, Instance, Secret, Service, TopologyWord};
use crate::facts::{Role, Seconds, ServiceKind, Topology};
use crate::host::Look;
use crate::server::{Endpoint, Tls};
use std::path::{Path, PathBuf};

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
    /// A configuration file of this host that fits, for where neither the process nor the server names one.
    pub likely_config: Option<PathBuf>,
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
    /// The owner's data checks.
    pub data_checks: Option<PathBuf>,
    /// Are its files on this host?
    pub local: bool,
    /// Over which time recoveries by --auto are counted.
    pub recoveries_within: Seconds,
}

impl Target {
    /// An instance of the config. `password` is what its `auth`, the command line or the environment gave; `auth_fixed`
    /// says that it came from `auth`, so that no other is tried.
    #[must_use]
    pub fn of(name: &str, instance: &Instance, config: &Config, password: Option<Secret>, auth_fixed: bool) -> Self {
        let address = instance.address.clone();
        let tls = instance.tls.as_ref().map(|t| Tls { ca: t.ca.clone(), cert: t.cert.clone(), key: t.key.clone() });
        let user = instance.auth.as_ref().and_then(|a| a.user.clone());
        let (service, unit, commands) = match &instance.service {
            None => (ServiceKind::Unknown, None, None),
            Some(Service::Process(_)) => (ServiceKind::Process, None, None),
            Some(Service::Systemd(unit)) => (ServiceKind::Systemd, Some(unit.clone()), None),
            Some(Service::Command(c)) => {
                let commands =
                    ServiceCommands { start: c.start.clone(), stop: c.stop.clone(), status: c.status.clone() };
                (ServiceKind::Command, None, Some(commands))
            }
        };
        let stores =
            instance.stores.iter().filter_map(|store| Some((store.clone(), config.stores.get(store)?.dir.clone())));
        Self {
            auth_fixed,
            // A configured file says where the data is, also behind an address of this host that is not the loopback.
            local: instance.address.is_local() || instance.config_file.is_some(),
            config_file: instance.config_file.clone(),
            service,
            unit,
            commands,
            run_as: instance.run_as.clone(),
            bin_dir: instance.bin_dir.clone(),
            topology: match &instance.topology {
                None => Topology::Unknown,
                Some(config::Topology::Word(TopologyWord::Standalone)) => Topology::Standalone,
                Some(config::Topology::Word(TopologyWord::Cluster)) => Topology::Cluster,
                Some(config::Topology::Replicated(_)) => Topology::Replicated,
            },
            role: match instance.role {
                config::Role::Database => Role::Database,
                config::Role::Cache => Role::Cache,
            },
            vault_dir: instance.vault_dir.clone(),
            stores: stores.collect(),
            rto: instance.objectives.rto,
            rpo: instance.objectives.rpo,
            probe: instance.policy.probe,
            data_checks: instance.data_checks.clone(),
            recoveries_within: instance.policy.max_recoveries.within,
            ..Self::discover(Endpoint { address, tls, user, password })
        }
        .named(name)
    }

    fn named(mut self, name: &str) -> Self {
        self.name = name.to_string();
        self
    }

    /// A server that was found on this host: its files are here, and its unit starts it where systemd runs.
    #[must_use]
    pub fn found(look: &Look, found: &Found, endpoint: Endpoint) -> Self {
        let booted = look.exists(Path::new("/run/systemd/system"));
        let unit = found.unit.clone().filter(|_| booted || found.pid.is_some());
        Self {
            local: true,
            likely_config: found.config_file.clone(),
            service: if unit.is_some() { ServiceKind::Systemd } else { ServiceKind::Unknown },
            unit,
            // What runs tells of itself.
            run_as: found.user.clone().filter(|_| found.pid.is_none()),
            bin_dir: found
                .program
                .as_ref()
                .filter(|_| found.pid.is_none())
                .and_then(|p| Some(p.parent()?.to_path_buf())),
            ..Self::discover(endpoint)
        }
    }

    /// An address and nothing else: the rest is found out.
    #[must_use]
    pub fn discover(endpoint: Endpoint) -> Self {
        let local = endpoint.address.is_local();
        Self {
            name: endpoint.to_string(),
            endpoint,
            auth_fixed: false,
            config_file: None,
            likely_config: None,
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
            data_checks: None,
            local,
            recoveries_within: Seconds(3600.0),
        }
    }
}
