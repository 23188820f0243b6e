//! From a confirmed plan to its end: the run's directory, journal and vault are made, then the engine walks.
use super::{Consent, Person, Way, World, hooks, story};
use crate::action::with_causes;
use crate::assess::{Assessed, Wanted};
use crate::engine::{self, Deps, Ending, Refresh, Run, RunError, Stop};
use crate::facts::{Assessment, Facts, Time};
use crate::finding::Id;
use crate::hold;
use crate::host::{Pen, Planters};
use crate::journal::{Header, Journal, Log};
use crate::lock::Lock;
use crate::plan::{self, Plan};
use crate::report::{RunDocument, RunOutcome};
use crate::server::{Endpoint, Server};
use crate::state::RunDir;
use crate::vault::Vault;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The journal's name in a run's directory.
pub(super) const JOURNAL: &str = "journal.jsonl";

/// Takes facts again for gates, through the assessment's own probes.
pub(super) struct Probes<'a>(pub &'a World<'a>, pub &'a Endpoint);

impl Refresh for Probes<'_> {
    fn refresh(&self, facts: &mut Facts, groups: &[String]) {
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let none = |_: &str| crate::assess::Earlier::default();
        self.0.assessor(&none).refresh(facts, &groups, self.1);
    }
}

/// Starts a run of a plan that was agreed to. The lock is held by the caller.
#[allow(clippy::too_many_arguments)]
pub(super) fn start(
    world: &World<'_>,
    plan: &Plan,
    assessed: &Assessed,
    auto: bool,
    step_by_step: bool,
    person: &mut dyn Person,
    stop: &Stop,
    lock: &mut Lock,
) -> RunDocument {
    let assessment = &assessed.document;
    let refuse = |because: String, hint: String| story::no_run(world, assessment, RunOutcome::Refused, because, hint);
    let dir = match world.state.new_run(world.look.now(), &plan.runbook) {
        Ok(dir) => dir,
        Err(e) => return refuse(with_causes(&e), e.hint()),
    };
    lock.names_run(dir.id());
    let vault = vault_dir(world, plan, &dir, assessment);
    if let Err(e) = store(&dir, plan, assessment) {
        return refuse(e, "free space for the state directory, or give --state-dir DIR".into());
    }
    // before the journal: a refused call leaves no run
    if let Err(because) = hooks::on_start(world, assessment) {
        return refuse(because, "mend the hook, or make it not required".into());
    }
    let journal = match Journal::create(dir.own(), JOURNAL, &header(world, plan, &dir, &vault)) {
        Ok(journal) => journal,
        Err(e) => return refuse(with_causes(&e), e.hint()),
    };
    let walk =
        Walk { dir: &dir, plan, journal, log: None, vault: &vault, assessed, auto, step_by_step, way: Way::Resume };
    let mut doc = walk.through(world, person, stop);
    doc.severity = Some(assessment.severity);
    doc.findings.clone_from(&assessment.findings);
    doc.decision.clone_from(&assessment.decision);
    if doc.outcome == RunOutcome::Recovered && assessment.facts.findings.ids.contains(&Id::ServerStartTimeout) {
        // we gave it more time for this one start only
        doc.hint = "its unit still gives a start too little time: raise TimeoutStartSec before the next one".into();
    }
    hooks::on_end(world, &doc);
    doc
}

fn header(world: &World<'_>, plan: &Plan, dir: &RunDir, vault: &Path) -> Header {
    Header {
        journal: 1,
        run_id: dir.id().into(),
        instance: plan.instance.clone(),
        runbook: plan.runbook.clone(),
        plan_digest: plan.digest.clone(),
        action_revisions: BTreeMap::from([("all".to_string(), crate::action::REVISION)]),
        vault: vault.to_path_buf(),
        host: world.look.hostname(),
        boot_id: world.look.boot_id(),
        version: env!("CARGO_PKG_VERSION").into(),
        started_at: world.look.now(),
        site: serde_json::to_value(&plan.site).unwrap_or_default(),
    }
}

