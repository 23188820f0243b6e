use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use redis_dr::host::{Look, OwnFiles, Pen, Planters};
use redis_dr::journal::{Event, Header, Journal, JournalError, Phase, StepOutcome, StepState, read};
use redis_dr::vault::{Content, Like, Save, Use, Vault};
use serde_json::{Value, json};

const NAME: &str = "journal.jsonl";

fn header() -> Header {
    Header {
        journal: 1,
        run_id: "20260101T031502Z-restart".to_string(),
        instance: "cache-1".to_string(),
        runbook: "restart".to_string(),
        plan_digest: "abc".to_string(),
        action_revisions: [("service.stop".to_string(), 1)].into(),
        vault: PathBuf::from("/var/lib/redis/.redis-dr/x"),
        host: "db-7".to_string(),
        boot_id: None,
        version: "0.1.0".to_string(),
        started_at: "2026-01-01T03:15:02Z".parse().unwrap(),
        site: json!({"instance": "cache-1"}),
    }
}

fn started(step: &str, saves: Vec<Save>, before: Value) -> Event {
    Event::StepStarted { step: step.to_string(), saves, undo: json!({"restore": "files"}), before }
}

fn done(step: &str) -> Event {
    let because = "it answers\u{1b}\n\"}".to_string();
    Event::StepDone { step: step.to_string(), outcome: StepOutcome::Done, because, seconds: 0.25, results: json!({}) }
}

fn run() -> Event {
    Event::RunStarted { by: "ann".to_string(), auto: false }
}

fn bench() -> (tempfile::TempDir, OwnFiles) {
    let dir = tempfile::tempdir().unwrap();
    let own = OwnFiles::open(&dir.path().join("run")).unwrap();
    (dir, own)
}

#[test]
fn what_is_recorded_is_read_back_and_gone_on_with() {
    let (_dir, own) = bench();
    let mut journal = Journal::create(&own, NAME, &header()).unwrap();
    assert!(Journal::create(&own, NAME, &header()).is_err(), "a journal is never begun twice");
    journal.record(run()).unwrap();
    journal.record(started("stop", Vec::new(), json!({"unit": "active"}))).unwrap();
    assert_eq!(fs::metadata(journal.path()).unwrap().mode() & 0o777, 0o600);
    drop(journal);
    let (mut journal, log) = Journal::open(&own, NAME).unwrap();
    assert_eq!(log.header, header());
    assert_eq!(log.records.len(), 2);
    assert_eq!(journal.status().step("stop"), Some(StepState::Started));
    journal.record(done("stop")).unwrap();
    assert!(matches!(journal.record(done("stop")), Err(JournalError::Illegal(_))));
    journal.record(Event::RunRecovered {}).unwrap();
    let log = read(Look::new(), journal.path()).unwrap();
    assert_eq!(log.status().unwrap().phase(), Phase::Recovered);
    assert_eq!(log.records[2].event, done("stop"));
}

#[test]
fn room_is_set_aside_at_creation() {
    let (_dir, own) = bench();
    let journal = Journal::create(&own, NAME, &header()).unwrap();
    let meta = fs::metadata(journal.path()).unwrap();
    assert!(meta.len() < 4096);
    let space = Look::new().space(own.path()).unwrap();
    if ["ext4", "xfs", "btrfs", "tmpfs"].contains(&space.fstype.as_str()) {
        assert!(meta.blocks() * 512 >= 1 << 20, "{} blocks on {}", meta.blocks(), space.fstype);
    }
}

