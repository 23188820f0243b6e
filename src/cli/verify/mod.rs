//! `verify`: a live server against a recovery point, and against what its owner says it must hold.
mod checks;
mod deep;
mod shown;

pub use checks::in_force as checks_in_force;

use super::args::{VerifyArgs, VerifySchema};
use super::context::{Chosen, Context};
use super::progress::Progress;
use super::{Failure, out, signals};
use crate::assess::{Assessed, Depth, Wanted};
use crate::engine::Stop;
use crate::expr;
use crate::facts::{Facts, Point, PointKind};
use crate::host::Kind;
use crate::recover::World;
use crate::server::{Server, ServerError};
use crate::verify::{self, Bench, Clients, Expected, Holdings, Loads, Places, Report, Verification};
use crate::yaml::printable;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a single call to the server may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Who watches while it works.
pub struct Watch {
    /// Hears of Ctrl-C.
    stop: Arc<Stop>,
    /// Shows how far it is.
    progress: Progress,
}

impl Watch {
    /// What to say when the server stopped answering, or somebody asked to stop (130).
    fn failure(&self, context: &Context, error: ServerError) -> Failure {
        match error {
            ServerError::Interrupted => Failure::new(130, "interrupted", "nothing was changed; ask again"),
            error => Failure::of(1, error, context.command("assess")),
        }
    }
}

/// Compares, carries out the owner's checks, and prints what came of it. 8 when something is not as it should be.
///
/// # Errors
/// There is no such point; the server does not answer; the file of data checks is not valid.
pub fn run(context: &Context, args: &VerifyArgs) -> Result<i32, Failure> {
    if let Some(schema) = args.schema {
        match schema {
            VerifySchema::Checks => out::json(crate::checks::schema()),
            VerifySchema::Document => out::json(&Verification::schema()),
        }
        return Ok(0);
    }
    if args.lint {
        return checks::lint(context, args);
    }
    let chosen = context.choose(args.instance.as_deref())?;
    let file = checks::in_force(context, args.checks.as_deref(), &chosen.instance)?;
    let (runbooks, playbooks) = (context.runbooks()?, context.playbooks()?);
    let commands = context.commands();
    let world = World {
        look: &context.look,
        state: &context.state,
        target: &chosen.target,
        instance: &chosen.instance,
        runbooks: &runbooks,
        playbooks: &playbooks,
        commands: &commands,
    };
    let assessed = world.assess(&Wanted { depth: Depth::Full, ..Wanted::default() });
    let name = &assessed.document.instance;
    let point = point(context, args, &assessed, file.is_some())?;
    let mut server = Server::connect(&assessed.endpoint, TIMEOUT)
        .map_err(|e| Failure::of(1, e, context.command(&format!("assess {name}"))))?;
    let mut watch = Watch { stop: signals::listen(context), progress: Progress::default() };
    let mut found = Verification::of(name);
    let mut against = None;
    if let Some(point) = point {
        let (holdings, loads) = walked(context, point, &assessed.document.facts)?;
        let (report, mut clients) = compare(context, &mut server, point, &holdings)?;
        found.point = Some(point.id.clone());
        found.compared(report);
        if args.deep {
            let loads = loads.as_ref();
            let what = deep::What { assessed: &assessed, chosen: &chosen, point, holdings: &holdings, loads };
            let (deep, meanwhile, report) = deep::compare(context, args, &what, &mut server, &mut watch)?;
            clients = meanwhile;
            found.compared(report);
            found.deep = Some(deep);
        }
        found.changes_since = clients.counted();
        against = Some((point, clients));
    }
    if let Some(file) = &file {
        checks::carry_out(context, file, &mut server, args.rate, &mut watch, &mut found)?;
    }
    if args.bench {
        found.bench = Some(bench(context, &chosen, &assessed, &mut server, &watch)?);
    }
    if context.global.json {
        out::json(&found);
    } else {
        shown::print(&found, against);
    }
    Ok(if found.ok { 0 } else { 8 })
}

/// What the server is compared with: the point that was named, else the usual one. With a file of checks, and nothing that
/// needs a point, there need be none.
fn point<'a>(
    context: &Context,
    args: &VerifyArgs,
    assessed: &'a Assessed,
    checked: bool,
) -> Result<Option<&'a Point>, Failure> {
    let (name, points) = (&assessed.document.instance, &assessed.document.points);
    let point = match &args.against {
        Some(id) => Some(named(context, name, points, id)?),
        None => usual(points),
    };
    if point.is_none() && (args.deep || !checked) {
        let hint = context.command(&format!("points {name}"));
        return Err(Failure::look("there is no recovery point to compare with", hint));
    }
    Ok(point)
}

