//! `explain`: a finding, an exit code, a runbook or a word.
use super::args::Global;
use super::context::Context;
use super::documents;
use super::{Failure, out};
use crate::expr;
use crate::finding::{Id, Scope};
use crate::playbook;
use crate::runbook::{self, Library};
use crate::yaml;
use serde_json::json;

mod words;
use words::{EXIT_CODES, KINDS, WORDS};

/// One explanation.
struct Entry {
    id: String,
    kind: &'static str,
    text: String,
    hint: String,
}

/// Explains a name.
///
/// # Errors
/// There is nothing of this name.
pub fn run(global: &Global, id: Option<&str>) -> Result<i32, Failure> {
    let Some(id) = id else {
        overview(global.json);
        return Ok(0);
    };
    if plain(id) == "exit-codes" {
        exit_codes(global.json);
        return Ok(0);
    }
    if let Some(document) = documents::named(id) {
        out::json(&document.schema());
        return Ok(0);
    }
    // what is explained needs no config, so a broken one is no hindrance
    let own = Context::new(global, "explain").and_then(|c| Ok((c.runbooks()?, c.playbooks()?)));
    let builtin = |_| (Library::new(vec![], runbook::builtin()), Library::new(vec![], playbook::builtin()));
    let (runbooks, playbooks) = own.unwrap_or_else(builtin);
    let of_files = || of_runbook(&runbooks, id).or_else(|| of_playbook(&runbooks, &playbooks, id));
    let entry = code(id).or_else(|| finding(id)).or_else(of_files).or_else(|| word(id));
    let Some(entry) = entry else {
        let files = runbooks.all().iter().chain(playbooks.all()).map(|s| s.id.as_str());
        let documents = documents::DOCUMENTS.iter().map(|d| d.name);
        let names = Id::ALL.iter().map(|f| f.name()).chain(WORDS.iter().map(|w| w.name)).chain(files).chain(documents);
        let hint = match expr::nearest(&id.to_lowercase(), names.chain(["exit-codes"])) {
            Some(near) => format!("did you mean {near}?"),
            None => "redis-dr explain lists what can be explained".into(),
        };
        return Err(Failure::usage(format!("nothing is called {}", yaml::printable(id)), hint));
    };
    if global.json {
        let Entry { id, kind, text, hint } = &entry;
        out::json(&json!({ "schema": "redis-dr/explain/1", "id": id, "kind": kind, "text": text, "hint": hint }));
        return Ok(0);
    }
    let mut page = if entry.id.starts_with(entry.kind) {
        format!("{}\n\n{}", entry.id, entry.text.trim_end())
    } else {
        format!("{} ({})\n\n{}", entry.id, entry.kind, entry.text.trim_end())
    };
    if !entry.hint.is_empty() {
        page.push_str(&format!("\n\nWhat to do: {}", entry.hint));
    }
    out::line(&out::width().wrap(&page));
    Ok(0)
}

fn overview(json: bool) {
    if json {
        let findings: Vec<&str> = Id::ALL.iter().map(|f| f.name()).collect();
        let words: Vec<&str> = WORDS.iter().map(|w| w.name).collect();
        let documents: Vec<&str> = documents::DOCUMENTS.iter().map(|d| d.name).collect();
        out::json(&json!({
            "schema": "redis-dr/explain/1", "findings": findings, "words": words, "documents": documents,
        }));
        return;
    }
    let mut page = String::from(
        "redis-dr explain NAME says what it means and what to do. NAME is one of:\n\n  an exit code            a number; exit-codes for \
         all\n  a runbook               redis-dr runbook list\n  a playbook              redis-dr playbook list\n",
    );
    for kind in KINDS {
        let names: Vec<&str> = WORDS.iter().filter(|w| w.kind == *kind).map(|w| w.name).collect();
        let article = if kind.starts_with('o') { "an" } else { "a" };
        page.push_str(&format!("  {:<22}  {}\n", format!("{article} {kind}"), names.join(", ")));
    }
    page.push_str("\nor a JSON document, whose schema is printed:\n\n");
    for document in documents::DOCUMENTS {
        page.push_str(&format!("  {:<28}  {}\n", document.name, document.what));
    }
    page.push_str("\nor a finding:\n\n");
    for id in Id::ALL {
        page.push_str(&format!("  {:<28}  {}\n", id.name(), id.meaning()));
    }
    out::line(&out::width().wrap(page.trim_end()));
}

fn exit_codes(json: bool) {
    if json {
        let rows: Vec<_> =
            EXIT_CODES.iter().map(|(code, meaning, _)| json!({ "code": code, "meaning": meaning })).collect();
        out::json(&json!({ "schema": "redis-dr/exit-codes/1", "codes": rows }));
        return;
    }
    let rows: Vec<String> = EXIT_CODES.iter().map(|(code, meaning, _)| format!("{code:>3}  {meaning}")).collect();
    out::line(&out::width().wrap(&rows.join("\n")));
}

fn plain(id: &str) -> String {
    id.trim().to_lowercase().replace([' ', '_'], "-")
}

fn code(id: &str) -> Option<Entry> {
    let plain = plain(id);
    let number = ["exit-code-", "exit-", "code-"].iter().find_map(|p| plain.strip_prefix(p)).unwrap_or(&plain);
    let number: i32 = number.parse().ok()?;
    let (code, meaning, hint) = EXIT_CODES.iter().find(|(code, ..)| *code == number)?;
    Some(Entry { id: format!("exit code {code}"), kind: "exit code", text: (*meaning).into(), hint: (*hint).into() })
}

