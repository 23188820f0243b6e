//! `explain`: a finding, an exit code, a runbook or a word.
use super::args::Global;
use super::context::Context;
use super::{Failure, out};
use crate::expr;
use crate::finding::{Id, Scope};
use crate::runbook;
use crate::yaml;
use serde_json::json;

/// What the exit codes mean; never reused.
const EXIT_CODES: &[(i32, &str)] = &[
    (0, "done: healthy / recovered / plan written / lint clean"),
    (1, "failed, and everything this run changed has been rolled back; or a read-only command could not look"),
    (2, "usage, configuration, or a runbook/playbook/plan file that is not valid"),
    (
        3,
        "refused: a person must decide (outside policy, no recovery point within the allowed loss, no rule matched, \
         unknown topology, paused or held, too many recent recoveries). Nothing was changed, holds and hooks aside",
    ),
    (
        4,
        "unfinished: stopped part-way, by choice or by failure; `runs resume` / `runs rollback` go on from here. \
         `serving` in the JSON says whether clients are served",
    ),
    (5, "stale plan: the facts have moved since the plan was made. Nothing was changed"),
    (6, "locked: another run holds this instance. Nothing was changed"),
    (7, "stuck: an undo failed; the by-hand steps are printed and in the report"),
    (8, "found something: `verify`; `assess` and `plan` with `--exit-code`"),
    (70, "a defect in redis-dr (panic): what was changed is in the journal, `runs` goes on"),
    (130, "interrupted (Ctrl-C, SIGTERM, SIGHUP) before anything was changed; after: 4"),
];

