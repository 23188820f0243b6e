//! `runbook …` and `playbook …`: list, show, lint, graph, test, schema.
use super::args::{Drawn, LibraryCommand, PlaybookCommand};
use super::context::Context;
use super::lint::{Lint, counted};
use super::{Failure, out};
use crate::drill;
use crate::playbook::{self, Shelves};
use crate::runbook::{self, Chart, Library, Source};
use crate::yaml::{self, Diag};
use serde::Serialize;
use serde_json::json;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Which of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Runbook,
    Playbook,
    Drill,
}

impl Sort {
    fn word(self) -> &'static str {
        match self {
            Self::Runbook => "runbook",
            Self::Playbook => "playbook",
            Self::Drill => "drill",
        }
    }

    /// Drills are playbooks of a kind: their lint takes both, and a text says itself which it is.
    fn of(self, source: &Source) -> Self {
        let is_drill = |text: &str| yaml::parse(text).is_ok_and(|node| node.get("drill").is_some());
        if self == Self::Playbook && is_drill(&source.text) { Self::Drill } else { self }
    }
}

/// One that is valid.
struct Valid {
    title: String,
    risk: Option<String>,
    outline: String,
    chart: Chart,
}

/// All there are, of both sorts.
struct Shelf {
    runbooks: Library,
    playbooks: Library,
    drills: Library,
    named: std::cell::OnceCell<drill::Named>,
}

impl Shelf {
    fn new(context: &Context) -> Result<Self, Failure> {
        Ok(Self {
            runbooks: context.runbooks()?,
            playbooks: context.playbooks()?,
            drills: context.drills()?,
            named: std::cell::OnceCell::new(),
        })
    }

    fn of(&self, sort: Sort) -> &Library {
        match sort {
            Sort::Runbook => &self.runbooks,
            Sort::Playbook => &self.playbooks,
            Sort::Drill => &self.drills,
        }
    }

    fn source(&self, sort: Sort, id: &str) -> Result<&Source, Failure> {
        let library = self.of(sort);
        library.get(id).ok_or_else(|| {
            let word = sort.word();
            let hint = match library.nearest(id) {
                Some(near) => format!("did you mean {near}?"),
                None if sort == Sort::Drill => format!("redis-dr {word} list"),
                None => {
                    format!(
                        "redis-dr {word} list; one's own are found in the directories under `{word}s` in the config"
                    )
                }
            };
            Failure::usage(format!("there is no {word} {id}"), hint)
        })
    }

    /// One by its id, or a file.
    fn meant(&self, context: &Context, sort: Sort, id: &str) -> Result<Cow<'_, Source>, Failure> {
        let file = id.contains('/') || id.ends_with(".yaml") || id.ends_with(".yml");
        if file { context.source(Path::new(id)).map(Cow::Owned) } else { self.source(sort, id).map(Cow::Borrowed) }
    }

    /// Reads and checks one; `beside` are files that are looked at together with it.
    fn check(&self, sort: Sort, source: &Source, beside: &[Source]) -> Result<Valid, Vec<Diag>> {
        let find = |wanted: Sort, id: &str| {
            let near = beside.iter().filter(|_| wanted == sort).find(|s| s.id == id);
            near.or_else(|| self.of(wanted).get(id)).cloned()
        };
        let runbooks = |id: &str| find(Sort::Runbook, id);
        let playbooks = |id: &str| find(Sort::Playbook, id);
        match sort {
            Sort::Runbook => {
                let one = runbook::load(&source.text, &source.file, &runbooks)?;
                let (outline, chart) = (one.outline(), one.chart());
                Ok(Valid { title: one.title, risk: Some(one.risk.to_string()), outline, chart })
            }
            Sort::Playbook => {
                let shelves = Shelves { runbooks: &runbooks, playbooks: &playbooks };
                let one = playbook::load(&source.text, &source.file, &shelves)?;
                let (outline, chart) = (one.outline(), one.chart());
                Ok(Valid { title: one.title, risk: None, outline, chart })
            }
            Sort::Drill => {
                let named = self.named.get_or_init(|| drill::Named::new(&self.runbooks, &self.playbooks));
                let one = drill::load(&source.text, &source.file, named)?;
                Ok(Valid { title: one.title, risk: None, outline: String::new(), chart: Chart::default() })
            }
        }
    }
}

