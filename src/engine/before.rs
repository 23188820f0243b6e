//! Is everything as it was before the run? Asked at the end of every way back.
use super::run::Run;
use crate::action::{ActError, PUT_BACK, UndoMove};
use crate::journal::{Event, Log};
use crate::vault::Save;
use serde_json::Value;
use std::path::Path;

/// Every file is bit for bit as it was before these were saved. A server that runs again may write to its data.
///
/// # Errors
/// One is not, or can't be read.
pub(super) fn files(run: &mut Run<'_>, saves: &[&Save]) -> Result<(), ActError> {
    let runs = run.with_hands(&[], |h| h.running().ok().flatten().is_some());
    let site = &run.plan.site;
    let written =
        |path: &Path| path == site.rdb || path.starts_with(&site.aof) || path == site.data_dir.join(&site.aof_name);
    let saves = saves.iter().copied().filter(|save| !runs || !written(save.path()));
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

/// Puts back the live settings that an action had changed for its time alone: a process that was cut off in the middle left
/// them. `before` is what the action saw.
///
/// # Errors
/// The server refuses.
pub(super) fn settings(run: &mut Run<'_>, before: &Value) -> Result<(), ActError> {
    let moves: Vec<UndoMove> = serde_json::from_value(before[PUT_BACK].clone()).unwrap_or_default();
    for one in moves {
        if let UndoMove::ConfigSet { name, value } = one {
            setting(run, &name, &value)?;
        }
    }
    Ok(())
}

/// Gives a live setting a value; it ended with its process where none runs.
///
/// # Errors
/// The server refuses.
pub(super) fn setting(run: &mut Run<'_>, name: &str, value: &str) -> Result<(), ActError> {
    run.with_hands(&[], |hands| {
        if hands.running()?.is_none() {
            return Ok(());
        }
        let mut server = hands.connect()?;
        if server.setting(name)?.as_deref() != Some(value) {
            server.config_set(name, value)?;
        }
        Ok(())
    })
}

/// Does the server run, and is it held, as before the run? In what it differs without harm, in words: one that was down and
/// runs by now was started by somebody else.
///
/// # Errors
/// It ran before and does not now, or a hold of ours is left. `left_held`: that was said already.
pub(super) fn service(run: &mut Run<'_>, log: &Log, left_held: bool) -> Result<Option<String>, ActError> {
    // the first step that looked at it saw it as it was
    let mut seen = log.records.iter().filter_map(|record| match &record.event {
        Event::StepStarted { before, .. } if before.get("pid").is_some() => Some(before),
        _ => None,
    });
    let Some(before) = seen.next().filter(|_| !left_held) else {
        return Ok(None);
    };
    let (runs, held) = run.with_hands(&[], |h| h.running().map(|pid| (pid.is_some(), h.is_held())))?;
    let ran = !before["pid"].is_null() && !run.plan.site.stray;
    if held && before["held"] != Value::Bool(true) {
        let because = "the server is still held, and was not before the run";
        return Err(ActError::failed(because, "redis-dr hold --release"));
    }
    match (ran, runs) {
        (true, false) => Err(ActError::failed(
            "the server ran before the run, was started again, and does not run any more",
            "look at its log, then: redis-dr recover",
        )),
        (false, true) => Ok(Some("the server runs by now, and did not before the run".into())),
        _ => Ok(None),
    }
}
