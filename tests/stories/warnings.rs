//! What can wait, and what only the next failure would make hurt: each of these findings on a real server, which is healthy
//! all the same, or has another cause that stands before it.
use crate::lab::{Lab, Tree};
use crate::sandbox::{Sandbox, wait_until};
use crate::starved::Group;
use crate::troubles::SmallDisk;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::time::{Duration, SystemTime};

/// The finding with this id.
#[track_caller]
pub fn finding<'d>(document: &'d Value, id: &str) -> &'d Value {
    let all = document["findings"].as_array().unwrap();
    all.iter().find(|f| f["id"] == id).unwrap_or_else(|| panic!("no {id} in {:#}", document["findings"]))
}

/// The server is well, and this is found with this severity and scope; what it rests on.
#[track_caller]
fn healthy_with(server: &Sandbox, id: &str, severity: &str, scope: &str) -> String {
    let document = server.assess_json(&[]);
    let found = finding(&document, id);
    assert_eq!((found["severity"].as_str(), found["scope"].as_str()), (Some(severity), Some(scope)), "{found:#}");
    assert_eq!(document["decision"]["outcome"], "healthy", "{:#}", document["decision"]);
    server.redis_dr(&["explain", id]).exits(0).mentions(id);
    found.to_string()
}

#[test]
fn a_backup_that_is_not_there_weighs_more_where_it_would_be_the_only_copy() {
    let mut server = Lab::new().sandbox();
    server.start().fill(50);
    let found = healthy_with(&server, "backup.none", "minor", "next");
    assert!(found.contains("the stores hold no backup"), "{found}");
    server.kill9().configure("appendonly no").start();
    healthy_with(&server, "backup.none", "major", "next");
    let found = healthy_with(&server, "config.no_persistence", "minor", "next");
    assert!(found.contains("--runbook enable-aof"), "{found}");
}

#[test]
fn a_backup_older_than_the_objective() {
    let mut server = Lab::new().sandbox();
    server.instance("objectives: { rpo: 1h }").start().fill(50);
    let backup = server.backup("dump.rdb");
    let document = server.assess_json(&[]);
    assert!(!document["findings"].to_string().contains("backup.stale"), "{:#}", document["findings"]);
    let yesterday = SystemTime::now() - Duration::from_secs(86_400);
    fs::File::options().append(true).open(backup).unwrap().set_modified(yesterday).unwrap();
    let found = healthy_with(&server, "backup.stale", "minor", "next");
    assert!(found.contains("allowed is 1 h"), "{found}");
}

#[test]
fn a_backup_with_far_fewer_keys_than_the_one_before() {
    let mut server = Lab::new().sandbox();
    server.start().fill(300).backup("dump-110000.rdb");
    server.must(&["FLUSHALL"]);
    server.fill(20).backup("dump-120000.rdb");
    server.kill9();
    let found = finding(&server.assess_json(&[]), "backup.suspicious_count").to_string();
    assert!(found.contains("nightly/dump-120000.rdb: 20 keys"), "{found}");
    assert!(found.contains("nightly/dump-110000.rdb: 300 keys"), "{found}");
}

#[test]
fn settings_that_a_restart_or_a_power_loss_would_show() {
    Lab::on_each(|mut server| {
        server.configure("appendfsync no").start().fill(50);
        healthy_with(&server, "config.weak_fsync", "minor", "next");
        server.must(&["CONFIG", "SET", "maxmemory", "100mb"]);
        let found = healthy_with(&server, "server.config_drift", "minor", "now");
        assert!(found.contains("maxmemory"), "{found}");
    });
}

#[test]
fn a_start_command_that_overrides_the_file() {
    // Only a server that leaves its arguments as they are tells them.
    Lab::on_each_where(
        |tree| tree.version >= (6, 2),
        |mut server| {
            server.configure("set-proc-title no");
            let (conf, root) = (server.conf(), server.root().to_owned());
            server.launch_with(&[conf.to_str().unwrap(), "--appendonly", "no"], &root);
            wait_until("the server", || server.ask(&["PING"]).is_some_and(|reply| reply.text() == "PONG"));
            let found = healthy_with(&server, "config.overridden", "minor", "now");
            assert!(found.contains("appendonly"), "{found}");
        },
    );
}

