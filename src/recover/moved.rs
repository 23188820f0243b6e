//! What has moved since a run was cut off, as far as its steps to come rely on it. What the run itself changed is left
//! out: its own edits, the files its steps had saved before they changed them, the server that it stopped and started.
use super::{OpenRun, World};
use crate::action::{self, ChangeKind};
use crate::facts::{Facts, ProcessState};
use crate::journal::{Event, StepState};
use crate::plan::{self, Fingerprint, PlannedStep};
use crate::redis_conf::{Effective, edit};
use crate::vault::Save;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A configuration is not larger.
const LARGEST: u64 = 4 << 20;

/// What differs, in words; empty when the run may go on as it was planned.
pub(super) fn since(world: &World<'_>, run: &OpenRun, facts: &Facts) -> Vec<String> {
    let mut out = Vec::new();
    let service = Service::of(run);
    out.extend(service.differs(run, facts));
    out.extend(files(world, run, facts, &service));
    out.extend(config(world, run));
    out
}

/// Where the run left the server.
struct Service {
    /// The step that stops it.
    stop: Option<StepState>,
    /// The step that starts it.
    start: Option<StepState>,
    /// What the server that it started calls itself.
    run_id: Option<String>,
    /// Has a step begun to start, stop, wake or kill it?
    touched: bool,
}

impl Service {
    fn of(run: &OpenRun) -> Self {
        let status = run.log.status().unwrap_or_default();
        let of_action = |name: &str| {
            let mut steps = run.plan.steps.iter().filter(|s| s.action == name);
            steps.find_map(|s| status.step(&s.id).filter(|state| *state != StepState::Undone))
        };
        let starts: BTreeSet<&str> =
            run.plan.steps.iter().filter(|s| s.action == "service.start").map(|s| s.id.as_str()).collect();
        let run_id = run.log.records.iter().rev().find_map(|r| match &r.event {
            Event::StepDone { step, results, .. } if starts.contains(step.as_str()) => {
                results["run_id"].as_str().map(String::from)
            }
            _ => None,
        });
        let changes_it = |step: &PlannedStep| {
            let action = step.action().ok();
            action
                .is_some_and(|a| a.act().effects(&run.plan.site).changes.iter().any(|c| c.kind == ChangeKind::Service))
        };
        let mut begun = run.plan.steps.iter().filter(|s| status.step(&s.id).is_some_and(|s| s != StepState::Undone));
        let touched = begun.any(changes_it);
        Self { stop: of_action("service.stop"), start: of_action("service.start"), run_id, touched }
    }

    /// Somebody else started, stopped or restarted it.
    fn differs(&self, run: &OpenRun, facts: &Facts) -> Option<String> {
        let runs = facts.process.state != Some(ProcessState::Down) && facts.process.pid.is_some();
        let now = facts.server.run_id.as_deref().filter(|_| facts.server.answers == Some(true));
        let opened = run.log.status().is_ok_and(|s| s.opened());
        match (self.stop, self.start) {
            (_, Some(StepState::Done | StepState::AlreadyDone)) => match (&self.run_id, now) {
                (Some(then), Some(now)) if then != now => Some("the server was restarted since".into()),
                (_, None) if opened && !runs => Some("the server went down after clients were let in".into()),
                _ => None,
            },
            (_, Some(_)) => None,
            (Some(StepState::Done | StepState::AlreadyDone), None) if runs => {
                Some("the run had stopped the server, and somebody started it".into())
            }
            (Some(StepState::Started | StepState::Failed), None) => {
                let then = run.plan.fingerprint.run_id.as_str();
                now.filter(|now| *now != then).map(|_| "the server was started since".into())
            }
            _ => None,
        }
    }
}

/// Host, program, runbook, and every file that no step of the run has saved: those are as the plan knew them.
fn files(world: &World<'_>, run: &OpenRun, facts: &Facts, service: &Service) -> Vec<String> {
    let plan = &run.plan;
    let mut then = plan.fingerprint.clone();
    let mut now = plan::take_fingerprint(world.look, facts, &plan.site, plan.recovery_point());
    now.also(world.look, &plan.reads());
    now.runbook_digest = world.runbook_digest(&plan.runbook);
    if let Some(version) = &facts.server.version {
        now.version.clone_from(version);
    }
    let ours = Ours::of(world, run);
    for print in [&mut then, &mut now] {
        print.files.retain(|f| !ours.has(Path::new(&f.path)));
    }
    if service.touched || ours.has(&plan.site.config_file) {
        same(&mut now, &then);
    }
    then.moved(world.look, &now)
}

