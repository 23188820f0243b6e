//! Files: what a start would load, what is in them, and the recovery points they make.
use super::assessor::{Assessor, Depth, Wanted, printable};
use super::base::Base;
use super::stored::{self, Judged, Loader, Paths, Survey};
use super::{Earlier, elsewhere};
use crate::facts::{
    Bytes, Facts, FileState, Loadable, Point, PointKind, ProcessState, Seconds, ServerRole, Time, Validity, WouldLoad,
};
use crate::finding::Id;
use crate::host::Stat;
use crate::points::{self, LastWrite};
use crate::rdb::Report;
use crate::service;
use crate::store::{self, Verdicts};
use std::fmt::Write as _;
use std::path::Path;

/// Backups are all walked up to this many bytes in a store; beyond, only the newest until enough are good.
const ALL_UP_TO: u64 = 2 << 30;
/// Good backups that are enough.
const ENOUGH: usize = 3;

/// A server with fewer keys may have been flushed a moment ago.
pub const FEW: u64 = 1000;

type Walked = Result<(Report, Stat), String>;

/// Fills in the files' facts and gives the recovery points, best first.
pub(super) fn walk(
    assessor: &Assessor<'_>,
    base: &mut Base,
    wanted: &Wanted,
    earlier: &Earlier,
    now: Time,
) -> Vec<Point> {
    let look = assessor.look;
    let paths = if assessor.target.local { Paths::of(&base.facts.config) } else { None };
    let survey = paths.as_ref().map(|p| stored::survey(&look, p));
    if let (Some(paths), Some(survey)) = (&paths, &survey) {
        names(assessor, base, paths, survey);
        elsewhere::look_for(assessor, base, earlier);
        elsewhere::held_open(assessor, base, paths);
    } else {
        let because = "the data directory is not known, or on another host";
        for name in ["files.rdb.state", "files.aof.state"] {
            base.facts.unknown.insert(name.into(), because.into());
        }
    }
    let deep = match wanted.depth {
        Depth::Quick => false,
        Depth::Full => true,
        Depth::Usual => troubled(base),
    } && base.facts.disk.io_error != Some(true);
    let loader = loader(base);
    let known = Verdicts::load(&look, assessor.state.dir());
    let now_ms = now.0.as_millisecond();
    let examine = |path: &Path| store::examine(&look, path, &known, now_ms).map_err(|e| e.to_string());
    let (mut all, judged, mut backups) = std::thread::scope(|scope| {
        let judging = scope.spawn(|| {
            let (paths, survey) = (paths.as_ref()?, survey.as_ref()?);
            deep.then(|| stored::judge(&look, paths, survey, now_ms, wanted.moment.as_deref()))?
        });
        let mut all = Vec::new();
        if let (Some(paths), Some(survey)) = (&paths, &survey) {
            let path = paths.rdb.to_string_lossy();
            let walked: Option<Walked> = survey.rdb.as_ref().filter(|_| deep).map(|_| examine(&paths.rdb));
            base.facts.files.rdb = stored::snapshot_facts(&path, survey.rdb.as_ref(), walked.as_ref());
            if let Some((_, error)) = survey.errors.iter().find(|(p, _)| *p == paths.rdb) {
                base.facts.files.rdb.state = Some(FileState::Unreadable);
                base.facts.files.rdb.because = Some(error.to_string());
            }
            if let Some(stat) = survey.rdb.as_ref().filter(|s| s.size > 0) {
                all.push(stored::snapshot_point("rdb", PointKind::Rdb, &path, stat, None, walked.as_ref(), &loader));
            }
        }
        let backups = backups(assessor, base, deep, &loader, &examine);
        (all, judging.join().ok().flatten(), backups)
    });
    all.append(&mut backups);
    if let (Some(paths), Some(survey)) = (&paths, &survey) {
        aof(base, paths, survey, judged.as_ref(), &loader, &mut all);
    }
    all.iter_mut().for_each(|point| as_clients_left_it(point, earlier));
    for path in &wanted.point_files {
        all.push(in_hand(path, &loader, &examine));
    }
    known.save(assessor.state.dir());
    all.extend(memory(&base.facts, base.seen.used_memory, now));
    data_empty(&mut base.facts, &all);
    weigh(assessor, base, &mut all, wanted, earlier, now);
    refusal(base, &all);
    points::rank(all, wanted.prefer, assessor.target.rpo)
}

