//! A systemd unit: what systemd says of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ServiceError;
use crate::host::Look;
use crate::host::process::{Command as Call, Output, Reins};

/// A unit, and where its drop-ins go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemdUnit {
    /// Its name, such as `redis-server.service`.
    pub name: String,
    /// The program that talks to systemd.
    pub systemctl: PathBuf,
    /// Drop-ins that outlive a reboot.
    pub lasting_dir: PathBuf,
    /// Drop-ins until the next reboot.
    pub runtime_dir: PathBuf,
}

/// What systemd says of a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitState {
    /// `loaded`, `not-found`, `masked`, `bad-setting` …
    pub load_state: String,
    /// `active`, `activating`, `inactive`, `failed` …
    pub active_state: String,
    /// `running`, `dead`, `auto-restart`, `start` …
    pub sub_state: String,
    /// Why it ended last: `success`, `exit-code`, `signal`, `timeout`, `oom-kill`, `start-limit-hit` …
    pub result: String,
    /// Automatic restarts since it was last started by hand.
    pub restarts: u64,
    /// Its restart policy: `no`, `on-failure`, `always` …
    pub restart: String,
    /// Its server's process.
    pub main_pid: Option<i32>,
    /// The start command.
    pub exec_start: Vec<String>,
    /// The user it runs as; `None` for root.
    pub user: Option<String>,
    /// Where it is started.
    pub working_dir: Option<PathBuf>,
    /// Its pid file.
    pub pid_file: Option<PathBuf>,
    /// How long a start may take; `None` for ever.
    pub timeout_start: Option<Duration>,
    /// How long a stop may take; `None` for ever.
    pub timeout_stop: Option<Duration>,
    /// Did its conditions hold when it was last to be started?
    pub condition_ok: Option<bool>,
    /// When that was, microseconds since boot.
    pub condition_at: Option<u64>,
    /// When it last went down, microseconds since boot.
    pub down_at: Option<u64>,
    /// When its state last changed, be it from failed to stopped, microseconds since boot.
    pub changed_at: Option<u64>,
    /// `enabled`, `disabled`, `masked` …
    pub unit_file_state: String,
    /// Did somebody stop it (or mask it), rather than that it ended? `None` when systemd does not tell.
    pub stopped_by_hand: Option<bool>,
    /// What ends with it: `control-group`, `process` …
    pub kill_mode: String,
}

impl UnitState {
    /// Does systemd start it over and over?
    #[must_use]
    pub fn restart_loop(&self) -> bool {
        self.sub_state == "auto-restart" || self.result == "start-limit-hit" || self.restarts >= 3
    }
}

/// How long systemctl may take for what does not wait for the server.
const PATIENCE: Duration = Duration::from_secs(20);
/// What is asked for.
const PROPERTIES: &str = "LoadState,ActiveState,SubState,Result,NRestarts,Restart,MainPID,ExecStart,User,\
    WorkingDirectory,PIDFile,TimeoutStartUSec,TimeoutStopUSec,ConditionResult,ConditionTimestampMonotonic,UnitFileState,\
    ExecMainStartTimestampMonotonic,InactiveEnterTimestampMonotonic,StateChangeTimestampMonotonic,KillMode";
/// systemd's id of the message that a unit failed, which carries UNIT_RESULT (systemd's sd-messages.h).
const UNIT_FAILED: &str = "d9b373ed55a64feb8242e02dbe79a49c";
/// How far apart systemd's own note of a failure and the unit's state may be.
const SAME_MOMENT: u64 = 2_000_000;

impl SystemdUnit {
    /// A unit of the system's systemd.
    #[must_use]
    pub fn new(name: &str) -> Self {
        SystemdUnit {
            name: name.to_string(),
            systemctl: PathBuf::from("systemctl"),
            lasting_dir: PathBuf::from("/etc/systemd/system"),
            runtime_dir: PathBuf::from("/run/systemd/system"),
        }
    }

    fn command(&self, words: &[&str]) -> Call {
        let program = self.systemctl.display().to_string();
        let words = words.iter().map(ToString::to_string);
        Call::new(std::iter::once(program).chain(words), PATIENCE)
    }

