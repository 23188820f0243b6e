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
    let shown = server.redis_dr(&["runs", "show", id]);
    shown.exits(0).mentions("RECOVERED").mentions(&format!("runs report {id} -c "));
    shown.mentions(&format!("runs rollback {id} --discard-writes -c "));
    let whole = server.redis_dr(&["runs", "report", "last"]);
    whole.exits(0).mentions("files.aof_").mentions("holds: rule ").mentions("base_keys").mentions("What was cut");
    assert!(shown.stdout.lines().count() < 20 && !shown.stdout.contains("base_keys"), "{shown}");
    let file = server.root().join("report.md").display().to_string();
    server.redis_dr(&["runs", "report", "last", "--format", "md", "-o", &file]).exits(0);
    let report = fs::read_to_string(&file).unwrap();
    assert!(report.starts_with("# demo: recovered\n") && report.contains("| runbook | repair-aof |"), "{report}");
    assert!(
        report.contains("rules of triage before it that did not hold: ") && !report.contains("rejected"),
        "{report}"
    );
    assert!(
        report.contains("`files.aof_") && !report.contains("\\_"),
        "nothing is escaped that need not be:\n{report}"
    );
    let json = server.redis_dr(&["runs", "report", "last", "--format", "json"]).exits(0).json();
    assert_eq!(json["run_id"], id);
}

