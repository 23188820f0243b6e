//! What is in effect after everything was read, with where each value comes from.
use super::check::memory;
use super::names::canonical;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A line of a file; lines count from 1.
    File {
        /// The file, as absolute as the start's directory allows.
        path: PathBuf,
        /// Its line.
        line: usize,
    },
    /// Configuration fed on standard input; lines count from 1.
    Stdin {
        /// Its line.
        line: usize,
    },
    /// An option of the start command, which wins over every file.
    CommandLine,
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(out, "{}:{line}", path.display()),
            Self::Stdin { line } => write!(out, "standard input:{line}"),
            Self::CommandLine => out.write_str("the start command"),
            Self::Default => out.write_str("default"),
        }
    }
}

/// The words of a directive in effect. A secret's words are replaced by `(secret)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The words after the name; for `save` the seconds and changes of all save points, empty when there are none.
    pub value: Vec<String>,
    /// The occurrence that decides.
    pub origin: Origin,
}

/// One line that was taken, in the order of reading. A secret's words are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Canonical name.
    pub name: String,
    /// The words after it.
    pub args: Vec<String>,
    /// Where it stands.
    pub origin: Origin,
}

/// A password found in a configuration. Neither Debug nor Display shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, for sending to the server and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(secret)")
    }
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// The file (or an included one) can't be read.
    Unreadable,
    /// Quotes, a NUL byte.
    Syntax,
    /// No such directive in this server.
    Unknown,
    /// The directive exists, its words are not ones the server takes.
    Value,
}

/// A reason for which the server would not start with this configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// File and line, or the start command.
    pub origin: Origin,
    /// The line, secrets replaced, control characters escaped.
    pub text: String,
    /// What the server would say, or as near as we can.
    pub message: String,
    /// What sort of mistake it is.
    pub kind: ProblemKind,
}

/// `save SECONDS CHANGES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavePoint {
    /// Seconds between saves at most.
    pub seconds: u64,
    /// Changes that must have happened in them.
    pub changes: u64,
}

/// A configuration as the server would have it after reading everything.
#[derive(Debug, Clone, Default)]
pub struct Effective {
    /// Values by canonical name, defaults included for the directives this crate relies on.
    pub values: BTreeMap<String, Setting>,
    /// Every accepted line in the order of reading, for directives that accumulate.
    pub directives: Vec<Directive>,
    /// Files read, the main one first.
    pub files: Vec<PathBuf>,
    /// `rename-command`: original name in lower case, and its new name (empty: disabled).
    pub renamed: BTreeMap<String, String>,
    /// Everything the server would refuse.
    pub problems: Vec<Problem>,
    /// A comment that says a tool writes one of the files, as it stands.
    pub managed_by: Option<String>,
    /// True if the server also reads standard input, and what it read is not known.
    pub unseen_stdin: bool,
    pub(super) data_dir: PathBuf,
    pub(super) secrets: BTreeMap<String, Secret>,
}