/// Is there a reason to walk the files?
fn troubled(base: &Base) -> bool {
    let (facts, server) = (&base.facts, &base.facts.server);
    let well =
        server.answers == Some(true) && (server.writable == Some(true) || server.role == Some(ServerRole::Slave));
    // A script may end by itself; one that has not by then is going to be ended, and what a start would load must be known.
    let script = server.busy == Some(true) && server.unchanged_for < Seconds(15.0);
    // A load that is always cut short is nothing to wait for.
    let waits = (server.loading == Some(true) && base.seen.start_timeout.is_none()) || script;
    !waits
        && (!well
            || server.keys == Some(0)
            || flushed(facts)
            || facts.config.trap == Some(true)
            || facts.config.start_loads == Some(WouldLoad::Refuse))
}

/// Was a server flushed that holds little since? What it lost may still be in its AOF, until that is rewritten.
fn flushed(facts: &Facts) -> bool {
    let server = &facts.server;
    facts.persistence.aof_enabled == Some(true)
        && server.flushes.is_some_and(|n| n > 0)
        && server.keys.is_some_and(|keys| keys < FEW)
}

/// What the names alone say: what a start loads, temporaries, rights.
fn names(assessor: &Assessor<'_>, base: &mut Base, paths: &Paths, survey: &Survey) {
    let (facts, seen) = (&mut base.facts, &mut base.seen);
    let starts = points::would_load(&paths.settings, &survey.files);
    facts.config.start_loads = Some(starts.loads);
    facts.config.start_because = Some(printable(&starts.because));
    facts.config.trap = Some(starts.trap);
    if let Some((path, error)) = survey.errors.iter().find(|(p, _)| *p == paths.dir || p.starts_with(&paths.aof)) {
        facts.config.start_loads = None;
        facts.config.trap = None;
        facts.unknown.insert("config.start_loads".into(), format!("{}: {error}", path.display()));
    }
    seen.io_errors = survey.errors.iter().filter(|(_, e)| e.is_io()).map(|(_, e)| printable(&e.to_string())).collect();
    // Of a server that runs: one that is down may have been given another disk since.
    let told =
        facts.server.answers == Some(true) && facts.log.fatal.iter().any(|line| line.finding == Some(Id::DiskIoError));
    if told || !seen.io_errors.is_empty() {
        facts.disk.io_error = Some(true);
    }
    match service::leftovers(&assessor.look, &paths.dir, &survey.temporaries) {
        Ok(left) => {
            facts.files.leftover_bytes = Some(Bytes(left.iter().map(|l| l.bytes.0).sum()));
            facts.files.leftovers = left;
        }
        Err(error) => {
            facts.unknown.insert("files.leftover_bytes".into(), error.to_string());
        }
    }
    facts.files.temporaries = survey.temporaries.iter().map(|n| printable(n)).collect();
    seen.other_rdb = survey.other_rdb.iter().map(|n| printable(n)).collect();
    seen.other_aof = survey.other_aof.iter().map(|n| printable(n)).collect();
    let untimed = facts.config.appendonly == Some(true) && seen.timestamps != Some(true);
    if untimed && facts.disk.io_error != Some(true) {
        seen.tagged = stored::is_tagged(&assessor.look, paths, survey);
    }
    let look = assessor.look;
    let user = facts.instance.user.clone().and_then(|name| look.user(&name).ok()).or_else(|| {
        let uid = if look.is_root() { look.stat(&paths.dir).ok()?.uid } else { look.uid() };
        look.user_by_id(uid).ok().flatten()
    });
    if let Some(user) = user {
        let groups = look.groups_of(&user).unwrap_or_else(|_| vec![user.gid]);
        let enforced = look.selinux_enforces();
        let rights = stored::rights(&look, paths, survey, &facts.config, (&user, &groups), enforced);
        facts.files.permission_ok = Some(rights.problem.is_none());
        facts.files.permission_repairable = Some(rights.because.is_none() && !rights.repairs.is_empty());
        facts.files.permission_because =
            rights.problem.map(|p| rights.because.map_or(p.clone(), |b| format!("{p}; {b}")));
        facts.files.rights = rights.repairs;
        facts.instance.user.get_or_insert(user.name);
    } else {
        facts.unknown.insert("files.permission_ok".into(), "the server's user is not known".into());
    }
}

fn loader(base: &Base) -> Loader {
    let config = &base.facts.config;
    let stems = base.effective.loadmodules();
    let named = stems.iter().filter_map(|m| m.file_stem()).map(|s| s.to_string_lossy().into_owned());
    let modules = &base.facts.server.modules;
    Loader {
        version: base.version,
        modules: if modules.is_empty() { named.collect() } else { modules.clone() },
        databases: config.databases,
        evicts_beyond: config.maxmemory.filter(|m| m.0 > 0 && config.evicts == Some(true)).map(|m| m.0),
    }
}

