//! Going on with a run that was not finished: it is carried on only while its plan still fits the facts, else it is
//! taken back.
use super::carry::{JOURNAL, Walk};
use super::unfinished::{OpenRun, document, open_run, recoveries};
use super::{Consent, Person, Unfinished, World, hooks, moved, story};
use crate::action::with_causes;
use crate::assess::{Assessed, Depth, Wanted};
use crate::engine::{Event, Stop};
use crate::facts::Facts;
use crate::journal::{Event as Line, Journal, Phase, Status};
use crate::policy;
use crate::report::{RunDocument, RunOutcome};
use crate::server::{WriteCount, count_writes};

/// What is asked of a run that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Carry it on.
    Resume,
    /// Take it back.
    RollBack {
        /// Also a finished one, whatever clients wrote since.
        discard_writes: bool,
    },
}

/// Why a run is not simply carried on.
struct Obstacle {
    because: String,
    hint: String,
}

/// An earlier run that is out of the way.
pub(super) struct Closed {
    /// What became of it, and why.
    pub said: String,
    /// It had changed something, which was taken back.
    pub taken_back: bool,
}

/// A run that was not finished comes first. `Ok`: it is out of the way, and a new one may start. The lock is held.
pub(super) fn first(
    world: &World<'_>,
    id: &str,
    consent: &Consent,
    person: &mut dyn Person,
    stop: &Stop,
) -> Result<Closed, Box<RunDocument>> {
    let auto = *consent == Consent::Auto;
    let (run, status) = match opened_run(world, id) {
        Ok(both) => both,
        Err(because) => return Err(Box::new(left(world, id, because, "redis-dr vault list shows its copies"))),
    };
    let name = format!("the run {id} ({}) was not finished", run.plan.runbook);
    let assessed = look_again(world);
    let back_only = back_only(&run, &status);
    let untouched = !status.touched() && !status.opened();
    let way = match consent {
        // it was cut off before it changed anything: closed, and the facts are taken afresh
        _ if untouched => Unfinished::RollBack,
        Consent::Person => person.unfinished(id, &run.plan.runbook, back_only.as_deref()),
        _ if back_only.is_some() => Unfinished::RollBack,
        _ => Unfinished::Resume,
    };
    let obstacle = match (way, back_only) {
        (Unfinished::Leave, _) => return Err(Box::new(left(world, id, name, ""))),
        (Unfinished::RollBack, because) => because.map(|because| Obstacle { because, hint: String::new() }),
        (Unfinished::Resume, _) => match obstacle(world, &run, &assessed.document.facts, auto) {
            None => {
                let said = format!("{name}; its plan still fits the facts, so it is carried on");
                person.event(&Event::Note(said.clone()));
                let mut doc = go(world, &run, &assessed, auto, person, stop, Way::Resume);
                doc.told_before(&said);
                return Err(Box::new(doc));
            }
            Some(o) if *consent == Consent::Person => {
                return Err(Box::new(asked(world, &run, &assessed, o, person, stop)));
            }
            Some(o) => Some(o),
        },
    };
    if status.opened() && *consent != Consent::Person {
        let because = obstacle.map(|o| o.because).unwrap_or_default();
        let because = format!("it can't be carried on ({because}), and clients write since it opened the server");
        let hint = "a person decides: redis-dr runs resume, or redis-dr runs rollback";
        return Err(Box::new(left(world, id, because, hint)));
    }
    let said = match &obstacle {
        _ if untouched => format!("{name}, and had changed nothing: it is closed"),
        Some(o) => format!("{name} and is not carried on ({}): it is taken back first", o.because),
        None => format!("{name}: it is taken back first"),
    };
    person.event(&Event::Note(said.clone()));
    let mut doc = go(world, &run, &assessed, auto, person, stop, Way::RollBack { discard_writes: false });
    if matches!(doc.outcome, RunOutcome::RolledBack | RunOutcome::Failed) {
        return Ok(Closed { said, taken_back: !untouched });
    }
    doc.told_before(&said);
    Err(Box::new(doc))
}

