//! Back to a moment: the set cut there loads to exactly the state the server had.
use crate::dr::{Output, point_of};
use crate::lab::Lab;
use crate::resp::Client;
use crate::sandbox::Sandbox;
use std::fs;
use std::time::Duration;

fn back_to(server: &Sandbox, at: &str) -> Output {
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

/// A small generator: the same numbers on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// One thing that clients do; some take several commands.
fn act(client: &mut Client, dice: &mut Dice) {
    let (key, other, number) =
        (format!("k{}", dice.roll(40)), format!("h{}", dice.roll(40)), dice.roll(1000).to_string());
    let mut give = |words: &[&str]| {
        let reply = client.ask(words).unwrap();
        assert!(!reply.is_error(), "{words:?}: {}", reply.text());
    };
    match dice.roll(14) {
        0 | 1 => give(&["SET", &key, &number]),
        2 => give(&["SET", &key, &number, "PX", "90000000"]),
        3 => give(&["HSET", &other, "f", &number, "g", "1"]),
        4 => give(&["RPUSH", &format!("l{number}"), "a", "b"]),
        5 => give(&["DEL", &key]),
        6 => {
            give(&["MULTI"]);
            give(&["SET", &key, "in"]);
            give(&["SADD", "members", &number]);
            give(&["EXEC"]);
        }
        7 => give(&[
            "EVAL",
            "redis.call('set', KEYS[1], 'script') redis.call('sadd', 'by-script', ARGV[1]) return 1",
            "1",
            &key,
            &number,
        ]),
        8 => give(&["SELECT", &dice.roll(4).to_string()]),
        9 => {
            give(&["SET", "short", "1", "PX", "1"]);
            std::thread::sleep(Duration::from_millis(5));
            give(&["EXISTS", "short"]);
        }
        10 if number.len() < 2 => give(&["FLUSHALL"]),
        11 if number.len() < 2 => give(&["FLUSHDB"]),
        12 if number.len() < 3 => give(&["SWAPDB", "0", "1"]),
        _ => give(&["ZADD", "scores", &number, &key]),
    }
}

/// For random moments of a random workload: the AOF cut there loads to exactly the state that the server had.
#[test]
fn a_set_cut_anywhere_loads_to_the_state_the_server_had_there() {
    Lab::on_each(|mut server| {
        server.configure("appendfsync always").start().fill(50);
        let mut dice = Dice(u64::from(server.log().len() as u32) | 1);
        eprintln!("-- seed {}", dice.0);
        let mut client = server.client();
        let mut known = Vec::new();
        for round in 0..300 {
            act(&mut client, &mut dice);
            if round == 60 {
                server.rewrite_aof();
            }
            if round > 60 && (dice.roll(25) == 0 || round == 299) {
                // written is what was answered: appendfsync is always
                known.push((fs::metadata(server.aof_tail()).unwrap().len(), server.digest()));
            }
        }
        server.must(&["SET", "after", "all"]);
        server.kill9();
        // From the last to the first: what comes before a cut stays byte for byte as it was.
        let step = known.len().div_ceil(4).max(1);
        for (offset, digest) in known.iter().rev().step_by(step) {
            back_to(&server, &format!("offset:{offset}")).recovered_by("restore-to-time");
            assert_eq!(&server.digest(), digest, "cut at byte {offset}");
        }
    });
}
