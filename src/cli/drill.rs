//! `drill …`: list, run, report, show, lint, schema.
use super::args::{DrillCommand, DrillRunArgs, Format};
use super::context::Context;
use super::lint::counted;
use super::recover::World;
use super::{Failure, library, out, plan, signals};
use crate::assess::{self, Target};
use crate::config::Service;
use crate::drill::{self, DrillError, Ground, InUse, Named, Scenario, Seed, Terms, Watch};
use crate::engine::Stop;
use crate::facts::Time;
use crate::host::Pen;
use crate::host::process::Reins;
use crate::plan::Plan;
use crate::recover::{Selection, of_run};
use crate::report::{self, DrillDocument, DrillRow, RunDocument, Scorecard, Suggestion};
use crate::runbook::{Library, Source};
use crate::yaml::printable;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl From<DrillError> for Failure {
    fn from(error: DrillError) -> Self {
        let (exit_code, hint) = (error.exit_code(), error.hint());
        Self::of(exit_code, error, hint)
    }
}

/// `drill …`.
///
/// # Errors
/// A scenario is not there or not valid; there is no server program; a sandbox would lie near production.
pub fn run(context: &Context, command: &DrillCommand) -> Result<i32, Failure> {
    match command {
        DrillCommand::List { due } => list(context, *due),
        DrillCommand::Run(args) => rehearse(context, args),
        DrillCommand::Report { scenarios, format, output, actions } => {
            report(context, scenarios, *format, output.as_deref(), *actions)
        }
        DrillCommand::Show { id } => library::show_drill(context, id),
        DrillCommand::Lint { files } => library::lint_drills(context, files),
        DrillCommand::Schema { document } => {
            if *document {
                out::json(&report::drill_document_schema());
            } else {
                out::json(drill::schema());
            }
            Ok(0)
        }
    }
}

/// The scenarios, and what they can name.
struct Shelf {
    drills: Library,
    named: Named,
}

impl Shelf {
    fn new(context: &Context) -> Result<Self, Failure> {
        Ok(Self { drills: context.drills()?, named: Named::new(&context.runbooks()?, &context.playbooks()?) })
    }

    fn load(&self, source: &Source) -> Result<Scenario, Failure> {
        drill::load(&source.text, &source.file, &self.named).map_err(|diags| library::invalid(&diags, source))
    }

    /// By id, or as a file.
    fn find(&self, context: &Context, wanted: &str) -> Result<Scenario, Failure> {
        if wanted.contains('/') || wanted.ends_with(".yaml") || wanted.ends_with(".yml") {
            return self.load(&context.source(Path::new(wanted))?);
        }
        let source = self.drills.get(wanted).ok_or_else(|| {
            let near = self.drills.nearest(wanted).map(|near| format!("did you mean {near}?"));
            Failure::usage(
                format!("there is no scenario {wanted}"),
                near.unwrap_or_else(|| "redis-dr drill list".into()),
            )
        })?;
        self.load(source)
    }
}

fn cards(context: &Context, scenario: &str) -> Vec<Scorecard> {
    context.state.scorecards(scenario)
}

fn list(context: &Context, only_due: bool) -> Result<i32, Failure> {
    let shelf = Shelf::new(context)?;
    let now = Time(context.look.now());
    let mut rows = Vec::new();
    for source in shelf.drills.all() {
        let scenario = shelf.load(source).ok();
        let due = scenario.as_ref().map(|s| drill::due(s.cadence, &cards(context, &source.id), now));
        let row = DrillRow {
            id: source.id.clone(),
            title: scenario.as_ref().map(|s| s.title.clone()).unwrap_or_default(),
            cadence: scenario.as_ref().map(|s| s.cadence.word().to_string()).unwrap_or_default(),
            owner: scenario.as_ref().map(|s| s.owner.clone()).unwrap_or_default(),
            needs: scenario.iter().flat_map(|s| s.needs.iter().map(|n| n.word().to_string())).collect(),
            last_run: due.and_then(|d| d.last),
            last_verdict: due.and_then(|d| d.verdict),
            due_at: due.and_then(|d| d.at),
            due: due.is_some_and(|d| d.now),
            file: source.file.clone(),
            builtin: source.is_builtin(),
            valid: scenario.is_some(),
        };
        if row.due || !only_due {
            rows.push(row);
        }
    }
    if context.global.json {
        out::json(&json!({ "schema": "redis-dr/drill-list/1", "drills": rows }));
    } else if rows.is_empty() {
        out::line("Nothing is due.");
    } else {
        out::page(&report::drill_list(&rows, out::width()));
    }
    Ok(0)
}

