//! `verify --deep`: which bytes the point is, how far an earlier call had come, and the comparison itself.
use super::super::args::VerifyArgs;
use super::super::context::Chosen;
use super::super::{Context, Failure, out};
use super::Watch;
use crate::assess::Assessed;
use crate::facts::Point;
use crate::host::{OwnFiles, User};
use crate::sandbox::{self, AofFiles, PrivateLoad, PrivateSnapshot};
use crate::server::{Pace, Server};
use crate::verify::{self, Clients, Comparison, Deep, DeepError, DeepProgress, Holdings, Loads, Report};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a private server may take to load an AOF.
const LOAD: Duration = Duration::from_secs(3600);

/// What is compared.
pub struct What<'a> {
    pub assessed: &'a Assessed,
    pub chosen: &'a Chosen,
    pub point: &'a Point,
    pub holdings: &'a Holdings,
    /// The files of an AOF.
    pub loads: Option<&'a Loads>,
}

/// Where all values of a point lie in one snapshot.
enum Values {
    /// In a file of the point.
    There(PathBuf),
    /// In one that a private server made of it, which is gone afterwards.
    Made(PrivateSnapshot),
}

/// How far a comparison has come, and with what; kept in the state directory while it goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// What is compared: the point, its file as it lies on disk, and the run of the server.
    of: String,
    /// When it was kept.
    at: jiff::Timestamp,
    progress: DeepProgress,
}

/// Compares every key's value.
///
/// # Errors
/// The point can't be read; the server stopped answering; somebody asked to stop (130). What was compared is kept.
pub fn compare(
    context: &Context,
    args: &VerifyArgs,
    what: &What<'_>,
    server: &mut Server,
    watch: &mut Watch,
) -> Result<(Deep, Clients, Report), Failure> {
    let began = Instant::now();
    let (instance, point, holdings) = (&*what.assessed.document.instance, what.point, what.holdings);
    let hint = || context.command("assess");
    let values = values(context, what, watch)?;
    let (path, total) = match &values {
        Values::There(path) => (path.clone(), holdings.base().map_or(0, |base| base.keys)),
        Values::Made(made) => (made.path(), made.keys),
    };
    let file = crate::store::open(&context.look, &path).map_err(|e| Failure::of(1, e, hint()))?;
    let length = file.len_hint();
    let info = server.info(Some("everything")).map_err(|e| Failure::of(1, e, hint()))?;
    let of = identity(context, point, &path, info.get("run_id").unwrap_or_default());
    let resumed = resumed(context, instance, &of);
    let from = resumed.as_ref().map(|progress| progress.done).filter(|done| *done > 0);
    let (stop, progress) = (watch.stop.clone(), &mut watch.progress);
    let mut unkept = None;
    let mut comparison = Comparison {
        server,
        pace: Pace::new(args.rate),
        total,
        fields_expire: holdings.base().is_some_and(|b| b.databases.values().any(|db| db.hash_field_expires > 0)),
        now_ms: &|| context.look.now().as_millisecond(),
        interrupted: &|| stop.asked(),
        heard: &mut |done, total| progress.keys("values", done, total),
        keep: &mut |progress| {
            let kept = Kept { of: of.clone(), at: context.look.now(), progress: progress.clone() };
            unkept = context.state.keep_verification(instance, Some(&kept)).err().or(unkept.take());
        },
        progress: resumed.unwrap_or_default(),
    };
    let walked = comparison.walk(file, length);
    let progress = std::mem::take(&mut comparison.progress);
    drop(comparison);
    watch.progress.end();
    if let Some(error) = unkept {
        out::note(&format!("it can't be kept how far the comparison has come, so it would begin anew: {error}"));
    }
    walked.map_err(|error| failure(context, watch, error, &progress))?;
    let _ = context.state.keep_verification::<Kept>(instance, None);
    let info = server.info(Some("everything")).map_err(|e| Failure::of(1, e, hint()))?;
    let clients = verify::clients_since(&info, holdings, point.kind);
    let mut report = Report::default();
    let deep = verify::tell_deep(&progress, clients, &mut report);
    Ok((Deep { resumed_after: from, seconds: began.elapsed().as_secs_f64(), ..deep }, clients, report))
}

