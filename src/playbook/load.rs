//! Text to [`Playbook`]: structure, expressions, and that every branch ends somewhere and can be reached.
use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::model::{Ending, Given, Playbook, Rule, Then};
use super::reach;
use crate::expr::{Type, Types};
use crate::facts::PointKind;
use crate::runbook::lint;
use crate::runbook::reader::{Reader, below};
use crate::runbook::{self, Find, ParamType, Runbook};
use crate::yaml::Diag;

/// Where the things that a playbook leads to are looked up.
pub struct Shelves<'a> {
    /// Runbooks by id.
    pub runbooks: &'a Find<'a>,
    /// Playbooks by id.
    pub playbooks: &'a Find<'a>,
}

/// Reads and checks one playbook, and those it leads to.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn load(text: &str, file: &str, shelves: &Shelves<'_>) -> Result<Playbook, Vec<Diag>> {
    load_within(text, file, shelves, &mut Vec::new())
}

fn load_within(text: &str, file: &str, shelves: &Shelves<'_>, open: &mut Vec<String>) -> Result<Playbook, Vec<Diag>> {
    let mut reader = Reader::open(text, super::schema())?;
    let playbook = read(&mut reader, text, file, shelves, open);
    reader.finish(playbook)
}

fn read(r: &mut Reader<'_>, text: &str, file: &str, shelves: &Shelves<'_>, open: &mut Vec<String>) -> Option<Playbook> {
    lint::head(r, "playbook", file);
    let id = r.text("/playbook").unwrap_or_default();
    open.push(id.clone());
    let mut tree = Tree { types: runbook::vocabulary(), shelves, known: BTreeMap::new(), open };
    let rules: Vec<Option<Rule>> = (0..r.count("/decide")).map(|i| tree.rule(r, &below("/decide", i))).collect();
    open.pop();
    if rules.is_empty() && r.has("/decide") {
        r.error_at_key("", "decide", "`decide` is empty", Some("end it with `- otherwise: needs_human`".into()));
    }
    reach::reachable(r, &rules);
    Some(Playbook {
        id,
        file: file.to_string(),
        text: text.to_string(),
        title: r.text("/title")?,
        assess: r.value("/assess")?,
        rules: rules.into_iter().collect::<Option<Vec<Rule>>>()?,
    })
}

struct Tree<'a> {
    types: Types,
    shelves: &'a Shelves<'a>,
    /// Runbooks read so far; none where one is not valid, which is said once.
    known: BTreeMap<String, Option<Runbook>>,
    open: &'a mut Vec<String>,
}

const ENDS: [&str; 4] = ["outcome", "runbook", "restore", "playbook"];

