//! Values of typed expressions in a scope, in Kleene's logic.
use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::node::{Join, Kind, Node};
use super::types::{Type, Words};
use super::value::{Unknown, Value, whole};

/// Where names get their values.
pub trait Scope {
    /// The value of a root name; none is the same as null: not observed.
    fn root(&self, name: &str) -> Option<&Json>;
}

impl Scope for Json {
    fn root(&self, name: &str) -> Option<&Json> {
        self.get(name)
    }
}

impl Scope for BTreeMap<String, Json> {
    fn root(&self, name: &str) -> Option<&Json> {
        self.get(name)
    }
}

/// Several scopes, the first that has a name wins: `Layers(&[&extra, &facts])`.
pub struct Layers<'a>(pub &'a [&'a dyn Scope]);

impl Scope for Layers<'_> {
    fn root(&self, name: &str) -> Option<&Json> {
        self.0.iter().find_map(|s| s.root(name))
    }
}

/// Without a scope every name is unknown, also to `has()`: what has a value then has it whatever the facts are.
pub fn eval(node: &Node, scope: Option<&dyn Scope>) -> Value {
    match &node.kind {
        Kind::Const(v) => v.clone(),
        Kind::Name(name) => match scope.and_then(|s| lookup(s, name)) {
            Some(json) => from_json(json, &node.ty, name),
            None => Unknown::name(name),
        },
        Kind::Has(name) => match scope {
            Some(s) => Value::Bool(lookup(s, name).is_some_and(|v| !v.is_null())),
            None => Unknown::name(name),
        },
        Kind::List(items) => Value::List(items.iter().map(|i| eval(i, scope)).collect()),
        Kind::Not(inner) => match eval(inner, scope) {
            Value::Bool(b) => Value::Bool(!b),
            other => other,
        },
        Kind::Neg(inner) => negate(eval(inner, scope)),
        Kind::Join { join, left, right } => kleene(*join, eval(left, scope), || eval(right, scope)),
        Kind::Compare { op, order, left, right } => match known(eval(left, scope), eval(right, scope)) {
            Ok((l, r)) => compare(op, order.as_deref(), &l, &r),
            Err(unknown) => unknown,
        },
        Kind::In { item, list } => member(eval(item, scope), eval(list, scope)),
        Kind::Arith { op, left, right } => match known(eval(left, scope), eval(right, scope)) {
            Ok((l, r)) => arith(op, &l, &r).unwrap_or_else(Unknown::reason),
            Err(unknown) => unknown,
        },
    }
}

fn lookup<'a>(scope: &'a dyn Scope, dotted: &str) -> Option<&'a Json> {
    let mut parts = dotted.split('.');
    let mut value = scope.root(parts.next()?)?;
    for part in parts {
        value = value.get(part)?;
    }
    Some(value)
}

/// A fact as a value of its type. Null is unknown; another type than the schema's is unknown too, and said.
pub fn from_json(json: &Json, ty: &Type, name: &str) -> Value {
    let value = match (ty, json) {
        (_, Json::Null) => return Unknown::name(name),
        (Type::Bool, Json::Bool(b)) => Some(Value::Bool(*b)),
        (Type::Int, Json::Number(n)) => n.as_i64().map(Value::Int),
        (Type::Float, Json::Number(n)) => n.as_f64().map(Value::Float),
        (Type::Duration, Json::Number(n)) => n.as_f64().map(Value::Duration),
        (Type::Size, Json::Number(n)) => n.as_i64().or_else(|| n.as_f64().and_then(whole)).map(Value::Size),
        (Type::Str, Json::String(s)) => Some(Value::Str(s.clone())),
        (Type::Enum(w), Json::String(s)) => w.rank(s).map(|_| Value::Str(s.clone())),
        (Type::Time, Json::String(s)) => s.parse().ok().map(Value::Time),
        (Type::List(inner), Json::Array(items)) => {
            Some(Value::List(items.iter().map(|i| from_json(i, inner, name)).collect()))
        }
        (Type::Object(_) | Type::Map(_), Json::Object(_)) => Some(Value::Object(json.clone())),
        _ => None,
    };
    value.unwrap_or_else(|| Unknown::reason(format!("{name} is {json}, which is not {ty}")))
}

fn known(l: Value, r: Value) -> Result<(Value, Value), Value> {
    match (l, r) {
        (Value::Unknown(a), Value::Unknown(b)) => Err(Value::Unknown(a.and(b))),
        (u @ Value::Unknown(_), _) | (_, u @ Value::Unknown(_)) => Err(u),
        pair => Ok(pair),
    }
}

fn kleene(join: Join, left: Value, right: impl FnOnce() -> Value) -> Value {
    let decides = join == Join::Or;
    if left == Value::Bool(decides) {
        return left;
    }
    match (left, right()) {
        (_, r) if r == Value::Bool(decides) => r,
        (Value::Unknown(a), Value::Unknown(b)) => Value::Unknown(a.and(b)),
        (u @ Value::Unknown(_), _) | (_, u @ Value::Unknown(_)) => u,
        (_, r) => r,
    }
}

