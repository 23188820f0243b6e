//! A run that was cut off, and a world that moved meanwhile: it is carried on only while its plan still fits.
use crate::dr::finish;
use crate::lab::Lab;
use crate::sandbox::Sandbox;
use std::fs;

/// A torn AOF, and a recovery of it that was killed while it waited before `step`.
fn cut_off(step: &str, repeatable: bool) -> (Sandbox, String) {
    let mut server = Lab::new().sandbox();
    server.start().fill(200);
    let digest = server.digest();
    server.kill9().append_torn_transaction();
    server.waits_before("repair-aof", step, repeatable).recover_killed_while_it_waits();
    (server, digest)
}

fn newest_run(server: &Sandbox) -> String {
    let runs = server.redis_dr(&["runs", "list", "--json"]).exits(0).json();
    runs["runs"][0]["run_id"].as_str().unwrap().to_owned()
}

fn outcomes(server: &Sandbox) -> Vec<String> {
    let runs = server.redis_dr(&["runs", "list", "--json"]).exits(0).json();
    runs["runs"].as_array().unwrap().iter().map(|run| run["outcome"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn while_the_facts_hold_it_goes_on() {
    for step in ["cut", "start", "open", "recovered"] {
        let (mut server, digest) = cut_off(step, true);
        let run = server.recover_auto().exits(0).json();
        assert_eq!((&run["outcome"], &run["runbook"]), (&"recovered".into(), &"mine".into()));
        assert_eq!(outcomes(&server), ["recovered"], "carried on, not begun afresh (before {step})");
        assert_eq!(server.digest(), digest);
        server.writes_survive_kill9();
    }
}

fn rewrite_percentage(server: &Sandbox) -> String {
    server.must(&["CONFIG", "GET", "auto-aof-rewrite-percentage"]).text().lines().nth(1).unwrap().to_owned()
}

#[test]
fn a_fenced_server_rewrites_nothing_until_it_is_opened() {
    Lab::on_each(|mut server| {
        server.configure("auto-aof-rewrite-percentage 1\nauto-aof-rewrite-min-size 1").start().fill(200);
        let digest = server.digest();
        server.kill9().append_torn_transaction();
        server.waits_before("repair-aof", "open", true);
        let child = server.recover_until_it_waits(&["--auto"]);
        assert_eq!(rewrite_percentage(&server), "0");
        server.let_go();
        let run = finish(child).exits(0).json();
        assert_eq!(run["outcome"], "recovered", "{run}");
        assert_eq!((rewrite_percentage(&server), server.digest()), ("1".into(), digest));
        let conf = fs::read_to_string(server.conf()).unwrap();
        assert!(!conf.contains("auto-aof-rewrite-percentage 0"), "the owner's alone:\n{conf}");
    });
}

#[test]
fn an_aof_that_was_rewritten_meanwhile_is_compared_as_it_is() {
    Lab::on_each(|mut server| {
        server.start().fill(200);
        let digest = server.digest();
        server.kill9().append_torn_transaction();
        server.waits_before("repair-aof", "verify-data", true).recover_killed_while_it_waits();
        server.rewrite_aof();
        let run = server.redis_dr(&["runs", "resume", "--auto", "--json"]).exits(0).json();
        assert_eq!(run["outcome"], "recovered", "{run}");
        assert_eq!(server.digest(), digest);
        server.writes_survive_kill9();
    });
}

#[test]
fn facts_that_moved_send_it_back_and_it_starts_afresh() {
    for step in ["cut", "start", "open"] {
        let (mut server, digest) = cut_off(step, true);
        server.configure("hz 20");
        let stays = server.redis_dr(&["runs", "resume", "--auto", "--json"]);
        assert_eq!(stays.exits(4).json()["outcome"], "unfinished");
        stays.mentions(&server.conf().display().to_string());
        server.recover_auto().recovered_by("repair-aof");
        assert_eq!(outcomes(&server), ["recovered", "rolled_back"], "before {step}");
        assert_eq!(server.digest(), digest);
        // the configuration is put back where a step had changed it; what was there is in the vault
        let kept = fs::read_to_string(server.conf()).unwrap().contains("hz 20");
        assert!(kept == (step != "open") && (kept || server.vault_mentions("hz 20")), "somebody's edit is kept");
    }
}

#[test]
fn once_clients_write_nothing_is_taken_back_by_itself() {
    let (mut server, digest) = cut_off("recovered", true);
    server.configure("hz 20");
    let run = server.recover_auto().exits(4).json();
    assert_eq!((&run["outcome"], &run["serving"]), (&"unfinished".into(), &true.into()), "{run}");
    server.redis_dr(&["runs", "rollback", "--auto", "--json"]).exits(3);
    assert_eq!(server.digest(), digest, "it still serves");
}

#[test]
fn a_server_that_died_meanwhile_is_started_again() {
    let (mut server, digest) = cut_off("open", true);
    server.kill9();
    let run = server.recover_auto().exits(0).json();
    assert_eq!(run["runbook"], "mine");
    assert_eq!(outcomes(&server), ["recovered"]);
    assert_eq!(server.digest(), digest);
    server.writes_survive_kill9();
}

#[test]
fn a_server_that_somebody_started_meanwhile_is_no_longer_the_plans() {
    let (mut server, digest) = cut_off("start", true);
    fs::remove_file(server.data().join(".redis-dr/held")).unwrap();
    server.start();
    server.redis_dr(&["runs", "resume", "--auto", "--json"]).exits(4).mentions("somebody started it");
    assert_eq!(server.digest(), digest);
}

#[test]
fn the_policy_is_asked_again() {
    let (mut server, digest) = cut_off("start", true);
    let own = fs::read_to_string(server.config()).unwrap();
    server.policy("max_risk: low");
    let before_run = server.recover_auto().exits(3).json();
    assert_eq!(before_run["outcome"], "refused");
    assert_eq!(outcomes(&server), ["rolled_back"]);
    fs::write(server.config(), own).unwrap();
    server.recover_auto().exits(0);
    assert_eq!(server.digest(), digest);
}

#[test]
fn however_often_it_is_carried_on_it_is_one_recovery() {
    let mut server = Lab::new().sandbox();
    server.policy("max_risk: high, max_loss: 1h, max_recoveries: { count: 1, within: 1h }").start().fill(100);
    server.kill9().append_torn_transaction();
    server.waits_before("repair-aof", "start", true).recover_killed_while_it_waits();
    server.recover_auto().exits(0);
    server.kill9();
    server.recover_auto().exits(3).mentions("recoveries within");
}

#[test]
fn a_program_that_may_have_done_its_work_is_not_run_twice_unasked() {
    let (server, _) = cut_off("start", false);
    let run = server.recover_auto().exits(4).json();
    assert_eq!(run["outcome"], "unfinished", "{run}");
    assert_eq!(server.times_waited(), 1);
    // taken back by request, which did not fail, whatever had stopped the run before
    let run = server.redis_dr(&["runs", "rollback", "--auto", "--json"]).exits(0).json();
    assert_eq!(run["outcome"], "rolled_back");
}

#[test]
fn under_a_maintenance_mark_nothing_is_touched() {
    let (server, _) = cut_off("start", true);
    let state = redis_dr::state::State::at(server.root().join("state"));
    let since = "2026-01-01T00:00:00Z".parse().unwrap();
    let pause = redis_dr::state::Pause { by: "ann".into(), since, until: None };
    state.set_pause("demo", Some(&pause)).unwrap();
    let before = server.files();
    server.recover_auto().exits(3).mentions("paused");
    server.redis_dr(&["runs", "rollback", "--auto", "--json"]).exits(3).mentions("paused");
    assert!(server.files() == before);
    state.set_pause("demo", None).unwrap();
    server.recover_auto().exits(0);
}

#[test]
fn a_persons_word_carries_it_on_or_takes_it_back_and_says_which_and_why() {
    let confirmed = ["recover", "demo", "--confirm", "demo", "--json"];
    let (server, digest) = cut_off("start", true);
    let said = server.redis_dr(&confirmed);
    let run = said.exits(0).json();
    let because = run["because"].as_str().unwrap();
    assert!(
        because.ends_with("(mine) was not finished; its plan still fits the facts, so it is carried on"),
        "{because}"
    );
    said.mentions(&format!("note: {because}"));
    assert!(run["taken_back"].is_null(), "{run}");
    assert_eq!(server.digest(), digest);

    let (mut server, digest) = cut_off("start", true);
    server.configure("hz 20");
    let said = server.redis_dr(&confirmed);
    let run = said.recovered_by("repair-aof");
    let because = run["because"].as_str().unwrap();
    assert!(
        because.contains("(mine) was not finished and is not carried on (") && because.contains("taken back first")
    );
    said.mentions(&format!("note: {because}"));
    assert!(run["taken_back"].is_string() && run["taken_back"] != run["run_id"], "{run}");
    assert_eq!(server.digest(), digest);
}

#[test]
fn without_a_terminal_or_a_word_it_is_said_and_left() {
    let (server, _) = cut_off("start", true);
    let before = server.files();
    let said = server.redis_dr(&["recover", "demo"]);
    said.exits(2).mentions("was not finished, and there is no terminal to ask on").mentions("--confirm demo");
    assert!(server.files() == before);
}

/// A crash loop is no state to go back to: what is taken back is left held, and that is said.
#[test]
fn a_server_that_was_failing_before_is_left_held_by_a_roll_back() {
    let mut server = Lab::new().sandbox();
    let fails = "  - id: tell\n    title: Tell somebody\n    do: { run: { argv: [/bin/false], changes: [], repeatable: true } }\n";
    server.own_runbook("repair-aof", "open", fails).start().fill(100);
    server.append_to_aof(b"not a command\r\n");
    let before = server.files();
    server.freeze();
    let output = server.redis_dr(&["recover", "demo", "--auto", "--json", "--runbook", "mine"]);
    let document = output.exits(1).mentions("it is left held").json();
    assert_eq!(document["outcome"], "failed", "{output}");
    assert!(!server.running() && server.data().join(".redis-dr/held").exists(), "{output}");
    assert!(server.files() == before, "{output}");
}

#[test]
fn a_run_that_cannot_be_opened_is_not_taken_for_a_finished_one() {
    let (server, digest) = cut_off("start", true);
    let run = newest_run(&server);
    let dir = server.root().join("state/runs").join(&run);
    let journal = fs::read(dir.join("journal.jsonl")).unwrap();
    let mut damaged = journal.clone();
    damaged[40] ^= 1;
    fs::write(dir.join("journal.jsonl"), damaged).unwrap();
    for words in [&["runs", "rollback", "--auto"][..], &["runs", "resume"], &["runs", "rollback", &run, "--auto"]] {
        server.redis_dr(words).exits(4).mentions("may not be finished").mentions("--journal FILE");
    }
    fs::write(dir.join("journal.jsonl"), journal).unwrap();
    server.redis_dr(&["runs", "resume", "--auto", "--json"]).exits(0);
    assert_eq!(server.digest(), digest);
    server.redis_dr(&["runs", "resume", "--auto", "--json"]).exits(2).mentions("no run is unfinished");
}
