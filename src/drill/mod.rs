//! Drills: a private server is broken in one named way, `recover --auto` of this very program brings it back, and what
//! came of it is scored.
//!
//! ```text
//! scenario   its grammar            lint       text to scenario, every mistake with its place
//! rehearse   the story of one       sandbox    directory, port, server      deeds, damage   what is done to it
//! data       what is written        score      seen against asked           terms           whose policy and objectives
//! seed       an instance's newest backup as data
//! near       the refusals           leftover   what a killed drill left     due             when it is to be held again
//! advice     what the evidence suggests
//! ```
//! Faults are a closed list ([`scenario::Deed`]) and reach nothing outside the sandbox. It is on record before it is there,
//! so that the next drill removes what one that was killed left.
pub mod advice;
mod damage;
mod data;
mod deeds;
mod due;
mod error;
mod leftover;
mod lint;
mod near;
mod rehearse;
mod sandbox;
pub mod scenario;
mod score;
mod seed;
mod terms;

pub use due::{Due, due, trend};
pub use error::DrillError;
pub use leftover::clear;
pub use lint::{Named, load, schema};
pub use near::{InUse, far_from_production};
pub use rehearse::{Watch, left_out, missing, rehearse};
pub use sandbox::{Ground, Sandbox};
pub use scenario::{Cadence, Need, Scenario};
pub use seed::Seed;
pub use terms::Terms;

impl Ground<'_> {
    /// The server that is broken, such as `redis 7.0.15`.
    #[must_use]
    pub fn server(&self) -> String {
        let (major, minor, patch) = self.version.version;
        format!("{} {major}.{minor}.{patch}", format!("{:?}", self.version.flavour).to_lowercase())
    }
}
