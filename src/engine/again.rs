//! Going on after a break: is what was done still done?
use super::run::Run;
use crate::action::{ChangeKind, Done, RepeatClass};
use crate::journal::StepState;
use crate::plan::PlannedStep;
use std::collections::BTreeSet;

/// Is a step that was done before the break not done any more? Asked only of steps that can tell, and whose work no later
/// step went on to change: after those the answer would be about them.
pub(super) fn is_undone(run: &mut Run<'_>, at: usize) -> bool {
    let plan = run.plan;
    let Some((step, later)) = plan.steps.get(at..).and_then(<[PlannedStep]>::split_first) else {
        return false;
    };
    let status = run.journal.status();
    let done = matches!(status.step(&step.id), Some(StepState::Done | StepState::AlreadyDone));
    let mine = touches(run, step);
    let changed_on = later
        .iter()
        .filter(|s| status.step(&s.id).is_some_and(|state| state != StepState::Undone))
        .any(|s| !mine.is_disjoint(&touches(run, s)));
    let (Some(earlier), Ok(action)) = (run.earlier.get(&step.id).cloned(), step.action()) else {
        return false;
    };
    let act = action.act();
    let can_tell = act.effects(&plan.site).class == RepeatClass::Checkable;
    if !done || changed_on || !can_tell || status.opened() {
        return false;
    }
    run.with_hands(&earlier.saves, |h| act.already_done(h, &earlier.before)) == Done::No
}

/// The paths a step has saved before it changes them, and the server where it starts or stops it.
fn touches(run: &Run<'_>, step: &PlannedStep) -> BTreeSet<String> {
    let Ok(action) = step.action() else {
        return BTreeSet::new();
    };
    let effects = action.act().effects(&run.plan.site);
    let mut out: BTreeSet<String> = effects.saves.iter().map(|s| s.path.display().to_string()).collect();
    if effects.changes.iter().any(|c| c.kind == ChangeKind::Service) {
        out.insert("the server".into());
    }
    out
}
