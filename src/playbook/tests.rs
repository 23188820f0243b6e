#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::expr::Truth;
use crate::facts::{Decision, Outcome, Point, RuleVerdict};
use crate::runbook::Library;
use serde_json::{Value as Json, json};

fn shelves<T>(own: Vec<Source>, with: impl FnOnce(&Shelves<'_>) -> T) -> T {
    let runbooks = Library::new(vec![Source::new("needy.yaml", NEEDY)], crate::runbook::builtin());
    let playbooks = Library::new(own, builtin());
    with(&Shelves { runbooks: &|id| runbooks.get(id).cloned(), playbooks: &|id| playbooks.get(id).cloned() })
}

const NEEDY: &str = r#"version: 1
runbook: needy
title: Needs much
risk: low
params: { wait: { type: duration }, note: { type: string, default: x } }
steps:
  - id: tell
    title: Tell
    do: { run: { argv: [/bin/echo, "${params.note}"], timeout: "${params.wait}" } }
recovered:
  - that: server.answers
"#;

const GOOD: &str = r#"version: 1
playbook: mine
title: Mine
assess: [server, points]
decide:
  - when: server.loading
    because: "It is at ${server.loading_percent} percent."
    outcome: wait
  - when: server.answers && server.clients > 100
    because: Busy.
    runbook: needy
    with: { wait: "${server.uptime * 2}", note: hello }
  - when: points.usable
    because: The best point is restored.
    restore: { aof: restart, backup: restore-backup }
  - otherwise: needs_human
    because: Nothing fits.
"#;

fn good() -> Playbook {
    shelves(vec![], |s| load(GOOD, "mine.yaml", s))
        .unwrap_or_else(|d| panic!("{}", crate::yaml::render(&d, "mine.yaml", GOOD)))
}

fn wrong(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "{from}");
    let text = GOOD.replacen(from, to, 1);
    let own = vec![Source::new("mine.yaml", text.clone())];
    let errors = shelves(own, |s| load(&text, "mine.yaml", s)).expect_err(to);
    errors
        .iter()
        .map(|d| {
            let hint = d.hint.as_ref().map(|h| format!(" | {h}"));
            format!("{} {}{}", d.line, d.message, hint.unwrap_or_default())
        })
        .collect()
}

fn down() -> Json {
    let mut facts = baseline::healthy();
    facts["server"]["answers"] = json!(false);
    facts["points"]["usable"] = json!(true);
    facts
}

fn point(id: &str, kind: &str) -> Point {
    let mut point = baseline::point();
    point["id"] = json!(id);
    point["kind"] = json!(kind);
    serde_json::from_value(point).unwrap()
}

fn decided(facts: &Json, points: &[Point], choice: &Choice) -> Decision {
    decide(&good(), facts, points, choice)
}

#[test]
fn every_built_in_playbook_is_valid() {
    assert!(!builtin().is_empty());
    for source in builtin() {
        let loaded = shelves(vec![], |s| load(&source.text, &source.file, s));
        if let Err(diags) = loaded {
            panic!("{}", crate::yaml::render(&diags, &source.file, &source.text));
        }
    }
}

