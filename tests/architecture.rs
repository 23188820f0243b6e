//! The house's rules, held by a test: arrows point down, one room touches files, files stay short.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Rows from the ground up; a room uses rooms of lower rows, and of its own row only where nothing comes back.
const ROWS: &[&[&str]] = &[
    &["expr", "yaml", "facts", "finding", "rdb", "aof", "redis_conf"],
    &["host", "config", "points"],
    &["vault", "journal", "lock", "state", "store", "service", "server"],
    &["verify", "checks", "sandbox", "inspect", "load"],
    &["action"],
    &["runbook", "playbook", "policy"],
    &["plan", "assess"],
    &["engine", "report", "hold"],
    &["recover"],
    &["drill"],
    &["cli"],
];

/// Rooms that may touch files or start programs, and why.
const FILES_AND_PROGRAMS: &[(&str, &str)] = &[("host", "the only hand on this machine")];

/// Rooms that may open a connection to a server.
const CONNECTIONS: &[&str] = &["server"];

/// Files allowed beyond 400 lines (their tests not counted); each asks to be cut along a word of the domain.
const LONG_FILES: &[&str] = &["facts/observed.rs", "finding/catalog.rs", "state.rs"];

struct Source {
    path: PathBuf,
    room: String,
    text: String,
}

/// Every file under src/, comments taken out, with the room it belongs to.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut to_visit = vec![root.clone()];
    while let Some(dir) = to_visit.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                to_visit.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let inside = path.strip_prefix(&root).unwrap();
                let first = inside.components().next().unwrap().as_os_str().to_string_lossy();
                let room = first.trim_end_matches(".rs").to_owned();
                let text = without_comments(&fs::read_to_string(&path).unwrap());
                found.push(Source { path: inside.to_owned(), room, text });
            }
        }
    }
    assert!(found.len() > 20, "src/ was not found where it should be");
    found
}

fn without_comments(text: &str) -> String {
    text.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line }).collect::<Vec<_>>().join("\n")
}

fn row_of(room: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&room))
}

/// The rooms a text names after `crate::`, in single paths and in `crate::{a, b::c}` groups.
fn rooms_named(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let own_word = text[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '$');
        if !own_word {
            continue;
        }
        let rest = text[at + "crate::".len()..].trim_start();
        match rest.strip_prefix('{') {
            None => rooms.extend(first_word(rest)),
            Some(group) => rooms.extend(first_words_of_group(group)),
        }
    }
    rooms
}

fn first_words_of_group(group: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut depth = 0;
    let mut expects_name = true;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expects_name = true,
            c if depth == 0 && expects_name && !c.is_whitespace() => {
                words.extend(first_word(&group[at..]));
                expects_name = false;
            }
            _ => {}
        }
    }
    words
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

#[test]
fn rooms_are_found_in_every_form_of_path() {
    let text = "use crate::expr::Expr;\nuse crate::{aof, rdb::{Walk, self}, facts::Facts};\nfn f(x: &crate::yaml::Node) {}\nmacrocrate::no";
    let rooms: Vec<String> = rooms_named(text).into_iter().collect();
    assert_eq!(rooms, ["aof", "expr", "facts", "rdb", "yaml"]);
}

#[test]
fn every_room_has_a_row() {
    let lost: BTreeSet<String> = sources()
        .into_iter()
        .map(|source| source.room)
        .filter(|room| room != "lib" && room != "main" && row_of(room).is_none())
        .collect();
    assert!(lost.is_empty(), "rooms without a row in tests/architecture.rs and src/lib.rs: {lost:?}");
}

