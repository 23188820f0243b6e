//! Without a config: what the host itself says about its servers.
use crate::dr::{Output, finish};
use crate::lab::Lab;
use crate::sandbox::{Sandbox, wait_until};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

/// redis-dr without a config, in an empty directory, with a state directory of its own.
fn bare(server: &Sandbox, args: &[&str], env: &[(&str, &str)]) -> Output {
    let away = server.root().join("away");
    fs::create_dir_all(&away).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_redis-dr"));
    command.args(args).arg("--state-dir").arg(server.root().join("state")).current_dir(&away);
    command.env_remove("REDISCLI_AUTH").env_remove("REDIS_DR_CONFIG").env("NO_COLOR", "1");
    command.env("HOME", &away).env("XDG_CONFIG_HOME", away.join("config")).envs(env.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command.spawn().unwrap())
}

/// The facts about the server on a port.
fn facts(server: &Sandbox, args: &[&str]) -> serde_json::Value {
    let mut all = vec!["assess", "--json"];
    all.extend(args);
    bare(server, &all, &[]).exits(0).json()["facts"].clone()
}

fn ready(server: &Sandbox) {
    wait_until("the server to answer", || server.ask(&["PING"]).is_some());
}

fn port_of(server: &Sandbox) -> String {
    server.port.to_string()
}

#[test]
fn an_odd_configuration_given_relatively_is_found_with_its_directory() {
    Lab::on_each(|mut server| {
        let conf = server.root().join("etc");
        fs::create_dir(&conf).unwrap();
        fs::write(conf.join("part.inc"), "dbfilename mine.rdb\nappendonly yes\nappendfilename mine.aof\n").unwrap();
        let text = format!("port {}\nbind 127.0.0.1\ninclude etc/part.inc\ndir ./data\n", server.port);
        fs::write(conf.join("odd.conf"), text).unwrap();
        let root = server.root().to_owned();
        server.launch_with(&["etc/odd.conf"], &root);
        ready(&server);
        let facts = facts(&server, &["-p", &port_of(&server)]);
        let config = &facts["config"];
        assert_eq!(config["file"], conf.join("odd.conf").to_str().unwrap());
        // a relative dir counts from where the server was started, not from its configuration
        assert_eq!(config["data_dir"], server.data().to_str().unwrap());
        assert_eq!((&config["dbfilename"], &config["appendfilename"]), (&"mine.rdb".into(), &"mine.aof".into()));
        let findings = facts["findings"]["ids"].to_string();
        assert!(!findings.contains("mismatch") && !findings.contains("config."), "{findings}");
    });
}

#[test]
fn a_server_with_arguments_alone_is_known_by_what_it_says() {
    let mut server = Lab::new().sandbox();
    let (port, data) = (port_of(&server), server.data());
    server.launch_with(&["--port", &port, "--bind", "127.0.0.1", "--dir", data.to_str().unwrap()], &data);
    ready(&server);
    let facts = facts(&server, &["-p", &port]);
    assert_eq!((&facts["config"]["file"], &facts["config"]["state"]), (&serde_json::Value::Null, &"missing".into()));
    assert_eq!(facts["config"]["data_dir"], data.to_str().unwrap());
    assert_eq!(facts["server"]["answers"], true);
}

#[test]
fn a_server_on_a_socket_alone() {
    let mut server = Lab::new().sandbox();
    let socket = server.root().join("r.sock");
    server.configure(&format!("port 0\nunixsocket {}", socket.display()));
    let (conf, root) = (server.conf(), server.root().to_owned());
    server.launch_with(&[conf.to_str().unwrap()], &root);
    wait_until("the socket", || UnixStream::connect(&socket).is_ok());
    let facts = facts(&server, &["-s", socket.to_str().unwrap()]);
    assert_eq!(facts["config"]["file"], conf.to_str().unwrap());
    assert_eq!(facts["instance"]["address"], format!("unix:{}", socket.display()));
    bare(&server, &["assess"], &[]).exits(2).mentions(&format!("redis-dr assess unix:{}", socket.display()));
}

