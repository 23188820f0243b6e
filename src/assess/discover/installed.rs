//! Servers that are installed: units, and configuration files that no unit names.
use super::running::Running;
use super::unit::{self, UnitFile};
use super::{Discovered, Found, address_of, read};
use crate::host::{Kind, Look};
use crate::redis_conf::{Effective, ServerVersion, Start};
use std::path::{Path, PathBuf};

/// Directories whose `*.conf` may be a server's.
const CONF_DIRS: &[&str] = &[
    "etc/redis",
    "etc/valkey",
    "etc/redict",
    "etc/keydb",
    "usr/local/etc",
    "usr/local/etc/redis",
    "usr/local/etc/valkey",
    "opt/redis",
    "opt/redis/etc",
    "opt/valkey",
    "opt/valkey/etc",
];
/// Names in `/etc` itself.
const CONF_NAMES: &[&str] = &["redis*.conf", "valkey*.conf", "redict*.conf", "keydb*.conf"];
/// Largest configuration looked into, in bytes.
const LARGEST: u64 = 1 << 20;
/// Configurations looked into in one directory.
const MOST: usize = 100;

/// How a server is started, as a unit or a configuration file says.
#[derive(Debug, Clone)]
pub(super) struct Installed {
    /// The unit or file that says so.
    pub(super) from: String,
    pub(super) unit: Option<String>,
    pub(super) user: Option<String>,
    pub(super) program: Option<PathBuf>,
    pub(super) start: Start,
    pub(super) conf: Effective,
}

impl Installed {
    fn of_unit(look: &Look, unit: UnitFile) -> Self {
        let cwd = unit.working_dir.clone().unwrap_or_else(|| PathBuf::from("/"));
        let start = Start::from_argv(&unit.argv, cwd);
        Self {
            from: unit.name.clone(),
            conf: read(look, &start),
            user: Some(unit.user.unwrap_or_else(|| "root".into())),
            program: unit.argv.first().map(PathBuf::from),
            unit: Some(unit.name),
            start,
        }
    }

    fn of_file(look: &Look, file: &Path) -> Self {
        let mut start = Start::with_file(file);
        start.cwd = file.parent().map_or_else(|| PathBuf::from("/"), Path::to_path_buf);
        let from = file.display().to_string();
        Self { from, unit: None, user: None, program: None, conf: read(look, &start), start }
    }

    /// Its configuration file, as an absolute path.
    pub(super) fn config_file(&self) -> Option<PathBuf> {
        self.start.config_file.as_ref().map(|file| self.start.cwd.join(file))
    }

    /// The server it would start, which does not run.
    pub(super) fn found(&self) -> Option<Found> {
        let (address, tls) = address_of(&self.conf)?;
        Some(Found {
            address,
            tls,
            pid: None,
            program: self.program.clone(),
            config_file: self.config_file(),
            unit: self.unit.clone(),
            user: self.user.clone(),
            data_dir: Some(self.conf.dir().to_path_buf()),
        })
    }
}

/// Everything that could start a server on this host.
pub(super) fn servers(look: &Look, root: &Path, out: &mut Discovered) -> Vec<Installed> {
    let mut all: Vec<Installed> =
        unit::servers(look, root, out).into_iter().map(|unit| Installed::of_unit(look, unit)).collect();
    out.looked_at.push(format!("/etc/{}", CONF_NAMES.join(", /etc/")));
    out.looked_at.extend(CONF_DIRS.iter().map(|dir| format!("/{dir}/*.conf")));
    let names = CONF_NAMES.iter().map(|name| root.join("etc").join(name));
    let dirs = CONF_DIRS.iter().map(|dir| root.join(dir).join("*.conf"));
    let mut files = Vec::new();
    for pattern in names.chain(dirs) {
        files.extend(look.glob(&pattern.to_string_lossy()).into_iter().take(MOST).filter(|f| is_server_conf(look, f)));
    }
    let real = |path: &Path| look.real_path(path).unwrap_or_else(|_| path.to_path_buf());
    for file in files {
        let known = all.iter().filter_map(Installed::config_file).any(|have| real(&have) == real(&file));
        if !known {
            all.push(Installed::of_file(look, &file));
        }
    }
    // What another one includes is a part of it, not a server.
    let included: Vec<PathBuf> =
        all.iter().flat_map(|one| one.conf.files.iter().skip(1)).map(|file| real(file)).collect();
    all.retain(|one| one.unit.is_some() || one.config_file().is_none_or(|file| !included.contains(&real(&file))));
    all
}

/// A configuration beside a running server's data, or in the directory above it, that names its port and directory.
pub(super) fn beside(look: &Look, server: &Running) -> Option<Installed> {
    let cwd = server.proc.cwd.as_ref()?;
    let places = [Some(cwd.as_path()), cwd.parent(), cwd.parent().and_then(Path::parent)];
    let above_root = places.into_iter().flatten().filter(|dir| *dir != Path::new("/"));
    above_root.flat_map(|dir| look.glob(&dir.join("*.conf").to_string_lossy()).into_iter().take(MOST)).find_map(
        |file| {
            let one = is_server_conf(look, &file).then(|| Installed::of_file(look, &file))?;
            server.is_started_by(look, &one).then_some(one)
        },
    )
}

/// Does a file read as a server's configuration? Not a Sentinel's, and not a list of users.
fn is_server_conf(look: &Look, file: &Path) -> bool {
    if !look.stat(file).is_ok_and(|s| s.kind == Kind::File && s.size <= LARGEST) {
        return false;
    }
    let Ok(text) = look.read_text(file, LARGEST) else {
        return false;
    };
    let names = text.lines().map(|line| line.split_whitespace().next().unwrap_or("").to_ascii_lowercase());
    let names: Vec<String> = names.filter(|name| !name.is_empty() && !name.starts_with('#')).collect();
    let sets = |name: &str| names.iter().any(|have| have == name);
    let telling = ["port", "unixsocket", "dir", "dbfilename", "pidfile", "appendonly", "save", "tls-port"];
    let foreign = names.iter().filter(|name| !crate::redis_conf::knows(None::<ServerVersion>, name)).count();
    !sets("sentinel") && telling.iter().any(|name| sets(name)) && foreign * 4 <= names.len()
}
