//! Whose process it is: the rule that decides what may be signalled.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::Address;
use crate::host::Look;
use crate::host::process::{Listener, Proc, ProcessError};

/// What makes an instance's process its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Where it listens.
    pub address: Address,
    /// Its data directory.
    pub data_dir: PathBuf,
    /// Its pid file, where it has one.
    pub pid_file: Option<PathBuf>,
}

/// Who holds the instance's address, or is its process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The instance's own server.
    Ours(Box<Proc>),
    /// Another program; never to be signalled.
    Other {
        /// Its process id.
        pid: Option<i32>,
        /// Its command line and process id, for people.
        shown: String,
    },
    /// Somebody listens, and our rights do not suffice to see who.
    Hidden,
    /// Nobody listens, and no process of this instance is there.
    Nobody,
}

/// Whose process it is. It is ours only if it is a server by its command line, and holds the listening socket, or is named
/// by the pid file and has the data directory as its working directory. A port or a pid file alone is never enough.
///
/// # Errors
/// /proc can't be read.
pub fn owner_of(look: &Look, identity: &Identity) -> Result<Owner, ProcessError> {
    // A socket without a process, or of one that ends, is being closed; only without root's rights it may stay like this.
    let tries = if look.is_root() { 50 } else { 3 };
    for _ in 0..tries {
        match owner_at_once(look, identity)? {
            Owner::Hidden => std::thread::sleep(Duration::from_millis(10)),
            other => return Ok(other),
        }
    }
    owner_at_once(look, identity)
}

fn owner_at_once(look: &Look, identity: &Identity) -> Result<Owner, ProcessError> {
    let listeners = match &identity.address {
        Address::Tcp { host, port } => {
            let mut all = look.listeners(*port)?;
            all.retain(|listener| answers_for(listener, host));
            all
        }
        Address::Unix(path) => look.unix_listeners(path)?,
    };
    let mut other = None;
    for listener in &listeners {
        match listener.pid.and_then(|pid| look.process(pid)) {
            Some(proc) if proc.is_server() => return Ok(Owner::Ours(Box::new(proc))),
            Some(proc) if proc.is_leaving() => other = other.or(Some(Owner::Hidden)),
            Some(proc) => {
                let shown = format!("{} (pid {})", proc.shown(), proc.pid());
                other = Some(Owner::Other { pid: Some(proc.pid()), shown });
            }
            None => other = other.or(Some(Owner::Hidden)),
        }
    }
    match by_pid_file(look, identity) {
        Some(proc) => Ok(Owner::Ours(Box::new(proc))),
        None => Ok(other.unwrap_or(Owner::Nobody)),
    }
}

/// Does a socket take connections to this host? Servers on other addresses of this machine may have the same port.
#[must_use]
pub fn answers_for(listener: &Listener, host: &str) -> bool {
    let Some(at) = listener.address.map(|address| address.ip().to_canonical()) else {
        return true;
    };
    match host.parse::<IpAddr>() {
        Ok(ip) => at.is_unspecified() || at == ip.to_canonical(),
        Err(_) if host.eq_ignore_ascii_case("localhost") => at.is_unspecified() || at.is_loopback(),
        Err(_) => true,
    }
}

fn by_pid_file(look: &Look, identity: &Identity) -> Option<Proc> {
    let text = look.read_text(identity.pid_file.as_deref()?, 64).ok()?;
    let proc = look.process(text.trim().parse().ok()?)?;
    let here = proc.cwd.as_deref().is_some_and(|cwd| same_dir(look, cwd, &identity.data_dir));
    (proc.is_server() && here && !look.gone(proc.id)).then_some(proc)
}

pub(super) fn same_dir(look: &Look, one: &Path, other: &Path) -> bool {
    match (look.stat(one), look.stat(other)) {
        (Ok(one), Ok(other)) => one.same_inode(&other),
        _ => one == other,
    }
}

/// Servers that work in a directory, whoever they belong to: no file of theirs may be changed while they are there.
///
/// # Errors
/// /proc can't be read.
pub fn servers_in(look: &Look, dir: &Path) -> Result<Vec<Proc>, ProcessError> {
    let mut found = look.servers()?;
    found.retain(|proc| proc.cwd.as_deref().is_some_and(|cwd| same_dir(look, cwd, dir)) && !look.gone(proc.id));
    Ok(found)
}

/// Who watches over a running server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Supervision {
    /// Nobody: it is a child of PID 1, in no unit.
    Nobody,
    /// A systemd unit.
    Unit(String),
    /// It is PID 1 of a container.
    Container,
    /// A parent that may start it again, and that we do not know how to tell.
    Unknown {
        /// The parent's process id.
        pid: i32,
        /// The parent's command line.
        shown: String,
    },
}

/// Who watches over a server, as far as its control group and its parent tell.
#[must_use]
pub fn supervision(look: &Look, proc: &Proc) -> Supervision {
    if is_first_of_container(look, proc) {
        return Supervision::Container;
    }
    let parent = look.parent(proc);
    // A unit's own process is a child of systemd; under another parent in the same group (a shell in a session, a
    // supervisor that is the unit) it is that parent that counts.
    let managed = parent.as_ref().is_none_or(|parent| parent.pid() == 1 || parent.comm == "systemd");
    if let Some(unit) = proc.unit().filter(|unit| managed && unit.ends_with(".service") && !unit.starts_with("user@")) {
        return Supervision::Unit(unit.to_string());
    }
    match parent {
        Some(parent) if !managed => Supervision::Unknown { pid: parent.pid(), shown: parent.shown() },
        _ => Supervision::Nobody,
    }
}

/// Is it the first process of its pid namespace?
fn is_first_of_container(look: &Look, proc: &Proc) -> bool {
    proc.pid() == 1 || numbers(look, proc).last().is_some_and(|last| last == "1")
}

/// Does it run in a container that we are not in? What it calls its files and addresses is not ours to use.
#[must_use]
pub fn in_container(look: &Look, proc: &Proc) -> bool {
    numbers(look, proc).len() > 1
}

/// Its number in each pid namespace from ours on, the innermost last.
fn numbers(look: &Look, proc: &Proc) -> Vec<String> {
    let path = PathBuf::from(format!("/proc/{}/status", proc.pid()));
    let status = look.read_text(&path, 64 * 1024).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    numbers.split_whitespace().map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_socket_answers_for_its_addresses() {
        let at = |text: &str| Listener { address: Some(text.parse().unwrap()), pid: None };
        assert!(answers_for(&at("0.0.0.0:1"), "10.0.0.1"));
        assert!(answers_for(&at("[::ffff:127.0.0.1]:1"), "127.0.0.1"));
        assert!(answers_for(&at("[::1]:1"), "localhost"));
        assert!(!answers_for(&at("10.0.0.1:1"), "127.0.0.1"));
        assert!(!answers_for(&at("10.0.0.1:1"), "localhost"));
    }
}
