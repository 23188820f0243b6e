//! Servers that run: where each listens, and which unit or file started it.
use super::installed::Installed;
use super::{Discovered, Found, address_of};
use crate::assess::process;
use crate::config::Address;
use crate::host::Look;
use crate::host::process::{Listening, Proc};
use crate::service::{Supervision, in_container, supervision};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// A running server.
pub(super) struct Running {
    pub(super) proc: Proc,
    pub(super) address: Address,
    unit: Option<String>,
}

/// All servers of this host that are not in a container of their own.
pub(super) fn servers(look: &Look, out: &mut Discovered) -> Vec<Running> {
    out.looked_at.push("processes named redis-server, valkey-server, redict-server or keydb-server".into());
    let all = match look.servers() {
        Ok(all) => all,
        Err(error) => {
            out.passed_over.push(error.to_string());
            return vec![];
        }
    };
    let mut servers = Vec::new();
    for proc in all.iter().filter(|p| !matches!(p.state, 'Z' | 'X')) {
        // A child that saves or rewrites.
        if all.iter().any(|other| other.pid() == proc.ppid) {
            continue;
        }
        if in_container(look, proc) {
            out.passed_over.push(format!("{} is in a container: run redis-dr there", process::shown(proc)));
            continue;
        }
        let listening = look.listening(proc.pid());
        match address(proc, listening.as_ref()) {
            Some(address) => {
                let unit = match supervision(look, proc) {
                    Supervision::Unit(unit) => Some(unit),
                    _ => None,
                };
                servers.push(Running { proc: proc.clone(), address, unit });
            }
            None => out.passed_over.push(format!("{} does not listen on this host", process::shown(proc))),
        }
    }
    servers
}

/// Where it is reached from here; the port its title names before others, which may be TLS or the cluster's bus.
fn address(proc: &Proc, listening: Option<&Listening>) -> Option<Address> {
    let title = title(proc);
    let Some(listening) = listening else {
        // Another user's process: its title is all there is.
        return title.map(|at| match at {
            Title::Port(port) => tcp(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
            Title::Socket(path) => Address::Unix(path),
        });
    };
    let named = match title {
        Some(Title::Port(port)) => Some(port),
        _ => None,
    };
    let port = named
        .filter(|port| listening.tcp.iter().any(|at| at.port() == *port))
        .or_else(|| listening.tcp.iter().map(SocketAddr::port).min());
    if let Some(port) = port {
        let mut at: Vec<IpAddr> =
            listening.tcp.iter().filter(|at| at.port() == port).map(|at| at.ip().to_canonical()).collect();
        // Loopback first, then what takes everything, then one address of this host.
        at.sort_by_key(|ip| (!ip.is_loopback(), !ip.is_unspecified(), ip.is_ipv6(), *ip));
        return at.first().map(|ip| tcp(*ip, port));
    }
    let socket = listening.unix.first()?;
    // Its path as it was bound: relative to the data directory, where the server is.
    let base = proc.cwd.clone().unwrap_or_else(|| PathBuf::from("/"));
    Some(Address::Unix(base.join(socket)))
}

fn tcp(ip: IpAddr, port: u16) -> Address {
    let host = match ip {
        IpAddr::V4(v4) if v4.is_unspecified() => "127.0.0.1".into(),
        IpAddr::V6(v6) if v6.is_unspecified() => "::1".into(),
        other => other.to_string(),
    };
    Address::Tcp { host, port }
}

enum Title {
    Port(u16),
    Socket(PathBuf),
}

/// What the title that a server writes over its command line says: `redis-server 127.0.0.1:6379 [cluster]`.
fn title(proc: &Proc) -> Option<Title> {
    if !process::wrote_title(proc) {
        return None;
    }
    let word = proc.cmdline.first()?.split_whitespace().nth(1)?;
    if word.starts_with('/') {
        return Some(Title::Socket(PathBuf::from(word)));
    }
    word.rsplit_once(':')?.1.parse().ok().filter(|port| *port > 0).map(Title::Port)
}

impl Running {
    /// Does this unit, or this configuration, describe it? A unit by its name; a configuration by port and directory.
    pub(super) fn is_started_by(&self, look: &Look, one: &Installed) -> bool {
        if self.unit.is_some() && one.unit.is_some() {
            return self.unit == one.unit;
        }
        let same_place = address_of(&one.conf).is_some_and(|(address, _)| self.is_at(&address));
        let named_pid = one.conf.pidfile().and_then(|f| look.read_text(&f, 64).ok()?.trim().parse::<i32>().ok());
        same_place && (named_pid == Some(self.proc.pid()) || self.works_in(look, one.conf.dir()))
    }

    fn is_at(&self, address: &Address) -> bool {
        match (&self.address, address) {
            (Address::Tcp { port: one, .. }, Address::Tcp { port: other, .. }) => one == other,
            (one, other) => one == other,
        }
    }

    fn works_in(&self, look: &Look, dir: &Path) -> bool {
        self.proc
            .cwd
            .as_ref()
            .is_some_and(|cwd| super::settings::same_path(look, &cwd.to_string_lossy(), &dir.to_string_lossy()))
    }

    /// The running server with what its unit and configuration say.
    pub(super) fn found(self, described: Option<Installed>) -> Found {
        let tls = described.as_ref().and_then(|one| address_of(&one.conf)).and_then(|(_, tls)| tls);
        Found {
            tls: tls.filter(|_| self.address.port().is_some()),
            pid: Some(self.proc.pid()),
            program: process::program(&self.proc),
            config_file: described.as_ref().and_then(Installed::config_file),
            unit: self.unit,
            user: self.proc.user.clone(),
            data_dir: self.proc.cwd.clone(),
            address: self.address,
        }
    }
}
