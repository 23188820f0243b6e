//! One broken host per shipped runbook.
use crate::lab::{Lab, Tree};
use crate::live;
use crate::nobody::{give, server_for_nobody};
use crate::sandbox::Sandbox;
use crate::start::{self, Start};
use crate::troubles::{LoopDisk, SmallDisk};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A key that marks a moment; every scene has it.
const TAG: &str = "TAG111101_1200";

/// How a host is broken, and how it is recovered.
pub struct Scene {
    /// The name it is asked for by.
    pub name: &'static str,
    /// The runbook that must recover it.
    pub runbook: &'static str,
    /// The sample takes every so many-th point.
    pub every: usize,
    /// What redis-dr is told besides `recover demo`.
    ask: &'static [&'static str],
    /// What its server is like.
    setup: Setup,
    /// What clients do to the data before it goes down.
    mishap: fn(&mut Sandbox),
    /// What happens to the files once it is down.
    damage: fn(&mut Sandbox),
    /// What happens to the server, where one runs when redis-dr comes.
    trouble: Option<fn(&mut Sandbox)>,
    /// Does a client write all the time?
    pub writes: bool,
    /// Names that a roll back does not bring back, as the plan says.
    pub given_up: &'static [&'static str],
}

/// What a scene's server is like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Setup {
    /// The usual one, its AOF on.
    Usual,
    /// One of 6.x, whose AOF is one file.
    SingleFile,
    /// Its AOF is off.
    SnapshotsOnly,
    /// The usual one, on a small disk of its own.
    SmallDisk,
    /// The usual one, run as the user nobody.
    Nobody,
}

const fn scene(name: &'static str, every: usize, damage: fn(&mut Sandbox)) -> Scene {
    Scene {
        name,
        runbook: name,
        every,
        ask: &["--auto"],
        setup: Setup::Usual,
        mishap: |_| {},
        damage,
        trouble: None,
        writes: true,
        given_up: &[],
    }
}

/// All of them.
pub const SCENES: &[Scene] = &[
    scene("restart", 47, |_| {}),
    scene("repair-aof", 67, |server| {
        server.append_torn_transaction();
    }),
    scene("rebuild-aof-manifest", 79, |server| {
        server.lose_manifest();
    }),
    // the tree prefers another way there
    Scene {
        ask: &["--auto", "--runbook", "restore-rdb"],
        ..scene("restore-rdb", 83, |server| {
            server.lose_aof();
        })
    },
    scene("restore-rdb-as-aof-base", 67, |server| {
        server.lose_aof();
    }),
    scene("restore-backup", 79, |server| {
        server.lose_aof().lose_rdb();
    }),
    Scene {
        runbook: "restart",
        ..scene("older-aof", 79, |server| {
            let bytes = [fs::read(server.aof_base()).unwrap(), fs::read(server.aof_tail()).unwrap()].concat();
            server.lose_aof();
            fs::write(server.data().join("appendonly.aof"), bytes).unwrap();
        })
    },
    Scene {
        runbook: "repair-aof",
        setup: Setup::SingleFile,
        ..scene("single-file", 89, |server| {
            server.append_torn_transaction();
        })
    },
    Scene {
        mishap: flush,
        ask: &["--confirm", "demo", "--point", "aof-before-flush"],
        ..scene("undo-flush", 149, |_| {})
    },
    Scene {
        runbook: "undo-flush",
        mishap: flush,
        ask: &["--confirm", "demo", "--point", "aof-before-flush"],
        trouble: Some(|_| {}),
        // what is written after the flush is given up by a person's word, and kept in the vault
        writes: false,
        ..scene("undo-flush-of-a-running-server", 149, |_| {})
    },
    Scene {
        mishap: flush,
        ask: &["--confirm", "demo", "--runbook", "restore-to-time", "--param", "at=tag:TAG111101_1200"],
        ..scene("restore-to-time", 151, |_| {})
    },
    Scene {
        ask: &["--auto", "--runbook", "enable-aof"],
        setup: Setup::SnapshotsOnly,
        trouble: Some(|_| {}),
        ..scene("enable-aof", 47, |_| {})
    },
    Scene {
        trouble: Some(|server| {
            server.saves_fail();
            fs::remove_dir(server.rdb()).unwrap();
        }),
        ..scene("resume-writes", 29, |server| {
            server.lose_rdb().configure("save 3600 1");
        })
    },
    scene("fix-config", 127, |server| {
        server.configure("tcp-keepaliv 300");
    }),
    Scene {
        setup: Setup::Nobody,
        ..scene("fix-permissions", 127, |server| {
            give(&server.data(), "nobody");
            give(&server.aof_dir(), "root");
            fs::set_permissions(server.aof_tail(), fs::Permissions::from_mode(0o600)).unwrap();
        })
    },
    Scene {
        setup: Setup::SmallDisk,
        given_up: &["data/temp-4194305.rdb"],
        ..scene("free-disk", 127, |server| {
            server.leave_half_a_snapshot();
        })
    },
    Scene {
        // what is written to the stray server is not this instance's
        writes: false,
        ..scene("free-port", 127, |_| {})
    },
    Scene {
        trouble: Some(|_| {}),
        ..scene("relieve-memory", 29, |server| {
            server.configure("maxmemory-policy noeviction").configure("maxmemory 1mb");
        })
    },
    Scene { trouble: Some(|server| server.freeze()), ..scene("unhang", 19, |_| {}) },
];

