//! A private server: its directory, its configuration, its life and death.
use crate::lab::Tree;
use crate::resp::{Client, Reply};
use crate::secret::SECRET;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// How long anything in a story may take before it counts as failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks until the answer is yes.
///
/// # Panics
/// When patience runs out.
pub fn wait_until(what: &str, mut answer: impl FnMut() -> bool) {
    let started = Instant::now();
    while !answer() {
        assert!(started.elapsed() < PATIENCE, "waited {PATIENCE:?} for: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A port nobody listens on, below those the kernel gives to outgoing connections, so that none of them takes it while
/// the server is down; never the same one twice in this process, and while the claim is held no other test's either.
pub fn free_port() -> (u16, UnixListener) {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 20_000).unwrap();
    loop {
        let port = 11_000 + (start + NEXT.fetch_add(7, Ordering::Relaxed)) % 20_000;
        // a name of this host's that ends with its holder, and leaves no file
        let claim = SocketAddr::from_abstract_name(format!("redis-dr-test-port-{port}")).unwrap();
        if let Ok(claim) = UnixListener::bind_addr(&claim)
            && TcpListener::bind(("127.0.0.1", port)).is_ok()
        {
            return (port, claim);
        }
    }
}

pub struct Sandbox {
    pub tree: Tree,
    root: tempfile::TempDir,
    pub port: u16,
    _claim: UnixListener,
    child: Option<Child>,
    pub(crate) filled: usize,
}

impl Sandbox {
    /// A directory with a configuration: AOF on, snapshots only when asked for, one instance `demo` with a store
    /// `nightly` and a policy that allows what is tried here. Nothing runs yet.
    pub fn new(tree: &Tree) -> Self {
        let root = tempfile::Builder::new().prefix("redis-dr-story-").tempdir().unwrap();
        let (port, _claim) = free_port();
        let mut sandbox = Self { tree: tree.clone(), root, port, _claim, child: None, filled: 0 };
        for dir in [sandbox.data(), sandbox.backups()] {
            fs::create_dir(dir).unwrap();
        }
        let (port, root) = (sandbox.port, sandbox.root().display());
        let mut conf = format!(
            "# of a story\nport {port}\nbind 127.0.0.1\ndir {root}/data\npidfile {root}/redis.pid\n\
             logfile {root}/redis.log\nappendonly yes\nappendfsync everysec\nsave \"\"\n\
             user dr on >{SECRET} ~* +@all\n"
        );
        fs::write(sandbox.password_file(), SECRET).unwrap();
        if tree.since_seven() {
            conf.push_str("enable-debug-command yes\n");
        }
        fs::write(sandbox.conf(), conf).unwrap();
        sandbox.policy("max_risk: high, max_loss: 1h, max_recoveries: { count: 1000, within: 1h }");
        sandbox
    }

    pub fn root(&self) -> &Path {
        self.root.path()
    }

    pub fn data(&self) -> PathBuf {
        self.root().join("data")
    }

    pub fn backups(&self) -> PathBuf {
        self.root().join("backups")
    }

    pub fn conf(&self) -> PathBuf {
        self.root().join("redis.conf")
    }

    /// The password that redis-dr comes with.
    pub fn password_file(&self) -> PathBuf {
        self.root().join("dr.pass")
    }

    /// Where a server lives that sits on this one's port.
    pub fn elsewhere(&self) -> PathBuf {
        self.root().join("elsewhere")
    }

    /// redis-dr's own configuration.
    pub fn config(&self) -> PathBuf {
        self.root().join("redis-dr.yaml")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.root().join("redis.log")).unwrap_or_default()
    }

    /// Writes redis-dr.yaml with this policy (the inside of a flow mapping; empty: the defaults).
    pub fn policy(&mut self, policy: &str) -> &mut Self {
        self.instance(&format!("policy: {{ {policy} }}"))
    }

    /// Writes redis-dr.yaml with these lines added to the instance.
    pub fn instance(&mut self, lines: &str) -> &mut Self {
        let (root, port, bin) = (self.root().display(), self.port, self.tree.bin.display());
        let mut lines = lines.lines().map(|line| format!("    {line}\n")).collect::<String>();
        if !lines.contains("auth:") {
            lines.push_str(&format!("    auth: {{ user: dr, password_file: {} }}\n", self.password_file().display()));
        }
        let text = format!(
            "version: 1\nstate_dir: {root}/state\nstores:\n  nightly: {{ dir: {root}/backups }}\ninstances:\n  demo:\n    \
             address: 127.0.0.1:{port}\n    config_file: {root}/redis.conf\n    service: {{ process: {{}} }}\n    \
             bin_dir: {bin}\n    topology: standalone\n    stores: [nightly]\n{lines}"
        );
        fs::write(self.config(), text).unwrap();
        fs::set_permissions(self.config(), fs::Permissions::from_mode(0o600)).unwrap();
        self
    }

    /// Adds a line to redis.conf; the last one wins.
    pub fn configure(&mut self, line: &str) -> &mut Self {
        let mut text = fs::read_to_string(self.conf()).unwrap();
        text.push_str(line);
        text.push('\n');
        fs::write(self.conf(), text).unwrap();
        self
    }

    /// Starts the server and waits until it has loaded.
    pub fn start(&mut self) -> &mut Self {
        self.launch();
        wait_until("the server to answer", || {
            self.exited().inspect(|code| panic!("the server exited with {code}:\n{}", self.log()));
            self.ask(&["PING"]).is_some_and(|reply| reply.text() == "PONG")
        });
        self
    }

    /// Starts the server and waits until it has given up.
    pub fn start_fails(&mut self) -> &mut Self {
        self.launch();
        wait_until("the server to give up", || self.exited().is_some());
        self
    }

    fn launch(&mut self) {
        let (conf, root) = (self.conf(), self.root().to_owned());
        self.launch_with(&[conf.to_str().unwrap()], &root);
    }

    /// Starts the server with a command line and a directory of its own; does not wait.
    pub fn launch_with(&mut self, args: &[&str], cwd: &Path) {
        assert!(!self.running(), "a server of this sandbox already runs");
        let child = Command::new(&self.tree.server)
            .args(args)
            .current_dir(cwd)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    pub(crate) fn exited(&mut self) -> Option<String> {
        self.child.as_mut()?.try_wait().unwrap().map(|status| status.to_string())
    }

    pub fn client(&self) -> Client {
        Client::connect(self.port).unwrap()
    }

    /// One command; None if nobody answers.
    pub fn ask(&self, words: &[&str]) -> Option<Reply> {
        Client::connect(self.port).ok()?.ask(words).ok()
    }

    /// One command that must be carried out.
    pub fn must(&self, words: &[&str]) -> Reply {
        let reply = self.client().ask(words).unwrap();
        assert!(!reply.is_error(), "{words:?}: {reply:?}");
        reply
    }

    /// A field of INFO.
    pub fn info(&self, field: &str) -> Option<String> {
        let info = self.ask(&["INFO", "everything"])?.text();
        info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':').map(|v| v.trim().to_owned()))
    }

    /// The `run_id` a server changes with every start.
    pub fn run_id(&self) -> String {
        self.info("run_id").expect("the server answers")
    }

    pub fn running(&self) -> bool {
        !self.servers().is_empty()
    }

    /// Processes at home in this sandbox's data directory, whoever started them; zombies aside.
    pub fn servers(&self) -> Vec<i32> {
        processes_in(&self.data())
    }

    /// SIGKILL, as the OOM killer does it, and wait until it is gone.
    pub fn kill9(&mut self) -> &mut Self {
        for pid in self.servers() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        // Its last thread gives the port back a moment after the process seems gone.
        let port = self.port;
        wait_until("the server to be gone", || {
            self.exited();
            !self.running() && TcpListener::bind(("127.0.0.1", port)).is_ok()
        });
        self.child = None;
        self
    }
}

/// Living processes whose working directory is `dir`.
pub(crate) fn processes_in(dir: &Path) -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap();
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid: &i32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == dir))
        .filter(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
        })
        .collect()
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        for dir in [self.data(), self.elsewhere(), self.root().to_owned()] {
            for pid in processes_in(&dir) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("-- the server's log ({}):\n{}", self.tree.name, last_lines(&self.log(), 25));
        } else {
            self.has_kept_its_secret();
        }
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
