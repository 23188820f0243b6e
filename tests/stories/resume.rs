//! `kill -9` of redis-dr itself, at any moment: it always ends in the recovered or in the original state.
use crate::lab::Lab;
use crate::sandbox::Sandbox;
use std::time::{Duration, Instant};

/// How many moments are tried; CI tries more.
fn kills() -> u32 {
    std::env::var("REDIS_DR_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

fn broken(damage: fn(&mut Sandbox)) -> (Sandbox, String) {
    let mut server = Lab::new().sandbox();
    server.start().fill(300).backup("dump-110000.rdb");
    let digest = server.digest();
    server.kill9();
    damage(&mut server);
    (server, digest)
}

/// How long the recovery takes when nobody interferes.
fn undisturbed(damage: fn(&mut Sandbox)) -> Duration {
    let (server, _) = broken(damage);
    let started = Instant::now();
    server.recover_auto().exits(0);
    started.elapsed()
}

fn moments(damage: fn(&mut Sandbox)) -> impl Iterator<Item = (u32, Duration)> {
    let whole = undisturbed(damage).max(Duration::from_millis(50));
    let count = kills();
    (0..count).map(move |n| (n, whole * (n + 1) / (count + 1)))
}

fn is_recovered(mut server: Sandbox, digest: &str, moment: Duration) {
    assert_eq!(server.digest(), digest, "killed after {moment:?}");
    server.writes_survive_kill9();
    let unfinished = server.redis_dr(&["runs", "list", "--json"]).exits(0).json();
    let open = unfinished["runs"].as_array().unwrap().iter().filter(|run| run["outcome"] == "unfinished").count();
    assert_eq!(open, 0, "{unfinished}");
}

fn torn(server: &mut Sandbox) {
    server.append_torn_transaction();
}

fn aof_gone(server: &mut Sandbox) {
    server.lose_aof();
}

#[test]
fn recover_again_goes_on() {
    for damage in [torn as fn(&mut Sandbox), aof_gone] {
        for (_, moment) in moments(damage) {
            let (server, digest) = broken(damage);
            server.redis_dr_killed_after(&["recover", "demo", "--auto", "--json"], moment);
            server.recover_auto().exits(0);
            is_recovered(server, &digest, moment);
        }
    }
}

#[test]
fn resume_or_rollback_ends_it() {
    for damage in [torn as fn(&mut Sandbox), aof_gone] {
        for (n, moment) in moments(damage) {
            let (mut server, digest) = broken(damage);
            let original = server.files();
            server.redis_dr_killed_after(&["recover", "demo", "--auto", "--json"], moment);
            let runs = server.redis_dr(&["runs", "list", "--json"]).exits(0).json();
            let run = runs["runs"].as_array().unwrap().first().cloned();
            let Some(run) = run else {
                assert!(server.files() == original, "killed after {moment:?}, before there was a run");
                continue;
            };
            if run["outcome"] == "recovered" {
                is_recovered(server, &digest, moment);
                continue;
            }
            if n % 2 == 0 {
                server.redis_dr(&["runs", "resume", "--auto", "--json"]).exits(0);
                is_recovered(server, &digest, moment);
                continue;
            }
            let rollback = server.redis_dr(&["runs", "rollback", "--auto", "--json"]);
            match rollback.code {
                // Open to clients: nobody takes that back unasked.
                Some(3) => {
                    server.redis_dr(&["runs", "resume", "--auto", "--json"]).exits(0);
                    is_recovered(server, &digest, moment);
                }
                _ => {
                    assert_eq!(rollback.json()["outcome"], "rolled_back", "{rollback}");
                    let files = server.files();
                    assert_eq!(Sandbox::listing(&files), Sandbox::listing(&original), "killed after {moment:?}");
                    assert!(files == original && !server.running(), "killed after {moment:?}");
                    server.recover_auto().exits(0);
                    assert_eq!(server.digest(), digest);
                    server.kill9();
                }
            }
        }
    }
}

#[test]
fn what_a_crash_left_half_written_goes_away() {
    for (args, code) in [(["runs", "resume", "--auto"], 0), (["runs", "rollback", "--auto"], 0)] {
        let (mut server, _) = broken(torn);
        server.waits_before("repair-aof", "start", true).recover_killed_while_it_waits();
        let left = server.data().join(".redis-dr-0123456789abcdef0123456789abcdef");
        std::fs::create_dir(&left).unwrap();
        std::fs::write(left.join("appendonly.aof.1.base.rdb"), "half").unwrap();
        let not_ours = server.data().join(".redis-dr-notes");
        std::fs::write(&not_ours, "of the owner").unwrap();
        server.redis_dr(&args).exits(code);
        assert!(!left.exists() && not_ours.exists(), "{args:?}");
        assert!(server.vault_mentions("half"), "even that is kept");
    }
}
