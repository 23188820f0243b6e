//! Values, and what is known about the unknown.
use std::collections::BTreeSet;
use std::fmt;

use crate::facts::{Bytes, Seconds};

/// A value of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text, or a word of an enumeration.
    Str(String),
    /// Seconds.
    Duration(f64),
    /// Bytes.
    Size(i64),
    /// A moment.
    Time(jiff::Timestamp),
    /// Values of one type.
    List(Vec<Value>),
    /// A part of the facts taken whole, such as `point`.
    Object(serde_json::Value),
    /// Could not be known, and why.
    Unknown(Unknown),
}

/// Why a value is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unknown {
    /// Dotted names that were not observed.
    pub names: BTreeSet<String>,
    /// Reasons other than a missing observation, such as a division by zero.
    pub reasons: BTreeSet<String>,
}

impl Unknown {
    pub(crate) fn name(name: &str) -> Value {
        Value::Unknown(Unknown { names: BTreeSet::from([name.to_string()]), reasons: BTreeSet::new() })
    }

    pub(crate) fn reason(because: impl Into<String>) -> Value {
        Value::Unknown(Unknown { names: BTreeSet::new(), reasons: BTreeSet::from([because.into()]) })
    }

    pub(crate) fn and(mut self, other: Unknown) -> Unknown {
        self.names.extend(other.names);
        self.reasons.extend(other.reasons);
        self
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let mut parts = Vec::new();
        match names.as_slice() {
            [] => {}
            [one] => parts.push(format!("{one} is unknown")),
            many => parts.push(format!("{} are unknown", many.join(", "))),
        }
        parts.extend(self.reasons.iter().cloned());
        f.write_str(&parts.join("; "))
    }
}

/// The three values of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// What would decide could not be observed.
    Unknown(Unknown),
}

impl Value {
    /// Is all of it known? A list may hold what is not.
    pub(super) fn is_known(&self) -> bool {
        match self {
            Value::Unknown(_) => false,
            Value::List(items) => items.iter().all(Value::is_known),
            _ => true,
        }
    }

    /// As a verdict. What is not a boolean is unknown; [`super::check`] with `Bool` expected rules that out.
    pub fn truth(self) -> Truth {
        match self {
            Value::Bool(true) => Truth::True,
            Value::Bool(false) => Truth::False,
            Value::Unknown(u) => Truth::Unknown(u),
            other => Truth::Unknown(Unknown {
                reasons: BTreeSet::from([format!("{other} is neither true nor false")]),
                ..Unknown::default()
            }),
        }
    }

    /// As JSON: durations are seconds, sizes bytes, moments RFC 3339, unknown is null.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Value::Bool(b) => Json::Bool(*b),
            Value::Int(i) | Value::Size(i) => Json::from(*i),
            Value::Float(f) | Value::Duration(f) => match whole(*f) {
                #[allow(clippy::cast_precision_loss)]
                Some(i) if i as f64 == *f => Json::from(i),
                _ => Json::from(*f),
            },
            Value::Str(s) => Json::String(s.clone()),
            Value::Time(t) => Json::String(t.to_string()),
            Value::List(items) => Json::Array(items.iter().map(Value::to_json).collect()),
            Value::Object(o) => o.clone(),
            Value::Unknown(_) => Json::Null,
        }
    }
}

/// For people: `14 min 34 s`, `18.0 MiB`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(b) => write!(f, "{b}"),
            Value::Int(i) => write!(f, "{i}"),
            Value::Float(x) => write!(f, "{x}"),
            Value::Str(s) => f.write_str(s),
            Value::Duration(s) if *s < 0.0 => write!(f, "-{}", Seconds(-s)),
            Value::Duration(s) => write!(f, "{}", Seconds(*s)),
            Value::Size(b) if *b < 0 => write!(f, "-{}", Bytes(b.unsigned_abs())),
            Value::Size(b) => write!(f, "{}", Bytes(b.unsigned_abs())),
            Value::Time(t) => write!(f, "{t}"),
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                f.write_str(&items.join(", "))
            }
            // A point is best told by its id; anything else taken whole is shown as it is.
            Value::Object(o) => match o.get("id").and_then(serde_json::Value::as_str) {
                Some(id) => f.write_str(id),
                None => write!(f, "{o}"),
            },
            Value::Unknown(_) => f.write_str("unknown"),
        }
    }
}

/// The nearest integer when it is one that can be counted with.
pub(crate) fn whole(number: f64) -> Option<i64> {
    // 2^53: beyond it neighbouring integers are no longer told apart.
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation)]
    (number.is_finite() && number.abs() <= LIMIT).then(|| number.round() as i64)
}
