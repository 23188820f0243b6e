//! Is this host's clock right, as far as files and server tell?
use super::answer::Answer;
use super::base::Base;
use crate::facts::{Point, PointKind, Seconds, Time};

/// Differences up to this, in seconds, are nothing: clocks of shared filesystems and slow answers.
const TOLERANCE: f64 = 300.0;

/// How far the server's own clock is ahead of ours, in seconds, where it tells (7.0 and newer).
#[must_use]
pub fn ahead(answer: &Answer, now: Time) -> Option<f64> {
    let micros = i64::try_from(answer.info.as_ref()?.number("server_time_usec")?).ok()?;
    Some(Time::from_unix(micros / 1_000_000)?.since(now).0)
}

/// How far the clock was moved since the server started, in seconds: what it counts as its uptime, less its age.
#[must_use]
pub fn moved(base: &Base, now: Time) -> Option<f64> {
    let started = base.facts.process.started_at?;
    Some(base.facts.server.uptime?.0 - now.since(started).0)
}

/// Judges the clock. Files from the future mean that it was ahead when they were written, or is behind now; nothing else
/// can be told of a server that is down, since a clock that is ahead looks like time that has passed.
pub fn judge(base: &mut Base, points: &[Point], now: Time) {
    let future = |what: &str, at: Option<Time>| {
        let ahead = at.map(|at| at.since(now).0).filter(|ahead| *ahead > TOLERANCE)?;
        Some(format!("{what} is from {} in the future", Seconds(ahead)))
    };
    let own = points.iter().filter(|p| matches!(p.kind, PointKind::Rdb | PointKind::Aof | PointKind::AofCut));
    let mut because: Vec<String> = own.filter_map(|p| future(&p.source, p.as_of)).collect();
    let facts = &base.facts;
    if because.is_empty() {
        let files = [("the snapshot", facts.files.rdb.modified_at), ("the AOF", facts.files.aof.modified_at)];
        because.extend(files.into_iter().filter_map(|(what, at)| future(what, at)));
    }
    because.extend(future("the last line of its log", facts.log.last_at));
    if let Some(ahead) = base.seen.clock_ahead.filter(|ahead| ahead.abs() > TOLERANCE) {
        let word = if ahead > 0.0 { "ahead of" } else { "behind" };
        because.push(format!("the server's clock is {} {word} that of this host", Seconds(ahead.abs())));
    }
    base.seen.clock_moved = moved(base, now).filter(|moved| moved.abs() > TOLERANCE);
    base.facts.host.clock_wrong = Some(!because.is_empty());
    base.facts.host.clock_because = because;
}
