//! Runs as they lie on disk: those that were not finished, and a run's document from its journal.
use super::World;
use crate::action::with_causes;
use crate::assess::{Before, Earlier, Window};
use crate::facts::{Assessment, RunFacts, Seconds, Time};
use crate::host::Look;
use crate::journal::{self, Event, JournalError, Log, Status};
use crate::plan::{Plan, PlannedStep};
use crate::report::RunDocument;
use crate::state::{RunDir, State};
use std::path::Path;

/// A copy of a journal is not larger, bytes.
const LARGEST: u64 = 256 << 20;

/// What a run's assessment is called beside its journal.
pub(super) const ASSESSMENT: &str = "assessment.json";

/// Runs whose times are looked at; what older ones did, newer writes have covered.
const WINDOWS: usize = 8;

/// How many gates were asked, beside the journal: nothing depends on it but reports.
pub(super) const GATES: &str = "gates.json";

/// A run as it lies on disk.
pub struct OpenRun {
    /// Its directory.
    pub dir: RunDir,
    /// Its plan; where that is lost, as much of it as the journal tells: enough to take the run back.
    pub plan: Plan,
    /// Why the plan is lost.
    pub plan_lost: Option<String>,
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
    match plan_beside(&dir, &log) {
        Ok(plan) => Ok(OpenRun { dir, plan, plan_lost: None, log }),
        Err(because) => {
            let plan = plan_of_journal(&log).map_err(|e| format!("{because}; {e}"))?;
            Ok(OpenRun { dir, plan, plan_lost: Some(because), log })
        }
    }
}

fn plan_beside(dir: &RunDir, log: &Log) -> Result<Plan, String> {
    let text = dir.read("plan.json").map_err(|e| with_causes(&e))?.ok_or("there is no plan.json beside the journal")?;
    let plan = Plan::read(&text).map_err(|e| with_causes(&e))?;
    if plan.digest != log.header.plan_digest {
        return Err("plan.json is not the plan that the journal was started with".into());
    }
    Ok(plan)
}

/// As much of a plan as a journal tells: where it acts, and which steps were begun. Enough to take it back.
fn plan_of_journal(log: &Log) -> Result<Plan, String> {
    let site = serde_json::from_value(log.header.site.clone())
        .map_err(|_| "the journal does not say where its run acts".to_string())?;
    let status = log.status().map_err(|e| e.to_string())?;
    let steps = status.steps().iter().map(|s| PlannedStep::begun(&s.id)).collect();
    Ok(Plan::remembered(&log.header.instance, &log.header.runbook, site, steps, Time(log.header.started_at)))
}

/// Takes in a copy of a journal whose state directory is lost: its run is in this one then, and can be taken back.
///
/// # Errors
/// It is no whole journal, or its run is here already.
pub fn take_in(state: &State, look: &Look, file: &Path) -> Result<String, String> {
    let log = journal::read(*look, file).map_err(|e| with_causes(&e))?;
    let id = log.header.run_id.clone();
    plan_of_journal(&log)?;
    if journal::read(*look, &state.journal_path(&id)).is_ok() {
        return Ok(id);
    }
    let mut bytes = look.read(file, LARGEST).map_err(|e| with_causes(&e))?;
    // a last line that was cut off stays behind
    bytes.truncate(usize::try_from(log.bytes()).unwrap_or(usize::MAX));
    let dir = state.adopt_run(&id).map_err(|e| with_causes(&e))?;
    dir.write(super::carry::JOURNAL, &bytes).map_err(|e| with_causes(&e))?;
    Ok(id)
}

/// The newest run on this instance that was not finished.
#[must_use]
pub fn unfinished_run(state: &State, look: &Look, instance: &str) -> Option<String> {
    let ids = state.run_ids().ok()?;
    ids.into_iter().find(|id| {
        let Ok(run) = open_run(state, look, id) else {
            return may_be_unfinished(state, look, id, instance);
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

/// A journal that can't be read may be that of a run which was not finished: nothing is begun on top of it.
fn may_be_unfinished(state: &State, look: &Look, id: &str, instance: &str) -> bool {
    let began = !matches!(journal::read(*look, &state.journal_path(id)), Err(JournalError::NeverBegan { .. }));
    let plan = look.read(&state.run_path(id).join("plan.json"), LARGEST).ok().and_then(|text| Plan::read(&text).ok());
    began && plan.is_some_and(|plan| plan.instance == instance)
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
    if let Some(a) = assessment_of(&run) {
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

/// What was seen before a run began; none where that is lost.
#[must_use]
pub fn assessment_of(run: &OpenRun) -> Option<Assessment> {
    let text = run.dir.read(ASSESSMENT).ok().flatten()?;
    serde_json::from_slice(&text).ok()
}

/// What earlier runs mean for an instance: one that was not finished, how often `--auto` acted lately, and when the
/// newest were at work.
#[must_use]
pub fn runs_of(state: &State, look: &Look, instance: &str, within: Seconds) -> Earlier {
    let mut facts = RunFacts { unfinished: Some(false), run_id: None, recent: 0 };
    let mut windows = Vec::new();
    let since = begin_of(look, within);
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
            facts.run_id = Some(id.clone());
        }
        facts.recent += u64::from(counts(&log, &status, since));
        if windows.len() < WINDOWS {
            windows.push(window(state, look, &id, &log));
        }
    }
    Earlier { facts, windows }
}

/// When a run was at work, and what it had found.
fn window(state: &State, look: &Look, id: &str, log: &Log) -> Window {
    let opened = log.records.iter().find(|record| matches!(record.event, Event::Opened { .. }));
    let stored = look.read(&state.run_path(id).join(ASSESSMENT), LARGEST).ok();
    let assessment = stored.and_then(|text| serde_json::from_slice::<Assessment>(&text).ok());
    Window {
        run: id.to_string(),
        from: Time(log.header.started_at),
        until: Time(log.records.last().map_or(log.header.started_at, |record| record.at)),
        opened: opened.map(|record| Time(record.at)),
        before: assessment.as_ref().map(Before::of),
    }
}

/// Was it begun by `--auto` since that second, and did it change something?
fn counts(log: &Log, status: &Status, since: i64) -> bool {
    status.auto() && !log.saves().is_empty() && log.header.started_at.as_second() >= since
}

/// How often `--auto` acted on the instance within that time, one run left out.
pub(super) fn recoveries(world: &World<'_>, within: Seconds, besides: &str) -> u64 {
    let all = runs_of(world.state, world.look, world.name(), within).facts.recent;
    let log = journal::read(*world.look, &world.state.journal_path(besides));
    let counted = log.is_ok_and(|log| {
        let status = log.status().unwrap_or_default();
        log.header.instance == world.name() && counts(&log, &status, begin_of(world.look, within))
    });
    all.saturating_sub(u64::from(counted))
}

/// The second at which a span that ends now began.
fn begin_of(look: &Look, within: Seconds) -> i64 {
    look.now().as_second() - within.duration().as_secs().try_into().unwrap_or(i64::MAX)
}
