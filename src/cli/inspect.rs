//! `redis-dr inspect`: what is in a file.
use super::args::{Global, InspectArgs};
use super::{Failure, out};
use crate::facts::Time;
use crate::host::Look;
use crate::inspect::{self, InspectError, Options, Pattern};
use crate::report;

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
    let found = inspect::inspect(&Look::new(), &args.path, &options)?;
    if global.json {
        out::json(&found);
    } else {
        out::line(report::inspection(&found, out::width()).trim_end());
    }
    Ok(found.exit_code())
}
