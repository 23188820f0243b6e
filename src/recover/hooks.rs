//! The operator's hooks: the JSON document on standard input, a deadline, and a note when one fails.
use super::World;
use crate::config::Hook;
use crate::facts::Assessment;
use crate::host::process::{Command, Reins};
use crate::report::RunDocument;

fn call(hook: Option<&Hook>, document: Vec<u8>) -> Result<(), String> {
    let Some(hook) = hook else { return Ok(()) };
    let command = Command { stdin: Some(document), ..Command::new(hook.run.clone(), hook.timeout.duration()) };
    let words = match Reins::new().run(&command) {
        Ok(out) if out.timed_out => format!("hook {} ran longer than {}", hook.run.join(" "), hook.timeout),
        Ok(out) if out.ok() => return Ok(()),
        Ok(out) => format!("hook {}: {}", hook.run.join(" "), out.complaint()),
        Err(e) => format!("hook {}: {e}", hook.run.join(" ")),
    };
    tracing::warn!("{words}");
    if hook.required { Err(words) } else { Ok(()) }
}

/// Something was found.
pub(super) fn on_finding(world: &World<'_>, a: &Assessment) {
    if !a.findings.is_empty() {
        let _ = call(world.instance.hooks.on_finding.as_ref(), serde_json::to_vec(a).unwrap_or_default());
    }
}

/// A run is about to change something; `Err` when the hook is required and failed.
pub(super) fn on_start(world: &World<'_>, a: &Assessment) -> Result<(), String> {
    call(world.instance.hooks.on_start.as_ref(), serde_json::to_vec(a).unwrap_or_default())
}

/// A run ended.
pub(super) fn on_end(world: &World<'_>, doc: &RunDocument) {
    let _ = call(world.instance.hooks.on_end.as_ref(), serde_json::to_vec(doc).unwrap_or_default());
}
