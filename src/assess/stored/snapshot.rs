//! Snapshots: the configured one, backups, a file in hand.
use crate::facts::{Bytes, Content, DatabaseFacts, FileState, Loadable, Point, PointKind, RdbFacts, Time, Validity};
use crate::host::Stat;
use crate::points::memory_needed;
use crate::rdb::{self, Magic, Report, ServerVersion, Verdict};

/// What is known about the server that would load a snapshot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loader {
    /// The program's version.
    pub version: Option<ServerVersion>,
    /// Its modules.
    pub modules: Vec<String>,
    /// How many databases it has.
    pub databases: Option<u64>,
    /// Its `maxmemory` in bytes, where it evicts beyond it.
    pub evicts_beyond: Option<u64>,
}

impl Loader {
    /// Would the server load this, and if not, why?
    #[must_use]
    pub fn judge(&self, report: &Report, needed: Option<Bytes>) -> (Loadable, Option<String>) {
        let Some(version) = &self.version else {
            return (Loadable::Unknown, Some("the server's program, and so its version, is not known".into()));
        };
        match rdb::loadable(report, version, &self.modules) {
            rdb::Loadable::No { because } => return (Loadable::No, Some(because)),
            rdb::Loadable::Unknown { because } => return (Loadable::Unknown, Some(because)),
            rdb::Loadable::Yes => {}
        }
        let highest = report.databases.keys().next_back().copied().unwrap_or(0);
        if let Some(count) = self.databases.filter(|count| highest >= *count) {
            return (Loadable::No, Some(format!("it has a database {highest}, the server only {count} databases")));
        }
        if let (Some(most), Some(needed)) = (self.evicts_beyond, needed)
            // The writer's own figure has its overhead in it: a cache at its limit is a little above it.
            && needed.0 > most + most / 20
        {
            return (
                Loadable::No,
                Some(format!("it needs about {needed}, and beyond maxmemory ({}) keys are evicted", Bytes(most))),
            );
        }
        (Loadable::Yes, None)
    }
}

/// The facts of the configured snapshot. `walked` is none where it was not walked.
#[must_use]
pub fn snapshot_facts(path: &str, stat: Option<&Stat>, walked: Option<&Result<(Report, Stat), String>>) -> RdbFacts {
    let mut facts = RdbFacts { path: Some(path.to_string()), ..RdbFacts::default() };
    let Some(stat) = stat else {
        facts.state = Some(FileState::Missing);
        return facts;
    };
    facts.bytes = Some(Bytes(stat.size));
    facts.modified_at = Some(Time(stat.mtime()));
    match walked {
        None => facts.state = Some(if stat.size == 0 { FileState::Empty } else { FileState::Unchecked }),
        Some(Err(because)) => {
            facts.state = Some(FileState::Unreadable);
            facts.because = Some(because.clone());
        }
        Some(Ok((report, _))) => {
            facts.state = Some(match &report.verdict {
                Verdict::Intact => FileState::Intact,
                Verdict::Empty => FileState::Empty,
                Verdict::Unreadable { .. } => FileState::Unreadable,
                Verdict::Stopped | Verdict::UnknownVersion { .. } => FileState::Unchecked,
                Verdict::NotRdb | Verdict::Damaged { .. } => FileState::Damaged,
            });
            if report.is_intact() {
                facts.keys = Some(report.keys);
                facts.databases = u64::try_from(report.databases.len()).ok();
            } else {
                facts.because = Some(format!("{path}: {}", report.verdict));
            }
        }
    }
    facts
}

/// A recovery point from a snapshot file. `walked` is none where it was not walked.
#[must_use]
pub fn snapshot_point(
    id: &str,
    kind: PointKind,
    path: &str,
    stat: &Stat,
    compression: Option<&str>,
    walked: Option<&Result<(Report, Stat), String>>,
    loader: &Loader,
) -> Point {
    let mut point = Point {
        id: id.to_string(),
        kind,
        source: path.to_string(),
        as_of: Some(Time(stat.mtime())),
        loss_seconds: None,
        keys: None,
        keys_expired: None,
        base_keys: None,
        commands: None,
        bytes: Some(Bytes(stat.size)),
        valid: Validity::Unchecked,
        loadable: Loadable::Unknown,
        recover_seconds: None,
        why: "moment from the file's time; not walked".into(),
        memory_needed: None,
        loss_upper: None,
        path: Some(path.to_string()),
        compression: compression.map(str::to_string),
        cut: None,
        content: None,
        needs_rebuild: false,
    };
    match walked {
        None => {}
        Some(Err(because)) => point.why = because.clone(),
        Some(Ok((report, _))) => with_report(&mut point, report, loader),
    }
    if point.memory_needed.is_none() {
        point.memory_needed = memory_needed(None, &point);
    }
    point
}

fn with_report(point: &mut Point, report: &Report, loader: &Loader) {
    let ctime = report.ctime().filter(|t| *t > 0).and_then(Time::from_unix);
    let moment = match ctime {
        Some(moment) => {
            point.as_of = Some(moment);
            "moment from the ctime in it"
        }
        None => "moment from the file's time",
    };
    point.memory_needed = memory_needed(report.memory_hint, point);
    point.valid = match &report.verdict {
        Verdict::Intact => Validity::Intact,
        Verdict::UnknownVersion { .. } | Verdict::Unreadable { .. } | Verdict::Stopped => Validity::Unchecked,
        // In a packed file an error of the unpacker is damage of the file.
        Verdict::Empty | Verdict::NotRdb | Verdict::Damaged { .. } => Validity::Damaged,
    };
    if let Verdict::Unreadable { because } = &report.verdict
        && point.compression.is_some()
        && !because.contains("changed while")
    {
        point.valid = Validity::Damaged;
    }
    let (loadable, because) = loader.judge(report, point.memory_needed);
    point.loadable = loadable;
    let verdict = if report.is_intact() { "walked and whole".to_string() } else { report.verdict.to_string() };
    let but = because.filter(|_| report.is_intact()).map(|b| format!("; {b}")).unwrap_or_default();
    point.why = format!("{moment}; {verdict}{but}");
    if report.is_partial() {
        // Whatever it lacks was lost at any time: no moment bounds that, so that --auto never takes it.
        point.as_of = None;
        point.why = format!("partial: salvaged from a damaged file, and not all there was; {verdict}{but}");
    }
    if report.is_intact() {
        point.keys = Some(report.keys);
        point.keys_expired = Some(report.expired);
    }
    point.content = Some(content(report));
}

/// What a walk counted.
#[must_use]
pub(super) fn content(report: &Report) -> Content {
    let magic = match report.magic {
        Some(Magic::Redis) => format!("REDIS{:04}", report.version),
        Some(Magic::Valkey) => format!("VALKEY{:03}", report.version),
        None => String::new(),
    };
    let database = |db: &rdb::DbCount| DatabaseFacts { keys: db.keys, expires: db.expires, expired: db.expired };
    Content {
        databases: report.databases.iter().map(|(n, db)| (n.to_string(), database(db))).collect(),
        types: report.types.iter().map(|(kind, n)| (kind.to_string(), *n)).collect(),
        functions: report.functions,
        modules: report.modules.clone(),
        format: magic,
        data_bytes: report.bytes,
    }
}
