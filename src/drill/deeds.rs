//! The deeds of a scenario, carried out on its sandbox.
use super::data::Written;
use super::sandbox::PATIENCE;
use super::scenario::{Deed, Taker};
use super::{DrillError, Sandbox};
use crate::host::process::{Command, ProcId};
use crate::server::ServerError;
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

impl Sandbox<'_> {
    /// Carries out one deed.
    pub(super) fn carry_out(&mut self, deed: &Deed, written: &mut Written) -> Result<(), DrillError> {
        match deed {
            Deed::Write(write) => self.write(written, write.keys),
            Deed::Save => self.save(),
            Deed::RewriteAof => self.rewrite_aof(),
            Deed::Backup(named) => self.backup(&named.name),
            Deed::EmptyBackup(named) => self.empty_backup(&named.name),
            Deed::Flush => self.flush(),
            Deed::FillMemory => self.fill_memory(written),
            Deed::Kill => self.kill(),
            Deed::Freeze => self.signal(Signal::SIGSTOP).map(|_| ()),
            Deed::ShutDown => self.shut_down(),
            Deed::Start => self.start(),
            Deed::Remove(w) => self.remove_thing(w.what),
            Deed::Truncate(t) => self.truncate(t.what, t.bytes),
            Deed::Append(a) => self.append(a.what, a.bytes),
            Deed::Corrupt(c) => self.corrupt(c.what, c.from_end),
            Deed::Configure(settings) => self.configure(settings),
            Deed::BlockSaves => self.block_saves(),
            Deed::UnblockSaves => self.unblock_saves(),
            Deed::TakePort(take) => self.take_port(take.by),
            Deed::GivePortBack => self.give_port_back(),
            Deed::FillDisk => self.fill_disk(),
            Deed::LeaveHalfASnapshot => self.leave_half_a_snapshot(),
            Deed::RemountReadOnly => self.remount("ro"),
            Deed::RemountWritable => self.remount("rw"),
            Deed::LockAway(w) => self.lock_away(w.what),
        }
    }

    /// BGSAVE, and waits until it has succeeded.
    pub(super) fn save(&mut self) -> Result<(), DrillError> {
        let mut server = self.server()?;
        let saved = |s: &Self| s.info_number("rdb_last_save_time").unwrap_or(0);
        let before = saved(self);
        // LASTSAVE counts in whole seconds: a save within the second of the last one could not be told from it
        std::thread::sleep(Duration::from_millis(1_050));
        server.bgsave()?;
        self.wait("wait for the snapshot", |s| saved(s) > before)
    }

    fn info_number(&self, field: &str) -> Option<u64> {
        self.server().ok()?.info(Some("everything")).ok()?.number(field)
    }

    fn rewrite_aof(&mut self) -> Result<(), DrillError> {
        self.server()?.bgrewriteaof()?;
        std::thread::sleep(Duration::from_millis(200));
        self.wait("wait for the AOF rewrite", |s| {
            s.info_number("aof_rewrite_in_progress") == Some(0) && s.info_number("aof_rewrite_scheduled") == Some(0)
        })
    }

    fn flush(&mut self) -> Result<(), DrillError> {
        self.server()?.give(&["FLUSHALL"])?;
        self.handed_over()
    }

    /// Writes until the server says OOM, also to whoever comes new; what it took counts as written.
    fn fill_memory(&mut self, written: &mut Written) -> Result<(), DrillError> {
        let deadline = Instant::now() + PATIENCE;
        let mut number = 0_u64;
        let mut full = 0;
        // what connections and tables need comes and goes: full is what is full several times in a row
        while full < 5 {
            // the buffers of a connection grow with what it was sent, and count: each size gets a new one
            for size in [50_000, 5_000, 500, 1] {
                let (mut server, value) = (self.server()?, "x".repeat(size));
                loop {
                    match server.give(&["SET", &format!("filler:{number}"), &value]) {
                        Ok(_) => number += 1,
                        Err(e) if e.answered() && e.code() == "OOM" => break,
                        Err(e) => return Err(e.into()),
                    }
                    if Instant::now() >= deadline {
                        return Err(DrillError::sandbox("fill the memory", "the server still takes writes"));
                    }
                }
            }
            std::thread::sleep(Duration::from_millis(200));
            let info = self.server()?.info(Some("memory"))?;
            full = if info.number("used_memory") >= info.number("maxmemory") { full + 1 } else { 0 };
        }
        self.handed_over()?;
        self.remember(written, &mut self.server()?)
    }

    fn shut_down(&mut self) -> Result<(), DrillError> {
        let ids: Vec<ProcId> = self.servers().iter().map(|p| p.id).collect();
        self.server()?.shutdown_nosave()?;
        self.wait("wait for the server to shut down", |s| ids.iter().all(|id| s.ground.look.gone(*id)))
    }

    fn block_saves(&mut self) -> Result<(), DrillError> {
        let dir = self.ground.look.pin(&self.data())?;
        self.ground.pen.remove_tree(&dir, "dump.rdb".as_ref())?;
        self.ground.pen.make_dir(&dir, "dump.rdb".as_ref(), 0o700)?;
        self.server()?.bgsave()?;
        self.wait("wait for the save to fail", |s| {
            let info = s.server().ok().and_then(|mut server| server.info(Some("persistence")).ok());
            info.is_some_and(|info| info.get("rdb_last_bgsave_status") == Some("err"))
        })
    }

    fn unblock_saves(&mut self) -> Result<(), DrillError> {
        let dir = self.ground.look.pin(&self.data())?;
        Ok(self.ground.pen.remove_dir(&dir, "dump.rdb".as_ref())?)
    }

    fn take_port(&mut self, by: Taker) -> Result<(), DrillError> {
        match by {
            Taker::Stranger => {
                let held = self.ground.reins.hold_port(self.port.port);
                self.held = Some(held.map_err(|e| DrillError::sandbox("take the port", e.to_string()))?);
                Ok(())
            }
            Taker::Stray => self.start_stray(),
        }
    }

    /// A server from a copy of the configuration with another data directory.
    fn start_stray(&mut self) -> Result<(), DrillError> {
        let text = self.ground.look.read_text(&self.conf(), 1 << 20)?;
        let elsewhere = self.root().join("elsewhere");
        let copy = text.replace(&format!("dir {}", self.data().display()), &format!("dir {}", elsewhere.display()));
        let root = self.ground.look.pin(self.root())?;
        self.ground.pen.make_dir(&root, "elsewhere".as_ref(), 0o700)?;
        let path = self.root().join("copy.conf");
        crate::host::write_private(&path, copy.as_bytes())?;
        self.launch(&path, self.root().to_path_buf())?;
        self.wait("wait for the stray server", |s| s.server().is_ok_and(|mut server| server.ping().is_ok()))
    }

    fn give_port_back(&mut self) -> Result<(), DrillError> {
        self.held = None;
        let strays: Vec<ProcId> = self.servers().iter().map(|p| p.id).collect();
        for id in strays {
            self.ground.reins.signal(id, Signal::SIGKILL)?;
        }
        self.wait("wait for the port to be free", |s| {
            s.ground.look.listeners(s.port.port).is_ok_and(|all| all.is_empty())
        })
    }

    fn remount(&mut self, how: &str) -> Result<(), DrillError> {
        let data = self.data().display().to_string();
        let argv = ["mount".to_string(), "-o".into(), format!("remount,{how}"), data];
        let output = self.ground.reins.run(&Command::new(argv, PATIENCE))?;
        if output.ok() {
            return Ok(());
        }
        Err(DrillError::sandbox(format!("remount the data's filesystem {how}"), output.complaint()))
    }

    fn configure(&mut self, settings: &BTreeMap<String, String>) -> Result<(), DrillError> {
        let lines: String = settings.iter().map(|(name, value)| format!("{name} {value}\n")).collect();
        self.change(&self.conf(), |bytes| bytes.extend(lines.as_bytes()))
    }

    /// Writes after a recovery, ends it the hard way, starts it, and asks whether the write is there. Gives what is not
    /// as it should be; nothing when all is.
    pub(super) fn survives(&mut self) -> Result<Option<String>, DrillError> {
        const KEY: &str = "drill:after";
        let mut server = self.server()?;
        match server.give(&["SET", KEY, "recovered"]) {
            Ok(_) => {}
            Err(ServerError::Answer { text }) => return Ok(Some(format!("it takes no writes: {text}"))),
            Err(e) => return Err(e.into()),
        }
        let aof = self.info_number("aof_enabled") == Some(1);
        if aof {
            self.handed_over()?
        } else {
            self.save()?
        }
        let keys = server.info(Some("keyspace"))?.keys();
        self.kill()?;
        self.start()?;
        let mut server = self.server()?;
        if server.give(&["GET", KEY])? != "recovered" {
            return Ok(Some("a write made after the recovery did not survive kill -9".into()));
        }
        let now = server.info(Some("keyspace"))?.keys();
        Ok((now != keys).then(|| format!("{keys} keys before a restart, {now} after it")))
    }

    /// Files of the data and the configuration, by their digest; redis-dr's own room aside.
    pub(super) fn files(&self) -> Result<BTreeMap<String, String>, DrillError> {
        let mut found = BTreeMap::new();
        let mut to_visit = vec![self.data()];
        while let Some(dir) = to_visit.pop() {
            for entry in self.ground.look.list(&dir)? {
                let path = dir.join(&entry.name);
                match entry.stat.kind {
                    crate::host::Kind::Directory if entry.name == ".redis-dr" => {}
                    crate::host::Kind::Directory => to_visit.push(path),
                    crate::host::Kind::File if !is_chatter(&path) => {
                        found.insert(path.display().to_string(), self.ground.look.digest(&path)?);
                    }
                    _ => {}
                }
            }
        }
        let conf = self.conf();
        found.insert(conf.display().to_string(), self.ground.look.digest(&conf)?);
        Ok(found)
    }
}

/// A log is no data.
fn is_chatter(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "log" || e == "pid")
}
