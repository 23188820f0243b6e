//! How the server is started, stopped and held: by systemd, by the operator's own commands, or by redis-dr itself.
//!
//! *Held* means that nothing (a restart policy, a reboot, a colleague) starts it until the hold is released: a mark
//! `<data dir>/.redis-dr/held`, which `redis-dr guard` honours, and for a unit a drop-in that makes systemd look for it.

mod drop_in;
mod error;
mod leftover;
mod owner;
mod program;
mod start;
mod stop;
mod unit;

pub use error::ServiceError;
pub use leftover::{leftovers, writer_of};
pub use owner::{Identity, Owner, Supervision, answers_for, in_container, owner_of, servers_in, supervision};
pub use program::{ServerProgram, find_program};
pub use stop::{StopHow, Stopped};
pub use unit::{SystemdUnit, UnitState, find_unit};

use std::path::{Path, PathBuf};

use crate::host::process::{Launched, Limits, Proc, Reins};
use crate::host::{Look, OwnFiles, User};

/// Who starts and stops the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manager {
    /// redis-dr itself, detached.
    Process(OwnProcess),
    /// A systemd unit.
    Systemd(SystemdUnit),
    /// The operator's commands.
    Command(Commands),
}

/// A server that redis-dr starts itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnProcess {
    /// The server program.
    pub program: PathBuf,
    /// Its configuration file.
    pub config_file: PathBuf,
    /// Arguments behind the configuration file.
    pub args: Vec<String>,
    /// Who it runs as; ourselves without it.
    pub user: Option<User>,
    /// Where it starts: a relative `dir` or include in the configuration begins there.
    pub cwd: PathBuf,
    /// The limits its process had, where one was seen.
    pub limits: Option<Limits>,
    /// The redis-dr program itself, called back as `__exec`; `/proc/self/exe` without it.
    pub launcher: Option<PathBuf>,
}

/// Argument lists, never shell strings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commands {
    /// Starts the server.
    pub start: Vec<String>,
    /// Stops it.
    pub stop: Vec<String>,
    /// Exits 0 while it runs; may be empty.
    pub status: Vec<String>,
}

/// What is known of the service at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceState {
    /// The server's process, if it is ours and there.
    pub process: Option<Proc>,
    /// What systemd says of the unit.
    pub unit: Option<UnitState>,
    /// Is it held?
    pub held: bool,
    /// What the status command says: `Some(true)` for exit 0.
    pub status: Option<bool>,
}

/// One instance's service, with the hand that starts and stops it.
#[derive(Debug)]
pub struct Service {
    manager: Manager,
    identity: Identity,
    reins: Reins,
    look: Look,
    /// The last process that we started ourselves.
    launched: Option<Launched>,
    /// When it was last told to start.
    told_to_start: Option<jiff::Timestamp>,
}

/// The directory of redis-dr's own files in a data directory.
const OWN: &str = ".redis-dr";
/// The mark in it.
const HELD: &str = "held";

/// Where the mark of a held service is.
#[must_use]
pub fn held_path(data_dir: &Path) -> PathBuf {
    data_dir.join(OWN).join(HELD)
}

/// Holds an instance of which its directory, and perhaps its unit, is all that is known. See [`Service::hold`].
///
/// # Errors
/// As [`Service::hold`].
pub fn hold(unit: Option<&SystemdUnit>, data_dir: &Path, reins: &Reins, why: &str) -> Result<(), ServiceError> {
    put_mark(data_dir, why)?;
    unit.map_or(Ok(()), |unit| unit.hold(reins, &held_path(data_dir)))
}

/// Lifts the hold of such an instance. See [`Service::release`].
///
/// # Errors
/// As [`Service::release`].
pub fn release(unit: Option<&SystemdUnit>, data_dir: &Path, reins: &Reins) -> Result<(), ServiceError> {
    remove_mark(data_dir)?;
    unit.map_or(Ok(()), |unit| unit.release(reins))
}

fn put_mark(data_dir: &Path, why: &str) -> Result<(), ServiceError> {
    let text = format!("{why}\nHeld by redis-dr. Lift it with: redis-dr hold --release\n");
    Ok(OwnFiles::open_in(data_dir, OWN)?.write(HELD, text.as_bytes())?)
}

fn remove_mark(data_dir: &Path) -> Result<(), ServiceError> {
    if Look::new().lstat_if_there(&held_path(data_dir))?.is_none() {
        return Ok(());
    }
    Ok(OwnFiles::open_in(data_dir, OWN)?.remove(HELD)?)
}

