//! The owner's own checks of the data (`data_checks`): keys that must exist, how many there must be, numbers in range,
//! allowed states, references between keys, moments, and a check against another system.
//!
//! `grammar` is the YAML, `lint` what a schema can't say, `judge` looks at one value (pure), `scan` walks over the
//! keys of a live server, once for all checks of a database. `docs/verify.md` describes the file.
mod grammar;
mod judge;
mod lint;
mod outcome;
mod scan;

pub use grammar::{
    Check, Checks, Expect, KeyRule, KeyType, KeysRule, NumberRule, ReferenceRule, Repair, RunRule, StateRule, TimeRule,
    Written,
};
pub use judge::Flaw;
pub use lint::{load, schema};
pub use outcome::{NAMED, Offender, Outcome, findings, shown};
pub use scan::{Offence, Scan};
