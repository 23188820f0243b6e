#![allow(clippy::unwrap_used)]
use super::*;
use std::fs;

/// A root of its own, with these files; contents see the root as `@`.
fn host(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace('@', &root.path().display().to_string())).unwrap();
    }
    root
}

fn installed(root: &Path) -> Vec<Found> {
    let mut out = Discovered::default();
    installed::servers(&Look::new(), root, &mut out).iter().filter_map(installed::Installed::found).collect()
}

const DEBIAN: &str = "[Unit]\nDescription=x\n[Service]\nType=notify\nUser=redis\n\
                      ExecStart=/usr/bin/redis-server @/etc/redis/redis.conf --supervised systemd --daemonize no\n";

#[test]
fn debians_unit_and_its_file_are_one_server() {
    let root = host(&[
        ("lib/systemd/system/redis-server.service", DEBIAN),
        ("lib/systemd/system/other.service", "[Service]\nExecStart=/bin/true redis-server\n"),
        ("etc/redis/redis.conf", "port 7001\ndir /var/lib/redis\nbind 127.0.0.1 -::1\n"),
        ("etc/redis/sentinel.conf", "port 26379\nsentinel monitor m 127.0.0.1 6379 2\n"),
    ]);
    std::os::unix::fs::symlink(
        root.path().join("lib/systemd/system/redis-server.service"),
        root.path().join("lib/systemd/system/redis.service"),
    )
    .unwrap();
    let all = installed(root.path());
    assert_eq!(all.len(), 1, "{all:?}");
    let one = &all[0];
    assert_eq!(one.address.to_string(), "127.0.0.1:7001");
    assert_eq!((one.unit.as_deref(), one.user.as_deref()), (Some("redis-server.service"), Some("redis")));
    assert_eq!(one.config_file, Some(root.path().join("etc/redis/redis.conf")));
    assert_eq!((one.pid, one.data_dir.as_deref()), (None, Some(Path::new("/var/lib/redis"))));
}

#[test]
fn a_template_stands_for_every_file_that_is_there() {
    let unit = "[Service]\nUser=redis\nExecStart=-/opt/v/bin/valkey-server \\\n  @/etc/valkey/valkey-%i.conf\n";
    let root = host(&[
        ("etc/systemd/system/valkey-server@.service", unit),
        ("etc/valkey/valkey-a.conf", "port 7002\n"),
        ("etc/valkey/valkey-b.conf", "port 0\nunixsocket @/run/b.sock\n"),
        ("etc/systemd/system/valkey-server@a.service.d/x.conf", "[Service]\nUser=ann\n"),
    ]);
    let all = installed(root.path());
    let names: Vec<_> = all.iter().map(|f| (f.unit.clone().unwrap(), f.address.to_string())).collect();
    assert_eq!(names[0], ("valkey-server@a.service".into(), "127.0.0.1:7002".into()));
    assert_eq!(names[1].0, "valkey-server@b.service");
    assert!(names[1].1.starts_with("unix:") && names.len() == 2, "{names:?}");
    assert_eq!(all[0].program.as_deref(), Some(Path::new("/opt/v/bin/valkey-server")));
}

#[test]
fn files_without_a_unit_count_but_not_what_they_include() {
    let root = host(&[
        ("etc/redis.conf", "include @/etc/redis/common.conf\nport 7003\n"),
        ("etc/redis/common.conf", "dir /srv\nappendonly yes\n"),
        ("etc/redis/notes.conf", "this is not a server's\nnor this\nport of call\n"),
        ("etc/redis/secure.conf", "port 0\ntls-port 7004\ntls-ca-cert-file /x/ca.crt\nbind 10.0.0.9\n"),
    ]);
    let all = installed(root.path());
    let at: Vec<_> = all.iter().map(|f| f.address.to_string()).collect();
    assert_eq!(at, ["127.0.0.1:7003", "10.0.0.9:7004"]);
    assert_eq!(all[0].data_dir.as_deref(), Some(Path::new("/srv")));
    assert_eq!(all[1].tls.as_ref().unwrap().ca.as_deref(), Some(Path::new("/x/ca.crt")));
}

#[test]
fn a_drop_in_replaces_the_start_command_and_options_alone_are_enough() {
    let root = host(&[
        ("usr/lib/systemd/system/cache.service", "[Service]\nExecStart=/usr/bin/redis-server /nowhere.conf\n"),
        (
            "etc/systemd/system/cache.service.d/own.conf",
            "[Service]\nExecStart=\nExecStart=/usr/bin/redis-server --port 7005 --dir /srv/cache\nWorkingDirectory=/srv\n",
        ),
    ]);
    let all = installed(root.path());
    assert_eq!(all[0].address.to_string(), "127.0.0.1:7005");
    assert_eq!((all[0].config_file.as_ref(), all[0].data_dir.as_deref()), (None, Some(Path::new("/srv/cache"))));
}

#[test]
fn an_address_of_this_host_is_chosen() {
    let words = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(reachable(&[]), "127.0.0.1");
    assert_eq!(reachable(&words(&["10.0.0.1", "127.0.0.1"])), "127.0.0.1");
    assert_eq!(reachable(&words(&["*", "-::*"])), "127.0.0.1");
    assert_eq!(reachable(&words(&["::1"])), "::1");
    assert_eq!(reachable(&words(&["10.0.0.1"])), "10.0.0.1");
}
