//! Facts, plans and journals as words: for a terminal, as Markdown, as JSON. Returns text; `cli` prints it.
mod assessment;
mod commands;
mod document;
mod drill;
mod drill_sheet;
mod evidence;
mod inspection;
mod key_difference;
mod page;
mod plan;
mod plan_sheet;
mod points;
mod run;
mod run_sheet;
mod salvage;
mod scorecard;
pub mod sheet;
mod words;

pub use assessment::assessment;
pub use commands::Commands;
pub use document::{Gates, RunDocument, RunOutcome, RunsDocument, RunsRow, StepRow};
pub use drill::{DrillRow, drill_line, drill_list, drill_report, drill_summary};
pub use drill_sheet::drill_sheet;
pub use evidence::{cut_bytes, evidence};
pub use inspection::inspection;
pub use key_difference::key_difference;
pub use page::Width;
pub use plan::{outline, plan};
pub use plan_sheet::{Approval, difference, difference_sheet, plan_sheet};
pub use points::{moments, points};
pub use run::{run, status, whole};
pub use run_sheet::{Background, run_sheet};
pub use salvage::salvage;
pub use scorecard::{
    Criterion, DrillDecision, DrillDocument, DrillLoss, DrillObjectives, DrillStep, DrillTimes, DrillVerdict, Retried,
    Scorecard, Suggestion, Trend, drill_document_schema,
};
pub use words::{clean, many, number, severity};
