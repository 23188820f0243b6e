//! `redis-dr points`.
use super::args::Prefer;
use super::recover::World;
use super::{Context, Failure, out};
use crate::assess::{Depth, Wanted};
use crate::facts::Point;
use crate::report;
use serde::Serialize;
use std::path::PathBuf;

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    instance: String,
    points: Vec<Point>,
}

/// Lists the recovery points, best first; every file is walked.
pub fn run(
    context: &Context,
    instance: Option<&str>,
    point_file: Option<PathBuf>,
    prefer: Prefer,
    incident_at: Option<String>,
) -> Result<i32, Failure> {
    let world = World::new(context, instance)?;
    let wanted = Wanted {
        depth: Depth::Full,
        point_files: super::recover::point_file(point_file)?.into_iter().collect(),
        prefer: super::recover::prefer(prefer),
        incident_at: super::moment::moment(context, incident_at.as_deref())?,
        ..Wanted::default()
    };
    let found = world.parts().assess(&wanted).document;
    if context.global.json {
        out::json(&Document { schema: "redis-dr/points/1", instance: found.instance, points: found.points });
    } else {
        out::line(&report::points(&found.points, found.taken_at, out::width()));
    }
    Ok(0)
}
