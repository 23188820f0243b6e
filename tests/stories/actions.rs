//! Actions that no shipped runbook needs, in runbooks of the operator's own, kept in a directory of theirs.
use crate::lab::Lab;
use crate::repairs::for_nobody;
use crate::sandbox::Sandbox;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};

const MINE: [&str; 7] = ["recover", "demo", "--runbook", "mine", "--confirm", "demo", "--json"];

/// What a step of a run found out.
fn found(run: &Value, step: &str) -> Value {
    run["steps"].as_array().unwrap().iter().find(|s| s["id"] == step).unwrap()["results"].clone()
}

/// A runbook `mine` from its steps alone.
fn write(server: &mut Sandbox, steps: &str) {
    server.own_runbook("restart", "stop", "");
    let text = format!(
        "version: 1\nrunbook: mine\ntitle: Of our own\nrisk: medium\nparams:\n  point: {{ type: recovery_point, kinds: \
         [aof, rdb], default: best }}\nsteps:\n{steps}recovered:\n  - that: server.answers && server.writable\n    \
         within: 30s\n    every: 1s\n"
    );
    let path = server.root().join("runbooks/mine.yaml");
    fs::write(&path, text).unwrap();
    server.redis_dr(&["runbook", "lint", path.to_str().unwrap()]).exits(0);
}

