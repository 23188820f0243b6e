//! Back to a moment: the set cut there loads to exactly the state the server had.
use crate::dr::{Output, point_of};
use crate::lab::Lab;
use crate::sandbox::Sandbox;
use std::fs;
use std::time::Duration;

pub(crate) fn back_to(server: &Sandbox, at: &str) -> Output {
    let at = format!("at={at}");
    let recover = ["recover", "demo", "--runbook", "restore-to-time", "--param", &at, "--confirm", "demo", "--json"];
    server.redis_dr(&recover)
}

#[test]
fn a_time_is_reached_with_timestamps() {
    Lab::on_each_where(
        |tree| tree.since_seven(),
        |mut server| {
            server.configure("aof-timestamp-enabled yes").start().fill(200);
            let digest = server.digest();
            std::thread::sleep(Duration::from_millis(1100));
            let moment = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap().to_string();
            std::thread::sleep(Duration::from_millis(1100));
            server.must(&["DEL", "wrong"]);
            server.must(&["SET", "wrong", "1"]);
            server.must(&["FLUSHALL"]);
            server.must(&["SET", "since", "1"]);
            let plan = ["plan", "demo", "--runbook", "restore-to-time", "--incident-at", &moment, "--json"];
            let plan = server.redis_dr(&plan);
            let plan = plan.exits(0).json();
            assert!(point_of(&plan).starts_with("aof-at:time:"), "{plan}");
            let run = back_to(&server, &moment).recovered_by("restore-to-time");
            assert!(point_of(&run).starts_with("aof-at:time:"), "{run}");
            assert_eq!(server.digest(), digest);
            server.writes_survive_kill9();
        },
    );
}

#[test]
fn a_tag_is_reached_on_every_server() {
    Lab::on_each(|mut server| {
        server.start().fill(200);
        server.rewrite_aof();
        server.fill(100);
        server.must(&["SET", "TAG111101_1200", "1"]);
        let digest = server.digest();
        server.must(&["SET", "since", "1"]);
        server.must(&["FLUSHDB"]);
        server.written();
        server.kill9();
        back_to(&server, "tag:TAG111101_1200").recovered_by("restore-to-time");
        assert_eq!(server.digest(), digest);
    });
}

#[test]
fn what_cannot_be_reached_is_refused_with_the_reason() {
    let mut server = Lab::new().sandbox();
    server.start().fill(100);
    let digest = server.digest();
    back_to(&server, "2020-01-01T00:00:00Z").exits(3).mentions("the AOF carries no timestamps");
    back_to(&server, "tag:nothing").exits(3).mentions("no command in the AOF writes the tag nothing");
    back_to(&server, "offset:99999999").exits(3).mentions("the AOF has no such byte");
    back_to(&server, "yesterday").exits(2).mentions("is no moment");
    let bare = ["recover", "demo", "--runbook", "restore-to-time", "--confirm", "demo", "--json"];
    server.redis_dr(&bare).exits(3);
    assert_eq!(server.digest(), digest, "nothing was changed");
}

