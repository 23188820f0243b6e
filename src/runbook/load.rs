//! Text to [`Runbook`]: structure by the schema, expressions by their types, then the rules of the grammar.
use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value as Json;

use super::act::{Do, Shape};
use super::include::{self, Include};
use super::model::{Gate, Param, ParamType, Runbook, Step};
use super::reader::{Reader, below};
use super::results::Results;
use super::{Find, lint};
use crate::expr::{Type, Types};
use crate::facts::{self, Seconds};
use crate::yaml::{Diag, Value};

/// Reads and checks one runbook. `find` looks up the runbooks it includes.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn load(text: &str, file: &str, find: &Find<'_>) -> Result<Runbook, Vec<Diag>> {
    load_within(text, file, find, &mut Vec::new())
}

/// `open` are the ids of the runbooks that are being read and include this one.
pub(super) fn load_within(
    text: &str,
    file: &str,
    find: &Find<'_>,
    open: &mut Vec<String>,
) -> Result<Runbook, Vec<Diag>> {
    let mut reader = Reader::open(text, super::schema())?;
    let runbook = read(&mut reader, text, file, find, open);
    lint::written(&mut reader);
    if let Some(runbook) = &runbook {
        lint::opened(&mut reader, runbook);
    }
    reader.finish(runbook)
}

/// The names that conditions of playbooks and runbooks can read.
pub fn vocabulary() -> Types {
    // `unknown` tells why a fact is null; its keys are dotted names themselves.
    static TYPES: LazyLock<Types> = LazyLock::new(|| Types::from_schema(&facts::schema()).without("unknown"));
    TYPES.clone()
}

fn read(r: &mut Reader<'_>, text: &str, file: &str, find: &Find<'_>, open: &mut Vec<String>) -> Option<Runbook> {
    lint::head(r, "runbook", file);
    let params = params(r);
    let types = types(&params);
    let id = r.text("/runbook").unwrap_or_default();
    r.site("/title");
    let title = r.text("/title");
    if title.as_deref().is_some_and(|t| t.contains("${")) {
        r.error("/title", "the title of a runbook is fixed text", Some("titles of steps may hold `${…}`".into()));
    }
    let mut results = Results::new(r);
    let require = gates(r, "/require", &results.none(&types, "no step has been taken when this is asked"));
    open.push(id.clone());
    let steps = steps(r, &types, &params, &mut results, find, open);
    open.pop();
    let recovered = gates(r, "/recovered", &results.so_far(&types));
    Some(Runbook {
        id,
        file: file.to_string(),
        text: text.to_string(),
        title: title?,
        risk: r.value("/risk")?,
        params,
        require,
        steps,
        recovered,
    })
}

fn params(r: &mut Reader<'_>) -> BTreeMap<String, Param> {
    let mut params = BTreeMap::new();
    for name in r.keys("/params") {
        let path = below("/params", &name);
        lint::param_name(r, &name);
        let Some(kind) = r.value::<ParamType>(&below(&path, "type")) else {
            continue;
        };
        let kinds = r.value(&below(&path, "kinds")).unwrap_or_default();
        if kind != ParamType::RecoveryPoint && r.has(&below(&path, "kinds")) {
            r.error_at_key(&path, "kinds", "only a recovery_point has kinds", None);
        }
        let default = default(r, &below(&path, "default"), kind);
        params.insert(name, Param { kind, kinds, default });
    }
    params
}

fn default(r: &mut Reader<'_>, path: &str, kind: ParamType) -> Option<Json> {
    if !r.has(path) {
        return None;
    }
    match literal(r, path, kind) {
        Ok(Json::String(s)) if kind == ParamType::RecoveryPoint && s != "best" => {
            r.error(
                path,
                format!("`{s}` can't be the default of a recovery point"),
                Some("the default is `best`".into()),
            );
            None
        }
        Ok(value) => Some(value),
        Err(message) => {
            r.error(path, message, Some(format!("such as {}", kind.example())));
            None
        }
    }
}

