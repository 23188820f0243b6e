//! A JSON Schema, as schemars writes it, read as a vocabulary.
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::types::{Fields, Type, Types, Words};

/// A `$ref` to itself ends here; facts are not deeper.
const MAX_DEPTH: usize = 12;

impl Types {
    /// The properties of a schema's root become root names. `$ref`, `$defs`, nullable types, `allOf` of one, string
    /// enumerations (`enum`, or `oneOf` with `const`) and the formats `duration` (seconds), `bytes` and `date-time`
    /// are understood; enumerations with `"x-ordered": true` can be compared with `<`. What has no single type is
    /// left out, so that naming it is an error rather than a guess.
    pub fn from_schema(root: &Json) -> Types {
        match Type::from_schema(root, root) {
            Some(Type::Object(o)) => Types { roots: o.fields.clone(), barred: BTreeMap::new() },
            _ => Types::new(),
        }
    }
}

impl Type {
    /// The type a schema describes; `$ref`s are looked up in `root`. None when it has no single type.
    pub fn from_schema(schema: &Json, root: &Json) -> Option<Type> {
        read(schema, root, "", 0)
    }
}

fn read(schema: &Json, root: &Json, name: &str, depth: usize) -> Option<Type> {
    if depth > MAX_DEPTH {
        return None;
    }
    let map = schema.as_object()?;
    let title = map.get("title").and_then(Json::as_str).unwrap_or(name);
    if let Some(reference) = map.get("$ref").and_then(Json::as_str) {
        let target = root.pointer(reference.strip_prefix('#')?)?;
        return read(target, root, reference.rsplit('/').next().unwrap_or(name), depth + 1);
    }
    if let Some(words) = words(map) {
        let ordered = map.get("x-ordered").and_then(Json::as_bool).unwrap_or(false);
        return Some(Type::Enum(Arc::new(Words { name: title.to_string(), words, ordered })));
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        if let Some(branches) = map.get(key).and_then(Json::as_array) {
            let mut rest = branches.iter().filter(|b| b.get("type").and_then(Json::as_str) != Some("null"));
            return match (rest.next(), rest.next()) {
                (Some(only), None) => read(only, root, title, depth + 1),
                _ => None,
            };
        }
    }
    let format = map.get("format").and_then(Json::as_str).unwrap_or("");
    match (single_type(map)?, format) {
        ("boolean", _) => Some(Type::Bool),
        ("integer" | "number", "duration") => Some(Type::Duration),
        ("integer" | "number", "bytes") => Some(Type::Size),
        ("integer", _) => Some(Type::Int),
        ("number", _) => Some(Type::Float),
        ("string", "date-time") => Some(Type::Time),
        ("string", _) => Some(Type::Str),
        ("array", _) => Some(Type::List(Box::new(read(map.get("items")?, root, "", depth + 1)?))),
        ("object", _) => object(map, root, title, depth),
        _ => None,
    }
}

fn object(map: &serde_json::Map<String, Json>, root: &Json, title: &str, depth: usize) -> Option<Type> {
    let Some(properties) = map.get("properties").and_then(Json::as_object) else {
        let inner = map.get("additionalProperties").filter(|a| a.is_object());
        return match inner {
            Some(inner) => Some(Type::Map(Box::new(read(inner, root, "", depth + 1)?))),
            None => Some(Type::Object(Arc::new(Fields { name: title.to_string(), fields: BTreeMap::new() }))),
        };
    };
    let fields = properties.iter().filter_map(|(k, s)| Some((k.clone(), read(s, root, "", depth + 1)?))).collect();
    Some(Type::Object(Arc::new(Fields { name: title.to_string(), fields })))
}

/// The one type that is not `null`.
fn single_type(map: &serde_json::Map<String, Json>) -> Option<&str> {
    match map.get("type")? {
        Json::String(s) => Some(s),
        Json::Array(all) => {
            let mut real = all.iter().filter_map(Json::as_str).filter(|t| *t != "null");
            real.next().filter(|_| real.next().is_none())
        }
        _ => None,
    }
}

/// The words of a string enumeration in schema order; schemars mixes `enum` and `const` when only some are documented.
fn words(map: &serde_json::Map<String, Json>) -> Option<Vec<String>> {
    if let Some(word) = map.get("const").and_then(Json::as_str) {
        return Some(vec![word.to_string()]);
    }
    if let Some(list) = map.get("enum").and_then(Json::as_array) {
        let words: Vec<String> = list.iter().filter_map(Json::as_str).map(str::to_string).collect();
        let only_words = list.iter().all(|v| v.is_string() || v.is_null());
        return (only_words && !words.is_empty()).then_some(words);
    }
    let branches = map.get("oneOf").and_then(Json::as_array)?;
    let mut all = Vec::new();
    for branch in branches {
        if branch.get("type").and_then(Json::as_str) != Some("null") {
            all.extend(words(branch.as_object()?)?);
        }
    }
    (!all.is_empty()).then_some(all)
}
