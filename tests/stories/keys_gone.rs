//! The server answers, but keys are gone: what took them away.
use crate::lab::Lab;
use crate::sandbox::{Sandbox, wait_until};
use serde_json::Value;

/// The reason at which `data-lost` ends.
fn ends(server: &Sandbox) -> (Value, String) {
    let document = server.assess_json(&["--playbook", "data-lost"]);
    let path = document["decision"]["path"].as_array().unwrap().clone();
    let last = path.last().unwrap()["because"].as_str().unwrap().to_owned();
    (document, last)
}

#[test]
fn triage_leads_there() {
    Lab::on_each(|mut server| {
        server.start().fill(300);
        server.must(&["FLUSHALL"]);
        let document = server.assess_json(&[]);
        let ids = document["findings"].to_string();
        assert!(ids.contains("server.data_empty") && ids.contains("files.flush_found"), "{ids}");
        let path = document["decision"]["path"].as_array().unwrap();
        assert!(path.iter().any(|rule| rule["rule"].as_str().unwrap().starts_with("data-lost ")), "{path:#?}");
    });
}

#[test]
fn in_another_database() {
    Lab::on_each(|mut server| {
        server.start();
        let mut client = server.client();
        client.ask(&["SELECT", "3"]).unwrap();
        client.ask(&["SET", "here", "I am"]).unwrap();
        let (document, because) = ends(&server);
        assert!(because.contains("clients look in the wrong one"), "{because}");
        assert_eq!(document["decision"]["outcome"], "needs_human");
    });
}

#[test]
fn evicted() {
    Lab::on_each(|mut server| {
        server.start().fill(200);
        server.must(&["CONFIG", "SET", "maxmemory-policy", "allkeys-random"]);
        server.must(&["CONFIG", "SET", "maxmemory", "1mb"]);
        for n in 0..20 {
            let _ = server.ask(&["SET", &format!("more-{n}"), &"v".repeat(50_000)]);
        }
        let (_, because) = ends(&server);
        assert!(because.starts_with("The server evicted keys") || because.contains("is empty"), "{because}");
    });
}

#[test]
fn expired() {
    Lab::on_each(|mut server| {
        server.start();
        let mut client = server.client();
        for n in 0..50 {
            client.ask(&["SET", &format!("short-{n}"), "v", "PX", "1"]).unwrap();
        }
        client.ask(&["SET", "stays", "v"]).unwrap();
        wait_until("the keys to expire", || server.dbsize() == 1);
        let (_, because) = ends(&server);
        assert!(because.starts_with("More keys have expired"), "{because}");
    });
}

#[test]
fn not_at_all() {
    let mut server = Lab::new().sandbox();
    server.start().fill(100);
    let (_, because) = ends(&server);
    assert!(because.starts_with("Nothing shows"), "{because}");
}
