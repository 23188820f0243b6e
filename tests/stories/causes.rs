//! Why it does not serve although its data is whole: a server that hangs, a full disk, no memory, a port that is taken. The
//! cause is mended, and the data is never touched.
use crate::dr::Output;
use crate::lab::Lab;
use crate::resp::Client;
use crate::sandbox::{Sandbox, wait_until};
use crate::troubles::SmallDisk;
use serde_json::Value;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

/// Was this found?
fn found(run: &Value, id: &str) -> bool {
    run["findings"].as_array().unwrap().iter().any(|f| f["id"] == id)
}

fn refused(output: &Output) -> Value {
    let run = output.exits(3).json();
    assert_eq!((&run["outcome"], &run["run_id"]), (&Value::from("refused"), &Value::Null), "{output}");
    run
}

/// A step's outcome in a run.
fn outcome<'r>(run: &'r Value, step: &str) -> &'r str {
    let steps = run["steps"].as_array().unwrap();
    steps.iter().find(|s| s["id"] == step).unwrap_or_else(|| panic!("no step {step}: {run:#}"))["outcome"]
        .as_str()
        .unwrap()
}

#[test]
fn a_server_that_a_signal_stopped_is_continued_and_not_killed() {
    Lab::on_each(|mut server| {
        server.start().fill(300);
        let (digest, run_id) = (server.digest(), server.run_id());
        server.freeze();
        let run = server.recover_auto().recovered_by("unhang");
        assert!(found(&run, "server.hung"), "{run:#}");
        assert_eq!(
            (outcome(&run, "wake"), outcome(&run, "kill"), outcome(&run, "start")),
            ("done", "skipped", "skipped")
        );
        assert_eq!(server.run_id(), run_id, "it is the same process");
        assert_eq!(server.digest(), digest);
        let evidence = PathBuf::from(run["vault"].as_str().unwrap()).join("evidence.txt");
        assert!(fs::read_to_string(evidence).unwrap().contains("State:\tT"), "how it was found is kept");
    });
}

/// A script that never ends, and has written first if `writes`.
fn endless_script(server: &Sandbox, writes: bool) {
    let script = if writes { "redis.call('SET', 'half', 'done') while true do end" } else { "while true do end" };
    let port = server.port;
    std::thread::spawn(move || Client::connect(port).unwrap().ask(&["EVAL", script, "0"]));
    wait_until("the server to be busy", || server.ask(&["PING"]).is_some_and(|r| r.text().contains("BUSY")));
}

#[test]
fn an_endless_script_is_waited_for_and_then_ended() {
    let mut server = Lab::new().sandbox();
    server.configure("lua-time-limit 50").start().fill(300);
    let (digest, run_id) = (server.digest(), server.run_id());
    endless_script(&server, false);
    let run = server.recover_auto().recovered_by("unhang");
    assert!(found(&run, "server.busy_script"), "{run:#}");
    assert_eq!((outcome(&run, "wake"), outcome(&run, "kill")), ("done", "skipped"));
    assert_eq!((server.digest(), server.run_id()), (digest, run_id));
}

#[test]
fn a_script_that_has_written_can_only_be_ended_with_its_server() {
    let mut server = Lab::new().sandbox();
    server.configure("lua-time-limit 50").start().fill(300);
    let (digest, run_id) = (server.digest(), server.run_id());
    endless_script(&server, true);
    let run = server.redis_dr(&["recover", "demo", "--auto", "--json", "--runbook", "unhang"]).recovered_by("unhang");
    assert_eq!((outcome(&run, "kill"), outcome(&run, "open")), ("done", "done"));
    assert_ne!(server.run_id(), run_id, "it is another process");
    assert_eq!(server.digest(), digest, "all that clients were told is safe, and nothing of the script");
}

#[test]
fn what_only_its_memory_holds_is_not_killed_beyond_the_policy() {
    let mut server = Lab::new().sandbox();
    server.configure("appendonly no").policy("max_risk: high, max_loss: 0s");
    server.start().fill(300).save().fill(10);
    server.freeze();
    let run = refused(&server.recover_auto());
    assert!(found(&run, "server.hung"), "{run:#}");
    assert!(run["because"].as_str().unwrap().contains("loses"), "{run:#}");
    assert_eq!(server.servers().len(), 1, "it is still there");
}

