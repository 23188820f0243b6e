use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use redis_dr::host::{HostError, Look, Owner, Pen, Planters};
use redis_dr::vault::{Content, How, Like, Put, Save, Saved, Use, Vault, VaultError, list, prune};

/// A data directory with a vault beside it, on the same filesystem.
struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        Bench { dir }
    }
    fn vault(&self) -> Vault {
        Vault::open(Pen::new(), &self.vault_dir(), Planters::default()).unwrap()
    }
    fn vault_dir(&self) -> PathBuf {
        self.dir.path().join("state/runs/r1/vault")
    }
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("data").join(name)
    }
    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        let old = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH + std::time::Duration::new(1_700_000_000, 5));
        fs::File::open(&path).unwrap().set_times(old).unwrap();
        path
    }
    fn temps(&self) -> usize {
        let dir = self.dir.path().join("data");
        fs::read_dir(dir).unwrap().filter(|e| is_ours(e.as_ref().unwrap())).count()
    }
    fn after(&self) -> Vec<Vec<u8>> {
        let mut names: Vec<_> =
            fs::read_dir(self.vault_dir().join("after")).unwrap().map(|e| e.unwrap().path()).collect();
        names.sort();
        names.iter().filter(|p| p.is_file()).map(|p| fs::read(p).unwrap()).collect()
    }
}

fn is_ours(entry: &fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with(".redis-dr-")
}

fn me(mode: u32) -> Owner {
    let look = Look::new();
    Owner { uid: look.uid(), gid: look.gid(), mode }
}

/// As a roll back does: from the journal alone, in another process.
fn through_the_journal(saved: &Saved) -> Saved {
    serde_json::from_str(&serde_json::to_string(saved).unwrap()).unwrap()
}

#[test]
fn a_replaced_file_comes_back_as_the_same_inode() {
    let bench = Bench::new();
    let path = bench.write("dump.rdb", b"precious");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let before = fs::metadata(&path).unwrap();
    let mut vault = bench.vault();
    let saved = vault.save(&path, Use::Replaced).unwrap();
    assert_eq!(saved.how(), How::Link);
    assert_eq!(saved.bytes(), 8);
    assert_eq!(fs::metadata(saved.copy().unwrap()).unwrap().ino(), before.ino());
    vault.replace(&saved, Content::Bytes(b"new"), Like::Saved).unwrap();
    let now = fs::metadata(&path).unwrap();
    assert_eq!((fs::read(&path).unwrap(), now.mode() & 0o7777, bench.temps()), (b"new".to_vec(), 0o640, 0));
    assert_ne!(now.ino(), before.ino());

    let saved = through_the_journal(&saved);
    let mut vault = bench.vault();
    assert!(!vault.matches(&saved).unwrap());
    let restored = vault.restore(&saved).unwrap();
    assert_eq!(restored.put, Put::PutBack);
    let now = fs::metadata(&path).unwrap();
    assert_eq!((now.ino(), now.mtime(), now.mtime_nsec()), (before.ino(), before.mtime(), before.mtime_nsec()));
    assert_eq!(fs::read(&restored.kept[0].to).unwrap(), b"new", "what the run had put there is kept");
    assert_eq!(vault.restore(&saved).unwrap().put, Put::AsBefore, "undo may be repeated");
    assert_eq!(bench.temps(), 0);
}

