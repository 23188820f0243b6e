//! `do: { runbook: { id, params } }`: the steps of another runbook, flattened into this one.
//!
//! Ids become `parent.child`. What the other requires becomes gates before its first step, what it calls recovered
//! becomes gates after its last; the including step's own `before` and `after` go around them. The other's parameters are
//! replaced by what is given, so nothing is left to look up later; what its steps find out is read as
//! `steps.parent.child.…` from outside, while inside it reads `steps.child.…` as ever.
use std::collections::BTreeMap;

use super::load::{literal, load_within, param_type};
use super::model::{Param, ParamType, Runbook, Step};
use super::reader::{Reader, below};
use super::{Find, results};
use crate::expr::{self, Bindings, Expr, Types};

/// Where the include stands.
pub(super) struct Include<'a> {
    pub path: &'a str,
    pub types: &'a Types,
    pub params: &'a BTreeMap<String, Param>,
    pub find: &'a Find<'a>,
}

/// The steps it stands for; `parent` carries id and `before` of the including step.
pub(super) fn steps(r: &mut Reader<'_>, at: &Include<'_>, parent: &Step, open: &mut Vec<String>) -> Vec<Step> {
    // An `if` would be asked again before every step, and the first of them may change the answer.
    for key in ["if", "retry", "may_skip", "on_failure"] {
        if r.has(&below(at.path, key)) {
            let hint = "put it on the steps of the included runbook".to_string();
            r.error_at_key(at.path, key, format!("`{key}` can't stand on an include"), Some(hint));
        }
    }
    let path = format!("{}/do/runbook", at.path);
    let given = below(&path, "params");
    let Some(child) = find(r, at, &path, open) else {
        r.excuse(&given);
        return Vec::new();
    };
    let Some(bindings) = bindings(r, at, &path, &child) else {
        return Vec::new();
    };
    let bindings = results::below(bindings, &parent.id);
    let mut steps: Vec<Step> = child.steps.iter().map(|s| bound(s, parent, &bindings)).collect();
    let require: Vec<_> = child.require.iter().map(|g| g.bind(&bindings)).collect();
    let recovered: Vec<_> = child.recovered.iter().map(|g| g.bind(&bindings)).collect();
    if let Some(first) = steps.first_mut() {
        first.before = [parent.before.clone(), require, std::mem::take(&mut first.before)].concat();
    }
    if let Some(last) = steps.last_mut() {
        last.after.extend(recovered);
    }
    steps
}

fn find(r: &mut Reader<'_>, at: &Include<'_>, path: &str, open: &mut Vec<String>) -> Option<Runbook> {
    let id_path = below(path, "id");
    let id = r.text(&id_path)?;
    if open.contains(&id) {
        let circle = [open.as_slice(), std::slice::from_ref(&id)].concat().join(" → ");
        r.error(&id_path, format!("this runbook includes itself: {circle}"), None);
        return None;
    }
    let Some(source) = (at.find)(&id) else {
        r.error(&id_path, format!("there is no runbook `{id}`"), Some("`redis-dr runbook list` shows them".into()));
        return None;
    };
    match load_within(&source.text, &source.file, at.find, open) {
        Ok(child) => guarded_ends(r, &id_path, child),
        Err(errors) => {
            let first = errors.first().map_or(String::new(), |e| format!(": {}:{}: {}", e.line, e.column, e.message));
            let message = format!("runbook {id} is not valid ({} errors in {}{first})", errors.len(), source.file);
            r.error(&id_path, message, Some(format!("redis-dr runbook lint {}", source.file)));
            None
        }
    }
}

/// A skipped step's gates are not asked, so the steps that get the child's own gates must not be conditional.
fn guarded_ends(r: &mut Reader<'_>, path: &str, child: Runbook) -> Option<Runbook> {
    let first = child.steps.first().filter(|s| s.only_if.is_some() && !child.require.is_empty());
    let last = child.steps.last().filter(|s| s.only_if.is_some() && !child.recovered.is_empty());
    let Some(step) = first.or(last) else {
        return Some(child);
    };
    let message = format!("runbook {} can't be included: its step `{}` has an `if`", child.id, step.id);
    let hint = "what it requires is asked before its first step and what it calls recovered after its last: \
                those two must always be taken";
    r.error(path, message, Some(hint.into()));
    None
}

