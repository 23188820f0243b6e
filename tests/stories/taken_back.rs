//! After a run that failed and was taken back, an assessment finds what it found before: what that run did to times and
//! log is not taken for a client's doing, nor its stops for a person's.
use crate::lab::Lab;
use crate::sandbox::{Sandbox, wait_until};
use serde_json::Value;
use std::time::Duration;

/// A step that always fails.
const FAILS: &str = "  - id: fails\n    title: Fail\n    do: { run: { argv: [/bin/false], repeatable: true } }\n";

/// What an assessment comes to, without what changes with the hour.
fn conclusion(server: &Sandbox) -> Value {
    let seen = server.assess_json(&[]);
    let points = seen["points"].as_array().unwrap().iter();
    let points: Vec<_> = points.map(|p| (&p["id"], &p["as_of"], &p["loss_seconds"])).collect();
    let (decision, process) = (&seen["decision"], &seen["facts"]["process"]);
    serde_json::json!({
        "first": seen["findings"][0]["id"], "points": points, "runbook": decision["runbook"],
        "outcome": decision["outcome"], "purpose": process["stopped_on_purpose"], "since": process["down_since"],
        "exactly": process["down_exactly"],
    })
}

impl Sandbox {
    /// A run of this runbook that has started the server when it fails, and is taken back.
    fn recover_and_fail(&mut self, shipped: &str) -> &mut Self {
        self.own_runbook(shipped, "verify-data", FAILS);
        let run = self.redis_dr(&["recover", "demo", "--confirm", "demo", "--json", "--runbook", "mine"]);
        assert_eq!(run.exits(1).json()["outcome"], "failed", "{run}");
        assert!(!self.running(), "{run}");
        self
    }
}

#[test]
fn a_server_that_died_is_not_taken_for_one_that_somebody_stopped() {
    Lab::on_each(|mut server| {
        server.start().fill(300).save();
        std::thread::sleep(Duration::from_millis(1100));
        server.must(&["SET", "after-the-snapshot", "lost"]);
        server.written();
        server.kill9();
        let base = server.aof_tail();
        server.corrupt(&base, 20);
        let before = conclusion(&server);
        assert_eq!((&before["first"], &before["purpose"]), (&"server.not_running".into(), &false.into()));
        assert_eq!(before["exactly"], false, "nobody saw it die");
        for _ in 0..2 {
            server.recover_and_fail("restore-rdb-as-aof-base");
            assert_eq!(conclusion(&server), before);
        }
    });
}

#[test]
fn a_snapshot_loses_no_more_after_a_restart_that_failed() {
    Lab::on_each(|mut server| {
        server.configure("appendonly no").start().fill(300).save();
        std::thread::sleep(Duration::from_millis(1100));
        server.must(&["BGSAVE"]);
        server.kill9();
        let before = conclusion(&server);
        server.recover_and_fail("restart");
        assert_eq!(conclusion(&server), before);
    });
}

#[test]
fn a_server_that_somebody_stopped_stays_one_after_a_run_that_failed() {
    Lab::on_each(|mut server| {
        server.configure("appendonly no").start().fill(300);
        let _ = server.ask(&["SHUTDOWN", "SAVE"]);
        wait_until("the server to shut down", || !server.running());
        let before = conclusion(&server);
        assert_eq!(before["first"], "server.stopped_on_purpose");
        assert_eq!(before["exactly"], true, "its log says when");
        server.recover_and_fail("restart");
        assert_eq!(conclusion(&server), before);
    });
}

#[test]
fn who_stops_it_after_a_recovery_means_it() {
    Lab::on_each(|mut server| {
        server.start().fill(300).kill9();
        server.recover_auto().recovered_by("restart");
        let _ = server.ask(&["SHUTDOWN", "NOSAVE"]);
        wait_until("the server to shut down", || !server.running());
        server.finds_first("server.stopped_on_purpose");
    });
}

#[test]
fn what_dies_after_a_recovery_was_last_seen_then() {
    let mut server = Lab::new().sandbox();
    server.start().fill(300).kill9();
    let before = server.assess_json(&[])["facts"]["process"]["down_since"].as_str().unwrap().to_owned();
    let run = server.recover_auto().recovered_by("restart");
    server.kill9();
    let now = conclusion(&server);
    assert_eq!(now["purpose"], false);
    assert!(now["since"].as_str().unwrap() > before.as_str(), "{now}");
    assert!(now["since"].as_str().unwrap() <= run["ended_at"].as_str().unwrap(), "{now}");
}
