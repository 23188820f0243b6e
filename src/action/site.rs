//! Where a plan acts: everything resolved once, shown in the plan, and used by every step.
use crate::facts::{Flavour, LeftOver, Point, RefusedLine, RightsFacts, Seconds, ServiceKind};
use crate::host::Look;
use crate::host::process::{Limits, Reins};
use crate::service::{Commands, Identity, Manager, OwnProcess, Service, SystemdUnit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The resolved paths and settings of an instance. Part of the plan, so that a plan needs no second look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Site {
    /// The instance's name.
    pub instance: String,
    /// Its address, `HOST:PORT` or `unix:PATH`.
    pub address: String,
    /// The main configuration file.
    pub config_file: PathBuf,
    /// The directory of the data files.
    pub data_dir: PathBuf,
    /// The snapshot's path.
    pub rdb: PathBuf,
    /// The AOF's directory (7.0 and newer), else its single file.
    pub aof: PathBuf,
    /// The AOF's name, `appendfilename`.
    pub aof_name: String,
    /// Is the AOF kept in parts (7.0 and newer)?
    pub multi_part: bool,
    /// Is the AOF on in the configuration at the time of planning?
    pub aof_on: bool,
    /// Which family of servers.
    pub flavour: Flavour,
    /// The version of the program that will be started, such as 7.0.15.
    pub version: String,
    /// The program that will be started.
    pub binary: Option<PathBuf>,
    /// How it is started and stopped.
    pub service: ServiceKind,
    /// The unit, where there is one.
    pub unit: Option<String>,
    /// Start, stop and status commands, where the operator gave them.
    pub commands: Option<ServiceCommands>,
    /// The user the server runs as.
    pub run_as: Option<String>,
    /// Settings that the start command fixes; they can't be changed in the file.
    pub overridden: Vec<String>,
    /// Arguments behind the configuration file when the server was last started.
    pub start_args: Vec<String>,
    /// Where the server was started from; relative paths of its configuration start there.
    pub working_dir: Option<PathBuf>,
    /// The limits of the server's process, where one was there and redis-dr starts the next: by their names in
    /// limits.conf(5), in the units of setrlimit(2).
    #[serde(default)]
    pub limits: Option<Limits>,
    /// Where safety copies go.
    pub vault_dir: PathBuf,
    /// The server's log file.
    pub logfile: Option<PathBuf>,
    /// Can clients be fenced off (CONFIG is neither renamed nor denied)?
    pub can_fence: bool,
    /// The owner's data checks.
    #[serde(default)]
    pub data_checks: Option<PathBuf>,
    /// May a write probe be made?
    pub probe: bool,
    /// Did the server answer when the plan was made?
    pub was_answering: bool,
    /// Is the server that runs a stray one of this instance, started with another configuration?
    #[serde(default)]
    pub stray: bool,
    /// Is what the running server holds known to be worth nothing (an empty start)?
    pub memory_worthless: bool,
    /// Half-written files of dead processes in the data directory.
    #[serde(default)]
    pub leftovers: Vec<LeftOver>,
    /// Owner and mode that paths must get, so that the server's user can use them.
    #[serde(default)]
    pub rights: Vec<RightsFacts>,
    /// Lines of the configuration that the server refuses, and that may be left out.
    #[serde(default)]
    pub refused: Vec<RefusedLine>,
    /// The recovery point.
    pub point: Option<Point>,
    /// How long things are expected to take.
    pub estimate: Estimate,
}

/// The operator's own commands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceCommands {
    /// Starts the server.
    pub start: Vec<String>,
    /// Stops it.
    pub stop: Vec<String>,
    /// Exits 0 when it runs.
    pub status: Vec<String>,
}

/// Expected durations; `estimate.load` and its siblings in expressions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Loading the point's data.
    pub load: Seconds,
    /// Writing the AOF anew.
    pub rewrite: Seconds,
    /// Copying the point's bytes.
    pub copy: Seconds,
}

/// The JSON schema of [`Estimate`].
#[must_use]
pub fn estimate_schema() -> serde_json::Value {
    schemars::schema_for!(Estimate).to_value()
}

impl Site {
    /// The service of this site, ready to be driven.
    ///
    /// # Errors
    /// What is missing or wrong in it.
    pub fn service(&self, look: &Look) -> Result<Service, String> {
        let address = self.address.parse().map_err(|e: crate::config::AddressError| e.to_string())?;
        let identity = Identity { address, data_dir: self.data_dir.clone(), pid_file: None };
        let manager = match self.service {
            ServiceKind::Systemd => {
                let unit = self.unit.as_deref().ok_or("the plan names no unit")?;
                Manager::Systemd(SystemdUnit::new(unit))
            }
            ServiceKind::Command => {
                let c = self.commands.clone().ok_or("the plan names no commands")?;
                Manager::Command(Commands { start: c.start, stop: c.stop, status: c.status })
            }
            ServiceKind::Process | ServiceKind::Unknown => Manager::Process(self.own_process(look)?),
        };
        Ok(Service::new(manager, identity, Reins::new()))
    }

    fn own_process(&self, look: &Look) -> Result<OwnProcess, String> {
        let program = self.binary.clone().ok_or("the server program was not found; set bin_dir in the config")?;
        let user = match self.run_as.as_deref() {
            Some(name) if look.is_root() => Some(look.user(name).map_err(|e| e.to_string())?),
            _ => None,
        };
        Ok(OwnProcess {
            program,
            config_file: self.config_file.clone(),
            args: self.start_args.clone(),
            user,
            cwd: self.working_dir.clone().unwrap_or_else(|| PathBuf::from("/")),
            limits: self.limits.clone(),
            launcher: std::env::current_exe().ok(),
        })
    }
}
