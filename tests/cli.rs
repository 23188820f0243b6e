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
    let (code, out, err) = said(&["explain", "server.not_runing"]);
    assert_eq!(code, 2);
    assert!(out.is_empty() && err.contains("did you mean server.not_running?"), "{out}{err}");
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
    for args in [&["runbook", "lint"][..], &["playbook", "lint"], &["playbook", "test"]] {
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
