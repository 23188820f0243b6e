//! What a verification found, on a screen.
use super::super::out;
use crate::checks::Outcome;
use crate::facts::Point;
use crate::verify::{Bench, Check, Clients, Since, Verification};
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
    if let Some(deep) = &found.deep {
        for odd in &deep.first {
            let since = match odd.since {
                Since::Changed => " (clients are changing it)",
                Since::Equal | Since::Unknown => "",
            };
            out::line(&format!("             db{} {}: {}{since}", odd.db, printable(&odd.key), printable(&odd.what)));
        }
        let odd = deep.missing + deep.differing + deep.not_compared;
        let more = odd.saturating_sub(deep.first.len() as u64);
        if more > 0 {
            out::line(&format!("             and {more} more"));
        }
    }
    if let Some(data) = &found.data_checks {
        out::line(&format!("data checks of {}", printable(&data.file)));
        data.checks.iter().for_each(one);
    }
    found.bench.iter().for_each(measured);
}

fn measured(bench: &Bench) {
    let Bench { program, requests, clients, .. } = bench;
    out::line(&format!("{}: {requests} requests of each kind over {clients} connections", printable(program)));
    let ms = |value: Option<f64>| value.map_or("?".to_string(), |ms| format!("{ms:.2}"));
    for test in &bench.tests {
        let (rate, half, most) = (test.requests_per_second, ms(test.p50_ms), ms(test.p99_ms));
        out::line(&format!(
            "  {:<7}  {rate:.0} a second, half within {half} ms, 99 of 100 within {most} ms",
            test.name
        ));
    }
    for left_out in &bench.left_out {
        out::line(&format!("  left out {}", printable(left_out)));
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
