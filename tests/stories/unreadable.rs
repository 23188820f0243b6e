//! Whole files that this server program can't read: it is too old for them, or lacks a module. Neither restarted nor
//! restored: another program reads them.
use crate::lab::Lab;
use crate::sandbox::Sandbox;
use crate::warnings::finding;
use std::fs;

/// The server is down, has tried its files, and given up.
fn gave_up(server: &mut Sandbox) {
    server.start_fails();
    assert!(!server.running(), "{}", server.log());
}

/// Found first, with what the server itself said, and nothing is touched.
#[track_caller]
fn is_a_persons(server: &Sandbox, id: &str, said: &str) {
    let before = server.files();
    let document = server.finds_first(id);
    let evidence = finding(&document, id)["evidence"].to_string();
    assert!(evidence.contains(said), "{evidence}");
    server.refuses_under_auto().mentions("This server program can't read the files it must load");
    assert!(server.files() == before && !server.running());
}

#[test]
fn a_server_too_old_for_its_files() {
    let lab = Lab::new();
    let (Some(newer), Some(older)) = (lab.tree("redis-8"), lab.tree("redis-7")) else {
        return eprintln!("-- LEFT OUT: needs Redis 7 and 8 in REDIS_DR_SERVERS");
    };
    for aof in [false, true] {
        let mut server = Sandbox::new(newer);
        if !aof {
            server.configure("appendonly no");
        }
        server.start().fill(300).save();
        if aof {
            server.rewrite_aof();
        }
        let digest = server.digest();
        server.kill9();
        // as after a package that was rolled back
        server.tree = older.clone();
        server.policy("max_risk: high, max_loss: 1h");
        gave_up(&mut server);
        is_a_persons(&server, "server.version_too_old", "Can't handle RDB format version");
        server.tree = newer.clone();
        server.policy("max_risk: high, max_loss: 1h");
        server.recover_auto().recovered_by("restart");
        assert_eq!(server.digest(), digest, "the program that wrote them reads them");
    }
}

/// A snapshot of one key, of a module's type.
fn of_a_module() -> Vec<u8> {
    let names = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let six = |letter: &u8| names.iter().position(|n| n == letter).unwrap() as u64;
    // nine letters of six bits, and ten bits of its encoding's version
    let id = b"graphdata".iter().fold(0, |id, letter| id << 6 | six(letter)) << 10 | 1;
    let key = [&[7, 5][..], b"graph", &[0x81], &id.to_be_bytes(), &[0]].concat();
    [&b"REDIS0009"[..], &[0xfe, 0], &key, &[0xff], &[0; 8]].concat()
}

#[test]
fn a_module_that_is_not_loaded() {
    Lab::on_each(|mut server| {
        server.configure("appendonly no");
        fs::write(server.rdb(), of_a_module()).unwrap();
        gave_up(&mut server);
        is_a_persons(&server, "server.module_missing", "graphdata");
    });
}
