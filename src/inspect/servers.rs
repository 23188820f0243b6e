//! Which server loads a file, refuses it, or loses some of it: over the releases people run.
use super::document::{Server, Start};
use crate::aof::set::{self, Outcome, SetReport};
use crate::rdb::{Flavour, Loadable, Report, ServerVersion, loadable};
use crate::redis_conf;

/// The releases asked about, by their newest patch of those that were tried.
const RELEASES: [(Flavour, (u32, u32, u32)); 11] = [
    (Flavour::Redis, (6, 0, 16)),
    (Flavour::Redis, (6, 2, 14)),
    (Flavour::Redis, (7, 0, 15)),
    (Flavour::Redis, (7, 2, 6)),
    (Flavour::Redis, (7, 4, 1)),
    (Flavour::Redis, (8, 0, 6)),
    (Flavour::Redict, (7, 3, 0)),
    (Flavour::Valkey, (7, 2, 5)),
    (Flavour::Valkey, (8, 0, 1)),
    (Flavour::Valkey, (8, 1, 1)),
    (Flavour::Valkey, (9, 1, 2)),
];

fn releases() -> impl Iterator<Item = ServerVersion> {
    RELEASES.into_iter().map(|(flavour, version)| ServerVersion { flavour, version })
}

fn short(server: &ServerVersion) -> String {
    let whole = server.to_string();
    whole.rsplit_once('.').map_or(whole.clone(), |(short, _)| short.to_owned())
}

fn row(server: &ServerVersion, (start, because): (Start, Option<String>)) -> Server {
    Server { server: short(server), start, because }
}

/// What servers without modules make of a snapshot, as their dump.rdb.
pub(super) fn of_snapshot(report: &Report) -> Vec<Server> {
    releases().map(|server| row(&server, snapshot(report, &server))).collect()
}

fn snapshot(report: &Report, server: &ServerVersion) -> (Start, Option<String>) {
    match loadable(report, server, &[]) {
        Loadable::Yes => (Start::Loads, None),
        Loadable::No { because } => (Start::Refuses, Some(because)),
        Loadable::Unknown { because } => (Start::Unknown, Some(because)),
    }
}

/// What servers make of an AOF, with `aof-load-truncated yes`, as it is by default.
pub(super) fn of_aof(report: &SetReport) -> Vec<Server> {
    releases().map(|server| row(&server, aof(report, &server))).collect()
}

fn aof(report: &SetReport, server: &ServerVersion) -> (Start, Option<String>) {
    let whole = match set::server_outcome(report, server.version.0, true) {
        Outcome::Loads => (Start::Loads, None),
        Outcome::LoadsLosing { because } => (Start::Loses, Some(because)),
        Outcome::StartsEmpty { because } => (Start::Empty, Some(because)),
        Outcome::Refuses { because } => (Start::Refuses, Some(because)),
        Outcome::Unknown { because } => (Start::Unknown, Some(because)),
    };
    // The verdict on the set does not ask whether the server knows the version of its base.
    let base = report.files.first().and_then(|file| file.rdb.as_ref()).filter(|rdb| rdb.is_intact());
    match base.map(|rdb| snapshot(rdb, server)) {
        Some(refused @ (Start::Refuses | Start::Unknown, _)) if whole.0 != Start::Empty => refused,
        _ => whole,
    }
}

/// Which releases take a configuration, by `problems`: what each of them would refuse first.
pub(super) fn of_config(problems: impl Fn(redis_conf::ServerVersion) -> Option<String>) -> Vec<Server> {
    let asked = |server: ServerVersion| {
        let (major, minor, _) = server.version;
        let flavour = match server.flavour {
            Flavour::Valkey => redis_conf::Flavour::Valkey,
            Flavour::Redis | Flavour::Redict => redis_conf::Flavour::Redis,
        };
        let because = problems(redis_conf::ServerVersion { flavour, major, minor });
        row(&server, (if because.is_some() { Start::Refuses } else { Start::Loads }, because))
    };
    releases().filter(|server| server.flavour != Flavour::Redict).map(asked).collect()
}
