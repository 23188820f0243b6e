//! `redis-dr runs`: list, show, carry on, take back, report, prune.
use super::args::{Format, RunsCommand};
use super::recover::{World, person, tell};
use super::{Context, Failure, out, plan, signals};
use crate::facts::{Seconds, Time};
use crate::journal;
use crate::recover::{self, Consent, OpenRun, Way, continue_run, of_run, open_run, take_in};
use crate::report::{self, RunDocument, RunOutcome, RunsDocument, RunsRow};
use crate::state::StateError;
use std::io::IsTerminal;
use std::path::Path;

/// Stopped part-way, whatever it was: the exit code where a run to go on with can't be opened.
const UNFINISHED: i32 = 4;

/// One of the commands.
pub fn run(context: &Context, command: RunsCommand) -> Result<i32, Failure> {
    match command {
        RunsCommand::List => list(context),
        RunsCommand::Show { run } => show(context, run.as_deref()),
        RunsCommand::Resume { run, auto } => go_on(context, run.as_deref(), Way::Resume, auto, None),
        RunsCommand::Rollback { run, auto, confirm, discard_writes, journal } => {
            let run = match journal {
                Some(file) => Some(from_journal(context, &file)?),
                None => run,
            };
            go_on(context, run.as_deref(), Way::RollBack { discard_writes }, auto, confirm)
        }
        RunsCommand::Report { run, format, output } => report_run(context, run.as_deref(), format, output.as_deref()),
        RunsCommand::Prune { older_than, yes } => prune(context, &older_than, yes),
    }
}

/// The run asked for; `default` when none was.
fn find(context: &Context, wanted: Option<&str>, default: &str) -> Result<String, Failure> {
    Ok(context.state.find_run(wanted.unwrap_or(default))?)
}

/// The one unfinished run, or the one asked for, opened. One that can't be read may be unfinished: that is no usage error.
fn unfinished(context: &Context, wanted: Option<&str>) -> Result<(String, OpenRun), Failure> {
    let open = |id: &str| open_run(&context.state, &context.look, id);
    let ids = context.state.run_ids().map_err(cannot_look)?;
    if let Some(wanted) = wanted {
        let id = context.state.find_run(wanted)?;
        let run = open(&id).map_err(|because| unread(&id, &because))?;
        return Ok((id, run));
    }
    let (mut found, mut unreadable) = (Vec::new(), None);
    for id in ids.into_iter().filter(|id| began(context, id)) {
        match open(&id).and_then(|run| Ok((run.log.status().map_err(|e| e.to_string())?.unfinished(), run))) {
            Ok((true, run)) => found.push((id, run)),
            Ok((false, _)) => {}
            Err(because) => unreadable = Some(unread(&id, &because)),
        }
    }
    match (found.len(), found.pop(), unreadable) {
        (1, Some(one), _) => Ok(one),
        (0, _, Some(failure)) => Err(failure),
        (0, ..) | (_, None, _) => Err(Failure::usage("no run is unfinished", "redis-dr runs list shows all; name one")),
        (many, Some(last), _) => {
            let ids: Vec<String> = found.into_iter().chain([last]).map(|(id, _)| id).collect();
            Err(Failure::usage(format!("{many} runs are unfinished: {}", ids.join(", ")), "name one"))
        }
    }
}

/// Has a run a first line? A crash before it leaves a journal of a run that never began.
fn began(context: &Context, id: &str) -> bool {
    let log = journal::read(context.look, &context.state.journal_path(id));
    !matches!(log, Err(journal::JournalError::NeverBegan { .. }))
}

fn unread(id: &str, because: &str) -> Failure {
    Failure::new(
        UNFINISHED,
        format!("run {id} can't be opened, and may not be finished: {because}"),
        "mend that, then try again; or, with a copy of its journal: redis-dr runs rollback --journal FILE --state-dir DIR",
    )
}

fn cannot_look(error: StateError) -> Failure {
    let hint = error.hint();
    Failure::of(UNFINISHED, error, hint)
}

/// The run of a copy of a journal; taken into the state directory where it is not known there.
fn from_journal(context: &Context, file: &Path) -> Result<String, Failure> {
    let file = std::path::absolute(file).unwrap_or(file.to_path_buf());
    take_in(&context.state, &context.look, &file)
        .map_err(|e| Failure::usage(format!("{}: {e}", file.display()), "give another copy of it, or --state-dir DIR"))
}

fn document(context: &Context, id: &str) -> Result<RunDocument, Failure> {
    let again = || context.command("runs list");
    let mut doc = of_run(&context.state, &context.look, id).map_err(|e| Failure::look(e, again()))?;
    doc.next = recover::next(&doc, &context.commands());
    doc.hint = context.commands().carried(&doc.hint, Some(&doc.instance));
    if doc.outcome == RunOutcome::Recovered {
        doc.next.push(context.command(&format!("runs rollback {id} --discard-writes")));
    }
    Ok(doc)
}

fn list(context: &Context) -> Result<i32, Failure> {
    let mut rows = Vec::new();
    for id in context.state.run_ids()? {
        let Ok(doc) = of_run(&context.state, &context.look, &id) else {
            out::note(&format!("{id}: its journal or plan is damaged"));
            continue;
        };
        rows.push(RunsRow {
            run_id: id,
            instance: doc.instance,
            runbook: doc.runbook.unwrap_or_default(),
            outcome: doc.outcome,
            started_at: doc.started_at,
            ended_at: doc.ended_at,
        });
    }
    let document = RunsDocument { schema: "redis-dr/runs/1".into(), runs: rows };
    if context.global.json {
        out::json(&document);
        return Ok(0);
    }
    if document.runs.is_empty() {
        out::line("no runs");
    }
    for row in &document.runs {
        // the id begins with the moment
        let took = row.ended_at.zip(row.started_at).map_or(String::new(), |(end, start)| end.since(start).to_string());
        let instance = report::clean(&row.instance);
        out::line(&format!("{:<42} {instance:<16} {:<12} {took}", row.run_id, row.outcome.word()));
    }
    Ok(0)
}

