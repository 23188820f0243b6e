//! The proof: what is compared before a server is opened to its clients, after it, and by `verify`.
use crate::dr::Output;
use crate::lab::Lab;
use crate::sandbox::{Sandbox, wait_until};
use serde_json::Value;
use std::fs;
use std::time::Duration;

/// A runbook `tampered`: `restart`, with these commands given to the fenced server before its data is compared.
fn tampered(server: &Sandbox, commands: &[&str]) -> Output {
    let runbooks = server.root().join("runbooks");
    fs::create_dir_all(&runbooks).unwrap();
    let shipped = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/runbooks/restart.yaml")).unwrap();
    let cli = ["redis-cli", "valkey-cli"].iter().map(|name| server.tree.bin.join(name)).find(|p| p.exists()).unwrap();
    let lines = ["config set min-replicas-to-write 0"].iter().chain(commands);
    let script: String =
        lines.map(|line| format!("{} -p {} {line} && ", cli.display(), server.port)).collect::<String>() + "true";
    let step = format!(
        "  - id: tamper\n    title: Tamper\n    do: {{ run: {{ argv: [/bin/sh, -c, \"{script}\"], changes: [], repeatable: true }} }}\n  - id: verify-data"
    );
    let mine = shipped.replace("runbook: restart", "runbook: tampered").replace("  - id: verify-data", &step);
    fs::write(runbooks.join("tampered.yaml"), mine).unwrap();
    let config = fs::read_to_string(server.config()).unwrap();
    if !config.contains("runbooks:") {
        let with = format!("version: 1\nrunbooks: [{}]\n", runbooks.display());
        fs::write(server.config(), config.replace("version: 1\n", &with)).unwrap();
    }
    server.redis_dr(&["recover", "demo", "--auto", "--json", "--runbook", "tampered"])
}

/// The run failed at the comparison, with these words, and nothing was left running or changed.
fn caught(output: &Output, server: &Sandbox, words: &str) {
    let run = output.exits(1).json();
    assert_eq!(run["outcome"], "failed", "{output}");
    let failed = run["steps"].as_array().unwrap().iter().any(|s| s["id"] == "verify-data" && s["outcome"] != "done");
    assert!(failed, "{output}");
    output.mentions(words);
    assert!(!server.running(), "{output}");
}

fn checks(document: &Value) -> Vec<(String, bool, bool)> {
    let checks = document["checks"].as_array().unwrap();
    checks.iter().map(|c| (c["name"].as_str().unwrap().into(), c["ok"] == true, c["exact"] == true)).collect()
}

/// A base, and commands after it that set, expire, delete, flush and rename.
fn base_and_commands(server: &mut Sandbox) {
    server.start().fill(300).rewrite_aof();
    let commands: &[&[&str]] = &[
        &["SET", "set", "after the base"],
        &["SET", "expiring", "soon", "PX", "3600000"],
        &["SET", "gone", "x"],
        &["DEL", "gone", "text:0"],
        &["SET", "counter", "1"],
        &["INCR", "counter"],
        &["SET", "moved", "x"],
        &["RENAME", "moved", "renamed"],
        &["EVAL", "redis.call('SET', 'by a script', '1')", "0"],
        &["SELECT", "5"],
        &["SET", "in 5", "x"],
        &["FLUSHDB"],
        &["SET", "in 5 after", "x"],
    ];
    let mut client = server.client();
    for words in commands {
        assert!(!client.ask(words).unwrap().is_error(), "{words:?}");
    }
    // with appendfsync everysec a server may answer a while before it writes
    wait_until("the last command to be in the file", || {
        let bytes = fs::read(server.aof_tail()).unwrap();
        bytes.windows(10).any(|words| words == b"in 5 after")
    });
}

#[test]
fn an_aof_with_commands_is_compared_and_opened() {
    Lab::on_each(|mut server| {
        base_and_commands(&mut server);
        let digest = server.digest();
        server.kill9();
        server.recover_auto().recovered_by("restart");
        assert_eq!(server.digest(), digest);
    });
}

#[test]
fn a_server_that_holds_something_else_than_its_aof_is_not_opened() {
    Lab::on_each(|mut server| {
        base_and_commands(&mut server);
        server.kill9();
        for (commands, words) in [
            (&["set set other"][..], "of another value"),
            (&["del set"], "missing"),
            (&["set gone again"], "gone"),
            (&["persist expiring"], "expiring"),
            (&["-n 5 set 'in 5' again"], "in 5"),
            (&["del text:14", "rpush text:14 x"], "text:14"),
            (&["flushall"], "differ"),
        ] {
            // a write of a server without persistence leaves no trace in the files
            let commands = [&["config set appendonly no"][..], commands].concat();
            caught(&tampered(&server, &commands), &server, words);
        }
    });
}

