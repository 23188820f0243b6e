#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::facts::Seconds;
use std::ffi::OsString;
use std::path::Path;

fn wrong(text: &str) -> String {
    let error = Config::from_text(text, "redis-dr.yaml").unwrap_err();
    assert_eq!(error.exit_code(), 2);
    let one = |d: &crate::yaml::Diag| {
        let hint = d.hint.as_ref().map(|h| format!(" | {h}"));
        format!("{}:{} {}{}", d.line, d.column, d.message, hint.unwrap_or_default())
    };
    error.diags.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn of_instance(lines: &str) -> String {
    wrong(&format!("version: 1\ninstances:\n  a:\n    address: h:1\n    {lines}\n"))
}

#[test]
fn the_example_parses_and_says_what_it_shows() {
    let config = Config::from_text(EXAMPLE, "redis-dr.yaml").unwrap_or_else(|e| panic!("{e}"));
    let one = &config.instances["cache-1"];
    assert_eq!(one.address, Address::default());
    assert_eq!(one.service, Some(Service::Systemd("redis-server.service".into())));
    assert_eq!(one.topology, Some(Topology::Word(TopologyWord::Standalone)));
    assert_eq!(one.vault_dir, None);
    assert_eq!(one.policy.max_risk, Risk::Medium);
    assert_eq!(one.policy.max_loss, Seconds(900.0));
    assert_eq!(one.hooks.on_end.as_ref().unwrap().timeout, Seconds(10.0));
    assert_eq!(config.stores["nightly"].dir, Path::new("/backup/redis"));
}

#[test]
fn each_policy_key_has_its_own_default() {
    let text = "version: 1\ninstances:\n  a: {address: 'h:1'}\n  b: {address: 'h:2', policy: {max_risk: high, max_recoveries: {count: 9}}}\n";
    let config = Config::from_text(text, "x").unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(config.instances["a"], Instance::at("h:1".parse().unwrap()));
    let policy = config.instances["a"].policy;
    assert_eq!((policy.max_risk, policy.max_loss, policy.probe), (Risk::Low, Seconds(0.0), true));
    assert_eq!(policy.max_recoveries, MaxRecoveries { count: 3, within: Seconds(3600.0) });
    let policy = config.instances["b"].policy;
    assert_eq!((policy.max_risk, policy.max_loss), (Risk::High, Seconds(0.0)));
    assert_eq!(policy.max_recoveries, MaxRecoveries { count: 9, within: Seconds(3600.0) });
    assert!(Risk::Low < Risk::Medium && Risk::Medium < Risk::High);
}

#[test]
fn every_form_is_read() {
    let text = "version: 1\ninstances:\n  a:\n    address: unix:/run/r.sock\n    service: {process: {}}\n    topology: {replicas: ['h:2'], sentinels: ['[::1]:26379'], master_name: m}\n    auth: {password_env: X}\n  b:\n    address: '[::1]:1'\n    service: {command: {start: [a], stop: [/b, c], status: [d]}}\n    topology: cluster\n    role: cache\n";
    let config = Config::from_text(text, "x").unwrap_or_else(|e| panic!("{e}"));
    assert!(matches!(config.instances["a"].topology, Some(Topology::Replicated(_))));
    assert!(matches!(config.instances["b"].service, Some(Service::Command(_))));
    assert_eq!(config.instances["b"].role, Role::Cache);
}

#[test]
fn mistakes_at_the_top() {
    let table = [
        ("instances: {}\n", "1:1 the document needs `version`"),
        ("version: 2\n", "1:10 version 2 is not one this program reads | write version: 1"),
        ("version: 1\nstate_dri: /x\n", "2:1 unknown key `state_dri` | did you mean `state_dir`?"),
        ("version: 1\nstate_dir: var\n", "2:12 `state_dir` must be an absolute path"),
        (
            "version: 1\nrunbooks: [~/x]\n",
            "2:12 `runbooks` must be an absolute path | `~` and variables are not expanded; write the path out",
        ),
        (
            "version: 1\nstores: {n: {s3: 's3://b', region: x}}\n",
            "2:14 store `n`: this version does not serve `s3` stores | name a directory, local or mounted: { dir: /backup/redis }",
        ),
        ("version: 1\nstores: {n: {}}\n", "2:10 `n` needs `dir`"),
        (
            "version: 1\nstores: {a/b: {dir: /x}}\n",
            "2:10 the store name may have letters, digits, `.`, `_` and `-` only, and begins with neither `.` nor `-`",
        ),
        (
            "version: 1\ninstances: {..: {address: 'h:1'}}\n",
            "2:13 the instance name may have letters, digits, `.`, `_` and `-` only, and begins with neither `.` nor `-`",
        ),
        ("version: 1\ninstances: {a: {}}\n", "2:13 `a` needs `address`"),
        ("version: 1\nstate_dir: \"/x\\e[31m\"\n", "2:12 a control character or line break is not allowed here"),
    ];
    for (text, want) in table {
        assert_eq!(wrong(text), want, "{text:?}");
    }
}

#[test]
fn mistakes_in_an_instance() {
    let table = [
        (
            "host: ssh://db-7",
            "5:5 this version serves only servers on this machine; `host` is not served | run redis-dr on the host of the server",
        ),
        (
            "password: x",
            "5:5 a password is never written in the configuration | put it in a file of mode 0600 and name it: auth: { password_file: /etc/redis-dr/NAME.pass }",
        ),
        (
            "auth: { user: dr, password: x }",
            "5:23 a password is never written in the configuration | put it in a file of mode 0600 and name it: auth: { password_file: /etc/redis-dr/NAME.pass }",
        ),
        (
            "auth: hunter2",
            "5:5 a password is never written in the configuration | put it in a file of mode 0600 and name it: auth: { password_file: /etc/redis-dr/NAME.pass }",
        ),
        ("auth: { user: dr }", "5:11 `auth` needs `password_file` or `password_env`"),
        (
            "auth: { password_file: /x, password_env: X }",
            "5:32 `password_file` and `password_env` together | keep one of them",
        ),
        (
            "auth: { password_env: 's3 cret' }",
            "5:13 `password_env` must be the name of an environment variable | the variable's name goes here, not the password",
        ),
        ("auth: { password_file: x }", "5:28 `password_file` must be an absolute path"),
        ("tls: { cert: /x }", "5:12 `cert` needs `key` beside it"),
        (
            "service: { docker: redis }",
            "5:16 this version does not serve `docker` services | use { command: {start: [..], stop: [..], status: [..]} } with docker's own commands",
        ),
        ("service: { sytemd: x.service }", "5:16 unknown key `sytemd` in `service` | did you mean `systemd`?"),
        ("service: { systemd: redis }", "5:25 the unit must end in `.service` | write redis.service"),
        ("service: { systemd: '-x y' }", "5:25 `systemd` must be the name of a unit"),
        ("service: process", "5:14 `process` in `service` needs a value | write `process: {..}`"),
        (
            "service: { command: { start: [], stop: [a b], status: [./c] } }",
            "5:34 `start` names no program\n5:44 `stop` is a list of arguments, not a shell line | write each argument as its own item: [program, argument, ..]\n5:59 `status`: the program must be an absolute path or a bare name",
        ),
        ("service: { command: { start: [a] } }", "5:16 `command` needs `stop`\n5:16 `command` needs `status`"),
        ("run_as: -x", "5:13 `run_as` must be the name of a user"),
        ("run_as: 1000", "5:13 `run_as` must be text, not the number `1000` | quote it: \"1000\""),
        (
            "topology: standalon",
            "5:15 `topology` must be `standalone` or `cluster` or a map, not the text `standalon` | did you mean `standalone`?",
        ),
        ("topology: { replica: [] }", "5:17 unknown key `replica` in `topology` | did you mean `replicas`?"),
        ("topology: { replicas: [h] }", "5:28 `address`: the port is missing | write h:6379"),
        (
            "role: databse",
            "5:11 `role` must be `database` or `cache`, not the text `databse` | did you mean `database`?",
        ),
        ("stores: [nightly]", "5:14 no such store | define it under `stores:` at the top"),
        ("policy: { max_risk: extreme }", "5:25 `max_risk` must be `low`, `medium` or `high`, not the text `extreme`"),
        ("policy: { max_loss: 15 }", "5:25 `max_loss` is a duration and needs a unit | write `15s`"),
        (
            "policy: { max_loss: 1M }",
            "5:25 `max_loss`: `1M` is not a duration: write a number with ms, s, m, h or d, such as 30s",
        ),
        ("policy: { max_recoveries: 3 }", "5:31 `max_recoveries` must be a map, not the number `3`"),
        ("policy: { probe: no }", "5:22 `probe` must be true or false, not the text `no` | write false"),
        (
            "hooks: { on_end: { run: notify } }",
            "5:29 `run` must be a list, not the text `notify` | write it as a list: [..]",
        ),
        ("hooks: { on_ende: { run: [x] } }", "5:14 unknown key `on_ende` in `hooks` | did you mean `on_end`?"),
        ("vault_dir: x", "5:16 `vault_dir` must be an absolute path"),
        ("address: h:2", "5:5 duplicate key `address` | it is first given on line 4"),
    ];
    for (lines, want) in table {
        assert_eq!(of_instance(lines), want, "{lines:?}");
    }
}

#[test]
fn store_names_are_compared() {
    let text = "version: 1\nstores: {nightly: {dir: /b}}\ninstances: {a: {address: 'h:1', stores: [nigthly]}}\n";
    assert_eq!(wrong(text), "3:42 no such store | did you mean `nightly`?");
}

#[test]
fn every_mistake_is_shown_with_its_line() {
    let text = "version: 1\ninstances:\n  a:\n    adress: 127.0.0.1\n    role: cach\n";
    let error = Config::from_text(text, "/etc/redis-dr/redis-dr.yaml").unwrap_err();
    assert_eq!(
        error.to_string(),
        "error: `a` needs `address`\n --> /etc/redis-dr/redis-dr.yaml:3:3\n  |\n3 |   a:\n  |   ^\n\n\
         error: unknown key `adress` in `a`\n --> /etc/redis-dr/redis-dr.yaml:4:5\n  |\n4 |     adress: 127.0.0.1\n  |     ^^^^^^\nhint: did you mean `address`?\n\n\
         error: `role` must be `database` or `cache`, not the text `cach`\n --> /etc/redis-dr/redis-dr.yaml:5:11\n  |\n5 |     role: cach\n  |           ^^^^\nhint: did you mean `cache`?"
    );
    assert_eq!(error.lines()[1], "/etc/redis-dr/redis-dr.yaml:4:5: unknown key `adress` in `a`");
    assert_eq!(error.hint(), Some("did you mean `address`?"));
}

#[test]
fn no_error_repeats_a_password() {
    for line in [
        "password: s3cret",
        "auth: s3cret",
        "auth: { password: s3cret, usr: x }",
        "auth: { \"password\" : 's3cret' }",
        "auth: { password_env: s3-cret, s3: 1, s3cret: 1 }",
        "address: redis://:s3cret@h:1",
        "PASSWORD: @s3cret",
        "password: [s3cret",
    ] {
        let text = format!("version: 1\ninstances:\n  a:\n    {line}\n");
        let error = Config::from_text(&text, "x").unwrap_err();
        let shown = format!("{error}\n{:?}", error.lines());
        let shown = shown.replace("unknown key `s3cret`", "");
        assert!(!shown.contains("s3cret") && !shown.contains("s3-cret"), "{shown}");
    }
}

#[test]
fn addresses() {
    for text in ["127.0.0.1:6379", "redis.example:1", "[::1]:6379", "unix:/run/redis.sock"] {
        assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
    }
    let table = [
        (
            "redis://h:1",
            "an address is HOST:PORT or unix:PATH, not a URI",
            "write HOST:PORT; user, password file and TLS go under `auth` and `tls`",
        ),
        ("h", "the port is missing", "write h:6379"),
        ("6379", "the host is missing", "write 127.0.0.1:6379"),
        (":7000", "the host is missing", "write 127.0.0.1:7000"),
        ("::1:6379", "an IPv6 address needs brackets", "write [::1]:6379"),
        ("unix:x", "the path after `unix:` must be absolute", "write unix:/run/redis/redis.sock"),
        ("h:0", "the port must be a number from 1 to 65535", ""),
        ("h:+1", "the port must be a number from 1 to 65535", ""),
        ("h:70000", "the port must be a number from 1 to 65535", ""),
        ("a b:1", "the host has characters that no host name has", ""),
        ("[zz]:1", "the host has characters that no host name has", ""),
    ];
    for (text, want, hint) in table {
        let error = text.parse::<Address>().unwrap_err();
        assert_eq!(error.to_string(), want, "{text}");
        assert_eq!(error.hint().unwrap_or_default(), hint, "{text}");
    }
    assert!("127.0.0.2:1".parse::<Address>().unwrap().is_local());
    assert!(!"10.0.0.1:1".parse::<Address>().unwrap().is_local());
}

fn env(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<OsString> {
    move |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| v.into())
}

#[test]
fn the_config_in_force() {
    let all = |_: &Path| true;
    let full = env(&[("REDIS_DR_CONFIG", "/e.yaml"), ("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")]);
    let some = env(&[("REDIS_DR_CONFIG", ""), ("XDG_CONFIG_HOME", "rel"), ("HOME", "/h")]);
    let none = |_: &str| None;
    let found = |p: Option<PathBuf>| p.map(|p| p.display().to_string()).unwrap_or_default();
    assert_eq!(found(lookup(Some(Path::new("f")), &full, true, &|_| false)), "f");
    assert_eq!(found(lookup(None, &full, true, &|_| false)), "/e.yaml");
    assert_eq!(found(lookup(None, &some, false, &all)), "./redis-dr.yaml");
    assert_eq!(found(lookup(None, &some, true, &all)), "/h/.config/redis-dr/redis-dr.yaml");
    assert_eq!(found(lookup(None, &none, true, &all)), "/etc/redis-dr/redis-dr.yaml");
    let etc = |p: &Path| p.starts_with("/etc");
    assert_eq!(found(lookup(None, &some, false, &etc)), "/etc/redis-dr/redis-dr.yaml");
    assert_eq!(lookup(None, &some, false, &|_| false), None);
    assert_eq!(found(default_state_dir(&some, true)), "/var/lib/redis-dr");
    assert_eq!(found(default_state_dir(&some, false)), "/h/.local/state/redis-dr");
    assert_eq!(default_state_dir(&none, false), None);
}

#[test]
fn what_root_may_act_on() {
    let stat = |path: &str, uid, mode| Stat { path: path.into(), uid, mode };
    let fine = [stat("/etc", 0, 0o40755), stat("/tmp", 0, 0o41777), stat("/g", 7, 0o40775)];
    assert_eq!(trust(&stat("/etc/r", 0, 0o100_644), &fine), Ok(()));
    let table = [
        (
            stat("/r", 7, 0o644),
            "/r belongs to user id 7, not to root; as root it is not acted on",
            "read it, then: chown root /r && chmod go-w /r",
        ),
        (
            stat("/r", 0, 0o664),
            "/r can be written by its group (mode 0664); as root it is not acted on",
            "read it, then: chmod go-w /r",
        ),
        (
            stat("/r", 0, 0o646),
            "/r can be written by others (mode 0646); as root it is not acted on",
            "read it, then: chmod go-w /r",
        ),
        (
            stat("/r", 0, 0o666),
            "/r can be written by its group and others (mode 0666); as root it is not acted on",
            "read it, then: chmod go-w /r",
        ),
    ];
    for (file, want, hint) in table {
        let error = trust(&file, &fine).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.hint().as_str()), (want, hint));
        assert_eq!(error.exit_code(), 2);
    }
    let error = trust(&stat("/o/r", 0, 0o600), &[stat("/o", 0, 0o40777)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the directory /o can be written by everybody (mode 0777); as root nothing below it is acted on"
    );
    assert_eq!(error.hint(), "chmod o-w /o");
}

