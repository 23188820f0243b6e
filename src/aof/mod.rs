//! AOF: manifest, RESP framing, sets, cuts. Bytes in, facts out.
//!
//! ```text
//! manifest   appendonly.aof.manifest as the server reads and writes it; rebuilding a lost one
//! notes      single keys whose state the files alone decide, for comparing them with a live server
//! resp       commands in a file: framing, safe cuts, flushes, timestamps, what a cut removes
//! set        the whole AOF of an instance: is it intact, what would a start do, where to cut
//! tag        marks that a cut can be made at
//! witness    who else is shown the keys and commands of a walk
//! ```
//! Nothing here opens a file: callers hand in bytes, readers, or a function that opens by name.
pub mod manifest;
mod notes;
pub mod resp;
pub mod set;
pub mod tag;
mod witness;
mod words;

pub use notes::{Decided, Fate, KeyNotes};
pub use witness::{Shown, Witness};
