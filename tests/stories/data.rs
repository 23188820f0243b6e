//! What a story writes into a server, and how it knows it again.
use crate::resp::Reply;
use crate::sandbox::{Sandbox, wait_until};
use std::fs;
use std::path::PathBuf;

fn words(parts: &[&str]) -> Vec<Vec<u8>> {
    parts.iter().map(|part| part.as_bytes().to_vec()).collect()
}

/// The commands that write key number `i`: every type, some with an expiry far away.
fn write_key(i: usize) -> Vec<Vec<Vec<u8>>> {
    let n = i.to_string();
    let key = |kind: &str| format!("{kind}:{i}");
    let mut commands = match i % 7 {
        0 => vec![words(&["SET", &key("text"), &"v".repeat(i % 300)])],
        1 => vec![words(&["RPUSH", &key("list"), "a", &n, &"long".repeat(30)])],
        2 => vec![words(&["SADD", &key("set"), "1", "2", &n]), words(&["SADD", &key("set"), "not-a-number"])],
        3 => vec![words(&["ZADD", &key("zset"), "1.5", "a", "-inf", "b", &n, "c"])],
        4 => vec![words(&["HSET", &key("hash"), "f", &n, "g", &"x".repeat(i % 100)])],
        5 => vec![words(&["XADD", &key("stream"), "1-1", "f", &n]), words(&["XADD", &key("stream"), "1-2", "f", "v"])],
        _ => vec![vec![
            b"SET".to_vec(),
            vec![b'b', 0, 0xff, b'\r', b'\n', (i % 251) as u8, (i / 251) as u8],
            n.clone().into_bytes(),
        ]],
    };
    if i.is_multiple_of(14) {
        commands.push(words(&["PEXPIRE", &key("text"), "86400000"]));
    }
    commands
}

impl Sandbox {
    /// Writes `count` more keys: all types, two databases, expiries, transactions, and functions where there are any.
    pub fn fill(&mut self, count: usize) -> &mut Self {
        let mut client = self.client();
        let (first, last) = (self.filled, self.filled + count);
        for chunk in (first..last).collect::<Vec<_>>().chunks(200) {
            let mut commands =
                vec![words(&["SELECT", if chunk[0] % 400 < 200 { "0" } else { "5" }]), words(&["MULTI"])];
            commands.extend(write_key(chunk[0]));
            commands.push(words(&["EXEC"]));
            commands.extend(chunk[1..].iter().flat_map(|i| write_key(*i)));
            let replies = client.pipeline(&commands).unwrap();
            let refused = replies.iter().find(|reply| reply.is_error());
            assert!(refused.is_none(), "{refused:?}");
        }
        if self.filled == 0 && self.tree.since_seven() {
            let code = "#!lua name=story\nredis.register_function('story_f', function() return 1 end)";
            self.must(&["FUNCTION", "LOAD", code]);
        }
        self.filled = last;
        self.written();
        self
    }

    /// Waits until the kernel has every write: while it is busy with a sync, the server answers before it hands one over.
    pub fn written(&self) {
        wait_until("the writes to be handed to the kernel", || {
            self.info("aof_buffer_length").is_none_or(|length| length == "0")
        });
    }

    /// What the server holds, as one word: all databases, values included.
    pub fn digest(&self) -> String {
        let digest = self.must(&["DEBUG", "DIGEST"]).text();
        let functions = match self.tree.since_seven() {
            true => self.must(&["FUNCTION", "LIST"]).text(),
            false => String::new(),
        };
        format!("{digest} {functions}")
    }

    /// Keys in all databases.
    pub fn dbsize(&self) -> usize {
        let keyspace = self.must(&["INFO", "keyspace"]).text();
        let keys = |line: &str| line.split("keys=").nth(1)?.split(',').next()?.parse::<usize>().ok();
        keyspace.lines().filter_map(keys).sum()
    }

    /// Every expiry, to the millisecond; DEBUG DIGEST only knows that there is one.
    pub fn expiries(&self) -> Vec<(String, i64)> {
        let mut client = self.client();
        let mut found: Vec<(String, i64)> = Vec::new();
        for i in (0..self.filled).filter(|i| i.is_multiple_of(14)) {
            let key = format!("text:{i}");
            for db in ["0", "5"] {
                client.ask(&["SELECT", db]).unwrap();
                if let Reply::Number(left @ 1..) = client.ask(&["PTTL", key.as_str()]).unwrap() {
                    // Whole minutes: the clock moves between two readings.
                    found.push((format!("{db}/{key}"), (left + 30_000) / 60_000));
                }
            }
        }
        found
    }

    /// BGSAVE, waited for.
    pub fn save(&mut self) -> &mut Self {
        let before = self.info("rdb_last_save_time");
        let saves = || self.info("rdb_saves").or_else(|| self.info("rdb_last_save_time"));
        let count = saves();
        wait_until("the second to pass, so that the save can be told from the last one", || {
            self.must(&["TIME"]).text().lines().next().map(str::to_owned) != before
        });
        // The kernel's coarse clock, which dates the snapshot, runs a few milliseconds late.
        std::thread::sleep(std::time::Duration::from_millis(20));
        wait_until("an earlier save to end", || self.info("rdb_bgsave_in_progress").as_deref() == Some("0"));
        self.must(&["BGSAVE"]);
        wait_until("the snapshot", || self.info("rdb_bgsave_in_progress").as_deref() == Some("0") && saves() != count);
        assert_eq!(self.info("rdb_last_bgsave_status").as_deref(), Some("ok"));
        self
    }

    /// BGREWRITEAOF, waited for.
    pub fn rewrite_aof(&mut self) -> &mut Self {
        wait_until("no other child", || self.info("rdb_bgsave_in_progress").as_deref() == Some("0"));
        self.must(&["BGREWRITEAOF"]);
        wait_until("the rewrite", || {
            self.info("aof_rewrite_in_progress").as_deref() == Some("0")
                && self.info("aof_rewrite_scheduled").as_deref() == Some("0")
        });
        assert_eq!(self.info("aof_last_bgrewrite_status").as_deref(), Some("ok"));
        self
    }

    /// Saves, and puts the snapshot into the store `nightly`.
    pub fn backup(&mut self, name: &str) -> PathBuf {
        self.save();
        let backup = self.backups().join(name);
        fs::copy(self.data().join("dump.rdb"), &backup).unwrap();
        backup
    }

    /// Writes, kills the server the hard way, starts it as its owner would, and finds everything.
    pub fn writes_survive_kill9(&mut self) -> &mut Self {
        let probe = format!("after:{}", self.filled);
        self.must(&["SET", &probe, "here"]);
        let digest = self.digest();
        self.written();
        self.kill9().start();
        assert_eq!(self.must(&["GET", &probe]).text(), "here");
        assert_eq!(self.digest(), digest, "what is on disk is not what was in memory");
        self.must(&["DEL", &probe]);
        self
    }
}
