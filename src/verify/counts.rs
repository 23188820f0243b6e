//! Counts of a snapshot, or of a base that no command follows.
use super::holdings::Holdings;
use super::report::Report;
use super::{Clients, Expected};
use crate::rdb::DbCount;
use crate::server::Info;
use std::collections::BTreeMap;

/// What the server says it loaded at its start (7.0 and newer), against the snapshot or the base.
pub(super) fn loaded(info: &Info, expected: &Expected<'_>, holdings: &Holdings, report: &mut Report) {
    let (Some(loaded), Some(base)) = (info.number("rdb_last_load_keys_loaded"), holdings.base()) else {
        return;
    };
    if holdings.is_aof() && base.keys == 0 {
        return;
    }
    let whole = base.keys - base.empty_collections.min(base.keys);
    if expected.aof_base {
        report.exact("keys loaded", loaded == whole, format!("{loaded} loaded, {whole} in the base"));
        return;
    }
    let dropped = info.number("rdb_last_load_keys_expired").unwrap_or(0);
    // Valkey 9 drops hashes without a field left at the load too, and counts them nowhere in INFO
    let fields = whole.saturating_sub(loaded + dropped);
    let due: u64 = base.databases.keys().map(|db| holdings.gone_since(*db, expected.now_ms).1).sum();
    let ok = fields <= base.expired_hashes + due && dropped <= base.expired + due;
    let hashes = if fields > 0 { format!(" and {fields} hashes without a field left") } else { String::new() };
    report.exact("keys loaded", ok && loaded <= whole, {
        format!(
            "{loaded} loaded and {dropped} expired{hashes}, {whole} in the snapshot, {} of them expired",
            base.expired
        )
    });
    if let Some(libraries) = info.number("number_of_libraries") {
        let (have, want) = (libraries, base.functions);
        report.exact("function libraries", have == want, format!("{have} in the server, {want} in the snapshot"));
    }
}

/// Keys and expiries of each database now.
pub(super) fn now(
    info: &Info,
    expected: &Expected<'_>,
    holdings: &Holdings,
    databases: &BTreeMap<u64, DbCount>,
    report: &mut Report,
) {
    let live = info.keyspace();
    let empty = holdings.base().map_or(0, |base| base.empty_collections);
    for (db, want) in databases {
        let have = u32::try_from(*db).ok().and_then(|db| live.get(&db)).copied().unwrap_or_default();
        let (_, gone) = holdings.gone_since(*db, expected.now_ms);
        let over = want.expired + want.expired_hashes + gone + empty;
        compare(report, &format!("db{db} keys"), have.keys, want.keys, over, expected);
        compare(report, &format!("db{db} expires"), have.expires, want.expires, want.expired + gone, expected);
    }
    for (db, have) in &live {
        if !databases.contains_key(&u64::from(*db)) && have.keys > 0 {
            compare(report, &format!("db{db} keys"), have.keys, 0, 0, expected);
        }
    }
}

/// One count; `over` of those in the files may have gone by themselves.
fn compare(report: &mut Report, name: &str, have: u64, want: u64, over: u64, expected: &Expected<'_>) {
    // what neither expiry nor, where they are counted, the clients' changes explain
    let unexplained = have.saturating_sub(want) + want.saturating_sub(have).saturating_sub(over);
    let words = |by_clients: u64| {
        let left = unexplained.saturating_sub(by_clients);
        format!("{want} in the point, {have} on the server, {over} had to expire by now, {left} unexplained")
    };
    match expected.clients {
        Clients::Nothing => report.exact(name, have <= want && have + over >= want, words(0)),
        Clients::Changes(n) => {
            let ok = have <= want + n && have + over + n >= want;
            report.bounds(name, ok, format!("{}; {n} changes since", words(n)));
        }
        // not all of them are gone in everyday work
        Clients::Unknown => {
            report.bounds(name, have > 0 || want <= over, format!("{}; changes since unknown", words(0)))
        }
    }
}
