//! What is not a data problem leaves data, and everybody's processes, alone.
use crate::lab::Lab;
use crate::resp::Client;
use crate::sandbox::Sandbox;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_healthy_server_is_left_alone() {
    Lab::on_each(|mut server| {
        server.start().fill(200);
        let (run_id, digest) = (server.run_id(), server.digest());
        let run = server.recover_auto().exits(0).json();
        assert_eq!(run["outcome"], "healthy");
        assert!(run["run_id"].is_null() && run["steps"].as_array().unwrap().is_empty());
        assert_eq!((server.run_id(), server.digest()), (run_id, digest));
        let listed = server.redis_dr(&["runs", "list", "--json"]).exits(0).json();
        assert!(listed["runs"].as_array().unwrap().is_empty(), "a healthy call leaves no run");
    });
}

#[test]
fn another_program_on_the_port() {
    let mut server = Lab::new().sandbox();
    server.start().fill(200).kill9();
    let before = server.files();
    let other = TcpListener::bind(("127.0.0.1", server.port)).unwrap();
    server.recover_auto().exits(3);
    assert!(server.files() == before && !server.running());
    drop(other);
}

#[test]
fn another_redis_on_the_port() {
    let lab = Lab::new();
    let mut server = lab.sandbox();
    server.start().fill(200).kill9();
    let before = server.files();
    let mut other = lab.sandbox();
    other.port = server.port;
    other.configure(&format!("port {}", server.port)).start();
    let run_id = other.run_id();
    let output = server.recover_auto();
    assert_ne!(output.code, Some(0), "{output}");
    assert_eq!(other.run_id(), run_id, "nobody's process is signalled");
    assert!(server.files() == before && !server.running());
}

#[test]
fn a_typo_in_redis_conf() {
    Lab::on_each(|mut server| {
        server.start().fill(200).kill9();
        server.configure("appendonyl yes");
        let before = server.files();
        let output = server.recover_auto();
        output.exits(3).mentions("appendonyl");
        assert!(server.files() == before && !server.running());
    });
}

#[test]
fn a_wrong_password() {
    let mut server = Lab::new().sandbox();
    let password = server.root().join("pass");
    fs::write(&password, "wrong\n").unwrap();
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
    server.instance(&format!("auth: {{ password_file: {} }}", password.display()));
    server.configure("requirepass hunter2");
    // Its PING answers NOAUTH, so it is started by hand here.
    let mut child = std::process::Command::new(&server.tree.server)
        .arg(server.conf())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let run_id = |server: &Sandbox| -> Option<String> {
        let mut client = Client::connect(server.port).ok()?;
        client.ask(&["AUTH", "hunter2"]).ok()?;
        let info = client.ask(&["INFO", "server"]).ok()?.text();
        info.lines().find_map(|line| line.strip_prefix("run_id:").map(str::to_owned))
    };
    crate::sandbox::wait_until("the server", || run_id(&server).is_some());
    let before = run_id(&server);
    let output = server.recover_auto();
    output.exits(3).mentions("server.auth_failed");
    assert!(!output.stdout.contains("hunter2") && !output.stderr.contains("hunter2"));
    assert_eq!(run_id(&server), before);
    server.kill9();
    child.wait().unwrap();
}

#[test]
fn nothing_to_restore_from() {
    Lab::on_each(|mut server| {
        server.start().fill(200).kill9().lose_aof().lose_rdb();
        let run = server.recover_auto().exits(3).json();
        assert_eq!(run["outcome"], "refused");
        assert!(!server.running(), "no empty server is started");
        assert!(!server.aof_dir().exists() && !server.rdb().exists());
    });
}

#[test]
fn reading_changes_nothing() {
    let mut server = Lab::new().sandbox();
    server.start().fill(300).kill9().tear_aof_tail(3);
    let before = server.files();
    for args in [&["assess", "demo", "--json"][..], &["points", "demo", "--json"], &["plan", "demo", "--json"]] {
        server.redis_dr(args).exits(0).json();
        assert!(server.files() == before, "{args:?}");
    }
    assert!(!server.running());
    server.redis_dr(&["assess", "demo", "--exit-code"]).exits(8);
}

#[test]
fn a_server_under_a_supervisor_that_nobody_named() {
    // it came up empty, and whoever started it (this very test) would start it again under our hands
    let mut server = Lab::new().sandbox();
    server.configure("appendonly no").start().fill(300).save().kill9();
    server.configure("appendonly yes").start();
    let config = std::fs::read_to_string(server.config()).unwrap();
    let unnamed = config.replace("    service: { process: {} }\n", "");
    assert_ne!(unnamed, config);
    std::fs::write(server.config(), unnamed).unwrap();
    let run_id = server.run_id();
    let document = server.assess_json(&[]);
    let supervisor = document["facts"]["process"]["supervisor"].as_str().unwrap();
    assert!(supervisor.contains(&format!("(pid {})", std::process::id())), "{supervisor}");
    server.recover_auto().exits(3).mentions("A supervisor that redis-dr does not know");
    assert_eq!((server.run_id(), server.dbsize()), (run_id, 0));
    // said how: it may
    std::fs::write(server.config(), config).unwrap();
    server.recover_auto().recovered_by("restore-rdb-as-aof-base");
}
