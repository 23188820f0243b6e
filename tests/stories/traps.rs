//! The traps: where a plain start, or the vendor's tools, would lose data without a word.
use crate::dr::{loss_of, point_of};
use crate::lab::{Lab, Tree};
use crate::sandbox::Sandbox;
use std::fs;
use std::time::Duration;

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
fn manifest_lost_and_written_since_by_an_empty_start() {
    Lab::on_each_where(since_seven, |mut server| {
        server.start().fill(300).save().rewrite_aof();
        let digest = server.digest();
        std::thread::sleep(Duration::from_millis(1100));
        server.kill9();
        fs::remove_dir_all(server.aof_dir()).unwrap();
        server.start();
        assert_eq!(server.dbsize(), 0, "the trap has closed");
        server.must(&["SET", "taken by the empty server", "1"]);
        server.written();
        server.kill9();
        let before = server.files();
        let document = server.finds_first("server.not_running");
        let trap = document["findings"].as_array().unwrap().iter().find(|f| f["id"] == "config.aof_trap").unwrap();
        assert!(trap["evidence"][0].as_str().unwrap().contains("holds 300"), "{trap}");
        assert_eq!(document["decision"]["outcome"], "needs_human");
        server.recover_auto().exits(3).mentions("began with an empty start");
        assert!(server.files() == before && !server.running());
        let args = ["recover", "demo", "--confirm", "demo", "--json", "--point", "rdb"];
        server.redis_dr(&args).recovered_by("restore-rdb-as-aof-base");
        assert_eq!(server.digest(), digest);
    });
}

#[test]
fn no_other_cause_starts_a_server_that_came_up_empty_before() {
    Lab::on_each(|mut server| {
        // AOF was switched on in the file of a server that kept snapshots: the next start came up empty.
        server.configure("appendonly no").start().fill(300).save().kill9();
        std::thread::sleep(Duration::from_millis(1100));
        server.configure("appendonly yes").start();
        assert_eq!(server.dbsize(), 0, "the trap has closed");
        server.must(&["SET", "taken by the empty server", "1"]);
        server.written();
        server.kill9();
        server.recover_auto().exits(3).mentions("began with an empty start");
        server.configure("tcp-keepaliv 300");
        let before = server.files();
        server.finds_first("server.config_invalid");
        let document = server.recover_auto().exits(3).json();
        let found = document["findings"].as_array().unwrap().iter().find(|f| f["id"] == "config.aof_trap");
        assert!(found.unwrap()["evidence"][0].as_str().unwrap().contains("holds 300"), "{document:#}");
        assert!(server.files() == before && !server.running());
    });
}

#[test]
fn an_aof_that_began_before_any_snapshot_is_no_trap() {
    Lab::on_each(|mut server| {
        server.start().fill(300).save();
        server.kill9();
        server.recover_auto().recovered_by("restart");
    });
}

#[test]
fn the_aof_deleted_under_a_running_server() {
    Lab::on_each(|mut server| {
        server.start().fill(300);
        let (digest, run_id) = (server.digest(), server.run_id());
        fs::remove_file(server.aof_tail()).unwrap();
        server.must(&["SET", "only in memory", "and in the deleted file"]);
        let document = server.redis_dr(&["assess", "demo", "--json"]).exits(0).json();
        let found = document["findings"].as_array().unwrap().iter().find(|f| f["id"] == "files.aof_missing").unwrap();
        assert_eq!(found["severity"], "critical", "{document:#}");
        assert!(found["evidence"][0].as_str().unwrap().contains("was deleted"), "{found}");
        assert!(found["hint"].as_str().unwrap().contains("BGREWRITEAOF"), "{found}");
        server.recover_auto().exits(3);
        assert_eq!(server.run_id(), run_id, "its memory is the data; nothing stops it");
        server.must(&["DEL", "only in memory"]);
        server.rewrite_aof();
        let ids = server.assess_json(&[])["findings"].to_string();
        assert!(!ids.contains("files.aof_missing"), "{ids}");
        assert_eq!(server.digest(), digest);
        server.writes_survive_kill9();
    });
}

#[test]
fn a_directory_that_is_not_where_its_data_was() {
    Lab::on_each(|mut server| {
        server.start().fill(300).kill9();
        server.recover_auto().recovered_by("restart");
        server.kill9();
        let empty = server.root().join("empty");
        fs::create_dir(&empty).unwrap();
        server.configure(&format!("dir {}", empty.display()));
        let document = server.assess_json(&[]);
        let found = document["findings"].as_array().unwrap().iter().find(|f| f["id"] == "config.dir_mismatch");
        let evidence = found.unwrap_or_else(|| panic!("{:#}", document["findings"]))["evidence"].to_string();
        assert!(evidence.contains(&format!("data is in: {}", server.data().display())), "{evidence}");
        server.recover_auto().exits(3).mentions("another name than the configuration gives");
        assert!(!server.running() && fs::read_dir(&empty).unwrap().all(|e| e.unwrap().file_name() == ".redis-dr"));
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
