//! Which command lines are those of a server.

/// Programs that are servers, by their file name.
pub const SERVER_PROGRAMS: [&str; 5] =
    ["redis-server", "valkey-server", "redict-server", "keydb-server", "redis6-server"];

/// The server program of a command line; `None` when it is none, or a Sentinel.
///
/// A running server writes its title over its arguments, so both forms are known: `/usr/bin/redis-server /etc/x.conf` in
/// several arguments, and `redis-server 127.0.0.1:6379 [cluster]` in one. The program file is of no use: Debian's
/// redis-server is a link to redis-check-rdb.
#[must_use]
pub fn server_program(cmdline: &[String]) -> Option<&'static str> {
    let first = cmdline.first()?;
    if cmdline.iter().any(|arg| arg == "--sentinel") || first.trim_end().ends_with("[sentinel]") {
        return None;
    }
    let word = first.split_whitespace().next().unwrap_or("");
    let named = |name: &str| SERVER_PROGRAMS.into_iter().find(|program| *program == name);
    named(file_name(word))
        // A directory with a blank in its name.
        .or_else(|| named(file_name(first).split_whitespace().next().unwrap_or("")))
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(args: &[&str]) -> Option<&'static str> {
        server_program(&args.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn servers_are_known_by_arguments_and_by_title() {
        assert_eq!(program(&["redis-server *:6379"]), Some("redis-server"));
        assert_eq!(program(&["/usr/bin/redis-server 127.0.0.1:6379 [cluster]"]), Some("redis-server"));
        assert_eq!(program(&["redis-server /run/redis/redis.sock"]), Some("redis-server"));
        assert_eq!(program(&["/opt/my redis/valkey-server 0.0.0.0:1", ""]), Some("valkey-server"));
        assert_eq!(program(&["./redict-server", "x.conf", "--port", "1"]), Some("redict-server"));
    }

    #[test]
    fn others_are_not() {
        assert_eq!(program(&["redis-server *:26379 [sentinel]"]), None);
        assert_eq!(program(&["redis-server", "/etc/s.conf", "--sentinel"]), None);
        assert_eq!(program(&["redis-rdb-bgsave *:6379"]), None);
        assert_eq!(program(&["redis-aof-rewrite *:6379"]), None);
        assert_eq!(program(&["redis-cli"]), None);
        assert_eq!(program(&["vi", "/usr/bin/redis-server"]), None);
        assert_eq!(program(&["python3", "redis-server"]), None);
        assert_eq!(program(&[]), None);
    }
}