#[test]
fn a_tag_of_ours_is_written_found_and_gone_back_to_on_every_server() {
    Lab::on_each(|mut server| {
        server.start().fill(60);
        let warned = |server: &Sandbox| {
            let found = server.redis_dr(&["assess", "demo", "--json"]).exits(0).json();
            let hint = |f: &serde_json::Value| f["hint"].as_str().unwrap_or_default().to_owned();
            found["findings"].as_array().unwrap().iter().find(|f| f["id"] == "files.no_time_travel").map(hint)
        };
        assert!(warned(&server).expect("no timestamps, no tags").contains("aof tag"));
        let tagged = server.redis_dr(&["aof", "tag", "demo", "--name", "before-deploy", "--keep", "2s", "--json"]);
        let tagged = tagged.exits(0).json();
        assert_eq!((&tagged["schema"], &tagged["tag"]), (&"redis-dr/aof-tag/1".into(), &"before-deploy".into()));
        let key = tagged["key"].as_str().unwrap().to_owned();
        assert_eq!(server.must(&["EXISTS", &key]).text(), "1");
        server.written();
        assert_eq!(warned(&server), None, "a tag can be gone back to");
        let digest = server.must(&["DEBUG", "DIGEST-VALUE", "text:0"]).text();
        server.must(&["SET", "text:0", "spoilt"]);
        server.must(&["FLUSHALL"]);
        server.written();
        let points = server.redis_dr(&["points", "demo", "--json"]).exits(0).json();
        let moments = &points["moments"];
        assert_eq!(
            (&moments["tags"][0]["name"], &moments["tag_count"]),
            (&"before-deploy".into(), &1.into()),
            "{moments}"
        );
        assert_eq!(moments["flushes"][0]["command"].as_str().unwrap().to_lowercase(), "flushall", "{moments}");
        server.redis_dr(&["points", "demo"]).exits(0).mentions("tag:before-deploy");
        let cut = server.root().join("cut");
        let aof = server.aof_tail();
        let from = if server.tree.since_seven() { aof.parent().unwrap() } else { &aof };
        let cut = server.redis_dr(&[
            "aof",
            "cut",
            from.to_str().unwrap(),
            "--at-tag",
            "before-deploy",
            "-o",
            cut.to_str().unwrap(),
            "--json",
        ]);
        assert_eq!(cut.exits(0).json()["schema"], "redis-dr/aof-cut/1");
        back_to(&server, "tag:before-deploy").recovered_by("restore-to-time");
        assert_eq!(server.must(&["DEBUG", "DIGEST-VALUE", "text:0"]).text(), digest);
    });
}

#[test]
fn nothing_is_tagged_where_no_mark_would_last() {
    let mut server = Lab::new().sandbox();
    server.redis_dr(&["aof", "tag", "demo"]).exits(1).mentions("nobody listens");
    server.start();
    server.redis_dr(&["aof", "tag", "demo", "--name", "two words"]).exits(2).mentions("no name of a tag");
    server.redis_dr(&["aof", "tag", "demo", "--keep", "0s"]).exits(2).mentions("longer than nothing");
    server.must(&["CONFIG", "SET", "appendonly", "no"]);
    server.redis_dr(&["aof", "tag", "demo"]).exits(1).mentions("writes no AOF");
    server.must(&["REPLICAOF", "127.0.0.1", "1"]);
    server.redis_dr(&["aof", "tag", "demo"]).exits(3).mentions("a replica is never written to");
}

#[test]
fn an_offset_in_several_files_must_name_one() {
    Lab::on_each_where(
        |tree| tree.since_seven(),
        |mut server| {
            server.configure("appendfsync always").start().fill(200);
            let (tail, end) = (server.aof_tail(), fs::metadata(server.aof_tail()).unwrap().len());
            let digest = server.digest();
            server.kill9();
            // As after a rewrite that failed: what came after it began is in a file of its own.
            let later = "appendonly.aof.9.incr.aof";
            fs::write(server.aof_dir().join(later), "*3\r\n$3\r\nSET\r\n$5\r\nlater\r\n$1\r\n1\r\n").unwrap();
            let listed = fs::read_to_string(server.manifest()).unwrap();
            fs::write(server.manifest(), format!("{listed}file {later} seq 9 type i\n")).unwrap();
            let before = server.files();
            let bare = back_to(&server, &format!("offset:{end}"));
            bare.exits(3).mentions("the AOF has 2 of them with commands").mentions("FILE:BYTES");
            assert!(server.files() == before && !server.running());
            let name = tail.file_name().unwrap().to_str().unwrap();
            back_to(&server, &format!("offset:{name}:{end}")).recovered_by("restore-to-time");
            assert_eq!(server.digest(), digest);
        },
    );
}
