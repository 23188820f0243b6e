//! `redis-dr plan`: what `recover` would do, exactly; changes nothing.
use super::args::Select;
use super::recover::{World, selection};
use super::{Context, Failure, out};
use crate::facts::Assessment;
use crate::plan::Plan;
use crate::recover::{Chosen, planned};
use crate::report::{self, RunDocument, RunOutcome};
use std::path::Path;

/// Makes a plan, shows or writes it.
pub fn run(
    context: &Context,
    instance: Option<&str>,
    select: &Select,
    facts: Option<&Path>,
    output: Option<&Path>,
    exit_code: bool,
) -> Result<i32, Failure> {
    let saved = facts.map(|f| read_facts(context, f)).transpose()?;
    let name = instance.map(String::from).or_else(|| saved.as_ref().map(|a| a.instance.clone()));
    let world = match World::new(context, name.as_deref()) {
        // a saved assessment replays anywhere, also where its instance is not configured
        Err(_) if saved.is_some() => {
            World::new(context, Some(saved.as_ref().map_or("", |a| a.facts.instance.address.as_str())))?
        }
        other => other?,
    };
    let (assessment, chosen) =
        planned(&world.parts(), &selection(context, select)?, saved).map_err(|(e, h)| Failure::usage(e, h))?;
    match chosen {
        Chosen::Plan(plan) => {
            give(context, &assessment, &plan, output)?;
            Ok(if exit_code { 8 } else { 0 })
        }
        Chosen::No { outcome, because, hint } => {
            let mut doc = RunDocument::without_run(&assessment.instance, outcome, because, hint);
            doc.severity = Some(assessment.severity);
            doc.findings.clone_from(&assessment.findings);
            doc.decision.clone_from(&assessment.decision);
            world.parts().finish(&mut doc);
            if context.global.json {
                out::json(&doc);
            } else {
                out::line(&report::assessment(
                    &assessment,
                    &context.where_from(),
                    context.global.verbose > 0,
                    out::width(),
                ));
                out::line(&report::run(&doc, out::width()));
            }
            Ok(if outcome == RunOutcome::Healthy { 0 } else { 3 })
        }
        Chosen::Usage { because, hint } => Err(Failure::usage(because, hint)),
    }
}

fn give(context: &Context, assessment: &Assessment, plan: &Plan, output: Option<&Path>) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(plan).unwrap_or_default();
    match output {
        Some(path) if path == Path::new("-") => out::line(&text),
        Some(path) => {
            write_private(path, text.as_bytes())?;
            if context.global.json {
                out::json(plan);
            } else {
                out::line(&report::plan(plan, out::width()));
                out::line(&format!(
                    "Written to {}. Next: {}",
                    path.display(),
                    context.command(&format!("apply {}", path.display()))
                ));
            }
        }
        None if context.global.json => out::json(plan),
        None => {
            out::line(&report::assessment(assessment, &context.where_from(), context.global.verbose > 0, out::width()));
            out::line(&report::plan(plan, out::width()));
            out::line("Nothing has been changed.");
        }
    }
    Ok(())
}

/// Replaces a file at one instant, mode 0600.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    crate::host::write_private(path, bytes)
        .map_err(|e| Failure::of(if e.is_full() { 1 } else { 2 }, e, "give another path to -o"))
}

fn read_facts(context: &Context, file: &Path) -> Result<Assessment, Failure> {
    let text = context.look.read(file, 64 << 20).map_err(Failure::file)?;
    serde_json::from_slice(&text).map_err(|e| {
        Failure::usage(format!("{} is not a saved assessment: {e}", file.display()), "make one: redis-dr assess --json")
    })
}

/// Reads a plan from a file, and proves that nobody changed it.
pub fn read(context: &Context, file: &Path) -> Result<Plan, Failure> {
    super::context::trusted(&context.look, file)?;
    let text = context.look.read(file, 64 << 20).map_err(Failure::file)?;
    Ok(Plan::read(&text)?)
}

/// `plan show FILE`.
pub fn show(context: &Context, file: &Path) -> Result<i32, Failure> {
    let plan = read(context, file)?;
    if context.global.json {
        out::json(&plan);
    } else {
        out::line(&report::plan(&plan, out::width()));
    }
    Ok(0)
}