/// A literal of a parameter's type. A number where text is needed is an error, as everywhere.
pub(crate) fn literal(r: &Reader<'_>, path: &str, kind: ParamType) -> Result<Json, String> {
    let Some(node) = r.node(path) else {
        return Err("it is missing".into());
    };
    match (&node.value, kind) {
        (Value::Int(i), ParamType::Int) => Ok(Json::from(*i)),
        (Value::Bool(b), ParamType::Bool) => Ok(Json::Bool(*b)),
        (Value::Seq(items), ParamType::List) => {
            let text = |item: &crate::yaml::Node| item.as_str().map(Json::from).ok_or(item.describe());
            let texts: Result<Vec<Json>, String> = items.iter().map(text).collect();
            texts.map(Json::Array).map_err(|odd| format!("{odd} is not text: quote it"))
        }
        (Value::Str(_), ParamType::List) => Err(format!("{} is no list", node.describe())),
        (Value::Str(_), ParamType::Int | ParamType::Bool) => Err(format!("{} is quoted", node.describe())),
        (Value::Str(s), kind) => kind.parse(s),
        (Value::Int(_) | Value::Float(_) | Value::Bool(_), ParamType::String | ParamType::Path) => {
            Err(format!("{} is not text: quote it", node.describe()))
        }
        (Value::Int(_) | Value::Float(_), ParamType::Duration | ParamType::Size) => {
            Err(format!("{} has no unit", node.describe()))
        }
        _ => Err(format!("{} can't stand here", node.describe())),
    }
}

/// The facts, `estimate`, `params`, and `point` where the runbook has such a parameter.
fn types(params: &BTreeMap<String, Param>) -> Types {
    static ESTIMATE: LazyLock<Option<Type>> = LazyLock::new(|| {
        let schema = crate::action::estimate_schema();
        Type::from_schema(&schema, &schema)
    });
    let mut types = vocabulary();
    if let Some(ty) = &*ESTIMATE {
        types = types.with("estimate", ty.clone());
    }
    let fields = params.iter().map(|(n, p)| (n.clone(), param_type(p.kind)));
    types = types.with("params", Type::object("params", fields));
    match params.get("point") {
        Some(p) if p.kind == ParamType::RecoveryPoint => types.with("point", param_type(p.kind)),
        _ => types,
    }
}

pub(crate) fn param_type(kind: ParamType) -> Type {
    static POINT: LazyLock<Type> = LazyLock::new(|| {
        let schema = facts::point_schema();
        Type::from_schema(&schema, &schema).unwrap_or_else(|| Type::object("Point", []))
    });
    match kind {
        ParamType::RecoveryPoint => POINT.clone(),
        ParamType::String | ParamType::Path => Type::Str,
        ParamType::Int => Type::Int,
        ParamType::Bool => Type::Bool,
        ParamType::Duration => Type::Duration,
        ParamType::Size => Type::Size,
        ParamType::List => Type::List(Box::new(Type::Str)),
    }
}

pub(super) fn gates(r: &mut Reader<'_>, path: &str, types: &Types) -> Vec<Gate> {
    (0..r.count(path)).filter_map(|i| gate(r, &below(path, i), types)).collect()
}

fn gate(r: &mut Reader<'_>, path: &str, types: &Types) -> Option<Gate> {
    let that = r.condition(&below(path, "that"), types);
    let because = r.template(&below(path, "because"), types, Some(&Type::Str));
    let within: Option<Seconds> = r.value(&below(path, "within"));
    let every: Option<Seconds> = r.value(&below(path, "every"));
    lint::waiting(r, path, within, every);
    Some(Gate { that: that?, because, within, every })
}

