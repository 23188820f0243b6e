//! Walking forward: each step once, in order, or found to be done already.
use super::gates::{self, Known, Verdict};
use super::run::{Run, RunError, Started};
use super::{AfterFailure, Ending, Event, again, back, proof};
use crate::action::{Act, ActError, ChangeKind, Done, Effects, RepeatClass};
use crate::facts::Seconds;
use crate::journal::{Event as Line, StepOutcome, StepState};
use crate::plan::{Gate, PlannedStep};
use crate::runbook::OnFailure;
use serde_json::Value;
use std::time::Instant;

/// How one step ended.
enum Step {
    Ended,
    Failed(ActError),
}

/// Walks from where the journal says the run is to its end. Used alike for a new run and for `runs resume`.
///
/// # Errors
/// Only when the journal can't be written: then nothing more is done, neither forward nor back.
pub fn walk(run: &mut Run<'_>) -> Result<Ending, RunError> {
    let plan = run.plan;
    let of = plan.steps.len();
    if !run.earlier.is_empty() {
        run.sweep();
    }
    let mut afresh = false;
    for (at, step) in plan.steps.iter().enumerate() {
        match run.journal.status().step(&step.id) {
            // done by hand, or left out by a person's word: that stands
            Some(StepState::MarkedDone | StepState::SkippedByHand) => continue,
            Some(state) if ended(state) && !afresh => {
                afresh = again::is_undone(run, at);
                if !afresh {
                    continue;
                }
                let words = format!("{} was done, and is not any more: it and what follows is done again", step.id);
                run.tell(&Event::Note(words));
            }
            _ => {}
        }
        if run.deps.stop.asked() {
            return stop(run, "interrupted", "");
        }
        let title = run.titled(&step.title);
        if run.deps.step_by_step && !run.deps.person.go_on(&step.id, &title) {
            return stop(run, "stopped before this step by choice", "");
        }
        run.tell(&Event::StepStarted { id: &step.id, title: &title, number: at + 1, of });
        loop {
            match attempt(run, step)? {
                Step::Ended => break,
                Step::Failed(error) => match after_failure(run, step, error)? {
                    Some(ending) => return Ok(ending),
                    None if run.journal.status().step(&step.id).is_some_and(ended) => break,
                    None => {}
                },
            }
        }
    }
    match prove(run) {
        Ok(()) => {
            run.record(Line::RunRecovered {})?;
            Ok(Ending::Recovered)
        }
        Err(error) => finish_unproved(run, error),
    }
}

fn prove(run: &mut Run<'_>) -> Result<(), ActError> {
    for gate in run.plan.recovered.clone() {
        ask(run, &gate)?;
    }
    proof::recovered(run)
}

fn finish_unproved(run: &mut Run<'_>, error: ActError) -> Result<Ending, RunError> {
    if opened(run) || error.interrupted {
        return stop(run, &error.because, &error.hint);
    }
    let (because, hint) = (error.because.clone(), error.hint.clone());
    run.record(Line::StepFailed { step: "recovered".into(), because, hint, in_doubt: false })?;
    back::roll_back_after(run, "recovered", &error)
}

fn opened(run: &Run<'_>) -> bool {
    run.journal.status().opened()
}

/// Ends the run part-way; `resume` and `rollback` go on from here.
pub(super) fn stop(run: &mut Run<'_>, because: &str, hint: &str) -> Result<Ending, RunError> {
    let untouched = run.untouched();
    run.record(Line::RunStopped { because: because.into() })?;
    if untouched {
        return Ok(Ending::Interrupted);
    }
    Ok(Ending::Unfinished { because: because.into(), hint: hint.into() })
}