/// `runbook …`.
///
/// # Errors
/// What was asked for does not exist, can't be read or is not valid.
pub fn runbook(context: &Context, command: &LibraryCommand) -> Result<i32, Failure> {
    let sort = Sort::Runbook;
    match command {
        LibraryCommand::List => list(context, sort),
        LibraryCommand::Show { id } => show(context, sort, id),
        LibraryCommand::Lint { files } => lint(context, sort, files),
        LibraryCommand::Graph { id, drawn } => graph(context, sort, id, *drawn),
        LibraryCommand::Schema => {
            out::json(runbook::schema());
            Ok(0)
        }
    }
}

/// `playbook …`.
///
/// # Errors
/// As [`runbook`].
pub fn playbook(context: &Context, command: &PlaybookCommand) -> Result<i32, Failure> {
    let sort = Sort::Playbook;
    match command {
        PlaybookCommand::List => list(context, sort),
        PlaybookCommand::Show { id } => show(context, sort, id),
        PlaybookCommand::Lint { files } => lint(context, sort, files),
        PlaybookCommand::Graph { id, drawn } => graph(context, sort, id, *drawn),
        PlaybookCommand::Test { files } => test(context, files),
        PlaybookCommand::Schema => {
            out::json(playbook::schema());
            Ok(0)
        }
    }
}

/// `drill show`.
///
/// # Errors
/// As [`runbook`].
pub fn show_drill(context: &Context, id: &str) -> Result<i32, Failure> {
    show(context, Sort::Drill, id)
}

/// `drill lint`.
///
/// # Errors
/// As [`runbook`].
pub fn lint_drills(context: &Context, files: &[PathBuf]) -> Result<i32, Failure> {
    lint(context, Sort::Drill, files)
}

fn list(context: &Context, sort: Sort) -> Result<i32, Failure> {
    let shelf = Shelf::new(context)?;
    let mut rows = Vec::new();
    for source in shelf.of(sort).all() {
        let valid = shelf.check(sort, source, &[]).ok();
        let risk = valid.as_ref().and_then(|v| v.risk.clone());
        if context.global.json {
            rows.push(json!({
                "id": source.id, "title": valid.as_ref().map(|v| &v.title), "risk": risk,
                "file": source.file, "builtin": source.is_builtin(), "valid": valid.is_some(),
            }));
            continue;
        }
        let title = valid.map_or("not valid, see lint".into(), |v| yaml::printable(&v.title));
        let from = if source.is_builtin() { "built-in" } else { source.file.as_str() };
        let risk = risk.map(|r| format!("{r:<7} ")).unwrap_or_default();
        out::line(&format!("{:<24} {risk}{title}  ({})", source.id, yaml::printable(from)));
    }
    if context.global.json {
        let word = format!("{}s", sort.word());
        out::json(&json!({ "schema": format!("redis-dr/{word}/1"), word: rows }));
    }
    Ok(0)
}

fn show(context: &Context, sort: Sort, id: &str) -> Result<i32, Failure> {
    let shelf = Shelf::new(context)?;
    let source = shelf.meant(context, sort, id)?;
    if context.global.json {
        let schema = format!("redis-dr/{}/1", sort.word());
        out::json(&json!({ "schema": schema, "id": source.id, "file": source.file, "text": source.text }));
    } else {
        out::line(source.text.trim_end());
    }
    Ok(0)
}

fn graph(context: &Context, sort: Sort, id: &str, drawn: Drawn) -> Result<i32, Failure> {
    let shelf = Shelf::new(context)?;
    let source = shelf.meant(context, sort, id)?;
    let valid = shelf.check(sort, &source, &[]).map_err(|diags| invalid(&diags, &source))?;
    if context.global.json {
        let schema = format!("redis-dr/{}-graph/1", sort.word());
        out::json(
            &json!({ "schema": schema, "id": source.id, "mermaid": valid.chart.mermaid(), "dot": valid.chart.dot() }),
        );
    } else {
        let text = match (drawn.mermaid, drawn.dot) {
            (true, _) => valid.chart.mermaid(),
            (_, true) => valid.chart.dot(),
            _ => valid.outline,
        };
        out::line(text.trim_end());
    }
    Ok(0)
}

