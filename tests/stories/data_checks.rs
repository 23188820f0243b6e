//! What the owner says the data must be: each kind of check passes on good data, and fails on bad.
use crate::lab::Lab;
use crate::sandbox::Sandbox;
use serde_json::Value;
use std::fs;

/// Two users, two orders, an account, a session, settings.
fn shop(server: &mut Sandbox) {
    server.start();
    let now = jiff::Timestamp::now().as_second().to_string();
    for words in [
        &["HSET", "settings", "currency", "EUR"][..],
        &["HSET", "user:1", "name", "Ann"],
        &["HSET", "user:2", "name", "Ben"],
        &["HSET", "order:1", "user", "1", "state", "new"],
        &["HSET", "order:2", "user", "2", "state", "paid"],
        &["HSET", "account:1", "balance", "99.5"],
        &["SET", "session:1", &now],
        &["SET", "hits", "17"],
    ] {
        server.must(words);
    }
}

/// A file with these checks, one a line, named c0, c1, …
fn checks_of(server: &Sandbox, lines: &[&str]) -> String {
    let mut text = String::from("version: 1\nchecks:\n");
    for (n, line) in lines.iter().enumerate() {
        text.push_str(&format!("  - id: c{n}\n    expect: {{ {line} }}\n"));
    }
    let path = server.root().join("shop.checks.yaml");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn outcomes(document: &Value) -> Vec<(bool, String, String)> {
    let checks = document["data_checks"]["checks"].as_array().unwrap();
    let one =
        |c: &Value| (c["ok"] == true, c["finding"].to_string(), c["evidence"].to_string() + &c["first"].to_string());
    checks.iter().map(one).collect()
}

const RULES: [&str; 8] = [
    "key: { name: settings, type: hash }",
    "keys: { pattern: \"user:*\", at_least: 2, type: hash }",
    "number: { pattern: \"account:*\", field: balance, min: 0, max: 100 }",
    "number: { pattern: hits, min: 1 }",
    "state: { pattern: \"order:*\", field: state, one_of: [new, paid] }",
    "reference: { pattern: \"order:*\", field: user, to: \"user:{}\" }",
    "time: { pattern: \"session:*\", written: unix_s, from: now-1h, to: now+1h }",
    "run: { argv: [/bin/test, -d, /], timeout: 10s }",
];

#[test]
fn good_data_passes_every_kind_of_check() {
    Lab::on_each(|mut server| {
        shop(&mut server);
        let file = checks_of(&server, &RULES);
        let said = server.redis_dr(&["verify", "demo", "--checks", &file, "--json"]);
        let document = said.exits(0).json();
        assert_eq!((&document["ok"], &document["data_checks"]["ok"]), (&true.into(), &true.into()), "{said}");
        assert!(outcomes(&document).iter().all(|(ok, ..)| *ok), "{said}");
        assert_eq!(document["findings"], serde_json::json!([]), "{said}");
    });
}

#[test]
fn bad_data_fails_the_check_that_is_about_it_and_no_other() {
    let mut server = Lab::new().sandbox();
    shop(&mut server);
    let file = checks_of(&server, &RULES);
    for (broken, mend, which, finding, words) in [
        (
            &["DEL", "settings"][..],
            &["HSET", "settings", "a", "b"][..],
            0,
            "data.key_missing",
            "there is no key settings",
        ),
        (&["RENAME", "user:2", "gone:2"], &["RENAME", "gone:2", "user:2"], 1, "data.count_low", "at least 2"),
        (
            &["HSET", "account:1", "balance", "-1"],
            &["HSET", "account:1", "balance", "1"],
            2,
            "data.check_failed",
            "-1 is less than 0",
        ),
        (&["SET", "hits", "many"], &["SET", "hits", "3"], 3, "data.check_failed", "many is no number"),
        (
            &["HDEL", "order:1", "state"],
            &["HSET", "order:1", "state", "new"],
            4,
            "data.check_failed",
            "it has no field state",
        ),
        (
            &["HSET", "order:1", "user", "7"],
            &["HSET", "order:1", "user", "1"],
            5,
            "data.check_failed",
            "there is no key user:7",
        ),
        (&["SET", "session:1", "1000"], &["DEL", "session:1"], 6, "data.check_failed", "is before"),
    ] {
        server.must(broken);
        let said = server.redis_dr(&["verify", "demo", "--checks", &file, "--json"]);
        let document = said.exits(8).json();
        let found = outcomes(&document);
        let (ok, id, evidence) = &found[which];
        assert!(!ok && id.contains(finding) && evidence.contains(words), "{broken:?}: {said}");
        // an order of a user who is gone is wrong as well
        let others = found.iter().enumerate().filter(|(n, (ok, ..))| !ok && *n != which && (which, *n) != (1, 5));
        assert_eq!(others.count(), 0, "{broken:?}: {said}");
        assert_eq!(document["findings"][0]["id"], finding, "{said}");
        server.must(mend);
    }
    server.redis_dr(&["verify", "demo", "--checks", &file]).exits(0);
}

#[test]
fn the_configs_file_is_carried_out_and_a_wrong_one_is_shown_with_a_caret() {
    let mut server = Lab::new().sandbox();
    let file = checks_of(&server, &["keys: { pattern: \"text:*\", at_least: 100000 }", "run: { argv: [/bin/false] }"]);
    server.instance(&format!("data_checks: {file}"));
    server.start().fill(300).save();
    let said = server.redis_dr(&["verify", "demo"]);
    said.exits(8)
        .mentions("FAILS    c0:")
        .mentions("there must be at least 100000")
        .mentions("/bin/false: exit code 1");
    server.redis_dr(&["verify", "--lint"]).exits(0).mentions("no errors");
    checks_of(&server, &["number: { patern: \"a:*\", min: 1 }"]);
    for args in [&["verify", "demo"][..], &["verify", "--lint"]] {
        server.redis_dr(args).exits(2).mentions("did you mean `pattern`?").mentions("^^^^^^");
    }
}

#[test]
fn offenders_are_counted_and_only_the_first_are_named() {
    let mut server = Lab::new().sandbox();
    server.start();
    let commands: Vec<Vec<Vec<u8>>> =
        (0..3000).map(|n| vec![b"SET".into(), format!("n:{n}").into(), b"-5".into()]).collect();
    server.client().pipeline(&commands).unwrap();
    let file = checks_of(&server, &["number: { pattern: \"n:*\", min: 0 }"]);
    let said = server.redis_dr(&["verify", "demo", "--checks", &file, "--json", "--rate", "1000000"]);
    let check = &said.exits(8).json()["data_checks"]["checks"][0];
    assert_eq!((&check["examined"], &check["failed"]), (&3000.into(), &3000.into()), "{said}");
    assert_eq!(check["first"].as_array().unwrap().len(), 20, "{said}");
}

#[test]
fn the_vendors_benchmark_is_run_when_asked_for_and_writes_to_no_key_of_others() {
    Lab::on_each_where(
        |tree| ["valkey-benchmark", "redis-benchmark"].iter().any(|name| tree.bin.join(name).exists()),
        |mut server| {
            server.start().fill(50).save();
            // the program takes a password only where everybody sees it
            let said = server.redis_dr(&["verify", "demo", "--against", "rdb", "--bench", "--json"]);
            assert!(
                said.exits(0).json()["bench"]["left_out"].to_string().contains("the server asks for a password"),
                "{said}"
            );
            server.instance("# auth: none");
            let said = server.redis_dr(&["verify", "demo", "--against", "rdb", "--bench", "--json"]);
            let bench = said.exits(0).json()["bench"].clone();
            let names: Vec<&str> =
                bench["tests"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
            assert_eq!(names, ["PING", "SET", "GET"], "{said}");
            assert!(bench["tests"][1]["requests_per_second"].as_f64().unwrap() > 0.0, "{said}");
            let keys = server.must(&["KEYS", "redis-dr:bench:*"]).text();
            assert!(keys.lines().count() > 1, "{keys}");
            let one = keys.lines().find(|key| key.starts_with("redis-dr:bench:")).unwrap();
            assert!(server.must(&["TTL", one]).text().parse::<i64>().unwrap() <= 60);
            let plain = server.redis_dr(&["verify", "demo", "--against", "rdb", "--json"]);
            assert_eq!(plain.json()["bench"], Value::Null, "never by itself");
        },
    );
}
