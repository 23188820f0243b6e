//! Processes of this machine: which are there, who listens, what they use; and the hand that starts and stops them.

mod command;
mod diag;
mod limits;
mod memory;
mod server_name;
mod sockets;
mod spawn;
mod stream;

pub use command::{Command, Output};
pub use limits::{Limit, Limits};
pub use memory::{CgroupMemory, Memory};
pub use server_name::{SERVER_PROGRAMS, server_program};
pub use sockets::{ClaimedPort, HeldPort, Listener, Listening};
pub(crate) use spawn::wait_gone;
pub use spawn::{Launch, Launched, as_user, exec_as};
pub use stream::{Chunk, Streamed};

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use procfs::process::{FDTarget, Process};
use serde::{Deserialize, Serialize};

use super::Look;

/// A process that could not be looked at, started or signalled.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The program could not be started.
    #[error("cannot run {program}")]
    Spawn {
        /// The program.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
    /// An empty command.
    #[error("a command without a program")]
    Empty,
    /// The process is not there any more, or its number now belongs to another one.
    #[error("process {pid} is gone")]
    Gone {
        /// Its number.
        pid: i32,
    },
    /// The system refused to signal it.
    #[error("cannot send {signal} to process {pid}")]
    Signal {
        /// Its number.
        pid: i32,
        /// The signal's name.
        signal: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// /proc could not be read.
    #[error("cannot read the processes of this machine: {because}")]
    Proc {
        /// What the reader says.
        because: String,
    },
}

impl ProcessError {
    /// The next thing to do, for a person.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            ProcessError::Spawn { program, source } if source.kind() == io::ErrorKind::NotFound => {
                format!("install {program}, or give its directory as bin_dir in the configuration")
            }
            ProcessError::Spawn { program, .. } => format!("try it by hand: {program}"),
            ProcessError::Empty => "give the command as a list: [program, argument, ...]".to_string(),
            ProcessError::Gone { .. } => "assess again: somebody stopped or restarted it meanwhile".to_string(),
            ProcessError::Signal { .. } => "run redis-dr as root, or as the user the server runs as".to_string(),
            ProcessError::Proc { .. } => {
                "redis-dr needs /proc; mount it, and without hidepid for this user".to_string()
            }
        }
    }
}

/// The hand that starts, stops and signals, and changes no file. Made once, in `cli`; whoever only looks has none.
#[derive(Debug)]
pub struct Reins(());

impl Reins {
    /// Takes up the reins. For `cli` and tests.
    #[must_use]
    #[allow(clippy::new_without_default)] // never made by accident
    pub fn new() -> Self {
        Reins(())
    }
}

/// One process, and no other one that gets its number later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcId {
    /// Process id.
    pub pid: i32,
    /// When it started, in ticks since boot.
    pub start_ticks: u64,
}

/// What is seen of a process. What may not be read is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proc {
    /// Which one.
    pub id: ProcId,
    /// Its parent.
    pub ppid: i32,
    /// Effective user id.
    pub uid: u32,
    /// Login name of that user.
    pub user: Option<String>,
    /// Arguments; a server writes its title over them.
    pub cmdline: Vec<String>,
    /// Short name of the program; also there when the arguments are not.
    pub comm: String,
    /// The program file. Debian's servers are links: it can say redis-check-rdb.
    pub exe: Option<PathBuf>,
    /// Working directory.
    pub cwd: Option<PathBuf>,
    /// State letter: R S D T Z …
    pub state: char,
    /// When it started.
    pub started_at: Option<jiff::Timestamp>,
    /// Memory it occupies, in bytes.
    pub rss: u64,
    /// Its control group (v2 path, or the name=systemd one of v1).
    pub cgroup: Option<String>,
}

