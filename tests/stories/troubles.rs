//! What befalls a server whose data is whole: it hangs, its disk is full, another one sits on its port.
use crate::sandbox::{Sandbox, processes_in, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

impl Sandbox {
    /// Its processes stand still, and answer nothing.
    pub fn freeze(&self) {
        for pid in self.servers() {
            kill(Pid::from_raw(pid), Signal::SIGSTOP).unwrap();
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
        Self::over(&server.data(), "24m")
    }

    /// One of that size over any directory.
    pub fn over(dir: &Path, size: &str) -> Option<Self> {
        match does("mount", &["-t", "tmpfs", "-o", &format!("size={size},mode=755"), "tmpfs", text(dir)]) {
            Ok(_) => Some(Self(dir.to_owned())),
            Err(why) => {
                eprintln!("-- LEFT OUT: a small disk needs the right to mount: {why}");
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
        end_all_in(&self.0);
        let _ = Command::new("umount").args(["-l"]).arg(&self.0).status();
    }
}

fn end_all_in(dir: &Path) {
    for pid in processes_in(dir) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    wait_until("its processes to be gone", || processes_in(dir).is_empty());
}

/// A filesystem in a file, whose power can be cut. It is mounted over a directory and takes in what is there.
pub struct LoopDisk {
    _image: tempfile::NamedTempFile,
    /// The same for as long as it lives, as a disk is over a loss of power.
    device: String,
    at: PathBuf,
}

/// Runs a program; what it prints, or says when it fails.
fn does(program: &str, args: &[&str]) -> Result<String, String> {
    let out = Command::new(program).args(args).stdin(Stdio::null()).output().map_err(|e| format!("{program}: {e}"))?;
    let said = || format!("{program} {}: {}", args.join(" "), String::from_utf8_lossy(&out.stderr));
    if out.status.success() { Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned()) } else { Err(said()) }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

impl LoopDisk {
    /// An `ext4` or `xfs` over a directory.
    ///
    /// # Errors
    /// What is missing: the right to mount, a loop device, the program that makes the filesystem.
    pub fn over(at: &Path, kind: &str) -> Result<Self, String> {
        let image = tempfile::NamedTempFile::new().map_err(|e| e.to_string())?;
        let (size, make): (u64, &[&str]) = match kind {
            "ext4" => (64 << 20, &["-q", "-F", "-m", "0", "-J", "size=4"]),
            _ => (320 << 20, &["-q", "-f"]),
        };
        image.as_file().set_len(size).map_err(|e| e.to_string())?;
        does(&format!("mkfs.{kind}"), &[make, &[text(image.path())]].concat())?;
        let device = does("losetup", &["-f", "--show", text(image.path())])?;
        let disk = Self { _image: image, device, at: at.to_owned() };
        let first = tempfile::tempdir().map_err(|e| e.to_string())?;
        does("mount", &[&disk.device, text(first.path())])?;
        let taken = does("cp", &["-a", &format!("{}/.", text(at)), text(first.path())]);
        does("umount", &[text(first.path())])?;
        taken?;
        disk.power_on()?;
        Ok(disk)
    }

    /// From now on nothing reaches the disk, and what was not synced is lost.
    ///
    /// # Errors
    /// It can't be done here.
    pub fn power_off(at: &Path) -> Result<(), String> {
        // FS_IOC_GOINGDOWN, without a flush of the filesystem's log
        let script = "my $how=pack('L',2); open F,'<',$ARGV[0] or die $!; defined ioctl(F,0x8004587d,$how) or die $!";
        does("perl", &["-e", script, text(at)]).map(|_| ())
    }

    /// Ends what ran there, and mounts the disk as it is after a loss of power.
    ///
    /// # Errors
    /// It can't be mounted any more.
    pub fn comes_back(&self) -> Result<(), String> {
        end_all_in(&self.at.join("data"));
        end_all_in(&self.at);
        // what was killed may hold its files for a moment yet
        let mut gone = does("umount", &[text(&self.at)]);
        for _ in 0..100 {
            if gone.is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
            end_all_in(&self.at);
            gone = does("umount", &[text(&self.at)]);
        }
        gone?;
        self.power_on()
    }

    /// The kernel finds the filesystem damaged, and writes to it no more.
    ///
    /// # Errors
    /// It can't be done here.
    pub fn turns_read_only(&self) -> Result<(), String> {
        let source = self.device.replace("/dev/", "");
        let trigger = format!("/sys/fs/ext4/{source}/trigger_fs_error");
        fs::write(&trigger, "1").map_err(|e| format!("{trigger}: {e}"))
    }

    /// Whoever writes to it waits, until what this gives is dropped.
    ///
    /// # Errors
    /// It can't be done here.
    pub fn stands_still(&self) -> Result<Frozen, String> {
        does("fsfreeze", &["-f", text(&self.at)]).map(|_| Frozen(self.at.clone()))
    }

    fn power_on(&self) -> Result<(), String> {
        let at = text(&self.at);
        let guarded = does("mount", &["-o", "errors=remount-ro", &self.device, at]);
        guarded.or_else(|_| does("mount", &[&self.device, at])).map(|_| ())
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        end_all_in(&self.at.join("data"));
        end_all_in(&self.at);
        let _ = does("umount", &["-l", text(&self.at)]);
        let _ = does("losetup", &["-d", &self.device]);
    }
}

/// A filesystem that takes no write; it goes on when this goes.
pub struct Frozen(PathBuf);

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = does("fsfreeze", &["-u", text(&self.0)]);
    }
}
