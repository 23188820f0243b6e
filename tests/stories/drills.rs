//! Drills: every scenario really played, what a killed drill leaves, and where a drill refuses to work.
use crate::dr::{Output, finish};
use crate::lab::{Lab, Tree};
use crate::sandbox::{processes_in, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A place for drills: a state directory, a directory for sandboxes, no config.
struct Stage {
    root: tempfile::TempDir,
    tree: Tree,
}

impl Stage {
    fn new() -> Self {
        Self::on(Lab::new().usual())
    }

    fn on(tree: &Tree) -> Self {
        let root = tempfile::Builder::new().prefix("redis-dr-drills-").tempdir().unwrap();
        fs::create_dir(root.path().join("boxes")).unwrap();
        // the user nobody must be able to pass
        fs::set_permissions(root.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        Self { root, tree: tree.clone() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redis-dr"));
        command.args(args).arg("--state-dir").arg(self.path("state")).current_dir(self.root.path());
        command.env_clear().env("HOME", self.root.path()).env("XDG_CONFIG_HOME", self.path("none"));
        command.env("NO_COLOR", "1").env("TMPDIR", self.path("boxes")).env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn redis_dr(&self, args: &[&str]) -> Output {
        finish(self.command(args).spawn().unwrap())
    }

    /// `drill run` with the stage's server.
    fn drill(&self, args: &[&str]) -> Output {
        let bin = self.tree.bin.to_str().unwrap().to_owned();
        self.redis_dr(&[&["drill", "run", "--bin-dir", &bin], args].concat())
    }

    /// What is left of sandboxes.
    fn boxes(&self) -> Vec<PathBuf> {
        fs::read_dir(self.path("boxes")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    fn config(&self, text: &str) -> String {
        let path = self.path("redis-dr.yaml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path.display().to_string()
    }
}

/// Plays one scenario; it passes, or says what it needs, and leaves nothing.
fn plays(stage: &Stage, scenario: &str) -> Value {
    let output = stage.drill(&[scenario, "--json"]);
    let document = output.json();
    assert_eq!(document["schema"], "redis-dr/drill/1", "{output}");
    let card = document["drills"][0].clone();
    assert_eq!(card["scenario"], scenario, "{output}");
    assert!(stage.boxes().is_empty(), "the sandbox is gone: {:?}", stage.boxes());
    if card["verdict"] == "left_out" {
        eprintln!("-- left out: {scenario}: {}", card["because"]);
        assert!(output.code == Some(1) && !card["because"].as_str().unwrap().is_empty(), "{output}");
        return card;
    }
    assert_eq!((&card["verdict"], output.code), (&Value::from("passed"), Some(0)), "{output}");
    card
}

fn play(scenario: &str) -> Value {
    plays(&Stage::new(), scenario)
}

macro_rules! scenarios {
    ($($name:ident $id:literal)*) => {
        const PLAYED: &[&str] = &[$($id),*];
        $(#[test] fn $name() { play($id); })*
    };
}

scenarios! {
    aof_and_rdb_lost "aof-and-rdb-lost"
    aof_garbage "aof-garbage"
    aof_tail_torn "aof-tail-torn"
    aof_transaction_torn "aof-transaction-torn"
    aof_trap "aof-trap"
    bad_config "bad-config"
    classic_disaster "classic-disaster"
    disk_full "disk-full"
    disk_read_only "disk-read-only"
    flushed "flushed"
    manifest_lost "manifest-lost"
    newest_backup_damaged "newest-backup-damaged"
    newest_backup_empty "newest-backup-empty"
    out_of_memory "out-of-memory"
    port_taken "port-taken"
    port_taken_by_a_stray "port-taken-by-a-stray"
    power_loss "power-loss"
    process_hung "process-hung"
    rdb_corrupt "rdb-corrupt"
    saves_fail "saves-fail"
    started_empty "started-empty"
    stopped_on_purpose "stopped-on-purpose"
    total_loss "total-loss"
    wrong_permissions "wrong-permissions"
}

/// Told more closely below, on every server.
const PLAYED_ON_ALL: &[&str] = &["aof-lost", "process-killed"];

#[test]
fn every_scenario_is_played_here() {
    let mut shipped: Vec<String> = redis_dr::playbook::builtin_drills().into_iter().map(|s| s.id).collect();
    let mut played: Vec<&str> = [PLAYED, PLAYED_ON_ALL].concat();
    shipped.sort();
    played.sort_unstable();
    assert_eq!(shipped, played);
}

#[test]
fn on_every_server_the_score_tells_what_happened() {
    for tree in Lab::new().trees() {
        eprintln!("-- on {}", tree.name);
        let stage = Stage::on(tree);
        let card = plays(&stage, "process-killed");
        assert_eq!((&card["runbook"], &card["loss"]["keys_lost"]), (&Value::from("restart"), &Value::from(0)));
        let card = plays(&stage, "aof-lost");
        assert_eq!((&card["runbook"], &card["point"]), (&Value::from("restore-rdb-as-aof-base"), &Value::from("rdb")));
        let loss = &card["loss"];
        assert_eq!((&loss["keys_before"], &loss["keys_lost"]), (&Value::from(5020), &Value::from(20)), "{card:#}");
        assert!(loss["seconds"].as_f64().unwrap() > 0.0 && loss["percent"].as_f64().unwrap() < 1.0, "{card:#}");
        let time = |name: &str| card["times"][name].as_f64().unwrap_or_else(|| panic!("{name}: {card:#}"));
        let times = ["detect_seconds", "decide_seconds", "serve_seconds", "durable_seconds"].map(time);
        assert!(times.is_sorted() && times[0] > 0.0, "one after the other: {times:?}");
        let met = |id: &str| card["criteria"].as_array().unwrap().iter().any(|c| c["id"] == id && c["met"] == true);
        for id in [
            "outcome",
            "decision",
            "back_within",
            "loss_percent",
            "loss_possible",
            "admitted",
            "data",
            "gates",
            "durable",
        ] {
            assert!(met(id), "{id}: {card:#}");
        }
        assert!(card["runbook_sha256"].as_str().is_some_and(|digest| digest.len() == 64), "{card:#}");
    }
}

/// Servers at home somewhere below a directory.
fn servers_below(stage: &Stage) -> Vec<i32> {
    stage.boxes().iter().flat_map(|dir| processes_in(&dir.join("data"))).collect()
}

#[test]
fn what_a_killed_drill_left_is_removed_by_the_next_one_and_nothing_else_is() {
    let stage = Stage::new();
    // looks like a sandbox, and is on no record
    let other = stage.path("boxes").join("redis-dr-drill-somebody-elses");
    fs::create_dir_all(other.join("data")).unwrap();
    let (port, _claim) = crate::sandbox::free_port();
    let mut server = Command::new(&stage.tree.server)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .current_dir(other.join("data"))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let bin = stage.tree.bin.to_str().unwrap();
    let mut drill = stage.command(&["drill", "run", "--bin-dir", bin, "process-hung"]).spawn().unwrap();
    wait_until("the sandbox's server", || servers_below(&stage).len() == 2);
    drill.kill().unwrap();
    drill.wait().unwrap();
    assert_eq!(stage.boxes().len(), 2, "it could clear nothing away");
    let output = stage.drill(&["process-killed"]);
    output.exits(0).mentions("removed what an earlier drill left");
    assert_eq!(stage.boxes(), [other]);
    assert_eq!(servers_below(&stage), [i32::try_from(server.id()).unwrap()], "the other one still runs");
    assert!(fs::read_dir(stage.path("state/drills/open")).unwrap().next().is_none());
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn a_drill_at_work_is_left_alone_by_another() {
    let stage = Stage::new();
    let bin = stage.tree.bin.to_str().unwrap();
    let first = stage.command(&["drill", "run", "--bin-dir", bin, "process-hung"]).spawn().unwrap();
    wait_until("the sandbox's server", || !servers_below(&stage).is_empty());
    stage.drill(&["process-killed"]).exits(0);
    finish(first).exits(0);
    assert!(stage.boxes().is_empty());
}

#[test]
fn a_drill_that_is_interrupted_clears_away() {
    let stage = Stage::new();
    let bin = stage.tree.bin.to_str().unwrap();
    let drill = stage.command(&["drill", "run", "--bin-dir", bin, "aof-lost", "aof-garbage"]).spawn().unwrap();
    wait_until("the sandbox's server", || !servers_below(&stage).is_empty());
    kill(Pid::from_raw(i32::try_from(drill.id()).unwrap()), Signal::SIGTERM).unwrap();
    finish(drill).exits(130).mentions("interrupted");
    assert!(stage.boxes().is_empty());
}

/// A config with an instance `cache-1` that is down, and its data directory.
fn configured(stage: &Stage, port: u16, more: &str) -> (String, PathBuf) {
    let (data, conf) = (stage.path("data"), stage.path("cache-1.conf"));
    fs::create_dir_all(data.join("below")).unwrap();
    fs::write(&conf, format!("port {port}\nbind 127.0.0.1\ndir {}\nappendonly yes\ndatabases 20\n", data.display()))
        .unwrap();
    let config = stage.config(&format!(
        "version: 1\ninstances:\n  cache-1:\n    address: 127.0.0.1:{port}\n    config_file: {}\n    service: {{ process: {{}} }}\n    \
         bin_dir: {}\n    topology: standalone\n{more}",
        conf.display(),
        stage.tree.bin.display()
    ));
    (config, data)
}

#[test]
fn a_drill_does_not_work_in_a_data_directory() {
    let stage = Stage::new();
    let (config, data) = configured(&stage, 1, "");
    for dir in [data.clone(), data.join("below")] {
        let output = stage.drill(&["process-killed", "-c", &config, "--dir", dir.to_str().unwrap()]);
        output.exits(3).mentions("the data of cache-1 are there").mentions("--dir DIR");
    }
    assert!(fs::read_dir(data.join("below")).unwrap().next().is_none());
    // and not where a server's files are, whoever's
    fs::write(stage.path("boxes/dump.rdb"), "").unwrap();
    let boxes = stage.path("boxes");
    stage.drill(&["process-killed", "--dir", boxes.to_str().unwrap()]).exits(3).mentions("holds a server's dump.rdb");
    assert_eq!(stage.boxes().len(), 1);
}

#[test]
fn a_drill_does_not_take_the_address_of_an_instance() {
    let stage = Stage::new();
    let instance = |port: u16| format!("  at-{port}: {{ address: \"127.0.0.1:{port}\" }}\n");
    let all: String = (31_000..32_700).map(instance).collect();
    let config = stage.config(&format!("version: 1\ninstances:\n{all}"));
    let output = stage.drill(&["process-killed", "-c", &config, "--json"]);
    let card = output.exits(1).json()["drills"][0].clone();
    assert_eq!(card["verdict"], "broken", "{card:#}");
    assert!(card["because"].as_str().unwrap().contains("free port"), "{card:#}");
}

#[test]
fn the_policy_and_the_objectives_of_an_instance_are_kept() {
    let stage = Stage::new();
    let (config, data) = configured(&stage, 1, "    objectives: { rto: 2m, rpo: 1h }\n");
    let card = stage.drill(&["aof-lost", "-c", &config, "--instance", "cache-1", "--json"]).exits(8).json();
    let card = &card["drills"][0];
    assert_eq!((&card["instance"], &card["outcome"]), (&Value::from("cache-1"), &Value::from("refused")), "{card:#}");
    let outcome = &card["criteria"][0];
    assert!(outcome["improve"].as_str().unwrap().contains("max_risk"), "{card:#}");
    assert_eq!(card["objectives"]["rto_seconds"], 120.0);
    // what it may do, it does
    let card = stage.drill(&["process-killed", "-c", &config, "--instance", "cache-1", "--json"]).exits(0).json();
    let met = card["drills"][0]["criteria"].to_string();
    assert!(met.contains("objectives.rto") && met.contains("objectives.rpo"), "{met}");
    assert_eq!(fs::read_dir(data).unwrap().count(), 1, "nothing of it was touched");
}

/// A scenario of the user's own.
const OURS: &str = "version: 1
drill: ours
title: The process is killed
cadence: monthly
owner: us
before:
  - write: { keys: 500 }
fault:
  - kill
expect:
  outcome: recovered
  rule: What a start loads is whole
  runbook: restart
criteria: { back_within: 1ms, lost_percent: 1 }
";

#[test]
fn what_is_due_and_how_it_went_is_remembered() {
    let stage = Stage::new();
    let dir = stage.path("playbooks/drills");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("ours.yaml"), OURS).unwrap();
    let config = stage.config(&format!("version: 1\nplaybooks: [{}]\n", stage.path("playbooks").display()));
    let row = |more: &[&str]| {
        let list = stage.redis_dr(&[&["drill", "list", "--json", "-c", &config], more].concat()).exits(0).json();
        assert_eq!(list["schema"], "redis-dr/drill-list/1");
        let rows = list["drills"].as_array().unwrap().clone();
        rows.into_iter().find(|row| row["id"] == "ours")
    };
    assert_eq!(row(&["--due"]).unwrap()["last_run"], Value::Null, "never held is due");
    // too slow: it failed, and is due again at once
    let output = stage.drill(&["ours", "-c", &config]);
    output.exits(8).mentions("back_within").mentions("to improve");
    assert_eq!(row(&["--due"]).unwrap()["last_verdict"], "failed");
    fs::write(dir.join("ours.yaml"), OURS.replace("1ms", "5m")).unwrap();
    stage.drill(&["ours", "-c", &config]).exits(0);
    assert_eq!((row(&["--due"]), &row(&[]).unwrap()["due"]), (None, &Value::from(false)));
    // 40 days ago it was monthly
    let history = stage.path("state/drills/history/ours");
    let mut cards: Vec<PathBuf> = fs::read_dir(&history).unwrap().map(|e| e.unwrap().path()).collect();
    cards.sort();
    let mut card: Value = serde_json::from_str(&fs::read_to_string(&cards[1]).unwrap()).unwrap();
    let then = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(40 * 24);
    card["started_at"] = then.to_string().into();
    fs::write(&cards[1], card.to_string()).unwrap();
    assert_eq!(row(&["--due"]).unwrap()["last_verdict"], "passed");
    let report = stage.redis_dr(&["drill", "report", "--json"]).exits(0).json();
    assert_eq!((&report["trend"][0]["runs"], &report["trend"][0]["passed"]), (&Value::from(2), &Value::from(1)));
    stage.redis_dr(&["drill", "report"]).exits(0).mentions("1 of 2 passed").mentions("over time");
    stage.redis_dr(&["drill", "report", "--format", "md", "-o", "report.md"]).exits(0);
    let report = fs::read_to_string(stage.path("report.md")).unwrap();
    assert!(report.contains("| ours | passed |") && report.contains("| back_within | 5 min"), "{report}");
}

#[test]
fn a_bad_scenario_is_shown_with_line_and_caret() {
    let stage = Stage::new();
    let file = stage.path("ours.yaml");
    let lint = |text: &str| {
        fs::write(&file, text).unwrap();
        stage.redis_dr(&["drill", "lint", "ours.yaml"])
    };
    lint(OURS).exits(0);
    stage.redis_dr(&["playbook", "lint", "ours.yaml"]).exits(0);
    for (from, to, place, words) in [
        ("back_within", "back_withn", "ours.yaml:14:13", "did you mean `back_within`?"),
        ("- kill", "- kil", "ours.yaml:9:5", "kill"),
        ("runbook: restart", "runbook: restrat", "ours.yaml:13:12", "did you mean `restart`?"),
        ("rule: What a start", "rule: Wat a start", "ours.yaml:12:9", "no rule of any playbook"),
        ("drill: ours", "drill: others", "ours.yaml:2:8", "is not the file's name"),
        ("before:", "config: { port: \"1\" }\nbefore:", "ours.yaml:6:17", "the sandbox's own"),
        ("- kill", "- remove: { what: manifest }", "ours.yaml:9:5", "needs: [multi_part_aof]"),
        ("keys: 500 ", "keys: 0 ", "ours.yaml:7:20", "between 1 and 1000000"),
    ] {
        let output = lint(&OURS.replace(from, to));
        output.exits(2).mentions(place).mentions(words).mentions("^");
    }
    let output = stage.drill(&["./ours.yaml"]);
    output.exits(2).mentions("lint shows every error");
    stage.drill(&["aof-lots"]).exits(2).mentions("did you mean aof-lost?");
}

#[test]
fn a_sandbox_that_is_kept_can_be_looked_into() {
    let stage = Stage::new();
    let card = stage.drill(&["aof-lost", "--keep", "--json"]).exits(0).json()["drills"][0].clone();
    let dir = PathBuf::from(card["kept_at"].as_str().unwrap());
    let config = dir.join("redis-dr.yaml").display().to_string();
    let mut report = Command::new(env!("CARGO_BIN_EXE_redis-dr"));
    report.args(["runs", "report", "last", "-c", &config]).stdin(Stdio::null());
    let output = finish(report.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    output.exits(0).mentions("restore-rdb-as-aof-base");
    assert!(processes_in(&dir.join("data")).is_empty(), "nothing runs there any more");
    // it is the caller's now
    stage.drill(&["process-killed"]).exits(0);
    assert!(dir.join("state/runs").exists());
}

#[test]
fn an_instances_newest_good_backup_is_what_a_drill_begins_with() {
    let lab = Lab::new();
    let mut server = crate::sandbox::Sandbox::new(lab.usual());
    server.start().fill(700).backup("dump-1.rdb");
    let newest = server.fill(10).backup("dump-2.rdb");
    server.corrupt(&newest, 300);
    let keys = server.dbsize() as u64;
    let before = server.files();
    let stage = Stage::on(&server.tree);
    let config = server.config().display().to_string();
    for scenario in ["aof-and-rdb-lost", "rdb-corrupt"] {
        let output = stage.drill(&[scenario, "-c", &config, "--instance", "demo", "--json"]);
        let card = output.exits(0).mentions("dump-1.rdb").json()["drills"][0].clone();
        let before = card["loss"]["keys_before"].as_u64().unwrap();
        assert_eq!(before, 5020 + keys - 10, "what was written, and the keys of the good backup: {card:#}");
    }
    assert!(server.files() == before && server.running(), "the instance was not touched");
    server.kill9();
}

#[test]
fn what_the_evidence_suggests_comes_with_what_mends_it() {
    let mut server = Lab::new().sandbox();
    server.instance("objectives: { rto: 5m, rpo: 1m }\npolicy: { max_risk: high, max_loss: 1h }").start().fill(200);
    let old = server.backup("dump-1.rdb");
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    fs::File::options().append(true).open(&old).unwrap().set_modified(long_ago).unwrap();
    let config = server.config().display().to_string();
    let stage = Stage::on(&server.tree);
    stage.drill(&["process-killed"]).exits(0);
    let actions = |text: bool| {
        let mut args = vec!["drill", "report", "--actions", "-c", &config];
        args.extend((!text).then_some("--json"));
        stage.redis_dr(&args)
    };
    let document = actions(false).exits(0).json();
    let all = document["actions"].as_array().unwrap();
    let about = |word: &str| all.iter().find(|a| a["target"].as_str().unwrap().contains(word));
    let mend =
        |word: &str| about(word).unwrap_or_else(|| panic!("{word}: {all:#?}"))["mend"].as_str().unwrap().to_owned();
    assert!(mend("objectives.rpo").contains(&format!("redis-cli -h 127.0.0.1 -p {}", server.port)), "{all:#?}");
    if server.tree.since_seven() {
        assert!(mend("timestamps").contains("CONFIG SET aof-timestamp-enabled yes"));
    }
    let due = mend("rehearsed in its time");
    assert!(due.contains("drill run --due") && due.contains(&config), "it can be pasted: {due}");
    assert!(!about("rehearsed in its time").unwrap()["actual"].as_str().unwrap().contains("process-killed"));
    actions(true).exits(0).mentions("To mend").mentions("redis-cli -h 127.0.0.1");
    server.kill9();
}
