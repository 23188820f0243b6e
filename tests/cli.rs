//! The commands that need no server, as they are typed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use assert_cmd::Command;
use std::path::Path;

/// The program with a state directory and a home of its own, and no config.
fn redis_dr(dir: &Path) -> Command {
    let mut command = Command::cargo_bin("redis-dr").unwrap();
    command.env_clear().env("HOME", dir).env("XDG_STATE_HOME", dir.join("state")).env("PATH", "/usr/bin:/bin");
    command.current_dir(dir);
    command
}

/// Exit code, standard output, standard error.
fn said(args: &[&str]) -> (i32, String, String) {
    let dir = tempfile::tempdir().unwrap();
    said_in(dir.path(), args)
}

fn said_in(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let output = redis_dr(dir).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn without_words_the_six_commands_are_shown() {
    let (code, out, _) = said(&[]);
    assert_eq!(code, 0);
    for command in ["assess", "points", "plan", "recover", "runs", "explain"] {
        assert!(out.contains(&format!("redis-dr {command}")), "{out}");
    }
}

#[test]
fn exit_codes_are_explained() {
    let (code, out, _) = said(&["explain", "exit-codes"]);
    assert_eq!(code, 0);
    for number in ["  0  ", "  1  ", "  2  ", "  3  ", "  4  ", "  5  ", "  6  ", "  7  ", "  8  ", " 70  ", "130  "] {
        assert!(out.lines().any(|l| l.starts_with(number)), "{number}: {out}");
    }
    let (code, out, _) = said(&["explain", "7"]);
    assert!(code == 0 && out.contains("stuck"), "{out}");
}

#[test]
fn findings_runbooks_and_words_are_explained() {
    for id in ["server.not_running", "restore-rdb", "vault", "recovery point"] {
        let (code, out, err) = said(&["explain", id]);
        assert!(code == 0 && out.contains(id), "{id}: {out}{err}");
    }
    let (code, out, _) = said(&["explain", "sentinel.no_quorum"]);
    assert!(code == 0 && out.contains("not found by this version: it takes the answers of the Sentinels"), "{out}");
    let (code, out, err) = said(&["explain", "server.not_runing"]);
    assert_eq!(code, 2);
    assert!(out.is_empty() && err.contains("did you mean server.not_running?"), "{out}{err}");
}

#[test]
fn the_schema_of_a_json_document_is_printed() {
    let (code, out, _) = said(&["explain", "--json"]);
    assert_eq!(code, 0);
    let listed = json(&out)["documents"].as_array().unwrap().clone();
    let docs = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/documents.md")).unwrap();
    for name in listed.iter().map(|name| name.as_str().unwrap()) {
        let (code, out, err) = said(&["explain", name]);
        assert_eq!(code, 0, "{name}: {err}");
        let schema = json(&out);
        let keys = schema["properties"].as_object().unwrap_or_else(|| panic!("{name}: {out}"));
        assert!(
            keys.contains_key("schema") && keys.values().all(|key| key != &serde_json::Value::Bool(true)),
            "{name}"
        );
        assert!(docs.contains(&format!("`{name}`")), "docs/documents.md lacks {name}");
    }
    let dir = tempfile::tempdir().unwrap();
    let yaml = dir.path().join("x.yaml");
    std::fs::write(&yaml, "version: 1\n").unwrap();
    let (_, out, _) = said_in(dir.path(), &["runbook", "lint", "x.yaml", "--json"]);
    let (_, schema, _) = said(&["explain", "redis-dr/lint/1"]);
    let schema = json(&schema);
    for key in json(&out).as_object().unwrap().keys() {
        assert!(schema["properties"][key].is_object(), "lint/1 has a key {key} that its schema lacks");
    }
    assert!(said(&["explain", "redis-dr/plam/1"]).2.contains("did you mean redis-dr/plan/1?"));
}

#[test]
fn a_bad_runbook_is_shown_with_line_and_caret() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("bad.yaml"), "version: 1\nrunbook: bad\ntitel: oops\n").unwrap();
    let (code, out, err) = said_in(dir.path(), &["runbook", "lint", "bad.yaml"]);
    assert_eq!(code, 2, "{out}{err}");
    assert!(out.contains("bad.yaml:3:1") && out.contains("titel: oops") && out.contains("^^^^^"), "{out}");
    let (code, out, _) = said_in(dir.path(), &["runbook", "lint", "bad.yaml", "--json"]);
    assert_eq!(code, 2);
    let document = json(&out);
    assert_eq!(document["schema"], "redis-dr/lint/1");
    let errors = document["files"][0]["errors"].as_array().unwrap();
    assert!(errors.iter().any(|e| e["line"] == 3 && e["column"] == 1 && e["hint"] == "did you mean `title`?"), "{out}");
}

