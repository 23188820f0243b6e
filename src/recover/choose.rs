//! Assess, decide, and settle on runbook, point and plan.
use super::{Person, World};
use crate::assess::{self, Assessed, Depth, Wanted};
use crate::facts::{Assessment, Outcome, Point, Topology};
use crate::host::Kind;
use crate::plan::{self, Plan};
use crate::playbook::{self, Choice, Playbook, Shelves};
use crate::points::{Prefer, known_empty};
use crate::report::RunOutcome;
use crate::runbook::{self, Library, Runbook};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What was asked for on the command line.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The playbook; `triage` when left out.
    pub playbook: Option<String>,
    /// The runbook, without asking the tree.
    pub runbook: Option<String>,
    /// Its parameters.
    pub params: BTreeMap<String, String>,
    /// Ranking of the points.
    pub prefer: Prefer,
    /// The point's id.
    pub point: Option<String>,
    /// A snapshot in hand.
    pub point_file: Option<PathBuf>,
    /// Only what can be seen at once.
    pub quick: bool,
    /// When it broke.
    pub incident_at: Option<crate::facts::Time>,
    /// How long this call has watched the server wait without any progress.
    pub unchanged_for: crate::facts::Seconds,
}

/// How choosing ended.
pub enum Chosen {
    /// There is a plan.
    Plan(Box<Plan>),
    /// There is none, and why.
    No {
        /// healthy, waiting or refused.
        outcome: RunOutcome,
        /// Why.
        because: String,
        /// What to do.
        hint: String,
    },
    /// What was asked for does not exist or is not valid.
    Usage {
        /// What is wrong.
        because: String,
        /// What to do.
        hint: String,
    },
}

impl Chosen {
    fn no(outcome: RunOutcome, because: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::No { outcome, because: because.into(), hint: hint.into() }
    }

    fn usage(because: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { because: because.into(), hint: hint.into() }
    }
}

/// Looks, and lets the playbook decide. `person` answers rules that came out unknown.
///
/// # Errors
/// The playbook does not exist or is not valid.
pub fn choose(
    world: &World<'_>,
    selection: &Selection,
    saved: Option<Assessment>,
    mut person: Option<&mut dyn Person>,
) -> Result<(Assessed, Playbook), String> {
    let id = selection.playbook.as_deref().unwrap_or("triage");
    let (runbooks, playbooks) = (world.runbooks, world.playbooks);
    let look = || match saved {
        Some(document) => Assessed {
            document,
            effective: Default::default(),
            seen: Default::default(),
            endpoint: world.target.endpoint.clone(),
        },
        None => world.assess(&Wanted {
            depth: depth(selection),
            prefer: selection.prefer,
            incident_at: selection.incident_at,
            moment: moment_of(selection),
            unchanged_for: selection.unchanged_for,
            point_files: selection.point_file.iter().cloned().collect(),
        }),
    };
    // the playbook, with every runbook that it may end in, is checked while the instance is looked at
    let (playbook, mut assessed) = std::thread::scope(|scope| {
        let playbook = scope.spawn(move || playbook_of(runbooks, playbooks, id));
        let assessed = look();
        (playbook.join(), assessed)
    });
    let playbook = playbook.map_err(|_| format!("reading the playbook {id} broke off: a defect in redis-dr"))??;
    let assessment = &mut assessed.document;
    if let Some(person) = person.as_deref_mut()
        && assessment.facts.replication.evidence == Some(true)
        && assessment.facts.instance.topology == Topology::Unknown
        && person.standalone(&assessment.facts.replication.because)
    {
        assessment.facts.instance.topology = Topology::Standalone;
    }
    let facts = serde_json::to_value(&assessment.facts).unwrap_or_default();
    let mut choice = Choice { point: selection.point.clone(), ..Choice::default() };
    let mut decision = playbook::decide(&playbook, &facts, &assessment.points, &choice);
    if let Some(person) = person {
        for _ in 0..20 {
            let Some(open) = playbook::open_question(&decision) else {
                break;
            };
            let Some(yes) = person.rule(&open.rule, &format!("{} ({})", open.because, open.evidence)) else {
                break;
            };
            choice.answers.insert(open.rule.clone(), yes);
            decision = playbook::decide(&playbook, &facts, &assessment.points, &choice);
        }
    }
    assessment.decision = Some(decision);
    Ok((assessed, playbook))
}

