//! Faults from outside, in earnest: disks that fill up, turn read-only or lose their power, servers that die in the middle.
use crate::dr::finish;
use crate::lab::Lab;
use crate::midway::send;
use crate::sandbox::{Sandbox, wait_until};
use crate::signals::torn;
use crate::troubles::{LoopDisk, SmallDisk};
use nix::sys::signal::Signal;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A disk of a few MiB over a directory; `None`, and said, where this user may not mount.
fn disk_over(dir: &Path) -> Option<SmallDisk> {
    fs::create_dir_all(dir).unwrap();
    SmallDisk::over(dir, "4m")
}

#[test]
fn a_state_directory_on_a_read_only_disk_is_said_with_the_way_round_it() {
    let (server, digest) = torn();
    let Some(disk) = disk_over(&server.root().join("state")) else { return };
    disk.remount("ro");
    let before = server.files();
    server.redis_dr(&["assess", "demo", "--json"]).exits(0);
    server.redis_dr(&["plan", "demo", "--json"]).exits(0);
    server.redis_dr(&["runs", "list", "--json"]).exits(0);
    let refused = server.recover_auto();
    refused.exits(3).mentions("--state-dir").mentions("Read-only file system");
    assert!(server.files() == before && !server.running());
    let elsewhere = server.root().join("elsewhere-state");
    let args = ["recover", "demo", "--auto", "--json", "--state-dir", elsewhere.to_str().unwrap()];
    server.redis_dr(&args).recovered_by("repair-aof");
    assert_eq!(server.digest(), digest);
}

