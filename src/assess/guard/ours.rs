//! Is a run of ours in the middle of something, and is it the one that starts the server?
use crate::action::UndoMove;
use crate::host::Look;
use crate::journal::{self, Event, Log};
use crate::lock;
use crate::state::State;
use serde_json::Value;
use std::path::Path;

/// Runs looked at, newest first: one that is older and unfinished would have stood in the way of all those after it.
const NEWEST: usize = 50;

/// What the runs mean for a start.
pub(super) enum Ours {
    /// None is unfinished.
    None,
    /// The start is ours: the lock is held, and a step or an undo that starts the server was the last word.
    Starting,
    /// This run was not finished.
    Unfinished(String),
    /// The records can't be read.
    Unreadable(String),
}

/// Looks through the runs on this instance, or on this data directory under another name.
pub(super) fn look_for(look: &Look, state: &State, instance: &str, data_dir: &Path) -> Ours {
    let ids = match state.run_ids() {
        Ok(ids) => ids,
        Err(error) => return Ours::Unreadable(error.to_string()),
    };
    for id in ids.into_iter().take(NEWEST) {
        let Ok(log) = journal::read(*look, &state.journal_path(&id)) else {
            continue;
        };
        if !log.status().is_ok_and(|status| status.unfinished()) {
            continue;
        }
        if log.header.instance != instance && !is_about(look, state, &id, data_dir) {
            continue;
        }
        let held = |path: &Path| lock::is_held(path).unwrap_or(false);
        let locked = held(&state.lock_path(&log.header.instance)) || held(&lock::data_lock_path(data_dir));
        return if locked && starts_the_server(&log) { Ours::Starting } else { Ours::Unfinished(id) };
    }
    Ours::None
}

/// Does the run's plan act on this directory?
fn is_about(look: &Look, state: &State, id: &str, data_dir: &Path) -> bool {
    let plan = look.read(&state.run_path(id).join("plan.json"), 16 << 20).ok();
    let plan: Option<Value> = plan.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    plan.as_ref().and_then(|p| p["site"]["data_dir"].as_str()).is_some_and(|dir| Path::new(dir) == data_dir)
}

/// Is the journal's last line the beginning of a step, or of an undo, that starts the server? Told by the undo that was
/// put on record: a step that starts it is undone by taking it down, one that stopped it by starting it again.
fn starts_the_server(log: &Log) -> bool {
    match log.records.last().map(|record| &record.event) {
        Some(Event::StepStarted { undo, .. }) => has(undo, |m| matches!(m, UndoMove::EnsureDown)),
        Some(Event::UndoStarted { step }) => log.records.iter().any(|record| match &record.event {
            Event::StepStarted { step: begun, undo, .. } => {
                begun == step && has(undo, |m| matches!(m, UndoMove::StartIfItRan))
            }
            _ => false,
        }),
        _ => false,
    }
}

fn has(undo: &Value, wanted: fn(&UndoMove) -> bool) -> bool {
    serde_json::from_value::<Vec<UndoMove>>(undo.clone()).is_ok_and(|moves| moves.iter().any(wanted))
}