/// One try at one step, by the order that is law.
fn attempt(run: &mut Run<'_>, step: &PlannedStep) -> Result<Step, RunError> {
    let begun = Instant::now();
    if let Some(reason) = step.skipped() {
        return end(run, step, StepOutcome::Skipped, reason.to_string(), begun, Value::Null);
    }
    if let Some(reason) = run.enough() {
        return end(run, step, StepOutcome::Skipped, reason, begun, Value::Null);
    }
    let action = step.action().map_err(|e| RunError::Plan { because: format!("step {}: {e}", step.id) })?;
    let act = action.act();
    let effects = act.effects(&run.plan.site);
    let tries = step.retry.as_ref().map_or(0, |r| r.times);
    for number in 0..=tries {
        match once(run, step, act, &effects, begun)? {
            Step::Failed(e) if number < tries && !e.interrupted && effects.class != RepeatClass::Once => {
                run.tell(&Event::Note(format!("{}: {}; trying again", step.id, e.because)));
                std::thread::sleep(step.retry.as_ref().map_or(Seconds(1.0), |r| r.every).duration());
            }
            other => return Ok(other),
        }
    }
    Ok(Step::Ended)
}

fn once(
    run: &mut Run<'_>,
    step: &PlannedStep,
    act: &dyn Act,
    effects: &Effects,
    begun: Instant,
) -> Result<Step, RunError> {
    let earlier = run.earlier.get(&step.id).cloned();
    if let Some(started) = &earlier
        && let Some(found) = begun_before(run, step, act, started, effects.class, begun)?
    {
        return Ok(found);
    }
    for gate in &step.gates {
        if let Err(e) = ask(run, gate) {
            return Ok(Step::Failed(e));
        }
    }
    // a second attempt must not take the half-done first one for the state before
    let before = match earlier
        .as_ref()
        .map(|s| Ok(s.before.clone()))
        .unwrap_or_else(|| run.with_hands(&[], |h| act.before(h)))
    {
        Ok(before) => before,
        Err(e) => return Ok(Step::Failed(e)),
    };
    if earlier.is_none()
        && let Done::Yes(because) = run.with_hands(&[], |h| act.already_done(h, &before))
        && effects.class == RepeatClass::Checkable
        && effects.undo.is_empty()
    {
        return found_done(run, step, act, &before, because, begun);
    }
    // an opening is never taken back by itself, so that a server that died meanwhile must not be opened
    if effects.opens
        && !effects.changes.iter().any(|change| change.kind == ChangeKind::Service)
        && !opened(run)
        && let Err(e) = run.with_hands(&[], |h| h.connect().map(|_| ()))
    {
        return Ok(Step::Failed(e.into()));
    }
    let saves = match run.save_all(&effects.saves) {
        Ok(saves) => saves,
        Err(e) => return Ok(Step::Failed(e)),
    };
    let mut undo = effects.undo.clone();
    if let Some(more) = before.get("undo").and_then(|u| serde_json::from_value(u.clone()).ok()) {
        let mut more: Vec<crate::action::UndoMove> = more;
        undo.append(&mut more);
    }
    let undo = serde_json::to_value(undo).unwrap_or_default();
    run.record(Line::StepStarted { step: step.id.clone(), saves: saves.clone(), undo, before: before.clone() })?;
    run.starts(&step.id, &saves, &before);
    if effects.opens && !opened(run) {
        run.open()?;
    }
    perform(run, step, act, &saves, begun)
}

/// A step that the journal says was started before may have happened: the world is asked before it is done again. `None`
/// when it may be.
fn begun_before(
    run: &mut Run<'_>,
    step: &PlannedStep,
    act: &dyn Act,
    started: &Started,
    class: RepeatClass,
    begun: Instant,
) -> Result<Option<Step>, RunError> {
    match run.with_hands(&started.saves, |h| act.already_done(h, &started.before)) {
        Done::Yes(because) => found_done(run, step, act, &started.before, because, begun).map(Some),
        Done::No => Ok(None),
        // it failed, and that is known: it may be done again
        Done::CantTell(_) if class == RepeatClass::Once && !started.in_doubt => Ok(None),
        Done::CantTell(because) if class == RepeatClass::Once => {
            let text = format!("Step {} was started and may have been carried out ({because}). Do it again?", step.id);
            if !run.deps.person.auto() && run.deps.person.question(&text) {
                return Ok(None);
            }
            let hint = "find out, then mark it as done or do it again";
            Ok(Some(Step::Failed(ActError::in_doubt(because, hint))))
        }
        Done::CantTell(_) => Ok(back_to_saved(run, &started.saves).err().map(Step::Failed)),
    }
}

