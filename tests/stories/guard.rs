//! The guard before a start: it refuses one that would come up with less than exists, and no other.
use crate::dr::Output;
use crate::lab::Lab;
use crate::sandbox::Sandbox;
use std::fs;

fn guard(server: &Sandbox) -> Output {
    server.redis_dr(&["guard", "demo", "--json"])
}

/// It refuses with this finding, and names it to a person too.
fn refuses(server: &Sandbox, id: &str) {
    let before = server.files();
    let said = guard(server).exits(3).json();
    assert_eq!((&said["schema"], &said["may_start"]), (&"redis-dr/guard/1".into(), &false.into()));
    let ids: Vec<_> = said["refusals"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [id], "{said}");
    server.redis_dr(&["guard", "demo"]).exits(3).mentions(id).mentions("hint: ").mentions("redis-dr recover demo");
    assert!(server.files() == before, "the guard changes nothing");
}

fn allows(server: &Sandbox) -> serde_json::Value {
    let said = guard(server).exits(0).json();
    assert_eq!(said["may_start"], true, "{said}");
    said
}

#[test]
fn a_new_server_and_a_healthy_one_may_start() {
    Lab::on_each(|mut server| {
        allows(&server);
        server.start().fill(50).save();
        server.kill9();
        allows(&server);
        server.configure("appendonly no");
        allows(&server);
    });
}

#[test]
fn the_aof_trap_is_refused() {
    Lab::on_each(|mut server| {
        server.configure("appendonly no").start().fill(200).save();
        server.kill9().configure("appendonly yes");
        refuses(&server, "config.aof_trap");
        server.recover_auto().recovered_by("restore-rdb-as-aof-base");
        server.kill9();
        allows(&server);
    });
}

#[test]
fn parts_without_a_manifest_are_refused() {
    Lab::on_each_where(crate::lab::Tree::since_seven, |mut server| {
        server.start().fill(50).kill9().lose_manifest();
        refuses(&server, "files.parts_without_manifest");
    });
}

#[test]
fn another_file_name_than_the_datas_is_refused() {
    Lab::on_each(|mut server| {
        server.configure("appendonly no").start().fill(50).save();
        server.kill9().configure("dbfilename other.rdb");
        refuses(&server, "config.rdb_name_mismatch");
    });
    Lab::on_each_where(crate::lab::Tree::since_seven, |mut server| {
        server.start().fill(50).kill9().configure("appendfilename other.aof");
        refuses(&server, "config.aof_name_mismatch");
    });
}

#[test]
fn an_empty_directory_where_data_was_is_refused_until_it_is_accepted() {
    Lab::on_each(|mut server| {
        server.start().fill(50).kill9();
        allows(&server);
        server.lose_aof().lose_rdb();
        refuses(&server, "files.aof_missing");
        // on purpose: said once, and not asked again
        server.redis_dr(&["guard", "demo", "--accept"]).exits(0);
        allows(&server);
    });
}

#[test]
fn another_directory_than_the_datas_is_refused() {
    let mut server = Lab::new().sandbox();
    server.start().fill(50).kill9();
    allows(&server);
    let elsewhere = server.root().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    server.configure(&format!("dir {}", elsewhere.display()));
    refuses(&server, "config.dir_mismatch");
    // a cache may forget
    server.instance("role: cache");
    allows(&server);
}

#[test]
fn a_hold_is_refused() {
    let mut server = Lab::new().sandbox();
    server.start().fill(50).kill9();
    server.redis_dr(&["hold", "demo"]).exits(0);
    refuses(&server, "server.held");
    server.redis_dr(&["hold", "demo", "--release"]).exits(0);
    allows(&server);
}

#[test]
fn a_run_that_was_not_finished_is_refused_and_its_own_start_is_not() {
    let mut server = Lab::new().sandbox();
    server.start().fill(50).kill9();
    // the server is started by a script that asks the guard first, as a unit does
    let script = server.root().join("start.sh");
    let text = format!(
        "#!/bin/sh\n{} guard demo -c {} > {}/said 2>&1 || exit 1\nexec {} {} --daemonize yes\n",
        env!("CARGO_BIN_EXE_redis-dr"),
        server.config().display(),
        server.root().display(),
        server.tree.server.display(),
        server.conf().display()
    );
    fs::write(&script, text).unwrap();
    let config = fs::read_to_string(server.config()).unwrap();
    let commands = format!(
        "service: {{ command: {{ start: [/bin/sh, {}], stop: [/bin/true], status: [/bin/true] }} }}",
        script.display()
    );
    fs::write(server.config(), config.replace("service: { process: {} }", &commands)).unwrap();
    server.recover_auto().recovered_by("restart");
    let said = fs::read_to_string(server.root().join("said")).unwrap();
    assert!(said.contains("a run of redis-dr starts it"), "{said}");

    // the same run, cut off: nobody but a resume may start it
    server.kill9();
    let id = server.redis_dr(&["runs", "list", "--json"]).json()["runs"][0]["run_id"].as_str().unwrap().to_string();
    let journal = server.root().join("state/runs").join(id).join("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let started = lines.iter().rposition(|l| l.contains("\"step_started\"")).unwrap();
    fs::write(&journal, format!("{}\n", lines[..=started].join("\n"))).unwrap();
    refuses(&server, "run.unfinished");
}

#[test]
fn a_guard_in_trouble_lets_the_server_start_and_says_so() {
    let mut server = Lab::new().sandbox();
    server.start().fill(50).kill9();
    let note = |output: &Output| output.json()["notes"].to_string();
    // a configuration that can't be read is the server's own to refuse
    let good = fs::read_to_string(server.conf()).unwrap();
    fs::write(server.conf(), good.replace("appendonly yes", "appendonly perhaps")).unwrap();
    assert!(note(guard(&server).exits(0)).contains("will refuse its configuration"));
    fs::write(server.conf(), good).unwrap();
    // a name that is none, and a config of ours that is not valid
    server.redis_dr(&["guard", "nobody"]).exits(0).mentions("the start goes on").mentions("nobody");
    fs::write(server.config(), "version: 1\nnonsense: yes\n").unwrap();
    assert!(note(guard(&server).exits(0)).contains("nonsense"));
}