/// Carries a run on, or takes it back, under the instance's lock.
pub fn continue_run(
    world: &World<'_>,
    id: &str,
    way: Way,
    auto: bool,
    person: &mut dyn Person,
    stop: &Stop,
) -> RunDocument {
    if auto && let Some(doc) = super::hands_off::refusal(world) {
        return doc;
    }
    let damaged = |because| left(world, id, because, "redis-dr vault list shows its copies");
    let data_dir = match opened_run(world, id) {
        Ok((run, _)) => run.plan.site.data_dir,
        Err(because) => return damaged(because),
    };
    let _lock = match story::lock(world, Some(&data_dir), None) {
        Ok(lock) => lock,
        Err(doc) => return *doc,
    };
    // until the lock was had another process may have gone on with it
    let (run, status) = match opened_run(world, id) {
        Ok(both) => both,
        Err(because) => return damaged(because),
    };
    if let Some((because, hint)) = no_way(&run, &status, way, auto) {
        return refused(world, id, status.opened(), because, &hint);
    }
    let assessed = look_again(world);
    let obstacle = match way {
        Way::Resume => obstacle(world, &run, &assessed.document.facts, auto),
        Way::RollBack { .. } => None,
    };
    if matches!(way, Way::RollBack { .. }) && !person.auto() && !sure(&run, &status, &assessed, person) {
        return story::no_run(world, &assessed.document, RunOutcome::Interrupted, story::LEFT.into(), String::new());
    }
    match obstacle {
        Some(o) if person.auto() => left(world, id, o.because, &o.hint),
        Some(o) => asked(world, &run, &assessed, o, person, stop),
        None => go(world, &run, &assessed, auto, person, stop, way),
    }
}

fn opened_run(world: &World<'_>, id: &str) -> Result<(OpenRun, Status), String> {
    let run = open_run(world.state, world.look, id)?;
    let status = run.log.status().map_err(|e| with_causes(&e))?;
    Ok((run, status))
}

fn look_again(world: &World<'_>) -> Assessed {
    world.assess(&Wanted { depth: Depth::Quick, ..Wanted::default() })
}

/// A person decides whether the plan still fits.
fn asked(
    world: &World<'_>,
    run: &OpenRun,
    assessed: &Assessed,
    obstacle: Obstacle,
    person: &mut dyn Person,
    stop: &Stop,
) -> RunDocument {
    let text = format!("Since this run was cut off: {}\nCarry it on all the same?", obstacle.because);
    if person.question(&text) {
        return go(world, run, assessed, false, person, stop, Way::Resume);
    }
    left(world, run.dir.id(), obstacle.because, &obstacle.hint)
}

/// A person says whether a run is taken back, knowing what clients wrote since.
fn sure(run: &OpenRun, status: &Status, assessed: &Assessed, person: &mut dyn Person) -> bool {
    let mut text = format!("Take back the run {}?", run.dir.id());
    if status.opened() {
        let then = run.log.records.iter().find_map(|r| match &r.event {
            Line::Opened { writes } => writes.clone(),
            _ => None,
        });
        let words = WriteCount::since(then.as_ref(), count_writes(&assessed.endpoint).as_ref());
        text = format!("{text}\nClients were let in; what they wrote is saved and taken back with it: {words}.");
    }
    person.question(&text)
}

/// Why only the way back is left; `None` when there are two.
fn back_only(run: &OpenRun, status: &Status) -> Option<String> {
    if status.going_back() {
        return Some("it is being taken back".into());
    }
    if let Some(because) = &run.plan_lost {
        return Some(format!("its plan is gone ({because})"));
    }
    let same = run.log.header.action_revisions.get("all") == Some(&crate::action::REVISION);
    (!same).then(|| "it was started by a version of redis-dr that works differently".into())
}