impl Tree<'_> {
    fn rule(&mut self, r: &mut Reader<'_>, path: &str) -> Option<Rule> {
        let because = r.template(&below(path, "because"), &self.types, Some(&Type::Str));
        let has = |key: &str| r.has(&below(path, key));
        let (when, otherwise) = (has("when"), has("otherwise"));
        let ends: Vec<&str> = ENDS.into_iter().filter(|k| has(k)).collect();
        let stray_with = has("with") && !has("runbook");
        if stray_with {
            r.error_at_key(path, "with", "`with` gives parameters to a `runbook`, and there is none", None);
        }
        match (when, otherwise) {
            (true, true) => r.error_at_key(path, "otherwise", "a rule has `when` or `otherwise`, not both", None),
            (false, false) => r.error(path, "a rule needs `when` or `otherwise`", None),
            _ => {}
        }
        if otherwise {
            if let Some(extra) = ends.first().filter(|_| !when) {
                let hint = "a rule that always holds and leads to a runbook is written `when: true`";
                r.error_at_key(path, extra, "`otherwise` names the outcome itself", Some(hint.into()));
            }
            let ending: Option<Ending> = r.value(&below(path, "otherwise"));
            return Some(Rule { when: None, because: because?, then: Then::Outcome(ending?) });
        }
        let when = if when { r.condition(&below(path, "when"), &self.types) } else { None };
        let then = match ends.as_slice() {
            [end] => self.then(r, path, end),
            [] => {
                let hint = "outcome: healthy | wait | needs_human, or runbook, restore or playbook";
                r.error(path, "this rule leads nowhere", Some(hint.into()));
                None
            }
            [_, second, ..] => {
                r.error_at_key(path, second, format!("a rule leads to one end, this has {}", ends.join(" and ")), None);
                None
            }
        };
        Some(Rule { when: Some(when?), because: because?, then: then? })
    }

    fn then(&mut self, r: &mut Reader<'_>, path: &str, end: &str) -> Option<Then> {
        let place = below(path, end);
        match end {
            "outcome" => r.value(&place).map(Then::Outcome),
            "runbook" => {
                let id = r.text(&place)?;
                let Some(runbook) = self.runbook(r, &place, &id) else {
                    r.excuse(&below(path, "with"));
                    return None;
                };
                let with = self.with(r, &below(path, "with"), &place, &runbook)?;
                Some(Then::Runbook { id, with, kinds: runbook.point_kinds().map(<[_]>::to_vec) })
            }
            "restore" => self.restore(r, &place),
            _ => self.playbook(r, &place),
        }
    }

    fn runbook(&mut self, r: &mut Reader<'_>, path: &str, id: &str) -> Option<Runbook> {
        if let Some(known) = self.known.get(id) {
            return known.clone();
        }
        let found = match (self.shelves.runbooks)(id) {
            None => {
                r.error(path, format!("there is no runbook `{id}`"), Some("`redis-dr runbook list` shows them".into()));
                None
            }
            Some(source) => match runbook::load(&source.text, &source.file, self.shelves.runbooks) {
                Ok(runbook) => Some(runbook),
                Err(errors) => {
                    r.error(
                        path,
                        invalid("runbook", id, &source.file, &errors),
                        Some(format!("redis-dr runbook lint {}", source.file)),
                    );
                    None
                }
            },
        };
        self.known.insert(id.to_string(), found.clone());
        found
    }

    fn with(&mut self, r: &mut Reader<'_>, path: &str, at: &str, runbook: &Runbook) -> Option<BTreeMap<String, Given>> {
        let mut given = BTreeMap::new();
        let names = r.keys(path);
        for name in &names {
            let place = below(path, name);
            let Some(param) = runbook.params.get(name) else {
                let e = runbook.no_param(name);
                r.site(&place);
                r.error_at_key(path, name, e.message, Some(e.hint));
                continue;
            };
            if param.kind == ParamType::RecoveryPoint {
                r.site(&place);
                let hint = "it is the best one of its kinds, or the one that a person chooses";
                r.error(&place, "the recovery point is not chosen by a rule", Some(hint.into()));
                continue;
            }
            if r.site(&place).is_some() {
                let wanted = runbook::param_type(param.kind);
                if let Some(template) = r.template(&place, &self.types, Some(&wanted)) {
                    given.insert(name.clone(), Given::Template(template));
                }
                continue;
            }
            match runbook::literal(r, &place, param.kind) {
                Ok(value) => {
                    given.insert(name.clone(), Given::Literal(value));
                }
                Err(message) => r.error(&place, message, Some(format!("such as {}", param.kind.example()))),
            }
        }
        needs_nothing(r, at, runbook, &names).then_some(given)
    }

    fn restore(&mut self, r: &mut Reader<'_>, path: &str) -> Option<Then> {
        let mut map = BTreeMap::new();
        let mut whole = true;
        for word in r.keys(path) {
            let place = below(path, &word);
            let kind: Option<PointKind> = serde_json::from_value(Json::String(word.clone())).ok();
            let (Some(kind), Some(id)) = (kind, r.text(&place)) else {
                continue;
            };
            let Some(runbook) = self.runbook(r, &place, &id) else {
                whole = false;
                continue;
            };
            if !runbook.takes(kind) {
                let takes: Vec<String> =
                    runbook.point_kinds().unwrap_or_default().iter().map(|k| runbook::kind_word(*k)).collect();
                let hint = if takes.is_empty() {
                    "it takes no point".into()
                } else {
                    format!("it takes {}", takes.join(", "))
                };
                r.error(&place, format!("runbook {id} does not restore points of kind {word}"), Some(hint));
            }
            whole &= needs_nothing(r, &place, &runbook, &[]);
            map.insert(kind, id);
        }
        if map.is_empty() && whole && r.has(path) && r.diags.is_empty() {
            r.error(path, "`restore` names no kind of point", Some("such as { rdb: restore-rdb }".into()));
        }
        whole.then_some(Then::Restore(map))
    }

    fn playbook(&mut self, r: &mut Reader<'_>, path: &str) -> Option<Then> {
        let id = r.text(path)?;
        if self.open.contains(&id) {
            let circle = [self.open.as_slice(), std::slice::from_ref(&id)].concat().join(" → ");
            r.error(path, format!("this playbook leads to itself: {circle}"), None);
            return None;
        }
        let Some(source) = (self.shelves.playbooks)(&id) else {
            r.error(path, format!("there is no playbook `{id}`"), Some("`redis-dr playbook list` shows them".into()));
            return None;
        };
        match load_within(&source.text, &source.file, self.shelves, self.open) {
            Ok(playbook) => Some(Then::Playbook(Box::new(playbook))),
            Err(errors) => {
                let hint = format!("redis-dr playbook lint {}", source.file);
                r.error(path, invalid("playbook", &id, &source.file, &errors), Some(hint));
                None
            }
        }
    }
}

fn invalid(what: &str, id: &str, file: &str, errors: &[Diag]) -> String {
    let first = errors.first().map_or(String::new(), |e| format!(": {}:{}: {}", e.line, e.column, e.message));
    format!("{what} {id} is not valid ({} errors in {file}{first})", errors.len())
}

/// Every parameter has a default or is given.
fn needs_nothing(r: &mut Reader<'_>, path: &str, runbook: &Runbook, given: &[String]) -> bool {
    let mut fine = true;
    for (name, param) in &runbook.params {
        let covered = param.kind == ParamType::RecoveryPoint || param.default.is_some() || given.contains(name);
        if !covered {
            fine = false;
            let hint = format!("with: {{ {name}: {} }}", param.kind.example());
            r.error(path, format!("runbook {} needs the parameter `{name}`", runbook.id), Some(hint));
        }
    }
    fine
}
