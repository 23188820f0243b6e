//! What redis-dr must be allowed to do before a run begins: one that could not be carried to its end is not begun.
use super::World;
use crate::facts::ServiceKind;
use crate::report::{RunDocument, RunOutcome};
use crate::service;

/// The answer where the service could not be held and started, or the server would end with us; `None` where it can.
pub(super) fn refusal(world: &World<'_>) -> Option<RunDocument> {
    let (because, hint) = match world.target.service {
        ServiceKind::Systemd if !world.look.is_root() => no_root(world),
        ServiceKind::Process => {
            let error = service::ends_with_us(world.look)?;
            (error.to_string(), error.hint())
        }
        _ => return None,
    };
    let mut doc = RunDocument::without_run(world.name(), RunOutcome::Refused, because, hint);
    world.finish(&mut doc);
    Some(doc)
}

fn no_root(world: &World<'_>) -> (String, String) {
    let uid = world.look.uid();
    let user = world.look.user_by_id(uid).ok().flatten().map_or_else(|| format!("user id {uid}"), |user| user.name);
    let unit = world.target.unit.clone().unwrap_or_else(|| "the server's unit".into());
    let because =
        format!("redis-dr runs as {user}; to hold and start {unit}, and to change the server's files, it must be root");
    let again = world.command(&format!("recover {}", world.name()));
    (because, format!("run it as root: sudo {again} (packaging/sudoers.d/redis-dr lets a group do that)"))
}