#[test]
fn the_password_is_found_beside_the_data_and_never_told() {
    Lab::on_each(|mut server| {
        server.configure("requirepass sesame");
        let (conf, root, port) = (server.conf(), server.root().to_owned(), port_of(&server));
        server.launch_with(&[conf.to_str().unwrap()], &root);
        ready(&server);
        let told = bare(&server, &["assess", "--json", "-p", &port], &[]);
        let facts = told.exits(0).json()["facts"].clone();
        assert_eq!((&facts["server"]["answers"], &facts["server"]["auth_failed"]), (&true.into(), &false.into()));
        assert_eq!(facts["config"]["file"], conf.to_str().unwrap());
        assert!(!told.stdout.contains("sesame"), "{told}");
        // a wrong one that was given is not answered by trying another
        let wrong = bare(&server, &["assess", "--json", "-p", &port], &[("REDISCLI_AUTH", "wrong")]);
        assert_eq!(wrong.exits(0).json()["facts"]["server"]["auth_failed"], true);
        let file = server.root().join("pass");
        fs::write(&file, "sesame\n").unwrap();
        let given = bare(&server, &["assess", "--json", "-p", &port, "--password-file", file.to_str().unwrap()], &[]);
        assert_eq!(given.exits(0).json()["facts"]["server"]["auth_failed"], false);
        assert!(!given.stdout.contains("sesame") && !given.stderr.contains("sesame"));
    });
}

#[test]
fn several_servers_are_listed_with_the_command_for_each() {
    let lab = Lab::new();
    let (mut one, mut other) = (lab.sandbox(), lab.sandbox());
    one.start();
    other.start();
    let told = bare(&one, &["recover", "--auto"], &[]);
    told.exits(2).mentions("which server?").mentions("redis-dr init");
    for server in [&one, &other] {
        told.mentions(&format!("redis-dr recover 127.0.0.1:{}", server.port)).mentions(server.conf().to_str().unwrap());
    }
    let json = bare(&one, &["assess", "--json"], &[]).exits(2).json();
    assert_eq!((&json["schema"], &json["exit_code"]), (&"redis-dr/error/1".into(), &2.into()));
    assert_eq!(
        facts(&one, &[&format!("localhost:{}", other.port)])["config"]["data_dir"],
        other.data().to_str().unwrap()
    );
}

#[test]
fn a_remote_address_is_assessed_as_far_as_resp_reaches() {
    let mut server = Lab::new().sandbox();
    server.configure("bind 0.0.0.0\nprotected-mode no").start().fill(20);
    // an address that says nothing about this host, and leads to it
    let there = format!("0.0.0.0:{}", server.port);
    let told = bare(&server, &["assess", "--json", &there], &[]).exits(0).json();
    let facts = &told["facts"];
    assert_eq!((&facts["instance"]["files_visible"], &facts["server"]["answers"]), (&false.into(), &true.into()));
    assert!(facts["server"]["keys"].as_u64() > Some(0));
    let unknown = &facts["unknown"];
    assert!(unknown["config.state"].is_string() && unknown["process.state"].is_string(), "{unknown}");
    assert_eq!(told["decision"]["outcome"], "healthy");
    bare(&server, &["assess", &there], &[]).exits(0).mentions("another host");
    // what would need its files is refused with the reason
    let refused = bare(&server, &["plan", &there, "--runbook", "restart"], &[]);
    refused.exits(3).mentions("another host");
}

