//! A set cut at any command of a random workload loads to exactly the state that the server had there.
use crate::lab::{Lab, Tree};
use crate::resp::Client;
use crate::sandbox::{Sandbox, wait_until};
use crate::to_time::back_to;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    let (list, db) = (format!("l{}", dice.roll(20)), dice.roll(4).to_string());
    let mut give = |words: &[&str]| {
        let reply = client.ask(words).unwrap();
        assert!(!reply.is_error(), "{words:?}: {}", reply.text());
    };
    match dice.roll(19) {
        0 | 1 => give(&["SET", &key, &number]),
        2 => give(&["SET", &key, &number, "PX", "90000000"]),
        3 => give(&["HSET", &other, "f", &number, "g", "1"]),
        4 => give(&["RPUSH", &list, "a", &number]),
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
        8 => give(&["SELECT", &db]),
        9 => {
            give(&["SET", "short", "1", "PX", "1"]);
            std::thread::sleep(Duration::from_millis(5));
            give(&["EXISTS", "short"]);
        }
        10 if number.len() < 2 => give(&["FLUSHALL"]),
        11 if number.len() < 2 => give(&["FLUSHDB"]),
        12 if number.len() < 3 => give(&["SWAPDB", "0", "1"]),
        13 => give(&["INCRBY", "counter", &number]),
        14 => give(&["LPOP", &list]),
        15 => {
            give(&["SET", &key, "0"]);
            give(&["APPEND", &key, &number]);
            give(&["PEXPIRE", &key, "80000000"]);
            give(&["PERSIST", &key]);
        }
        16 => give(&[
            "EVAL",
            "for i = 1, 3 do redis.call('rpush', KEYS[1], i) end redis.call('flushdb') return redis.call('set', 'after', ARGV[1])",
            "1",
            &list,
            &number,
        ]),
        17 => give(&["XADD", "stream", "MAXLEN", "50", "*", "n", &number]),
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

/// A moment of the workload: after a command, the AOF was so long, and the server held this.
struct Moment {
    file: String,
    offset: u64,
    digest: String,
}

/// A copy of the AOF, with the moments that lie in it.
struct Era {
    aof: PathBuf,
    moments: Vec<Moment>,
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

impl Sandbox {
    /// The AOF as a whole: its directory, or its file.
    fn aof(&self) -> PathBuf {
        self.data().join(if self.tree.since_seven() { "appendonlydir" } else { "appendonly.aof" })
    }

    /// A rewrite that is killed half-way: the server goes on in a new file, beside the old ones (7.0 and newer).
    fn rewrite_dies(&self) {
        self.must(&["CONFIG", "SET", "rdb-key-save-delay", "1000000"]);
        self.must(&["BGREWRITEAOF"]);
        let server = self.servers()[0];
        let mut child = None;
        wait_until("the rewrite's process", || {
            child = children(server).first().copied();
            child.is_some()
        });
        kill(Pid::from_raw(child.unwrap()), Signal::SIGKILL).unwrap();
        wait_until("the rewrite to be given up", || self.info("aof_rewrite_in_progress").as_deref() == Some("0"));
        self.must(&["CONFIG", "SET", "rdb-key-save-delay", "0"]);
    }
}

fn children(of: i32) -> Vec<i32> {
    let listed = fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Some rounds of the workload; at random commands it is noted how long the AOF is and what the server holds.
fn era(server: &mut Sandbox, client: &mut Client, dice: &mut Dice, rounds: u64) -> Era {
    let mut moments = Vec::new();
    for round in 0..rounds {
        act(client, dice);
        if dice.roll(12) == 0 || round + 1 == rounds {
            let tail = server.aof_tail();
            let file = tail.file_name().unwrap().to_str().unwrap().to_owned();
            moments.push(Moment { file, offset: fs::metadata(&tail).unwrap().len(), digest: server.digest() });
        }
    }
    let aof = server.root().join(format!("era-{}", dice.roll(u64::MAX >> 33)));
    copy(&server.aof(), &aof);
    Era { aof, moments }
}

/// What a fresh server of this kind holds once it has loaded the copy.
fn loads(tree: &Tree, cut: &Path) -> String {
    let mut fresh = Sandbox::new(tree);
    let to = fresh.aof();
    let from = if tree.since_seven() { cut.to_owned() } else { cut.join("era.aof") };
    copy(&from, &to);
    fresh.start().digest()
}

/// Through several rewrites, one of them killed half-way.
#[test]
fn every_era_of_a_workload_is_cut_at_any_command() {
    Lab::on_each(|mut server| {
        server.configure("appendfsync always\nauto-aof-rewrite-percentage 0").start().fill(30);
        let seed = u64::from(std::process::id()) | 1;
        eprintln!("-- seed {seed}");
        let mut dice = Dice(seed);
        let mut client = server.client();
        let mut eras = vec![era(&mut server, &mut client, &mut dice, 120)];
        server.rewrite_aof();
        eras.push(era(&mut server, &mut client, &mut dice, 80));
        let mut broken = Vec::new();
        if server.tree.since_seven() {
            server.rewrite_dies();
            let before = std::mem::take(&mut eras.last_mut().unwrap().moments);
            let mut after = era(&mut server, &mut client, &mut dice, 80);
            // both increments are in the set now
            after.moments.extend(before);
            broken.push(after);
        }
        server.rewrite_aof();
        eras.push(era(&mut server, &mut client, &mut dice, 80));
        for (n, era) in eras.into_iter().chain(broken).enumerate().filter(|(_, era)| !era.moments.is_empty()) {
            for _ in 0..4 {
                let moment = &era.moments[usize::try_from(dice.roll(era.moments.len() as u64)).unwrap()];
                let cut = server.root().join(format!("cut-{n}-{}", dice.roll(u64::MAX >> 33)));
                let from = named_alike(&server, &era.aof);
                let at =
                    format!("{}:{}", if server.tree.since_seven() { &moment.file } else { "era.aof" }, moment.offset);
                let (from, to) = (from.to_str().unwrap(), cut.to_str().unwrap());
                server.redis_dr(&["aof", "cut", from, "--at-offset", &at, "-o", to, "--json"]).exits(0);
                assert_eq!(loads(&server.tree, &cut), moment.digest, "era {n}, cut at {at} (seed {seed})");
            }
        }
    });
}

/// A single file is called so that its copy can be told from the server's own.
fn named_alike(server: &Sandbox, aof: &Path) -> PathBuf {
    if server.tree.since_seven() {
        return aof.to_owned();
    }
    let dir = aof.with_extension("dir");
    fs::create_dir_all(&dir).unwrap();
    let file = dir.join("era.aof");
    fs::copy(aof, &file).unwrap();
    file
}
