//! Which directives exist, under which names, in which server.
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Redis or Valkey: they share directives up to Redis 7.2 and went apart after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Redis.
    Redis,
    /// Valkey.
    Valkey,
}

/// The server a configuration is read for. Releases differ in globs, defaults and directives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerVersion {
    /// Redis or Valkey.
    pub flavour: Flavour,
    /// First number of its own version (`valkey_version` for Valkey, not the `redis_version` it claims).
    pub major: u32,
    /// Second number.
    pub minor: u32,
}

impl ServerVersion {
    /// A Redis release.
    #[must_use]
    pub const fn redis(major: u32, minor: u32) -> Self {
        Self { flavour: Flavour::Redis, major, minor }
    }

    /// A Valkey release.
    #[must_use]
    pub const fn valkey(major: u32, minor: u32) -> Self {
        Self { flavour: Flavour::Valkey, major, minor }
    }

    /// True for every Valkey and for Redis 7.0 and later: multi-part AOF, include globs, `save` pairs on one line.
    #[must_use]
    pub const fn since_seven(self) -> bool {
        self.major >= 7
    }

    /// The columns of the table that speak for this release: its own, or those it lies between. None for a release newer
    /// than every column, where a name we do not know may simply be new.
    fn columns(self) -> Option<&'static [&'static str]> {
        let place = (self.major, self.minor);
        Some(match self.flavour {
            Flavour::Redis if place <= (6, 0) => &["6.0"],
            Flavour::Redis if place < (7, 0) => &["6.2"],
            Flavour::Redis if place == (7, 0) => &["7.0"],
            Flavour::Redis if place < (8, 0) => &["7.0", "8.0"],
            Flavour::Redis if place == (8, 0) => &["8.0"],
            Flavour::Redis => return None,
            Flavour::Valkey if place < (8, 0) => &["7.0", "v8.0"],
            Flavour::Valkey if place == (8, 0) => &["v8.0"],
            Flavour::Valkey if place == (8, 1) => &["v8.1"],
            Flavour::Valkey if place == (9, 0) => &["v8.1", "v9.1"],
            Flavour::Valkey if place == (9, 1) => &["v9.1"],
            Flavour::Valkey => return None,
        })
    }
}

static TABLE: &str = include_str!("directives.txt");

/// Kind and releases of each directive.
static ROWS: LazyLock<BTreeMap<&str, (&str, &str)>> = LazyLock::new(|| {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' ').and_then(|(name, rest)| Some((name, rest.split_once(' ')?)))).collect()
});

fn row(name: &str) -> Option<(&'static str, &'static str)> {
    ROWS.get(name).copied()
}

/// The kind of value of a directive (`yesno`, `port`, …), if the name is known at all.
pub(super) fn kind(name: &str) -> Option<&'static str> {
    row(name).map(|(kind, _)| kind)
}

/// Whether this server knows the directive. Unknown versions and releases newer than the table are given the benefit of
/// the doubt, and so are module settings (`name.setting`) from 7.0 on.
#[must_use]
pub fn knows(version: Option<ServerVersion>, name: &str) -> bool {
    if name.contains('.') && version.is_none_or(ServerVersion::since_seven) {
        return true;
    }
    let columns = version.map(ServerVersion::columns);
    match (columns, row(name)) {
        (Some(None), _) => true,
        (None, row) => row.is_some(),
        (Some(Some(columns)), Some((_, versions))) => {
            versions == "all" || versions.split(' ').any(|column| columns.contains(&column))
        }
        (Some(Some(_)), None) => false,
    }
}

/// Names of a release that come nearest to a misspelt one, for "did you mean".
pub(super) fn nearest(version: Option<ServerVersion>, name: &str) -> Option<&'static str> {
    // The length first: it is cheap, and a file of nothing but such lines, or of one without end, costs no more.
    let length = name.chars().take(LONGEST).count();
    ROWS.keys()
        .filter(|known| known.len().abs_diff(length) <= FARTHEST)
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .filter(|(distance, known)| *distance <= FARTHEST && *distance * 3 <= known.len())
        .filter(|(_, known)| knows(version, known))
        .min()
        .map(|(_, known)| *known)
}

/// Slips of the pen that still make a name.
const FARTHEST: usize = 2;
/// No directive is so long, whatever it is misspelt with.
const LONGEST: usize = 100;

/// The one name a directive goes by here, whatever alias was written: lower case, `replica` for `slave`, `master…` for
/// Valkey's `primary…`, `listpack` for `ziplist`.
#[must_use]
pub fn canonical(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "slaveof" => return "replicaof".to_owned(),
        "primaryauth" => return "masterauth".to_owned(),
        "primaryuser" => return "masteruser".to_owned(),
        "list-max-ziplist-entries" | "list-max-ziplist-value" => return name,
        _ => {}
    }
    name.replace("slaves", "replicas").replace("slave", "replica").replace("ziplist", "listpack")
}
