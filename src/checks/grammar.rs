//! The YAML of a `data_checks` file as types: they are its schema.
use crate::facts::Seconds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A file of data checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    /// The version of this grammar: 1.
    pub version: u32,
    /// The checks, in the order in which they are reported.
    #[schemars(length(min = 1))]
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Its name in reports; each once.
    #[schemars(length(min = 1))]
    pub id: String,
    /// What must be so.
    pub expect: Expect,
    /// What may be done about a key that is not so, by the runbook `repair-data` and never without being asked.
    #[serde(default)]
    pub repair: Option<Repair>,
}

/// What must be so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// A key that must exist.
    Key(KeyRule),
    /// Keys of a pattern: how many, of which type.
    Keys(KeysRule),
    /// A number in a range.
    Number(NumberRule),
    /// One of a few words.
    State(StateRule),
    /// A value that names another key, which must exist.
    Reference(ReferenceRule),
    /// A moment in a range.
    Time(TimeRule),
    /// A program of the owner's that asks another system; 0 is yes.
    Run(RunRule),
}

/// The types of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyType {
    /// Text, a number, bits.
    String,
    /// A list.
    List,
    /// A set.
    Set,
    /// A sorted set.
    Zset,
    /// Fields and values.
    Hash,
    /// A stream.
    Stream,
}

impl KeyType {
    /// As TYPE says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Zset => "zset",
            Self::Hash => "hash",
            Self::Stream => "stream",
        }
    }
}

/// A key that must exist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRule {
    /// Its name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Its type.
    #[serde(default, rename = "type")]
    pub kind: Option<KeyType>,
    /// The database; 0 when left out.
    #[serde(default)]
    pub db: u32,
}

/// Keys of a pattern.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeysRule {
    /// As in KEYS: `user:*`.
    #[schemars(length(min = 1))]
    pub pattern: String,
    /// There are at least so many.
    #[serde(default)]
    pub at_least: Option<u64>,
    /// There are at most so many.
    #[serde(default)]
    pub at_most: Option<u64>,
    /// All of them are of this type.
    #[serde(default, rename = "type")]
    pub kind: Option<KeyType>,
    /// The database; 0 when left out.
    #[serde(default)]
    pub db: u32,
}

/// A number in a range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberRule {
    /// As in KEYS: `account:*`.
    #[schemars(length(min = 1))]
    pub pattern: String,
    /// The field of the hash; without it the keys are strings.
    #[serde(default)]
    pub field: Option<String>,
    /// The least that is allowed.
    #[serde(default)]
    pub min: Option<f64>,
    /// The most that is allowed.
    #[serde(default)]
    pub max: Option<f64>,
    /// May the field be missing?
    #[serde(default)]
    pub optional: bool,
    /// The database; 0 when left out.
    #[serde(default)]
    pub db: u32,
}

/// One of a few words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateRule {
    /// As in KEYS: `order:*`.
    #[schemars(length(min = 1))]
    pub pattern: String,
    /// The field of the hash; without it the keys are strings.
    #[serde(default)]
    pub field: Option<String>,
    /// The words.
    #[schemars(length(min = 1))]
    pub one_of: Vec<String>,
    /// May the field be missing?
    #[serde(default)]
    pub optional: bool,
    /// The database; 0 when left out.
    #[serde(default)]
    pub db: u32,
}

/// A value that names another key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferenceRule {
    /// As in KEYS: `order:*`.
    #[schemars(length(min = 1))]
    pub pattern: String,
    /// The field of the hash; without it the keys are strings.
    #[serde(default)]
    pub field: Option<String>,
    /// The key that must exist; `{}` stands for the value: `user:{}`.
    pub to: String,
    /// Its database; that of the pattern when left out.
    #[serde(default)]
    pub to_db: Option<u32>,
    /// May the field be missing?
    #[serde(default)]
    pub optional: bool,
    /// The database; 0 when left out.
    #[serde(default)]
    pub db: u32,
}

/// How a moment is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Written {
    /// Seconds since 1970, with or without decimals.
    UnixS,
    /// Milliseconds since 1970.
    UnixMs,
    /// `2026-11-21T03:12:44Z`.
    Rfc3339,
}

/// A moment in a range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeRule {
    /// As in KEYS: `session:*`.
    #[schemars(length(min = 1))]
    pub pattern: String,
    /// The field of the hash; without it the keys are strings.
    #[serde(default)]
    pub field: Option<String>,
    /// How it is written.
    pub written: Written,
    /// Not before this: `2020-01-01T00:00:00Z`, `now`, `now-30d`.
    #[serde(default)]
    pub from: Option<String>,
    /// Not after this: `now+5m`.
    #[serde(default)]
    pub to: Option<String>,
    /// May the field be missing?
    #[serde(default)]
    pub optional: bool,
    /// The database; 0 when left out.
    #[serde(default)]
    pub db: u32,
}

/// A program of the owner's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRule {
    /// The program and its arguments; never a shell string.
    #[schemars(length(min = 1))]
    pub argv: Vec<String>,
    /// How long it may take; half a minute when left out.
    #[serde(default = "half_minute")]
    pub timeout: Seconds,
}

fn half_minute() -> Seconds {
    Seconds(30.0)
}

/// What may be done about a key that is not as it must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    /// A number is set to the nearest that is allowed.
    Clamp,
    /// The key is deleted.
    Delete,
    /// The value, or the field, is set to this.
    Set(String),
}

impl Repair {
    /// What it does, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Clamp => "set it to the nearest number allowed".into(),
            Self::Delete => "delete the key".into(),
            Self::Set(value) => format!("set it to {}", super::shown(value.as_bytes())),
        }
    }
}

/// What the checks over a pattern have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Over<'a> {
    pub pattern: &'a str,
    pub db: u32,
    /// What is looked at in each key; none where only the keys count.
    pub value: Option<Place<'a>>,
}

/// Where in a key a value is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub field: Option<&'a str>,
    pub optional: bool,
}

impl Expect {
    /// Its word in the file.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Key(_) => "key",
            Self::Keys(_) => "keys",
            Self::Number(_) => "number",
            Self::State(_) => "state",
            Self::Reference(_) => "reference",
            Self::Time(_) => "time",
            Self::Run(_) => "run",
        }
    }

    /// The keys it is about, where that is a pattern.
    pub(super) fn over(&self) -> Option<Over<'_>> {
        let of = |pattern, db, field, optional| Over { pattern, db, value: Some(Place { field, optional }) };
        Some(match self {
            Self::Key(_) | Self::Run(_) => return None,
            Self::Keys(r) => Over { pattern: &r.pattern, db: r.db, value: None },
            Self::Number(r) => of(r.pattern.as_str(), r.db, r.field.as_deref(), r.optional),
            Self::State(r) => of(r.pattern.as_str(), r.db, r.field.as_deref(), r.optional),
            Self::Reference(r) => of(r.pattern.as_str(), r.db, r.field.as_deref(), r.optional),
            Self::Time(r) => of(r.pattern.as_str(), r.db, r.field.as_deref(), r.optional),
        })
    }

    /// The field whose value it is about; none for a string, or where no value is looked at.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.over()?.value?.field
    }
}
