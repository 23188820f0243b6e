#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

const V6_0: ServerVersion = ServerVersion::redis(6, 0);
const V7: ServerVersion = ServerVersion::redis(7, 0);

fn read_all(files: &[(&str, &str)], start: &Start, version: Option<ServerVersion>) -> Effective {
    let files: BTreeMap<PathBuf, Vec<u8>> =
        files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect();
    let read = |path: &Path| files.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound));
    // Enough of a glob for the tests: one star at the end of the directory part.
    let glob = |pattern: &str| -> Vec<PathBuf> {
        let (before, after) = pattern.split_once('*').unwrap();
        let hit = |path: &&PathBuf| {
            let path = path.to_string_lossy();
            path.starts_with(before) && path.ends_with(after)
        };
        files.keys().rev().filter(hit).cloned().collect()
    };
    load(start, version, &Files { read: &read, glob: &glob })
}

fn parse(text: &str) -> Effective {
    read_all(&[("/etc/redis.conf", text)], &Start::with_file("/etc/redis.conf"), Some(V7))
}

fn argv(words: &[&str]) -> Start {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    Start::from_argv(&words, "/srv")
}

fn words(line: &str) -> Result<Vec<String>, UnbalancedQuotes> {
    Ok(split_args(line.as_bytes())?.into_iter().map(|word| String::from_utf8(word).unwrap()).collect())
}

