#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

fn refused(text: &str) -> String {
    let diags = parse(text).unwrap_err();
    lines(&diags)
}

fn lines(diags: &[Diag]) -> String {
    let one = |d: &Diag| {
        let hint = d.hint.as_ref().map(|h| format!(" | {h}")).unwrap_or_default();
        format!("{}:{}+{} {}{hint}", d.line, d.column, d.len, d.message)
    };
    diags.iter().map(one).collect::<Vec<_>>().join("\n")
}

#[test]
fn plain_scalars_follow_yaml_1_2() {
    let node = parse("[1, -2, 7.0, 0x1F, 0644, true, yes, no, ~, '1', 1_000, .inf, 1e999, 7.0.15, 10:20, a-, '']")
        .unwrap_or_else(|d| panic!("{}", lines(&d)));
    let json = to_json(&node).to_string();
    assert_eq!(
        json,
        r#"[1,-2,7.0,31,"0644",true,"yes","no",null,"1","1_000",".inf","1e999","7.0.15","10:20","a-",""]"#
    );
    assert_eq!(node.items()[2].raw, "7.0");
}

#[test]
fn places_are_lines_columns_and_bytes() {
    let node = parse("é: 1\nlist:\n  - name: \"ü x\"\n  - other:\nz:\n").unwrap();
    assert_eq!(node.locate("/list/0/name"), Span { line: 3, column: 11, len: 5, offset: 22 });
    assert_eq!(node.locate("/list/1/other"), Span { line: 4, column: 5, len: 5, offset: 33 });
    assert_eq!(node.locate("/z/nothing/there").line, 5);
    assert_eq!(node.locate("/list").line, 3);
    assert_eq!(parse("\u{feff}a: 1").unwrap().locate("/a").column, 4);
}

#[test]
fn what_could_be_misread_is_refused() {
    let table = [
        ("", "1:1+0 the document is empty"),
        ("# only a comment\n", "1:1+0 the document is empty"),
        ("a: 1\nb: 2\na: 3\n", "3:1+1 duplicate key `a` | it is first given on line 1"),
        ("a: &x 1\nb: 2\n", "1:4+2 anchors are not allowed: `&x` | write the value out where it is needed"),
        ("a: *x\n", "1:4+2 aliases are not allowed: `*x` | write the value out where it is needed"),
        ("<<: {a: 1}\n", "1:1+2 merge keys (`<<`) are not allowed | write the keys out where they are needed"),
        ("a: !!bool yes\n", "1:4+6 tags are not allowed: `!!bool` | remove the tag; quote a value that must be text"),
        ("a: !mine {}\n", "1:4+5 tags are not allowed: `!mine` | remove the tag; quote a value that must be text"),
        ("a:\n\tb: 1\n", "2:2+0 a tab where YAML allows only spaces | indent with spaces"),
        (
            "a: 1\n---\nb: 2\n",
            "2:1+3 a second document begins here; a file holds one | remove the `---`, or put the second document in its own file",
        ),
        ("%YAML 1.1\n---\na: 1\n", "1:1+0 a directive (a line that starts with `%`) is not allowed | remove the line"),
        ("[a]: 1\n", "1:1+1 a key must be one word, not a list or a map"),
        (": 1\n", "1:1+0 a key is missing before `:`"),
        ("a: {b: 1\n", "1:4+0 this `{` is never closed"),
        ("a: [b, c}\n", "1:4+0 this `[` is closed by `}`"),
        ("a: @x\n", "1:4+0 a value cannot begin with `@` | put it in quotes"),
        ("a: \u{1}\n", "1:4+0 a control character is not allowed"),
        (
            "a: b: c\n",
            "1:5+0 `: ` is not allowed here | put a text that contains `: ` in quotes, and check the indentation",
        ),
        (
            "a:\n  b: 1\n c: 2\n",
            "3:2+0 this line fits no map or list above it | check the indentation and the `:` after the key",
        ),
        (
            "a: \"x\n",
            "2:1+0 a quoted text is not closed, or goes on without indentation | look for a missing quote on the lines above",
        ),
        (
            "a: \"\\q\"\n",
            "1:4+0 an unknown escape in a double-quoted text | write `\\\\` for a backslash, or use single quotes",
        ),
        ("a: 'b' c\n", "1:8+0 text after a closing quote | put the whole value in quotes"),
    ];
    for (text, want) in table {
        assert_eq!(refused(text), want, "{text:?}");
    }
}