impl Proc {
    /// Process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.id.pid
    }

    /// Is it a Redis, Valkey, Redict or KeyDB server (not a Sentinel, not a child that saves)?
    #[must_use]
    pub fn is_server(&self) -> bool {
        server_program(&self.cmdline).is_some()
    }

    /// Is it ending? It has no arguments any more then, and may hold its sockets for as long as its memory takes to go.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.cmdline.is_empty()
    }

    /// Its command line on one line, without control characters.
    #[must_use]
    pub fn shown(&self) -> String {
        let line = if self.cmdline.is_empty() { format!("[{}]", self.comm) } else { self.cmdline.join(" ") };
        line.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
    }

    /// The systemd unit that it belongs to, from its control group: the innermost `.service` or `.scope`.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        self.cgroup.as_deref().and_then(unit_of)
    }
}

/// The innermost `.service` or `.scope` of a control group's path.
fn unit_of(cgroup: &str) -> Option<&str> {
    cgroup.rsplit('/').find(|part| part.ends_with(".service") || part.ends_with(".scope"))
}

/// A file that a process holds open although its name is gone; its bytes can still be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedFile {
    /// The name it had.
    pub was: PathBuf,
    /// Where its bytes can be read: `/proc/PID/fd/N`.
    pub at: PathBuf,
    /// Size in bytes.
    pub size: u64,
}

impl Look {
    /// All processes; those that end while we look are left out.
    ///
    /// # Errors
    /// /proc can't be read.
    pub fn processes(&self) -> Result<Vec<Proc>, ProcessError> {
        let all = procfs::process::all_processes().map_err(|error| unreadable(&error))?;
        Ok(all.filter_map(Result::ok).filter_map(|process| seen(&process)).collect())
    }

    /// All Redis-like servers of this machine.
    ///
    /// # Errors
    /// /proc can't be read.
    pub fn servers(&self) -> Result<Vec<Proc>, ProcessError> {
        let all = procfs::process::all_processes().map_err(|error| unreadable(&error))?;
        // The arguments first: they are one small read, the rest is six.
        let likely = |process: &Process| process.cmdline().is_ok_and(|line| server_program(&line).is_some());
        Ok(all.filter_map(Result::ok).filter(likely).filter_map(|process| seen(&process)).collect())
    }

    /// One process; `None` when there is no such one. A zombie is one, with state Z.
    #[must_use]
    pub fn process(&self, pid: i32) -> Option<Proc> {
        seen(&Process::new(pid).ok()?)
    }

    /// Its parent.
    #[must_use]
    pub fn parent(&self, proc: &Proc) -> Option<Proc> {
        (proc.ppid > 0).then(|| self.process(proc.ppid))?
    }

    /// True when a process has ended: nothing in /proc, a zombie, or its number given to another one.
    ///
    /// `kill -0` would say that a zombie lives, and under a container's PID 1 that can be so for seconds.
    #[must_use]
    pub fn gone(&self, id: ProcId) -> bool {
        match Process::new(id.pid).and_then(|process| process.stat()) {
            Ok(stat) => stat.starttime != id.start_ticks || ended(&stat),
            Err(_) => true,
        }
    }

    /// As [`gone`](Self::gone), by number alone, for a pid file.
    #[must_use]
    pub fn gone_pid(&self, pid: i32) -> bool {
        match Process::new(pid).and_then(|process| process.stat()) {
            Ok(stat) => ended(&stat),
            Err(_) => true,
        }
    }

    /// Files that a process holds open and whose names are gone. Empty where we may not look.
    #[must_use]
    pub fn deleted_files(&self, pid: i32) -> Vec<DeletedFile> {
        let Ok(fds) = Process::new(pid).and_then(|process| process.fd()) else {
            return Vec::new();
        };
        let deleted = |fd: procfs::process::FDInfo| {
            let FDTarget::Path(path) = fd.target else {
                return None;
            };
            let was = path.to_str()?.strip_suffix(" (deleted)")?;
            let at = PathBuf::from(format!("/proc/{pid}/fd/{}", fd.fd));
            let meta = std::fs::metadata(&at).ok().filter(std::fs::Metadata::is_file)?;
            Some(DeletedFile { was: PathBuf::from(was), at, size: meta.len() })
        };
        fds.filter_map(Result::ok).filter_map(deleted).collect()
    }

