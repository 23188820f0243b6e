//! A server that is given too little: by its control group (no room for the process of a save, or killed for memory), or by
//! the limits of whoever starts it.
use crate::dr::{Output, finish};
use crate::lab::Lab;
use crate::sandbox::{Sandbox, wait_until};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A control group of the story's own, removed at its end.
pub struct Group(PathBuf);

impl Group {
    /// A group with this limit; `None`, and said, where none can be made (it takes root, and cgroup v1 or a v2 with the
    /// controller delegated).
    pub fn around(server: &Sandbox, controller: &str, limits: &[(&str, &str)]) -> Option<Self> {
        let name = format!("redis-dr-{}", server.port);
        let v1 = PathBuf::from(format!("/sys/fs/cgroup/{controller}"));
        let above = if v1.is_dir() { v1 } else { PathBuf::from("/sys/fs/cgroup") };
        let group = Self(above.join(name));
        let made = fs::create_dir(&group.0);
        let set = limits.iter().any(|(file, value)| group.0.join(file).exists() && group.set(file, value));
        let moved = set && server.servers().iter().all(|pid| group.set("cgroup.procs", &pid.to_string()));
        if !moved {
            eprintln!("-- LEFT OUT: no control group of {controller} can be made here: {made:?}");
            return None;
        }
        Some(group)
    }

    fn set(&self, file: &str, value: &str) -> bool {
        fs::write(self.0.join(file), value).is_ok()
    }

