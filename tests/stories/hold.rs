//! Hold: the bleeding stops, and all of it can be put back.
use crate::dr::{Output, finish};
use crate::lab::Lab;
use crate::midway::send;
use crate::sandbox::{Sandbox, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn hold(server: &Sandbox) -> Value {
    server.redis_dr(&["hold", "demo", "--json"]).exits(0).json()
}

fn setting(server: &Sandbox, name: &str) -> Option<String> {
    let reply = server.must(&["CONFIG", "GET", name]).text();
    reply.lines().nth(1).map(str::to_string)
}

/// A hold is a person's, and so is a recovery in spite of it.
fn recover_by_a_person(server: &Sandbox) -> Output {
    server.redis_dr(&["recover", "demo", "--confirm", "demo", "--json"])
}

/// The settings that a hold changes, as the server has them.
fn settings(server: &Sandbox) -> Vec<Option<String>> {
    ["save", "auto-aof-rewrite-percentage", "aof-disable-auto-gc"].iter().map(|name| setting(server, name)).collect()
}

/// The copy that a hold made of a file of the data directory.
fn copy_of<'a>(held: &'a Value, name: &str) -> &'a Path {
    let saved = held["saved"].as_array().unwrap();
    let one = saved.iter().find(|s| s["path"].as_str().unwrap().ends_with(name)).expect("it is kept");
    Path::new(one["copy"].as_str().unwrap())
}

#[test]
fn what_is_on_disk_survives_flushall_and_sigterm_and_release_puts_all_back() {
    Lab::on_each(|mut server| {
        server.configure("save 3600 1 300 100\nappendonly no").start().fill(300).save();
        let (before, rdb) = (settings(&server), fs::read(server.data().join("dump.rdb")).unwrap());
        let held = hold(&server);
        assert_eq!(
            (&held["schema"], &held["held"], &held["already"]),
            (&"redis-dr/hold/1".into(), &true.into(), &false.into())
        );
        assert_eq!(held["could_not"], Value::Array(vec![]), "{held}");
        assert_eq!(setting(&server, "save").as_deref().unwrap_or_default(), "");
        assert_eq!(setting(&server, "auto-aof-rewrite-percentage").as_deref(), Some("0"));

        // with save points a FLUSHALL would have written an empty snapshot over it, and so would a SIGTERM
        server.must(&["FLUSHALL"]);
        assert_eq!(fs::read(server.data().join("dump.rdb")).unwrap(), rdb);
        assert_eq!(fs::read(copy_of(&held, "dump.rdb")).unwrap(), rdb);

        let again = hold(&server);
        assert_eq!((&again["already"], &again["hold_id"]), (&true.into(), &held["hold_id"]));
        assert_eq!((&again["by"], &again["since"]), (&held["by"], &held["since"]));
        server.redis_dr(&["hold", "demo"]).exits(0).mentions("is held already");
        server.redis_dr(&["assess", "demo"]).mentions("server.held");

        server.redis_dr(&["hold", "demo", "--release"]).exits(0).mentions("released");
        assert_eq!(settings(&server), before);
        assert!(!server.data().join(".redis-dr/held").exists());
        server.redis_dr(&["hold", "demo", "--release"]).exits(0).mentions("not held");

        hold(&server);
        let pid = server.servers()[0];
        kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
        wait_until("the server to end", || !server.running());
        assert_eq!(fs::read(server.data().join("dump.rdb")).unwrap(), rdb);
    });
}

#[test]
fn an_aof_keeps_its_history_through_a_rewrite() {
    Lab::on_each(|mut server| {
        server.start().fill(300);
        let held = hold(&server);
        let kept = held["saved"].as_array().unwrap().len();
        assert!(kept > 0, "{held}");
        server.must(&["FLUSHALL"]);
        server.rewrite_aof();
        // every part has its bytes in the vault, whatever the rewrite removed
        for saved in held["saved"].as_array().unwrap() {
            let bytes = fs::metadata(saved["copy"].as_str().unwrap()).unwrap().len();
            assert!(bytes >= saved["bytes"].as_u64().unwrap(), "{saved}");
        }
        let listed = server.redis_dr(&["vault", "list", "--json"]).exits(0).json();
        assert_eq!(listed["runs"][0]["run_id"], held["hold_id"], "{listed}");
        // copies of a hold that is over go with old runs, those of one in force stay
        server.redis_dr(&["runs", "prune", "--older-than", "0s", "--yes"]).exits(0);
        assert!(Path::new(held["vault"].as_str().unwrap()).exists());
        server.redis_dr(&["hold", "demo", "--release"]).exits(0);
        server.redis_dr(&["runs", "prune", "--older-than", "0s", "--yes"]).exits(0).mentions("removed");
        assert!(!Path::new(held["vault"].as_str().unwrap()).exists());
    });
}

#[test]
fn a_server_that_is_down_is_held_and_a_recovery_ends_the_hold() {
    Lab::on_each(|mut server| {
        server.start().fill(200);
        let digest = server.digest();
        server.kill9();
        let held = hold(&server);
        assert!(server.data().join(".redis-dr/held").exists());
        assert!(!held["saved"].as_array().unwrap().is_empty());
        recover_by_a_person(&server).recovered_by("restart");
        assert_eq!(server.digest(), digest);
        assert!(!server.data().join(".redis-dr/held").exists());
        server.redis_dr(&["hold", "demo", "--release"]).exits(0).mentions("not held");
        server.writes_survive_kill9();
    });
}

