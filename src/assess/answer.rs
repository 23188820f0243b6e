//! What the server answers: PING, INFO, CONFIG GET.
use crate::action::FENCE;
use crate::facts::{Bytes, DatabaseFacts, PersistenceFacts, ReplicationFacts, Seconds, ServerFacts, ServerRole, Time};
use crate::server::{Endpoint, Info, Server, ServerError};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long connecting, and then each call, may take. A local server that needs longer is not well.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What came back, or did not.
#[derive(Debug, Default)]
pub struct Answer {
    /// PING, as far as it was answered.
    pub ping: Option<Result<(), ServerError>>,
    /// INFO.
    pub info: Option<Info>,
    /// CONFIG GET *.
    pub settings: Option<BTreeMap<String, String>>,
    /// Is CONFIG renamed away or denied?
    pub config_denied: bool,
    /// CLUSTER INFO of a node of a Cluster.
    pub cluster: Option<String>,
    /// Why nothing came.
    pub error: Option<ServerError>,
}

/// Asks the server. Never longer than a few seconds.
#[must_use]
pub fn ask(endpoint: &Endpoint, with_settings: bool) -> Answer {
    let mut answer = Answer::default();
    let mut server = match Server::connect(endpoint, PATIENCE) {
        Ok(server) => server,
        Err(error) => {
            answer.error = Some(error);
            return answer;
        }
    };
    let ping = server.ping();
    let answered = ping.as_ref().err().is_none_or(ServerError::answered);
    answer.ping = Some(ping);
    if !answered {
        return answer;
    }
    match server.info(Some("everything")) {
        Ok(info) if info.version().is_some() => answer.info = Some(info),
        Ok(_) => {}
        Err(error) => answer.error = Some(error),
    }
    if answer.info.as_ref().and_then(|info| info.flag("cluster_enabled")) == Some(true) {
        answer.cluster = server.cluster_info().ok();
    }
    if with_settings {
        match server.config_get("*") {
            Ok(settings) if !settings.is_empty() => answer.settings = Some(settings),
            Ok(_) => {}
            Err(ServerError::Denied { .. }) => answer.config_denied = true,
            Err(error) => {
                answer.error.get_or_insert(error);
            }
        }
    }
    answer
}

impl Answer {
    /// Whoever answered: is it a Redis or Valkey, as far as can be told? A program that speaks another protocol is not.
    #[must_use]
    pub fn is_redis(&self) -> Option<bool> {
        if self.info.is_some() || matches!(self.ping, Some(Ok(()))) {
            return Some(true);
        }
        let error = self.ping.as_ref().and_then(|p| p.as_ref().err()).or(self.error.as_ref())?;
        match error {
            ServerError::Protocol { .. } => Some(false),
            ServerError::AuthFailed { .. }
            | ServerError::Loading
            | ServerError::Busy { .. }
            | ServerError::Misconf { .. }
            | ServerError::MasterDown
            | ServerError::Denied { .. }
            | ServerError::NoReplicas
            | ServerError::Oom => Some(true),
            _ => None,
        }
    }

    /// Puts what was answered into facts; why something is unknown goes into `unknown`.
    pub fn fill(
        &self,
        server: &mut ServerFacts,
        persistence: &mut PersistenceFacts,
        unknown: &mut BTreeMap<String, String>,
    ) {
        let refused = self.ping.as_ref().and_then(|p| p.as_ref().err()).or(self.error.as_ref());
        server.error = refused.map(ToString::to_string);
        server.auth_failed = Some(matches!(refused, Some(ServerError::AuthFailed { .. })));
        server.busy = Some(matches!(refused, Some(ServerError::Busy { .. })));
        server.misconf = Some(matches!(refused, Some(ServerError::Misconf { .. })));
        let loads = matches!(refused, Some(ServerError::Loading)) || self.info.as_ref().is_some_and(Info::loading);
        server.loading = Some(loads);
        let answers = matches!(
            &self.ping,
            Some(Ok(()) | Err(ServerError::Misconf { .. } | ServerError::MasterDown | ServerError::Denied { .. }))
        );
        server.answers = Some(answers && !loads);
        if server.auth_failed == Some(true) {
            server.answers = None;
            server.loading = None;
            server.misconf = None;
            for name in ["server.answers", "server.writable", "server.role", "server.keys"] {
                unknown.insert(name.into(), "the server refuses our credentials".into());
            }
            return;
        }
        server.config_denied = Some(self.config_denied);
        if let Some(info) = &self.info {
            from_info(info, server, persistence);
        }
        self.writable(server, unknown);
    }

