//! Recovery points: what each would cost, and which comes first. Pure: no clock, no files.
//!
//! ```text
//! rank       the order: usable first, then data before none, then loss, then time
//! moment     the last known write, and what a point loses against it
//! estimate   seconds and memory from bytes
//! starts     what a start would load, from settings and names
//! ```
mod estimate;
mod moment;
mod rank;
mod starts;

pub use estimate::{Rates, estimate, memory_needed};
pub use moment::{LastWrite, weigh};
pub use rank::{Prefer, known_empty, rank, summary};
pub use starts::{AofNames, StartFiles, StartSettings, Starts, would_load};
