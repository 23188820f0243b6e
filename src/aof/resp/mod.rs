//! Commands in an AOF file: `*argc\r\n`, then `$len\r\n` and bytes for each word, and `#` lines between commands.
//!
//! No allocation per command, none that a length in the file asks for; memory is a few buffers, whatever the size.
mod chunks;
mod frame;
mod lost;
mod report;
mod resync;
mod tally;
mod text;
mod touched;
mod until;
mod walk;

pub(super) use frame::FirstWords;
pub use lost::{LostCommands, lost_commands};
pub use report::{Boundary, CommandsReport, End, Flush, Readable};
pub use resync::readable_after;
pub use text::printable;
pub(super) use text::{command as command_text, each_word as words};
pub use touched::{Touched, TouchedKeys, is_flush};
pub use until::Until;
pub use walk::{WalkOptions, walk_commands};

#[cfg(test)]
mod tests;
