//! The ground gives way: a disk that fails or stands still, that turned read-only, or whose directory is gone. Nothing is
//! begun there, nobody is killed, and what the server holds in memory stays.
use crate::dr::finish;
use crate::first::Moved;
use crate::lab::Lab;
use crate::sandbox::{Sandbox, wait_until};
use crate::troubles::{LoopDisk, SmallDisk};
use crate::warnings::finding;
use nix::unistd::Pid;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// A disk of its own under the data; `None`, and said, where none can be made.
fn disk(server: &Sandbox) -> Option<LoopDisk> {
    LoopDisk::over(&server.data(), "ext4").inspect_err(|why| eprintln!("-- LEFT OUT: no disk of its own: {why}")).ok()
}

#[test]
fn a_process_that_waits_for_its_device_is_left_alone_and_not_joined() {
    let mut server = Lab::new().sandbox();
    let Some(disk) = disk(&server) else { return };
    server.configure("appendfsync always").start().fill(100);
    let (digest, run_id, pid) = (server.digest(), server.run_id(), server.servers()[0]);
    let port = server.port;
    let frozen = match disk.stands_still() {
        Ok(frozen) => frozen,
        Err(why) => return eprintln!("-- LEFT OUT: no disk that stands still: {why}"),
    };
    let client = std::thread::spawn(move || crate::resp::Client::connect(port).unwrap().ask(&["SET", "late", "v"]));
    let state = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") D ");
    wait_until("the server to wait for its disk", state);

    let document = server.finds_first("server.hung");
    let hung = &document["findings"][0];
    assert!(hung["evidence"].to_string().contains("state D"), "{hung:#}");
    assert!(hung["hint"].as_str().unwrap().contains("no signal reaches it"), "{hung:#}");
    assert_eq!(document["decision"]["outcome"], "needs_human", "{:#}", document["decision"]);
    // None of them waits for the disk itself: no kill would end it then.
    let begun = Instant::now();
    let confirmed = ["recover", "demo", "--confirm", "demo", "--json", "--runbook", "unhang"];
    for args in [&["recover", "demo", "--auto", "--json"][..], &confirmed, &["hold", "demo", "--json"]] {
        let output = finish(server.command(args).spawn().unwrap());
        output.exits(3).mentions("(state D)");
    }
    server.redis_dr(&["plan", "demo", "--json"]).exits(3);
    server.redis_dr(&["guard", "demo", "--json"]).exits(0);
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert!(!server.data().join(".redis-dr").exists(), "nothing was begun");

    drop(frozen);
    client.join().unwrap().unwrap();
    assert_eq!(server.run_id(), run_id, "it is the same process, and goes on");
    server.must(&["DEL", "late"]);
    assert_eq!(server.digest(), digest);
    server.recover_auto().exits(0);
    server.kill9();
}

#[test]
fn a_disk_that_stands_still_under_files_that_nobody_serves_is_said() {
    let mut server = Lab::new().sandbox();
    let Some(disk) = disk(&server) else { return };
    server.start().fill(100).kill9();
    let frozen = match disk.stands_still() {
        Ok(frozen) => frozen,
        Err(why) => return eprintln!("-- LEFT OUT: no disk that stands still: {why}"),
    };
    let mut child = server.command(&["recover", "demo", "--auto", "--json"]).spawn().unwrap();
    let mut said = String::new();
    // it says so, although it can't end before the disk answers
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    while !said.ends_with("\n}\n") && std::io::BufRead::read_line(&mut out, &mut said).unwrap() > 0 {}
    assert!(said.contains("takes no write") && said.contains("\"outcome\": \"refused\""), "{said}");
    assert!(!server.running());
    drop(frozen);
    assert_eq!(child.wait().unwrap().code(), Some(3));
    server.recover_auto().recovered_by("restart");
    server.kill9();
}

#[test]
fn a_disk_that_fails_is_neither_read_nor_written() {
    let mut server = Lab::new().sandbox();
    let Some(disk) = disk(&server) else { return };
    server.start().fill(100);
    let (digest, run_id) = (server.digest(), server.run_id());
    if let Err(why) = LoopDisk::power_off(&server.data()) {
        return eprintln!("-- LEFT OUT: no disk that fails: {why}");
    }
    let document = server.finds_first("disk.io_error");
    assert_eq!(document["findings"][0]["severity"], "critical");
    assert_eq!(document["decision"]["outcome"], "needs_human", "{:#}", document["decision"]);
    server.refuses_under_auto().mentions("The disk fails");
    assert_eq!((server.digest(), server.run_id()), (digest, run_id), "its memory is the only copy now");
    disk.comes_back().unwrap();
}

#[test]
fn misconf_because_its_disk_turned_read_only() {
    Lab::on_each(|mut server| {
        let Some(disk) = SmallDisk::under(&server) else { return };
        server.configure("appendonly no\nsave 3600 1").start().fill(300);
        disk.remount("ro");
        let _ = server.ask(&["BGSAVE"]);
        until_writes_are_refused(&server);
        let (digest, run_id) = (server.digest(), server.run_id());
        let document = server.finds_first("disk.read_only");
        let evidence = finding(&document, "server.misconf")["evidence"].to_string();
        assert!(evidence.contains("Read-only file system"), "{evidence}");
        server.refuses_under_auto();
        assert_eq!((server.digest(), server.run_id()), (digest.clone(), run_id.clone()));
        disk.remount("rw");
        server.recover_auto().recovered_by("resume-writes");
        assert_eq!((server.digest(), server.run_id()), (digest, run_id));
        server.kill9();
        drop(disk);
    });
}

#[test]
fn misconf_because_its_directory_is_gone() {
    Lab::on_each(|mut server| {
        server.configure("appendonly no\nsave 3600 1").start().fill(300);
        let process = Moved(Pid::from_raw(server.servers()[0]));
        fs::remove_dir_all(server.data()).unwrap();
        let _ = server.ask(&["BGSAVE"]);
        until_writes_are_refused(&server);
        let (digest, run_id) = (server.digest(), server.run_id());
        let document = server.finds_first("config.dir_mismatch");
        let hint = document["findings"][0]["hint"].as_str().unwrap();
        assert!(hint.starts_with("don't stop it") && hint.contains("--point-file"), "{hint}");
        let evidence = finding(&document, "server.misconf")["evidence"].to_string();
        assert!(evidence.contains("No such file or directory"), "{evidence}");
        server.refuses_under_auto().mentions("directory was removed");
        assert_eq!((&server.digest(), server.run_id()), (&digest, run_id), "its memory is the only copy");
        // as the hint says
        server.must(&["CONFIG", "SET", "repl-diskless-sync", "yes"]);
        let kept = server.root().join("kept.rdb");
        let cli = server.tree.bin.join(if server.tree.valkey { "valkey-cli" } else { "redis-cli" });
        let port = server.port.to_string();
        let fed = Command::new(cli).args(["-p", &port, "--rdb"]).arg(&kept).output().unwrap();
        assert!(fed.status.success(), "{fed:?}");
        fs::create_dir(server.data()).unwrap();
        let args = ["recover", "demo", "--confirm", "demo", "--json", "--point-file", kept.to_str().unwrap()];
        server.redis_dr(&args).recovered_by("restore-backup");
        assert_eq!(server.digest(), digest);
        drop(process);
    });
}

fn until_writes_are_refused(server: &Sandbox) {
    wait_until("the server to refuse writes", || {
        server.ask(&["SET", "k", "v"]).is_some_and(|reply| reply.text().contains("MISCONF"))
    });
}
