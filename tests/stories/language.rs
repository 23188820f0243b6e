//! Runbooks and playbooks as their writer meets them.
use crate::lab::Lab;
use std::fs;

#[test]
fn a_mistake_is_shown_where_it_stands() {
    let server = Lab::new().sandbox();
    let file = server.root().join("mine.yaml");
    let text = "version: 1\nrunbook: mine\ntitle: T\nrisk: low\nsteps:\n  - id: a\n    title: A\n    do: { service.stpo: {} }\n";
    fs::write(&file, text).unwrap();
    let output = server.redis_dr(&["runbook", "lint", file.to_str().unwrap()]);
    output.exits(2).mentions("mine.yaml:8:").mentions("^").mentions("service.stop");
    let document = server.redis_dr(&["runbook", "lint", file.to_str().unwrap(), "--json"]).exits(2).json();
    let errors = document["files"][0]["errors"].as_array().unwrap();
    assert!(errors.iter().any(|e| e["line"] == 8), "{errors:?}");
}

#[test]
fn what_is_shipped_is_listed_shown_and_drawn() {
    let server = Lab::new().sandbox();
    for id in
        ["restart", "repair-aof", "rebuild-aof-manifest", "restore-rdb", "restore-rdb-as-aof-base", "restore-backup"]
    {
        server.redis_dr(&["runbook", "list"]).exits(0).mentions(id);
        server.redis_dr(&["runbook", "show", id]).exits(0).mentions(id);
        server.redis_dr(&["runbook", "graph", id]).exits(0);
    }
    server.redis_dr(&["playbook", "list"]).exits(0).mentions("triage");
    server.redis_dr(&["playbook", "graph", "triage"]).exits(0).mentions("repair-aof");
    server.redis_dr(&["playbook", "lint"]).exits(0);
    server.redis_dr(&["playbook", "test"]).exits(0);
    server.redis_dr(&["runbook", "lint"]).exits(0);
    for kind in ["runbook", "playbook"] {
        server.redis_dr(&[kind, "schema"]).exits(0).json();
    }
}

#[test]
fn a_runbook_of_ones_own_runs_ones_own_program() {
    let mut server = Lab::new().sandbox();
    let runbooks = server.root().join("runbooks");
    let told = server.root().join("told");
    fs::create_dir(&runbooks).unwrap();
    let shipped = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/runbooks/restart.yaml")).unwrap();
    let step = format!(
        "  - id: tell\n    title: Tell somebody\n    do: {{ run: {{ argv: [/bin/sh, -c, \"echo back > {}\"], changes: [], repeatable: true }} }}\nrecovered:",
        told.display()
    );
    let mine = shipped.replace("runbook: restart", "runbook: mine").replace("recovered:", &step);
    fs::write(runbooks.join("mine.yaml"), mine).unwrap();
    let config = fs::read_to_string(server.config()).unwrap();
    fs::write(
        server.config(),
        config.replace("version: 1\n", &format!("version: 1\nrunbooks: [{}]\n", runbooks.display())),
    )
    .unwrap();
    server.redis_dr(&["runbook", "lint", runbooks.join("mine.yaml").to_str().unwrap()]).exits(0);
    server.start().fill(100).kill9();
    server.redis_dr(&["recover", "demo", "--auto", "--json", "--runbook", "mine"]).recovered_by("mine");
    assert_eq!(fs::read_to_string(told).unwrap(), "back\n");
}

#[test]
fn words_are_explained() {
    let server = Lab::new().sandbox();
    for word in ["exit-codes", "files.aof_corrupt", "repair-aof", "vault"] {
        server.redis_dr(&["explain", word]).exits(0);
    }
}
