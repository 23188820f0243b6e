//! The configuration as a start would read it, as facts.
use super::answer::Answer;
use crate::action::{FENCE, with_causes};
use crate::facts::{Bytes, ConfigFacts, ConfigState, Facts, RefusedLine};
use crate::host::Look;
use crate::redis_conf::{self, Effective, Files, Origin, Problem, ProblemKind, ServerVersion, Start};
use std::path::{Path, PathBuf};

/// Largest configuration file read, in bytes.
const LARGEST: u64 = 16 << 20;

/// Reads a configuration with its includes.
#[must_use]
pub fn load(look: &Look, start: &Start, version: Option<ServerVersion>) -> Effective {
    let read = |path: &Path| look.read(path, LARGEST).map_err(|e| std::io::Error::other(e.to_string()));
    let glob = |pattern: &str| look.glob(pattern);
    redis_conf::load(start, version, &Files { read: &read, glob: &glob })
}

/// Where a start must happen for a relative `dir` to lead to the data: to where the running server works, else to a
/// directory that exists. `None` while the usual place does.
#[must_use]
pub fn started_elsewhere(look: &Look, start: &Start, usual: &Effective, works_in: Option<&Path>) -> Option<PathBuf> {
    let relative = usual.all("dir").last().is_none_or(|line| line.args.first().is_some_and(|d| !d.starts_with('/')));
    let fits = |conf: &Effective| match works_in {
        Some(dir) => same_path(look, &dir.to_string_lossy(), &conf.dir().to_string_lossy()),
        None => look.exists(conf.dir()),
    };
    let file = start.config_file.as_ref().filter(|file| file.is_absolute() && relative)?;
    if fits(usual) {
        return None;
    }
    file.ancestors().skip(1).map(Path::to_path_buf).find(|cwd| {
        let start = Start { cwd: cwd.clone(), ..start.clone() };
        fits(&load(look, &start, None))
    })
}

/// Why our rights do not suffice to read a configuration file, in words; what is in it is then unknown.
#[must_use]
pub fn may_not_read(look: &Look, file: &Path) -> Option<String> {
    let error = look.read(file, LARGEST).err()?;
    let kind = std::io::Error::from_raw_os_error(error.errno()?).kind();
    (kind == std::io::ErrorKind::PermissionDenied)
        .then(|| format!("{}; run redis-dr as root, or as the server's user", with_causes(&error)))
}

/// The facts of a configuration that was read.
#[must_use]
pub fn facts(
    effective: &Effective,
    file: Option<&Path>,
    major: Option<i64>,
    version: Option<ServerVersion>,
) -> ConfigFacts {
    let unreadable = effective.problems.iter().find(|p| p.kind == ProblemKind::Unreadable);
    let state = match (file, effective.problems.first()) {
        (Some(_), _) if unreadable.is_some() && effective.files.is_empty() => ConfigState::Missing,
        (Some(main), Some(_)) if unreadable.is_some() && !effective.files.iter().any(|f| f == main) => {
            ConfigState::Missing
        }
        (_, Some(_)) => ConfigState::Invalid,
        (None, None) => ConfigState::Missing,
        (Some(_), None) => ConfigState::Valid,
    };
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let fixed = |(name, setting): (&String, &redis_conf::Setting)| {
        (setting.origin == Origin::CommandLine).then(|| name.clone())
    };
    let policy = effective.maxmemory_policy();
    ConfigFacts {
        state: Some(state),
        file: file.map(text),
        files: effective.files.iter().map(|f| text(f)).collect(),
        error: effective.problems.first().map(|p| told(p, version)),
        repairable: Some(!effective.problems.iter().any(|p| redis_conf::must_stay(p, version).is_some())),
        refused: effective.problems.iter().filter_map(refused).collect(),
        digest: Some(digest(effective)),
        data_dir: Some(text(effective.dir())),
        dbfilename: Some(effective.dbfilename().to_string()),
        appendonly: Some(effective.appendonly()),
        appendfilename: Some(effective.appendfilename().to_string()),
        appenddirname: effective.appenddirname().map(str::to_string),
        multi_part: major.map(|m| m >= 7),
        save_points: Some(!effective.save_points().is_empty()),
        databases: Some(effective.databases()),
        maxmemory: Some(Bytes(effective.maxmemory())),
        evicts: Some(!policy.is_empty() && policy != "noeviction"),
        logfile: effective.logfile().map(|f| text(&f)),
        pidfile: effective.pidfile().map(|f| text(&f)),
        replicaof: Some(effective.replicaof().map(|(host, port)| format!("{host}:{port}")).unwrap_or_default()),
        cluster: Some(effective.cluster_enabled()),
        overridden: effective.values.iter().filter_map(fixed).collect(),
        managed_by: effective.managed_by.clone(),
        fenced: Some(effective.min_replicas_to_write() >= FENCE),
        start_loads: None,
        start_because: None,
        trap: None,
    }
}

