//! One rehearsal as a story: build, prepare, break, recover, prove, score, clear away.
use super::data::{Left, Written};
use super::sandbox::{INSTANCE, Layout};
use super::scenario::{Deed, Expected, Need, Scenario};
use super::score::{self, Observed};
use super::{DrillError, Ground, Sandbox, Seed, Terms};
use crate::facts::{Assessment, Bytes, Time};
use crate::host::User;
use crate::host::process::Command;
use crate::journal;
use crate::plan::Plan;
use crate::recover::open_run;
use crate::report::{DrillVerdict, RunDocument, RunOutcome, Scorecard};
use crate::state::State;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// The longest that one `recover --auto` may take.
const LONGEST: Duration = Duration::from_secs(1_800);
/// The user that servers run as where a scenario needs another one than root.
const NOBODY: &str = "nobody";

/// Who is told how it goes, and may stop it.
pub trait Watch {
    /// Something was done; in words.
    fn told(&mut self, line: &str);
    /// A recovery has ended; with its plan where one was carried out.
    fn recovered(&mut self, run: &RunDocument, plan: Option<&Plan>);
    /// Shall it stop?
    fn stopped(&self) -> bool;
}

/// One rehearsal to its end: whatever comes of it, the sandbox is gone afterwards, unless it is to be kept.
pub fn rehearse(
    ground: &Ground<'_>,
    scenario: &Scenario,
    terms: &Terms,
    keep: bool,
    watch: &mut dyn Watch,
) -> Scorecard {
    if let Some(because) = missing(ground, scenario) {
        return left_out(ground, scenario, terms, because);
    }
    let mut card = score::blank(scenario, terms, ground);
    let mut kept = None;
    match play(ground, scenario, terms, keep.then_some(&mut kept), watch) {
        Ok(observed) => score::score(&mut card, scenario, terms, &observed),
        Err(e) => {
            card.verdict = DrillVerdict::Broken;
            card.because = e.to_string();
        }
    }
    card.kept_at = kept;
    card.ended_at = Time(ground.look.now());
    card
}

/// The scorecard of a scenario that is not held, and why.
#[must_use]
pub fn left_out(ground: &Ground<'_>, scenario: &Scenario, terms: &Terms, because: String) -> Scorecard {
    Scorecard { because, ..score::blank(scenario, terms, ground) }
}

/// What the scenario needs and is not here, in words.
#[must_use]
pub fn missing(ground: &Ground<'_>, scenario: &Scenario) -> Option<String> {
    scenario.needs.iter().find_map(|need| match need {
        Need::MultiPartAof if ground.version.version.0 < 7 => {
            Some("an AOF in parts needs Redis 7.0 or newer, or Valkey".to_string())
        }
        Need::Root | Need::Mount if !ground.look.is_root() => Some(match need {
            Need::Root => "it needs root, to run the server as another user".to_string(),
            _ => "it needs root, to mount a small filesystem".to_string(),
        }),
        Need::Root if ground.look.user(NOBODY).is_err() => Some(format!("there is no user {NOBODY}")),
        Need::Root => reach(ground).err(),
        _ => None,
    })
}

/// Can the user `nobody` run the server, and reach the place of the sandboxes?
fn reach(ground: &Ground<'_>) -> Result<(), String> {
    let user = ground.look.user(NOBODY).map_err(|e| e.to_string())?;
    let version = vec![ground.program.display().to_string(), "--version".to_string()];
    let argv = crate::host::process::as_user(&ground.launcher, Some(&user), version);
    let command = Command { cwd: Some(ground.above.clone()), ..Command::new(argv, Duration::from_secs(10)) };
    let output = ground.look.ask(&command).map_err(|e| e.to_string())?;
    if output.ok() { Ok(()) } else { Err(format!("the user {NOBODY} may not run {}", ground.program.display())) }
}

fn play(
    ground: &Ground<'_>,
    scenario: &Scenario,
    terms: &Terms,
    keep: Option<&mut Option<String>>,
    watch: &mut dyn Watch,
) -> Result<Observed, DrillError> {
    let user: Option<User> = if scenario.needs.contains(&Need::Root) { Some(ground.look.user(NOBODY)?) } else { None };
    let mut config = terms.config.clone();
    config.extend(scenario.config.clone());
    let layout = Layout {
        config: &config,
        instance: &terms.instance_yaml,
        small_disk: scenario.needs.contains(&Need::Mount),
        user,
    };
    let mut sandbox = Sandbox::build(ground, &layout)?;
    watch.told(&format!("a sandbox on port {}, in {}", sandbox.port.port, sandbox.root().display()));
    let seed = terms.seed.as_ref().filter(|_| takes_a_seed(scenario));
    let played = acts(&mut sandbox, scenario, seed, watch);
    match keep {
        Some(kept) => *kept = Some(sandbox.keep()?.display().to_string()),
        None => sandbox.remove()?,
    }
    played
}

/// Where memory or disk are small on purpose, a backup might not fit.
fn takes_a_seed(scenario: &Scenario) -> bool {
    !scenario.config.contains_key("maxmemory") && !scenario.needs.contains(&Need::Mount)
}

