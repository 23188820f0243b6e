//! What happens to files at night, done to the sandbox's.
use super::scenario::{Junk, Thing};
use super::{DrillError, Sandbox};
use crate::host::Owner;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Largest file of a sandbox that is changed in memory.
const LARGEST: u64 = 512 << 20;
/// A number that no process has.
const NO_PROCESS: &str = "temp-4194305.rdb";

impl Sandbox<'_> {
    /// Where something is.
    fn path_of(&self, thing: Thing) -> Result<PathBuf, DrillError> {
        let data = self.data();
        let dir = data.join("appendonlydir");
        Ok(match thing {
            Thing::Data => data,
            Thing::Rdb => data.join("dump.rdb"),
            Thing::Aof | Thing::AofTail if !self.multi_part() => data.join("appendonly.aof"),
            Thing::Aof => dir,
            Thing::Manifest => dir.join("appendonly.aof.manifest"),
            Thing::AofTail => {
                let manifest = self.ground.look.read_text(&dir.join("appendonly.aof.manifest"), 1 << 20)?;
                let name = manifest.lines().last().and_then(|line| line.split(' ').nth(1));
                dir.join(name.ok_or_else(|| DrillError::sandbox("find the end of the AOF", "its manifest is empty"))?)
            }
            Thing::NewestBackup => {
                let newest = self.backups.last().cloned();
                newest.ok_or_else(|| DrillError::sandbox("find the newest backup", "none was made"))?
            }
        })
    }

    pub(super) fn remove_thing(&mut self, thing: Thing) -> Result<(), DrillError> {
        let path = self.path_of(thing)?;
        if thing == Thing::Data {
            let dir = self.ground.look.pin(&path)?;
            for entry in dir.list()? {
                self.ground.pen.remove_tree(&dir, &entry.name)?;
            }
            return Ok(());
        }
        let (above, name) = apart(&path)?;
        Ok(self.ground.pen.remove_tree(&self.ground.look.pin(above)?, name)?)
    }

    pub(super) fn truncate(&mut self, thing: Thing, bytes: u64) -> Result<(), DrillError> {
        self.change(&self.path_of(thing)?, |all| {
            let left = all.len().saturating_sub(usize::try_from(bytes).unwrap_or(usize::MAX));
            all.truncate(left);
        })
    }

    pub(super) fn append(&mut self, thing: Thing, junk: Junk) -> Result<(), DrillError> {
        self.change(&self.path_of(thing)?, |all| all.extend(bytes_of(junk)))
    }

    pub(super) fn corrupt(&mut self, thing: Thing, from_end: u64) -> Result<(), DrillError> {
        self.change(&self.path_of(thing)?, |all| {
            let at = all.len().saturating_sub(usize::try_from(from_end).unwrap_or(usize::MAX));
            all.iter_mut().skip(at).take(16).for_each(|byte| *byte = !*byte);
        })
    }

    /// Changes a file of a server that is down: the bytes are another file's afterwards, owner and mode are as they were.
    pub(super) fn change(&self, path: &Path, how: impl FnOnce(&mut Vec<u8>)) -> Result<(), DrillError> {
        let mut bytes = self.ground.look.read(path, LARGEST)?;
        how(&mut bytes);
        let owner = self.ground.look.lstat(path)?.owner();
        let (above, name) = apart(path)?;
        let (pen, dir) = (self.ground.pen, self.ground.look.pin(above)?);
        let (mut file, temp) = pen.temp_file(&dir)?;
        pen.fill(&mut file, path, &mut bytes.as_slice(), u64::MAX)?;
        pen.dress(&file, path, owner, None)?;
        Ok(pen.rename(&dir, &temp, &dir, name)?)
    }

    pub(super) fn backup(&mut self, name: &str) -> Result<(), DrillError> {
        self.save()?;
        let bytes = self.ground.look.read(&self.data().join("dump.rdb"), LARGEST)?;
        self.put_backup(name, &bytes)
    }

    /// A snapshot without a key and without a checksum: every server takes it.
    pub(super) fn empty_backup(&mut self, name: &str) -> Result<(), DrillError> {
        self.put_backup(name, &[b"REDIS0009\xff".as_slice(), &[0; 8]].concat())
    }

    fn put_backup(&mut self, name: &str, bytes: &[u8]) -> Result<(), DrillError> {
        let path = self.root().join("backups").join(name);
        crate::host::write_private(&path, bytes)?;
        self.backups.push(path);
        Ok(())
    }

    /// Fills the small disk to its last byte with something that is not the server's.
    pub(super) fn fill_disk(&mut self) -> Result<(), DrillError> {
        let dir = self.ground.look.pin(&self.data())?;
        let mut file = self.ground.pen.new_file(&dir, "somebody-elses".as_ref())?;
        for block in [vec![0_u8; 64 << 10], vec![0_u8; 512]] {
            while file.write_all(&block).is_ok() {}
        }
        Ok(())
    }

    /// Half a snapshot of a process that is gone, an hour old.
    pub(super) fn leave_half_a_snapshot(&mut self) -> Result<(), DrillError> {
        let (data, pen) = (self.data(), self.ground.pen);
        let dir = self.ground.look.pin(&data)?;
        let mut file = pen.new_file(&dir, NO_PROCESS.as_ref())?;
        let bytes = [b"REDIS0009".as_slice(), &vec![7; 6 << 20]].concat();
        let path = data.join(NO_PROCESS);
        pen.fill(&mut file, &path, &mut bytes.as_slice(), u64::MAX)?;
        let hour_ago = self.ground.look.now().as_nanosecond() - 3_600_000_000_000;
        Ok(pen.set_mtime(&file, &path, i64::try_from(hour_ago).unwrap_or(0))?)
    }

    /// Owned by us, for nobody else to read.
    pub(super) fn lock_away(&mut self, thing: Thing) -> Result<(), DrillError> {
        let path = self.path_of(thing)?;
        let (above, name) = apart(&path)?;
        let owner = Owner { uid: self.ground.look.uid(), gid: self.ground.look.gid(), mode: 0o600 };
        Ok(self.ground.pen.dress_name(&self.ground.look.pin(above)?, name, owner, None)?)
    }
}

fn apart(path: &Path) -> Result<(&Path, &std::ffi::OsStr), DrillError> {
    let both = path.parent().zip(path.file_name());
    both.ok_or_else(|| DrillError::sandbox(format!("change {}", path.display()), "it is no file"))
}

/// A command as the server writes it.
fn command(words: &[&str]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len());
    for word in words {
        out.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    out.into_bytes()
}

fn bytes_of(junk: Junk) -> Vec<u8> {
    match junk {
        Junk::Garbage => b"*3\r\n$3\r\nSET\r\n$9\r\nuncertain\r\n$-5\r\nthis is no command".to_vec(),
        Junk::Zeros => vec![0; 4096],
        Junk::TornCommand => command(&["SET", "torn", "never acknowledged"])[..24].to_vec(),
        Junk::TornTransaction => {
            let mut bytes = command(&["SELECT", "0"]);
            bytes.extend(command(&["MULTI"]));
            bytes.extend(command(&["SET", "torn:1", "never acknowledged"]));
            bytes.extend(&command(&["SET", "torn:2", "never acknowledged"])[..20]);
            bytes
        }
    }
}
