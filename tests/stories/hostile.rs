//! A data directory prepared by whoever owns the server's user, files swapped under our hands, a server that lies, a backup
//! that is a bomb: nothing is written through a link, nothing of root's is handed on, nothing hangs or grows without end.
use crate::dr::{Output, finish};
use crate::lab::Lab;
use crate::nobody::{give, server_for_nobody};
use crate::sandbox::{Sandbox, wait_until};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::stat::Mode;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// No file may take longer than this, whatever is in it.
const SOON: Duration = Duration::from_secs(20);

/// Most memory that redis-dr may ever need, KiB.
const MEMORY: i64 = 200 << 10;

fn ends_soon(server: &Sandbox, args: &[&str]) -> Output {
    let begun = Instant::now();
    let output = server.redis_dr(args);
    assert!(begun.elapsed() < SOON, "it took {:?}: {output}", begun.elapsed());
    let most = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    assert!(most < MEMORY, "{most} KiB were needed: {output}");
    output
}

fn down() -> (Sandbox, String) {
    let mut server = Lab::new().sandbox();
    server.start().fill(200).backup("dump-110000.rdb");
    let digest = server.digest();
    server.kill9();
    (server, digest)
}

#[test]
fn names_with_escapes_and_newlines_never_reach_the_terminal() {
    let (server, digest) = down();
    let evil = "\u{1b}[2J\u{7}\nfake: recovered";
    for name in [format!("temp-1{evil}.rdb"), format!("appendonly.aof.7{evil}.incr.aof")] {
        fs::write(server.data().join(&name), "x").unwrap();
        fs::write(server.aof_dir().join(&name), "x").unwrap();
    }
    fs::copy(server.rdb(), server.backups().join(format!("dump-{evil}.rdb"))).unwrap();
    for args in
        [&["assess", "demo"][..], &["points", "demo"], &["plan", "demo"], &["inspect", "data"], &["vault", "list"]]
    {
        let output = server.redis_dr(args);
        let clean = |text: &str| !text.contains(['\u{1b}', '\u{7}']) && !text.contains("\nfake:");
        assert!(clean(&output.stdout) && clean(&output.stderr), "{args:?}: {output:?}");
    }
    server.recover_auto().exits(0);
    assert_eq!(server.digest(), digest);
}

#[test]
fn a_manifest_that_leads_out_of_its_directory_is_not_followed() {
    let (server, _) = down();
    let outside = server.root().join("outside.rdb");
    fs::copy(server.rdb(), &outside).unwrap();
    for name in ["../../outside.rdb", outside.to_str().unwrap()] {
        fs::write(server.manifest(), format!("file {name} seq 1 type b\n")).unwrap();
        let before = server.files();
        let document = server.assess_json(&[]);
        assert!(document["findings"].to_string().contains("files.manifest_broken"), "{:#}", document["findings"]);
        let points = document["points"].to_string();
        assert!(!points.contains("outside.rdb"), "{points}");
        assert!(server.files() == before);
    }
}

#[test]
fn a_configuration_that_includes_itself_is_told() {
    let (mut server, _) = down();
    let (good, conf) = (fs::read_to_string(server.conf()).unwrap(), server.conf().display().to_string());
    let other = server.root().join("other.conf");
    fs::write(&other, format!("include {conf}\n")).unwrap();
    for line in [
        format!("include {conf}"),
        format!("include {}", other.display()),
        format!("include {}/*.conf", server.root().display()),
    ] {
        fs::write(server.conf(), &good).unwrap();
        server.configure(&line);
        let before = server.files();
        ends_soon(&server, &["recover", "demo", "--auto", "--json"]).exits(3).mentions("include");
        assert!(server.files() == before && !server.running());
    }
}

