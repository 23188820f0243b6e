//! Resource limits: those a server had are given to the one that is started in its place, and never those of whoever calls
//! redis-dr. A login's 1024 files would leave a server with fewer clients than its configuration allows.

use std::collections::BTreeMap;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use procfs::process::{LimitValue, Process};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::Look;

/// One limit of a process; `null` where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limit {
    /// What is enforced.
    pub soft: Option<u64>,
    /// How far the process may raise it by itself.
    pub hard: Option<u64>,
}

/// The limits that can stop a server, by their names in limits.conf(5) (`nofile`, `memlock`, …), in the units of setrlimit(2).
pub type Limits = BTreeMap<String, Limit>;

/// The names, and what they are to the kernel.
const NAMES: [(&str, Resource); 8] = [
    ("as", Resource::RLIMIT_AS),
    ("core", Resource::RLIMIT_CORE),
    ("cpu", Resource::RLIMIT_CPU),
    ("data", Resource::RLIMIT_DATA),
    ("fsize", Resource::RLIMIT_FSIZE),
    ("memlock", Resource::RLIMIT_MEMLOCK),
    ("nofile", Resource::RLIMIT_NOFILE),
    ("stack", Resource::RLIMIT_STACK),
];

/// What a server's unit gives it, as the distributions have it: these and no less. The kernel's word is "at least": where
/// we have more, the server gets what we have.
const OF_A_UNIT: [(&str, Option<u64>); 5] =
    [("as", None), ("cpu", None), ("data", None), ("fsize", None), ("nofile", Some(65_535))];

impl Look {
    /// The limits of a process; `None` where they may not be seen, or it is gone.
    #[must_use]
    pub fn limits(&self, pid: i32) -> Option<Limits> {
        let seen = Process::new(pid).and_then(|process| process.limits()).ok()?;
        let of = |name: &str| match name {
            "as" => &seen.max_address_space,
            "core" => &seen.max_core_file_size,
            "cpu" => &seen.max_cpu_time,
            "data" => &seen.max_data_size,
            "fsize" => &seen.max_file_size,
            "memlock" => &seen.max_locked_memory,
            "nofile" => &seen.max_open_files,
            _ => &seen.max_stack_size,
        };
        let value = |value: &LimitValue| match value {
            LimitValue::Unlimited => None,
            LimitValue::Value(value) => Some(*value),
        };
        let limit = |name: &str| Limit { soft: value(&of(name).soft_limit), hard: value(&of(name).hard_limit) };
        Some(NAMES.iter().map(|(name, _)| ((*name).to_owned(), limit(name))).collect())
    }
}

/// The arguments of `__exec` that give these limits to the server; where they are not known, at least those of a unit.
pub(super) fn args(limits: Option<&Limits>) -> Vec<String> {
    let written = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
    match limits {
        Some(limits) => {
            let one = |(name, limit): (&String, &Limit)| {
                format!("--limit={name}:{}:{}", written(limit.soft), written(limit.hard))
            };
            limits.iter().map(one).collect()
        }
        None => OF_A_UNIT.iter().map(|(name, least)| format!("--at-least={name}:{}", written(*least))).collect(),
    }
}

/// Takes on what such an argument says, as far as the kernel lets us: a limit is no reason not to start a server.
pub(super) fn take_on(arg: &str) {
    let (least, rest) = match (arg.strip_prefix("--limit="), arg.strip_prefix("--at-least=")) {
        (Some(rest), _) => (false, rest),
        (_, Some(rest)) => (true, rest),
        _ => return,
    };
    let mut words = rest.split(':');
    let Some((_, resource)) = words.next().and_then(|word| NAMES.iter().find(|(name, _)| *name == word)) else {
        return;
    };
    let mut value = || match words.next() {
        Some("-") => Some(RLIM_INFINITY),
        Some(number) => number.parse().ok(),
        None => None,
    };
    let Some(soft) = value() else { return };
    let hard = value().unwrap_or(soft);
    let Ok((own_soft, own_hard)) = getrlimit(*resource) else { return };
    let (soft, hard) = if least { (soft.max(own_soft), hard.max(own_hard)) } else { (soft, hard) };
    // Beyond what we may ourselves only root can go: then as far as that.
    let _ = setrlimit(*resource, soft, hard).or_else(|_| setrlimit(*resource, soft.min(own_hard), hard.min(own_hard)));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn our_own_limits_are_seen_and_written_as_arguments() {
        let own = Look::new().limits(i32::try_from(std::process::id()).unwrap()).unwrap();
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(own["nofile"], Limit { soft: Some(soft), hard: Some(hard) });
        assert_eq!(own.len(), NAMES.len());
        let limits = Limits::from([("nofile".to_owned(), Limit { soft: Some(10), hard: None })]);
        assert_eq!(args(Some(&limits)), ["--limit=nofile:10:-"]);
        assert!(
            args(None).contains(&"--at-least=nofile:65535".to_owned())
                && args(None).contains(&"--at-least=as:-".to_owned())
        );
    }
}
