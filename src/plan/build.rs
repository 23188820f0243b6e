//! From runbook, facts and point to a plan. Pure: sizes and the fingerprint come from the caller.
use super::copies::{Files, found_whole};
use super::{Fingerprint, Gate, Plan, PlanEstimate, PlannedStep, SCHEMA, sha256_hex};
use crate::action::{Action, Effects, Estimate, Site};
use crate::aof::manifest::Manifest;
use crate::expr::Truth;
use crate::facts::{Assessment, Bytes, Facts, Point, Seconds, Time};
use crate::runbook::{self, Runbook, STEPS};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The file is no plan, or of another version.
    #[error("this is not a plan that can be carried out: {because}")]
    NotAPlan {
        /// What is wrong.
        because: String,
    },
    /// Somebody changed it.
    #[error("the plan was changed after it was made: it says digest {stated}, its content has {actual}")]
    Edited {
        /// The digest in the file.
        stated: String,
        /// The digest of its content.
        actual: String,
    },
    /// A requirement of the runbook is not met.
    #[error("{runbook} can't be used here: {because}")]
    Refused {
        /// Which runbook.
        runbook: String,
        /// Which requirement, and the facts.
        because: String,
    },
    /// A parameter can't be resolved.
    #[error("step {step} can't be planned: {because}")]
    Step {
        /// Which step.
        step: String,
        /// Why.
        because: String,
        /// What to do.
        hint: String,
    },
}

impl PlanError {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotAPlan { .. } | Self::Edited { .. } => {
                "make a new plan: redis-dr plan INSTANCE -o plan.json".into()
            }
            Self::Refused { .. } => "choose another recovery point: redis-dr points".into(),
            Self::Step { hint, .. } => hint.clone(),
        }
    }

    /// 2 for a file that is not valid, 3 where a person must decide.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::NotAPlan { .. } | Self::Edited { .. } => 2,
            Self::Refused { .. } | Self::Step { .. } => 3,
        }
    }
}

/// What a plan is made of.
pub struct Input<'a> {
    /// Facts, findings, points.
    pub assessment: &'a Assessment,
    /// The runbook.
    pub runbook: &'a Runbook,
    /// Its parameters, points aside.
    pub params: Map<String, Value>,
    /// The point, where the runbook takes one.
    pub point: Option<&'a Point>,
    /// The site, without point and estimates.
    pub site: Site,
    /// What the plan relies on.
    pub fingerprint: Fingerprint,
    /// A path's file, or the files of a directory, with their sizes in bytes; nothing where nothing can be seen.
    pub files: &'a dyn Fn(&Path) -> Vec<(PathBuf, u64)>,
    /// The manifest of the AOF, where there is one that can be read.
    pub listed: Option<Manifest>,
    /// The moment of planning.
    pub now: Time,
}

/// Makes the plan.
///
/// # Errors
/// A requirement that is not met or can't be known, or a parameter that reads an unknown fact.
pub fn build(input: Input<'_>) -> Result<Plan, PlanError> {
    // Gates are stored as text and asked by whoever carries the plan out: no parameter may be left in them.
    let runbook = &input.runbook.settle(&input.params);
    let mut site = input.site;
    site.point = input.point.cloned();
    site.estimate = estimate(input.point);
    let facts = &input.assessment.facts;
    let scope = scope(input.assessment, &site, &input.params);
    let refused = |because: String| PlanError::Refused { runbook: runbook.id.clone(), because };
    required(runbook, &scope).map_err(refused)?;
    let mut files = Files::new(&site, input.files, input.listed, found_whole(input.point, &input.fingerprint));
    let mut steps: Vec<PlannedStep> = Vec::new();
    let mut no_return = None;
    for step in &runbook.steps {
        let (planned, effects) = plan_step(step, &site, &scope, &mut files)?;
        if effects.opens && planned.skipped().is_none() && no_return.is_none() {
            no_return = Some(step.id.clone());
        }
        steps.push(planned);
    }
    let copy_bytes = copied(&steps);
    let free_after = room(&steps, &site, input.point, facts, copy_bytes).map_err(refused)?;
    let plan = Plan {
        schema: SCHEMA.into(),
        digest: String::new(),
        instance: input.assessment.instance.clone(),
        runbook: runbook.id.clone(),
        runbook_sha256: sha256_hex(runbook.text.as_bytes()),
        title: runbook.title.clone(),
        risk: runbook.risk,
        point: input.point.map(|p| p.id.clone()),
        estimate: PlanEstimate {
            downtime_seconds: Some(downtime(&steps, &site, input.point, facts.server.answers)),
            loss_seconds: input.point.and_then(|p| p.loss_seconds),
            copy_bytes,
            free_bytes_after: free_after,
        },
        fingerprint: input.fingerprint,
        point_of_no_return: no_return,
        require: runbook.require.iter().map(|g| gate(g, &scope)).collect(),
        steps,
        recovered: runbook.recovered.iter().map(|g| gate(g, &scope)).collect(),
        params: input.params,
        site,
        made_at: input.now,
        because: input.assessment.decision.as_ref().map(|d| d.because.clone()).unwrap_or_default(),
    };
    Ok(plan.sealed())
}

