//! `data.verify`: the live server against the recovery point.
use super::beside::{self, Loaded, aof_in_effect};
use super::files::point_of;
use super::results::DataVerified;
use super::{Act, ActError, DataVerify, Effects, Hands, Site};
use crate::verify::{self, Clients, Expected};
use serde_json::{Value, json};

impl Act for DataVerify {
    fn effects(&self, _: &Site) -> Effects {
        Effects::none()
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let point = point_of(hands.site, &self.against.0)?.clone();
        let mut server = hands.connect()?;
        // another process may have started the server: then what it loaded is walked now
        if hands.loaded.is_none() {
            let (info, log_from) = (server.info(Some("everything"))?, started_at(hands));
            *hands.loaded = Some(Loaded { holdings: beside::walk_now(hands)?, info, log_from });
        }
        let Some(Loaded { holdings, info, log_from }) = &*hands.loaded else {
            return Err(ActError::failed("nothing was walked", "this is a defect in redis-dr"));
        };
        let expected = Expected {
            point: Some(&point),
            at_load: Some(info),
            aof_base: aof_in_effect(hands),
            now_ms: hands.look.now().as_millisecond(),
            grew: hands.site.was_answering,
            clients: Clients::Nothing,
        };
        let mut report = verify::compare(&mut server, holdings, &expected)?;
        if holdings.is_aof() {
            log(hands, *log_from, &mut report)?;
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