#[test]
fn secrets_do_not_show() {
    let secret = Secret::from_file_bytes(b"two\nlines\n\n").unwrap();
    assert_eq!(secret.expose(), "two\nlines\n");
    assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
    assert!(Secret::from_file_bytes(&[0xff]).is_none());
}

#[test]
fn which_instance() {
    let read = |names: &[&str]| {
        let all: String = names.iter().enumerate().map(|(i, n)| format!("{n}: {{address: 'h:{}'}}, ", i + 1)).collect();
        Config::from_text(&format!("version: 1\ninstances: {{{all}}}\n"), "x").unwrap_or_else(|e| panic!("{e}"))
    };
    let (none, one, two) = (read(&[]), read(&["a"]), read(&["cache-1", "queue"]));
    assert_eq!(none.pick(None).unwrap(), Pick::Address(Address::default()));
    assert!(matches!(one.pick(None).unwrap(), Pick::Named("a", _)));
    assert!(matches!(two.pick(Some("h:2")).unwrap(), Pick::Named("queue", _)));
    assert!(matches!(two.pick(Some("h:9")).unwrap(), Pick::Address(_)));
    let shown = |e: PickError| format!("{e} | {}", e.hint());
    assert_eq!(
        shown(two.pick(None).unwrap_err()),
        "which instance? The configuration has cache-1, queue | name one, for example: cache-1"
    );
    assert_eq!(
        shown(two.pick(Some("cache1")).unwrap_err()),
        "no instance `cache1` in the configuration | did you mean `cache-1`?"
    );
    assert_eq!(
        shown(two.pick(Some("zz")).unwrap_err()),
        "no instance `zz` in the configuration | it has cache-1, queue; HOST:PORT or unix:PATH work too"
    );
    assert_eq!(
        shown(none.pick(Some("zz")).unwrap_err()),
        "no instance `zz` in the configuration | it has no instances; give HOST:PORT or unix:PATH"
    );
}

#[test]
fn the_schema_names_every_key() {
    let schema = schema();
    let keys = |s: &serde_json::Value| s["properties"].as_object().unwrap().len();
    assert_eq!(keys(&schema), 6);
    assert_eq!(keys(&schema["$defs"]["Instance"]), 16);
    assert_eq!(schema["$defs"]["Risk"]["oneOf"].as_array().map(|a| a.len()), Some(3));
    let risks: Vec<_> =
        schema["$defs"]["Risk"]["oneOf"].as_array().unwrap().iter().map(|r| r["const"].as_str().unwrap()).collect();
    assert_eq!(risks, ["low", "medium", "high"]);
}