#[test]
fn the_original_bytes_can_be_had_back() {
    let (server, _, damaged) = repaired();
    let listed = server.redis_dr(&["vault", "list"]);
    let name = server.aof_tail().file_name().unwrap().to_str().unwrap().to_owned();
    listed.exits(0).mentions("demo\n  run 20").mentions("To copy one out: redis-dr vault restore RUN PATH -o FILE -c ");
    assert_eq!(listed.stdout.matches(&name).count(), 1, "each path once: {listed}");
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

/// A run that was cut off while it waited before `step`, and the files as they were before it.
fn cut_off(step: &str) -> (Sandbox, std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>, String) {
    let mut server = Lab::new().sandbox();
    server.start().fill(200);
    let digest = server.digest();
    server.kill9().append_torn_transaction();
    let original = server.files();
    server.waits_before("repair-aof", step, true).recover_killed_while_it_waits();
    (server, original, digest)
}

#[test]
fn the_journal_alone_takes_a_run_back() {
    let (server, original, digest) = cut_off("open");
    // the state directory is lost; somebody has a copy of the journal, and the vault is elsewhere
    let run =
        server.redis_dr(&["runs", "list", "--json"]).exits(0).json()["runs"][0]["run_id"].as_str().unwrap().to_owned();
    let dir = server.root().join("state/runs").join(&run);
    let copy = server.root().join("copy.jsonl");
    let mut journal = fs::read(dir.join("journal.jsonl")).unwrap();
    journal.extend(b"{\"at\":\"2026-01-01T0");
    fs::write(&copy, journal).unwrap();
    fs::rename(server.root().join("state"), server.root().join("lost")).unwrap();
    let vault = dir.join("vault");
    fs::create_dir_all(vault.parent().unwrap()).unwrap();
    fs::rename(server.root().join("lost/runs").join(&run).join("vault"), &vault).unwrap();
    let elsewhere = server.root().join("other-state").display().to_string();
    let copy = copy.display().to_string();
    let args = ["runs", "rollback", "--journal", &copy, "--auto", "--json", "--state-dir", &elsewhere];
    let done = server.redis_dr(&args).json();
    assert_eq!((&done["outcome"], &done["run_id"]), (&"rolled_back".into(), &run.as_str().into()), "{done}");
    assert!(server.files() == original && !server.running());
    server
        .redis_dr(&["runs", "show", &run, "--state-dir", &elsewhere])
        .exits(0)
        .mentions("verify-data")
        .mentions("undone");
    server.recover_auto().exits(0);
    assert_eq!(server.digest(), digest);
}

#[test]
fn without_its_plan_a_run_can_only_be_taken_back() {
    let (server, original, _) = cut_off("start");
    let run =
        server.redis_dr(&["runs", "list", "--json"]).exits(0).json()["runs"][0]["run_id"].as_str().unwrap().to_owned();
    fs::remove_file(server.root().join("state/runs").join(&run).join("plan.json")).unwrap();
    server.redis_dr(&["runs", "resume", "--auto", "--json"]).exits(3).mentions("its plan is gone");
    let done = server.redis_dr(&["runs", "rollback", "--auto", "--json"]).exits(0).json();
    assert_eq!(done["outcome"], "rolled_back");
    assert!(server.files() == original);
}

#[test]
fn a_file_that_is_no_journal_is_told() {
    let server = Lab::new().sandbox();
    let conf = server.conf().display().to_string();
    server.redis_dr(&["runs", "rollback", "--journal", &conf, "--auto"]).exits(2).mentions("redis.conf");
    server.redis_dr(&["runs", "rollback", "--journal", "/nowhere/j", "--auto"]).exits(2).mentions("/nowhere/j");
}

#[test]
fn what_clients_wrote_is_counted_saved_and_only_then_taken_back() {
    let (server, _, damaged) = repaired();
    for i in 0..25 {
        server.must(&["SET", &format!("later:{i}"), "x"]);
    }
    let args = ["runs", "rollback", "last", "--confirm", "demo", "--discard-writes"];
    let output = server.redis_dr(&args);
    // 25 of the client, and the probe's own two
    output.exits(0).mentions("27 changes since it was opened");
    output.mentions("what clients wrote meanwhile is in ").mentions("/live-before-rollback.rdb");
    assert!(!output.stdout.contains("clients could write again after"), "{output}");
    assert!(!server.running() && fs::read(server.aof_tail()).unwrap() == damaged);
    let copies = server.redis_dr(&["vault", "list", "last"]);
    copies.exits(0).mentions("live-before-rollback.rdb");
}

#[test]
fn only_what_nobody_needs_is_pruned() {
    let (server, ..) = cut_off("start");
    let ids = |removed: bool, args: &[&str]| {
        let pruned =
            server.redis_dr(&[&["runs", "prune", "--older-than", "1ms", "--json"], args].concat()).exits(0).json();
        assert_eq!((&pruned["schema"], &pruned["removed"]), (&"redis-dr/prune/1".into(), &removed.into()));
        pruned["runs"].as_array().unwrap().len()
    };
    assert_eq!(ids(true, &["--yes"]), 0, "an unfinished run is kept");
    server.recover_auto().exits(0);
    assert_eq!((ids(false, &[]), ids(false, &[])), (1, 1), "a look removes nothing");
    assert_eq!((ids(true, &["--yes"]), ids(true, &["--yes"])), (1, 0));
    server.redis_dr(&["runs", "list"]).exits(0).mentions("no runs");
}

#[test]
fn nothing_is_begun_on_top_of_a_journal_that_cannot_be_read() {
    let (server, ..) = cut_off("start");
    let run =
        server.redis_dr(&["runs", "list", "--json"]).exits(0).json()["runs"][0]["run_id"].as_str().unwrap().to_owned();
    let path = server.root().join("state/runs").join(&run).join("journal.jsonl");
    let mut journal = fs::read(&path).unwrap();
    journal[200] ^= 1;
    fs::write(&path, journal).unwrap();
    let before = server.files();
    let refused = server.recover_auto();
    assert_eq!(refused.exits(4).json()["run_id"], run.as_str());
    assert!(server.files() == before && !server.running());
}

#[test]
fn where_nothing_is_left_a_snapshot_that_was_saved_is_named_by_a_command_that_can_be_pasted() {
    let mut server = Lab::new().sandbox();
    server.start().fill(300).save();
    server.redis_dr(&["hold", "demo"]).exits(0);
    server.redis_dr(&["hold", "demo", "--release"]).exits(0);
    let digest = server.digest();
    server.kill9();
    for entry in fs::read_dir(server.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() != ".redis-dr" {
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
        }
    }
    let run = server.recover_auto().exits(3).json();
    let hint = run["hint"].as_str().unwrap();
    let (_, commands) = hint.split_once(" can be had back: ").unwrap_or_else(|| panic!("{hint}"));
    let (restore, recover) = commands.split_once("; ").map_or(commands, |(first, _)| first).split_once(" && ").unwrap();
    let program = env!("CARGO_BIN_EXE_redis-dr");
    for (command, more) in [(restore, ""), (recover, " --confirm demo")] {
        let pasted = format!("{}{more}", command.replacen("redis-dr", program, 1));
        let mut shell = std::process::Command::new("/bin/sh");
        let done = shell.args(["-c", &pasted]).current_dir(server.root()).env("NO_COLOR", "1").output().unwrap();
        assert!(
            done.status.success(),
            "{pasted}\n{}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
    }
    assert_eq!(server.digest(), digest);
    server.writes_survive_kill9();
}

#[test]
fn the_html_report_needs_nothing_but_itself() {
    let (server, ..) = repaired();
    let html = server.redis_dr(&["runs", "report", "last", "--format", "html"]).exits(0).stdout.clone();
    assert!(html.starts_with("<!doctype html>") && html.trim_end().ends_with("</html>"), "{html}");
    for outside in ["<script", "http://", "https://", "<link", "<img", "url(http", "@import"] {
        assert!(!html.contains(outside), "{outside}");
    }
    for part in ["What happened when", "role=\"img\"", "aof-cut", "(taken)", "prefers-color-scheme", "@media print"] {
        assert!(html.contains(part), "{part}");
    }
}
