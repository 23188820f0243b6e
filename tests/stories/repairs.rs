//! What is wrong is not the data: a configuration that the server refuses, rights that it lacks, an AOF that is off.
use crate::lab::Lab;
use crate::nobody::{give, server_for_nobody};
use crate::sandbox::Sandbox;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::chown;
use std::path::Path;
use std::path::PathBuf;

/// Bytes of the data files, by path.
fn data(server: &Sandbox) -> Vec<(PathBuf, Vec<u8>)> {
    server.files().into_iter().filter(|(path, _)| path.starts_with(server.data())).collect()
}

#[test]
fn a_typo_and_a_directive_of_another_version_become_comments() {
    Lab::on_each(|mut server| {
        server.start().fill(300);
        let digest = server.digest();
        server.kill9();
        let good = fs::read_to_string(server.conf()).unwrap();
        let include = server.root().join("tuning.conf");
        fs::write(&include, "tcp-keepalive 300\nhash-max-zipmap-entries 512\n").unwrap();
        server.configure(&format!("include {}\ntcp-keepaliv 300", include.display()));
        let plan = server.redis_dr(&["plan", "demo"]);
        plan.exits(0).mentions("did you mean tcp-keepalive?").mentions("tuning.conf:2");
        server.recover_auto().recovered_by("fix-config");
        assert_eq!(server.digest(), digest);
        let now = fs::read_to_string(server.conf()).unwrap();
        assert!(now.starts_with(&good) && now.ends_with("\n# tcp-keepaliv 300\n"), "{now}");
        assert!(now.contains("refuses the next line: Bad directive"), "{now}");
        let tuning = fs::read_to_string(include).unwrap();
        assert!(tuning.starts_with("tcp-keepalive 300\n# redis-dr "), "{tuning}");
        assert!(tuning.ends_with("\n# hash-max-zipmap-entries 512\n"), "{tuning}");
        server.writes_survive_kill9();
    });
}

#[test]
fn a_line_that_may_decide_over_the_data_is_a_persons_to_mend() {
    let mut server = Lab::new().sandbox();
    server.start().fill(50).kill9();
    for line in ["appendonyl yes", "requirepas hunter2", "dir \"/unbalanced"] {
        let good = fs::read(server.conf()).unwrap();
        server.configure(line);
        let before = server.files();
        let output = server.recover_auto();
        output.exits(3).mentions(line.split(' ').next().unwrap());
        assert!(!output.stdout.contains("hunter2") && !output.stderr.contains("hunter2"));
        assert!(server.files() == before && !server.running());
        fs::write(server.conf(), good).unwrap();
    }
}

#[test]
fn what_only_the_server_knows_to_refuse_is_rolled_back() {
    let mut server = Lab::new().sandbox();
    server.start().fill(50).kill9();
    // Our table lets this one through: only the server knows the format.
    server.configure("tcp-keepaliv 300\nclient-output-buffer-limit nobody 1 2 3");
    let before = fs::read(server.conf()).unwrap();
    server.recover_auto().exits(1).mentions("still refuses its configuration");
    assert_eq!(fs::read(server.conf()).unwrap(), before);
    assert!(!server.running());
}

/// A server that the user `nobody` may run, and its sandbox made open to that user; none where there is no such thing.
pub fn for_nobody() -> Option<Sandbox> {
    let tree = server_for_nobody(&Lab::new()).inspect_err(|why| eprintln!("-- LEFT OUT: {why}")).ok()?;
    let mut server = Sandbox::new(&tree);
    server.instance("run_as: nobody\npolicy: { max_risk: high, max_loss: 1h }");
    server.configure(&format!("logfile {0}/redis.log\npidfile {0}/redis.pid", server.data().display()));
    fs::set_permissions(server.root(), fs::Permissions::from_mode(0o755)).unwrap();
    Some(server)
}