/// Whether all that the runbook requires is so; else what is not, with what is known of it.
fn required(runbook: &Runbook, scope: &Value) -> Result<(), String> {
    for gate in &runbook.require {
        let because = || gate.because.as_ref().map(|t| t.show(scope)).unwrap_or_default();
        match gate.truth(scope) {
            Truth::True => {}
            Truth::False => return Err(format!("{} ({})", because(), gate.evidence(scope))),
            Truth::Unknown(u) => return Err(format!("{} (unknown: {u})", because())),
        }
    }
    Ok(())
}

/// The bytes of the safety copies that are no links.
fn copied(steps: &[PlannedStep]) -> Bytes {
    let copies = steps.iter().filter(|s| s.skipped().is_none()).flat_map(|s| &s.safety_copies);
    Bytes(copies.filter(|c| c.how == "copy").filter_map(|c| c.bytes).map(|b| b.0).sum())
}

/// The free bytes that will be left, where the free bytes are known; else why there are too few.
fn room(
    steps: &[PlannedStep],
    site: &Site,
    point: Option<&Point>,
    facts: &Facts,
    copies: Bytes,
) -> Result<Option<Bytes>, String> {
    let needed = needs(steps, point, facts, copies);
    let Some(free) = facts.disk.free.map(|f| Bytes(f.0 + frees(steps, site).0)) else {
        return Ok(None);
    };
    if free < needed {
        return Err(format!("it needs {needed} of free space, there are {free}"));
    }
    Ok(Some(Bytes(free.0.saturating_sub(needed.0))))
}

/// How long clients are not served: bringing the point back, and what a private server loads meanwhile to prove it. Before
/// a server that answers is stopped, such a load keeps nobody waiting.
fn downtime(steps: &[PlannedStep], site: &Site, point: Option<&Point>, answers: Option<bool>) -> Seconds {
    let steps = || steps.iter().filter(|s| s.skipped().is_none());
    let stops = |s: &PlannedStep| s.action == "service.stop" || s.action == "service.restart";
    let from = if answers == Some(true) { steps().position(stops).unwrap_or(usize::MAX) } else { 0 };
    let loads = steps().skip(from).filter(|s| s.with["load"] == true).count();
    let back = point.and_then(|p| p.recover_seconds).unwrap_or(Seconds(1.0));
    #[allow(clippy::cast_precision_loss)]
    Seconds(back.0 + site.estimate.load.0 * loads as f64)
}

/// What the steps write on the data's filesystem: the point's bytes where it is restored, and the safety copies, which
/// are elsewhere while that filesystem is full.
fn needs(steps: &[PlannedStep], point: Option<&Point>, facts: &Facts, copies: Bytes) -> Bytes {
    let restores = crate::policy::restores(carried_out(steps).filter(|action| *action != "service.kill"));
    let written = point.filter(|_| restores).and_then(|p| p.bytes).map_or(0, |b| b.0);
    let copies = if facts.disk.full == Some(true) { 0 } else { copies.0 };
    Bytes(written + copies)
}

