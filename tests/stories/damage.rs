//! What happens to files at night.
use crate::resp::command;
use crate::sandbox::Sandbox;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

impl Sandbox {
    pub fn rdb(&self) -> PathBuf {
        self.data().join("dump.rdb")
    }

    pub fn aof_dir(&self) -> PathBuf {
        self.data().join("appendonlydir")
    }

    pub fn manifest(&self) -> PathBuf {
        self.aof_dir().join("appendonly.aof.manifest")
    }

    /// The file the server appends to: the last the manifest names, or the single AOF.
    pub fn aof_tail(&self) -> PathBuf {
        if !self.tree.since_seven() {
            return self.data().join("appendonly.aof");
        }
        let manifest = fs::read_to_string(self.manifest()).unwrap();
        let name = manifest.lines().last().unwrap().split(' ').nth(1).unwrap().to_owned();
        self.aof_dir().join(name)
    }

    /// The snapshot at the start of the AOF: the first file the manifest names, or the single AOF.
    pub fn aof_base(&self) -> PathBuf {
        if !self.tree.since_seven() {
            return self.aof_tail();
        }
        let manifest = fs::read_to_string(self.manifest()).unwrap();
        let name = manifest.lines().next().unwrap().split(' ').nth(1).unwrap().to_owned();
        self.aof_dir().join(name)
    }

    /// Cuts bytes off the end of the AOF: the write a crash tore.
    pub fn tear_aof_tail(&mut self, bytes: u64) -> &mut Self {
        let file = OpenOptions::new().write(true).open(self.aof_tail()).unwrap();
        let length = file.metadata().unwrap().len();
        assert!(bytes <= length);
        file.set_len(length - bytes).unwrap();
        self
    }

    pub fn append_to_aof(&mut self, bytes: &[u8]) -> &mut Self {
        OpenOptions::new().append(true).open(self.aof_tail()).unwrap().write_all(bytes).unwrap();
        self
    }

    /// A power loss: length written, data not.
    pub fn zero_pad_aof(&mut self, bytes: usize) -> &mut Self {
        self.append_to_aof(&vec![0; bytes])
    }

    /// A transaction of which EXEC never reached the disk.
    pub fn append_torn_transaction(&mut self) -> &mut Self {
        let mut bytes = command(&["SELECT", "0"]);
        bytes.extend(command(&["MULTI"]));
        bytes.extend(command(&["SET", "torn:1", "never acknowledged"]));
        bytes.extend(&command(&["SET", "torn:2", "never acknowledged"])[..20]);
        self.append_to_aof(&bytes)
    }

    /// Turns bytes of a file round, `from_end` bytes before its end.
    pub fn corrupt(&mut self, path: &Path, from_end: usize) -> &mut Self {
        let mut bytes = fs::read(path).unwrap();
        let at = bytes.len() - from_end;
        for byte in bytes.iter_mut().skip(at).take(16) {
            *byte = !*byte;
        }
        fs::write(path, bytes).unwrap();
        self
    }

    /// An AOF in one file, as an older server leaves it, that ends inside the first command after its snapshot.
    pub fn single_file_with_torn_first_command(&mut self) -> &mut Self {
        let torn = &command(&["SELECT", "0"])[..9];
        if !self.tree.since_seven() {
            return self.append_to_aof(torn);
        }
        let bytes = fs::read(self.aof_base()).unwrap();
        self.lose_aof();
        fs::write(self.data().join("appendonly.aof"), [&bytes, torn].concat()).unwrap();
        self
    }

    pub fn lose_aof(&mut self) -> &mut Self {
        if self.tree.since_seven() {
            fs::remove_dir_all(self.aof_dir()).unwrap();
        } else {
            fs::remove_file(self.aof_tail()).unwrap();
        }
        self
    }

    pub fn lose_manifest(&mut self) -> &mut Self {
        fs::remove_file(self.manifest()).unwrap();
        self
    }

    pub fn lose_rdb(&mut self) -> &mut Self {
        let _ = fs::remove_file(self.rdb());
        self
    }

    /// Splits the last incr file in two at a command's start, as a rewrite that failed leaves them; gives the first part.
    pub fn split_incr(&mut self) -> PathBuf {
        let first = self.aof_tail();
        let bytes = fs::read(&first).unwrap();
        let middle = bytes.len() / 2;
        // A SELECT starts a part: after it, any database will do.
        let select = command(&["SELECT", "0"]);
        let at = middle + bytes[middle..].windows(select.len()).position(|window| window == select).unwrap();
        let second = self.aof_dir().join("appendonly.aof.9.incr.aof");
        fs::write(&second, &bytes[at..]).unwrap();
        fs::write(&first, &bytes[..at]).unwrap();
        let mut manifest = fs::read_to_string(self.manifest()).unwrap();
        manifest.push_str("file appendonly.aof.9.incr.aof seq 9 type i\n");
        fs::write(self.manifest(), manifest).unwrap();
        first
    }

    /// Every file of the data directory and the configuration, by content; redis-dr's own room aside.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::from([(self.conf(), fs::read(self.conf()).unwrap())]);
        let mut to_visit = vec![self.data()];
        while let Some(dir) = to_visit.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.file_name().is_some_and(|name| name == ".redis-dr") {
                    continue;
                }
                if path.is_dir() {
                    to_visit.push(path);
                } else {
                    found.insert(path.clone(), fs::read(&path).unwrap());
                }
            }
        }
        found
    }

    /// Names of [`Self::files`] with lengths, for messages.
    pub fn listing(files: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<String> {
        files.iter().map(|(path, bytes)| format!("{} {}", path.display(), bytes.len())).collect()
    }

    /// True if these very bytes are somewhere in a vault.
    pub fn vault_holds(&self, bytes: &[u8]) -> bool {
        self.in_a_vault(|saved| saved == bytes)
    }

    /// True if a file in a vault has this text in it.
    pub fn vault_mentions(&self, text: &str) -> bool {
        self.in_a_vault(|saved| String::from_utf8_lossy(saved).contains(text))
    }

    fn in_a_vault(&self, is: impl Fn(&[u8]) -> bool) -> bool {
        let mut to_visit = vec![self.data().join(".redis-dr"), self.root().join("state")];
        while let Some(dir) = to_visit.pop() {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    to_visit.push(path);
                } else if fs::read(&path).is_ok_and(|saved| is(&saved)) {
                    return true;
                }
            }
        }
        false
    }
}
