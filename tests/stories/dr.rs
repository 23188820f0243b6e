//! redis-dr itself, as a script calls it.
use crate::sandbox::{PATIENCE, Sandbox};
use crate::secret;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What redis-dr said.
#[derive(Debug, Clone)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// The one JSON document on stdout.
    ///
    /// # Panics
    /// If there is anything else on it.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is not one JSON document: {error}\n{self}"))
    }

    /// Exit code as expected, or everything that was said.
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// A run that says recovered, by this runbook.
    pub fn recovered_by(&self, runbook: &str) -> Value {
        let run = self.exits(0).json();
        assert_eq!(run["schema"], "redis-dr/run/1", "{self}");
        assert_eq!(run["outcome"], "recovered", "{self}");
        assert_eq!(run["runbook"], runbook, "{self}");
        assert_eq!(run["exit_code"], 0, "{self}");
        run
    }

    pub fn mentions(&self, what: &str) -> &Self {
        assert!(self.stdout.contains(what) || self.stderr.contains(what), "no word of {what:?}:\n{self}");
        self
    }
}

/// The recovery point a run or a plan names, whether by its id or in full.
pub fn point_of(document: &Value) -> &str {
    let point = &document["point"];
    point.as_str().or_else(|| point["id"].as_str()).unwrap_or_default()
}

/// The loss a run admits to, in seconds.
pub fn loss_of(document: &Value) -> Option<f64> {
    document["loss_seconds"].as_f64()
}

impl std::fmt::Display for Output {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "exit {:?}\n-- stdout\n{}\n-- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

impl Sandbox {
    /// The command line of redis-dr with this sandbox's config, stdin closed.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redis-dr"));
        command.args(args).arg("-c").arg(self.config()).current_dir(self.root());
        command.env_remove("REDISCLI_AUTH").env_remove("REDIS_DR_CONFIG").env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs redis-dr to its end.
    pub fn redis_dr(&self, args: &[&str]) -> Output {
        finish(self.command(args).spawn().unwrap())
    }

    pub fn recover_auto(&self) -> Output {
        self.redis_dr(&["recover", "demo", "--auto", "--json"])
    }

    /// Starts redis-dr and kills it the hard way after a moment, unless it is done before.
    pub fn redis_dr_killed_after(&self, args: &[&str], moment: Duration) {
        let child = self.command(args).spawn().unwrap();
        std::thread::sleep(moment);
        let _ = kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGKILL);
        finish(child);
    }
}

/// Waits for a child with bounded patience, reading what it says all along so that it can't block.
pub fn finish(mut child: Child) -> Output {
    fn reader(from: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            from.map(|mut from| from.read_to_end(&mut bytes));
            String::from_utf8_lossy(&bytes).into_owned()
        })
    }
    let (stdout, stderr) = (reader(child.stdout.take()), reader(child.stderr.take()));
    let started = Instant::now();
    let code = loop {
        secret::is_not_given_to_children_of(child.id());
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        if started.elapsed() > PATIENCE * 2 {
            let _ = child.kill();
            let _ = child.wait();
            panic!("redis-dr did not end:\n{}\n{}", stdout.join().unwrap(), stderr.join().unwrap());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let output = Output { code, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() };
    secret::is_not_in("what redis-dr says", output.to_string().as_bytes());
    output
}