#[test]
fn a_file_written_in_place_is_copied_and_comes_back_with_owner_mode_and_time() {
    let bench = Bench::new();
    let path = bench.write("redis.conf", b"appendonly yes\n");
    let mut vault = bench.vault();
    let saved = vault.save(&path, Use::WrittenInPlace).unwrap();
    assert!(matches!(saved.how(), How::Copy | How::Reflink));
    assert_ne!(fs::metadata(saved.copy().unwrap()).unwrap().ino(), fs::metadata(&path).unwrap().ino());
    assert_eq!(fs::metadata(saved.copy().unwrap()).unwrap().mode() & 0o777, 0o600);
    fs::write(&path, b"appendonly no\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(!vault.matches(&saved).unwrap());
    assert_eq!(vault.restore(&saved).unwrap().put, Put::PutBack);
    assert!(vault.matches(&saved).unwrap());
    assert_eq!(fs::read(&path).unwrap(), b"appendonly yes\n");
    assert_eq!(fs::metadata(&path).unwrap().mtime_nsec(), 5);
    assert_eq!(bench.after(), [b"appendonly no\n".to_vec()]);
}

#[test]
fn nothing_there_is_saved_too_and_comes_back_as_nothing() {
    let bench = Bench::new();
    let mut vault = bench.vault();
    let saved = vault.save(&bench.path("new.rdb"), Use::Replaced).unwrap();
    assert!(saved.is_absent());
    assert!(matches!(vault.create(&saved, Content::Bytes(b"x"), Like::Saved), Err(VaultError::NothingToBeLike { .. })));
    assert!(matches!(
        vault.replace(&saved, Content::Bytes(b"x"), Like::Saved),
        Err(VaultError::NotSavedForThis { .. })
    ));
    let placed = vault.create(&saved, Content::Bytes(b"x"), Like::Owner(me(0o644))).unwrap();
    assert_eq!(placed.bytes, 1);
    vault.restore(&saved).unwrap();
    assert!(!bench.path("new.rdb").exists());
    assert_eq!(bench.after(), [b"x".to_vec()]);
    assert_eq!(vault.restore(&saved).unwrap().put, Put::AsBefore);
}

#[test]
fn a_removed_file_comes_back() {
    let bench = Bench::new();
    let path = bench.write("a.aof", b"data");
    let mut vault = bench.vault();
    let saved = vault.save(&path, Use::Replaced).unwrap();
    vault.remove(&saved).unwrap();
    vault.remove(&saved).unwrap();
    assert!(!path.exists());
    assert!(bench.after().is_empty(), "the saved bytes are not kept twice");
    assert_eq!(vault.restore(&saved).unwrap().put, Put::PutBack);
    assert_eq!(fs::read(&path).unwrap(), b"data");
}

#[test]
fn what_turns_up_between_save_and_change_is_not_lost() {
    let bench = Bench::new();
    let path = bench.write("dump.rdb", b"old");
    let mut vault = bench.vault();
    let saved = vault.save(&path, Use::Replaced).unwrap();
    let absent = vault.save(&bench.path("b.rdb"), Use::Replaced).unwrap();
    fs::remove_file(&path).unwrap();
    bench.write("dump.rdb", b"a BGSAVE that came in between");
    bench.write("b.rdb", b"another");
    vault.replace(&saved, Content::Bytes(b"new"), Like::Saved).unwrap();
    vault.create(&absent, Content::Bytes(b"new"), Like::Path(&path)).unwrap();
    assert_eq!(bench.after(), [b"a BGSAVE that came in between".to_vec(), b"another".to_vec()]);
}

#[test]
fn a_growing_file_is_cut_back_to_its_mark() {
    let bench = Bench::new();
    let path = bench.write("incr.aof", &vec![1_u8; 100_000]);
    let mut vault = bench.vault();
    let saved = vault.save(&path, Use::TailMark).unwrap();
    if saved.how() == How::Reflink {
        return; // this filesystem has something better
    }
    assert_eq!((saved.how(), saved.how().to_string().as_str()), (How::Tail, "mark"));
    assert_eq!(fs::metadata(saved.copy().unwrap()).unwrap().ino(), fs::metadata(&path).unwrap().ino());
    let saved = through_the_journal(&saved);
    let mut bytes = vec![1_u8; 100_000];
    bytes.extend_from_slice(b"appended");
    fs::write(&path, &bytes).unwrap();
    assert!(!vault.matches(&saved).unwrap());
    vault.restore(&saved).unwrap();
    assert!(vault.matches(&saved).unwrap());
    assert_eq!(bench.after(), [b"appended".to_vec()]);
    assert_eq!(fs::metadata(&path).unwrap().mtime(), 1_700_000_000);
    fs::write(&path, b"something else").unwrap();
    assert!(matches!(vault.restore(&saved), Err(VaultError::NotTheMarkedFile { size: 100_000, .. })));
    assert!(matches!(vault.remove(&saved), Err(VaultError::NotSavedForThis { .. })));
}

#[test]
fn a_marked_file_whose_name_went_to_another_comes_back_as_it_was() {
    let bench = Bench::new();
    let (base, incr) = (bench.write("aof/a.base", b"base"), bench.write("aof/a.incr", &vec![7_u8; 200_000]));
    let single = bench.write("single.aof", &vec![8_u8; 200_000]);
    let mut vault = bench.vault();
    let usage = |name: &std::ffi::OsStr| if name == "a.incr" { Use::TailMark } else { Use::Replaced };
    let tree = vault.save_tree(&bench.path("aof"), &usage).unwrap();
    let one = vault.save(&single, Use::TailMark).unwrap();
    // the server appends, then a rewrite puts other files in their place
    append(&incr, b"appended");
    append(&single, b"appended");
    let again = vault.save(&single, Use::TailMark).unwrap();
    assert!(one.how() == How::Reflink || again == one, "an inode has one mark");
    bench.write("aof/b.base", b"base and what came");
    fs::remove_file(&base).unwrap();
    fs::remove_file(&incr).unwrap();
    bench.write("aof/b.incr", b"later");
    fs::rename(bench.write("rewritten", b"all of it anew"), &single).unwrap();
    for _ in 0..2 {
        vault.restore_all(&[Save::Tree(tree.clone()), Save::File(through_the_journal(&one))]).unwrap();
        assert!(fs::read(&incr).unwrap() == vec![7_u8; 200_000] && fs::read(&single).unwrap() == vec![8_u8; 200_000]);
        assert!(vault.matches_tree(&tree).unwrap() && vault.matches(&one).unwrap());
        assert!(!bench.path("aof/b.incr").exists());
    }
    assert!(bench.after().contains(&b"all of it anew".to_vec()));
}

#[test]
fn marked_files_of_a_directory_that_only_grew_are_cut_back_in_place() {
    let bench = Bench::new();
    bench.write("aof/a.base", b"base");
    let incr = bench.write("aof/a.incr", &vec![7_u8; 200_000]);
    let mut vault = bench.vault();
    let usage = |name: &std::ffi::OsStr| if name == "a.incr" { Use::TailMark } else { Use::Replaced };
    let tree = vault.save_tree(&bench.path("aof"), &usage).unwrap();
    let inode = fs::metadata(bench.path("aof")).unwrap().ino();
    append(&incr, b"appended");
    assert!(!vault.matches_tree(&tree).unwrap());
    vault.restore_tree(&tree).unwrap();
    assert!(vault.matches_tree(&tree).unwrap() && fs::read(&incr).unwrap() == vec![7_u8; 200_000]);
    if tree.files().iter().any(|saved| saved.how() == How::Tail) {
        assert_eq!(fs::metadata(bench.path("aof")).unwrap().ino(), inode, "nothing was built anew");
        assert_eq!(bench.after(), [b"appended".to_vec()]);
        // another file under the same inode is no longer what was marked
        fs::write(&incr, vec![9_u8; 300_000]).unwrap();
        assert!(vault.restore_tree(&tree).is_err());
    }
}

#[test]
fn a_mark_that_can_not_keep_the_name_is_a_copy_that_tells_how_far_it_is() {
    let bench = Bench::new();
    let Ok(other) = tempfile::tempdir_in("/dev/shm") else {
        return;
    };
    let path = bench.write("incr.aof", &vec![3_u8; 3 << 20]);
    if fs::metadata(other.path()).unwrap().dev() == fs::metadata(&path).unwrap().dev() {
        return;
    }
    let mut vault = Vault::open(Pen::new(), &other.path().join("v"), Planters::default()).unwrap();
    let mut heard = Vec::new();
    let mut told = |of: &Path, done: u64, total: u64| heard.push((of.to_path_buf(), done, total));
    let saved = vault.save_telling(&path, Use::TailMark, &mut told).unwrap();
    assert_eq!(saved.how(), How::Copy);
    assert!(heard.windows(2).all(|w| w[0].1 <= w[1].1) && heard.iter().all(|h| h.0 == path && h.2 == 3 << 20));
    assert_eq!(heard.last().unwrap().1, 3 << 20);
}

fn append(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

#[test]
fn a_linked_file_that_a_server_appended_to_keeps_what_came() {
    let bench = Bench::new();
    for size in [10_usize, 2 << 20] {
        let path = bench.write(&format!("{size}.aof"), &vec![b'a'; size]);
        let mut vault = bench.vault();
        let saved = vault.save(&path, Use::Replaced).unwrap();
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        std::io::Write::write_all(&mut file, b"acknowledged").unwrap();
        assert_eq!(vault.restore(&saved).unwrap().put, Put::Grown);
        assert_eq!(fs::metadata(&path).unwrap().len(), size as u64 + 12);
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(3).unwrap();
        assert!(matches!(vault.restore(&saved), Err(VaultError::NotAsBefore { .. })));
    }
}

#[test]
fn owner_and_mode_alone_come_back() {
    let bench = Bench::new();
    let path = bench.write("dump.rdb", b"x");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let mut vault = bench.vault();
    let saved = vault.save(&path, Use::OwnerAndMode).unwrap();
    let dir = vault.save(path.parent().unwrap(), Use::OwnerAndMode).unwrap();
    vault.set_owner(&saved, me(0o660), &[]).unwrap();
    vault.set_owner(&dir, me(0o700), &[]).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o660);
    fs::write(&path, b"content may change").unwrap();
    vault.restore_all(&[Save::from(saved), Save::from(dir.clone())]).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o000);
    assert!(vault.matches(&dir).unwrap());
}

