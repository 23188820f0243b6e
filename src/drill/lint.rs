//! Text to [`Scenario`]: structure, and that what it names is there. Every mistake with its place.
use super::scenario::{Deed, Expected, Scenario};
use crate::playbook::{self, Shelves};
use crate::redis_conf;
use crate::runbook::Library;
use crate::yaml::{self, Diag, Node, nearest};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

/// The JSON schema of a scenario. `redis-dr drill schema` prints it.
pub fn schema() -> &'static Json {
    static SCHEMA: LazyLock<Json> = LazyLock::new(|| schemars::schema_for!(Scenario).to_value());
    &SCHEMA
}

/// Directives that are the sandbox's own: with another value a drill could leave it.
const OWN: &[&str] = &[
    "port",
    "bind",
    "dir",
    "include",
    "loadmodule",
    "logfile",
    "pidfile",
    "unixsocket",
    "daemonize",
    "supervised",
    "dbfilename",
    "appendfilename",
    "appenddirname",
    "replicaof",
    "slaveof",
    "aclfile",
    "requirepass",
    "tls-port",
    "cluster-enabled",
    "rename-command",
];

/// Most keys that one deed writes.
const MOST_KEYS: u64 = 1_000_000;

/// What a scenario can name: runbooks, and the rules of all playbooks.
#[derive(Debug, Clone)]
pub struct Named {
    runbooks: Vec<String>,
    rules: Vec<Written>,
}

impl Named {
    /// Reads the rules; those of a playbook that is not valid are missing, which its own lint tells of.
    #[must_use]
    pub fn new(runbooks: &Library, playbooks: &Library) -> Self {
        let runbook = |id: &str| runbooks.get(id).cloned();
        let playbook = |id: &str| playbooks.get(id).cloned();
        let shelves = Shelves { runbooks: &runbook, playbooks: &playbook };
        let books = playbooks.all().iter().filter_map(|s| playbook::load(&s.text, &s.file, &shelves).ok());
        let rules = books.flat_map(|book| book.rules).map(|rule| Written {
            when: rule.when.as_ref().map(|w| w.source().to_string()).unwrap_or_default(),
            because: rule.because.source().to_string(),
        });
        Self { runbooks: runbooks.all().iter().map(|s| s.id.clone()).collect(), rules: rules.collect() }
    }
}

/// A rule as it is written.
#[derive(Debug, Clone)]
struct Written {
    when: String,
    because: String,
}

/// Reads and checks a scenario.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn load(text: &str, file: &str, named: &Named) -> Result<Scenario, Vec<Diag>> {
    let node = yaml::parse(text)?;
    let mut diags = yaml::check(&node, schema(), false, &mut Vec::new());
    if !diags.is_empty() {
        return Err(diags);
    }
    let scenario: Scenario = yaml::from_node(&node)?;
    let mut lint = Lint { node: &node, diags: &mut diags };
    lint.head(&scenario, file);
    lint.deeds(&scenario);
    lint.settings("/config", &scenario.config);
    lint.expectation(&scenario, named);
    diags.sort_by_key(|d| (d.line, d.column));
    if diags.is_empty() { Ok(scenario) } else { Err(diags) }
}

struct Lint<'a> {
    node: &'a Node,
    diags: &'a mut Vec<Diag>,
}

