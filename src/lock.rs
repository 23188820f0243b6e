//! One run at a time per instance: `flock` on a file in the state directory, and on one in the data directory, since
//! two hosts' or two users' state directories may lead to the same data.
//!
//! The lock is the kernel's: it goes with the process, whatever happens to it. The text in the file is for messages only.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use crate::host::{HostError, Look, OwnFiles, shown};
use crate::state::{State, StateError};

/// redis-dr's directory in a data directory.
pub const OWN_DIR: &str = ".redis-dr";

/// How long a filesystem may take to open a lock file. One that stands still (frozen, a server of NFS that is gone) would
/// let us wait for ever, and no signal reaches a process that waits so: it is said from another thread.
const ANSWER: Duration = Duration::from_secs(10);

/// Who holds a lock, for the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The user's name, or id.
    pub who: String,
    /// The host.
    pub host: String,
    /// The kernel's id of the boot.
    pub boot_id: Option<String>,
    /// Process id.
    pub pid: u32,
    /// The run, once there is one.
    pub run: Option<String>,
    /// Since when.
    pub since: jiff::Timestamp,
}

impl Holder {
    /// This process, now.
    #[must_use]
    pub fn this_process(look: Look) -> Self {
        let uid = look.uid();
        let name = look.user_by_id(uid).ok().flatten().map(|user| user.name);
        Holder {
            who: name.unwrap_or_else(|| format!("user id {uid}")),
            host: look.hostname(),
            boot_id: look.boot_id(),
            pid: look.pid(),
            run: None,
            since: look.now(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Holder { who, host, pid, since, .. } = self;
        write!(f, "{} on {}, pid {pid}, since {since:.0}", who.escape_debug(), host.escape_debug())?;
        match &self.run {
            Some(run) => write!(f, ", run {}", run.escape_debug()),
            None => Ok(()),
        }
    }
}

/// Why a lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("another run holds {instance}: {}", .holder.as_ref().map_or_else(|| "it does not say who".to_string(), ToString::to_string))]
    Held {
        /// The instance.
        instance: String,
        /// Who, if the text in the file could be read.
        holder: Option<Box<Holder>>,
        /// The lock file.
        path: PathBuf,
    },
    /// The data's filesystem did not let a lock file be opened, nor refused it.
    #[error("can't lock {instance}: the filesystem of {} takes no write, none was done within {} s", shown(.data_dir), ANSWER.as_secs())]
    Silent {
        /// The instance.
        instance: String,
        /// Its data directory.
        data_dir: PathBuf,
    },
    /// The lock file can't be opened.
    #[error("can't lock {instance}: {source}")]
    State {
        /// The instance.
        instance: String,
        /// Why.
        source: StateError,
    },
}

impl LockError {
    /// The next thing to do, for a person.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            LockError::Held { holder: Some(holder), .. } => {
                format!("wait for it (--wait DURATION), or look at it: ps -fp {}", holder.pid)
            }
            LockError::Held { path, .. } => {
                format!("wait for it (--wait DURATION), or see who has it: fuser -v {}", shown(path))
            }
            LockError::Silent { .. } => {
                "see what its device waits for (dmesg), and mend the disk or mount; a process that waits for it, redis-dr \
                 too, can't be ended before"
                    .into()
            }
            LockError::State { source, .. } => source.hint(),
        }
    }
}

/// The lock on an instance; dropping it, or dying, frees it.
#[derive(Debug)]
pub struct Lock {
    files: Vec<File>,
    holder: Holder,
    without_data: Option<String>,
    data_dir: Option<PathBuf>,
}

impl Lock {
    /// Takes the lock on an instance: the state directory's, then the data directory's where there is one.
    ///
    /// A data directory that is full, read-only or gone can't hold a lock file; then the state's lock alone stands, and
    /// [`Lock::without_data`] says why. With `wait` it polls until that long is over.
    ///
    /// # Errors
    /// [`LockError::Held`]; [`LockError::State`] when a lock file can't be opened.
    pub fn acquire(
        state: &State,
        instance: &str,
        data_dir: Option<&Path>,
        holder: Holder,
        wait: Option<Duration>,
    ) -> Result<Lock, LockError> {
        let wrap = |source: StateError| LockError::State { instance: instance.to_string(), source };
        let deadline = Instant::now() + wait.unwrap_or_default();
        let path = state.lock_path(instance);
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let file = state.locks().map_err(wrap)?.open_lock(&name).map_err(|e| wrap(e.into()))?;
        let mut lock = Lock { files: Vec::new(), holder, without_data: None, data_dir: None };
        lock.take(file, instance, &path, deadline)?;
        if let Some(data_dir) = data_dir {
            lock.take_data(instance, data_dir, deadline)?;
        }
        Ok(lock)
    }