#[test]
fn auto_leaves_a_held_instance_to_who_holds_it() {
    let mut server = Lab::new().sandbox();
    server.start().fill(200).kill9();
    server.redis_dr(&["plan", "demo", "-o", "plan.json"]).exits(0);
    hold(&server);
    let before = server.files();
    let run = server.recover_auto().exits(3).json();
    assert_eq!((&run["outcome"], &run["run_id"]), (&"refused".into(), &Value::Null));
    let because = run["because"].as_str().unwrap();
    assert!(because.starts_with("held by ") && because.contains(" since "), "{run}");
    assert!(run["hint"].as_str().unwrap().contains("hold demo --release"), "{run}");
    // neither a named way nor a reviewed plan says that whoever holds it is done
    server.redis_dr(&["recover", "demo", "--auto", "--runbook", "restart"]).exits(3).mentions("held by");
    server.redis_dr(&["apply", "plan.json", "--auto"]).exits(3).mentions("held by");
    assert!(server.files() == before && !server.running());

    server.redis_dr(&["hold", "demo", "--release"]).exits(0);
    server.recover_auto().recovered_by("restart");
}

#[test]
fn a_run_cut_off_on_a_held_instance_is_a_persons_to_carry_on() {
    let mut server = Lab::new().sandbox();
    server.start().fill(200);
    let digest = server.digest();
    server.kill9().append_torn_transaction();
    hold(&server);
    server.waits_before("repair-aof", "start", true);
    let child = server.recover_until_it_waits(&["--confirm", "demo"]);
    send(&child, Signal::SIGKILL);
    finish(child);
    server.let_go();
    server.redis_dr(&["runs", "resume", "--auto", "--json"]).exits(3).mentions("held by");
    let run = recover_by_a_person(&server).exits(0).json();
    assert_eq!((&run["outcome"], &run["runbook"]), (&"recovered".into(), &"mine".into()), "carried on: {run}");
    assert_eq!(server.digest(), digest);
    assert!(!server.data().join(".redis-dr/held").exists());
}

#[test]
fn a_held_server_that_came_up_empty_is_recovered() {
    let mut server = Lab::new().sandbox();
    server.configure("appendonly no").start().fill(200).save();
    let digest = server.digest();
    server.kill9().configure("appendonly yes\nsave 3600 1");
    server.start();
    hold(&server);
    recover_by_a_person(&server).recovered_by("restore-rdb-as-aof-base");
    assert_eq!(server.digest(), digest);
    assert_eq!(setting(&server, "save").as_deref(), Some("3600 1"), "the owner's, not the hold's");
    assert!(!server.data().join(".redis-dr/held").exists());
}

#[test]
fn what_cannot_be_done_is_said() {
    let mut server = Lab::new().sandbox();
    server.configure("rename-command CONFIG \"\"").start().fill(50);
    let held = hold(&server);
    assert!(held["could_not"].to_string().contains("save"), "{held}");
    assert!(server.data().join(".redis-dr/held").exists() && !held["saved"].as_array().unwrap().is_empty());
    server.redis_dr(&["hold", "demo"]).mentions("NOT DONE");
    server.redis_dr(&["hold", "demo", "--release"]).exits(0);
    assert!(!server.data().join(".redis-dr/held").exists());
}

#[test]
fn a_server_that_does_not_answer_is_held_as_far_as_can_be() {
    Lab::on_each(|mut server| {
        server.configure("save 3600 1").start().fill(50).save();
        let (before, pid) = (settings(&server), Pid::from_raw(server.servers()[0]));
        kill(pid, Signal::SIGSTOP).unwrap();
        let held = server.redis_dr(&["hold", "demo", "--json"]).exits(4).json();
        let could_not = held["could_not"].as_array().unwrap();
        assert_eq!(could_not.len(), 1, "{held}");
        assert!(could_not[0].as_str().unwrap().contains("does not answer"), "{held}");
        assert!(server.data().join(".redis-dr/held").exists() && copy_of(&held, "dump.rdb").exists());
        let told = server.redis_dr(&["hold", "demo"]);
        told.exits(4).mentions("does not answer");
        assert_eq!(told.to_string().matches("NOT DONE").count(), 1, "{told}");

        kill(pid, Signal::SIGCONT).unwrap();
        let again = hold(&server);
        assert_eq!((&again["already"], &again["could_not"]), (&true.into(), &Value::Array(vec![])), "{again}");
        assert_eq!(setting(&server, "auto-aof-rewrite-percentage").as_deref(), Some("0"));
        server.redis_dr(&["hold", "demo", "--release"]).exits(0);
        assert_eq!(settings(&server), before);
    });
}

#[test]
fn a_hold_cut_off_anywhere_is_put_back() {
    let mut server = Lab::new().sandbox();
    server.configure("save 3600 1").start().fill(50);
    let before = settings(&server);
    for lines in 2.. {
        let held = hold(&server);
        let journal = held["journal"].as_str().unwrap();
        let text = fs::read_to_string(journal).unwrap();
        let all = text.trim_end_matches('\0').lines().count();
        if lines > all {
            break;
        }
        // as after a crash: everything on record up to here, and perhaps done
        let kept: Vec<&str> = text.trim_end_matches('\0').lines().take(lines).collect();
        fs::write(journal, format!("{}\n", kept.join("\n"))).unwrap();
        let settings_on_record = kept.iter().any(|l| l.contains("\"settings\""));
        server.redis_dr(&["hold", "demo", "--release"]).exits(0);
        if settings_on_record {
            assert_eq!(settings(&server), before, "cut after line {lines}");
        } else {
            server.must(&["CONFIG", "SET", "save", "3600 1"]);
            server.must(&["CONFIG", "SET", "auto-aof-rewrite-percentage", "100"]);
            server.must(&["CONFIG", "SET", "aof-disable-auto-gc", "no"]);
        }
        let _ = fs::remove_file(server.data().join(".redis-dr/held"));
    }
    server.redis_dr(&["hold", "demo", "--release"]).exits(0);
    assert_eq!(settings(&server), before);
}