impl Lint<'_> {
    fn error(&mut self, pointer: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.diags.push(self.node.diag_at(pointer, message, Some(hint.into())));
    }

    fn head(&mut self, scenario: &Scenario, file: &str) {
        if scenario.version != 1 {
            self.error("/version", "this redis-dr reads version 1", "version: 1");
        }
        let stem = Path::new(file).file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        if stem != scenario.drill {
            let hint = format!("drill: {stem}");
            self.error("/drill", format!("the id `{}` is not the file's name", scenario.drill), hint);
        }
        if scenario.criteria.back_within.0 <= 0.0 {
            self.error("/criteria/back_within", "it must be longer than nothing", "such as 5m");
        }
        if !(0.0..=100.0).contains(&scenario.criteria.lost_percent) {
            self.error("/criteria/lost_percent", "percent are between 0 and 100", "such as 1");
        }
    }

    fn deeds(&mut self, scenario: &Scenario) {
        if scenario.fault.is_empty() {
            self.error("/fault", "`fault` is empty: nothing would break", "such as - kill");
        }
        for (list, deeds) in [("before", &scenario.before), ("fault", &scenario.fault), ("mend", &scenario.mend)] {
            for (i, deed) in deeds.iter().enumerate() {
                self.deed(&format!("/{list}/{i}"), deed, scenario);
            }
        }
        if !scenario.before.iter().any(|deed| matches!(deed, Deed::Write(_))) {
            self.error("/before", "nothing is written, so nothing could be lost", "- write: { keys: 5000 }");
        }
    }

    fn deed(&mut self, pointer: &str, deed: &Deed, scenario: &Scenario) {
        if let Some(need) = deed.need().filter(|need| !scenario.needs.contains(need)) {
            let word = need.word();
            self.error(pointer, format!("this needs {word}, which `needs` does not say"), format!("needs: [{word}]"));
        }
        match deed {
            Deed::Write(write) if write.keys == 0 || write.keys > MOST_KEYS => {
                let message = format!("between 1 and {MOST_KEYS} keys can be written at once");
                self.error(&format!("{pointer}/write/keys"), message, "such as keys: 5000");
            }
            Deed::Backup(named) | Deed::EmptyBackup(named) => {
                let path = Path::new(&named.name);
                if path.file_name() != Some(path.as_os_str()) || named.name.starts_with('.') {
                    let tag = if matches!(deed, Deed::Backup(_)) { "backup" } else { "empty_backup" };
                    let message = format!("`{}` is not the name of a file", yaml::printable(&named.name));
                    self.error(&format!("{pointer}/{tag}/name"), message, "such as dump-1.rdb");
                }
            }
            _ => {}
        }
        if let Some(settings) = deed.settings() {
            self.lines(&format!("{pointer}/configure"), settings);
        }
    }

    /// What the server reads from the start must be something it knows.
    fn settings(&mut self, pointer: &str, settings: &BTreeMap<String, String>) {
        for name in settings.keys() {
            if !redis_conf::knows(None, name) {
                self.error(&format!("{pointer}/{name}"), format!("no server knows the directive `{name}`"), {
                    "a line that the server must refuse belongs under fault: - configure:"
                });
            }
        }
        self.lines(pointer, settings);
    }

    /// A line that is a fault may be nonsense; it may not lead out of the sandbox.
    fn lines(&mut self, pointer: &str, settings: &BTreeMap<String, String>) {
        for (name, value) in settings {
            let place = format!("{pointer}/{name}");
            let own = OWN.contains(&name.to_lowercase().as_str());
            if own {
                self.error(&place, format!("`{name}` is the sandbox's own"), "leave it out");
            } else if name.is_empty() || name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
                self.error(&place, "this is not the name of a directive", "such as maxmemory");
            } else if value.chars().any(char::is_control) {
                self.error(&place, "a line of redis.conf has no control characters", "one directive for each line");
            }
        }
    }

    fn expectation(&mut self, scenario: &Scenario, named: &Named) {
        let expect = &scenario.expect;
        if let Some(id) = &expect.runbook
            && !named.runbooks.contains(id)
        {
            let near =
                nearest(id, named.runbooks.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
            let hint = near.unwrap_or_else(|| "redis-dr runbook list".into());
            self.error("/expect/runbook", format!("there is no runbook `{id}`"), hint);
        }
        let comes_back = expect.outcome == Expected::Recovered || !scenario.mend.is_empty();
        match (&expect.runbook, comes_back) {
            (None, true) => self.error("/expect", "it comes back, and no runbook is named", "runbook: ID"),
            (Some(_), false) => {
                let message = "it is refused and nobody mends it, so no runbook is carried out";
                self.error("/expect/runbook", message, "leave it out, or say under `mend` what a person does");
            }
            _ => {}
        }
        if expect.outcome == Expected::Recovered && !scenario.mend.is_empty() {
            self.error("/mend", "nothing is left to mend where it is recovered", "outcome: refused");
        }
        let rules = &named.rules;
        if !rules.iter().any(|rule| says(rule, &expect.rule)) {
            let near = nearest(&expect.rule, rules.iter().map(|r| r.because.as_str()));
            let hint = near.map_or_else(
                || "redis-dr playbook graph triage shows them".to_string(),
                |near| format!("did you mean `{near}`?"),
            );
            self.error("/expect/rule", "no rule of any playbook has this condition, or a reason that begins so", hint);
        }
    }
}

/// Is it this rule that is meant: by its condition, or by the beginning of its reason?
fn says(rule: &Written, words: &str) -> bool {
    !words.is_empty() && (rule.when == words || rule.because.starts_with(words))
}