#[test]
fn a_fifo_in_the_place_of_a_file_keeps_nobody_waiting() {
    for place in ["dump.rdb", "appendonly.aof.manifest", "appendonly.aof.1.incr.aof", "store", "include"] {
        let (mut server, _) = down();
        let path = match place {
            "dump.rdb" => server.rdb(),
            "store" => server.backups().join("dump-110000.rdb"),
            "include" => server.root().join("more.conf"),
            name => server.aof_dir().join(name),
        };
        if place == "include" {
            server.configure(&format!("include {}", path.display()));
        }
        let _ = fs::remove_file(&path);
        nix::unistd::mkfifo(&path, Mode::from_bits_truncate(0o600)).unwrap();
        for args in [&["assess", "demo", "--json"][..], &["points", "demo", "--json"], &["guard", "demo"]] {
            ends_soon(&server, args);
        }
        let output = ends_soon(&server, &["recover", "demo", "--auto", "--json"]);
        assert!(matches!(output.code, Some(0 | 1 | 3)), "{place}: {output}");
        if output.code == Some(0) {
            assert!(server.running(), "{place}: {output}");
        }
        let still = fs::symlink_metadata(&path).map(|s| std::os::unix::fs::FileTypeExt::is_fifo(&s.file_type()));
        assert!(output.code == Some(0) || still.as_ref().is_ok_and(|fifo| *fifo), "{place}: {still:?}: {output}");
    }
}

/// A server whose user is nobody, and a snapshot of another one that only root may read.
struct Attacked {
    server: Sandbox,
    treasure: PathBuf,
}

impl Attacked {
    /// `None`, and said, where owners can't be given away.
    fn new() -> Option<Self> {
        let tree = server_for_nobody(&Lab::new()).inspect_err(|why| eprintln!("-- LEFT OUT: {why}")).ok()?;
        let mut server = Sandbox::new(&tree);
        server.instance("run_as: nobody\npolicy: { max_risk: high, max_loss: 1h }");
        server.configure("logfile \"\"");
        fs::set_permissions(server.root(), fs::Permissions::from_mode(0o755)).unwrap();
        server.start().must(&["SET", "treasure-of-root", "x"]);
        server.save();
        let treasure = server.root().join("treasure.rdb");
        fs::copy(server.rdb(), &treasure).unwrap();
        fs::set_permissions(&treasure, fs::Permissions::from_mode(0o600)).unwrap();
        server.must(&["DEL", "treasure-of-root"]);
        server.fill(100).save().rewrite_aof();
        server.kill9();
        give(&server.data(), "nobody");
        Some(Self { server, treasure })
    }

    /// Runs redis-dr where the kernel does not protect links: the file that says whether it does is covered, in a mount
    /// namespace of its own.
    fn asks(&self, args: &[&str]) -> Output {
        let says = self.server.root().join("protected_hardlinks");
        fs::write(&says, "0\n").unwrap();
        let (asked, cover) =
            (self.server.command(args), "mount --bind \"$0\" /proc/sys/fs/protected_hardlinks && exec \"$@\"");
        let mut apart = Command::new("unshare");
        apart.args(["-m", "/bin/sh", "-c", cover]).arg(says);
        apart.arg(asked.get_program()).args(asked.get_args()).current_dir(self.server.root());
        apart.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        finish(apart.spawn().unwrap())
    }

    /// What was root's alone is so still, and is in no file that the attacker may read.
    fn is_kept(&self) {
        let is = fs::symlink_metadata(&self.treasure).unwrap();
        assert_eq!((is.uid(), is.mode() & 0o777), (0, 0o600), "the file of root was given away");
        let mut to_visit = vec![self.server.data()];
        while let Some(dir) = to_visit.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let (path, stat) = {
                    let e = entry.unwrap();
                    (e.path(), fs::symlink_metadata(e.path()).unwrap())
                };
                let private = stat.uid() == 0 && stat.mode() & 0o077 == 0;
                if private || stat.is_symlink() {
                    continue;
                }
                if stat.is_dir() {
                    to_visit.push(path);
                } else {
                    let bytes = fs::read(&path).unwrap();
                    let handed = bytes.windows(16).any(|w| w == b"treasure-of-root");
                    assert!(!handed, "{} holds what only root might read", path.display());
                }
            }
        }
        assert!(self.server.ask(&["EXISTS", "treasure-of-root"]).is_none_or(|reply| reply.text() == "0"));
    }
}