const START: &str = "  - { id: start, title: Start it, do: { service.start: { until: loaded, fenced: true } } }
  - { id: check, title: Compare, do: { data.verify: { against: \"${point}\" } } }
  - { id: open, title: Open it, do: { service.open: {} } }\n";

#[test]
fn held_set_aside_put_back_started_and_told() {
    Lab::on_each(|mut server| {
        let told = server.root().join("told");
        write(
            &mut server,
            &format!(
                "  - {{ id: hold, title: Hold it, do: {{ service.hold: {{}} }} }}
  - {{ id: stop, title: Stop it, do: {{ service.stop: {{}} }} }}
  - {{ id: aside, title: Away, do: {{ files.set_aside: {{ what: [aof, rdb] }} }} }}
  - id: back
    title: Back again
    do: {{ files.restore: {{ what: [aof, rdb] }} }}
{START}  - {{ id: set, title: Set, do: {{ redis.config_set: {{ maxmemory-samples: \"7\" }} }} }}
  - {{ id: keep, title: Keep, do: {{ redis.config_rewrite: {{}} }} }}
  - id: ask
    title: Ask
    do: {{ redis.command: {{ argv: [CONFIG, GET, maxmemory-samples], repeatable: true }} }}
  - {{ id: wait, title: Wait, do: {{ redis.wait: {{ field: aof_enabled, is: \"1\", timeout: 10s }} }} }}
  - id: tell
    title: Tell
    do: {{ notify: {{ argv: [/bin/sh, -c, \"cat > {}\"], message: It is back }} }}
  - {{ id: fail, title: A message that goes nowhere, do: {{ notify: {{ argv: [/bin/false], message: x }} }} }}\n",
                told.display()
            ),
        );
        server.start().fill(300).save();
        let digest = server.digest();
        server.kill9();
        let before = fs::metadata(server.aof_tail()).unwrap().len();
        let run = server.redis_dr(&MINE).recovered_by("mine");
        assert_eq!(server.digest(), digest);
        assert!(fs::metadata(server.aof_tail()).unwrap().len() >= before);
        assert_eq!(found(&run, "back")["restored"].as_array().unwrap().len(), 2, "{run:#}");
        assert!(found(&run, "ask")["answer"].to_string().contains('7'), "{run:#}");
        assert_eq!(found(&run, "wait"), json!({ "field": "aof_enabled", "is": "1" }));
        let notice: Value = serde_json::from_slice(&fs::read(told).unwrap()).unwrap();
        assert_eq!((&notice["instance"], &notice["message"]), (&json!("demo"), &json!("It is back")));
        assert_eq!((&found(&run, "tell")["told"], &found(&run, "fail")["told"]), (&json!(true), &json!(false)));
        let conf = fs::read_to_string(server.conf()).unwrap();
        assert!(conf.contains("maxmemory-samples 7") && !conf.contains("min-replicas-to-write 1000000"), "{conf}");
        server.writes_survive_kill9();
    });
}

#[test]
fn what_was_put_back_is_taken_back_with_the_rest() {
    let mut server = Lab::new().sandbox();
    write(
        &mut server,
        &format!(
            "  - {{ id: stop, title: Stop it, do: {{ service.stop: {{}} }} }}
  - {{ id: aside, title: Away, do: {{ files.set_aside: {{ what: [rdb] }} }} }}
  - {{ id: back, title: Back again, do: {{ files.restore: {{ what: [rdb] }} }} }}
  - {{ id: fail, title: Fail, do: {{ run: {{ argv: [/bin/false], repeatable: true }} }} }}
{START}"
        ),
    );
    server.start().fill(100).save();
    server.kill9();
    let before = server.files();
    server.redis_dr(&MINE).exits(1);
    let mut now = server.files();
    now.retain(|path, _| before.contains_key(path));
    assert!(now == before, "every file is as before");
    assert!(!server.running());
}

#[test]
fn files_are_not_exchanged_under_a_server_that_runs() {
    let mut server = Lab::new().sandbox();
    write(&mut server, "  - { id: back, title: Back, do: { files.restore: { what: [rdb] } } }\n");
    server.start().fill(100).save();
    let (digest, run_id) = (server.digest(), server.run_id());
    server.redis_dr(&MINE).exits(1).mentions("files are not exchanged under it").mentions("service.stop");
    assert_eq!((server.digest(), server.run_id()), (digest, run_id));
}

#[test]
fn a_running_server_is_restarted_without_losing_a_write() {
    Lab::on_each(|mut server| {
        write(
            &mut server,
            "  - { id: again, title: Once more, do: { service.restart: { fenced: true } } }
  - { id: open, title: Open it, do: { service.open: {} } }\n",
        );
        server.start().fill(300);
        server.must(&["SET", "the last one", "1"]);
        let (digest, run_id) = (server.digest(), server.run_id());
        server.redis_dr(&MINE).recovered_by("mine");
        assert_ne!(server.run_id(), run_id);
        assert_eq!(server.digest(), digest);
        server.writes_survive_kill9();
    });
}

#[test]
fn rights_are_given_by_a_runbook_of_ones_own() {
    let Some(mut server) = for_nobody() else { return };
    server.own_runbook("fix-permissions", "start", "").start().fill(50);
    let digest = server.digest();
    server.kill9();
    for path in [server.data(), server.aof_tail().parent().unwrap().to_path_buf(), server.manifest(), server.aof_tail()]
    {
        if path.exists() {
            chown(&path, Some(65534), Some(65534)).unwrap();
        }
    }
    chown(server.aof_tail(), Some(0), Some(0)).unwrap();
    fs::set_permissions(server.aof_tail(), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    server.redis_dr(&MINE).recovered_by("mine");
    assert_eq!(server.digest(), digest);
    assert_eq!(fs::metadata(server.aof_tail()).unwrap().uid(), 65534);
}

#[test]
fn what_is_checked_is_loaded_by_a_private_server_and_counted_in_the_time() {
    Lab::on_each(|mut server| {
        let check = "  - { id: proof, title: Try it, do: { aof.check: { load: true } } }\n";
        server.own_runbook("restart", "start", check).start().fill(200).save();
        let digest = server.digest();
        server.kill9();
        let downtime = |runbook: &str| {
            let plan = server.redis_dr(&["plan", "demo", "--runbook", runbook, "--json"]).exits(0).json();
            plan["estimate"]["downtime_seconds"].as_f64().unwrap()
        };
        assert!(downtime("mine") > downtime("restart"), "a private load takes its time too");
        let run = server.redis_dr(&MINE).recovered_by("mine");
        assert!(found(&run, "proof")["loaded"].is_object(), "{run:#}");
        assert_eq!(server.digest(), digest);
        server.kill9().lose_aof();
        let check = "  - { id: proof, title: Try it, do: { rdb.check: { point: \"${point}\", load: true } } }\n";
        server.own_runbook("restore-rdb", "place", check);
        let run = server.redis_dr(&MINE).recovered_by("mine");
        assert_eq!((&found(&run, "proof")["keys"], found(&run, "proof")["loaded"].is_object()), (&json!(200), true));
        assert_eq!(server.digest(), digest);
    });
}

#[test]
fn mistakes_in_them_are_shown_where_they_stand() {
    let server = Lab::new().sandbox();
    let file = server.root().join("mine.yaml");
    for (mistake, words) in [
        ("files.restore: { what: [conf] }", "aof"),
        ("files.restore: {}", "what"),
        ("files.resore: { what: [aof] }", "files.restore"),
        ("redis.wait: { field: x, is: 1 }", "quote"),
        ("redis.command: { argv: [FLUSHALL] }", "can't be given by redis.command"),
    ] {
        let head = "version: 1\nrunbook: mine\ntitle: T\nrisk: low\nsteps:\n  - id: a\n    title: A\n    do: ";
        let recovered = "recovered:\n  - { that: server.answers, because: It must answer. }\n";
        fs::write(&file, format!("{head}{{ {mistake} }}\n{recovered}")).unwrap();
        let output = server.redis_dr(&["runbook", "lint", file.to_str().unwrap()]);
        output.exits(2).mentions("mine.yaml:8:").mentions(words);
    }
}