fn bound(step: &Step, parent: &Step, bindings: &Bindings) -> Step {
    Step { id: format!("{}.{}", parent.id, step.id), ..step.bind(bindings) }
}

/// What each parameter of the child stands for.
fn bindings(r: &mut Reader<'_>, at: &Include<'_>, path: &str, child: &Runbook) -> Option<Bindings> {
    let given_path = below(path, "params");
    let given = r.keys(&given_path);
    for name in given.iter().filter(|n| !child.params.contains_key(*n)) {
        r.site(&below(&given_path, name));
        let e = child.no_param(name);
        r.error_at_key(&given_path, name, e.message, Some(e.hint));
    }
    let mut bindings = Bindings::default();
    let mut whole = true;
    for (name, param) in &child.params {
        let place = below(&given_path, name);
        let value = if given.contains(name) {
            value(r, at, &place, param)
        } else {
            unspoken(r, at, path, name, param, &child.id)
        };
        let Some(value) = value else {
            whole = false;
            continue;
        };
        if param.kind == ParamType::RecoveryPoint && name == "point" {
            bindings = bindings.with("point", &value);
        }
        bindings = bindings.with(format!("params.{name}"), &value);
    }
    whole.then_some(bindings)
}

/// A parameter that was given: a literal, or one whole `${…}`.
fn value(r: &mut Reader<'_>, at: &Include<'_>, place: &str, param: &Param) -> Option<Expr> {
    let wanted = param_type(param.kind);
    if r.site(place).is_some() {
        let template = r.template(place, at.types, Some(&wanted))?;
        let Some(expr) = template.alone().cloned() else {
            let hint = "give one `${…}` and nothing around it, or plain text";
            r.error(place, "a parameter of an included runbook can't mix text and `${…}`", Some(hint.into()));
            return None;
        };
        return kinds_fit(r, at, place, param, expr);
    }
    if param.kind == ParamType::RecoveryPoint {
        r.error(place, "a recovery point is wanted here", Some("such as \"${point}\"".into()));
        return None;
    }
    match literal(r, place, param.kind) {
        Ok(json) => Expr::of(&json, &wanted),
        Err(message) => {
            r.error(place, message, Some(format!("such as {}", param.kind.example())));
            None
        }
    }
}

/// The child must take every kind of point that the parent may hand it.
fn kinds_fit(r: &mut Reader<'_>, at: &Include<'_>, place: &str, param: &Param, expr: Expr) -> Option<Expr> {
    if param.kind != ParamType::RecoveryPoint || param.kinds.is_empty() {
        return Some(expr);
    }
    let Some(name) = expr.as_name() else {
        return Some(expr);
    };
    let ours = at.params.get(name.strip_prefix("params.").unwrap_or(name))?;
    let odd = ours.kinds.iter().find(|k| !param.kinds.contains(k));
    if odd.is_none() && !ours.kinds.is_empty() {
        return Some(expr);
    }
    let takes: Vec<String> = param.kinds.iter().map(|k| super::kind_word(*k)).collect();
    let message = match odd {
        Some(kind) => {
            format!("`{name}` may be of kind {}, which the included runbook does not take", super::kind_word(*kind))
        }
        None => format!("`{name}` may be of any kind, the included runbook takes only some"),
    };
    r.error(place, message, Some(format!("it takes {}", takes.join(", "))));
    None
}

/// A parameter that was not given: its default; for `point` the parent's own.
fn unspoken(r: &mut Reader<'_>, at: &Include<'_>, path: &str, name: &str, param: &Param, id: &str) -> Option<Expr> {
    let parents = at.params.get("point").is_some_and(|p| p.kind == ParamType::RecoveryPoint);
    match (&param.default, param.kind) {
        (_, ParamType::RecoveryPoint) if parents => {
            let expr = expr::check("point", at.types, None).ok()?;
            kinds_fit(r, at, path, param, expr)
        }
        (Some(json), kind) if kind != ParamType::RecoveryPoint => Expr::of(json, &param_type(kind)),
        _ => {
            let hint = format!("params: {{ {name}: {} }}", param.kind.example());
            r.error(path, format!("runbook {id} needs the parameter `{name}`"), Some(hint));
            None
        }
    }
}