    /// Bytes that the kernel counts against it.
    pub fn uses(&self) -> u64 {
        let files = ["memory.usage_in_bytes", "memory.current"].map(|file| fs::read_to_string(self.0.join(file)));
        files.into_iter().flatten().find_map(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    /// Sets the limit of its memory.
    pub fn limits_to(&self, bytes: u64) -> bool {
        ["memory.limit_in_bytes", "memory.max"]
            .iter()
            .any(|file| self.0.join(file).exists() && self.set(file, &bytes.to_string()))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let begun = Instant::now();
        // its processes are gone only a moment after they were killed
        while fs::remove_dir(&self.0).is_err() && self.0.exists() && begun.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn misconf_because_a_save_could_not_fork() {
    Lab::on_each(|mut server| {
        server.configure("appendonly no\nsave 3600 1").start().fill(300);
        let (digest, run_id) = (server.digest(), server.run_id());
        // as many as there are, so that there is none for a child
        let pid = server.servers()[0];
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().count().to_string();
        let Some(group) = Group::around(&server, "pids", &[("pids.max", &tasks)]) else { return };
        assert!(server.ask(&["BGSAVE"]).unwrap().is_error(), "there is no process for it");
        assert!(server.ask(&["SET", "k", "v"]).unwrap().text().contains("MISCONF"));
        let document = server.finds_first("memory.fork_risk");
        assert_eq!(document["findings"][1]["id"], "server.misconf");
        assert!(document["findings"][0]["evidence"].to_string().contains("fork"), "{:#}", document["findings"]);
        assert!(group.set("pids.max", "max"));
        server.recover_auto().recovered_by("resume-writes");
        assert_eq!((server.digest(), server.run_id()), (digest, run_id));
        server.kill9();
    });
}

#[test]
fn killed_for_memory_in_its_control_group() {
    let mut server = Lab::new().sandbox();
    server.configure("appendonly no").start().fill(100).save();
    let limits = [("memory.limit_in_bytes", "48M"), ("memory.max", "48M")];
    let Some(_group) = Group::around(&server, "memory", &limits) else { return };
    let value = "x".repeat(1 << 20);
    for key in 0..200 {
        if server.ask(&["SET", &format!("large:{key}"), &value]).is_none() {
            break;
        }
    }
    if server.running() {
        return eprintln!("-- LEFT OUT: this kernel does not end what grows beyond its control group");
    }
    wait_until("the server to be gone", || !server.running());
    let told = std::process::Command::new("dmesg").output();
    if !told.is_ok_and(|out| String::from_utf8_lossy(&out.stdout).contains("Killed process")) {
        return eprintln!("-- LEFT OUT: the kernel's own log can't be read here, and nothing else tells of the kill");
    }
    let before = server.files();
    server.finds_first("server.oom_killed");
    server.recover_auto().exits(3).mentions("Memory ran out");
    assert!(server.files() == before && !server.running());
}

#[test]
fn memory_that_the_kernel_refuses() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let mut server = Lab::new().sandbox();
    server.configure("appendonly no").start().fill(100).save();
    let pid = server.servers()[0];
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")?.trim().strip_suffix(" kB")?.parse().ok());
    let limit = size.map(|kib: u64| (kib << 10) + (8 << 20));
    prlimit(Pid::from_raw(pid), Resource::As, Rlimit { current: limit, maximum: limit }).unwrap();
    let value = "x".repeat(64 << 20);
    assert!(server.ask(&["SET", "larger than what is left", &value]).is_none(), "it gave up");
    wait_until("the server to be gone", || server.exited().is_some());
    let before = server.files();
    let document = server.finds_first("server.oom_killed");
    assert!(document["findings"][0]["evidence"].to_string().contains("Out Of Memory"), "{:#}", document["findings"]);
    server.recover_auto().exits(3).mentions("Memory ran out");
    assert!(server.files() == before && !server.running());
}

/// Soft and hard limit of a process, as /proc says them.
fn limit(pid: i32, name: &str) -> (String, String) {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let mut words = line.split_whitespace().map(str::to_owned);
    (words.next().unwrap(), words.next().unwrap())
}

/// redis-dr as it is called after these words of a shell.
fn recover_after(server: &Sandbox, words: &str) -> Output {
    let asked = server.command(&["recover", "demo", "--auto", "--json"]);
    let mut login = Command::new("/bin/sh");
    login.args(["-c", &format!("{words} && exec \"$0\" \"$@\"")]);
    login.arg(asked.get_program()).args(asked.get_args()).current_dir(server.root());
    login.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(login.spawn().unwrap())
}

#[test]
fn a_server_does_not_get_the_limits_of_the_login_that_recovers_it() {
    Lab::on_each(|mut server| {
        server.start().fill(20);
        server.kill9();
        // 10000 blocks of 512 bytes would end every save
        recover_after(&server, "ulimit -Sn 512 && ulimit -Sf 10000 && ulimit -Sv 4000000").recovered_by("restart");
        let pid = server.servers()[0];
        for name in ["Max file size", "Max address space"] {
            let (soft, hard) = limit(pid, name);
            assert_eq!(soft, hard, "{name}");
        }
        let (soft, hard) = limit(pid, "Max open files");
        assert!(soft == "65535" || soft == hard, "{soft} of {hard}");
        server.kill9();
    });
}

#[test]
fn where_root_may_a_server_gets_more_than_the_login_had() {
    let raises = Command::new("/bin/sh").args(["-c", "ulimit -n 512 && ulimit -n 600"]).stderr(Stdio::null()).status();
    if !raises.unwrap().success() {
        return eprintln!("-- LEFT OUT: this user may not raise its own hard limits (CAP_SYS_RESOURCE)");
    }
    let mut server = Lab::new().sandbox();
    server.start().fill(20);
    server.kill9();
    recover_after(&server, "ulimit -n 512").recovered_by("restart");
    assert_eq!(server.must(&["CONFIG", "GET", "maxclients"]).text(), "maxclients\n10000");
}

#[test]
fn a_server_that_is_restarted_keeps_its_limits() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let mut server = Lab::new().sandbox();
    server.start().fill(20);
    let pid = server.servers()[0];
    let set = |resource, soft, hard| {
        let limit = Rlimit { current: Some(soft), maximum: Some(hard) };
        prlimit(Pid::from_raw(pid), resource, limit).unwrap();
    };
    set(Resource::Nofile, 12_345, 12_346);
    set(Resource::Core, 0, 4096);
    server.redis_dr(&["recover", "demo", "--confirm", "demo", "--runbook", "restart", "--json"]).exits(0);
    let now = server.servers()[0];
    assert_ne!(now, pid, "it was not restarted");
    assert_eq!(limit(now, "Max open files"), ("12345".into(), "12346".into()));
    assert_eq!(limit(now, "Max core file size"), ("0".into(), "4096".into()));
}
