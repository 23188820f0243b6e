//! The process table: whose process listens, and is it ours.
use crate::host::{Kind, Look};
use crate::config::Address;
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A process, as /proc tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proc {
    /// Its id.
    pub pid: i32,
    /// Its parent's id.
    pub parent: i32,
    /// State letter.
    pub state: char,
    /// Its command line; one word where it wrote its own title.
    pub argv: Vec<String>,
    /// Its working directory.
    pub cwd: Option<PathBuf>,
    /// Whose it is.
    pub uid: Option<u32>,
    /// When it started, seconds since 1970.
    pub started: Option<i64>,
}

impl Proc {
    /// Is it a Redis or Valkey server, by its command line? Its program file may carry another name (Debian links
    /// redis-server to redis-check-rdb).
    #[must_use]
    pub fn is_server(&self) -> bool {
        let Some(first) = self.argv.first() else { return false };
        let program = first.split(' ').next().unwrap_or(first);
        let name = program.rsplit('/').next().unwrap_or(program).trim_end_matches(':');
        let sentinel = self.argv.iter().any(|word| word == "--sentinel" || word.ends_with("[sentinel]"));
        matches!(name, "redis-server" | "valkey-server" | "redict-server") && !sentinel
    }

    /// The program, where its path is known.
    #[must_use]
    pub fn program(&self) -> Option<PathBuf> {
        let first = self.argv.first()?;
        let program = first.split(' ').next().unwrap_or(first);
        program.starts_with('/').then(|| PathBuf::from(program))
    }

    /// Did it replace its command line by a title (`redis-server 127.0.0.1:6379`)? Then its arguments are not known.
    #[must_use]
    pub fn wrote_title(&self) -> bool {
        self.argv.first().is_some_and(|first| first.contains(' '))
    }

    /// Short and printable, for evidence.
    #[must_use]
    pub fn shown(&self) -> String {
        let line: String = self.argv.join(" ").chars().take(120).collect();
        format!("{} (pid {})", line.escape_debug(), self.pid)
    }
}

/// Every process that can be seen.
#[must_use]
pub fn all(look: &Look) -> Vec<Proc> {
    let Ok(entries) = look.list(Path::new("/proc")) else { return vec![] };
    let boot = boot_time(look);
    entries
        .iter()
        .filter(|e| e.stat.kind == Kind::Directory)
        .filter_map(|e| e.name.to_str()?.parse().ok())
        .filter_map(|pid| one(look, pid, boot))
        .collect()
}

/// One process; none when it is gone or a zombie.
#[must_use]
pub fn by_pid(look: &Look, pid: i32) -> Option<Proc> {
    one(look, pid, boot_time(look))
}

fn one(look: &Look, pid: i32, boot: Option<i64>) -> Option<Proc> {
    let dir = PathBuf::from(format!("/proc/{pid}"));
    let stat = String::from_utf8_lossy(&look.read(&dir.join("stat"), 8192).ok()?).into_owned();
    // The name in brackets may hold anything; fields count from after the last bracket.
    let fields: Vec<&str> = stat.get(stat.rfind(')')? + 1..)?.split_whitespace().collect();
    let state = fields.first()?.chars().next()?;
    if matches!(state, 'Z' | 'X') {
        return None;
    }
    let ticks: Option<i64> = fields.get(19).and_then(|t| t.parse().ok());
    let cmdline = look.read(&dir.join("cmdline"), 1 << 20).unwrap_or_default();
    let argv = cmdline
        .split(|b| *b == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect::<Vec<_>>();
    let last = argv.iter().rposition(|word| !word.is_empty()).map_or(0, |at| at + 1);
    Some(Proc {
        pid,
        parent: fields.get(1).and_then(|p| p.parse().ok()).unwrap_or(0),
        state,
        argv: argv.into_iter().take(last).collect(),
        cwd: look.read_link(&dir.join("cwd")).ok(),
        uid: look.stat(&dir).ok().map(|s| s.uid),
        // The kernel counts in hundredths of a second on every supported machine.
        started: boot.zip(ticks).map(|(boot, ticks)| boot + ticks / 100),
    })
}

fn boot_time(look: &Look) -> Option<i64> {
    let stat = look.read_text(Path::new("/proc/stat"), 4 << 20).ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// Who listens on an address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listeners {
    /// Does anybody?
    pub any: bool,
    /// Process ids, as far as they may be seen.
    pub pids: Vec<i32>,
}

/// Finds who listens on an address of this host.
#[must_use]
pub fn listeners(look: &Look, address: &Address) -> Listeners {
    let inodes = match address {
        Address::Tcp { port, .. } => ["/proc/net/tcp", "/proc/net/tcp6"]
            .iter()
            .filter_map(|table| look.read_text(Path::new(table), 64 << 20).ok())
            .flat_map(|text| text.lines().skip(1).filter_map(|line| tcp_listener(line, *port)).collect::<Vec<_>>())
            .collect::<BTreeSet<u64>>(),
        Address::Unix(path) => look
            .read_text(Path::new("/proc/net/unix"), 64 << 20)
            .ok()
            .map(|text| text.lines().skip(1).filter_map(|line| unix_listener(line, path)).collect())
            .unwrap_or_default(),
    };
    if inodes.is_empty() {
        return Listeners::default();
    }
    let wanted: BTreeSet<Vec<u8>> = inodes.iter().map(|inode| format!("socket:[{inode}]").into_bytes()).collect();
    let Ok(entries) = look.list(Path::new("/proc")) else { return Listeners { any: true, pids: vec![] } };
    let pids = entries.iter().filter_map(|e| e.name.to_str()?.parse::<i32>().ok());
    Listeners { any: true, pids: pids.filter(|pid| holds(look, *pid, &wanted)).collect() }
}

/// Does the process have one of these sockets open?
fn holds(look: &Look, pid: i32, wanted: &BTreeSet<Vec<u8>>) -> bool {
    let dir = PathBuf::from(format!("/proc/{pid}/fd"));
    let Ok(entries) = look.list(&dir) else { return false };
    entries.iter().any(|entry| {
        look.read_link(&dir.join(&entry.name)).is_ok_and(|target| wanted.contains(target.as_os_str().as_bytes()))
    })
}

/// The inode of a line of /proc/net/tcp that listens on this port.
fn tcp_listener(line: &str, port: u16) -> Option<u64> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let local = fields.get(1)?.rsplit_once(':')?.1;
    let listens = *fields.get(3)? == "0A" && u16::from_str_radix(local, 16).ok()? == port;
    listens.then(|| fields.get(9)?.parse().ok()).flatten()
}

