#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use proptest::prelude::*;
use serde_json::json;

fn types() -> Types {
    Types::from_schema(&json!({
        "type": "object",
        "properties": {
            "server": { "$ref": "#/$defs/Server" },
            "findings": { "type": "object", "properties": {
                "worst_now": { "description": "worst", "$ref": "#/$defs/Severity" },
                "ids": { "type": "array", "items": { "type": "string" } },
            }},
            "memory": { "type": "object", "properties": {
                "used": { "type": ["integer", "null"], "format": "bytes" },
                "free": { "type": ["integer", "null"], "format": "bytes" },
            }},
            "directives": { "type": "object", "additionalProperties": { "type": "string" } },
        },
        "$defs": {
            "Server": { "type": "object", "properties": {
                "answers": { "type": ["boolean", "null"] },
                "role": { "anyOf": [{ "$ref": "#/$defs/Role" }, { "type": "null" }] },
                "version": { "type": ["string", "null"] },
                "clients": { "type": ["integer", "null"], "format": "uint64" },
                "load": { "type": ["number", "null"] },
                "uptime": { "type": ["number", "null"], "format": "duration" },
                "started": { "type": ["string", "null"], "format": "date-time" },
                "parent": { "$ref": "#/$defs/Server" },
            }},
            "Role": { "type": "string", "oneOf": [
                { "description": "a", "type": "string", "const": "master" },
                { "type": "string", "enum": ["slave", "sentinel"] },
            ]},
            "Severity": { "type": "string", "enum": ["healthy", "minor", "major", "critical"], "x-ordered": true },
        },
    }))
    .with("point", Type::object("Point", [("kind".into(), Type::words("Kind", &["rdb", "aof", "aof-cut"], false))]))
}

fn facts() -> serde_json::Value {
    json!({
        "server": { "answers": false, "role": "master", "version": "7.0.15", "clients": 12, "load": 0.5,
                    "uptime": 90.5, "started": "2026-11-21T03:00:00Z" },
        "findings": { "worst_now": "major", "ids": ["server.hung", "disk.low"] },
        "memory": { "used": 1_048_576, "free": null },
        "directives": { "dir": "/var/lib/redis" },
        "point": { "id": "rdb", "kind": "rdb" },
    })
}

fn value(src: &str) -> Value {
    check(src, &types(), None).unwrap_or_else(|e| panic!("{src}: {e:?}")).eval(&facts())
}

fn bool(src: &str) -> bool {
    match value(src) {
        Value::Bool(b) => b,
        other => panic!("{src} is {other:?}"),
    }
}

/// `line` under `offset..len` as a caret line, then the message and the hint.
fn errors(src: &str) -> String {
    let errors = check(src, &types(), Some(&Type::Bool)).expect_err(src);
    let lines = errors.iter().map(|e| {
        let caret = format!("{}{}", " ".repeat(e.offset), "^".repeat(e.len.max(1)));
        let hint = e.hint.as_ref().map(|h| format!("\n  {h}")).unwrap_or_default();
        format!("{caret}\n{}{hint}", e.message)
    });
    format!("{src}\n{}", lines.collect::<Vec<_>>().join("\n"))
}

fn error(src: &str, message: &str, hint: &str) {
    let found = check(src, &types(), Some(&Type::Bool)).expect_err(src);
    assert_eq!(found.len(), 1, "{src}: {found:?}");
    assert_eq!((found[0].message.as_str(), found[0].hint.as_deref().unwrap_or("")), (message, hint), "{src}");
}

#[test]
fn literals_have_their_types() {
    assert_eq!(value("'a\\'b\"'"), Value::Str("a'b\"".into()));
    assert_eq!(value("12"), Value::Int(12));
    assert_eq!(value("0.5"), Value::Float(0.5));
    assert_eq!(value("1h30m"), Value::Duration(5400.0));
    assert_eq!(value("500ms"), Value::Duration(0.5));
    assert_eq!(value("64MB"), Value::Size(64_000_000));
    assert_eq!(value("1GiB"), Value::Size(1 << 30));
    assert_eq!(value("time('2026-11-21T03:12:44Z')").to_string(), "2026-11-21T03:12:44Z");
    assert_eq!(value("-3"), Value::Int(-3));
}

