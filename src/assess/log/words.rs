//! What known lines of a server's log, and of its unit's journal, mean.
use crate::finding::Id;

/// Words of a line, and what they mean; the first that fit decide, so a line that ends in the system's own reason
/// stands for that reason and not for the file it was about.
const FATAL: &[(&str, Option<Id>)] = &[
    ("bind: Address already in use", Some(Id::ServerPortTaken)),
    ("bind: Permission denied", Some(Id::ServerConfigInvalid)),
    ("bind: Cannot assign requested address", Some(Id::ServerConfigInvalid)),
    ("Could not create server TCP listening socket", Some(Id::ServerPortTaken)),
    ("Can't save in background: fork", Some(Id::MemoryForkRisk)),
    ("append only file in background: fork", Some(Id::MemoryForkRisk)),
    ("Background saving terminated by signal 9", Some(Id::MemoryForkRisk)),
    ("Background AOF rewrite terminated by signal 9", Some(Id::MemoryForkRisk)),
    ("No space left on device", Some(Id::DiskFull)),
    ("Disk quota exceeded", Some(Id::DiskFull)),
    ("Read-only file system", Some(Id::DiskReadOnly)),
    ("Input/output error", Some(Id::DiskIoError)),
    ("Permission denied", Some(Id::FilesPermission)),
    ("Operation not permitted", Some(Id::FilesPermission)),
    ("Bad file format reading the append only file", Some(Id::FilesAofCorrupt)),
    ("Unexpected end of file reading the append only file", Some(Id::FilesAofTruncated)),
    ("the truncated file is not the last file", Some(Id::FilesAofCorrupt)),
    ("Unknown command '", Some(Id::ServerModuleMissing)),
    ("FATAL AOF MANIFEST FILE ERROR", Some(Id::FilesManifestBroken)),
    ("Invalid AOF manifest file format", Some(Id::FilesManifestBroken)),
    ("Found an empty AOF manifest", Some(Id::FilesManifestBroken)),
    ("Found duplicate base file information", Some(Id::FilesManifestBroken)),
    ("Found a non-monotonic sequence number", Some(Id::FilesManifestBroken)),
    ("The AOF manifest file contains too long line", Some(Id::FilesManifestBroken)),
    ("Unable to obtain the AOF file", Some(Id::FilesManifestBroken)),
    ("The append log file", Some(Id::FilesManifestBroken)),
    ("Can't handle RDB format version", Some(Id::ServerVersionTooOld)),
    ("Can't handle foreign type", Some(Id::ServerVersionTooOld)),
    ("no matching module", Some(Id::ServerModuleMissing)),
    ("module data I can't load", Some(Id::ServerModuleMissing)),
    ("Can't load module from", Some(Id::ServerModuleMissing)),
    ("Short read or OOM loading DB", Some(Id::FilesRdbCorrupt)),
    ("Wrong RDB checksum", Some(Id::FilesRdbCorrupt)),
    ("Internal error in RDB", Some(Id::FilesRdbCorrupt)),
    ("Wrong signature trying to load DB", Some(Id::FilesRdbCorrupt)),
    ("Fatal error loading the DB", Some(Id::FilesRdbCorrupt)),
    ("Error reading the RDB preamble", Some(Id::FilesAofCorrupt)),
    ("Fatal error, can't open config file", Some(Id::ConfigMissing)),
    ("FATAL CONFIG FILE ERROR", Some(Id::ServerConfigInvalid)),
    ("Bad directive or wrong number of arguments", Some(Id::ServerConfigInvalid)),
    ("Data file was created with a Redis server configured to handle more than", Some(Id::ServerConfigInvalid)),
    ("corrupted cluster config file", Some(Id::ServerConfigInvalid)),
    ("Out Of Memory allocating", Some(Id::ServerOomKilled)),
    ("Failed with result 'oom-kill'", Some(Id::ServerOomKilled)),
    ("killed by the OOM killer", Some(Id::ServerOomKilled)),
    ("start operation timed out", Some(Id::ServerStartTimeout)),
    ("Cannot allocate memory", Some(Id::MemoryForkRisk)),
    ("Failed opening the temp RDB file", None),
    ("Failed opening the RDB file", None),
    ("== CRITICAL ==", None),
    ("REDIS BUG REPORT START", None),
    ("VALKEY BUG REPORT START", None),
    ("crashed by signal", None),
];

