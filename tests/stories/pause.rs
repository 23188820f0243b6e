//! The maintenance mark: --auto keeps its hands off, a person sees who set it, and it ends.
use crate::lab::Lab;

#[test]
fn auto_leaves_a_paused_instance_alone_and_says_who_paused_it() {
    let mut server = Lab::new().sandbox();
    server.start().fill(100).kill9();
    let mark = server.redis_dr(&["pause", "demo", "--for", "30m", "--json"]).exits(0).json();
    assert_eq!((&mark["schema"], &mark["paused"]), (&"redis-dr/pause/1".into(), &true.into()));
    assert!(mark["until"].is_string() && mark["by"].is_string(), "{mark}");

    let before = server.files();
    let run = server.recover_auto().exits(3).json();
    assert_eq!((&run["outcome"], &run["run_id"]), (&"refused".into(), &serde_json::Value::Null));
    let because = run["because"].as_str().unwrap();
    assert!(because.starts_with("paused by") && because.contains("until"), "{run}");
    assert!(run["hint"].as_str().unwrap().contains("pause demo --off"), "{run}");
    // naming the way skips the decision tree, never the mark
    server.redis_dr(&["recover", "demo", "--auto", "--runbook", "restart"]).exits(3).mentions("paused by");
    assert!(server.files() == before && !server.running());

    server.redis_dr(&["assess", "demo"]).exits(0).mentions("paused by").mentions("--auto keeps its hands off");
    let facts = server.redis_dr(&["assess", "demo", "--json"]).json();
    assert_eq!(facts["facts"]["instance"]["paused"], true);
    assert_eq!(facts["facts"]["instance"]["paused_until"], mark["until"]);

    server.redis_dr(&["pause", "demo", "--off"]).exits(0).mentions("not paused");
    server.recover_auto().recovered_by("restart");
}

#[test]
fn a_plan_a_resume_and_an_expired_mark() {
    let mut server = Lab::new().sandbox();
    server.start().fill(100).kill9();
    server.redis_dr(&["plan", "demo", "-o", "plan.json"]).exits(0);
    server.redis_dr(&["pause", "demo"]).exits(0).mentions("until");
    server.redis_dr(&["apply", "plan.json", "--auto"]).exits(3).mentions("paused by");
    server.redis_dr(&["pause", "demo", "--for", "1ms"]).exits(0);
    server.redis_dr(&["apply", "plan.json", "--auto"]).exits(0);
}

#[test]
fn a_duration_that_is_none_is_told() {
    let server = Lab::new().sandbox();
    for wrong in ["soon", "0s", "1M"] {
        server.redis_dr(&["pause", "demo", "--for", wrong]).exits(2).mentions("such as --for 2h");
    }
    server.redis_dr(&["pause", "nobody"]).exits(2);
}
