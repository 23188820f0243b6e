//! Around the server: disk, memory, log, replication, earlier runs.
use super::assessor::{Assessor, Base, printable};
use super::{log, machine};
use crate::facts::{Facts, ProcessState, ServerRole, Time};
use std::path::{Path, PathBuf};
use std::time::Duration;

impl Assessor<'_> {
    /// Disk, memory, log, replication, earlier runs.
    pub(super) fn around(&self, base: &mut Base, now: Time) {
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
            base.seen.held = look.exists(&held).then(|| held.to_string_lossy().into_owned());
        }
        if self.target.local {
            facts.memory = machine::memory(&self.look, facts.process.pid.and_then(|p| i32::try_from(p).ok()));
        }
        self.log(base);
        self.replication(base);
        if let Some(runs) = self.runs {
            base.facts.run = runs(&self.target.name);
        }
        let facts = &mut base.facts;
        if facts.process.state == Some(ProcessState::Down) {
            // systemd knows; the log can't tell a person's SIGTERM from systemd's own after a start timeout.
            let purpose = facts.process.stopped_on_purpose.or(facts.log.shutdown_requested) == Some(true);
            facts.process.stopped_on_purpose = Some(purpose && !self.stopped_by_us(facts) && base.seen.held.is_none());
            facts.process.down_since = base.seen.served_until.or(facts.log.last_at).filter(|t| t.unix() <= now.unix());
        } else {
            facts.process.stopped_on_purpose = Some(false);
        }
        facts.process.restart_loop.get_or_insert(false);
        facts.process.oom_killed.get_or_insert(false);
    }

    /// An unfinished run stops the server itself: that is no purpose of anybody else.
    fn stopped_by_us(&self, facts: &Facts) -> bool {
        facts.run.unfinished == Some(true)
    }

    fn log(&self, base: &mut Base) {
        let facts = &mut base.facts;
        let Some(path) = facts.config.logfile.clone().filter(|_| self.target.local) else {
            facts.unknown.insert("log.fatal".into(), "it logs to standard output or elsewhere".into());
            return;
        };
        let path = match &facts.config.data_dir {
            Some(dir) => Path::new(dir).join(&path),
            None => PathBuf::from(path),
        };
        match log::read(&self.look, &path) {
            Ok(told) => {
                facts.log = told.facts;
                base.seen.saved_at_the_end = told.saved_at_the_end;
                base.seen.served_until = told.served_until;
                base.seen.log_replication = told.replication;
                base.seen.flushed_by_primary = Some(told.flushed_by_primary);
            }
            Err(because) => {
                facts.unknown.insert("log.fatal".into(), because);
            }
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
        because.extend(base.seen.log_replication.iter().map(|line| format!("log: {line}")));
        facts.replication.evidence = Some(!because.is_empty());
        // Where the log can't be read, only an instance that never had a primary can be told to have lost nothing to one.
        let flushed = base.seen.flushed_by_primary;
        facts.replication.flushed_by_primary = flushed.or(because.is_empty().then_some(false));
        facts.replication.because = because.iter().map(|l| printable(l)).collect();
    }
}

/// Runs `probe` beside us and gives it up after a while; a disk that hangs costs a thread and not the assessment.
fn bounded<T: Send + 'static>(patience: Duration, probe: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (to, from) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = to.send(probe());
    });
    from.recv_timeout(patience).ok()
}
