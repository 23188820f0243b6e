//! Probes, facts, findings: what is true about an instance now. Changes nothing.
pub mod findings;
mod seen;
pub use seen::Seen;
pub mod answer;
pub mod log;
pub mod process;
mod target;
pub use target::Target;
pub mod binary;
pub mod machine;
pub mod settings;
pub mod stored;