    /// Takes the lock of this data directory too, if it is not the one that is held already.
    ///
    /// # Errors
    /// As [`Lock::acquire`].
    pub fn extend_to(&mut self, instance: &str, data_dir: &Path) -> Result<(), LockError> {
        // two names of one directory are one lock, which we would wait for ourselves
        let real = |dir: &Path| Look::new().real_path(dir).unwrap_or_else(|_| dir.to_path_buf());
        if self.data_dir.as_deref().is_some_and(|held| real(held) == real(data_dir)) {
            return Ok(());
        }
        self.take_data(instance, data_dir, Instant::now())
    }

    fn take_data(&mut self, instance: &str, data_dir: &Path, deadline: Instant) -> Result<(), LockError> {
        match opened(data_dir) {
            Some(Ok(file)) => self.take(file, instance, &data_lock_path(data_dir), deadline)?,
            Some(Err(e)) if cannot_hold_a_lock(&e) => self.without_data = Some(e.to_string()),
            Some(Err(e)) => return Err(LockError::State { instance: instance.to_string(), source: e.into() }),
            None => {
                return Err(LockError::Silent { instance: instance.to_string(), data_dir: data_dir.to_path_buf() });
            }
        }
        self.data_dir = Some(data_dir.to_path_buf());
        Ok(())
    }

    /// Why the data directory is not locked too; `None` when it is, or there is none.
    #[must_use]
    pub fn without_data(&self) -> Option<&str> {
        self.without_data.as_deref()
    }

    /// Writes the run's id into the lock's text.
    pub fn names_run(&mut self, run: &str) {
        self.holder.run = Some(run.to_string());
        for file in &mut self.files {
            sign(file, &self.holder);
        }
    }

    fn take(&mut self, mut file: File, instance: &str, path: &Path, deadline: Instant) -> Result<(), LockError> {
        // Somebody who only asks whether it is held has it shared for an instant: hence the few extra tries.
        let mut tries = 0;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tries < 3 || Instant::now() < deadline => {
                    tries += 1;
                    std::thread::sleep(Duration::from_millis(if tries <= 3 { 5 } else { 100 }));
                }
                Err(TryLockError::WouldBlock) => {
                    let holder = read_holder(&mut file).map(Box::new);
                    return Err(LockError::Held { instance: instance.to_string(), holder, path: path.to_path_buf() });
                }
                Err(TryLockError::Error(e)) => {
                    let source = HostError::Os { doing: "lock", path: path.to_path_buf(), source: e }.into();
                    return Err(LockError::State { instance: instance.to_string(), source });
                }
            }
        }
        sign(&mut file, &self.holder);
        self.files.push(file);
        Ok(())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        for file in &self.files {
            // Text only; the lock itself goes with the descriptor.
            let _ = file.set_len(0);
        }
    }
}

/// Whether somebody holds the lock file at this path, and who. No lock file means nobody.
///
/// # Errors
/// The file is there but can't be asked.
pub fn holder_of(path: &Path) -> Result<Option<Option<Holder>>, HostError> {
    let mut file = match Look::new().open_no_link(path) {
        Ok(file) => file,
        Err(e) if e.is_missing() => return Ok(None),
        Err(e) => return Err(e),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(read_holder(&mut file))),
        Err(TryLockError::Error(e)) => Err(HostError::Os { doing: "lock", path: path.to_path_buf(), source: e }),
    }
}

/// Whether somebody holds the lock file at this path.
///
/// # Errors
/// The file is there but can't be asked.
pub fn is_held(path: &Path) -> Result<bool, HostError> {
    Ok(holder_of(path)?.is_some())
}

/// The path of a data directory's lock file, which need not exist.
#[must_use]
pub fn data_lock_path(data_dir: &Path) -> PathBuf {
    data_dir.join(OWN_DIR).join("lock")
}

/// The lock file of a data directory; none where its filesystem does not answer in time.
fn opened(data_dir: &Path) -> Option<Result<File, HostError>> {
    let dir = data_dir.to_path_buf();
    let (to, from) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = to.send(OwnFiles::open_in(&dir, OWN_DIR).and_then(|own| own.open_lock("lock")));
    });
    from.recv_timeout(ANSWER).ok()
}

fn cannot_hold_a_lock(e: &HostError) -> bool {
    e.is_missing() || e.is_full() || e.is_io() || e.errno() == Some(Errno::EROFS as i32)
}

/// Text for a person: a full disk that won't take it does not make the lock less of a lock.
fn sign(file: &mut File, holder: &Holder) {
    if let Ok(text) = serde_json::to_vec(holder) {
        let _ = file.set_len(0);
        let _ = file.seek(SeekFrom::Start(0));
        let _ = file.write_all(&text);
    }
}

fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(16 * 1024).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}