#[test]
fn what_is_built_in_is_clean_and_passes_its_cases() {
    for args in [&["runbook", "lint"][..], &["playbook", "lint"], &["playbook", "test"], &["drill", "lint"]] {
        let (code, out, err) = said(args);
        assert_eq!(code, 0, "{args:?}: {out}{err}");
    }
}

#[test]
fn runbooks_and_playbooks_are_listed_shown_and_drawn() {
    for (sort, id) in [("runbook", "restore-rdb"), ("playbook", "triage")] {
        let (code, out, _) = said(&[sort, "list"]);
        assert!(code == 0 && out.contains(id), "{out}");
        let (_, out, _) = said(&[sort, "list", "--json"]);
        assert!(json(&out)[format!("{sort}s")].as_array().is_some_and(|all| !all.is_empty()));
        let (code, out, _) = said(&[sort, "show", id]);
        assert!(code == 0 && out.contains(&format!("{sort}: {id}")), "{out}");
        let (code, out, _) = said(&[sort, "graph", id, "--mermaid"]);
        assert!(code == 0 && out.contains("flowchart"), "{out}");
        let (code, out, _) = said(&[sort, "schema"]);
        assert!(code == 0 && json(&out).is_object());
        let (code, _, err) = said(&[sort, "show", "nothing-like-it"]);
        assert!(code == 2 && err.contains("hint:"), "{err}");
    }
}

#[test]
fn completions_and_manual_are_printed() {
    let (code, out, _) = said(&["completions", "bash"]);
    assert!(code == 0 && out.contains("complete -F"), "{out}");
    let (code, out, _) = said(&["man"]);
    assert!(code == 0 && out.contains(".TH redis-dr") && out.contains("REDIS-DR RECOVER"), "{out}");
}

#[test]
fn an_empty_vault_list_says_so() {
    let (code, out, _) = said(&["vault", "list"]);
    assert!(code == 0 && out.contains("no runs"), "{out}");
    let (code, out, _) = said(&["vault", "list", "--json"]);
    assert!(code == 0 && json(&out)["runs"] == serde_json::json!([]), "{out}");
    let (code, _, err) = said(&["vault", "restore", "last", "/x", "-o", "y"]);
    assert!(code == 2 && err.contains("hint:"), "{err}");
}

#[test]
fn slips_of_the_hand_are_answered() {
    for (args, words) in [
        (&["recover", "cache-1", "-y"][..], "--confirm"),
        (&["fix"], "redis-dr recover"),
        (&["undo"], "redis-dr runs rollback"),
        (&["assess", "-a", "secret"], "--password-file"),
        (&["plan", "-o", "json"], "--json"),
        (&["assess", "-h", "db.example.com"], "db.example.com:6379"),
    ] {
        let (code, _, err) = said(args);
        assert!(code == 2 && err.contains(words), "{args:?}: {code} {err}");
    }
    let (code, out, err) = said(&["assess", "-a", "secret", "--json"]);
    assert!(code == 2 && err.is_empty() && json(&out)["schema"] == "redis-dr/error/1", "{out}{err}");
}

#[test]
fn verify_can_not_look_at_a_server_that_is_not_there() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (code, _, err) = said(&["verify", "-p", &port.to_string()]);
    assert!(code == 1 && err.contains("error:"), "{code} {err}");
}

