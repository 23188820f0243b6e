//! `redis-dr plan`: what `recover` would do, exactly; changes nothing.
use super::args::{Format, PlanView, Select};
use super::recover::{World, selection};
use super::{Context, Failure, out};
use crate::facts::Assessment;
use crate::plan::Plan;
use crate::policy;
use crate::recover::{Chosen, planned};
use crate::report::{self, RunDocument, RunOutcome};
use std::path::Path;

/// What is done with a plan once it is made.
#[derive(Debug, Default)]
pub struct How<'a> {
    /// A saved assessment, instead of a look.
    pub facts: Option<&'a Path>,
    /// Where it is written.
    pub output: Option<&'a Path>,
    /// Exit 8 when there is something to do.
    pub exit_code: bool,
    /// In which form.
    pub view: PlanView,
}

/// Makes a plan, shows or writes it.
pub fn run(context: &Context, instance: Option<&str>, select: &Select, how: &How<'_>) -> Result<i32, Failure> {
    let earlier = how.view.diff.as_deref().map(|file| read(context, file)).transpose()?;
    let saved = how.facts.map(|f| read_facts(context, f)).transpose()?;
    let name = instance.map(String::from).or_else(|| saved.as_ref().map(|a| a.instance.clone()));
    let world = match World::new(context, name.as_deref()) {
        // a saved assessment replays anywhere, also where its instance is not configured
        Err(_) if saved.is_some() => {
            World::new(context, Some(saved.as_ref().map_or("", |a| a.facts.instance.address.as_str())))?
        }
        other => other?,
    };
    if how.facts.is_none() {
        world.checks_are_right()?;
    }
    let (assessment, chosen) =
        planned(&world.parts(), &selection(context, select)?, saved).map_err(|(e, h)| Failure::usage(e, h))?;
    match chosen {
        Chosen::Plan(plan) => {
            if let Some(earlier) = &earlier {
                let different = differ(context, &plan, earlier, how.view.format, how.output)?;
                return Ok(if how.exit_code && different { 8 } else { 0 });
            }
            match how.view.format {
                Some(format) => look_at(context, &plan, format, how.output)?,
                None => give(context, &assessment, &plan, how.output)?,
            }
            Ok(if how.exit_code { 8 } else { 0 })
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
pub fn show(context: &Context, file: &Path, view: &PlanView, output: Option<&Path>) -> Result<i32, Failure> {
    let plan = read(context, file)?;
    if let Some(earlier) = &view.diff {
        differ(context, &plan, &read(context, earlier)?, view.format, output)?;
        return Ok(0);
    }
    look_at(context, &plan, view.format.unwrap_or_default(), output)?;
    Ok(0)
}

/// A plan in one of its forms.
fn look_at(context: &Context, plan: &Plan, format: Format, output: Option<&Path>) -> Result<(), Failure> {
    let sheet = || report::plan_sheet(plan, &approval(context, plan));
    let text = match form(context, format) {
        Format::Text => report::plan(plan, width(output)),
        Format::Md => sheet().markdown(),
        Format::Html => sheet().html().map_err(|e| Failure::look(e, "--format md"))?,
        Format::Json => serde_json::to_string_pretty(plan).unwrap_or_default(),
    };
    put(&text, output)
}

/// What is different from an earlier plan; says whether anything is.
fn differ(
    context: &Context,
    plan: &Plan,
    earlier: &Plan,
    format: Option<Format>,
    output: Option<&Path>,
) -> Result<bool, Failure> {
    let difference = plan.difference(earlier);
    let sheet = || report::difference_sheet(&difference);
    let text = match form(context, format.unwrap_or_default()) {
        Format::Text => report::difference(&difference, width(output)),
        Format::Md => sheet().markdown(),
        Format::Html => sheet().html().map_err(|e| Failure::look(e, "--format md"))?,
        Format::Json => serde_json::to_string_pretty(&difference).unwrap_or_default(),
    };
    put(&text, output)?;
    Ok(!difference.changes.is_empty())
}

/// `--json` is the form of a program.
fn form(context: &Context, format: Format) -> Format {
    if context.global.json { Format::Json } else { format }
}

fn width(output: Option<&Path>) -> report::Width {
    output.map_or_else(out::width, |_| report::Width::unlimited())
}

/// Writes a text to a file, or to standard output.
pub(super) fn put(text: &str, output: Option<&Path>) -> Result<(), Failure> {
    match output {
        Some(path) if path != Path::new("-") => write_private(path, text.as_bytes()),
        _ => {
            out::line(text.trim_end());
            Ok(())
        }
    }
}

/// Who may let it run, as far as the config knows its instance.
fn approval(context: &Context, plan: &Plan) -> report::Approval {
    let instance = context.config.as_ref().and_then(|c| c.instances.get(&plan.instance));
    let beyond = instance.map(|i| {
        let all = policy::refusals(&i.policy, plan.risk, plan.recovery_point(), plan.restores(), 0);
        all.into_iter().map(|r| r.because).collect()
    });
    report::Approval {
        rto: instance.and_then(|i| i.objectives.rto),
        rpo: instance.and_then(|i| i.objectives.rpo),
        beyond,
        contact: instance.and_then(|i| i.contact.clone()),
        apply: context.command("apply PLAN.json"),
    }
}
