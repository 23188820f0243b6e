//! Where the stories get their servers from.
use crate::sandbox::Sandbox;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One server that is installed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// `redis-7.0.15`
    pub name: String,
    pub valkey: bool,
    pub version: (u32, u32),
    /// Directory with the server's binaries.
    pub bin: PathBuf,
    pub server: PathBuf,
}

impl Tree {
    /// AOF in parts with a manifest, functions, and the rest that came with Redis 7.
    pub fn since_seven(&self) -> bool {
        self.version >= (7, 0)
    }
}

pub struct Lab {
    trees: Vec<Tree>,
}

impl Lab {
    /// The servers under `$REDIS_DR_SERVERS` (`NAME-VERSION/bin/…`), else the one on the PATH.
    ///
    /// # Panics
    /// Without any server: a story that did not run must not look like one that passed.
    pub fn new() -> Self {
        let trees = match std::env::var_os("REDIS_DR_SERVERS") {
            Some(dir) => trees_under(Path::new(&dir)),
            None => from_path().into_iter().collect(),
        };
        assert!(
            !trees.is_empty(),
            "no redis-server or valkey-server found: install one (apt-get install redis-server), \
             or set REDIS_DR_SERVERS to a directory of NAME-VERSION/bin trees"
        );
        Self { trees }
    }

    /// The server on the PATH.
    pub fn of_path() -> Option<Tree> {
        from_path()
    }

    /// All of them.
    pub fn trees(&self) -> impl Iterator<Item = &Tree> {
        self.trees.iter()
    }

    /// The newest server whose name starts so (`redis-7`, `valkey`).
    pub fn tree(&self, name: &str) -> Option<&Tree> {
        self.trees.iter().rev().find(|tree| tree.name.starts_with(name))
    }

    /// The server most stories that need only one run on: the PATH's, else Redis 7.0, else any.
    pub fn usual(&self) -> &Tree {
        self.tree("redis-7").unwrap_or_else(|| self.trees.last().expect("Lab::new saw to it"))
    }

    /// A sandbox with the usual server.
    pub fn sandbox(&self) -> Sandbox {
        Sandbox::new(self.usual())
    }

    /// Tells a story on every server, naming the one it is told on.
    pub fn on_each(story: impl Fn(Sandbox)) {
        Self::on_each_where(|_| true, story);
    }

    /// The same, on those that fit.
    pub fn on_each_where(fits: impl Fn(&Tree) -> bool, story: impl Fn(Sandbox)) {
        for tree in Self::new().trees.iter().filter(|tree| fits(tree)) {
            eprintln!("-- on {}", tree.name);
            Told::on(tree, "FAILED");
            story(Sandbox::new(tree));
            Told::on(tree, "ok");
        }
    }
}

/// Which story was told on which server, for the table of `scripts/versions.sh`.
struct Told;

impl Told {
    fn on(tree: &Tree, how: &str) {
        let thread = std::thread::current();
        // a runner that starts a process for each test names it so
        let story = std::env::var("NEXTEST_TEST_NAME").ok().or_else(|| thread.name().map(str::to_owned));
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("told").join(story.unwrap_or_default());
        std::fs::create_dir_all(&dir).and_then(|()| std::fs::write(dir.join(&tree.name), how)).unwrap();
    }
}

fn trees_under(dir: &Path) -> Vec<Tree> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|error| panic!("REDIS_DR_SERVERS={}: {error}", dir.display()));
    let mut trees: Vec<Tree> = entries.filter_map(|entry| tree_at(&entry.ok()?.path().join("bin"))).collect();
    // One of each release; the newest patch of it.
    trees.sort_by(|a, b| (a.valkey, a.version, &b.name).cmp(&(b.valkey, b.version, &a.name)));
    trees.dedup_by_key(|tree| (tree.valkey, tree.version));
    trees
}

fn from_path() -> Option<Tree> {
    std::env::split_paths(&std::env::var_os("PATH")?).find_map(|dir| tree_at(&dir))
}

fn tree_at(bin: &Path) -> Option<Tree> {
    ["valkey-server", "redis-server"].iter().map(|name| bin.join(name)).find_map(|server| {
        let said = Command::new(&server).arg("--version").stdin(Stdio::null()).output().ok()?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let number = said.split("v=").nth(1)?.split_whitespace().next()?.to_owned();
        let mut parts = number.split('.').filter_map(|part| part.parse().ok());
        let version = (parts.next()?, parts.next()?);
        let valkey = said.starts_with("Valkey");
        // Forks of other names are no servers redis-dr promises anything about.
        let name = format!("{}-{number}", if valkey { "valkey" } else { "redis" });
        (valkey || said.starts_with("Redis")).then(|| Tree { name, valkey, version, bin: bin.to_owned(), server })
    })
}
