use redis_dr::state::{Pause, Rates, State, StateError};

fn moment() -> jiff::Timestamp {
    "2026-01-01T03:15:02Z".parse().unwrap()
}

#[test]
fn two_runs_in_one_second_have_two_ids() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::at(dir.path().join("s"));
    assert!(state.run_ids().unwrap().is_empty());
    let one = state.new_run(moment(), "restore-rdb").unwrap();
    let two = state.new_run(moment(), "restore-rdb").unwrap();
    assert_eq!(one.id(), "20260101T031502Z-restore-rdb");
    assert_eq!(two.id(), "20260101T031502Z-restore-rdb-2");
    assert!(state.run_ids().unwrap().is_empty(), "a run exists from its journal's first line");
    for run in [&one, &two] {
        run.write("journal.jsonl", b"").unwrap();
    }
    assert_eq!(state.run_ids().unwrap(), [two.id(), one.id()]);
    assert_eq!(state.find_run("last").unwrap(), two.id());
    assert_eq!(state.find_run(one.id()).unwrap(), one.id());
    assert!(matches!(state.find_run("2026"), Err(StateError::ManyRuns { .. })));
    assert!(matches!(state.find_run("1999"), Err(StateError::NoSuchRun { .. })));
    state.remove_run(two.id()).unwrap();
    assert_eq!(state.find_run("2026").unwrap(), one.id());
    assert!(matches!(state.remove_run(".."), Err(StateError::NoSuchRun { .. })));
}

#[test]
fn a_pause_ends_by_itself_or_is_taken_off() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::at(dir.path());
    assert_eq!(state.pause("cache-1", moment()).unwrap(), None);
    let until = moment() + jiff::SignedDuration::from_hours(2);
    let pause = Pause { by: "ann".to_string(), since: moment(), until: Some(until) };
    state.set_pause("cache-1", Some(&pause)).unwrap();
    assert_eq!(state.pause("cache-1", moment()).unwrap(), Some(pause));
    assert_eq!(state.pause("cache-1", until).unwrap(), None);
    state.set_pause("cache-1", None).unwrap();
    assert_eq!(state.pause("cache-1", moment()).unwrap(), None);
}

#[test]
fn rates_are_remembered_and_a_damaged_record_is_no_obstacle() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::at(dir.path());
    state.learn_rates(&Rates([("copy".to_string(), 5e8)].into())).unwrap();
    state.learn_rates(&Rates([("walk_rdb".to_string(), 2e9), ("nan".to_string(), f64::NAN)].into())).unwrap();
    assert_eq!(state.rates().0.len(), 2);
    std::fs::write(dir.path().join("rates.json"), b"{").unwrap();
    assert!(state.rates().0.is_empty());
}