#[test]
fn every_built_in_case_comes_out_as_expected() {
    let mut problems = Vec::new();
    for source in builtin_cases() {
        let cases =
            cases(&source.text).unwrap_or_else(|d| panic!("{}", crate::yaml::render(&d, &source.file, &source.text)));
        let text = builtin().into_iter().find(|s| s.id == cases[0].playbook).unwrap();
        let playbook = shelves(vec![], |s| load(&text.text, &text.file, s)).unwrap();
        let mut decided = std::collections::BTreeSet::new();
        for case in &cases {
            let result = run_case(&playbook, case, &|file| Err(format!("{file} is not there")));
            problems.extend(result.problems.iter().map(|p| format!("{}: {p}", result.name)));
            let path = result.decision.map(|d| d.path).unwrap_or_default();
            decided.extend(path.into_iter().filter(|r| r.verdict == RuleVerdict::Matched).map(|r| r.rule));
        }
        for (i, rule) in playbook.rules.iter().enumerate() {
            if !decided.contains(&rule.name(i + 1)) {
                problems.push(format!("no case ends at `{}`", rule.name(i + 1)));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_baseline_is_of_the_types_of_the_facts() {
    let healthy = baseline::healthy();
    for (name, _) in crate::runbook::vocabulary().names() {
        let value = name.split('.').try_fold(&healthy, |at, part| at.get(part));
        assert!(value.is_some(), "{name}");
    }
    let expr = crate::expr::check("server.answers && server.writable", &crate::runbook::vocabulary(), None).unwrap();
    assert_eq!(expr.truth(&healthy), Truth::True);
}

#[test]
fn the_first_rule_that_holds_decides_and_says_why() {
    let mut facts = down();
    facts["server"]["loading"] = json!(true);
    facts["server"]["loading_percent"] = json!(42.0);
    let d = decided(&facts, &[], &Choice::default());
    assert_eq!((d.outcome, d.because.as_str()), (Outcome::Wait, "It is at 42 percent."));
    assert_eq!(d.path.len(), 1);
    assert_eq!((d.path[0].rule.as_str(), d.path[0].evidence.as_str()), ("1: server.loading", "server.loading is true"));
    let d = decided(&down(), &[point("b", "backup"), point("aof", "aof")], &Choice::default());
    let verdicts: Vec<RuleVerdict> = d.path.iter().map(|r| r.verdict).collect();
    assert_eq!(verdicts, [RuleVerdict::Rejected, RuleVerdict::Rejected, RuleVerdict::Matched]);
    assert_eq!(d.path[1].evidence, "server.answers is false, server.clients is 10");
    assert_eq!(
        (d.outcome, d.runbook.as_deref(), d.point.as_deref()),
        (Outcome::Runbook, Some("restore-backup"), Some("b"))
    );
    assert_eq!(d.alternatives.len(), 1);
    assert_eq!((d.alternatives[0].point.as_str(), d.alternatives[0].runbook.as_str()), ("aof", "restart"));
    let mut none = down();
    none["points"]["usable"] = json!(false);
    let d = decided(&none, &[], &Choice::default());
    assert_eq!((d.outcome, d.because.as_str()), (Outcome::NeedsHuman, "Nothing fits."));
}

#[test]
fn a_rule_that_comes_out_unknown_stops_the_tree_until_a_person_answers() {
    let mut facts = down();
    facts["server"]["loading"] = Json::Null;
    facts["unknown"] = json!({"server": "no route to host"});
    let points = [point("aof", "aof")];
    let d = decided(&facts, &points, &Choice::default());
    assert_eq!(d.outcome, Outcome::NeedsHuman);
    assert_eq!(d.because, "it can't be told whether this rule holds: server.loading is unknown (no route to host)");
    assert_eq!(open_question(&d).unwrap().rule, "1: server.loading");
    for (key, said, outcome) in
        [("1: server.loading", true, Outcome::Wait), ("server.loading", false, Outcome::Runbook)]
    {
        let choice = Choice { answers: [(key.to_string(), said)].into(), ..Choice::default() };
        let d = decided(&facts, &points, &choice);
        assert_eq!(d.outcome, outcome);
        assert!(d.path[0].evidence.starts_with(if said { "a person said yes" } else { "a person said no" }));
        assert!(open_question(&d).is_none());
    }
}

#[test]
fn a_chosen_point_brings_its_runbook() {
    let points = [point("b", "backup"), point("aof", "aof"), point("dump", "rdb")];
    let choose = |id: &str| decided(&down(), &points, &Choice { point: Some(id.into()), ..Choice::default() });
    let d = choose("aof");
    assert_eq!((d.runbook.as_deref(), d.point.as_deref()), (Some("restart"), Some("aof")));
    assert_eq!(choose("dump").because, "no runbook of this playbook restores the recovery point `dump`");
    assert_eq!(choose("x").because, "there is no recovery point `x`");
    assert_eq!(choose("x").outcome, Outcome::NeedsHuman);
}

#[test]
fn points_that_cannot_be_restored_are_not_taken() {
    let mut damaged = point("b", "backup");
    damaged.valid = crate::facts::Validity::Damaged;
    let d = decided(&down(), &[damaged.clone(), point("aof", "aof")], &Choice::default());
    assert_eq!(d.point.as_deref(), Some("aof"));
    let d = decided(&down(), &[damaged], &Choice::default());
    assert_eq!((d.outcome, d.runbook), (Outcome::NeedsHuman, None));
    assert_eq!(d.because, "The best point is restored. But no recovery point that it could restore is usable.");
}

#[test]
fn parameters_of_a_rule_are_resolved() {
    let mut facts = baseline::healthy();
    facts["server"]["clients"] = json!(500);
    let d = decided(&facts, &[], &Choice::default());
    assert_eq!((d.runbook.as_deref(), d.point), (Some("needy"), None));
    assert_eq!(Json::Object(d.params), json!({"wait": 172_800, "note": "hello"}));
    facts["server"]["uptime"] = Json::Null;
    let d = decided(&facts, &[], &Choice::default());
    assert_eq!(
        (d.outcome, d.because.as_str()),
        (Outcome::NeedsHuman, "the parameter `wait` can't be known: server.uptime is unknown")
    );
}

#[test]
fn rules_are_checked() {
    assert_eq!(
        wrong("server.loading\n", "server.loadin\n"),
        ["6 `server` has no `loadin` | did you mean `server.loading`?"]
    );
    assert_eq!(
        wrong("${server.loading_percent}", "${server.load}"),
        ["7 `server` has no `load` | did you mean `server.loading`?"]
    );
    assert_eq!(
        wrong("server.answers && server.clients > 100", "server.clients"),
        ["9 a yes/no value is wanted here, this is a whole number | compare it: `server.clients > 0`"]
    );
    assert_eq!(
        wrong("    outcome: wait\n", ""),
        ["6 this rule leads nowhere | outcome: healthy | wait | needs_human, or runbook, restore or playbook"]
    );
    assert_eq!(
        wrong("outcome: wait", "outcome: wait\n    runbook: restart"),
        ["9 a rule leads to one end, this has outcome and runbook"]
    );
    assert_eq!(
        wrong("outcome: wait", "outcome: wait\n    otherwise: wait")[0],
        "9 a rule has `when` or `otherwise`, not both"
    );
    assert_eq!(wrong("when: server.loading\n    because", "because"), ["6 a rule needs `when` or `otherwise`"]);
    assert_eq!(
        wrong("outcome: wait", "outcome: wait\n    with: { a: 1 }"),
        ["9 `with` gives parameters to a `runbook`, and there is none"]
    );
    assert_eq!(
        wrong("because: Nothing fits.", "because: Nothing fits.\n    runbook: restart"),
        [
            "18 `otherwise` names the outcome itself | a rule that always holds and leads to a runbook is written `when: true`"
        ]
    );
    assert!(wrong("outcome: wait", "outcome: wat")[0].contains("wait"));
    assert!(wrong("[server, points]", "[server, pionts]")[0].contains("points"));
}

#[test]
fn every_branch_ends_in_a_runbook_that_exists_and_fits() {
    assert_eq!(
        wrong("aof: restart", "aof: restrat"),
        ["15 there is no runbook `restrat` | `redis-dr runbook list` shows them"]
    );
    assert_eq!(
        wrong("aof: restart", "aof: restore-backup"),
        ["15 runbook restore-backup does not restore points of kind aof | it takes backup"]
    );
    assert_eq!(
        wrong("aof: restart", "aof: needy")[0],
        "15 runbook needy does not restore points of kind aof | it takes no point"
    );
    assert!(wrong("aof: restart", "aoff: restart")[0].contains("aof"));
    assert_eq!(
        wrong("wait: \"${server.uptime * 2}\", ", ""),
        ["11 runbook needy needs the parameter `wait` | with: { wait: 30s }"]
    );
    assert_eq!(wrong("note: hello", "note: 7"), ["12 the number `7` is not text: quote it | such as TEXT"]);
    assert_eq!(
        wrong("note: hello", "nota: hello"),
        ["12 runbook needy has no parameter `nota` | did you mean `note`?"]
    );
    assert_eq!(
        wrong("${server.uptime * 2}", "${server.clients}"),
        ["12 a duration is wanted here, this is a whole number"]
    );
    assert_eq!(
        wrong(
            "runbook: needy\n    with: { wait: \"${server.uptime * 2}\", note: hello }",
            "runbook: restart\n    with: { point: x }"
        ),
        [
            "12 the recovery point is not chosen by a rule | it is the best one of its kinds, or the one that a person chooses"
        ]
    );
    assert_eq!(
        wrong("outcome: wait", "playbook: nope"),
        ["8 there is no playbook `nope` | `redis-dr playbook list` shows them"]
    );
    assert_eq!(wrong("outcome: wait", "playbook: mine"), ["8 this playbook leads to itself: mine → mine"]);
}

#[test]
fn a_rule_that_can_never_be_reached_is_an_error() {
    assert_eq!(
        wrong("when: server.loading\n", "when: true\n"),
        [
            "9 this rule can never be reached | rule 1 before it always holds",
            "13 this rule can never be reached | rule 1 before it always holds",
            "16 this rule can never be reached | rule 1 before it always holds"
        ]
    );
    assert_eq!(
        wrong("when: server.loading\n", "when: 1 > 2 && server.loading\n"),
        ["6 this rule can never hold | its condition is false whatever the facts are"]
    );
    assert_eq!(
        wrong("when: points.usable", "when: (server.loading)"),
        ["13 this rule can never be reached | rule 1 takes all of it: server.loading"]
    );
    assert_eq!(
        wrong("when: points.usable", "when: points.usable && server.loading"),
        ["13 this rule can never be reached | rule 1 takes all of it: server.loading"]
    );
    assert_eq!(
        wrong("when: points.usable", "when: server.loading || server.clients > 100 && server.answers"),
        ["13 this rule can never be reached | the rules before it together take all of it"]
    );
    let after = format!("{GOOD}  - when: server.busy\n    because: Late.\n    outcome: wait\n");
    let errors = shelves(vec![], |s| load(&after, "mine.yaml", s)).unwrap_err();
    assert_eq!(errors[0].hint.as_deref(), Some("rule 4 before it always holds"));
}

#[test]
fn another_playbook_goes_on() {
    let outer = "version: 1\nplaybook: outer\ntitle: Outer\nassess: [server]\ndecide:\n  - when: '!server.answers'\n    because: Down.\n    playbook: mine\n  - otherwise: healthy\n    because: Up.\n";
    let own = || vec![Source::new("mine.yaml", GOOD)];
    let outer = shelves(own(), |s| load(outer, "outer.yaml", s)).unwrap();
    let d = decide(&outer, &down(), &[point("aof", "aof")], &Choice::default());
    assert_eq!((d.playbook.as_str(), d.runbook.as_deref()), ("outer", Some("restart")));
    assert_eq!(d.path.last().unwrap().rule, "mine 3: points.usable");
    assert!(outer.runbooks().contains("needy") && outer.names().contains("server.loading"));
    assert!(outer.chart().mermaid().contains("r0_0") && outer.outline().contains("server.loading"));
}

#[test]
fn graphs_show_rules_and_ends() {
    let text = good().outline();
    assert!(text.contains(" 1  server.loading\n        → wait\n"), "{text}");
    assert!(text.contains("aof: runbook restart, backup: runbook restore-backup"), "{text}");
    let chart = good().chart().mermaid();
    assert!(
        chart.contains("r0{\"server.loading\"}")
            && chart.contains("r0 -->|no| r1")
            && chart.contains("server.clients #gt; 100"),
        "{chart}"
    );
}

#[test]
fn cases_are_checked_and_say_what_went_wrong() {
    let file = |body: &str| format!("version: 1\nplaybook: mine\ncases:\n  - name: one\n{body}");
    let errors = |body: &str| -> Vec<String> {
        cases(&file(body)).unwrap_err().iter().map(|d| format!("{} {}", d.line, d.message)).collect()
    };
    assert_eq!(errors("    facts: { server.answer: true }\n    expect: {}\n"), ["5 `server` has no `answer`"]);
    assert!(
        errors("    facts: { server.answers: perhaps }\n    expect: {}\n")[0]
            .starts_with("5 `server.answers` can't be this")
    );
    assert!(errors("    points: [{ kind: rbd }]\n    expect: {}\n")[0].starts_with("5 this is not a point"));
    assert_eq!(errors("    points: [{ kind: rdb, validd: x }]\n    expect: {}\n"), ["5 a point has no `validd`"]);
    assert!(errors("    findings: [server.hang]\n    expect: {}\n")[0].contains("server.hang"));
    let run = |body: &str| run_case(&good(), &cases(&file(body)).unwrap()[0], &|_| Err("no such file".into())).problems;
    assert_eq!(
        run("    facts: { server.loading: true }\n    expect: { rule: 1, outcome: wait }\n"),
        Vec::<String>::new()
    );
    assert_eq!(
        run("    facts: { server.loading: true }\n    expect: { rule: points.usable, outcome: healthy, runbook: x }\n"),
        [
            "rule `points.usable` was expected to decide, it was `1: server.loading` (server.loading is true)",
            "outcome healthy was expected, it is wait",
            "runbook x was expected, it is none"
        ]
    );
    assert_eq!(
        run("    facts: { server.loading: null }\n    expect: {}\n"),
        ["the tree stopped at `1: server.loading`: server.loading is unknown"]
    );
    assert_eq!(run("    expect: { unknown: true }\n").len(), 1);
    assert_eq!(
        run(
            "    facts: { server.loading: null }\n    answers: { server.loading: true }\n    expect: { outcome: wait }\n"
        ),
        Vec::<String>::new()
    );
    assert_eq!(run("    assessment: saved.json\n    expect: {}\n"), ["no such file"]);
}

proptest::proptest! {
    #[test]
    fn a_mangled_file_is_refused_and_never_panics(at in 0..GOOD.len(), len in 0..40_usize, put in "[a-z${}:\\[\\]\"' \\n|&-]{0,6}") {
        let end = (at + len).min(GOOD.len());
        let text = format!("{}{put}{}", GOOD.get(..at).unwrap_or(""), GOOD.get(end..).unwrap_or(""));
        if let Err(diags) = shelves(vec![], |s| load(&text, "mine.yaml", s)) {
            proptest::prop_assert!(!diags.is_empty());
            let _ = crate::yaml::render(&diags, "mine.yaml", &text);
        }
    }
}
