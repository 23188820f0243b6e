//! What a server does where its configuration is silent. Only for directives something here relies on.
use super::names::ServerVersion;

/// Default words of a directive, if it is one of those. Source: CONFIG GET of freshly started servers.
pub(super) fn default_words(name: &str, version: Option<ServerVersion>) -> Option<&'static [&'static str]> {
    let since_seven = version.is_none_or(ServerVersion::since_seven);
    Some(match name {
        "dir" => &["."],
        "dbfilename" => &["dump.rdb"],
        "appendonly" | "daemonize" | "cluster-enabled" | "supervised" | "no-appendfsync-on-rewrite" => &["no"],
        "appendfilename" => &["appendonly.aof"],
        "appenddirname" if since_seven => &["appendonlydir"],
        "aof-timestamp-enabled" | "aof-disable-auto-gc" if since_seven => &["no"],
        "appendfsync" => &["everysec"],
        "aof-load-truncated" | "aof-use-rdb-preamble" | "stop-writes-on-bgsave-error" | "rdbchecksum" => &["yes"],
        "auto-aof-rewrite-percentage" => &["100"],
        "auto-aof-rewrite-min-size" => &["64mb"],
        "port" => &["6379"],
        "tls-port" | "maxmemory" | "min-replicas-to-write" | "timeout" => &["0"],
        "databases" => &["16"],
        "maxmemory-policy" => &["noeviction"],
        "pidfile" | "logfile" | "unixsocket" => &[""],
        _ => return None,
    })
}

/// Every directive with a default here, for the list of what is in effect.
pub(super) const WITH_DEFAULT: &[&str] = &[
    "dir",
    "dbfilename",
    "appendonly",
    "appendfilename",
    "appenddirname",
    "appendfsync",
    "aof-load-truncated",
    "aof-use-rdb-preamble",
    "aof-timestamp-enabled",
    "aof-disable-auto-gc",
    "auto-aof-rewrite-percentage",
    "auto-aof-rewrite-min-size",
    "no-appendfsync-on-rewrite",
    "stop-writes-on-bgsave-error",
    "rdbchecksum",
    "port",
    "tls-port",
    "unixsocket",
    "databases",
    "maxmemory",
    "maxmemory-policy",
    "min-replicas-to-write",
    "cluster-enabled",
    "daemonize",
    "supervised",
    "pidfile",
    "logfile",
    "timeout",
];

/// The save points in effect when no `save` line was read. Redis 6.0 drops its built-in ones as soon as it is given a
/// file or an option; later servers keep them until the first `save` line.
pub(super) fn default_save(version: Option<ServerVersion>, bare_start: bool) -> &'static [&'static str] {
    let six_zero = version.is_some_and(|v| (v.major, v.minor) < (6, 2));
    if six_zero && !bare_start { &[] } else { &["3600", "1", "300", "100", "60", "10000"] }
}
