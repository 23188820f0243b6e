//! What is shipped holds: every runbook lints, and every example in the README and docs is one that works.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
use redis_dr::config::Config;
use redis_dr::playbook::{self, Shelves};
use redis_dr::runbook::{self, Source};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Fenced blocks of a language in a Markdown file.
fn blocks(path: &Path, language: &str) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let mut found = Vec::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(written)) if written == language => block = Some(String::new()),
            (Some(_), Some("")) => found.extend(block.take()),
            (Some(block), None) => {
                block.push_str(line);
                block.push('\n');
            }
            _ => {}
        }
    }
    found
}

fn find(id: &str) -> Option<Source> {
    runbook::builtin().into_iter().find(|source| source.id == id)
}

fn lints(text: &str, file: &str) {
    if let Err(errors) = runbook::load(text, file, &find) {
        panic!("{file}: {errors:#?}");
    }
}

#[test]
fn shipped_runbooks_lint() {
    for entry in fs::read_dir(root().join("runbooks")).unwrap() {
        let path = entry.unwrap().path();
        lints(&fs::read_to_string(&path).unwrap(), &path.display().to_string());
    }
}

#[test]
fn examples_in_the_readme_work() {
    let texts = blocks(&root().join("README.md"), "yaml");
    let own = |id: &str| {
        let text = texts.iter().find(|text| text.contains(&format!("\nrunbook: {id}\n")));
        text.map(|text| Source { id: id.into(), file: "README.md".into(), text: text.clone() }).or_else(|| find(id))
    };
    let playbooks = |id: &str| playbook::builtin().into_iter().find(|source| source.id == id);
    let (mut runbooks, mut configs) = (0, 0);
    for text in texts.clone() {
        if text.contains("\nrunbook:") {
            lints(&text, "README.md");
            runbooks += 1;
        } else if text.contains("\nplaybook:") {
            let shelves = Shelves { runbooks: &own, playbooks: &playbooks };
            playbook::load(&text, "cache-down.yaml", &shelves).unwrap_or_else(|errors| panic!("{errors:#?}"));
        } else if text.contains("instances:") {
            Config::from_text(&text, "README.md").unwrap_or_else(|error| panic!("{error}"));
            configs += 1;
        } else {
            // A piece of an instance.
            let whole = format!("version: 1\ninstances:\n  x:\n    address: 127.0.0.1:6379\n{text}");
            Config::from_text(&whole, "README.md").unwrap_or_else(|error| panic!("{error}"));
        }
    }
    assert!(runbooks >= 1 && configs >= 1, "the README lost its examples");
}

#[test]
fn the_readme_names_only_files_that_exist() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        if !link.starts_with("http") && !link.starts_with('#') {
            assert!(root().join(link).exists(), "{link}");
        }
    }
}

/// The README's tables say what the program says.
fn the_readme_has(row: &str) {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(text.lines().any(|line| line == row), "the README lacks this row:\n{row}");
}

#[test]
fn every_runbook_is_in_the_readme() {
    for source in runbook::builtin() {
        let book = runbook::load(&source.text, &source.file, &find).unwrap();
        let risk = format!("{:?}", book.risk).to_lowercase();
        the_readme_has(&format!("| `{}` | {risk} | {} |", book.id, book.title));
    }
}

#[test]
fn every_finding_is_in_the_readme() {
    for id in redis_dr::finding::Id::ALL {
        let severity = format!("{:?}", id.severity()).to_lowercase();
        the_readme_has(&format!("| `{}` | {severity} | {} |", id.name(), id.meaning()));
    }
}

#[test]
fn every_exit_code_is_in_the_readme() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    for code in [0, 1, 2, 3, 4, 5, 6, 7, 8, 70, 130] {
        assert!(text.lines().any(|line| line.starts_with(&format!("| {code} | "))), "{code}");
    }
}

#[test]
fn a_finding_that_a_runbook_mends_names_it() {
    use redis_dr::finding::Id;
    for id in Id::ALL {
        let named = id.hint().split("--runbook ").skip(1).filter_map(|rest| rest.split([' ', ';', ',']).next());
        for name in named {
            assert!(find(name).is_some(), "{}: there is no runbook {name}", id.name());
        }
    }
    for (id, command) in [
        (Id::ServerStoppedOnPurpose, "--runbook restart"),
        (Id::ServerHung, "--runbook unhang"),
        (Id::ServerBusyScript, "--runbook unhang"),
        (Id::ServerPortTaken, "--runbook free-port"),
        (Id::ServerConfigInvalid, "--runbook fix-config"),
        (Id::ServerMisconf, "--runbook resume-writes"),
        (Id::ServerFenced, "redis-dr runs rollback"),
        (Id::ServerHeld, "redis-dr hold --release"),
        (Id::ConfigNoPersistence, "--runbook enable-aof"),
        (Id::FilesPermission, "--runbook fix-permissions"),
        (Id::FilesFlushFound, "--runbook undo-flush"),
        (Id::DiskFull, "--runbook free-disk"),
        (Id::MemoryMaxmemory, "--runbook relieve-memory"),
    ] {
        assert!(id.hint().contains(command), "{}: {}", id.name(), id.hint());
    }
}

