//! The parameters of `data.load`.
use crate::facts::Seconds;
use crate::load::{Existing, Format};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

fn a_thousand() -> u64 {
    1000
}
fn tenth() -> Seconds {
    Seconds(0.1)
}
fn a_minute() -> Seconds {
    Seconds(60.0)
}

/// Parameters of `data.load`: one of `file` and `command`, and how what they give is loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataLoad {
    /// The file that is read, packed (gz, zst) or not.
    #[serde(default)]
    pub file: String,
    /// The program whose standard output is read, and its arguments; never a shell string. `{since}` in an argument
    /// becomes the moment, as in 2026-11-21T03:12:00Z.
    #[serde(default)]
    pub command: Vec<String>,
    /// The file that the program gets as its standard input.
    #[serde(default)]
    pub stdin: String,
    /// Variables of redis-dr's own environment that the program gets, by their names: the place for secrets.
    #[serde(default)]
    pub env: Vec<String>,
    /// auto, ndjson or resp.
    #[serde(default, deserialize_with = "crate::action::load::word")]
    #[schemars(with = "String")]
    pub format: Format,
    /// What becomes of keys that are there already: keep, replace, or fail.
    #[serde(default, deserialize_with = "crate::action::load::word")]
    #[schemars(with = "String")]
    pub existing: Existing,
    /// Only what came after this moment: `#TS:` of a stream, `at` of a record.
    #[serde(default)]
    pub since: String,
    /// Commands that a stream may hold besides those that write single keys, such as FLUSHDB.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Records or commands of one transaction, at most.
    #[serde(default = "a_thousand")]
    pub batch: u64,
    /// Records or commands a second, at most; 0: as fast as the server takes them.
    #[serde(default)]
    pub rate: u64,
    /// A transaction that takes longer makes the load slow down.
    #[serde(default = "tenth")]
    pub slow: Seconds,
    /// How many records may be wrong before the load stops.
    #[serde(default)]
    pub max_errors: u64,
    /// How long the source may say nothing, and the server may take for one transaction.
    #[serde(default = "a_minute")]
    pub timeout: Seconds,
    /// Only read the source to its end, and load nothing.
    #[serde(default)]
    pub check: bool,
}
