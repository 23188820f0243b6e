//! Data from another system: loaded once, whatever comes between, and never over what is there unless told.
use crate::dr::Output;
use crate::lab::Lab;
use crate::resp::command;
use crate::sandbox::Sandbox;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Every type, bytes that are no text, two databases, an expiry.
const RECORDS: &str = r#"{"key":"text","type":"string","value":"grüße"}
{"key":{"base64":"/wANCg=="},"type":"string","value":{"base64":"AAEC/w=="}}
{"key":"list","type":"list","value":["a","b","a"],"db":3}
{"key":"set","type":"set","value":["1","2","x"]}
{"key":"hash","type":"hash","value":{"name":"Ada","born":1815}}
{"key":"zset","type":"zset","value":[["low","-inf"],["one",1.5]],"db":3}

{"key":"stream","type":"stream","value":[{"id":"1-1","fields":{"f":"v"}},{"id":"2-0","fields":[["f","w"]]}]}
{"key":"session","type":"string","value":"x","ttl_ms":86400000}
{"key":"over","type":"string","value":"x","ttl_ms":-1}
"#;

/// The same, as its owner would write it.
fn written_by_hand(server: &Sandbox) {
    let mut client = server.client();
    let mut give = |words: &[&[u8]]| assert!(!client.ask(words).unwrap().is_error(), "{words:?}");
    give(&[b"SET", b"text", "grüße".as_bytes()]);
    give(&[b"SET", b"\xff\0\r\n", b"\0\x01\x02\xff"]);
    give(&[b"SADD", b"set", b"1", b"2", b"x"]);
    give(&[b"HSET", b"hash", b"name", b"Ada", b"born", b"1815"]);
    give(&[b"XADD", b"stream", b"1-1", b"f", b"v"]);
    give(&[b"XADD", b"stream", b"2-0", b"f", b"w"]);
    give(&[b"SET", b"session", b"x", b"PX", b"86400000"]);
    give(&[b"SELECT", b"3"]);
    give(&[b"RPUSH", b"list", b"a", b"b", b"a"]);
    give(&[b"ZADD", b"zset", b"-inf", b"low", b"1.5", b"one"]);
}

impl Sandbox {
    fn source(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn rebuild(&self, params: &[&str]) -> Output {
        let mut args = vec!["recover", "demo", "--runbook", "rebuild-from-source", "--confirm", "demo", "--json"];
        args.extend(params.iter().flat_map(|param| ["--param", param]));
        self.redis_dr(&args)
    }
}

fn file(path: &std::path::Path) -> String {
    format!("file={}", path.display())
}

/// What the step that loads found out, as the journal has it.
fn found(server: &Sandbox, run: &serde_json::Value) -> serde_json::Value {
    let journal = fs::read_to_string(run["journal"].as_str().unwrap()).unwrap();
    let line = journal.lines().rev().find(|line| line.contains("\"step_done\"") && line.contains("\"load\""));
    let line: serde_json::Value =
        serde_json::from_str(line.unwrap_or_else(|| panic!("{journal} {}", server.log()))).unwrap();
    find(&line, "results").unwrap().clone()
}

fn find<'v>(value: &'v serde_json::Value, name: &str) -> Option<&'v serde_json::Value> {
    match value {
        serde_json::Value::Object(map) => map.get(name).or_else(|| map.values().find_map(|v| find(v, name))),
        _ => None,
    }
}

#[test]
fn after_a_total_loss_the_way_is_named_and_brings_everything_back() {
    Lab::on_each(|mut server| {
        server.start();
        written_by_hand(&server);
        let digest = server.digest();
        server.kill9();
        fs::remove_dir_all(server.data()).unwrap();
        fs::create_dir(server.data()).unwrap();
        server.recover_auto().exits(3).mentions("--runbook rebuild-from-source --param file=PATH");
        let source = server.source("records.ndjson", RECORDS);
        let plan =
            server.redis_dr(&["plan", "demo", "--runbook", "rebuild-from-source", "--param", &file(&source), "--json"]);
        let plan = plan.exits(0).json();
        assert_eq!(plan["point_of_no_return"], "open", "{plan}");
        let load = plan["steps"].as_array().unwrap().iter().find(|step| step["id"] == "load").unwrap();
        assert_eq!(load["reads"][0]["bytes"], RECORDS.len(), "{load}");
        let run = server.rebuild(&[&file(&source)]).recovered_by("rebuild-from-source");
        let found = found(&server, &run);
        assert_eq!(
            (&found["loaded"], &found["passed"], &found["errors"]),
            (&8.into(), &1.into(), &0.into()),
            "{found}"
        );
        assert_eq!(server.digest(), digest, "nothing else is in it, redis-dr's own mark neither");
        server.writes_survive_kill9();
    });
}

