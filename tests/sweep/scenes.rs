//! One broken host per shipped runbook.
use crate::lab::{Lab, Tree};
use crate::sandbox::Sandbox;
use crate::start::{self, Start};
use std::fs;

/// How a host is broken, and how it is recovered.
pub struct Scene {
    /// The name it is asked for by.
    pub name: &'static str,
    /// The runbook that must recover it.
    pub runbook: &'static str,
    /// Needs a server whose AOF is one file.
    pub single_file: bool,
    /// The sample takes every so many-th point.
    pub every: usize,
    damage: fn(&mut Sandbox),
}

const fn scene(name: &'static str, every: usize, damage: fn(&mut Sandbox)) -> Scene {
    Scene { name, runbook: name, single_file: false, every, damage }
}

/// All of them.
pub const SCENES: &[Scene] = &[
    scene("restart", 47, |_| {}),
    scene("repair-aof", 43, |server| {
        server.append_torn_transaction();
    }),
    scene("rebuild-aof-manifest", 53, |server| {
        server.lose_manifest();
    }),
    scene("restore-rdb", 59, |server| {
        server.lose_aof();
    }),
    scene("restore-rdb-as-aof-base", 43, |server| {
        server.lose_aof();
    }),
    scene("restore-backup", 53, |server| {
        server.lose_aof().lose_rdb();
    }),
    Scene {
        name: "older-aof",
        runbook: "restart",
        single_file: false,
        every: 53,
        damage: |server| {
            let bytes = [fs::read(server.aof_base()).unwrap(), fs::read(server.aof_tail()).unwrap()].concat();
            server.lose_aof();
            fs::write(server.data().join("appendonly.aof"), bytes).unwrap();
        },
    },
    Scene {
        name: "single-file",
        runbook: "repair-aof",
        single_file: true,
        every: 61,
        damage: |server| {
            server.append_torn_transaction();
        },
    },
];

/// Runbooks that bring back what the AOF alone holds.
const AOF_HOLDS_MORE: &[&str] = &["restart", "repair-aof", "rebuild-aof-manifest"];

impl Scene {
    /// The server it is told on; `None` where that is not installed.
    pub fn tree(&self) -> Option<Tree> {
        let lab = Lab::new();
        match self.single_file {
            false => Some(lab.usual().clone()),
            true => lab.trees().find(|tree| !tree.since_seven()).cloned(),
        }
    }

    /// What redis-dr is asked for.
    pub fn args(&self) -> Vec<&'static str> {
        let mut args = vec!["recover", "demo", "--auto", "--json"];
        // the tree prefers another way there
        if self.runbook == "restore-rdb" {
            args.extend(["--runbook", self.runbook]);
        }
        args
    }
}

/// A broken host that cases are copied from.
pub struct Broken {
    pub scene: &'static Scene,
    pub origin: Sandbox,
    /// What the server held.
    pub digest: String,
    /// What a start comes to before anything is done.
    pub start: Start,
}

impl Broken {
    pub fn new(scene: &'static Scene, tree: &Tree) -> Self {
        let mut origin = Sandbox::new(tree);
        origin.start().fill(300).backup("dump-110000.rdb");
        if AOF_HOLDS_MORE.contains(&scene.runbook) {
            origin.fill(30);
        }
        let digest = origin.digest();
        origin.kill9();
        (scene.damage)(&mut origin);
        let start = start::now(&origin);
        Self { scene, origin, digest, start }
    }

    /// The same host once more.
    pub fn again(&self) -> Sandbox {
        let mut server = Sandbox::new(&self.origin.tree);
        start::take_files(&self.origin, &mut server);
        // a sweep takes longer than a recovery may lose
        server.policy("max_risk: high, max_loss: 1000h, max_recoveries: { count: 1000, within: 1h }");
        let _ = fs::remove_file(server.root().join("redis.log"));
        server
    }
}