fn acts(
    sandbox: &mut Sandbox<'_>,
    scenario: &Scenario,
    seed: Option<&Seed>,
    watch: &mut dyn Watch,
) -> Result<Observed, DrillError> {
    let mut written = Written::default();
    if let Some(seed) = seed {
        sandbox.plant(seed, scenario.config.get("appendonly").is_none_or(|word| word == "yes"))?;
        watch.told(&format!("it begins with the backup {}", seed.path.display()));
        written.volatile = seed.volatile;
    }
    sandbox.start()?;
    if seed.is_some() {
        sandbox.remember(&mut written, &mut sandbox.server()?)?;
    }
    all(sandbox, &scenario.before, &mut written, watch)?;
    let broken_at = Time(sandbox.ground.look.now());
    all(sandbox, &scenario.fault, &mut written, watch)?;
    let before = sandbox.files()?;
    for path in before.keys() {
        let size = Bytes(sandbox.ground.look.lstat(Path::new(path))?.size).to_string();
        let inside = Path::new(path).strip_prefix(sandbox.root()).unwrap_or(Path::new(path));
        watch.told(&format!("left: {size:>10}  {}", inside.display()));
    }
    let mut seen = Observed {
        written,
        broken_at,
        called_at: Time(sandbox.ground.look.now()),
        ended_at: Time(sandbox.ground.look.now()),
        first: recover(sandbox, watch)?,
        second: None,
        untouched: None,
        left: None,
        survives: None,
        assessed_at: None,
        tries: BTreeMap::new(),
        runbook_sha256: None,
    };
    seen.ended_at = Time(sandbox.ground.look.now());
    if seen.first.outcome == RunOutcome::Refused {
        seen.untouched = Some(sandbox.files()? == before);
        if scenario.expect.outcome == Expected::Refused && !scenario.mend.is_empty() {
            all(sandbox, &scenario.mend, &mut seen.written, watch)?;
            seen.second = Some(recover(sandbox, watch)?);
            seen.ended_at = Time(sandbox.ground.look.now());
        }
    }
    read_records(sandbox, &mut seen);
    prove(sandbox, &mut seen, watch)?;
    Ok(seen)
}

fn all(
    sandbox: &mut Sandbox<'_>,
    deeds: &[Deed],
    written: &mut Written,
    watch: &mut dyn Watch,
) -> Result<(), DrillError> {
    for deed in deeds {
        if watch.stopped() {
            return Err(DrillError::Interrupted);
        }
        sandbox.carry_out(deed, written)?;
        watch.told(&deed.told());
    }
    Ok(())
}

/// `recover --auto`, as a service manager would call it: this very program, in a process of its own.
fn recover(sandbox: &Sandbox<'_>, watch: &mut dyn Watch) -> Result<RunDocument, DrillError> {
    if watch.stopped() {
        return Err(DrillError::Interrupted);
    }
    let ground = sandbox.ground;
    watch.told(&format!("redis-dr recover {INSTANCE} --auto"));
    let program = ground.launcher.display().to_string();
    let config = sandbox.config().display().to_string();
    let argv = [program.as_str(), "recover", INSTANCE, "--auto", "--json", "-q", "-c", config.as_str()];
    let command = Command { cwd: Some(sandbox.root().to_path_buf()), ..Command::new(argv, LONGEST) };
    let output = ground.reins.run(&command)?;
    let mut run: RunDocument = serde_json::from_slice(&output.stdout).map_err(|e| {
        DrillError::sandbox("read the answer of recover --auto", format!("{e}; {}", output.complaint()))
    })?;
    // commands for a sandbox that is about to go
    run.next.clear();
    let state = State::at(sandbox.root().join("state"));
    let open = run.run_id.as_deref().and_then(|id| open_run(&state, ground.look, id).ok());
    watch.recovered(&run, open.as_ref().map(|open| &open.plan));
    Ok(run)
}

/// What the records of the run say beside its document.
fn read_records(sandbox: &Sandbox<'_>, seen: &mut Observed) {
    let state = State::at(sandbox.root().join("state"));
    let Some(id) = seen.last().run_id.clone() else { return };
    let look = sandbox.ground.look;
    let read = |name: &str| look.read(&state.run_path(&id).join(name), 64 << 20).ok();
    seen.assessed_at =
        read("assessment.json").and_then(|bytes| serde_json::from_slice(&bytes).ok()).map(|assessment: Assessment| {
            let took = jiff::SignedDuration::from_millis(i64::try_from(assessment.duration_ms).unwrap_or(i64::MAX));
            Time(assessment.taken_at.0.saturating_add(took).unwrap_or(assessment.taken_at.0))
        });
    let plan: Option<serde_json::Value> = read("plan.json").and_then(|bytes| serde_json::from_slice(&bytes).ok());
    seen.runbook_sha256 = plan.and_then(|plan| plan["runbook_sha256"].as_str().map(String::from));
    let Ok(log) = journal::read(*look, &state.journal_path(&id)) else { return };
    for record in &log.records {
        if let journal::Event::StepStarted { step, .. } = &record.event {
            *seen.tries.entry(step.clone()).or_default() += 1;
        }
    }
}

/// Is everything there that could be, and does it last?
fn prove(sandbox: &mut Sandbox<'_>, seen: &mut Observed, watch: &mut dyn Watch) -> Result<(), DrillError> {
    if seen.last().outcome != RunOutcome::Recovered {
        return Ok(());
    }
    let left: Left = sandbox.compare(&seen.written)?;
    let before = seen.written.moments.last().map_or(0, |m| m.keys);
    let moment = left.moment.and_then(|at| seen.written.moments.get(at));
    let same = match moment.and_then(|m| Some((m.at, m.digest.as_ref()?))) {
        Some((at, digest)) => format!("keys and values as they were at {at} (digest {digest})"),
        None => "not as at any moment before".into(),
    };
    watch.told(&format!("proof: {} keys of {before}, {same}", left.keys));
    seen.left = Some(left);
    let survives = sandbox.survives()?;
    watch.told(&match &survives {
        None => "proof: a write made afterwards survived kill -9, and a restart loads the same".to_string(),
        Some(because) => format!("proof: {because}"),
    });
    seen.survives = Some(survives);
    Ok(())
}