    fn writable(&self, server: &mut ServerFacts, unknown: &mut BTreeMap<String, String>) {
        if server.answers != Some(true) {
            server.writable = Some(false);
            return;
        }
        let wanted = self.number("min-replicas-to-write");
        server.fenced = wanted.map(|n| n >= FENCE);
        if self.config_denied {
            server.fenced = None;
            unknown.insert("server.fenced".into(), "CONFIG is renamed away or denied".into());
        }
        let too_few = wanted.is_some_and(|n| n > 0 && server.replicas.unwrap_or(0) < n);
        let full = self.info.as_ref().is_some_and(|info| {
            let max = info.number("maxmemory").unwrap_or(0);
            max > 0
                && info.number("used_memory").unwrap_or(0) >= max
                && info.get("maxmemory_policy") == Some("noeviction")
        });
        server.writable = match server.role {
            Some(ServerRole::Master) => Some(server.misconf != Some(true) && !too_few && !full),
            Some(ServerRole::Slave) => Some(server.read_only == Some(false)),
            None => {
                unknown.insert("server.writable".into(), "INFO was not answered".into());
                None
            }
        };
    }

    /// Puts what INFO says of primary and replicas into facts.
    pub fn replication(&self, role: Option<ServerRole>, replication: &mut ReplicationFacts) {
        let Some(info) = &self.info else { return };
        if role == Some(ServerRole::Slave) {
            replication.link_up = info.get("master_link_status").map(|status| status == "up");
            replication.syncing = info.flag("master_sync_in_progress");
            let left = |n: u64| info.number("master_sync_total_bytes").unwrap_or(u64::MAX).saturating_sub(n);
            let read = info.number("master_sync_read_bytes");
            let read = read.or_else(|| info.number("master_sync_left_bytes").map(left));
            replication.synced = read.filter(|_| replication.syncing == Some(true)).map(Bytes);
            replication.lag = info.float("master_last_io_seconds_ago").filter(|s| *s >= 0.0).map(Seconds);
            return;
        }
        replication.syncing = Some(false);
        let lags = (0..64).filter_map(|n| {
            let line = info.get(&format!("slave{n}"))?;
            line.split(',').find_map(|part| part.strip_prefix("lag=")?.parse::<f64>().ok())
        });
        replication.lag = lags.reduce(f64::max).map(Seconds);
    }

    /// Does one side speak TLS and the other not? `server_does` says whether the address is the server's TLS port.
    #[must_use]
    pub fn tls_failed(&self, we_do: bool, server_does: bool) -> bool {
        let error = self.ping.as_ref().and_then(|p| p.as_ref().err()).or(self.error.as_ref());
        match error {
            Some(ServerError::Tls { .. }) => true,
            Some(ServerError::Closed | ServerError::Io { .. } | ServerError::Protocol { .. }) => we_do != server_does,
            _ => false,
        }
    }

    /// A numeric setting of the running server.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.settings.as_ref()?.get(name)?.parse().ok()
    }
}

