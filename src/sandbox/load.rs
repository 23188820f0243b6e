//! A private load: the server's own program loads a set of files, in a directory of its own, and ends.
//!
//! It listens on a unix socket in that directory and nowhere else, writes no snapshot and rewrites no AOF, and runs as the
//! server's user. Whoever calls has put links and copies into the directory, and removes it afterwards. The server is
//! killed when the load is done, given up or failed; one that outlived a redis-dr that was killed is ended by
//! [`end_strays`], which the next use calls first.
use crate::host::process::{Launch, Launched, Proc, ProcId, Reins};
use crate::host::{Look, TEMP_PREFIX, User};
use crate::server::{Endpoint, Server, ServerError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The name of its configuration file in its directory.
pub const CONFIG: &str = "private.conf";
const LOG: &str = "private.log";
const SOCKET: &str = "s";
/// Bytes of its log that are read.
const LOG_BYTES: u64 = 1 << 20;
/// How long a killed server may take to be gone.
const GONE: Duration = Duration::from_secs(10);

/// The snapshot that it saves in its directory.
pub const SNAPSHOT: &str = "dump.rdb";
/// How long it may take to save.
const SAVE: Duration = Duration::from_secs(3600);

/// What is done with the server once it has loaded.
type Then<'a> = dyn Fn(&mut Server) -> Result<(), ServerError> + 'a;

/// What is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loads {
    /// The AOF of this name: parts with a manifest beside the configuration, or one file.
    Aof(String),
    /// The snapshot of this name.
    Snapshot(String),
}

/// A server that loads and ends.
#[derive(Debug, Clone)]
pub struct PrivateLoad {
    /// The server program.
    pub program: PathBuf,
    /// Its version, such as 7.0.15.
    pub version: String,
    /// Lines of the owner's configuration that decide what can be loaded: `databases`, modules, renamed commands.
    pub lines: Vec<String>,
    /// What it loads.
    pub loads: Loads,
    /// Who it runs as, when not as ourselves.
    pub user: Option<User>,
    /// The redis-dr program, which changes to that user.
    pub launcher: PathBuf,
    /// How long the load may take.
    pub timeout: Duration,
}

/// What a server made of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Keys in all databases.
    pub keys: u64,
    /// Keys that a snapshot brought, and keys whose time was over; 7.0 and newer.
    pub from_snapshot: Option<(u64, u64)>,
    /// DEBUG DIGEST, where the server allows it.
    pub digest: Option<String>,
    /// Commands of the AOF that the server refused: how many, and the first one in its words. 6.0 does not tell.
    pub refused: Option<(usize, String)>,
}

impl PrivateLoad {
    /// The configuration that it needs in its directory, under the name [`CONFIG`].
    #[must_use]
    pub fn config(&self) -> String {
        let seven = self.version.split('.').next().and_then(|major| major.parse::<u32>().ok()).is_some_and(|m| m >= 7);
        let mut lines = self.lines.clone();
        lines.extend(
            ["port 0", "save \"\"", "daemonize no", "supervised no", "pidfile \"\"", "dir .", "maxmemory 0"]
                .map(str::to_string),
        );
        lines.extend([format!("unixsocket {SOCKET}"), "unixsocketperm 700".into(), format!("logfile {LOG}")]);
        match &self.loads {
            Loads::Snapshot(name) => lines.extend(["appendonly no".into(), format!("dbfilename {name}")]),
            Loads::Aof(name) => {
                let name = name.replace('\\', "\\\\").replace('"', "\\\"");
                lines.extend(["appendonly yes".into(), format!("appendfilename \"{name}\"")]);
                lines.extend(
                    ["aof-load-truncated no", "appendfsync no", "auto-aof-rewrite-percentage 0"].map(Into::into),
                );
                if seven {
                    lines.push("appenddirname .".into());
                }
            }
        }
        if seven {
            lines.push("enable-debug-command yes".into());
        }
        lines.join("\n") + "\n"
    }

    /// Loads what is in `dir`, and ends the server whatever comes of it. `interrupted` is asked all along.
    ///
    /// # Errors
    /// It does not load, or not in time; in words.
    pub fn load(
        &self,
        look: &Look,
        reins: &Reins,
        dir: &Path,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Loaded, String> {
        self.load_and(look, reins, dir, interrupted, &|_| Ok(()))
    }

    /// As [`PrivateLoad::load`]; then the server saves all it holds as [`SNAPSHOT`] in its directory.
    ///
    /// # Errors
    /// As [`PrivateLoad::load`]; it can't save.
    pub fn load_and_save(
        &self,
        look: &Look,
        reins: &Reins,
        dir: &Path,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Loaded, String> {
        self.load_and(look, reins, dir, interrupted, &|server| {
            server.set_timeout(SAVE);
            // nobody else uses it: a save in its own process needs no second copy of the memory
            server.give(&["SAVE"]).map(|_| ())
        })
    }

    fn load_and(
        &self,
        look: &Look,
        reins: &Reins,
        dir: &Path,
        interrupted: &dyn Fn() -> bool,
        then: &Then<'_>,
    ) -> Result<Loaded, String> {
        let launch = Launch {
            argv: vec![self.program.display().to_string(), CONFIG.to_string()],
            user: self.user.clone(),
            cwd: dir.to_path_buf(),
            log: None,
            limits: None,
            launcher: self.launcher.clone(),
        };
        let launched = reins.launch(launch).map_err(|e| e.to_string())?;
        let running = Running { look, reins, launched, id: None };
        self.wait(running, dir, interrupted, then)
    }

    fn wait(
        &self,
        mut running: Running<'_>,
        dir: &Path,
        interrupted: &dyn Fn() -> bool,
        then: &Then<'_>,
    ) -> Result<Loaded, String> {
        let started = Instant::now();
        loop {
            if let Some(status) = running.launched.ended() {
                let why = last_words(running.look, dir).unwrap_or_else(|| status.to_string());
                return Err(format!("a private server could not load it: {why}"));
            }
            running.know();
            if let Some(mut server) = running.connect() {
                match server.ping() {
                    Ok(()) => {
                        let found = loaded(&mut server, running.look, dir).map_err(|e| e.to_string())?;
                        then(&mut server).map_err(|e| e.to_string())?;
                        return Ok(found);
                    }
                    Err(e) if e.answered() && e.code() == "LOADING" => {}
                    Err(e) if e.answered() => return Err(format!("a private server loaded it and then said {e}")),
                    Err(_) => {}
                }
            }
            if interrupted() {
                return Err("interrupted".into());
            }
            if started.elapsed() > self.timeout {
                return Err(format!("a private server had not loaded it after {} s", self.timeout.as_secs()));
            }
            std::thread::sleep((started.elapsed() / 20).clamp(Duration::from_millis(5), Duration::from_millis(200)));
        }
    }
}

/// The server while it lives; dropped, it is killed.
struct Running<'a> {
    look: &'a Look,
    reins: &'a Reins,
    launched: Launched,
    id: Option<ProcId>,
}

impl Running<'_> {
    /// Its identity, as soon as the process can be seen.
    fn know(&mut self) {
        self.id = self.id.or_else(|| self.look.process(self.launched.pid).map(|p| p.id));
    }