/// The scenarios of this call, in their order.
fn chosen(context: &Context, shelf: &Shelf, args: &DrillRunArgs) -> Result<Vec<Scenario>, Failure> {
    if !args.scenarios.is_empty() {
        return args.scenarios.iter().map(|wanted| shelf.find(context, wanted)).collect();
    }
    let all = shelf.drills.all().iter().map(|source| shelf.load(source)).collect::<Result<Vec<_>, _>>()?;
    let now = Time(context.look.now());
    let due = |s: &Scenario| !args.due || drill::due(s.cadence, &cards(context, &s.drill), now).now;
    Ok(all.into_iter().filter(due).collect())
}

fn rehearse(context: &Context, args: &DrillRunArgs) -> Result<i32, Failure> {
    let shelf = Shelf::new(context)?;
    let scenarios = chosen(context, &shelf, args)?;
    let (reins, pen) = (Reins::new(), Pen::new());
    let (mut terms, bin_dir) = terms(context, args)?;
    let in_use = in_use(context);
    let mut ground = ground(context, &reins, &pen, bin_dir.as_deref(), &in_use)?;
    place(context, &mut ground, args.dir.as_deref(), &in_use)?;
    for dir in drill::clear(&ground)? {
        note(context, &format!("removed what an earlier drill left: {}", dir.display()));
    }
    if let Some(one) = in_use.iter().find(|one| terms.instance.as_ref() == Some(&one.name)) {
        terms.seed = Seed::newest(&ground, &one.stores);
        let data = terms.seed.as_ref().map_or("generated data alone".to_string(), |s| s.path.display().to_string());
        note(context, &format!("under the terms of {}, beginning with {data}", one.name));
    }
    note(
        context,
        &format!("{} on {}, in {}", counted(scenarios.len(), "drill"), ground.server(), ground.above.display()),
    );
    let mut watch = Watcher { context, stop: signals::listen(context) };
    let mut done = Vec::new();
    for scenario in &scenarios {
        if watch.stopped() {
            break;
        }
        let card = match left_out(scenario, args) {
            Some(because) => drill::left_out(&ground, scenario, &terms, because),
            None => {
                watch.told(&format!("{}: {}", scenario.drill, scenario.title));
                drill::rehearse(&ground, scenario, &terms, args.keep, &mut watch)
            }
        };
        note(context, &report::drill_line(&card));
        if card.is_held() {
            context.state.keep_scorecard(&scenario.drill, card.started_at.0, &card)?;
        }
        done.push(card);
    }
    if watch.stopped() {
        return Err(DrillError::Interrupted.into());
    }
    let trend = scenarios.iter().map(|s| drill::trend(&s.drill, &cards(context, &s.drill))).collect();
    let named: Vec<String> =
        if args.scenarios.is_empty() { Vec::new() } else { scenarios.iter().map(|s| s.drill.clone()).collect() };
    let document = DrillDocument::of(context.look.hostname(), done, trend, &named);
    if context.global.json {
        out::json(&document);
    } else {
        out::page(&report::drill_summary(&document, out::width()));
        out::line(&format!("next      {}", context.command("drill report")));
    }
    Ok(document.exit_code)
}

