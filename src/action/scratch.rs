//! The proof by a private load: the server's own program loads a copy of a set, or a snapshot, before it is put in place.
//!
//! The files are links into a directory of their own beside the data, so that nothing is copied; what a server appends to
//! in place gets bytes of its own. The directory is a temporary of the vault: what a killed redis-dr leaves behind is
//! swept by the next use.
use super::{ActError, Hands, Site};
use crate::aof::manifest::{Entry, Kind, Manifest};
use crate::facts::Seconds;
use crate::host::process::Reins;
use crate::host::{Look, Owner};
use crate::sandbox::{self, Loaded, Loads, PrivateLoad};
use crate::vault::{BuildDir, Content};
use schemars::JsonSchema;
use serde::Serialize;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What a private load showed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LoadProof {
    /// Keys in all databases.
    pub keys: u64,
    /// DEBUG DIGEST of the data, where the server tells it.
    pub digest: Option<String>,
}

/// Files of an AOF that is not in its place yet, or of the one that is.
pub(super) fn load_parts(
    hands: &mut Hands<'_>,
    dir: &Path,
    listed: &Manifest,
    timeout: Seconds,
) -> Result<LoadProof, ActError> {
    let name = hands.site.aof_name.clone();
    let manifest = format!("{name}.manifest");
    let mut listed = listed.clone();
    // a number that nothing follows is one that no server wrote: it refuses the second of that name
    let seq = listed.entries.iter().map(|e| e.seq).max().unwrap_or(0).saturating_add(1);
    // removals of keys whose time is over go to the last increment: it must be nobody else's
    let own = Entry { name: format!("{name}.{seq}.incr.aof"), seq, kind: Kind::Incr, extra: vec![] };
    let (_, owner) = hands.owners()?;
    let fill = |build: &mut BuildDir<'_>, file: Owner| -> Result<(), ActError> {
        for entry in listed.entries.iter().filter(|e| e.kind != Kind::History) {
            build.add_link_or_copy(&dir.join(&entry.name), &entry.name, true, owner)?;
        }
        build.add_file(&own.name, Content::Bytes(b""), file)?;
        listed.entries.push(own);
        build.add_file(&manifest, Content::Bytes(listed.render().as_bytes()), file)?;
        Ok(())
    };
    judged(load(hands, Loads::Aof(name), timeout, fill)?)
}

/// An AOF in one file: it is copied, since the server appends to it.
pub(super) fn load_single(
    hands: &mut Hands<'_>,
    content: &mut dyn Read,
    timeout: Seconds,
) -> Result<LoadProof, ActError> {
    let name = hands.site.aof_name.clone();
    let fill = |build: &mut BuildDir<'_>, file: Owner| -> Result<(), ActError> {
        build.add_file(&name, Content::Reader(content), file)?;
        Ok(())
    };
    judged(load(hands, Loads::Aof(name.clone()), timeout, fill)?)
}

/// A snapshot. `keys`: how many were walked.
pub(super) fn load_snapshot(
    hands: &mut Hands<'_>,
    content: &mut dyn Read,
    keys: u64,
    timeout: Seconds,
) -> Result<LoadProof, ActError> {
    const NAME: &str = "private.rdb";
    let fill = |build: &mut BuildDir<'_>, file: Owner| -> Result<(), ActError> {
        build.add_file(NAME, Content::Reader(content), file)?;
        Ok(())
    };
    let loaded = load(hands, Loads::Snapshot(NAME.into()), timeout, fill)?;
    // a primary drops keys whose time is over while it loads; before 7.0 it does not say how many
    let most = loaded.from_snapshot.map_or(loaded.keys, |(loaded, expired)| loaded + expired);
    if most > keys || (loaded.from_snapshot.is_some() && most < keys) {
        let because = format!("a private server loaded {most} keys, expired ones included, and {keys} were walked");
        return Err(ActError::failed(because, "choose another point: redis-dr points"));
    }
    judged(loaded)
}

fn judged(loaded: Loaded) -> Result<LoadProof, ActError> {
    match loaded.refused {
        None => Ok(LoadProof { keys: loaded.keys, digest: loaded.digest }),
        Some((count, first)) => {
            let because = format!("a private server refused {count} commands of it; the first: {first}");
            Err(ActError::failed(because, "choose a point before them: redis-dr points"))
        }
    }
}

fn load(
    hands: &mut Hands<'_>,
    loads: Loads,
    timeout: Seconds,
    fill: impl FnOnce(&mut BuildDir<'_>, Owner) -> Result<(), ActError>,
) -> Result<Loaded, ActError> {
    room(hands.look, hands.site)?;
    let reins = Reins::new();
    sandbox::end_strays(hands.look, &reins, &hands.site.data_dir);
    let private = private_load(hands, loads, timeout)?;
    let (_, file) = hands.owners()?;
    let (dir, file) = (Owner { mode: 0o700, ..file }, Owner { mode: 0o600, ..file });
    let mut build = hands.vault.build_dir(&hands.site.data_dir.join("private"), dir)?;
    fill(&mut build, file)?;
    build.add_file(sandbox::CONFIG, Content::Bytes(private.config().as_bytes()), file)?;
    let built = build.finish()?;
    let loaded = private.load(hands.look, &reins, built.path(), hands.interrupted);
    let gone = hands.vault.take_down(built);
    let loaded = match loaded {
        Err(_) if (hands.interrupted)() => return Err(ActError::interrupted()),
        Err(because) => return Err(ActError::failed(because, "choose another point: redis-dr points")),
        Ok(loaded) => loaded,
    };
    gone?;
    Ok(loaded)
}

fn room(look: &Look, site: &Site) -> Result<(), ActError> {
    let needed = site.point.as_ref().and_then(|p| p.memory_needed);
    sandbox::room(look, needed)
        .map_err(|because| ActError::failed(because, "free some memory, or leave the private load out: load: false"))
}

fn private_load(hands: &Hands<'_>, loads: Loads, timeout: Seconds) -> Result<PrivateLoad, ActError> {
    let site = hands.site;
    let program = site
        .binary
        .clone()
        .ok_or_else(|| ActError::failed("the server program was not found", "set bin_dir in the config"))?;
    let user = site.run_as.as_deref().filter(|_| hands.look.is_root()).map(|name| hands.look.user(name)).transpose()?;
    Ok(PrivateLoad {
        program,
        version: site.version.clone(),
        lines: super::conf::text(hands)
            .map(|text| sandbox::deciding(&super::effective(hands.look, site, &text)))
            .unwrap_or_default(),
        loads,
        user,
        launcher: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe")),
        timeout: timeout.duration(),
    })
}