/// The inode of a line of /proc/net/unix that listens on this path.
fn unix_listener(line: &str, path: &Path) -> Option<u64> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let listens = u32::from_str_radix(fields.get(3)?, 16).ok()? & 0x1_0000 != 0;
    (listens && Path::new(fields.get(7)?) == path).then(|| fields.get(6)?.parse().ok()).flatten()
}

/// The unit that a process belongs to, by its cgroup.
#[must_use]
pub fn unit_of(look: &Look, pid: i32) -> Option<String> {
    let text = look.read_text(Path::new(&format!("/proc/{pid}/cgroup")), 1 << 16).ok()?;
    text.lines()
        .filter_map(|line| line.rsplit(':').next()?.rsplit('/').find(|part| part.ends_with(".service")))
        .find(|unit| !unit.starts_with("user@"))
        .map(str::to_string)
}

/// Parents that are not supervisors: a person's shell and what it came in through.
const SHELLS: &[&str] = &["sh", "bash", "dash", "zsh", "fish", "ksh", "login", "sshd", "tmux", "screen", "sudo", "su", "init", "systemd"];

/// The supervisor above a process that redis-dr does not know how to drive; none when it is PID 1 or a shell.
#[must_use]
pub fn unknown_supervisor(look: &Look, process: &Proc) -> Option<String> {
    if process.pid == 1 {
        return Some("it is PID 1 of a container".into());
    }
    if process.parent <= 1 {
        return None;
    }
    let parent = by_pid(look, process.parent)?;
    let first = parent.argv.first().cloned().unwrap_or_default();
    let name = first.split(' ').next().unwrap_or("").rsplit('/').next().unwrap_or("").trim_start_matches('-').trim_end_matches(':');
    (!SHELLS.contains(&name)).then(|| parent.shown())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn proc_of(argv: &[&str]) -> Proc {
        let argv = argv.iter().map(|s| (*s).to_string()).collect();
        Proc { pid: 7, parent: 1, state: 'S', argv, cwd: None, uid: None, started: None }
    }

    #[test]
    fn a_server_is_known_by_its_command_line() {
        assert!(proc_of(&["/usr/bin/redis-server 127.0.0.1:6379"]).is_server());
        assert!(proc_of(&["valkey-server", "/etc/valkey.conf"]).is_server());
        assert!(!proc_of(&["/usr/bin/redis-server *:26379 [sentinel]"]).is_server());
        assert!(!proc_of(&["vim", "redis-server"]).is_server());
        assert!(!proc_of(&["/usr/bin/redis-server-backup"]).is_server());
    }

    #[test]
    fn listening_lines_are_read() {
        let line = "   0: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0";
        assert_eq!(tcp_listener(line, 6379), Some(12345));
        assert_eq!(tcp_listener(line, 6380), None);
    }
}
