#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::action::Action;
use crate::expr::Truth;
use serde_json::json;
use std::collections::BTreeMap;

const GOOD: &str = r#"version: 1
runbook: mine
title: Start it again
risk: low
params:
  point: { type: recovery_point, kinds: [aof, rdb], default: best }
  patience: { type: duration, default: 30s }
  note: { type: string, default: "none" }
require:
  - that: point.valid == "intact"
    because: "The point ${point.id} is damaged."
steps:
  - id: stop
    title: Stop it
    do: { service.stop: { timeout: "${params.patience}" } }
    before:
      - that: has(server.answers)
  - id: start
    title: "Load ${point.keys} keys"
    do: { service.start: { timeout: "${estimate.load * 5 + 60s}" } }
    if: '!server.answers'
    after:
      - that: server.answers
        within: 30s
        every: 1s
    retry: { times: 2, every: 5s }
    may_skip: true
    on_failure: stop
  - id: verify
    title: Compare
    do: { data.verify: { against: "${point}" } }
  - id: open
    title: Open it
    do: { service.open: {} }
  - id: tell
    title: Tell
    do: { run: { argv: [/bin/echo, "${params.note}"], changes: [/tmp/x] } }
recovered:
  - that: server.answers && server.writable
"#;

fn nothing(_: &str) -> Option<Source> {
    None
}

fn good() -> Runbook {
    load(GOOD, "mine.yaml", &nothing).unwrap_or_else(|d| panic!("{}", crate::yaml::render(&d, "mine.yaml", GOOD)))
}

/// `line:column message | hint` of each error of the good one with a part exchanged.
fn wrong(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "{from}");
    refused(&GOOD.replacen(from, to, 1), &nothing)
}

fn refused(text: &str, find: &Find<'_>) -> Vec<String> {
    let errors = load(text, "mine.yaml", find).expect_err(text);
    errors
        .iter()
        .map(|d| {
            let hint = d.hint.as_ref().map(|h| format!(" | {h}"));
            format!("{}:{} {}{}", d.line, d.column, d.message, hint.unwrap_or_default())
        })
        .collect()
}

fn facts() -> serde_json::Value {
    json!({
        "server": { "answers": false },
        "point": { "id": "rdb", "kind": "rdb", "valid": "intact", "keys": 7 },
        "params": { "patience": 30, "note": "${point.id}" },
        "estimate": { "load": 2.5, "rewrite": 1, "copy": 1 },
    })
}

#[test]
fn every_built_in_runbook_is_valid() {
    let library = Library::new(vec![], builtin());
    assert!(library.all().len() >= 6);
    for source in library.all() {
        match load(&source.text, &source.file, &|id| library.get(id).cloned()) {
            Ok(runbook) => assert_eq!(runbook.id, source.id),
            Err(diags) => panic!("{}", crate::yaml::render(&diags, &source.file, &source.text)),
        }
    }
}

#[test]
fn a_good_runbook_is_read_whole() {
    let book = good();
    assert_eq!((book.id.as_str(), book.risk, book.steps.len()), ("mine", Risk::Low, 5));
    let start = &book.steps[1];
    assert_eq!(start.title.show(&facts()), "Load 7 keys");
    assert_eq!(start.only_if.as_ref().unwrap().truth(&facts()), Truth::True);
    assert_eq!(start.retry.unwrap().times, 2);
    assert_eq!((start.may_skip, start.on_failure), (true, Some(OnFailure::Stop)));
    assert_eq!(start.after[0].within.unwrap().0, 30.0);
    assert_eq!(book.require[0].truth(&facts()), Truth::True);
    assert_eq!(book.require[0].evidence(&facts()), "point.valid is intact");
    for name in ["server.answers", "server.writable", "point.valid", "params.patience", "estimate.load"] {
        assert!(book.names().contains(name), "{name}");
    }
    assert!(book.takes(crate::facts::PointKind::Rdb) && !book.takes(crate::facts::PointKind::Backup));
}

