//! A person at a terminal (a pseudo one): reads, types the name, watches.
use crate::lab::Lab;
use crate::sandbox::Sandbox;
use rexpect::session::{PtySession, spawn_command};

fn terminal(server: &Sandbox, args: &[&str]) -> PtySession {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_redis-dr"));
    command.args(args).arg("-c").arg(server.config()).current_dir(server.root());
    command.env("TERM", "xterm").env("NO_COLOR", "1").env_remove("REDISCLI_AUTH");
    spawn_command(command, Some(30_000)).unwrap()
}

fn ends_with(mut session: PtySession, codes: &[i32]) {
    let said = session.exp_eof().unwrap_or_default();
    let status = format!("{:?}", session.process().wait());
    let expected = codes.iter().any(|code| status.contains(&format!(", {code})")));
    assert!(status.starts_with("Ok(Exited(") && expected, "{status}: {said}");
}

fn torn() -> (Sandbox, String) {
    let mut server = Lab::new().sandbox();
    server.start().fill(300).save();
    let digest = server.digest();
    server.kill9().append_torn_transaction();
    (server, digest)
}

#[test]
fn typing_the_name_starts_it() {
    let (mut server, digest) = torn();
    let mut session = terminal(&server, &["recover", "demo"]);
    session.exp_string("server.not_running").unwrap();
    session.exp_string("Recovery points").unwrap();
    session.exp_string("Because").unwrap();
    session.exp_string("repair-aof").unwrap();
    session.exp_string("Nothing has been changed yet").unwrap();
    session.exp_string("Type demo to start").unwrap();
    assert!(!server.running());
    session.send_line("demo").unwrap();
    ends_with(session, &[0]);
    assert_eq!(server.digest(), digest);
    server.writes_survive_kill9();
}

#[test]
fn leaving_changes_nothing() {
    let (server, _) = torn();
    let before = server.files();
    let mut session = terminal(&server, &["recover", "demo"]);
    session.exp_string("Type demo to start").unwrap();
    session.send_line("q").unwrap();
    ends_with(session, &[0, 3, 130]);
    assert!(server.files() == before && !server.running());
}

#[test]
fn another_point_brings_its_runbook() {
    let (server, digest) = torn();
    let mut session = terminal(&server, &["recover", "demo"]);
    session.exp_string("Type demo to start").unwrap();
    session.send_line("2").unwrap();
    session.exp_string("restore-rdb-as-aof-base").unwrap();
    session.exp_string("Type demo to start").unwrap();
    session.send_line("demo").unwrap();
    ends_with(session, &[0]);
    assert_eq!(server.digest(), digest);
}
