//! What a person put up against `--auto`: the maintenance mark and the hold. Whoever did it is working on the instance.
use super::World;
use crate::assess::{Depth, Wanted};
use crate::hold;
use crate::report::{RunDocument, RunOutcome};

/// The answer to a call with `--auto` on an instance that is paused or held by a person, with what a quick look shows;
/// `None` when it is neither. A run's own hold is none, and a mark that can't be read still is one.
pub(super) fn refusal(world: &World<'_>) -> Option<RunDocument> {
    let paused = paused(world).map(|because| (because, format!("pause {} --off", world.name())));
    let held = || held(world).map(|because| (because, format!("hold {} --release", world.name())));
    let (because, command) = paused.or_else(held)?;
    let assessed = world.assess(&Wanted { depth: Depth::Quick, ..Wanted::default() });
    Some(super::story::no_run(world, &assessed.document, RunOutcome::Refused, because, world.command(&command)))
}

fn paused(world: &World<'_>) -> Option<String> {
    match world.state.pause(world.name(), world.look.now()) {
        Ok(pause) => pause.map(|pause| pause.to_string()),
        Err(error) => Some(error.to_string()),
    }
}

fn held(world: &World<'_>) -> Option<String> {
    match hold::active(*world.look, world.state, world.name()) {
        Ok(held) => held.map(|held| held.to_string()),
        Err(error) => Some(error.to_string()),
    }
}
