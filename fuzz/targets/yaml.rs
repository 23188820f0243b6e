//! A runbook, a playbook, its cases, a drill, data checks, a configuration: any text is read or refused without a panic, and
//! every mistake lies in the text and can be shown.
#![no_main]
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use redis_dr::config::Config;
use redis_dr::playbook::{self, Shelves};
use redis_dr::runbook::{self, Library};
use redis_dr::yaml::{self, Diag};
use redis_dr::{checks, drill};

static RUNBOOKS: LazyLock<Library> = LazyLock::new(|| Library::new(Vec::new(), runbook::builtin()));
static PLAYBOOKS: LazyLock<Library> = LazyLock::new(|| Library::new(Vec::new(), playbook::builtin()));
static NAMED: LazyLock<drill::Named> = LazyLock::new(|| drill::Named::new(&RUNBOOKS, &PLAYBOOKS));

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let tree = match yaml::parse(text) {
        Ok(tree) => tree,
        Err(diags) => return shown(&diags, text),
    };
    let _ = (yaml::to_json(&tree), tree.locate("/steps/0/do"), tree.describe());
    let find = |id: &str| RUNBOOKS.get(id).cloned();
    let playbooks = |id: &str| PLAYBOOKS.get(id).cloned();
    // A document says what it is; reading each as all of them would find their own head wrong and stop there.
    let says = |key: &str| tree.get(key).is_some();
    if says("runbook") && !says("decide") {
        let read = runbook::load(text, "mine.yaml", &find).map(|book| {
            let chart = book.chart();
            (chart.mermaid(), chart.dot(), book.outline(), book.names())
        });
        shown(&read.err().unwrap_or_default(), text);
    } else if says("decide") {
        let read = playbook::load(text, "mine.yaml", &Shelves { runbooks: &find, playbooks: &playbooks }).map(|book| {
            let chart = book.chart();
            (chart.mermaid(), chart.dot(), book.outline(), book.names())
        });
        shown(&read.err().unwrap_or_default(), text);
    } else if says("cases") {
        shown(&playbook::cases(text).err().unwrap_or_default(), text);
    } else if says("drill") {
        shown(&drill::load(text, "mine.yaml", &NAMED).err().unwrap_or_default(), text);
    } else if says("checks") {
        shown(&checks::load(text).err().unwrap_or_default(), text);
    } else if let Err(error) = Config::from_text(text, "redis-dr.yaml") {
        assert!(!error.lines().is_empty());
    }
});

fn shown(diags: &[Diag], text: &str) {
    let lines = 1 + text.matches('\n').count() + text.matches('\r').count();
    for diag in diags {
        assert!(diag.line >= 1 && diag.line <= lines && diag.column >= 1, "{diag:?}");
    }
    let screen = yaml::render(diags, "mine.yaml", text);
    assert!(screen.chars().all(|c| c == '\n' || !c.is_control()), "{screen:?}");
}
