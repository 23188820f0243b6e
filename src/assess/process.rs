//! What a process of the table means for an instance.
use crate::config::Address;
use crate::host::Look;
use crate::host::process::{Listener, Proc};
use std::path::PathBuf;

/// The program, where its path is known. The title that a server writes over its arguments begins with it; the program
/// file may carry another name (Debian links redis-server to redis-check-rdb).
#[must_use]
pub fn program(process: &Proc) -> Option<PathBuf> {
    let first = process.cmdline.first()?;
    let program = first.split(' ').next().unwrap_or(first);
    program.starts_with('/').then(|| PathBuf::from(program))
}

/// Did it write a title (`redis-server 127.0.0.1:6379`) over its command line? Then its arguments are not known.
#[must_use]
pub fn wrote_title(process: &Proc) -> bool {
    process.cmdline.first().is_some_and(|first| first.contains(' '))
}

/// The command line without the empty words that a shorter title leaves behind.
#[must_use]
pub fn arguments(process: &Proc) -> Vec<String> {
    let last = process.cmdline.iter().rposition(|word| !word.trim().is_empty()).map_or(0, |at| at + 1);
    process.cmdline.iter().take(last).cloned().collect()
}

/// A process for evidence: command line and id.
#[must_use]
pub fn shown(process: &Proc) -> String {
    format!("{} (pid {})", process.shown(), process.pid())
}

/// Who listens on an address of this host.
#[must_use]
pub fn listeners(look: &Look, address: &Address) -> Vec<Listener> {
    match address {
        Address::Tcp { port, .. } => look.listeners(*port),
        Address::Unix(path) => look.unix_listeners(path),
    }
    .unwrap_or_default()
}

/// Parents that are not supervisors: a person's shell and what it came in through.
const SHELLS: &[&str] =
    &["sh", "bash", "dash", "zsh", "fish", "ksh", "login", "sshd", "tmux", "screen", "sudo", "su", "init", "systemd"];

/// The supervisor above a process that redis-dr does not know how to drive; none when it is PID 1 or a shell.
#[must_use]
pub fn unknown_supervisor(look: &Look, process: &Proc) -> Option<String> {
    if process.pid() == 1 {
        return Some("it is PID 1 of a container".into());
    }
    if process.ppid <= 1 {
        return None;
    }
    let parent = look.parent(process)?;
    let name = parent.comm.split(':').next().unwrap_or_default();
    (!SHELLS.contains(&name)).then(|| shown(&parent))
}
