//! Law 7: what would a start load, with the files as they are at this instant? A real server is asked, on a copy; and the
//! product's own pure function, which must say the same.
use crate::live;
use crate::sandbox::{Sandbox, wait_until};
use redis_dr::facts::WouldLoad;
use redis_dr::points::{StartFiles, StartSettings, would_load};
use std::fs;
use std::path::Path;

/// What a start comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// It does not come up.
    Refused,
    /// It holds this: the digest, what clients wrote meanwhile aside.
    Loads(String),
}

/// Starts a server on a copy of the files as they are.
pub fn now(server: &Sandbox) -> Start {
    let mut copy = Sandbox::new(&server.tree);
    take_files(server, &mut copy);
    let says = by_the_function(&copy);
    let is = match comes_up(&mut copy) {
        false => Start::Refused,
        true => {
            live::forget(&copy);
            Start::Loads(copy.digest())
        }
    };
    let empty = is != Start::Refused && copy.dbsize() == 0;
    // damage inside the files is the walkers' business, not the function's
    let agree = match says {
        WouldLoad::Refuse => is == Start::Refused,
        WouldLoad::Nothing => empty,
        _ => is == Start::Refused || !empty,
    };
    assert!(agree, "the function says {says:?}, a server {is:?}");
    is
}

/// Puts a copy of another sandbox's data, configuration and backups in the place of this one's, under its own port.
pub fn take_files(from: &Sandbox, to: &mut Sandbox) {
    copy_dir(&from.data(), &to.data());
    copy_dir(&from.backups(), &to.backups());
    let text = fs::read_to_string(from.conf()).unwrap();
    let text = text
        .replace(&from.root().display().to_string(), &to.root().display().to_string())
        .replace(&format!("port {}\n", from.port), &format!("port {}\n", to.port));
    fs::write(to.conf(), text).unwrap();
    to.filled = from.filled;
}

/// Copies what is in a directory with times, owners and modes. What goes away meanwhile was not there.
fn copy_dir(from: &Path, to: &Path) {
    let done = std::process::Command::new("cp").arg("-a").arg(from.join(".")).arg(to).output().unwrap();
    assert!(done.status.success() || fs::exists(to).unwrap(), "{}", String::from_utf8_lossy(&done.stderr));
    let _ = fs::remove_dir_all(to.join(".redis-dr"));
    // it only fills a disk
    let _ = fs::remove_file(to.join("somebody-elses"));
}

fn comes_up(copy: &mut Sandbox) -> bool {
    let (conf, root) = (copy.conf(), copy.root().to_owned());
    copy.launch_with(&[conf.to_str().unwrap()], &root);
    let mut answers = false;
    wait_until("a server on the copy to answer or to give up", || {
        answers = copy.ask(&["PING"]).is_some_and(|reply| reply.text() == "PONG");
        answers || copy.exited().is_some()
    });
    answers
}

fn by_the_function(copy: &Sandbox) -> WouldLoad {
    let text = fs::read_to_string(copy.conf()).unwrap();
    let value =
        |name: &str| text.lines().rev().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
    let settings = StartSettings {
        appendonly: value("appendonly").is_some_and(|v| v.trim_matches('"') == "yes"),
        appendfilename: "appendonly.aof".into(),
        dbfilename: "dump.rdb".into(),
        multi_part: copy.tree.since_seven(),
    };
    let size = |path: &Path| fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|m| m.len());
    let names = fs::read_dir(copy.aof_dir()).into_iter().flatten().flatten();
    let files = StartFiles {
        rdb: size(&copy.rdb()),
        single_aof: size(&copy.data().join("appendonly.aof")),
        aof_dir: names.map(|e| (e.file_name().to_string_lossy().into_owned(), e.metadata().unwrap().len())).collect(),
        manifest: fs::read(copy.manifest()).ok(),
    };
    would_load(&settings, &files).loads
}