    /// What systemd says of it now. A unit that is not there has the load state `not-found`.
    ///
    /// # Errors
    /// systemctl can't be run, or reaches no systemd.
    pub fn state(&self, look: &Look) -> Result<UnitState, ServiceError> {
        let command = self.command(&["show", "--property", PROPERTIES, "--", &self.name]);
        let output = look.ask(&command)?;
        Ok(read_state(&succeeded(&command, output)?.text()))
    }

    /// Why it ended last, such as `timeout` or `oom-kill`. Once it is started again automatically its state says `success`;
    /// what the journal says of the same moment counts then, where it may be read.
    #[must_use]
    pub fn ended_by(&self, look: &Look, state: &UnitState) -> String {
        let forgotten = state.result == "success" && state.restarts > 0;
        let noted = || self.last_failure(look, state.down_at?);
        forgotten.then(noted).flatten().unwrap_or_else(|| state.result.clone())
    }

    /// The result of a failure that systemd noted in its journal at this moment.
    fn last_failure(&self, look: &Look, down_at: u64) -> Option<String> {
        let words = ["journalctl", "--quiet", "--no-pager", "--boot", "--lines=1", "--output=json"];
        let matches = [format!("UNIT={}", self.name), format!("MESSAGE_ID={UNIT_FAILED}")];
        let call = Call::new(words.iter().map(ToString::to_string).chain(matches), PATIENCE);
        let output = look.ask(&call).ok().filter(Output::ok)?;
        let entry: serde_json::Value = serde_json::from_str(output.text().trim()).ok()?;
        let at: u64 = entry.get("__MONOTONIC_TIMESTAMP")?.as_str()?.parse().ok()?;
        (at.abs_diff(down_at) < SAME_MOMENT).then(|| entry.get("UNIT_RESULT")?.as_str().map(str::to_string))?
    }

    /// One property, as systemctl prints it.
    #[must_use]
    pub fn property(&self, look: &Look, name: &str) -> Option<String> {
        let output = look.ask(&self.command(&["show", "--value", "--property", name, "--", &self.name])).ok()?;
        output.ok().then(|| output.text().trim().to_string())
    }

    /// Tells systemctl to do something and waits for it (not for the server).
    pub(super) fn tell(&self, reins: &Reins, words: &[&str]) -> Result<(), ServiceError> {
        let command = self.command(words);
        let output = reins.run(&command)?;
        succeeded(&command, output).map(|_| ())
    }
}

pub(super) fn succeeded(command: &Call, output: Output) -> Result<Output, ServiceError> {
    if output.ok() {
        return Ok(output);
    }
    Err(ServiceError::Command { command: command.shown(), because: output.complaint() })
}

/// The unit whose start command names this configuration file, of those that are usual; for a server that is down.
#[must_use]
pub fn find_unit(look: &Look, config_file: &Path) -> Option<String> {
    let wanted = config_file.display().to_string();
    ["redis-server", "redis", "valkey-server", "valkey", "redict", "redict-server"].iter().find_map(|name| {
        let unit = SystemdUnit::new(&format!("{name}.service"));
        let state = unit.state(look).ok()?;
        (state.load_state == "loaded" && state.exec_start.contains(&wanted)).then_some(unit.name)
    })
}

