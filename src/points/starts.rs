//! What a start would load: settings and names in, one word and its reason out.
use crate::aof::manifest::{self, Manifest};
use crate::facts::WouldLoad;

/// The settings that decide what is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartSettings {
    /// Is the AOF on?
    pub appendonly: bool,
    /// `appendfilename`.
    pub appendfilename: String,
    /// `dbfilename`.
    pub dbfilename: String,
    /// Is the AOF kept in parts (7.0 and newer)?
    pub multi_part: bool,
}

/// The names that a start looks at, with sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StartFiles {
    /// Size of the configured snapshot; `None` when it is not there.
    pub rdb: Option<u64>,
    /// Size of the single-file AOF `dir/appendfilename`; `None` when it is not there.
    pub single_aof: Option<u64>,
    /// Every name in the AOF directory, with sizes; empty when the directory is not there.
    pub aof_dir: Vec<(String, u64)>,
    /// The manifest's bytes; `None` when it is not there.
    pub manifest: Option<Vec<u8>>,
}

/// What a start would load, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Starts {
    /// What.
    pub loads: WouldLoad,
    /// Why.
    pub because: String,
    /// Would it come up empty because AOF is on and its files are not there, or not listed?
    pub trap: bool,
}

/// The AOF by name alone: what its directory listing says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AofNames {
    /// Nothing of it is there.
    Missing,
    /// Parts without a manifest.
    PartsOnly(Vec<String>),
    /// A manifest that the server would refuse.
    Broken(String),
    /// Listed files that are not there.
    FileMissing(String),
    /// All listed files are there; their size together.
    Listed(Manifest, u64),
    /// One file, with its size.
    Single(u64),
}

impl StartFiles {
    /// What the names say about the AOF.
    #[must_use]
    pub fn aof(&self, settings: &StartSettings) -> AofNames {
        if !settings.multi_part {
            return self.single_aof.map_or(AofNames::Missing, AofNames::Single);
        }
        let Some(bytes) = &self.manifest else {
            if let Some(size) = self.single_aof {
                // A 7.0 start takes an old single file over when there is no manifest.
                return AofNames::Single(size);
            }
            let parts: Vec<String> = self
                .aof_dir
                .iter()
                .filter(|(name, _)| manifest::part(name, &settings.appendfilename).is_some())
                .map(|(name, _)| name.clone())
                .collect();
            return if parts.is_empty() { AofNames::Missing } else { AofNames::PartsOnly(parts) };
        };
        let manifest = match manifest::parse(bytes) {
            Ok(manifest) => manifest,
            Err(error) => return AofNames::Broken(error.to_string()),
        };
        let size = |name: &str| self.aof_dir.iter().find(|(n, _)| n == name).map(|(_, size)| *size);
        let mut total = 0_u64;
        for entry in manifest.loaded() {
            match size(&entry.name) {
                Some(size) => total = total.saturating_add(size),
                None => return AofNames::FileMissing(entry.name.clone()),
            }
        }
        AofNames::Listed(manifest, total)
    }
}

/// What a start now would load, judged by settings and names; damage inside the files is the walkers' business.
#[must_use]
pub fn would_load(settings: &StartSettings, files: &StartFiles) -> Starts {
    let starts = |loads, because: String, trap| Starts { loads, because, trap };
    if !settings.appendonly {
        return match files.rdb {
            None => starts(WouldLoad::Nothing, format!("AOF is off and there is no {}", settings.dbfilename), false),
            Some(0) => starts(WouldLoad::Refuse, format!("AOF is off and {} has no bytes", settings.dbfilename), false),
            Some(_) => starts(WouldLoad::Rdb, format!("AOF is off, so {} is loaded", settings.dbfilename), false),
        };
    }
    let other = files.rdb.is_some_and(|size| size > 0);
    match files.aof(settings) {
        AofNames::Missing if other => starts(
            WouldLoad::Nothing,
            format!("AOF is on and has no files: it would come up empty, {} is not read", settings.dbfilename),
            true,
        ),
        AofNames::Missing => starts(WouldLoad::Nothing, "AOF is on and has no files".into(), true),
        AofNames::PartsOnly(parts) => starts(
            WouldLoad::Nothing,
            format!("AOF is on, {} parts are there and no manifest lists them: it would come up empty", parts.len()),
            true,
        ),
        AofNames::Broken(because) => {
            starts(WouldLoad::Refuse, format!("the AOF's manifest is refused: {because}"), false)
        }
        AofNames::FileMissing(name) => starts(
            WouldLoad::Refuse,
            format!("the AOF's manifest lists {}, which is not there", name.escape_debug()),
            false,
        ),
        AofNames::Listed(_, 0) | AofNames::Single(0) => {
            starts(WouldLoad::Nothing, "AOF is on and its files have no bytes".into(), other)
        }
        AofNames::Listed(..) => {
            starts(WouldLoad::Aof, "AOF is on and all files of its manifest are there".into(), false)
        }
        AofNames::Single(_) => {
            starts(WouldLoad::Aof, format!("AOF is on, so {} is loaded", settings.appendfilename), false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on() -> StartSettings {
        StartSettings {
            appendonly: true,
            appendfilename: "appendonly.aof".into(),
            dbfilename: "dump.rdb".into(),
            multi_part: true,
        }
    }

    #[test]
    fn aof_on_and_only_a_snapshot_is_the_trap() {
        let got = would_load(&on(), &StartFiles { rdb: Some(100), ..StartFiles::default() });
        assert_eq!((got.loads, got.trap), (WouldLoad::Nothing, true));
    }

    #[test]
    fn parts_without_a_manifest_are_the_trap_too() {
        let files = StartFiles { aof_dir: vec![("appendonly.aof.3.base.rdb".into(), 9)], ..StartFiles::default() };
        let got = would_load(&on(), &files);
        assert_eq!((got.loads, got.trap), (WouldLoad::Nothing, true));
    }

    #[test]
    fn a_complete_set_is_loaded_and_a_hole_in_it_refused() {
        let mut files = StartFiles {
            manifest: Some(
                b"file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n".to_vec(),
            ),
            aof_dir: vec![("appendonly.aof.1.base.rdb".into(), 9), ("appendonly.aof.1.incr.aof".into(), 0)],
            ..StartFiles::default()
        };
        assert_eq!(would_load(&on(), &files).loads, WouldLoad::Aof);
        files.aof_dir.pop();
        assert_eq!(would_load(&on(), &files).loads, WouldLoad::Refuse);
    }

    #[test]
    fn an_old_single_file_is_taken_over_by_a_new_server() {
        let files = StartFiles { single_aof: Some(10), ..StartFiles::default() };
        assert_eq!(would_load(&on(), &files).loads, WouldLoad::Aof);
    }

    #[test]
    fn with_the_aof_off_only_the_snapshot_counts() {
        let off = StartSettings { appendonly: false, ..on() };
        let none = StartFiles { single_aof: Some(10), ..StartFiles::default() };
        assert_eq!(would_load(&off, &none).loads, WouldLoad::Nothing);
        assert_eq!(would_load(&off, &StartFiles { rdb: Some(5), ..none }).loads, WouldLoad::Rdb);
    }
}