/// One database of two.
fn flush(server: &mut Sandbox) {
    let mut client = server.client();
    for words in [&["SELECT", "5"][..], &["FLUSHDB"]] {
        assert!(!client.ask(words).unwrap().is_error());
    }
    server.written();
}

/// Runbooks that bring back less than the AOF held.
const RESTORES: &[&str] = &["restore-rdb", "restore-rdb-as-aof-base", "restore-backup"];

impl Scene {
    /// The server it is told on, or why it can't be told here.
    pub fn tree(&self) -> Result<Tree, &'static str> {
        let (lab, root) = (Lab::new(), nix::unistd::Uid::effective().is_root());
        match self.setup {
            Setup::SingleFile => {
                lab.trees().find(|tree| !tree.since_seven()).cloned().ok_or("no server of 6.x here (REDIS_DR_SERVERS)")
            }
            Setup::Nobody => server_for_nobody(&lab),
            Setup::SmallDisk if !root => Err("a small disk needs the right to mount"),
            _ => Ok(lab.usual().clone()),
        }
    }

    /// What redis-dr is asked for.
    pub fn args(&self) -> Vec<&'static str> {
        [&["recover", "demo", "--json"], self.ask].concat()
    }

    /// How it is carried on: what a person agreed to needs no new word, but the policy may not go so far.
    pub fn resume(&self) -> &'static [&'static str] {
        match self.ask.contains(&"--auto") {
            true => &["runs", "resume", "--auto", "--json"],
            false => &["runs", "resume", "--json"],
        }
    }

    /// Is it told with losses of power as well?
    pub fn loses_power(&self) -> bool {
        self.setup == Setup::Usual && !self.runs() && self.name != "free-port"
    }

    /// Does a server run when redis-dr comes?
    pub fn runs(&self) -> bool {
        self.trouble.is_some()
    }
}

/// A host of a scene. The disks go first, with what lives on them.
pub struct Host {
    _disk: Option<SmallDisk>,
    power: Option<LoopDisk>,
    pub server: Sandbox,
    /// The settings that its server runs with.
    pub settings: Option<BTreeMap<String, String>>,
}

impl Host {
    /// After a loss of power: what ran is gone, and the disk holds what was synced.
    pub fn power_comes_back(&self) {
        self.power.as_ref().unwrap().comes_back().unwrap();
    }
}

/// A broken host that cases are copied from.
pub struct Broken {
    pub scene: &'static Scene,
    pub origin: Sandbox,
    /// What the server held, and must hold again.
    pub digest: String,
    /// What it holds, or would hold, when redis-dr comes.
    pub before: String,
    /// What a start comes to before anything is done.
    pub start: Start,
}

impl Broken {
    pub fn new(scene: &'static Scene, tree: &Tree) -> Self {
        let mut origin = Sandbox::new(tree);
        if scene.setup == Setup::SnapshotsOnly {
            origin.configure("appendonly no").configure("save 3600 1");
        }
        if scene.setup == Setup::Nobody {
            // a log that it may write would differ every time
            origin.configure("logfile \"\"");
        }
        origin.start().fill(300).must(&["SET", TAG, "1"]);
        origin.backup("dump-110000.rdb");
        if !RESTORES.contains(&scene.runbook) && scene.setup != Setup::SnapshotsOnly {
            origin.fill(30);
            // the last tag of a name counts
            origin.must(&["SET", TAG, "2"]);
        }
        let digest = origin.digest();
        (scene.mishap)(&mut origin);
        let before = origin.digest();
        origin.written();
        origin.kill9();
        (scene.damage)(&mut origin);
        let start = start::now(&origin);
        Self { scene, origin, digest, before, start }
    }

    /// The same host once more.
    pub fn again(&self) -> Host {
        let mut server = Sandbox::new(&self.origin.tree);
        let disk = (self.scene.setup == Setup::SmallDisk).then(|| SmallDisk::under(&server).unwrap());
        start::take_files(&self.origin, &mut server);
        // a sweep takes longer than a recovery may lose
        let policy = "policy: { max_risk: high, max_loss: 1000h, max_recoveries: { count: 1000, within: 1h } }";
        if self.scene.setup == Setup::Nobody {
            fs::set_permissions(server.root(), fs::Permissions::from_mode(0o755)).unwrap();
            server.instance(&format!("run_as: nobody\n{policy}"));
        } else {
            server.instance(policy);
        }
        if let Some(disk) = &disk {
            disk.fill();
        }
        let _ = fs::remove_file(server.root().join("redis.log"));
        let mut settings = None;
        if let Some(trouble) = self.scene.trouble {
            settings = Some(live::settings(server.start()));
            trouble(&mut server);
        }
        if self.scene.name == "free-port" {
            let mut stray = server.start_a_stray(false);
            std::thread::spawn(move || stray.wait());
        }
        Host { _disk: disk, power: None, server, settings }
    }

    /// The same, all of it on a disk that may lose its power.
    ///
    /// # Errors
    /// There can be no such disk here.
    pub fn again_on_a_disk(&self) -> Result<Host, String> {
        let host = self.again();
        let power = LoopDisk::over(host.server.root(), "ext4")?;
        Ok(Host { power: Some(power), ..host })
    }
}