fn playbook_of(runbooks: &Library, playbooks: &Library, id: &str) -> Result<Playbook, String> {
    let Some(source) = playbooks.get(id) else {
        let near = playbooks.nearest(id).map(|n| format!("; did you mean {n}?")).unwrap_or_default();
        return Err(format!("there is no playbook {id}{near}"));
    };
    let (runbooks, playbooks) = (|id: &str| runbooks.get(id).cloned(), |id: &str| playbooks.get(id).cloned());
    let shelves = Shelves { runbooks: &runbooks, playbooks: &playbooks };
    playbook::load(&source.text, &source.file, &shelves)
        .map_err(|diags| crate::yaml::render(&diags, &source.file, &source.text))
}

/// The runbook of this id, checked.
///
/// # Errors
/// There is none, or it is not valid; the text says where.
pub(super) fn runbook_of(world: &World<'_>, id: &str) -> Result<Runbook, String> {
    let Some(source) = world.runbooks.get(id) else {
        let near = world.runbooks.nearest(id).map(|n| format!("; did you mean {n}?")).unwrap_or_default();
        return Err(format!("there is no runbook {id}{near}"));
    };
    runbook::load(&source.text, &source.file, &|other| world.runbooks.get(other).cloned())
        .map_err(|diags| crate::yaml::render(&diags, &source.file, &source.text))
}

/// From an assessment to a plan: the runbook and point asked for, else those the tree chose.
#[must_use]
pub fn settle(world: &World<'_>, selection: &Selection, assessed: &Assessed, playbook: &Playbook) -> Chosen {
    let assessment = &assessed.document;
    let by_hand = selection.runbook.is_some() || selection.point.is_some() || selection.point_file.is_some();
    let decision = assessment.decision.as_ref();
    if !by_hand && let Some(d) = decision {
        match d.outcome {
            Outcome::Runbook => {}
            Outcome::Healthy => return Chosen::no(RunOutcome::Healthy, &d.because, ""),
            Outcome::Wait => {
                return Chosen::no(RunOutcome::Waiting, &d.because, "look again in a moment");
            }
            Outcome::NeedsHuman => {
                return Chosen::no(RunOutcome::Refused, &d.because, hint_of(world, assessment));
            }
        }
    }
    let point = match wanted(selection, assessment) {
        Ok(point) => point,
        Err((because, hint)) => return Chosen::usage(because, hint),
    };
    // The tree was asked about this very point: its runbook knows more than the kind (a manifest to be rebuilt first).
    let chosen = decision.filter(|d| point.is_none_or(|p| d.point.as_ref() == Some(&p.id)));
    let id = match (&selection.runbook, point, chosen.and_then(|d| d.runbook.clone())) {
        (Some(id), ..) => id.clone(),
        (None, Some(point), _) if point.id.starts_with(AT) => TO_TIME.to_string(),
        (None, Some(_), Some(id)) => id,
        (None, Some(point), _) => match playbook.runbook_for(point) {
            Some(id) => id.to_string(),
            None => {
                return Chosen::no(
                    RunOutcome::Refused,
                    format!("no runbook serves {}", point.id),
                    "choose one: --runbook",
                );
            }
        },
        (None, None, Some(id)) => id,
        (None, None, None) => {
            return Chosen::no(RunOutcome::Refused, "no rule chose a runbook", "choose one: --runbook");
        }
    };
    let runbook = match runbook_of(world, &id) {
        Ok(runbook) => runbook,
        Err(text) => {
            return Chosen::usage(
                text,
                "redis-dr runbook list; one's own are found in the directories under `runbooks` in the config",
            );
        }
    };
    let point = match pick_point(&runbook, point, assessment) {
        Ok(point) => point,
        Err(because) => {
            return Chosen::no(RunOutcome::Refused, because, "redis-dr points shows what there is");
        }
    };
    make_plan(world, selection, assessed, &runbook, point)
}

