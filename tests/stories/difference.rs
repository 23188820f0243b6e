//! `inspect --diff`: the same data is the same whichever server wrote it, and what differs is what was made to.
use crate::lab::Lab;
use crate::sandbox::Sandbox;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Every type, small and large, in every encoding the server has for it; what older servers know too.
fn fill_every_type(server: &Sandbox) {
    let long = "x".repeat(3000);
    let mixed: String = (0..400).map(|n| format!("{}", n * 7919 % 1000)).collect();
    let far = "4102444800000";
    let few: &[&[&str]] = &[
        &["SET", "text", "value"],
        &["SET", "number", "12345"],
        &["SET", "compressed", &long],
        &["SET", "mixed", &mixed],
        &["SET", "", "empty name"],
        &["SET", "expires", "v"],
        &["PEXPIREAT", "expires", far],
        &["RPUSH", "list:small", "a", "1", "-70000", "b"],
        &["RPUSH", "list:plain", "a", &"p".repeat(20_000), "z"],
        &["SADD", "set:ints", "1", "-5", "70000", "5000000000"],
        &["SADD", "set:small", "a", "b", "1"],
        &["HSET", "hash:small", "f", "v", "n", "12", "long", &"v".repeat(60)],
        &["HSET", "hash:wide", "f", &"v".repeat(100)],
        &["ZADD", "zset:small", "1", "a", "-2.5", "b", "inf", "c", "0.1", "d", "3e300", "e"],
        &["ZADD", "zset:wide", "0.3333333333333333", &"m".repeat(100), "17", "x"],
        &["PEXPIREAT", "hash:small", far],
        &["XADD", "stream", "5-1", "f", "v"],
        &["XADD", "stream", "5-2", "f", "v2"],
        &["XADD", "stream", "7-1", "g", "1", "h", "2"],
        &["XDEL", "stream", "5-2"],
        &["XGROUP", "CREATE", "stream", "readers", "0"],
        &["XGROUP", "CREATE", "stream", "idle", "$"],
        &["SELECT", "3"],
        &["SET", "text", "in three"],
    ];
    let mut client = server.client();
    for words in few {
        assert!(!client.ask(words).unwrap().is_error(), "{words:?}");
    }
    client.ask(&["SELECT", "0"]).unwrap();
    for n in 0..600 {
        let (n, score) = (n.to_string(), format!("{}", f64::from(n) / 7.0));
        for words in [
            &["RPUSH", "list:large", &n, &format!("element {n}")][..],
            &["SADD", "set:large", &n, &format!("member {n}")],
            &["HSET", "hash:large", &n, &format!("value {n}")],
            &["ZADD", "zset:large", &score, &n],
            &["XADD", "stream:large", &format!("{}-0", n.parse::<u32>().unwrap() + 1), "n", &n],
        ] {
            assert!(!client.ask(words).unwrap().is_error(), "{words:?}");
        }
    }
}

fn snapshot(server: &Sandbox, to: &Path) -> PathBuf {
    server.must(&["SAVE"]);
    fs::copy(server.data().join("dump.rdb"), to).unwrap();
    to.to_path_buf()
}

fn difference(server: &Sandbox, code: i32, args: &[&str]) -> Value {
    let args: Vec<&str> = ["inspect", "--json"].iter().chain(args).copied().collect();
    let output = server.redis_dr(&args);
    output.exits(code).json()
}

#[test]
fn the_same_data_is_the_same_whichever_servers_wrote_it() {
    let lab = Lab::new();
    let dir = tempfile::tempdir().unwrap();
    let mut files: Vec<(String, PathBuf)> = Vec::new();
    let mut last = None;
    for tree in lab.trees() {
        for tight in [false, true] {
            let mut server = Sandbox::new(tree);
            if tight {
                // other encodings of the same data
                for line in ["hash-max-ziplist-entries 1", "zset-max-ziplist-entries 1", "set-max-intset-entries 1"] {
                    server.configure(line);
                }
                server.configure("list-max-ziplist-size 2").configure("rdbcompression no");
            }
            server.start();
            fill_every_type(&server);
            let name = format!("{}-{tight}.rdb", tree.name);
            files.push((name.clone(), snapshot(&server, &dir.path().join(name))));
            last = Some(server);
        }
    }
    let (server, first) = (last.unwrap(), &files[0]);
    for (name, file) in &files {
        let found = difference(&server, 0, &[first.1.to_str().unwrap(), "--diff", file.to_str().unwrap()]);
        assert_eq!((&found["schema"], &found["same"]), (&"redis-dr/difference/1".into(), &true.into()), "{name}");
        assert_eq!((&found["equal"], &found["b"]["keys"]), (&21.into(), &21.into()), "{name}: {found}");
    }
}

