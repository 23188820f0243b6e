//! What a verification found, on a screen.
use super::super::out;
use crate::checks::Outcome;
use crate::facts::Point;
use crate::verify::{Check, Clients, Verification};
use crate::yaml::printable;

/// Offenders that are named on the screen, of each check.
const NAMED: usize = 5;

/// Prints it.
pub fn print(found: &Verification, against: Option<(&Point, Clients)>) {
    match against {
        Some((point, clients)) => {
            let (name, id, source) = (printable(&found.instance), printable(&point.id), printable(&point.source));
            out::line(&format!("{name} against {id} ({source})"));
            out::line(since(clients));
        }
        None => out::line(&format!("{}: no recovery point to compare with", printable(&found.instance))),
    }
    for check in &found.checks {
        out::line(&comparison(check));
    }
    let Some(data) = &found.data_checks else { return };
    out::line(&format!("data checks of {}", printable(&data.file)));
    for outcome in &data.checks {
        one(outcome);
    }
}

fn since(clients: Clients) -> &'static str {
    match clients {
        Clients::Nothing => "nothing was written since, so all counts must agree",
        Clients::Changes(_) => "clients wrote since, so only bounds can be asked for where it says \"about\"",
        Clients::Unknown => {
            "how much was written since is not known, so little can be asked for where it says \"about\""
        }
    }
}

fn comparison(check: &Check) -> String {
    let word = match (check.ok, check.exact) {
        (false, _) => "DIFFERS",
        (true, true) => "ok",
        (true, false) => "about",
    };
    format!("  {word:<7}  {}: {}", printable(&check.name), printable(&check.evidence))
}

fn one(outcome: &Outcome) {
    let word = if outcome.ok { "ok" } else { "FAILS" };
    out::line(&format!("  {word:<7}  {}: {}", printable(&outcome.id), printable(&outcome.evidence)));
    for offender in outcome.first.iter().take(NAMED) {
        out::line(&format!(
            "             db{} {}: {}",
            offender.db,
            printable(&offender.key),
            printable(&offender.why)
        ));
    }
    let more = outcome.failed.saturating_sub(NAMED as u64);
    if more > 0 {
        out::line(&format!("             and {more} more"));
    }
    if let (false, Some(repair)) = (outcome.ok, &outcome.repair) {
        out::line(&format!("             repair-data would: {}", printable(repair)));
    }
}
