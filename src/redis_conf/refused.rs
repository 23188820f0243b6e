//! Lines that the server refuses, and which of them may be left out without changing what a start loads or who may enter.
use super::effective::{Origin, Problem, ProblemKind};
use super::names::{ServerVersion, canonical, nearest};

/// Settings that decide which data is loaded and kept, where the server is, and who may enter. A line that was meant to
/// say one of these is a person's to mend.
const DECIDING: &[&str] = &[
    "aclfile",
    "bind",
    "cluster-enabled",
    "databases",
    "dbfilename",
    "dir",
    "include",
    "loadmodule",
    "loadmodule-ex",
    "masterauth",
    "masteruser",
    "maxmemory",
    "maxmemory-policy",
    "port",
    "protected-mode",
    "rename-command",
    "replicaof",
    "requirepass",
    "save",
    "unixsocket",
    "user",
];

/// Why this line may not be left out by itself; none where it may.
#[must_use]
pub fn must_stay(problem: &Problem, version: Option<ServerVersion>) -> Option<String> {
    if !matches!(problem.origin, Origin::File { .. }) {
        return Some(format!("it stands in {}, not in a file", problem.origin));
    }
    if problem.kind == ProblemKind::Unreadable {
        return Some("what it includes can't be read, so nobody knows what would be left out".into());
    }
    let written = problem.text.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    let written = written.trim_matches(|c| c == '"' || c == '\'');
    let meant = [Some(written), nearest(version, written)];
    let deciding = meant.into_iter().flatten().map(canonical).find(|name| decides(name))?;
    Some(format!("it may be meant to say {deciding}, which decides what is loaded or who may enter"))
}

fn decides(name: &str) -> bool {
    DECIDING.contains(&name) || name.starts_with("append") || name.starts_with("tls-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, kind: ProblemKind) -> Problem {
        let origin = Origin::File { path: "/etc/redis.conf".into(), line: 3 };
        Problem { origin, text: text.into(), message: String::new(), kind }
    }

    fn stays(text: &str) -> Option<String> {
        must_stay(&line(text, ProblemKind::Unknown), Some(ServerVersion::redis(7, 0)))
    }

    #[test]
    fn a_tuning_of_another_version_may_go() {
        for text in ["io-threads-do-writes yes", "hash-max-zipmap-entries 3", "tcp-keepaliv 300", "lua-time-limt 1"] {
            assert_eq!(stays(text), None, "{text}");
        }
    }

    #[test]
    fn what_decides_over_data_or_entrance_stays_also_misspelt() {
        for text in
            ["appendonyl yes", "apendonly yes", "dirr /x", "requirepas (secret)", "slaveof a", "\"save\" 1", "bnd ::1"]
        {
            assert!(stays(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_no_line_of_a_file_stays() {
        assert!(must_stay(&line("include /x", ProblemKind::Unreadable), None).is_some());
        let option = Problem { origin: Origin::CommandLine, ..line("tcp-keepaliv 1", ProblemKind::Unknown) };
        assert!(must_stay(&option, None).is_some());
    }
}
