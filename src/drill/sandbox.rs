//! The sandbox of one rehearsal: a private directory, a claimed port of the loopback, a server, and redis-dr's own config.
//!
//! It is on record in the state directory before anything of it is there, so that what a drill that was killed left is
//! found by its own record and by nothing else ([`super::leftover`]).
use super::DrillError;
use super::leftover::Record;
use crate::config::Address;
use crate::host::process::{ClaimedPort, Command, HeldPort, Launch, Proc, ProcId, Reins};
use crate::host::{Look, OwnFiles, Owner, Pen, User};
use crate::rdb::ServerVersion;
use crate::server::{Endpoint, Server};
use crate::state::State;
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The name of the instance in the sandbox.
pub(super) const INSTANCE: &str = "sandbox";
/// The name of its store.
pub(super) const STORE: &str = "backups";
/// Ports that sandboxes use: below those the kernel gives to outgoing connections.
const PORTS: std::ops::Range<u16> = 31_000..32_700;
/// How long a server may take to start, to save, or to be gone.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// The small filesystem of scenarios that need one.
const SMALL: &str = "size=96m,mode=0700";

/// What all rehearsals of one call share.
pub struct Ground<'a> {
    /// What looks.
    pub look: &'a Look,
    /// What starts and signals.
    pub reins: &'a Reins,
    /// What writes, in sandboxes only.
    pub pen: &'a Pen,
    /// Where records and scorecards are.
    pub state: &'a State,
    /// The server program.
    pub program: PathBuf,
    /// Its version.
    pub version: ServerVersion,
    /// This very program, which recovers.
    pub launcher: PathBuf,
    /// In which directory sandboxes are made.
    pub above: PathBuf,
    /// Addresses that are somebody's, whether a server runs there or not.
    pub taken: Vec<Address>,
}

/// A sandbox while it stands.
pub struct Sandbox<'a> {
    pub(super) ground: &'a Ground<'a>,
    pub(super) name: String,
    root: OwnFiles,
    pub(super) record: Record,
    pub(super) port: ClaimedPort,
    pub(super) user: Option<User>,
    pub(super) held: Option<HeldPort>,
    pub(super) backups: Vec<PathBuf>,
}

/// What differs between sandboxes.
pub(super) struct Layout<'s> {
    /// Lines of redis.conf.
    pub config: &'s BTreeMap<String, String>,
    /// The instance's part of redis-dr's config: policy, objectives.
    pub instance: &'s str,
    /// The data is on a small filesystem of its own.
    pub small_disk: bool,
    /// The server runs as this user.
    pub user: Option<User>,
}

impl<'a> Sandbox<'a> {
    /// Puts a new sandbox on record, and builds it. Nothing runs yet.
    pub(super) fn build(ground: &'a Ground<'a>, layout: &Layout<'_>) -> Result<Self, DrillError> {
        let name = format!("redis-dr-drill-{}", ground.look.random_name()?);
        let dir = ground.above.join(&name);
        let start = PORTS.start + u16::try_from(ground.look.pid() % 1_500).unwrap_or(0);
        let taken =
            |port: &u16| ground.taken.iter().any(|a| matches!(a, Address::Tcp { port: there, .. } if there == port));
        let free = (start..PORTS.end).chain(PORTS.start..start).filter(|port| !taken(port));
        let port = ground.reins.claim_port(free).ok_or_else(|| {
            DrillError::sandbox("find a free port", format!("none from {} to {}", PORTS.start, PORTS.end))
        })?;
        let record = Record::new(ground.look, dir.clone());
        ground.state.record_sandbox(&name, &record)?;
        let root = match OwnFiles::open(&dir) {
            Ok(root) => root,
            Err(e) => {
                ground.state.forget_sandbox(&name)?;
                return Err(e.into());
            }
        };
        let user = layout.user.clone();
        let mut sandbox = Self { ground, name, root, record, port, user, held: None, backups: Vec::new() };
        match sandbox.furnish(layout) {
            Ok(()) => Ok(sandbox),
            Err(e) => {
                let _ = sandbox.remove();
                Err(e)
            }
        }
    }

