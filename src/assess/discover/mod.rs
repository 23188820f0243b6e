//! Which servers this host has, without being told: those that run, and those that are installed and down.
//!
//! ```text
//! running     the process table: where each listens, which directory it keeps its data in
//! installed   units and configuration files, also of a server that is down
//! unit        a unit file, as far as it says how the server is started
//! ```
//! Opens no connection and starts no program: a server is asked later, when it is assessed.
mod installed;
mod running;
mod unit;

use super::settings;
use crate::config::{Address, Tls};
use crate::host::Look;
use crate::redis_conf::{Effective, Start};
use std::path::{Path, PathBuf};

/// A server of this host.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// How it is reached from here.
    pub address: Address,
    /// TLS, where it takes nothing else; with the files its own configuration names.
    pub tls: Option<Tls>,
    /// Its process, while it runs.
    pub pid: Option<i32>,
    /// Its program, where the path is known.
    pub program: Option<PathBuf>,
    /// The configuration file that fits; a running server may know better.
    pub config_file: Option<PathBuf>,
    /// The unit that starts it.
    pub unit: Option<String>,
    /// The user it runs as.
    pub user: Option<String>,
    /// Where its data is.
    pub data_dir: Option<PathBuf>,
}

impl Found {
    /// One line about it, for a person who has to choose.
    #[must_use]
    pub fn shown(&self) -> String {
        let state = self.pid.map_or("not running".to_string(), |pid| format!("running, pid {pid}"));
        let file = self.config_file.as_ref().map(|f| f.display().to_string());
        let parts = [Some(state), self.unit.clone(), file];
        crate::yaml::printable(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }

    /// Is this the server that an address means?
    #[must_use]
    pub fn is_at(&self, asked: &Address) -> bool {
        self.address == *asked
            || (self.address.is_local()
                && asked.is_local()
                && asked.port().is_some()
                && self.address.port() == asked.port())
    }
}

/// All that was found, and where was looked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Discovered {
    /// Servers, running ones first.
    pub found: Vec<Found>,
    /// What was seen and is not listed, and why.
    pub passed_over: Vec<String>,
    /// Where was looked.
    pub looked_at: Vec<String>,
}

/// Looks for servers. `root` is where `/etc` and its like are: `/`, but for tests.
#[must_use]
pub fn discover(look: &Look, root: &Path) -> Discovered {
    let mut out = Discovered::default();
    let running = running::servers(look, &mut out);
    let installed = installed::servers(look, root, &mut out);
    let mut taken = vec![false; installed.len()];
    for server in running {
        let fits = installed.iter().position(|one| server.is_started_by(look, one));
        let described = match fits {
            Some(at) => {
                taken[at] = true;
                Some(installed[at].clone())
            }
            None => installed::beside(look, &server),
        };
        out.found.push(server.found(described));
    }
    for (one, _) in installed.into_iter().zip(taken).filter(|(_, taken)| !taken) {
        let Some(found) = one.found() else { continue };
        match out.found.iter().find(|other| other.is_at(&found.address)) {
            Some(other) => {
                let note = format!(
                    "{}: its address {} is that of another server ({})",
                    one.from,
                    found.address,
                    other.shown()
                );
                out.passed_over.push(crate::yaml::printable(&note));
            }
            None => out.found.push(found),
        }
    }
    out.found.sort_by_key(|f| (f.pid.is_none(), f.address.clone()));
    out
}

/// The start command of a unit, and its program; `None` where its file is not there or starts no server.
pub(super) fn start_of_unit(look: &Look, root: &Path, name: &str) -> Option<(Start, Option<PathBuf>)> {
    let unit = unit::named(look, root, name)?;
    let cwd = unit.working_dir.clone().unwrap_or_else(|| PathBuf::from("/"));
    Some((Start::from_argv(&unit.argv, cwd), unit.argv.first().map(PathBuf::from)))
}

/// How the configuration says that the server is reached from this host, and with which TLS.
fn address_of(conf: &Effective) -> Option<(Address, Option<Tls>)> {
    let tls = || Tls {
        ca: conf.word("tls-ca-cert-file").map(PathBuf::from),
        cert: conf.word("tls-client-cert-file").or(conf.word("tls-cert-file")).map(PathBuf::from),
        key: conf.word("tls-client-key-file").or(conf.word("tls-key-file")).map(PathBuf::from),
    };
    let (port, tls) = match (conf.port(), conf.tls_port()) {
        (0, 0) => return Some((Address::Unix(conf.unixsocket()?), None)),
        (0, secure) => (secure, Some(tls())),
        (port, _) => (port, None),
    };
    Some((Address::Tcp { host: reachable(conf.bind()), port }, tls))
}

/// Of the addresses it binds to, the one that surely is of this host.
fn reachable(bind: &[String]) -> String {
    let all: Vec<&str> = bind.iter().map(|a| a.trim_start_matches('-')).collect();
    let here = |a: &&&str| ["127.0.0.1", "*", "0.0.0.0", "localhost"].contains(*a);
    match all.first() {
        None => "127.0.0.1".into(),
        Some(_) if all.iter().any(|a| here(&a)) => "127.0.0.1".into(),
        Some(_) if all.contains(&"::1") || all.contains(&"::*") || all.contains(&"::") => "::1".into(),
        Some(first) => (*first).to_string(),
    }
}

/// The configuration of a start.
fn read(look: &Look, start: &Start) -> Effective {
    settings::load(look, start, None)
}

#[cfg(test)]
mod tests;
