//! Whose process is it: ours, a stranger's, or nobody's.
use super::answer::Answer;
use super::assessor::printable;
use super::{Seen, Target, process, settings};
use crate::config::Address;
use crate::facts::{ConfigFacts, Facts, PersistenceFacts, ProcessState, ServerFacts, ServiceKind, Time};
use crate::host::Look;
use crate::host::process::{Listener, Proc};
use crate::service::{Supervision, supervision};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Servers of this host, who listens on the address, and which of them is this instance.
#[derive(Debug, Default)]
pub struct Whose {
    servers: Vec<Proc>,
    listeners: Vec<Listener>,
    holders: Vec<Proc>,
    ours: Option<Proc>,
    held_by_other: bool,
    stray: bool,
}

/// How often a server on its way out is looked at again, and how long apart.
const LEAVING: (u32, Duration) = (20, Duration::from_millis(10));

/// Who listens on the address. A process that ends gives up its arguments first and its sockets then: while it is at that,
/// it would be taken for a stranger, so it is looked at again. Without root's rights others' sockets never have a holder.
fn listening(look: &Look, address: &Address) -> (Vec<Listener>, Vec<Proc>) {
    let once = || {
        let listeners = process::listeners(look, address);
        let holders: Vec<Proc> = listeners.iter().filter_map(|l| look.process(l.pid?)).collect();
        (listeners, holders)
    };
    let mut seen = once();
    for _ in 0..LEAVING.0 {
        let hidden = look.is_root() && seen.1.len() < seen.0.len();
        if !hidden && !seen.1.iter().any(Proc::is_leaving) {
            break;
        }
        std::thread::sleep(LEAVING.1);
        seen = once();
    }
    seen
}

/// Reads the process table.
#[must_use]
pub fn table(look: &Look, address: &Address) -> Whose {
    let (listeners, holders) = listening(look, address);
    let servers: Vec<Proc> =
        look.servers().unwrap_or_default().into_iter().filter(|p| !matches!(p.state, 'Z' | 'X')).collect();
    let ours = holders.iter().find(|p| p.is_server()).cloned();
    Whose { servers, listeners, holders, ours, held_by_other: false, stray: false }
}

impl Whose {
    /// The running program, where its path is known.
    #[must_use]
    pub fn program(&self) -> Option<PathBuf> {
        process::program(self.ours.as_ref()?)
    }

    /// The unit of the running server.
    #[must_use]
    pub fn unit(&self, look: &Look) -> Option<String> {
        match supervision(look, self.ours.as_ref()?) {
            Supervision::Unit(unit) => Some(unit),
            _ => None,
        }
    }

    /// The directory the running server works in: its data's.
    #[must_use]
    pub fn works_in(&self) -> Option<PathBuf> {
        self.ours.as_ref()?.cwd.clone()
    }

