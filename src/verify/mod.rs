//! A live server against what its files hold: counts, types and expiries, with expired keys accounted for.
//!
//! A server that loads a snapshot as a primary drops keys whose time is over; one that loads the same bytes as the base
//! of an AOF keeps them at first and drops them one by one (redis-facts §0.2). So the count loaded is known exactly,
//! and the count now lies between "all" and "all whose time is not over". What commands after a base make of it can't be
//! counted from outside: there the bytes that were loaded are compared, and keys whose last command decides them alone.
mod aof;
mod bench;
mod clients;
mod counts;
mod deep;
mod document;
mod holdings;
mod log;
mod report;
mod sample;

pub use bench::{Bench, BenchTest, measure as bench, program_in as benchmark_in};
pub use clients::{Clients, clients_since};
pub use deep::{Comparison, Deep, DeepError, DeepKey, Progress as DeepProgress, Since, tell as tell_deep};
pub use document::{DataChecks, Verification};
pub use holdings::{Holdings, Loads, Places};
pub use log::first_critical;
pub use report::{Check, Report};

use crate::facts::{Point, PointKind};
use crate::host::Look;
use crate::server::{Info, Server, ServerError};
use std::sync::Arc;

/// What the comparison has to know beside the files and the server.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The point that the server's data comes from; `None` where the files are all there is to compare with.
    pub point: Option<&'a Point>,
    /// What INFO said right after these files were loaded; `None` where that was not asked, or the server has gone on.
    pub at_load: Option<&'a Info>,
    /// Was the snapshot loaded as the base of an AOF?
    pub aof_base: bool,
    /// The moment of the comparison, Unix milliseconds.
    pub now_ms: i64,
    /// May the point's files have grown since it was examined (its server was answering)?
    pub grew: bool,
    /// What clients may have done since.
    pub clients: Clients,
}

/// Compares the server with what its files hold, and the files with the point they were made from.
///
/// # Errors
/// The server stopped answering. What differs is in the report.
pub fn compare(server: &mut Server, holdings: &Holdings, expected: &Expected<'_>) -> Result<Report, ServerError> {
    let info = server.info(Some("everything"))?;
    let mut report = Report::default();
    if let Some(because) = holdings.damage() {
        report.exact("files", false, because);
        return Ok(report);
    }
    origin(holdings, expected, &mut report);
    if let Some(at_load) = expected.at_load {
        if holdings.is_aof() {
            aof::sizes(server, holdings, at_load, &mut report)?;
        }
        counts::loaded(at_load, expected, holdings, &mut report);
    }
    match holdings.base() {
        Some(base) if holdings.commands() == 0 => {
            counts::now(&info, expected, holdings, &base.databases, &mut report);
        }
        _ => {}
    }
    report.exact("loaded", !info.loading(), format!("{} keys in the server", info.keys()));
    sample::compare(server, &holdings.decided(), expected, &mut report)?;
    Ok(report)
}

/// The files against the point: a copy is as good as what it was made from only if it is the same.
fn origin(holdings: &Holdings, expected: &Expected<'_>, report: &mut Report) {
    let Some(point) = expected.point else {
        return;
    };
    let mut differs = Vec::new();
    let mut same = |what: &str, have: Option<u64>, want: Option<u64>| {
        if let (Some(have), Some(want)) = (have, want)
            && have != want
        {
            differs.push(format!("{have} {what}, and {want} when it was examined"));
        }
    };
    let base = holdings.base();
    match point.kind {
        PointKind::Rdb | PointKind::Backup => {
            let whole = point.content.as_ref().map(|c| c.data_bytes).filter(|bytes| *bytes > 0);
            same("keys", base.map(|b| b.keys), point.keys);
            same("bytes", base.map(|b| b.bytes), whole);
        }
        PointKind::Aof | PointKind::AofCut if !expected.grew => {
            same("keys in the base", base.map(|b| b.keys), point.base_keys);
            same("commands", Some(holdings.commands()), point.commands);
            same("bytes", Some(holdings.bytes()), point.bytes.map(|b| b.0));
        }
        _ => return,
    }
    let evidence = match differs.is_empty() {
        true => format!("{} bytes walked, the same as when {} was examined", holdings.bytes(), point.id),
        false => differs.join("; "),
    };
    report.exact("files", differs.is_empty(), evidence);
}

/// What is on disk would load the same: the files that were compared already are only looked at, and what was appended
/// to them is walked; others are walked whole and compared with the server, which clients may use meanwhile.
///
/// # Errors
/// The server stopped answering.
pub fn on_disk(
    server: &mut Server,
    look: &Look,
    places: &Places<'_>,
    compared: Option<&Holdings>,
) -> Result<Report, ServerError> {
    let info = server.info(Some("everything"))?;
    let appendonly = info.number("aof_enabled") == Some(1);
    let loads = Loads::of(look, places, appendonly);
    let mut report = Report::default();
    if let Some(holdings) =
        compared.filter(|holdings| holdings.is_aof() == appendonly && holdings.unchanged(look, &loads))
    {
        aof::grown(holdings, look, &mut report);
        return Ok(report);
    }
    let Some(holdings) = walked(look, &loads, places, appendonly, &mut report) else {
        return Ok(report);
    };
    let info = server.info(Some("everything"))?;
    let kind = if appendonly { PointKind::Aof } else { PointKind::Rdb };
    let clients = clients_since(&info, &holdings, kind);
    let now_ms = look.now().as_millisecond();
    let expected = Expected { point: None, at_load: None, aof_base: appendonly, now_ms, grew: true, clients };
    compare(server, &holdings, &expected)
}

/// Times a set is walked anew that ends within a command: the server may have been writing it.
const TRIES: usize = 3;

fn walked(look: &Look, loads: &Loads, places: &Places<'_>, appendonly: bool, report: &mut Report) -> Option<Holdings> {
    if let Loads::Snapshot(path) = loads
        && !look.exists(path)
    {
        report.bounds("on disk", true, "there is no snapshot yet: a start would come up empty");
        return None;
    }
    let walk = |loads: &Loads| Holdings::of_files(look, loads, look.now().as_millisecond(), &Arc::default());
    let mut last = walk(loads);
    for _ in 1..TRIES {
        if last.as_ref().is_ok_and(|holdings| holdings.damage().is_none()) {
            break;
        }
        last = walk(&Loads::of(look, places, appendonly));
    }
    match last {
        Ok(holdings) => Some(holdings),
        Err(error) => {
            report.exact("on disk", false, format!("what a start would load can't be read: {error}"));
            None
        }
    }
}
