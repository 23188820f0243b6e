//! Walking back: what ran is undone, last first, from the journal alone.
use super::run::{Run, RunError};
use super::{Ending, Event, before};
use crate::action::{ActError, UndoMove};
use crate::journal::{Event as Line, UndoWork};
use crate::vault::{How, Kept, Save};
use serde_json::Value;
use std::time::Duration;

/// Takes everything back after a failure; a rolled-back run is a failed run.
pub(super) fn roll_back_after(run: &mut Run<'_>, step: &str, error: &ActError) -> Result<Ending, RunError> {
    let failed = format!("step {step} failed: {}", error.because);
    match taken_back(run, false)? {
        Way::Back { differs, .. } => Ok(rolled_back(failed, differs, error.hint.clone())),
        Way::Ended(ending) => Ok(ending),
    }
}

/// How the way back ended.
enum Way {
    /// At its beginning: all is as it was, but for what is told: a server that is left held, keys that stay.
    Back {
        /// What is not as it was.
        differs: Option<String>,
        /// Where that is which clients wrote since the server was opened.
        kept: Option<String>,
    },
    /// Before that.
    Ended(Ending),
}

/// What is not as it was, though everything was taken back.
#[derive(Debug, Default)]
struct Left {
    /// A server that was failing before, and is held.
    held: Option<String>,
    /// Keys that were loaded and stay.
    keys: Option<String>,
}

fn rolled_back(because: String, not_as_before: Option<String>, hint: String) -> Ending {
    let because = [Some(because), not_as_before].into_iter().flatten().collect::<Vec<_>>().join("; ");
    Ending::RolledBack { because, hint }
}

/// Undoes every step that was started, the last first, then checks that files and service are as they were. What clients wrote is
/// saved first; `discard_writes` gives up what can't be.
///
/// # Errors
/// Only when the journal can't be written: then nothing more is done.
pub fn roll_back(run: &mut Run<'_>, discard_writes: bool) -> Result<Ending, RunError> {
    match taken_back(run, discard_writes)? {
        Way::Back { differs, kept } => {
            let hint = kept.map(|path| format!("what clients wrote meanwhile is in {path}")).unwrap_or_default();
            Ok(rolled_back("rolled back by request".into(), differs, hint))
        }
        Way::Ended(ending) => Ok(ending),
    }
}

fn taken_back(run: &mut Run<'_>, discard_writes: bool) -> Result<Way, RunError> {
    // from the journal alone: what stands there is what was really started
    let log = crate::journal::read(*run.deps.look, run.journal.path())?;
    let mut kept = None;
    if run.journal.status().opened() {
        let words = format!("clients were let in: {}", run.writes_since());
        run.tell(&Event::Note(words));
        match run.with_hands(&[], crate::action::save_live) {
            Err(e) if !discard_writes => {
                let because = format!("what clients wrote since could not be saved: {}", e.because);
                let give_up = format!("redis-dr runs rollback {} --discard-writes", run.id());
                let hint = format!("{}; or give up what only its memory holds: {give_up}", e.hint);
                return Ok(Way::Ended(Ending::Unfinished { because, hint }));
            }
            Ok(saved) => kept = saved.map(|saved| saved.path),
            Err(_) => {}
        }
    }
    // what a crash left half-written is no part of what is taken back
    run.sweep();
    let (works, mut left) = (log.to_undo()?, Left::default());
    for (at, work) in works.iter().enumerate() {
        // by this walk or an earlier one
        let pending: Vec<&str> = works[at + 1..].iter().map(|work| work.step.as_str()).collect();
        let undone = log.saves_but(&pending);
        if run.deps.stop.asked() {
            return stop(run).map(Way::Ended);
        }
        let step = work.step.clone();
        run.record(Line::UndoStarted { step: step.clone() })?;
        run.tell(&Event::Undoing { id: &step });
        match undo(run, work, &undone, &mut left) {
            Ok(after) => {
                run.record(Line::UndoDone { step: step.clone(), after })?;
                run.tell(&Event::Undone { id: &step });
            }
            Err(e) if e.interrupted => return stop(run).map(Way::Ended),
            Err(e) => return stuck(run, work, &e).map(Way::Ended),
        }
    }
    run.sweep();
    let service = before::files(run, &log.saves()).and_then(|()| before::service(run, &log, left.held.is_some()));
    match service {
        Ok(differs) => {
            run.record(Line::RunRolledBack {})?;
            Ok(Way::Back { differs: left.held.or(left.keys).or(differs), kept })
        }
        Err(e) => Ok(Way::Ended(Ending::Stuck { because: e.because, by_hand: vec![e.hint] })),
    }
}

