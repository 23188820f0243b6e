//! Never near production: no data directory, no address and no unit of what is in use.
use super::{DrillError, Ground};
use crate::config::Address;
use crate::host::Kind;
use std::path::{Path, PathBuf};

/// What belongs to a configured instance.
#[derive(Debug, Clone, PartialEq)]
pub struct InUse {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub address: Address,
    /// Its data directory, where it is known.
    pub data_dir: Option<PathBuf>,
    /// Its unit.
    pub unit: Option<String>,
    /// Directories of its backups.
    pub stores: Vec<PathBuf>,
}

/// Names that only a server's data has.
const DATA: &[&str] = &["dump.rdb", "appendonlydir", "appendonly.aof", "nodes.conf"];

/// Refuses where a sandbox would lie in, above or beside data that is in use, or would end with a unit that is.
///
/// # Errors
/// [`DrillError::NearProduction`], with what is there.
pub fn far_from_production(ground: &Ground<'_>, in_use: &[InUse]) -> Result<(), DrillError> {
    let above = ground.look.real_path(&ground.above)?;
    let refuse =
        |because: String| Err(DrillError::NearProduction { place: format!("in {}", ground.above.display()), because });
    for one in in_use {
        let its = one.data_dir.iter().map(|dir| ("data", dir)).chain(one.stores.iter().map(|dir| ("backups", dir)));
        for (what, dir) in its {
            let dir = ground.look.real_path(dir).unwrap_or_else(|_| dir.clone());
            if above.starts_with(&dir) {
                return refuse(format!("the {what} of {} are there", one.name));
            }
        }
    }
    for dir in above.ancestors().filter(|dir| *dir != Path::new("/")) {
        if let Some(name) = DATA.iter().find(|name| is_data(ground, &dir.join(name))) {
            return refuse(format!("{} holds a server's {name}", dir.display()));
        }
    }
    let servers = ground.look.servers()?;
    let at_home = |p: &&crate::host::process::Proc| {
        p.cwd.as_deref().is_some_and(|cwd| cwd != Path::new("/") && above.starts_with(cwd))
    };
    if let Some(server) = servers.iter().find(at_home) {
        return refuse(format!("a server is at home there (pid {}: {})", server.pid(), server.shown()));
    }
    let own = ground.look.own_service_unit();
    match in_use.iter().find(|one| one.unit.is_some() && one.unit == own) {
        Some(one) => Err(DrillError::NearProduction {
            place: format!("inside the unit {}", own.unwrap_or_default()),
            because: format!("it is that of {}", one.name),
        }),
        None => Ok(()),
    }
}

fn is_data(ground: &Ground<'_>, path: &Path) -> bool {
    ground.look.lstat(path).is_ok_and(|stat| stat.kind == Kind::File || stat.kind == Kind::Directory)
}
