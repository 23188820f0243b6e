use std::ffi::OsStr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use redis_dr::host::{HostError, Kind, Look, OwnFiles, Owner, Pen, Planters, shown};

#[test]
fn a_fifo_is_refused_and_does_not_hang() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("dump.rdb");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let error = Look::new().open(&fifo).unwrap_err();
    assert!(matches!(error, HostError::NotAFile { kind: Kind::Fifo, .. }));
    assert_eq!(error.to_string(), format!("{} is a FIFO, not a regular file", shown(&fifo)));
    assert!(matches!(Look::new().read(Path::new("/dev/zero"), 10), Err(HostError::NotAFile { .. })));
}

#[test]
fn reading_has_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("redis.conf");
    std::fs::write(&file, b"0123456789").unwrap();
    assert_eq!(Look::new().read(&file, 10).unwrap(), b"0123456789");
    assert!(matches!(Look::new().read(&file, 9), Err(HostError::TooLarge { size: 10, limit: 9, .. })));
    assert_eq!(Look::new().read_tail(&file, 3).unwrap(), b"789");
    assert_eq!(Look::new().read_at(&file, 8, 100).unwrap(), b"89");
}

#[test]
fn a_mark_survives_appending_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.aof");
    std::fs::write(&file, vec![7_u8; 200_000]).unwrap();
    let look = Look::new();
    let mark = look.mark(&file).unwrap();
    let edges = look.edge_digest(&file).unwrap();
    let mut bytes = vec![7_u8; 200_000];
    bytes.extend_from_slice(b"more");
    std::fs::write(&file, &bytes).unwrap();
    assert!(look.holds_mark(&file, &mark).unwrap());
    assert_ne!(look.edge_digest(&file).unwrap(), edges);
    bytes[199_999] = 8;
    std::fs::write(&file, &bytes).unwrap();
    assert!(!look.holds_mark(&file, &mark).unwrap());
    std::fs::write(&file, b"short").unwrap();
    assert!(!look.holds_mark(&file, &mark).unwrap());
}

#[test]
fn a_link_the_servers_user_could_plant_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("real");
    std::fs::write(&target, b"x").unwrap();
    let link = dir.path().join("dump.rdb");
    symlink(&target, &link).unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let redis = Planters { server: Some((12_345, vec![12_345])) };
    assert!(matches!(Look::new().place(&link, &redis), Err(HostError::LinkRefused { .. })));
    assert!(matches!(Look::new().place(&link, &Planters::default()), Err(HostError::LinkRefused { .. })));
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let place = Look::new().place(&link, &redis).unwrap();
    assert_eq!(place.path(), std::fs::canonicalize(&target).unwrap());
    assert!(place.via.is_some());
}

#[test]
fn own_files_stay_in_their_directory() {
    let dir = tempfile::tempdir().unwrap();
    let own = OwnFiles::open(&dir.path().join("state")).unwrap();
    for name in ["..", "../x", "/etc/passwd", "a/b", ".", "", "a/"] {
        assert!(matches!(own.write(name, b"x"), Err(HostError::BadPath { .. })), "{name}");
    }
    own.write("rates.json", b"{}").unwrap();
    let mode = std::fs::metadata(own.path().join("rates.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    symlink("/etc/passwd", own.path().join("lock")).unwrap();
    assert!(own.open_lock("lock").is_err());
    std::fs::hard_link(own.path().join("rates.json"), own.path().join("second")).unwrap();
    assert!(matches!(own.open_append("second", false), Err(HostError::NotOurs { .. })));
}

#[test]
fn a_planted_link_is_not_taken_for_our_directory() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = dir.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, dir.path().join(".redis-dr")).unwrap();
    assert!(OwnFiles::open_in(dir.path(), ".redis-dr").is_err());
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn the_pen_makes_private_temporaries_and_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let (look, pen) = (Look::new(), Pen::new());
    let pinned = look.pin(dir.path()).unwrap();
    let (mut file, name) = pen.temp_file(&pinned).unwrap();
    let path = pinned.path().join(&name);
    let written = pen.fill(&mut file, &path, &mut b"hello world".as_slice(), 5).unwrap();
    assert_eq!(written.bytes, 5);
    assert_eq!(written.digest, look.digest(&path).unwrap());
    assert_eq!(look.stat(&path).unwrap().mode, 0o600);
    let owner = Owner { uid: look.uid(), gid: look.gid(), mode: 0o640 };
    pen.dress(&file, &path, owner, Some(&[])).unwrap();
    pen.set_mtime(&file, &path, 1_000_000_001).unwrap();
    assert_eq!(look.stat(&path).unwrap().mtime_ns, 1_000_000_001);
    assert_eq!(look.stat(&path).unwrap().mode, 0o640);
    let other = tempfile::tempdir_in("/dev/shm").unwrap();
    if look.stat(other.path()).unwrap().dev != look.stat(dir.path()).unwrap().dev {
        let other = look.pin(other.path()).unwrap();
        assert!(!pen.link(&pinned, &name, &other, OsStr::new("x")).unwrap(), "EXDEV: the next way");
    }
    pen.unlink(&pinned, &name).unwrap();
    pen.unlink(&pinned, &name).unwrap();
}

#[test]
fn control_characters_never_reach_the_terminal() {
    assert_eq!(shown(Path::new("/a\x1b[31m\n")), "/a\\x1b[31m\\x0a");
}

#[test]
fn an_error_says_what_where_and_why() {
    let error = Look::new().read(Path::new("/nowhere/redis.conf"), 10).unwrap_err();
    assert_eq!(error.to_string(), "cannot open /nowhere/redis.conf");
    assert!(error.is_missing());
    assert!(std::error::Error::source(&error).unwrap().to_string().starts_with("No such file"));
}
