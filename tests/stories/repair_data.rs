//! `repair-data`: what the data checks declare is repaired, each key saved first, and put back by a roll back.
use crate::lab::Lab;
use crate::sandbox::Sandbox;
use std::fs;

const CHECKS: &str = r#"version: 1
checks:
  - id: balances
    expect: { number: { pattern: "account:*", field: balance, min: 0, max: 100 } }
    repair: clamp
  - id: states
    expect: { state: { pattern: "order:*", field: state, one_of: [new, paid] } }
    repair: { set: new }
  - id: orphans
    expect: { reference: { pattern: "order:*", field: user, to: "user:{}" } }
    repair: delete
  - id: flags
    expect: { state: { pattern: "flag:*", one_of: ["on", "off"] } }
    repair: { set: "off" }
"#;

/// A shop with something wrong of each kind, and one key of each that is right.
fn shop(server: &mut Sandbox) {
    let path = server.root().join("shop.checks.yaml");
    fs::write(&path, CHECKS).unwrap();
    server.instance(&format!("data_checks: {}\npolicy: {{ max_risk: high, max_loss: 1h }}", path.display()));
    server.start();
    for words in [
        &["HSET", "account:1", "balance", "-5", "name", "Ann"][..],
        &["HSET", "account:2", "balance", "7"],
        &["HSET", "account:3", "balance", "1000"],
        &["HSET", "user:1", "name", "Ann"],
        &["HSET", "order:1", "user", "1", "state", "lost"],
        &["HSET", "order:2", "user", "7", "state", "paid"],
        &["PEXPIRE", "order:2", "90000000"],
        &["HSET", "order:3", "user", "1", "state", "paid"],
        &["SET", "flag:1", "maybe", "PX", "80000000"],
        &["SET", "flag:2", "on"],
    ] {
        server.must(words);
    }
}

#[test]
fn keys_are_repaired_and_put_back() {
    Lab::on_each(|mut server| {
        shop(&mut server);
        let before = server.digest();
        let told = server.redis_dr(&["verify", "demo"]);
        told.exits(8).mentions("repair-data would: set it to the nearest number allowed").mentions("delete the key");
        let plan = server.redis_dr(&["plan", "demo", "--runbook", "repair-data"]);
        plan.exits(0).mentions("keys that fail a check of").mentions("put every key back by RESTORE");
        let said = server.redis_dr(&["recover", "demo", "--runbook", "repair-data", "--confirm", "demo", "--json"]);
        said.exits(0);
        server.redis_dr(&["verify", "demo"]).exits(0);
        let get = |words: &[&str]| server.must(words).text();
        assert_eq!(get(&["HGET", "account:1", "balance"]), "0");
        assert_eq!(get(&["HGET", "account:1", "name"]), "Ann");
        assert_eq!(
            (get(&["HGET", "account:2", "balance"]), get(&["HGET", "account:3", "balance"])),
            ("7".into(), "100".into())
        );
        assert_eq!(get(&["HGET", "order:1", "state"]), "new");
        assert_eq!(get(&["EXISTS", "order:2", "order:3"]), "1");
        assert_eq!((get(&["GET", "flag:1"]), get(&["GET", "flag:2"])), ("off".into(), "on".into()));
        assert!(get(&["PTTL", "flag:1"]).parse::<i64>().unwrap() > 70_000_000, "it keeps its time to live");
        // what a client wrote into a repaired key since is saved before the key is put back
        server.must(&["HSET", "account:1", "note", "since"]);
        server.redis_dr(&["runs", "rollback", "last", "--confirm", "demo"]).exits(3);
        let back = server.redis_dr(&["runs", "rollback", "last", "--discard-writes", "--confirm", "demo", "--json"]);
        assert_eq!(back.exits(0).json()["outcome"], "rolled_back", "{back}");
        assert_eq!(server.digest(), before, "{back}");
        let left = get(&["PTTL", "order:2"]).parse::<i64>().unwrap();
        assert!((80_000_000..=90_000_000).contains(&left), "{left}");
        server.redis_dr(&["vault", "list"]).exits(0);
    });
}

#[test]
fn where_nothing_fails_nothing_is_changed() {
    let mut server = Lab::new().sandbox();
    shop(&mut server);
    for words in [&["DEL", "account:1", "account:3", "order:1", "order:2", "flag:1"][..], &["SET", "flag:3", "off"]] {
        server.must(words);
    }
    let before = server.digest();
    let said = server.redis_dr(&["recover", "demo", "--runbook", "repair-data", "--confirm", "demo", "--json"]);
    said.exits(0);
    assert_eq!(server.digest(), before);
}

#[test]
fn too_many_to_repair_are_left_alone() {
    let mut server = Lab::new().sandbox();
    shop(&mut server);
    let commands: Vec<Vec<Vec<u8>>> =
        (0..1001).map(|n| vec![b"SET".into(), format!("flag:many:{n}").into(), b"maybe".into()]).collect();
    server.client().pipeline(&commands).unwrap();
    let before = server.digest();
    let said = server.redis_dr(&["recover", "demo", "--runbook", "repair-data", "--confirm", "demo", "--json"]);
    assert_eq!(said.exits(1).json()["outcome"], "failed", "{said}");
    said.mentions("1006 keys would be repaired, and at most 1000 may be");
    assert_eq!(server.digest(), before);
}

#[test]
fn nobody_repairs_beyond_the_policy() {
    let mut server = Lab::new().sandbox();
    shop(&mut server);
    let path = server.root().join("shop.checks.yaml");
    server.instance(&format!("data_checks: {}", path.display()));
    let before = server.digest();
    server.redis_dr(&["recover", "demo", "--runbook", "repair-data", "--auto", "--json"]).exits(3);
    assert_eq!(server.digest(), before);
}

#[test]
fn a_recovery_holds_what_the_owner_says_or_is_taken_back() {
    let mut server = Lab::new().sandbox();
    let path = server.root().join("shop.checks.yaml");
    let write = |least: u32| {
        let check = format!(
            "version: 1\nchecks:\n  - id: texts\n    expect: {{ keys: {{ pattern: \"text:*\", at_least: {least} }} }}\n"
        );
        fs::write(&path, check).unwrap();
    };
    write(10);
    server.instance(&format!("data_checks: {}\npolicy: {{ max_risk: high, max_loss: 1h }}", path.display()));
    server.start().fill(300);
    server.kill9();
    let said = server.recover_auto();
    said.recovered_by("restart");
    said.mentions("data check texts");
    server.kill9();
    write(100_000);
    let said = server.recover_auto();
    said.exits(1).mentions("there must be at least 100000");
    // one that is not valid is told before anything is done
    fs::write(&path, "version: 1\nchecks: []\n").unwrap();
    server.recover_auto().exits(2).mentions("`checks` needs at least 1 item");
}