#[test]
fn what_was_changed_is_what_is_told() {
    Lab::on_each(|mut server| {
        server.start();
        fill_every_type(&server);
        let a = snapshot(&server, &server.root().join("a.rdb"));
        for words in [
            &["DEL", "set:small"][..],
            &["SET", "new:\u{1b}[31m", "v"],
            &["HSET", "hash:large", "17", "changed"],
            &["PERSIST", "expires"],
            &["DEL", "number"],
            &["RPUSH", "number", "now a list"],
            &["XREADGROUP", "GROUP", "readers", "c", "STREAMS", "stream", ">"],
            // changes nothing a client can see
            &["SADD", "set:ints", "x"],
            &["SREM", "set:ints", "x"],
        ] {
            server.must(words);
        }
        let b = snapshot(&server, &server.root().join("b.rdb"));
        let sides = [a.to_str().unwrap(), "--diff", b.to_str().unwrap()];
        let found = difference(&server, 8, &sides);
        assert_eq!((&found["added"], &found["gone"], &found["changed"]), (&1.into(), &1.into(), &4.into()), "{found}");
        assert_eq!(found["gone_keys"][0]["key"], "set:small");
        assert_eq!(found["added_keys"][0]["key"], "new:\\u{1b}[31m");
        let changed = |key: &str| {
            let rows = found["changed_keys"].as_array().unwrap();
            rows.iter().find(|row| row["key"] == key).map(|row| row["differs_in"].clone())
        };
        assert_eq!(changed("hash:large"), Some(serde_json::json!(["value"])));
        assert_eq!(changed("expires"), Some(serde_json::json!(["expiry"])));
        assert_eq!(changed("number"), Some(serde_json::json!(["type"])));
        assert_eq!(changed("stream"), Some(serde_json::json!(["value"])), "what is pending");
        let page = server.redis_dr(&[&["inspect"][..], &sides].concat());
        page.exits(8).mentions("DIFFERENT").mentions("set:small");
        assert!(!page.stdout.contains('\u{1b}'), "{page}");
    });
}

#[test]
fn commands_behind_a_base_are_carried_out_by_a_private_server() {
    Lab::on_each(|mut server| {
        server.start();
        fill_every_type(&server);
        server.rewrite_aof();
        for words in [&["DEL", "text"][..], &["HINCRBY", "hash:small", "n", "5"], &["SET", "late", "v", "EX", "10000"]]
        {
            server.must(words);
        }
        server.must(&["EVAL", "redis.call('RPUSH', KEYS[1], 'x')", "1", "list:small"]);
        let snapshot = snapshot(&server, &server.root().join("a.rdb"));
        server.kill9();
        let name = if server.tree.since_seven() { "appendonlydir" } else { "appendonly.aof" };
        let (aof, bin) = (server.data().join(name), server.tree.bin.clone());
        let (aof, bin) = (aof.to_str().unwrap(), bin.to_str().unwrap());
        let before = fs::read_dir(server.data()).unwrap().count();
        let args =
            [snapshot.to_str().unwrap(), "--diff", aof, "--bin-dir", bin, "--tmp", server.root().to_str().unwrap()];
        let found = difference(&server, 0, &args);
        assert_eq!((&found["same"], &found["equal"]), (&true.into(), &21.into()), "{found}");
        assert!(found["b"]["loaded_by"].as_str().unwrap().contains(bin), "{found}");
        assert_eq!(fs::read_dir(server.data()).unwrap().count(), before, "nothing is left beside the data");
        let output = server.redis_dr(&["inspect", aof, "--diff", aof, "--bin-dir", "/nowhere", "--json"]);
        assert!(output.exits(1).json()["error"].as_str().unwrap().contains("no redis-server"), "{output}");
    });
}