/// What the steps free there.
fn frees(steps: &[PlannedStep], site: &Site) -> Bytes {
    if carried_out(steps).any(|action| action == "disk.free") {
        return Bytes(site.leftovers.iter().map(|l| l.bytes.0).sum());
    }
    Bytes(0)
}

fn carried_out(steps: &[PlannedStep]) -> impl Iterator<Item = &str> {
    steps.iter().filter(|s| s.skipped().is_none()).map(|s| s.action.as_str())
}

fn plan_step(
    step: &runbook::Step,
    site: &Site,
    scope: &Value,
    files: &mut Files<'_>,
) -> Result<(PlannedStep, Effects), PlanError> {
    let fail = |because: String, hint: &str| PlanError::Step { step: step.id.clone(), because, hint: hint.into() };
    let action = step.action.resolve(scope).map_err(|e| fail(e.to_string(), e.hint()))?;
    let mut verdict = "run".to_string();
    if let Some(only_if) = &step.only_if {
        match only_if.truth(scope) {
            Truth::True => {}
            Truth::False => verdict = format!("skip: {}", only_if.explain(scope)),
            Truth::Unknown(u) => {
                let hint = "redis-dr assess shows which facts are unknown and why";
                return Err(fail(format!("its condition is unknown: {u}"), hint));
            }
        }
    }
    let effects = action.act().effects(site);
    let planned = PlannedStep {
        id: step.id.clone(),
        title: step.title.settled(scope, STEPS),
        action: action.name().into(),
        with: parameters(&action),
        reads: action.act().reads().iter().map(|path| files.read(path)).collect(),
        changes: effects.changes.clone(),
        safety_copies: effects.saves.iter().flat_map(|s| files.copies(s)).collect(),
        gates: step.before.iter().map(|g| gate(g, scope)).collect(),
        gates_after: step.after.iter().map(|g| gate(g, scope)).collect(),
        undo: effects.undo_text.clone(),
        verdict,
        may_skip: step.may_skip,
        retry: step.retry,
        on_failure: step.on_failure,
    };
    if planned.skipped().is_none() {
        files.after(&action);
    }
    Ok((planned, effects))
}

fn parameters(action: &Action) -> Value {
    match serde_json::to_value(action) {
        Ok(Value::Object(map)) => map.into_iter().next().map(|(_, v)| v).unwrap_or(Value::Null),
        _ => Value::Null,
    }
}

fn gate(gate: &runbook::Gate, scope: &Value) -> Gate {
    Gate {
        that: gate.that.source().to_string(),
        because: gate.because.as_ref().map(|t| t.settled(scope, STEPS)).unwrap_or_default(),
        within: gate.within,
        every: gate.every,
    }
}

/// Facts, point, parameters and estimates as one JSON object.
fn scope(assessment: &Assessment, site: &Site, params: &Map<String, Value>) -> Value {
    let mut scope = serde_json::to_value(&assessment.facts).unwrap_or_default();
    if let Some(map) = scope.as_object_mut() {
        let point = serde_json::to_value(&site.point).unwrap_or_default();
        let mut params = params.clone();
        params.insert("point".into(), point.clone());
        map.insert("point".into(), point);
        map.insert("params".into(), Value::Object(params));
        map.insert("estimate".into(), serde_json::to_value(site.estimate).unwrap_or_default());
    }
    scope
}

/// Conservative throughputs; the plan says that these are estimates.
fn estimate(point: Option<&Point>) -> Estimate {
    #[allow(clippy::cast_precision_loss)]
    let bytes = point.and_then(|p| p.bytes).map_or(0.0, |b| b.0 as f64);
    Estimate {
        load: point.and_then(|p| p.recover_seconds).unwrap_or(Seconds(1.0 + bytes / 100e6)),
        rewrite: Seconds(1.0 + bytes / 60e6),
        copy: Seconds(bytes / 500e6),
    }
}