fn finding(id: &str) -> Option<Entry> {
    let found = Id::from_name(id)?;
    let scope = match found.scope() {
        Scope::Now => "service or data is affected now",
        Scope::Next => "only the next failure would hurt",
    };
    let severity = json!(found.severity());
    let severity = severity.as_str().unwrap_or_default();
    let not = found.not_derived().map(|why| format!("\n\nnot found by this version: {why}")).unwrap_or_default();
    let text = format!(
        "{}\n\nseverity: {severity}, unless the circumstances say otherwise\nscope: {scope}{not}",
        found.meaning()
    );
    Some(Entry { id: found.name().into(), kind: "finding", text, hint: found.hint().into() })
}

fn of_runbook(library: &Library, id: &str) -> Option<Entry> {
    let source = library.get(id)?;
    let find = |other: &str| library.get(other).cloned();
    let (text, hint) = match runbook::load(&source.text, &source.file, &find) {
        Ok(one) => {
            let steps: String = one.steps.iter().map(|s| format!("\n  {}", yaml::printable(&s.id))).collect();
            let text = format!("{}\n\nrisk: {}\nsteps:{steps}", yaml::printable(&one.title), one.risk);
            (text, format!("redis-dr runbook graph {id}"))
        }
        Err(diags) => (yaml::render(&diags, &source.file, &source.text), "mend the file".into()),
    };
    Some(Entry { id: source.id.clone(), kind: "runbook", text, hint })
}

fn of_playbook(runbooks: &Library, playbooks: &Library, id: &str) -> Option<Entry> {
    let source = playbooks.get(id)?;
    let (of_runbooks, of_playbooks) = (|id: &str| runbooks.get(id).cloned(), |id: &str| playbooks.get(id).cloned());
    let shelves = playbook::Shelves { runbooks: &of_runbooks, playbooks: &of_playbooks };
    let (text, hint) = match playbook::load(&source.text, &source.file, &shelves) {
        Ok(one) => {
            let ends: Vec<&str> = one.runbooks().into_iter().collect();
            let text = format!(
                "{}\n\nrules: {}, asked in order\nends in: {}",
                yaml::printable(&one.title),
                one.rules.len(),
                ends.join(", ")
            );
            (text, format!("redis-dr playbook graph {id}; redis-dr assess --playbook {id}"))
        }
        Err(diags) => (yaml::render(&diags, &source.file, &source.text), "mend the file".into()),
    };
    Some(Entry { id: source.id.clone(), kind: "playbook", text, hint })
}

fn word(id: &str) -> Option<Entry> {
    let wanted = plain(id);
    let one = WORDS.iter().find(|w| plain(w.name) == wanted)?;
    Some(Entry { id: one.name.into(), kind: one.kind, text: one.meaning.into(), hint: one.hint.into() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn every_finding_code_word_and_runbook_is_explained() {
        assert!(Id::ALL.iter().all(|id| finding(id.name()).is_some()));
        assert!(EXIT_CODES.iter().all(|(n, ..)| code(&n.to_string()).is_some()));
        assert!(code("exit 3").is_some() && code("exit-code 4").is_some());
        assert!(word("recovery_point").is_some() && word("Roll back").is_some() && word("rto").is_some());
        let library = Library::new(vec![], runbook::builtin());
        for source in library.all() {
            let entry = of_runbook(&library, &source.id).unwrap();
            assert!(entry.text.contains("risk: "), "{}", entry.text);
        }
        assert!(code("9").is_none());
        let playbooks = Library::new(vec![], playbook::builtin());
        for source in playbooks.all() {
            let entry = of_playbook(&library, &playbooks, &source.id).unwrap();
            assert!(entry.text.contains("ends in: ") && entry.kind == "playbook", "{}", entry.text);
        }
    }

    #[test]
    fn every_word_that_documents_carry_is_explained_once() {
        use crate::facts::{Outcome, PointKind, Validity};
        use crate::finding::Severity;
        use crate::report::RunOutcome as O;
        let said = [
            json!([O::Recovered, O::Healthy, O::RolledBack, O::Failed, O::Refused, O::Waiting, O::Stale, O::Locked]),
            json!([O::Unfinished, O::Stuck, O::Interrupted]),
            json!([Outcome::Runbook, Outcome::Healthy, Outcome::Wait, Outcome::NeedsHuman]),
            json!([PointKind::Memory, PointKind::Aof, PointKind::Rdb, PointKind::Backup, PointKind::AofCut]),
            json!([Validity::Intact, Validity::Repairable, Validity::Damaged, Validity::Unchecked]),
            json!([Severity::Minor, Severity::Major, Severity::Critical, Scope::Now, Scope::Next]),
            json!(["already_done", "done", "skipped", "undone", "low", "medium", "high"]),
        ];
        for name in said.iter().flat_map(|list| list.as_array().unwrap()) {
            assert!(word(name.as_str().unwrap()).is_some(), "{name}");
        }
        assert!(WORDS.iter().all(|w| KINDS.contains(&w.kind) && word(w.name).is_some_and(|e| e.kind == w.kind)));
    }
}
