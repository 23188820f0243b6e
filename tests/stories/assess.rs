//! What an assessment says about real servers, well and broken.
use crate::lab::Lab;
use crate::sandbox::Sandbox;
use redis_dr::assess::{Assessed, Assessor, Depth, Target, Wanted};
use redis_dr::config::Config;
use redis_dr::facts::{AofState, PointKind, ProcessState, Validity, WouldLoad};
use redis_dr::finding::Severity;
use redis_dr::host::Look;
use redis_dr::state::State;

fn assess_to(sandbox: &Sandbox, depth: Depth) -> Assessed {
    let text = std::fs::read_to_string(sandbox.config()).unwrap();
    let config = Config::from_text(&text, "redis-dr.yaml").unwrap();
    // without a way in of its own: what the server's file says is tried
    let instance = redis_dr::config::Instance { auth: None, ..config.instances["demo"].clone() };
    let target = Target::of("demo", &instance, &config, None, false);
    let state = State::at(sandbox.root().join("state"));
    let assessed = Assessor::new(Look::new(), target, &state).assess(&Wanted { depth, ..Wanted::default() });
    eprintln!("{}", serde_json::to_string_pretty(&assessed.document).unwrap());
    assessed
}

fn assess(sandbox: &Sandbox) -> Assessed {
    assess_to(sandbox, Depth::Usual)
}

fn ids(assessed: &Assessed) -> Vec<&'static str> {
    assessed.document.findings.iter().map(|f| f.id.name()).collect()
}

fn points(assessed: &Assessed) -> Vec<&str> {
    assessed.document.points.iter().map(|p| p.id.as_str()).collect()
}

#[test]
fn a_healthy_server_is_healthy() {
    Lab::on_each(|mut sandbox| {
        sandbox.start().fill(100);
        assess(&sandbox);
        let seen = assess(&sandbox);
        let facts = &seen.document.facts;
        assert_eq!(facts.findings.worst_now, Severity::Healthy, "{:?}", ids(&seen));
        assert_eq!(facts.process.state, Some(ProcessState::Running));
        assert_eq!((facts.server.answers, facts.server.writable), (Some(true), Some(true)));
        assert_eq!(facts.server.data_empty, Some(false));
        assert_eq!(facts.config.start_loads, Some(WouldLoad::Aof));
        assert_eq!(facts.port.held_by_other, Some(false));
        assert_eq!(points(&seen).first(), Some(&"memory"));
    });
}

#[test]
fn a_killed_server_comes_back_from_its_aof_with_no_loss() {
    Lab::on_each(|mut sandbox| {
        sandbox.start().fill(100).kill9();
        let seen = assess(&sandbox);
        let facts = &seen.document.facts;
        assert_eq!(ids(&seen).first(), Some(&"server.not_running"));
        assert_eq!(facts.process.stopped_on_purpose, Some(false));
        assert_eq!(facts.points.best.as_deref(), Some("aof"));
        assert_eq!(facts.points.best_loss.map(|s| s.0), Some(0.0));
        assert_eq!(facts.files.aof.state, Some(AofState::Intact));
    });
}

#[test]
fn a_torn_tail_is_cut_and_loses_nothing_that_was_done() {
    Lab::on_each(|mut sandbox| {
        sandbox.start().fill(100).kill9();
        sandbox.tear_aof_tail(3);
        let seen = assess(&sandbox);
        assert!(ids(&seen).contains(&"files.aof_truncated"), "{:?}", ids(&seen));
        let best = &seen.document.points[0];
        assert_eq!((best.id.as_str(), best.valid), ("aof-cut", Validity::Repairable));
        assert_eq!(best.loss_seconds.map(|s| s.0), Some(0.0));
        assert!(best.usable());
    });
}

#[test]
fn a_lost_aof_is_the_trap_and_the_snapshot_is_best() {
    Lab::on_each(|mut sandbox| {
        sandbox.start().fill(100);
        sandbox.save();
        sandbox.kill9();
        sandbox.lose_aof();
        let seen = assess(&sandbox);
        assert!(ids(&seen).contains(&"config.aof_trap"), "{:?}", ids(&seen));
        assert_eq!(seen.document.facts.config.start_loads, Some(WouldLoad::Nothing));
        assert_eq!(seen.document.facts.points.best.as_deref(), Some("rdb"));
        assert_eq!(seen.document.facts.points.usable, Some(true));
    });
}

#[test]
fn without_aof_and_snapshot_the_newest_good_backup_is_best() {
    Lab::on_each(|mut sandbox| {
        sandbox.start().fill(100);
        sandbox.backup("old.rdb");
        let damaged = sandbox.backup("new.rdb");
        sandbox.corrupt(&damaged, 30);
        sandbox.kill9();
        sandbox.lose_aof().lose_rdb();
        let seen = assess(&sandbox);
        assert_eq!(seen.document.facts.points.best.as_deref(), Some("nightly/old.rdb"));
        let last = seen.document.points.last().unwrap();
        assert_eq!((last.id.as_str(), last.valid), ("nightly/new.rdb", Validity::Damaged));
        assert!(ids(&seen).contains(&"backup.corrupt"), "{:?}", ids(&seen));
    });
}

