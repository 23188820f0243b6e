#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::runbook::Library;

fn shelves<T>(with: impl FnOnce(&Shelves<'_>) -> T) -> T {
    let runbooks = Library::new(vec![], crate::runbook::builtin());
    let playbooks = Library::new(vec![], builtin());
    with(&Shelves {
        runbooks: &|id| runbooks.get(id).cloned(),
        playbooks: &|id| playbooks.get(id).cloned(),
    })
}

#[test]
fn every_built_in_playbook_is_valid() {
    shelves(|shelves| {
        assert!(!builtin().is_empty());
        for source in builtin() {
            if let Err(diags) = load(&source.text, &source.file, shelves) {
                panic!(
                    "{}",
                    crate::yaml::render(&diags, &source.file, &source.text)
                );
            }
        }
    });
}