/// A file that is not valid, each mistake with its line.
pub fn invalid(diags: &[Diag], source: &Source) -> Failure {
    let text = yaml::render(diags, &source.file, &source.text);
    Failure::usage(text.trim_end(), "mend the file; lint shows every error")
}

fn lint(context: &Context, sort: Sort, files: &[PathBuf]) -> Result<i32, Failure> {
    let shelf = Shelf::new(context)?;
    let given = files.iter().map(|f| context.source(f)).collect::<Result<Vec<_>, _>>()?;
    let mut own: Vec<&Source> = shelf.of(sort).all().iter().collect();
    if sort == Sort::Playbook {
        own.extend(shelf.drills.all());
    }
    let all = if files.is_empty() { own } else { given.iter().collect() };
    let mut lint = Lint::default();
    for source in all {
        let diags = shelf.check(sort.of(source), source, &given).err().unwrap_or_default();
        lint.file(&source.file, &source.text, diags);
    }
    Ok(lint.tell(context))
}

#[derive(Serialize)]
struct Tried {
    file: String,
    playbook: String,
    name: String,
    ok: bool,
    problems: Vec<String>,
}

fn test(context: &Context, files: &[PathBuf]) -> Result<i32, Failure> {
    let shelf = Shelf::new(context)?;
    let given = files.iter().map(|f| context.source(f)).collect::<Result<Vec<_>, _>>()?;
    let sources = if files.is_empty() { playbook::builtin_cases() } else { given };
    let mut tried = Vec::new();
    for source in &sources {
        tried.extend(try_cases(context, &shelf, source)?);
    }
    let failed = tried.iter().filter(|t| !t.ok).count();
    if context.global.json {
        let passed = tried.len() - failed;
        out::json(&json!({ "schema": "redis-dr/playbook-test/1", "passed": passed, "failed": failed, "cases": tried }));
    } else {
        for one in &tried {
            let word = if one.ok { "ok    " } else { "FAILED" };
            out::line(&format!("{word} {}: {}", one.playbook, yaml::printable(&one.name)));
            one.problems.iter().for_each(|p| out::line(&format!("         {}", yaml::printable(p))));
        }
        out::line(&format!("{}, {failed} failed", counted(tried.len(), "case")));
    }
    Ok(if failed > 0 { 1 } else { 0 })
}

fn try_cases(context: &Context, shelf: &Shelf, source: &Source) -> Result<Vec<Tried>, Failure> {
    let cases = playbook::cases(&source.text).map_err(|diags| invalid(&diags, source))?;
    let beside = Path::new(&source.file).parent().map(Path::to_path_buf).unwrap_or_default();
    let read = |file: &str| {
        if source.is_builtin() {
            return Err(format!("a built-in case can't read {file}"));
        }
        context.look.read_text(&beside.join(file), 64 << 20).map_err(|e| e.to_string())
    };
    let runbooks = |id: &str| shelf.runbooks.get(id).cloned();
    let playbooks = |id: &str| shelf.playbooks.get(id).cloned();
    let shelves = Shelves { runbooks: &runbooks, playbooks: &playbooks };
    let mut tried = Vec::new();
    for case in &cases {
        let text = shelf.source(Sort::Playbook, &case.playbook)?;
        let tree = playbook::load(&text.text, &text.file, &shelves).map_err(|diags| invalid(&diags, text))?;
        let result = playbook::run_case(&tree, case, &read);
        tried.push(Tried {
            file: source.file.clone(),
            playbook: case.playbook.clone(),
            name: result.name,
            ok: result.problems.is_empty(),
            problems: result.problems,
        });
    }
    Ok(tried)
}
