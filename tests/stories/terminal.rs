//! A person at a terminal: shown everything, asked once, never surprised.
use crate::lab::Lab;
use crate::sandbox::{PATIENCE, Sandbox};
use nix::sys::wait::WaitStatus;
use rexpect::session::{PtySession, spawn_command};

const ASKED: &str = "q leave: ";

impl Sandbox {
    /// redis-dr on a terminal of its own.
    fn at_a_terminal(&self, args: &[&str]) -> PtySession {
        let plain = self.command(args);
        let mut command = std::process::Command::new(plain.get_program());
        command.args(plain.get_args()).current_dir(self.root());
        command.env_remove("REDISCLI_AUTH").env_remove("REDIS_DR_CONFIG").env("NO_COLOR", "1").env("TERM", "xterm");
        spawn_command(command, u64::try_from(PATIENCE.as_millis()).ok()).unwrap()
    }
}

/// Waits for the end; its exit code.
fn ends(mut person: PtySession) -> i32 {
    person.exp_eof().unwrap();
    match person.process().wait().unwrap() {
        WaitStatus::Exited(_, code) => code,
        other => panic!("{other:?}"),
    }
}

/// A server that was killed, with garbage at the end of its AOF.
fn broken() -> Sandbox {
    let mut server = Lab::new().sandbox();
    server.start().fill(300);
    server.writes_survive_kill9();
    server.kill9().append_to_aof(b"garbage that no server takes\r\n");
    server
}

#[test]
fn typing_the_name_starts_it_and_nothing_else_does() {
    let server = broken();
    let before = server.files();
    let mut person = server.at_a_terminal(&["recover", "demo"]);
    person.exp_string("Nothing has been changed yet.").unwrap();
    for (typed, answer) in [
        ("yes", "neither its name nor one of the keys"),
        ("", "Type demo to start"),
        ("e", "Rules of triage"),
        ("d", "garbage that no server takes"),
        ("99", "neither its name nor one of the keys"),
    ] {
        person.exp_string(ASKED).unwrap();
        person.send_line(typed).unwrap();
        person.exp_string(answer).unwrap();
    }
    assert_eq!(server.files(), before);
    person.send_line("demo").unwrap();
    person.exp_string("RECOVERED").unwrap();
    assert_eq!(ends(person), 0);
    assert!(server.dbsize() > 0);
}

#[test]
fn leaving_changes_nothing() {
    let server = broken();
    let before = server.files();
    let mut person = server.at_a_terminal(&["recover", "demo"]);
    person.exp_string(ASKED).unwrap();
    person.send_line("q").unwrap();
    assert_eq!(ends(person), 130);
    let mut person = server.at_a_terminal(&["recover", "demo"]);
    person.exp_string(ASKED).unwrap();
    person.send_control('c').unwrap();
    assert_eq!(ends(person), 130);
    assert_eq!(server.files(), before);
}

#[test]
fn a_run_stopped_between_steps_is_offered_and_taken_back() {
    let server = broken();
    let before = server.files();
    let mut person = server.at_a_terminal(&["recover", "demo"]);
    person.exp_string(ASKED).unwrap();
    person.send_line("s").unwrap();
    person.exp_string("step by step: ").unwrap();
    person.send_line("demo").unwrap();
    for typed in ["", "", "no"] {
        person.exp_string("to stop here: ").unwrap();
        person.send_line(typed).unwrap();
    }
    person.exp_string("UNFINISHED").unwrap();
    assert_eq!(ends(person), 4);
    let shown = server.redis_dr(&["runs", "show"]);
    shown.exits(0).mentions("UNFINISHED").mentions("to come      verify-data").mentions("runs resume 20");
    let mut person = server.at_a_terminal(&["recover", "demo"]);
    person.exp_string("was not finished").unwrap();
    person.send_line("b").unwrap();
    person.exp_string(ASKED).unwrap();
    assert_eq!(server.files(), before);
    person.send_line("q").unwrap();
    assert_eq!(ends(person), 130);
}

#[test]
fn an_instance_that_may_be_replicated_is_said_to_stand_alone_by_name() {
    let server = broken();
    let config = std::fs::read_to_string(server.config()).unwrap();
    std::fs::write(server.config(), config.replace("    topology: standalone\n", "")).unwrap();
    let log = server.log() + "1:M 21 Nov 2026 03:00:00.000 * Synchronization with replica 127.0.0.1:7001 succeeded\n";
    std::fs::write(server.root().join("redis.log"), log).unwrap();
    let mut person = server.at_a_terminal(&["recover", "demo"]);
    person.exp_string("type standalone; anything else leaves: ").unwrap();
    person.send_line("standalone").unwrap();
    person.exp_string(ASKED).unwrap();
    person.send_line("q").unwrap();
    assert_eq!(ends(person), 130);
}