#[test]
fn every_action_is_in_the_docs_and_their_runbook_lints() {
    let page = root().join("docs/actions.md");
    let text = fs::read_to_string(&page).unwrap();
    let schema = redis_dr::action::schema();
    let branches = schema["oneOf"].as_array().unwrap();
    let names: Vec<&str> = branches.iter().map(|branch| branch["required"][0].as_str().unwrap()).collect();
    for name in &names {
        assert!(text.contains(&format!("\n| `{name}` |")), "{name} is not in {}", page.display());
    }
    assert_eq!(text.matches("\n| `").count(), names.len() + 1, "a row of an action that is not there");
    let examples = blocks(&page, "yaml");
    assert_eq!(examples.len(), 1);
    lints(&examples[0], "docs/actions.md");
}

/// Findings that no story provokes on a real server, each with the reason.
const NOT_PROVOKED: &[(&str, &str)] = &[
    ("replication.diverged", "no assessment derives it: it takes two primaries, and one is asked"),
    ("sentinel.no_quorum", "no assessment derives it: Sentinels are not asked"),
];

#[test]
fn every_finding_is_provoked_on_a_real_server() {
    // stories break real servers; of the hosts' tests those of units do, with restart loops and start timeouts
    let stories = fs::read_dir(root().join("tests/stories")).unwrap().map(|entry| entry.unwrap().path());
    let files = stories.chain([root().join("tests/hosts/units.rs")]);
    let told: String = files.map(|path| fs::read_to_string(path).unwrap()).collect();
    for id in redis_dr::finding::Id::ALL {
        let provoked = told.contains(&format!("\"{}\"", id.name()));
        let left_out = NOT_PROVOKED.iter().find(|(name, _)| *name == id.name());
        match (provoked, left_out) {
            (false, None) => {
                panic!("no story provokes {}; write one, or say in NOT_PROVOKED why there is none", id.name())
            }
            (true, Some((name, _))) => panic!("a story names {name}: take it out of NOT_PROVOKED"),
            _ => {}
        }
        assert_eq!(left_out.is_some(), id.not_derived().is_some(), "{}: `explain` must say the same", id.name());
    }
}

/// What may decide: a rule of a playbook, and for one that restores a point each kind of point.
fn branches(playbook: &redis_dr::playbook::Playbook, into: &mut Vec<(String, String)>) {
    use redis_dr::playbook::Then;
    for (at, rule) in playbook.rules.iter().enumerate() {
        let name = rule.name(at + 1);
        match &rule.then {
            Then::Restore(runbooks) => into.extend(runbooks.values().map(|runbook| (name.clone(), runbook.clone()))),
            Then::Runbook { id, .. } => into.push((name, id.clone())),
            Then::Outcome(_) | Then::Playbook(_) => into.push((name, String::new())),
        }
    }
}

#[test]
fn every_branch_of_a_playbook_has_a_case() {
    use redis_dr::facts::RuleVerdict;
    use redis_dr::playbook::{self, Shelves};
    let of = |id: &str| playbook::builtin().into_iter().find(|source| source.id == id);
    let shelves = Shelves { runbooks: &find, playbooks: &of };
    for source in playbook::builtin() {
        let tree = playbook::load(&source.text, &source.file, &shelves).unwrap();
        let mut open = Vec::new();
        branches(&tree, &mut open);
        let all = playbook::builtin_cases().into_iter().flat_map(|file| playbook::cases(&file.text).unwrap());
        for case in all.filter(|case| case.playbook == source.id) {
            let result = playbook::run_case(&tree, &case, &|file| Err(format!("{file} is not read here")));
            assert_eq!(result.problems, Vec::<String>::new(), "{}", case.name);
            let decision = result.decision.unwrap();
            // a rule that hands over to another playbook stands before the one that decides there
            let matched = decision.path.iter().filter(|rule| rule.verdict == RuleVerdict::Matched);
            let names: Vec<&str> = matched.map(|rule| rule.rule.as_str()).collect();
            let runbook = decision.runbook.unwrap_or_default();
            open.retain(|(rule, leads_to)| {
                !names.contains(&rule.as_str()) || (!leads_to.is_empty() && *leads_to != runbook)
            });
        }
        assert!(open.is_empty(), "{}: no case of playbooks/tests ends here:\n{open:#?}", source.id);
    }
}