fn read_state(text: &str) -> UnitState {
    let fields: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let get = |name: &str| fields.get(name).copied().unwrap_or("");
    let text = |name: &str| get(name).to_string();
    let some = |name: &str| Some(get(name)).filter(|value| !value.is_empty() && *value != "[not set]");
    let known = |name: &str| get(name).parse::<u64>().ok().filter(|at| *at > 0);
    UnitState {
        load_state: text("LoadState"),
        active_state: text("ActiveState"),
        sub_state: text("SubState"),
        result: text("Result"),
        restarts: get("NRestarts").parse().unwrap_or(0),
        restart: text("Restart"),
        main_pid: get("MainPID").parse().ok().filter(|pid| *pid > 0),
        exec_start: exec_argv(get("ExecStart")),
        user: some("User").map(str::to_string),
        working_dir: some("WorkingDirectory").map(|dir| PathBuf::from(dir.trim_start_matches('!'))),
        pid_file: some("PIDFile").map(PathBuf::from),
        timeout_start: span(get("TimeoutStartUSec")),
        timeout_stop: span(get("TimeoutStopUSec")),
        condition_at: known("ConditionTimestampMonotonic"),
        // Before the first start it says "no" as well.
        condition_ok: known("ConditionTimestampMonotonic").map(|_| get("ConditionResult") == "yes"),
        down_at: known("InactiveEnterTimestampMonotonic"),
        changed_at: known("StateChangeTimestampMonotonic"),
        unit_file_state: text("UnitFileState"),
        stopped_by_hand: match get("LoadState") {
            "masked" => Some(true),
            _ => by_hand(get("ActiveState"), get("Result"), known("ExecMainStartTimestampMonotonic").is_some()),
        },
        kill_mode: text("KillMode"),
    }
}

/// A unit that ran since boot, is inactive and has no failure was stopped, or its server was told to shut down.
fn by_hand(active: &str, result: &str, ran: bool) -> Option<bool> {
    match (active, result) {
        ("inactive", "success") if ran => Some(true),
        ("inactive", _) if !ran => None,
        ("inactive" | "failed" | "active" | "activating" | "deactivating" | "reloading", _) => Some(false),
        _ => None,
    }
}

/// The arguments in `{ path=/usr/bin/redis-server ; argv[]=/usr/bin/redis-server /etc/x.conf ; ignore_errors=no ; … }`.
fn exec_argv(text: &str) -> Vec<String> {
    let argv = text.split_once("argv[]=").map_or("", |(_, rest)| rest);
    let argv = argv.split_once(" ; ").map_or(argv, |(argv, _)| argv);
    argv.split_whitespace().map(|word| word.trim_matches('"').to_string()).collect()
}

/// Reads a time span such as `1min 30s`; `None` for `infinity` (and for what is not understood).
fn span(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    for word in text.split_whitespace() {
        let digits = word.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = word[..digits].parse().ok()?;
        let unit = match &word[digits..] {
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            _ => return None,
        };
        total += Duration::try_from_secs_f64(number * unit).ok()?;
    }
    (!text.trim().is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debians_unit_is_read() {
        let state = read_state(
            "Restart=always\nTimeoutStartUSec=1min 30s\nTimeoutStopUSec=infinity\nExecStart={ path=/usr/bin/redis-server ; \
             argv[]=/usr/bin/redis-server /etc/redis/redis.conf --supervised systemd --daemonize no ; ignore_errors=no ; \
             start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }\nUser=redis\nMainPID=0\nResult=success\n\
             NRestarts=0\nLoadState=loaded\nActiveState=inactive\nSubState=dead\nConditionResult=no\n\
             ConditionTimestampMonotonic=77\nExecMainStartTimestampMonotonic=5\nWorkingDirectory=\nKillMode=control-group\n",
        );
        assert_eq!(state.timeout_start, Some(Duration::from_secs(90)));
        assert_eq!(state.timeout_stop, None);
        assert_eq!(state.exec_start[1], "/etc/redis/redis.conf");
        assert_eq!(state.exec_start.len(), 6);
        assert_eq!((state.main_pid, state.working_dir.as_ref()), (None, None));
        assert_eq!(state.stopped_by_hand, Some(true));
        assert_eq!(state.condition_ok, Some(false));
        assert!(!state.restart_loop());
    }

    #[test]
    fn who_stopped_it() {
        let masked = read_state("LoadState=masked\nActiveState=inactive\nExecMainStartTimestampMonotonic=0\n");
        assert_eq!(masked.stopped_by_hand, Some(true));
        assert_eq!(by_hand("inactive", "success", false), None);
        assert_eq!(by_hand("failed", "exit-code", true), Some(false));
        assert_eq!(by_hand("activating", "success", true), Some(false));
        assert_eq!(by_hand("", "", false), None);
        assert_eq!(span("1h 2min 3.500s"), Some(Duration::from_millis(3_723_500)));
    }
}
