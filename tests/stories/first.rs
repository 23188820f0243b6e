//! The cause comes first: for each way a server is broken, the finding that stands at the top, and data left as it is.
use crate::dr::Output;
use crate::lab::Lab;
use crate::sandbox::{Sandbox, free_port, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

impl Sandbox {
    /// The assessment as a script reads it.
    pub fn assess_json(&self, more: &[&str]) -> Value {
        self.redis_dr(&[&["assess", "demo", "--json"], more].concat()).exits(0).json()
    }

    /// The finding at the top.
    #[track_caller]
    pub fn finds_first(&self, id: &str) -> Value {
        let document = self.assess_json(&[]);
        assert_eq!(document["findings"][0]["id"], id, "{:#}\n{:#}", document["findings"], document["facts"]["log"]);
        document
    }

    /// Nobody watching, and a person must decide: nothing is changed.
    #[track_caller]
    pub fn refuses_under_auto(&self) -> Output {
        let output = self.recover_auto();
        output.exits(3);
        output
    }
}

fn evidence(document: &Value, id: &str) -> String {
    let found = document["findings"].as_array().unwrap().iter().find(|f| f["id"] == id);
    found.unwrap_or_else(|| panic!("no {id} in {:#}", document["findings"]))["evidence"].to_string()
}

/// A second server by hand, ended with the story.
struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn quiet(command: &mut Command) -> Other {
    Other(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

#[test]
fn two_servers_on_one_directory() {
    let mut server = Lab::new().sandbox();
    server.start().fill(100);
    let (other, _claim) = free_port();
    let (port, dir) = (other.to_string(), server.data());
    let other = quiet(
        Command::new(&server.tree.server)
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(&dir)
            .current_dir(&dir),
    );
    wait_until("the other server", || server.servers().len() == 2);
    let document = server.finds_first("config.shared_data_dir");
    assert!(evidence(&document, "config.shared_data_dir").contains(&format!("(pid {})", other.0.id())));
    let run_id = server.run_id();
    server.refuses_under_auto().mentions("config.shared_data_dir");
    assert_eq!(server.run_id(), run_id);
    drop(other);
    server.kill9();
}

#[test]
fn files_from_an_hour_ahead() {
    Lab::on_each(|mut server| {
        server.start().fill(100).kill9();
        let ahead = SystemTime::now() + Duration::from_secs(3600);
        fs::File::options().append(true).open(server.aof_tail()).unwrap().set_modified(ahead).unwrap();
        let before = server.files();
        let document = server.finds_first("host.clock_wrong");
        assert!(evidence(&document, "host.clock_wrong").contains("in the future"));
        server.refuses_under_auto();
        assert!(server.files() == before && !server.running(), "a start could drop keys as expired");
    });
}

/// A server that was told to move is no longer found by its sandbox: it is ended with the story.
pub struct Moved(pub Pid);

impl Drop for Moved {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGKILL);
    }
}

#[test]
fn signs_of_a_break_in() {
    // What an intruder does through an open port: files of his own, saved where SSH or cron looks for them.
    Lab::on_each(|mut server| {
        let home = server.root().join(".ssh");
        fs::create_dir(&home).unwrap();
        if server.tree.since_seven() {
            server.configure("enable-protected-configs yes");
        }
        server.configure("appendonly no").start().fill(50);
        let moved = Moved(Pid::from_raw(server.servers()[0]));
        let run_id = server.run_id();
        for (dir, name) in [(home.to_str().unwrap(), "authorized_keys"), ("/etc", "dump.rdb")] {
            server.must(&["CONFIG", "SET", "dir", dir]);
            server.must(&["CONFIG", "SET", "dbfilename", name]);
            let document = server.finds_first("server.compromised");
            assert!(evidence(&document, "server.compromised").contains(dir), "{:#}", document["findings"]);
            server.refuses_under_auto().mentions("signs of a break-in");
            assert_eq!(server.run_id(), run_id, "evidence is not destroyed by a restart");
        }
        drop(moved);
        wait_until("the server to be gone", || server.exited().is_some());
    });
}

#[test]
fn a_break_in_that_only_the_log_tells_of() {
    let mut server = Lab::new().sandbox();
    server.start().fill(50).kill9();
    let line = "7:M 21 Nov 2026 10:00:00.000 # Failed opening the RDB file crontab (in server root dir /etc) for saving: \
                Permission denied\n";
    fs::write(server.root().join("redis.log"), format!("{}{line}", server.log())).unwrap();
    let document = server.finds_first("server.compromised");
    assert!(evidence(&document, "server.compromised").contains("crontab"));
    server.refuses_under_auto();
    assert!(!server.running());
}

#[test]
fn stopped_on_purpose() {
    Lab::on_each(|mut server| {
        server.start().fill(50);
        let _ = server.ask(&["SHUTDOWN"]);
        wait_until("the server to shut down", || !server.running());
        let before = server.files();
        server.finds_first("server.stopped_on_purpose");
        server.refuses_under_auto();
        assert!(server.files() == before && !server.running());
    });
}

#[test]
fn whom_to_call_is_said_where_a_person_must_decide() {
    let mut server = Lab::new().sandbox();
    server.instance("contact: \"#redis-oncall\"").start().fill(50);
    let _ = server.ask(&["SHUTDOWN"]);
    wait_until("the server to shut down", || !server.running());
    server.redis_dr(&["assess", "demo"]).exits(0).mentions("Contact: #redis-oncall");
    server.redis_dr(&["plan", "demo"]).exits(3).mentions("contact: #redis-oncall");
    let document = server.redis_dr(&["plan", "demo", "--json"]).exits(3).json();
    assert!(document["next"].to_string().contains("contact: #redis-oncall"), "{document:#}");
}

#[test]
fn maxmemory_reached_and_writes_refused() {
    Lab::on_each(|mut server| {
        server.start().fill(200);
        // less than an empty server takes
        server.must(&["CONFIG", "SET", "maxmemory", "100kb"]);
        let refused = server.ask(&["SET", "k", "v"]).unwrap();
        assert!(refused.is_error(), "{refused:?}");
        let document = server.finds_first("memory.maxmemory");
        assert_ne!(document["decision"]["outcome"], "healthy");
    });
}

#[test]
fn loading() {
    Lab::on_each_where(
        |tree| tree.since_seven(),
        |mut server| {
            server.configure("appendonly no").start().fill(2000).save().kill9();
            server.configure("key-load-delay 2000\nloading-process-events-interval-bytes 1024");
            let _process = quiet(Command::new(&server.tree.server).arg(server.conf()).current_dir(server.root()));
            wait_until("the load", || server.info("loading").as_deref() == Some("1"));
            let document = server.finds_first("server.loading");
            assert_eq!(document["decision"]["outcome"], "wait");
            server.kill9();
        },
    );
}

#[test]
fn a_busy_script() {
    Lab::on_each(|mut server| {
        server.configure("lua-time-limit 100").start().fill(50);
        let port = server.port;
        let script = std::thread::spawn(move || {
            let _ = crate::resp::Client::connect(port).unwrap().ask(&["EVAL", "while true do end", "0"]);
        });
        wait_until("the script to block", || server.ask(&["PING"]).is_some_and(|reply| reply.text().contains("BUSY")));
        let document = server.finds_first("server.busy_script");
        assert_eq!(document["decision"]["outcome"], "wait");
        server.must(&["SCRIPT", "KILL"]);
        script.join().unwrap();
    });
}

#[test]
fn hung() {
    let mut server = Lab::new().sandbox();
    server.start().fill(50);
    let pid = Pid::from_raw(server.servers()[0]);
    kill(pid, Signal::SIGSTOP).unwrap();
    let document = server.finds_first("server.hung");
    assert!(evidence(&document, "server.hung").contains("state T"));
    kill(pid, Signal::SIGCONT).unwrap();
}

#[test]
fn port_taken_and_config_typo() {
    let mut server = Lab::new().sandbox();
    server.start().fill(50).kill9();
    let other = std::net::TcpListener::bind(("127.0.0.1", server.port)).unwrap();
    server.finds_first("server.port_taken");
    drop(other);
    server.configure("appendonyl yes");
    let document = server.finds_first("server.config_invalid");
    assert!(evidence(&document, "server.config_invalid").contains("appendonyl"));
}

#[test]
fn misconf_because_the_saving_child_was_killed() {
    // As the OOM killer does it.
    Lab::on_each_where(
        |tree| tree.version >= (6, 2),
        |mut server| {
            server.configure("appendonly no\nsave 3600 1\nrdb-key-save-delay 20000").start().fill(500);
            server.must(&["BGSAVE"]);
            let parent = server.servers()[0];
            let children = || fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
            wait_until("the child", || !children().trim().is_empty());
            let child: i32 = children().split_whitespace().next().unwrap().parse().unwrap();
            kill(Pid::from_raw(child), Signal::SIGKILL).unwrap();
            wait_until("the server to refuse writes", || {
                server.ask(&["SET", "k", "v"]).is_some_and(|reply| reply.text().contains("MISCONF"))
            });
            let document = server.finds_first("memory.fork_risk");
            assert!(evidence(&document, "server.misconf").contains("signal 9"), "{:#}", document["findings"]);
            server.must(&["CONFIG", "SET", "rdb-key-save-delay", "0"]);
            let digest = server.digest();
            server.recover_auto().recovered_by("resume-writes");
            assert_eq!(server.digest(), digest);
            server.must(&["SET", "k", "v"]);
        },
    );
}

/// A small filesystem of the story's own, unmounted at its end; `None` where we may not mount.
struct Small(std::path::PathBuf);

impl Small {
    fn mount(at: &std::path::Path) -> Option<Self> {
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(at).output().ok()?;
        if !done.status.success() {
            eprintln!("-- left out: no small filesystem can be mounted here, that needs root");
            return None;
        }
        Some(Self(at.to_owned()))
    }

    fn remount(&self, options: &str) {
        let option = format!("remount,{options}");
        assert!(Command::new("mount").arg("-o").arg(option).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_stands_before_the_refused_writes() {
    Lab::on_each(|mut server| {
        let Some(_small) = Small::mount(&server.data()) else { return };
        server.configure("appendonly no\nsave 3600 1").start().fill(300);
        fs::write(server.data().join("full"), vec![1; 16 << 20]).unwrap_err();
        let _ = server.ask(&["BGSAVE"]);
        wait_until("the server to refuse writes", || {
            server.ask(&["SET", "k", "v"]).is_some_and(|reply| reply.text().contains("MISCONF"))
        });
        let document = server.finds_first("disk.full");
        assert_eq!(document["findings"][1]["id"], "server.misconf");
        assert!(evidence(&document, "server.misconf").contains("No space left on device"));
        server.kill9();
    });
}

#[test]
fn a_full_disk_under_the_aof() {
    Lab::on_each(|mut server| {
        let Some(_small) = Small::mount(&server.data()) else { return };
        server.start().fill(50);
        fs::write(server.data().join("full"), vec![1; 16 << 20]).unwrap_err();
        wait_until("the server to refuse writes", || {
            server.ask(&["SET", "big", &"v".repeat(20_000)]).is_some_and(|reply| reply.text().contains("MISCONF"))
        });
        let document = server.finds_first("disk.full");
        assert!(document["findings"][1]["title"].as_str().unwrap().contains("AOF"), "{:#}", document["findings"]);
        server.kill9();
    });
}

#[test]
fn a_read_only_disk() {
    let mut server = Lab::new().sandbox();
    let Some(small) = Small::mount(&server.data()) else { return };
    server.start().fill(50).kill9();
    small.remount("ro");
    server.finds_first("disk.read_only");
    small.remount("rw");
}

#[test]
fn rights_taken_away_under_a_running_server() {
    let mut server = Lab::new().sandbox();
    server.configure("appendonly no\nsave 3600 1");
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("-- left out: a server of another user needs root");
    }
    fs::set_permissions(server.root(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(server.root().join("redis.log"), "").unwrap();
    for path in [server.data(), server.root().join("redis.log"), server.root().to_owned()] {
        std::os::unix::fs::chown(path, Some(65534), Some(65534)).unwrap();
    }
    let _process = quiet(
        Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&server.tree.server)
            .arg(server.conf())
            .current_dir(server.root()),
    );
    wait_until("the server", || server.ask(&["PING"]).is_some_and(|reply| reply.text() == "PONG"));
    server.must(&["SET", "k", "v"]);
    std::os::unix::fs::chown(server.data(), Some(0), Some(0)).unwrap();
    server.must(&["BGSAVE"]);
    wait_until("the server to refuse writes", || {
        server.ask(&["SET", "k", "v"]).is_some_and(|reply| reply.text().contains("MISCONF"))
    });
    let document = server.finds_first("files.permission");
    assert_eq!(document["findings"][1]["id"], "server.misconf");
    server.kill9();
}

#[test]
fn a_log_that_was_rotated_is_read_on() {
    let mut server = Lab::new().sandbox();
    server.start().fill(50);
    let _ = server.ask(&["SHUTDOWN"]);
    wait_until("the server to shut down", || !server.running());
    let log = server.log();
    let packed = zstd::encode_all(log.as_bytes(), 1).unwrap();
    for (name, bytes) in [("redis.log.1", log.into_bytes()), ("redis.log.1.zst", packed)] {
        fs::write(server.root().join(name), bytes).unwrap();
        fs::write(server.root().join("redis.log"), "").unwrap();
        server.finds_first("server.stopped_on_purpose");
        fs::remove_file(server.root().join(name)).unwrap();
    }
    server.finds_first("server.not_running");
}

#[test]
fn how_many_were_connected_when_it_crashed() {
    Lab::on_each(|mut server| {
        server.start().fill(50);
        server.must(&["SELECT", "0"]);
        let mut clients = [server.client(), server.client(), server.client()];
        clients.iter_mut().for_each(|client| assert!(!client.ask(&["PING"]).unwrap().is_error()));
        let pid = nix::unistd::Pid::from_raw(server.servers()[0]);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSEGV).unwrap();
        wait_until("the server to be gone", || server.exited().is_some());
        let clients = server.assess_json(&[])["facts"]["log"]["clients"].as_u64().unwrap();
        assert!(clients >= 3, "{clients}");
        server.redis_dr(&["assess", "demo"]).exits(0).mentions(&format!("{clients} clients were connected"));
    });
}

#[test]
fn keys_in_several_databases_are_said_so() {
    let mut server = Lab::new().sandbox();
    server.start().fill(50);
    let mut client = server.client();
    for words in [&["SELECT", "9"][..], &["SET", "k", "v"]] {
        assert!(!client.ask(words).unwrap().is_error());
    }
    server.save();
    let databases = server.info("db9").is_some();
    assert!(databases);
    server.kill9();
    server.redis_dr(&["assess", "demo"]).exits(0).mentions("databases, checksum good");
}
