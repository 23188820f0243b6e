//! Commands as values, run with a deadline, bounded output and a clean environment.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::ProcessError;
use super::Reins;
use crate::host::Look;

/// A program with its arguments: never a shell string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// After this it is killed, with all it started in its process group.
    pub timeout: Duration,
    /// What it reads; nothing without it.
    pub stdin: Option<Vec<u8>>,
    /// Variables besides PATH and LC_ALL=C; nothing is inherited.
    pub env: Vec<(String, String)>,
    /// Working directory; `/` without it.
    pub cwd: Option<PathBuf>,
}

/// What a command left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Exit code; `None` when a signal ended it.
    pub status: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// At most 1 MiB of what it wrote; the rest is read and dropped.
    pub stdout: Vec<u8>,
    /// At most 1 MiB of its complaints.
    pub stderr: Vec<u8>,
    /// It was killed, since it took too long.
    pub timed_out: bool,
}

impl Command {
    /// A command without input and additional variables.
    #[must_use]
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>, timeout: Duration) -> Self {
        let argv = argv.into_iter().map(Into::into).collect();
        Command { argv, timeout, stdin: None, env: Vec::new(), cwd: None }
    }

    /// The command on one line, for messages.
    #[must_use]
    pub fn shown(&self) -> String {
        self.argv.join(" ").chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
    }
}

impl Output {
    /// How a command ended, and its complaints.
    pub(super) fn ended(status: Option<std::process::ExitStatus>, timed_out: bool, stderr: Option<Vec<u8>>) -> Self {
        Output {
            status: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            stdout: Vec::new(),
            stderr: stderr.unwrap_or_default(),
            timed_out,
        }
    }

    /// It ended by itself with 0.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.status == Some(0)
    }

    /// Standard output as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Why it failed, in one line: how it ended and the last line of its complaints.
    #[must_use]
    pub fn complaint(&self) -> String {
        let how = match (self.timed_out, self.status, self.signal) {
            (true, ..) => "took too long and was killed".to_string(),
            (_, Some(code), _) => format!("exit code {code}"),
            (_, None, Some(signal)) => format!("ended by signal {signal}"),
            _ => "did not end".to_string(),
        };
        let said = if self.stderr.iter().all(u8::is_ascii_whitespace) { &self.stdout } else { &self.stderr };
        let said = String::from_utf8_lossy(said);
        let last: String = said
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("")
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(300)
            .collect();
        if last.is_empty() { how } else { format!("{how}: {last}") }
    }
}

impl Look {
    /// Runs a command that only looks (`systemctl show`, `redis-server --version`). The caller vouches for that.
    ///
    /// # Errors
    /// It could not be started. A bad exit code is no error here.
    pub fn ask(&self, command: &Command) -> Result<Output, ProcessError> {
        run(command)
    }
}

impl Reins {
    /// Runs a command that changes something.
    ///
    /// # Errors
    /// It could not be started. A bad exit code is no error here.
    pub fn run(&self, command: &Command) -> Result<Output, ProcessError> {
        run(command)
    }
}

/// What is kept of each of the two outputs.
const KEPT: usize = 1 << 20;
/// How long after its end the outputs may stay open: a daemon that it started can hold them for ever.
const AFTERWARDS: Duration = Duration::from_millis(500);
/// Where programs are looked for; systemd's own list, so that a clean environment finds what an operator's does.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The command in a clean environment; none where it is empty.
pub(super) fn clean(command: &Command) -> Option<std::process::Command> {
    let (program, args) = command.argv.split_first()?;
    let mut clean = std::process::Command::new(program);
    clean
        .args(args)
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .envs(command.env.iter().map(|(name, value)| (name, value)))
        .current_dir(command.cwd.clone().unwrap_or_else(|| PathBuf::from("/")));
    Some(clean)
}

