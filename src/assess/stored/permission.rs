//! May the server's user use its files, by their permission bits.
use super::survey::{Paths, Survey};
use crate::host::{Access, Look, Stat, shown};
use std::path::Path;

/// Which path the user may not use, and why; `None` when nothing was found.
///
/// ACLs are not considered: where one is in use, the bits show its mask, which errs to the side of allowing.
#[must_use]
pub fn problem(look: &Look, paths: &Paths, survey: &Survey, uid: u32, groups: &[u32]) -> Option<String> {
    if uid == 0 {
        return None;
    }
    let refuses = |path: &Path, stat: &Stat, access: Access, what: &str| {
        (!stat.allows(uid, groups, access)).then(|| {
            let path = shown(path);
            format!(
                "user id {uid} may not {what} {path} (owner {}, group {}, mode {:o})",
                stat.uid, stat.gid, stat.mode
            )
        })
    };
    for above in paths.dir.ancestors().skip(1) {
        let stat = look.stat(above).ok()?;
        if let Some(found) = refuses(above, &stat, Access::Execute, "enter") {
            return Some(found);
        }
    }
    let dir = look.stat(&paths.dir).ok()?;
    for (access, what) in [(Access::Execute, "enter"), (Access::Read, "list"), (Access::Write, "write in")] {
        if let Some(found) = refuses(&paths.dir, &dir, access, what) {
            return Some(found);
        }
    }
    if let Some(stat) = &survey.rdb
        && !paths.settings.appendonly
        && let Some(found) = refuses(&paths.rdb, stat, Access::Read, "read")
    {
        return Some(found);
    }
    if !paths.settings.appendonly {
        return None;
    }
    if paths.manifest.is_some()
        && let Ok(stat) = look.stat(&paths.aof)
    {
        for (access, what) in [(Access::Execute, "enter"), (Access::Read, "list"), (Access::Write, "write in")] {
            if let Some(found) = refuses(&paths.aof, &stat, access, what) {
                return Some(found);
            }
        }
    }
    survey.aof_stats.iter().find_map(|(name, stat)| {
        let path = if paths.manifest.is_some() { paths.aof.join(name) } else { paths.single_aof.clone() };
        let appended = name.ends_with(".incr.aof") || paths.manifest.is_none();
        refuses(&path, stat, Access::Read, "read")
            .or_else(|| appended.then(|| refuses(&path, stat, Access::Write, "write"))?)
    })
}