fn note(context: &Context, line: &str) {
    if !context.global.quiet {
        out::note(line);
    }
}

/// Without a word on which, only those that need nothing but a server.
fn left_out(scenario: &Scenario, args: &DrillRunArgs) -> Option<String> {
    let more: Vec<&str> =
        scenario.needs.iter().filter(|n| **n != drill::Need::MultiPartAof).map(|n| n.word()).collect();
    let asked = args.all || args.due || !args.scenarios.is_empty();
    (!asked && !more.is_empty()).then(|| format!("needs {}: name it, or --all", more.join(", ")))
}

/// Whose policy and objectives, and where the program is.
fn terms(context: &Context, args: &DrillRunArgs) -> Result<(Terms, Option<PathBuf>), Failure> {
    let Some(name) = &args.instance else { return Ok((Terms::of_nobody(), args.bin_dir.clone())) };
    let chosen = context.choose(Some(name))?;
    let conf = assess::configuration(&context.look, &chosen.target);
    let terms = Terms::of(&chosen.target.name, &chosen.instance, conf.as_ref());
    Ok((terms, args.bin_dir.clone().or_else(|| chosen.instance.bin_dir.clone())))
}

/// What belongs to the configured instances.
fn in_use(context: &Context) -> Vec<InUse> {
    let Some(config) = &context.config else { return Vec::new() };
    let one = |(name, instance): (&String, &crate::config::Instance)| {
        let target = Target::of(name, instance, config, None, false);
        InUse {
            name: name.clone(),
            address: instance.address.clone(),
            data_dir: assess::data_dir(&context.look, &target),
            unit: match &instance.service {
                Some(Service::Systemd(unit)) => Some(unit.clone()),
                _ => None,
            },
            stores: target.stores.iter().map(|(_, dir)| dir.clone()).collect(),
        }
    };
    config.instances.iter().map(one).collect()
}

fn ground<'a>(
    context: &'a Context,
    reins: &'a Reins,
    pen: &'a Pen,
    bin_dir: Option<&Path>,
    in_use: &[InUse],
) -> Result<Ground<'a>, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = || std::env::split_paths(&path).find_map(|dir| assess::find_program(&context.look, Some(&dir), None));
    let program = match bin_dir {
        Some(dir) => assess::find_program(&context.look, Some(dir), None),
        None => on_path().or_else(|| assess::find_program(&context.look, None, None)),
    };
    let place = || bin_dir.map_or("on the PATH".to_string(), |dir| format!("in {}", dir.display()));
    let program = program.ok_or_else(|| DrillError::NoServer { place: place() })?;
    let version = assess::version_of(&context.look, &program).ok_or_else(|| {
        Failure::usage(
            format!("{} does not tell its version", program.display()),
            "name another directory: --bin-dir DIR",
        )
    })?;
    Ok(Ground {
        look: &context.look,
        reins,
        pen,
        state: &context.state,
        program,
        version,
        launcher: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe")),
        above: std::env::temp_dir(),
        taken: in_use.iter().map(|one| one.address.clone()).collect(),
    })
}

/// Where sandboxes are made: the directory that was named, else the first of the usual ones that is far from production.
fn place(context: &Context, ground: &mut Ground<'_>, named: Option<&Path>, in_use: &[InUse]) -> Result<(), Failure> {
    let whole = |dir: &Path| context.look.real_path(dir).map_err(Failure::file);
    if let Some(dir) = named {
        ground.above = whole(dir)?;
        return Ok(drill::far_from_production(ground, in_use)?);
    }
    let mut first = None;
    for dir in [std::env::temp_dir(), PathBuf::from("/var/tmp")] {
        ground.above = whole(&dir)?;
        match drill::far_from_production(ground, in_use) {
            Ok(()) => return Ok(()),
            Err(e) => first = first.or(Some(e)),
        }
    }
    first.map_or(Ok(()), |e| Err(e.into()))
}

