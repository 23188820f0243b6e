//! Drop-ins for a unit: the one that holds it, and the one that lets a long load finish. Nothing of them is left behind.

use std::path::Path;
use std::time::Duration;

use super::{ServiceError, SystemdUnit};
use crate::host::process::Reins;
use crate::host::{Look, OwnFiles};

/// The drop-in of a held unit. The names sort behind those of others: the last one to set a value wins.
const HOLD: &str = "zzz-redis-dr-hold.conf";
/// The drop-in of a start of ours.
const START: &str = "zzz-redis-dr-start.conf";

impl SystemdUnit {
    /// Makes systemd look for the mark before any start.
    pub(super) fn hold(&self, reins: &Reins, mark: &Path) -> Result<(), ServiceError> {
        let text = format!(
            "# redis-dr holds this unit: it does not start while the file is there.\n\
             # Lift it with: redis-dr hold --release\n[Unit]\nConditionPathExists=!{}\n",
            mark.display().to_string().replace('%', "%%")
        );
        self.drop_ins(&self.lasting_dir)?.write(HOLD, text.as_bytes())?;
        self.tell(reins, &["daemon-reload"])?;
        // Nothing to reset is no failure of ours.
        let _ = self.tell(reins, &["reset-failed", "--", &self.name]);
        Ok(())
    }

    /// Takes both drop-ins away.
    pub(super) fn release(&self, reins: &Reins) -> Result<(), ServiceError> {
        let look = Look::new();
        let mut changed = false;
        for (dir, name) in [(&self.lasting_dir, HOLD), (&self.runtime_dir, START)] {
            if look.exists(&dir.join(self.drop_in_dir()).join(name)) {
                let drop_ins = self.drop_ins(dir)?;
                drop_ins.remove(name)?;
                drop_ins.remove_if_empty(dir)?;
                changed = true;
            }
        }
        if changed { self.tell(reins, &["daemon-reload"]) } else { Ok(()) }
    }

    /// Lets a start take `timeout`, until the next reboot or [`release`](Self::release).
    pub(super) fn allow_start(&self, reins: &Reins, timeout: Duration) -> Result<(), ServiceError> {
        let text =
            format!("# redis-dr: this start loads more than usual\n[Service]\nTimeoutStartSec={}\n", timeout.as_secs());
        self.drop_ins(&self.runtime_dir)?.write(START, text.as_bytes())?;
        self.tell(reins, &["daemon-reload"])
    }

    fn drop_in_dir(&self) -> String {
        format!("{}.d", self.name)
    }

    fn drop_ins(&self, above: &Path) -> Result<OwnFiles, ServiceError> {
        Ok(OwnFiles::open_readable_in(above, &self.drop_in_dir())?)
    }
}
