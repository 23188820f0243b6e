#![allow(clippy::unwrap_used)]
use super::*;
use crate::journal::Event as E;

fn run() -> E {
    E::RunStarted { by: "ann".to_string(), auto: true }
}
fn start(step: &str) -> E {
    let saves = serde_json::json!([{"file": {"path": "/d/dump.rdb", "how": "absent"}}]);
    let saves = serde_json::from_value(saves).unwrap();
    E::StepStarted { step: step.to_string(), saves, undo: serde_json::Value::Null, before: serde_json::Value::Null }
}
fn look_only(step: &str) -> E {
    let null = serde_json::Value::Null;
    E::StepStarted { step: step.to_string(), saves: Vec::new(), undo: null.clone(), before: null }
}
fn end(step: &str, outcome: StepOutcome) -> E {
    let results = serde_json::Value::Null;
    E::StepDone { step: step.to_string(), outcome, because: String::new(), seconds: 0.1, results }
}
fn done(step: &str) -> E {
    end(step, StepOutcome::Done)
}
fn fail(step: &str) -> E {
    E::StepFailed { step: step.to_string(), because: String::new(), hint: String::new(), in_doubt: false }
}
fn undo(step: &str) -> E {
    E::UndoStarted { step: step.to_string() }
}
fn undone(step: &str) -> E {
    E::UndoDone { step: step.to_string(), after: Vec::new() }
}
fn undo_failed(step: &str) -> E {
    E::UndoFailed { step: step.to_string(), because: String::new(), by_hand: Vec::new() }
}
fn stop() -> E {
    E::RunStopped { because: String::new() }
}
fn resume() -> E {
    E::Resumed { by: "ann".to_string() }
}
fn marked(step: &str) -> E {
    E::MarkedDone { step: step.to_string(), by: "ann".to_string(), reason: "did it".to_string() }
}
fn note() -> E {
    E::Note { text: String::new() }
}
const BACK: E = E::RunRolledBack {};
const RECOVERED: E = E::RunRecovered {};
const OPENED: E = E::Opened { writes: None };

fn phase(events: &[E]) -> Phase {
    Status::of(events).unwrap().phase()
}
fn refused(events: &[E]) -> String {
    let (last, before) = events.split_last().unwrap();
    Status::of(before).unwrap().after(last).unwrap_err().to_string()
}

#[test]
fn a_run_that_goes_well() {
    let events = [
        run(),
        start("stop"),
        done("stop"),
        end("aof-off", StepOutcome::Skipped),
        start("open"),
        OPENED,
        done("open"),
        note(),
        RECOVERED,
    ];
    let status = Status::of(&events).unwrap();
    assert_eq!(status.phase(), Phase::Recovered);
    assert!(status.opened() && status.auto() && status.current().is_none());
    assert_eq!(status.step("aof-off"), Some(StepState::Skipped));
    assert_eq!(phase(&events[..6]), Phase::Opened);
}

#[test]
fn a_failed_run_goes_back_step_by_step() {
    let events =
        [run(), start("a"), done("a"), start("b"), fail("b"), undo("b"), undone("b"), undo("a"), undone("a"), BACK];
    assert_eq!(phase(&events), Phase::RolledBack);
    assert_eq!(phase(&events[..5]), Phase::Failed);
    assert_eq!(phase(&events[..6]), Phase::RollingBack);
    let early = [run(), start("a"), done("a"), start("b"), fail("b"), undo("b"), undone("b"), BACK];
    assert_eq!(refused(&early), "a run that is rolling back can't go on with: run rolled back");
    assert_eq!(phase(&[run(), look_only("verify"), fail("verify"), BACK]), Phase::RolledBack);
}

#[test]
fn there_is_no_way_forward_once_going_back() {
    let back = [run(), start("a"), done("a"), undo("a")];
    for next in [start("b"), done("a"), RECOVERED, OPENED, fail("a"), BACK, run()] {
        let mut events = back.to_vec();
        events.push(next);
        refused(&events);
    }
    let mut events = back.to_vec();
    events.extend([stop(), resume()]);
    assert_eq!(phase(&events), Phase::RollingBack);
    events.push(start("b"));
    refused(&events);
}

#[test]
fn a_crash_in_a_step_leaves_it_in_doubt() {
    let crashed = [run(), start("a"), done("a"), start("b")];
    for next in [done("b"), start("b"), undo("b"), fail("b"), stop(), marked("b")] {
        let mut events = crashed.to_vec();
        events.push(next);
        phase(&events);
    }
    let mut events = crashed.to_vec();
    events.push(resume());
    assert!(Status::of(&events).unwrap().current().is_none());
    events.push(end("b", StepOutcome::AlreadyDone));
    let status = Status::of(&events).unwrap();
    assert_eq!(status.step("b"), Some(StepState::AlreadyDone));
    assert!(status.steps().iter().all(|step| step.touched), "it was this run that did it: it is undone too");
    events.push(start("a"));
    assert_eq!(phase(&events), Phase::Running, "found undone after a resume: done again");
}

#[test]
fn an_undo_that_failed_is_tried_again_or_done_by_hand() {
    let stuck = [run(), start("a"), fail("a"), undo("a"), undo_failed("a")];
    assert_eq!(phase(&stuck), Phase::Stuck);
    let mut again = stuck.to_vec();
    again.extend([stop(), resume(), undo("a"), undone("a"), BACK]);
    assert_eq!(phase(&again), Phase::RolledBack);
    let mut by_hand = stuck.to_vec();
    by_hand.extend([marked("a"), BACK]);
    assert_eq!(phase(&by_hand), Phase::RolledBack);
    let mut forward = stuck.to_vec();
    forward.push(start("b"));
    assert!(refused(&forward).starts_with("a run that is stuck"));
}

#[test]
fn after_opening_the_run_stays_opened_over_failure_and_resume() {
    let events = [run(), start("open"), OPENED, done("open"), start("conf"), fail("conf"), stop(), resume()];
    assert_eq!(phase(&events), Phase::Opened);
    assert_eq!(phase(&events[..7]), Phase::Unfinished);
    let status = Status::of(&events[..6]).unwrap();
    assert!(status.phase() == Phase::Failed && status.opened());
}

#[test]
fn two_steps_never_run_at_once_and_nothing_comes_before_the_start() {
    assert_eq!(
        refused(&[run(), start("a"), start("b")]),
        "a run that is running, in step `a` can't go on with: step started `b`"
    );
    assert_eq!(refused(&[start("a")]), "a run that is not started can't go on with: step started `a`");
    refused(&[note()]);
    refused(&[run(), run()]);
    refused(&[run(), done("a")]);
    refused(&[run(), start("a"), done("a"), start("a")]);
    refused(&[run(), start("a"), RECOVERED]);
    refused(&[run(), undo("never")]);
    refused(&[run(), start("a"), end("a", StepOutcome::Skipped)]);
}

#[test]
fn a_finished_run_goes_nowhere_but_back_by_a_persons_word() {
    let over = [run(), start("a"), done("a"), RECOVERED];
    for next in [start("b"), stop(), resume(), BACK, fail("a")] {
        let mut events = over.to_vec();
        events.push(next);
        refused(&events);
    }
    let mut events = over.to_vec();
    events.extend([undo("a"), undone("a"), BACK]);
    assert_eq!(phase(&events), Phase::RolledBack);
    events.push(undo("a"));
    refused(&events);
}