    fn furnish(&mut self, layout: &Layout<'_>) -> Result<(), DrillError> {
        self.root.sub("data")?;
        self.root.sub("backups")?;
        if layout.small_disk {
            self.mount_small()?;
        }
        let conf = self.server_config(layout.config);
        self.root.write("redis.conf", conf.as_bytes())?;
        self.root.write("redis-dr.yaml", self.own_config(layout.instance).as_bytes())?;
        let Some(user) = self.user.clone() else { return Ok(()) };
        // its server must reach its data, and read its configuration
        let root = self.ground.look.pin(self.root.path())?;
        let above = self.ground.look.pin(&self.ground.above)?;
        self.ground.pen.dress_name(&above, self.name.as_ref(), self.mine(0o711), None)?;
        let theirs = |mode| Owner { uid: user.uid, gid: user.gid, mode };
        self.ground.pen.dress_name(&root, "data".as_ref(), theirs(0o700), None)?;
        self.ground.pen.dress_name(&root, "redis.conf".as_ref(), Owner { gid: user.gid, ..self.mine(0o640) }, None)?;
        Ok(())
    }

    fn mine(&self, mode: u32) -> Owner {
        Owner { uid: self.ground.look.uid(), gid: self.ground.look.gid(), mode }
    }

    fn server_config(&self, own: &BTreeMap<String, String>) -> String {
        let (data, root) = (self.data(), self.root.path());
        let log = if self.user.is_some() { data.join("redis.log") } else { root.join("redis.log") };
        let pid = if self.user.is_some() { data.join("redis.pid") } else { root.join("redis.pid") };
        let seven = self.multi_part().then_some("enable-debug-command yes");
        let mut lines = vec![
            "# of a drill: everything here is a sandbox, and goes away".to_string(),
            format!("port {}", self.port.port),
            "bind 127.0.0.1".into(),
            format!("dir {}", data.display()),
            format!("pidfile {}", pid.display()),
            format!("logfile {}", log.display()),
            "daemonize no".into(),
        ];
        lines.extend(seven.map(String::from));
        let mut settings = BTreeMap::from([
            ("appendonly".to_string(), "yes".to_string()),
            ("appendfsync".into(), "everysec".into()),
            ("save".into(), "\"\"".into()),
        ]);
        settings.extend(own.clone());
        lines.extend(settings.iter().map(|(name, value)| format!("{name} {value}")));
        lines.join("\n") + "\n"
    }

    fn own_config(&self, instance: &str) -> String {
        let root = self.root.path().display();
        let bin = self.ground.program.parent().unwrap_or(Path::new("/usr/bin")).display();
        let run_as = self.user.as_ref().map(|u| format!("    run_as: {}\n", u.name)).unwrap_or_default();
        format!(
            "version: 1\nstate_dir: {root}/state\nstores:\n  {STORE}: {{ dir: {root}/backups }}\ninstances:\n  \
             {INSTANCE}:\n    address: 127.0.0.1:{}\n    config_file: {root}/redis.conf\n    service: {{ process: {{}} }}\n    \
             bin_dir: {bin}\n    topology: standalone\n    stores: [{STORE}]\n{run_as}{instance}",
            self.port.port
        )
    }

    /// A small filesystem for the data: what fills it or fails on it harms nobody.
    fn mount_small(&mut self) -> Result<(), DrillError> {
        let data = self.data();
        self.record.mounts.push(data.clone());
        self.ground.state.record_sandbox(&self.name, &self.record)?;
        let argv = ["mount", "-t", "tmpfs", "-o", SMALL, "tmpfs"].map(String::from);
        let output =
            self.ground.reins.run(&Command::new(argv.into_iter().chain([data.display().to_string()]), ANSWER))?;
        if output.ok() { Ok(()) } else { Err(DrillError::sandbox("mount a small filesystem", output.complaint())) }
    }