fn aof(
    base: &mut Base,
    paths: &Paths,
    survey: &Survey,
    judged: Option<&Judged>,
    loader: &Loader,
    all: &mut Vec<Point>,
) {
    base.facts.files.aof = stored::aof_facts(paths, survey, judged);
    let grows = base.facts.server.answers == Some(true) && base.facts.persistence.aof_enabled == Some(true);
    match judged {
        Some(judged) => {
            base.seen.flushes = judged.accidents.iter().map(|(a, _)| a.shown()).collect();
            base.seen.aof_base =
                judged.report.files.first().and_then(|f| f.rdb.as_ref()).map(|r| crate::facts::Bytes(r.bytes));
            let mut points = stored::aof_points(survey, judged, loader, grows);
            let fuller = stored::began_empty(judged, all);
            base.facts.files.aof.began_empty = Some(fuller.is_some());
            if let Some(because) = fuller {
                points.iter_mut().for_each(|point| point.why = format!("{}; {because}", point.why));
                base.seen.began_empty = Some(because);
            }
            if grows && base.facts.server.keys == Some(0) {
                // Every change of a running server goes into its AOF: a load would end where its memory is.
                let whole = points.iter_mut().filter(|p| p.kind == PointKind::Aof && p.valid == Validity::Intact);
                whole.for_each(|p| p.keys = Some(0));
            }
            all.extend(points);
        }
        None => all.extend(stored::unchecked_aof(&base.facts.files.aof)),
    }
}

/// Files of the stores, newest first.
fn backups(
    assessor: &Assessor<'_>,
    base: &mut Base,
    deep: bool,
    loader: &Loader,
    examine: &dyn Fn(&Path) -> Walked,
) -> Vec<Point> {
    let mut all = Vec::new();
    base.seen.stores_configured = !assessor.target.stores.is_empty();
    for (store, dir) in &assessor.target.stores {
        let listing = match store::list(&assessor.look, dir) {
            Ok(listing) => listing,
            Err(error) => {
                base.seen.store_errors.push(format!("{store}: {error}"));
                continue;
            }
        };
        let total: u64 = listing.files.iter().map(|f| f.stat.size).sum();
        let mut good = 0;
        for file in &listing.files {
            let walk = deep && (total <= ALL_UP_TO || good < ENOUGH);
            let walked = walk.then(|| examine(&file.path));
            let (id, path) = (printable(&format!("{store}/{}", file.name)), file.path.to_string_lossy());
            let packed = file.compression.name();
            let point =
                stored::snapshot_point(&id, PointKind::Backup, &path, &file.stat, packed, walked.as_ref(), loader);
            good += usize::from(point.usable() && point.keys != Some(0));
            all.push(point);
        }
    }
    base.facts.files.backups = u64::try_from(all.len()).unwrap_or(u64::MAX);
    let newest = all.iter().filter(|p| p.valid != Validity::Damaged).filter_map(|p| p.as_of).max();
    base.seen.newest_backup_age = newest.map(|t| Time(assessor.look.now()).since(t).0);
    all
}

/// A file that somebody gave by hand.
fn in_hand(path: &Path, loader: &Loader, examine: &dyn Fn(&Path) -> Walked) -> Point {
    let walked = examine(path);
    let id = printable(&format!("file:{}", path.display()));
    let text = path.to_string_lossy();
    let nothing = Stat {
        dev: 0,
        ino: 0,
        size: 0,
        mtime_ns: 0,
        uid: 0,
        gid: 0,
        mode: 0,
        nlink: 0,
        kind: crate::host::Kind::Other,
    };
    let stat = walked.as_ref().map_or(nothing, |(_, stat)| *stat);
    let packed = store::open(&crate::host::Look::new(), path).ok().and_then(|o| o.compression.name());
    let mut point = stored::snapshot_point(&id, PointKind::Backup, &text, &stat, packed, Some(&walked), loader);
    if walked.is_err() {
        point.as_of = None;
        point.bytes = None;
        point.loadable = Loadable::No;
    }
    point
}