/// The words of redis-dr.
const WORDS: &[(&str, &str)] = &[
    ("instance", "One server under care."),
    ("assessment", "Facts and findings at one moment; making one changes nothing."),
    ("fact", "Something observed. What could not be observed is unknown, never guessed."),
    ("finding", "Something wrong, with severity, scope and evidence."),
    (
        "recovery point",
        "Anything data can be had from: the memory of a running server, the live AOF, dump.rdb, a backup in a store, an AOF \
         cut at a safe boundary. `redis-dr points` lists them, best first.",
    ),
    ("playbook", "An assessment and a decision tree that ends in runbooks."),
    ("runbook", "A list of steps that bring data back."),
    ("plan", "A runbook with nothing left unknown: exactly what would run, against which facts."),
    ("run", "One carrying-out of a plan. It can be resumed or rolled back after a crash at any point."),
    ("step", "One part of a runbook: an action, the gates after it, and how it is undone."),
    ("action", "What a step does, such as service.stop or rdb.place."),
    ("gate", "A question that must be answered yes before a run goes on. Unknown is not yes."),
    (
        "hold",
        "Stops the bleeding: the running server overwrites none of its files any more, nothing starts it, every data file has \
         a second name. --auto keeps its hands off until it is over. `redis-dr hold` holds, `redis-dr hold --release` \
         puts everything back.",
    ),
    (
        "guard",
        "Asked before a start (ExecStartPre=): refuses one that would come up with less than exists. `redis-dr guard`.",
    ),
    ("pause", "A maintenance mark: --auto keeps its hands off until it is over. `redis-dr pause`."),
    (
        "fence",
        "Refuses clients' writes while data is being brought back; the server neither saves nor rewrites meanwhile.",
    ),
    ("open", "Lifts the fence: clients can write again."),
    ("undo", "Takes back one step."),
    ("roll back", "Takes back a whole run: `redis-dr runs rollback`."),
    ("resume", "Carries on a run that was not finished: `redis-dr runs resume`."),
    ("stuck", "An undo failed; the steps to do by hand are printed and in the report."),
    ("point of no return", "From here on a step can't be undone. The plan names it, and it is asked for first."),
    ("journal", "The durable record of a run: one line, synced, before and after every step."),
    (
        "vault",
        "The safety copies of a run: what was there before each change, read back and synced. `redis-dr vault list` \
         shows them, `redis-dr vault restore` copies one out.",
    ),
    ("store", "A directory where the operator's backups live."),
    ("RTO", "Recovery time objective: time until clients are served again."),
    ("RPO", "Recovery point objective: the window of data that may be lost."),
];

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
    // what is explained needs no config, so a broken one is no hindrance
    let own = Context::new(global, "explain").and_then(|context| context.runbooks());
    let library = own.unwrap_or_else(|_| runbook::Library::new(vec![], runbook::builtin()));
    let entry = code(id).or_else(|| finding(id)).or_else(|| of_runbook(&library, id)).or_else(|| word(id));
    let Some(entry) = entry else {
        let runbooks = library.all().iter().map(|s| s.id.as_str());
        let names = Id::ALL.iter().map(|f| f.name()).chain(WORDS.iter().map(|w| w.0)).chain(runbooks);
        let hint = match expr::nearest(id, names.chain(["exit-codes"])) {
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
    let mut page = format!("{} ({})\n\n{}", entry.id, entry.kind, entry.text.trim_end());
    if !entry.hint.is_empty() {
        page.push_str(&format!("\n\nhint: {}", entry.hint));
    }
    out::line(&out::width().wrap(&page));
    Ok(0)
}

fn overview(json: bool) {
    let findings: Vec<&str> = Id::ALL.iter().map(|f| f.name()).collect();
    let words: Vec<&str> = WORDS.iter().map(|w| w.0).collect();
    if json {
        out::json(&json!({ "schema": "redis-dr/explain/1", "findings": findings, "words": words }));
        return;
    }
    let mut page = String::from("Findings\n");
    for id in Id::ALL {
        page.push_str(&format!("  {:<28}  {}\n", id.name(), id.meaning()));
    }
    page.push_str("\nWords\n");
    for (word, meaning) in WORDS {
        page.push_str(&format!("  {word:<28}  {meaning}\n"));
    }
    page.push_str("\nExit codes\n  exit-codes, or a number\n\nRunbooks\n  redis-dr runbook list");
    out::line(&out::width().wrap(&page));
}

fn exit_codes(json: bool) {
    if json {
        let rows: Vec<_> =
            EXIT_CODES.iter().map(|(code, meaning)| json!({ "code": code, "meaning": meaning })).collect();
        out::json(&json!({ "schema": "redis-dr/exit-codes/1", "codes": rows }));
        return;
    }
    let rows: Vec<String> = EXIT_CODES.iter().map(|(code, meaning)| format!("{code:>3}  {meaning}")).collect();
    out::line(&out::width().wrap(&rows.join("\n")));
}

fn plain(id: &str) -> String {
    id.trim().to_lowercase().replace([' ', '_'], "-")
}

fn code(id: &str) -> Option<Entry> {
    let number: i32 = id.parse().ok()?;
    let (code, meaning) = EXIT_CODES.iter().find(|(code, _)| *code == number)?;
    let hint = match code {
        3 => "redis-dr assess says why; a person may do what --auto may not",
        4 => "redis-dr runs list; then runs resume or runs rollback",
        7 => "redis-dr runs report last",
        _ => "",
    };
    Some(Entry { id: format!("exit code {code}"), kind: "exit code", text: (*meaning).into(), hint: hint.into() })
}

fn finding(id: &str) -> Option<Entry> {
    let found = Id::from_name(id)?;
    let scope = match found.scope() {
        Scope::Now => "service or data is affected now",
        Scope::Next => "only the next failure would hurt",
    };
    let severity = json!(found.severity());
    let severity = severity.as_str().unwrap_or_default();
    let text =
        format!("{}\n\nseverity: {severity}, unless the circumstances say otherwise\nscope: {scope}", found.meaning());
    Some(Entry { id: found.name().into(), kind: "finding", text, hint: found.hint().into() })
}

fn of_runbook(library: &runbook::Library, id: &str) -> Option<Entry> {
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

fn word(id: &str) -> Option<Entry> {
    let wanted = plain(id);
    let (name, text) = WORDS.iter().find(|(name, _)| plain(name) == wanted)?;
    Some(Entry { id: (*name).into(), kind: "word", text: (*text).into(), hint: String::new() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn every_finding_code_word_and_runbook_is_explained() {
        assert!(Id::ALL.iter().all(|id| finding(id.name()).is_some()));
        assert!(EXIT_CODES.iter().all(|(n, _)| code(&n.to_string()).is_some()));
        assert!(word("recovery_point").is_some() && word("Roll back").is_some() && word("rto").is_some());
        let library = runbook::Library::new(vec![], runbook::builtin());
        for source in library.all() {
            let entry = of_runbook(&library, &source.id).unwrap();
            assert!(entry.text.contains("risk: "), "{}", entry.text);
        }
        assert!(code("9").is_none());
    }
}
