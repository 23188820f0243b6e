//! A run that waits in the middle for as long as a story wants it to.
use crate::sandbox::{Sandbox, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::PathBuf;
use std::process::Child;

impl Sandbox {
    /// A runbook `mine` of the operator's own: a shipped one with another step before `step` (`recovered` for the end).
    pub fn own_runbook(&mut self, shipped: &str, step: &str, inserted: &str) -> &mut Self {
        let dir = self.root().join("runbooks");
        fs::create_dir_all(&dir).unwrap();
        let path = format!("{}/runbooks/{shipped}.yaml", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(path).unwrap().replace(&format!("runbook: {shipped}"), "runbook: mine");
        let before = if step == "recovered" { "recovered:".to_owned() } else { format!("  - id: {step}\n") };
        assert!(text.contains(&before), "{shipped} has no step {step}");
        fs::write(dir.join("mine.yaml"), text.replacen(&before, &format!("{inserted}{before}"), 1)).unwrap();
        let config = fs::read_to_string(self.config()).unwrap();
        if !config.contains("runbooks:") {
            let with = config.replacen("version: 1\n", &format!("version: 1\nrunbooks: [{}]\n", dir.display()), 1);
            fs::write(self.config(), with).unwrap();
        }
        self
    }

    /// The same, with a step that waits until [`Sandbox::let_go`]; it may be repeated or not.
    pub fn waits_before(&mut self, shipped: &str, step: &str, repeatable: bool) -> &mut Self {
        fs::write(self.hold(), "").unwrap();
        let (at, hold) = (self.at(), self.hold());
        let script = format!("echo x >> {}; while [ -e {} ]; do sleep 0.02; done", at.display(), hold.display());
        let inserted = format!(
            "  - id: wait\n    title: Wait\n    do: {{ run: {{ argv: [/bin/sh, -c, \"{script}\"], changes: [], \
             repeatable: {repeatable}, timeout: 60s }} }}\n"
        );
        self.own_runbook(shipped, step, &inserted)
    }

    fn hold(&self) -> PathBuf {
        self.root().join("hold")
    }

    fn at(&self) -> PathBuf {
        self.root().join("at")
    }

    /// How often the waiting step was begun.
    pub fn times_waited(&self) -> usize {
        fs::read_to_string(self.at()).unwrap_or_default().lines().count()
    }

    /// Starts `recover` with that runbook, and returns while it waits.
    pub fn recover_until_it_waits(&self, consent: &[&str]) -> Child {
        let args = [&["recover", "demo", "--json", "--runbook", "mine"], consent].concat();
        let child = self.command(&args).spawn().unwrap();
        wait_until("the run to wait in the middle", || self.times_waited() > 0);
        child
    }

    /// The waiting step ends.
    pub fn let_go(&self) {
        let _ = fs::remove_file(self.hold());
    }

    /// A run that was killed the hard way while it waited.
    pub fn recover_killed_while_it_waits(&self) {
        let child = self.recover_until_it_waits(&["--auto"]);
        send(&child, Signal::SIGKILL);
        crate::dr::finish(child);
        self.let_go();
    }
}

/// Sends a signal to redis-dr.
pub fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}
