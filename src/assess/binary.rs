//! Which server program a start would run, and its version.
use crate::facts::Flavour;
use crate::host::Look;
use crate::host::process::Command as Question;
use crate::rdb::{self, ServerVersion};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Names that a server program goes by, in the order they are looked for.
const NAMES: &[&str] = &["redis-server", "valkey-server", "redict-server"];
/// Where programs are when nobody says.
const PLACES: &[&str] = &["/usr/bin", "/usr/local/bin", "/usr/sbin", "/opt/redis/bin", "/opt/valkey/bin"];

/// The server program: the configured directory's, else the running process', else the system's.
#[must_use]
pub fn find(look: &Look, bin_dir: Option<&Path>, running: Option<PathBuf>) -> Option<PathBuf> {
    let in_dir = |dir: &Path| NAMES.iter().map(|name| dir.join(name)).find(|path| look.exists(path));
    match bin_dir {
        Some(dir) => in_dir(dir),
        None => {
            running.filter(|path| look.exists(path)).or_else(|| PLACES.iter().find_map(|dir| in_dir(Path::new(dir))))
        }
    }
}

/// A version as facts have it: family, text, first number.
#[must_use]
pub fn as_facts(version: &ServerVersion) -> (Flavour, String, i64) {
    let flavour = match version.flavour {
        rdb::Flavour::Redis => Flavour::Redis,
        rdb::Flavour::Valkey => Flavour::Valkey,
        rdb::Flavour::Redict => Flavour::Redict,
    };
    let (major, minor, patch) = version.version;
    (flavour, format!("{major}.{minor}.{patch}"), i64::from(major))
}

/// The version that a running server claims, in the walkers' terms.
#[must_use]
pub fn of_server(flavour: Option<Flavour>, version: Option<&str>) -> Option<ServerVersion> {
    let field = match flavour? {
        Flavour::Redis => "redis_version",
        Flavour::Valkey => "valkey_version",
        Flavour::Redict => "redict_version",
    };
    ServerVersion::parse(&format!("{field}:{}", version?))
}

/// The version in the terms of redis.conf.
#[must_use]
pub fn for_conf(version: &ServerVersion) -> crate::redis_conf::ServerVersion {
    let (major, minor, _) = version.version;
    match version.flavour {
        rdb::Flavour::Valkey => crate::redis_conf::ServerVersion::valkey(major, minor),
        rdb::Flavour::Redis | rdb::Flavour::Redict => crate::redis_conf::ServerVersion::redis(major, minor),
    }
}

/// Asks the program for its version.
#[must_use]
pub fn version(look: &Look, program: &Path) -> Option<ServerVersion> {
    let command = Question::new([program.to_str()?, "--version"], Duration::from_secs(3));
    ServerVersion::parse(&look.ask(&command).ok()?.text())
}
