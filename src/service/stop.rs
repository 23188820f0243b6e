//! Stopping the server, without that it writes its memory over the files.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::unit::succeeded;
use super::{Manager, Service, ServiceError, start};
use crate::host::process::{Proc, wait_gone};
use crate::server::{Endpoint, Server, ServerError};

/// How the server is to be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopHow {
    /// No file is written over by what is in memory.
    NoSave,
    /// As its configuration says: it saves if it has save points.
    AsConfigured,
    /// SIGKILL. For a server that hangs; what it had not written is lost.
    Kill,
}

/// How it was stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was down already.
    WasDown,
    /// By this process id, in this way.
    Stopped {
        /// The process that ended.
        pid: i32,
        /// `SHUTDOWN NOSAVE`, `SIGTERM`, `SIGKILL`, or the operator's command.
        by: &'static str,
    },
}

/// How long single questions to the server may take.
const QUESTION: Duration = Duration::from_secs(2);

impl Service {
    /// Stops the server and waits until it is gone, at most `timeout`; `tick` is called while it waits.
    ///
    /// Hold the service first: what restarts it would do so at once. A unit is stopped also when no process is there, so
    /// that systemd's next try does not come.
    ///
    /// # Errors
    /// [`ServiceError::WouldSave`] when `NoSave` can't be had: nothing was done then. `StillThere`, `CameBack`. Another
    /// program on the address is never signalled.
    pub fn stop(
        &mut self,
        how: StopHow,
        endpoint: &Endpoint,
        timeout: Duration,
        tick: &mut dyn FnMut(),
    ) -> Result<Stopped, ServiceError> {
        let deadline = Instant::now() + timeout;
        let Some(proc) = self.running()? else {
            self.settle_unit()?;
            return Ok(Stopped::WasDown);
        };
        if proc.state == 'T' {
            // Stopped by a signal it would answer nothing, and keep all of them waiting.
            self.reins.signal(proc.id, Signal::SIGCONT)?;
        }
        let by = match how {
            StopHow::NoSave => self.without_saving(&proc, endpoint, deadline)?,
            StopHow::AsConfigured => self.ask_to_end(&proc)?,
            StopHow::Kill => {
                self.reins.signal(proc.id, Signal::SIGKILL)?;
                "SIGKILL"
            }
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if !wait_gone(&self.look, proc.id, left, tick) {
            return Err(ServiceError::StillThere { pid: proc.pid(), after: timeout });
        }
        self.launched = None;
        self.told_to_start = None;
        if how == StopHow::Kill {
            self.tell_commands_to_stop()?;
        }
        self.settle_unit()?;
        match self.running()? {
            Some(new) => Err(ServiceError::CameBack { pid: new.pid() }),
            None => Ok(Stopped::Stopped { pid: proc.pid(), by }),
        }
    }

    /// Continues a server that a signal stopped; one that runs is left alone. Was it stopped?
    ///
    /// # Errors
    /// The address is held by another program, or the system refuses the signal.
    pub fn resume(&self) -> Result<bool, ServiceError> {
        let stopped = self.running()?.filter(|proc| proc.state == 'T');
        if let Some(proc) = &stopped {
            self.reins.signal(proc.id, Signal::SIGCONT)?;
        }
        Ok(stopped.is_some())
    }

    /// SHUTDOWN NOSAVE; where that is refused, or somebody's supervisor has to do it, saving is switched off first.
    fn without_saving(
        &self,
        proc: &Proc,
        endpoint: &Endpoint,
        deadline: Instant,
    ) -> Result<&'static str, ServiceError> {
        let closed = |error: &ServerError| ServiceError::WouldSave { because: error.to_string() };
        let mut server = Server::connect(endpoint, QUESTION).map_err(|error| closed(&error))?;
        if matches!(self.manager, Manager::Command(_)) {
            switch_saving_off(&mut server).map_err(|error| closed(&error))?;
            return self.ask_to_end(proc);
        }
        // It waits for slow replicas (shutdown-timeout, 10 s); no answer by then is no refusal.
        server.set_timeout(deadline.saturating_duration_since(Instant::now()).clamp(QUESTION, Duration::from_secs(20)));
        match server.shutdown_nosave() {
            Ok(()) | Err(ServerError::Timeout { .. }) => Ok("SHUTDOWN NOSAVE"),
            Err(refusal) => {
                let mut server = Server::connect(endpoint, QUESTION).map_err(|error| closed(&error))?;
                switch_saving_off(&mut server).map_err(|_| closed(&refusal))?;
                self.ask_to_end(proc)
            }
        }
    }

    /// The ordinary way: systemd, the operator's command, or SIGTERM.
    fn ask_to_end(&self, proc: &Proc) -> Result<&'static str, ServiceError> {
        match &self.manager {
            Manager::Systemd(unit) => {
                unit.tell(&self.reins, &["stop", "--no-block", "--", &unit.name])?;
                Ok("systemctl stop")
            }
            Manager::Command(_) => {
                self.tell_commands_to_stop()?;
                Ok("the stop command")
            }
            Manager::Process(_) => {
                self.reins.signal(proc.id, Signal::SIGTERM)?;
                Ok("SIGTERM")
            }
        }
    }

    /// Runs the operator's stop command, if that is how it is stopped.
    fn tell_commands_to_stop(&self) -> Result<(), ServiceError> {
        let Manager::Command(commands) = &self.manager else {
            return Ok(());
        };
        let command = start::command(&commands.stop);
        succeeded(&command, self.reins.run(&command)?).map(|_| ())
    }

    /// Brings a unit to rest: no further automatic start.
    fn settle_unit(&self) -> Result<(), ServiceError> {
        let Manager::Systemd(unit) = &self.manager else {
            return Ok(());
        };
        unit.tell(&self.reins, &["stop", "--no-block", "--", &unit.name])?;
        let _ = unit.tell(&self.reins, &["reset-failed", "--", &unit.name]);
        Ok(())
    }
}

/// So that SIGTERM ends it without a save. Only its memory is told, no file.
fn switch_saving_off(server: &mut Server) -> Result<(), ServerError> {
    server.config_set("save", "")?;
    // 7.0 and newer; an owner's `shutdown-on-sigterm save` would save all the same.
    match server.config_set("shutdown-on-sigterm", "nosave") {
        Err(ServerError::Answer { .. }) | Ok(()) => Ok(()),
        Err(error) => Err(error),
    }
}