/// Refuses writes since maxmemory is reached and nothing is evicted.
fn fill_up(server: &Sandbox) {
    for size in [50_000, 100] {
        let (mut client, value) = (server.client(), "x".repeat(size));
        let full = (0..50_000).any(|i| client.ask(&["SET", &format!("of-{size}:{i}"), &value]).unwrap().is_error());
        assert!(full, "it still takes writes");
    }
}

#[test]
fn a_server_that_used_up_its_maxmemory_gets_more_and_loses_no_key() {
    Lab::on_each(|mut server| {
        server.configure("maxmemory 8mb").configure("maxmemory-policy noeviction").start().fill(200);
        fill_up(&server);
        let (digest, run_id) = (server.digest(), server.run_id());
        let run = server.recover_auto().recovered_by("relieve-memory");
        assert!(found(&run, "memory.maxmemory"), "{run:#}");
        assert_eq!((server.digest(), server.run_id()), (digest, run_id));
        let limit = server.must(&["CONFIG", "GET", "maxmemory"]).text();
        let conf = fs::read_to_string(server.conf()).unwrap();
        let live = limit.lines().last().unwrap();
        assert!(live.parse::<u64>().unwrap() > 8 << 20, "{limit}");
        assert!(conf.lines().any(|l| l == format!("maxmemory {live}")), "it lasts:\n{conf}");
        server.must(&["SET", "after", "that"]);
    });
}

#[test]
fn raising_maxmemory_can_be_taken_back() {
    let mut server = Lab::new().sandbox();
    server.configure("maxmemory 8mb").configure("maxmemory-policy noeviction").start();
    fill_up(&server);
    let conf = fs::read(server.conf()).unwrap();
    server.recover_auto().recovered_by("relieve-memory");
    server.redis_dr(&["runs", "rollback", "last", "--confirm", "demo", "--discard-writes"]).exits(0);
    assert_eq!(fs::read(server.conf()).unwrap(), conf);
    assert_eq!(server.must(&["CONFIG", "GET", "maxmemory"]).text(), "maxmemory\n8388608");
}

fn break_saves(server: &mut Sandbox) {
    server.configure("save 3600 1").start().fill(300).saves_fail();
    assert!(server.ask(&["SET", "a", "b"]).unwrap().text().contains("MISCONF"));
}

#[test]
fn writes_are_resumed_once_a_save_succeeds_again() {
    Lab::on_each(|mut server| {
        break_saves(&mut server);
        let (digest, run_id) = (server.digest(), server.run_id());
        fs::remove_dir(server.rdb()).unwrap();
        let run = server.recover_auto().recovered_by("resume-writes");
        assert!(found(&run, "server.misconf"), "{run:#}");
        assert_eq!((server.digest(), server.run_id()), (digest, run_id));
        assert_eq!(server.must(&["CONFIG", "GET", "stop-writes-on-bgsave-error"]).text().lines().last(), Some("yes"));
        server.must(&["SET", "after", "that"]);
    });
}

#[test]
fn writes_are_not_resumed_while_saves_still_fail() {
    let mut server = Lab::new().sandbox();
    break_saves(&mut server);
    let (digest, run_id) = (server.digest(), server.run_id());
    let run = server.recover_auto().exits(1).json();
    assert_eq!(run["runbook"], "resume-writes", "{run:#}");
    assert_eq!((server.digest(), server.run_id()), (digest, run_id));
    assert!(server.ask(&["SET", "a", "b"]).unwrap().text().contains("MISCONF"), "it is as it was");
}

/// The AOF can't be written any more.
fn until_misconf(server: &Sandbox) {
    let (mut client, value) = (server.client(), "x".repeat(10_000));
    wait_until("writes to be refused", || {
        client.ask(&["SET", "filler", &value]).is_ok_and(|reply| reply.text().contains("MISCONF"))
    });
}