#[test]
fn actions_are_resolved_once_and_never_scanned_again() {
    let book = good();
    let Action::ServiceStart(start) = book.steps[1].action.resolve(&facts()).unwrap() else { panic!() };
    assert_eq!(start.timeout.0, 72.5);
    let Action::DataVerify(verify) = book.steps[2].action.resolve(&facts()).unwrap() else { panic!() };
    assert_eq!(verify.against.0, "rdb");
    // A value that looks like an expression stays what it is.
    let Action::Run(run) = book.steps[4].action.resolve(&facts()).unwrap() else { panic!() };
    assert_eq!(run.argv, ["/bin/echo", "${point.id}"]);
    let error = book.steps[1].action.resolve(&json!({})).unwrap_err();
    assert_eq!(error.to_string(), "`timeout` of service.start can't be known: estimate.load is unknown");
    assert!(error.hint().contains("--param"));
}

#[test]
fn names_and_types_are_checked_everywhere_with_their_place() {
    assert_eq!(
        wrong("server.answers && server.writable", "server.answer && server.writable"),
        ["39:18 `server` has no `answer` | did you mean `server.answers`?"]
    );
    assert_eq!(
        wrong("${estimate.load * 5 + 60s}", "${estimate.lod * 5 + 60s}"),
        ["20:49 `estimate` has no `lod` | did you mean `estimate.load`?"]
    );
    assert_eq!(
        wrong("Load ${point.keys} keys", "Load ${point.kees} keys"),
        ["19:26 `point` has no `kees` | did you mean `point.keys`?"]
    );
    assert_eq!(wrong("${point.id} is", "${pint.id} is"), ["11:27 there is no name `pint` | did you mean `point`?"]);
    assert_eq!(
        wrong("${params.patience}", "${params.patiense}"),
        ["15:46 `params` has no `patiense` | did you mean `params.patience`?"]
    );
    assert_eq!(
        wrong("'!server.answers'", "server.keys"),
        ["21:9 a yes/no value is wanted here, this is a whole number | compare it: `server.keys > 0`"]
    );
    assert_eq!(
        wrong("\"${estimate.load * 5 + 60s}\"", "\"${point.keys}\""),
        ["20:40 a duration is wanted here, this is a whole number"]
    );
    assert_eq!(wrong("\"${params.patience}\"", "\"about ${params.patience}\"").len(), 1);
    assert_eq!(
        wrong("that: has(server.answers)", "that: ${server.answers}"),
        [
            "17:15 a condition is an expression already, `${…}` is not needed around it | write it without: server.answers"
        ]
    );
    assert_eq!(
        wrong("against: \"${point}\"", "against: \"${point.id}\""),
        ["31:35 a recovery point is wanted here, this is text | such as \"${point}\", with `point` among the params"]
    );
    assert_eq!(
        wrong("id: verify", "id: \"${params.note}\"")[0],
        "29:9 an expression can't stand here | it may stand in titles, reasons and the parameters of actions"
    );
    assert_eq!(
        wrong("title: Start it again", "title: \"Start ${point.id}\""),
        ["3:8 the title of a runbook is fixed text | titles of steps may hold `${…}`"]
    );
}

#[test]
fn structure_is_checked_with_the_nearest_word() {
    let has = |from: &str, to: &str, wanted: &str| {
        let found = wrong(from, to);
        assert!(found.iter().any(|e| e.contains(wanted)), "{found:?}");
    };
    has("may_skip: true", "may_skipp: true", "may_skip");
    has("service.stop:", "service.stopp:", "service.stop");
    has("risk: low", "risk: lo", "low");
    has("{ times: 2, every: 5s }", "{ times: 2 }", "every");
    has("timeout: \"${params.patience}\"", "timeot: 30s", "timeout");
    has("version: 1", "version: \"1\"", "version");
    has("title: Compare", "title: 7.0", "quote");
    has("on_failure: stop", "on_failure: rollback", "roll_back");
}

#[test]
fn the_head_is_checked() {
    assert_eq!(wrong("version: 1", "version: 2"), ["1:10 version 2 is not known | this redis-dr reads version 1"]);
    assert_eq!(
        wrong("runbook: mine", "runbook: yours"),
        ["2:10 runbook `yours` is in the file mine.yaml | name the file yours.yaml: it is found by that name"]
    );
    assert_eq!(
        wrong("runbook: mine", "runbook: My_Book"),
        ["2:10 `My_Book` is not an id | an id is lower-case words with hyphens, such as restore-rdb"]
    );
}

