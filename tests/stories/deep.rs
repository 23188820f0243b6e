//! `verify --deep`: every key's value against a recovery point, by what it means.
use crate::dr::{Output, finish};
use crate::lab::Lab;
use crate::sandbox::{Sandbox, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};

fn deep(server: &Sandbox, against: &str) -> Output {
    server.redis_dr(&["verify", "demo", "--against", against, "--deep", "--json"])
}

/// Values too large to be asked for whole: one of each type, a stream with groups, and elements of a kilobyte.
fn large_values(server: &Sandbox) {
    let mut client = server.client();
    let mut commands: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut give = |words: &[&str]| commands.push(words.iter().map(|w| w.as_bytes().to_vec()).collect());
    give(&["SET", "large:string", &"0123456789".repeat(30_000)]);
    give(&["SET", "large:compressed", &"x".repeat(200_000)]);
    for n in 0..3000 {
        let (n, text) = (n.to_string(), format!("{n}:{}", "e".repeat(40 + n % 30)));
        give(&["RPUSH", "large:list", &text, &n]);
        give(&["SADD", "large:set", &text, &n]);
        give(&["ZADD", "large:zset", &format!("{n}.1"), &text]);
        give(&["HSET", "large:hash", &text, &n]);
        give(&["XADD", "large:stream", &format!("{}-{n}", 1000 + n.len()), "field", &text, "n", &n]);
    }
    give(&["XGROUP", "CREATE", "large:stream", "readers", "0"]);
    give(&["XREADGROUP", "GROUP", "readers", "ann", "COUNT", "30", "STREAMS", "large:stream", ">"]);
    give(&["XREADGROUP", "GROUP", "readers", "ben", "COUNT", "3", "STREAMS", "large:stream", ">"]);
    give(&["XACK", "large:stream", "readers", "1001-1", "1001-2"]);
    let refused = client.pipeline(&commands).unwrap().into_iter().find(|reply| reply.is_error());
    assert!(refused.is_none(), "{refused:?}");
}

fn counts(document: &Value) -> [u64; 6] {
    ["compared", "equal", "expired", "missing", "differing", "not_compared"]
        .map(|k| document["deep"][k].as_u64().unwrap())
}

#[test]
fn the_same_data_is_equal_whatever_its_size_and_encoding() {
    Lab::on_each(|mut server| {
        server.start().fill(700);
        large_values(&server);
        server.must(&["HSET", "packed", "a", "1", "b", "2"]);
        server.save();
        let said = deep(&server, "rdb");
        let document = said.exits(0).json();
        let [compared, equal, ..] = counts(&document);
        assert_eq!((compared, equal, &document["exact"]), (server.dbsize() as u64, compared, &true.into()), "{said}");
        assert_eq!(document["deep"]["extra"], 0, "{said}");
        let libraries = if server.tree.since_seven() { Value::from(true) } else { Value::Null };
        assert_eq!(document["deep"]["libraries"], libraries, "{said}");
        // one field that can't be packed turns the hash into a table, and stays one without it
        let long = "x".repeat(1000);
        server.must(&["HSET", "packed", "c", &long]);
        server.must(&["HDEL", "packed", "c"]);
        assert_eq!(server.must(&["OBJECT", "ENCODING", "packed"]).text(), "hashtable");
        let document = deep(&server, "rdb").exits(0).json();
        assert_eq!(counts(&document)[4], 0, "{document}");
    });
}

#[test]
fn an_aof_with_commands_is_loaded_privately_and_compared() {
    Lab::on_each(|mut server| {
        server.start().fill(300).rewrite_aof();
        large_values(&server);
        server.must(&["INCR", "counter"]);
        server.must(&["RENAME", "text:7", "text:other"]);
        server.must(&["SET", "list:1", "no list any more"]);
        server.written();
        let before = std::fs::read_dir(server.data()).unwrap().count();
        let said = deep(&server, "aof");
        let document = said.exits(0).mentions("a private server loads a copy of it first").json();
        let [compared, equal, ..] = counts(&document);
        assert_eq!((compared, equal), (server.dbsize() as u64, compared), "{said}");
        assert_eq!(std::fs::read_dir(server.data()).unwrap().count(), before);
        assert_eq!(server.servers().len(), 1, "the private server is gone");
        let left = std::fs::read_dir(server.root().join("state/verify")).unwrap().count();
        assert_eq!(left, 0, "and its directory");
    });
}

