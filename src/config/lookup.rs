//! Which configuration is in force, and where state lives without one.
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The file's name wherever it is looked for.
pub const FILE_NAME: &str = "redis-dr.yaml";

/// The configuration in force: `-c`, `$REDIS_DR_CONFIG`, `./redis-dr.yaml` (never for root, who may stand in anybody's
/// directory), `$XDG_CONFIG_HOME/redis-dr/redis-dr.yaml`, `/etc/redis-dr/redis-dr.yaml`. The first two are returned whether
/// they exist or not, so that a slip is an error and not another file; `None` when there is none.
#[must_use]
pub fn lookup(
    flag: Option<&Path>,
    env: &dyn Fn(&str) -> Option<OsString>,
    is_root: bool,
    exists: &dyn Fn(&Path) -> bool,
) -> Option<PathBuf> {
    if let Some(path) = flag {
        return Some(path.to_owned());
    }
    if let Some(path) = env("REDIS_DR_CONFIG").filter(|p| !p.is_empty()) {
        return Some(path.into());
    }
    let here = (!is_root).then(|| Path::new(".").join(FILE_NAME));
    let user = xdg(env, "XDG_CONFIG_HOME", ".config").map(|d| d.join("redis-dr").join(FILE_NAME));
    let system = Path::new("/etc/redis-dr").join(FILE_NAME);
    [here, user, Some(system)].into_iter().flatten().find(|path| exists(path))
}

/// Where a new configuration goes: the system's place for root, else the user's own; both are looked up again. `None`
/// without a home directory.
#[must_use]
pub fn default_file(env: &dyn Fn(&str) -> Option<OsString>, is_root: bool) -> Option<PathBuf> {
    if is_root {
        return Some(Path::new("/etc/redis-dr").join(FILE_NAME));
    }
    xdg(env, "XDG_CONFIG_HOME", ".config").map(|d| d.join("redis-dr").join(FILE_NAME))
}

/// Where runs, journals and locks live unless told otherwise: `/var/lib/redis-dr` for root, else
/// `$XDG_STATE_HOME/redis-dr`. `None` without a home directory.
#[must_use]
pub fn default_state_dir(env: &dyn Fn(&str) -> Option<OsString>, is_root: bool) -> Option<PathBuf> {
    if is_root {
        return Some("/var/lib/redis-dr".into());
    }
    xdg(env, "XDG_STATE_HOME", ".local/state").map(|d| d.join("redis-dr"))
}

/// A directory of the XDG base directory specification: relative values are ignored, as it demands.
fn xdg(env: &dyn Fn(&str) -> Option<OsString>, name: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| env(name).map(PathBuf::from).filter(|p| p.is_absolute());
    absolute(name).or_else(|| absolute("HOME").map(|home| home.join(below_home)))
}