#[test]
fn a_load_that_is_killed_anywhere_goes_on_and_loads_nothing_twice() {
    const COUNT: usize = 3000;
    let mut stream = command(&["SELECT", "2"]);
    for i in 0..COUNT {
        let n = i.to_string();
        match i % 3 {
            0 => stream.extend(
                [
                    command(&["MULTI"]),
                    command(&["INCR", "counter"]),
                    command(&["RPUSH", "list", &n]),
                    command(&["EXEC"]),
                ]
                .concat(),
            ),
            _ => stream.extend([command(&["INCR", "counter"]), command(&["RPUSH", "list", &n])].concat()),
        }
    }
    for moment in [250, 500, 750, 1000, 1300, 1700] {
        let server = Lab::new().sandbox();
        let source = server.source("commands.resp", &stream);
        let file = file(&source);
        let mut args = vec!["recover", "demo", "--runbook", "rebuild-from-source", "--confirm", "demo", "--json"];
        args.extend(["--param", &file, "--param", "rate=4000", "--param", "batch=50"]);
        server.redis_dr_killed_after(&args, Duration::from_millis(moment));
        let runs = server.redis_dr(&["runs", "list", "--json"]).exits(0).json();
        match runs["runs"][0]["outcome"].as_str() {
            Some("recovered") => {}
            Some("unfinished") => _ = server.redis_dr(&["runs", "resume", "--auto", "--json"]).exits(0),
            _ => _ = server.redis_dr(&args).exits(0),
        }
        let mut client = server.client();
        client.ask(&["SELECT", "2"]).unwrap();
        assert_eq!(client.ask(&["GET", "counter"]).unwrap().text(), COUNT.to_string(), "killed after {moment} ms");
        let all: Vec<String> = (0..COUNT).map(|n| n.to_string()).collect();
        assert_eq!(
            client.ask(&["LRANGE", "list", "0", "-1"]).unwrap().text(),
            all.join("\n"),
            "killed after {moment} ms"
        );
        assert_eq!(server.dbsize(), 2, "no mark is left");
    }
}

#[test]
fn a_server_that_is_killed_in_the_middle_and_comes_back_gets_the_rest_once() {
    const COUNT: usize = 4000;
    let stream: Vec<u8> = (0..COUNT).flat_map(|_| command(&["INCR", "counter"])).collect();
    let mut server = Lab::new().sandbox();
    server.configure("appendfsync always").start();
    let source = file(&server.source("commands.resp", &stream));
    let mut args = vec!["recover", "demo", "--runbook", "rebuild-from-source", "--confirm", "demo", "--json"];
    args.extend(["--param", &source, "--param", "rate=2000", "--param", "batch=50"]);
    let child = server.command(&args).spawn().unwrap();
    crate::sandbox::wait_until("half of it", || {
        let counter = server.ask(&["GET", "counter"]).map(|reply| reply.text()).unwrap_or_default();
        counter.parse::<usize>().is_ok_and(|n| n > COUNT / 4)
    });
    server.kill9().start();
    crate::dr::finish(child).recovered_by("rebuild-from-source");
    assert_eq!(server.must(&["GET", "counter"]).text(), COUNT.to_string());
}

#[test]
fn what_is_there_stays_unless_it_is_to_be_replaced() {
    let mut server = Lab::new().sandbox();
    server.start().fill(50);
    server.must(&["SET", "text", "mine"]);
    let before = server.dbsize();
    let source = server.source("records.ndjson", RECORDS);
    server.rebuild(&[&file(&source), "existing=fail"]).exits(4).mentions("line 1: the key text is there already");
    server.redis_dr(&["runs", "rollback", "--confirm", "demo", "--json"]);
    let run = server.rebuild(&[&file(&source)]).recovered_by("rebuild-from-source");
    let kept = found(&server, &run);
    assert_eq!((&kept["loaded"], &kept["kept"]), (&7.into(), &1.into()), "{kept}");
    assert_eq!((server.must(&["GET", "text"]).text().as_str(), server.dbsize()), ("mine", before + 7));
    let run = server.rebuild(&[&file(&source), "existing=replace"]).recovered_by("rebuild-from-source");
    let replaced = found(&server, &run);
    assert_eq!((&replaced["loaded"], &replaced["replaced"]), (&8.into(), &8.into()), "{replaced}");
    assert_eq!(server.must(&["GET", "text"]).text(), "grüße");
    let vault = PathBuf::from(run["vault"].as_str().unwrap());
    assert!(vault.join("memory-before-load.rdb").exists(), "what was replaced is in the vault");
}

