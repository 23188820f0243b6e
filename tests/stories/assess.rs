//! What an assessment says about real servers, well and broken.
use crate::lab::Lab;
use crate::sandbox::Sandbox;
use redis_dr::assess::{Assessed, Assessor, Depth, Target, Wanted};
use redis_dr::config::Config;
use redis_dr::facts::{AofState, PointKind, ProcessState, Validity, WouldLoad};
use redis_dr::finding::Severity;
use redis_dr::host::Look;
use redis_dr::state::State;
use std::time::Instant;

fn assess_to(sandbox: &Sandbox, depth: Depth) -> Assessed {
    let text = std::fs::read_to_string(sandbox.config()).unwrap();
    let config = Config::from_text(&text, "redis-dr.yaml").unwrap();
    let target = Target::of("demo", &config.instances["demo"], &config, None, false);
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
fn a_healthy_server_is_healthy_and_quickly_so() {
    Lab::on_each(|mut sandbox| {
        sandbox.start().fill(100);
        assess(&sandbox);
        let began = Instant::now();
        let seen = assess(&sandbox);
        assert!(began.elapsed().as_millis() < 100, "{:?}", began.elapsed());
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