#[test]
fn precedence_is_that_of_cel() {
    assert_eq!(value("1 + 2 * 3 - 4 / 2"), Value::Float(5.0));
    assert!(bool("true || false && false"));
    assert!(bool("!false && !(true && false)"));
    assert!(bool("1 + 1 == 2 && 2 < 3"));
    assert!(bool("point.kind in ['rdb', 'aof'] && true"));
}

#[test]
fn comparisons_work_on_every_type() {
    assert!(bool("server.clients == 12 && server.clients < 12.5 && server.load <= 0.5"));
    assert!(bool("server.uptime > 90s && server.uptime < 2m"));
    assert!(bool("memory.used == 1MiB && memory.used != 1MB && memory.used > 0"));
    assert!(bool("server.started < time('2026-11-21T03:00:01Z')"));
    assert!(bool("findings.worst_now >= 'major' && 'critical' > findings.worst_now"));
    assert!(bool("server.role == \"master\" && 'slave' != server.role"));
    assert!(bool("'disk.low' in findings.ids && !('disk.full' in findings.ids)"));
    assert!(bool("directives.dir == '/var/lib/redis'"));
}

#[test]
fn arithmetic_follows_the_units() {
    assert_eq!(value("server.uptime * 2 + 9s"), Value::Duration(190.0));
    assert_eq!(value("memory.used * 1.5"), Value::Size(1_572_864));
    assert_eq!(value("memory.used / 512KiB"), Value::Float(2.0));
    assert_eq!(value("7 / 2"), Value::Float(3.5));
    assert_eq!(value("server.started + 1h - server.started"), Value::Duration(3600.0));
    assert_eq!(value("'a' + server.version"), Value::Str("a7.0.15".into()));
}

#[test]
fn unknown_follows_kleene_and_says_what_was_not_observed() {
    assert!(!bool("false && memory.free > 1MB"));
    assert!(!bool("memory.free > 1MB && false"));
    assert!(bool("memory.free > 1MB || true"));
    for src in ["memory.free > 1MB", "!(memory.free > 1MB)", "memory.free > 1MB && true", "false || memory.free < 1B"] {
        let Value::Unknown(u) = value(src) else { panic!("{src}") };
        assert_eq!(u.to_string(), "memory.free is unknown", "{src}");
    }
    let Value::Unknown(u) = value("server.parent.answers || memory.free + memory.used > 1B") else { panic!() };
    assert_eq!(u.to_string(), "memory.free, server.parent.answers are unknown");
    assert!(!bool("has(memory.free)") && bool("has(memory.used)") && !bool("has(server.parent.role)"));
}

