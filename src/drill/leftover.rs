//! What a drill that was killed left: its own record says which directory, which processes, which mounts.
//!
//! Nothing is looked for by name. A process is ended only if the record has it with the time it started, or if it is at home
//! below the recorded directory and is a server or redis-dr; a person's shell in there is left alone, and so is everything
//! while the drill that made the record still runs.
use super::{DrillError, Ground};
use crate::host::process::{Command, Proc, ProcId};
use crate::host::{Look, OwnFiles};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a killed process may take to be gone.
const GONE: Duration = Duration::from_secs(20);

/// A sandbox, as it is on record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its directory.
    pub dir: PathBuf,
    /// The drill that made it.
    pub by: Option<ProcId>,
    /// In which boot.
    pub boot_id: Option<String>,
    /// Processes that were started in it.
    pub processes: Vec<ProcId>,
    /// Filesystems that were mounted in it.
    pub mounts: Vec<PathBuf>,
}

impl Record {
    /// Of this process, and nothing started yet.
    pub(super) fn new(look: &Look, dir: PathBuf) -> Self {
        let me = i32::try_from(look.pid()).ok().and_then(|pid| look.process(pid));
        Self { dir, by: me.map(|p| p.id), boot_id: look.boot_id(), processes: Vec::new(), mounts: Vec::new() }
    }

    /// Is the drill that made it still at work?
    fn is_open(&self, look: &Look) -> bool {
        self.boot_id == look.boot_id() && self.by.is_some_and(|by| !look.gone(by))
    }

    /// Ends what runs in it, unmounts what is mounted in it, and removes it.
    pub(super) fn clear(&self, ground: &Ground<'_>) -> Result<(), DrillError> {
        let deadline = Instant::now() + GONE;
        loop {
            let left = self.alive(ground);
            for id in &left {
                // one that is gone by itself meanwhile is what was wanted
                let _ = ground.reins.signal(*id, Signal::SIGKILL);
            }
            if left.is_empty() {
                break;
            }
            if Instant::now() >= deadline {
                let ids: Vec<String> = left.iter().map(|id| id.pid.to_string()).collect();
                return Err(DrillError::sandbox("end the processes of a sandbox", format!("pids {}", ids.join(", "))));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        for mount in self.mounts.iter().filter(|path| ground.look.is_mount_point(path)) {
            let argv = ["umount".to_string(), mount.display().to_string()];
            // a child of the server that was killed may have its files open for a moment yet
            loop {
                let output = ground.reins.run(&Command::new(argv.clone(), GONE))?;
                if output.ok() {
                    break;
                }
                if Instant::now() >= deadline {
                    return Err(DrillError::sandbox(format!("unmount {}", mount.display()), output.complaint()));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        if !ground.look.exists(&self.dir) {
            return Ok(());
        }
        let own = OwnFiles::open(&self.dir)?;
        for entry in own.list()? {
            ground.pen.remove_tree(own.dir(), &entry.name)?;
        }
        Ok(own.remove_if_empty(self.dir.parent().unwrap_or(&ground.above))?)
    }

    /// What still runs of it.
    fn alive(&self, ground: &Ground<'_>) -> Vec<ProcId> {
        let programs = [&ground.program, &ground.launcher].map(|p| ground.look.real_path(p).ok());
        let ours = |p: &Proc| p.is_server() || programs.contains(&p.exe);
        let home = |p: &Proc| p.cwd.as_deref().is_some_and(|cwd| cwd.starts_with(&self.dir)) && ours(p);
        let known = |p: &Proc| self.boot_id == ground.look.boot_id() && self.processes.contains(&p.id);
        let me = ground.look.pid();
        let all = ground.look.processes().unwrap_or_default().into_iter();
        let all = all.filter(|p| p.state != 'Z' && u32::try_from(p.pid()) != Ok(me));
        all.filter(|p| known(p) || home(p)).map(|p| p.id).collect()
    }
}

/// Removes what drills that were killed left; gives the directories that are gone.
///
/// # Errors
/// Something of it can't be ended or removed; its record stays.
pub fn clear(ground: &Ground<'_>) -> Result<Vec<PathBuf>, DrillError> {
    let mut gone = Vec::new();
    for (name, record) in ground.state.sandboxes::<Record>() {
        if record.is_open(ground.look) {
            continue;
        }
        record.clear(ground)?;
        ground.state.forget_sandbox(&name)?;
        gone.push(record.dir);
    }
    Ok(gone)
}