#[test]
fn a_torn_last_line_is_forgiven_and_cut_off() {
    let (_dir, own) = bench();
    let mut journal = Journal::create(&own, NAME, &header()).unwrap();
    journal.record(run()).unwrap();
    let whole = fs::read(journal.path()).unwrap();
    journal.record(started("stop", Vec::new(), Value::Null)).unwrap();
    let path = journal.path().to_path_buf();
    let all = fs::read(&path).unwrap();
    for cut in whole.len()..all.len() {
        fs::write(&path, &all[..cut]).unwrap();
        let log = read(Look::new(), &path).unwrap();
        assert_eq!((log.records.len(), log.torn), (1, cut > whole.len()), "cut at {cut}");
    }
    let mut zeros = whole.clone();
    zeros.extend_from_slice(&[0; 700]);
    fs::write(&path, &zeros).unwrap();
    let (mut journal, log) = Journal::open(&own, NAME).unwrap();
    assert!(log.torn);
    journal.record(started("stop", Vec::new(), Value::Null)).unwrap();
    let log = read(Look::new(), &path).unwrap();
    assert_eq!((log.records.len(), log.torn), (2, false));
}

#[test]
fn any_other_damage_is_an_error_with_its_line() {
    let (_dir, own) = bench();
    let mut journal = Journal::create(&own, NAME, &header()).unwrap();
    journal.record(run()).unwrap();
    journal.record(started("stop", Vec::new(), Value::Null)).unwrap();
    journal.record(done("stop")).unwrap();
    let path = journal.path().to_path_buf();
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();

    fs::write(&path, text.replacen("\"stop\"", "\"stap\"", 1)).unwrap();
    let error = read(Look::new(), &path).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { line: 3, .. }), "{error}");

    fs::write(&path, [lines[0], lines[2], lines[3]].concat()).unwrap();
    assert!(matches!(read(Look::new(), &path), Err(JournalError::Damaged { line: 2, .. })), "a line is missing");

    fs::write(&path, "").unwrap();
    assert!(matches!(read(Look::new(), &path), Err(JournalError::NeverBegan { .. })));
    fs::write(&path, &lines[0][..20]).unwrap();
    assert!(matches!(read(Look::new(), &path), Err(JournalError::NeverBegan { .. })));
    fs::write(&path, "hello\nworld\n").unwrap();
    assert!(matches!(read(Look::new(), &path), Err(JournalError::Damaged { line: 1, .. })));
}

#[test]
fn another_format_is_named() {
    let (_dir, own) = bench();
    let journal = Journal::create(&own, NAME, &Header { journal: 9, ..header() }).unwrap();
    let error = read(Look::new(), journal.path()).unwrap_err();
    assert!(error.to_string().ends_with("is of journal format 9; this redis-dr reads format 1"), "{error}");
}

/// The limit is the whole process', so the test runs in one of its own.
#[test]
fn after_a_failed_write_nothing_more_is_recorded() {
    let inner = "journal::with_a_limit_on_file_size";
    let me = std::env::current_exe().unwrap();
    let output =
        std::process::Command::new(me).args(["--exact", inner]).env("REDIS_DR_TEST_ALONE", "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn with_a_limit_on_file_size() {
    if std::env::var_os("REDIS_DR_TEST_ALONE").is_none() {
        return;
    }
    let (_dir, own) = bench();
    let mut journal = Journal::create(&own, NAME, &header()).unwrap();
    journal.record(run()).unwrap();
    // A limit on the size of files stands for a disk that is full.
    let big = "x".repeat(1 << 20);
    let (soft, hard) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_FSIZE).unwrap();
    let before = fs::metadata(journal.path()).unwrap().len();
    let sigxfsz = nix::sys::signal::SigSet::from(nix::sys::signal::Signal::SIGXFSZ);
    sigxfsz.thread_block().unwrap();
    nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_FSIZE, 600_000, hard).unwrap();
    let first = journal.record(Event::Note { text: big });
    nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_FSIZE, soft, hard).unwrap();
    assert!(matches!(first, Err(JournalError::Host(_))), "{first:?}");
    assert!(matches!(journal.record(done("x")), Err(JournalError::Broken { .. })));
    let log = read(Look::new(), journal.path()).unwrap();
    assert!(log.torn && before < fs::metadata(journal.path()).unwrap().len());
    assert_eq!(log.records.len(), 1);
}

