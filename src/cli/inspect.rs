//! `redis-dr inspect`: what is in a file.
use super::args::{Global, InspectArgs};
use super::progress::Progress;
use super::{Failure, out};
use crate::facts::Time;
use crate::host::Look;
use crate::inspect::difference::{Asked, difference};
use crate::inspect::{self, InspectError, Options, Pattern};
use crate::report;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

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
    let asked = Asked { options, scratch: &scratch, told: &told };
    let found = difference(&Look::new(), &args.path, other, &asked);
    if let Ok(mut progress) = progress.lock() {
        progress.end();
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
