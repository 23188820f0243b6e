//! A server that waits for a device. Whoever touches the same disk may wait with it, beyond any deadline and every signal,
//! so nothing is begun, and not even the data directory is locked.
use super::choose::choose;
use super::{Selection, World, story};
use crate::assess;
use crate::facts::ProcessState;
use crate::finding::Id;
use crate::report::{RunDocument, RunOutcome};

const BECAUSE: &str =
    "the server's process waits for a device (state D); what touches the same disk would wait with it";

/// The answer while the server's process is in state D and does not answer, with what a quick look shows; `None` otherwise.
pub(super) fn refusal(world: &World<'_>) -> Option<RunDocument> {
    if !world.target.local || !assess::waits_for_a_device(world.look, &world.target.endpoint.address) {
        return None;
    }
    let quick = Selection { quick: true, ..Selection::default() };
    let (assessed, _) = choose(world, &quick, None, None).ok()?;
    let document = &assessed.document;
    let waits = document.facts.process.state == Some(ProcessState::Blocked);
    let hung = document.findings.iter().find(|finding| waits && finding.id == Id::ServerHung)?;
    Some(story::no_run(world, document, RunOutcome::Refused, BECAUSE.into(), hung.hint.clone()))
}
