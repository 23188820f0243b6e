//! Runs that were not finished: found, carried on, taken back; and a run's document from its journal.
use super::carry::{JOURNAL, Signals, walk};
use super::{Person, World};
use crate::action::with_causes;
use crate::assess::{Depth, Wanted};
use crate::facts::{Assessment, RunFacts, Seconds};
use crate::host::Look;
use crate::journal::{self, Journal, Log, Phase};
use crate::plan::Plan;
use crate::report::{RunDocument, RunOutcome};
use crate::state::{RunDir, State};

/// How many gates were asked, beside the journal: nothing depends on it but reports.
pub(super) const GATES: &str = "gates.json";

/// A run as it lies on disk.
pub struct OpenRun {
    /// Its directory.
    pub dir: RunDir,
    /// Its plan.
    pub plan: Plan,
    /// Its journal.
    pub log: Log,
}

/// Reads a run.
///
/// # Errors
/// Its journal or plan is damaged.
pub fn open_run(state: &State, look: &Look, id: &str) -> Result<OpenRun, String> {
    let dir = state.open_run(id).map_err(|e| with_causes(&e))?;
    let log = journal::read(*look, &dir.journal_path()).map_err(|e| with_causes(&e))?;
    let text = dir.read("plan.json").map_err(|e| with_causes(&e))?.ok_or_else(|| format!("{id} has no plan"))?;
    let plan = Plan::read(&text).map_err(|e| with_causes(&e))?;
    if plan.digest != log.header.plan_digest {
        return Err(format!("the plan of {id} is not the one its journal was started with"));
    }
    Ok(OpenRun { dir, plan, log })
}

/// The newest run on this instance that was not finished.
#[must_use]
pub fn unfinished_run(state: &State, look: &Look, instance: &str) -> Option<String> {
    let ids = state.run_ids().ok()?;
    ids.into_iter().find(|id| {
        let Ok(run) = open_run(state, look, id) else {
            return false;
        };
        if run.plan.instance != instance {
            return false;
        }
        let Ok(status) = run.log.status() else {
            return true;
        };
        status.unfinished()
    })
}

/// A run's document, from its journal alone.
///
/// # Errors
/// Its journal or plan is damaged.
pub fn document(world: &World<'_>, id: &str) -> Result<RunDocument, String> {
    of_run(world.state, world.look, id)
}

/// A run's document, from its journal alone, without an instance at hand.
///
/// # Errors
/// Its journal or plan is damaged.
pub fn of_run(state: &State, look: &Look, id: &str) -> Result<RunDocument, String> {
    let run = open_run(state, look, id)?;
    let mut doc = RunDocument::of_journal(&run.plan, &run.log, &run.dir.journal_path().display().to_string())?;
    if let Ok(Some(text)) = run.dir.read("assessment.json")
        && let Ok(a) = serde_json::from_slice::<Assessment>(&text)
    {
        doc.severity = Some(a.severity);
        doc.findings = a.findings;
        doc.decision = a.decision;
    }
    if let Ok(Some(text)) = run.dir.read(GATES)
        && let Ok(gates) = serde_json::from_slice(&text)
    {
        doc.gates = gates;
    }
    Ok(doc)
}

fn broken(world: &World<'_>, because: String) -> RunDocument {
    let mut doc = RunDocument::without_run(world.name(), RunOutcome::Unfinished, because, "redis-dr runs show".into());
    world.finish(&mut doc);
    doc
}

/// What is asked of a run that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Carry it on.
    Resume,
    /// Take it back.
    RollBack {
        /// Also a finished one, whatever clients wrote since.
        discard_writes: bool,
    },
}

/// Carries a run on, or takes it back, under the instance's lock.
pub fn continue_run(
    world: &World<'_>,
    id: &str,
    way: Way,
    auto: bool,
    person: &mut dyn Person,
    interrupted: Signals<'_>,
) -> RunDocument {
    if auto && let Some(doc) = super::paused::refusal(world) {
        return doc;
    }
    let run = match open_run(world.state, world.look, id) {
        Ok(run) => run,
        Err(e) => return broken(world, e),
    };
    match super::story::lock(world, Some(&run.plan.site.data_dir), None) {
        Ok(_lock) => go(world, id, auto, person, interrupted, way),
        Err(doc) => *doc,
    }
}

