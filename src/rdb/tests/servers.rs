//! Which server loads which file.

use super::super::*;
use super::{File, everything, walk_bytes};

fn server(text: &str) -> ServerVersion {
    ServerVersion::parse(text).unwrap()
}

#[test]
fn servers_are_recognised() {
    let redis = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=e08dbad3e06f3fb";
    assert_eq!(server(redis), ServerVersion { flavour: Flavour::Redis, version: (7, 0, 15) });
    let valkey = "# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n";
    assert_eq!(server(valkey), ServerVersion { flavour: Flavour::Valkey, version: (9, 1, 2) });
    assert_eq!(server("Redict server v=7.3.6 sha=0").flavour, Flavour::Redict);
    assert_eq!(ServerVersion::parse("nginx version: 1.2"), None);
    assert_eq!(server(redis).to_string(), "Redis 7.0.15");
}

#[test]
fn files_load_forwards_and_within_their_family() {
    let file = |header: &str| walk_bytes(&File::new(header).key(0, "k").text(b"v").end(), false);
    let loads = |header: &str, text: &str| loadable(&file(header), &server(text), &[]) == Loadable::Yes;
    let servers = [
        "Redis server v=6.0.16",
        "Redis server v=6.2.14",
        "Redis server v=7.0.15",
        "Redis server v=8.0.6",
        "Valkey server v=8.0.1",
        "Valkey server v=8.1.1",
        "Valkey server v=9.1.2",
        "Redict server v=7.3.6",
    ];
    let matrix = [
        ("REDIS0009", [true; 8]),
        ("REDIS0010", [false, false, true, true, true, true, true, true]),
        ("REDIS0011", [false, false, false, true, true, true, true, true]),
        ("REDIS0012", [false, false, false, true, false, false, false, true]),
        ("VALKEY080", [false, false, false, false, false, false, true, false]),
    ];
    for (header, expected) in matrix {
        assert_eq!(servers.map(|text| loads(header, text)), expected, "{header}");
    }
    let Loadable::No { because } = loadable(&file("REDIS0012"), &server(servers[6]), &[]) else { panic!() };
    assert_eq!(because, "RDB version 12, and Valkey 9.1.2 reads up to 11");
}

#[test]
fn a_file_with_module_values_needs_the_modules() {
    let report = walk_bytes(&everything(), false);
    let server = server("Redis server v=8.0.6");
    assert!(matches!(loadable(&report, &server, &[]), Loadable::No { .. }));
    assert!(matches!(loadable(&report, &server, &["search".to_owned()]), Loadable::Unknown { .. }));
    assert_eq!(loadable(&report, &server, &["ReJSON-RL".to_owned()]), Loadable::Yes);
}

#[test]
fn redict_reads_version_12_but_no_expiring_fields() {
    let redict = server("Redict server v=7.3.6");
    let timed = File::new("REDIS0012").key(24, "h").raw(&[0; 8]).raw(&[1, 0]).text(b"f").text(b"v").end();
    let Loadable::No { because } = loadable(&walk_bytes(&timed, false), &redict, &[]) else { panic!() };
    assert_eq!(because, "hash fields that expire, which Redict 7.3.6 does not read");
}

#[test]
fn a_server_from_the_future_reads_what_all_have_read() {
    let future = server("Redis server v=9.0.0");
    let file = |header: &str| walk_bytes(&File::new(header).end(), false);
    assert_eq!(loadable(&file("REDIS0011"), &future, &[]), Loadable::Yes);
    assert!(matches!(loadable(&file("VALKEY080"), &future, &[]), Loadable::Unknown { .. }));
}

#[test]
fn a_damaged_file_is_not_loadable() {
    let report = walk_bytes(b"REDIS0009", false);
    let Loadable::No { because } = loadable(&report, &server("Redis server v=7.0.15"), &[]) else { panic!() };
    assert_eq!(because, "the file is damaged at offset 9: the file ends without its end mark");
}
