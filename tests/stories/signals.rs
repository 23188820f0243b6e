//! Ctrl-C, SIGTERM and SIGHUP: the first one lets the step under way come to a safe end, a second one stops at once.
use crate::dr::finish;
use crate::lab::Lab;
use crate::midway::send;
use crate::sandbox::{Sandbox, wait_until};
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A server whose AOF ends in the middle of a transaction, and what it held.
pub fn torn() -> (Sandbox, String) {
    let mut server = Lab::new().sandbox();
    server.start().fill(200);
    let digest = server.digest();
    server.kill9().append_torn_transaction();
    (server, digest)
}

#[test]
fn the_first_lets_the_step_end_and_says_how_to_go_on() {
    for (signal, step) in [(Signal::SIGINT, "cut"), (Signal::SIGTERM, "start"), (Signal::SIGHUP, "open")] {
        let (mut server, digest) = torn();
        server.waits_before("repair-aof", step, false);
        let child = server.recover_until_it_waits(&["--auto"]);
        send(&child, signal);
        std::thread::sleep(std::time::Duration::from_millis(100));
        server.let_go();
        let output = finish(child);
        let run = output.exits(4).json();
        assert_eq!((&run["outcome"], &run["serving"]), (&"unfinished".into(), &false.into()), "{output}");
        let waited = run["steps"].as_array().unwrap().iter().find(|s| s["id"] == "wait").unwrap();
        assert_eq!(waited["outcome"], "done", "the step under way was brought to its end: {output}");
        let next = run["next"].to_string();
        assert!(next.contains("runs resume") && next.contains("runs rollback"), "{output}");
        let resumed = server.redis_dr(&["runs", "resume", "--auto", "--json"]).exits(0).json();
        assert_eq!(resumed["outcome"], "recovered");
        assert_eq!((server.digest(), server.times_waited()), (digest, 1));
    }
}

#[test]
fn a_second_stops_at_once_and_the_run_goes_on_from_there() {
    let (mut server, digest) = torn();
    server.waits_before("repair-aof", "start", true);
    let child = server.recover_until_it_waits(&["--auto"]);
    send(&child, Signal::SIGTERM);
    std::thread::sleep(std::time::Duration::from_millis(100));
    send(&child, Signal::SIGTERM);
    let output = finish(child);
    output.exits(4).mentions("runs resume").mentions("runs rollback");
    assert!(!server.running());
    server.let_go();
    server.recover_auto().exits(0);
    assert_eq!(server.digest(), digest);
}

#[test]
fn a_stopped_server_is_something_to_go_back_from() {
    let mut server = Lab::new().sandbox();
    server.start().fill(200).waits_before("restart", "start", true);
    let digest = server.digest();
    let child = server.recover_until_it_waits(&["--confirm", "demo"]);
    assert!(!server.running(), "only stopped, nothing saved yet");
    send(&child, Signal::SIGINT);
    server.let_go();
    finish(child).exits(4);
    let run = server.redis_dr(&["runs", "rollback", "--auto", "--json"]).exits(0).json();
    assert_eq!(run["outcome"], "rolled_back");
    wait_until("the server to run as before", || server.ask(&["PING"]).is_some());
    assert_eq!(server.digest(), digest);
}

/// A hook before the first step: there a run is interrupted before anything was changed.
fn held_before_the_first_step() -> Sandbox {
    let (mut server, _) = torn();
    let (hook, at, hold) = (server.root().join("hook.sh"), server.root().join("hooked"), server.root().join("hold"));
    fs::write(&hold, "").unwrap();
    let script = format!("#!/bin/sh\ntouch {}\nwhile [ -e {} ]; do sleep 0.02; done\n", at.display(), hold.display());
    fs::write(&hook, script).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o700)).unwrap();
    server.instance(&format!(
        "policy: {{ max_risk: high, max_loss: 1h }}\nhooks:\n  on_start: {{ run: [{}], timeout: 20s }}",
        hook.display()
    ));
    server
}

#[test]
fn before_anything_was_changed_there_is_nothing_to_go_on_with() {
    for second in [false, true] {
        let server = held_before_the_first_step();
        let before = server.files();
        let child = server.command(&["recover", "demo", "--auto", "--json"]).spawn().unwrap();
        wait_until("the hook to be called", || server.root().join("hooked").exists());
        send(&child, Signal::SIGTERM);
        if second {
            std::thread::sleep(std::time::Duration::from_millis(100));
            send(&child, Signal::SIGTERM);
        }
        if !second {
            server.let_go();
        }
        let output = finish(child);
        server.let_go();
        output.exits(130);
        assert!(server.files() == before && !server.running(), "{output}");
        if !second {
            assert_eq!(output.json()["outcome"], "interrupted");
        }
        server.redis_dr(&["runs", "rollback"]).exits(2);
        server.recover_auto().recovered_by("repair-aof");
    }
}
