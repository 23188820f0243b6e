//! An instance's newest good backup as the data that a drill begins with.
use super::sandbox::Sandbox;
use super::{DrillError, Ground};
use crate::host::Owner;
use crate::rdb::{self, Loadable};
use crate::store::{self, Verdicts};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Backups that are looked into, the newest ones.
const MOST: usize = 5;
/// A backup larger than this is not taken: a drill is to be held often.
const LARGEST: u64 = 1 << 30;

/// A backup that a drill begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// The file, packed or not.
    pub path: PathBuf,
    /// Its bytes up to the end of its checksum, unpacked.
    pub(super) bytes: u64,
    /// Keys in it that expire: some may be gone before the drill is over.
    pub(super) volatile: u64,
}

impl Seed {
    /// The newest backup of these stores that this server would load, holds keys, and is small enough; none where there is none.
    #[must_use]
    pub fn newest(ground: &Ground<'_>, stores: &[PathBuf]) -> Option<Self> {
        let mut files: Vec<store::Stored> = stores
            .iter()
            .filter_map(|dir| store::list(ground.look, dir).ok())
            .flat_map(|listing| listing.files)
            .collect();
        files.sort_by_key(|file| std::cmp::Reverse(file.stat.mtime_ns));
        let room = ground.look.space(&ground.above).ok()?.free_bytes;
        let known = Verdicts::load(ground.look, ground.state.dir());
        let now = ground.look.now().as_millisecond();
        files.into_iter().take(MOST).filter(|file| file.stat.size <= LARGEST).find_map(|file| {
            let (report, _) = store::examine(ground.look, &file.path, &known, now).ok()?;
            let loads = rdb::loadable(&report, &ground.version, &[]) == Loadable::Yes;
            let fits = report.bytes <= LARGEST && report.bytes.saturating_mul(4) <= room;
            let fit = report.is_intact() && loads && fits && report.keys > report.expired;
            fit.then_some(Self { path: file.path, bytes: report.bytes, volatile: report.expires })
        })
    }
}

impl Sandbox<'_> {
    /// Puts a backup where the first start loads it: the AOF's base, or the snapshot where AOF is off.
    pub(super) fn plant(&self, seed: &Seed, aof: bool) -> Result<(), DrillError> {
        const BASE: &str = "appendonly.aof.1.base.rdb";
        let data = self.data();
        if !aof {
            return self.unpack(seed, &data, "dump.rdb");
        }
        if !self.multi_part() {
            return self.unpack(seed, &data, "appendonly.aof");
        }
        let above = self.ground.look.pin(&data)?;
        self.ground.pen.make_dir(&above, "appendonlydir".as_ref(), 0o700)?;
        let dir = data.join("appendonlydir");
        self.unpack(seed, &dir, BASE)?;
        let manifest = format!("file {BASE} seq 1 type b\n");
        self.put(&dir, "appendonly.aof.manifest", &mut manifest.as_bytes(), u64::MAX)?;
        self.give_to_server(&data, "appendonlydir", 0o700)
    }

    fn unpack(&self, seed: &Seed, dir: &Path, name: &str) -> Result<(), DrillError> {
        let opened = store::open(self.ground.look, &seed.path);
        let opened = opened.map_err(|e| DrillError::sandbox(format!("read {}", seed.path.display()), e.to_string()))?;
        // what follows the checksum would be fatal in an AOF's base
        self.put(dir, name, &mut opened.take(seed.bytes), seed.bytes)
    }

    fn put(&self, dir: &Path, name: &str, from: &mut dyn std::io::Read, limit: u64) -> Result<(), DrillError> {
        let above = self.ground.look.pin(dir)?;
        let mut file = self.ground.pen.new_file(&above, name.as_ref())?;
        self.ground.pen.fill(&mut file, &dir.join(name), from, limit)?;
        self.give_to_server(dir, name, 0o600)
    }

    fn give_to_server(&self, dir: &Path, name: &str, mode: u32) -> Result<(), DrillError> {
        let Some(user) = &self.user else { return Ok(()) };
        let owner = Owner { uid: user.uid, gid: user.gid, mode };
        Ok(self.ground.pen.dress_name(&self.ground.look.pin(dir)?, name.as_ref(), owner, None)?)
    }
}