#[test]
fn verify_is_exact_while_nobody_writes() {
    Lab::on_each(|mut server| {
        base_and_commands(&mut server);
        let said = server.redis_dr(&["verify", "demo", "--json"]);
        let document = said.exits(0).json();
        assert_eq!(document["schema"], "redis-dr/verify/1");
        assert_eq!((&document["point"], &document["exact"]), (&"aof".into(), &true.into()), "{said}");
        server.save();
        let said = server.redis_dr(&["verify", "demo", "--against", "rdb", "--json"]);
        let document = said.exits(0).json();
        assert_eq!((&document["exact"], &document["changes_since"]), (&true.into(), &0.into()), "{said}");
        assert!(checks(&document).iter().any(|(name, ..)| name == "db0 keys"), "{said}");
        said.mentions(" on the server, 0 had to expire by now, 0 unexplained");
    });
}

#[test]
fn verify_says_what_are_only_bounds_once_clients_have_written() {
    Lab::on_each(|mut server| {
        server.start().fill(300).save();
        server.must(&["SET", "one more", "x"]);
        server.must(&["DEL", "text:7"]);
        let said = server.redis_dr(&["verify", "demo", "--against", "rdb", "--json"]);
        let document = said.exits(0).json();
        assert_eq!((&document["exact"], &document["changes_since"]), (&false.into(), &2.into()), "{said}");
        server
            .redis_dr(&["verify", "demo", "--against", "rdb"])
            .exits(0)
            .mentions("about")
            .mentions("2 changes since")
            .mentions("0 unexplained");
    });
}

#[test]
fn verify_finds_a_server_that_holds_something_else() {
    Lab::on_each(|mut server| {
        server.start().fill(300).save();
        // what the server does not count as a change
        server.must(&["FLUSHALL"]);
        server.must(&["SET", "x", "1"]);
        server.save();
        let other = server.data().join("dump.rdb");
        let mut bytes = fs::read(&other).unwrap();
        let at = bytes.windows(2).position(|w| w == [1, b'x']).unwrap();
        bytes[at + 1] = b'y';
        let sum = bytes.len() - 8;
        bytes[sum..].fill(0);
        fs::write(&other, bytes).unwrap();
        let said = server.redis_dr(&["verify", "demo", "--against", "rdb", "--json"]);
        let document = said.exits(8).json();
        assert_eq!(document["ok"], false, "{said}");
        server.redis_dr(&["verify", "demo", "--against", "rdb"]).exits(8).mentions("DIFFERS").mentions("missing");
        server.redis_dr(&["verify", "demo", "--against", "memory"]).exits(2);
    });
}

/// Keys that expire while the server is down: a plain load drops them, a load as the base of an AOF keeps them at first.
fn with_expired(mut server: Sandbox, appendonly: &str) {
    server.configure(&format!("appendonly {appendonly}")).start().fill(280);
    for n in 0..50 {
        server.must(&["SET", &format!("short:{n}"), "x", "PX", "1500"]);
        server.must(&["SET", &format!("later:{n}"), "x", "PX", "3600000"]);
    }
    if appendonly == "yes" {
        server.rewrite_aof();
    } else {
        server.save();
    }
    let keys = server.dbsize();
    server.kill9();
    std::thread::sleep(Duration::from_millis(1700));
    server.recover_auto().recovered_by("restart");
    assert!(server.dbsize() <= keys && server.dbsize() >= keys - 50);
    assert_eq!(server.must(&["GET", "short:1"]).text(), "");
    assert_eq!(server.must(&["GET", "later:1"]).text(), "x");
    server.redis_dr(&["verify", "demo", "--json"]).exits(0);
}

#[test]
fn expired_keys_are_accounted_for_in_a_plain_load() {
    Lab::on_each(|server| with_expired(server, "no"));
}

#[test]
fn expired_keys_are_accounted_for_in_the_base_of_an_aof() {
    Lab::on_each(|server| with_expired(server, "yes"));
}

#[test]
fn hashes_whose_fields_have_all_expired_are_accounted_for() {
    let fields_expire = |tree: &crate::lab::Tree| tree.version >= if tree.valkey { (9, 0) } else { (7, 4) };
    Lab::on_each_where(fields_expire, |mut server| {
        for appendonly in ["no", "yes"] {
            server.configure(&format!("appendonly {appendonly}")).start().fill(70);
            for n in 0..20 {
                let key = format!("hash of short life:{appendonly}:{n}");
                server.must(&["HSET", &key, "f", "v"]);
                server.must(&["HPEXPIRE", &key, "1500", "FIELDS", "1", "f"]);
            }
            if appendonly == "yes" {
                server.rewrite_aof();
            } else {
                server.save();
            }
            server.kill9();
            std::thread::sleep(Duration::from_millis(1700));
            server.recover_auto().recovered_by("restart");
            server.kill9();
        }
    });
}