/// A step whose outcome can't be told, but which starts from saved files: those are put back, then it is done again.
fn back_to_saved(run: &mut Run<'_>, saves: &[crate::vault::Save]) -> Result<(), ActError> {
    run.vault.restore_all(saves)?;
    Ok(())
}

fn perform(
    run: &mut Run<'_>,
    step: &PlannedStep,
    act: &dyn Act,
    saves: &[crate::vault::Save],
    begun: Instant,
) -> Result<Step, RunError> {
    let found = match run.with_hands(saves, |h| act.perform(h)) {
        Ok(found) => found,
        // neither done nor failed: the world is asked
        Err(e) if e.in_doubt && !e.interrupted => {
            let before = run.earlier.get(&step.id).map(|s| s.before.clone()).unwrap_or_default();
            return match run.with_hands(saves, |h| act.already_done(h, &before)) {
                Done::Yes(because) => found_done(run, step, act, &before, because, begun),
                Done::No | Done::CantTell(_) => Ok(Step::Failed(e)),
            };
        }
        Err(e) => return Ok(Step::Failed(e)),
    };
    match put_back(run, step).and_then(|()| check_after(run, step, &found)) {
        Ok(()) => end(run, step, StepOutcome::Done, String::new(), begun, found),
        Err(e) => Ok(Step::Failed(e)),
    }
}

/// A step that needs no doing ends like one that was done: with what it finds out, and its gates.
fn found_done(
    run: &mut Run<'_>,
    step: &PlannedStep,
    act: &dyn Act,
    before: &Value,
    because: String,
    begun: Instant,
) -> Result<Step, RunError> {
    let found = run.with_hands(&[], |h| act.found(h, before));
    match put_back(run, step).and_then(|()| check_after(run, step, &found)) {
        Ok(()) => end(run, step, StepOutcome::AlreadyDone, because, begun, found),
        Err(e) => Ok(Step::Failed(e)),
    }
}

/// A step that is over leaves no setting behind that it had changed for its time alone.
fn put_back(run: &mut Run<'_>, step: &PlannedStep) -> Result<(), ActError> {
    let before = run.earlier.get(&step.id).map(|started| started.before.clone());
    before.map_or(Ok(()), |before| super::before::settings(run, &before))
}

/// Asks the gates after a step that found this out. It stands only once they are open.
fn check_after(run: &mut Run<'_>, step: &PlannedStep, found: &Value) -> Result<(), ActError> {
    run.results.insert(step.id.clone(), found.clone());
    let asked = step.gates_after.iter().try_for_each(|gate| ask(run, gate));
    if asked.is_err() {
        run.results.remove(&step.id);
    }
    asked
}

fn end(
    run: &mut Run<'_>,
    step: &PlannedStep,
    outcome: StepOutcome,
    because: String,
    begun: Instant,
    results: Value,
) -> Result<Step, RunError> {
    let seconds = Seconds(begun.elapsed().as_secs_f64());
    run.record(Line::StepDone {
        step: step.id.clone(),
        outcome,
        because: because.clone(),
        seconds: seconds.0,
        results,
    })?;
    let word = match outcome {
        StepOutcome::Done => "done",
        StepOutcome::AlreadyDone => "already_done",
        StepOutcome::Skipped => "skipped",
    };
    run.tell(&Event::StepDone { id: &step.id, outcome: word, because, seconds });
    Ok(Step::Ended)
}

