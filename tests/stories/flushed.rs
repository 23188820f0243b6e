//! FLUSHALL by mistake: the snapshot on disk is overwritten at once, only the AOF still holds the history.
use crate::dr::{loss_of, point_of};
use crate::lab::Lab;
use crate::sandbox::Sandbox;

/// Save points, so that a flush overwrites the snapshot; data in the base of the AOF and behind it.
fn filled(server: &mut Sandbox) -> String {
    server.configure("save 3600 1").start().fill(600).save();
    server.rewrite_aof();
    server.fill(200);
    server.digest()
}

fn undone(server: &mut Sandbox, digest: &str) {
    let run = server.recover_auto().recovered_by("undo-flush");
    assert_eq!(point_of(&run), "aof-before-flush");
    assert_eq!(loss_of(&run), Some(0.0));
    assert_eq!(server.digest(), digest);
    assert_eq!(server.must(&["CONFIG", "GET", "save"]).text().trim(), "save\n3600 1", "as the owner has it");
    server.writes_survive_kill9();
}

#[test]
fn flushall_on_a_running_server_with_save_points() {
    Lab::on_each(|mut server| {
        let digest = filled(&mut server);
        server.must(&["FLUSHALL"]);
        assert_eq!(server.dbsize(), 0);
        undone(&mut server, &digest);
    });
}

#[test]
fn flushed_and_stopped_as_usual() {
    Lab::on_each(|mut server| {
        let digest = filled(&mut server);
        server.must(&["flushall", "async"]);
        server.kill9();
        undone(&mut server, &digest);
    });
}

#[test]
fn flushdb_within_a_transaction_is_cut_before_its_multi() {
    Lab::on_each(|mut server| {
        let digest = filled(&mut server);
        let mut client = server.client();
        for words in [&["MULTI"][..], &["SET", "within", "1"], &["flushdb"], &["EXEC"]] {
            assert!(!client.ask(words).unwrap().is_error());
        }
        for db in 1..16 {
            assert!(!client.ask(&["SELECT", &db.to_string()]).unwrap().is_error());
            assert!(!client.ask(&["FLUSHDB", "async"]).unwrap().is_error());
        }
        assert_eq!(server.dbsize(), 0);
        undone(&mut server, &digest);
    });
}

#[test]
fn a_script_that_flushes() {
    Lab::on_each(|mut server| {
        let digest = filled(&mut server);
        server.must(&["EVAL", "redis.call('set', 'k', '1') return redis.call('flushall')", "0"]);
        undone(&mut server, &digest);
    });
}

#[test]
fn flushed_twice_is_one_accident() {
    Lab::on_each(|mut server| {
        let digest = filled(&mut server);
        server.must(&["FLUSHALL"]);
        server.must(&["FLUSHALL"]);
        undone(&mut server, &digest);
    });
}

#[test]
fn what_clients_wrote_since_is_counted_and_kept() {
    let mut server = Lab::new().sandbox();
    let digest = filled(&mut server);
    server.must(&["FLUSHALL"]);
    server.must(&["SET", "since", "1"]);
    server.must(&["SET", "since", "2"]);
    let run_id = server.run_id();
    server.recover_auto().exits(3).mentions("clients have written since");
    assert_eq!(server.run_id(), run_id);
    let plan = server.redis_dr(&["plan", "demo", "--point", "aof-before-flush"]);
    plan.exits(0).mentions("commands after it, which are lost: 2");
    let recover = ["recover", "demo", "--point", "aof-before-flush", "--confirm", "demo", "--json"];
    let run = server.redis_dr(&recover).recovered_by("undo-flush");
    assert_eq!(server.digest(), digest);
    let vault = std::path::PathBuf::from(run["vault"].as_str().unwrap());
    let memory = std::fs::read(vault.join("memory.rdb")).unwrap();
    assert!(memory.windows(5).any(|w| w == b"since"), "what was written since is in the vault");
}

#[test]
fn a_flush_before_which_another_removed_more_is_a_persons_choice() {
    let mut server = Lab::new().sandbox();
    let digest = filled(&mut server);
    server.must(&["FLUSHALL"]);
    server.must(&["SET", "since", "1"]);
    server.must(&["FLUSHALL"]);
    let refused = server.recover_auto();
    refused.exits(3).mentions("nobody can tell how much restoring");
    let points = server.redis_dr(&["points", "demo", "--json"]).json();
    let ids: Vec<&str> = points["points"].as_array().unwrap().iter().filter_map(|p| p["id"].as_str()).collect();
    let first = ids.iter().find(|id| id.starts_with("aof-before-flush-at-")).unwrap();
    let run = server.redis_dr(&["recover", "demo", "--point", first, "--confirm", "demo", "--json"]);
    run.recovered_by("undo-flush");
    assert_eq!(server.digest(), digest);
}