impl Effective {
    /// The setting of a directive, under any of its names.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.values.get(&canonical(name))
    }

    /// All lines of a directive that accumulates (`loadmodule`, `user`, `client-output-buffer-limit`, …).
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Directive> + use<'a> {
        let name = canonical(name);
        self.directives.iter().filter(move |directive| directive.name == name)
    }

    /// The single word of a directive; None if it is not set or has not exactly one word.
    #[must_use]
    pub fn word(&self, name: &str) -> Option<&str> {
        match self.get(name)?.value.as_slice() {
            [word] => Some(word),
            _ => None,
        }
    }

    /// A yes/no directive.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        let word = self.word(name)?;
        if word.eq_ignore_ascii_case("yes") {
            return Some(true);
        }
        word.eq_ignore_ascii_case("no").then_some(false)
    }

    /// A number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.word(name)?.parse().ok()
    }

    /// A size in bytes.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<u64> {
        memory(self.word(name)?)
    }

    /// A directive's word as a path, counted from the data directory, where the server is when it uses it.
    fn path(&self, name: &str) -> Option<PathBuf> {
        self.word(name).filter(|word| !word.is_empty()).map(|word| self.data_dir.join(word))
    }

    fn text(&self, name: &str) -> &str {
        self.word(name).unwrap_or_default()
    }

    /// The data directory: every `dir` applied in turn to the directory of the start.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.data_dir
    }

    /// Name of the snapshot in the data directory.
    #[must_use]
    pub fn dbfilename(&self) -> &str {
        self.text("dbfilename")
    }

    /// Path of the snapshot.
    #[must_use]
    pub fn rdb_path(&self) -> PathBuf {
        self.data_dir.join(self.dbfilename())
    }

    /// AOF on at start.
    #[must_use]
    pub fn appendonly(&self) -> bool {
        self.flag("appendonly").unwrap_or(false)
    }

    /// Base name of the AOF.
    #[must_use]
    pub fn appendfilename(&self) -> &str {
        self.text("appendfilename")
    }

    /// Directory of the AOF set inside the data directory; None for servers before 7.0.
    #[must_use]
    pub fn appenddirname(&self) -> Option<&str> {
        self.word("appenddirname")
    }

    /// TCP port, 0 when it does not listen on one.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.number("port").and_then(|port| u16::try_from(port).ok()).unwrap_or(0)
    }

    /// TLS port, 0 when there is none.
    #[must_use]
    pub fn tls_port(&self) -> u16 {
        self.number("tls-port").and_then(|port| u16::try_from(port).ok()).unwrap_or(0)
    }

    /// Unix socket.
    #[must_use]
    pub fn unixsocket(&self) -> Option<PathBuf> {
        self.path("unixsocket")
    }

    /// Addresses it binds to; empty when the file leaves it to the server.
    #[must_use]
    pub fn bind(&self) -> &[String] {
        self.get("bind").map_or(&[], |setting| setting.value.as_slice())
    }

    /// Password of the default user.
    #[must_use]
    pub fn requirepass(&self) -> Option<&Secret> {
        self.secrets.get("requirepass").filter(|secret| !secret.expose().is_empty())
    }

    /// Password it uses towards its primary.
    #[must_use]
    pub fn masterauth(&self) -> Option<&Secret> {
        self.secrets.get("masterauth").filter(|secret| !secret.expose().is_empty())
    }

    /// Save points in effect; empty when snapshots are off.
    #[must_use]
    pub fn save_points(&self) -> Vec<SavePoint> {
        let words = self.get("save").map_or(&[][..], |setting| setting.value.as_slice());
        let number = |word: &String| word.parse().ok();
        words
            .chunks_exact(2)
            .filter_map(|pair| Some(SavePoint { seconds: number(&pair[0])?, changes: number(&pair[1])? }))
            .collect()
    }

    /// maxmemory in bytes, 0 for no limit.
    #[must_use]
    pub fn maxmemory(&self) -> u64 {
        self.bytes("maxmemory").unwrap_or(0)
    }

    /// maxmemory-policy.
    #[must_use]
    pub fn maxmemory_policy(&self) -> &str {
        self.text("maxmemory-policy")
    }

    /// Number of databases.
    #[must_use]
    pub fn databases(&self) -> u64 {
        self.number("databases").unwrap_or(16)
    }

    /// appendfsync.
    #[must_use]
    pub fn appendfsync(&self) -> &str {
        self.text("appendfsync")
    }

    /// aof-load-truncated.
    #[must_use]
    pub fn aof_load_truncated(&self) -> bool {
        self.flag("aof-load-truncated").unwrap_or(true)
    }

    /// aof-use-rdb-preamble.
    #[must_use]
    pub fn aof_use_rdb_preamble(&self) -> bool {
        self.flag("aof-use-rdb-preamble").unwrap_or(true)
    }

    /// daemonize.
    #[must_use]
    pub fn daemonize(&self) -> bool {
        self.flag("daemonize").unwrap_or(false)
    }

    /// Pid file; a daemon without one writes the server's built-in path, which is not guessed here.
    #[must_use]
    pub fn pidfile(&self) -> Option<PathBuf> {
        self.path("pidfile")
    }

    /// Log file; None means standard output.
    #[must_use]
    pub fn logfile(&self) -> Option<PathBuf> {
        self.path("logfile")
    }

    /// supervised.
    #[must_use]
    pub fn supervised(&self) -> &str {
        self.text("supervised")
    }

    /// Primary it replicates from: host and port. `no one` and an empty host are none.
    #[must_use]
    pub fn replicaof(&self) -> Option<(&str, u16)> {
        match self.get("replicaof")?.value.as_slice() {
            [host, port] if !host.is_empty() => Some((host, port.parse().ok()?)),
            _ => None,
        }
    }

    /// cluster-enabled.
    #[must_use]
    pub fn cluster_enabled(&self) -> bool {
        self.flag("cluster-enabled").unwrap_or(false)
    }

    /// min-replicas-to-write.
    #[must_use]
    pub fn min_replicas_to_write(&self) -> u64 {
        self.number("min-replicas-to-write").unwrap_or(0)
    }

    /// auto-aof-rewrite-percentage, 0 when automatic rewrites are off.
    #[must_use]
    pub fn auto_aof_rewrite_percentage(&self) -> u64 {
        self.number("auto-aof-rewrite-percentage").unwrap_or(100)
    }

    /// Module files to load, in order.
    #[must_use]
    pub fn loadmodules(&self) -> Vec<PathBuf> {
        self.all("loadmodule").filter_map(|line| line.args.first()).map(PathBuf::from).collect()
    }
}
