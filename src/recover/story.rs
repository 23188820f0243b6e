//! `recover` from its first look to its last proof.
use super::choose::{choose, settle};
use super::{Answer, Chosen, Consent, Person, Selection, World, bleeding, carry, go_on, hooks, unfinished};
use crate::action::with_causes;
use crate::assess::{self, Assessed};
use crate::engine::{Event, Stop};
use crate::facts::Assessment;
use crate::hold;
use crate::lock::{Holder, Lock, LockError};
use crate::plan::{Plan, PlannedStep};
use crate::policy;
use crate::report::{RunDocument, RunOutcome};
use std::path::Path;
use std::time::{Duration, Instant};

/// Why a run was not begun that a person decided against.
pub(super) const LEFT: &str = "left by choice";

/// A usage error: the caller prints it and exits 2.
pub type Usage = (String, String);

/// Assesses and plans, and changes nothing.
///
/// # Errors
/// What was asked for does not exist or is not valid.
pub fn planned(
    world: &World<'_>,
    selection: &Selection,
    saved: Option<Assessment>,
) -> Result<(Assessment, Chosen), Usage> {
    let (assessed, playbook) =
        choose(world, selection, saved, None).map_err(|e| (e, "redis-dr playbook list".into()))?;
    let chosen = settle(world, selection, &assessed, &playbook);
    let assessment = assessed.document;
    match chosen {
        Chosen::Usage { because, hint } => Err((because, hint)),
        other => Ok((assessment, other)),
    }
}

/// Recovers.
///
/// # Errors
/// What was asked for does not exist or is not valid.
pub fn recover(
    world: &World<'_>,
    selection: &Selection,
    consent: &Consent,
    step_by_step: bool,
    wait: Option<Duration>,
    person: &mut dyn Person,
    stop: &Stop,
) -> Result<RunDocument, Usage> {
    if *consent == Consent::Auto
        && let Some(doc) = super::hands_off::refusal(world)
    {
        return Ok(doc);
    }
    let data_dir = assess::data_dir(world.look, world.target).filter(|_| world.target.local);
    let mut lock = match lock(world, data_dir.as_deref(), wait) {
        Ok(lock) => lock,
        Err(doc) => return Ok(*doc),
    };
    let mut before = None;
    if let Some(id) = unfinished::unfinished_run(world.state, world.look, world.name()) {
        if *consent == Consent::Nobody {
            return Err(unasked(world, &format!("the run {id} was not finished, and ")));
        }
        before = match go_on::first(world, &id, consent, person, stop) {
            Ok(closed) => Some((id, closed)),
            Err(doc) => return Ok(*doc),
        };
        person.event(&Event::Note("starting afresh".into()));
    }
    if *consent == Consent::Person && !bleeding::stanched(world, person, &lock) {
        return Ok(left(world));
    }
    let mut doc = afresh(world, selection, consent, step_by_step, person, stop, &mut lock)?;
    if let Some((run, closed)) = before {
        doc.told_before(&closed.said);
        doc.taken_back = closed.taken_back.then_some(run);
    }
    Ok(doc)
}

/// From the first look to the last proof, under the instance's lock; nothing is unfinished.
fn afresh(
    world: &World<'_>,
    selection: &Selection,
    consent: &Consent,
    step_by_step: bool,
    person: &mut dyn Person,
    stop: &Stop,
    lock: &mut Lock,
) -> Result<RunDocument, Usage> {
    let mut selection = selection.clone();
    let mut shown = false;
    loop {
        let (assessed, playbook) = {
            let asked: Option<&mut dyn Person> = if *consent == Consent::Person { Some(person.parts()) } else { None };
            choose(world, &selection, None, asked).map_err(|e| (e, "redis-dr playbook list".to_string()))?
        };
        let assessed = waited(world, &selection, assessed, stop);
        let assessment = &assessed.document;
        if !shown {
            person.assessed(assessment);
            if *consent != Consent::Nobody {
                hooks::on_finding(world, assessment);
            }
        }
        shown = true;
        let plan = match settle(world, &selection, &assessed, &playbook) {
            Chosen::Plan(_) if *consent == Consent::Nobody => return Err(unasked(world, "")),
            Chosen::Plan(plan) => plan,
            Chosen::Usage { because, hint } => return Err((because, hint)),
            Chosen::No { outcome, .. } if *consent == Consent::Nobody && outcome != RunOutcome::Healthy => {
                return Err(unasked(world, ""));
            }
            Chosen::No { outcome, because, hint } => {
                return Ok(no_run(world, assessment, outcome, because, hint));
            }
        };
        if let Err(e) = lock.extend_to(world.name(), &plan.site.data_dir) {
            return Ok(not_locked(world, &e));
        }
        let steps = match answer(world, consent, assessment, &plan, person) {
            Ok(Answer::Start) => step_by_step,
            Ok(Answer::StepByStep) => true,
            Ok(Answer::Another(id)) => {
                selection.point = Some(id);
                selection.runbook = None;
                continue;
            }
            Ok(Answer::Hold) => {
                bleeding::take(world, person, lock);
                continue;
            }
            Ok(Answer::Leave) => {
                let hint = still_held(world);
                return Ok(no_run(world, assessment, RunOutcome::Interrupted, LEFT.into(), hint));
            }
            Err(doc) => return Ok(*doc),
        };
        return Ok(carry::start(world, &plan, &assessed, *consent == Consent::Auto, steps, person, stop, lock));
    }
}

