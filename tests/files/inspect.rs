//! `inspect` on files as people have them: whole, damaged, empty, packed, of another kind than their name says.
use assert_cmd::Command;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn inspected(dir: &Path, args: &[&str]) -> (i32, Value) {
    let mut command = Command::cargo_bin("redis-dr").unwrap();
    command.env_clear().current_dir(dir).arg("inspect").args(args).arg("--json");
    let output = command.timeout(std::time::Duration::from_secs(60)).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let document = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    (output.status.code().unwrap(), document)
}

pub fn fixture(server: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/rdb/all-types-{server}.rdb"))
}

pub fn command(words: &[&str]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    words.iter().for_each(|word| out.extend(format!("${}\r\n{word}\r\n", word.len()).as_bytes()));
    out
}

/// A directory of parts: a base of a real server, then commands.
pub fn set(dir: &Path) -> Vec<u8> {
    fs::copy(fixture("redis-7.0"), dir.join("appendonly.aof.1.base.rdb")).unwrap();
    let lines = "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n";
    fs::write(dir.join("appendonly.aof.manifest"), lines).unwrap();
    let mut incr = b"#TS:1700000000\r\n".to_vec();
    for words in [
        &["SELECT", "0"][..],
        &["SET", "user:1", "a"],
        &["set", "redis-dr:tag:monday", "1"],
        &["MULTI"],
        &["INCR", "user:n"],
        &["EXEC"],
        &["FLUSHALL"],
        &["SET", "TAG111101_1200", "1"],
    ] {
        incr.extend(command(words));
    }
    fs::write(dir.join("appendonly.aof.1.incr.aof"), &incr).unwrap();
    incr
}

fn loads(document: &Value, server: &str) -> String {
    let servers = document["servers"].as_array().unwrap();
    let row = servers.iter().find(|row| row["server"] == server).unwrap();
    row["start"].as_str().unwrap().to_owned()
}

#[test]
fn a_snapshot_tells_who_wrote_it_and_what_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let (code, found) = inspected(dir.path(), &[fixture("redis-7.0").to_str().unwrap(), "--top", "3"]);
    assert_eq!((code, &found["schema"], &found["kind"]), (0, &"redis-dr/inspection/1".into(), &"rdb".into()));
    assert_eq!((&found["valid"], &found["because"], &found["keys"]), (&"intact".into(), &Value::Null, &24.into()));
    let snapshot = &found["snapshot"];
    assert_eq!((&snapshot["checksum"], &snapshot["version"]), (&"good".into(), &10.into()));
    assert!(snapshot["written_by"].as_str().unwrap().starts_with("7.0"), "{snapshot}");
    assert!(snapshot["written_at"].as_str().unwrap().ends_with('Z'));
    let statistics = &snapshot["statistics"];
    let sum = |rows: &Value, key: &str| rows.as_array().unwrap().iter().map(|r| r[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum(&statistics["types"], "keys"), sum(&statistics["types"], "bytes")), {
        (24, statistics["bytes"].as_u64().unwrap())
    });
    assert_eq!(statistics["biggest"].as_array().unwrap().len(), 3);
    let expiry = statistics["expiry"].as_object().unwrap();
    assert_eq!(expiry.values().map(|n| n.as_u64().unwrap()).sum::<u64>(), 24);
    assert_eq!((loads(&found, "Redis 6.2"), loads(&found, "Valkey 8.1")), ("refuses".into(), "loads".into()));
}

#[test]
fn only_keys_that_match_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = fixture("valkey-9.1");
    let (_, all) = inspected(dir.path(), &[path.to_str().unwrap(), "--top", "100"]);
    let biggest = all["snapshot"]["statistics"]["biggest"].as_array().unwrap();
    let wanted = biggest.iter().filter(|key| key["key"].as_str().unwrap().contains("hash")).count();
    assert!(wanted > 0 && wanted < biggest.len());
    let (code, some) = inspected(dir.path(), &[path.to_str().unwrap(), "--keys", "*hash*"]);
    let statistics = &some["snapshot"]["statistics"];
    assert_eq!((code, &statistics["pattern"], &statistics["keys"]), (0, &"*hash*".into(), &wanted.into()));
    assert_eq!(some["keys"], all["keys"], "what is in the file does not depend on the pattern");
}