#[test]
fn several_refusals_come_together() {
    assert_eq!(refused("a: &x 1\na: !t 2\nb: *x\n").lines().count(), 4);
}

#[test]
fn hostile_sizes_end_quickly() {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    assert_eq!(refused(&deep), "1:65+1 nested deeper than 64 levels");
    let fits = format!("{}1{}", "[".repeat(64), "]".repeat(64));
    assert!(parse(&fits).is_ok());
    let open = "[".repeat(1 << 20);
    assert!(refused(&open).contains("nested deeper"));
    let block = (0..200).fold(String::new(), |s, i| s + &" ".repeat(i) + "a:\n");
    assert!(refused(&block).contains("nested deeper than 64 levels"));
    let large = "a".repeat((1 << 20) + 1);
    assert_eq!(refused(&large), "1:1+0 the document is larger than 1 MiB (1.0 MiB)");
    let many = format!("[{}]", "1,".repeat(200_000));
    assert!(refused(&many).contains("more than 100000 values"));
    let twice = "a: 1\n".repeat(100_000);
    assert!(parse(&twice).unwrap_err().len() <= 200);
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[allow(dead_code)]
struct Doc {
    title: String,
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    wait: Option<crate::facts::Seconds>,
    #[serde(default)]
    room: Option<crate::facts::Bytes>,
    #[serde(default)]
    at: Option<crate::facts::Time>,
    #[serde(default)]
    role: Option<Role>,
    #[serde(default)]
    on: bool,
    #[serde(default)]
    share: f64,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    many: BTreeMap<String, Inner>,
    #[serde(default, rename = "do")]
    act: Option<Act>,
    #[serde(default)]
    any: serde_json::Value,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Inner {
    dir: String,
    #[serde(default)]
    deep: Option<Box<Inner>>,
}

/// A role.
#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Role {
    /// One.
    Database,
    /// Two.
    Cache,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[allow(dead_code)]
enum Act {
    #[serde(rename = "service.stop")]
    Stop(Stop),
    #[serde(rename = "service.start")]
    Start(Inner),
    #[serde(rename = "nothing")]
    Nothing,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Stop {
    #[serde(default)]
    save: bool,
    #[serde(default)]
    timeout: Option<crate::facts::Seconds>,
    #[serde(default)]
    what: Vec<Role>,
}

fn wrong(text: &str) -> String {
    lines(&load::<Doc>(text).unwrap_err())
}

#[test]
fn a_right_document_loads() {
    let doc: Doc = load(
        "title: x\nport: 6379\nwait: 1h30m\nroom: 64MB\nat: 2026-11-21T03:12:44Z\nrole: cache\non: true\nshare: 1\n\
         names: [a, \"7\"]\nmany: {a: {dir: /x}}\ndo: { service.stop: { save: false, timeout: 30s, what: [cache] } }\nany: [1, {b: ~}]\n",
    )
    .unwrap_or_else(|d| panic!("{}", lines(&d)));
    assert_eq!(doc.wait, Some(crate::facts::Seconds(5400.0)));
    assert_eq!(doc.room, Some(crate::facts::Bytes(64_000_000)));
    assert_eq!(doc.role, Some(Role::Cache));
    let doc: Doc = load("title: x\nport:\ndo: nothing\n").unwrap();
    assert!(matches!(doc.act, Some(Act::Nothing)));
}

#[test]
fn every_mistake_has_its_words() {
    let table = [
        ("tittle: x\n", "1:1+6 unknown key `tittle` | did you mean `title`?\n1:1+6 the document needs `title`"),
        ("title: 7.0\n", "1:8+3 `title` must be text, not the number `7.0` | quote it: \"7.0\""),
        ("title: true\n", "1:8+4 `title` must be text, not `true` | quote it: \"true\""),
        ("title:\n", "1:1+5 `title` is empty; it must be text"),
        ("title: [x]\n", "1:8+1 `title` must be text, not a list"),
        ("title: x\nport: '1'\n", "2:7+3 `port` must be a whole number, not the text `1` | remove the quotes"),
        ("title: x\nport: 1.5\n", "2:7+3 `port` must be a whole number, not the number `1.5`"),
        ("title: x\nport: 70000\n", "2:7+5 `port` must be at most 65535, not `70000`"),
        ("title: x\nport: -1\n", "2:7+2 `port` must be at least 0, not `-1`"),
        ("title: x\nwait: 30\n", "2:7+2 `wait` is a duration and needs a unit | write `30s`"),
        (
            "title: x\nwait: 1M\n",
            "2:7+2 `wait`: `1M` is not a duration: write a number with ms, s, m, h or d, such as 30s",
        ),
        ("title: x\nwait: 99999999d\n", "2:7+9 `wait`: `99999999d` is longer than a hundred years"),
        ("title: x\nwait: [1s]\n", "2:7+1 `wait` must be a duration such as 30s, not a list"),
        (
            "title: x\nroom: 64 apples\n",
            "2:7+9 `room`: `64 apples` is not a size: write a number with B, KB, MB, GB, TB, KiB, MiB, GiB or TiB",
        ),
        ("title: x\nroom: 99999999TB\n", "2:7+10 `room`: `99999999TB` is larger than any file can be"),
        ("title: x\nat: yesterday\n", "2:5+9 `at`: `yesterday` is not a moment: write it like 2026-11-21T03:12:44Z"),
        (
            "title: x\nrole: databse\n",
            "2:7+7 `role` must be `database` or `cache`, not the text `databse` | did you mean `database`?",
        ),
        ("title: x\nrole: {}\n", "2:7+1 `role` must be `database` or `cache`, not a map"),
        ("title: x\non: yes\n", "2:5+3 `on` must be true or false, not the text `yes` | write true"),
        ("title: x\non: \"off\"\n", "2:5+5 `on` must be true or false, not the text `off` | write false"),
        ("title: x\nnames: a\n", "2:8+1 `names` must be a list, not the text `a` | write it as a list: [..]"),
        ("title: x\nnames: [a, 1]\n", "2:12+1 item 2 of `names` must be text, not the number `1` | quote it: \"1\""),
        ("title: x\nmany: {a: {}}\n", "2:8+1 `a` needs `dir`"),
        (
            "title: x\nmany: {a: {dir: x, deep: {dri: y}}}\n",
            "2:20+4 `deep` needs `dir`\n2:27+3 unknown key `dri` in `deep` | did you mean `dir`?",
        ),
        ("title: x\nmany:\n  a: b\n", "3:6+1 `a` must be a map, not the text `b`"),
        (
            "title: x\ndo: { service.stp: {} }\n",
            "2:7+11 unknown key `service.stp` in `do` | did you mean `service.stop`?",
        ),
        (
            "title: x\ndo: { service.stop: { sav: true } }\n",
            "2:23+3 unknown key `sav` in `service.stop` | did you mean `save`?",
        ),
        (
            "title: x\ndo: { service.stop: {}, service.start: {dir: x} }\n",
            "2:25+13 `do` takes exactly one of `service.stop` or `service.start`; found `service.stop` and `service.start`",
        ),
        ("title: x\ndo: {}\n", "2:5+1 `do` is empty; it needs one of `service.stop` or `service.start`"),
        ("title: x\ndo: service.stop\n", "2:5+12 `service.stop` in `do` needs a value | write `service.stop: {..}`"),
        (
            "title: x\ndo: nothin\n",
            "2:5+6 `do` must be one of `nothing`, `service.stop` or `service.start`, not the text `nothin` | did you mean `nothing`?",
        ),
        ("title: x\ndo: { service.stop: }\n", "2:7+12 `service.stop` is empty; it must be a map"),
        (
            "title: x\nwhatever: 1\n",
            "2:1+8 unknown key `whatever` | known here: any, at, do, many, names, on, port, role, room, share, title, wait",
        ),
        ("- a\n", "1:1+1 the document must be a map, not a list"),
        ("title: x\nshare: 'a'\n", "2:8+3 `share` must be a number, not the text `a`"),
    ];
    for (text, want) in table {
        assert_eq!(wrong(text), want, "{text:?}");
    }
}

#[test]
fn all_mistakes_come_in_one_pass() {
    let text = "tittle: x\nport: a\nwait: 3\ndo: { service.stop: { sav: 1, timeout: 3 } }\n";
    assert_eq!(wrong(text).lines().count(), 6);
}

#[test]
fn the_picture_points_at_the_mistake() {
    let text = "title: x\nmany:\n  ä: { dri: \"/x\", dir: y }\n";
    let diags = load::<Doc>(text).unwrap_err();
    assert_eq!(
        render(&diags, "a.yaml", text),
        "error: unknown key `dri` in `ä`\n --> a.yaml:3:8\n  |\n3 |   ä: { dri: \"/x\", dir: y }\n  |        ^^^\nhint: did you mean `dir`?\n"
    );
}

#[test]
fn a_hostile_line_is_shown_tamely() {
    let text = format!("title: x\n\"\u{1b}[31m\u{202e}{}\": 1\n", "a".repeat(100_000));
    let text = text.replace('\u{1b}', "\\e");
    let diags = load::<Doc>(&text).unwrap_err();
    let shown = render(&diags, "a\u{1b}.yaml", &text);
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown}");
    assert!(shown.len() < 2000, "{}", shown.len());
    let many: String = (0..500).fold("title: x\n".into(), |s, i| format!("{s}k{i}: 1\n"));
    let diags = load::<Doc>(&many).unwrap_err();
    assert!(render(&diags, "a.yaml", &many).ends_with("and 450 more errors\n"));
}

fn sites(text: &str) -> (String, Vec<ExprSite>) {
    let node = parse(text).unwrap();
    let schema = schemars::schema_for!(Doc).to_value();
    let mut exprs = Vec::new();
    let diags = check(&node, &schema, true, &mut exprs);
    (lines(&diags), exprs)
}

#[test]
fn expressions_are_found_where_scalars_stand() {
    let text = "title: 'for ${x}'\nport: ${p}\non: \"${a && b}\"\ndo: { service.stop: { timeout: \"${estimate.load * 5}\", what: [\"${k}\"] } }\nany: {deep: [\"${z}\"]}\n";
    let (wrong, exprs) = sites(text);
    assert_eq!(wrong, "");
    let found: Vec<_> = exprs.iter().map(|e| (e.path.as_str(), e.whole, e.span.line)).collect();
    assert_eq!(
        found,
        [
            ("/title", false, 1),
            ("/port", true, 2),
            ("/on", true, 3),
            ("/do/service.stop/timeout", true, 4),
            ("/do/service.stop/what/0", true, 4),
            ("/any/deep/0", true, 5),
        ]
    );
    assert_eq!(exprs[3].expected["format"], "duration");
}

#[test]
fn expressions_stand_only_where_values_may() {
    let table = [
        ("title: x\nport: \"a${p}\"\n", "2:7+7 `port` must be a whole number, not the text `a${p}`"),
        ("title: \"${p\"\n", "1:8+5 `${` without its closing `}`"),
        (
            "title: x\nnames: \"a${p}\"\n",
            "2:8+7 `names` must be a list, not the text `a${p}` | write it as a list: [..]",
        ),
        (
            "title: x\ndo: { \"${x}\": {} }\n",
            "2:7+6 unknown key `${x}` in `do` | known here: service.stop, service.start",
        ),
    ];
    for (text, want) in table {
        assert_eq!(sites(text).0, want, "{text:?}");
    }
    assert_eq!(wrong("title: '${x'\nwait: \"${p}\"\n").lines().count(), 1);
}

#[test]
fn shapes_of_expressions() {
    assert_eq!(shape("plain"), Shape::Literal);
    assert_eq!(shape("${a}"), Shape::Whole);
    assert_eq!(shape("${a == \"}\"}"), Shape::Whole);
    assert_eq!(shape("${a}${b}"), Shape::Mixed);
    assert_eq!(shape("x ${a"), Shape::Unclosed(2));
    assert_eq!(shape("${a == '\\'}'}"), Shape::Whole);
}

#[test]
fn columns_inside_scalars_follow_the_source() {
    for (text, line, column) in [
        ("title: a && bad\n", 1, 13),
        ("title: \"a && bad\"\n", 1, 14),
        ("title: \"\\\"é\\\" && bad\"\n", 1, 18),
        ("title: 'it''s && bad'\n", 1, 18),
        ("title: >-\n  a &&\n  bad\n", 3, 3),
        ("title: |\n  a &&\n  bad\n", 3, 3),
        ("title: a\n  && bad\n", 2, 6),
    ] {
        let node = parse(text).unwrap();
        let title = node.get("title").unwrap();
        let value = title.as_str().unwrap();
        let start = value.find("bad").unwrap();
        let at = title.span.within(text, value, start, 3);
        assert_eq!((at.line, at.column, at.len), (line, column, 3), "{text:?}");
    }
}

#[test]
fn near_words() {
    assert_eq!(nearest("config-file", ["config_file", "address"]), Some("config_file"));
    assert_eq!(nearest("timeut", ["timeout", "time"]), Some("timeout"));
    assert_eq!(nearest("zzz", ["timeout"]), None);
}

#[test]
fn optional_enums_and_nested_forms() {
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(untagged)]
    #[allow(dead_code)]
    enum Either {
        Text(String),
        Many(Vec<String>),
        Inner(Inner),
    }
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Outer {
        e: Option<Either>,
        m: Option<BTreeMap<String, Option<Role>>>,
        p: Option<(u8, String)>,
    }
    for (text, want) in [
        ("e: a\nm: {x: ~, y: cache}\np: [1, b]\n", ""),
        ("e: {dri: x}\n", "1:1+1 `e` needs `dir`\n1:5+3 unknown key `dri` in `e` | did you mean `dir`?"),
        ("e: 1\n", "1:4+1 `e` must be text or a list or a map, not the number `1` | quote it: \"1\""),
        ("m: {x: cach}\n", "1:8+4 `x` must be `database` or `cache`, not the text `cach` | did you mean `cache`?"),
        ("p: [1]\n", "1:4+1 `p` needs at least 2 item(s), not 1"),
    ] {
        let got = load::<Outer>(text).map_or_else(|d| lines(&d), |_| String::new());
        assert_eq!(got, want, "{text:?}");
    }
}

/// Pieces that make up YAML, so that random text often means something.
fn pieces() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let piece = prop_oneof![
        Just("title: ".to_owned()),
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("  ".to_owned()),
        Just("- ".to_owned()),
        Just("\"".to_owned()),
        Just("'".to_owned()),
        Just("${".to_owned()),
        Just("}".to_owned()),
        Just("{".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just(", ".to_owned()),
        Just("do: {service.stop: {timeout: ".to_owned()),
        Just("| \n  ".to_owned()),
        Just(">-\n  ".to_owned()),
        Just("\\".to_owned()),
        Just("\u{feff}".to_owned()),
        Just("é".to_owned()),
        Just("&a ".to_owned()),
        Just("!t ".to_owned()),
        Just("\t".to_owned()),
        Just("1e9".to_owned()),
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|v| v.concat())
}

proptest::proptest! {
    #[test]
    fn nothing_panics(text in pieces(), start in 0_usize..50, len in 0_usize..50) {
        let schema = schemars::schema_for!(Doc).to_value();
        let diags = match parse(&text) {
            Err(diags) => diags,
            Ok(node) => {
                let mut exprs = Vec::new();
                let diags = check(&node, &schema, true, &mut exprs);
                for site in &exprs {
                    let at = site.within(&text, start, len);
                    proptest::prop_assert!(at.offset <= text.len());
                }
                let _ = node.locate("/do/service.stop/timeout");
                let _ = to_json(&node);
                if diags.is_empty() && exprs.is_empty() {
                    // What the check lets through, the types take.
                    let loaded = from_node::<Doc>(&node);
                    proptest::prop_assert!(loaded.is_ok(), "{loaded:?}");
                }
                diags
            }
        };
        let shown = render(&diags, "x", &text);
        proptest::prop_assert!(!shown.contains(|c: char| c.is_control() && c != '\n'));
        for diag in &diags {
            proptest::prop_assert!(diag.line >= 1 && diag.line <= text.matches(['\n', '\r']).count() + 2);
        }
    }
}

#[test]
fn hostile_repetition_is_read_in_seconds() {
    let repeat = |s: &str| s.repeat((1 << 20) / s.len());
    let keys: String = (0..90_000).fold(String::from("title: x\n"), |s, i| s + &format!("k{i}: 1\n"));
    let started = std::time::Instant::now();
    for text in [
        repeat("- "),
        repeat("? "),
        repeat("{a: "),
        repeat("a: b\n"),
        repeat("a"),
        repeat("\"\\"),
        repeat("[a]: "),
        repeat("- a\n"),
        repeat("!t "),
        repeat("&a "),
        repeat(" "),
        repeat("\n"),
        repeat("#"),
        repeat("'"),
        repeat("- - a\n"),
        keys,
        format!("title: \"{}\"", "${a}".repeat(250_000)),
        format!("any: [{}]", "\"${a}\",".repeat(90_000)),
    ] {
        let schema = schemars::schema_for!(Doc).to_value();
        let one = std::time::Instant::now();
        match parse(&text) {
            Ok(node) => {
                let mut exprs = Vec::new();
                let diags = check(&node, &schema, true, &mut exprs);
                let _ = render(&diags, "x", &text);
            }
            Err(diags) => {
                let _ = render(&diags, "x", &text);
            }
        }
        let head: String = text.chars().take(12).collect();
        assert!(one.elapsed().as_secs() < 20, "{head:?} took {:?}", one.elapsed());
    }
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}