/// As [`continue_run`]; the caller holds the lock.
pub(super) fn resume(
    world: &World<'_>,
    id: &str,
    auto: bool,
    person: &mut dyn Person,
    interrupted: Signals<'_>,
) -> RunDocument {
    go(world, id, auto, person, interrupted, Way::Resume)
}

/// As [`continue_run`]; the caller holds the lock.
pub(super) fn roll_back(
    world: &World<'_>,
    id: &str,
    auto: bool,
    person: &mut dyn Person,
    interrupted: Signals<'_>,
) -> RunDocument {
    go(world, id, auto, person, interrupted, Way::RollBack { discard_writes: false })
}

fn go(
    world: &World<'_>,
    id: &str,
    auto: bool,
    person: &mut dyn Person,
    interrupted: Signals<'_>,
    way: Way,
) -> RunDocument {
    let forward = way == Way::Resume;
    let run = match open_run(world.state, world.look, id) {
        Ok(run) => run,
        Err(e) => return broken(world, e),
    };
    let status = match run.log.status() {
        Ok(status) => status,
        Err(e) => return broken(world, with_causes(&e)),
    };
    let refused = |because: &str, hint: &str| {
        let mut doc = RunDocument::without_run(world.name(), RunOutcome::Refused, because.into(), hint.into());
        doc.run_id = Some(id.into());
        doc.serving = Some(status.opened());
        world.finish(&mut doc);
        doc
    };
    if forward && (status.phase() == Phase::RolledBack || status.going_back()) {
        return refused("this run is being, or was, taken back", "redis-dr runs rollback");
    }
    if forward && status.phase() == Phase::Recovered {
        return refused("this run is finished", "redis-dr recover starts a new one");
    }
    if !forward && auto && status.opened() {
        return refused(
            "clients have written since this run opened the server; only a person may take it back",
            "redis-dr runs resume goes on; a person: redis-dr runs rollback",
        );
    }
    if !forward && status.phase() == Phase::RolledBack {
        return refused("this run was taken back already", "redis-dr runs show");
    }
    if status.phase() == Phase::Recovered && way == (Way::RollBack { discard_writes: false }) {
        return refused(
            "this run is finished, and clients may have written since: taking it back would lose that",
            "say so: redis-dr runs rollback RUN --discard-writes",
        );
    }
    if forward && run.log.header.action_revisions.get("all") != Some(&crate::action::REVISION) {
        return refused("this run was started by a version that works differently", "redis-dr runs rollback");
    }
    let (journal, log) = match Journal::open(run.dir.own(), JOURNAL) {
        Ok(opened) => opened,
        Err(e) => return broken(world, with_causes(&e)),
    };
    let assessed = world.assess(&Wanted { depth: Depth::Quick, ..Wanted::default() });
    let facts = assessed.document.facts;
    walk(
        world,
        &run.dir,
        &run.plan,
        journal,
        Some(&log),
        &log.header.vault,
        facts,
        assessed.endpoint,
        auto,
        false,
        person,
        interrupted,
        forward,
    )
}

/// What earlier runs mean for an instance: one that was not finished, and how often `--auto` acted lately.
#[must_use]
pub fn runs_of(state: &State, look: &Look, instance: &str, within: Seconds) -> RunFacts {
    let mut facts = RunFacts { unfinished: Some(false), run_id: None, recent: 0 };
    let since = look.now().as_second() - within.duration().as_secs().try_into().unwrap_or(i64::MAX);
    for id in state.run_ids().unwrap_or_default() {
        let Ok(log) = journal::read(*look, &state.journal_path(&id)) else {
            continue;
        };
        if log.header.instance != instance {
            continue;
        }
        let Ok(status) = log.status() else { continue };
        if status.unfinished() && facts.run_id.is_none() {
            facts.unfinished = Some(true);
            facts.run_id = Some(id);
        }
        let changed = !log.saves().is_empty();
        facts.recent += u64::from(status.auto() && changed && log.header.started_at.as_second() >= since);
    }
    facts
}
