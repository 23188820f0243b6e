use std::time::{Duration, Instant};

use redis_dr::host::Look;
use redis_dr::lock::{self, Holder, Lock, LockError};
use redis_dr::state::State;

fn me() -> Holder {
    Holder::this_process(Look::new())
}

#[test]
fn a_second_run_is_told_who_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = tempfile::tempdir().unwrap();
    let state = State::at(dir.path());
    let mut first = Lock::acquire(&state, "cache-1", Some(data.path()), me(), None).unwrap();
    first.names_run("20260101T031502Z-restart");
    assert!(first.without_data().is_none());
    let error = Lock::acquire(&state, "cache-1", None, me(), None).unwrap_err();
    let LockError::Held { holder: Some(holder), .. } = &error else { panic!("{error}") };
    assert_eq!(holder.pid, std::process::id());
    assert!(error.to_string().contains("20260101T031502Z-restart"), "{error}");
    assert!(lock::is_held(&lock::data_lock_path(data.path())).unwrap());

    let other = State::at(dir.path().join("another"));
    let error = Lock::acquire(&other, "same-data", Some(data.path()), me(), None).unwrap_err();
    assert!(matches!(error, LockError::Held { .. }), "the data directory is held too");

    drop(first);
    assert!(!lock::is_held(&lock::data_lock_path(data.path())).unwrap());
    Lock::acquire(&state, "cache-1", Some(data.path()), me(), None).unwrap();
}

#[test]
fn waiting_ends_when_the_lock_is_free_or_time_is_up() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::at(dir.path());
    let first = Lock::acquire(&state, "cache-1", None, me(), None).unwrap();
    let begun = Instant::now();
    assert!(Lock::acquire(&state, "cache-1", None, me(), Some(Duration::from_millis(250))).is_err());
    assert!(begun.elapsed() >= Duration::from_millis(200));
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| Lock::acquire(&state, "cache-1", None, me(), Some(Duration::from_secs(20))));
        std::thread::sleep(Duration::from_millis(100));
        drop(first);
        waiter.join().unwrap().unwrap();
    });
}

#[test]
fn a_data_directory_that_is_gone_does_not_stop_us() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::at(dir.path());
    let lock = Lock::acquire(&state, "cache-1", Some(&dir.path().join("gone")), me(), None).unwrap();
    assert!(lock.without_data().is_some());
}
