//! One key of the point against what the server has; and what all of it comes to. Pure.
use super::ask::{Live, same_kind};
use super::{Progress, Wanted};
use crate::rdb::Kind;
use crate::verify::{Clients, Report};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Keys that are named.
const NAMED: usize = 20;
/// Clocks and rounding, milliseconds.
const SLACK_MS: i64 = 1000;

/// How one key came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Equal,
    Expired,
    Missing,
    Differs(String),
    Unread(String),
}

/// What is known of when a key came to differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Since {
    /// It was equal when it was read once more.
    Equal,
    /// It is being changed now: two readings gave two values.
    Changed,
    /// Nobody knows.
    Unknown,
}

pub(super) fn judge(wanted: &Wanted, live: &Live, now_ms: i64, fields_expire: bool) -> Found {
    let over = wanted.gone_ms.is_some_and(|at| at <= now_ms + SLACK_MS);
    let Live::Is { kind, expires_at_ms, slack_ms, value } = live else {
        return if over { Found::Expired } else { Found::Missing };
    };
    if !same_kind(wanted.kind, kind) {
        return Found::Differs(format!("it is a {kind}, and a {} in the point", wanted.kind.as_str()));
    }
    let same_time = match (wanted.expires_at_ms, expires_at_ms) {
        (None, None) => true,
        (Some(want), Some(have)) => (want - have).abs() <= *slack_ms,
        _ => false,
    };
    match value {
        Err(why) => Found::Unread(why.clone()),
        Ok(meaning) if *meaning != wanted.meaning && fields_expire && wanted.kind == Kind::Hash => {
            Found::Unread("it differs, and fields of it may have expired since".into())
        }
        Ok(meaning) if *meaning != wanted.meaning => Found::Differs("it has another value".into()),
        Ok(_) if !same_time => {
            let at = |ms: Option<i64>| ms.map_or("never".to_string(), |ms| format!("at {ms}"));
            Found::Differs(format!("it expires {}, and {} in the point", at(*expires_at_ms), at(wanted.expires_at_ms)))
        }
        Ok(_) => Found::Equal,
    }
}

/// Every key's value, compared.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Deep {
    /// Keys of the point that were compared.
    pub compared: u64,
    /// With the same value, type and expiry on the server.
    pub equal: u64,
    /// Not on the server, because their time is over.
    pub expired: u64,
    /// Not on the server.
    pub missing: u64,
    /// On the server with another value, type or expiry.
    pub differing: u64,
    /// Keys of the server that the point does not have; null where that is not known.
    pub extra: Option<u64>,
    /// Of those missing, differing or more, how many the changes that the server counted since, or two readings that gave two
    /// values, account for.
    pub changed_since: u64,
    /// On the server, with a value that could not be compared.
    pub not_compared: u64,
    /// Are the function libraries the same, code by code? Null where the server has no functions.
    pub libraries: Option<bool>,
    /// The first keys that are not equal.
    pub first: Vec<DeepKey>,
    /// Keys that an earlier call had compared, after which this one went on.
    pub resumed_after: Option<u64>,
    /// How long this call took, seconds.
    pub seconds: f64,
}

/// A key that is not equal.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DeepKey {
    /// The database.
    pub db: u32,
    /// Its name, control characters escaped.
    pub key: String,
    /// What is not as in the point.
    pub what: String,
    /// What is known of when it came so.
    pub since: Since,
}

pub(super) fn tell(progress: &Progress, clients: Clients, report: &mut Report) -> Deep {
    let Progress { done, equal, expired, missing, differing, not_compared, .. } = *progress;
    let extra = progress.extra.unwrap_or(0);
    let wrong = missing + differing;
    // what clients add is no loss; but where nothing was written, there is nothing to be added
    let (ok, exact, changed) = match clients {
        Clients::Nothing => (wrong + extra == 0, true, 0),
        Clients::Changes(n) => (wrong <= n, false, (wrong + extra).min(n.max(progress.changing))),
        Clients::Unknown => (wrong <= progress.changing, false, progress.changing),
    };
    let mut words = format!("{equal} of {done} keys have the same value, type and expiry; {expired} expired since");
    for (n, what) in [(missing, "are missing"), (differing, "differ"), (not_compared, "could not be compared")] {
        if n > 0 {
            words.push_str(&format!("; {n} {what}"));
        }
    }
    if extra > 0 {
        words.push_str(&format!("; {extra} more on the server"));
    }
    let known = match clients {
        Clients::Nothing => String::new(),
        Clients::Changes(n) => format!("; the server counts {n} changes since"),
        Clients::Unknown if wrong + extra == 0 => String::new(),
        Clients::Unknown if wrong <= progress.changing => "; clients are changing all of those".into(),
        Clients::Unknown => "; whether clients changed them since is not known".into(),
    };
    words.push_str(&known);
    // a value that could not be compared is no proof of anything
    let exact = (exact || wrong + extra == 0) && not_compared == 0;
    if exact {
        report.exact("values", ok, words)
    } else {
        report.bounds("values", ok, words)
    }
    if let Some(same) = progress.libraries {
        let words = if same { "the same code in the point and on the server" } else { "not the code of the point" };
        report.exact("function code", same, words);
    }
    Deep {
        compared: done,
        equal,
        expired,
        missing,
        differing,
        extra: progress.extra,
        changed_since: changed,
        not_compared,
        libraries: progress.libraries,
        first: progress
            .odd
            .iter()
            .filter(|odd| odd.since != Since::Equal)
            .take(NAMED)
            .map(|odd| DeepKey { db: odd.db, key: odd.name(), what: odd.what.clone(), since: odd.since })
            .collect(),
        resumed_after: None,
        seconds: 0.0,
    }
}
