//! `redis-dr inspect`: what is in a file.
use super::args::{Global, InspectArgs};
use super::progress::Progress;
use super::{Failure, out};
use crate::facts::Time;
use crate::host::Look;
use crate::inspect::difference::{Asked, difference};
use crate::inspect::salvage::salvage;
use crate::inspect::{self, InspectError, Options, Pattern};
use crate::report;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

impl From<InspectError> for Failure {
    fn from(error: InspectError) -> Self {
        let hint = error.hint();
        Self::of(1, error, hint)
    }
}

/// Looks into a file.
///
/// # Errors
/// It can't be read (1).
pub fn run(global: &Global, args: &InspectArgs) -> Result<i32, Failure> {
    let options = Options {
        top: args.top.into(),
        keys: args.keys.as_deref().map(Pattern::new),
        now: Time(jiff::Timestamp::now()),
    };
    if let Some(output) = &args.salvage {
        return salvaged(global, args, output);
    }
    if let Some(other) = &args.diff {
        return compared(global, args, other, &options);
    }
    let found = inspect::inspect(&Look::new(), &args.path, &options)?;
    if global.json {
        out::json(&found);
    } else {
        out::line(report::inspection(&found, out::width()).trim_end());
    }
    Ok(found.exit_code())
}

/// Compares two files.
fn compared(global: &Global, args: &InspectArgs, other: &Path, options: &Options) -> Result<i32, Failure> {
    let scratch = args.tmp.clone().unwrap_or_else(scratch);
    let progress = Mutex::new(Progress::default());
    let told = |what: &str, done: u64, total: Option<u64>| {
        // A bar that can't be had is no reason to stop.
        if let Ok(mut progress) = progress.lock() {
            progress.show(what, done, total);
        }
    };
    let stop = Arc::new(AtomicBool::new(false));
    let told = |what: &str, done: u64, total: Option<u64>| {
        if stop.load(Ordering::Relaxed) {
            signal_hook::low_level::exit(130);
        }
        told(what, done, total);
    };
    // A private server must be ended before this program is.
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let _ = signal_hook::flag::register(signal, Arc::clone(&stop));
    }
    let asked = Asked {
        options,
        scratch: &scratch,
        told: &told,
        bin_dir: args.bin_dir.as_deref(),
        interrupted: &|| stop.load(Ordering::Relaxed),
    };
    let found = difference(&Look::new(), &args.path, other, &asked);
    if let Ok(mut progress) = progress.lock() {
        progress.end();
    }
    if stop.load(Ordering::Relaxed) {
        return Err(Failure::new(130, "interrupted", "nothing was changed; ask again"));
    }
    let found = found?;
    if global.json {
        out::json(&found);
    } else {
        out::line(report::key_difference(&found, out::width()).trim_end());
    }
    Ok(found.exit_code())
}

/// On a disk: /tmp is often memory.
fn scratch() -> PathBuf {
    let said = std::env::var_os("TMPDIR").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let kept = PathBuf::from("/var/tmp");
    said.unwrap_or_else(|| if Look::new().exists(&kept) { kept } else { PathBuf::from("/tmp") })
}

/// Takes over what can be had from a damaged file.
fn salvaged(global: &Global, args: &InspectArgs, output: &Path) -> Result<i32, Failure> {
    let progress = Mutex::new(Progress::default());
    let told = |done: u64, total: u64| {
        if let Ok(mut progress) = progress.lock() {
            progress.show("salvage", done, Some(total));
        }
    };
    let found = salvage(&Look::new(), &args.path, output, &told);
    if let Ok(mut progress) = progress.lock() {
        progress.end();
    }
    let found = found?;
    if global.json {
        out::json(&found);
    } else {
        out::line(report::salvage(&found, out::width()).trim_end());
    }
    Ok(found.exit_code())
}