#[test]
fn a_server_that_came_up_empty_is_found_out() {
    Lab::on_each(|mut sandbox| {
        sandbox.start().fill(100);
        sandbox.save();
        sandbox.kill9();
        sandbox.lose_aof();
        sandbox.start();
        let seen = assess(&sandbox);
        assert_eq!(seen.document.facts.server.data_empty, Some(true));
        assert_eq!(ids(&seen).first(), Some(&"server.data_empty"));
        assert_eq!(seen.document.points[0].kind, PointKind::Rdb);
    });
}

#[test]
fn a_lost_manifest_can_be_rebuilt() {
    Lab::on_each_where(
        |tree| tree.since_seven(),
        |mut sandbox| {
            sandbox.start().fill(100).kill9();
            sandbox.lose_manifest();
            let seen = assess(&sandbox);
            assert!(ids(&seen).contains(&"files.manifest_missing"), "{:?}", ids(&seen));
            assert_eq!(seen.document.facts.files.aof.rebuildable, Some(true));
            assert!(seen.document.points[0].needs_rebuild);
            assert_eq!(seen.document.facts.points.usable, Some(true));
        },
    );
}

#[test]
fn a_shutdown_that_was_asked_for_was_on_purpose() {
    let mut sandbox = Lab::new().sandbox();
    sandbox.start().fill(10);
    let _ = sandbox.ask(&["SHUTDOWN", "NOSAVE"]);
    crate::sandbox::wait_until("the server to shut down", || !sandbox.running());
    let seen = assess(&sandbox);
    assert_eq!(seen.document.facts.process.stopped_on_purpose, Some(true));
}

#[test]
fn another_program_on_the_port_is_not_our_server() {
    let mut sandbox = Lab::new().sandbox();
    sandbox.start().fill(10).kill9();
    let mut other = None;
    crate::sandbox::wait_until("the port to be free", || {
        other = std::net::TcpListener::bind(("127.0.0.1", sandbox.port)).ok();
        other.is_some()
    });
    let seen = assess(&sandbox);
    assert_eq!(seen.document.facts.port.held_by_other, Some(true));
    assert!(ids(&seen).contains(&"server.port_taken"), "{:?}", ids(&seen));
}

#[test]
fn a_wrong_password_leaves_the_server_unknown() {
    let mut sandbox = Lab::new().sandbox();
    sandbox.start();
    sandbox.must(&["CONFIG", "SET", "requirepass", "something else"]);
    let seen = assess(&sandbox);
    assert_eq!(seen.document.facts.server.auth_failed, Some(true));
    assert_eq!(seen.document.facts.server.answers, None);
}

#[test]
fn a_stopped_process_hangs() {
    let mut sandbox = Lab::new().sandbox();
    sandbox.start();
    let pid = nix::unistd::Pid::from_raw(sandbox.servers()[0]);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP).unwrap();
    let seen = assess(&sandbox);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGCONT).unwrap();
    assert_eq!(seen.document.facts.process.state, Some(ProcessState::Stopped));
    assert!(ids(&seen).contains(&"server.hung"), "{:?}", ids(&seen));
}

#[test]
fn a_typo_in_the_configuration_is_named() {
    let mut sandbox = Lab::new().sandbox();
    sandbox.start().fill(10).kill9();
    sandbox.configure("appendfsink always");
    let seen = assess(&sandbox);
    let invalid = seen.document.findings.iter().find(|f| f.id.name() == "server.config_invalid").unwrap();
    assert!(invalid.evidence[0].contains("appendfsink"), "{invalid:?}");
}

fn wanted(sandbox: &Sandbox, wanted: &Wanted) -> Assessed {
    let text = std::fs::read_to_string(sandbox.config()).unwrap();
    let config = Config::from_text(&text, "redis-dr.yaml").unwrap();
    // without a way in of its own: what the server's file says is tried
    let instance = redis_dr::config::Instance { auth: None, ..config.instances["demo"].clone() };
    let target = Target::of("demo", &instance, &config, None, false);
    let state = State::at(sandbox.root().join("state"));
    Assessor::new(Look::new(), target, &state).assess(wanted)
}

#[test]
fn a_tail_of_zeros_and_a_torn_transaction_are_cut_before_they_start() {
    Lab::on_each(|mut sandbox| {
        sandbox.start().fill(50).kill9();
        sandbox.zero_pad_aof(4096);
        let seen = assess(&sandbox);
        assert!(ids(&seen).contains(&"files.aof_corrupt"), "{:?}", ids(&seen));
        assert_eq!(seen.document.facts.points.best.as_deref(), Some("aof-cut"));
    });
    Lab::on_each(|mut sandbox| {
        sandbox.start().fill(50).kill9();
        sandbox.append_torn_transaction();
        let seen = assess(&sandbox);
        assert_eq!(seen.document.facts.files.aof.state, Some(AofState::TornTransaction));
        let best = &seen.document.points[0];
        assert_eq!(best.id, "aof-cut");
        assert_eq!(best.loss_seconds.map(|s| s.0), Some(0.0));
        assert!(!best.cut.as_ref().unwrap().preview.is_empty());
    });
}

