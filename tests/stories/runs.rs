//! What a run leaves: a record, the copies, and the way back.
use crate::lab::Lab;
use crate::sandbox::Sandbox;
use serde_json::Value;
use std::fs;

/// A torn AOF, repaired; with it the digest it had, and the files as they were before.
fn repaired() -> (Sandbox, String, Vec<u8>) {
    let mut server = Lab::new().sandbox();
    server.start().fill(300);
    let digest = server.digest();
    server.kill9().append_torn_transaction();
    let damaged = fs::read(server.aof_tail()).unwrap();
    server.recover_auto().recovered_by("repair-aof");
    (server, digest, damaged)
}

#[test]
fn a_run_is_listed_shown_and_reported() {
    let (server, ..) = repaired();
    let listed = server.redis_dr(&["runs", "list", "--json"]).exits(0).json();
    let run = &listed["runs"][0];
    assert_eq!((&run["runbook"], &run["outcome"]), (&Value::from("repair-aof"), &Value::from("recovered")));
    let id = run["run_id"].as_str().unwrap();
    server.redis_dr(&["runs", "show", id]).exits(0).mentions("repair-aof");
    server.redis_dr(&["runs", "report", "last"]).exits(0).mentions("repair-aof");
    let file = server.root().join("report.md").display().to_string();
    server.redis_dr(&["runs", "report", "last", "--format", "md", "-o", &file]).exits(0);
    let report = fs::read_to_string(&file).unwrap();
    assert!(report.starts_with('#') && report.contains("repair-aof"), "{report}");
    let json = server.redis_dr(&["runs", "report", "last", "--format", "json"]).exits(0).json();
    assert_eq!(json["run_id"], id);
}

#[test]
fn the_original_bytes_can_be_had_back() {
    let (server, _, damaged) = repaired();
    let listed = server.redis_dr(&["vault", "list"]);
    let name = server.aof_tail().file_name().unwrap().to_str().unwrap().to_owned();
    listed.exits(0).mentions(&name);
    let copy = server.root().join("copy");
    let tail = server.aof_tail().display().to_string();
    server.redis_dr(&["vault", "restore", "last", &tail, "-o", copy.to_str().unwrap()]).exits(0);
    assert!(fs::read(copy).unwrap() == damaged);
}

#[test]
fn a_finished_run_is_taken_back_only_knowingly() {
    let (mut server, digest, damaged) = repaired();
    server.redis_dr(&["runs", "rollback", "last", "--auto", "--json"]).exits(3);
    server.redis_dr(&["runs", "rollback", "last", "--confirm", "demo", "--json"]).exits(3);
    assert_eq!(server.digest(), digest, "still serving");
    let args = ["runs", "rollback", "last", "--confirm", "demo", "--discard-writes", "--json"];
    let run = server.redis_dr(&args).json();
    assert_eq!(run["outcome"], "rolled_back");
    assert!(!server.running() && fs::read(server.aof_tail()).unwrap() == damaged);
    server.recover_auto().recovered_by("repair-aof");
    server.kill9();
}