/// Carries out a plan from a file: the facts must still hold.
pub fn apply_plan(
    world: &World<'_>,
    plan: &Plan,
    consent: &Consent,
    step_by_step: bool,
    person: &mut dyn Person,
    stop: &Stop,
) -> RunDocument {
    if *consent == Consent::Auto
        && let Some(doc) = super::hands_off::refusal(world)
    {
        return doc;
    }
    let mut lock = match story::lock(world, Some(&plan.site.data_dir), None) {
        Ok(lock) => lock,
        Err(doc) => return *doc,
    };
    let assessed = world.assess(&Wanted::default());
    let assessment = &assessed.document;
    let no = |outcome, because: String, hint: &str| story::no_run(world, assessment, outcome, because, hint.into());
    if let Some(id) = super::unfinished_run(world.state, world.look, world.name()) {
        let because = format!("the run {id} was not finished");
        return no(RunOutcome::Refused, because, "redis-dr runs resume, or redis-dr runs rollback");
    }
    let point = plan.recovery_point();
    let mut now = plan::take_fingerprint(world.look, &assessment.facts, &plan.site, point);
    now.also(world.look, &plan.reads());
    now.runbook_digest = world.runbook_digest(&plan.runbook);
    let moved = plan.fingerprint.moved(world.look, &now);
    if !moved.is_empty() {
        return no(RunOutcome::Stale, moved.join("; "), "make a new plan and have it reviewed again");
    }
    if *consent == Consent::Auto {
        let refusals = crate::policy::refusals(
            &world.instance.policy,
            plan.risk,
            point,
            plan.restores(),
            assessment.facts.run.recent,
        );
        if let Some(r) = refusals.first() {
            return no(RunOutcome::Refused, r.because.clone(), &r.hint);
        }
        if let Some(r) = story::needs_person(plan.steps.iter()) {
            return no(RunOutcome::Refused, r.because, &r.hint);
        }
    }
    let mut steps = step_by_step;
    if *consent == Consent::Person {
        person.assessed(assessment);
        match person.confirm(assessment, plan, &[]) {
            super::Answer::Start => {}
            super::Answer::StepByStep => steps = true,
            // the facts have moved with it
            super::Answer::Hold => {
                super::bleeding::take(world, person, &lock);
                let because = "the instance was held, which the plan does not know of";
                return no(RunOutcome::Stale, because.into(), "make a new plan and have it reviewed again");
            }
            _ => return no(RunOutcome::Interrupted, story::LEFT.into(), ""),
        }
    }
    start(world, plan, &assessed, *consent == Consent::Auto, steps, person, stop, &mut lock)
}

/// The config's directory, else beside the journal where that is on the data's filesystem, else in the data directory.
fn vault_dir(world: &World<'_>, plan: &Plan, dir: &RunDir, assessment: &Assessment) -> PathBuf {
    if let Some(own) = &world.target.vault_dir {
        return own.join(dir.id());
    }
    let disk = &assessment.facts.disk;
    let avoid = disk.io_error == Some(true) || disk.read_only == Some(true) || disk.full == Some(true);
    crate::vault::home(*world.look, dir.path(), &plan.site.data_dir, dir.id(), avoid)
}

/// The plan, and the facts it was made from, beside the journal before its first line.
fn store(dir: &RunDir, plan: &Plan, assessment: &Assessment) -> Result<(), String> {
    let text = |v: Result<Vec<u8>, serde_json::Error>| v.map_err(|e| with_causes(&e));
    dir.write("plan.json", &text(serde_json::to_vec_pretty(plan))?).map_err(|e| with_causes(&e))?;
    dir.write(super::unfinished::ASSESSMENT, &text(serde_json::to_vec_pretty(assessment))?).map_err(|e| with_causes(&e))
}

/// A run whose journal is open, about to be walked forward or back.
pub(super) struct Walk<'a> {
    /// The run's directory.
    pub dir: &'a RunDir,
    /// What is carried out.
    pub plan: &'a Plan,
    /// Its journal, open for writing.
    pub journal: Journal,
    /// What stands in the journal, where the run was begun before.
    pub log: Option<&'a Log>,
    /// Its vault.
    pub vault: &'a Path,
    /// What is known of the instance now.
    pub assessed: &'a Assessed,
    /// Nobody watches.
    pub auto: bool,
    /// Every step is asked for.
    pub step_by_step: bool,
    /// Forward or back.
    pub way: Way,
}

