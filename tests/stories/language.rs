//! Runbooks and playbooks as their writer meets them.
use crate::dr::finish;
use crate::lab::Lab;
use crate::midway::send;
use crate::sandbox::wait_until;
use nix::sys::signal::Signal;
use serde_json::json;
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

/// A step whose gate and title read what the start found out.
fn told_of(keys: &str) -> String {
    format!(
        "  - id: tell\n    title: \"Tell of ${{steps.start.loaded_keys}} keys\"\n    do: {{ run: {{ argv: [/bin/echo, told], \
         repeatable: true }} }}\n    before: [{{ that: steps.start.loaded_keys {keys}, because: \"not \
         ${{steps.start.loaded_keys}} keys\" }}]\n    after: [{{ that: steps.tell.stdout == \"told\" }}]\n"
    )
}

#[test]
fn a_gate_reads_what_an_earlier_step_found_out() {
    let mut server = Lab::new().sandbox();
    server.own_runbook("restart", "open", &told_of("== 100")).start().fill(100).kill9();
    let document = server.redis_dr(&["recover", "demo", "--auto", "--json", "--runbook", "mine"]).recovered_by("mine");
    let steps = document["steps"].as_array().unwrap();
    let found = |id: &str| steps.iter().find(|s| s["id"] == id).unwrap()["results"].clone();
    assert_eq!((&found("start")["loaded_keys"], &found("tell")["stdout"]), (&json!(100), &json!("told")), "{document}");
    server.redis_dr(&["runs", "report"]).exits(0).mentions("loaded_keys 100").mentions("stdout told");
    let markdown = ["runs", "report", "--format", "md"];
    server.redis_dr(&markdown).exits(0).mentions("Tell of 100 keys").mentions("loaded_keys 100");
}

#[test]
fn a_gate_that_what_was_found_out_closes_takes_everything_back() {
    let mut server = Lab::new().sandbox();
    server.own_runbook("restart", "open", &told_of("> 100")).start().fill(100).kill9();
    let output = server.redis_dr(&["recover", "demo", "--auto", "--json", "--runbook", "mine"]);
    let document = output.exits(1).json();
    assert_eq!(document["outcome"], "failed");
    let because = document["because"].as_str().unwrap();
    assert!(because.contains("not 100 keys (steps.start.loaded_keys is 100)"), "{because}");
}

/// The settings are in effect until the server is opened, when those of the file come back.
#[test]
fn no_setting_throws_keys_away() {
    let mut server = Lab::new().sandbox();
    let set = |policy: &str| {
        format!(
            "  - id: limit\n    title: Limit it\n    do: {{ redis.config_set: {{ maxmemory: \"100kb\", \
             maxmemory-policy: {policy} }} }}\n"
        )
    };
    server.own_runbook("restart", "open", &set("allkeys-lru")).start().fill(100).kill9();
    let mine = ["recover", "demo", "--auto", "--json", "--runbook", "mine"];
    let document = server.redis_dr(&mine).exits(1).json();
    let because = document["because"].as_str().unwrap();
    assert!(because.contains("throw keys away at once") && because.contains("allkeys-lru"), "{because}");
    server.own_runbook("restart", "open", &set("noeviction"));
    server.redis_dr(&mine).recovered_by("mine");
    assert_eq!(server.dbsize(), 100);
}

#[test]
fn a_resumed_run_reads_what_was_found_out_before_the_break() {
    let mut server = Lab::new().sandbox();
    server.waits_before("restart", "open", true);
    let file = server.root().join("runbooks/mine.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("  - id: open\n", &format!("{}  - id: open\n", told_of("== 100")), 1)).unwrap();
    server.start().fill(100).kill9();
    server.recover_killed_while_it_waits();
    server.redis_dr(&["runs", "resume", "--auto", "--json"]).recovered_by("mine");
}

#[test]
fn a_step_found_done_after_a_break_finds_out_again_what_it_can() {
    let mut server = Lab::new().sandbox();
    let gate = "    after: [{ that: steps.start.loaded_keys == 100 && server.clients >= 8, within: 60s }]\n";
    server.own_runbook("restart", "verify-data", gate).start().fill(100).kill9();
    let run = server.command(&["recover", "demo", "--auto", "--json", "--runbook", "mine"]).spawn().unwrap();
    wait_until("the server to be started", || server.info("loading").as_deref() == Some("0"));
    send(&run, Signal::SIGKILL);
    finish(run);
    let _clients: Vec<_> = (0..8).map(|_| server.client()).collect();
    let document = server.redis_dr(&["runs", "resume", "--auto", "--json"]).recovered_by("mine");
    let steps = document["steps"].as_array().unwrap();
    let start = steps.iter().find(|step| step["id"] == "start").unwrap();
    assert_eq!((&start["outcome"], &start["results"]["loaded_keys"]), (&json!("already_done"), &json!(100)), "{start}");
    assert_eq!(start["results"]["run_id"], json!(server.run_id()));
}

#[test]
fn words_are_explained() {
    let server = Lab::new().sandbox();
    for word in ["exit-codes", "files.aof_corrupt", "repair-aof", "vault"] {
        server.redis_dr(&["explain", word]).exits(0);
    }
}
