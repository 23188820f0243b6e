//! The reviewer: what would run is read first, carried out later, and refused when the facts have moved.
use crate::lab::Lab;
use serde_json::Value;
use std::fs;

fn plan_file(server: &crate::sandbox::Sandbox) -> String {
    server.root().join("plan.json").display().to_string()
}

#[test]
fn a_plan_is_applied_as_it_was_read() {
    Lab::on_each(|mut server| {
        server.start().fill(500);
        let digest = server.digest();
        server.kill9().append_torn_transaction();
        let (before, file) = (server.files(), plan_file(&server));
        server.redis_dr(&["plan", "demo", "-o", &file]).exits(0);
        assert!(server.files() == before && !server.running(), "a plan changes nothing");
        let plan: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(plan["schema"], "redis-dr/plan/1");
        assert_eq!(plan["runbook"], "repair-aof");
        assert!(plan["steps"].as_array().unwrap().len() >= 4);
        server.redis_dr(&["plan", "show", &file]).exits(0).mentions("repair-aof");
        let run = server.redis_dr(&["apply", &file, "--auto", "--json"]).recovered_by("repair-aof");
        let ran: Vec<&Value> = run["steps"].as_array().unwrap().iter().map(|step| &step["id"]).collect();
        let planned: Vec<&Value> = plan["steps"].as_array().unwrap().iter().map(|step| &step["id"]).collect();
        assert_eq!(ran, planned);
        assert_eq!(server.digest(), digest);
        server.writes_survive_kill9();
    });
}

#[test]
fn every_scene_by_plan_and_apply() {
    type Scene = (&'static str, fn(&mut crate::sandbox::Sandbox));
    let scenes: [Scene; 3] = [
        ("restart", |_| ()),
        ("restore-rdb-as-aof-base", |server| {
            server.lose_aof();
        }),
        ("restore-backup", |server| {
            server.lose_aof().lose_rdb();
        }),
    ];
    for (runbook, damage) in scenes {
        Lab::on_each(|mut server| {
            server.start().fill(500).backup("dump-110000.rdb");
            let digest = server.digest();
            server.kill9();
            damage(&mut server);
            let file = plan_file(&server);
            server.redis_dr(&["plan", "demo", "-o", &file]).exits(0);
            server.redis_dr(&["apply", &file, "--confirm", "demo", "--json"]).recovered_by(runbook);
            assert_eq!(server.digest(), digest);
            server.writes_survive_kill9();
        });
    }
}

#[test]
fn a_stale_plan_changes_nothing() {
    let mut server = Lab::new().sandbox();
    server.start().fill(500).kill9().append_to_aof(b"garbage");
    let file = plan_file(&server);
    server.redis_dr(&["plan", "demo", "-o", &file]).exits(0);
    server.append_to_aof(b"more of it");
    let before = server.files();
    let run = server.redis_dr(&["apply", &file, "--auto", "--json"]).exits(5).json();
    assert_eq!(run["outcome"], "stale");
    assert!(server.files() == before && !server.running());
    let listed = server.redis_dr(&["runs", "list", "--json"]).json();
    assert!(listed["runs"].as_array().unwrap().is_empty(), "a stale call leaves no run");
}

#[test]
fn a_plan_somebody_edited_is_not_a_plan() {
    let mut server = Lab::new().sandbox();
    server.start().fill(200).kill9().append_to_aof(b"garbage");
    let file = plan_file(&server);
    server.redis_dr(&["plan", "demo", "-o", &file]).exits(0);
    let edited = fs::read_to_string(&file).unwrap().replace("repair-aof", "restart");
    fs::write(&file, edited).unwrap();
    let before = server.files();
    server.redis_dr(&["apply", &file, "--auto", "--json"]).exits(2);
    assert!(server.files() == before && !server.running());
}

#[test]
fn a_healthy_server_needs_no_plan() {
    let mut server = Lab::new().sandbox();
    server.start().fill(100);
    let file = plan_file(&server);
    server.redis_dr(&["plan", "demo", "-o", &file]).exits(0);
    assert!(!fs::exists(&file).unwrap());
}

#[test]
fn a_saved_assessment_gives_the_same_plan_elsewhere() {
    let mut server = Lab::new().sandbox();
    server.start().fill(300).kill9().append_to_aof(b"garbage");
    let facts = server.root().join("facts.json").display().to_string();
    fs::write(&facts, server.redis_dr(&["assess", "demo", "--json"]).exits(0).stdout.as_bytes()).unwrap();
    let here = server.redis_dr(&["plan", "demo", "--json"]).exits(0).json();
    let replayed = server.redis_dr(&["plan", "demo", "--facts", &facts, "--json"]).exits(0).json();
    assert_eq!(replayed["runbook"], here["runbook"]);
    assert_eq!(replayed["steps"].as_array().map(Vec::len), here["steps"].as_array().map(Vec::len));
    server.start_fails().lose_aof();
    let later = server.redis_dr(&["plan", "demo", "--facts", &facts, "--json"]).exits(0).json();
    assert_eq!(later["runbook"], here["runbook"], "the plan is from the saved facts, not from this host");
}

#[test]
fn a_plan_comes_in_the_forms_of_a_change_ticket() {
    let mut server = Lab::new().sandbox();
    server.start().fill(100).kill9().append_torn_transaction();
    let md = server.redis_dr(&["plan", "demo", "--format", "markdown"]).exits(0).stdout.clone();
    for part in ["# Plan: repair-aof on demo: risk: ", "## Steps", "undo: ", "point of no return", "## Who may approve"]
    {
        assert!(md.contains(part), "{part}:\n{md}");
    }
    let [plan, page] = ["plan.json", "plan.html"].map(|n| server.root().join(n).display().to_string());
    server.redis_dr(&["plan", "demo", "-o", &plan]).exits(0);
    server.redis_dr(&["plan", "show", &plan, "--format", "html", "-o", &page]).exits(0);
    assert!(std::fs::read_to_string(&page).unwrap().contains("<h1>Plan: repair-aof on demo"));
    let shown = server.redis_dr(&["plan", "show", &plan]);
    shown.exits(0).mentions("Expected  ");
}

#[test]
fn a_plan_says_what_is_different_from_an_earlier_one() {
    let mut server = Lab::new().sandbox();
    server.start().fill(100).kill9().append_torn_transaction();
    let old = server.root().join("old.json").display().to_string();
    server.redis_dr(&["plan", "demo", "-o", &old]).exits(0);
    let same = server.redis_dr(&["plan", "demo", "--diff", &old, "--exit-code"]);
    same.exits(0).mentions("says the same as the earlier one");
    // a write in between moves the file that is cut
    server.append_torn_transaction();
    let moved = server.redis_dr(&["plan", "demo", "--diff", &old, "--exit-code"]);
    moved.exits(8).mentions("is different from the earlier one").mentions("What it relies on has moved");
    let json = server.redis_dr(&["plan", "demo", "--diff", &old, "--json"]).exits(0).json();
    assert_eq!(json["schema"], "redis-dr/plan-difference/1");
    assert!(json["changes"].as_array().is_some_and(|c| !c.is_empty()), "{json}");
}
