//! The bytes of an AOF: the server has loaded exactly those that were walked, and appended nothing but removals since.
use super::holdings::Holdings;
use super::report::Report;
use crate::aof::resp::{self, CommandsReport, End, WalkOptions};
use crate::aof::{KeyNotes, Witness};
use crate::host::Look;
use crate::server::{Info, Server, ServerError};
use std::cell::RefCell;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Sizes in INFO against sizes that were walked. Keys whose time is over are dropped from a base at once, and their
/// removal is appended: what is more than was walked must be that, and is read.
pub(super) fn sizes(
    server: &mut Server,
    holdings: &Holdings,
    info: &Info,
    report: &mut Report,
) -> Result<(), ServerError> {
    let walked = holdings.bytes();
    if let (Some(base), Some(said)) = (holdings.base_bytes(), info.number("aof_base_size")) {
        // before 7.0 the size of the whole file at its load is called so
        let want = if info.major().is_some_and(|major| major < 7) { walked } else { base };
        report.exact("bytes of the base", said == want, format!("{said} loaded, {want} walked"));
    }
    let Some(said) = info.number("aof_current_size") else {
        return Ok(());
    };
    let Some(more) = said.checked_sub(walked) else {
        report.exact("bytes of the AOF", false, format!("{said} loaded, {walked} walked"));
        return Ok(());
    };
    let evidence = format!("{said} loaded, {walked} walked");
    if more == 0 {
        report.exact("bytes of the AOF", true, evidence);
        return Ok(());
    }
    // what the server counts is written, though perhaps not yet where this answer came from
    server.ping().or_else(|e| if e.answered() { Ok(()) } else { Err(e) })?;
    let (ok, words) = match appended(holdings, more) {
        Ok(words) => (true, format!("{evidence}, and {more} appended since: {words}")),
        Err(because) => (false, format!("{evidence}, and of the {more} more: {because}")),
    };
    report.exact("bytes of the AOF", ok, words);
    Ok(())
}

/// Reads what was appended: removals only.
fn appended(holdings: &Holdings, more: u64) -> Result<String, String> {
    let Some((path, from)) = holdings.appended_to() else {
        // a set without an incremental file gets one at the start
        return Ok("to a file that was not there before".into());
    };
    let notes = RefCell::new(KeyNotes::new(0));
    let report = tail(path, from, more, Some(&notes))?;
    if report.bytes != more || !report.end.is_clean() {
        return Err(format!("only {} bytes of complete commands are in {}", report.safe_cut - from, path.display()));
    }
    match notes.borrow().adds() {
        0 => Ok(format!("{} removals", report.writes)),
        n => Err(format!("{n} of {} commands add or change data", report.writes)),
    }
}

/// Walks what was appended to a set that is otherwise as it was: whole commands, up to the one being written.
pub(super) fn grown(holdings: &Holdings, look: &Look, report: &mut Report) {
    let Some((path, from)) = holdings.appended_to() else {
        report.exact("on disk", true, "the files are those that were loaded and compared");
        return;
    };
    let size = look.stat(path).map_or(from, |stat| stat.size);
    let walked = tail(path, from, size.saturating_sub(from), None);
    let (ok, words) = match walked {
        // the last command may be on its way while this is read
        Ok(r) if r.end.is_clean() || matches!(r.end, End::Torn { .. } | End::OpenMulti { .. }) => {
            (true, format!("the files are those that were loaded and compared, {} commands were appended", r.writes))
        }
        Ok(r) => (false, format!("{}: {:?}", path.display(), r.end)),
        Err(because) => (false, because),
    };
    report.exact("on disk", ok, words);
}

fn tail(path: &Path, from: u64, len: u64, witness: Option<&RefCell<dyn Witness>>) -> Result<CommandsReport, String> {
    let mut file = Look::new().open_to_walk(path).map_err(|e| e.to_string())?;
    file.seek(SeekFrom::Start(from)).map_err(|e| format!("{}: {e}", path.display()))?;
    let options = WalkOptions { len_hint: Some(len), witness, ..WalkOptions::default() };
    Ok(resp::walk_commands(file.take(len), from, &options))
}
