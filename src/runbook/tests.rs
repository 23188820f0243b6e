#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

#[test]
fn every_built_in_runbook_is_valid() {
    let library = Library::new(vec![], builtin());
    assert!(library.all().len() >= 6);
    for source in library.all() {
        if let Err(diags) = load(&source.text, &source.file, &|id| library.get(id).cloned()) {
            panic!(
                "{}",
                crate::yaml::render(&diags, &source.file, &source.text)
            );
        }
    }
}
