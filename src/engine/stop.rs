//! Stopping: asked for by a signal, answered at the next safe moment.
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether somebody has asked to stop; and, told back, whether anything was started. A second signal ends the program
/// at once, and its exit code must say whether there is something to go on with.
#[derive(Debug, Default)]
pub struct Stop {
    asked: AtomicBool,
    acted: AtomicBool,
}

impl Stop {
    /// Somebody asks to stop.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
    }

    /// Has somebody asked to stop?
    #[must_use]
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// A step is on record as *started*, and is going to act.
    pub(super) fn acts(&self) {
        self.acted.store(true, Ordering::SeqCst);
    }

    /// Was a step started, in this walk or an earlier one?
    #[must_use]
    pub fn acted(&self) -> bool {
        self.acted.load(Ordering::SeqCst)
    }
}
