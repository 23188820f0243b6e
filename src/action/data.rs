//! `data.verify`: the live server against the recovery point.
use super::beside::{self, Loaded, aof_in_effect};
use super::files::point_of;
use super::results::DataVerified;
use super::{Act, ActError, DataVerify, Effects, Hands, Site};
use crate::checks::Scan;
use crate::server::{Info, Pace, Server};
use crate::verify::{self, Clients, Expected};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a rewrite that somebody asked for may take.
const REWRITE: Duration = Duration::from_secs(600);

impl Act for DataVerify {
    fn effects(&self, _: &Site) -> Effects {
        Effects::none()
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let point = point_of(hands.site, &self.against.0)?.clone();
        // another process may have started the server: then what it loaded is walked now
        let mut rewritten = false;
        if hands.loaded.is_none() {
            let (info, log_from) = (no_rewrite_under_way(hands)?, started_at(hands));
            *hands.loaded = Some(Loaded { holdings: beside::walk_now(hands)?, info, log_from });
            rewritten = hands.loaded.as_ref().is_some_and(|now| now.holdings.is_aof() && rewrote(&now.info));
        }
        let Some(Loaded { holdings, info, log_from }) = &*hands.loaded else {
            return Err(ActError::failed("nothing was walked", "this is a defect in redis-dr"));
        };
        let expected = Expected {
            point: (!rewritten).then_some(&point),
            at_load: (!rewritten).then_some(info),
            aof_base: aof_in_effect(hands),
            now_ms: hands.look.now().as_millisecond(),
            grew: hands.site.was_answering,
            clients: Clients::Nothing,
        };
        let mut server = hands.connect()?;
        let mut report = verify::compare(&mut server, holdings, &expected)?;
        if rewritten {
            report.bounds("files", true, "the server has rewritten its AOF since its start; the new files were walked");
        }
        if holdings.is_aof() {
            log(hands, *log_from, &mut report)?;
        }
        if self.checks {
            owners(hands, &mut server, &mut report)?;
        }
        if let Some(bad) = report.checks.iter().find(|c| !c.ok) {
            return Err(ActError::failed(
                format!("{}: {}", bad.name, bad.evidence),
                "the server does not hold what the point holds; choose another point: redis-dr points",
            ));
        }
        Ok(json!(DataVerified { exact: report.checks.iter().all(|c| c.exact), checks: report.checks }))
    }
}

/// The owner's data checks, where there are any.
fn owners(hands: &mut Hands<'_>, server: &mut Server, report: &mut verify::Report) -> Result<(), ActError> {
    let Some((_, checks)) = super::repair::owners_checks(hands.look, hands.site)? else {
        return Ok(());
    };
    let progress = &mut *hands.progress;
    let outcomes = Scan {
        look: hands.look,
        now: hands.look.now(),
        // nobody else uses a fenced server, but one that was compared while open may be in use
        pace: Pace::new(None),
        interrupted: hands.interrupted,
        progress: &mut |done, total| progress("data checks", done, Some(total)),
        offence: &mut |_| {},
    }
    .carry_out(server, &checks)
    .map_err(|e| if e.code() == "interrupted" { ActError::interrupted() } else { e.into() })?;
    for outcome in outcomes {
        let first = outcome.first.first().map(|o| format!("; first: db{} {}: {}", o.db, o.key, o.why));
        let evidence = format!("{}{}", outcome.evidence, first.unwrap_or_default());
        report.exact(format!("data check {}", outcome.id), outcome.ok, evidence);
    }
    Ok(())
}

/// Has this process rewritten its AOF? Then its files are no longer those that it loaded.
fn rewrote(info: &Info) -> bool {
    // -1 before the first
    info.number("aof_last_rewrite_time_sec").is_some()
}

/// What INFO says once no rewrite of the AOF is under way, which would change files while they are walked.
fn no_rewrite_under_way(hands: &mut Hands<'_>) -> Result<Info, ActError> {
    hands.wait("the server to end its rewrite of the AOF", REWRITE, |h| {
        let info = h.connect()?.info(Some("everything"))?;
        let busy = ["aof_rewrite_in_progress", "aof_rewrite_scheduled"].iter().any(|f| info.number(f) == Some(1));
        Ok((!busy).then_some(info))
    })
}

/// The size of the log before the start, as the step that started the server noted it.
fn started_at(hands: &Hands<'_>) -> Option<u64> {
    hands.results.values().find_map(|found| found["log_from"].as_u64())
}

/// A server goes on when a command of its AOF fails, and says so in its log only (redis-facts §0.10).
fn log(hands: &Hands<'_>, from: Option<u64>, report: &mut verify::Report) -> Result<(), ActError> {
    let (Some(path), Some(from)) = (&hands.site.logfile, from) else {
        report.bounds("log", true, "the server writes no log file that could be read");
        return Ok(());
    };
    let critical = verify::first_critical(hands.look, path, from)?;
    let evidence = match &critical {
        Some(line) => format!("a command failed while loading: {line}"),
        None => "no command failed while loading".to_owned(),
    };
    report.exact("log", critical.is_none(), evidence);
    Ok(())
}
