//! Rules that neither the schema nor the types can see.
use std::collections::BTreeMap;
use std::path::Path;

use super::model::{Runbook, Step};
use super::reader::{Reader, below};
use crate::action::Action;
use crate::facts::Seconds;

/// The head of a runbook or playbook: version, and an id that is the name of its file.
pub(crate) fn head(r: &mut Reader<'_>, key: &str, file: &str) {
    let path = format!("/{key}");
    version(r);
    let Some(id) = r.text(&path) else { return };
    if !is_id(&id) {
        let hint = "an id is lower-case words with hyphens, such as restore-rdb";
        r.error(&path, format!("`{id}` is not an id"), Some(hint.into()));
        return;
    }
    let stem = Path::new(file).file_stem().and_then(|s| s.to_str()).unwrap_or("");
    let is_yaml = Path::new(file).extension().is_some_and(|e| e == "yaml" || e == "yml");
    if is_yaml && stem != id {
        r.error(
            &path,
            format!("{key} `{id}` is in the file {stem}.yaml"),
            Some(format!("name the file {id}.yaml: it is found by that name")),
        );
    }
}

/// The only version there is.
pub(crate) fn version(r: &mut Reader<'_>) {
    if let Some(other) = r.value::<i64>("/version").filter(|v| *v != 1) {
        let hint = "this redis-dr reads version 1".to_string();
        r.error("/version", format!("version {other} is not known"), Some(hint));
    }
}

fn is_id(id: &str) -> bool {
    let word = |w: &str| !w.is_empty() && w.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    id.len() <= 64 && id.split('-').all(word)
}

pub(super) fn param_name(r: &mut Reader<'_>, name: &str) {
    let first = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !first || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
        let hint = "letters, digits and _, so that expressions can read it as params.<name>";
        r.error_at_key("/params", name, format!("`{name}` can't be the name of a parameter"), Some(hint.into()));
    }
}

pub(super) fn waiting(r: &mut Reader<'_>, path: &str, within: Option<Seconds>, every: Option<Seconds>) {
    if every.is_some() && within.is_none() {
        r.error_at_key(path, "every", "`every` needs `within`", Some("a gate without `within` is asked once".into()));
    }
    for (key, value) in [("within", within), ("every", every)] {
        if value.is_some_and(|s| s.0 <= 0.0) {
            r.error(&below(path, key), format!("`{key}` must be longer than nothing"), None);
        }
    }
    if let (Some(w), Some(e)) = (within, every)
        && e.0 > w.0
    {
        r.error(&below(path, "every"), "`every` is longer than `within`", None);
    }
}

/// What a step says must fit its action.
pub(super) fn step(r: &mut Reader<'_>, path: &str, step: &Step) {
    if !is_id(&step.id) && !step.id.contains("${") {
        let hint = "an id is lower-case words with hyphens, such as verify-data";
        r.error(&below(path, "id"), format!("`{}` is not an id", step.id), Some(hint.into()));
    }
    let declared = step.action.literal("repeatable").and_then(serde_json::Value::as_bool) == Some(true);
    if step.retry.is_some() && !Action::repeatable_name(step.action.name()) && !declared {
        let hint = match step.action.name() {
            "run" => "say `repeatable: true` if the program may be run twice",
            _ => "a person is asked again anyway",
        };
        r.error_at_key(path, "retry", format!("`{}` can't be repeated", step.action.name()), Some(hint.into()));
    }
    if let Some(retry) = step.retry
        && (retry.times == 0 || retry.every.0 < 0.0)
    {
        r.error(&below(path, "retry"), "`retry` must say how often, at least once", None);
    }
    if step.action.name() == "run" {
        program(r, &format!("{path}/do/run"));
    }
}

/// A program of the operator is an argv list with an absolute path: no shell, and no search that the environment decides.
fn program(r: &mut Reader<'_>, path: &str) {
    let argv = below(path, "argv");
    if r.has(&argv) && r.count(&argv) == 0 {
        let hint = "the program and its arguments, a list".to_string();
        r.error(&argv, "`argv` is empty", Some(hint));
    }
    let first = below(&argv, 0);
    if let Some(program) = r.text(&first).filter(|p| !p.starts_with(['/', '$'])) {
        let hint = "such as /usr/local/bin/check".to_string();
        r.error(&first, format!("`{program}` is not an absolute path"), Some(hint));
    }
    let changes = below(path, "changes");
    for i in 0..r.count(&changes) {
        let place = below(&changes, i);
        if r.text(&place).is_some_and(|p| !p.starts_with(['/', '$'])) {
            r.error(&place, "what a program changes is named by absolute paths", None);
        }
    }
}

/// Rules over the whole as it is written.
pub(super) fn written(r: &mut Reader<'_>) {
    let shown = "a run that says recovered has shown it: give at least one gate";
    for (key, hint) in [("steps", None), ("recovered", Some(shown.to_string()))] {
        let path = format!("/{key}");
        if r.has(&path) && r.count(&path) == 0 {
            r.error_at_key("", key, format!("`{key}` is empty"), hint);
        }
    }
    duplicates(r);
}

fn duplicates(r: &mut Reader<'_>) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for i in 0..r.count("/steps") {
        let path = format!("/steps/{i}/id");
        let Some(id) = r.text(&path) else { continue };
        if let Some(first) = seen.get(&id) {
            let message = format!("the step id `{id}` is taken by step {}", first + 1);
            r.error(&path, message, Some("ids are how a run is resumed; each once".into()));
        } else {
            seen.insert(id, i);
        }
    }
}

/// A fence that is never lifted would end every run with a server that refuses all writes.
pub(super) fn opened(r: &mut Reader<'_>, runbook: &Runbook) {
    let fenced = |s: &Step| {
        s.action.name() == "service.start"
            && s.action.literal("fenced").and_then(serde_json::Value::as_bool) != Some(false)
    };
    let Some(at) = runbook.steps.iter().rposition(fenced) else {
        return;
    };
    let later = runbook.steps.get(at + 1..).unwrap_or_default();
    if later.iter().any(|s| s.action.name() == "service.open") {
        return;
    }
    let id = runbook.steps.get(at).map_or("", |s| s.id.as_str());
    let place = (0..r.count("/steps"))
        .find(|i| r.text(&format!("/steps/{i}/id")).is_some_and(|t| id == t || id.starts_with(&format!("{t}."))));
    let path = format!("/steps/{}", place.unwrap_or(0));
    let message = format!("step `{id}` starts the server fenced, and no later step opens it");
    r.error(&below(&path, "do"), message, Some("add a step with do: { service.open: {} }".into()));
}
