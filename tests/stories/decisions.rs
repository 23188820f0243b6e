//! What is decided about a broken server, before anything is done: the assessment and the tree, on real files.
use crate::lab::Lab;
use crate::sandbox::Sandbox;
use redis_dr::assess::{Assessor, Target, Wanted};
use redis_dr::config::Config;
use redis_dr::facts::{Decision, Point};
use redis_dr::playbook::{self, Choice, Shelves};
use redis_dr::{host::Look, runbook, state::State};

struct Seen {
    decision: Decision,
    points: Vec<Point>,
    findings: Vec<String>,
}

impl Sandbox {
    fn assessed(&self) -> Seen {
        let text = std::fs::read_to_string(self.config()).unwrap();
        let config = Config::from_text(&text, "redis-dr.yaml").unwrap();
        let target = Target::of("demo", &config.instances["demo"], &config, None, false);
        let state = State::at(self.root().join("state"));
        let assessed = Assessor::new(Look::new(), target, &state).assess(&Wanted::default());
        let document = assessed.document;
        let runbooks = |id: &str| runbook::builtin().into_iter().find(|source| source.id == id);
        let playbooks = |id: &str| playbook::builtin().into_iter().find(|source| source.id == id);
        let shelves = Shelves { runbooks: &runbooks, playbooks: &playbooks };
        let triage = playbook::load(&playbooks("triage").unwrap().text, "triage.yaml", &shelves).unwrap();
        let facts = serde_json::to_value(&document.facts).unwrap();
        let decision = playbook::decide(&triage, &facts, &document.points, &Choice::default());
        let findings = document
            .findings
            .iter()
            .map(|finding| serde_json::to_value(finding.id).unwrap().as_str().unwrap().to_owned())
            .collect();
        Seen { decision, points: document.points, findings }
    }

    /// The runbook that would run and the point it would restore.
    #[track_caller]
    fn would_run(&self, runbook: &str, point: &str) {
        let seen = self.assessed();
        let chosen = (seen.decision.runbook.as_deref(), seen.decision.point.as_deref());
        assert_eq!(
            chosen,
            (Some(runbook), Some(point)),
            "because {}; findings {:?}\npath {:#?}\npoints {:#?}",
            seen.decision.because,
            seen.findings,
            seen.decision.path,
            seen.points
        );
    }

    /// A person is asked, or nothing is to be done; and why.
    #[track_caller]
    fn would_run_nothing(&self, finding: &str) {
        let seen = self.assessed();
        assert_eq!(seen.decision.runbook, None, "{:?}", seen.decision);
        let found = finding.is_empty() || seen.findings.iter().any(|id| id == finding);
        assert!(found, "{finding} is not in {:?}", seen.findings);
    }
}

#[test]
fn healthy() {
    Lab::on_each(|mut server| {
        server.start().fill(200);
        server.would_run_nothing("");
    });
}

#[test]
fn killed() {
    Lab::on_each(|mut server| {
        server.start().fill(300).kill9();
        server.would_run("restart", "aof");
    });
}

#[test]
fn torn_zeroed_or_followed_by_garbage() {
    Lab::on_each(|mut server| {
        server.start().fill(300).kill9();
        let whole = std::fs::read(server.aof_tail()).unwrap();
        server.append_torn_transaction().would_run("repair-aof", "aof-cut");
        std::fs::write(server.aof_tail(), &whole).unwrap();
        server.zero_pad_aof(4096).would_run("repair-aof", "aof-cut");
        std::fs::write(server.aof_tail(), &whole).unwrap();
        server.append_to_aof(b"garbage").would_run("repair-aof", "aof-cut");
        std::fs::write(server.aof_tail(), &whole).unwrap();
        server.tear_aof_tail(3).would_run("repair-aof", "aof-cut");
    });
}

#[test]
fn aof_lost() {
    Lab::on_each(|mut server| {
        server.start().fill(300).save().kill9();
        server.lose_aof().would_run("restore-rdb-as-aof-base", "rdb");
    });
}

#[test]
fn aof_and_snapshot_lost() {
    Lab::on_each(|mut server| {
        server.start().fill(300).backup("dump-110000.rdb");
        let newest = server.fill(100).backup("dump-120000.rdb");
        server.kill9().lose_aof().lose_rdb();
        server.would_run("restore-backup", "nightly/dump-120000.rdb");
        server.corrupt(&newest, 300).would_run("restore-backup", "nightly/dump-110000.rdb");
    });
}

#[test]
fn everything_lost() {
    Lab::on_each(|mut server| {
        server.start().fill(100).kill9().lose_aof().lose_rdb();
        server.would_run_nothing("server.not_running");
    });
}

#[test]
fn aof_switched_on_in_the_file() {
    Lab::on_each(|mut server| {
        server.configure("appendonly no").start().fill(300).save().kill9();
        server.configure("appendonly yes").would_run("restore-rdb-as-aof-base", "rdb");
        server.start().would_run("restore-rdb-as-aof-base", "rdb");
    });
}

#[test]
fn manifest_lost() {
    Lab::on_each_where(
        |tree| tree.since_seven(),
        |mut server| {
            server.start().fill(300).rewrite_aof().must(&["SET", "after", "the rewrite"]);
            server.kill9().lose_manifest().would_run("rebuild-aof-manifest", "aof");
        },
    );
}

#[test]
fn preamble_with_a_torn_first_command() {
    Lab::on_each(|mut server| {
        server.start().fill(300).rewrite_aof();
        server.kill9().single_file_with_torn_first_command().would_run("repair-aof", "aof-cut");
    });
}

#[test]
fn not_a_matter_of_data() {
    Lab::on_each(|mut server| {
        server.start().fill(100).kill9();
        let other = std::net::TcpListener::bind(("127.0.0.1", server.port)).unwrap();
        server.would_run_nothing("server.port_taken");
        drop(other);
        server.configure("appendonyl yes").would_run_nothing("server.config_invalid");
    });
}