#[test]
fn init_writes_a_config_that_works_and_holds_no_password() {
    let mut server = Lab::new().sandbox();
    server.configure("requirepass sesame");
    let (conf, root) = (server.conf(), server.root().to_owned());
    server.launch_with(&[conf.to_str().unwrap()], &root);
    ready(&server);
    let to = server.root().join("made/dr.yaml");
    let to_text = to.to_str().unwrap();
    let told = bare(&server, &["init", "-o", to_text, "--json"], &[]).exits(0).json();
    assert_eq!((&told["schema"], &told["path"]), (&"redis-dr/init/1".into(), &to_text.into()));
    let address = format!("127.0.0.1:{}", server.port);
    let rows = told["instances"].as_array().unwrap();
    let row = rows.iter().find(|row| row["address"] == address).expect("our server is listed");
    assert_eq!((&row["config_file"], &row["running"]), (&conf.to_str().unwrap().into(), &true.into()));

    let text = fs::read_to_string(&to).unwrap();
    assert!(!text.contains("sesame") && text.contains("password_file"), "{text}");
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    let name = row["name"].as_str().unwrap();
    let facts = bare(&server, &["assess", name, "-c", to_text, "--json"], &[]).exits(0).json()["facts"].clone();
    assert_eq!((&facts["server"]["answers"], &facts["instance"]["name"]), (&true.into(), &name.into()));
    assert_eq!(facts["config"]["data_dir"], server.data().to_str().unwrap());

    // never over a file that is there
    bare(&server, &["init", "-o", to_text], &[]).exits(2).mentions("-o");
    assert_eq!(fs::read_to_string(&to).unwrap(), text);
    // several in it: the command for each
    bare(&server, &["init", "-o", "-"], &[]).exits(0).mentions("instances:").mentions(&address);
}

#[test]
fn init_says_standalone_only_without_a_sign_of_replication() {
    let lab = Lab::new();
    let (mut primary, mut replica) = (lab.sandbox(), lab.sandbox());
    primary.start();
    replica.configure(&format!("replicaof 127.0.0.1 {}", primary.port)).start();
    wait_until("the replica to be seen", || primary.info("connected_slaves").as_deref() == Some("1"));
    let text = bare(&primary, &["init", "-o", "-"], &[]).exits(0).stdout.clone();
    let part = |port: u16| {
        let at = text.find(&format!("address: \"127.0.0.1:{port}\"")).expect("it is listed");
        text[at..].split("\n\n").next().unwrap().to_string()
    };
    for server in [&primary, &replica] {
        let part = part(server.port);
        assert!(part.contains("# topology:") && !part.contains("\n    topology:"), "{part}");
        assert!(part.contains("signs of replication"), "{part}");
    }
    let mut alone = lab.sandbox();
    alone.start();
    let told = bare(&alone, &["init", "-o", "-"], &[]).exits(0).stdout.clone();
    let at = told.find(&format!("address: \"127.0.0.1:{}\"", alone.port)).unwrap();
    assert!(told[at..].split("\n\n").next().unwrap().contains("\n    topology: standalone"), "{told}");
}

#[test]
fn of_a_server_that_is_down_and_that_nothing_names_nothing_is_assumed() {
    let server = Lab::new().sandbox();
    let told = bare(&server, &["assess", "--json", "-p", &port_of(&server)], &[]).exits(0).json();
    let facts = &told["facts"];
    for (group, name) in [("config", "data_dir"), ("config", "appendonly"), ("config", "start_loads"), ("disk", "free")]
    {
        assert!(facts[group][name].is_null(), "{group}.{name}: {}", facts[group][name]);
    }
    for name in ["config.data_dir", "files.rdb.state", "files.aof.state", "log.fatal"] {
        assert!(facts["unknown"][name].is_string(), "{name}: {}", facts["unknown"]);
    }
    let findings = told["findings"].as_array().unwrap();
    let id = |f: &serde_json::Value| f["id"].as_str().unwrap().to_owned();
    for finding in findings.iter().filter(|f| id(f).starts_with("config.") || id(f).starts_with("files.")) {
        assert_eq!(finding["id"], "config.missing", "{finding}");
        assert_eq!(finding["title"], "its configuration is not known");
        assert!(finding["hint"].as_str().unwrap().contains("config_file"), "{finding}");
    }
    assert!(findings.iter().any(|f| f["id"] == "config.missing"), "{findings:?}");
}