    /// Does nobody listen?
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.listeners.is_empty()
    }

    /// The configuration file of the command line.
    #[must_use]
    pub fn config_file(&self) -> Option<PathBuf> {
        let ours = self.ours.as_ref().filter(|p| !process::wrote_title(p))?;
        let file = ours.cmdline.get(1).filter(|word| !word.starts_with('-'))?;
        Path::new(file).is_absolute().then(|| PathBuf::from(file))
    }

    /// The command line, where it still is one and names this file.
    #[must_use]
    pub fn arguments(&self, file: Option<&Path>) -> Option<Vec<String>> {
        let ours = self.ours.as_ref().filter(|p| !process::wrote_title(p) && p.cmdline.len() > 1)?;
        (ours.cmdline.get(1).map(Path::new) == file).then(|| process::arguments(ours))
    }

    /// Decides whose process listens, now that the configuration is known.
    ///
    /// A server on the address is another's when its directory is not the configured one and it was not started with
    /// the configured file. A process named by the pid file is ours when its working directory is the data directory.
    pub fn judge(&mut self, look: &Look, config: &ConfigFacts, answer: &Answer, seen: &mut Seen) {
        let dir = config.data_dir.as_deref();
        let in_dir =
            |p: &Proc| p.cwd.as_ref().zip(dir).map(|(cwd, dir)| settings::same_path(look, &cwd.to_string_lossy(), dir));
        if let Some(ours) = &self.ours {
            let told = answer.info.as_ref().and_then(|i| i.get("config_file")).filter(|f| !f.is_empty());
            let same_file = told.zip(config.file.as_deref()).map(|(a, b)| settings::same_path(look, a, b));
            let stranger = match (same_file, in_dir(ours)) {
                (Some(true), _) | (_, Some(true) | None) => false,
                // No configured file: whatever listens there is what was asked for.
                _ => config.file.is_some(),
            };
            if stranger {
                let named = config.pidfile.as_deref().and_then(|f| look.read_text(Path::new(f), 64).ok());
                let by_pid_file = named.and_then(|text| text.trim().parse().ok()) == Some(ours.pid());
                let by_command = ours.cmdline.get(1).is_some_and(|word| Some(word.as_str()) == config.file.as_deref());
                self.stray = by_pid_file || by_command;
                let cwd = ours
                    .cwd
                    .as_ref()
                    .map_or_else(|| "an unknown directory".into(), |d| printable(&d.to_string_lossy()));
                seen.notes.push(format!("it is a server of its own, with {cwd} as its directory"));
                self.ours = None;
                self.held_by_other = true;
            }
        } else if !self.listeners.is_empty() {
            let redis = answer.is_redis();
            // A listener that can't be seen (another user's), and speaks as a Redis, is taken for ours.
            self.held_by_other = !self.holders.is_empty() || redis != Some(true);
            if self.holders.is_empty() && redis.is_none() {
                seen.notes.push("who listens there can't be seen; run as root".into());
            }
        }
        if self.ours.is_none() {
            let pid = config
                .pidfile
                .as_deref()
                .and_then(|f| look.read_text(Path::new(f), 64).ok()?.trim().parse::<i32>().ok());
            let named = pid.and_then(|pid| self.servers.iter().find(|p| p.pid() == pid));
            self.ours = named.filter(|p| in_dir(p) == Some(true)).cloned();
        }
        let our_pid = self.ours.as_ref().map(Proc::pid);
        for other in self.servers.iter().filter(|p| Some(p.pid()) != our_pid && in_dir(p) == Some(true)) {
            // A child that saves or rewrites shares its parent's directory.
            let child = Some(other.ppid) == our_pid || self.servers.iter().any(|p| p.pid() == other.ppid);
            if !child {
                seen.sharing.push(process::shown(other));
            }
        }
    }

    /// Puts process and port into facts.
    pub fn fill(&self, look: &Look, target: &Target, facts: &mut Facts) {
        let port = &mut facts.port;
        port.listening = Some(!self.listeners.is_empty());
        port.held_by_other = Some(self.held_by_other);
        port.stray = Some(self.stray);
        port.holder = self.holders.first().map(process::shown);
        let process = &mut facts.process;
        let Some(ours) = &self.ours else {
            let unseen = !self.listeners.is_empty() && self.holders.is_empty() && !self.held_by_other;
            process.state = Some(if unseen { ProcessState::Running } else { ProcessState::Down });
            process.supervisor_unknown = Some(false);
            return;
        };
        process.pid = Some(i64::from(ours.pid()));
        process.state = Some(state_of(look, ours));
        process.user.clone_from(&ours.user);
        process.started_at = ours.started_at.map(Time);
        process.cmdline = process::arguments(ours).iter().map(|word| printable(word)).collect();
        if facts.instance.service == ServiceKind::Unknown
            && let Some(unit) = self.unit(look)
        {
            facts.instance.service = ServiceKind::Systemd;
            facts.instance.service_name = Some(unit);
        }
        if facts.instance.user.is_none() {
            facts.instance.user.clone_from(&process.user);
        }
        let known = target.service != ServiceKind::Unknown || facts.instance.service == ServiceKind::Systemd;
        process.supervisor = match supervision(look, ours) {
            Supervision::Unknown { pid, shown } if !known => Some(format!("{shown} (pid {pid})")),
            Supervision::Container if !known => Some("it is PID 1 of a container".into()),
            _ => None,
        };
        process.supervisor_unknown = Some(process.supervisor.is_some());
    }
}

/// Does the server on this address wait for a device (state D), and not for a moment only? Asks the kernel alone.
#[must_use]
pub fn waits_for_a_device(look: &Look, address: &Address) -> bool {
    // hardly ever does any server wait so: only then whose it is is worth the search
    let any = look.servers().is_ok_and(|all| all.iter().any(|server| server.state == 'D'));
    let ours = || listening(look, address).1.into_iter().find(Proc::is_server);
    any && ours().is_some_and(|ours| state_of(look, &ours) == ProcessState::Blocked)
}

/// The state of a process.
fn state_of(look: &Look, ours: &Proc) -> ProcessState {
    lasting(ours.state, || {
        std::thread::sleep(Duration::from_millis(15));
        look.process(ours.pid()).filter(|now| now.id == ours.id).map(|now| now.state)
    })
}

/// What the state that /proc shows means; `later` is what it shows a moment later, none when the process is gone. A moment
/// in D is nothing: only one that lasts is.
fn lasting(first: char, mut later: impl FnMut() -> Option<char>) -> ProcessState {
    let mut state = first;
    for _ in 0..4 {
        match state {
            'T' | 't' => return ProcessState::Stopped,
            'D' => match later() {
                Some(now) => state = now,
                None => return ProcessState::Down,
            },
            _ => return ProcessState::Running,
        }
    }
    ProcessState::Blocked
}

/// Drops what a stranger on our address answered: it says nothing about this instance.
pub fn forget_stranger(facts: &mut Facts, seen: &mut Seen) {
    let server = ServerFacts {
        answers: Some(false),
        writable: Some(false),
        loading: Some(false),
        busy: Some(false),
        auth_failed: Some(false),
        tls_failed: Some(false),
        misconf: Some(false),
        flavour: facts.server.flavour,
        version: facts.server.version.clone(),
        major: facts.server.major,
        ..ServerFacts::default()
    };
    if let Some(error) = facts.server.error.take() {
        seen.notes.push(error);
    }
    facts.server = server;
    facts.persistence = PersistenceFacts::default();
    facts.unknown.retain(|name, _| !name.starts_with("server."));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_wait_for_a_device_that_lasts_is_one() {
        let state = |shown: &str| {
            let mut moments = shown.chars();
            lasting(moments.next().unwrap_or('R'), || moments.next())
        };
        assert_eq!(state("DDDDD"), ProcessState::Blocked);
        assert_eq!(state("DDS"), ProcessState::Running, "a read of the disk, and over");
        assert_eq!(state("DDT"), ProcessState::Stopped);
        assert_eq!(state("D"), ProcessState::Down, "it ended meanwhile");
        assert_eq!((state("S"), state("t")), (ProcessState::Running, ProcessState::Stopped));
    }
}