#[test]
fn arrows_point_down() {
    let mut wrong = Vec::new();
    let mut sideways: BTreeMap<(String, String), PathBuf> = BTreeMap::new();
    for source in sources() {
        let Some(row) = row_of(&source.room) else {
            continue;
        };
        for named in rooms_named(&source.text) {
            let Some(other) = row_of(&named) else {
                continue;
            };
            if other > row {
                wrong.push(format!("{}: {} looks up to {named}", source.path.display(), source.room));
            } else if other == row && named != source.room {
                sideways.insert((source.room.clone(), named), source.path.clone());
            }
        }
    }
    for ((from, to), path) in &sideways {
        if let Some(back) = sideways.get(&(to.clone(), from.clone())) {
            wrong.push(format!("{} and {}: {from} and {to} use each other", path.display(), back.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn uses_outside(allowed: &[&str], words: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources() {
        if allowed.contains(&source.room.as_str()) {
            continue;
        }
        // A test may make the file that it hands in.
        let product = source.text.lines().take_while(|line| *line != "#[cfg(test)]");
        let is_test = source.path.ends_with("tests.rs") || source.path.iter().any(|part| part == "tests");
        for (at, line) in product.enumerate().filter(|_| !is_test) {
            if words.iter().any(|word| line.contains(word)) {
                wrong.push(format!("src/{}:{}: {}", source.path.display(), at + 1, line.trim()));
            }
        }
    }
    wrong
}

#[test]
fn only_host_touches_files_and_programs() {
    let allowed: Vec<&str> = FILES_AND_PROGRAMS.iter().map(|(room, _)| *room).collect();
    // Holding an open file that host gave, or a command as a value for it, is no access.
    let words = [
        "std::process::{",
        "std::process::Command",
        "OpenOptions",
        "File::open",
        "File::create",
        "fs::read",
        "fs::write",
        "fs::rename",
        "fs::remove",
        "fs::copy",
        "fs::create_dir",
        "fs::hard_link",
        "fs::metadata",
        "fs::symlink",
        "fs::set_perm",
    ];
    let wrong = uses_outside(&allowed, &words);
    assert!(wrong.is_empty(), "files and programs belong to host:\n{}", wrong.join("\n"));
}

#[test]
fn only_server_opens_connections() {
    let wrong = uses_outside(CONNECTIONS, &["redis::Client", "redis::Connection", "TcpStream", "UnixStream"]);
    assert!(wrong.is_empty(), "connections belong to server:\n{}", wrong.join("\n"));
}

/// Libraries that one room stands before, so that the rest does not depend on them.
#[test]
fn libraries_stay_behind_their_room() {
    for (library, room) in [
        ("anyhow::", "cli"),
        ("dialoguer::", "cli"),
        ("procfs::", "host"),
        ("sysinfo::", "host"),
        ("redis::cmd", "server"),
        ("rustls::", "server"),
        ("serde_yaml::", "yaml"),
    ] {
        let wrong = uses_outside(&[room], &[library]);
        assert!(wrong.is_empty(), "{library} belongs to {room}:\n{}", wrong.join("\n"));
    }
}

/// clippy denies the printing macros; this catches an `allow` slipped in where nothing should be printed.
#[test]
fn only_cli_and_report_print() {
    let wrong = uses_outside(&["cli", "report", "main"], &["clippy::print_stdout", "clippy::print_stderr"]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_stay_short() {
    let mut long = Vec::new();
    for source in sources() {
        let name = source.path.to_string_lossy().into_owned();
        let is_test = name.contains("tests/") || name.ends_with("tests.rs");
        let lines = if is_test { 0 } else { source.text.lines().take_while(|line| *line != "#[cfg(test)]").count() };
        if lines > 400 && !LONG_FILES.contains(&name.as_str()) {
            long.push(format!("src/{name}: {lines} lines, cut it along a word of the domain"));
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn unsafe_code_is_forbidden() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    let wrong = uses_outside(&[], &["allow(unsafe_code)"]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_room_is_a_drawer() {
    let drawers = ["util", "utils", "common", "helpers", "manager"];
    for source in sources() {
        let stem = source.path.file_stem().unwrap().to_string_lossy();
        let drawer = drawers.contains(&stem.as_ref()) || source.room == "types";
        assert!(!drawer, "{}", source.path.display());
    }
}
