//! Releasing a hold: the owner's values live, the mark and the drop-in gone; from the record alone.
use super::take::{PATIENCE, SETTINGS_HELD};
use super::{Active, FILES, HoldError, JOURNAL, RESTARTS, SETTINGS, World, active, who};
use crate::action::UndoMove;
use crate::assess::{Assessor, Depth, Wanted};
use crate::facts::{Facts, ProcessState, ServiceKind};
use crate::host::process::Reins;
use crate::journal::{Event, Journal, StepState};
use crate::server::{Endpoint, Server};
use crate::service::{self, SystemdUnit, held_path};
use std::path::{Path, PathBuf};

/// What was put back.
#[derive(Debug, Clone, Default)]
pub struct Released {
    /// The hold that is over; `None` when there was none.
    pub id: Option<String>,
    /// What was put back.
    pub did: Vec<String>,
    /// What was left as it is, and why.
    pub left: Vec<String>,
}

/// Puts back what a hold changed. Without a hold, a mark that nobody owns is lifted. May be repeated.
///
/// # Errors
/// A run is at work or unfinished; [`HoldError::Stuck`] when something could not be put back.
pub fn release(world: &World<'_>) -> Result<Released, HoldError> {
    let wanted = Wanted { depth: Depth::Quick, ..Wanted::default() };
    let assessed = Assessor::new(world.look, world.target.clone(), world.state).assess(&wanted);
    let facts = &assessed.document.facts;
    let dir = facts.config.data_dir.as_ref().map(PathBuf::from).filter(|dir| world.look.exists(dir));
    let _lock = world.lock(dir.as_deref())?;
    if let Some(run) = world.unfinished_run()? {
        return Err(HoldError::Run { run });
    }
    match active(world.look, world.state, &world.target.name)? {
        Some(held) => take_back(world, &held, &assessed.endpoint, facts.process.state == Some(ProcessState::Down)),
        None => lift_mark(world, facts, dir.as_deref()),
    }
}

/// A recovery succeeded: what held the instance is over. The caller has the lock; what can't be put back is told.
///
/// # Errors
/// As [`release`].
pub fn release_after_recovery(world: &World<'_>, endpoint: &Endpoint) -> Result<Option<Released>, HoldError> {
    match active(world.look, world.state, &world.target.name)? {
        Some(held) => take_back(world, &held, endpoint, false).map(Some),
        None => Ok(None),
    }
}

/// A mark without a hold and without a run: left by somebody whose record is gone.
fn lift_mark(world: &World<'_>, facts: &Facts, dir: Option<&Path>) -> Result<Released, HoldError> {
    let mut released = Released::default();
    let Some(dir) = dir.filter(|dir| world.look.exists(&held_path(dir))) else {
        return Ok(released);
    };
    let unit = facts.instance.service_name.as_deref().filter(|_| facts.instance.service == ServiceKind::Systemd);
    service::release(unit.map(SystemdUnit::new).as_ref(), dir, &Reins::new())
        .map_err(|e| stuck(&e.to_string(), e.hint()))?;
    released.did.push(format!("{} is removed", held_path(dir).display()));
    Ok(released)
}

fn stuck(because: &str, by_hand: String) -> HoldError {
    HoldError::Stuck { because: because.into(), by_hand: vec![by_hand, "then: redis-dr hold --release".into()] }
}

fn take_back(world: &World<'_>, held: &Active, endpoint: &Endpoint, down: bool) -> Result<Released, HoldError> {
    let dir = world.state.holds().open_run(&held.id)?;
    let (mut journal, _) = Journal::open(dir.own(), JOURNAL)?;
    journal.record(Event::Resumed { by: who(world.look) })?;
    let mut released = Released { id: Some(held.id.clone()), ..Released::default() };
    for step in [SETTINGS, RESTARTS, FILES] {
        if !journal.status().step(step).is_some_and(|state| state != StepState::Undone) {
            continue;
        }
        journal.record(Event::UndoStarted { step: step.into() })?;
        let undone = match step {
            SETTINGS if down => {
                released.left.push("the server does not run: its next start takes its settings from its file".into());
                Ok(())
            }
            SETTINGS => settings(held, endpoint, &mut released),
            RESTARTS => restarts(held, &mut released),
            // Copies change nothing; they stay until `runs prune`.
            _ => Ok(()),
        };
        match undone {
            Ok(()) => journal.record(Event::UndoDone { step: step.into(), after: vec![] })?,
            Err((because, by_hand)) => {
                let by_hand_line = vec![by_hand.clone()];
                journal.record(Event::UndoFailed {
                    step: step.into(),
                    because: because.clone(),
                    by_hand: by_hand_line,
                })?;
                return Err(stuck(&because, by_hand));
            }
        }
    }
    journal.record(Event::RunRolledBack {})?;
    released.did.push(format!("the copies stay in {} until redis-dr runs prune", held.vault.display()));
    Ok(released)
}

/// The owner's values, where the held ones still are in force in the process that was held. One that was started since
/// has its values from its file, and a value that somebody changed meanwhile is theirs.
fn settings(held: &Active, endpoint: &Endpoint, released: &mut Released) -> Result<(), (String, String)> {
    let by_hand = |e: crate::server::ServerError| {
        (e.to_string(), "let redis-dr's user in, with CONFIG GET and CONFIG SET".to_string())
    };
    let mut server = Server::connect(endpoint, PATIENCE).map_err(by_hand)?;
    let run_id = server.info(Some("server")).map_err(by_hand)?.get("run_id").map(str::to_string);
    let mut owners: Vec<(String, String)> = Vec::new();
    for record in &held.log.records {
        let Event::StepStarted { step, undo, before, .. } = &record.event else { continue };
        if step != SETTINGS || before["run_id"].as_str() != run_id.as_deref() {
            continue;
        }
        for one in serde_json::from_value::<Vec<UndoMove>>(undo.clone()).unwrap_or_default() {
            if let UndoMove::ConfigSet { name, value } = one
                && !owners.iter().any(|(have, _)| *have == name)
            {
                owners.push((name, value));
            }
        }
    }
    if owners.is_empty() {
        released.left.push("the server was started since: it has its settings from its file".into());
    }
    for (name, value) in owners {
        let ours = SETTINGS_HELD.iter().find(|(held, _)| *held == name).map(|(_, value)| *value);
        let is = server.setting(&name).map_err(by_hand)?;
        if is.as_deref() == Some(&value) {
            continue;
        }
        if is.as_deref() != ours {
            released.left.push(format!("{name} was changed meanwhile and stays as it is"));
            continue;
        }
        server.config_set(&name, &value).map_err(by_hand)?;
        released.did.push(format!("{name} is {} again", if value.is_empty() { "\"\"" } else { &value }));
    }
    Ok(())
}

/// The mark and the drop-in, unless somebody else had put the mark there before.
fn restarts(held: &Active, released: &mut Released) -> Result<(), (String, String)> {
    let before = held.log.records.iter().find_map(|record| match &record.event {
        Event::StepStarted { step, before, .. } if step == RESTARTS => Some(before),
        _ => None,
    });
    let Some(dir) = before.and_then(|b| b["dir"].as_str()).map(PathBuf::from) else {
        return Ok(());
    };
    if before.is_some_and(|b| b["held"] == true) {
        released.left.push("it was held before; that hold stays".into());
        return Ok(());
    }
    let unit = before.and_then(|b| b["unit"].as_str()).map(SystemdUnit::new);
    service::release(unit.as_ref(), &dir, &Reins::new()).map_err(|e| (e.to_string(), e.hint()))?;
    released.did.push("it may be started again".into());
    Ok(())
}
