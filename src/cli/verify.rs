//! `verify`: a live server against a recovery point.
use super::context::Context;
use super::{Failure, out};
use crate::assess::{Depth, Wanted};
use crate::expr;
use crate::facts::{Point, PointKind};
use crate::recover::{World, open_run};
use crate::server::Server;
use crate::verify::{self, Expected, Report};
use crate::yaml::printable;
use serde_json::json;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// How long a single call to the server may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Compares, and prints the comparisons. 8 when something is not as it should be.
///
/// # Errors
/// There is no such point; the server does not answer.
pub fn run(context: &Context, instance: Option<&str>, against: Option<&str>) -> Result<i32, Failure> {
    let chosen = context.choose(instance)?;
    let (runbooks, playbooks) = (context.runbooks()?, context.playbooks()?);
    let world = World {
        look: &context.look,
        state: &context.state,
        target: &chosen.target,
        instance: &chosen.instance,
        runbooks: &runbooks,
        playbooks: &playbooks,
        command: &|words| context.command(words),
    };
    let assessed = world.assess(&Wanted { depth: Depth::Full, ..Wanted::default() });
    let name = &assessed.document.instance;
    let points = &assessed.document.points;
    let point = match against {
        Some(id) => named(context, name, points, id)?,
        None => usual(context, name, points)?,
    };
    let mut server = Server::connect(&assessed.endpoint, TIMEOUT)
        .map_err(|e| Failure::of(1, e, context.command(&format!("assess {name}"))))?;
    let report = compare(context, &mut server, point, assessed.effective.appendonly())?;
    print(context, name, point, &report);
    Ok(if report.ok() { 0 } else { 8 })
}

fn comparable(point: &Point) -> bool {
    !matches!(point.kind, PointKind::Memory | PointKind::Replica)
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
        let because = format!("{id} is the server itself, so there is nothing to compare it with");
        return Err(Failure::usage(because, context.command(&format!("points {instance}"))));
    }
    Ok(point)
}

/// The point of the last run that is over, else the best that is a file.
fn usual<'p>(context: &Context, instance: &str, points: &'p [Point]) -> Result<&'p Point, Failure> {
    let of_run = last_point(context, instance);
    let last = of_run.and_then(|id| points.iter().find(|p| p.id == id));
    let best = || points.iter().find(|p| comparable(p) && p.usable());
    last.filter(|p| comparable(p)).or_else(best).ok_or_else(|| {
        Failure::look("there is no recovery point to compare with", context.command(&format!("points {instance}")))
    })
}

fn last_point(context: &Context, instance: &str) -> Option<String> {
    context.state.run_ids().ok()?.into_iter().find_map(|id| {
        let run = open_run(&context.state, &context.look, &id).ok()?;
        let over = run.plan.instance == instance && run.log.status().ok()?.phase().is_over();
        over.then_some(run.plan.point).flatten()
    })
}

fn compare(context: &Context, server: &mut Server, point: &Point, aof_base: bool) -> Result<Report, Failure> {
    let now_ms = context.look.now().as_millisecond();
    let expected = Expected { point, aof_base, now_ms, open: true };
    let mut open = || -> Result<Box<dyn Read + Send>, String> {
        let path = point.path.as_deref().ok_or_else(|| format!("{} is not a file", point.id))?;
        let file = crate::store::open(&context.look, Path::new(path)).map_err(|e| e.to_string())?;
        Ok(Box::new(file))
    };
    verify::against(server, &expected, &mut open, verify::Depth::Sample)
        .map_err(|e| Failure::of(1, e, "redis-dr assess"))
}

fn print(context: &Context, instance: &str, point: &Point, report: &Report) {
    if context.global.json {
        out::json(&json!({
            "schema": "redis-dr/verify/1", "instance": instance, "point": point.id, "ok": report.ok(), "checks": report.checks,
        }));
        return;
    }
    out::line(&format!("{} against {} ({})", printable(instance), printable(&point.id), printable(&point.source)));
    for check in &report.checks {
        let word = if check.ok { "ok    " } else { "DIFFERS" };
        out::line(&format!("  {word:<7}  {}: {}", printable(&check.name), printable(&check.evidence)));
    }
}
