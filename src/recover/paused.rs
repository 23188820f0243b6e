//! The maintenance mark: whoever set it is working on the instance, and `--auto` keeps its hands off.
use super::World;
use crate::assess::{Depth, Wanted};
use crate::report::{RunDocument, RunOutcome};

/// The answer to a call with `--auto` on a paused instance, with what a quick look shows; `None` when it is not paused.
/// A mark that can't be read still is one.
pub(super) fn refusal(world: &World<'_>) -> Option<RunDocument> {
    let because = match world.state.pause(world.name(), world.look.now()) {
        Ok(None) => return None,
        Ok(Some(pause)) => pause.to_string(),
        Err(error) => error.to_string(),
    };
    let hint = (world.command)(&format!("pause {} --off", world.name()));
    let assessed = world.assess(&Wanted { depth: Depth::Quick, ..Wanted::default() });
    Some(super::story::no_run(world, &assessed.document, RunOutcome::Refused, because, hint))
}