fn member(item: Value, list: Value) -> Value {
    let (item, items) = match (item, list) {
        (Value::Unknown(a), Value::Unknown(b)) => return Value::Unknown(a.and(b)),
        (u @ Value::Unknown(_), _) | (_, u @ Value::Unknown(_)) => return u,
        (item, Value::List(items)) => (item, items),
        (_, other) => return other,
    };
    let mut unknown = None;
    for candidate in items {
        match candidate {
            Value::Unknown(u) => unknown = Some(u),
            c if equal(&item, &c) => return Value::Bool(true),
            _ => {}
        }
    }
    unknown.map_or(Value::Bool(false), Value::Unknown)
}

#[allow(clippy::cast_precision_loss, clippy::float_cmp)]
fn equal(l: &Value, r: &Value) -> bool {
    match (l, r) {
        (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => *a as f64 == *b,
        (a, b) => a == b,
    }
}

fn compare(op: &str, order: Option<&Words>, l: &Value, r: &Value) -> Value {
    use std::cmp::Ordering;
    match op {
        "==" => return Value::Bool(equal(l, r)),
        "!=" => return Value::Bool(!equal(l, r)),
        _ => {}
    }
    let ordering = match (l, r, order) {
        (Value::Str(a), Value::Str(b), Some(w)) => match (w.rank(a), w.rank(b)) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => None,
        },
        (Value::Int(a), Value::Int(b), _) | (Value::Size(a), Value::Size(b), _) => Some(a.cmp(b)),
        (Value::Duration(a), Value::Duration(b), _) => a.partial_cmp(b),
        (Value::Time(a), Value::Time(b), _) => Some(a.cmp(b)),
        _ => number(l).zip(number(r)).and_then(|(a, b)| a.partial_cmp(&b)),
    };
    match ordering {
        Some(o) => Value::Bool(match op {
            "<" => o == Ordering::Less,
            "<=" => o != Ordering::Greater,
            ">" => o == Ordering::Greater,
            _ => o != Ordering::Less,
        }),
        None => Unknown::reason(format!("{l} and {r} can't be compared")),
    }
}

#[allow(clippy::cast_precision_loss)]
fn number(v: &Value) -> Option<f64> {
    match v {
        Value::Int(i) => Some(*i as f64),
        Value::Float(f) => Some(*f),
        _ => None,
    }
}

fn negate(v: Value) -> Value {
    match v {
        Value::Int(i) => i.checked_neg().map_or_else(|| Unknown::reason(OUT_OF_RANGE), Value::Int),
        Value::Size(i) => i.checked_neg().map_or_else(|| Unknown::reason(OUT_OF_RANGE), Value::Size),
        Value::Float(f) => Value::Float(-f),
        Value::Duration(f) => Value::Duration(-f),
        other => other,
    }
}

const OUT_OF_RANGE: &str = "a number is out of range";

#[allow(clippy::cast_precision_loss)]
fn arith(op: &str, l: &Value, r: &Value) -> Result<Value, &'static str> {
    use Value::{Duration, Float, Int, Size, Str, Time};
    let range = |v: Option<Value>| v.ok_or(OUT_OF_RANGE);
    match (op, l, r) {
        ("+", Str(a), Str(b)) => Ok(Str(format!("{a}{b}"))),
        ("+" | "-" | "*", Int(a), Int(b)) => range(integers(op, *a, *b).map(Int)),
        ("+" | "-", Size(a), Size(b)) => range(integers(op, *a, *b).map(Size)),
        ("+" | "-", Duration(a), Duration(b)) => floats(op, *a, *b).map(Duration),
        ("-", Time(a), Time(b)) => Ok(Duration(a.duration_since(*b).as_secs_f64())),
        ("+" | "-", Time(t), Duration(d)) | ("+", Duration(d), Time(t)) => {
            range(shift(*t, if op == "-" { -d } else { *d }).map(Time))
        }
        ("/", Duration(a), Duration(b)) => floats(op, *a, *b).map(Float),
        ("/", Size(a), Size(b)) => floats(op, *a as f64, *b as f64).map(Float),
        (_, Duration(d), n) => floats(op, *d, number(n).ok_or(OUT_OF_RANGE)?).map(Duration),
        (_, n, Duration(d)) => floats(op, number(n).ok_or(OUT_OF_RANGE)?, *d).map(Duration),
        (_, Size(s), n) => range(whole(floats(op, *s as f64, number(n).ok_or(OUT_OF_RANGE)?)?).map(Size)),
        (_, n, Size(s)) => range(whole(floats(op, number(n).ok_or(OUT_OF_RANGE)?, *s as f64)?).map(Size)),
        (_, a, b) => {
            let (a, b) = number(a).zip(number(b)).ok_or(OUT_OF_RANGE)?;
            floats(op, a, b).map(Float)
        }
    }
}

fn integers(op: &str, a: i64, b: i64) -> Option<i64> {
    match op {
        "+" => a.checked_add(b),
        "-" => a.checked_sub(b),
        _ => a.checked_mul(b),
    }
}

fn floats(op: &str, a: f64, b: f64) -> Result<f64, &'static str> {
    let result = match op {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        _ if b == 0.0 => return Err("a division by zero"),
        _ => a / b,
    };
    if result.is_finite() { Ok(result) } else { Err(OUT_OF_RANGE) }
}

fn shift(t: jiff::Timestamp, seconds: f64) -> Option<jiff::Timestamp> {
    t.checked_add(jiff::SignedDuration::try_from_secs_f64(seconds).ok()?).ok()
}