#[test]
fn what_is_not_whole_is_told_from_what_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let whole = fs::read(fixture("redis-8.0")).unwrap();
    fs::write(at("whole"), &whole).unwrap();
    fs::write(at("cut.rdb"), &whole[..whole.len() / 2]).unwrap();
    fs::write(at("newline.rdb"), [&whole[..], b"\n"].concat()).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    fs::write(at("flipped.rdb"), flipped).unwrap();
    fs::write(at("newer.rdb"), b"REDIS0099").unwrap();
    fs::write(at("empty.rdb"), b"").unwrap();
    fs::write(at("appendonly.aof.2.incr.aof"), b"").unwrap();
    fs::write(at("noise"), b"\x7fELF whatever").unwrap();
    fs::write(at("packed"), zstd::encode_all(&whole[..], 1).unwrap()).unwrap();
    fs::write(at("half-packed"), &zstd::encode_all(&whole[..], 1).unwrap()[..100]).unwrap();
    fs::create_dir(at("nothing")).unwrap();
    for (name, code, valid) in [
        ("whole", 0, "intact"),
        ("packed", 0, "intact"),
        ("appendonly.aof.2.incr.aof", 0, "intact"),
        ("cut.rdb", 8, "damaged"),
        ("newline.rdb", 8, "damaged"),
        ("flipped.rdb", 8, "damaged"),
        ("newer.rdb", 8, "unchecked"),
        ("empty.rdb", 8, "damaged"),
        ("noise", 8, "damaged"),
        ("half-packed", 8, "damaged"),
        ("nothing", 8, "damaged"),
    ] {
        let (got, found) = inspected(dir.path(), &[name]);
        assert_eq!((got, &found["valid"]), (code, &valid.into()), "{name}: {found}");
        assert_eq!(found["because"].is_null(), code == 0, "{name}");
    }
    nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (name, says) in [("pipe", "FIFO"), ("missing", "cannot look at"), ("/dev/null", "device")] {
        let (code, error) = inspected(dir.path(), &[name]);
        assert_eq!((code, &error["schema"]), (1, &"redis-dr/error/1".into()));
        assert!(error["error"].as_str().unwrap().contains(says) && error["hint"] != "", "{error}");
    }
}

#[test]
fn a_set_tells_its_commands_flushes_and_tags_by_directory_and_by_manifest() {
    let dir = tempfile::tempdir().unwrap();
    set(dir.path());
    for path in [".", "appendonly.aof.manifest"] {
        let (code, found) = inspected(dir.path(), &[path, "--keys", "user:*"]);
        assert_eq!((code, &found["kind"], &found["valid"]), (0, &"aof_set".into(), &"intact".into()), "{found}");
        assert_eq!((&found["keys"], &found["base_keys"], &found["commands"]), (&Value::Null, &24.into(), &5.into()));
        let aof = &found["aof"];
        assert_eq!((&aof["flush_count"], &aof["tag_count"], &aof["transactions"]), (&1.into(), &2.into(), &1.into()));
        let names: Vec<&str> = aof["tags"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["monday", "TAG111101_1200"]);
        assert_eq!((&aof["by_name"][0]["name"], &aof["by_name"][0]["count"]), (&"set".into(), &3.into()));
        assert_eq!(aof["first_at"], "2023-11-14T22:13:20Z");
        assert_eq!((&aof["matching"]["commands"], &aof["cut"]), (&2.into(), &Value::Null));
        assert_eq!((loads(&found, "Redis 6.2"), loads(&found, "Redis 7.0")), ("empty".into(), "loads".into()));
    }
}

#[test]
fn a_damaged_set_tells_where_and_what_a_cut_there_loses() {
    let dir = tempfile::tempdir().unwrap();
    let incr = set(dir.path());
    let part = dir.path().join("appendonly.aof.1.incr.aof");
    fs::write(&part, [&incr[..], b"garbage\x1b[31m", &command(&["SET", "lost", "1"])].concat()).unwrap();
    let (code, found) = inspected(dir.path(), &["."]);
    let cut = &found["aof"]["cut"];
    assert_eq!((code, &found["valid"], &cut["offset"]), (8, &"repairable".into(), &incr.len().into()), "{found}");
    assert_eq!((&cut["commands"], &cut["only_incomplete"]), (&1.into(), &false.into()));
    assert!(cut["shown"][0].as_str().unwrap().starts_with("garbage\\u{1b}[31m"), "{cut}");
    assert_eq!(loads(&found, "Redis 7.0"), "refuses");
    fs::write(&part, &incr[..incr.len() - 2]).unwrap();
    let (code, found) = inspected(dir.path(), &["."]);
    assert_eq!((code, &found["aof"]["cut"]["only_incomplete"]), (8, &true.into()));
    assert_eq!(loads(&found, "Redis 7.0"), "loses");
    fs::remove_file(dir.path().join("appendonly.aof.manifest")).unwrap();
    let (code, found) = inspected(dir.path(), &["."]);
    assert_eq!((code, loads(&found, "Redis 7.0")), (8, "empty".to_owned()));
    assert!(found["aof"]["rebuilt_manifest"].as_str().unwrap().contains("seq 1 type i"));
}