#[test]
fn what_cannot_be_computed_is_unknown_with_the_reason() {
    let why = |src: &str| match value(src) {
        Value::Unknown(u) => u.to_string(),
        other => panic!("{src} is {other:?}"),
    };
    assert_eq!(why("1 / 0 > 1"), "a division by zero");
    assert_eq!(why("memory.used / 0"), "a division by zero");
    assert_eq!(why("9223372036854775807 + 1"), "a number is out of range");
    let expr = check("server.role == 'master'", &types(), None).unwrap();
    let Truth::Unknown(u) = expr.truth(&json!({"server": {"role": "king"}})) else { panic!() };
    assert_eq!(u.to_string(), r#"server.role is "king", which is not one of "master", "slave", "sentinel""#);
    let expr = check("server.clients > 1", &types(), None).unwrap();
    let Truth::Unknown(u) = expr.truth(&json!({"server": {"clients": "many"}})) else { panic!() };
    assert_eq!(u.to_string(), r#"server.clients is "many", which is not a whole number"#);
}

#[test]
fn a_wrong_name_is_pointed_at_and_the_near_one_told() {
    error("sever.answers", "there is no name `sever`", "did you mean `server`?");
    error("server.answer", "`server` has no `answer`", "did you mean `server.answers`?");
    error("server.parent.rol == 'slave'", "`server.parent` has no `rol`", "did you mean `server.parent.role`?");
    error("server.answers.x", "`server.answers` is a yes/no value and has no parts", "");
    error("memory.xyzzyx > 1B", "`memory` has no `xyzzyx`", "it has free, used");
    error("server.role == master", "there is no name `master`", "text is quoted: \"master\"");
    error(
        "has(server.nothing_like_it)",
        "`server` has no `nothing_like_it`",
        "it has answers, clients, load, parent, role, started, uptime, version",
    );
    assert!(errors("true && server.answer").starts_with("true && server.answer\n               ^^^^^^\n"));
}

#[test]
fn types_that_do_not_meet_are_errors() {
    error(
        "server.clients == 'many'",
        "a whole number can't be compared with text",
        "numbers, true and false are not quoted",
    );
    error("server.version == 7", "text can't be compared with a whole number", "text is quoted");
    error(
        "server.uptime > 30",
        "a duration can't be compared with a whole number",
        "a duration has a unit and no quotes: 30s",
    );
    error(
        "memory.used > 100",
        "a size can't be compared with a whole number",
        "a size has a unit and no quotes: 64MiB",
    );
    error("server.answers == 'yes'", "a yes/no value can't be compared with text", "leave the comparison out");
    error(
        "server.started > '2026'",
        "a time can't be compared with text",
        "a moment is written time(\"2026-11-21T03:12:44Z\")",
    );
    error("server == server", "a group of facts (Server) can't be compared with a group of facts (Server)", "");
    error("memory.used + 1s > 0", "`+` can't be used between a size and a duration", "");
    error(
        "server.clients in 12",
        "`in` takes a list on its right, this is a whole number",
        "such as [\"rdb\", \"backup\"]",
    );
    error("server.clients in []", "an empty list holds nothing to compare with", "");
    error("1 in [1, 'a']", "a list holds values of one type: this is text, the first a whole number", "");
    error("-server.version == 'a'", "`-` takes a number, this is text", "");
    error("has(1)", "has() takes a name", "such as has(persistence.aof_enabled)");
}

#[test]
fn there_is_no_truthiness() {
    error(
        "server.clients && true",
        "`&&` takes yes/no values, this is a whole number",
        "compare it: `server.clients > 0`",
    );
    error("!server.version", "`!` takes yes/no values, this is text", "compare it with something");
    error(
        "true || server.role",
        "`||` takes yes/no values, this is one of \"master\", \"slave\", \"sentinel\"",
        "compare it: `server.role == \"master\"`",
    );
    error("server.uptime", "a yes/no value is wanted here, this is a duration", "compare it: `server.uptime > 0`");
    error(
        "server",
        "a yes/no value is wanted here, this is a group of facts (Server)",
        "`has(server)` asks whether it was observed",
    );
}

#[test]
fn words_are_checked_and_only_ordered_ones_compare() {
    error(
        "server.role == 'mastr'",
        "\"mastr\" is not a word of `Role`",
        "did you mean \"master\"? the words are \"master\", \"slave\", \"sentinel\"",
    );
    error(
        "findings.worst_now < 'red'",
        "\"red\" is not a word of `Severity`",
        "the words are \"healthy\", \"minor\", \"major\", \"critical\"",
    );
    error(
        "point.kind in ['rdb', 'aof-ct']",
        "\"aof-ct\" is not a word of `Kind`",
        "did you mean \"aof-cut\"? the words are \"rdb\", \"aof\", \"aof-cut\"",
    );
    error(
        "server.role < 'slave'",
        "the words \"master\", \"slave\", \"sentinel\" have no order, so `<` means nothing",
        "use `==` or `in [..]`",
    );
    error(
        "server.version < '8'",
        "text has no order, so `<` means nothing",
        "as text \"10.0\" would be smaller than \"7.0\"; use `==` or `in [..]`",
    );
    error(
        "server.role == server.version",
        "words of an enumeration are compared with quoted words",
        "they are \"master\", \"slave\", \"sentinel\"",
    );
    error("true < server.answers", "yes/no values have no order, so `<` means nothing", "");
}

#[test]
fn slips_of_the_pen_get_the_right_word() {
    error("server.answers and true", "`and` was not expected here", "and is `&&`");
    error("not server.answers", "a value is missing before `not`", "not is `!`");
    error("server.clients = 1", "'=' has no meaning here", "equality is `==`");
    error("server.answers & true", "'&' has no meaning here", "and is `&&`");
    error(
        "server.answers == null",
        "expressions have no `null`",
        "`has(name)` asks whether it was observed; absence is a word, such as \"missing\"",
    );
    error("1 < 2 < 3", "comparisons do not chain", "write `a < b && b < c`");
    error(
        "server.uptime > 30sec",
        "`30sec` is neither a number nor a duration nor a size",
        "durations take ms, s, m, h, d; sizes take B, KB, MB, GB, TB, KiB, MiB, GiB, TiB; text is quoted",
    );
    error("server.version == 7.0.15", "`7.0.15` is not a number", "a version is text: quote it");
    error("server.version == 'a", "the text is not closed", "add ' where the text ends");
    error("(1 == 1", "`)` is missing to close this", "");
    error("1 ==", "a value is missing before the end", "");
    error("", "a value is missing before the end", "");
    error(
        "server..answers",
        "`server..answers` is not a name",
        "a name is words of letters, digits and _ with single dots between them",
    );
    error(
        "size(findings.ids) > 0",
        "there is no function `size`",
        "the functions are has(name) and time(\"2026-11-21T03:12:44Z\")",
    );
    error(
        "time('yesterday') > server.started",
        "\"yesterday\" is not a moment of RFC 3339",
        "such as time(\"2026-11-21T03:12:44Z\")",
    );
    error("'\\q' == 'a'", "this escape is not known", r#"known are \\ \" \' \n \t"#);
    error("true true", "`true` was not expected here", "an operator is missing before it");
}

#[test]
fn all_errors_are_reported_in_order() {
    let src = "sever.answers && server.role == 'mastr' || server.clients > 'x' || server.uptime";
    let found = check(src, &types(), Some(&Type::Bool)).unwrap_err();
    let offsets: Vec<usize> = found.iter().map(|e| e.offset).collect();
    assert_eq!(offsets, [0, 32, 43, 67], "{found:?}");
}

#[test]
fn hostile_sources_are_bounded() {
    error(&"(".repeat(1000), "nested more than 48 levels deep", "");
    error(&"!".repeat(1000), "nested more than 48 levels deep", "");
    let long = vec!["true"; 600].join("&&");
    error(&long, "an expression has at most 400 parts", "split it into several gates or rules");
    error(&" ".repeat(5000), "an expression has at most 4096 bytes", "split it into several gates or rules");
}

#[test]
fn explain_tells_what_decided() {
    let told = |src: &str| check(src, &types(), None).unwrap().explain(&facts());
    assert_eq!(told("server.answers && server.clients > 0"), "server.answers is false");
    assert_eq!(told("!server.answers && server.clients > 0"), "server.answers is false, server.clients is 12");
    assert_eq!(
        told("server.answers || memory.used > 1B || server.clients > 1"),
        "memory.used is 1.0 MiB, server.clients is 12"
    );
    assert_eq!(told("server.clients > 1 && memory.free > 1B"), "memory.free is unknown");
    assert_eq!(told("has(memory.free) || has(server.load)"), "server.load is observed");
    assert_eq!(told("'disk.low' in findings.ids"), "findings.ids is server.hung, disk.low");
    assert_eq!(told("true"), "");
}

#[test]
fn names_and_constants() {
    let expr = check("has(server.load) && server.clients + server.clients > 1", &types(), None).unwrap();
    assert_eq!(expr.names().into_iter().collect::<Vec<_>>(), ["server.clients", "server.load"]);
    let constant = |src: &str| check(src, &types(), None).unwrap().constant();
    assert_eq!(constant("true || server.answers"), Some(Value::Bool(true)));
    assert_eq!(constant("has(server.load) && 1 > 2"), Some(Value::Bool(false)));
    assert_eq!(constant("has(server.load)"), None);
    assert_eq!(constant("server.answers"), None);
    assert_eq!(constant("[server.clients]"), None, "one that is not known in a list");
    assert_eq!(constant("[1, 2]"), Some(Value::List(vec![Value::Int(1), Value::Int(2)])));
}

#[test]
fn covered_conditions_are_seen() {
    let e = |src: &str| check(src, &types(), None).unwrap();
    let (a, b, ab) = (e("server.answers"), e("server.clients > 1"), e("(1 < server.clients) && server.answers"));
    assert!(ab.covered_by(&[&a]) && ab.covered_by(&[&b]) && !a.covered_by(&[&ab]));
    assert!(e("server.answers || server.clients > 1").covered_by(&[&a, &b]));
    assert!(a.covered_by(&[&e("server.clients > 1 || server.answers")]));
    assert!(!b.covered_by(&[&a]));
}

#[test]
fn templates_keep_types_or_make_text() {
    let render = |src: &str| Template::check(src, &types(), None).unwrap().render(&facts());
    assert_eq!(render("${server.uptime * 2}"), Value::Duration(181.0));
    assert_eq!(
        render("up ${server.uptime}, ${server.clients} clients"),
        Value::Str("up 1 min 31 s, 12 clients".into())
    );
    assert_eq!(render("${'}' + \"{\"}"), Value::Str("}{".into()));
    assert_eq!(render("costs $${5} and ${1}"), Value::Str("costs ${5} and 1".into()));
    assert_eq!(render("plain"), Value::Str("plain".into()));
    assert_eq!(render(""), Value::Str(String::new()));
    assert!(matches!(render("free: ${memory.free}"), Value::Unknown(_)));
    let t = Template::check("free: ${memory.free}", &types(), None).unwrap();
    assert_eq!(t.show(&facts()), "free: unknown");
    assert_eq!(t.names().into_iter().collect::<Vec<_>>(), ["memory.free"]);
}

#[test]
fn templates_tell_errors_at_their_place() {
    let errs = |src: &str, want: Option<&Type>| {
        let found = Template::check(src, &types(), want).unwrap_err();
        found.into_iter().map(|e| (e.offset, e.len, e.message)).collect::<Vec<_>>()
    };
    assert_eq!(
        errs("a ${server.clientz} b ${x}", None),
        [(11, 7, "`server` has no `clientz`".to_string()), (24, 1, "there is no name `x`".to_string()),]
    );
    assert_eq!(errs("a ${server.clients", None), [(2, 2, "`}` is missing to close this".to_string())]);
    assert_eq!(
        errs("${server.clients}", Some(&Type::Duration)),
        [(2, 14, "a duration is wanted here, this is a whole number".to_string())]
    );
    assert_eq!(
        errs("in ${server.uptime}", Some(&Type::Duration)),
        [(0, 19, "a duration is wanted here, text around ${…} makes it text".to_string())]
    );
    assert_eq!(errs("at ${server}", None), [(5, 6, "a group of facts (Server) can't be put into text".to_string())]);
}

#[test]
fn values_are_shown_for_people_and_as_json() {
    assert_eq!(value("server.uptime - 95s").to_string(), "-4.5 s");
    assert_eq!(value("memory.used - 2MiB").to_string(), "-1.0 MiB");
    assert_eq!(value("server.uptime").to_json(), json!(90.5));
    assert_eq!(value("30s").to_json(), json!(30));
    assert_eq!(value("1KiB").to_json(), json!(1024));
    assert_eq!(value("point").to_string(), "rdb");
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    assert_eq!(types().get("server.parent.parent.answers"), Some(&Type::Bool));
    assert!(types().names().iter().all(|(n, _)| n.len() < 200));
}

proptest! {
    #[test]
    fn any_text_parses_or_is_refused(src in "\\PC{0,80}") {
        let _ = check(&src, &types(), None);
        let _ = Template::check(&src, &types(), None);
    }

    #[test]
    fn token_soup_never_panics(parts in prop::collection::vec(prop::sample::select(vec![
        "server.answers", "memory.used", "memory.free", "server.uptime", "server.started", "point", "&&", "||", "!", "==", "<",
        ">=", "in", "+", "-", "*", "/", "(", ")", "[", "]", ",", "1", "0", "2.5", "30s", "64MB", "'x'", "has(", "time('2026-11-21T03:12:44Z')",
        "true", "9223372036854775807", "findings.ids", "$", "{", "é",
    ]), 0..24)) {
        let src = parts.join(" ");
        match check(&src, &types(), None) {
            Ok(expr) => {
                let value = expr.eval(&facts());
                let _ = (expr.explain(&facts()), expr.names(), value.to_string(), value.to_json());
                // What holds whatever the facts are must hold with these facts.
                let again = check(&expr.root.written(), &types(), None);
                prop_assert_eq!(again.map(|e| e.eval(&facts())), Ok(value.clone()));
                if let Some(constant) = expr.constant() { prop_assert_eq!(constant, value); }
            }
            Err(errors) => for e in errors {
                prop_assert!(src.get(e.offset..e.offset + e.len).is_some(), "{:?}", e);
            },
        }
    }
}

#[test]
fn names_can_stand_for_others() {
    let types = types().with("params", Type::object("params", [("limit".into(), Type::Size)]));
    let expr = check("memory.used < params.limit && has(params.limit) && point.kind == 'rdb'", &types, None).unwrap();
    let literal = check("2MiB", &types, None).unwrap();
    let bound = expr.bind(&Bindings::default().with("params.limit", &literal));
    assert_eq!(bound.truth(&facts()), Truth::True);
    let other = check("point", &types, None).unwrap();
    let moved = expr.bind(&Bindings::default().with("params", &other));
    assert_eq!(bound.source(), "((memory.used < 2097152B) && true) && (point.kind == \"rdb\")");
    assert!(moved.names().contains("point.limit"), "{:?}", moved.names());
    let template = Template::check("at most ${params.limit}", &types, None).unwrap();
    let bound = template.bind(&Bindings::default().with("params.limit", &literal));
    assert_eq!(bound.render(&facts()), Value::Str("at most 2.0 MiB".into()));
    assert_eq!(literal.clone().and(literal).source(), "(2MiB) && (2MiB)");
}

#[test]
fn what_is_written_anew_means_the_same() {
    for src in [
        "server.clients + 2 * 3 > 4.5 && !(server.answers || has(server.load))",
        "server.uptime - 1h30m < -500ms || server.started > time('2026-11-21T03:12:44Z')",
        "point.kind in ['rdb', \"a\\\"o\\nf\"] == false",
        "memory.used / 2 >= 64MiB && -server.load < 2.0",
        "findings.worst_now < 'major' && 'disk.low' in findings.ids",
    ] {
        let Ok(expr) = check(src, &types(), None) else {
            continue;
        };
        let again =
            check(&expr.root.written(), &types(), None).unwrap_or_else(|e| panic!("{}: {e:?}", expr.root.written()));
        assert_eq!(again.root.canonical(), expr.root.canonical(), "{src}");
    }
}