#[test]
fn every_near_word_names_the_right_command() {
    for (word, right) in [
        ("restore", "redis-dr recover"),
        ("repair", "redis-dr recover"),
        ("status", "redis-dr assess"),
        ("check", "redis-dr assess"),
        ("doctor", "redis-dr assess"),
    ] {
        let (code, out, err) = said(&[word, "cache-1"]);
        assert!(code == 2 && out.is_empty() && err.contains(right), "{word}: {code} {err}");
    }
}

#[test]
fn every_command_has_help_and_the_hidden_one_is_hidden() {
    for command in [
        "assess",
        "points",
        "plan",
        "recover",
        "apply",
        "verify",
        "runs",
        "vault",
        "runbook",
        "playbook",
        "drill",
        "explain",
        "completions",
        "man",
    ] {
        let (code, out, err) = said(&[command, "--help"]);
        assert!(code == 0 && out.contains("Usage:"), "{command}: {err}");
    }
    assert!(!said(&["--help"]).1.contains("__exec"));
}

#[test]
fn without_a_terminal_nothing_is_asked() {
    let (code, _, err) = said(&["recover", "127.0.0.1:1"]);
    assert!(code == 2 && err.contains("--auto") && err.contains("--confirm 127.0.0.1:1"), "{code} {err}");
    let (code, _, err) = said(&["recover", "127.0.0.1:1", "--confirm", "127.0.0.1:2"]);
    assert!(code == 2 && err.contains("--confirm 127.0.0.1:1"), "{code} {err}");
}

#[test]
fn a_password_on_the_command_line_is_refused_and_not_repeated() {
    for args in [&["assess", "-a", "hunter2"][..], &["assess", "-u", "redis://ann:hunter2@127.0.0.1:1"]] {
        let (code, out, err) = said(args);
        assert!(code == 2 && !out.contains("hunter2") && !err.contains("hunter2"), "{args:?}: {out}{err}");
    }
}

#[test]
fn looking_at_runs_makes_no_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (code, out, _) = said_in(dir.path(), &["runs", "list", "--json"]);
    assert!(code == 0 && json(&out) == serde_json::json!({ "schema": "redis-dr/runs/1", "runs": [] }), "{out}");
    assert_eq!(said_in(dir.path(), &["runs", "resume"]).0, 2);
    assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none());
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let dir = tempfile::tempdir().unwrap();
    let program = redis_dr(dir.path()).get_program().to_owned();
    let words = format!("{} man | head -c 1 > /dev/null", program.display());
    let output = Command::new("/bin/sh").env("HOME", dir.path()).args(["-c", &words]).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_full_device_is_no_success() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let cases = [
        &["man"][..],
        &["--help"],
        &["explain", "vault"],
        &["explain", "vault", "--json"],
        &["runs", "list", "--json"],
        &["runbook", "list"],
        &["assess", "127.0.0.1:1"],
        &["assess", "127.0.0.1:1", "--json"],
        &["completions", "bash"],
    ];
    for args in cases {
        let program = redis_dr(dir.path()).get_program().to_owned();
        let mut command = std::process::Command::new(program);
        command.args(args).current_dir(dir.path()).env("HOME", dir.path()).stdout(full());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains("cannot write to standard output") && said.contains("No space left"), "{args:?}: {said}");
    }
    let (code, _, err) = said_in(dir.path(), &["init", "-o", "/dev/full"]);
    assert!(code != 0 && !err.is_empty(), "{code} {err}");
    assert!(!std::fs::metadata("/dev/full").unwrap().is_file());
}

#[test]
fn where_no_server_is_known_at_a_port_init_says_what_to_give() {
    let (code, out, err) = said(&["init", "-p", "1", "-o", "-"]);
    assert!(code == 2 && out.is_empty(), "{code} {out}{err}");
    assert!(err.contains("no server runs at 127.0.0.1:1,") && err.contains("    address: 127.0.0.1:1\n"), "{err}");
    // what it says to write is a config
    let dir = tempfile::tempdir().unwrap();
    let config = err.split_once("version: 1").unwrap().1;
    std::fs::write(dir.path().join("redis-dr.yaml"), format!("version: 1{config}")).unwrap();
    let (code, _, err) = said_in(dir.path(), &["assess", "-c", "redis-dr.yaml"]);
    assert_eq!(code, 0, "{err}");
}