/// Tells how it goes: every deed with `-v`.
struct Watcher<'c> {
    context: &'c Context,
    stop: Arc<Stop>,
}

impl Watch for Watcher<'_> {
    fn told(&mut self, line: &str) {
        if self.context.global.verbose > 0 {
            out::note(&format!("    {line}"));
        }
    }

    fn recovered(&mut self, run: &RunDocument, plan: Option<&Plan>) {
        if self.context.global.verbose > 0 {
            let width = out::width_of_notes();
            let page = plan.map_or_else(|| report::run(run, width), |plan| report::whole(run, plan, width));
            page.lines().for_each(|line| out::note(&format!("      {line}")));
        }
    }

    fn stopped(&self) -> bool {
        self.stop.asked()
    }
}

fn report(
    context: &Context,
    scenarios: &[String],
    format: Format,
    output: Option<&Path>,
    actions: bool,
) -> Result<i32, Failure> {
    let mut drills = Vec::new();
    let mut trend = Vec::new();
    let rehearsed = context.state.rehearsed();
    if let Some(other) = scenarios.iter().find(|wanted| !rehearsed.contains(wanted)) {
        let near = crate::expr::nearest(other, rehearsed.iter().map(String::as_str));
        let hint =
            near.map_or_else(|| context.command(&format!("drill run {other}")), |n| format!("did you mean {n}?"));
        return Err(Failure::usage(format!("{} was not rehearsed here", printable(other)), hint));
    }
    for scenario in rehearsed.into_iter().filter(|one| scenarios.is_empty() || scenarios.contains(one)) {
        let all = cards(context, &scenario);
        if let Some(newest) = all.last() {
            trend.push(drill::trend(&newest.scenario, &all));
            drills.push(newest.clone());
        }
    }
    let mut document = DrillDocument::of(context.look.hostname(), drills, trend, &[]);
    if actions {
        document.actions = Some(suggestions(context)?);
    }
    let text = match format {
        _ if context.global.json => serde_json::to_string_pretty(&document).unwrap_or_default(),
        Format::Json => serde_json::to_string_pretty(&document).unwrap_or_default(),
        Format::Md => report::drill_sheet(&document).markdown(),
        Format::Html => report::drill_sheet(&document).html().map_err(|e| Failure::look(e, "--format md"))?,
        Format::Text => report::drill_report(&document, out::width()),
    };
    plan::put(&text, output)?;
    Ok(0)
}

/// What the evidence suggests, each with a command that can be pasted.
fn suggestions(context: &Context) -> Result<Vec<Suggestion>, Failure> {
    let mut all = Vec::new();
    let names: Vec<String> = context.config.iter().flat_map(|c| c.instances.keys().cloned()).collect();
    for name in &names {
        let world = World::new(context, Some(name))?;
        let (assessed, _) = crate::recover::choose(&world.parts(), &Selection::default(), None, None)
            .map_err(|e| Failure::usage(e, "redis-dr playbook list"))?;
        let stores = world.parts().instance.stores.clone();
        all.extend(drill::advice::of_instance(&assessed.document, &stores));
    }
    let ids = context.state.run_ids()?;
    let runs: Vec<RunDocument> = ids.iter().filter_map(|id| of_run(&context.state, &context.look, id).ok()).collect();
    all.extend(drill::advice::of_runs(&runs));
    let shelf = Shelf::new(context)?;
    let scenarios: Vec<Scenario> = shelf.drills.all().iter().filter_map(|source| shelf.load(source).ok()).collect();
    let held = context.state.rehearsed().into_iter().map(|id| (id.clone(), cards(context, &id))).collect();
    all.extend(drill::advice::of_drills(&scenarios, &held, Time(context.look.now())));
    for one in &mut all {
        let instance = names.iter().find(|name| **name == one.about).map(String::as_str);
        one.mend = context.commands().carried(&one.mend, instance);
    }
    Ok(all)
}
