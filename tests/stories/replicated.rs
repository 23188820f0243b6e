//! Whoever may hold newer data is asked for first: a primary is never started empty while its replica holds the data.
use crate::lab::Lab;
use crate::sandbox::{Sandbox, wait_until};
use serde_json::Value;
use std::fs;

/// Nobody says what it is part of.
fn unsaid(server: &Sandbox) {
    let text = fs::read_to_string(server.config()).unwrap();
    fs::write(server.config(), text.replace("    topology: standalone\n", "")).unwrap();
}

/// A primary with the data and a replica that has copied it.
fn pair(primary_keeps: &str) -> (Sandbox, Sandbox) {
    let lab = Lab::new();
    let (mut primary, mut replica) = (lab.sandbox(), lab.sandbox());
    primary.configure(primary_keeps).configure("repl-diskless-sync-delay 0").start().fill(300);
    replica.configure(&format!("replicaof 127.0.0.1 {}", primary.port)).start();
    wait_until("the replica to have it all", || replica.info("master_link_status").as_deref() == Some("up"));
    wait_until("all keys", || replica.dbsize() == primary.dbsize());
    unsaid(&primary);
    unsaid(&replica);
    (primary, replica)
}

fn because(document: &Value) -> String {
    document["facts"]["replication"]["because"].to_string()
}

#[test]
fn a_primary_without_persistence_is_not_started_empty() {
    let (mut primary, replica) = pair("appendonly no");
    let keys = replica.dbsize();
    primary.kill9();
    let document = primary.finds_first("replication.unknown");
    assert!(because(&document).contains("asks for synchronization"), "{document:#}");
    let output = primary.refuses_under_auto();
    output.mentions("standalone");
    assert!(!primary.running() && !primary.rdb().exists());
    assert_eq!(replica.dbsize(), keys, "the only copy is where it was");
}

#[test]
fn a_primary_that_came_up_empty_is_left_alone() {
    let (mut primary, mut replica) = pair("appendonly no");
    primary.kill9();
    // Somebody else started it before us, and the replica was cut off in time.
    replica.must(&["REPLICAOF", "NO", "ONE"]);
    primary.start();
    let run_id = primary.run_id();
    primary.finds_first("replication.replicas_at_risk");
    primary.refuses_under_auto();
    assert_eq!(primary.run_id(), run_id);
    assert!(replica.dbsize() > 0);
    replica.kill9();
}

#[test]
fn the_snapshot_tells_where_the_log_is_gone() {
    let (mut primary, _replica) = pair("appendonly no");
    primary.save().kill9();
    fs::remove_file(primary.root().join("redis.log")).unwrap();
    let document = primary.finds_first("replication.unknown");
    assert!(because(&document).contains("its snapshot was saved within the replication"), "{document:#}");
    primary.refuses_under_auto();
    assert!(!primary.running());
}

#[test]
fn said_to_stand_alone_it_is_started() {
    let (mut primary, _replica) = pair("appendonly yes");
    primary.kill9().policy("max_risk: high, max_loss: 1h, max_recoveries: { count: 1000, within: 1h }");
    primary.recover_auto().recovered_by("restart");
}

#[test]
fn a_replica_that_lost_its_primary() {
    let (mut primary, replica) = pair("appendonly no");
    primary.kill9();
    wait_until("the link to break", || replica.info("master_link_status").as_deref() == Some("down"));
    let document = replica.assess_json(&[]);
    let ids: Vec<&str> =
        document["findings"].as_array().unwrap().iter().filter_map(|finding| finding["id"].as_str()).collect();
    assert!(ids.contains(&"replication.link_down") && ids.contains(&"replication.unknown"), "{ids:?}");
    replica.refuses_under_auto();
    assert!(replica.dbsize() > 0);
}

#[test]
fn a_replica_flushed_by_its_empty_primary() {
    let (mut primary, replica) = pair("appendonly no");
    primary.kill9().start();
    wait_until("the primary to have wiped its replica", || replica.dbsize() == 0);
    let document = replica.assess_json(&["--playbook", "data-lost"]);
    assert_eq!(document["facts"]["replication"]["flushed_by_primary"], true);
    assert_eq!(document["decision"]["outcome"], "needs_human");
    assert!(document["decision"]["path"].to_string().contains("took that of its primary"), "{document:#}");
}
