//! Ctrl-C, SIGTERM and SIGHUP: the first asks the run to stop safely, a second Ctrl-C ends the program at once.
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Listens; what it returns is set by the first signal.
#[must_use]
pub fn listen() -> Arc<AtomicBool> {
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // the order matters: the second signal finds the flag set by the first
        let _ = signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&asked));
        let _ = signal_hook::flag::register(signal, Arc::clone(&asked));
    }
    asked
}

/// Was one heard?
#[must_use]
pub fn heard(asked: &AtomicBool) -> bool {
    asked.load(Ordering::SeqCst)
}
