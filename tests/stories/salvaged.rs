//! A backup that was damaged and salvaged: a person may restore what is left of it, and nobody else does.
use crate::lab::Lab;
use std::fs;

#[test]
fn a_salvaged_backup_is_for_a_person_to_choose() {
    let mut server = Lab::new().sandbox();
    server.start().fill(400);
    let backup = server.backup("dump.rdb");
    server.kill9().lose_aof().lose_rdb();
    let (whole, damaged) = (fs::read(&backup).unwrap(), server.root().join("damaged.rdb"));
    fs::write(&damaged, &whole[..whole.len() * 2 / 3]).unwrap();
    fs::remove_file(&backup).unwrap();
    let (damaged, backup) = (damaged.to_str().unwrap(), backup.to_str().unwrap());
    let salvaged = server.redis_dr(&["inspect", damaged, "--salvage", backup, "--json"]).exits(8).json();
    let keys = salvaged["keys"].as_u64().unwrap();
    assert!(keys > 100 && keys < 400, "{salvaged}");

    let words = "partial: salvaged from a damaged file, and not all there was";
    let listed = server.redis_dr(&["points", "demo", "--json"]).exits(0).json();
    let point = listed["points"].as_array().unwrap().iter().find(|point| point["id"] == "nightly/dump.rdb").unwrap();
    assert!(point["why"].as_str().unwrap().starts_with(words), "{point}");
    assert_eq!((&point["valid"], &point["keys"]), (&"intact".into(), &keys.into()), "{point}");
    assert!(point["as_of"].is_null(), "no moment bounds what it lacks: {point}");

    server.redis_dr(&["points", "demo"]).exits(0).mentions(words);

    let before = server.files();
    server.recover_auto().exits(3);
    assert!(server.files() == before && !server.running(), "not even where it is all there is");
    let chosen = ["recover", "demo", "--point-file", backup, "--confirm", "demo", "--json"];
    server.redis_dr(&chosen).recovered_by("restore-backup");
    let keyspace = server.must(&["INFO", "keyspace"]).text();
    let counts = keyspace.split("keys=").skip(1).filter_map(|rest| rest.split(',').next()?.parse::<u64>().ok());
    assert_eq!(counts.sum::<u64>(), keys, "in all databases: {keyspace}");
}