#[test]
fn roll_back_works_from_the_journal_alone() {
    let (dir, own) = bench();
    let conf = dir.path().join("redis.conf");
    fs::write(&conf, "appendonly yes\n").unwrap();
    let mut journal = Journal::create(&own, NAME, &header()).unwrap();
    let mut vault = Vault::open(Pen::new(), &dir.path().join("vault"), Planters::default()).unwrap();
    journal.record(run()).unwrap();
    // The same step twice: a retry after a failure.
    for text in ["appendonly no\n", "appendonly maybe\n"] {
        let saved = vault.save(&conf, Use::Replaced).unwrap();
        journal.record(started("conf", vec![saved.clone().into()], json!(text))).unwrap();
        vault.replace(&saved, Content::Bytes(text.as_bytes()), Like::Saved).unwrap();
        let because = String::new();
        journal
            .record(Event::StepFailed { step: "conf".to_string(), because, hint: String::new(), in_doubt: false })
            .unwrap();
    }
    drop((journal, vault));

    let (mut journal, log) = Journal::open(&own, NAME).unwrap();
    let mut vault = Vault::open(Pen::new(), &dir.path().join("vault"), Planters::default()).unwrap();
    journal.record(Event::Resumed { by: "bob".to_string() }).unwrap();
    let work = log.to_undo().unwrap();
    assert_eq!((work.len(), work[0].saves.len(), &work[0].before), (1, 2, &json!("appendonly no\n")));
    journal.record(Event::UndoStarted { step: "conf".to_string() }).unwrap();
    let kept = vault.restore_all(&work[0].saves).unwrap().into_iter().flat_map(|restored| restored.kept).collect();
    assert!(vault.differs_any(&work[0].saves[..1]).unwrap().is_none());
    journal.record(Event::UndoDone { step: "conf".to_string(), after: kept }).unwrap();
    journal.record(Event::RunRolledBack {}).unwrap();
    assert_eq!(fs::read_to_string(&conf).unwrap(), "appendonly yes\n");
    let log = read(Look::new(), journal.path()).unwrap();
    assert!(log.to_undo().unwrap().is_empty());
    assert_eq!(log.saves().len(), 2);
}

#[test]
fn a_journal_of_the_first_release_is_still_read() {
    let log = read(Look::new(), &PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal-1.jsonl"));
    let log = log.unwrap();
    assert_eq!(log.status().unwrap().phase(), Phase::RolledBack);
    assert_eq!(log.header.instance, "cache-1");
}

/// Writes the fixture; run by hand when format 1 is extended (`REDIS_DR_WRITE_FIXTURES=1 cargo test --test files fixture`).
#[test]
fn make_the_fixture() {
    if std::env::var_os("REDIS_DR_WRITE_FIXTURES").is_none() {
        return;
    }
    let (_dir, own) = bench();
    let mut journal = Journal::create(&own, NAME, &header()).unwrap();
    let saves = json!([
        {"file": {"path": "/var/lib/redis/dump.rdb", "how": "absent"}},
        {"tree": {"dir": "/var/lib/redis/appendonlydir", "files": []}}
    ]);
    journal.record(run()).unwrap();
    journal.record(started("place", serde_json::from_value(saves).unwrap(), json!(null))).unwrap();
    let because = "No space left on device".to_string();
    journal
        .record(Event::StepFailed {
            step: "place".to_string(),
            because,
            hint: "free some".to_string(),
            in_doubt: false,
        })
        .unwrap();
    journal.record(Event::UndoStarted { step: "place".to_string() }).unwrap();
    journal.record(Event::UndoDone { step: "place".to_string(), after: Vec::new() }).unwrap();
    journal.record(Event::RunRolledBack {}).unwrap();
    let to = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal-1.jsonl");
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let mut file = fs::File::create(to).unwrap();
    file.write_all(&fs::read(journal.path()).unwrap()).unwrap();
}
