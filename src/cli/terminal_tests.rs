#![allow(clippy::unwrap_used)]
use super::*;

/// Somebody who types these lines and then goes away.
struct Typed(std::slice::Iter<'static, &'static str>);

impl Lines for Typed {
    fn next(&mut self) -> Option<String> {
        self.0.next().map(|line| (*line).to_string())
    }
}

fn typing(lines: &'static [&'static str]) -> Terminal {
    Terminal::reading("no config".into(), false, Box::new(Typed(lines.iter())))
}

#[test]
fn after_a_failure_whoever_is_gone_leaves_it_as_it_is() {
    assert_eq!(typing(&[]).after_failure("cut", "no room", "", false, false), AfterFailure::StopHere);
    assert_eq!(typing(&["x", "", "d", "r"]).after_failure("cut", "no room", "", false, false), AfterFailure::Retry);
}

#[test]
fn skipping_is_offered_only_where_the_runbook_allows_it_and_needs_a_reason() {
    assert_eq!(typing(&["k", "because"]).after_failure("cut", "no room", "", false, false), AfterFailure::StopHere);
    let skip = typing(&["k", "", "k", "not needed here"]).after_failure("cut", "no room", "", true, false);
    assert_eq!(skip, AfterFailure::Skip { reason: "not needed here".into() });
    let mark = typing(&["m", "did it myself"]).after_failure("cut", "no room", "", false, false);
    assert_eq!(mark, AfterFailure::MarkDone { reason: "did it myself".into() });
}

#[test]
fn a_roll_back_after_opening_is_said_twice() {
    assert_eq!(typing(&["b"]).after_failure("cut", "no room", "", false, false), AfterFailure::RollBack);
    assert_eq!(typing(&["b", "yes", "s"]).after_failure("cut", "no room", "", false, true), AfterFailure::StopHere);
    assert_eq!(typing(&["b", "roll back"]).after_failure("cut", "no room", "", false, true), AfterFailure::RollBack);
}

#[test]
fn an_unfinished_run_is_left_by_whoever_is_gone() {
    assert_eq!(typing(&[]).unfinished("R", "repair-aof", None), Unfinished::Leave);
    assert_eq!(typing(&["what", "b"]).unfinished("R", "repair-aof", None), Unfinished::RollBack);
    assert_eq!(typing(&["resume"]).unfinished("R", "repair-aof", None), Unfinished::Resume);
}

#[test]
fn a_rule_is_answered_yes_no_or_not_at_all() {
    assert_eq!(typing(&["maybe", "Yes"]).rule("1: x", "y"), Some(true));
    assert_eq!(typing(&["n"]).rule("1: x", "y"), Some(false));
    assert_eq!(typing(&["q"]).rule("1: x", "y"), None);
    assert_eq!(typing(&[]).rule("1: x", "y"), None);
}

#[test]
fn standing_alone_is_typed_in_full_and_asked_once() {
    let because = ["a saved replication id".to_string()];
    assert!(!typing(&["yes"]).standalone(&because));
    assert!(!typing(&[]).standalone(&because));
    let mut person = typing(&["standalone"]);
    assert!(person.standalone(&because) && person.standalone(&because));
}

#[test]
fn step_by_step_goes_on_with_enter() {
    assert!(typing(&[""]).go_on("stop", "stop it"));
    assert!(!typing(&["later", "no"]).go_on("stop", "stop it"));
    assert!(!typing(&[]).go_on("stop", "stop it"));
}

#[test]
fn a_question_is_answered_by_a_whole_yes() {
    assert!(typing(&["yes"]).question("Is the disk back?"));
    assert!(!typing(&["y"]).question("Is the disk back?"));
    assert!(!typing(&[]).question("Is the disk back?"));
}
