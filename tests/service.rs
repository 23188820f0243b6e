//! Starting, stopping and holding a real server: by redis-dr itself, by commands, and by a stand-in for systemd.
//!
//! `REDIS_DR_TEST_SERVER` names another server program than `redis-server` on the path.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use redis_dr::host::Look;
use redis_dr::host::process::{ProcId, Reins};
use redis_dr::server::{Address, Endpoint, Server};
use redis_dr::service::{
    Commands, Identity, Manager, OwnProcess, Owner, Service, ServiceError, StopHow, Stopped, SystemdUnit, held_path,
    owner_of, servers_in,
};

const WAIT: Duration = Duration::from_secs(5);

fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("REDIS_DR_TEST_SERVER") {
        return PathBuf::from(path);
    }
    let found = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path)
            .flat_map(|dir| [dir.join("redis-server"), dir.join("valkey-server")])
            .find(|path| path.exists())
    });
    found.expect("no redis-server on the path: apt-get install redis-server, or set REDIS_DR_TEST_SERVER")
}

/// An instance in a directory of its own; whatever still runs there at the end is killed.
struct Lab {
    dir: tempfile::TempDir,
    port: u16,
}

impl Lab {
    fn new(more: &str) -> Lab {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let data = dir.path().join("data");
        fs::create_dir(&data).unwrap();
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nlogfile {}\npidfile {}\nsave 3600 1\n{more}\n",
            data.display(),
            dir.path().join("log").display(),
            dir.path().join("pid").display()
        );
        fs::write(dir.path().join("redis.conf"), text).unwrap();
        Lab { dir, port }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::plain(Address::Tcp { host: "127.0.0.1".into(), port: self.port })
    }

    fn service(&self, manager: Manager) -> Service {
        let identity = Identity {
            address: self.endpoint().address,
            data_dir: self.path("data"),
            pid_file: Some(self.path("pid")),
        };
        Service::new(manager, identity, Reins::new())
    }

    fn process(&self) -> Service {
        self.service(Manager::Process(OwnProcess {
            program: program(),
            config_file: self.path("redis.conf"),
            args: Vec::new(),
            user: None,
            cwd: PathBuf::from("/"),
            limits: None,
            launcher: Some(PathBuf::from(env!("CARGO_BIN_EXE_redis-dr"))),
        }))
    }

    fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn up(&self) -> Server {
        let begin = Instant::now();
        loop {
            if let Ok(mut server) = Server::connect(&self.endpoint(), WAIT)
                && server.ping().is_ok()
            {
                return server;
            }
            assert!(begin.elapsed() < WAIT, "it does not come up");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A file that a save of any kind would write over.
    fn precious(&self) -> PathBuf {
        let path = self.path("data/dump.rdb");
        fs::write(&path, "precious").unwrap();
        path
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for proc in servers_in(&Look::new(), &self.path("data")).unwrap_or_default() {
            let _ = Reins::new().signal(proc.id, nix::sys::signal::Signal::SIGKILL);
        }
    }
}

fn stop(service: &mut Service, how: StopHow, lab: &Lab) -> Result<Stopped, ServiceError> {
    service.stop(how, &lab.endpoint(), WAIT, &mut || {})
}

#[test]
fn a_server_is_started_and_stopped_without_a_save() {
    let lab = Lab::new("");
    let mut service = lab.process();
    assert_eq!(service.running().unwrap(), None);
    assert_eq!(stop(&mut service, StopHow::NoSave, &lab).unwrap(), Stopped::WasDown);
    service.start(Duration::ZERO).unwrap();
    lab.up().ask::<()>(redis::cmd("SET").arg("a").arg("b")).unwrap();
    let proc = service.running().unwrap().unwrap();
    assert_eq!(proc.ppid, i32::try_from(std::process::id()).unwrap());
    let precious = lab.precious();
    let stopped = stop(&mut service, StopHow::NoSave, &lab).unwrap();
    assert_eq!(stopped, Stopped::Stopped { pid: proc.pid(), by: "SHUTDOWN NOSAVE" });
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    fs::remove_file(&precious).unwrap();
    service.start(Duration::ZERO).unwrap();
    lab.up().ask::<()>(redis::cmd("SET").arg("a").arg("b")).unwrap();
    stop(&mut service, StopHow::AsConfigured, &lab).unwrap();
    assert!(precious.exists());
}

#[test]
fn where_shutdown_is_renamed_away_saving_is_switched_off_first() {
    let lab = Lab::new("rename-command SHUTDOWN \"\"");
    let mut service = lab.process();
    service.start(Duration::ZERO).unwrap();
    lab.up().ask::<()>(redis::cmd("SET").arg("a").arg("b")).unwrap();
    let precious = lab.precious();
    let stopped = stop(&mut service, StopHow::NoSave, &lab).unwrap();
    assert!(matches!(stopped, Stopped::Stopped { by: "SIGTERM", .. }));
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
}

#[test]
fn a_server_that_can_only_be_stopped_with_a_save_is_left_alone() {
    let lab = Lab::new("rename-command SHUTDOWN \"\"\nrename-command CONFIG \"\"");
    let mut service = lab.process();
    service.start(Duration::ZERO).unwrap();
    lab.up().ask::<()>(redis::cmd("SET").arg("a").arg("b")).unwrap();
    let before = service.running().unwrap().unwrap().id;
    let refused = stop(&mut service, StopHow::NoSave, &lab);
    assert!(matches!(refused, Err(ServiceError::WouldSave { .. })), "{refused:?}");
    assert_eq!(service.running().unwrap().unwrap().id, before);
    assert!(matches!(stop(&mut service, StopHow::Kill, &lab).unwrap(), Stopped::Stopped { by: "SIGKILL", .. }));
}

#[test]
fn a_server_frozen_by_a_signal_is_continued_and_stopped() {
    let lab = Lab::new("");
    let mut service = lab.process();
    service.start(Duration::ZERO).unwrap();
    drop(lab.up());
    let proc = service.running().unwrap().unwrap();
    Reins::new().signal(proc.id, nix::sys::signal::Signal::SIGSTOP).unwrap();
    while service.running().unwrap().unwrap().state != 'T' {
        std::thread::sleep(Duration::from_millis(1));
    }
    stop(&mut service, StopHow::NoSave, &lab).unwrap();
    assert!(Look::new().gone(proc.id));
}

#[test]
fn a_stranger_on_the_port_is_named_and_never_signalled() {
    let lab = Lab::new("");
    let _stranger = TcpListener::bind(("127.0.0.1", lab.port)).unwrap();
    let mut service = lab.process();
    for how in [StopHow::NoSave, StopHow::AsConfigured, StopHow::Kill] {
        let refused = stop(&mut service, how, &lab);
        let me = i32::try_from(std::process::id()).ok();
        assert!(matches!(refused, Err(ServiceError::HeldByOther { pid, .. }) if pid == me), "{refused:?}");
    }
}

#[test]
fn a_pid_file_or_a_port_alone_makes_no_process_ours() {
    let lab = Lab::new("");
    let look = Look::new();
    let identity = |port, dir: PathBuf| Identity {
        address: Address::Tcp { host: "127.0.0.1".into(), port },
        data_dir: dir,
        pid_file: Some(lab.path("pid")),
    };
    fs::write(lab.path("pid"), std::process::id().to_string()).unwrap();
    let here = std::env::current_dir().unwrap();
    assert_eq!(owner_of(&look, &identity(lab.port, here)).unwrap(), Owner::Nobody, "no server, in the right directory");
    let mut service = lab.process();
    service.start(Duration::ZERO).unwrap();
    drop(lab.up());
    let pid = service.running().unwrap().unwrap().pid();
    fs::write(lab.path("pid"), pid.to_string()).unwrap();
    assert_eq!(owner_of(&look, &identity(1, lab.path("."))).unwrap(), Owner::Nobody, "a server, in another directory");
    let by_file = owner_of(&look, &identity(1, lab.path("data"))).unwrap();
    assert!(matches!(by_file, Owner::Ours(proc) if proc.pid() == pid));
    let by_port = owner_of(&look, &identity(lab.port, lab.path("."))).unwrap();
    assert!(matches!(by_port, Owner::Ours(proc) if proc.pid() == pid));
}

#[test]
fn a_configuration_that_is_refused_is_a_start_that_failed() {
    let lab = Lab::new("no-such-directive yes");
    let mut service = lab.process();
    let refused = service.start(Duration::ZERO);
    // The server may need longer to say so than a start waits; then the process is gone for whoever looks next.
    if refused.is_ok() {
        std::thread::sleep(Duration::from_millis(300));
    }
    assert_eq!(service.running().unwrap(), None);
}

#[test]
fn the_operators_commands_start_and_stop_without_a_save() {
    let lab = Lab::new("daemonize yes");
    let conf = lab.path("redis.conf");
    let stopper = lab.script("stop", &format!("#!/bin/sh\nkill $(cat {})\n", lab.path("pid").display()));
    let status = lab.script("status", &format!("#!/bin/sh\ntest -e {}\n", lab.path("pid").display()));
    let text = |path: &Path| path.display().to_string();
    let mut service = lab.service(Manager::Command(Commands {
        start: vec![text(&program()), text(&conf)],
        stop: vec![text(&stopper)],
        status: vec![text(&status)],
    }));
    service.start(Duration::ZERO).unwrap();
    lab.up().ask::<()>(redis::cmd("SET").arg("a").arg("b")).unwrap();
    let state = service.state().unwrap();
    assert_eq!(state.status, Some(true));
    assert!(state.process.is_some());
    let precious = lab.precious();
    let stopped = stop(&mut service, StopHow::NoSave, &lab).unwrap();
    assert!(matches!(stopped, Stopped::Stopped { by: "the stop command", .. }));
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    assert_eq!(service.state().unwrap().status, Some(false));
}

/// Between going to the background and listening a slow disk can hold a server up for seconds.
#[test]
fn a_server_in_the_background_is_there_before_it_listens() {
    let lab = Lab::new("daemonize yes");
    let slow =
        "#!/bin/bash\ncd \"$(dirname \"$0\")/data\"\n(exec -a redis-server sleep 30) </dev/null >/dev/null 2>&1 &\n";
    let slow = lab.script("start", slow);
    let commands = Commands { start: vec![slow.display().to_string()], stop: vec![], status: vec![] };
    let mut service = lab.service(Manager::Command(commands));
    assert_eq!(service.running().unwrap(), None);
    service.start(Duration::ZERO).unwrap();
    let mut seen = None;
    for _ in 0..100 {
        seen = service.running().unwrap();
        if seen.is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let proc = seen.expect("the server in the background was not seen");
    assert_eq!(proc.cmdline, ["redis-server", "30"]);
    Reins::new().signal(proc.id, Signal::SIGKILL).unwrap();
    for _ in 0..100 {
        if service.running().unwrap().is_none() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("a server that has ended is not there any more");
}

/// Behaves as systemd does where it matters here: a false condition makes `start` succeed without starting anything, and
/// the unit restarts its server whenever that ends.
const SYSTEMCTL: &str = r#"#!/bin/sh
cd "$(dirname "$0")"
echo "$*" >> calls
mayrun() {
  f=$(sed -n 's/^ConditionPathExists=!//p' etc/*.d/*.conf 2>/dev/null)
  [ -z "$f" ] || ! [ -e "$f" ]
}
alive() { [ -e main ] && [ -e "/proc/$(cat main)/stat" ] && ! grep -q ') Z ' "/proc/$(cat main)/stat"; }
case "$1" in
start)
  date +%s%N > conditioned
  if mayrun; then
    echo yes > condition; touch wanted
    setsid sh -c 'while [ -e wanted ]; do
      f=$(sed -n "s/^ConditionPathExists=!//p" etc/*.d/*.conf 2>/dev/null)
      if [ -n "$f" ] && [ -e "$f" ]; then echo no > condition; break; fi
      PROGRAM redis.conf & echo $! > main; wait; rm -f main; sleep 0.1; done' >/dev/null 2>&1 </dev/null &
  else echo no > condition; fi;;
stop) rm -f wanted; alive && kill "$(cat main)";;
show)
  if alive; then a=active s=running m=$(cat main); else a=inactive s=dead m=0; fi
  echo "LoadState=loaded
ActiveState=$a
SubState=$s
MainPID=$m
Result=success
Restart=always
TimeoutStartUSec=1min 30s
ConditionResult=$(cat condition 2>/dev/null)
ConditionTimestampMonotonic=$(cat conditioned 2>/dev/null || echo 0)";;
esac
exit 0
"#;

#[test]
fn a_unit_is_held_against_its_own_restarts_and_started_all_the_same() {
    let lab = Lab::new("");
    let systemctl = lab.script("systemctl", &SYSTEMCTL.replace("PROGRAM", &program().display().to_string()));
    let (etc, run) = (lab.path("etc"), lab.path("run"));
    fs::create_dir(&etc).unwrap();
    fs::create_dir(&run).unwrap();
    let unit = SystemdUnit { systemctl, lasting_dir: etc, runtime_dir: run, ..SystemdUnit::new("r.service") };
    let mut service = lab.service(Manager::Systemd(unit));
    service.start(Duration::ZERO).unwrap();
    lab.up().ask::<()>(redis::cmd("SET").arg("a").arg("b")).unwrap();
    let first = service.running().unwrap().unwrap();
    let precious = lab.precious();

    service.hold("test").unwrap();
    assert!(held_path(&lab.path("data")).exists());
    let stopped = stop(&mut service, StopHow::NoSave, &lab).unwrap();
    assert_eq!(stopped, Stopped::Stopped { pid: first.pid(), by: "SHUTDOWN NOSAVE" });
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(service.running().unwrap(), None, "nothing restarts it");
    fs::remove_file(&precious).unwrap();

    service.start(Duration::from_secs(80)).unwrap();
    lab.up();
    assert!(service.is_held(), "held while it runs");
    let limit = lab.path("run/r.service.d/zzz-redis-dr-start.conf");
    assert_eq!(fs::metadata(&limit).unwrap().permissions().mode() & 0o777, 0o644, "systemctl cat is for everybody");
    let limit = fs::read_to_string(limit).unwrap();
    assert!(limit.contains("TimeoutStartSec=460\n"), "{limit}");
    let id: ProcId = service.running().unwrap().unwrap().id;
    Reins::new().signal(id, nix::sys::signal::Signal::SIGKILL).unwrap();
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(service.running().unwrap(), None, "a crash is not followed by a restart");

    service.release().unwrap();
    assert!(!service.is_held());
    assert!(!lab.path("etc/r.service.d").exists() && !lab.path("run/r.service.d").exists(), "nothing is left");
    service.start(Duration::ZERO).unwrap();
    lab.up();
    stop(&mut service, StopHow::AsConfigured, &lab).unwrap();
}

#[test]
fn a_start_that_started_nothing_is_no_success() {
    let lab = Lab::new("");
    let systemctl = lab.script("systemctl", &SYSTEMCTL.replace("PROGRAM", "true"));
    let (etc, run) = (lab.path("etc"), lab.path("run"));
    fs::create_dir_all(etc.join("r.service.d")).unwrap();
    let stranger = lab.path("redis.conf");
    fs::write(etc.join("r.service.d/x.conf"), format!("[Unit]\nConditionPathExists=!{}\n", stranger.display()))
        .unwrap();
    let unit = SystemdUnit { systemctl, lasting_dir: etc, runtime_dir: run, ..SystemdUnit::new("r.service") };
    let refused = lab.service(Manager::Systemd(unit)).start(Duration::ZERO);
    assert!(
        matches!(&refused, Err(ServiceError::NotStarted { because }) if because.contains("condition")),
        "{refused:?}"
    );
}
