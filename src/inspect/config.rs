//! A redis.conf: what it decides about data, and what servers refuse in it.
use super::document::{Config, Directive, Inspection, Kind, Problem};
use super::servers;
use crate::facts::Validity;
use crate::host::{Look, shown};
use crate::redis_conf::{self, Effective, Files, Origin, ServerVersion, Start};
use std::path::Path;

/// Largest file read, in bytes.
const LARGEST: u64 = 16 << 20;

/// What decides where data is, whether it is kept, and whether it fits.
const SHOWN: [&str; 19] = [
    "dir",
    "dbfilename",
    "save",
    "appendonly",
    "appendfilename",
    "appenddirname",
    "appendfsync",
    "aof-use-rdb-preamble",
    "aof-load-truncated",
    "aof-timestamp-enabled",
    "auto-aof-rewrite-percentage",
    "databases",
    "maxmemory",
    "maxmemory-policy",
    "replicaof",
    "cluster-enabled",
    "port",
    "bind",
    "unixsocket",
];

pub(super) fn inspect(look: &Look, path: &Path) -> Inspection {
    let newest = load(look, path, None);
    let problems: Vec<Problem> = newest.problems.iter().map(problem).collect();
    let mut found = Inspection::of(path, Kind::Config);
    if let Some(first) = problems.first() {
        found.valid = Validity::Damaged;
        found.because = Some(format!("{}: {}", first.at, first.message));
    }
    found.servers = servers::of_config(|version| {
        load(look, path, Some(version)).problems.first().map(problem).map(|p| format!("{}: {}", p.at, p.message))
    });
    let modules = newest.all("loadmodule").map(|module| Directive {
        name: "loadmodule".into(),
        value: module.args.join(" "),
        line: Some(place(&module.origin)),
    });
    let effective = SHOWN.iter().filter_map(|name| directive(&newest, name)).chain(modules).collect();
    found.config = Some(Box::new(Config {
        files: newest.files.iter().map(|file| shown(file)).collect(),
        directives: newest.directives.len() as u64,
        effective,
        problems,
        managed_by: newest.managed_by,
    }));
    found
}

fn load(look: &Look, path: &Path, version: Option<ServerVersion>) -> Effective {
    let read = |path: &Path| look.read(path, LARGEST).map_err(|e| std::io::Error::other(e.to_string()));
    let glob = |pattern: &str| look.glob(pattern);
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let start = Start { cwd: whole.parent().unwrap_or(Path::new("/")).into(), ..Start::with_file(whole.clone()) };
    redis_conf::load(&start, version, &Files { read: &read, glob: &glob })
}

fn directive(conf: &Effective, name: &str) -> Option<Directive> {
    let setting = conf.get(name)?;
    let line = (setting.origin != Origin::Default).then(|| place(&setting.origin));
    let words: Vec<&str> = setting.value.iter().map(|w| if w.is_empty() { "\"\"" } else { w.as_str() }).collect();
    let value = if words.is_empty() { "\"\"".to_owned() } else { words.join(" ") };
    Some(Directive { name: name.to_owned(), value, line })
}

fn place(origin: &Origin) -> String {
    match origin {
        Origin::File { path, line } => format!("{}:{line}", shown(path)),
        other => other.to_string(),
    }
}

fn problem(problem: &redis_conf::Problem) -> Problem {
    Problem { at: place(&problem.origin), text: problem.text.clone(), message: problem.message.clone() }
}