/// The memory of a server that answers.
fn memory(facts: &Facts, used: Option<u64>, now: Time) -> Option<Point> {
    let server = &facts.server;
    if server.answers != Some(true) || server.keys.is_none() {
        return None;
    }
    Some(Point {
        id: "memory".into(),
        kind: PointKind::Memory,
        source: format!("the running server on {}", facts.instance.address),
        as_of: Some(now),
        loss_seconds: None,
        keys: server.keys,
        keys_expired: None,
        base_keys: None,
        commands: None,
        bytes: None,
        valid: Validity::Intact,
        loadable: Loadable::Yes,
        recover_seconds: Some(Seconds(0.0)),
        why: "what the running server holds now".into(),
        memory_needed: used.map(crate::facts::Bytes),
        loss_upper: None,
        path: None,
        compression: None,
        cut: None,
        content: None,
        needs_rebuild: false,
    })
}

/// A server with no key, while something that was walked holds some.
fn data_empty(facts: &mut Facts, all: &[Point]) {
    let server = &mut facts.server;
    if server.answers != Some(true) || server.keys.is_none() {
        return;
    }
    let holds = |p: &Point| {
        let walked = matches!(p.valid, Validity::Intact | Validity::Repairable);
        let some = p.keys.is_some_and(|k| k > p.keys_expired.unwrap_or(0))
            || (p.kind == PointKind::AofCut && (p.base_keys.unwrap_or(0) > 0 || p.commands.unwrap_or(0) > 0));
        p.kind != PointKind::Memory && walked && some
    };
    // Nobody has looked into what could hold some.
    let unwalked = |p: &Point| p.kind != PointKind::Memory && p.valid == Validity::Unchecked;
    server.data_empty = match server.keys {
        Some(0) if all.iter().any(holds) => Some(true),
        Some(0) if all.iter().any(unwalked) => None,
        _ => Some(false),
    };
    if server.data_empty.is_none() {
        facts.unknown.insert("server.data_empty".into(), "the files were not walked".into());
    }
}

/// A run that was taken back left the files as they were, but not their times: its own assessment had those.
fn as_clients_left_it(point: &mut Point, earlier: &Earlier) {
    let Some(window) = point.as_of.and_then(|at| earlier.quiet(at)) else { return };
    let found = window.before.as_ref().and_then(|before| before.as_of.get(&point.id));
    point.as_of = found.copied();
    let _ = write!(point.why, "; its file was last touched by run {}, and is of before that", window.run);
}

/// Loss and time of every point.
fn weigh(assessor: &Assessor<'_>, base: &Base, all: &mut [Point], wanted: &Wanted, earlier: &Earlier, now: Time) {
    let facts = &base.facts;
    let on = facts.config.appendonly == Some(true);
    // A flush is the last write in its AOF; the snapshot that it overwrites, and the log's word of that, are none.
    let flushed = on && facts.files.aof.flush_near_end == Some(true);
    // An AOF that an empty server has just created is no sign of a write; one that was flushed was written before.
    let fresh = facts.server.data_empty == Some(true) && !flushed;
    let hangs = facts.process.state != Some(ProcessState::Down) && facts.server.answers == Some(false);
    let last = LastWrite {
        aof: facts.files.aof.modified_at.filter(|_| on && !fresh).and_then(|at| earlier.aof_written(at)),
        rdb: all.iter().filter(|p| p.kind == PointKind::Rdb && !flushed).find_map(|p| p.as_of),
        // What a server that hangs took after its last log line, only its memory knows.
        log: base.seen.served_until.max(earlier.let_in()).filter(|_| !fresh && !hangs && !flushed),
        incident_at: wanted.incident_at,
        saved_at_the_end: base.seen.saved_at_the_end,
    };
    let rates = assessor.rates();
    for point in all {
        points::weigh(point, &last, now);
        if point.recover_seconds.is_none() {
            let load = points::estimate(point, base.seen.aof_base, &rates).0;
            // It was still loading when systemd's patience ended: no estimate may be below that.
            let seen = base.seen.start_timeout.map_or(0.0, |after| after.as_secs_f64());
            point.recover_seconds = Some(Seconds(load.0.max(seen)));
        }
    }
}

/// Why this server could not load the file that a start reads.
fn refusal(base: &mut Base, all: &[Point]) {
    let kind = match base.facts.config.start_loads {
        Some(WouldLoad::Aof) => PointKind::Aof,
        Some(WouldLoad::Rdb) => PointKind::Rdb,
        _ => return,
    };
    if let Some(point) =
        all.iter().find(|p| p.kind == kind && p.valid == Validity::Intact && p.loadable == Loadable::No)
    {
        let id = if point.why.contains("module") { Id::ServerModuleMissing } else { Id::ServerVersionTooOld };
        if point.why.contains("module") || point.why.contains("version") {
            base.seen.load_refusal = Some((id, format!("{}: {}", point.source, point.why)));
        }
    }
}
