//! The owner's data checks: which file, whether it is right, and carrying it out.
use super::super::args::VerifyArgs;
use super::super::context::trusted;
use super::super::lint::Lint;
use super::super::{Context, Failure};
use super::Watch;
use crate::checks::{self, Checks, Scan};
use crate::config::Instance;
use crate::server::{Pace, Server};
use crate::verify::Verification;
use crate::yaml;
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes.
const LARGEST: u64 = 2 << 20;

/// A file of data checks, as it is.
pub struct File {
    /// Where.
    pub path: PathBuf,
    /// What is in it.
    pub checks: Checks,
}

/// The file in force: the one that was named, else the config's.
///
/// # Errors
/// It can't be read, root must not trust it, or it is not valid (2).
pub fn in_force(context: &Context, named: Option<&Path>, instance: &Instance) -> Result<Option<File>, Failure> {
    let Some(path) = named.or(instance.data_checks.as_deref()) else {
        return Ok(None);
    };
    let text = text(context, path)?;
    match checks::load(&text) {
        Ok(checks) => Ok(Some(File { path: path.to_path_buf(), checks })),
        Err(diags) => {
            let shown = yaml::render(&diags, &path.display().to_string(), &text);
            Err(Failure::usage(shown.trim_end(), context.command("verify --lint shows every error; mend the file")))
        }
    }
}

fn text(context: &Context, path: &Path) -> Result<String, Failure> {
    let text = context.look.read_text(path, LARGEST).map_err(Failure::file)?;
    trusted(&context.look, path)?;
    Ok(text)
}

/// `verify --lint`.
///
/// # Errors
/// There is no such file, or it can't be read.
pub fn lint(context: &Context, args: &VerifyArgs) -> Result<i32, Failure> {
    let path = match &args.checks {
        Some(path) => path.clone(),
        None => context.choose(args.instance.as_deref())?.instance.data_checks.ok_or_else(|| {
            let hint = context.command("verify --lint --checks FILE");
            Failure::usage("the config names no file of data checks for this instance", hint)
        })?,
    };
    let text = text(context, &path)?;
    let mut lint = Lint::default();
    lint.file(&path.display().to_string(), &text, checks::load(&text).err().unwrap_or_default());
    Ok(lint.tell(context))
}

/// Carries the file out on a live server.
///
/// # Errors
/// The server stopped answering, or somebody asked to stop.
pub fn carry_out(
    context: &Context,
    file: &File,
    server: &mut Server,
    rate: Option<u64>,
    watch: &mut Watch,
    found: &mut Verification,
) -> Result<(), Failure> {
    let stop = watch.stop.clone();
    let progress = &mut watch.progress;
    let mut scan = Scan {
        look: &context.look,
        now: context.look.now(),
        pace: Pace::new(rate),
        interrupted: &|| stop.asked(),
        progress: &mut |done, total| progress.keys("data checks", done, total),
        offence: &mut |_| {},
    };
    let outcomes = scan.carry_out(server, &file.checks);
    watch.progress.end();
    let outcomes = outcomes.map_err(|e| watch.failure(context, e))?;
    found.checked(file.path.display().to_string(), outcomes);
    Ok(())
}
