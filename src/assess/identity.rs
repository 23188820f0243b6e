//! Whose process is it: ours, a stranger's, or nobody's.
use super::answer::Answer;
use super::process::{self, Listeners, Proc};
use super::{Seen, Target, settings};
use crate::facts::{ConfigFacts, Facts, ProcessState, ServerFacts, ServiceKind, Time};
use crate::host::Look;
use crate::config::Address;
use std::path::{Path, PathBuf};

/// Servers of this host, who listens on the address, and which of them is this instance.
#[derive(Debug, Default)]
pub struct Whose {
    servers: Vec<Proc>,
    listeners: Listeners,
    holders: Vec<Proc>,
    ours: Option<Proc>,
    held_by_other: bool,
}

/// Reads the process table.
#[must_use]
pub fn table(look: &Look, address: &Address) -> Whose {
    let listeners = process::listeners(look, address);
    let all = process::all(look);
    let holders: Vec<Proc> = all.iter().filter(|p| listeners.pids.contains(&p.pid)).cloned().collect();
    let servers: Vec<Proc> = all.into_iter().filter(Proc::is_server).collect();
    let ours = holders.iter().find(|p| p.is_server()).cloned();
    Whose { servers, listeners, holders, ours, held_by_other: false }
}

impl Whose {
    /// The running program, where its path is known.
    #[must_use]
    pub fn program(&self) -> Option<PathBuf> {
        self.ours.as_ref()?.program()
    }

    /// The configuration file of the command line.
    #[must_use]
    pub fn config_file(&self) -> Option<PathBuf> {
        let ours = self.ours.as_ref().filter(|p| !p.wrote_title())?;
        let file = ours.argv.get(1).filter(|word| !word.starts_with('-'))?;
        Path::new(file).is_absolute().then(|| PathBuf::from(file))
    }

    /// The command line, where it still is one and names this file.
    #[must_use]
    pub fn arguments(&self, file: Option<&Path>) -> Option<Vec<String>> {
        let ours = self.ours.as_ref().filter(|p| !p.wrote_title() && p.argv.len() > 1)?;
        (ours.argv.get(1).map(Path::new) == file).then(|| ours.argv.clone())
    }

    /// Decides whose process listens, now that the configuration is known.
    ///
    /// A server on the address is another's when its directory is not the configured one and it was not started with
    /// the configured file. A process named by the pid file is ours when its working directory is the data directory.
    pub fn judge(&mut self, look: &Look, config: &ConfigFacts, answer: &Answer, seen: &mut Seen) {
        let dir = config.data_dir.as_deref();
        let in_dir = |p: &Proc| {
            p.cwd.as_ref().zip(dir).map(|(cwd, dir)| settings::same_path(look, &cwd.to_string_lossy(), dir))
        };
        if let Some(ours) = &self.ours {
            let told = answer.info.as_ref().and_then(|i| i.get("config_file")).filter(|f| !f.is_empty());
            let same_file = told.zip(config.file.as_deref()).map(|(a, b)| settings::same_path(look, a, b));
            let stranger = match (same_file, in_dir(ours)) {
                (Some(true), _) | (_, Some(true) | None) => false,
                // No configured file: whatever listens there is what was asked for.
                _ => config.file.is_some(),
            };
            if stranger {
                seen.notes.push(format!("it is a server, with {} as its directory", shown_dir(ours)));
                self.ours = None;
                self.held_by_other = true;
            }
        } else if self.listeners.any {
            let redis = answer.is_redis();
            // A listener that can't be seen (another user's), and speaks as a Redis, is taken for ours.
            self.held_by_other = !self.holders.is_empty() || redis == Some(false);
            if self.holders.is_empty() && redis.is_none() {
                seen.notes.push("who listens there can't be seen; run as root".into());
                self.held_by_other = true;
            }
        }
        if self.ours.is_none() {
            let pid = config.pidfile.as_deref().and_then(|f| look.read_text(Path::new(f), 64).ok()?.trim().parse::<i32>().ok());
            let named = pid.and_then(|pid| self.servers.iter().find(|p| p.pid == pid)).filter(|p| in_dir(p) == Some(true));
            self.ours = named.cloned();
        }
        let our_pid = self.ours.as_ref().map(|p| p.pid);
        for other in self.servers.iter().filter(|p| Some(p.pid) != our_pid && in_dir(p) == Some(true)) {
            // A child that saves or rewrites shares its parent's directory.
            if Some(other.parent) != our_pid && !self.servers.iter().any(|p| p.pid == other.parent && Some(p.pid) == our_pid) {
                seen.sharing.push(other.shown());
            }
        }
    }

    /// Puts process and port into facts.
    pub fn fill(&self, look: &Look, target: &Target, facts: &mut Facts) {
        let port = &mut facts.port;
        port.listening = Some(self.listeners.any);
        port.held_by_other = Some(self.held_by_other);
        port.holder = self.holders.first().map(|p| super::assessor::printable(&p.shown()));
        let process = &mut facts.process;
        let Some(ours) = &self.ours else {
            let unseen = self.listeners.any && self.holders.is_empty() && !self.held_by_other;
            process.state = Some(if unseen { ProcessState::Running } else { ProcessState::Down });
            process.supervisor_unknown = Some(false);
            return;
        };
        process.pid = Some(i64::from(ours.pid));
        process.state = Some(state_of(look, ours));
        process.user = ours.uid.and_then(|uid| look.user_by_id(uid).ok().flatten()).map(|u| u.name);
        process.started_at = ours.started.and_then(Time::from_unix);
        process.cmdline = ours.argv.iter().map(|word| super::assessor::printable(word)).collect();
        if facts.instance.service == ServiceKind::Unknown
            && let Some(unit) = process::unit_of(look, ours.pid)
        {
            facts.instance.service = ServiceKind::Systemd;
            facts.instance.service_name = Some(unit);
        }
        if facts.instance.user.is_none() {
            facts.instance.user.clone_from(&process.user);
        }
        let known = target.service != ServiceKind::Unknown || facts.instance.service == ServiceKind::Systemd;
        process.supervisor = if known { None } else { process::unknown_supervisor(look, ours) };
        process.supervisor_unknown = Some(process.supervisor.is_some());
    }
}

/// The state of a process. A moment in D is nothing: only one that lasts is.
fn state_of(look: &Look, ours: &Proc) -> ProcessState {
    let mut state = ours.state;
    for _ in 0..4 {
        match state {
            'T' | 't' => return ProcessState::Stopped,
            'D' => {
                std::thread::sleep(std::time::Duration::from_millis(15));
                state = match process::by_pid(look, ours.pid) {
                    Some(now) => now.state,
                    None => return ProcessState::Down,
                };
            }
            _ => return ProcessState::Running,
        }
    }
    ProcessState::Blocked
}

fn shown_dir(p: &Proc) -> String {
    p.cwd.as_ref().map_or_else(|| "an unknown directory".into(), |d| super::assessor::printable(&d.to_string_lossy()))
}

/// Drops what a stranger on our address answered: it says nothing about this instance.
pub fn forget_stranger(facts: &mut Facts, seen: &mut Seen) {
    let server = ServerFacts {
        answers: Some(false),
        writable: Some(false),
        loading: Some(false),
        busy: Some(false),
        auth_failed: Some(false),
        flavour: facts.server.flavour.filter(|_| facts.process.binary.is_some()),
        version: facts.server.version.clone(),
        major: facts.server.major,
        ..ServerFacts::default()
    };
    if let Some(error) = facts.server.error.take() {
        seen.notes.push(error);
    }
    facts.server = server;
    facts.persistence = crate::facts::PersistenceFacts::default();
}
