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
    assert_eq!(
        (&run["runbook"], &run["outcome"]),
        (&Value::from("repair-aof"), &Value::from("recovered"))
    );
    let id = run["run_id"].as_str().unwrap();
    server
        .redis_dr(&["runs", "show", id])
        .exits(0)
        .mentions("repair-aof");
    server
        .redis_dr(&["runs", "report", "last"])
        .exits(0)
        .mentions("repair-aof");
    let file = server.root().join("report.md").display().to_string();
    server
        .redis_dr(&["runs", "report", "last", "--format", "md", "-o", &file])
        .exits(0);
    let report = fs::read_to_string(&file).unwrap();
    assert!(
        report.starts_with('#') && report.contains("repair-aof"),
        "{report}"
    );
    let json = server
        .redis_dr(&["runs", "report", "last", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(json["run_id"], id);
}
