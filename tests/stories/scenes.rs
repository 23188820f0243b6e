//! The four scenes of the classic guide, by `recover --auto`, on every server.
use crate::dr::{loss_of, point_of};
use crate::lab::Lab;
use crate::sandbox::Sandbox;
use std::fs;

/// After every recovery: the same data, lasting, and a configuration that says what runs.
fn is_whole_again(server: &mut Sandbox, digest: &str, expiries: &[(String, i64)]) {
    assert_eq!(server.digest(), digest, "not the data there was");
    assert_eq!(server.expiries(), expiries);
    assert_eq!(server.info("aof_enabled").as_deref(), Some("1"));
    assert_eq!(server.info("aof_last_write_status").as_deref(), Some("ok"));
    let conf = fs::read_to_string(server.conf()).unwrap();
    assert!(conf.lines().any(|line| line == "appendonly yes"), "{conf}");
    assert!(!conf.contains("min-replicas-to-write"), "the fence is still in the file:\n{conf}");
    let live = server.must(&["CONFIG", "GET", "min-replicas-to-write"]).text();
    assert_eq!(live, "min-replicas-to-write\n0", "the fence is still up");
    server.writes_survive_kill9();
}

#[test]
fn process_killed_aof_intact() {
    Lab::on_each(|mut server| {
        server.start().fill(900);
        let (digest, expiries) = (server.digest(), server.expiries());
        server.kill9();
        let conf = fs::read(server.conf()).unwrap();
        let run = server.recover_auto().recovered_by("restart");
        assert_eq!(loss_of(&run), Some(0.0));
        assert_eq!(run["serving"], true);
        assert_eq!(fs::read(server.conf()).unwrap(), conf, "redis.conf is byte for byte as it was");
        is_whole_again(&mut server, &digest, &expiries);
    });
}

#[test]
fn aof_torn_in_its_last_command() {
    Lab::on_each(|mut server| {
        server.start().fill(900);
        let (digest, expiries) = (server.digest(), server.expiries());
        server.must(&["SET", "the-torn-one", "value"]);
        server.kill9().tear_aof_tail(4);
        let damaged = fs::read(server.aof_tail()).unwrap();
        let run = server.recover_auto().recovered_by("repair-aof");
        assert_eq!(loss_of(&run), Some(0.0), "an incomplete command was never acknowledged");
        assert!(server.vault_holds(&damaged), "the damaged file, as it was, is in the vault");
        is_whole_again(&mut server, &digest, &expiries);
    });
}

#[test]
fn aof_damaged_and_what_was_cut_is_shown() {
    Lab::on_each(|mut server| {
        server.start().fill(900);
        let (digest, expiries) = (server.digest(), server.expiries());
        server.kill9();
        let boundary = fs::metadata(server.aof_tail()).unwrap().len();
        server.append_to_aof(b"*3\r\n$3\r\nSET\r\n$9\r\nuncertain\r\n$-5\r\ngarbage");
        let plan = server.redis_dr(&["plan", "demo"]);
        let digits: String = plan.exits(0).stdout.chars().filter(|c| !c.is_whitespace() && *c != '\u{202f}').collect();
        assert!(digits.contains(&boundary.to_string()), "the plan says where it would cut ({boundary}):\n{plan}");
        server.recover_auto().recovered_by("repair-aof");
        is_whole_again(&mut server, &digest, &expiries);
    });
}

#[test]
fn aof_lost_the_snapshot_is_restored_and_aof_is_on_again() {
    Lab::on_each(|mut server| {
        server.start().fill(700).save();
        let (digest, expiries) = (server.digest(), server.expiries());
        server.must(&["SET", "after-the-snapshot", "lost"]);
        server.kill9().lose_aof();
        let snapshot = fs::read(server.rdb()).unwrap();
        let run = server.recover_auto().recovered_by("restore-rdb-as-aof-base");
        assert_eq!(point_of(&run), "rdb");
        assert!(server.vault_holds(&snapshot) || fs::read(server.rdb()).unwrap() == snapshot);
        is_whole_again(&mut server, &digest, &expiries);
    });
}

#[test]
fn aof_and_snapshot_lost_the_newest_good_backup_is_restored() {
    Lab::on_each(|mut server| {
        server.start().fill(400).backup("dump-100000.rdb");
        server.fill(400).backup("dump-110000.rdb");
        let (digest, expiries) = (server.digest(), server.expiries());
        let newest = server.fill(100).backup("dump-120000.rdb");
        server.kill9().lose_aof().lose_rdb().corrupt(&newest, 300);
        let run = server.recover_auto().recovered_by("restore-backup");
        assert_eq!(point_of(&run), "nightly/dump-110000.rdb");
        is_whole_again(&mut server, &digest, &expiries);
    });
}

#[test]
fn the_classic_way_ends_in_the_same_place() {
    Lab::on_each(|mut server| {
        server.start().fill(700).save();
        let (digest, expiries) = (server.digest(), server.expiries());
        server.kill9().lose_aof();
        let args = ["recover", "demo", "--auto", "--json", "--runbook", "restore-rdb", "--point", "rdb"];
        server.redis_dr(&args).recovered_by("restore-rdb");
        is_whole_again(&mut server, &digest, &expiries);
    });
}

#[test]
fn compressed_backups_are_backups() {
    let mut server = Lab::new().sandbox();
    server.start().fill(400).backup("dump.rdb");
    let (digest, expiries) = (server.digest(), server.expiries());
    server.kill9().lose_aof().lose_rdb();
    let plain = fs::read(server.backups().join("dump.rdb")).unwrap();
    fs::write(server.backups().join("monday.zst"), zstd::encode_all(plain.as_slice(), 3).unwrap()).unwrap();
    fs::remove_file(server.backups().join("dump.rdb")).unwrap();
    let run = server.recover_auto().recovered_by("restore-backup");
    assert_eq!(point_of(&run), "nightly/monday.zst");
    is_whole_again(&mut server, &digest, &expiries);
}
