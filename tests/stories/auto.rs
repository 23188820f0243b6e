//! Nobody is watching: the written policy and nothing beyond it, one JSON document, an exit code that tells all.
use crate::lab::Lab;
use crate::resp::Client;
use crate::sandbox::Sandbox;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[test]
fn the_default_policy_restarts_and_does_no_more() {
    let mut server = Lab::new().sandbox();
    server.policy("").start().fill(300).save();
    let digest = server.digest();
    server.kill9();
    server.recover_auto().recovered_by("restart");
    assert_eq!(server.digest(), digest);
    server.kill9().lose_aof();
    let before = server.files();
    let run = server.recover_auto().exits(3).json();
    assert_eq!((&run["outcome"], &run["run_id"]), (&"refused".into(), &serde_json::Value::Null));
    assert!(server.files() == before && !server.running());
}

#[test]
fn loss_beyond_the_policy_is_refused() {
    let mut server = Lab::new().sandbox();
    server.policy("max_risk: high, max_loss: 0s").start().fill(300).save().rewrite_aof();
    std::thread::sleep(Duration::from_millis(2100));
    server.must(&["SET", "later", "than the snapshot"]);
    server.kill9();
    let base = server.aof_base();
    server.corrupt(&base, 200);
    let before = server.files();
    server.recover_auto().exits(3);
    assert!(server.files() == before && !server.running());
}

#[test]
fn a_server_that_keeps_falling_over_is_left_to_a_person() {
    let mut server = Lab::new().sandbox();
    server.policy("max_risk: high, max_loss: 1h, max_recoveries: { count: 2, within: 1h }").start().fill(100);
    for _ in 0..2 {
        server.kill9();
        server.recover_auto().recovered_by("restart");
    }
    server.kill9();
    server.recover_auto().exits(3);
    assert!(!server.running());
    server.redis_dr(&["recover", "demo", "--confirm", "demo", "--json"]).recovered_by("restart");
}

#[test]
fn without_a_terminal_it_asks_nothing_and_names_the_way() {
    let mut server = Lab::new().sandbox();
    server.start().fill(100).kill9();
    let before = server.files();
    server.redis_dr(&["recover", "demo"]).exits(2).mentions("--auto");
    server.redis_dr(&["recover", "demo", "--yes"]).exits(2).mentions("--confirm");
    server.redis_dr(&["recover", "demo", "--confirm", "other"]).exits(2);
    assert!(server.files() == before && !server.running());
    server.redis_dr(&["recover", "demo", "--dry-run"]).exits(0).mentions("restart");
    assert!(!server.running());
}

#[test]
fn two_at_once_do_not_meet() {
    let mut server = Lab::new().sandbox();
    server.start().fill(100).kill9();
    let room = server.data().join(".redis-dr");
    fs::create_dir_all(&room).unwrap();
    let lock = fs::File::create(room.join("lock")).unwrap();
    lock.lock().unwrap();
    let run = server.recover_auto().exits(6).json();
    assert_eq!(run["outcome"], "locked");
    assert!(!server.running());
    // also where the directory is named in a file that is included
    let conf = fs::read_to_string(server.conf()).unwrap();
    let (dirs, others): (Vec<&str>, Vec<&str>) = conf.lines().partition(|line| line.starts_with("dir "));
    assert_eq!(dirs.len(), 1);
    let part = server.root().join("dir.inc");
    fs::write(&part, dirs.join("\n") + "\n").unwrap();
    fs::write(server.conf(), format!("{}\ninclude {}\n", others.join("\n"), part.display())).unwrap();
    server.recover_auto().exits(6);
    assert!(!server.running());
    drop(lock);
    server.recover_auto().recovered_by("restart");
}

#[test]
fn hooks_get_the_document() {
    let mut server = Lab::new().sandbox();
    let heard = server.root().join("heard.json");
    let hook = server.root().join("hook.sh");
    fs::write(&hook, format!("#!/bin/sh\ncat > {}\n", heard.display())).unwrap();
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    server.instance(&format!(
        "policy: {{ max_risk: high, max_loss: 1h }}\nhooks:\n  on_end: {{ run: [{}], timeout: 10s }}",
        hook.display()
    ));
    server.start().fill(100).kill9();
    server.recover_auto().recovered_by("restart");
    let told: serde_json::Value = serde_json::from_slice(&fs::read(heard).unwrap()).unwrap();
    assert_eq!((&told["schema"], &told["outcome"]), (&"redis-dr/run/1".into(), &"recovered".into()));
}

