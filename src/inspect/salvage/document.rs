//! What was salvaged: the document `redis-dr/salvage/1`.
use schemars::JsonSchema;
use serde::Serialize;

/// What could be had from a damaged RDB.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Salvage {
    /// `redis-dr/salvage/1`.
    pub schema: String,
    /// The damaged file.
    pub path: String,
    /// Its bytes.
    pub bytes: u64,
    /// What was written: an RDB of the same version.
    pub output: String,
    /// Bytes written.
    pub output_bytes: u64,
    /// Keys written.
    pub keys: u64,
    /// Libraries of functions written.
    pub functions: u64,
    /// Nothing was lost: the file had no damage that could be found. Else the AUX field `redis-dr-partial` says that the
    /// output is not all there was.
    pub whole: bool,
    /// The structure is right and the checksum is not: a value may be wrong, and nobody can tell which.
    pub checksum_bad: bool,
    /// What is missing, in order.
    pub holes: Vec<Hole>,
    /// Bytes in all holes.
    pub lost_bytes: u64,
}

impl Salvage {
    /// 0 whole, 8 not.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        if self.whole { 0 } else { 8 }
    }
}

/// Bytes from which no key could be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Hole {
    /// The first byte.
    pub from: u64,
    /// The byte behind the last one.
    pub to: u64,
    /// Why.
    pub because: String,
    /// The disk does not give these bytes; else they can be read and make no record.
    pub unreadable: bool,
    /// The database of the keys behind it, as it was before it: which one they were in may be lost with it.
    pub db_assumed: Option<u64>,
}
