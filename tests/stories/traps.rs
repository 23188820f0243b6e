//! The traps: where a plain start, or the vendor's tools, would lose data without a word.
use crate::dr::{loss_of, point_of};
use crate::lab::{Lab, Tree};
use crate::sandbox::Sandbox;
use std::fs;

fn since_seven(tree: &Tree) -> bool {
    tree.since_seven()
}

/// A server that only ever had snapshots: its data, saved, and AOF now switched on in the file.
fn rdb_only_then_aof_on(server: &mut Sandbox) -> String {
    server.configure("appendonly no").start().fill(700).save();
    let digest = server.digest();
    server.kill9();
    server.configure("appendonly yes");
    digest
}

#[test]
fn aof_switched_on_in_the_file_while_down() {
    Lab::on_each(|mut server| {
        let digest = rdb_only_then_aof_on(&mut server);
        server.recover_auto().recovered_by("restore-rdb-as-aof-base");
        assert_eq!(server.digest(), digest);
        server.writes_survive_kill9();
    });
}

#[test]
fn aof_switched_on_in_the_file_and_already_started_empty() {
    Lab::on_each(|mut server| {
        let digest = rdb_only_then_aof_on(&mut server);
        server.start();
        assert_eq!(server.dbsize(), 0, "the trap has closed");
        server.recover_auto().recovered_by("restore-rdb-as-aof-base");
        assert_eq!(server.digest(), digest);
        server.writes_survive_kill9();
    });
}

#[test]
fn manifest_lost() {
    Lab::on_each_where(since_seven, |mut server| {
        server.start().fill(400).rewrite_aof();
        server.fill(400);
        let digest = server.digest();
        server.kill9().lose_manifest();
        server.recover_auto().recovered_by("rebuild-aof-manifest");
        assert_eq!(server.digest(), digest);
        server.writes_survive_kill9();
    });
}

#[test]
fn torn_transaction_is_cut_before_its_multi() {
    Lab::on_each(|mut server| {
        server.start().fill(700);
        let digest = server.digest();
        server.kill9().append_torn_transaction();
        let run = server.recover_auto().recovered_by("repair-aof");
        assert_eq!(loss_of(&run), Some(0.0));
        assert_eq!(server.digest(), digest);
        // Left dangling, the next restart would drop everything written from here on.
        server.writes_survive_kill9();
    });
}

#[test]
fn zero_padded_tail() {
    Lab::on_each(|mut server| {
        server.start().fill(700);
        let digest = server.digest();
        server.kill9().zero_pad_aof(4096);
        server.recover_auto().recovered_by("repair-aof");
        assert_eq!(server.digest(), digest);
        server.writes_survive_kill9();
    });
}

#[test]
fn truncated_file_that_is_not_the_last_leaves_no_hole() {
    Lab::on_each_where(since_seven, |mut server| {
        server.start().fill(2_000).backup("dump-110000.rdb");
        let backup = server.digest();
        server.kill9();
        let first = server.split_incr();
        let mut bytes = fs::read(&first).unwrap();
        bytes.truncate(bytes.len() - 7);
        fs::write(&first, bytes).unwrap();
        // It was last written to long before the backup: a rewrite began after it.
        let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        fs::File::options().append(true).open(&first).unwrap().set_modified(long_ago).unwrap();
        server.lose_rdb();
        let before = server.files();
        let output = server.recover_auto();
        match output.code {
            Some(0) => assert_eq!(server.digest(), backup, "{output}"),
            _ => {
                output.exits(3);
                assert_eq!(Sandbox::listing(&server.files()), Sandbox::listing(&before));
                assert!(server.files() == before && !server.running());
            }
        }
    });
}

#[test]
fn backup_of_a_newer_server_is_passed_over() {
    let lab = Lab::new();
    let (Some(newer), Some(older)) = (lab.tree("redis-8"), lab.tree("redis-7")) else {
        return eprintln!("-- needs Redis 7 and 8 in REDIS_DR_SERVERS");
    };
    let mut source = Sandbox::new(newer);
    let newest = source.start().fill(500).backup("dump-120000.rdb");
    let mut server = Sandbox::new(older);
    server.start().fill(300).backup("dump-110000.rdb");
    let digest = server.digest();
    fs::copy(newest, server.backups().join("dump-120000.rdb")).unwrap();
    server.kill9().lose_aof().lose_rdb();
    let run = server.recover_auto().recovered_by("restore-backup");
    assert_eq!(point_of(&run), "nightly/dump-110000.rdb");
    assert_eq!(server.digest(), digest);
}

#[test]
fn snapshot_bigger_than_maxmemory_is_not_loaded_to_be_evicted() {
    Lab::on_each(|mut server| {
        server.start().fill(3_000).save();
        server.kill9().lose_aof();
        server.configure("maxmemory 100kb\nmaxmemory-policy allkeys-lru");
        let before = server.files();
        server.recover_auto().exits(3);
        assert!(server.files() == before && !server.running());
    });
}

#[test]
fn preamble_with_a_torn_first_command() {
    Lab::on_each(|mut server| {
        server.start().fill(700).rewrite_aof();
        let digest = server.digest();
        server.kill9().single_file_with_torn_first_command();
        server.recover_auto().recovered_by("repair-aof");
        assert_eq!(server.digest(), digest);
        server.writes_survive_kill9();
    });
}

#[test]
fn a_base_with_valkeys_own_magic() {
    Lab::on_each_where(
        |tree| tree.valkey && tree.version >= (9, 0),
        |mut server| {
            server.start().fill(400).rewrite_aof();
            server.fill(200);
            let digest = server.digest();
            server.kill9().append_to_aof(b"garbage");
            server.recover_auto().recovered_by("repair-aof");
            assert_eq!(server.digest(), digest);
            server.writes_survive_kill9();
        },
    );
}
