//! `aof cut`: a copy that ends earlier, and an AOF that stays as it is.
use super::inspect::{command, set};
use assert_cmd::Command;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn cut(dir: &Path, from: &str, place: &[&str]) -> (i32, Value) {
    let mut program = Command::cargo_bin("redis-dr").unwrap();
    program.env_clear().current_dir(dir).args(["aof", "cut", from]).args(place).args(["-o", "new", "--json"]);
    let output = program.timeout(std::time::Duration::from_secs(60)).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
}

fn bytes_of(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap()))
        .collect();
    all.sort();
    all
}

/// Cuts the set made by `set` and gives what the incr file of the copy holds.
fn incr_after(place: &[&str]) -> (Value, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let old = dir.path().join("old");
    fs::create_dir(&old).unwrap();
    set(&old);
    let before = bytes_of(&old);
    let (code, told) = cut(dir.path(), "old", place);
    assert_eq!((code, &told["schema"]), (0, &"redis-dr/aof-cut/1".into()), "{told}");
    assert_eq!(bytes_of(&old), before, "the AOF itself is only read");
    let new = bytes_of(&dir.path().join("new"));
    let names: Vec<&str> = new.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof", "appendonly.aof.manifest"]);
    assert_eq!((&new[0], &new[2]), (&before[0], &before[2]));
    assert!(before[1].1.starts_with(&new[1].1));
    (told, new[1].1.clone())
}

#[test]
fn before_a_flush_at_a_tag_or_an_offset_a_complete_set_is_written() {
    let (told, incr) = incr_after(&["--before-flush"]);
    assert!(incr.ends_with(&command(&["EXEC"])));
    assert_eq!((&told["commands"], &told["commands_lost"], &told["base_keys"]), (&3.into(), &2.into(), &24.into()));
    assert_eq!(told["lost"]["shown"][0], "FLUSHALL");
    let (told, incr) = incr_after(&["--at-tag", "monday"]);
    assert!(incr.ends_with(&command(&["set", "redis-dr:tag:monday", "1"])));
    assert_eq!((&told["commands"], &told["commands_lost"]), (&2.into(), &3.into()));
    // inside MULTI: the last boundary is before it
    let (_, whole) = incr_after(&["--before-flush"]);
    let inside = whole.len() - 5;
    let (_, incr) = incr_after(&["--at-offset", &inside.to_string()]);
    assert!(incr.ends_with(&command(&["set", "redis-dr:tag:monday", "1"])));
    let named = format!("appendonly.aof.1.incr.aof:{}", whole.len());
    assert_eq!(incr_after(&["--at-offset", &named]).1, whole);
}

#[test]
fn at_a_second_later_commands_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let rdb = fs::read(super::inspect::fixture("redis-6.2")).unwrap();
    let (one, two) = (command(&["SET", "a", "1"]), command(&["SET", "a", "2"]));
    let stamp = |ts: u32| format!("#TS:{ts}\r\n").into_bytes();
    let kept = [rdb, stamp(1_700_000_000), one].concat();
    fs::write(dir.path().join("appendonly.aof"), [&kept[..], &stamp(1_700_000_005), &two].concat()).unwrap();
    let (code, told) = cut(dir.path(), "appendonly.aof", &["--at", "2023-11-14T22:13:24Z"]);
    assert_eq!((code, &told["commands"], &told["commands_lost"]), (0, &1.into(), &1.into()), "{told}");
    let new = bytes_of(&dir.path().join("new"));
    assert_eq!((new[0].0.as_str(), &new[0].1), ("appendonly.aof", &kept));
    assert_eq!((new[1].0.as_str(), new[1].1.len()), ("appendonly.aof.1.incr.aof", 0));
    for (at, says) in
        [("2023-11-14T22:13:19Z", "nothing in the AOF is from before"), ("1700000005", "all of the AOF is from before")]
    {
        fs::remove_dir_all(dir.path().join("new")).ok();
        let (code, error) = cut(dir.path(), "appendonly.aof", &["--at", at]);
        assert_eq!(code, 1);
        assert!(error["error"].as_str().unwrap().contains(says), "{error}");
        assert!(!dir.path().join("new").exists(), "nothing is written");
    }
}

#[test]
fn the_last_tag_of_a_name_counts_with_its_transaction_and_the_end_is_an_offset_too() {
    let dir = tempfile::tempdir().unwrap();
    let tag = command(&["SET", "redis-dr:tag:release", "1"]);
    let (multi, exec, write) = (command(&["MULTI"]), command(&["EXEC"]), command(&["SET", "a", "1"]));
    let kept = [&tag[..], &write, &multi, &tag, &write, &exec].concat();
    let gone = command(&["DEL", "redis-dr:tag:release"]);
    let foreign = command(&["SET", "release-mark", "1"]);
    let all = [&kept[..], &gone, &foreign].concat();
    fs::write(dir.path().join("appendonly.aof"), &all).unwrap();
    for (place, left) in [
        (["--at-tag", "release"], &kept),
        (["--at-tag", "redis-dr:tag:release"], &kept),
        (["--at-tag", "release-mark"], &all),
        (["--at-offset", &all.len().to_string()], &all),
    ] {
        let (code, told) = cut(dir.path(), "appendonly.aof", &place);
        assert_eq!(code, 0, "{place:?}: {told}");
        assert!(fs::read(dir.path().join("new/appendonly.aof")).unwrap() == *left, "{place:?}");
        fs::remove_dir_all(dir.path().join("new")).unwrap();
    }
}

#[test]
fn what_cannot_be_done_is_said_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    set(dir.path());
    let mut damaged = b"*3\r\n$3\r\nSET\r\nXX".to_vec();
    damaged.extend(command(&["FLUSHALL"]));
    fs::write(dir.path().join("bad.aof"), &damaged).unwrap();
    for (from, place, code) in [
        (".", &["--at-tag", "tuesday"][..], 1),
        (".", &["--at-offset", "99999999"], 1),
        (".", &["--at-offset", "many"], 2),
        (".", &["--at", "never"], 2),
        (".", &[], 2),
        (".", &["--before-flush", "--at-offset", "3"], 2),
        ("appendonly.aof.1.incr.aof", &["--before-flush"], 2),
        ("bad.aof", &["--before-flush"], 1),
        ("missing", &["--before-flush"], 1),
    ] {
        let (got, error) = cut(dir.path(), from, place);
        assert_eq!((got, &error["schema"]), (code, &"redis-dr/error/1".into()), "{place:?}: {error}");
        assert!(!dir.path().join("new").exists(), "{place:?}");
    }
    fs::create_dir(dir.path().join("new")).unwrap();
    let (code, error) = cut(dir.path(), ".", &["--before-flush"]);
    assert!(code == 2 && error["error"].as_str().unwrap().contains("exists"), "{error}");
}