#[test]
fn a_full_vault_stops_a_run_before_it_changes_anything() {
    let (mut server, digest) = torn();
    let vault = server.root().join("vault");
    let Some(disk) = disk_over(&vault) else { return };
    fs::set_permissions(&vault, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    server.instance(&format!("vault_dir: {}\npolicy: {{ max_risk: high, max_loss: 1h }}", vault.display()));
    disk.fill();
    let before = server.files();
    let output = server.recover_auto();
    assert!(matches!(output.code, Some(1 | 3)), "{output}");
    output.mentions(vault.to_str().unwrap());
    assert!(server.files() == before && !server.running(), "{output}");
    fs::remove_file(vault.join("somebody-elses")).unwrap();
    server.recover_auto().exits(0);
    assert_eq!(server.digest(), digest);
}

#[test]
fn a_disk_that_turns_read_only_under_a_run_leaves_it_to_go_on_with() {
    for step in ["cut", "start"] {
        let (mut server, digest) = torn();
        server.waits_before("repair-aof", step, true);
        let disk = match LoopDisk::over(&server.data(), "ext4") {
            Ok(disk) => disk,
            Err(why) => return eprintln!("-- LEFT OUT: no disk that turns read-only: {why}"),
        };
        let child = server.recover_until_it_waits(&["--auto"]);
        if let Err(why) = disk.turns_read_only() {
            server.let_go();
            finish(child);
            return eprintln!("-- LEFT OUT: no disk that turns read-only: {why}");
        }
        server.let_go();
        let output = finish(child);
        assert!(matches!(output.code, Some(1 | 4 | 7)), "before {step}: {output}");
        output.mentions("Read-only file system");
        assert!(!server.running(), "{output}");
        disk.comes_back().unwrap();
        if output.code != Some(1) {
            let back = server.redis_dr(&["runs", "rollback", "--auto", "--json"]);
            assert_eq!(back.exits(0).json()["outcome"], "rolled_back", "{back}");
        }
        server.recover_auto().exits(0);
        assert_eq!(server.digest(), digest, "before {step}");
        drop(disk);
    }
}

/// What was journalled as done is there after the power was lost, and the run can be carried on, or taken back.
fn power_is_lost(kind: &str) {
    for (step, way) in
        [("cut", "resume"), ("start", "rollback"), ("start", "resume"), ("open", "rollback"), ("open", "resume")]
    {
        let (mut server, digest) = torn();
        server.waits_before("repair-aof", step, true);
        let disk = match LoopDisk::over(server.root(), kind) {
            Ok(disk) => disk,
            Err(why) => return eprintln!("-- LEFT OUT: no {kind} whose power can be cut: {why}"),
        };
        let before = server.files();
        let child = server.recover_until_it_waits(&["--auto"]);
        LoopDisk::power_off(server.root()).unwrap();
        send(&child, Signal::SIGKILL);
        finish(child);
        disk.comes_back().unwrap();
        server.let_go();
        let done = server.redis_dr(&["runs", "show", "last", "--json"]).exits(0).json();
        let steps = done["steps"].as_array().unwrap();
        for id in ["stop", "cut", "start"].iter().take_while(|id| **id != step) {
            let is = steps.iter().find(|s| s["id"] == **id).map(|s| &s["outcome"]);
            assert_eq!(is, Some(&"done".into()), "{kind}, {step}: {done:#}");
        }
        let output = server.redis_dr(&["runs", way, "--auto", "--json"]).exits(0).json();
        if way == "rollback" {
            assert_eq!(output["outcome"], "rolled_back", "{output:#}");
            assert!(server.files() == before && !server.running(), "{kind}, {step}");
        } else {
            assert_eq!(output["outcome"], "recovered", "{output:#}");
            assert_eq!(server.digest(), digest, "{kind}, {step}");
        }
        server.kill9();
        drop(disk);
    }
}

#[test]
fn power_is_lost_on_ext4() {
    power_is_lost("ext4");
}

#[test]
fn power_is_lost_on_xfs() {
    power_is_lost("xfs");
}

/// A recovery of `server`, during which `happens` is waited for and the server killed as the kernel kills for memory.
fn dies_when(server: &mut Sandbox, args: &[&str], happens: impl Fn(&Sandbox) -> bool) -> crate::dr::Output {
    let child = server.command(args).spawn().unwrap();
    wait_until("the moment at which it is killed", || happens(server));
    server.kill9();
    finish(child)
}

#[test]
fn a_server_that_is_killed_while_it_loads_is_taken_back() {
    Lab::on_each_where(
        |tree| tree.since_seven(),
        |mut server| {
            server.start().fill(3000).save();
            server
                .kill9()
                .append_torn_transaction()
                .configure("key-load-delay 2000\nloading-process-events-interval-bytes 1024");
            let before = server.files();
            let loads = |s: &Sandbox| s.info("loading").as_deref() == Some("1");
            let output = dies_when(&mut server, &["recover", "demo", "--auto", "--json"], loads);
            assert_eq!(output.exits(1).json()["outcome"], "failed", "{output}");
            assert!(server.files() == before && !server.running(), "{output}");
        },
    );
}

#[test]
fn a_server_that_is_killed_while_its_aof_is_switched_on_again_loses_nothing() {
    Lab::on_each_where(
        |tree| tree.since_seven(),
        |mut server| {
            server.start().fill(800).save();
            let digest = server.digest();
            server.kill9().lose_aof().configure("rdb-key-save-delay 2000");
            let args = ["recover", "demo", "--auto", "--json", "--runbook", "restore-rdb"];
            let rewrites = |s: &Sandbox| s.info("aof_rewrite_in_progress").as_deref() == Some("1");
            let output = dies_when(&mut server, &args, rewrites);
            let run = output.exits(4).json();
            assert_eq!((&run["outcome"], &run["serving"]), (&"unfinished".into(), &false.into()), "{output}");
            let conf = fs::read_to_string(server.conf()).unwrap();
            fs::write(server.conf(), conf.replace("rdb-key-save-delay 2000\n", "")).unwrap();
            // what a start loads now is the snapshot, all of it
            server.start();
            assert_eq!(server.digest(), digest);
            server.kill9();
            server.redis_dr(&["runs", "rollback", "--confirm", "demo", "--json"]).exits(0);
            server.recover_auto().exits(0);
            assert_eq!(server.digest(), digest);
        },
    );
}

#[test]
fn who_stands_still_when_it_is_to_be_stopped_is_killed() {
    let (mut server, _) = torn();
    let before = server.files();
    server.waits_before("repair-aof", "open", true);
    let child = server.recover_until_it_waits(&["--auto"]);
    // neither SHUTDOWN nor SIGTERM reaches it
    server.freeze();
    send(&child, Signal::SIGKILL);
    finish(child);
    server.let_go();
    let back = server.redis_dr(&["runs", "rollback", "--auto", "--json"]);
    assert_eq!(back.exits(0).json()["outcome"], "rolled_back", "{back}");
    assert!(server.files() == before && !server.running());
}

#[test]
fn a_clock_that_jumps_ends_no_wait() {
    let under = fs::read_dir("/usr/lib").unwrap().flatten();
    let mut libraries = under.map(|dir| dir.path().join("faketime/libfaketime.so.1"));
    let Some(library) = libraries.find(|path| path.exists()) else {
        return eprintln!("-- LEFT OUT: libfaketime is not here (waits are measured on the monotonic clock)");
    };
    let (server, digest) = torn();
    let mut command: Command = server.command(&["recover", "demo", "--auto", "--json"]);
    // an hour passes every second, on the clock on the wall alone
    command.env("LD_PRELOAD", library).env("FAKETIME", "+0 x3600").env("DONT_FAKE_MONOTONIC", "1");
    finish(command.spawn().unwrap()).exits(0);
    assert_eq!(server.digest(), digest);
}
