//! Starting a server that outlives us, and signalling processes.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::limits;
use super::{Limits, ProcId, ProcessError, Reins};
use crate::host::{Look, User};

/// How a server is to be started.
#[derive(Debug)]
pub struct Launch {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Who it runs as, when not as ourselves.
    pub user: Option<User>,
    /// Where it starts; relative paths in its configuration begin there.
    pub cwd: PathBuf,
    /// Where its output goes, for a server that logs to standard output; nowhere without it.
    pub log: Option<File>,
    /// The limits that its process had before; without them it gets at least those of a server's unit.
    pub limits: Option<Limits>,
    /// The redis-dr program, which is called back as `redis-dr __exec`.
    pub launcher: PathBuf,
}

/// A server that was started.
#[derive(Clone, Debug)]
pub struct Launched {
    /// The process we started. With `daemonize yes` the server is another one and this one ends with 0.
    pub pid: i32,
    ended: Arc<Mutex<Option<ExitStatus>>>,
}

impl Launched {
    /// How the started process ended; `None` while it runs.
    #[must_use]
    pub fn ended(&self) -> Option<ExitStatus> {
        self.ended.lock().map_or(None, |ended| *ended)
    }
}

impl Reins {
    /// Starts a server that outlives us: own session, its user's groups, limits of its own, none of our descriptors.
    ///
    /// Sessions and users are changed by our own program in between (`redis-dr __exec`), which then becomes the server.
    ///
    /// # Errors
    /// Our own program could not be started. Whether the server came up is to be asked of the server.
    pub fn launch(&self, launch: Launch) -> Result<Launched, ProcessError> {
        let log = |file: &Option<File>| match file.as_ref().map(File::try_clone) {
            Some(Ok(copy)) => Stdio::from(copy),
            _ => Stdio::null(),
        };
        let mut command = std::process::Command::new(&launch.launcher);
        let limits = limits::args(launch.limits.as_ref());
        command.arg("__exec").args(limits).args(who(launch.user.as_ref())).arg("--").args(&launch.argv);
        let spawned = command
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir(&launch.cwd)
            .stdin(Stdio::null())
            .stdout(log(&launch.log))
            .stderr(log(&launch.log))
            .spawn();
        let program = launch.argv.first().cloned().unwrap_or_default();
        let mut child = spawned.map_err(|source| ProcessError::Spawn { program, source })?;
        let launched = Launched { pid: i32::try_from(child.id()).unwrap_or(0), ended: Arc::default() };
        let ended = Arc::clone(&launched.ended);
        // Reaped as soon as it ends: a zombie would look like a server that can't be stopped.
        std::thread::spawn(move || {
            let status = child.wait().ok();
            if let Ok(mut ended) = ended.lock() {
                *ended = status;
            }
        });
        Ok(launched)
    }

    /// Sends a signal to that very process, and not to one that got its number meanwhile.
    ///
    /// # Errors
    /// [`ProcessError::Gone`], or the system refuses.
    pub fn signal(&self, id: ProcId, signal: Signal) -> Result<(), ProcessError> {
        let gone = || ProcessError::Gone { pid: id.pid };
        let refused = |errno: rustix::io::Errno| match errno {
            rustix::io::Errno::SRCH => gone(),
            errno => ProcessError::Signal { pid: id.pid, signal: signal.as_str(), source: errno.into() },
        };
        let pid = rustix::process::Pid::from_raw(id.pid).ok_or_else(gone)?;
        // The descriptor stands for one process: once it is known to be the right one, its number can't be given away.
        match rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) {
            Ok(fd) => {
                if Look::new().gone(id) {
                    return Err(gone());
                }
                rustix::process::pidfd_send_signal(&fd, signal_number(signal).ok_or_else(gone)?).map_err(refused)
            }
            // A kernel before 5.3, or a sandbox without it: looked at just before instead.
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => {
                if Look::new().gone(id) {
                    return Err(gone());
                }
                let sent = nix::sys::signal::kill(nix::unistd::Pid::from_raw(id.pid), signal);
                sent.map_err(|errno| refused(rustix::io::Errno::from_raw_os_error(errno as i32)))
            }
            Err(errno) => Err(refused(errno)),
        }
    }
}