fn steps(
    r: &mut Reader<'_>,
    types: &Types,
    params: &BTreeMap<String, Param>,
    results: &mut Results,
    find: &Find<'_>,
    open: &mut Vec<String>,
) -> Vec<Step> {
    let planned = results.none(
        types,
        "what a step finds out is not known yet: this is settled when the plan is made, before any step is taken",
    );
    let mut all = Vec::new();
    for i in 0..r.count("/steps") {
        let path = below("/steps", i);
        let only_if = if r.has(&below(&path, "if")) { r.condition(&below(&path, "if"), &planned) } else { None };
        let id = r.text(&below(&path, "id")).unwrap_or_default();
        let earlier = results.so_far(types);
        let title = r.template(&below(&path, "title"), &earlier, Some(&Type::Str));
        let before = gates(r, &below(&path, "before"), &earlier);
        let shell = |title, action, after| Step {
            id: id.clone(),
            title,
            action,
            only_if: only_if.clone(),
            before: before.clone(),
            after,
            may_skip: false,
            retry: None,
            on_failure: None,
        };
        let doing = below(&path, "do");
        let after_path = below(&path, "after");
        if r.keys(&doing).first().map(String::as_str) == Some("runbook") {
            let site = Include { path: &path, types: &planned, params, find };
            // The action is a stand-in: every step that comes out has its own.
            let stand_in = Do { name: "runbook".into(), with: Shape::Json(Json::Null) };
            let mut steps =
                title.map_or(vec![], |title| include::steps(r, &site, &shell(title, stand_in, vec![]), open));
            results.taken(&id, steps.iter().map(|s| (s.id.as_str(), s.action.name())));
            let after = gates(r, &after_path, &results.so_far(types));
            if let Some(last) = steps.last_mut() {
                last.after.extend(after);
            }
            all.extend(steps);
            continue;
        }
        let name = r.keys(&doing).into_iter().next();
        results.taken(&id, name.iter().map(|name| (id.as_str(), name.as_str())));
        let after = gates(r, &after_path, &results.so_far(types));
        let action = action(r, &doing, &planned);
        let retry = r.value(&below(&path, "retry"));
        let may_skip = r.value(&below(&path, "may_skip")).unwrap_or(false);
        let on_failure = r.value(&below(&path, "on_failure"));
        let (Some(title), Some(action)) = (title, action) else {
            continue;
        };
        let step = Step { retry, may_skip, on_failure, ..shell(title, action, after) };
        lint::step(r, &path, &step);
        all.push(step);
    }
    all
}

fn action(r: &mut Reader<'_>, path: &str, types: &Types) -> Option<Do> {
    let name = r.keys(path).into_iter().next()?;
    let with = shape(r, &below(path, &name), types)?;
    let action = Do { name, with };
    // Without `${…}` the action itself can already be asked whether it takes its parameters.
    if let Shape::Json(_) = &action.with
        && let Err(e) = action.resolve(&Json::Null)
        && r.diags.is_empty()
    {
        r.error(path, e.to_string(), None);
    }
    Some(action)
}

fn shape(r: &mut Reader<'_>, path: &str, types: &Types) -> Option<Shape> {
    if let Some(site) = r.site(path) {
        let is_point = site.expected.get("format").and_then(Json::as_str) == Some("recovery_point");
        if is_point {
            return point(r, path, types);
        }
        let wanted = Type::from_schema(&site.expected, &Json::Null);
        return r.template(path, types, wanted.as_ref()).map(Shape::Text);
    }
    let node = r.node(path)?.clone();
    match &node.value {
        Value::Seq(items) => {
            let items: Vec<Shape> = (0..items.len()).filter_map(|i| shape(r, &below(path, i), types)).collect();
            Some(match items.iter().map(as_json).collect::<Option<Vec<Json>>>() {
                Some(plain) => Shape::Json(Json::Array(plain)),
                None => Shape::List(items),
            })
        }
        Value::Map(entries) => {
            let entries: Vec<(String, Shape)> = entries
                .iter()
                .filter_map(|(k, _)| Some((k.text.clone(), shape(r, &below(path, &k.text), types)?)))
                .collect();
            let plain = entries.iter().map(|(k, s)| Some((k.clone(), as_json(s)?)));
            Some(match plain.collect::<Option<serde_json::Map<_, _>>>() {
                Some(plain) => Shape::Json(Json::Object(plain)),
                None => Shape::Map(entries),
            })
        }
        _ => Some(Shape::Json(crate::yaml::to_json(&node))),
    }
}

fn as_json(shape: &Shape) -> Option<Json> {
    match shape {
        Shape::Json(json) => Some(json.clone()),
        _ => None,
    }
}

fn point(r: &mut Reader<'_>, path: &str, types: &Types) -> Option<Shape> {
    let template = r.template(path, types, None)?;
    if template.ty() == param_type(ParamType::RecoveryPoint) {
        return Some(Shape::Point(template));
    }
    let message = format!("a recovery point is wanted here, this is {}", template.ty());
    r.error(path, message, Some("such as \"${point}\", with `point` among the params".into()));
    None
}
