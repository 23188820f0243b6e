//! What a comparison found: the document `redis-dr/difference/1`. FILE is `a`, the one named by `--diff` is `b`: what is
//! *added* only `b` has, what is *gone* only `a` has.
use crate::facts::{Time, Validity};
use crate::inspect::Kind;
use crate::rdb;
use schemars::JsonSchema;
use serde::Serialize;

/// The difference between the keys of two files.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Difference {
    /// `redis-dr/difference/1`.
    pub schema: String,
    /// The first side: FILE.
    pub a: Side,
    /// The second side: OTHER.
    pub b: Side,
    /// Both are whole, and hold the same keys with the same values, expiries and functions.
    pub same: bool,
    /// Why not all of both was compared; null: all was.
    pub because: Option<String>,
    /// Only keys that match this were compared.
    pub pattern: Option<String>,
    /// Keys that only `b` has.
    pub added: u64,
    /// Keys that only `a` has.
    pub gone: u64,
    /// Keys that both have, and that differ.
    pub changed: u64,
    /// Keys that are the same.
    pub equal: u64,
    /// Of those that changed: how many have another value, with the type the same.
    pub changed_value: u64,
    /// Of those that changed: how many expire at another moment, or one of them never.
    pub changed_expiry: u64,
    /// Of those that changed: how many are of another type.
    pub changed_type: u64,
    /// Keys that only `a` has and whose time is over: no client could read them, so they are no difference.
    pub expired_a: u64,
    /// The same of `b`.
    pub expired_b: u64,
    /// By type; a key that changed counts for its type in `a`.
    pub types: Vec<TypeDifference>,
    /// By what the keys begin with, those with most that differs.
    pub prefixes: Vec<PrefixDifference>,
    /// Keys that differ and whose prefixes are not listed.
    pub other_keys: u64,
    /// False: there are so many prefixes that their numbers are lower bounds.
    pub prefixes_exact: bool,
    /// The first of those added, in the order of `b`.
    pub added_keys: Vec<KeyDifference>,
    /// The first of those gone, in the order of `a`.
    pub gone_keys: Vec<KeyDifference>,
    /// The first of those changed, in the order of `a`, as they are there.
    pub changed_keys: Vec<KeyDifference>,
    /// Libraries of functions.
    pub functions: Functions,
}

impl Difference {
    /// 0 the same, 8 not.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        if self.same { 0 } else { 8 }
    }
}

/// One of the two.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Side {
    /// What was named.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// When the last of its files was written to.
    pub modified_at: Option<Time>,
    /// The version of the server that wrote its RDB, as it calls itself.
    pub written_by: Option<String>,
    /// When.
    pub written_at: Option<Time>,
    /// Keys that were compared.
    pub keys: u64,
    /// Whether it is whole.
    pub valid: Validity,
    /// Why it is not.
    pub because: Option<String>,
    /// The server that loaded it privately, since commands follow its base; null: its RDB has everything.
    pub loaded_by: Option<String>,
}

/// Keys of one type.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TypeDifference {
    /// The type.
    #[serde(rename = "type")]
    pub kind: rdb::Kind,
    /// Only in `b`.
    pub added: u64,
    /// Only in `a`.
    pub gone: u64,
    /// In both, and different.
    pub changed: u64,
    /// In both, and the same.
    pub equal: u64,
}

/// Keys by what they begin with.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PrefixDifference {
    /// Up to the separator, that included; empty for keys that have none.
    pub prefix: String,
    /// Only in `b`.
    pub added: u64,
    /// Only in `a`.
    pub gone: u64,
    /// In both, and different.
    pub changed: u64,
}

/// One key that differs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct KeyDifference {
    /// Its database.
    pub db: u64,
    /// The key.
    pub key: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: rdb::Kind,
    /// Bytes it takes in the file.
    pub bytes: u64,
    /// When it expires.
    pub expires_at: Option<Time>,
    /// What differs, of a key that both have.
    pub differs_in: Vec<What>,
}

/// What of a key differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Its type, and so its value.
    Type,
    /// Its value.
    Value,
    /// Its expiry.
    Expiry,
}

/// Libraries of functions, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Functions {
    /// Only in `b`.
    pub added: Vec<String>,
    /// Only in `a`.
    pub gone: Vec<String>,
    /// In both, with other code.
    pub changed: Vec<String>,
}

impl Functions {
    /// None differs.
    #[must_use]
    pub fn is_same(&self) -> bool {
        *self == Self::default()
    }
}
