//! `redis-dr assess`.
use super::args::Level;
use super::recover::World;
use super::{Context, Failure, out};
use crate::finding::Severity;
use crate::recover::Selection;
use crate::report;

/// Looks, and says what is wrong and what would help.
pub fn run(
    context: &Context,
    instance: Option<&str>,
    quick: bool,
    playbook: Option<String>,
    exit_code: Option<Level>,
) -> Result<i32, Failure> {
    let world = World::new(context, instance)?;
    let selection = Selection { playbook, quick, ..Selection::default() };
    let (assessed, _) = crate::recover::choose(&world.parts(), &selection, None, None)
        .map_err(|e| Failure::usage(e, "redis-dr playbook list"))?;
    let document = assessed.document;
    if context.global.json {
        out::json(&document);
    } else {
        out::line(&report::assessment(&document, &context.where_from(), context.global.verbose > 0, out::width()));
        if let Some(contact) = world.contact(&document) {
            out::line(&format!("Contact: {contact}"));
        }
    }
    let from = match exit_code {
        None => return Ok(0),
        Some(Level::Minor) => Severity::Minor,
        Some(Level::Major) => Severity::Major,
        Some(Level::Critical) => Severity::Critical,
    };
    Ok(if document.severity >= from { 8 } else { 0 })
}
