//! What clients may have done to an open server since the state that its files hold.
use super::holdings::Holdings;
use crate::facts::PointKind;
use crate::server::Info;

/// The server and the file system round their times, seconds.
const ROUNDING: i64 = 2;

/// What clients may have done since the state that the files hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// Nothing: the server was fenced all along, or says that nothing has changed.
    Nothing,
    /// At most so many changes, as the server counts them.
    Changes(u64),
    /// Nobody knows.
    Unknown,
}

impl Clients {
    /// The changes, where they are counted.
    #[must_use]
    pub fn counted(self) -> Option<u64> {
        match self {
            Self::Nothing => Some(0),
            Self::Changes(n) => Some(n),
            Self::Unknown => None,
        }
    }
}

/// What the server itself says of it. An AOF as long as the one the server writes holds all that it holds. Of a snapshot
/// the server knows how much has changed since only if it is the one it last saved, or the one it was started from.
#[must_use]
pub fn clients_since(info: &Info, holdings: &Holdings, kind: PointKind) -> Clients {
    let busy = ["aof_rewrite_in_progress", "aof_rewrite_scheduled"].iter().any(|f| info.number(f) == Some(1));
    if kind == PointKind::Aof {
        let written =
            info.number("aof_enabled") == Some(1) && info.number("aof_current_size") == Some(holdings.bytes());
        return if written && !busy { Clients::Nothing } else { Clients::Unknown };
    }
    let Some(changes) = info.number("rdb_changes_since_last_save") else {
        return Clients::Unknown;
    };
    if !(was_saved_last(info, holdings, kind) || was_loaded(info, holdings, kind)) {
        return Clients::Unknown;
    }
    if changes == 0 { Clients::Nothing } else { Clients::Changes(changes) }
}

fn last_save(info: &Info) -> Option<i64> {
    i64::try_from(info.number("rdb_last_save_time")?).ok()
}

/// When the server was started, Unix seconds, by its own clock.
fn started(info: &Info) -> Option<i64> {
    let now = info.number("server_time_usec").map(|us| us / 1_000_000)?;
    i64::try_from(now.checked_sub(info.number("uptime_in_seconds")?)?).ok()
}

/// Is it the file that the server saved last? It carries when that save began, and INFO says when it ended.
fn was_saved_last(info: &Info, holdings: &Holdings, kind: PointKind) -> bool {
    let (Some(save), Some(began)) = (last_save(info), holdings.base().and_then(crate::rdb::Report::ctime)) else {
        return false;
    };
    // seconds that BGSAVE took, -1 before the first; a save without a child is as long as it seems
    let took = info.number("rdb_last_bgsave_time_sec").and_then(|s| i64::try_from(s).ok()).unwrap_or(0);
    kind == PointKind::Rdb && (began..=began + took + ROUNDING).contains(&save)
}

/// Was the server started from it, and has saved nothing since? The last save is then said to be the start.
fn was_loaded(info: &Info, holdings: &Holdings, kind: PointKind) -> bool {
    let (Some(save), Some(started), Some(base)) = (last_save(info), started(info), holdings.base()) else {
        return false;
    };
    let whole = base.keys - base.empty_collections.min(base.keys);
    let loaded = info.number("rdb_last_load_keys_loaded");
    let dropped = info.number("rdb_last_load_keys_expired").unwrap_or(0);
    let same = match loaded {
        Some(loaded) => loaded == whole || loaded + dropped == whole,
        // before 7.0 the server does not say: the snapshot in its place, where no AOF comes before it
        None => kind == PointKind::Rdb && info.number("aof_enabled") == Some(0),
    };
    same && (save - started).abs() <= ROUNDING && base.ctime().is_none_or(|at| at <= started + ROUNDING)
}
