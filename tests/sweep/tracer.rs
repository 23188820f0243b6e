//! Runs redis-dr under ptrace, counts the moments at which it changes something, and at one of them lets it die or fail.
//!
//! Its threads are followed, its children are not: a server that it starts runs free.
use crate::syscalls::{Point, point};
use crate::troubles::LoopDisk;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// The word that makes this program let itself be traced, and then become another.
pub const TRACED: &str = "__traced";

/// How long redis-dr may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(90);

/// What happens at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL, and the call is not made.
    KillBefore,
    /// SIGKILL right after the call.
    KillAfter,
    /// The call is not made and fails with this.
    Fails(i32),
    /// This one fails, and every later one that takes room on the disk.
    FailsFromHere(i32),
    /// The disk loses its power, with all that was not synced; the call is not made, and redis-dr is gone.
    PowerLoss,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |errno: &i32| format!("{:?}", nix::errno::Errno::from_raw(*errno));
        match self {
            Self::KillBefore => write!(out, "killed before"),
            Self::KillAfter => write!(out, "killed after"),
            Self::Fails(errno) => write!(out, "{} at", name(errno)),
            Self::FailsFromHere(errno) => write!(out, "{} from", name(errno)),
            Self::PowerLoss => write!(out, "power lost at"),
        }
    }
}

/// What became of a traced run.
#[derive(Debug)]
pub struct Traced {
    /// Its exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Every point it came to, the one with the fault included.
    pub points: Vec<Point>,
    pub stdout: String,
    pub stderr: String,
}

/// What this program does when it is called back with [`TRACED`]: becomes `argv`, traced by whoever started it.
pub fn become_traced(argv: &[String]) -> String {
    if let Err(error) = ptrace::traceme() {
        return format!("ptrace: {error}");
    }
    format!("{}: {}", argv[0], Command::new(&argv[0]).args(&argv[1..]).exec())
}

/// Why nothing can be traced here.
pub fn refused() -> Option<String> {
    if !cfg!(target_arch = "x86_64") {
        return Some(format!("it knows the system calls of x86_64 only, this is {}", std::env::consts::ARCH));
    }
    match trace(&Command::new("true"), Path::new("/nowhere"), None) {
        Ok(Traced { code: Some(0), .. }) => None,
        Ok(Traced { stderr, .. }) => Some(format!("ptrace is refused here: {stderr}")),
        Err(error) => Some(format!("ptrace is refused here: {error}")),
    }
}

/// Runs a command to its end; at the point of that number (from 1) the fault happens. Only what is under `root` counts.
pub fn trace(command: &Command, root: &Path, fault: Option<(usize, Fault)>) -> nix::Result<Traced> {
    let mut stdout = tempfile::tempfile().unwrap();
    let mut stderr = tempfile::tempfile().unwrap();
    let mut traced = Command::new(std::env::current_exe().unwrap());
    traced.arg(TRACED).arg(command.get_program()).args(command.get_args()).process_group(0);
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => traced.env(key, value),
            None => traced.env_remove(key),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        traced.current_dir(dir);
    }
    traced.stdin(Stdio::null()).stdout(stdout.try_clone().unwrap()).stderr(stderr.try_clone().unwrap());
    // waited for below, with its threads
    #[allow(clippy::zombie_processes)]
    let child = traced.spawn().unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let (ended, waits) = mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if waits.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = kill(pid, Signal::SIGKILL);
        }
    });
    let mut walk = Walk { root, fault, points: Vec::new(), inside: HashMap::new() };
    let code = walk.follow(pid);
    drop(ended);
    watchdog.join().unwrap();
    let said = |file: &mut std::fs::File| {
        let mut text = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    };
    Ok(Traced { code: code?, points: walk.points, stdout: said(&mut stdout), stderr: said(&mut stderr) })
}

/// What is to happen when a thread comes out of its system call.
#[derive(Clone, Copy)]
enum OnExit {
    Nothing,
    Die,
    Fail(i32),
}

struct Walk<'r> {
    root: &'r Path,
    fault: Option<(usize, Fault)>,
    points: Vec<Point>,
    /// Threads inside a system call.
    inside: HashMap<Pid, OnExit>,
}

impl Walk<'_> {
    fn follow(&mut self, pid: Pid) -> nix::Result<Option<i32>> {
        let group = Pid::from_raw(-pid.as_raw());
        let mut begun = false;
        loop {
            // a thread that dies while it is spoken to is no error: the next wait tells
            match waitpid(group, Some(WaitPidFlag::__WALL))? {
                WaitStatus::Exited(who, code) if who == pid => return Ok(Some(code)),
                WaitStatus::Signaled(who, ..) if who == pid => return Ok(None),
                WaitStatus::PtraceSyscall(thread) => {
                    let _ = self.at_syscall(pid, thread);
                    let _ = ptrace::syscall(thread, None);
                }
                WaitStatus::PtraceEvent(thread, ..) => {
                    let _ = ptrace::syscall(thread, None);
                }
                WaitStatus::Stopped(thread, signal) => {
                    if !begun {
                        let options =
                            Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL;
                        ptrace::setoptions(thread, options)?;
                        begun = true;
                    }
                    // the first stop of a program, and of each thread, is the trace's own
                    let own = matches!(signal, Signal::SIGSTOP | Signal::SIGTRAP);
                    let _ = ptrace::syscall(thread, (!own).then_some(signal));
                }
                _ => {}
            }
        }
    }

    fn at_syscall(&mut self, pid: Pid, thread: Pid) -> nix::Result<()> {
        match self.inside.remove(&thread) {
            None => {
                let then = self.enters(pid, thread)?;
                self.inside.insert(thread, then);
            }
            Some(OnExit::Nothing) => {}
            Some(OnExit::Die) => kill(pid, Signal::SIGKILL)?,
            Some(OnExit::Fail(errno)) => {
                let mut regs = ptrace::getregs(thread)?;
                regs.rax = (-i64::from(errno)).cast_unsigned();
                ptrace::setregs(thread, regs)?;
            }
        }
        Ok(())
    }

    fn enters(&mut self, pid: Pid, thread: Pid) -> nix::Result<OnExit> {
        let mut regs = ptrace::getregs(thread)?;
        let Some(point) = point(thread, &regs, self.root) else {
            return Ok(OnExit::Nothing);
        };
        let takes_room = matches!(
            point.call,
            "write" | "create" | "mkdir" | "link" | "fallocate" | "copy_file_range" | "ficlone" | "fsetxattr"
        );
        self.points.push(point);
        let then = match self.fault {
            Some((at, fault)) if at == self.points.len() => fault,
            Some((at, Fault::FailsFromHere(errno))) if at < self.points.len() && takes_room => Fault::Fails(errno),
            _ => return Ok(OnExit::Nothing),
        };
        if then == Fault::KillAfter {
            return Ok(OnExit::Die);
        }
        if then == Fault::PowerLoss {
            LoopDisk::power_off(self.root).unwrap();
        }
        // no call of that number: nothing is done
        regs.orig_rax = u64::MAX;
        ptrace::setregs(thread, regs)?;
        match then {
            Fault::Fails(errno) | Fault::FailsFromHere(errno) => Ok(OnExit::Fail(errno)),
            Fault::KillBefore | Fault::KillAfter | Fault::PowerLoss => {
                kill(pid, Signal::SIGKILL)?;
                Ok(OnExit::Nothing)
            }
        }
    }
}
