//! An RDB: one walk gives the verdict, the counts and the statistics.
use super::document::{Database, Inspection, Kind, Replication, Snapshot, Statistics};
use super::keys::Keys;
use super::{InspectError, Options, servers};
use crate::aof::set::Layout;
use crate::facts::{Time, Validity};
use crate::host::{Look, shown};
use crate::rdb::{Report, Verdict, WalkOptions, walk_keys};
use crate::store::{self, Compression};
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

pub(super) fn inspect(look: &Look, path: &Path, options: &Options) -> Result<Inspection, InspectError> {
    let opened = store::open(look, path)?;
    let (hint, compression) = (opened.len_hint(), opened.compression);
    let mut keys = Keys::new(options);
    let walking = WalkOptions { now_ms: options.now.0.as_millisecond(), ..WalkOptions::default() };
    let report = walk_keys(opened, hint, &walking, &|_| {}, &mut |key| {
        keys.add(key);
        ControlFlow::Continue(())
    });
    if report.trailing && commands_follow(look, path, report.bytes)? {
        let (dir, file) = (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default());
        let layout = Layout::Single { file: file.to_string_lossy().into_owned() };
        return super::aof::inspect(look, path, dir, &layout, options);
    }
    if let (Verdict::Unreadable { because }, Compression::None) = (&report.verdict, compression) {
        return Err(InspectError::Unreadable { path: shown(path), because: because.clone() });
    }
    let mut found = Inspection::of(path, Kind::Rdb);
    found.compression = compression.name().map(str::to_owned);
    (found.valid, found.because) = valid(&report);
    found.keys = report.is_intact().then_some(report.keys);
    found.keys_expired = report.is_intact().then_some(report.expired);
    found.servers = servers::of_snapshot(&report);
    found.snapshot = Some(Box::new(of(&report, keys.into_document())));
    Ok(found)
}

/// Is this an AOF with an RDB in front?
pub(super) fn commands_follow(look: &Look, path: &Path, offset: u64) -> Result<bool, InspectError> {
    let mut reader = store::open(look, path)?;
    let failed = |e: std::io::Error| InspectError::Unreadable { path: shown(path), because: e.to_string() };
    std::io::copy(&mut reader.by_ref().take(offset), &mut std::io::sink()).map_err(failed)?;
    let mut next = Vec::new();
    reader.take(4).read_to_end(&mut next).map_err(failed)?;
    Ok(matches!(next.as_slice(), [b'*', b'0'..=b'9', ..] | [b'#', b'T', b'S', b':']))
}

pub(super) fn valid(report: &Report) -> (Validity, Option<String>) {
    match &report.verdict {
        Verdict::Intact if report.trailing => {
            let because = format!("bytes follow its checksum, from byte {} on", report.bytes);
            (Validity::Damaged, Some(because))
        }
        Verdict::Intact => (Validity::Intact, None),
        verdict @ (Verdict::UnknownVersion { .. } | Verdict::Stopped) => {
            (Validity::Unchecked, Some(verdict.to_string()))
        }
        verdict => (Validity::Damaged, Some(verdict.to_string())),
    }
}

pub(super) fn of(report: &Report, statistics: Statistics) -> Snapshot {
    let aux = |name: &str| report.aux.get(name);
    let replication = aux("repl-id").map(|id| Replication {
        id: id.clone(),
        offset: aux("repl-offset").and_then(|n| n.parse().ok()),
        db: aux("repl-stream-db").and_then(|n| n.parse().ok()),
    });
    let databases = report.databases.iter().map(|(db, count)| Database {
        db: *db,
        keys: count.keys,
        expires: count.expires,
        expired: count.expired,
        hash_field_expires: count.hash_field_expires,
        types: count.types.clone(),
    });
    Snapshot {
        magic: report.magic,
        version: report.version,
        written_by: report.writer().map(str::to_owned),
        written_at: report.ctime().and_then(Time::from_unix),
        aof_base: report.is_aof_base(),
        memory_bytes: report.memory_hint,
        replication,
        aux: report.aux.clone(),
        databases: databases.collect(),
        keys: report.keys,
        expires: report.expires,
        expired: report.expired,
        expired_hashes: report.expired_hashes,
        empty_collections: report.empty_collections,
        functions: report.functions,
        modules: report.modules.clone(),
        data_bytes: report.bytes,
        trailing: report.trailing,
        checksum: report.checksum.clone(),
        verdict: report.verdict.clone(),
        statistics,
    }
}
