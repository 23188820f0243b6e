//! redis.conf, read the way the server reads it, and changed without disturbing anything else in it.
//!
//! Pure: files come in through [`Files`], nothing is opened here. [`load`] follows includes in place (relative to the
//! directory the server is in at that line, `dir` moves it), lets the last occurrence win, adds up the directives that
//! accumulate, and puts the start command's options after the file, as the server does. All errors are reported, not
//! only the first one, which is where the server would stop.
mod check;
mod command_line;
mod defaults;
pub mod edit;
mod effective;
mod line;
mod load;
mod names;
mod refused;
mod shown;
#[cfg(test)]
mod tests;

pub use command_line::Start;
pub use effective::{Directive, Effective, Origin, Problem, ProblemKind, SavePoint, Secret, Setting};
pub use line::{UnbalancedQuotes, quote, split_args};
pub use load::{Files, load};
pub use names::{Flavour, ServerVersion, canonical, knows};
pub use refused::must_stay;