    /// A connection by way of its working directory: the directory's own path may be longer than a socket's may be.
    fn connect(&self) -> Option<Server> {
        let socket = PathBuf::from(format!("/proc/{}/cwd/{SOCKET}", self.launched.pid));
        let address = format!("unix:{}", socket.display()).parse().ok()?;
        Server::connect(&Endpoint::plain(address), Duration::from_secs(2)).ok()
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.know();
        if let Some(id) = self.id {
            end(self.look, self.reins, id);
        }
    }
}

fn end(look: &Look, reins: &Reins, id: ProcId) {
    if reins.signal(id, nix::sys::signal::Signal::SIGKILL).is_ok() {
        crate::host::process::wait_gone(look, id, GONE, &mut || {});
    }
}

/// Kills private servers under a directory that outlived the redis-dr that started them. To be called under the
/// instance's lock: whoever holds it has no other one at work.
pub fn end_strays(look: &Look, reins: &Reins, above: &Path) {
    let above = look.real_path(above).unwrap_or_else(|_| above.to_path_buf());
    let stray = |p: &Proc| {
        let Some(cwd) = p.cwd.as_deref() else { return false };
        let name = cwd.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        cwd.parent() == Some(above.as_path()) && name.starts_with(TEMP_PREFIX)
    };
    for stray in look.servers().unwrap_or_default().iter().filter(|p| stray(p)) {
        end(look, reins, stray.id);
    }
}

fn loaded(server: &mut Server, look: &Look, dir: &Path) -> Result<Loaded, ServerError> {
    let info = server.info(Some("everything"))?;
    server.set_timeout(Duration::from_secs(120));
    let digest = server.give(&["DEBUG", "DIGEST"]).ok();
    let from_snapshot = info.number("rdb_last_load_keys_loaded").zip(info.number("rdb_last_load_keys_expired"));
    Ok(Loaded { keys: info.keys(), from_snapshot, digest, refused: refused(&log(look, dir)) })
}

fn log(look: &Look, dir: &Path) -> String {
    let path = dir.join(LOG);
    let size = look.stat(&path).map_or(0, |stat| stat.size);
    let bytes = look.read_tail(&path, size.min(LOG_BYTES)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Commands that the server refused while it read its AOF: it goes on all the same.
fn refused(log: &str) -> Option<(usize, String)> {
    let mut lines = log.lines().filter(|line| line.contains("== CRITICAL =="));
    let first = lines.next()?;
    Some((1 + lines.count(), printable(first)))
}

/// The last line of its log that tells of an error.
fn last_words(look: &Look, dir: &Path) -> Option<String> {
    let log = log(look, dir);
    let bad = |line: &&str| line.contains(" # ") && !line.contains("WARNING");
    log.lines().rfind(bad).or_else(|| log.lines().next_back()).map(printable)
}

fn printable(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_commands_are_counted_and_the_first_is_told() {
        let log = "1:M # == CRITICAL == This server is sending an error to its AOF-loading-client: 'WRONGTYPE'\nx\n1:M # == CRITICAL == again\n";
        let (count, first) = refused(log).unwrap_or_default();
        assert_eq!(count, 2);
        assert!(first.contains("WRONGTYPE"), "{first}");
        assert_eq!(refused("1:M * Ready"), None);
    }

    #[test]
    fn it_never_listens_on_a_network_and_never_saves() {
        let load = PrivateLoad {
            program: "/bin/redis-server".into(),
            version: "6.2.14".into(),
            lines: vec!["databases 20".into()],
            loads: Loads::Aof("a \"b\".aof".into()),
            user: None,
            launcher: "/bin/redis-dr".into(),
            timeout: Duration::from_secs(1),
        };
        let config = load.config();
        for line in
            ["port 0", "save \"\"", "databases 20", "aof-load-truncated no", "appendfilename \"a \\\"b\\\".aof\""]
        {
            assert!(config.lines().any(|l| l == line), "{line} is not in\n{config}");
        }
        assert!(!config.contains("appenddirname"), "6.2 has no such directive");
        let newer = PrivateLoad { version: "7.0.15".into(), ..load };
        assert!(newer.config().contains("appenddirname .\n"));
    }
}