impl Service {
    /// Takes the reins of a service.
    #[must_use]
    pub fn new(manager: Manager, identity: Identity, reins: Reins) -> Self {
        Service { manager, identity, reins, look: Look::new(), launched: None, told_to_start: None }
    }

    /// Who starts and stops it.
    #[must_use]
    pub fn manager(&self) -> &Manager {
        &self.manager
    }

    /// The server's process; `None` when it is down.
    ///
    /// # Errors
    /// The address is held by another program, or /proc can't be read.
    pub fn running(&self) -> Result<Option<Proc>, ServiceError> {
        match owner_of(&self.look, &self.identity)? {
            Owner::Ours(proc) => Ok(Some(*proc)),
            Owner::Other { pid, shown } => Err(ServiceError::HeldByOther { pid, shown }),
            Owner::Hidden => Err(ServiceError::Hidden { address: self.identity.address.to_string() }),
            Owner::Nobody => Ok(self.not_listening_yet()),
        }
    }

    /// A server that we, systemd or the operator's command started a moment ago and that does not listen yet.
    fn not_listening_yet(&self) -> Option<Proc> {
        let ours = self.launched.as_ref().filter(|launched| launched.ended().is_none()).map(|launched| launched.pid);
        let main = || match &self.manager {
            Manager::Systemd(unit) => unit.state(&self.look).ok()?.main_pid,
            _ => None,
        };
        match ours.or_else(main) {
            Some(pid) => self.look.process(pid).filter(|proc| !self.look.gone(proc.id)),
            None => self.gone_to_the_background(),
        }
    }

    /// The server that our start left behind in the background: it works in the data directory, and began since. Before it
    /// listens and writes its pid file a slow disk can hold it up for seconds.
    fn gone_to_the_background(&self) -> Option<Proc> {
        // the time of boot, from which a process' age counts, is known to the second only
        let since = self.told_to_start?.checked_sub(jiff::SignedDuration::from_secs(1)).ok()?;
        let here = servers_in(&self.look, &self.identity.data_dir).ok()?;
        here.into_iter().find(|proc| proc.started_at.is_some_and(|began| began >= since))
    }

    /// What is known of it now. Only looks.
    ///
    /// # Errors
    /// systemctl or the status command can't be run, or /proc can't be read. A stranger on the port is no error here.
    pub fn state(&self) -> Result<ServiceState, ServiceError> {
        let process = match owner_of(&self.look, &self.identity)? {
            Owner::Ours(proc) => Some(*proc),
            _ => None,
        };
        let unit = match &self.manager {
            Manager::Systemd(unit) => Some(unit.state(&self.look)?),
            _ => None,
        };
        let status = match &self.manager {
            Manager::Command(commands) if !commands.status.is_empty() => {
                Some(self.look.ask(&start::command(&commands.status))?.ok())
            }
            _ => None,
        };
        Ok(ServiceState { process, unit, held: self.is_held(), status })
    }

    /// Is it held?
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.look.exists(&held_path(&self.identity.data_dir))
    }

    /// Holds it: nothing starts it any more. `why` goes into the mark, for whoever finds it. May be repeated.
    ///
    /// A server that runs goes on running.
    ///
    /// # Errors
    /// The mark or the drop-in can't be written, or systemd does not take it.
    pub fn hold(&self, why: &str) -> Result<(), ServiceError> {
        hold(self.unit(), &self.identity.data_dir, &self.reins, why)
    }

    /// Lifts the hold, and takes back what was set for a start of ours. Starts nothing. May be repeated.
    ///
    /// # Errors
    /// The mark or the drop-in can't be removed, or systemd does not take it.
    pub fn release(&self) -> Result<(), ServiceError> {
        release(self.unit(), &self.identity.data_dir, &self.reins)
    }

    fn unit(&self) -> Option<&SystemdUnit> {
        match &self.manager {
            Manager::Systemd(unit) => Some(unit),
            _ => None,
        }
    }

    fn put_mark(&self, why: &str) -> Result<(), ServiceError> {
        put_mark(&self.identity.data_dir, why)
    }

    fn remove_mark(&self) -> Result<(), ServiceError> {
        remove_mark(&self.identity.data_dir)
    }
}

/// Would a server that we start ourselves end with us? An error that names the unit we run in, when systemd kills all of
/// it at its end.
#[must_use]
pub fn ends_with_us(look: &Look) -> Option<ServiceError> {
    let unit = look.own_service_unit()?;
    let mode = SystemdUnit::new(&unit).property(look, "KillMode").unwrap_or_default();
    (!matches!(mode.as_str(), "process" | "none")).then_some(ServiceError::DiesWithUs { unit })
}