/// Writes for ever, reconnecting; gives the keys that were acknowledged.
fn client_that_never_stops(port: u16, stop: &AtomicBool) -> Vec<String> {
    let mut acknowledged = Vec::new();
    let mut connection = None;
    for i in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let Some(client) = connection.as_mut() else {
            connection = Client::connect(port).ok();
            std::thread::sleep(Duration::from_millis(1));
            continue;
        };
        let key = format!("w:{i}");
        let sent: Result<_, _> = Client::ask(client, &["SET", key.as_str(), "x"]);
        match sent {
            Ok(reply) if !reply.is_error() => acknowledged.push(key),
            Ok(_) => std::thread::sleep(Duration::from_millis(1)),
            Err(_) => connection = None,
        }
    }
    acknowledged
}

fn all_there(server: &Sandbox, keys: &[String]) {
    let mut client = server.client();
    let ask: Vec<Vec<Vec<u8>>> = keys.iter().map(|key| vec![b"EXISTS".to_vec(), key.clone().into_bytes()]).collect();
    let lost: Vec<&String> = ask
        .chunks(1_000)
        .flat_map(|chunk| client.pipeline(chunk).unwrap())
        .zip(keys)
        .filter_map(|(reply, key)| (reply.text() != "1").then_some(key))
        .collect();
    assert!(
        lost.is_empty(),
        "{} of {} acknowledged writes lost: {:?}…",
        lost.len(),
        keys.len(),
        &lost[..lost.len().min(3)]
    );
}

#[test]
fn a_client_that_writes_all_the_time_loses_nothing_to_us() {
    Lab::on_each(|mut server| {
        server.start().fill(300);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (port, stop) = (server.port, &stop);
            let writer = scope.spawn(move || client_that_never_stops(port, stop));
            for damage in [0, 1, 2] {
                std::thread::sleep(Duration::from_millis(150));
                server.kill9();
                match damage {
                    0 => {}
                    1 => drop(server.append_torn_transaction()),
                    _ => drop(server.zero_pad_aof(512)),
                }
                server.recover_auto().exits(0);
            }
            std::thread::sleep(Duration::from_millis(150));
            stop.store(true, Ordering::Relaxed);
            let acknowledged = writer.join().unwrap();
            assert!(acknowledged.len() > 100, "{}", acknowledged.len());
            all_there(&server, &acknowledged);
            server.kill9().start();
            all_there(&server, &acknowledged);
        });
    });
}

#[test]
fn nor_when_a_step_fails_after_it_was_opened() {
    let mut server = Lab::new().sandbox();
    let fails = "  - id: tell\n    title: Tell somebody\n    do: { run: { argv: [/bin/false], changes: [], repeatable: true } }\n";
    server.start().fill(300).own_runbook("repair-aof", "recovered", fails);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (port, stop) = (server.port, &stop);
        let writer = scope.spawn(move || client_that_never_stops(port, stop));
        std::thread::sleep(Duration::from_millis(150));
        server.kill9().append_torn_transaction();
        let output = server.redis_dr(&["recover", "demo", "--auto", "--json", "--runbook", "mine"]);
        let run = output.exits(4).json();
        assert_eq!((&run["outcome"], &run["serving"]), (&"unfinished".into(), &true.into()), "{output}");
        assert!(run["because"].as_str().unwrap().contains("/bin/false") && !run["opened_at"].is_null(), "{output}");
        std::thread::sleep(Duration::from_millis(150));
        stop.store(true, Ordering::Relaxed);
        let acknowledged = writer.join().unwrap();
        assert!(acknowledged.len() > 100, "{}", acknowledged.len());
        all_there(&server, &acknowledged);
        server.redis_dr(&["runs", "rollback", "--auto", "--json"]).exits(3);
        server.kill9().start();
        all_there(&server, &acknowledged);
    });
}