fn show(context: &Context, wanted: Option<&str>) -> Result<i32, Failure> {
    let id = find(context, wanted, "last")?;
    let doc = document(context, &id)?;
    if context.global.json {
        out::json(&doc);
    } else {
        let run = open_run(&context.state, &context.look, &id).map_err(|e| Failure::look(e, "redis-dr runs list"))?;
        out::line(&report::status(&doc, &run.plan, out::width()));
    }
    Ok(0)
}

fn go_on(
    context: &Context,
    wanted: Option<&str>,
    way: Way,
    auto: bool,
    confirm: Option<String>,
) -> Result<i32, Failure> {
    let (id, run) = unfinished(context, wanted)?;
    let world = World::new(context, Some(&run.plan.instance))?;
    let parts = world.parts();
    let consent = match (&confirm, auto) {
        (Some(word), _) if word != parts.name() => {
            return Err(Failure::usage(
                format!("--confirm {word} does not name the instance"),
                format!("--confirm {}", parts.name()),
            ));
        }
        (Some(_), _) => Consent::Confirmed(parts.name().into()),
        (None, true) => Consent::Auto,
        (None, false) if std::io::stdin().is_terminal() => Consent::Person,
        // going on with what was agreed to needs no new word; taking it back without a terminal does
        (None, false) if way == Way::Resume => Consent::Confirmed(parts.name().into()),
        (None, false) => {
            return Err(Failure::usage(
                "there is no terminal to ask on",
                format!("--auto, or --confirm {}", parts.name()),
            ));
        }
    };
    let stop = signals::listen(context);
    let mut person = person(context, &consent, &stop);
    let doc = continue_run(&parts, &id, way, consent == Consent::Auto, &mut *person, &stop);
    Ok(tell(context, &doc))
}

fn report_run(context: &Context, wanted: Option<&str>, format: Format, output: Option<&Path>) -> Result<i32, Failure> {
    let id = find(context, wanted, "last")?;
    let mut doc = document(context, &id)?;
    // this is the report
    doc.next.retain(|line| !line.contains(" runs report "));
    let run = open_run(&context.state, &context.look, &id).map_err(|e| Failure::look(e, "redis-dr runs list"))?;
    let format = if context.global.json { Format::Json } else { format };
    let assessment = recover::assessment_of(&run);
    let earlier = if format == Format::Html { up_to(context, &doc)? } else { vec![] };
    let about = report::Background { assessment: assessment.as_ref(), earlier: &earlier };
    let text = match format {
        Format::Text if output.is_some() => report::whole(&doc, &run.plan, report::Width::unlimited()),
        Format::Text => report::whole(&doc, &run.plan, out::width()),
        Format::Md => report::run_sheet(&doc, &run.plan, about).markdown(),
        Format::Html => {
            report::run_sheet(&doc, &run.plan, about).html().map_err(|e| Failure::look(e, "--format md"))?
        }
        Format::Json => serde_json::to_string_pretty(&doc).unwrap_or_default(),
    };
    plan::put(&text, output)?;
    Ok(0)
}

/// The last runs on the same instance, this one included, oldest first; those that can't be read are left out.
fn up_to(context: &Context, doc: &RunDocument) -> Result<Vec<RunDocument>, Failure> {
    const MOST: usize = 20;
    let ids = context.state.run_ids()?;
    let docs = ids.iter().filter_map(|id| of_run(&context.state, &context.look, id).ok());
    let same = docs.filter(|d| d.instance == doc.instance && d.started_at <= doc.started_at);
    let mut all: Vec<RunDocument> = same.take(MOST).collect();
    all.reverse();
    Ok(all)
}

fn prune(context: &Context, older_than: &str, yes: bool) -> Result<i32, Failure> {
    let age = Seconds::parse(older_than).map_err(|e| Failure::usage(e, "such as --older-than 30d"))?;
    let now = Time(context.look.now());
    let mut gone = Vec::new();
    for state in [&context.state, &context.state.holds()] {
        for id in state.run_ids()? {
            let Ok(log) = journal::read(context.look, &state.journal_path(&id)) else {
                out::note(&format!("{id}: its journal is damaged; it is kept"));
                continue;
            };
            // its copies are needed for as long as it can be carried on or taken back
            let over = log.status().is_ok_and(|s| !s.unfinished());
            let ended = log.records.last().map_or(log.header.started_at, |r| r.at);
            if !over || now.since(Time(ended)).0 < age.0 {
                continue;
            }
            if yes {
                crate::vault::prune(&log.header.vault)?;
                state.remove_run(&id)?;
            }
            gone.push(id);
        }
    }
    if context.global.json {
        out::json(&serde_json::json!({ "schema": "redis-dr/prune/1", "removed": yes, "runs": gone }));
        return Ok(0);
    }
    for id in &gone {
        out::line(&format!("{} {id}", if yes { "removed" } else { "would remove" }));
    }
    match (gone.is_empty(), yes) {
        (true, _) => out::line(&format!("No finished run is older than {older_than}.")),
        (false, false) => out::line("Nothing has been removed; --yes removes."),
        (false, true) => {}
    }
    Ok(0)
}