    /// The unit that this very process runs in, when it is a service: a server started by us would end with it, unless
    /// its `KillMode` is `process`.
    #[must_use]
    pub fn own_service_unit(&self) -> Option<String> {
        let pid = i32::try_from(std::process::id()).ok()?;
        let unit = self.process(pid)?.unit()?.to_string();
        unit.ends_with(".service").then_some(unit)
    }
}

/// Has it ended? A first thread that is a zombie while others are still on their way out holds the port and may still write.
fn ended(stat: &procfs::process::Stat) -> bool {
    let threads = || std::fs::read_dir(format!("/proc/{}/task", stat.pid)).map_or(0, Iterator::count);
    matches!(stat.state, 'X' | 'x') || (stat.state == 'Z' && threads() <= 1)
}

/// Reads one process; `None` when it has ended meanwhile.
fn seen(process: &Process) -> Option<Proc> {
    let stat = process.stat().ok()?;
    let uid = process.uid().ok()?;
    Some(Proc {
        id: ProcId { pid: stat.pid, start_ticks: stat.starttime },
        ppid: stat.ppid,
        uid,
        user: nix::unistd::User::from_uid(uid.into()).ok().flatten().map(|user| user.name),
        cmdline: process.cmdline().unwrap_or_default().into_iter().filter(|arg| !arg.is_empty()).collect(),
        comm: stat.comm.clone(),
        exe: process.exe().ok(),
        cwd: process.cwd().ok(),
        state: stat.state,
        started_at: started_at(stat.starttime),
        rss: stat.rss.saturating_mul(procfs::page_size()),
        cgroup: cgroup_of(process),
    })
}

fn cgroup_of(process: &Process) -> Option<String> {
    let groups = process.cgroups().ok()?.0;
    let of = |wanted: &str| {
        groups.iter().find(|group| group.controllers.iter().any(|name| name == wanted)).map(|g| g.pathname.clone())
    };
    let unified = groups.iter().find(|group| group.hierarchy == 0).map(|group| group.pathname.clone());
    of("name=systemd").or(unified)
}

/// Seconds since 1970 at boot; read once, it never changes.
static BOOTED: AtomicU64 = AtomicU64::new(0);

fn started_at(ticks: u64) -> Option<jiff::Timestamp> {
    let mut booted = BOOTED.load(Ordering::Relaxed);
    if booted == 0 {
        booted = procfs::boot_time_secs().ok()?;
        BOOTED.store(booted, Ordering::Relaxed);
    }
    let rate = procfs::ticks_per_second().max(1);
    let since_boot = Duration::from_millis(ticks.saturating_mul(1000) / rate);
    let boot = jiff::Timestamp::from_second(i64::try_from(booted).ok()?).ok()?;
    boot.checked_add(jiff::SignedDuration::try_from(since_boot).ok()?).ok()
}

fn unreadable(error: &procfs::ProcError) -> ProcessError {
    ProcessError::Proc { because: error.to_string() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn we_see_ourselves() {
        let look = Look::new();
        let me = look.process(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(!look.gone(me.id));
        assert!(look.gone(ProcId { start_ticks: 1, ..me.id }));
        assert!(!me.is_server());
        assert_eq!(me.uid, look.uid());
        assert_eq!(me.cwd, std::env::current_dir().ok());
        let age = jiff::Timestamp::now().duration_since(me.started_at.unwrap());
        assert!(age.as_secs().abs() < 3600, "{age:?}");
        assert!(look.processes().unwrap().iter().any(|proc| proc.id == me.id));
    }

    #[test]
    fn the_unit_is_the_innermost_service() {
        assert_eq!(unit_of("/system.slice/redis-server.service"), Some("redis-server.service"));
        assert_eq!(unit_of("/system.slice/system-redis.slice/redis@a.service/sub"), Some("redis@a.service"));
        assert_eq!(unit_of("/user.slice/user-1.slice/user@1.service/app.slice/x.scope"), Some("x.scope"));
        assert_eq!(unit_of("/"), None);
    }
}