/// What is answered to a plan: by the policy, which may refuse, by the word that was given, or by the person.
fn answer(
    world: &World<'_>,
    consent: &Consent,
    assessment: &Assessment,
    plan: &Plan,
    person: &mut dyn Person,
) -> Result<Answer, Box<RunDocument>> {
    let recent = assessment.facts.run.recent;
    let policy = &world.instance.policy;
    let refusals = policy::refusals(policy, plan.risk, plan.recovery_point(), plan.restores(), recent);
    match consent {
        Consent::Auto => match refusals.into_iter().next().or_else(|| needs_person(plan.steps.iter())) {
            Some(r) => Err(Box::new(no_run(world, assessment, RunOutcome::Refused, r.because, r.hint))),
            None => Ok(Answer::Start),
        },
        Consent::Confirmed(_) => Ok(Answer::Start),
        Consent::Nobody => Ok(Answer::Leave),
        Consent::Person => {
            let words: Vec<String> = refusals.into_iter().map(|r| r.because).collect();
            Ok(person.confirm(assessment, plan, &words))
        }
    }
}

/// What would have to be asked can't be.
fn unasked(world: &World<'_>, what: &str) -> Usage {
    let name = world.name();
    let hint = format!("--auto keeps to the policy; --confirm {name} is a person's word; -n shows the plan");
    (format!("{what}there is no terminal to ask on"), hint)
}

/// Left before the long look.
fn left(world: &World<'_>) -> RunDocument {
    let mut doc = RunDocument::without_run(world.name(), RunOutcome::Interrupted, LEFT.into(), still_held(world));
    world.finish(&mut doc);
    doc
}

/// What whoever leaves must know of a hold that stays.
fn still_held(world: &World<'_>) -> String {
    match hold::active(*world.look, world.state, world.name()) {
        Ok(None) | Err(_) => String::new(),
        Ok(Some(_)) => format!("it stays held until redis-dr hold {} --release", world.name()),
    }
}

/// Under `--auto` nobody can answer.
pub(super) fn needs_person<'p>(mut steps: impl Iterator<Item = &'p PlannedStep>) -> Option<policy::Refusal> {
    let step = steps.find(|s| matches!(s.action.as_str(), "ask" | "manual") && s.skipped().is_none())?;
    Some(policy::Refusal { because: format!("step {} needs a person", step.id), hint: "run it in a terminal".into() })
}

/// A server that loads, copies its primary or runs a script is waited for while the playbook says so; not longer than
/// half a minute without any progress, whatever it says.
fn waited(world: &World<'_>, selection: &Selection, mut assessed: Assessed, stop: &Stop) -> Assessed {
    const PATIENCE: Duration = Duration::from_secs(30);
    let progress = |a: &Assessment| (a.facts.server.loading_percent, a.facts.replication.synced);
    let waits = |a: &Assessment| a.decision.as_ref().is_some_and(|d| d.outcome == crate::facts::Outcome::Wait);
    let mut selection = selection.clone();
    let mut last = (progress(&assessed.document), Instant::now());
    while waits(&assessed.document) && selection.runbook.is_none() && !stop.asked() && last.1.elapsed() <= PATIENCE {
        std::thread::sleep(Duration::from_millis(300));
        selection.unchanged_for = crate::facts::Seconds(last.1.elapsed().as_secs_f64());
        let Ok((again, _)) = choose(world, &selection, None, None) else {
            break;
        };
        let now = progress(&again.document);
        if now != last.0 {
            last = (now, Instant::now());
        }
        assessed = again;
    }
    assessed
}

/// A document for a call that started no run.
pub(super) fn no_run(
    world: &World<'_>,
    a: &Assessment,
    outcome: RunOutcome,
    because: String,
    hint: String,
) -> RunDocument {
    let mut doc = RunDocument::without_run(world.name(), outcome, because, hint);
    doc.severity = Some(a.severity);
    doc.findings.clone_from(&a.findings);
    doc.decision.clone_from(&a.decision);
    doc.runbook = a.decision.as_ref().and_then(|d| d.runbook.clone());
    doc.point = a.decision.as_ref().and_then(|d| d.point.clone());
    doc.serving = a.facts.server.answers;
    world.finish(&mut doc);
    doc
}

/// The lock on the instance; `Err` is the answer when somebody else has it, or our rights do not suffice.
pub(super) fn lock(
    world: &World<'_>,
    data_dir: Option<&Path>,
    wait: Option<Duration>,
) -> Result<Lock, Box<RunDocument>> {
    if let Some(doc) = super::rights::refusal(world).or_else(|| super::blocked::refusal(world)) {
        return Err(Box::new(doc));
    }
    let holder = Holder::this_process(*world.look);
    Lock::acquire(world.state, world.name(), data_dir, holder, wait).map_err(|e| Box::new(not_locked(world, &e)))
}

fn not_locked(world: &World<'_>, e: &LockError) -> RunDocument {
    let outcome = if matches!(e, LockError::Held { .. }) { RunOutcome::Locked } else { RunOutcome::Refused };
    let mut doc = RunDocument::without_run(world.name(), outcome, with_causes(e), e.hint());
    world.finish(&mut doc);
    doc
}
