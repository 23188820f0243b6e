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
