//! `redis-dr points`.
use super::args::Prefer;
use super::recover::World;
use super::{Context, Failure, out};
use crate::assess::{Depth, Wanted};
use crate::facts::{Assessment, Point};
use crate::inspect::{self, Moments};
use crate::report;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// `redis-dr/points/1`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Document {
    /// redis-dr/points/1
    schema: &'static str,
    /// Which instance.
    instance: String,
    /// The recovery points, best first.
    points: Vec<Point>,
    /// The moments that its AOF can be taken back to; null where there is none.
    moments: Option<Moments>,
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
    let moments = moments(context, &found);
    if context.global.json {
        let (instance, points) = (found.instance, found.points);
        out::json(&Document { schema: "redis-dr/points/1", instance, points, moments });
        return Ok(0);
    }
    out::line(&report::points(&found.points, found.taken_at, out::width()));
    if let Some(moments) = &moments {
        out::line(&report::moments(moments, out::width()));
    }
    Ok(0)
}

/// Of the AOF that is there; one that can't be read is told of among the points.
fn moments(context: &Context, found: &Assessment) -> Option<Moments> {
    let aof = &found.facts.files.aof;
    let there = found.facts.disk.io_error != Some(true) && aof.bytes.is_some_and(|bytes| bytes.0 > 0);
    let path = aof.path.as_ref().filter(|_| there)?;
    inspect::moments(&context.look, Path::new(path)).ok().flatten()
}