impl Walk<'_> {
    /// Walks, and says how it ended.
    pub fn through(self, world: &World<'_>, person: &mut dyn Person, stop: &Stop) -> RunDocument {
        let (dir, plan, endpoint) = (self.dir, self.plan, self.assessed.endpoint.clone());
        let failed = |because: String, hint: String| {
            let mut doc = RunDocument::without_run(world.name(), RunOutcome::Unfinished, because, hint);
            doc.run_id = Some(dir.id().into());
            world.finish(&mut doc);
            doc
        };
        let vault = match Vault::open(Pen::new(), self.vault, planters(world, plan)) {
            Ok(vault) => vault,
            Err(e) => return failed(with_causes(&e), e.hint()),
        };
        let service = match plan.site.service(world.look) {
            Ok(service) => service,
            Err(because) => return failed(because, "mend the config, then redis-dr runs resume".into()),
        };
        let refresh = Probes(world, &endpoint);
        let step_by_step = self.step_by_step;
        let deps =
            Deps { look: world.look, endpoint: &endpoint, refresh: &refresh, person, stop, step_by_step, service };
        let mut run = Run::new(plan, self.journal, self.log, vault, deps, self.assessed.document.facts.clone());
        if let Err(e) = run.begin(self.auto) {
            return failed(with_causes(&e), e.hint());
        }
        let ending = match self.way {
            Way::Resume => engine::walk(&mut run),
            Way::RollBack { discard_writes } => engine::roll_back(&mut run, discard_writes),
        };
        let gates = run.gates_passed;
        let mut doc = match super::unfinished::document(world, dir.id()) {
            Ok(doc) => doc,
            Err(e) => return failed(e, String::new()),
        };
        doc.gates.passed += gates;
        // a report may be read without it, so a full disk is no failure here
        let _ = dir.write(super::unfinished::GATES, &serde_json::to_vec(&doc.gates).unwrap_or_default());
        tell(&mut doc, ending);
        if doc.outcome == RunOutcome::Recovered {
            end_hold(world, &endpoint, person);
        } else if doc.serving == Some(true) {
            // it was opened; whether it still is there only it can tell
            doc.serving = Some(Server::connect(&endpoint, ANSWERS).and_then(|mut server| server.ping()).is_ok());
        }
        doc.ended_at = doc.ended_at.or(Some(Time(world.look.now())));
        world.finish(&mut doc);
        doc
    }
}

/// What the journal does not know of how the walk ended: the reason, and what to do.
fn tell(doc: &mut RunDocument, ending: Result<Ending, RunError>) {
    match ending {
        Ok(Ending::RolledBack { because, hint } | Ending::Unfinished { because, hint }) => {
            doc.because = because;
            doc.hint = hint;
        }
        Ok(Ending::Stuck { because, by_hand }) => {
            doc.because = because;
            doc.by_hand = by_hand;
        }
        Ok(Ending::Recovered | Ending::Interrupted) => {}
        Err(e) => {
            doc.outcome = RunOutcome::Unfinished;
            doc.exit_code = doc.outcome.exit_code();
            doc.because = with_causes(&e);
            doc.hint = e.hint();
        }
    }
}

/// What held the instance has no purpose any more.
fn end_hold(world: &World<'_>, endpoint: &Endpoint, person: &mut dyn Person) {
    let hold = hold::World { look: *world.look, state: world.state, target: world.target };
    let note = match hold::release_after_recovery(&hold, endpoint) {
        Ok(None) => return,
        Ok(Some(_)) => "the hold is released".to_string(),
        Err(e) => format!("the hold is still there: {e}; {}", e.hint()),
    };
    person.event(&crate::engine::Event::Note(note));
}

/// How long a server may take to say that it is there.
const ANSWERS: Duration = Duration::from_secs(2);

/// Whose links are not followed.
fn planters(world: &World<'_>, plan: &Plan) -> Planters {
    let user = plan.site.run_as.as_deref().and_then(|name| world.look.user(name).ok());
    let server = user.map(|u| {
        let groups = world.look.groups_of(&u).unwrap_or_default();
        (u.uid, groups)
    });
    Planters { server }
}