/// The point asked for, by its id, as a file in hand, or as a moment; else what is wrong with what was asked, and what to
/// ask.
fn wanted<'a>(selection: &Selection, assessment: &'a Assessment) -> Result<Option<&'a Point>, (String, String)> {
    let in_hand = || selection.point_file.as_ref().map(|p| format!("file:{}", p.display()));
    let moment = || moment_of(selection).map(|moment| format!("{AT}{moment}"));
    let Some(id) = selection.point.clone().or_else(in_hand).or_else(moment) else {
        return Ok(None);
    };
    if let Some(moment) = id.strip_prefix(AT)
        && let Err(because) = moment.parse::<crate::aof::resp::Until>()
    {
        return Err((because, "such as --param at=2026-11-21T03:12:00Z, at=tag:NAME or at=offset:BYTES".into()));
    }
    let found = assessment.points.iter().find(|p| p.id == id);
    found.map(Some).ok_or_else(|| {
        let ids: Vec<&str> = assessment.points.iter().map(|p| p.id.as_str()).collect();
        (format!("there is no recovery point {id}"), format!("there are {}", ids.join(", ")))
    })
}

/// What a person may do where the tree ends without a runbook: what the worst finding advises, `recover` itself aside.
fn hint_of(world: &World<'_>, assessment: &Assessment) -> String {
    if assessment.facts.instance.paused == Some(true) {
        return world.command(&format!("pause {} --off", world.name()));
    }
    let server = &assessment.facts.server;
    let no_point = !assessment.points.iter().any(|p| p.usable() && !known_empty(p));
    if no_point && (server.answers != Some(true) || server.data_empty == Some(true)) {
        let command = format!("redis-dr recover {} --runbook rebuild-from-source --param file=PATH", world.name());
        let program = "or --param command='[\"psql\", …]'";
        let rebuild = format!("{} ({program}) loads the data from another system", world.carried(&command));
        if let Some(kept) = super::kept::newest(world) {
            return format!("a snapshot that {} saved can be had back: {}; {rebuild}", kept.run, kept.commands(world));
        }
        if world.state.run_ids().is_ok_and(|ids| !ids.is_empty()) {
            return format!("{} shows what earlier runs saved; {rebuild}", world.command("vault list"));
        }
        return rebuild;
    }
    let hints = assessment.findings.iter().map(|f| f.hint.as_str());
    let recovers = |h: &&str| h.starts_with(&world.carried("redis-dr recover"));
    hints.filter(|h| !recovers(h)).find(|h| !h.is_empty()).unwrap_or_default().to_string()
}

/// The point a runbook works on: the one asked for, the decision's, else the best of the kinds that it takes.
fn pick_point<'a>(
    runbook: &Runbook,
    asked: Option<&'a Point>,
    assessment: &'a Assessment,
) -> Result<Option<&'a Point>, String> {
    if runbook.point_kinds().is_none() {
        return Ok(None);
    }
    if let Some(point) = asked {
        if !runbook.takes(point.kind) {
            return Err(format!("{} does not take a point such as {}", runbook.id, point.id));
        }
        return Ok(Some(point));
    }
    let decided = assessment.decision.as_ref().and_then(|d| d.point.clone());
    let decided = assessment.points.iter().find(|p| Some(&p.id) == decided.as_ref() && runbook.takes(p.kind));
    match decided.or_else(|| assessment.points.iter().find(|p| p.usable() && runbook.takes(p.kind))) {
        Some(point) => Ok(Some(point)),
        None => Err(format!("there is no usable recovery point that {} takes", runbook.id)),
    }
}