#[test]
fn a_link_to_what_only_root_may_read_is_not_handed_to_the_server() {
    for hard in [false, true] {
        for place in ["dump.rdb", "appendonlydir/appendonly.aof.9.base.rdb"] {
            let Some(mut attacked) = Attacked::new() else { return };
            let path = attacked.server.data().join(place);
            let _ = fs::remove_file(&path);
            // root makes the second name that an attacker makes where the kernel lets users link the files of others
            match hard {
                true => fs::hard_link(&attacked.treasure, &path).unwrap(),
                false => symlink(&attacked.treasure, &path).unwrap(),
            }
            if place == "dump.rdb" {
                attacked.server.lose_aof();
            } else {
                fs::write(attacked.server.manifest(), "file appendonly.aof.9.base.rdb seq 9 type b\n").unwrap();
            }
            if hard && attacked.asks(&["--version"]).code != Some(0) {
                return eprintln!(
                    "-- LEFT OUT, a second name: this kernel protects links, and nothing can be mounted here"
                );
            }
            let ask = |args: &[&str]| if hard { attacked.asks(args) } else { ends_soon(&attacked.server, args) };
            let treasure = fs::read(&attacked.treasure).unwrap();
            let output = ask(&["recover", "demo", "--auto", "--json"]);
            attacked.is_kept();
            assert!(matches!(output.code, Some(1 | 3)), "hard: {hard}, {place}: {output}");
            for runbook in ["fix-permissions", "restore-rdb", "restart", "rebuild-aof-manifest"] {
                ask(&["recover", "demo", "--confirm", "demo", "--json", "--runbook", runbook]);
                attacked.is_kept();
            }
            assert_eq!(fs::read(&attacked.treasure).unwrap(), treasure);
        }
    }
}

#[test]
fn a_directory_swapped_for_a_link_while_a_run_is_under_way_is_not_followed() {
    let Some(mut attacked) = Attacked::new() else { return };
    attacked.server.append_torn_transaction();
    let (dir, aside) = (attacked.server.aof_dir(), attacked.server.root().join("aside"));
    let elsewhere = attacked.server.root().join("theirs");
    fs::create_dir(&elsewhere).unwrap();
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, elsewhere.join(path.file_name().unwrap())).unwrap();
    }
    let content = |dir: &Path| {
        let names = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
        let mut all: Vec<_> =
            names.map(|p| (p.clone(), fs::metadata(&p).unwrap().uid(), fs::read(&p).unwrap())).collect();
        all.sort();
        all
    };
    let theirs = content(&elsewhere);
    attacked.server.waits_before("repair-aof", "cut", true);
    let child = attacked.server.recover_until_it_waits(&["--auto"]);
    fs::rename(&dir, &aside).unwrap();
    symlink(&elsewhere, &dir).unwrap();
    attacked.server.let_go();
    let output = finish(child);
    assert!(matches!(output.code, Some(1 | 4 | 7)), "{output}");
    assert!(content(&elsewhere) == theirs, "written through a link: {output}");
    assert!(!attacked.server.running());
}

/// A program on the port that says something else to everybody who comes.
fn liar(port: u16, says: &'static [u8], again: bool) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                let mut asked = [0; 512];
                while stream.read(&mut asked).is_ok_and(|n| n > 0) {
                    if stream.write_all(says).is_err() {
                        return;
                    }
                    while again && stream.write_all(says).is_ok() {}
                }
            });
        }
    });
}