/// The vendor's benchmark, out of the directory of the server's own program.
fn bench(
    context: &Context,
    chosen: &Chosen,
    assessed: &Assessed,
    server: &mut Server,
    watch: &Watch,
) -> Result<Bench, Failure> {
    let of_process = assessed.document.facts.process.binary.as_deref().map(Path::new).and_then(Path::parent);
    let dirs = [chosen.instance.bin_dir.as_deref(), of_process];
    let program =
        dirs.into_iter().flatten().find_map(|dir| verify::benchmark_in(&context.look, dir)).ok_or_else(|| {
            let hint = "install the server's tools, or set bin_dir in the config";
            Failure::look("there is no redis-benchmark or valkey-benchmark beside the server's program", hint)
        })?;
    let info = server.info(Some("everything")).map_err(|e| Failure::of(1, e, context.command("assess")))?;
    Ok(verify::bench(&context.look, &program, &assessed.endpoint, &info, &|| watch.stop.asked()))
}

/// What can be walked as it lies, and loaded as it is.
fn comparable(point: &Point) -> bool {
    matches!(point.kind, PointKind::Aof | PointKind::Rdb | PointKind::Backup) && !point.needs_rebuild
}

fn named<'p>(context: &Context, instance: &str, points: &'p [Point], id: &str) -> Result<&'p Point, Failure> {
    let Some(point) = points.iter().find(|p| p.id == id) else {
        let hint = match expr::nearest(id, points.iter().map(|p| p.id.as_str())) {
            Some(near) => format!("did you mean {near}?"),
            None => context.command(&format!("points {instance}")),
        };
        return Err(Failure::usage(format!("there is no recovery point {}", printable(id)), hint));
    };
    if !comparable(point) {
        let because = match point.kind {
            PointKind::Memory => format!("{id} is the server itself, so there is nothing to compare it with"),
            _ => format!("{id} is no file that a server could load as it is"),
        };
        return Err(Failure::usage(because, context.command(&format!("points {instance}"))));
    }
    Ok(point)
}

/// The best that is a file.
fn usual(points: &[Point]) -> Option<&Point> {
    points.iter().find(|p| comparable(p) && p.usable())
}

/// Walks the point's files; of an AOF, also which they are.
fn walked(context: &Context, point: &Point, facts: &Facts) -> Result<(Holdings, Option<Loads>), Failure> {
    let look = &context.look;
    let hint = || context.command("assess");
    let path = point
        .path
        .as_deref()
        .map(Path::new)
        .ok_or_else(|| Failure::look(format!("{} is not a file", point.id), hint()))?;
    let now_ms = look.now().as_millisecond();
    if point.kind != PointKind::Aof {
        let file = crate::store::open(look, path).map_err(|e| Failure::of(1, e, hint()))?;
        let length = file.len_hint();
        return Ok((Holdings::of_snapshot(file, length, now_ms), None));
    }
    let aof_name = facts.config.appendfilename.as_deref().unwrap_or("appendonly.aof");
    let multi_part = look.stat(path).is_ok_and(|s| s.kind == Kind::Directory);
    let loads = Loads::of(look, &Places { rdb: path, aof: path, aof_name, multi_part }, true);
    let holdings = Holdings::of_files(look, &loads, now_ms, &Arc::default()).map_err(|e| Failure::of(1, e, hint()))?;
    Ok((holdings, Some(loads)))
}

fn compare(
    context: &Context,
    server: &mut Server,
    point: &Point,
    holdings: &Holdings,
) -> Result<(Report, Clients), Failure> {
    let hint = || context.command("assess");
    let info = server.info(Some("everything")).map_err(|e| Failure::of(1, e, hint()))?;
    let clients = verify::clients_since(&info, holdings, point.kind);
    let expected = Expected {
        point: Some(point),
        at_load: None,
        aof_base: point.kind == PointKind::Aof,
        now_ms: context.look.now().as_millisecond(),
        grew: true,
        clients,
    };
    let report = verify::compare(server, holdings, &expected).map_err(|e| Failure::of(1, e, hint()))?;
    Ok((report, clients))
}