fn make_plan(
    world: &World<'_>,
    selection: &Selection,
    assessed: &Assessed,
    runbook: &Runbook,
    point: Option<&Point>,
) -> Chosen {
    let mut given = selection.params.clone();
    given.remove("point");
    let decided = assessed.document.decision.as_ref().filter(|d| d.runbook.as_deref() == Some(runbook.id.as_str()));
    let decided = decided.map(|d| d.params.clone()).unwrap_or_default();
    let params = match runbook.bind_params(&given, &decided) {
        Ok(params) => params,
        Err(errors) => {
            let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
            return Chosen::usage(text.join("; "), errors.first().map(|e| e.hint.clone()).unwrap_or_default());
        }
    };
    let assessment = &assessed.document;
    let none = |_: &str| crate::assess::Earlier::default();
    let rates = world.assessor(&none).rates();
    let site = match assess::site(world.look, world.target, assessed, world.state.dir(), point.cloned(), &rates) {
        Ok(site) => site,
        Err(refusal) => return Chosen::no(RunOutcome::Refused, refusal.because, refusal.hint),
    };
    let mut fingerprint = plan::take_fingerprint(world.look, &assessment.facts, &site, point);
    fingerprint.runbook_digest = blake3::hash(runbook.text.as_bytes()).to_hex().to_string();
    let look = world.look;
    let files = |path: &Path| -> Vec<(PathBuf, u64)> {
        match look.stat(path) {
            Ok(stat) if stat.kind == Kind::Directory => {
                let mut files = look.list(path).unwrap_or_default();
                files.retain(|e| e.stat.kind == Kind::File);
                files.into_iter().map(|e| (path.join(e.name), e.stat.size)).collect()
            }
            Ok(stat) => vec![(path.to_path_buf(), stat.size)],
            Err(_) => Vec::new(),
        }
    };
    let listed = crate::action::listed(look, &site);
    let input = plan::Input {
        assessment,
        runbook,
        params,
        point,
        site,
        fingerprint,
        files: &files,
        listed,
        now: crate::facts::Time(look.now()),
    };
    match plan::build(input) {
        Ok(mut plan) => {
            let reads = plan.reads();
            plan.fingerprint.also(look, &reads);
            Chosen::Plan(Box::new(plan.sealed()))
        }
        Err(e) => Chosen::no(RunOutcome::Refused, e.to_string(), e.hint()),
    }
}

/// What the ids of points begin with that are the AOF at a moment.
const AT: &str = "aof-at:";

/// The moment that the AOF is to be cut at: of a point's id, of `--param at=…`, else of `--incident-at` with the runbook
/// that goes back to a moment.
fn moment_of(selection: &Selection) -> Option<String> {
    if let Some(moment) = selection.point.as_deref().and_then(|id| id.strip_prefix(AT)) {
        return Some(moment.to_string());
    }
    if selection.runbook.as_deref() != Some(TO_TIME) {
        return None;
    }
    let time = |time: crate::facts::Time| format!("time:{}", time.0.as_second());
    match selection.params.get("at").filter(|at| !at.is_empty()) {
        Some(at) => Some(at.parse::<jiff::Timestamp>().map_or_else(|_| at.clone(), |at| time(crate::facts::Time(at)))),
        None => selection.incident_at.map(time),
    }
}

/// The runbook that goes back to a moment.
const TO_TIME: &str = "restore-to-time";

/// A point, runbook or playbook asked for by name must be known in full, also on a server that is well.
fn depth(selection: &Selection) -> Depth {
    if selection.quick {
        Depth::Quick
    } else if [&selection.point, &selection.runbook, &selection.playbook].iter().any(|given| given.is_some())
        || selection.point_file.is_some()
    {
        Depth::Full
    } else {
        Depth::Usual
    }
}