#[test]
fn a_full_disk_is_freed_of_what_nobody_needs_and_writes_resume() {
    Lab::on_each(|mut server| {
        let Some(disk) = SmallDisk::under(&server) else { return };
        server.start().fill(300);
        let left = server.leave_half_a_snapshot();
        disk.fill();
        until_misconf(&server);
        let (digest, run_id) = (server.digest(), server.run_id());
        server.redis_dr(&["plan", "demo"]).exits(0).mentions("6.0 MiB");
        server.redis_dr(&["plan", "demo", "--json"]).exits(0).mentions("temp-4194305.rdb (6.0 MiB)");
        let run = server.recover_auto().recovered_by("resume-writes");
        assert!(found(&run, "disk.full") && found(&run, "server.misconf"), "{run:#}");
        assert!(!left.exists() && server.data().join("somebody-elses").exists());
        assert_eq!((server.digest(), server.run_id()), (digest.clone(), run_id));
        server.writes_survive_kill9();
        server.kill9();
        drop(disk);
    });
}

#[test]
fn a_server_that_a_full_disk_keeps_down_is_started_when_there_is_room() {
    let mut server = Lab::new().sandbox();
    let Some(disk) = SmallDisk::under(&server) else { return };
    server.start().fill(300);
    let digest = server.digest();
    server.kill9();
    let left = server.leave_half_a_snapshot();
    disk.fill();
    let run = server.recover_auto().recovered_by("free-disk");
    assert!(found(&run, "disk.full"), "{run:#}");
    assert!(!left.exists());
    assert_eq!(server.digest(), digest);
    server.kill9();
    drop(disk);
}

#[test]
fn where_nothing_is_known_to_be_useless_a_person_makes_room() {
    let mut server = Lab::new().sandbox();
    let Some(disk) = SmallDisk::under(&server) else { return };
    server.start().fill(300).kill9();
    // whole as it is, it may be the newest snapshot: nobody removes it
    let whole = server.data().join("temp-4194305.rdb");
    fs::write(&whole, [b"REDIS0009\xff".as_slice(), &[0; 8]].concat()).unwrap();
    disk.fill();
    let run = refused(&server.recover_auto());
    assert!(found(&run, "disk.full"), "{run:#}");
    assert!(whole.exists());
    drop(disk);
}

#[test]
fn a_read_only_disk_is_left_to_a_person() {
    let mut server = Lab::new().sandbox();
    let Some(disk) = SmallDisk::under(&server) else { return };
    server.start().fill(100).kill9();
    disk.remount("ro");
    let run = refused(&server.recover_auto());
    assert!(found(&run, "disk.read_only"), "{run:#}");
    drop(disk);
}

#[test]
fn a_program_on_our_port_is_named_and_left_alone() {
    let mut server = Lab::new().sandbox();
    server.start().fill(100).kill9();
    let files = fs::read(server.aof_tail()).unwrap();
    let ours = TcpListener::bind(("127.0.0.1", server.port)).unwrap();
    let run = refused(&server.recover_auto());
    let named = format!("(pid {})", std::process::id());
    assert!(run["findings"].to_string().contains(&named), "{run:#}");
    assert!(found(&run, "server.port_taken"));
    assert_eq!(fs::read(server.aof_tail()).unwrap(), files);
    drop(ours);
}

#[test]
fn a_stray_server_of_this_instance_makes_way_and_its_memory_is_kept() {
    let mut server = Lab::new().sandbox();
    server.start().fill(300);
    let digest = server.digest();
    server.kill9();
    let mut stray = server.start_a_stray(false);
    server.must(&["SET", "written-to", "the stray one"]);
    let run = server.recover_auto().recovered_by("free-port");
    assert!(found(&run, "server.port_taken"));
    stray.wait().unwrap();
    assert_eq!(server.digest(), digest);
    let memory = fs::read(PathBuf::from(run["vault"].as_str().unwrap()).join("memory.rdb")).unwrap();
    assert!(memory.windows(10).any(|w| w == b"written-to"), "what clients wrote to it is in the vault");
}

#[test]
fn a_server_of_somebody_else_on_our_port_is_left_alone() {
    let mut server = Lab::new().sandbox();
    server.start().fill(300).kill9();
    let mut other = server.start_a_stray(true);
    let run_id = server.run_id();
    let run = refused(&server.recover_auto());
    assert!(found(&run, "server.port_taken"));
    assert!(run["because"].as_str().unwrap().contains("Another program owns the port"), "{run:#}");
    assert_eq!(server.run_id(), run_id, "it still runs");
    other.kill().unwrap();
    other.wait().unwrap();
}