#[test]
fn a_server_that_lies_or_never_ends_costs_neither_memory_nor_time() {
    const LONG: &[u8] = &[b'x'; 1 << 16];
    let lies: [(&[u8], bool); 7] = [
        (b"+PONG\r\n", true),
        (LONG, true),
        (b"$99999999999\r\nx", true),
        (b"*1000000000\r\n", false),
        (b"*1\r\n", true),
        (b"-LOADING\r\n", false),
        (b"$-5\r\n:\xff\r\n", true),
    ];
    for (says, again) in lies {
        let (server, _) = down();
        liar(server.port, says, again);
        let before = server.files();
        ends_soon(&server, &["assess", "demo", "--json"]).exits(0);
        let output = ends_soon(&server, &["recover", "demo", "--auto", "--json"]);
        assert!(matches!(output.code, Some(1 | 3)), "{says:?}: {output}");
        assert!(server.files() == before && !server.running());
    }
}

/// A snapshot whose one value is so many zeros, and which then ends.
fn bomb(path: &Path, bytes: u32) {
    let mut out = zstd::Encoder::new(fs::File::create(path).unwrap(), 1).unwrap();
    out.write_all(b"REDIS0009\xfe\x00\x00\x01k\x80").unwrap();
    out.write_all(&bytes.to_be_bytes()).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..bytes >> 20 {
        out.write_all(&zeros).unwrap();
    }
    out.finish().unwrap();
}

#[test]
fn a_backup_that_is_a_bomb_is_walked_and_passed_over() {
    let (mut server, digest) = down();
    server.lose_aof().lose_rdb();
    let path = server.backups().join("dump-235959.rdb.zst");
    bomb(&path, 512 << 20);
    assert!(fs::metadata(&path).unwrap().len() < 1 << 20);
    ends_soon(&server, &["points", "demo", "--json"]).exits(0);
    ends_soon(&server, &["recover", "demo", "--auto", "--json"]).recovered_by("restore-backup");
    assert_eq!(server.digest(), digest);
}

#[test]
fn what_others_may_write_is_not_obeyed_by_root() {
    if !nix::unistd::Uid::effective().is_root() {
        return eprintln!("-- LEFT OUT: it is root that must not obey");
    }
    let (mut server, digest) = down();
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
    let close = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    open(&server.config());
    server.recover_auto().exits(2).mentions("redis-dr.yaml");
    close(&server.config());
    server.own_runbook("restart", "stop", "");
    let runbook = server.root().join("runbooks/mine.yaml");
    open(&runbook);
    server.redis_dr(&["recover", "demo", "--auto", "--json", "--runbook", "mine"]).exits(2).mentions("mine.yaml");
    close(&runbook);
    let plan = server.root().join("plan.json");
    server.redis_dr(&["plan", "demo", "--runbook", "mine", "-o", "plan.json"]).exits(0);
    assert_eq!(fs::metadata(&plan).unwrap().mode() & 0o777, 0o600);
    open(&plan);
    server.redis_dr(&["apply", "plan.json", "--auto", "--json"]).exits(2).mentions("plan.json");
    close(&plan);
    assert!(!server.running());
    server.redis_dr(&["apply", "plan.json", "--auto", "--json"]).exits(0);
    assert_eq!(server.digest(), digest);
}

#[test]
fn what_redis_dr_writes_is_its_own() {
    let (mut server, _) = down();
    server.append_torn_transaction();
    server.recover_auto().exits(0);
    server.redis_dr(&["runs", "report", "last", "--format", "md", "-o", "report.md"]).exits(0);
    let mut to_visit = vec![server.root().join("state"), server.data().join(".redis-dr")];
    let mut seen = 0;
    while let Some(path) = to_visit.pop() {
        let stat = fs::symlink_metadata(&path).unwrap();
        assert_eq!(stat.mode() & 0o077, 0, "{}", path.display());
        seen += 1;
        // what is in a vault's private directories is as it was where it came from
        if stat.is_dir() && !path.ends_with("vault/before") && !path.ends_with("vault/after") {
            to_visit.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert!(seen > 8, "{seen}");
    assert_eq!(fs::metadata(server.root().join("report.md")).unwrap().mode() & 0o077, 0);
    wait_until("the server", || server.running());
}
