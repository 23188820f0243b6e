//! `redis-dr apply`: carry out a plan that was made and reviewed before.
use super::args::Consent;
use super::recover::{World, consent, person, tell};
use super::{Context, Failure, plan, signals};
use crate::recover::{self, apply_plan};
use std::path::Path;

/// Reads the plan, proves that the facts still hold, and carries it out.
pub fn run(context: &Context, file: &Path, options: &Consent) -> Result<i32, Failure> {
    let plan = plan::read(context, file)?;
    let world = World::new(context, Some(&plan.instance))?;
    world.checks_are_right()?;
    let parts = world.parts();
    let consent = consent(options, parts.name())?;
    if consent == recover::Consent::Nobody {
        let hint = format!("--auto keeps to the policy; --confirm {} is a person's word", parts.name());
        return Err(Failure::usage("there is no terminal to ask on", hint));
    }
    let stop = signals::listen(context);
    let mut person = person(context, &consent, &stop);
    let doc = apply_plan(&parts, &plan, &consent, false, &mut *person, &stop);
    Ok(tell(context, &doc))
}