#[test]
fn what_is_wrong_is_told_with_its_lines_before_anything_is_changed() {
    let mut server = Lab::new().sandbox();
    let records = format!("{RECORDS}{{\"key\":\"a\",\"type\":\"list\",\"value\":[]}}\nnot json\n");
    let source = server.source("records.ndjson", records);
    server.rebuild(&[&file(&source)]).exits(1).mentions("line 11: `value` is empty");
    assert!(!server.running(), "the server was not even started");
    let run = server.rebuild(&[&file(&source), "max_errors=2"]).recovered_by("rebuild-from-source");
    let found = found(&server, &run);
    assert_eq!((&found["loaded"], &found["errors"]), (&8.into(), &2.into()), "{found}");
    assert_eq!(found["first_errors"][1]["line"], 12, "{found}");
    server.kill9();
    let stream = [command(&["SET", "a", "1"]), command(&["FLUSHALL"])].concat();
    let source = server.source("commands.resp", stream);
    fs::remove_dir_all(server.data()).unwrap();
    fs::create_dir(server.data()).unwrap();
    server.rebuild(&[&file(&source)]).exits(1).mentions("command 2 is FLUSHALL");
    server.rebuild(&[&file(&source), "allow=flushall", "min_keys=0"]).recovered_by("rebuild-from-source");
    assert_eq!(server.dbsize(), 0);
}

#[test]
fn a_program_that_fails_or_hides_a_password_badly_is_told() {
    let server = Lab::new().sandbox();
    let source = server.source("records.ndjson", RECORDS);
    let failing = format!("command=[\"sh\", \"-c\", \"cat {}; echo gone >&2; exit 3\"]", source.display());
    server.rebuild(&[&failing]).exits(4).mentions("exit code 3: gone");
    server.redis_dr(&["runs", "rollback", "--confirm", "demo", "--json"]);
    assert!(!server.running(), "what the run had started is stopped again");
    let open = "command=psql postgres://u:topsecret@db/x";
    let said = server.rebuild(&[open]);
    assert!(!said.exits(3).mentions("argument 1 of `command`").to_string().contains("topsecret"));
    let secret = ["command=[\"sh\", \"-c\", \"test $TOKEN && cat $FILE\"]", "env=TOKEN FILE"];
    let mut args = vec!["recover", "demo", "--runbook", "rebuild-from-source", "--confirm", "demo", "--json"];
    args.extend(secret.iter().flat_map(|param| ["--param", param]));
    let child = server.command(&args).env("TOKEN", "topsecret").env("FILE", &source).spawn().unwrap();
    let run = crate::dr::finish(child).recovered_by("rebuild-from-source");
    let dir = PathBuf::from(run["journal"].as_str().unwrap());
    for entry in fs::read_dir(dir.parent().unwrap()).unwrap().filter_map(Result::ok).filter(|e| e.path().is_file()) {
        assert!(!fs::read_to_string(entry.path()).unwrap().contains("topsecret"), "{:?}", entry.path());
    }
    assert_eq!(server.must(&["GET", "text"]).text(), "grüße");
}

#[test]
fn a_gap_is_filled_from_a_log_of_commands() {
    let Some(tree) = Lab::new().trees().find(|tree| tree.since_seven()).cloned() else {
        return eprintln!("-- LEFT OUT: needs a server that writes timestamps (7.0 and newer)");
    };
    let mut server = Sandbox::new(&tree);
    server.configure("aof-timestamp-enabled yes").start();
    server.must(&["SET", "counter", "0"]);
    server.must(&["INCR", "counter"]);
    server.backup("dump-120000.rdb");
    std::thread::sleep(Duration::from_millis(2100));
    let moment = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap().to_string();
    std::thread::sleep(Duration::from_millis(1100));
    server.must(&["INCR", "counter"]);
    server.must(&["SET", "later", "1"]);
    server.written();
    let log = server.source("commands.aof", fs::read(server.aof_tail()).unwrap());
    server.must(&["DEL", "later"]);
    server.must(&["SET", "counter", "1"]);
    let since = format!("since={moment}");
    server.rebuild(&[&file(&log), &since]).exits(4).mentions("--param existing=replace");
    server.redis_dr(&["runs", "rollback", "--confirm", "demo", "--json"]);
    server.rebuild(&[&file(&log), &since, "existing=replace"]).recovered_by("rebuild-from-source");
    assert_eq!(server.must(&["GET", "counter"]).text(), "2", "what came before the moment was not carried out again");
    assert_eq!(server.must(&["GET", "later"]).text(), "1");
}