fn from_info(info: &Info, server: &mut ServerFacts, persistence: &mut PersistenceFacts) {
    server.loading_percent = info.loading_percent();
    server.role = match info.get("role") {
        Some("master") => Some(ServerRole::Master),
        Some("slave" | "replica") => Some(ServerRole::Slave),
        _ => None,
    };
    server.read_only = Some(server.role == Some(ServerRole::Slave) && info.flag("slave_read_only") != Some(false));
    server.flavour = info.flavour();
    server.version = info.version().map(str::to_string);
    server.major = info.major().map(i64::from);
    server.run_id = info.get("run_id").map(str::to_string);
    server.uptime = info.float("uptime_in_seconds").map(Seconds);
    if !info.loading() {
        server.keys = Some(info.keys());
        server.databases = info
            .keyspace()
            .into_iter()
            .map(|(db, k)| (db.to_string(), DatabaseFacts { keys: k.keys, expires: k.expires, expired: 0 }))
            .collect();
        server.keys_elsewhere = Some(!server.databases.contains_key("0") && info.keys() > 0);
    }
    server.clients = info.number("connected_clients");
    server.replicas = info.number("connected_slaves");
    server.modules = info.modules().to_vec();
    server.evicted_keys = info.number("evicted_keys");
    server.expired_keys = info.number("expired_keys");
    server.flushes = Some(["flushall", "flushdb"].iter().filter_map(|c| info.calls(c)).sum());
    persistence.aof_enabled = info.flag("aof_enabled");
    persistence.aof_last_write_ok = info.ok("aof_last_write_status");
    persistence.aof_rewrite_in_progress =
        info.flag("aof_rewrite_in_progress").map(|runs| runs || info.flag("aof_rewrite_scheduled") == Some(true));
    persistence.aof_last_rewrite_ok = info.ok("aof_last_bgrewrite_status");
    persistence.aof_base_size = info.number("aof_base_size").map(Bytes);
    persistence.aof_current_size = info.number("aof_current_size").map(Bytes);
    persistence.rdb_last_save_ok = info.ok("rdb_last_bgsave_status");
    persistence.rdb_last_save_time =
        info.number("rdb_last_save_time").and_then(|t| Time::from_unix(i64::try_from(t).ok()?));
    persistence.rdb_changes = info.number("rdb_changes_since_last_save");
    persistence.loaded_keys = info.number("rdb_last_load_keys_loaded");
    persistence.loaded_expired = info.number("rdb_last_load_keys_expired");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn filled(answer: &Answer) -> ServerFacts {
        let mut server = ServerFacts::default();
        answer.fill(&mut server, &mut PersistenceFacts::default(), &mut BTreeMap::new());
        server
    }

    #[test]
    fn a_primary_that_answers_is_writable_unless_fenced() {
        let mut answer = Answer {
            ping: Some(Ok(())),
            info: Some(Info::parse("redis_version:7.0.15\nrole:master\nconnected_slaves:0\ndb0:keys=2,expires=0\n")),
            settings: Some(BTreeMap::from([("min-replicas-to-write".to_string(), "0".to_string())])),
            ..Answer::default()
        };
        assert_eq!((filled(&answer).writable, filled(&answer).fenced), (Some(true), Some(false)));
        answer.settings = Some(BTreeMap::from([("min-replicas-to-write".to_string(), FENCE.to_string())]));
        assert_eq!((filled(&answer).writable, filled(&answer).fenced), (Some(false), Some(true)));
    }

    #[test]
    fn refused_credentials_leave_everything_unknown() {
        let answer = Answer { error: Some(ServerError::AuthFailed { text: "NOAUTH".into() }), ..Answer::default() };
        let server = filled(&answer);
        assert_eq!((server.auth_failed, server.answers, server.writable), (Some(true), None, None));
    }

    #[test]
    fn misconf_answers_but_takes_no_writes() {
        let answer = Answer {
            ping: Some(Err(ServerError::Misconf { text: "MISCONF".into() })),
            info: Some(Info::parse("redis_version:7.0.15\nrole:master\n")),
            ..Answer::default()
        };
        let server = filled(&answer);
        assert_eq!((server.answers, server.misconf, server.writable), (Some(true), Some(true), Some(false)));
    }
}
