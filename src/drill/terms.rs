//! Whose policy, objectives and settings a rehearsal is held under.
use super::Seed;
use crate::config::{Instance, Policy};
use crate::facts::Seconds;
use crate::redis_conf::{Effective, quote};
use std::collections::BTreeMap;

/// What `recover --auto` may do, and what is asked of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Terms {
    /// The instance; none where the policy allows every runbook.
    pub instance: Option<String>,
    /// The objective for the time to recovery, in place of the scenario's.
    pub rto: Option<Seconds>,
    /// The objective for the loss of data.
    pub rpo: Option<Seconds>,
    /// Lines of its redis.conf that decide how data is kept and loaded.
    pub config: BTreeMap<String, String>,
    /// A backup to begin with, in place of nothing.
    pub seed: Option<Seed>,
    /// Its part of redis-dr's config.
    pub(super) instance_yaml: String,
}

/// Directives that are taken over from an instance: how data is kept, encoded and loaded. Nothing that has a place, an
/// address or a secret in it.
const TAKEN_OVER: &[&str] = &[
    "databases",
    "appendfsync",
    "no-appendfsync-on-rewrite",
    "aof-use-rdb-preamble",
    "aof-load-truncated",
    "aof-timestamp-enabled",
    "aof-rewrite-incremental-fsync",
    "auto-aof-rewrite-percentage",
    "auto-aof-rewrite-min-size",
    "rdbcompression",
    "rdbchecksum",
    "rdb-save-incremental-fsync",
    "stop-writes-on-bgsave-error",
    "maxmemory-policy",
    "io-threads",
    "activedefrag",
    "lazyfree-lazy-user-flush",
];

impl Terms {
    /// Of the system's server: every runbook is allowed, so that what redis-dr can do is seen.
    #[must_use]
    pub fn of_nobody() -> Self {
        let instance_yaml =
            "    policy: { max_risk: high, max_loss: 1h, max_recoveries: { count: 1000, within: 1h } }\n";
        Self { instance_yaml: instance_yaml.into(), ..Self::default() }
    }

    /// Of an instance: its policy as it is, its objectives, and of its redis.conf what decides over data.
    #[must_use]
    pub fn of(name: &str, instance: &Instance, conf: Option<&Effective>) -> Self {
        let mut config = BTreeMap::new();
        for directive in TAKEN_OVER {
            // a default of ours may be a name that this server does not know
            let written = conf.is_some_and(|conf| conf.all(directive).next().is_some());
            if let Some(setting) = conf.and_then(|conf| conf.get(directive)).filter(|_| written) {
                let words = setting.value.iter().map(|w| String::from_utf8_lossy(&quote(w.as_bytes())).into_owned());
                config.insert((*directive).to_string(), words.collect::<Vec<_>>().join(" "));
            }
        }
        Self {
            instance: Some(name.into()),
            rto: instance.objectives.rto,
            rpo: instance.objectives.rpo,
            config,
            seed: None,
            instance_yaml: policy(&instance.policy) + &objectives(instance),
        }
    }
}

fn policy(policy: &Policy) -> String {
    let Policy { max_risk, max_loss, max_recoveries, probe } = policy;
    format!(
        "    policy: {{ max_risk: {max_risk}, max_loss: {}, max_recoveries: {{ count: {}, within: {} }}, probe: {probe} }}\n",
        written(*max_loss),
        max_recoveries.count,
        written(max_recoveries.within),
    )
}

fn objectives(instance: &Instance) -> String {
    let one = |name: &str, value: Option<Seconds>| value.map(|v| format!("{name}: {}", written(v)));
    let all: Vec<String> =
        [one("rto", instance.objectives.rto), one("rpo", instance.objectives.rpo)].into_iter().flatten().collect();
    if all.is_empty() { String::new() } else { format!("    objectives: {{ {} }}\n", all.join(", ")) }
}

/// A duration as YAML takes it, to the millisecond.
fn written(seconds: Seconds) -> String {
    format!("{}ms", seconds.duration().as_millis())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_policy_goes_over_as_it_is() {
        let text = "version: 1\ninstances:\n  a:\n    address: 127.0.0.1:6379\n    objectives: { rto: 90s, rpo: 2h }\n    policy: { max_risk: medium, max_loss: 1500ms, max_recoveries: { count: 2, within: 1d }, probe: false }\n";
        let config = Config::from_text(text, "a.yaml").unwrap_or_else(|e| panic!("{e}"));
        let terms = Terms::of("a", &config.instances["a"], None);
        let again = format!("version: 1\ninstances:\n  a:\n    address: 127.0.0.1:6379\n{}", terms.instance_yaml);
        let again = Config::from_text(&again, "b.yaml").unwrap_or_else(|e| panic!("{e}\n{again}"));
        assert_eq!(again.instances["a"], config.instances["a"]);
    }
}
