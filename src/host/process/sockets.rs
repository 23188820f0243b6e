//! Who listens on an address.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener};
use std::path::{Path, PathBuf};

use procfs::net::{TcpState, UnixNetEntry};
use procfs::process::{FDTarget, Process};

use super::{ProcessError, Reins, diag, unreadable};
use crate::host::Look;

/// A listening socket and who holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where, of a TCP socket.
    pub address: Option<SocketAddr>,
    /// Who holds it; `None` where we may not look (another user's process, another container's).
    pub pid: Option<i32>,
}

/// Where one process listens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listening {
    /// TCP sockets of this network namespace.
    pub tcp: Vec<SocketAddr>,
    /// Unix sockets, by the paths they were bound to.
    pub unix: Vec<PathBuf>,
}

/// A port of the loopback that is for us alone for as long as this lives, whether anybody listens on it or not.
#[derive(Debug)]
pub struct ClaimedPort {
    /// The port.
    pub port: u16,
    /// A name of this machine that ends with its holder and leaves no file; every other redis-dr asks for it first.
    _claim: UnixListener,
}

/// A port on which this process listens and never answers.
#[derive(Debug)]
pub struct HeldPort(TcpListener);

impl HeldPort {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.local_addr().ok()
    }
}

impl Reins {
    /// Claims a port: the first of `ports` that nobody listens on and no other redis-dr has claimed.
    #[must_use]
    pub fn claim_port(&self, ports: impl IntoIterator<Item = u16>) -> Option<ClaimedPort> {
        ports.into_iter().find_map(|port| {
            let name = UnixAddr::from_abstract_name(format!("redis-dr-port-{port}")).ok()?;
            let claim = UnixListener::bind_addr(&name).ok()?;
            self.hold_port(port).ok()?;
            Some(ClaimedPort { port, _claim: claim })
        })
    }

    /// Listens on a port of the loopback until the value is dropped.
    ///
    /// # Errors
    /// Somebody listens on it, or the system refuses.
    pub fn hold_port(&self, port: u16) -> std::io::Result<HeldPort> {
        TcpListener::bind(("127.0.0.1", port)).map(HeldPort)
    }
}

impl Look {
    /// Where a process listens; `None` where we may not look (another user's process).
    #[must_use]
    pub fn listening(&self, pid: i32) -> Option<Listening> {
        let fds = Process::new(pid).and_then(|process| process.fd()).ok()?;
        let socket = |fd: procfs::process::FDInfo| match fd.target {
            FDTarget::Socket(inode) => Some(inode),
            _ => None,
        };
        let own: BTreeSet<u64> = fds.filter_map(Result::ok).filter_map(socket).collect();
        let mut tcp = tcp_listening().ok()?;
        tcp.retain(|(_, inode)| own.contains(inode));
        let mut unix = procfs::net::unix().unwrap_or_default();
        unix.retain(|entry| entry.state == procfs::net::UnixState::UNCONNECTED && own.contains(&entry.inode));
        Some(Listening {
            tcp: tcp.into_iter().map(|(address, _)| address).collect(),
            unix: unix.into_iter().filter_map(|entry| entry.path).collect(),
        })
    }

    /// Who listens on a TCP port of this machine, on any of its addresses.
    ///
    /// # Errors
    /// The kernel does not tell, and /proc/net can't be read.
    pub fn listeners(&self, port: u16) -> Result<Vec<Listener>, ProcessError> {
        let here = tcp_listening()?.into_iter().filter(|(address, _)| address.port() == port);
        let listening: Vec<_> = here.map(|(address, inode)| (Some(address), inode)).collect();
        Ok(held(&listening))
    }

    /// Who listens on a unix socket.
    ///
    /// # Errors
    /// /proc/net can't be read.
    pub fn unix_listeners(&self, path: &Path) -> Result<Vec<Listener>, ProcessError> {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let found = procfs::net::unix().map_err(|error| unreadable(&error))?;
        let listens = |entry: &UnixNetEntry| {
            entry.state == procfs::net::UnixState::UNCONNECTED
                && entry.path.as_deref().is_some_and(|at| at == path || at == real)
        };
        let listening: Vec<_> = found.into_iter().filter(listens).map(|entry| (None, entry.inode)).collect();
        Ok(held(&listening))
    }
}

/// The TCP sockets that listen: as the kernel tells, else from its tables.
fn tcp_listening() -> Result<Vec<(SocketAddr, u64)>, ProcessError> {
    if let Ok(found) = diag::listening() {
        return Ok(found);
    }
    let mut found = procfs::net::tcp().map_err(|error| unreadable(&error))?;
    // A machine without IPv6 has no such table.
    found.extend(procfs::net::tcp6().unwrap_or_default());
    found.retain(|entry| entry.state == TcpState::Listen);
    Ok(found.into_iter().map(|entry| (entry.local_address, entry.inode)).collect())
}

/// Finds the processes that hold these sockets. Servers are looked at first: nearly always it is one of them, and that
/// spares reading the descriptors of all others.
fn held(sockets: &[(Option<SocketAddr>, u64)]) -> Vec<Listener> {
    if sockets.is_empty() {
        return Vec::new();
    }
    let mut missing: BTreeSet<u64> = sockets.iter().map(|(_, inode)| *inode).collect();
    let mut holders = Vec::new();
    let all: Vec<Process> = procfs::process::all_processes().into_iter().flatten().filter_map(Result::ok).collect();
    let is_server = |process: &Process| process.cmdline().is_ok_and(|line| super::server_program(&line).is_some());
    let (servers, others): (Vec<_>, Vec<_>) = all.into_iter().partition(is_server);
    for process in servers.iter().chain(&others) {
        if missing.is_empty() {
            break;
        }
        let Ok(fds) = process.fd() else { continue };
        for fd in fds.filter_map(Result::ok) {
            if let FDTarget::Socket(inode) = fd.target
                && missing.remove(&inode)
            {
                holders.push((inode, process.pid));
            }
        }
    }
    let pid_of = |inode: u64| holders.iter().find(|(held, _)| *held == inode).map(|(_, pid)| *pid);
    sockets.iter().map(|(address, inode)| Listener { address: *address, pid: pid_of(*inode) }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn our_own_sockets_are_found() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let me = Some(pid);
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        let look = Look::new();
        let found = look.listeners(address.port()).unwrap();
        assert_eq!(found, [Listener { address: Some(address), pid: me }]);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let _unix = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(look.unix_listeners(&path).unwrap(), [Listener { address: None, pid: me }]);
        let own = look.listening(pid).unwrap();
        assert!(own.tcp.contains(&address) && own.unix.contains(&path), "{own:?}");
        drop(tcp);
        assert!(look.listeners(address.port()).unwrap().is_empty());
    }
}
