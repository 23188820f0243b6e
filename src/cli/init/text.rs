//! The config as text, with a comment wherever a person has to decide.
use super::Server;
use crate::facts::{ConfigState, Facts, ProcessState, ServiceKind};
use crate::host::Look;
use std::fmt::Write as _;
use std::path::Path;

const HEAD: &str = "\
# redis-dr.yaml, written by `redis-dr init`. What is under care, and what `recover --auto` may do.
# Paths are absolute; durations take ms, s, m, h, d. Anything left out is discovered, or has the default shown.
version: 1

# Runs, journals and locks. Default: /var/lib/redis-dr for root, else $XDG_STATE_HOME/redis-dr.
STATE_DIR

# Your own runbooks and playbooks, looked up before the built-in ones.
# runbooks: [/etc/redis-dr/runbooks]
# playbooks: [/etc/redis-dr/playbooks]

# Where your backups are: directories, local or mounted. Name them here, and under each instance.
# stores:
#   nightly: { dir: /backup/redis }
stores: {}

instances:
";

/// The config of all servers; `state_dir` is the one that was asked for.
pub(super) fn config(servers: &[Server<'_>], look: Look, state_dir: Option<&Path>) -> String {
    let whole = |dir: &Path| std::path::absolute(dir).unwrap_or_else(|_| dir.into()).display().to_string();
    let own = state_dir.map(|dir| format!("state_dir: {}", quoted(&whole(dir))));
    let mut out = HEAD.replace("STATE_DIR", own.as_deref().unwrap_or("# state_dir: /var/lib/redis-dr"));
    for server in servers {
        instance(&mut out, server, look);
    }
    out
}

fn instance(out: &mut String, server: &Server<'_>, look: Look) {
    let facts = &server.assessed.document.facts;
    let name = &server.name;
    let _ = writeln!(out, "  {}:", quoted(name));
    let mut line = |text: String| {
        let _ = writeln!(out, "    {text}");
    };
    line(format!("address: {}", quoted(&server.found.address.to_string())));
    if let Some(tls) = &server.found.tls {
        let path = |p: &Option<std::path::PathBuf>| p.as_ref().map(|p| quoted(&p.display().to_string()));
        let keys = [("ca", path(&tls.ca)), ("cert", path(&tls.cert)), ("key", path(&tls.key))];
        let set: Vec<String> = keys.into_iter().filter_map(|(k, v)| Some(format!("{k}: {}", v?))).collect();
        line(format!("tls: {{ {} }}", set.join(", ")));
    }
    for text in auth(name, facts).into_iter().chain(place(server, facts)).chain(service(server, facts)) {
        line(text);
    }
    if let Some(user) = &facts.instance.user {
        line(format!("run_as: {}", quoted(user)));
    }
    if let Some(dir) = odd_bin_dir(facts, look) {
        line(format!("bin_dir: {}", quoted(&dir)));
    }
    for text in topology(facts).into_iter().chain(decisions(name)) {
        line(text);
    }
    out.push('\n');
}

/// A password is never written: a comment says where one may be kept.
fn auth(name: &str, facts: &Facts) -> Vec<String> {
    let file = format!("# auth: {{ user: dr, password_file: /etc/redis-dr/{name}.pass }}");
    if facts.server.auth_failed == Some(true) {
        return vec![
            "# It asks for a password that its configuration does not tell. Put it in a file of mode 0600:".into(),
            file,
        ];
    }
    vec![
        "# Without auth, requirepass of its configuration is used. For a user of your own, a file of mode 0600:".into(),
        file,
    ]
}

fn place(server: &Server<'_>, facts: &Facts) -> Vec<String> {
    match &facts.config.file {
        Some(file) if facts.config.state != Some(ConfigState::Missing) => vec![format!("config_file: {}", quoted(file))],
        _ if server.found.pid.is_some() => vec![
            "# It runs without a configuration file that could be found. It can be assessed; to recover it, give it one:".into(),
            "# config_file: /etc/redis/redis.conf".into(),
        ],
        _ => vec!["# config_file: /etc/redis/redis.conf".into()],
    }
}

fn service(server: &Server<'_>, facts: &Facts) -> Vec<String> {
    match (facts.instance.service, &facts.instance.service_name) {
        (ServiceKind::Systemd, Some(unit)) => return vec![format!("service: {{ systemd: {} }}", quoted(unit))],
        (ServiceKind::Unknown, _) => {}
        _ => return vec![],
    }
    let runs = facts.process.state == Some(ProcessState::Running);
    let (because, process) = match &facts.process.supervisor {
        Some(who) => (format!("# {} runs it; say how it is stopped and started, one of:", plain(who)), "# service:"),
        None if runs => {
            ("# Nobody watches over it, so redis-dr starts and stops it itself. Else, one of:".into(), "service:")
        }
        None => ("# How is it started and stopped? One of:".into(), "# service:"),
    };
    let unit = server.found.unit.as_deref().unwrap_or("redis-server.service");
    vec![
        because,
        format!("# service: {{ systemd: {} }}", quoted(unit)),
        "# service: { command: { start: [..], stop: [..], status: [..] } }".into(),
        format!("{process} {{ process: {{}} }}"),
    ]
}

/// The program's directory, where it is none that is looked in anyway.
fn odd_bin_dir(facts: &Facts, look: Look) -> Option<String> {
    let program = facts.process.binary.as_deref()?;
    let dir = Path::new(program).parent()?;
    let usual = ["/usr/bin", "/usr/local/bin", "/usr/sbin", "/bin"].iter().any(|usual| Path::new(usual) == dir);
    (!usual && look.exists(Path::new(program))).then(|| dir.display().to_string())
}

fn topology(facts: &Facts) -> Vec<String> {
    let seen = facts.config.state == Some(ConfigState::Valid) || facts.server.answers == Some(true);
    match facts.replication.evidence {
        Some(false) if seen && facts.server.auth_failed != Some(true) => {
            vec!["topology: standalone                  # no sign of replication was found".into()]
        }
        Some(true) => {
            let mut lines = vec!["# There are signs of replication: another server may hold newer data.".to_string()];
            lines.extend(facts.replication.because.iter().map(|line| format!("#   {}", plain(line))));
            lines.push("# topology: { replicas: [HOST:PORT], sentinels: [HOST:PORT], master_name: NAME }, or cluster, or standalone".into());
            lines
        }
        _ => vec![
            "# topology: standalone                # or cluster, or { replicas: [..] }; nothing could be found out"
                .into(),
        ],
    }
}

fn decisions(name: &str) -> Vec<String> {
    [
        "stores: []                            # names of your stores, such as [nightly]: none, and there are no backups",
        "# role: database                      # or cache: persistence findings weigh less",
        "# objectives: { rto: 5m, rpo: 1h }",
        "# What --auto may do. With these defaults it restarts a server whose files are whole, and no more; a restore needs high.",
        "# policy:",
        "#   max_risk: low                     # low < medium < high, as each runbook declares",
        "#   max_loss: 0s                      # the most data a restore may lose, in time",
        "#   max_recoveries: { count: 3, within: 1h }",
    ]
    .iter()
    .map(ToString::to_string)
    .chain([format!("# contact: \"#redis-oncall\"             # printed when a person is needed for {name}")])
    .collect()
}

/// A scalar that YAML reads as the text it is.
fn quoted(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "._/:@%+-".contains(c);
    let word = text.chars().all(safe) && text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '/');
    let reserved = ["true", "false", "null", "yes", "no", "on", "off"].contains(&text.to_ascii_lowercase().as_str());
    if word && !reserved && !text.ends_with(':') {
        return text.to_string();
    }
    serde_json::to_string(text).unwrap_or_default()
}

/// One line of a comment.
fn plain(text: &str) -> String {
    crate::yaml::printable(text).replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn scalars_are_read_as_they_are() {
        for text in ["cache-1", "7001", "yes", "[::1]:6379", "unix:/run/a b.sock", "127.0.0.1:6379", "a: b", "#x"] {
            let yaml = format!("k: {}\n", quoted(text));
            let node = crate::yaml::parse(&yaml).unwrap();
            let read: std::collections::BTreeMap<String, String> = crate::yaml::from_node(&node).unwrap();
            assert_eq!(read["k"], text, "{yaml}");
        }
    }
}