fn run(command: &Command) -> Result<Output, ProcessError> {
    let program = command.argv.first().cloned().ok_or(ProcessError::Empty)?;
    let mut child = clean(command)
        .ok_or(ProcessError::Empty)?
        .stdin(if command.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Its own group: Ctrl-C in our terminal is for us, and a timeout reaches what it started.
        .process_group(0)
        .spawn()
        .map_err(|source| ProcessError::Spawn { program, source })?;
    if let (Some(mut pipe), Some(bytes)) = (child.stdin.take(), command.stdin.clone()) {
        // A command that does not read its input is no failure.
        std::thread::spawn(move || drop(pipe.write_all(&bytes)));
    }
    let stdout = Gathering::of(child.stdout.take());
    let stderr = Gathering::of(child.stderr.take());
    let (status, timed_out) = wait(&mut child, Instant::now() + command.timeout);
    let until = Instant::now() + AFTERWARDS;
    let out = Output::ended(status, timed_out, Some(stderr.until(until)));
    Ok(Output { stdout: stdout.until(until), ..out })
}

/// Waits for the end, kills at the deadline.
pub(super) fn wait(child: &mut Child, deadline: Instant) -> (Option<std::process::ExitStatus>, bool) {
    let mut pause = Duration::from_micros(200);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return (Some(status), false),
            Ok(None) if Instant::now() < deadline => {}
            Ok(None) | Err(_) => break,
        }
        // a kernel before 5.3 has no such descriptor: then it is looked at again and again
        if ended_by(child, deadline).is_none() {
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
    if let Ok(group) = i32::try_from(child.id()) {
        let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(group), nix::sys::signal::Signal::SIGKILL);
    }
    let _ = child.kill();
    (child.wait().ok(), true)
}

/// Sleeps until the child ends, or until the deadline; `None` where the system can't tell.
fn ended_by(child: &Child, deadline: Instant) -> Option<()> {
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).ok()?)?;
    let fd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()?;
    let left = PollTimeout::try_from(deadline.saturating_duration_since(Instant::now())).unwrap_or(PollTimeout::MAX);
    poll(&mut [PollFd::new(fd.as_fd(), PollFlags::POLLIN)], left).ok().map(|_| ())
}

/// Reads one output beside us, to its end, and keeps the beginning.
#[derive(Debug)]
pub(super) struct Gathering {
    kept: Arc<Mutex<Vec<u8>>>,
    ended: mpsc::Receiver<()>,
}

impl Gathering {
    pub(super) fn of(pipe: Option<impl Read + Send + 'static>) -> Gathering {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let (end, ended) = mpsc::channel();
        if let Some(mut pipe) = pipe {
            let into = Arc::clone(&kept);
            std::thread::spawn(move || {
                let mut room = [0; 8192];
                while let Ok(got @ 1..) = pipe.read(&mut room) {
                    if let Ok(mut kept) = into.lock() {
                        let take = got.min(KEPT - kept.len());
                        kept.extend_from_slice(&room[..take]);
                    }
                }
                drop(end);
            });
        }
        Gathering { kept, ended }
    }

    pub(super) fn until(self, deadline: Instant) -> Vec<u8> {
        let _ = self.ended.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        self.kept.lock().map(|mut kept| std::mem::take(&mut *kept)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sh(script: &str, timeout: Duration) -> Output {
        run(&Command { stdin: Some(b"in\n".to_vec()), ..Command::new(["sh", "-c", script], timeout) }).unwrap()
    }

    #[test]
    fn a_command_is_run_in_a_clean_environment() {
        let out = sh("cat; env; pwd; echo no >&2; exit 3", Duration::from_secs(5));
        assert_eq!(out.status, Some(3));
        assert!(out.text().starts_with("in\n"));
        assert!(!out.text().contains("CARGO"));
        assert!(out.text().ends_with("/\n"));
        assert_eq!(out.complaint(), "exit code 3: no");
        assert!(matches!(run(&Command::new(["/no/such"], AFTERWARDS)), Err(ProcessError::Spawn { .. })));
        assert!(matches!(run(&Command::new(Vec::<String>::new(), AFTERWARDS)), Err(ProcessError::Empty)));
    }

    #[test]
    fn a_command_that_hangs_or_babbles_is_bounded() {
        let began = Instant::now();
        let out = sh("sleep 60 & sleep 60", Duration::from_millis(200));
        assert!(out.timed_out && !out.ok());
        let out = sh("sleep 2 & echo done", Duration::from_secs(5));
        assert!(out.ok() && out.text() == "done\n", "a daemon that holds the pipe does not hold us");
        assert!(began.elapsed() < Duration::from_secs(2));
        let out = sh("yes | head -c 3000000", Duration::from_secs(10));
        assert_eq!(out.stdout.len(), KEPT);
    }
}