/// What the run's own steps changed is judged elsewhere.
fn same(now: &mut Fingerprint, then: &Fingerprint) {
    now.role.clone_from(&then.role);
    now.run_id.clone_from(&then.run_id);
    now.config_digest.clone_from(&then.config_digest);
}

/// The paths that started steps have saved, and so may have changed.
struct Ours<'a> {
    world: &'a World<'a>,
    paths: BTreeSet<PathBuf>,
}

impl<'a> Ours<'a> {
    fn of(world: &'a World<'a>, run: &OpenRun) -> Self {
        let mut paths = BTreeSet::new();
        for save in run.log.saves() {
            paths.insert(save.path().to_path_buf());
            paths.extend(save.files().iter().flat_map(|f| [Some(f.path()), f.via()]).flatten().map(Path::to_path_buf));
        }
        Self { world, paths }
    }

    fn has(&self, path: &Path) -> bool {
        let real = self.world.look.real_path(path).unwrap_or_else(|_| path.to_path_buf());
        path.ancestors().chain(real.ancestors()).any(|p| self.paths.contains(p))
    }
}

/// Lines of the configuration that are neither the run's own edits nor as they were.
fn config(world: &World<'_>, run: &OpenRun) -> Vec<String> {
    let site = &run.plan.site;
    let Some(before) = saved_text(world, run, &site.config_file) else {
        return vec![];
    };
    let Ok(now) = world.look.read_text(&site.config_file, LARGEST) else {
        return vec![format!("{} can't be read", site.config_file.display())];
    };
    let effective = |text: &str| action::effective(world.look, site, &without_fence(text));
    let (then, is) = (effective(&before), effective(&now));
    let edited = edited(run);
    let mut out = Vec::new();
    let names: BTreeSet<&String> = then.values.keys().chain(is.values.keys()).collect();
    for name in names.into_iter().filter(|n| edited.as_ref().is_some_and(|edited| !edited.contains(*n))) {
        let value = |of: &Effective| of.values.get(name).map(|s| s.value.join(" "));
        if value(&then) != value(&is) {
            out.push(format!("{}: {name} is another than when the run began", site.config_file.display()));
        }
    }
    for file in is.files.iter().filter(|f| **f != site.config_file) {
        if changed_since(world, file, run.log.header.started_at) {
            out.push(format!("{}: it was changed since the run began", file.display()));
        }
    }
    out
}

fn changed_since(world: &World<'_>, file: &Path, moment: jiff::Timestamp) -> bool {
    world.look.stat(file).is_ok_and(|s| i128::from(s.mtime_ns) > moment.as_nanosecond())
}

fn without_fence(text: &str) -> String {
    edit::remove_block(text.as_bytes(), action::FENCE_MARKER)
        .map_or_else(|| text.to_string(), |bare| String::from_utf8_lossy(&bare).into_owned())
}

/// A file as it was before the run, where a step has saved it.
fn saved_text(world: &World<'_>, run: &OpenRun, path: &Path) -> Option<String> {
    let real = world.look.real_path(path).unwrap_or_else(|_| path.to_path_buf());
    let saves = run.log.saves();
    let mut files = saves.into_iter().flat_map(Save::files);
    let saved = files.find(|f| f.path() == path || f.path() == real || f.via() == Some(path))?;
    world.look.read_text(saved.copy()?, LARGEST).ok()
}

/// The settings that steps of the run change; `None`: it may be any.
fn edited(run: &OpenRun) -> Option<BTreeSet<String>> {
    let status = run.log.status().unwrap_or_default();
    let begun = run.plan.steps.iter().filter(|step| status.step(&step.id).is_some());
    let names = begun.filter_map(|step| step.action().ok()).map(|action| action.act().settings(&run.plan.site));
    Some(names.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect())
}
