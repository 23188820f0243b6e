#![allow(clippy::unwrap_used)]
use super::*;
use crate::facts::{AofState, Bytes, FileState, ProcessState, WouldLoad};

fn ids(found: &[Finding]) -> Vec<&'static str> {
    found.iter().map(|f| f.id.name()).collect()
}

fn serving() -> Facts {
    let mut facts = Facts::default();
    facts.process.state = Some(ProcessState::Running);
    facts.server.answers = Some(true);
    facts.server.writable = Some(true);
    facts.config.appendonly = Some(true);
    facts.config.save_points = Some(true);
    facts.config.start_loads = Some(WouldLoad::Aof);
    facts.files.backups = 1;
    facts
}

#[test]
fn a_serving_instance_has_no_findings() {
    assert_eq!(ids(&derive(&serving(), &[], &Seen::default())), Vec::<&str>::new());
}

#[test]
fn down_and_trapped_is_critical_and_says_both() {
    let mut facts = serving();
    facts.process.state = Some(ProcessState::Down);
    facts.server.answers = Some(false);
    facts.config.start_loads = Some(WouldLoad::Nothing);
    facts.config.trap = Some(true);
    facts.files.aof.state = Some(AofState::Missing);
    facts.files.rdb.state = Some(FileState::Intact);
    facts.files.rdb.bytes = Some(Bytes(100));
    facts.files.rdb.keys = Some(7);
    let found = derive(&facts, &[], &Seen::default());
    assert_eq!(ids(&found), ["server.not_running", "config.aof_trap", "files.aof_missing"]);
    assert_eq!(summary(&found).worst_now, Severity::Critical);
}

#[test]
fn damage_in_a_file_that_is_not_loaded_is_minor() {
    let mut facts = serving();
    facts.files.rdb.state = Some(FileState::Damaged);
    let found = derive(&facts, &[], &Seen::default());
    assert_eq!(found[0].severity, Severity::Minor);
    facts.config.appendonly = Some(false);
    assert_eq!(derive(&facts, &[], &Seen::default())[0].severity, Severity::Major);
}

#[test]
fn a_port_held_by_another_program_is_not_a_hung_server() {
    let mut facts = serving();
    facts.process.state = Some(ProcessState::Down);
    facts.server = crate::facts::ServerFacts { answers: Some(false), ..Default::default() };
    facts.port.held_by_other = Some(true);
    facts.port.holder = Some("nc (pid 7)".into());
    let found = derive(&facts, &[], &Seen::default());
    assert_eq!(ids(&found), ["server.port_taken", "server.not_running"]);
}

#[test]
fn a_cache_weighs_persistence_less() {
    let mut facts = serving();
    facts.files.aof.state = Some(AofState::Corrupt);
    assert_eq!(derive(&facts, &[], &Seen::default())[0].severity, Severity::Major);
    facts.instance.role = Role::Cache;
    assert_eq!(derive(&facts, &[], &Seen::default())[0].severity, Severity::Minor);
}

#[test]
fn what_only_the_next_failure_makes_hurt_does_not_count_now() {
    let mut facts = serving();
    facts.files.backups = 0;
    facts.memory.overcommit = Some(0);
    let found = derive(&facts, &[], &Seen::default());
    assert_eq!(summary(&found).worst_now, Severity::Healthy);
    assert_eq!(summary(&found).worst, Severity::Minor);
}
