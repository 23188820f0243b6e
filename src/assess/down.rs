//! Since when a server is down, and whether somebody meant it.
use super::Earlier;
use super::base::Base;
use crate::facts::{Point, PointKind, ProcessState, Time};
use crate::host::Look;
use crate::service::UnitState;

/// Did somebody stop it? A stop by a run of ours is none: what the run had found counts then.
///
/// systemd knows; the log can't tell a person's SIGTERM from systemd's own after a start timeout.
pub fn on_purpose(look: &Look, base: &Base, earlier: &Earlier) -> bool {
    let facts = &base.facts;
    // An unfinished run, or a hold, keeps the server down itself.
    if facts.run.unfinished == Some(true) || base.seen.held.is_some() {
        return false;
    }
    let changed = base.unit.as_ref().and_then(|(_, state)| wall_clock(look, state.changed_at));
    let stopped = match facts.process.stopped_on_purpose {
        Some(_) => changed,
        None => base.seen.shutdown_at,
    };
    let found = stopped.and_then(|at| earlier.at_work(at)).and_then(|w| w.before.as_ref()?.stopped_on_purpose);
    found.or(facts.process.stopped_on_purpose).or(facts.log.shutdown_requested) == Some(true)
}

/// How far apart the times of an end may be, in seconds.
const SAME_MOMENT: f64 = 2.0;

/// When it went down, where something says so; else when it was last seen alive, by its log and by what clients wrote.
pub fn since(look: &Look, base: &mut Base, points: &[Point], earlier: &Earlier, now: Time) {
    if base.facts.process.state != Some(ProcessState::Down) {
        return;
    }
    let unit = base.unit.as_ref().map(|(_, state)| state);
    let told = base.seen.ended_at.or_else(|| unit_down(look, unit, base, earlier));
    let aof = base.facts.files.aof.modified_at.and_then(|at| earlier.aof_written(at));
    let written = points.iter().filter(|p| p.kind == PointKind::Rdb).find_map(|p| p.as_of);
    let seen =
        [base.seen.served_until, earlier.let_in(), aof, written].into_iter().flatten().filter(|at| *at <= now).max();
    // What was written later shows that this end was not the last one.
    let exactly = told.filter(|end| seen.is_none_or(|seen| seen.since(*end).0 < SAME_MOMENT));
    let log = || base.facts.log.last_at.filter(|at| earlier.quiet(*at).is_none());
    let process = &mut base.facts.process;
    process.down_since = exactly.or(seen).or_else(log).filter(|at| *at <= now);
    process.down_exactly = process.down_since.map(|_| exactly.is_some());
}

/// When its unit went down, where no run of ours stopped it and no start failed since.
fn unit_down(look: &Look, unit: Option<&UnitState>, base: &Base, earlier: &Earlier) -> Option<Time> {
    let unit = unit.filter(|unit| unit.restarts == 0)?;
    let at = wall_clock(look, unit.down_at).filter(|at| earlier.at_work(*at).is_none())?;
    // A start that took no connections failed: it had been down before.
    base.seen.served_last.then_some(at)
}

fn wall_clock(look: &Look, micros: Option<u64>) -> Option<Time> {
    look.wall_clock_at(micros?).map(Time)
}
