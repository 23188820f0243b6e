//! Walking back: what ran is undone, last first, from the journal alone.
use super::run::{Run, RunError};
use super::{Ending, Event};
use crate::action::{ActError, UndoMove};
use crate::journal::{Event as Line, UndoWork};
use crate::vault::{How, Kept, Save};
use serde_json::Value;
use std::time::Duration;

/// Takes everything back after a failure; a rolled-back run is a failed run.
pub(super) fn roll_back_after(run: &mut Run<'_>, step: &str, error: &ActError) -> Result<Ending, RunError> {
    let because = format!("step {step} failed: {}", error.because);
    match roll_back(run, false)? {
        Ending::RolledBack { .. } => Ok(Ending::RolledBack { because, hint: error.hint.clone() }),
        other => Ok(other),
    }
}

/// Undoes every step that was started, the last first, then checks that every file is as it was. What clients wrote is
/// saved first; `discard_writes` gives up what can't be.
///
/// # Errors
/// Only when the journal can't be written: then nothing more is done.
pub fn roll_back(run: &mut Run<'_>, discard_writes: bool) -> Result<Ending, RunError> {
    // from the journal alone: what stands there is what was really started
    let log = crate::journal::read(*run.deps.look, run.journal.path())?;
    if run.journal.status().opened() {
        let words = format!("clients were let in: {}", run.writes_since());
        run.tell(&Event::Note(words));
        match run.with_hands(&[], crate::action::save_live) {
            Err(e) if !discard_writes => {
                let because = format!("what clients wrote since could not be saved: {}", e.because);
                return Ok(Ending::Unfinished { because, hint: e.hint });
            }
            Ok(()) | Err(_) => {}
        }
    }
    // what a crash left half-written is no part of what is taken back
    run.sweep();
    let all = log.saves().into_iter().cloned().collect::<Vec<Save>>();
    for work in log.to_undo()? {
        if run.deps.stop.asked() {
            return stop(run);
        }
        let step = work.step.clone();
        run.record(Line::UndoStarted { step: step.clone() })?;
        run.tell(&Event::Undoing { id: &step });
        match undo(run, &work) {
            Ok(after) => {
                run.record(Line::UndoDone { step: step.clone(), after })?;
                run.tell(&Event::Undone { id: &step });
            }
            Err(e) if e.interrupted => return stop(run),
            Err(e) => return stuck(run, &work, &e),
        }
    }
    run.sweep();
    if let Err(e) = as_before(run, &all) {
        return Ok(Ending::Stuck { because: e.because, by_hand: vec![e.hint] });
    }
    run.record(Line::RunRolledBack {})?;
    Ok(Ending::RolledBack { because: "rolled back by request".into(), hint: String::new() })
}

/// Stops between two undos; the way back goes on from here, there is none forward.
fn stop(run: &mut Run<'_>) -> Result<Ending, RunError> {
    let because = "interrupted while taking it back".to_string();
    run.record(Line::RunStopped { because: because.clone() })?;
    Ok(Ending::Unfinished { because, hint: "redis-dr runs rollback goes on".into() })
}

/// One step's undo, move by move; what was in the way is in the vault.
fn undo(run: &mut Run<'_>, work: &UndoWork) -> Result<Vec<Kept>, ActError> {
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
                    run.with_hands(&work.saves, start_again)?;
                }
            }
            // A live setting ended with its process.
            UndoMove::ConfigSet { .. } if run.with_hands(&work.saves, |h| h.running())?.is_none() => {}
            UndoMove::ConfigSet { name, value } => {
                run.with_hands(&work.saves, |h| h.connect()?.config_set(&name, &value).map_err(ActError::from))?;
            }
        }
    }
    Ok(after)
}

/// Starts the server as it was before the run; one that fails at once was failing before, and is left held.
fn start_again(hands: &mut crate::action::Hands<'_>) -> Result<(), ActError> {
    if hands.running()?.is_some() {
        return Ok(());
    }
    hands.start()?;
    hands.wait("the server to run again", Duration::from_secs(60), |h| Ok(h.connect().is_ok().then_some(())))
}

/// Every file is bit for bit as it was before the run; a server that runs again may write to its files.
fn as_before(run: &mut Run<'_>, saves: &[Save]) -> Result<(), ActError> {
    if run.with_hands(&[], |h| h.running().ok().flatten().is_some()) {
        return Ok(());
    }
    let mut seen = std::collections::BTreeSet::new();
    for save in saves {
        // the first save of a path saw it as it was before the run; a directory saved before it, as not there or with all
        // its files, has said so for everything in it
        let told = save.path().ancestors().any(|path| seen.contains(path));
        seen.insert(save.path().to_path_buf());
        let to_check = match save {
            _ if told => vec![],
            Save::File(_) => vec![save.clone()],
            Save::Tree(tree) => {
                let (new, old): (Vec<_>, Vec<_>) =
                    tree.files().iter().partition(|f| seen.insert(f.path().to_path_buf()));
                if old.is_empty() { vec![save.clone()] } else { new.into_iter().cloned().map(Save::from).collect() }
            }
        };
        if let Some(because) = run.vault.differs_any(&to_check)? {
            let because = format!("{} is not as it was: {because}", save.path().display());
            return Err(ActError::failed(because, "compare it with the copy in the vault: redis-dr vault list"));
        }
    }
    Ok(())
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