/// Asks a gate; closed and unknown are errors with the gate's reason.
fn ask(run: &mut Run<'_>, gate: &Gate) -> Result<(), ActError> {
    let stop = run.deps.stop;
    let known = Known { types: &run.types, site: &run.plan.site, results: &run.results };
    let verdict = gates::ask(gate, &mut run.facts, &known, run.deps.refresh, &mut *run.deps.person, stop);
    match verdict {
        Verdict::Open { .. } => {
            run.gates_passed += 1;
            Ok(())
        }
        // it might have opened yet: a stop asked for is no failure, and nothing is taken back for it
        Verdict::Closed { .. } | Verdict::Unknown { .. } if stop.asked() => Err(ActError::interrupted()),
        Verdict::Closed { because } => Err(ActError::failed(format!("gate closed: {because}"), "redis-dr assess")),
        Verdict::Unknown { because } => Err(ActError::failed(format!("gate unknown: {because}"), "redis-dr assess")),
    }
}

/// What follows a failed step. `None`: go round again (the step is tried again, or was ended by a person's word).
fn after_failure(run: &mut Run<'_>, step: &PlannedStep, error: ActError) -> Result<Option<Ending>, RunError> {
    run.settled(&step.id, error.in_doubt);
    run.record(Line::StepFailed {
        step: step.id.clone(),
        because: error.because.clone(),
        hint: error.hint.clone(),
        in_doubt: error.in_doubt,
    })?;
    run.tell(&Event::StepFailed { id: &step.id, because: error.because.clone(), hint: error.hint.clone() });
    if error.interrupted {
        return stop(run, &error.because, &error.hint).map(Some);
    }
    let opened = opened(run);
    if step.on_failure == Some(OnFailure::KeepGoing) {
        let reason = format!("failed, and the runbook goes on: {}", error.because);
        run.record(Line::SkippedByHand { step: step.id.clone(), by: "the runbook".into(), reason })?;
        return Ok(None);
    }
    if run.deps.person.auto() {
        // what may have happened outside can't be taken back by putting files back
        let in_doubt = error.in_doubt && class(run, step) == Some(RepeatClass::Once);
        if opened || in_doubt || step.on_failure == Some(OnFailure::Stop) {
            return stop(run, &error.because, &error.hint).map(Some);
        }
        return back::roll_back_after(run, &step.id, &error).map(Some);
    }
    if opened {
        let words = format!("clients write already: {}", run.writes_since());
        run.tell(&Event::Note(words));
    }
    let choice = run.deps.person.after_failure(&step.id, &error.because, &error.hint, step.may_skip, opened);
    match choice {
        AfterFailure::Retry => Ok(None),
        AfterFailure::RollBack => back::roll_back_after(run, &step.id, &error).map(Some),
        AfterFailure::StopHere => stop(run, &error.because, &error.hint).map(Some),
        AfterFailure::MarkDone { reason } => match marked_done(run, step) {
            Ok(()) => {
                // to later steps it is unknown, as it is after a break: the journal has no results of it
                run.results.remove(&step.id);
                run.record(Line::MarkedDone { step: step.id.clone(), by: "a person".into(), reason })?;
                Ok(None)
            }
            Err(e) => after_failure(run, step, e),
        },
        AfterFailure::Skip { reason } if step.may_skip => {
            run.record(Line::SkippedByHand { step: step.id.clone(), by: "a person".into(), reason })?;
            Ok(None)
        }
        AfterFailure::Skip { .. } => Ok(None),
    }
}

/// A person says that it is done: it finds out what it still can.
fn marked_done(run: &mut Run<'_>, step: &PlannedStep) -> Result<(), ActError> {
    let before = run.earlier.get(&step.id).map(|s| s.before.clone()).unwrap_or_default();
    let found = match step.action() {
        Ok(action) => run.with_hands(&[], |h| action.act().found(h, &before)),
        Err(_) => Value::Null,
    };
    check_after(run, step, &found)
}

fn class(run: &Run<'_>, step: &PlannedStep) -> Option<RepeatClass> {
    step.action().ok().map(|action| action.act().effects(&run.plan.site).class)
}

/// Has a step come to its end?
fn ended(state: StepState) -> bool {
    matches!(
        state,
        StepState::Done
            | StepState::AlreadyDone
            | StepState::Skipped
            | StepState::MarkedDone
            | StepState::SkippedByHand
    )
}