#[test]
fn steps_are_checked_against_their_actions() {
    assert_eq!(
        wrong("id: verify", "id: stop"),
        ["29:9 the step id `stop` is taken by step 1 | ids are how a run is resumed; each once"]
    );
    assert_eq!(
        wrong("id: verify", "id: Verify"),
        ["29:9 `Verify` is not an id | an id is lower-case words with hyphens, such as verify-data"]
    );
    assert_eq!(
        wrong("changes: [/tmp/x] } }", "changes: [/tmp/x] } }\n    retry: { times: 1, every: 1s }"),
        ["38:5 `run` can't be repeated | say `repeatable: true` if the program may be run twice"]
    );
    let fine = GOOD.replace("changes: [/tmp/x] } }", "repeatable: true } }\n    retry: { times: 1, every: 1s }");
    assert!(load(&fine, "mine.yaml", &nothing).is_ok());
    assert_eq!(
        wrong("{ times: 2, every: 5s }", "{ times: 0, every: 5s }"),
        ["26:12 `retry` must say how often, at least once"]
    );
    assert_eq!(
        wrong("argv: [/bin/echo", "argv: [echo"),
        ["37:25 `echo` is not an absolute path | such as /usr/local/bin/check"]
    );
    assert_eq!(wrong("[/tmp/x]", "[x]"), ["37:65 what a program changes is named by absolute paths"]);
    assert_eq!(
        wrong("do: { service.open: {} }", "do: { server.snapshot: {} }"),
        [
            "20:9 step `start` starts the server fenced, and no later step opens it | add a step with do: { service.open: {} }"
        ]
    );
}

#[test]
fn gates_are_checked() {
    assert_eq!(
        wrong("        within: 30s\n", ""),
        ["24:9 `every` needs `within` | a gate without `within` is asked once"]
    );
    assert_eq!(wrong("within: 30s", "within: 500ms"), ["25:16 `every` is longer than `within`"]);
    assert_eq!(wrong("within: 30s", "within: 0s")[0], "24:17 `within` must be longer than nothing");
    assert_eq!(
        wrong("recovered:\n  - that: server.answers && server.writable", "recovered: []"),
        ["38:1 `recovered` is empty | a run that says recovered has shown it: give at least one gate"]
    );
}

#[test]
fn params_are_checked() {
    assert_eq!(wrong("default: 30s", "default: 30"), ["7:40 the number `30` has no unit | such as 30s"]);
    assert_eq!(
        wrong("default: \"none\"", "default: 7.0"),
        ["8:34 the number `7.0` is not text: quote it | such as TEXT"]
    );
    assert_eq!(
        wrong("default: best", "default: rdb"),
        ["6:62 `rdb` can't be the default of a recovery point | the default is `best`"]
    );
    assert_eq!(wrong("{ type: duration,", "{ type: duration, kinds: [rdb],"), ["7:31 only a recovery_point has kinds"]);
    assert_eq!(
        wrong(
            "  note: { type: string, default: \"none\" }",
            "  note: { type: string, default: \"none\" }\n  No-Way: { type: int }"
        ),
        [
            "9:3 `No-Way` can't be the name of a parameter | letters, digits and _, so that expressions can read it as params.<name>"
        ]
    );
    let without = GOOD.replace("  point: { type: recovery_point, kinds: [aof, rdb], default: best }\n", "");
    assert!(refused(&without, &nothing).iter().any(|e| e.contains("there is no name `point`")));
}

#[test]
fn all_errors_come_at_once_in_order() {
    let text = GOOD
        .replace("risk: low", "risk: lo")
        .replace("has(server.answers)", "has(server.answer)")
        .replace("id: verify", "id: stop")
        .replace("argv: [/bin/echo", "argv: [echo");
    let lines: Vec<String> =
        refused(&text, &nothing).iter().map(|e| e.split(':').next().unwrap().to_string()).collect();
    assert_eq!(lines, ["4", "17", "29", "37"]);
}