#[test]
fn what_a_dead_save_left() {
    let mut server = Lab::new().sandbox();
    server.start().fill(50);
    server.leave_half_a_snapshot();
    let found = healthy_with(&server, "files.temp_left", "minor", "next");
    assert!(found.contains("temp-4194305.rdb"), "{found}");
}

#[test]
fn a_disk_with_room_for_no_rewrite() {
    let mut server = Lab::new().sandbox();
    let Some(disk) = SmallDisk::under(&server) else { return };
    server.start().fill(50);
    let free = nix::sys::statvfs::statvfs(&server.data()).unwrap();
    let free = free.blocks_available() * free.fragment_size();
    // a little over the MiB below which it is full
    let filler = usize::try_from(free - (1 << 20) - (100 << 10)).unwrap();
    fs::File::create(server.data().join("somebody-elses")).unwrap().write_all(&vec![1; filler]).unwrap();
    let found = healthy_with(&server, "disk.low", "minor", "next");
    assert!(found.contains("free of 24.0 MiB"), "{found}");
    server.kill9();
    drop(disk);
}

#[test]
fn memory_that_is_short_and_a_kernel_that_grants_no_more_than_there_is() {
    let mut server = Lab::new().sandbox();
    server.configure("appendonly no").start().fill(50);
    let document = server.assess_json(&[]);
    let overcommit = fs::read_to_string("/proc/sys/vm/overcommit_memory").unwrap();
    let warned = document["findings"].to_string().contains("memory.overcommit");
    assert_eq!(warned, overcommit.trim() != "1", "{:#}", document["findings"]);
    let limits = [("memory.limit_in_bytes", "1G"), ("memory.max", "1G")];
    let Some(group) = Group::around(&server, "memory", &limits) else { return };
    let value = "x".repeat(1 << 20);
    for key in 0..40 {
        server.must(&["SET", &format!("large:{key}"), &value]);
    }
    // what it used before it came to the group is not counted there; what it took since is
    assert!(group.limits_to(group.uses() + (1 << 20)));
    let found = finding(&server.assess_json(&[]), "memory.low").to_string();
    assert!(found.contains("available of"), "{found}");
    server.kill9();
}

#[test]
fn copies_of_earlier_runs_that_take_much_room() {
    let mut server = Lab::new().sandbox();
    server.start().fill(50).kill9();
    let run = server.recover_auto().recovered_by("restart");
    let copy = std::path::PathBuf::from(run["vault"].as_str().unwrap()).join("a-large-one");
    fs::File::create(&copy).unwrap().set_len(3 << 29).unwrap();
    let found = healthy_with(&server, "vault.large", "minor", "now");
    assert!(found.contains("1.5 GiB") && found.contains("redis-dr") && found.contains("runs prune"), "{found}");
    fs::remove_file(copy).unwrap();
}