#[test]
fn words_are_split_as_the_server_splits_them() {
    assert_eq!(words("a  b\tc").unwrap(), ["a", "b", "c"]);
    assert_eq!(words(r#"x "a b\n\x41\"" 'it\'s "so"'"#).unwrap(), ["x", "a b\nA\"", "it's \"so\""]);
    assert_eq!(words(r#"save """#).unwrap(), ["save", ""]);
    assert_eq!(words(r#"pre"fix quoted""#).unwrap(), ["prefix quoted"]);
    assert_eq!(words(r"a\x41").unwrap(), [r"a\x41"]);
    for bad in [r#""open"#, r#""a"b"#, "'open", "'a'b", r#""ends in \"#] {
        assert_eq!(words(bad), Err(UnbalancedQuotes), "{bad}");
    }
}

#[test]
fn the_last_occurrence_wins_and_says_where_it_stands() {
    let conf = parse("appendonly no\r\n# appendonly maybe\nAppendOnly \"yes\"\n\nport 7001\n");
    assert!(conf.appendonly());
    assert_eq!(conf.get("appendonly").unwrap().origin, Origin::File { path: "/etc/redis.conf".into(), line: 3 });
    assert_eq!(conf.port(), 7001);
    assert_eq!(conf.get("dbfilename").unwrap().origin, Origin::Default);
    assert!(conf.problems.is_empty());
}

#[test]
fn includes_are_expanded_in_place_and_count_from_the_directory_the_server_is_in() {
    let files = [
        ("/srv/redis.conf", "port 1\ninclude first.conf\ndir data\ninclude second.conf\nport 4\ninclude /etc/d/*.conf"),
        ("/srv/first.conf", "port 2\nappendonly yes"),
        ("/srv/data/second.conf", "dir ./deeper\nport 3"),
        ("/etc/d/a.conf", "maxmemory 1gb\n"),
        ("/etc/d/b.conf", "maxmemory 100mb"),
    ];
    let conf = read_all(&files, &argv(&["redis-server", "redis.conf"]), Some(V7));
    assert_eq!(conf.problems, []);
    assert_eq!(conf.port(), 4);
    assert_eq!(conf.maxmemory(), 100 << 20);
    assert_eq!(conf.dir(), Path::new("/srv/data/deeper"));
    assert_eq!(conf.files.len(), 5);
    assert_eq!(conf.get("appendonly").unwrap().origin.to_string(), "/srv/first.conf:2");
}

#[test]
fn a_missing_include_is_refused_but_an_empty_pattern_is_not() {
    let conf = parse("include /nowhere.conf\ninclude /nowhere/*.conf\n");
    assert_eq!(conf.problems.len(), 1);
    assert_eq!(conf.problems[0].kind, ProblemKind::Unreadable);
    assert_eq!(conf.problems[0].origin.to_string(), "/etc/redis.conf:1");
    // 6.x knows no patterns.
    let files = [("/etc/redis.conf", "include /nowhere/*.conf\n")];
    let conf = read_all(&files, &Start::with_file("/etc/redis.conf"), Some(V6_0));
    assert_eq!(conf.problems.len(), 1);
}

#[test]
fn files_of_a_pattern_run_into_each_other_without_a_line_end() {
    let files = [
        ("/etc/redis.conf", "include /etc/d/*.conf\n"),
        ("/etc/d/a.conf", "port 1\nappendonly yes"),
        ("/etc/d/b.conf", "port 2\nport 3"),
    ];
    let conf = read_all(&files, &Start::with_file("/etc/redis.conf"), Some(V7));
    assert_eq!(conf.problems[0].text, "appendonly yesport 2");
    assert_eq!(conf.port(), 3);
}

#[test]
fn a_file_that_includes_itself_is_refused() {
    let conf = parse("include /etc/redis.conf\n");
    assert!(conf.problems[0].message.contains("include itself"), "{:?}", conf.problems);
    let twice = parse("include /etc/redis.conf\ninclude /etc/redis.conf\n");
    assert!(twice.files.len() <= 1000);
}

#[test]
fn save_points_add_up_and_an_empty_one_clears() {
    let points = |text: &str| parse(text).save_points().iter().map(|p| (p.seconds, p.changes)).collect::<Vec<_>>();
    assert_eq!(points(""), [(3600, 1), (300, 100), (60, 10_000)]);
    assert_eq!(points("save 900 1\nsave 60 10 30 20\n"), [(900, 1), (60, 10), (30, 20)]);
    assert_eq!(points("save 900 1\nsave \"\"\n"), []);
    assert_eq!(points("save \"\"\nsave 5 6\n"), [(5, 6)]);
    let six = read_all(&[("/c", "")], &Start::with_file("/c"), Some(V6_0));
    assert!(six.save_points().is_empty(), "6.0 has no built-in save points once it has a file");
}

#[test]
fn the_start_command_wins() {
    let files = [("/srv/r.conf", "appendonly yes\nport 1\nsave 900 1\n")];
    let start = argv(&["redis-server", "r.conf", "--appendonly", "no", "--port 7", "--save", "--dir", "x y"]);
    let conf = read_all(&files, &start, Some(V7));
    assert!(!conf.appendonly());
    assert_eq!(conf.get("appendonly").unwrap().origin, Origin::CommandLine);
    assert_eq!((conf.port(), conf.save_points(), conf.dir()), (7, vec![], Path::new("/srv/x y")));
    let stdin = argv(&["redis-server", "r.conf", "-"]);
    assert!(read_all(&files, &stdin, Some(V7)).unseen_stdin);
    let fed = Start { stdin: Some(b"port 9\n".to_vec()), ..stdin };
    assert_eq!(read_all(&files, &fed, Some(V7)).port(), 9);
}

#[test]
fn what_the_server_would_refuse_is_all_reported() {
    let conf = parse(
        "appendonly yes # on\nport 70000\nmaxmemory 10x\ndbfilename a/b\nsave 1\nappendfsync often\nappendonyl yes\n\
         logfile \"x\ndatabases 0\nport 6380\n",
    );
    let said: Vec<&str> = conf.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "wrong number of arguments",
            "argument must be between 0 and 65535 inclusive",
            "argument must be a memory value",
            "dbfilename can't be a path, just a filename",
            "Invalid save parameters",
            "argument must be one of: always, everysec, no",
            "Unbalanced quotes in configuration line",
            "argument must be 1 or more",
            "Bad directive or wrong number of arguments (did you mean appendonly?)",
        ]
    );
    assert_eq!(conf.port(), 6380);
}

#[test]
fn directives_are_known_by_release() {
    let unknown = |version, text: &str| {
        let conf = read_all(&[("/c", text)], &Start::with_file("/c"), version);
        conf.problems.iter().any(|problem| problem.kind == ProblemKind::Unknown)
    };
    assert!(unknown(Some(V7), "gopher-enabled no"));
    assert!(!unknown(Some(V6_0), "gopher-enabled no"));
    assert!(unknown(Some(V6_0), "appenddirname x"));
    assert!(unknown(Some(V7), "rdb-version-check relaxed"));
    assert!(!unknown(Some(ServerVersion::valkey(9, 1)), "rdb-version-check relaxed"));
    assert!(!unknown(Some(ServerVersion::redis(9, 9)), "something-new yes"));
    assert!(unknown(Some(ServerVersion::redis(8, 0)), "something-new yes"));
    assert!(!unknown(Some(ServerVersion::redis(8, 0)), "something-new yes\nloadmodule /x.so"));
    assert!(!unknown(Some(V7), "search.timeout 3"));
    assert!(unknown(None, "zzzz 1"));
}

#[test]
fn passwords_are_never_shown() {
    let conf = parse(
        "requirepass hunter2\nuser bob on >hunter2\nmasterauth \"hunter2\nreqirepass hunter2\nrename-command CONFIG \"\"\n",
    );
    assert!(!format!("{conf:?}").contains("hunter2"), "{conf:?}");
    assert_eq!(conf.requirepass().unwrap().expose(), b"hunter2");
    assert_eq!(conf.renamed.get("config").map(String::as_str), Some(""));
    assert_eq!(conf.problems.len(), 2);
}

#[test]
fn replication_under_old_and_new_names() {
    let conf = parse("slaveof 10.0.0.1 6379\nmin-slaves-to-write 2\n");
    assert_eq!(conf.replicaof(), Some(("10.0.0.1", 6379)));
    assert_eq!(conf.min_replicas_to_write(), 2);
    assert_eq!(parse("replicaof a 1\nreplicaof no one\n").replicaof(), None);
}

#[test]
fn a_tool_that_owns_the_file_is_named() {
    assert_eq!(parse("# Ansible managed: r.j2\nport 1\n").managed_by.as_deref(), Some("Ansible managed: r.j2"));
    assert_eq!(parse("# port 6379\n").managed_by, None);
}

#[test]
fn an_edit_changes_the_deciding_line_and_nothing_else() {
    let text = b"# head\r\nappendonly no\r\nport 1\r\n  APPENDONLY   yes  \r\n# tail".to_vec();
    let changed = edit::set(&text, "appendonly", &["no"]);
    assert_eq!(changed, b"# head\r\nappendonly no\r\nport 1\r\nAPPENDONLY no\r\n# tail");
    assert_eq!(edit::set(b"port 1", "appendonly", &["no"]), b"port 1\nappendonly no\n");
    assert_eq!(edit::set(b"slaveof a 1\n", "replicaof", &["b", "2"]), b"slaveof b 2\n");
    assert_eq!(edit::set(b"save 1 1\nport 2\n", "save", &[""]), b"save \"\"\nport 2\n");
    assert_eq!(edit::set(b"save 1 1\n", "save", &["5", "6", "7", "8"]), b"save \"\"\nsave 5 6\nsave 7 8\n");
    assert_eq!(edit::line("dir", &["/a b"]), "dir \"/a b\"");
}

#[test]
fn a_torn_block_is_seen_but_not_removed() {
    let torn = b"port 1\n# begin fence\nmin-replicas-to-write 1000000\n";
    assert_eq!(edit::remove_block(torn, "fence"), None);
    assert!(edit::has_block(torn, "fence"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        let read = |_: &Path| Ok(text.clone());
        let conf = load(&Start::with_file("/c"), None, &Files { read: &read, glob: &|_| vec![] });
        let _ = (conf.dir(), conf.save_points(), conf.maxmemory(), conf.replicaof());
        let _ = edit::set(&text, "appendonly", &["yes"]);
        let _ = edit::remove_block(&text, "fence");
    }

    #[test]
    fn a_quoted_word_comes_back(word in proptest::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(split_args(&quote(&word)).unwrap(), vec![word]);
    }

    #[test]
    fn what_was_set_is_what_is_read(text in "(port [0-9]{1,4}\r?\n|save 1 1\n|# x\n|appendonly no\n|dir \"a\n|\r\n){0,12}(port 9)?", yes: bool, name in "[^\0/]{1,12}") {
        let value = if yes { "yes" } else { "no" };
        let changed = edit::set(text.as_bytes(), "appendonly", &[value]);
        let changed = edit::set(&changed, "dbfilename", &[&name]);
        let changed = edit::set(&changed, "save", &["7", "8"]);
        let conf = parse(std::str::from_utf8(&changed).unwrap());
        prop_assert_eq!(conf.appendonly(), yes);
        prop_assert_eq!(conf.dbfilename(), name.as_str());
        prop_assert_eq!(conf.save_points(), vec![SavePoint { seconds: 7, changes: 8 }]);
    }

    #[test]
    fn a_block_wins_and_leaves_no_trace(text in "(port [0-9]{1,4}\r?\n|min-replicas-to-write 3\r?\n|# x\n|\r\n){0,12}(port 9)?") {
        let added = [edit::line("min-replicas-to-write", &["1000000"])];
        let fenced = edit::append_block(text.as_bytes(), "redis-dr fence", &added);
        prop_assert_eq!(parse(std::str::from_utf8(&fenced).unwrap()).min_replicas_to_write(), 1_000_000);
        prop_assert_eq!(edit::remove_block(&fenced, "redis-dr fence").unwrap(), text.as_bytes());
    }
}

/// Each of these lines was once held against every name of every release; it would take minutes.
#[test]
fn a_file_of_nothing_but_unknown_directives_is_read_at_once() {
    let conf = parse(&"appendonli yes\n".repeat(20_000));
    assert_eq!(conf.problems.len(), 20_000);
    assert!(conf.problems[0].message.ends_with("(did you mean appendonly?)"), "{}", conf.problems[0].message);
    let conf = parse(&format!("{} yes\n", "appendonly".repeat(100_000)));
    assert_eq!(conf.problems[0].message, "Bad directive or wrong number of arguments");
    assert!(conf.problems[0].text.len() < 1000);
}

#[test]
fn the_name_of_a_modules_setting_is_quoted_where_it_must_be() {
    assert_eq!(words(&edit::line("my. setting", &["a b", ""])).unwrap(), ["my. setting", "a b", ""]);
    assert_eq!(edit::line("appendonly", &["yes"]), "appendonly yes");
}
