//! What befalls a server whose data is whole: it hangs, its disk is full, another one sits on its port.
use crate::sandbox::{Sandbox, processes_in, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

impl Sandbox {
    /// Its processes stand still, and answer nothing.
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// They go on.
    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        for pid in self.servers() {
            kill(Pid::from_raw(pid), signal).unwrap();
        }
    }

    /// A save fails, since its name is that of a directory.
    pub fn saves_fail(&mut self) -> &mut Self {
        fs::create_dir(self.rdb()).unwrap();
        self.must(&["BGSAVE"]);
        wait_until("the save to fail", || self.info("rdb_last_bgsave_status").as_deref() == Some("err"));
        self
    }

    /// Half a snapshot of a process that is gone, an hour old: no process has this number.
    pub fn leave_half_a_snapshot(&self) -> PathBuf {
        let path = self.data().join("temp-4194305.rdb");
        fs::write(&path, [b"REDIS0009".as_slice(), &vec![7; 6 << 20]].concat()).unwrap();
        let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        fs::File::open(&path).unwrap().set_modified(hour_ago).unwrap();
        path
    }

    /// Another server on the port, from a copy of the configuration with another directory, and maybe another pid file.
    pub fn start_a_stray(&self, own_pid_file: bool) -> Child {
        let (dir, root) = (self.elsewhere(), self.root().display().to_string());
        fs::create_dir(&dir).unwrap();
        let conf = fs::read_to_string(self.conf()).unwrap();
        let mut conf = conf.replace(&format!("{root}/data"), &dir.display().to_string());
        if own_pid_file {
            conf = conf.replace("redis.pid", "other.pid");
        }
        let copy = self.root().join("copy.conf");
        fs::write(&copy, conf).unwrap();
        let child = Command::new(&self.tree.server).arg(copy).stdout(Stdio::null()).spawn().unwrap();
        wait_until("the other server to answer", || self.ask(&["PING"]).is_some_and(|r| r.text() == "PONG"));
        child
    }
}

/// The data directory on a small filesystem of its own; unmounted when it goes.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`, and said, where this user may not mount.
    pub fn under(server: &Sandbox) -> Option<Self> {
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(server.data()).output();
        match done {
            Ok(out) if out.status.success() => Some(Self(server.data())),
            other => {
                eprintln!("-- LEFT OUT: a small disk needs the right to mount: {other:?}");
                None
            }
        }
    }

    /// Fills it to the last byte with something that is not the server's.
    pub fn fill(&self) {
        let block = vec![0_u8; 64 << 10];
        let mut file = fs::File::create(self.0.join("somebody-elses")).unwrap();
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
    }

    pub fn remount(&self, how: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&self.0).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // a server that lives on an unmounted disk would not be found any more
        for pid in processes_in(&self.0) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        let _ = Command::new("umount").args(["-l"]).arg(&self.0).status();
    }
}