#[test]
fn a_wrong_owner_is_put_right_and_the_data_is_untouched() {
    let Some(mut server) = for_nobody() else { return };
    server.start().fill(300);
    let digest = server.digest();
    server.kill9();
    give(&server.data(), "nobody");
    let aof = server.aof_tail().parent().unwrap().to_path_buf();
    let wrong = if aof == server.data() { server.aof_tail() } else { aof };
    give(&wrong, "root");
    fs::set_permissions(server.aof_tail(), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(server.conf(), fs::Permissions::from_mode(0o600)).unwrap();
    let before = data(&server);
    let run = server.recover_auto().recovered_by("fix-permissions");
    assert_eq!(run["loss_seconds"], 0.0);
    assert_eq!(server.digest(), digest);
    for (path, bytes) in before.iter().filter(|(path, _)| path.starts_with(&wrong)) {
        let now = fs::read(path).unwrap();
        assert!(now.starts_with(bytes), "{} is not what it was", path.display());
    }
    let conf = fs::metadata(server.conf()).unwrap();
    assert_eq!((std::os::unix::fs::MetadataExt::uid(&conf), conf.permissions().mode() & 0o777), (0, 0o640));
}

#[test]
fn rights_are_given_back_when_the_start_fails() {
    let Some(mut server) = for_nobody() else { return };
    server.start().fill(50).kill9();
    give(&server.data(), "nobody");
    give(&server.aof_tail(), "root");
    fs::set_permissions(server.aof_tail(), fs::Permissions::from_mode(0o600)).unwrap();
    // Taken by nobody the server knows of: the start fails after the rights were set.
    server.configure("client-output-buffer-limit nobody 1 2 3");
    server.recover_auto().exits(1);
    let now = fs::metadata(server.aof_tail()).unwrap();
    assert_eq!((std::os::unix::fs::MetadataExt::uid(&now), now.permissions().mode() & 0o777), (0, 0o600));
}

/// Gives a path an extended attribute: an ACL in the kernel's own form, or a label.
fn attribute(path: &Path, name: &str, value: &[u8]) {
    rustix::fs::setxattr(path, name, value, rustix::fs::XattrFlags::empty()).unwrap();
}

fn attribute_of(path: &Path, name: &str) -> Vec<u8> {
    let mut value = vec![0_u8; 1024];
    let len = rustix::fs::getxattr(path, name, value.as_mut_slice()).unwrap_or(0);
    value.truncate(len);
    value
}

const ACL: &str = "system.posix_acl_access";
const LABEL: &str = "security.selinux";

/// `user::rw-,user:65534:NAMED,group::r--,mask::MASK,other::r--`, as the kernel keeps it.
fn acl(named: u8, mask: u8) -> Vec<u8> {
    let entry = |tag: u8, bits: u8, id: u32| [&[tag, 0, bits, 0][..], &id.to_le_bytes()].concat();
    let none = u32::MAX;
    let all = [entry(1, 6, none), entry(2, named, 65534), entry(4, 4, none), entry(16, mask, none), entry(32, 4, none)];
    [&[2, 0, 0, 0][..], &all.concat()].concat()
}

#[test]
fn an_acl_that_shuts_the_server_out_is_put_right_and_given_back() {
    let Some(mut server) = for_nobody() else { return };
    assert_eq!(nix::unistd::User::from_name("nobody").unwrap().unwrap().uid.as_raw(), 65534);
    server.start().fill(300);
    let digest = server.digest();
    server.kill9();
    give(&server.data(), "nobody");
    // The bits let all others read it; the ACL names the one user that may not.
    fs::set_permissions(server.conf(), fs::Permissions::from_mode(0o644)).unwrap();
    let (conf, tail) = (server.conf(), server.aof_tail());
    attribute(&conf, ACL, &acl(0, 4));
    // Somebody's chmod made the mask too narrow for the server that the ACL lets in.
    chown(&tail, Some(0), Some(0)).unwrap();
    attribute(&tail, ACL, &acl(6, 4));
    attribute(&tail, LABEL, b"system_u:object_r:admin_home_t:s0\0");
    attribute(&server.data(), LABEL, b"system_u:object_r:redis_var_lib_t:s0\0");
    let (conf_was, tail_was) = (attribute_of(&conf, ACL), attribute_of(&tail, ACL));
    let document = server.finds_first("files.permission");
    let evidence = document["findings"][0]["evidence"].to_string();
    assert!(evidence.contains("ACL user::rw-,user:65534:---,group::r--,mask::r--,other::r--"), "{evidence}");
    let plan = server.redis_dr(&["plan", "demo"]);
    plan.exits(0).mentions("becomes user::rw-,user:65534:r--,group::r--,mask::r--,other::r--");
    server.recover_auto().recovered_by("fix-permissions");
    assert_eq!(server.digest(), digest);
    assert_eq!(attribute_of(&conf, ACL), acl(4, 4), "nobody else got anything");
    assert_eq!(attribute_of(&tail, LABEL), b"system_u:object_r:admin_home_t:s0\0", "the label stays");
    server.redis_dr(&["runs", "rollback", "last", "--confirm", "demo", "--discard-writes", "--json"]).exits(0);
    assert_eq!((attribute_of(&conf, ACL), attribute_of(&tail, ACL)), (conf_was, tail_was), "as they were");
    assert_eq!(attribute_of(&tail, LABEL), b"system_u:object_r:admin_home_t:s0\0");
}

#[test]
fn a_file_that_is_replaced_keeps_its_acl_and_its_label() {
    let mut server = Lab::new().sandbox();
    if !nix::unistd::Uid::effective().is_root() {
        return eprintln!("-- left out: labels can be set by root only");
    }
    server.start().fill(100).kill9().tear_aof_tail(3);
    let (tail, label) = (server.aof_tail(), b"system_u:object_r:redis_var_lib_t:s0\0");
    attribute(&tail, ACL, &acl(4, 4));
    attribute(&tail, LABEL, label);
    let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap());
    let was = inode(&tail);
    server.recover_auto().recovered_by("repair-aof");
    assert_ne!(inode(&server.aof_tail()), was, "it was replaced");
    assert_eq!(attribute_of(&server.aof_tail(), ACL), acl(4, 4));
    assert_eq!(attribute_of(&server.aof_tail(), LABEL), label);
}