/// A refused line in words, with the reason why it can't simply be left out, if so.
fn told(problem: &Problem, version: Option<ServerVersion>) -> String {
    let stays = redis_conf::must_stay(problem, version).map(|b| format!("; {b}")).unwrap_or_default();
    format!("{}: {} ({}){stays}", problem.origin, problem.message, problem.text)
}

fn refused(problem: &Problem) -> Option<RefusedLine> {
    let Origin::File { path, line } = &problem.origin else {
        return None;
    };
    let (text, because) = (problem.text.clone(), problem.message.clone());
    Some(RefusedLine { file: path.to_string_lossy().into_owned(), line: *line, text, because })
}

/// blake3 of all settings in effect. Secrets are in `values` only as a placeholder.
fn digest(effective: &Effective) -> String {
    let mut hasher = blake3::Hasher::new();
    for (name, setting) in &effective.values {
        hasher.update(name.as_bytes());
        for word in &setting.value {
            hasher.update(&[0]);
            hasher.update(word.as_bytes());
        }
        hasher.update(b"\n");
    }
    hasher.finalize().to_hex().to_string()
}

/// Settings whose difference from the file matters to what is kept and what comes back.
const WATCHED: &[&str] = &[
    "appendonly",
    "save",
    "dir",
    "dbfilename",
    "appendfilename",
    "appenddirname",
    "appendfsync",
    "maxmemory",
    "maxmemory-policy",
    "databases",
    "aof-load-truncated",
    "auto-aof-rewrite-percentage",
    "min-replicas-to-write",
    "stop-writes-on-bgsave-error",
    "rdbchecksum",
    "aof-use-rdb-preamble",
    "replicaof",
];

/// Settings of the running server that differ from what a start would set.
#[must_use]
pub fn drift(look: &Look, effective: &Effective, answer: &Answer) -> Vec<String> {
    let Some(live) = &answer.settings else {
        return vec![];
    };
    let differs = |name: &&&str| {
        let (Some(live), Some(file)) = (live.get(**name), effective.get(name)) else {
            return None;
        };
        let file = match **name {
            "dir" => effective.dir().to_string_lossy().into_owned(),
            "maxmemory" => effective.maxmemory().to_string(),
            _ => file.value.join(" "),
        };
        let same = match **name {
            // a directory that was removed is no setting that somebody changed
            "dir" => live.is_empty() || same_path(look, live, &file),
            _ => live.eq_ignore_ascii_case(&file),
        };
        (!same).then(|| format!("{name}: now `{}`, at a start `{}`", live.escape_debug(), file.escape_debug()))
    };
    WATCHED.iter().collect::<Vec<_>>().iter().filter_map(differs).collect()
}

/// Do two paths name the same directory?
#[must_use]
pub fn same_path(look: &Look, one: &str, other: &str) -> bool {
    let real = |path: &str| look.real_path(Path::new(path)).unwrap_or_else(|_| PathBuf::from(path));
    one == other || real(one) == real(other)
}

/// The facts where no configuration is known: what the running server says, and nothing where it doesn't. Nobody knows
/// where a server keeps its data that is down and was started who knows how.
#[must_use]
pub fn without_file(
    defaults: &Effective,
    answer: &Answer,
    version: Option<ServerVersion>,
    seen: &mut Facts,
) -> ConfigFacts {
    if answer.settings.is_some() {
        let mut config = facts(defaults, None, seen.server.major, version);
        of_the_running(&mut config, answer);
        return config;
    }
    for name in ["config.data_dir", "config.appendonly", "config.start_loads"] {
        seen.unknown.insert(name.into(), UNKNOWN.into());
    }
    ConfigFacts { state: Some(ConfigState::Missing), ..ConfigFacts::default() }
}

/// Why what follows from a configuration is not known.
pub const UNKNOWN: &str = "its configuration is not known";

/// Without a file the running server's settings are all there is.
pub fn of_the_running(config: &mut ConfigFacts, answer: &Answer) {
    let Some(live) = &answer.settings else { return };
    let text = |name: &str| live.get(name).cloned();
    let flag = |name: &str| live.get(name).map(|v| v == "yes");
    config.data_dir = text("dir");
    config.dbfilename = text("dbfilename");
    config.appendonly = flag("appendonly");
    config.appendfilename = text("appendfilename");
    config.appenddirname = text("appenddirname");
    config.save_points = live.get("save").map(|v| !v.is_empty());
    config.databases = answer.number("databases");
    config.maxmemory = answer.number("maxmemory").map(Bytes);
    config.evicts = live.get("maxmemory-policy").map(|p| p != "noeviction");
    config.logfile = text("logfile").filter(|f| !f.is_empty());
    config.multi_part = Some(live.contains_key("appenddirname"));
    config.replicaof = text("replicaof");
}