#[test]
fn packed_backups_and_a_file_in_hand_are_walked() {
    let mut sandbox = Lab::new().sandbox();
    sandbox.start().fill(200);
    let plain = sandbox.backup("plain.rdb");
    let bytes = std::fs::read(&plain).unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, &bytes).unwrap();
    std::fs::create_dir(sandbox.backups().join("daily")).unwrap();
    std::fs::write(sandbox.backups().join("daily/a.gz"), gz.finish().unwrap()).unwrap();
    std::fs::write(sandbox.backups().join("b.zst"), zstd::encode_all(bytes.as_slice(), 1).unwrap()).unwrap();
    let hand = sandbox.root().join("sent by somebody");
    std::fs::write(&hand, &bytes).unwrap();
    nix::unistd::mkfifo(&sandbox.backups().join("fifo.rdb"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    sandbox.kill9();
    sandbox.lose_aof().lose_rdb();
    let seen = wanted(&sandbox, &Wanted { point_files: vec![hand.clone()], ..Wanted::default() });
    for id in ["nightly/plain.rdb", "nightly/daily/a.gz", "nightly/b.zst", &format!("file:{}", hand.display())] {
        let point =
            seen.document.points.iter().find(|p| p.id == id).unwrap_or_else(|| panic!("{id}: {:?}", points(&seen)));
        assert_eq!((point.valid, point.keys), (Validity::Intact, Some(200)), "{point:?}");
        assert!(point.usable(), "{point:?}");
    }
    assert_eq!(seen.document.points.len(), 4, "{:?}", points(&seen));
    // A second look remembers the verdicts.
    assert!(sandbox.root().join("state/verdicts.json").exists());
}

#[test]
fn a_flush_that_ends_the_aof_leaves_a_cut_before_it() {
    Lab::on_each(|mut sandbox| {
        sandbox.start().fill(50);
        sandbox.must(&["FLUSHALL"]);
        let seen = assess(&sandbox);
        assert_eq!(seen.document.facts.server.data_empty, Some(true), "{:?}", points(&seen));
        assert!(ids(&seen).contains(&"files.flush_found"), "{:?}", ids(&seen));
        assert_eq!(seen.document.facts.points.best.as_deref(), Some("aof-before-flush"));
    });
}

#[test]
fn an_instance_nobody_configured_is_discovered() {
    let mut sandbox = Lab::new().sandbox();
    sandbox.start().fill(20);
    let address = format!("127.0.0.1:{}", sandbox.port).parse().unwrap();
    let state = State::at(sandbox.root().join("state"));
    let target = Target::discover(redis_dr::server::Endpoint::plain(address));
    let seen = Assessor::new(Look::new(), target, &state).assess(&Wanted::default());
    let config = &seen.document.facts.config;
    assert_eq!(config.file.as_deref(), sandbox.conf().to_str());
    assert_eq!(config.data_dir.as_deref(), sandbox.data().to_str());
    assert_eq!(seen.document.facts.process.state, Some(ProcessState::Running));
}

#[test]
fn a_snapshot_larger_than_maxmemory_would_be_evicted() {
    let mut sandbox = Lab::new().sandbox();
    sandbox.start().fill(2000);
    sandbox.save();
    sandbox.kill9();
    sandbox.lose_aof();
    sandbox.configure("maxmemory 1mb").configure("maxmemory-policy allkeys-lru");
    let seen = assess(&sandbox);
    let rdb = &seen.document.points[0];
    assert!(!rdb.usable(), "{rdb:?}");
    assert_eq!(seen.document.facts.points.usable, Some(false));
}

#[test]
fn the_password_of_the_file_opens_the_door() {
    let mut sandbox = Lab::new().sandbox();
    sandbox.configure("requirepass secret-of-the-file");
    // nobody told us how to log in
    let config = std::fs::read_to_string(sandbox.config()).unwrap();
    let without: Vec<&str> = config.lines().filter(|line| !line.contains("auth:")).collect();
    std::fs::write(sandbox.config(), without.join("\n")).unwrap();
    std::fs::write(sandbox.root().join("x"), b"").unwrap();
    let child = std::process::Command::new(&sandbox.tree.server)
        .arg(sandbox.conf())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    crate::sandbox::wait_until("it to listen", || std::net::TcpStream::connect(("127.0.0.1", sandbox.port)).is_ok());
    let seen = assess(&sandbox);
    sandbox.kill9();
    drop(child);
    assert_eq!(seen.document.facts.server.answers, Some(true), "{:?}", seen.document.facts.server);
    assert!(!serde_json::to_string(&seen.document).unwrap().contains("secret-of-the-file"));
}
