//! May the server's user use its files, by their permission bits; and if not, what would have to change.
use super::survey::{Paths, Survey};
use crate::facts::{ConfigFacts, RightsFacts};
use crate::host::{Access, Kind, Look, Stat, User, shown};
use std::path::{Path, PathBuf};

/// Something the server's user needs to use.
struct Needed {
    path: PathBuf,
    stat: Stat,
    access: &'static [(Access, &'static str)],
    whose: Whose,
}

/// Who should own it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// The server's user: it is the instance's data.
    Server,
    /// Whoever does: the server only reads it.
    Owner,
    /// Whoever does, and it is not ours to change: a directory above.
    Above,
}

const ENTER: &[(Access, &str)] = &[(Access::Execute, "enter")];
const KEEP_FILES_IN: &[(Access, &str)] =
    &[(Access::Execute, "enter"), (Access::Read, "list"), (Access::Write, "write in")];
const READ: &[(Access, &str)] = &[(Access::Read, "read")];
const APPEND_TO: &[(Access, &str)] = &[(Access::Read, "read"), (Access::Write, "write")];

/// What the server's user may not do, and what gives it back.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Which path it may not use, and why; none where nothing was found.
    pub problem: Option<String>,
    /// Owner and mode that paths must get, as few as do.
    pub repairs: Vec<RightsFacts>,
    /// Why these would not help, or are not ours to make.
    pub because: Option<String>,
}

/// Looks at all that a start of the server would use.
///
/// ACLs are not considered: where one is in use, the bits show its mask, which errs to the side of allowing.
#[must_use]
pub fn rights(
    look: &Look,
    paths: &Paths,
    survey: &Survey,
    config: &ConfigFacts,
    user: &User,
    groups: &[u32],
) -> Rights {
    let mut out = Rights::default();
    if user.uid == 0 {
        return out;
    }
    for needed in needed(look, paths, survey, config) {
        let Some((_, what)) = needed.access.iter().find(|(a, _)| !needed.stat.allows(user.uid, groups, *a)) else {
            continue;
        };
        let path = shown(&needed.path);
        let Stat { uid, gid, mode, .. } = needed.stat;
        let refused = format!("user {} may not {what} {path} (owner {uid}, group {gid}, mode {mode:o})", user.name);
        match repair(look, &needed, user, groups) {
            Ok(repair) => out.repairs.push(repair),
            Err(because) => out.because = out.because.or(Some(format!("{path}: {because}"))),
        }
        out.problem = out.problem.or(Some(refused));
    }
    out
}

/// Everything that a start uses, outermost first.
fn needed(look: &Look, paths: &Paths, survey: &Survey, config: &ConfigFacts) -> Vec<Needed> {
    let mut all = Vec::new();
    let mut add = |path: &Path, stat: Option<Stat>, access, whose| {
        if let Some(stat) = stat.or_else(|| look.stat(path).ok()) {
            all.push(Needed { path: path.to_path_buf(), stat, access, whose });
        }
    };
    for file in &config.files {
        add(Path::new(file), None, READ, Whose::Owner);
    }
    for above in paths.dir.ancestors().skip(1) {
        add(above, None, ENTER, Whose::Above);
    }
    add(&paths.dir, None, KEEP_FILES_IN, Whose::Server);
    // A log file that can't be opened keeps the server from starting.
    if let Some(log) = config.logfile.as_ref().filter(|log| look.exists(Path::new(log))) {
        add(Path::new(log), None, APPEND_TO, Whose::Server);
    }
    if !paths.settings.appendonly {
        if let Some(stat) = survey.rdb {
            add(&paths.rdb, Some(stat), READ, Whose::Server);
        }
        return all;
    }
    let parts = paths.manifest.is_some() && look.exists(&paths.aof);
    if parts {
        add(&paths.aof, None, KEEP_FILES_IN, Whose::Server);
    }
    for (name, stat) in &survey.aof_stats {
        let path = if parts { paths.aof.join(name) } else { paths.single_aof.clone() };
        let access = if name.ends_with(".incr.aof") || !parts { APPEND_TO } else { READ };
        add(&path, Some(*stat), access, Whose::Server);
    }
    all
}

/// Owner and mode that are enough; all that need not change stays.
fn repair(look: &Look, needed: &Needed, user: &User, groups: &[u32]) -> Result<RightsFacts, String> {
    let stat = look.lstat(&needed.path).map_err(|e| e.to_string())?;
    match stat.kind {
        Kind::File | Kind::Directory => {}
        _ => return Err("it is a link or no regular file, so its owner is a person's to change".into()),
    }
    let was = stat.owner();
    let gid = if groups.contains(&was.gid) { was.gid } else { user.gid };
    let bits = needed.access.iter().fold(0, |bits, (access, _)| bits | access.bit());
    let (uid, gid, mode) = match needed.whose {
        Whose::Above => return Err("a directory above the data is not ours to change".into()),
        Whose::Server => (user.uid, gid, was.mode | bits << 6),
        // What root owns and the server reads, such as its configuration, stays root's.
        Whose::Owner if was.uid == user.uid => (was.uid, was.gid, was.mode | bits << 6),
        Whose::Owner => (was.uid, gid, was.mode | bits << 3),
    };
    if !look.is_root() && (was.uid != look.uid() || (uid, gid) != (was.uid, was.gid)) {
        return Err("only root can give it to another user".into());
    }
    let two_names = stat.kind == Kind::File && stat.nlink > 1;
    if two_names && !look.links_are_protected() {
        return Err(
            "it has a second name, and this kernel lets users link files of others (fs.protected_hardlinks)".into()
        );
    }
    Ok(RightsFacts {
        path: needed.path.to_string_lossy().into_owned(),
        uid,
        gid,
        mode,
        was: [was.uid, was.gid, was.mode],
    })
}
