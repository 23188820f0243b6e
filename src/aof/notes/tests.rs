#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

const NOW: i64 = 1_700_000_000_000;

fn note(commands: &[&[&str]]) -> KeyNotes {
    let mut notes = KeyNotes::new(NOW);
    notes.base_key(&base("base", None));
    notes.file("");
    for words in commands {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        words.iter().for_each(|word| bytes.extend(format!("${}\r\n{word}\r\n", word.len()).as_bytes()));
        notes.note(&bytes, true);
    }
    notes
}

fn base(key: &str, expire_ms: Option<i64>) -> KeyMeta<'_> {
    KeyMeta {
        db: 0,
        key: key.as_bytes(),
        kind: Kind::List,
        expire_ms,
        gone_ms: expire_ms,
        size: None,
        offset: 0,
        bytes: 0,
        before: 0,
        meaning: None,
        stored: None,
    }
}

/// `db/key=` and what must be there, in order.
fn fates(commands: &[&[&str]]) -> Vec<String> {
    let mut all: Vec<String> = note(commands)
        .decided()
        .iter()
        .map(|d| {
            let at = |ms: &Option<i64>| ms.map(|at| format!("@{}", at - NOW)).unwrap_or_default();
            let what = match &d.fate {
                Fate::Absent => "-".to_owned(),
                Fate::Text { digest, expires_at_ms } => {
                    let value = ["v", "w"].into_iter().find(|v| *digest == blake3::hash(v.as_bytes()));
                    format!("{}{}", value.unwrap_or("?"), at(expires_at_ms))
                }
                Fate::Of { kind, expires_at_ms, .. } => format!("{kind}{}", at(expires_at_ms)),
            };
            format!("{}/{}={what}", d.db, String::from_utf8_lossy(&d.key))
        })
        .collect();
    all.sort();
    all
}

#[test]
fn the_last_command_decides() {
    assert_eq!(fates(&[]), ["0/base=list"]);
    assert_eq!(fates(&[&["set", "a", "v"], &["SET", "a", "w"]]), ["0/a=w", "0/base=list"]);
    assert_eq!(fates(&[&["SET", "a", "v"], &["DEL", "base", "a", "b"]]), ["0/a=-", "0/b=-", "0/base=-"]);
    assert_eq!(fates(&[&["MSET", "a", "v", "b", "w"], &["UNLINK", "a"]]), ["0/a=-", "0/b=w", "0/base=list"]);
}

#[test]
fn expiries_are_the_last_ones() {
    let at = (NOW + 5).to_string();
    assert_eq!(fates(&[&["SET", "a", "v", "PXAT", &at]]), ["0/a=v@5", "0/base=list"]);
    assert_eq!(fates(&[&["SET", "a", "v"], &["PEXPIREAT", "a", &at]]), ["0/a=v@5", "0/base=list"]);
    assert_eq!(fates(&[&["PEXPIREAT", "base", &at]]), ["0/base=list@5"]);
    assert_eq!(fates(&[&["PEXPIREAT", "base", &at], &["PERSIST", "base"]]), ["0/base=list"]);
    assert_eq!(fates(&[&["PEXPIREAT", "base", &at, "GT"]]), [""; 0], "depends on the one before");
}

#[test]
fn what_is_not_understood_is_no_longer_sampled() {
    let set: &[&str] = &["SET", "a", "v"];
    for other in [
        &["APPEND", "a", "x"][..],
        &["INCR", "a"],
        &["RENAME", "a", "b"],
        &["RENAME", "b", "a"],
        &["COPY", "b", "a", "DB", "3"],
        &["MOVE", "a", "3"],
        &["SORT", "b", "STORE", "a"],
        &["JSON.SET", "a", "$", "1"],
        &["SET", "a", "w", "NX"],
        &["SET", "a", "w", "KEEPTTL"],
        &["SET", "a", "w", "EX", "5"],
        &["RESTORE", "a", "0", "payload"],
    ] {
        assert_eq!(fates(&[set, other]), ["0/base=list"], "{other:?}");
    }
    assert_eq!(fates(&[set, &["EVALSHA", "abc", "0"]]), [""; 0], "may touch any key");
    assert_eq!(fates(&[set, &["INCR", "a"], set]), ["0/a=v", "0/base=list"], "set anew");
    assert_eq!(fates(&[set, &["SADD", "s", "a"]]), ["0/a=v", "0/base=list"], "a member is no key");
}

#[test]
fn databases_are_flushed_and_exchanged() {
    let (one, set): (&[&str], &[&str]) = (&["SELECT", "1"], &["SET", "a", "v"]);
    assert_eq!(fates(&[one, set]), ["0/base=list", "1/a=v"]);
    assert_eq!(fates(&[one, set, &["FLUSHDB"]]), ["0/base=list", "1/a=-"]);
    assert_eq!(fates(&[one, set, &["flushall", "async"]]), ["0/base=-", "1/a=-"]);
    assert_eq!(fates(&[one, set, &["FLUSHALL"], &["SET", "a", "w"]]), ["0/base=-", "1/a=w"]);
    assert_eq!(fates(&[one, set, &["SWAPDB", "0", "1"]]), ["0/a=v", "1/base=list"]);
    assert_eq!(fates(&[one, set, &["SWAPDB", "0", "1"], &["FLUSHDB"]]), ["0/a=v", "1/base=-"]);
}

#[test]
fn a_transaction_within_one_is_believed_by_nobody() {
    let (multi, exec): (&[&str], &[&str]) = (&["MULTI"], &["EXEC"]);
    assert_eq!(fates(&[multi, &["SET", "a", "v"], exec]), ["0/a=v", "0/base=list"]);
    let torn = [multi, &["SET", "a", "v"], multi, &["SET", "b", "v"], exec];
    assert_eq!(fates(&torn), [""; 0]);
    assert_eq!(fates(&[&torn[..], &[&["SET", "c", "w"]]].concat()), ["0/c=w"]);
}

#[test]
fn a_command_cut_short_forgets_what_it_may_touch() {
    let mut notes = note(&[&["SET", "a", "v"], &["SET", "b", "v"]]);
    notes.note(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$9999\r\nxx", false);
    assert_eq!(notes.decided().len(), 2);
    notes.note(b"*999\r\n$3\r\nDEL\r\n$1\r\nz\r\n", false);
    assert_eq!(notes.decided(), []);
}

#[test]
fn memory_is_bounded_and_the_sample_is_the_same_every_time() {
    let walk = || {
        let mut notes = KeyNotes::new(NOW);
        (0..50_000).for_each(|n| notes.base_key(&base(&format!("key:{n}"), None)));
        notes.decided()
    };
    assert_eq!(walk().len(), KEYS);
    assert_eq!(walk(), walk());
    let long = "x".repeat(KEY_BYTES + 1);
    assert_eq!(fates(&[&["SET", &long, "v"], &["SET", "a", &"v".repeat(VALUE_BYTES + 1)]]), ["0/base=list"]);
}

#[test]
fn keys_that_go_are_counted_by_the_second() {
    let mut notes = KeyNotes::new(NOW);
    for after in [-1, 0, 1500, 2500, 3500, AHEAD_MS + 1] {
        notes.base_key(&base("k", Some(NOW + after)));
    }
    assert_eq!(notes.gone_since(0, NOW), (0, 1));
    assert_eq!(notes.gone_since(0, NOW + 2600), (2, 3));
    assert_eq!(notes.gone_since(1, NOW + 2600), (0, 0));
}