#[test]
fn what_differs_is_named() {
    Lab::on_each(|mut server| {
        server.start().fill(300);
        large_values(&server);
        server.backup("good.rdb");
        let seventh = format!("7:{}", "e".repeat(47));
        let changes: [(&[&str], &str, &str); 9] = [
            (&["SET", "text:0", "other"], "text:0", "it has another value"),
            (&["HSET", "large:hash", "one more", "1"], "large:hash", "it has another value"),
            (&["LSET", "large:list", "4000", "other"], "large:list", "it has another value"),
            (&["SETRANGE", "large:string", "123456", "?"], "large:string", "it has another value"),
            (&["XACK", "large:stream", "readers", "1001-5"], "large:stream", "it has another value"),
            (&["ZADD", "large:zset", "3", &seventh], "large:zset", "it has another value"),
            (&["PEXPIRE", "list:1", "9000000"], "list:1", "it expires at"),
            (&["DEL", "set:2"], "set:2", "it is not on the server"),
            (&["RENAME", "zset:3", "hash:4"], "hash:4", "it is a zset, and a hash in the point"),
        ];
        changes.iter().for_each(|(words, ..)| _ = server.must(words));
        // the changes are part of another save: nobody can say that clients made them since
        server.save();
        let said = deep(&server, "nightly/good.rdb");
        let document = said.exits(8).json();
        let first = document["deep"]["first"].as_array().unwrap();
        for (words, key, what) in changes {
            let named = |odd: &&Value| odd["key"] == key && odd["what"].as_str().unwrap().contains(what);
            assert!(first.iter().any(|odd| named(&odd)), "{words:?}: {said}");
        }
        // each change once, and the name that was given away
        assert_eq!(first.len(), changes.len() + 1, "{said}");
        assert_eq!(counts(&document)[3..5], [2, 8], "{said}");
    });
}

#[test]
fn what_clients_changed_since_is_accounted_for() {
    let mut server = Lab::new().sandbox();
    server.start().fill(300);
    server.must(&["SET", "short", "x", "PX", "700"]);
    server.save();
    server.must(&["SET", "text:7", "other"]);
    server.must(&["SET", "more", "x"]);
    wait_until("a key to expire", || server.must(&["EXISTS", "short"]).text() == "0");
    let said = deep(&server, "rdb");
    let document = said.exits(0).json();
    let [_, _, expired, missing, differing, _] = counts(&document);
    assert_eq!((expired, missing, differing), (1, 0, 1), "{said}");
    assert_eq!((&document["deep"]["changed_since"], &document["exact"]), (&2.into(), &false.into()), "{said}");
    // what the server counts does not account for more
    for n in 0..5 {
        server.must(&["SET", &format!("text:{}", 14 + 7 * n), "other"]);
    }
    server.save();
    server.must(&["SET", "text:7", "again"]);
    server.must(&["DEBUG", "RELOAD"]);
    server.backup("later.rdb");
    server.must(&["SET", "text:7", "and again"]);
    server.save();
    deep(&server, "nightly/later.rdb").exits(8).mentions("whether clients changed them since is not known");
}

#[test]
fn a_server_that_clients_write_to_is_compared_all_the_same() {
    let mut server = Lab::new().sandbox();
    server.start().fill(700).save();
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = server.client();
            while !ends.load(Ordering::Relaxed) {
                client.ask(&["INCR", "counter"]).unwrap();
                client.ask(&["APPEND", "text:7", "x"]).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        let said = server.redis_dr(&["verify", "demo", "--against", "rdb", "--deep", "--json", "--rate", "3000"]);
        ends.store(true, Ordering::Relaxed);
        let document = said.exits(0).json();
        let [compared, equal, _, missing, differing, _] = counts(&document);
        assert_eq!((equal + 1, missing, differing), (compared, 0, 1), "{said}");
        let odd = &document["deep"]["first"][0];
        assert_eq!((&odd["key"], &odd["since"]), (&"text:7".into(), &"changed".into()), "{said}");
    });
}

#[test]
fn killed_in_the_middle_it_goes_on_where_it_was() {
    let mut server = Lab::new().sandbox();
    server.start().fill(3000).save();
    let args = ["verify", "demo", "--against", "rdb", "--deep", "--json"];
    let child = server.command(&[&args[..], &["--rate", "300"]].concat()).spawn().unwrap();
    let kept = server.root().join("state/verify/demo.json");
    wait_until("it to be kept how far it has come", || kept.exists());
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGKILL).unwrap();
    finish(child);
    let said = server.redis_dr(&args);
    let document = said.exits(0).mentions("going on behind the").json();
    let [compared, equal, ..] = counts(&document);
    assert_eq!((compared, equal), (server.dbsize() as u64, compared), "{said}");
    assert!(document["deep"]["resumed_after"].as_u64().unwrap() > 0, "{said}");
    assert!(!kept.exists(), "it is done");
    // what was kept of another snapshot is of no use
    let child = server.command(&[&args[..], &["--rate", "300"]].concat()).spawn().unwrap();
    wait_until("it to be kept how far it has come", || kept.exists());
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGKILL).unwrap();
    finish(child);
    server.save();
    let said = server.redis_dr(&args);
    let document = said.exits(0).mentions("it begins anew").json();
    assert_eq!(document["deep"]["resumed_after"], Value::Null, "{said}");
}
