//! Which server loads which file. Tried with real servers: Redis 6.0 to 8.0, Valkey 8.0 to 9.1, Redict 7.3.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::{Magic, Report, Verdict};

/// A family of servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Flavour {
    /// Redis.
    Redis,
    /// Valkey.
    Valkey,
    /// Redict.
    Redict,
}

/// Which server, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerVersion {
    /// The family.
    pub flavour: Flavour,
    /// Major, minor, patch. Of Valkey and Redict their own, not the Redis version they claim for compatibility.
    pub version: (u32, u32, u32),
}

impl ServerVersion {
    /// Reads `redis-server --version` (`Redis server v=7.0.15 sha=…`) or the text of INFO server; none when neither is
    /// recognised.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(name))?;
            numbers(line.trim())
        };
        // The forks also carry `redis_version`, so their own fields come first.
        for (flavour, name) in [
            (Flavour::Valkey, "valkey_version:"),
            (Flavour::Redict, "redict_version:"),
            (Flavour::Redis, "redis_version:"),
        ] {
            if let Some(version) = field(name) {
                return Some(ServerVersion { flavour, version });
            }
        }
        let (name, rest) = text.trim().split_once(" server v=")?;
        let flavour = match name.rsplit(['\n', ' ']).next()?.to_ascii_lowercase().as_str() {
            "redis" => Flavour::Redis,
            "valkey" => Flavour::Valkey,
            "redict" => Flavour::Redict,
            _ => return None,
        };
        Some(ServerVersion { flavour, version: numbers(rest)? })
    }

    /// The newest RDB this server reads: versions of the REDIS header, and of the VALKEY header where it knows that.
    /// None for a server newer than those tried.
    fn reads(self) -> Option<(u32, Option<u32>)> {
        let (major, minor, _) = self.version;
        match (self.flavour, major, minor) {
            (Flavour::Redis, 0..=2, _) => Some((6, None)),
            (Flavour::Redis, 3, _) => Some((if minor >= 2 { 7 } else { 6 }, None)),
            (Flavour::Redis, 4, _) => Some((8, None)),
            (Flavour::Redis, 5 | 6, _) => Some((9, None)),
            (Flavour::Redis, 7, 0) => Some((10, None)),
            (Flavour::Redis, 7, 2) | (Flavour::Valkey, 7 | 8, _) => Some((11, None)),
            (Flavour::Redis, 7, 4) | (Flavour::Redis, 8, 0..=4) | (Flavour::Redict, 7, _) => Some((12, None)),
            (Flavour::Redis, 8, 5..=6) => Some((13, None)),
            (Flavour::Redis, 8, 7..=8) => Some((14, None)),
            (Flavour::Valkey, 9, 0..=1) => Some((11, Some(80))),
            _ => None,
        }
    }
}

impl std::fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (major, minor, patch) = self.version;
        let name = match self.flavour {
            Flavour::Redis => "Redis",
            Flavour::Valkey => "Valkey",
            Flavour::Redict => "Redict",
        };
        write!(f, "{name} {major}.{minor}.{patch}")
    }
}

fn numbers(text: &str) -> Option<(u32, u32, u32)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let mut parts = text.get(..end)?.split('.').map(|part| part.parse().ok());
    let major = parts.next()??;
    Some((major, parts.next().flatten().unwrap_or(0), parts.next().flatten().unwrap_or(0)))
}

/// Would the server load the file?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Loadable {
    /// It would.
    Yes,
    /// It would refuse.
    No {
        /// Why.
        because: String,
    },
    /// Cannot be said.
    Unknown {
        /// What is missing.
        because: String,
    },
}

/// Judges whether `server`, with `modules` loaded (names as `MODULE LIST` gives them, or the type names they register),
/// would load the walked file.
#[must_use]
pub fn loadable(report: &Report, server: &ServerVersion, modules: &[String]) -> Loadable {
    let no = |because: String| Loadable::No { because };
    match &report.verdict {
        Verdict::Intact => {}
        Verdict::Unreadable { .. } | Verdict::Stopped => {
            return Loadable::Unknown { because: report.verdict.to_string() };
        }
        Verdict::UnknownVersion { .. } => {}
        other => return no(format!("the file is {other}")),
    }
    let Some(magic) = report.magic else {
        return no("the file has no header".to_owned());
    };
    if let Some(refusal) = by_version(magic, report.version, server) {
        return refusal;
    }
    // Redict parted after version 12 was begun and before it got these.
    if server.flavour == Flavour::Redict && report.databases.values().any(|db| db.hash_field_expires > 0) {
        return no(format!("hash fields that expire, which {server} does not read"));
    }
    if let Verdict::UnknownVersion { because } = &report.verdict {
        return Loadable::Unknown { because: because.clone() };
    }
    by_modules(&report.modules, modules).unwrap_or(Loadable::Yes)
}

fn by_version(magic: Magic, version: u32, server: &ServerVersion) -> Option<Loadable> {
    let header = match magic {
        Magic::Redis => "RDB version",
        Magic::Valkey => "Valkey RDB version",
    };
    let Some((redis, valkey)) = server.reads() else {
        let because = format!("{server} is newer than those whose files are known");
        // Every server so far reads the files of all before it; only the families part.
        let old = magic == Magic::Redis && version <= 11;
        return (!old).then_some(Loadable::Unknown { because });
    };
    let newest = match magic {
        Magic::Redis => Some(redis),
        Magic::Valkey => valkey,
    };
    match newest {
        Some(newest) if version <= newest => None,
        Some(newest) => {
            Some(Loadable::No { because: format!("{header} {version}, and {server} reads up to {newest}") })
        }
        None => Some(Loadable::No { because: format!("{header} {version}, which {server} does not read") }),
    }
}

/// A module's types are named by the module; the two names often differ (`ReJSON` registers `ReJSON-RL`).
fn by_modules(needed: &[String], loaded: &[String]) -> Option<Loadable> {
    let missing: Vec<&str> = needed
        .iter()
        .map(String::as_str)
        .filter(|name| !loaded.iter().any(|have| have.eq_ignore_ascii_case(name)))
        .collect();
    if missing.is_empty() {
        return None;
    }
    let list = missing.join(", ");
    Some(if loaded.is_empty() {
        Loadable::No { because: format!("needs the modules of the types {list}, and the server has no modules") }
    } else {
        Loadable::Unknown {
            because: format!("needs the modules of the types {list}; the server has {}", loaded.join(", ")),
        }
    })
}