#[test]
fn given_parameters_are_read_by_their_type() {
    let bind = |given: &[(&str, &str)]| {
        let given: BTreeMap<String, String> = given.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        good()
            .bind_params(&given, &serde_json::Map::new())
            .map(serde_json::Value::Object)
            .map_err(|e| e.iter().map(|e| format!("{} | {}", e.message, e.hint)).collect::<Vec<_>>())
    };
    assert_eq!(bind(&[("patience", "2m")]).unwrap(), json!({"patience": 120.0, "note": "none"}));
    assert_eq!(
        bind(&[("patience", "2"), ("nota", "x")]).unwrap_err(),
        [
            "runbook mine has no parameter `nota` | did you mean `note`?",
            "parameter `patience`: `2` is not a duration: write a number with ms, s, m, h or d, such as 30s | such as --param patience=30s",
        ]
    );
    let decided = json!({"patience": 9, "other": 1});
    let bound = good().bind_params(&BTreeMap::new(), decided.as_object().unwrap());
    assert_eq!(bound.unwrap()["patience"], json!(9));
    let open = GOOD.replace("{ type: duration, default: 30s }", "{ type: duration }");
    let error = &load(&open, "mine.yaml", &nothing)
        .unwrap()
        .bind_params(&BTreeMap::new(), &serde_json::Map::new())
        .unwrap_err()[0];
    assert_eq!(error.to_string(), "runbook mine needs the parameter `patience`");
    for (kind, good, bad) in [
        (ParamType::Int, "3", "3.5"),
        (ParamType::Bool, "yes", "1"),
        (ParamType::Size, "64MiB", "64 foo"),
        (ParamType::Path, "/x", "x"),
    ] {
        assert!(kind.parse(good).is_ok() && kind.parse(bad).is_err(), "{kind:?}");
        assert!(kind.parse(kind.example()).is_ok());
    }
}

#[test]
fn a_settled_runbook_reads_no_parameters() {
    let text =
        GOOD.replace("that: has(server.answers)", "that: server.uptime > params.patience && has(params.point.keys)");
    let book = load(&text, "mine.yaml", &nothing).unwrap();
    let params = book.bind_params(&BTreeMap::new(), &serde_json::Map::new()).unwrap();
    let settled = book.settle(&params);
    assert_eq!(settled.steps[0].before[0].that.source(), "(server.uptime > 30000ms) && has(point.keys)");
    assert!(settled.names().iter().all(|n| !n.starts_with("params")));
}

const OUTER: &str = r#"version: 1
runbook: outer
title: Around it
risk: high
params:
  point: { type: recovery_point, kinds: [rdb], default: best }
  wait: { type: duration, default: 1m }
steps:
  - id: inner
    title: The other one
    before: [{ that: "!has(server.role)" }]
    after: [{ that: server.writable }]
    do: { runbook: { id: mine, params: { point: "${point}", patience: "${params.wait * 2}", note: say "hi" } } }
recovered:
  - that: server.answers
"#;

fn including(text: &str) -> Result<Runbook, Vec<crate::yaml::Diag>> {
    load(text, "outer.yaml", &|id| (id == "mine").then(|| Source::new("mine.yaml", GOOD)))
}

#[test]
fn includes_are_flattened_with_their_parameters() {
    let book = including(OUTER).unwrap_or_else(|d| panic!("{}", crate::yaml::render(&d, "outer.yaml", OUTER)));
    let ids: Vec<&str> = book.steps.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["inner.stop", "inner.start", "inner.verify", "inner.open", "inner.tell"]);
    let mut scope = facts();
    scope["params"] = json!({"wait": 60});
    let Action::ServiceStop(stop) = book.steps[0].action.resolve(&scope).unwrap() else { panic!() };
    assert_eq!(stop.timeout.0, 120.0);
    let Action::Run(run) = book.steps[4].action.resolve(&scope).unwrap() else { panic!() };
    assert_eq!(run.argv[1], "say \"hi\"");
    let Action::DataVerify(verify) = book.steps[2].action.resolve(&scope).unwrap() else { panic!() };
    assert_eq!(verify.against.0, "rdb");
    // The outer gate, what the inner one requires, the step's own.
    let before: Vec<&str> = book.steps[0].before.iter().map(|g| g.that.source()).collect();
    assert_eq!(before, ["!has(server.role)", "point.valid == \"intact\"", "has(server.answers)"]);
    let after: Vec<&str> = book.steps[4].after.iter().map(|g| g.that.source()).collect();
    assert_eq!(after, ["server.answers && server.writable", "server.writable"]);
    assert!(book.names().contains("params.wait") && !book.names().contains("params.patience"));
}