/// Why this way is closed to whoever asks for it: because, and what to do.
fn no_way(run: &OpenRun, status: &Status, way: Way, auto: bool) -> Option<(String, String)> {
    let over = status.phase();
    let (because, hint) = match way {
        Way::Resume if over == Phase::Recovered => ("this run is finished".into(), "redis-dr recover starts a new one"),
        Way::Resume if over == Phase::RolledBack => {
            ("this run was taken back".into(), "redis-dr recover starts a new one")
        }
        Way::Resume => (back_only(run, status)?, "redis-dr runs rollback"),
        Way::RollBack { .. } if over == Phase::RolledBack => {
            ("this run was taken back already".into(), "redis-dr runs show")
        }
        Way::RollBack { .. } if auto && status.opened() => (
            "clients have written since this run opened the server; only a person may take it back".into(),
            "redis-dr runs resume goes on; a person: redis-dr runs rollback",
        ),
        Way::RollBack { discard_writes: false } if over == Phase::Recovered => {
            let because = "this run is finished, and clients may have written since: taking it back would lose that";
            let hint = format!("say so: redis-dr runs rollback {} --discard-writes", run.dir.id());
            return Some((because.into(), hint));
        }
        Way::RollBack { .. } => return None,
    };
    Some((because, hint.into()))
}

/// What speaks against carrying a run on: facts that have moved; with nobody watching also the policy, asked again.
fn obstacle(world: &World<'_>, run: &OpenRun, facts: &Facts, auto: bool) -> Option<Obstacle> {
    let moved = moved::since(world, run, facts);
    if !moved.is_empty() {
        let hint = "take it back and start afresh: redis-dr recover, or redis-dr runs rollback";
        return Some(Obstacle { because: moved.join("; "), hint: hint.into() });
    }
    if !auto {
        return None;
    }
    let policy = &world.instance.policy;
    // this run is one recovery, however often it is carried on
    let others = recoveries(world, policy.max_recoveries.within, run.dir.id());
    let plan = &run.plan;
    let refusals = policy::refusals(policy, plan.risk, plan.recovery_point(), plan.restores(), others);
    let status = run.log.status().unwrap_or_default();
    let to_come = plan.steps.iter().filter(|s| status.step(&s.id).is_none());
    let refusal = refusals.into_iter().next().or_else(|| story::needs_person(to_come))?;
    Some(Obstacle { because: refusal.because, hint: refusal.hint })
}

fn refused(world: &World<'_>, id: &str, serving: bool, because: String, hint: &str) -> RunDocument {
    let mut doc = RunDocument::without_run(world.name(), RunOutcome::Refused, because, hint.into());
    doc.run_id = Some(id.into());
    doc.serving = Some(serving);
    world.finish(&mut doc);
    doc
}

/// A run that is left as it is.
fn left(world: &World<'_>, id: &str, because: String, hint: &str) -> RunDocument {
    let empty = || RunDocument::without_run(world.name(), RunOutcome::Unfinished, String::new(), String::new());
    let mut doc = document(world, id).unwrap_or_else(|_| empty());
    doc.run_id = Some(id.into());
    doc.outcome = RunOutcome::Unfinished;
    doc.exit_code = doc.outcome.exit_code();
    doc.because = because;
    doc.hint = hint.into();
    world.finish(&mut doc);
    doc
}

fn go(
    world: &World<'_>,
    run: &OpenRun,
    assessed: &Assessed,
    auto: bool,
    person: &mut dyn Person,
    stop: &Stop,
    way: Way,
) -> RunDocument {
    let (journal, log) = match Journal::open(run.dir.own(), JOURNAL) {
        Ok(opened) => opened,
        Err(e) => return left(world, run.dir.id(), with_causes(&e), &e.hint()),
    };
    let (dir, plan, vault) = (&run.dir, &run.plan, &log.header.vault);
    let walk = Walk { dir, plan, journal, log: Some(&log), vault, assessed, auto, step_by_step: false, way };
    let doc = walk.through(world, person, stop);
    hooks::on_end(world, &doc);
    doc
}