fn signal_number(signal: Signal) -> Option<rustix::process::Signal> {
    rustix::process::Signal::from_named_raw(signal as i32)
}

/// The command line that runs `argv` as a user, through our own program; as it is for ourselves.
#[must_use]
pub fn as_user(launcher: &std::path::Path, user: Option<&User>, argv: Vec<String>) -> Vec<String> {
    if user.is_none() {
        return argv;
    }
    let mut all = vec![launcher.display().to_string(), "__exec".to_string()];
    all.extend(who(user));
    all.push("--".to_string());
    all.extend(argv);
    all
}

/// The arguments of `__exec` that say who the server runs as.
fn who(user: Option<&User>) -> Vec<String> {
    let Some(user) = user else { return Vec::new() };
    let mut args = vec![format!("--uid={}", user.uid), format!("--gid={}", user.gid)];
    if !user.name.is_empty() {
        args.push(format!("--user={}", user.name));
    }
    args
}

/// What `redis-dr __exec [--limit=…]… [--uid=N --gid=N [--user=NAME]] -- program args…` does: own session, those limits, that
/// user with all groups, then become the program. Returns only when it fails. Print the error and exit 127.
#[must_use]
pub fn exec_as(args: &[OsString]) -> io::Error {
    match become_user(args) {
        Ok(mut command) => command.exec(),
        Err(error) => error,
    }
}

fn become_user(args: &[OsString]) -> io::Result<std::process::Command> {
    let wrong = |because: &str| io::Error::new(io::ErrorKind::InvalidInput, because.to_string());
    let at = args.iter().position(|arg| arg == "--").ok_or_else(|| wrong("no -- before the program"))?;
    let option = |name: &str| args[..at].iter().find_map(|arg| arg.to_str()?.strip_prefix(name)?.strip_prefix('='));
    let id = |name: &str| {
        option(name).map(|text| text.parse::<u32>().map_err(|_| wrong("an id that is no number"))).transpose()
    };
    let (program, rest) = args[at + 1..].split_first().ok_or_else(|| wrong("no program after --"))?;
    // Refused only for the leader of a group, which then has been made to be one on purpose.
    let _ = nix::unistd::setsid();
    // while we may still be root
    args[..at].iter().filter_map(|arg| arg.to_str()).for_each(limits::take_on);
    if let (Some(uid), Some(gid)) = (id("--uid")?, id("--gid")?) {
        drop_to(uid, gid, option("--user"))?;
    }
    close_inherited()?;
    let mut command = std::process::Command::new(program);
    command.args(rest);
    Ok(command)
}

/// Closes all but the three standard descriptors. Ours close by themselves; these are what whoever called redis-dr left
/// open (a lock of a cron wrapper, a pipe of a pager), and the server would hold them for as long as it lives.
fn close_inherited() -> io::Result<()> {
    let open: Vec<i32> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for fd in open.into_iter().filter(|fd| *fd > 2) {
        // The descriptor of the listing itself is closed already.
        let _ = nix::unistd::close(fd);
    }
    Ok(())
}

/// Gives up who we are, groups first: after the user is changed that is not allowed any more.
fn drop_to(uid: u32, gid: u32, name: Option<&str>) -> io::Result<()> {
    let gid = nix::unistd::Gid::from_raw(gid);
    match name {
        Some(name) => {
            let name = CString::new(name).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
            nix::unistd::initgroups(&name, gid)?;
        }
        None => nix::unistd::setgroups(&[gid])?,
    }
    nix::unistd::setgid(gid)?;
    nix::unistd::setuid(nix::unistd::Uid::from_raw(uid))?;
    if uid != 0 && nix::unistd::setuid(nix::unistd::Uid::from_raw(0)).is_ok() {
        return Err(io::Error::other("root could be had back after giving it up"));
    }
    Ok(())
}

/// Waits until a process is gone; `false` when it is still there after `timeout`.
pub(crate) fn wait_gone(look: &Look, id: ProcId, timeout: Duration, tick: &mut dyn FnMut()) -> bool {
    let deadline = std::time::Instant::now() + timeout;
    let mut pause = Duration::from_millis(2);
    while !look.gone(id) {
        if std::time::Instant::now() >= deadline {
            return false;
        }
        tick();
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(100));
    }
    true
}