#[test]
fn a_fence_that_no_run_here_would_lift() {
    Lab::on_each(|mut server| {
        server.start().fill(50);
        server.must(&["CONFIG", "SET", "min-replicas-to-write", "1000000"]);
        let document = server.finds_first("server.fenced");
        let hint = document["findings"][0]["hint"].as_str().unwrap();
        assert!(hint.contains("CONFIG SET min-replicas-to-write 0"), "{hint}");
        let run_id = server.run_id();
        server.refuses_under_auto().mentions("no run is known here that would lift it");
        assert_eq!(server.run_id(), run_id);
        server.must(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
        server.recover_auto().exits(0);
    });
}

#[test]
fn a_run_killed_behind_its_fence_is_told_from_a_fence_alone() {
    let mut server = Lab::new().sandbox();
    server.start().fill(50).kill9();
    server.waits_before("restart", "open", true).recover_killed_while_it_waits();
    let document = server.assess_json(&[]);
    let ids: Vec<&str> = document["findings"].as_array().unwrap().iter().filter_map(|f| f["id"].as_str()).collect();
    assert!(ids.starts_with(&["run.unfinished", "server.fenced"]), "{ids:?}");
    let hint = finding(&document, "server.fenced")["hint"].as_str().unwrap();
    assert!(hint.contains("runs resume"), "{hint}");
}

#[test]
fn a_node_of_a_cluster_that_lacks_its_slots() {
    let mut server = Lab::new().sandbox();
    let text = fs::read_to_string(server.config()).unwrap();
    fs::write(server.config(), text.replace("topology: standalone", "topology: cluster")).unwrap();
    server.configure("cluster-enabled yes").start();
    let document = server.assess_json(&[]);
    assert!(finding(&document, "cluster.down")["evidence"].to_string().contains("cluster_state:fail"));
    let uncovered = finding(&document, "cluster.slots_uncovered");
    assert!(uncovered["title"].as_str().unwrap().starts_with("16384 slots"), "{uncovered:#}");
    let run_id = server.run_id();
    server.refuses_under_auto();
    assert_eq!(server.run_id(), run_id);
}

#[test]
fn a_replica_that_is_far_behind() {
    let lab = Lab::new();
    let (mut primary, mut replica) = (lab.sandbox(), lab.sandbox());
    primary.configure("repl-diskless-sync-delay 0").configure("repl-timeout 3600").start().fill(50);
    replica.configure(&format!("replicaof 127.0.0.1 {}\nrepl-timeout 3600", primary.port)).start();
    wait_until("the replica to have it all", || replica.info("master_link_status").as_deref() == Some("up"));
    let document = replica.assess_json(&[]);
    let found = finding(&document, "server.read_only");
    assert!(found["evidence"].to_string().contains("it answers as a replica"), "{found:#}");
    primary.freeze();
    let behind = || replica.info("master_last_io_seconds_ago").is_some_and(|s| s.parse::<u64>().unwrap() > 16);
    wait_until("the link to have been silent for long", behind);
    let document = replica.assess_json(&[]);
    let found = finding(&document, "replication.lag");
    assert!(found["title"].as_str().unwrap().contains("was silent for"), "{found:#}");
    replica.refuses_under_auto();
}

#[test]
fn a_snapshot_that_is_damaged_lost_or_empty_where_it_is_what_a_start_loads() {
    Lab::on_each(|mut server| {
        server.configure("appendonly no").start().fill(300).backup("dump-110000.rdb");
        let digest = server.digest();
        server.kill9();
        let rdb = server.rdb();
        server.corrupt(&rdb, 40);
        let document = server.finds_first("server.not_running");
        assert_eq!(finding(&document, "files.rdb_corrupt")["severity"], "major", "{:#}", document["findings"]);
        server.recover_auto().recovered_by("restore-backup");
        assert_eq!(server.digest(), digest);
        server.kill9().lose_rdb();
    });
    let mut server = Lab::new().sandbox();
    server.configure("appendonly no").start().fill(300).backup("dump-110000.rdb");
    server.kill9().lose_rdb();
    let document = server.finds_first("server.not_running");
    assert_eq!(finding(&document, "files.rdb_missing")["severity"], "critical");
    assert_eq!(document["decision"]["runbook"], "restore-backup", "{:#}", document["decision"]);

    let mut server = Lab::new().sandbox();
    server.configure("appendonly no").start().save().kill9();
    let document = server.assess_json(&[]);
    finding(&document, "files.rdb_empty");
}

#[test]
fn a_manifest_that_names_a_file_that_is_not_there() {
    Lab::on_each_where(Tree::since_seven, |mut server| {
        server.start().fill(300).save().kill9();
        let manifest = fs::read_to_string(server.manifest()).unwrap();
        fs::write(server.manifest(), format!("{manifest}file appendonly.aof.9.incr.aof seq 9 type i\n")).unwrap();
        let document = server.finds_first("server.not_running");
        finding(&document, "files.manifest_broken");
        let before = server.files();
        server.start_fails();
        assert!(server.files() == before, "the server refuses it, and so its data is as it was");
        server.finds_first("server.not_running");
    });
}
