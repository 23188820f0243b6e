//! Reading a journal, and what its run would have to undo.

use std::path::Path;

use super::line::Chain;
use super::{Event, FORMAT, Header, JournalError, Record, Status, StepState};
use crate::host::Look;
use crate::vault::Save;

/// Largest journal read, bytes.
const LARGEST: u64 = 256 << 20;

/// All that a journal holds.
#[derive(Clone, Debug)]
pub struct Log {
    /// The first line.
    pub header: Header,
    /// The lines after it.
    pub records: Vec<Record>,
    /// A crash cut off the last line.
    pub torn: bool,
    /// Bytes of whole lines.
    pub(super) bytes: u64,
    pub(super) chain: Chain,
}

/// What one step has to undo, from the journal alone.
#[derive(Clone, Debug, PartialEq)]
pub struct UndoWork {
    /// The step's id.
    pub step: String,
    /// Its state.
    pub state: StepState,
    /// All it saved, in order, over all its attempts: taken back last first, the first attempt's come out on top.
    pub saves: Vec<Save>,
    /// How to undo it, from its first attempt.
    pub undo: serde_json::Value,
    /// The state before its first attempt.
    pub before: serde_json::Value,
}

/// Reads a journal. A last line that a crash cut off is left out, and [`Log::torn`] says so.
///
/// # Errors
/// [`JournalError::Damaged`], [`JournalError::NeverBegan`], [`JournalError::OtherFormat`]; what the system says.
pub fn read(look: Look, path: &Path) -> Result<Log, JournalError> {
    let bytes = look.read(path, LARGEST)?;
    let damaged = |line: usize, because: String| JournalError::Damaged { path: path.to_path_buf(), line, because };
    let (lines, whole, torn) = whole_lines(&bytes).map_err(|(line, because)| damaged(line, because.to_string()))?;
    let Some(((first, _), rest)) = lines.split_first() else {
        return Err(JournalError::NeverBegan { path: path.to_path_buf() });
    };
    let header: serde_json::Value = serde_json::from_str(first).map_err(|e| damaged(1, e.to_string()))?;
    match header.get("journal").and_then(serde_json::Value::as_u64) {
        Some(format) if format == u64::from(FORMAT) => {}
        Some(found) => {
            return Err(JournalError::OtherFormat { path: path.to_path_buf(), found });
        }
        None => return Err(damaged(1, "is no journal's first line".to_string())),
    }
    let header: Header = serde_json::from_value(header).map_err(|e| damaged(1, e.to_string()))?;
    let records = rest
        .iter()
        .enumerate()
        .map(|(i, (body, _))| serde_json::from_str(body).map_err(|e| damaged(i + 2, e.to_string())))
        .collect::<Result<Vec<Record>, _>>()?;
    let chain = lines.last().map(|(_, chain)| chain.clone()).unwrap_or_default();
    let log = Log { header, records, torn, bytes: whole, chain };
    // A history that could not have happened is damage too, whatever the checks say.
    log.status()?;
    Ok(log)
}

type Lines = (Vec<(String, Chain)>, u64, bool);

/// The documents of all whole lines, how many bytes they take, and whether something cut off follows them.
fn whole_lines(bytes: &[u8]) -> Result<Lines, (usize, &'static str)> {
    let mut lines: Vec<(String, Chain)> = Vec::new();
    let mut chain = Chain::default();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let end = memchr::memchr(b'\n', rest);
        let line = &rest[..end.unwrap_or(rest.len())];
        let opened = if end.is_some() { chain.unseal(line) } else { Err("was cut off") };
        match opened {
            Ok((body, next)) => {
                chain = next.clone();
                lines.push((body, next));
                at += line.len() + 1;
            }
            // Only the last line can have been cut off: after it comes nothing, or the zeros of a page never written.
            Err(_) if nothing_after(rest, end) => return Ok((lines, at as u64, true)),
            Err(because) => return Err((lines.len() + 1, because)),
        }
    }
    Ok((lines, at as u64, false))
}

fn nothing_after(rest: &[u8], end: Option<usize>) -> bool {
    end.is_none_or(|end| rest[end + 1..].iter().all(|b| *b == 0))
}

impl Log {
    /// Bytes of its whole lines.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What state the run is in.
    ///
    /// # Errors
    /// [`JournalError::Illegal`]: such a history can't have happened.
    pub fn status(&self) -> Result<Status, JournalError> {
        Ok(Status::of(self.records.iter().map(|record| &record.event))?)
    }

    /// What rolling back would have to undo, last first: every step that was started and is not undone, the failed one
    /// and one in doubt included.
    ///
    /// # Errors
    /// As [`Log::status`].
    pub fn to_undo(&self) -> Result<Vec<UndoWork>, JournalError> {
        let status = self.status()?;
        let mut works: Vec<UndoWork> = Vec::new();
        for record in &self.records {
            let Event::StepStarted { step, saves, undo, before } = &record.event else {
                continue;
            };
            if let Some(work) = works.iter_mut().find(|work| work.step == *step) {
                work.saves.extend(saves.iter().cloned());
                continue;
            }
            let Some(state) = status.step(step).filter(|state| *state != StepState::Undone) else {
                continue;
            };
            works.push(UndoWork {
                step: step.clone(),
                state,
                saves: saves.clone(),
                undo: undo.clone(),
                before: before.clone(),
            });
        }
        works.reverse();
        Ok(works)
    }

    /// Everything the run saved, in order.
    #[must_use]
    pub fn saves(&self) -> Vec<&Save> {
        self.saves_but(&[])
    }

    /// Everything the run saved, in order, but for these steps.
    #[must_use]
    pub fn saves_but(&self, steps: &[&str]) -> Vec<&Save> {
        let started = self.records.iter().filter_map(|record| match &record.event {
            Event::StepStarted { step, saves, .. } if !steps.contains(&step.as_str()) => Some(saves),
            _ => None,
        });
        started.flatten().collect()
    }
}
