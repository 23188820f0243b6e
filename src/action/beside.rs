//! The walk of what a server loads, beside its load: another core reads the same bytes while they are at hand, and no
//! time is spent on it afterwards. Nothing is believed of it before both have ended: a damaged file is found by either.
use super::{ActError, Hands, Site};
use crate::host::Look;
use crate::server::{Info, Server};
use crate::vault::{Unsharing, VaultError};
use crate::verify::{self, Holdings, Loads, Places};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// What a server of this run has loaded.
#[derive(Debug)]
pub struct Loaded {
    /// What its files held when it was started.
    pub holdings: Holdings,
    /// What it said of itself right after.
    pub info: Info,
    /// The size of its log before it was started, where that is known.
    pub log_from: Option<u64>,
}

/// Where a site's data files are.
pub(super) fn places(site: &Site) -> Places<'_> {
    Places { rdb: &site.rdb, aof: &site.aof, aof_name: &site.aof_name, multi_part: site.multi_part }
}

impl Hands<'_> {
    /// May the server read this file as its owner and mode are?
    pub(super) fn may_read(&self, path: &Path) -> Result<bool, ActError> {
        let (stat, (_, file)) = (self.look.stat(path)?, self.owners()?);
        let user = self.look.user_by_id(file.uid).ok().flatten();
        let groups = user.and_then(|u| self.look.groups_of(&u).ok()).unwrap_or_else(|| vec![file.gid]);
        Ok(match stat.uid {
            _ if file.uid == 0 => true,
            uid if uid == file.uid => stat.mode & 0o400 != 0,
            _ if groups.contains(&stat.gid) => stat.mode & 0o040 != 0,
            _ => stat.mode & 0o004 != 0,
        })
    }

    /// A base that a step linked to a backup, if it is still that link.
    fn shared(&self) -> Option<PathBuf> {
        let path = PathBuf::from(self.results.values().find_map(|found| found["shared"].as_str())?);
        let shared = self.look.lstat_if_there(&path).ok().flatten().is_some_and(|now| now.nlink > 1);
        let source = self.site.point.as_ref()?.path.as_ref()?;
        let source = self.look.stat(Path::new(source)).ok()?;
        (shared && self.look.stat(&path).is_ok_and(|now| now.same_inode(&source))).then_some(path)
    }

    /// Begins to give such a base bytes of its own.
    fn unsharing(&self) -> Result<Option<Unsharing>, ActError> {
        let Some(path) = self.shared() else {
            return Ok(None);
        };
        let (_, file) = self.owners()?;
        Ok(Some(self.vault.unshare(&path, file)?))
    }

    /// A base that is still a link to a backup, since the process that began with it ended early, gets bytes of its own.
    ///
    /// # Errors
    /// It can't be copied.
    pub fn unshare(&mut self) -> Result<(), ActError> {
        if let Some(mut unsharing) = self.unsharing()? {
            unsharing.copy()?;
            unsharing.put()?;
        }
        Ok(())
    }

    /// Compares what is on disk now with the server: a start would load the same.
    ///
    /// # Errors
    /// It would not, or the server stopped answering.
    pub fn would_load_the_same(&self, server: &mut Server) -> Result<verify::Report, ActError> {
        let compared = self.loaded.as_ref().map(|loaded| &loaded.holdings);
        let report = verify::on_disk(server, self.look, &places(self.site), compared)?;
        match report.checks.iter().find(|check| !check.ok) {
            Some(bad) => {
                let because = format!("a restart would not load the same: {}: {}", bad.name, bad.evidence);
                Err(ActError::failed(because, "redis-dr assess"))
            }
            None => Ok(report),
        }
    }
}

/// Is the AOF in effect in the configuration as it is now?
pub(super) fn aof_in_effect(hands: &Hands<'_>) -> bool {
    super::conf::text(hands).is_ok_and(|t| super::conf::effective(hands, &t).appendonly())
}

/// Walks what a start would load now, here and to its end.
///
/// # Errors
/// A snapshot that can't be opened.
pub(super) fn walk_now(hands: &Hands<'_>) -> Result<Holdings, ActError> {
    let loads = Loads::of(hands.look, &places(hands.site), aof_in_effect(hands));
    let now_ms = hands.look.now().as_millisecond();
    Holdings::of_files(hands.look, &loads, now_ms, &Arc::default()).map_err(|e| unread(&e))
}

fn unread(error: &io::Error) -> ActError {
    ActError::failed(format!("what the server loads can't be read: {error}"), "redis-dr assess")
}

/// A walk under way, and the copy of a base that is a link to a backup. Given up, the walk ends soon.
pub(super) struct Walk {
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<Holdings>>>,
    copy: Option<JoinHandle<Result<Unsharing, VaultError>>>,
}

impl Walk {
    /// Begins to walk what a start would load now; names and sizes are taken before this returns.
    ///
    /// # Errors
    /// The copy of a base can't be begun.
    pub(super) fn begin(hands: &Hands<'_>) -> Result<Self, ActError> {
        let loads = Loads::of(hands.look, &places(hands.site), aof_in_effect(hands));
        let stopped = Arc::new(AtomicBool::new(false));
        let (look, now_ms, stop): (Look, _, _) = (*hands.look, hands.look.now().as_millisecond(), stopped.clone());
        let copy = hands.unsharing()?.map(|mut unsharing| {
            std::thread::spawn(move || {
                unsharing.copy()?;
                Ok(unsharing)
            })
        });
        let thread = std::thread::spawn(move || Holdings::of_files(&look, &loads, now_ms, &stop));
        Ok(Self { stopped, thread: Some(thread), copy })
    }

    /// Waits for its end, and puts the copy in its place.
    ///
    /// # Errors
    /// A snapshot that can't be opened; a base that can't be copied.
    pub(super) fn end(mut self) -> Result<Holdings, ActError> {
        let broke = || ActError::failed("the walk of the server's files broke off", "this is a defect in redis-dr");
        let walked = self.thread.take().map(JoinHandle::join);
        let mut holdings = match walked {
            Some(Ok(walked)) => walked.map_err(|e| unread(&e))?,
            _ => return Err(broke()),
        };
        if let Some(copy) = self.copy.take() {
            let (path, was, now) = copy.join().map_err(|_| broke())??.put()?;
            holdings.same_bytes(&path, &was, now);
        }
        Ok(holdings)
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if let Some(copy) = self.copy.take() {
            let _ = copy.join();
        }
    }
}