#[test]
fn a_save_that_a_crash_left_is_used_again() {
    let bench = Bench::new();
    let path = bench.write("dump.rdb", b"x");
    let first = bench.vault().save(&path, Use::WrittenInPlace).unwrap();
    let mut vault = bench.vault();
    assert_eq!(vault.save(&path, Use::WrittenInPlace).unwrap(), first);
    assert_eq!(vault.save(&path, Use::Replaced).unwrap(), first);
    fs::write(&path, b"y").unwrap();
    assert_ne!(vault.save(&path, Use::WrittenInPlace).unwrap(), first);
    let (saves, kept) = list(Look::new(), &bench.vault_dir()).unwrap();
    assert_eq!((saves.len(), kept.len()), (2, 0));
}

#[test]
fn a_damaged_copy_is_not_put_back() {
    let bench = Bench::new();
    let path = bench.write("redis.conf", b"good");
    let mut vault = bench.vault();
    let saved = vault.save(&path, Use::WrittenInPlace).unwrap();
    fs::write(saved.copy().unwrap(), b"evil").unwrap();
    fs::write(&path, b"live").unwrap();
    if saved.how() == How::Copy {
        assert!(matches!(vault.restore(&saved), Err(VaultError::CopyGone { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"live");
    }
    fs::remove_file(saved.copy().unwrap()).unwrap();
    let error = vault.restore(&saved).unwrap_err();
    assert!(error.to_string().ends_with("is not there"), "{error}");
    assert_eq!(bench.temps(), 0);
}

#[test]
fn a_directory_is_exchanged_and_comes_back_exactly() {
    let bench = Bench::new();
    for name in ["a.manifest", "a.1.base.rdb", "a.1.incr.aof"] {
        bench.write(&format!("aof/{name}"), name.as_bytes());
    }
    let live = bench.path("aof");
    fs::create_dir(live.join("notes")).unwrap();
    fs::set_permissions(&live, fs::Permissions::from_mode(0o750)).unwrap();
    let mut vault = bench.vault();
    let tree = vault.save_tree(&live, &|_| Use::Replaced).unwrap();
    assert_eq!(tree.files().len(), 3);
    assert_eq!(tree.left_alone(), [PathBuf::from("notes")]);

    let mut build = vault.build_dir(&live, me(0o750)).unwrap();
    build.add_file("a.manifest", Content::Bytes(b"new"), me(0o640)).unwrap();
    let how = build.add_link_or_copy(&live.join("a.1.base.rdb"), "b.base.rdb", true, me(0o644)).unwrap();
    assert_eq!(how, How::Link);
    let how = build.add_link_or_copy(&live.join("a.1.base.rdb"), "c.base.rdb", false, me(0o640)).unwrap();
    assert_ne!(how, How::Link);
    assert!(build.add_file("../x", Content::Bytes(b""), me(0o640)).is_err());
    let part = Content::File { path: &live.join("a.1.incr.aof"), len: Some(3) };
    build.add_file("a.1.incr.aof", part, me(0o640)).unwrap();
    let built = build.finish().unwrap();
    vault.exchange_dir(built, &tree).unwrap();
    assert_eq!(fs::read(live.join("a.manifest")).unwrap(), b"new");
    assert_eq!(fs::read(live.join("a.1.incr.aof")).unwrap(), b"a.1");
    assert!(live.join("notes").is_dir());
    assert_eq!(bench.temps(), 0);

    let tree = serde_json::from_str(&serde_json::to_string(&tree).unwrap()).unwrap();
    let mut vault = bench.vault();
    assert!(!vault.matches_tree(&tree).unwrap());
    assert_eq!(vault.restore_tree(&tree).unwrap().put, Put::PutBack);
    assert_eq!(vault.restore_tree(&tree).unwrap().put, Put::AsBefore);
    assert_eq!(fs::metadata(&live).unwrap().mode() & 0o777, 0o750);
    assert_eq!(fs::read_dir(&live).unwrap().count(), 4);
    assert_eq!(fs::read(live.join("a.manifest")).unwrap(), b"a.manifest");
    assert_eq!(bench.temps(), 0);
}

#[test]
fn a_directory_that_was_not_there_is_built_and_goes_again() {
    let bench = Bench::new();
    let live = bench.path("aof");
    let mut vault = bench.vault();
    let tree = vault.save_tree(&live, &|_| Use::Replaced).unwrap();
    assert!(tree.is_absent());
    let mut build = vault.build_dir(&live, me(0o755)).unwrap();
    build.add_file("a.manifest", Content::Bytes(b"new"), me(0o640)).unwrap();
    let built = build.finish().unwrap();
    vault.exchange_dir(built, &tree).unwrap();
    assert!(live.join("a.manifest").exists());
    vault.restore_tree(&tree).unwrap();
    assert!(!live.exists());

    bench.write("aof/x", b"x");
    let tree = vault.save_tree(&live, &|_| Use::Replaced).unwrap();
    vault.remove_tree(&tree).unwrap();
    assert!(!live.exists());
    vault.restore_tree(&tree).unwrap();
    assert!(vault.matches_tree(&tree).unwrap());
}

#[test]
fn a_build_given_up_leaves_nothing() {
    let bench = Bench::new();
    let vault = bench.vault();
    let mut build = vault.build_dir(&bench.path("aof"), me(0o755)).unwrap();
    build.add_file("a.manifest", Content::Bytes(b"new"), me(0o640)).unwrap();
    assert_eq!(bench.temps(), 1);
    drop(build);
    assert_eq!(bench.temps(), 0);
}

#[test]
fn only_our_temporaries_are_swept() {
    let bench = Bench::new();
    let hex = "0123456789abcdef0123456789abcdef";
    bench.write(&format!(".redis-dr-{hex}"), b"half");
    bench.write(".redis-dr-mine", b"not ours");
    bench.write("temp-123.rdb", b"the server's");
    fs::create_dir(bench.path(".redis-dr")).unwrap();
    bench.write(&format!(".redis-dr-{}/a.aof", hex.replace('0', "f")), b"may be the only copy");
    let mut vault = bench.vault();
    assert_eq!(vault.sweep_temps(&bench.path("")).unwrap().len(), 2);
    assert_eq!(bench.temps(), 1);
    assert!(bench.path("temp-123.rdb").exists() && bench.path(".redis-dr").exists());
    let kept = list(Look::new(), &bench.vault_dir()).unwrap().1;
    assert_eq!(fs::read(kept[0].to.join("a.aof")).unwrap(), b"may be the only copy");
}

#[test]
fn links_fifos_and_moved_directories_are_refused() {
    let bench = Bench::new();
    let target = bench.write("real", b"x");
    symlink(&target, bench.path("dump.rdb")).unwrap();
    fs::set_permissions(bench.path(""), fs::Permissions::from_mode(0o777)).unwrap();
    let mut vault = bench.vault();
    let error = vault.save(&bench.path("dump.rdb"), Use::Replaced).unwrap_err();
    assert!(matches!(error, VaultError::Host(HostError::LinkRefused { .. })));
    nix::unistd::mkfifo(&bench.path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(vault.save(&bench.path("fifo"), Use::Replaced).is_err());

    let path = bench.write("sub/redis.conf", b"x");
    let saved = vault.save(&path, Use::Replaced).unwrap();
    fs::rename(bench.path("sub"), bench.path("moved")).unwrap();
    symlink(bench.path("moved"), bench.path("sub")).unwrap();
    let error = vault.replace(&saved, Content::Bytes(b"y"), Like::Saved).unwrap_err();
    assert!(matches!(error, VaultError::Host(HostError::BadPath { .. })), "{error}");
    assert_eq!(fs::read(bench.path("moved/redis.conf")).unwrap(), b"x");
}

#[test]
fn a_vault_on_another_filesystem_copies() {
    let bench = Bench::new();
    let Ok(other) = tempfile::tempdir_in("/dev/shm") else {
        return;
    };
    let path = bench.write("dump.rdb", b"precious");
    if fs::metadata(other.path()).unwrap().dev() == fs::metadata(&path).unwrap().dev() {
        return;
    }
    let mut vault = Vault::open(Pen::new(), &other.path().join("v"), Planters::default()).unwrap();
    let saved = vault.save(&path, Use::Replaced).unwrap();
    assert_eq!(saved.how(), How::Copy);
    vault.replace(&saved, Content::Bytes(b"new"), Like::Saved).unwrap();
    vault.restore(&saved).unwrap();
    assert!(vault.matches(&saved).unwrap());
    bench.write("aof/x", b"x");
    let tree = vault.save_tree(&bench.path("aof"), &|_| Use::Replaced).unwrap();
    vault.remove_tree(&tree).unwrap();
    assert!(!bench.path("aof").exists());
    vault.restore_tree(&tree).unwrap();
    prune(vault.dir()).unwrap();
    assert!(!other.path().join("v").exists());
}

#[test]
fn the_vault_in_a_data_directory_is_private() {
    let bench = Bench::new();
    let dir = bench.path(".redis-dr/20260101T000000Z-restart");
    let vault = Vault::open(Pen::new(), &dir, Planters::default()).unwrap();
    for path in [bench.path(".redis-dr"), dir.clone(), dir.join("before")] {
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o700);
    }
    drop(vault);
    prune(&dir).unwrap();
    assert!(!dir.exists() && Path::new(&bench.path(".redis-dr")).exists());
    fs::set_permissions(bench.path(".redis-dr"), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(
        Vault::open(Pen::new(), &dir, Planters::default()),
        Err(VaultError::Host(HostError::NotOurs { .. }))
    ));
}
