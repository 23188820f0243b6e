//! Facts, plans and journals as words: for a terminal, as Markdown, as JSON. Returns text; `cli` prints it.
mod assessment;
mod commands;
mod document;
mod evidence;
mod inspection;
mod markdown;
mod page;
mod plan;
mod points;
mod run;
mod words;

pub use assessment::assessment;
pub use commands::Commands;
pub use document::{Gates, RunDocument, RunOutcome, RunsDocument, RunsRow, StepRow};
pub use evidence::{cut_bytes, evidence};
pub use inspection::inspection;
pub use markdown::markdown;
pub use page::Width;
pub use plan::{outline, plan};
pub use points::points;
pub use run::{run, status, whole};
pub use words::{clean, number, severity};