#[test]
fn one_file_with_an_rdb_in_front_is_told_from_a_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let rdb = fs::read(fixture("redis-6.2")).unwrap();
    fs::write(dir.path().join("any-name"), [&rdb[..], &command(&["SET", "a", "b"])].concat()).unwrap();
    let (code, found) = inspected(dir.path(), &["any-name"]);
    assert_eq!((code, &found["kind"], &found["commands"]), (0, &"aof".into(), &1.into()), "{found}");
    assert_eq!((&found["base_keys"], &found["keys"]), (&24.into(), &Value::Null));
}

#[test]
fn a_configuration_tells_what_it_decides_and_which_servers_refuse_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.conf"), "dir /data\nappendonly yes\nrequirepass s3cret\naof-timestamp-enabled yes\n")
        .unwrap();
    let (code, found) = inspected(dir.path(), &["a.conf"]);
    assert_eq!((code, &found["kind"]), (0, &"config".into()), "{found}");
    assert!(!found.to_string().contains("s3cret"));
    assert_eq!((loads(&found, "Redis 6.2"), loads(&found, "Redis 7.0")), ("refuses".into(), "loads".into()));
    fs::write(dir.path().join("b.conf"), "appendonly maybe\n").unwrap();
    let (code, found) = inspected(dir.path(), &["b.conf"]);
    let line = found["config"]["problems"][0]["at"].as_str().unwrap();
    assert!(code == 8 && line.ends_with("b.conf:1"), "{found}");
}

#[test]
fn the_page_fits_80_columns_and_obeys_no_file() {
    let dir = tempfile::tempdir().unwrap();
    set(dir.path());
    let hostile = command(&["SET", "a:\x1b]0;owned\x07\n\u{202e}", "1"]);
    let part = dir.path().join("appendonly.aof.1.incr.aof");
    fs::write(&part, [fs::read(&part).unwrap(), hostile].concat()).unwrap();
    let mut command = Command::cargo_bin("redis-dr").unwrap();
    let output = command.env_clear().current_dir(dir.path()).args(["inspect", ".", "--keys", "*"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Verdict") && text.contains("flush") && text.contains("monday"), "{text}");
    assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
    // sentences are wrapped where there is a terminal; tables never need more than it has
    let tables = text.lines().filter(|line| line.contains('%') || line.contains("elements)"));
    assert!(tables.clone().count() > 5 && tables.clone().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn what_is_salvaged_is_whole_and_says_that_it_is_partial() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let whole = fs::read(fixture("redis-7.0")).unwrap();
    fs::write(dir.path().join("cut.rdb"), &whole[..whole.len() * 2 / 3]).unwrap();
    let (code, found) = inspected(dir.path(), &["cut.rdb", "--salvage", "out.rdb"]);
    assert_eq!((code, &found["schema"], &found["whole"]), (8, &"redis-dr/salvage/1".into(), &false.into()), "{found}");
    let keys = found["keys"].as_u64().unwrap();
    assert!(keys > 5 && keys < 24, "{found}");
    assert_eq!(found["holes"][0]["to"], whole.len() * 2 / 3);
    let mode = fs::metadata(dir.path().join("out.rdb")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (code, out) = inspected(dir.path(), &["out.rdb"]);
    assert_eq!((code, &out["valid"], &out["keys"]), (0, &"intact".into(), &keys.into()), "{out}");
    assert_eq!((&out["snapshot"]["checksum"], &out["snapshot"]["version"]), (&"good".into(), &10.into()));
    assert_eq!(out["snapshot"]["aux"]["redis-dr-partial"], "1");
    let (code, error) = inspected(dir.path(), &["cut.rdb", "--salvage", "out.rdb"]);
    assert!(code == 1 && error["error"].as_str().unwrap().contains("out.rdb"), "never replaced: {error}");
    let (code, found) = inspected(dir.path(), &[fixture("valkey-9.1").to_str().unwrap(), "--salvage", "all.rdb"]);
    assert_eq!((code, &found["whole"], &found["functions"]), (0, &true.into(), &1.into()), "{found}");
}
