//! One file of the set, read as the server reads it: an RDB part by its first bytes, not by its name, then commands.
use std::cell::RefCell;
use std::io::{self, Cursor, Read};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{FileKind, FileReport, JudgeOptions, Open};
use crate::aof::Witness;
use crate::aof::manifest::Manifest;
use crate::aof::resp::{self, CommandsReport, End, Readable, Until, WalkOptions};
use crate::rdb;

/// Reads files by name.
pub(super) struct Reading<'a> {
    pub open: &'a Open<'a>,
    pub options: &'a JudgeOptions<'a>,
}

impl Reading<'_> {
    /// The files a manifest lists; what is not among `names` is not there.
    pub(super) fn listed(&self, manifest: &Manifest, names: &[(String, u64)]) -> Vec<FileReport> {
        let there = |name: &str| names.iter().any(|n| n.0 == name);
        let read = |name: &str, kind| {
            if there(name) { self.file(name, kind) } else { report(name, kind, None) }
        };
        manifest.loaded().map(|entry| read(&entry.name, entry.kind.into())).collect()
    }

    pub(super) fn file(&self, name: &str, kind: FileKind) -> FileReport {
        match self.walked(name, kind) {
            Ok(report) => report,
            Err(error) if error.kind() == io::ErrorKind::NotFound => report(name, kind, None),
            Err(error) => FileReport { unreadable: Some(error.to_string()), ..report(name, kind, None) },
        }
    }

    fn walked(&self, name: &str, kind: FileKind) -> io::Result<FileReport> {
        let (mut reader, bytes) = (self.open)(name)?;
        if let Some(witness) = self.options.witness {
            witness.borrow_mut().file(name);
        }
        let mut head = Vec::with_capacity(6);
        reader.by_ref().take(6).read_to_end(&mut head)?;
        let is_rdb = head.starts_with(b"REDIS") || head.starts_with(b"VALKEY");
        let whole = Cursor::new(head).chain(reader);
        let mut file = report(name, kind, Some(bytes));
        if is_rdb {
            let (rdb, commands) = self.rdb(name, kind, whole, bytes)?;
            (file.rdb, file.commands) = (Some(rdb), commands);
        } else {
            file.commands = Some(self.commands(name, whole, 0, bytes));
        }
        if let Some(commands) = &mut file.commands {
            commands.after_damage = self.after_damage(name, &commands.end);
            // The file may have grown since its size was asked for.
            file.bytes = Some(bytes.max(commands.start + commands.bytes));
        }
        Ok(file)
    }

    /// The RDB part, and what follows it.
    fn rdb<R: Read + Send>(
        &self,
        name: &str,
        kind: FileKind,
        whole: R,
        bytes: u64,
    ) -> io::Result<(rdb::Report, Option<CommandsReport>)> {
        let before = self.done();
        let counter = self.options.progress;
        let progress = move |offset| set_done(counter, before + offset);
        let options = rdb::WalkOptions { now_ms: self.options.now_ms, ..rdb::WalkOptions::default() };
        if kind == FileKind::Single {
            let (rdb, rest) = match self.options.witness {
                Some(witness) => rdb::preamble_keys(whole, &options, &progress, &mut |key| show(witness, key)),
                None => rdb::walk_preamble(whole, &options, &progress),
            };
            set_done(self.options.progress, before + rdb.bytes);
            let commands =
                rdb.is_intact().then(|| self.commands(name, rest, rdb.bytes, bytes.saturating_sub(rdb.bytes)));
            return Ok((rdb, commands));
        }
        // A base of parts has no commands after it as the server makes it: read it by two threads, and again where it has.
        let rdb = match self.options.witness {
            Some(witness) => rdb::walk_keys(whole, Some(bytes), &options, &progress, &mut |key| show(witness, key)),
            None => rdb::walk(whole, Some(bytes), &options, &progress),
        };
        set_done(self.options.progress, before + rdb.bytes);
        if !rdb.is_intact() || !rdb.trailing {
            return Ok((rdb, None));
        }
        let rest = self.from(name, rdb.bytes)?;
        let commands = self.commands(name, rest, rdb.bytes, bytes.saturating_sub(rdb.bytes));
        Ok((rdb, Some(commands)))
    }

    /// May the moment be in this file? An offset is one of a single file.
    fn is_in(&self, until: &Until, name: &str) -> bool {
        match until {
            Until::Offset(Some(file), _) => file == name,
            _ => true,
        }
    }

    fn commands<R: Read + Send>(&self, name: &str, reader: R, start: u64, length: u64) -> CommandsReport {
        let options = WalkOptions {
            max_flushes: self.options.max_flushes,
            len_hint: Some(length),
            progress: self.options.progress,
            until: self.options.until.filter(|until| self.is_in(until, name)),
            witness: self.options.witness,
        };
        resp::walk_commands(reader, start, &options)
    }

    fn after_damage(&self, name: &str, end: &End) -> Readable {
        let damaged = match end {
            End::Torn { offset, in_command: true }
            | End::Garbage { offset, .. }
            | End::OpenMulti { torn_at: Some(offset), .. } => *offset,
            _ => return Readable::default(),
        };
        let unknown = Readable { commands: 0, at_least: true };
        self.from(name, damaged + 1).and_then(resp::readable_after).unwrap_or(unknown)
    }

    /// The file from an offset on.
    fn from(&self, name: &str, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let (mut reader, _) = (self.open)(name)?;
        io::copy(&mut reader.by_ref().take(offset), &mut io::sink())?;
        Ok(reader)
    }

    fn done(&self) -> u64 {
        self.options.progress.map_or(0, |p| p.load(Ordering::Relaxed))
    }
}

fn show(witness: &RefCell<dyn Witness>, key: &rdb::KeyMeta<'_>) -> ControlFlow<()> {
    witness.borrow_mut().key(key);
    ControlFlow::Continue(())
}

fn set_done(counter: Option<&AtomicU64>, bytes: u64) {
    if let Some(counter) = counter {
        counter.store(bytes, Ordering::Relaxed);
    }
}

fn report(name: &str, kind: FileKind, bytes: Option<u64>) -> FileReport {
    FileReport { name: name.to_owned(), kind, bytes, rdb: None, commands: None, unreadable: None }
}