#[test]
fn where_data_may_be_running_out_holding_is_offered_before_the_long_look() {
    let mut server = Lab::new().sandbox();
    server.configure("save 3600 1").start().fill(300).save();
    server.rewrite_aof();
    let digest = server.digest();
    server.must(&["FLUSHALL"]);
    let held = server.data().join(".redis-dr/held");
    let mut person = server.at_a_terminal(&["recover", "demo"]);
    person.exp_string("every minute may cost data here").unwrap();
    person.exp_string("h hold it now, Enter to look without holding, q leave: ").unwrap();
    assert!(!held.exists());
    person.send_line("h").unwrap();
    person.exp_string("note: demo is held: by ").unwrap();
    person.exp_string("hold demo --release").unwrap();
    person.exp_string("Nothing has been changed yet, the hold aside.").unwrap();
    assert!(held.exists());
    assert_eq!(
        server.must(&["CONFIG", "GET", "auto-aof-rewrite-percentage"]).text().trim(),
        "auto-aof-rewrite-percentage\n0"
    );
    person.exp_string(ASKED).unwrap();
    person.send_line("demo").unwrap();
    person.exp_string("RECOVERED").unwrap();
    assert_eq!(ends(person), 0);
    assert_eq!(server.digest(), digest);
    assert!(!held.exists(), "a recovery that succeeds ends the hold");
}

#[test]
fn a_hold_is_a_key_of_the_menu_and_a_trap_is_said_before_the_long_look() {
    let mut server = Lab::new().sandbox();
    server.configure("appendonly no").start().fill(300).save();
    server.kill9().configure("appendonly yes");
    let mut person = server.at_a_terminal(&["recover", "demo"]);
    person.exp_string("config.aof_trap").unwrap();
    person.exp_string("q leave: ").unwrap();
    person.send_line("").unwrap();
    person.exp_string("h hold it first, q leave: ").unwrap();
    assert!(!server.data().join(".redis-dr/held").exists());
    person.send_line("h").unwrap();
    person.exp_string("note: demo is held: by ").unwrap();
    person.exp_string("the hold aside").unwrap();
    person.exp_string("e evidence, q leave: ").unwrap();
    assert!(server.data().join(".redis-dr/held").exists());
    person.send_line("q").unwrap();
    assert_eq!(ends(person), 130);
    server.redis_dr(&["hold", "demo", "--release"]).exits(0);
    let mut person = server.at_a_terminal(&["recover", "demo"]);
    person.exp_string("q leave: ").unwrap();
    person.send_line("q").unwrap();
    assert_eq!(ends(person), 130);
}

#[test]
fn without_a_terminal_only_what_need_not_be_asked_is_answered() {
    let mut server = Lab::new().sandbox();
    server.start().fill(20);
    let run = server.redis_dr(&["recover", "demo", "--json"]).exits(0).json();
    assert_eq!((&run["outcome"], &run["run_id"]), (&"healthy".into(), &serde_json::Value::Null));
    let plan = server.root().join("plan.json");
    server.kill9().append_to_aof(b"garbage that no server takes\r\n");
    server.redis_dr(&["plan", "demo", "-o", plan.to_str().unwrap()]).exits(0);
    let before = server.files();
    server.redis_dr(&["recover", "demo"]).exits(2).mentions("-n shows the plan");
    let said = server.redis_dr(&["apply", plan.to_str().unwrap()]);
    said.exits(2).mentions("--auto keeps to the policy; --confirm demo is a person's word");
    assert!(!said.stderr.contains("-n "), "{said}");
    assert_eq!(server.files(), before);
    let said = server.redis_dr(&["plan", "demo", "--incident-at", "-15m"]);
    said.exits(0).mentions("incident at 20").mentions("15 min");
    server
        .redis_dr(&["points", "demo", "--incident-at", "soon"])
        .exits(2)
        .mentions("this is not a moment")
        .mentions("15m ago");
}

#[test]
fn whatever_is_printed_to_be_typed_next_carries_the_config_in_force() {
    let mut server = Lab::new().sandbox();
    server.start().fill(50).save();
    let mut without = Vec::new();
    let mut carried = |said: &crate::dr::Output| {
        let text = format!("{}{}", said.stdout, said.stderr);
        let options = format!("-c {}", server.config().display());
        for part in text.split("redis-dr ").skip(1) {
            let verb: String = part.chars().take_while(char::is_ascii_lowercase).collect();
            let command =
                ["assess", "points", "plan", "recover", "hold", "runs", "vault", "guard", "pause", "verify", "apply"];
            let line = part.lines().next().unwrap_or_default();
            if command.contains(&verb.as_str()) && !line.contains(&options) {
                without.push(format!("redis-dr {line}"));
            }
        }
    };
    for args in [
        &["assess", "demo"][..],
        &["hold", "demo"],
        &["assess", "demo"],
        &["recover", "demo", "--auto"],
        &["guard", "demo"],
        &["runs", "show", "nothing"],
        &["runs", "resume"],
        &["vault", "list"],
        &["vault", "restore", "last", "/x", "-o", "y"],
        &["hold", "demo", "--release"],
        &["pause", "demo"],
        &["recover", "demo", "--auto"],
        &["verify", "demo", "--against", "x"],
        &["points", "nobody"],
        &["plan", "demo", "--runbook", "nothing"],
        &["apply", "redis.conf"],
        &["runs", "rollback", "last"],
    ] {
        carried(&server.redis_dr(args));
    }
    assert_eq!(without, [""; 0]);
}
