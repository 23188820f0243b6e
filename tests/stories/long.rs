//! Long and large: nothing is left behind, however often; many instances in one config, many processes side by side.
use crate::dr::{Output, finish};
use crate::lab::Lab;
use crate::sandbox::{Sandbox, processes_in};
use std::fs;
use std::path::Path;

fn rounds() -> usize {
    std::env::var("REDIS_DR_ROUNDS").map_or(15, |n| n.parse().expect("REDIS_DR_ROUNDS is a number"))
}

fn names_under(dir: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        found.push(entry.file_name().to_string_lossy().into_owned());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            names_under(&entry.path(), found);
        }
    }
}

/// Descriptors of a server beyond its own: files of redis-dr that it inherited.
fn inherited(server: &Sandbox) -> Vec<String> {
    let of = |pid: &i32| fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let targets =
        server.servers().iter().flat_map(of).filter_map(|fd| fs::read_link(fd.path()).ok()).collect::<Vec<_>>();
    let shown = targets.iter().map(|path| path.display().to_string());
    shown.filter(|path| path.contains(".redis-dr") || path.contains("/state/")).collect()
}

/// `REDIS_DR_ROUNDS=1000` makes it a thousand.
#[test]
fn recoveries_in_a_loop_leave_nothing_behind() {
    let mut server = Lab::new().sandbox();
    server.policy("max_risk: high, max_loss: 1h, max_recoveries: { count: 100000, within: 1h }").start().fill(60);
    let digest = server.digest();
    let rounds = rounds();
    for round in 0..rounds {
        server.kill9();
        if round % 2 == 1 {
            server.append_torn_transaction();
        }
        server.recover_auto().exits(0);
        assert_eq!(inherited(&server), Vec::<String>::new());
        assert_eq!(server.servers().len(), 1);
        assert_eq!(processes_in(server.root()), Vec::<i32>::new());
        // the probe is gone from the disk as well
        server.written();
    }
    assert_eq!(server.digest(), digest);
    let mut names = Vec::new();
    names_under(server.root(), &mut names);
    let temporary: Vec<&String> = names.iter().filter(|name| name.starts_with(".redis-dr-")).collect();
    assert!(temporary.is_empty(), "{temporary:?}");
    assert!(!names.iter().any(|name| name == "held"), "a hold is left");
    assert_eq!(
        names.iter().filter(|name| *name == "journal.jsonl").count(),
        rounds,
        "a journal is never removed unasked"
    );
    let runs = server.redis_dr(&["runs", "list", "--json"]).exits(0).json();
    assert_eq!(runs["runs"].as_array().unwrap().len(), rounds);
    // pruning takes copies away, and nothing of the server's
    let before = server.files();
    server.redis_dr(&["runs", "prune", "--older-than", "0s", "--yes"]).exits(0);
    assert!(server.files().keys().eq(before.keys()));
    assert_eq!(server.digest(), digest);
    server.writes_survive_kill9();
}

#[test]
fn the_last_copy_of_anything_is_never_pruned() {
    let mut server = Lab::new().sandbox();
    server.start().fill(100);
    let digest = server.digest();
    server.kill9().append_torn_transaction();
    server.waits_before("repair-aof", "start", true).recover_killed_while_it_waits();
    // a run that can be taken back needs its copies, whatever its age
    server.redis_dr(&["runs", "prune", "--older-than", "0s", "--yes"]).exits(0);
    let back = server.redis_dr(&["runs", "rollback", "--auto", "--json"]);
    assert_eq!(back.exits(0).json()["outcome"], "rolled_back", "{back}");
    server.recover_auto().exits(0);
    assert_eq!(server.digest(), digest);
}

#[test]
fn a_hundred_instances_in_one_config() {
    let mut server = Lab::new().sandbox();
    server.start().fill(50);
    let digest = server.digest();
    server.kill9();
    let config = fs::read_to_string(server.config()).unwrap();
    let (head, demo) = config.split_once("  demo:\n").unwrap();
    let mut all = format!("{head}  demo:\n{demo}");
    for number in 0..99 {
        let (dir, other) = (server.root().display().to_string(), format!("{}/other-{number}", server.root().display()));
        let body = demo.replace(&format!("127.0.0.1:{}", server.port), &format!("127.0.0.1:{}", 3 + number));
        all.push_str(&format!(
            "  other-{number}:\n{}",
            body.replace(&format!("{dir}/redis.conf"), &format!("{other}/redis.conf"))
        ));
    }
    fs::write(server.config(), all).unwrap();
    server.recover_auto().recovered_by("restart");
    assert_eq!(server.digest(), digest);
    let which = server.redis_dr(&["assess"]);
    which.exits(2).mentions("other-98");
}

#[test]
fn twenty_servers_are_recovered_by_twenty_processes_side_by_side() {
    let lab = Lab::new();
    let mut servers: Vec<Sandbox> = (0..20).map(|_| lab.sandbox()).collect();
    let state = tempfile::tempdir().unwrap();
    let digests: Vec<String> = servers
        .iter_mut()
        .enumerate()
        .map(|(number, server)| {
            server.start().fill(20 + number);
            let digest = server.digest();
            server.kill9().append_torn_transaction();
            // one state directory for all of them, each with a name of its own
            let config = fs::read_to_string(server.config()).unwrap();
            let own = format!("state_dir: {}/state", server.root().display());
            let config = config.replace(&own, &format!("state_dir: {}", state.path().display()));
            fs::write(server.config(), config.replace("  demo:\n", &format!("  demo-{number}:\n"))).unwrap();
            digest
        })
        .collect();
    let children: Vec<_> = servers
        .iter()
        .enumerate()
        .map(|(n, server)| server.command(&["recover", &format!("demo-{n}"), "--auto", "--json"]).spawn().unwrap())
        .collect();
    let outputs: Vec<Output> = children.into_iter().map(finish).collect();
    for ((server, digest), output) in servers.iter().zip(&digests).zip(&outputs) {
        output.recovered_by("repair-aof");
        assert_eq!(&server.digest(), digest);
    }
}