/// Lines after which what kept the server from writing is over.
const SOLVED: &[&str] = &[
    "AOF write error looks solved",
    "Background saving terminated with success",
    "Background AOF rewrite finished successfully",
    "DB saved on disk",
];

/// Lines that only a start writes first.
const STARTS: &[&str] = &["oO0OoO0OoO0Oo", "Redis is starting", "Valkey is starting"];

/// Words that only a primary with replicas, or a replica, writes.
const REPLICATION: &[&str] = &[
    "<-> REPLICA sync",
    "Connecting to MASTER",
    "Connecting to PRIMARY",
    "Synchronization with replica",
    "asks for synchronization",
    "Partial resynchronization request",
    "enabled (user request from",
];

/// Directories into which nobody lets a server save, and intruders make it: cron tables and SSH keys lie there.
const NOT_FOR_DATA: &[&str] = &["/etc", "/root", "/root/.ssh", "/var/spool/cron", "/var/spool/cron/crontabs"];

/// What a line means, where it says why a server died or refuses; `Some(None)`: it matters, and no finding stands for it.
pub(super) fn fatal(line: &str) -> Option<Option<Id>> {
    FATAL.iter().find(|(words, _)| line.contains(words)).map(|(_, finding)| *finding)
}

/// Could the server write again after this line?
pub(super) fn solved(line: &str) -> bool {
    SOLVED.iter().any(|words| line.contains(words))
}

/// Reasons that a server which goes on may have got over.
pub(super) fn passes(finding: Option<Id>) -> bool {
    use Id::{DiskFull, DiskIoError, DiskReadOnly, FilesPermission, MemoryForkRisk};
    matches!(finding, Some(DiskFull | DiskIoError | DiskReadOnly | FilesPermission | MemoryForkRisk))
}

/// How many clients were connected, where a line tells: the server writes so every 5 s with `loglevel verbose`, and in the
/// report of a crash.
pub(super) fn clients(line: &str) -> Option<u64> {
    if let Some(count) = line.strip_prefix("connected_clients:") {
        return count.trim().parse().ok();
    }
    line.split_once(" clients connected (")?.0.rsplit(' ').next()?.parse().ok()
}

/// Does a start write this first?
pub(super) fn is_start(line: &str) -> bool {
    STARTS.iter().any(|words| line.contains(words))
}

/// Does it speak of a primary or a replica? A copy taken as a replica takes it (by us, by `redis-cli --rdb`) is none:
/// it listens nowhere.
pub(super) fn of_replication(line: &str) -> bool {
    REPLICATION.iter().any(|words| line.contains(words)) && !line.contains("<unknown-replica-port>")
}

/// Is this a directory, or a name in one, that only an intruder has a server save to?
pub fn planted(dir: &str, dbfilename: &str) -> bool {
    let dir = if dir.len() > 1 { dir.trim_end_matches('/') } else { dir };
    NOT_FOR_DATA.contains(&dir)
        || dir.starts_with("/etc/cron")
        || dir.ends_with("/.ssh")
        || ["crontab", "authorized_keys"].contains(&dbfilename)
}

/// `Failed opening the RDB file crontab (in server root dir /etc) for saving: …` and its kin.
pub(super) fn break_in(line: &str) -> bool {
    let Some((before, rest)) = line.split_once(" (in server root dir ") else {
        return false;
    };
    let dir = rest.split(')').next().unwrap_or_default();
    planted(dir, before.rsplit(' ').next().unwrap_or_default())
}