/// Stops between two undos; the way back goes on from here, there is none forward.
fn stop(run: &mut Run<'_>) -> Result<Ending, RunError> {
    let because = "interrupted while taking it back".to_string();
    run.record(Line::RunStopped { because: because.clone() })?;
    Ok(Ending::Unfinished { because, hint: "redis-dr runs rollback goes on".into() })
}

/// One step's undo, move by move; what was in the way is in the vault. `undone` is what this step and those after it saved.
fn undo(run: &mut Run<'_>, work: &UndoWork, undone: &[&Save], left: &mut Left) -> Result<Vec<Kept>, ActError> {
    let mut after = Vec::new();
    let moves: Vec<UndoMove> = serde_json::from_value(work.undo.clone()).map_err(|e| {
        ActError::failed(
            format!("the journal holds an undo that is not known: {e}"),
            "use the version that started the run",
        )
    })?;
    for one in moves {
        match one {
            UndoMove::EnsureDown => run.with_hands(&work.saves, |h| h.ensure_down())?,
            UndoMove::RestoreSaved => {
                for restored in run.vault.restore_all(&work.saves)? {
                    after.extend(restored.kept);
                }
            }
            UndoMove::ReleaseHold if work.before["held"] == Value::Bool(true) => {}
            UndoMove::ReleaseHold => run.with_hands(&work.saves, |h| h.release())?,
            UndoMove::StartIfItRan => {
                if !work.before["pid"].is_null() {
                    // once it runs it writes to them
                    before::files(run, undone)?;
                    left.held = start_again(run, work)?;
                }
            }
            UndoMove::ForgetLoad { .. } if run.with_hands(&work.saves, |h| h.running())?.is_none() => {}
            UndoMove::ForgetLoad { mark, keys_stay } => {
                run.with_hands(&work.saves, |h| h.connect()?.delete(0, mark.as_bytes()).map_err(ActError::from))?;
                if keys_stay {
                    let words =
                        "the keys that were loaded are still in the server; what it held before is in the vault";
                    left.keys = Some(words.into());
                }
            }
            UndoMove::RestoreKeys { saved } => {
                run.with_hands(&work.saves, |h| crate::action::restore_keys(h, &saved))?;
            }
            UndoMove::ConfigSet { name, value } => before::setting(run, &name, &value)?,
        }
    }
    before::settings(run, &work.before)?;
    Ok(after)
}

/// Starts the server that ran before the run. One that did not answer then, and fails again, is left held; that is told.
fn start_again(run: &mut Run<'_>, work: &UndoWork) -> Result<Option<String>, ActError> {
    let started = run.with_hands(&work.saves, |hands| {
        if hands.running()?.is_some() {
            return Ok(());
        }
        hands.start()?;
        let mut gone = 0;
        hands.wait("the server to run again", Duration::from_secs(60), |h| {
            // while it loads it may still find that it can't
            if h.connect().and_then(|mut server| server.info(None)).is_ok_and(|info| !info.loading()) {
                return Ok(Some(()));
            }
            gone = if h.running()?.is_some() { 0 } else { gone + 1 };
            // a service manager needs a moment between its answer and the process
            if gone < 8 { Ok(None) } else { Err(ActError::failed("the server did not stay up", "redis-dr assess")) }
        })
    });
    match started {
        // it runs, and loads for longer than we wait
        Err(e) if e.in_doubt && run.with_hands(&work.saves, |h| h.running())?.is_some() => Ok(None),
        Err(e) if work.before["answered"] == Value::Bool(false) && !e.interrupted => {
            run.with_hands(&work.saves, |hands| hands.hold())?;
            Ok(Some(format!("the server did not answer before the run, and fails again ({e}): it is left held")))
        }
        other => other.map(|()| None),
    }
}

fn stuck(run: &mut Run<'_>, work: &UndoWork, e: &ActError) -> Result<Ending, RunError> {
    let mut by_hand = vec![format!("mend this first: {}", e.because)];
    for file in work.saves.iter().flat_map(Save::files) {
        if let Some(copy) = file.copy() {
            by_hand.push(format!("cp -p {} {}", copy.display(), file.path().display()));
            if file.how() == How::Tail {
                by_hand.push(format!("truncate -s {} {}", file.bytes(), file.path().display()));
            }
        }
    }
    by_hand.push("then: redis-dr runs rollback".into());
    let step = work.step.clone();
    run.record(Line::UndoFailed { step: step.clone(), because: e.because.clone(), by_hand: by_hand.clone() })?;
    Ok(Ending::Stuck { because: format!("undoing step {step} failed: {}", e.because), by_hand })
}