#[test]
fn a_directory_above_that_shuts_the_server_out_is_a_persons_to_open() {
    let Some(mut server) = for_nobody() else { return };
    server.start().fill(50).kill9();
    give(&server.data(), "nobody");
    fs::set_permissions(server.root(), fs::Permissions::from_mode(0o700)).unwrap();
    let before = server.files();
    server.finds_first("files.permission");
    let output = server.recover_auto();
    output.exits(3).mentions("may not enter").mentions("a directory above the data is not ours to change");
    assert!(server.files() == before && !server.running());
}

#[test]
fn aof_is_switched_on_while_it_runs_and_off_again() {
    Lab::on_each(|mut server| {
        server.configure("appendonly no\nsave 3600 1").start().fill(400);
        let (digest, run_id) = (server.digest(), server.run_id());
        let args = ["recover", "demo", "--runbook", "enable-aof", "--confirm", "demo", "--json"];
        server.redis_dr(&args).recovered_by("enable-aof");
        assert_eq!(server.run_id(), run_id, "it was not restarted");
        assert_eq!(server.info("aof_enabled").as_deref(), Some("1"));
        assert!(fs::read_to_string(server.conf()).unwrap().contains("\nappendonly yes\n"));
        server.writes_survive_kill9();
        assert_eq!(server.digest(), digest);
    });
}

#[test]
fn aof_switched_on_can_be_taken_back() {
    let mut server = Lab::new().sandbox();
    server.configure("appendonly no\nsave 3600 1").start().fill(400);
    let (digest, conf) = (server.digest(), fs::read(server.conf()).unwrap());
    let args = ["recover", "demo", "--runbook", "enable-aof", "--confirm", "demo", "--json"];
    server.redis_dr(&args).recovered_by("enable-aof");
    server.redis_dr(&["runs", "rollback", "last", "--confirm", "demo", "--discard-writes"]).exits(0);
    assert_eq!(server.info("aof_enabled").as_deref(), Some("0"));
    assert_eq!(fs::read(server.conf()).unwrap(), conf);
    assert!(!server.aof_dir().exists(), "a stale AOF would win at a later start");
    assert_eq!(server.digest(), digest);
}
