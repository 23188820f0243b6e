//! A redis.conf: read without a panic, for every release; what is shown, changed or commented out is read as it was meant,
//! and nothing else moves.
#![no_main]
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use libfuzzer_sys::fuzz_target;
use redis_dr::redis_conf::{self, Effective, Files, Origin, ServerVersion, Start, edit};
use redis_dr_fuzz::chosen;

const FILE: &str = "/etc/redis.conf";
const RELEASES: [Option<ServerVersion>; 4] =
    [None, Some(ServerVersion::redis(6, 0)), Some(ServerVersion::redis(7, 0)), Some(ServerVersion::valkey(9, 0))];

fuzz_target!(|text: &[u8]| {
    let release = RELEASES[chosen(text, RELEASES.len())];
    let conf = read(text, release);
    let _ = (conf.dir(), conf.rdb_path(), conf.appenddirname(), conf.port(), conf.save_points(), conf.maxmemory());
    let _ = (conf.replicaof(), conf.loadmodules(), conf.unixsocket(), conf.requirepass());
    shown_as_read(&conf);
    for problem in &conf.problems {
        assert!(problem.text.chars().all(|c| !c.is_control()));
        let _ = redis_conf::must_stay(problem, release);
    }
    changed(text, &conf, release);
    assert_eq!(redis_conf::split_args(&redis_conf::quote(text)), Ok(vec![text.to_vec()]));
    block(text);
});

/// The text is the main file; one other file can be included, and includes it in turn.
fn read(text: &[u8], release: Option<ServerVersion>) -> Effective {
    let bytes = |path: &Path| match path.to_str() {
        Some(FILE) => Ok(text.to_vec()),
        Some("/etc/other.conf") => {
            Ok(b"port 7000\nrequirepass secret\ninclude /etc/redis.conf\nmaxmemory 1gb".to_vec())
        }
        _ => Err(Error::from(ErrorKind::NotFound)),
    };
    let glob = |_: &str| vec![PathBuf::from("/etc/other.conf"), PathBuf::from("/etc/missing.conf")];
    redis_conf::load(&Start::with_file(FILE), release, &Files { read: &bytes, glob: &glob })
}

/// A directive written anew is read as the same words.
fn shown_as_read(conf: &Effective) {
    for directive in &conf.directives {
        let line = edit::line(&directive.name, &directive.args);
        let words: Vec<Vec<u8>> =
            std::iter::once(&directive.name).chain(&directive.args).map(|word| word.clone().into_bytes()).collect();
        assert_eq!(redis_conf::split_args(line.as_bytes()), Ok(words), "{line}");
    }
}

/// What is said in the file, in order, but for one name.
fn rest(conf: &Effective, name: &str) -> Vec<(String, Vec<String>)> {
    let others = conf.directives.iter().filter(|directive| directive.name != name);
    others.map(|directive| (directive.name.clone(), directive.args.clone())).collect()
}

fn changed(text: &[u8], conf: &Effective, release: Option<ServerVersion>) {
    // With includes another file may decide, and the caller changes that one.
    if conf.all("include").next().is_some() {
        return;
    }
    let settings: [(&str, &[&str]); 6] = [
        ("appendonly", &["yes"]),
        ("dbfilename", &["two words.rdb"]),
        ("save", &["900", "1", "300", "10"]),
        ("save", &[]),
        ("min-replicas-to-write", &["1000000"]),
        ("dir", &["/srv/\"data\""]),
    ];
    let (name, words) = settings[chosen(text, settings.len())];
    let after = read(&edit::set(text, name, words), release);
    let value = after.get(name).map(|setting| setting.value.clone()).unwrap_or_default();
    assert_eq!(value, words, "{name}");
    assert_eq!(rest(&after, name), rest(conf, name), "{name}");
    let Some(problem) = conf.problems.get(chosen(text, conf.problems.len())) else { return };
    let Origin::File { line, .. } = problem.origin else { return };
    if let Some(without) = edit::comment_out(text, line, &problem.text, "it stops a start") {
        assert_eq!(read(&without, release).problems.len() + 1, conf.problems.len(), "{}", problem.text);
    }
}

/// A block is taken out again without a trace.
fn block(text: &[u8]) {
    if edit::has_block(text, "redis-dr") {
        return;
    }
    let with = edit::append_block(text, "redis-dr", &["min-replicas-to-write 1000000".into(), "save \"\"".into()]);
    assert!(edit::has_block(&with, "redis-dr"));
    assert_eq!(edit::remove_block(&with, "redis-dr").as_deref(), Some(text));
}