#[test]
fn includes_are_checked() {
    let wrong = |from: &str, to: &str| {
        let text = OUTER.replacen(from, to, 1);
        let errors = including(&text).expect_err(to);
        errors
            .iter()
            .map(|d| format!("{}:{} {} | {}", d.line, d.column, d.message, d.hint.clone().unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        wrong("id: mine", "id: mone"),
        ["13:26 there is no runbook `mone` | `redis-dr runbook list` shows them"]
    );
    assert_eq!(
        wrong("patience:", "patiense:"),
        ["13:61 runbook mine has no parameter `patiense` | did you mean `patience`?"]
    );
    assert_eq!(wrong("\"${params.wait * 2}\"", "12"), ["13:71 the number `12` has no unit | such as 30s"]);
    assert_eq!(
        wrong("\"${params.wait * 2}\"", "\"${server.keys}\""),
        ["13:74 a duration is wanted here, this is a whole number | "]
    );
    assert_eq!(
        wrong("kinds: [rdb]", "kinds: [rdb, backup]"),
        ["13:49 `point` may be of kind backup, which the included runbook does not take | it takes aof, rdb"]
    );
    assert_eq!(
        wrong("    before: [{ that: \"!has(server.role)\" }]", "    retry: { times: 1, every: 1s }"),
        ["11:5 `retry` can't stand on an include | put it on the steps of the included runbook"]
    );
    // Not given, it is the including runbook's own point.
    assert!(including(&OUTER.replace("point: \"${point}\", ", "")).is_ok());
}

#[test]
fn an_include_of_itself_is_an_error() {
    let a = OUTER.replace("runbook: outer", "runbook: mine").replace(
        "id: mine, params: { point: \"${point}\", patience: \"${params.wait * 2}\", note: say \"hi\" }",
        "id: mine",
    );
    let found = refused(&a, &|_| Some(Source::new("mine.yaml", a.clone())));
    assert_eq!(found, ["13:26 this runbook includes itself: mine → mine"]);
}

#[test]
fn graphs_show_steps_and_gates() {
    let book = good();
    let text = book.outline();
    assert!(text.contains("mine  Start it again  (risk: low)"), "{text}");
    assert!(text.contains("only if !server.answers") && text.contains("tried again 2 times, every 5 s"), "{text}");
    let chart = book.chart().mermaid();
    assert!(
        chart.starts_with("flowchart TD\n")
            && chart.contains("service.open")
            && chart.contains("point.valid == #quot;intact#quot;"),
        "{chart}"
    );
    assert!(!chart.contains("\"\""));
}

#[test]
fn the_library_prefers_the_operators_own() {
    let library = Library::new(vec![Source::new("/etc/x/restart.yaml", "mine")], builtin());
    assert_eq!(library.get("restart").unwrap().text, "mine");
    assert!(!library.get("restart").unwrap().is_builtin() && library.get("restore-rdb").unwrap().is_builtin());
    assert_eq!(library.nearest("restor-rdb"), Some("restore-rdb"));
}

#[test]
fn the_schema_knows_every_action_and_the_include() {
    let text = schema().to_string();
    assert!(text.contains("service.stop") && text.contains("Carry out another runbook"));
}

proptest::proptest! {
    #[test]
    fn a_mangled_file_is_refused_and_never_panics(at in 0..GOOD.len(), len in 0..40_usize, put in "[a-z${}:\\[\\]\"' \\n|&-]{0,6}") {
        let end = (at + len).min(GOOD.len());
        let text = format!("{}{put}{}", GOOD.get(..at).unwrap_or(""), GOOD.get(end..).unwrap_or(""));
        if let Err(diags) = load(&text, "mine.yaml", &nothing) {
            proptest::prop_assert!(!diags.is_empty());
            let _ = crate::yaml::render(&diags, "mine.yaml", &text);
        }
    }
}
