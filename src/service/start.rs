//! Starting the server. Whether it loads is for the caller to ask the server; here it is made sure that it was started.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::unit::succeeded;
use super::{Manager, OwnProcess, Service, ServiceError, SystemdUnit, UnitState, ends_with_us};
use crate::host::process::{Command as Call, Launch};

/// How long an operator's command may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long our own program may take to become the server.
const UNTIL_SERVER: Duration = Duration::from_millis(200);
/// How long systemd may take until there is a process.
const UNTIL_PROCESS: Duration = Duration::from_secs(20);

/// An operator's command.
pub(super) fn command(argv: &[String]) -> Call {
    Call::new(argv.iter().cloned(), PATIENCE)
}

impl Service {
    /// Starts the server and returns when there is a process, which may still be loading. `load` is how long that is
    /// expected to take: a unit whose TimeoutStartSec is less than twice that gets more, or systemd would end the server
    /// while it loads and start it again, for ever.
    ///
    /// A held service stays held: only this start gets through.
    ///
    /// # Errors
    /// [`ServiceError::NotStarted`] with what is known, also when `systemctl start` was content and nothing was started.
    pub fn start(&mut self, load: Duration) -> Result<(), ServiceError> {
        self.told_to_start = Some(self.look.now());
        match self.manager.clone() {
            Manager::Process(own) => match ends_with_us(&self.look) {
                Some(refusal) => Err(refusal),
                None => self.launch(&own),
            },
            Manager::Systemd(unit) => self.start_unit(&unit, load),
            Manager::Command(commands) => {
                let command = command(&commands.start);
                succeeded(&command, self.reins.run(&command)?).map(|_| ())
            }
        }
    }

    fn launch(&mut self, own: &OwnProcess) -> Result<(), ServiceError> {
        let mut argv = vec![own.program.display().to_string(), own.config_file.display().to_string()];
        argv.extend(own.args.iter().cloned());
        let launcher = own.launcher.clone().unwrap_or_else(|| PathBuf::from("/proc/self/exe"));
        let (user, cwd, limits) = (own.user.clone(), own.cwd.clone(), own.limits.clone());
        let launch = Launch { argv, user, cwd, log: None, limits, launcher };
        let launched = self.reins.launch(launch)?;
        // Until our own program has become the server; what can't even be run ends at once. The load is for the caller.
        let until = Instant::now() + UNTIL_SERVER;
        let is_server = |pid| self.look.process(pid).is_some_and(|proc| proc.is_server());
        while Instant::now() < until && launched.ended().is_none() && !is_server(launched.pid) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.launched = Some(launched);
        self.ended_badly().map_or(Ok(()), |because| Err(ServiceError::NotStarted { because }))
    }

    /// How the process that we started ended, if it did and not well: a server that goes to the background ends well.
    #[must_use]
    pub fn ended_badly(&self) -> Option<String> {
        let status = self.launched.as_ref()?.ended().filter(|status| !status.success())?;
        let Manager::Process(own) = &self.manager else { return None };
        Some(format!("{} ended at once, {status}", own.program.display()))
    }

    fn start_unit(&mut self, unit: &SystemdUnit, load: Duration) -> Result<(), ServiceError> {
        let before = unit.state(&self.look)?;
        if before.load_state != "loaded" {
            return Err(ServiceError::NotStarted { because: format!("{} is {}", unit.name, before.load_state) });
        }
        if before.timeout_start.is_some_and(|timeout| load > timeout / 2) {
            unit.allow_start(&self.reins, load * 5 + Duration::from_secs(60))?;
        }
        // After quick repeated failures systemd refuses until it is told to forget them.
        let _ = unit.tell(&self.reins, &["reset-failed", "--", &unit.name]);
        let held = self.is_held();
        if held {
            self.remove_mark()?;
        }
        // Not waiting: a unit of Type=notify is up for systemd only when all is loaded.
        let told = unit.tell(&self.reins, &["start", "--no-block", "--", &unit.name]);
        let started = told.and_then(|()| self.until_process(unit, &before));
        if held {
            // Again at once: should it crash, nothing starts it in the middle of the work.
            self.put_mark("started by redis-dr, not yet opened")?;
        }
        started
    }

    /// `systemctl start` is content when a condition kept the unit from starting: only a process is proof.
    fn until_process(&self, unit: &SystemdUnit, before: &UnitState) -> Result<(), ServiceError> {
        let deadline = Instant::now() + UNTIL_PROCESS;
        let not = |because: String| Err(ServiceError::NotStarted { because });
        loop {
            let state = unit.state(&self.look)?;
            match state.main_pid {
                Some(_) => return Ok(()),
                None if state.active_state == "failed" => {
                    return not(format!("{} failed: {}", unit.name, state.result));
                }
                // Not the answer of an earlier try: the job may still be in systemd's queue.
                None if state.condition_ok == Some(false) && state.condition_at != before.condition_at => {
                    return not(format!("a condition of {} does not hold (systemctl status {})", unit.name, unit.name));
                }
                None if Instant::now() >= deadline => {
                    return not(format!("{} is {} ({})", unit.name, state.active_state, state.sub_state));
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}
