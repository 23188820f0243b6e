//! Around the server: disk, memory, log, replication, earlier runs.
use super::assessor::{Assessor, printable};
use super::base::Base;
use super::log::Source;
use super::stored::Paths;
use super::{Earlier, down, log, machine, settings};
use crate::facts::{Bytes, Facts, ProcessState, ServerRole};
use crate::finding::Id;
use crate::host::{Kind, Look};
use crate::rdb::{self, WalkOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

impl Assessor<'_> {
    /// Disk, memory, log, replication, earlier runs.
    pub(super) fn around(&self, base: &mut Base, earlier: &Earlier) {
        let facts = &mut base.facts;
        let dir = facts.config.data_dir.clone().filter(|_| self.target.local).map(PathBuf::from);
        let look = self.look;
        if let Some(dir) = &dir {
            let asked = dir.clone();
            match bounded(Duration::from_secs(5), move || machine::disk(&look, &asked)) {
                Some((disk, error)) => {
                    facts.disk = disk;
                    facts.unknown.extend(error.map(|e| ("disk.free".to_string(), e)));
                }
                None => {
                    facts.unknown.insert("disk.free".into(), "the filesystem did not answer within 5 s".into());
                }
            }
            let held = dir.join(".redis-dr/held");
            base.seen.copies = Some(copies(&look, &[self.state.dir().join("runs"), dir.join(".redis-dr")]));
            base.seen.held = look.exists(&held).then(|| held.to_string_lossy().into_owned());
        }
        if self.target.local {
            facts.memory = machine::memory(&self.look, facts.process.pid.and_then(|p| i32::try_from(p).ok()));
            facts.memory.used = base.seen.used_memory.map(Bytes);
        }
        base.facts.run = earlier.facts.clone();
        self.log(base, earlier);
        self.replication(base);
        if let (Some(dir), Some(name)) = (&base.facts.config.data_dir, &base.facts.config.dbfilename)
            && log::planted(dir, name)
        {
            base.seen.break_in.push(format!("its configuration saves to {name} in {dir}"));
        }
        self.end(base, earlier);
    }

    /// How the server ended, where it is down.
    fn end(&self, base: &mut Base, earlier: &Earlier) {
        if base.facts.process.state == Some(ProcessState::Down) {
            let purpose = down::on_purpose(&self.look, base, earlier);
            let facts = &mut base.facts;
            facts.process.stopped_on_purpose = Some(purpose);
            if facts.log.fatal.iter().any(|line| line.finding == Some(Id::ServerOomKilled)) {
                facts.process.oom_killed = Some(true);
            } else if facts.process.oom_killed != Some(true)
                && let Some(line) = log::killed_for_memory(&self.look, &base.seen.logged_pids, facts.log.last_at)
            {
                facts.process.oom_killed = Some(true);
                base.seen.killed = Some(line);
            }
        } else {
            base.facts.process.stopped_on_purpose = Some(false);
        }
        base.facts.process.restart_loop.get_or_insert(false);
        base.facts.process.oom_killed.get_or_insert(false);
    }

    fn log(&self, base: &mut Base, earlier: &Earlier) {
        let facts = &mut base.facts;
        let Some(source) = self.log_source(facts) else {
            let because = match facts.config.data_dir {
                Some(_) => "it logs to standard output, and no unit keeps that",
                None => settings::UNKNOWN,
            };
            facts.unknown.insert("log.fatal".into(), because.into());
            return;
        };
        match log::read(&self.look, &source, earlier) {
            Ok(told) => {
                base.seen.break_in.extend(told.break_in.iter().map(|line| format!("log: {line}")));
                base.seen.logged_pids = told.pids;
                facts.log = told.facts;
                base.seen.saved_at_the_end = told.saved_at_the_end;
                base.seen.served_until = told.served_until;
                base.seen.ended_at = told.ended_at;
                base.seen.served_last = told.served_last;
                base.seen.shutdown_at = told.shutdown_at;
                base.seen.log_replication = told.replication;
                base.seen.replicated_before = told.replicated_before;
                base.seen.flushed_by_primary = Some(told.flushed_by_primary);
            }
            Err(because) => {
                facts.unknown.insert("log.fatal".into(), because);
            }
        }
    }

    /// Its file; where it writes to standard output or syslog, the journal of its unit.
    fn log_source(&self, facts: &Facts) -> Option<Source> {
        if !self.target.local {
            return None;
        }
        let dir = facts.config.data_dir.clone().unwrap_or_default();
        match &facts.config.logfile {
            Some(file) => Some(Source::File(Path::new(&dir).join(file))),
            None => facts.instance.service_name.clone().map(Source::Journal),
        }
    }

    fn replication(&self, base: &mut Base) {
        let facts = &mut base.facts;
        let mut because = Vec::new();
        if let Some(primary) = facts.config.replicaof.as_ref().filter(|p| !p.is_empty()) {
            because.push(format!("its configuration follows {primary}"));
        }
        if facts.server.role == Some(ServerRole::Slave) {
            because.push("it answers as a replica".into());
        }
        if let Some(count) = facts.server.replicas.filter(|n| *n > 0) {
            because.push(format!("{count} replicas are connected"));
        }
        if facts.config.cluster == Some(true) {
            because.push("its configuration says cluster-enabled yes".into());
        }
        let snapshot = Paths::of(&facts.config).filter(|_| self.target.local).map(|paths| paths.rdb);
        because.extend(snapshot.and_then(|path| snapshot_tells(&self.look, &path)));
        because.extend(base.seen.log_replication.iter().map(|line| format!("log: {line}")));
        facts.replication.evidence = Some(!because.is_empty());
        // Where the log can't be read, only an instance that never had a primary can be told to have lost nothing to one.
        let flushed = base.seen.flushed_by_primary;
        facts.replication.flushed_by_primary = flushed.or(because.is_empty().then_some(false));
        facts.replication.because = because.iter().map(|l| printable(l)).collect();
    }
}

/// A snapshot names its replication only when it was saved by a replica, or by a primary that had one.
fn snapshot_tells(look: &Look, path: &Path) -> Option<String> {
    let head = look.read_at(path, 0, 4096).ok()?;
    let told = rdb::walk(&head[..], Some(head.len() as u64), &WalkOptions::default(), &|_| {}).aux;
    let offset = told.get("repl-offset").map_or("unknown", String::as_str);
    told.get("repl-id").map(|id| format!("its snapshot was saved within the replication {id}, at offset {offset}"))
}

/// Bytes of safety copies under these directories. A link that the original shares takes none of its own.
fn copies(look: &Look, above: &[PathBuf]) -> u64 {
    let (mut total, mut left, mut open) = (0_u64, 5000_usize, above.to_vec());
    while let Some(dir) = open.pop() {
        for entry in look.list(&dir).unwrap_or_default() {
            left = left.saturating_sub(1);
            match entry.stat.kind {
                Kind::Directory if left > 0 => open.push(dir.join(entry.name)),
                Kind::File if entry.stat.nlink == 1 => total = total.saturating_add(entry.stat.size),
                _ => {}
            }
        }
    }
    total
}

/// Runs `probe` beside us and gives it up after a while; a disk that hangs costs a thread and not the assessment.
fn bounded<T: Send + 'static>(patience: Duration, probe: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (to, from) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = to.send(probe());
    });
    from.recv_timeout(patience).ok()
}
