//! May the server's user use its files, by owner, mode, ACL and label; and if not, what would have to change.
use super::survey::{Paths, Survey};
use crate::facts::{ConfigFacts, RightsFacts};
use crate::host::{Access, Acl, Kind, Look, Stat, User, shown};
use std::path::{Path, PathBuf};

/// Something the server's user needs to use.
struct Needed {
    path: PathBuf,
    stat: Stat,
    acl: Option<Acl>,
    access: &'static [(Access, &'static str)],
    whose: Whose,
}

impl Needed {
    /// What of it the server's user may not do; `None`: it may all it needs.
    fn refused(&self, user: &User, groups: &[u32]) -> Option<&'static str> {
        let may = |access| match &self.acl {
            Some(acl) => acl.allows(self.stat.owner(), user.uid, groups, access),
            None => self.stat.allows(user.uid, groups, access),
        };
        self.access.iter().find(|(access, _)| !may(*access)).map(|(_, what)| *what)
    }

    /// Its label and its directory's, where a data file came from elsewhere: SELinux goes by their types.
    fn foreign(&self, look: &Look, dir: &Path) -> Option<(String, String)> {
        if self.whose != Whose::Server || self.path == dir || !self.path.starts_with(dir) {
            return None;
        }
        let (own, wanted) = (look.label(&self.path)?, look.label(dir)?);
        (kind_of(&own) != kind_of(&wanted)).then_some((own, wanted))
    }
}

/// The type of an SELinux label `user:role:type:level`.
fn kind_of(label: &str) -> Option<&str> {
    label.split(':').nth(2)
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

/// Looks at all that a start of the server would use. `enforced`: SELinux keeps processes from what their labels do not
/// allow, so a data file of another type than its directory's can't be used either.
#[must_use]
pub fn rights(
    look: &Look,
    paths: &Paths,
    survey: &Survey,
    config: &ConfigFacts,
    (user, groups): (&User, &[u32]),
    enforced: bool,
) -> Rights {
    let mut out = Rights::default();
    if user.uid == 0 {
        return out;
    }
    for needed in needed(look, paths, survey, config) {
        let refused = needed.refused(user, groups);
        let foreign = needed.foreign(look, &paths.dir);
        let label = foreign.as_ref().filter(|_| enforced).map(|(_, wanted)| wanted.clone());
        if refused.is_none() && label.is_none() {
            continue;
        }
        let path = shown(&needed.path);
        let Stat { uid, gid, mode, .. } = needed.stat;
        let acl = needed.acl.as_ref().map(|acl| format!(", ACL {acl}")).unwrap_or_default();
        let label_shown = foreign.map(|(own, wanted)| format!(", label {own}, its directory's is {wanted}"));
        let said = format!(
            "user {} may not {} {path} (owner {uid}, group {gid}, mode {mode:o}{acl}{})",
            user.name,
            refused.unwrap_or("use"),
            label_shown.unwrap_or_default()
        );
        match repair(look, &needed, user, groups, label) {
            Ok(repair) => out.repairs.push(repair),
            Err(because) => out.because = out.because.or(Some(format!("{path}: {because}"))),
        }
        out.problem = out.problem.or(Some(said));
    }
    out
}

/// Everything that a start uses, outermost first.
fn needed(look: &Look, paths: &Paths, survey: &Survey, config: &ConfigFacts) -> Vec<Needed> {
    let mut all = Vec::new();
    let mut add = |path: &Path, stat: Option<Stat>, access, whose| {
        if let Some(stat) = stat.or_else(|| look.stat(path).ok()) {
            all.push(Needed { path: path.to_path_buf(), stat, acl: look.acl(path), access, whose });
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

/// Owner, mode and ACL that are enough, and the label; all that need not change stays.
fn repair(
    look: &Look,
    needed: &Needed,
    user: &User,
    groups: &[u32],
    label: Option<String>,
) -> Result<RightsFacts, String> {
    let stat = look.lstat(&needed.path).map_err(|e| e.to_string())?;
    match stat.kind {
        Kind::File | Kind::Directory => {}
        _ => return Err("it is a link or no regular file, so its owner is a person's to change".into()),
    }
    let was = stat.owner();
    let gid = if groups.contains(&was.gid) { was.gid } else { user.gid };
    let bits = needed.access.iter().fold(0, |bits, (access, _)| bits | access.bit());
    let mut acl = None;
    let (uid, gid, mode) = match (needed.whose, &needed.acl) {
        (Whose::Above, _) => return Err("a directory above the data is not ours to change".into()),
        _ if needed.refused(user, groups).is_none() => (was.uid, was.gid, was.mode),
        (Whose::Server, _) => (user.uid, gid, was.mode | bits << 6),
        // What root owns and the server reads, such as its configuration, stays root's.
        (Whose::Owner, _) if was.uid == user.uid => (was.uid, was.gid, was.mode | bits << 6),
        (Whose::Owner, Some(has)) => {
            let more = has.granting(user.uid, bits);
            let mode = more.mode(was.mode);
            acl = Some(more.to_string());
            (was.uid, was.gid, mode)
        }
        (Whose::Owner, None) => (was.uid, gid, was.mode | bits << 3),
    };
    if !look.is_root() && (was.uid != look.uid() || (uid, gid) != (was.uid, was.gid) || label.is_some()) {
        return Err("only root can give it to another user, or another label".into());
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
        acl,
        acl_was: needed.acl.as_ref().map(ToString::to_string),
        label,
        label_was: look.label(&needed.path),
    })
}