    /// Its directory.
    pub(super) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Its data directory.
    pub(super) fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// The server's configuration.
    pub(super) fn conf(&self) -> PathBuf {
        self.root.path().join("redis.conf")
    }

    /// redis-dr's configuration.
    pub(super) fn config(&self) -> PathBuf {
        self.root.path().join("redis-dr.yaml")
    }

    /// Is its AOF one of parts with a manifest?
    pub(super) fn multi_part(&self) -> bool {
        self.ground.version.version.0 >= 7
    }

    /// A connection to its server.
    pub(super) fn server(&self) -> Result<Server, DrillError> {
        let address = Address::Tcp { host: "127.0.0.1".into(), port: self.port.port };
        Ok(Server::connect(&Endpoint::plain(address), ANSWER)?)
    }

    /// Starts the server, and waits until it has loaded.
    pub(super) fn start(&mut self) -> Result<(), DrillError> {
        self.launch(&self.conf(), self.root.path().to_path_buf())?;
        self.wait("wait for the server to answer", |s| s.server().is_ok_and(|mut server| server.ping().is_ok()))
    }

    /// Starts a server with a configuration, and puts it on record; does not wait.
    pub(super) fn launch(&mut self, conf: &Path, cwd: PathBuf) -> Result<(), DrillError> {
        let argv = vec![self.ground.program.display().to_string(), conf.display().to_string()];
        let launcher = self.ground.launcher.clone();
        let user = self.user.clone();
        let launched = self.ground.reins.launch(Launch { argv, user, cwd, log: None, limits: None, launcher })?;
        let id = self.ground.look.process(launched.pid).map(|p| p.id);
        self.record.processes.extend(id);
        self.ground.state.record_sandbox(&self.name, &self.record)?;
        Ok(())
    }

    /// Asks until the answer is yes, with a deadline.
    pub(super) fn wait(&self, what: &str, yes: impl Fn(&Self) -> bool) -> Result<(), DrillError> {
        let deadline = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(5);
        while !yes(self) {
            if Instant::now() >= deadline {
                return Err(DrillError::sandbox(what, format!("not after {} s", PATIENCE.as_secs())));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(100));
        }
        Ok(())
    }

    /// The servers at home in it, whoever started them.
    pub(super) fn servers(&self) -> Vec<Proc> {
        let home = |p: &Proc| p.cwd.as_deref().is_some_and(|cwd| cwd.starts_with(self.root.path()));
        self.ground.look.servers().unwrap_or_default().into_iter().filter(home).collect()
    }

    /// Sends its servers a signal.
    pub(super) fn signal(&self, signal: Signal) -> Result<Vec<ProcId>, DrillError> {
        let ids: Vec<ProcId> = self.servers().iter().map(|p| p.id).collect();
        for id in &ids {
            self.ground.reins.signal(*id, signal)?;
        }
        Ok(ids)
    }

    /// SIGKILL, and waits until they and their port are gone.
    pub(super) fn kill(&mut self) -> Result<(), DrillError> {
        let ids = self.signal(Signal::SIGKILL)?;
        self.wait("wait for the server to be gone", |s| ids.iter().all(|id| s.ground.look.gone(*id)))?;
        self.wait("wait for the port to be free", |s| s.held.is_some() || s.nobody_listens())
    }

    fn nobody_listens(&self) -> bool {
        self.ground.look.listeners(self.port.port).is_ok_and(|all| all.is_empty())
    }

    /// Ends all that is at home in it, and removes it with its record.
    pub(super) fn remove(mut self) -> Result<(), DrillError> {
        self.held = None;
        self.record.clear(self.ground)?;
        Ok(self.ground.state.forget_sandbox(&self.name)?)
    }

    /// Ends its servers and leaves its files, without a record: from now on they are the caller's.
    pub(super) fn keep(mut self) -> Result<PathBuf, DrillError> {
        self.held = None;
        self.kill()?;
        self.ground.state.forget_sandbox(&self.name)?;
        Ok(self.root.path().to_path_buf())
    }
}
