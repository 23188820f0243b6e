//! How much was written since a moment, by the server's own count.
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Endpoint, Info, Server};

/// The server's count of changes at one moment. A save starts it anew, and so does a start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteCount {
    /// Changes at every start.
    pub run_id: String,
    /// `rdb_changes_since_last_save`.
    pub changes: u64,
    /// `rdb_last_save_time`, seconds since 1970.
    pub saved_at: u64,
}

impl WriteCount {
    /// The count in an answer of INFO.
    #[must_use]
    pub fn of(info: &Info) -> Option<Self> {
        Some(Self {
            run_id: info.get("run_id")?.to_string(),
            changes: info.number("rdb_changes_since_last_save")?,
            saved_at: info.number("rdb_last_save_time")?,
        })
    }

    /// What was written between two moments, in words; says what was counted, and what could not be.
    #[must_use]
    pub fn since(then: Option<&Self>, now: Option<&Self>) -> String {
        let of_server = "by the server's rdb_changes_since_last_save, redis-dr's own probe among them";
        match (then, now) {
            (_, None) => "the server does not answer: what clients wrote since it was opened can't be counted".into(),
            (None, Some(now)) => {
                format!("how many of the {} changes ({of_server}) are clients' can't be told", now.changes)
            }
            (Some(then), Some(now)) if then.run_id != now.run_id => {
                format!("the server was restarted: at least {} changes since ({of_server})", now.changes)
            }
            (Some(then), Some(now)) if then.saved_at != now.saved_at => {
                format!("at least {} changes since it was opened, more before its last save ({of_server})", now.changes)
            }
            (Some(then), Some(now)) => {
                let changes = now.changes.saturating_sub(then.changes);
                format!("{changes} changes since it was opened ({of_server})")
            }
        }
    }
}

/// The count of a server now; `None` when it does not answer.
#[must_use]
pub fn count_writes(endpoint: &Endpoint) -> Option<WriteCount> {
    let info = Server::connect(endpoint, Duration::from_secs(2)).ok()?.info(Some("everything")).ok()?;
    WriteCount::of(&info)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn count(run_id: &str, changes: u64, saved_at: u64) -> WriteCount {
        WriteCount { run_id: run_id.into(), changes, saved_at }
    }

    #[test]
    fn what_was_counted_is_said_and_nothing_is_made_up() {
        let then = count("a", 100, 7);
        let words = |now: Option<WriteCount>| WriteCount::since(Some(&then), now.as_ref());
        assert!(words(Some(count("a", 142, 7))).starts_with("42 changes since it was opened (by the server's"));
        assert!(words(Some(count("a", 5, 9))).starts_with("at least 5 changes since it was opened, more before"));
        assert!(words(Some(count("b", 5, 7))).starts_with("the server was restarted: at least 5 changes"));
        assert!(words(None).contains("can't be counted"));
        assert!(WriteCount::since(None, Some(&then)).contains("can't be told"));
    }

    #[test]
    fn it_is_read_from_info() {
        let info = Info::parse("run_id:abc\r\nrdb_changes_since_last_save:3\r\nrdb_last_save_time:17\r\n");
        assert_eq!(WriteCount::of(&info), Some(count("abc", 3, 17)));
        assert_eq!(WriteCount::of(&Info::parse("run_id:abc\r\n")), None);
    }
}
