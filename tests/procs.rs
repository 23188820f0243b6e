//! Real servers: talking to them, feeding a snapshot, starting and stopping them, whose process is whose.
//!
//! `REDIS_DR_TEST_SERVER` names another server program than `redis-server` on the path.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis_dr::server::{Address, Endpoint, Secret, Server, ServerError, snapshot};

const WAIT: Duration = Duration::from_secs(5);

/// The server program to try with.
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

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A private server that ends with the test.
struct Lab {
    dir: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl Lab {
    fn start(extra: &[&str]) -> Lab {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let data = dir.path().join("data");
        fs::create_dir(&data).unwrap();
        let child = Command::new(program())
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"])
            .arg(&data)
            .args(["--save", ""])
            .arg("--unixsocket")
            .arg(dir.path().join("sock"))
            .args(extra)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lab = Lab { dir, port, child };
        let begin = Instant::now();
        while matches!(Server::connect(&lab.tcp(), WAIT), Err(ServerError::Refused { .. })) {
            assert!(begin.elapsed() < WAIT, "the server does not come up");
            std::thread::sleep(Duration::from_millis(10));
        }
        lab
    }

    fn tcp(&self) -> Endpoint {
        Endpoint::plain(Address::Tcp { host: "127.0.0.1".to_string(), port: self.port })
    }

    fn unix(&self) -> Endpoint {
        Endpoint::plain(Address::Unix(self.dir.path().join("sock")))
    }

    fn connect(&self) -> Server {
        Server::connect(&self.tcp(), WAIT).unwrap()
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn check_rdb(path: &Path) -> String {
    let program = program();
    let name = program.file_name().unwrap().to_str().unwrap().replace("server", "check-rdb");
    let out = Command::new(program.with_file_name(name)).arg(path).output().unwrap();
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn the_memory_of_a_server_is_had_when_its_directory_is_gone() {
    let lab = Lab::start(&[]);
    let mut server = lab.connect();
    for chunk in 0..20 {
        let mut fill = redis::cmd("MSET");
        for i in 0..500 {
            fill.arg(format!("k{chunk}-{i}")).arg(vec![b'x'; 300 + i]);
        }
        server.ask::<()>(&fill).unwrap();
    }
    fs::remove_dir_all(lab.data()).unwrap();
    let before = server.config_get("repl-diskless-sync*").unwrap();
    for (name, endpoint) in [("tcp", lab.tcp()), ("unix", lab.unix())] {
        let path = lab.dir.path().join(name);
        let mut file = fs::File::create(&path).unwrap();
        let mut calls = 0;
        let began = Instant::now();
        let info = snapshot(
            &endpoint,
            &mut file,
            &mut |_, _| {
                calls += 1;
                ControlFlow::Continue(())
            },
            WAIT * 4,
        )
        .unwrap();
        assert!(info.diskless);
        assert!(calls > 0);
        assert_eq!(info.bytes, fs::metadata(&path).unwrap().len());
        assert!(began.elapsed() < Duration::from_secs(4), "it waited for more replicas");
        let said = check_rdb(&path);
        assert!(said.contains("RDB looks OK") && said.contains("10000 keys read"), "{said}");
    }
    assert_eq!(server.config_get("repl-diskless-sync*").unwrap(), before);
    server.ping().unwrap();
}

#[test]
fn a_server_that_wrote_the_snapshot_to_its_disk_first_is_read_too() {
    let lab = Lab::start(&["--repl-diskless-sync", "no", "--rename-command", "CONFIG", ""]);
    let mut server = lab.connect();
    server.ask::<()>(redis::cmd("SET").arg("a").arg("b")).unwrap();
    assert!(matches!(server.config_get("dir"), Err(ServerError::Denied { .. })));
    let mut out = Vec::new();
    let mut total = None;
    let info = snapshot(
        &lab.tcp(),
        &mut out,
        &mut |_, all| {
            total = all;
            ControlFlow::Continue(())
        },
        WAIT,
    )
    .unwrap();
    // Valkey 9 feeds one who only wants the snapshot from memory, whatever its settings say.
    assert_eq!(total, (!info.diskless).then_some(info.bytes));
    assert_eq!(out.len() as u64, info.bytes);
}

#[test]
fn breaking_off_a_snapshot_puts_the_settings_back() {
    let lab = Lab::start(&["--repl-diskless-sync", "no", "--repl-diskless-sync-delay", "3"]);
    let mut out = Vec::new();
    let result = snapshot(&lab.tcp(), &mut out, &mut |_, _| ControlFlow::Break(()), WAIT);
    assert!(matches!(result, Err(ServerError::Interrupted)));
    let mut server = lab.connect();
    assert_eq!(server.setting("repl-diskless-sync").unwrap().as_deref(), Some("no"));
    assert_eq!(server.setting("repl-diskless-sync-delay").unwrap().as_deref(), Some("3"));
}

#[test]
fn types_and_expiries_are_told_for_each_key() {
    let lab = Lab::start(&[]);
    let mut server = lab.connect();
    server.select(3).unwrap();
    server.ask::<()>(redis::cmd("RPUSH").arg("list").arg("1")).unwrap();
    server.ask::<()>(redis::cmd("HSET").arg("hash").arg("f").arg("1")).unwrap();
    server.ask::<()>(redis::cmd("PEXPIREAT").arg("hash").arg("4102444800123")).unwrap();
    let keys = [b"list".to_vec(), b"hash".to_vec(), b"none".to_vec()];
    let states = server.types_and_expiries(3, &keys).unwrap();
    assert_eq!(states[0].kind.as_deref(), Some("list"));
    assert_eq!(states[0].expires_at_ms, None);
    let off = (states[1].expires_at_ms.unwrap() - 4_102_444_800_123).abs();
    assert!(off <= states[1].slack_ms, "{states:?}");
    assert_eq!(states[2].kind, None);
    let page = server.scan(3, 0, 100).unwrap();
    assert_eq!((page.cursor, page.keys.len()), (0, 2));
    assert_eq!(server.dbsize(3).unwrap(), 2);
    assert_eq!(server.info(None).unwrap().keyspace()[&3].expires, 1);
    server.write_probe("redis-dr:probe:test").unwrap();
    assert!(server.latency(20).unwrap().p99 < WAIT);
}

#[test]
fn refusals_have_their_kind() {
    let lab = Lab::start(&["--requirepass", "open sesame"]);
    let mut nobody = lab.connect();
    assert!(matches!(nobody.ping(), Err(ServerError::AuthFailed { .. })));
    let with = |word: &str| Endpoint { password: Some(Secret::new(word)), ..lab.tcp() };
    assert!(matches!(Server::connect(&with("wrong"), WAIT), Err(ServerError::AuthFailed { .. })));
    let mut server = Server::connect(&with("open sesame"), WAIT).unwrap();
    server.ping().unwrap();
    server.config_set("min-replicas-to-write", "1000000").unwrap();
    assert!(matches!(server.write_probe("k"), Err(ServerError::NoReplicas)));
    server.config_set("min-replicas-to-write", "0").unwrap();
    server.config_set("maxmemory", "1").unwrap();
    assert!(matches!(server.write_probe("k"), Err(ServerError::Oom)));
    server.config_set("requirepass", "").unwrap();
    Server::connect(&with("no longer needed"), WAIT).unwrap().ping().ok();
}

#[test]
fn a_server_that_accepts_and_says_nothing_costs_the_timeout_only() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::Tcp { host: "localhost".to_string(), port: listener.local_addr().unwrap().port() };
    let endpoint = Endpoint { password: Some(Secret::new("x")), ..Endpoint::plain(address) };
    let began = Instant::now();
    let answer = Server::connect(&endpoint, Duration::from_millis(200));
    assert!(matches!(answer, Err(ServerError::Timeout { .. })), "{answer:?}");
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_hanging_server_is_a_timeout_and_the_connection_is_not_used_again() {
    let lab = Lab::start(&[]);
    let mut server = lab.connect();
    server.set_timeout(Duration::from_millis(200));
    let _ = Command::new("kill").args(["-STOP", &lab.child.id().to_string()]).status();
    assert!(matches!(server.ping(), Err(ServerError::Timeout { .. })));
    let _ = Command::new("kill").args(["-CONT", &lab.child.id().to_string()]).status();
    assert!(matches!(server.ping(), Err(ServerError::Closed)));
    lab.connect().shutdown_nosave().unwrap();
}

mod processes {
    use super::*;
    use redis_dr::host::Look;
    use redis_dr::host::process::{Launch, Launched, ProcessError, Reins};

    fn launch(argv: &[&str], user: Option<redis_dr::host::User>, log: Option<fs::File>) -> Launched {
        let argv = argv.iter().map(ToString::to_string).collect();
        let launcher = PathBuf::from(env!("CARGO_BIN_EXE_redis-dr"));
        Reins::new().launch(Launch { argv, user, cwd: PathBuf::from("/"), log, limits: None, launcher }).unwrap()
    }

    fn until(mut ready: impl FnMut() -> bool) {
        let begin = Instant::now();
        while !ready() {
            assert!(begin.elapsed() < WAIT, "waited too long");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_server_is_found_by_its_title_and_its_socket() {
        let lab = Lab::start(&[]);
        let look = Look::new();
        let pid = i32::try_from(lab.child.id()).unwrap();
        assert_eq!(look.listeners(lab.port).unwrap()[0].pid, Some(pid));
        assert_eq!(look.unix_listeners(&lab.dir.path().join("sock")).unwrap()[0].pid, Some(pid));
        let proc = look.servers().unwrap().into_iter().find(|proc| proc.pid() == pid).unwrap();
        assert!(proc.is_server() && proc.shown().contains(&lab.port.to_string()), "{proc:?}");
        assert_eq!(proc.cwd.as_deref(), Some(lab.data().canonicalize().unwrap().as_path()));
        assert_eq!(look.parent(&proc).unwrap().pid(), i32::try_from(std::process::id()).unwrap());
    }

    #[test]
    fn a_started_server_has_its_own_session_and_none_of_our_files() {
        let dir = tempfile::tempdir().unwrap();
        let log = fs::File::create(dir.path().join("log")).unwrap();
        let _leak = fs::File::open("/etc/passwd").unwrap();
        let started = launch(&["/bin/sleep", "60"], None, Some(log));
        let look = Look::new();
        until(|| look.process(started.pid).is_some_and(|proc| proc.comm == "sleep"));
        let id = look.process(started.pid).unwrap().id;
        let session = nix::unistd::getsid(Some(nix::unistd::Pid::from_raw(started.pid))).unwrap();
        assert_eq!(session.as_raw(), started.pid);
        assert_eq!(fs::read_dir(format!("/proc/{}/fd", started.pid)).unwrap().count(), 3);
        let other = redis_dr::host::process::ProcId { start_ticks: id.start_ticks + 1, ..id };
        let refused = Reins::new().signal(other, nix::sys::signal::Signal::SIGKILL);
        assert!(matches!(refused, Err(ProcessError::Gone { .. })));
        Reins::new().signal(id, nix::sys::signal::Signal::SIGKILL).unwrap();
        until(|| look.gone(id));
        until(|| started.ended().is_some());
    }

    #[test]
    fn a_started_server_has_the_groups_of_its_user() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let user = Look::new().user("nobody").unwrap();
        let (uid, gid) = (user.uid, user.gid);
        let started = launch(&["/bin/sleep", "60"], Some(user), None);
        let look = Look::new();
        until(|| look.process(started.pid).is_some_and(|proc| proc.comm == "sleep"));
        let proc = look.process(started.pid).unwrap();
        let status = fs::read_to_string(format!("/proc/{}/status", started.pid)).unwrap();
        Reins::new().signal(proc.id, nix::sys::signal::Signal::SIGKILL).unwrap();
        assert_eq!(proc.uid, uid);
        assert!(status.contains(&format!("Groups:\t{gid} \n")), "{status}");
        assert!(status.contains(&format!("Gid:\t{gid}\t{gid}\t{gid}\t{gid}")), "{status}");
    }

    #[test]
    fn a_program_that_is_not_there_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let started = launch(&["/no/such/redis-server"], None, Some(fs::File::create(&path).unwrap()));
        until(|| started.ended().is_some());
        assert_eq!(started.ended().unwrap().code(), Some(127));
        assert!(fs::read_to_string(path).unwrap().contains("No such file"));
    }
}

mod tls {
    use super::*;
    use redis_dr::server::Tls;

    fn openssl(dir: &Path, args: &str) {
        let done = Command::new("openssl").args(args.split(' ')).current_dir(dir).output();
        let done = done.expect("no openssl: apt-get install openssl");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    #[test]
    fn a_tls_server_is_spoken_to_and_a_wrong_authority_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["ca", "other"] {
            openssl(
                dir.path(),
                &format!(
                    "req -x509 -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.crt -days 2 -subj /CN={name}"
                ),
            );
        }
        openssl(
            dir.path(),
            "req -newkey rsa:2048 -nodes -keyout s.key -out s.csr -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1",
        );
        openssl(
            dir.path(),
            "x509 -req -in s.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out s.crt -days 2 -copy_extensions copy",
        );
        let at = |name: &str| dir.path().join(name);
        let text = |name: &str| at(name).display().to_string();
        let port = free_port();
        let (key, cert, ca) = (text("s.key"), text("s.crt"), text("ca.crt"));
        let lab = Lab::start(&[
            "--tls-port",
            &port.to_string(),
            "--tls-key-file",
            &key,
            "--tls-cert-file",
            &cert,
            "--tls-ca-cert-file",
            &ca,
        ]);
        let with =
            |tls: Tls| Endpoint { tls: Some(tls), ..Endpoint::plain(Address::Tcp { host: "127.0.0.1".into(), port }) };
        let ours = Tls { ca: Some(at("ca.crt")), cert: Some(at("s.crt")), key: Some(at("s.key")) };
        let mut server = Server::connect(&with(ours.clone()), WAIT).unwrap();
        server.ask::<()>(redis::cmd("SET").arg("a").arg("b")).unwrap();
        let mut out = Vec::new();
        let info = snapshot(&with(ours.clone()), &mut out, &mut |_, _| ControlFlow::Continue(()), WAIT).unwrap();
        assert_eq!(out.len() as u64, info.bytes);
        let wrong = Server::connect(&with(Tls { ca: Some(at("other.crt")), ..ours.clone() }), WAIT);
        assert!(matches!(wrong, Err(ServerError::Tls { .. })), "{wrong:?}");
        let half = Server::connect(&with(Tls { key: None, ..ours.clone() }), WAIT);
        assert!(matches!(half, Err(ServerError::Tls { .. })), "{half:?}");
        // Neither side may wait for ever when only one of them speaks TLS.
        let plain = Server::connect(&Endpoint { tls: None, ..with(ours.clone()) }, Duration::from_millis(500))
            .and_then(|mut server| server.ping());
        assert!(plain.is_err());
        let short = Duration::from_millis(500);
        let crossed = Server::connect(&Endpoint { tls: Some(ours), ..lab.tcp() }, short);
        assert!(crossed.is_err());
    }
}
