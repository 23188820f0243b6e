//! An AOF: one walk over its files gives the verdict and the statistics.
use super::commands::Commands;
use super::document::{Aof, AofFile, Flush, Inspection, Kind, Loss};
use super::{InspectError, Options, servers, snapshot};
use crate::aof::resp::{self, printable};
use crate::aof::set::{self, Cut, JudgeOptions, Layout, SetReport, SetState};
use crate::facts::{Time, Validity};
use crate::host::{HostError, Look, shown};
use crate::store::{self, Compression, StoreError};
use std::cell::RefCell;
use std::io::{self, Read};
use std::path::Path;

pub(super) fn inspect(
    look: &Look,
    path: &Path,
    dir: &Path,
    layout: &Layout,
    options: &Options,
) -> Result<Inspection, InspectError> {
    let commands = RefCell::new(Commands::new(options));
    let judging =
        JudgeOptions { now_ms: options.now.0.as_millisecond(), witness: Some(&commands), ..JudgeOptions::default() };
    let open = |name: &str| opened(look, &dir.join(name));
    let report = set::judge(layout, &open, &judging);
    if let SetState::Unreadable { name, because } = &report.state {
        return Err(InspectError::Unreadable { path: shown(&dir.join(name)), because: because.clone() });
    }
    let counted = commands.into_inner().into_counted();
    let kind = if matches!(layout, Layout::Single { .. }) { Kind::Aof } else { Kind::AofSet };
    let mut found = Inspection::of(path, kind);
    if let Layout::Single { file } = layout {
        found.compression = store::open(look, &dir.join(file))?.compression.name().map(str::to_owned);
    }
    (found.valid, found.because) = valid(layout, &report);
    let base = report.files.first().and_then(|file| file.rdb.as_ref());
    found.keys = report.keys;
    found.keys_expired = report.keys.and(base).map(|rdb| rdb.expired);
    found.base_keys = report.base_keys;
    found.commands = Some(report.commands_after_base);
    found.servers = servers::of_aof(&report);
    found.snapshot = base.map(|rdb| Box::new(snapshot::of(rdb, counted.keys.into_document())));
    found.aof = Some(Box::new(Aof {
        layout: report.kind,
        state: report.state.clone(),
        files: report.files.iter().map(file).collect(),
        manifest: report.manifest.as_ref().map(set_text),
        rebuilt_manifest: report.rebuilt.as_ref().map(|rebuilt| set_text(&rebuilt.manifest)),
        first_at: report.first_ts.and_then(Time::from_unix),
        last_at: report.last_ts.and_then(Time::from_unix),
        transactions: report.files.iter().filter_map(|f| f.commands.as_ref()).map(|c| c.transactions).sum(),
        by_name: counted.by_name,
        other_commands: counted.other_commands,
        prefixes: counted.prefixes,
        flushes: report.flushes.iter().map(flush).collect(),
        flush_count: report.flush_count,
        tags: counted.tags,
        tag_count: counted.tag_count,
        matching: counted.matching,
        cut: report.cut.as_ref().map(|cut| loss(cut, &open)),
    }));
    Ok(found)
}

fn set_text(manifest: &crate::aof::manifest::Manifest) -> String {
    manifest.render()
}

/// A file's bytes, unpacked, and how many there are, as far as that is known.
///
/// # Errors
/// It can't be opened.
pub fn opened(look: &Look, path: &Path) -> io::Result<(Box<dyn Read + Send>, u64)> {
    let opened = store::open(look, path).map_err(|error| match error {
        StoreError::Host(e) => as_io(&e),
        StoreError::Compressed { .. } => io::Error::other(error.to_string()),
    })?;
    let size = opened.stat.size;
    // What is appended while it is read is not its.
    Ok(match opened.compression {
        Compression::None => (Box::new(opened.take(size)), size),
        Compression::Gz | Compression::Zst => (Box::new(opened), 0),
    })
}

fn as_io(error: &HostError) -> io::Error {
    error.errno().map_or_else(|| io::Error::other(error.to_string()), io::Error::from_raw_os_error)
}

pub(super) fn valid(layout: &Layout, report: &SetReport) -> (Validity, Option<String>) {
    // One part in hand: an empty one is what a server leaves that was written nothing.
    let empty_part = matches!(layout, Layout::Single { file } if file.ends_with(".incr.aof"));
    match &report.state {
        SetState::Intact => (Validity::Intact, None),
        SetState::Empty if empty_part => (Validity::Intact, None),
        state @ SetState::Unknown { .. } => (Validity::Unchecked, state.because()),
        state @ (SetState::PartsWithoutManifest | SetState::ManifestBroken { .. }) => {
            let mended = report.once_rebuilt == Some(SetState::Intact);
            (if mended { Validity::Repairable } else { Validity::Damaged }, state.because())
        }
        state if report.cut.is_some() => (Validity::Repairable, state.because()),
        state => {
            let nothing = || "nothing is in it: every file it lists has zero bytes".into();
            (Validity::Damaged, state.because().or_else(|| Some(nothing())))
        }
    }
}

fn file(file: &set::FileReport) -> AofFile {
    let commands = file.commands.as_ref();
    AofFile {
        name: printable(file.name.as_bytes()),
        role: file.kind,
        bytes: file.bytes,
        rdb: file.rdb.is_some(),
        commands: commands.map_or(0, |c| c.writes),
        transactions: commands.map_or(0, |c| c.transactions),
        annotations: commands.map_or(0, |c| c.annotations),
        end: commands.map(|c| c.end.clone()),
        safe_cut: commands.map(|c| c.safe_cut),
        readable_after_damage: commands.map_or(0, |c| c.after_damage.commands),
    }
}

pub(super) fn flush(found: &set::FlushIn) -> Flush {
    let flush = &found.flush;
    Flush {
        file: printable(found.file.as_bytes()),
        offset: flush.offset,
        command: flush.command.clone(),
        db: flush.db,
        at: flush.ts.and_then(Time::from_unix),
        in_multi: flush.in_multi,
        cut: flush.cut,
        commands_after: found.commands_after,
    }
}

/// What a cut takes away, and the first of it as text.
#[must_use]
pub fn loss(cut: &Cut, open: &set::Open<'_>) -> Loss {
    let lost = open(&cut.file).and_then(|(mut reader, _)| {
        io::copy(&mut reader.by_ref().take(cut.offset), &mut io::sink())?;
        resp::lost_commands(reader)
    });
    let lost = lost.unwrap_or_default();
    let readable = cut.commands_after_damage;
    Loss {
        file: printable(cut.file.as_bytes()),
        offset: cut.offset,
        drop_files: cut.drop_files.iter().map(|name| printable(name.as_bytes())).collect(),
        bytes: cut.bytes_lost,
        commands: cut.commands_lost_complete + readable.commands + cut.commands_in_later_files,
        at_least: readable.at_least,
        only_incomplete: cut.lost_is_only_incomplete,
        data_as_of: cut.ts_before.and_then(Time::from_unix),
        shown: lost.shown.into_iter().chain(lost.rest).collect(),
    }
}
