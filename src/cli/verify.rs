//! `verify`: a live server against a recovery point.
use super::context::Context;
use super::{Failure, out};
use crate::assess::{Depth, Wanted};
use crate::expr;
use crate::facts::{Facts, Point, PointKind};
use crate::host::Kind;
use crate::recover::World;
use crate::server::Server;
use crate::verify::{self, Clients, Expected, Holdings, Loads, Places, Report};
use crate::yaml::printable;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
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
    let points = &assessed.document.points;
    let point = match against {
        Some(id) => named(context, name, points, id)?,
        None => usual(context, name, points)?,
    };
    let mut server = Server::connect(&assessed.endpoint, TIMEOUT)
        .map_err(|e| Failure::of(1, e, context.command(&format!("assess {name}"))))?;
    let (report, clients) = compare(context, &mut server, point, &assessed.document.facts)?;
    print(context, name, point, &report, clients);
    Ok(if report.ok() { 0 } else { 8 })
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
fn usual<'p>(context: &Context, instance: &str, points: &'p [Point]) -> Result<&'p Point, Failure> {
    points.iter().find(|p| comparable(p) && p.usable()).ok_or_else(|| {
        Failure::look("there is no recovery point to compare with", context.command(&format!("points {instance}")))
    })
}

fn compare(context: &Context, server: &mut Server, point: &Point, facts: &Facts) -> Result<(Report, Clients), Failure> {
    let look = &context.look;
    let hint = || context.command("assess");
    let path = point
        .path
        .as_deref()
        .map(Path::new)
        .ok_or_else(|| Failure::look(format!("{} is not a file", point.id), hint()))?;
    let now_ms = look.now().as_millisecond();
    let holdings = if point.kind == PointKind::Aof {
        let aof_name = facts.config.appendfilename.as_deref().unwrap_or("appendonly.aof");
        let multi_part = look.stat(path).is_ok_and(|s| s.kind == Kind::Directory);
        let loads = Loads::of(look, &Places { rdb: path, aof: path, aof_name, multi_part }, true);
        Holdings::of_files(look, &loads, now_ms, &Arc::default()).map_err(|e| Failure::of(1, e, hint()))?
    } else {
        let file = crate::store::open(look, path).map_err(|e| Failure::of(1, e, hint()))?;
        let length = file.len_hint();
        Holdings::of_snapshot(file, length, now_ms)
    };
    let info = server.info(Some("everything")).map_err(|e| Failure::of(1, e, hint()))?;
    let clients = verify::clients_since(&info, &holdings, point.kind);
    let expected = Expected {
        point: Some(point),
        at_load: None,
        aof_base: point.kind == PointKind::Aof,
        now_ms: look.now().as_millisecond(),
        grew: true,
        clients,
    };
    let report = verify::compare(server, &holdings, &expected).map_err(|e| Failure::of(1, e, hint()))?;
    Ok((report, clients))
}

fn print(context: &Context, instance: &str, point: &Point, report: &Report, clients: Clients) {
    let changes = match clients {
        Clients::Nothing => Some(0),
        Clients::Changes(n) => Some(n),
        Clients::Unknown => None,
    };
    if context.global.json {
        out::json(&json!({
            "schema": "redis-dr/verify/1", "instance": instance, "point": point.id, "ok": report.ok(),
            "exact": report.checks.iter().all(|c| c.exact), "changes_since": changes, "checks": report.checks,
        }));
        return;
    }
    out::line(&format!("{} against {} ({})", printable(instance), printable(&point.id), printable(&point.source)));
    out::line(match clients {
        Clients::Nothing => "nothing was written since, so all counts must agree",
        Clients::Changes(_) => "clients wrote since, so only bounds can be asked for where it says \"about\"",
        Clients::Unknown => {
            "how much was written since is not known, so little can be asked for where it says \"about\""
        }
    });
    for check in &report.checks {
        let word = match (check.ok, check.exact) {
            (false, _) => "DIFFERS",
            (true, true) => "ok",
            (true, false) => "about",
        };
        out::line(&format!("  {word:<7}  {}: {}", printable(&check.name), printable(&check.evidence)));
    }
}