/// The snapshot that holds all the point's values. What commands make of an AOF's base only a server knows: a private one
/// loads a copy, and saves.
fn values(context: &Context, what: &What<'_>, watch: &mut Watch) -> Result<Values, Failure> {
    let (point, holdings) = (what.point, what.holdings);
    let Some(Loads::Aof { dir, layout, sizes }) = what.loads else {
        let path = point.path.as_ref().map(PathBuf::from);
        return path.map(Values::There).ok_or_else(|| Failure::look(format!("{} is not a file", point.id), ""));
    };
    if let Some(base) = holdings.base_file().filter(|_| holdings.commands() == 0) {
        return Ok(Values::There(base.to_path_buf()));
    }
    let failed = |because: String| {
        let because = format!("the values of {} are known once a private server has loaded it: {because}", point.id);
        Failure::look(because, format!("compare with a snapshot: {}", context.command("points")))
    };
    let load = private_load(context, what).map_err(&failed)?;
    sandbox::room(&context.look, point.memory_needed).map_err(&failed)?;
    let own =
        OwnFiles::open(context.state.dir()).and_then(|own| own.sub("verify")).map_err(|e| failed(e.to_string()))?;
    out::note(&format!("{} holds commands: a private server loads a copy of it first", point.id));
    watch.progress.show("private load", 0, None);
    let (stop, files) = (watch.stop.clone(), AofFiles { dir, layout, sizes });
    let made = sandbox::snapshot_of(&context.look, own, &files, &load, &|| stop.asked());
    watch.progress.end();
    match made {
        Err(_) if stop.asked() => Err(Failure::new(130, "interrupted", "nothing was changed; ask again")),
        made => made.map(Values::Made).map_err(failed),
    }
}

fn private_load(context: &Context, what: &What<'_>) -> Result<PrivateLoad, String> {
    let facts = &what.assessed.document.facts;
    let Some(program) = facts.process.binary.clone() else {
        return Err("its program was not found: set bin_dir in the config".into());
    };
    let user = what.chosen.target.run_as.clone().or_else(|| facts.process.user.clone());
    let user: Option<User> = user
        .filter(|_| context.look.is_root())
        .map(|name| context.look.user(&name))
        .transpose()
        .map_err(|e| e.to_string())?;
    let name = facts.config.appendfilename.clone().unwrap_or_else(|| "appendonly.aof".into());
    Ok(PrivateLoad {
        program: program.into(),
        version: facts.server.version.clone().ok_or("the server's version is not known")?,
        lines: sandbox::deciding(&what.assessed.effective),
        loads: sandbox::Loads::Aof(name),
        user,
        launcher: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe")),
        timeout: LOAD,
    })
}

/// Names what is compared: when any of it has changed, an earlier comparison tells nothing.
fn identity(context: &Context, point: &Point, path: &Path, run_id: &str) -> String {
    let file = context.look.stat(path).map(|s| format!("{}:{}:{}:{}", s.dev, s.ino, s.size, s.mtime_ns));
    format!("{} {} {run_id}", point.id, file.unwrap_or_default())
}

/// Where an earlier call was interrupted, if this one can go on there. Says so.
fn resumed(context: &Context, instance: &str, of: &str) -> Option<DeepProgress> {
    let kept: Kept = context.state.verification(instance)?;
    if kept.of != of {
        out::note(
            "an earlier comparison was not finished, and the point or the server has changed since: it begins anew",
        );
        return None;
    }
    out::note(&format!("going on behind the {} keys that were compared until {:.0}", kept.progress.done, kept.at));
    Some(kept.progress)
}

fn failure(context: &Context, watch: &Watch, error: DeepError, progress: &DeepProgress) -> Failure {
    let go_on = format!("{} keys were compared and are kept; the same command goes on there", progress.done);
    match error {
        DeepError::Server(crate::server::ServerError::Interrupted) => Failure::new(130, "interrupted", go_on),
        DeepError::Server(error) => watch.failure(context, error),
        DeepError::Point(_) => Failure::of(1, error, context.command("points")),
    }
}
