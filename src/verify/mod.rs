//! A live server against a recovery point: counts, types and expiries, with expired keys accounted for.
//!
//! A server that loads a snapshot as a primary drops keys whose time is over; one that loads the same bytes as the base
//! of an AOF keeps them at first and drops them one by one (redis-facts §0.2). So the count loaded is known exactly,
//! and the count now lies between "all" and "all whose time is not over".
mod sample;

use crate::facts::{Point, PointKind};
use crate::rdb;
use crate::server::{Info, Server, ServerError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Read;

/// What the server should hold.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The point.
    pub point: &'a Point,
    /// Was the snapshot loaded as the base of an AOF?
    pub aof_base: bool,
    /// The moment of the comparison, Unix milliseconds.
    pub now_ms: i64,
    /// Has the server been open to clients since (then only bounds can be asked for)?
    pub open: bool,
}

/// How thorough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// All counts; types and expiries of a bounded sample of keys, or of all when there are few.
    Sample,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// What was compared.
    pub name: String,
    /// Is it as it should be?
    pub ok: bool,
    /// Both sides.
    pub evidence: String,
}

/// All comparisons.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// In the order they were made.
    pub checks: Vec<Check>,
}

impl Report {
    /// Is everything as it should be?
    #[must_use]
    pub fn ok(&self) -> bool {
        self.checks.iter().all(|c| c.ok)
    }

    fn check(&mut self, name: impl Into<String>, ok: bool, evidence: impl Into<String>) {
        self.checks.push(Check { name: name.into(), ok, evidence: evidence.into() });
    }
}

/// Opens the point's snapshot, uncompressed.
pub type Open<'a> = dyn FnMut() -> Result<Box<dyn Read + Send>, String> + 'a;

/// Compares.
///
/// # Errors
/// The server stopped answering. What differs is in the report.
pub fn against(
    server: &mut Server,
    expected: &Expected<'_>,
    open: &mut Open<'_>,
    _depth: Depth,
) -> Result<Report, ServerError> {
    let info = server.info(Some("everything"))?;
    let mut report = Report::default();
    match expected.point.kind {
        PointKind::Rdb | PointKind::Backup => match open() {
            Ok(reader) => snapshot(server, &info, expected, reader, &mut report)?,
            Err(because) => report.check("point", false, because),
        },
        PointKind::Aof | PointKind::AofCut => aof(&info, expected, &mut report),
        PointKind::Memory | PointKind::Replica => {
            report.check("point", false, format!("{} can't be compared with itself", expected.point.id));
        }
    }
    Ok(report)
}

/// Against a snapshot: one more walk gives exact counts for this moment, and the sample.
fn snapshot(
    server: &mut Server,
    info: &Info,
    expected: &Expected<'_>,
    reader: Box<dyn Read + Send>,
    report: &mut Report,
) -> Result<(), ServerError> {
    let keys = expected.point.keys.unwrap_or(0);
    let (walked, sample) = sample::take(reader, keys, expected.now_ms);
    if !walked.is_intact() {
        report.check("point", false, format!("{}: {}", expected.point.source, walked.verdict));
        return Ok(());
    }
    // a server that clients have used may have been started from something else
    if !expected.open {
        loaded(info, expected, &walked, report);
    }
    counts(info, expected, &walked.databases, report);
    sample::compare(server, &sample, expected, report)
}

/// What the server says it loaded at its start (7.0 and newer).
fn loaded(info: &Info, expected: &Expected<'_>, walked: &rdb::Report, report: &mut Report) {
    let Some(loaded) = info.number("rdb_last_load_keys_loaded") else {
        return;
    };
    let dropped = info.number("rdb_last_load_keys_expired").unwrap_or(0);
    let whole = walked.keys - walked.empty_collections.min(walked.keys);
    let (ok, words) = if expected.aof_base {
        (loaded == whole, format!("{loaded} loaded, {whole} in the snapshot"))
    } else {
        (loaded + dropped == whole, format!("{loaded} loaded and {dropped} expired, {whole} in the snapshot"))
    };
    report.check("keys loaded", ok, words);
}

/// Keys and expiries of each database, now.
fn counts(info: &Info, expected: &Expected<'_>, databases: &BTreeMap<u64, rdb::DbCount>, report: &mut Report) {
    let live = info.keyspace();
    for (db, want) in databases {
        let have = u32::try_from(*db).ok().and_then(|db| live.get(&db)).copied().unwrap_or_default();
        // clients may have removed and added keys since, but not all of them are gone in everyday work
        let bounds = |have: u64, all: u64| have > 0 || all <= want.expired;
        let exact = |have: u64, all: u64| have <= all && have + want.expired >= all;
        let ok = |have: u64, all: u64| {
            if expected.open { bounds(have, all) } else { exact(have, all) }
        };
        let words = |have: u64, all: u64| {
            let over = if want.expired > 0 { format!(" of which {} expired", want.expired) } else { String::new() };
            format!("{have} in the server, {all} in the snapshot{over}")
        };
        report.check(format!("db{db} keys"), ok(have.keys, want.keys), words(have.keys, want.keys));
        report.check(
            format!("db{db} expires"),
            expected.open || ok(have.expires, want.expires),
            words(have.expires, want.expires),
        );
    }
    if !expected.open {
        for (db, have) in &live {
            if !databases.contains_key(&u64::from(*db)) && have.keys > 0 {
                report.check(
                    format!("db{db} keys"),
                    false,
                    format!("{} in the server, none in the snapshot", have.keys),
                );
            }
        }
    }
}

/// Against an AOF: its base was loaded whole, and every byte behind it was applied.
fn aof(info: &Info, expected: &Expected<'_>, report: &mut Report) {
    let point = expected.point;
    if let (Some(base), Some(loaded)) = (point.base_keys, info.number("rdb_last_load_keys_loaded"))
        && base > 0
        && !expected.open
    {
        report.check("keys of the base", base == loaded, format!("{loaded} loaded, {base} in the base"));
    }
    let cut = point.cut.as_ref().map_or(0, |c| c.bytes_lost.0);
    if let (Some(bytes), Some(size)) = (point.bytes, info.number("aof_current_size")) {
        // a rewrite since makes it shorter
        let want = if expected.open {
            0
        } else if point.cut.is_some() {
            bytes.0.saturating_sub(cut)
        } else {
            bytes.0
        };
        // expired keys of the base are dropped at once, and their DELs are appended
        report.check("bytes of the AOF", size >= want, format!("{size} in use, {want} on disk before the start"));
    }
    let something = point.base_keys.unwrap_or(0) > 0 || point.commands.unwrap_or(0) > 0;
    report.check("loaded", !info.loading(), format!("{} keys, from an AOF with data: {something}", info.keys()));
}
