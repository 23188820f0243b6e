//! The names of temporaries: recognised after a crash, unguessable, and saying which process is at work on them.

use std::ffi::{OsStr, OsString};

use super::{HostError, Look};

/// How the names of our temporaries begin.
pub const TEMP_PREFIX: &str = ".redis-dr-";

/// Hexadecimal digits that nobody can guess; few enough for a socket's path to find room behind the name.
const CHANCE: usize = 24;

/// A new name: `.redis-dr-<process id>-<24 hexadecimal digits>`.
///
/// # Errors
/// /dev/urandom can't be read.
pub fn temp_name() -> Result<OsString, HostError> {
    let chance = Look::new().random_name()?;
    Ok(OsString::from(format!("{TEMP_PREFIX}{}-{chance:.CHANCE$}", std::process::id())))
}

/// Is this a name that [`temp_name`] gives? And if so, whose; versions before did not say.
fn owner(name: &OsStr) -> Option<Option<u32>> {
    let rest = name.to_str()?.strip_prefix(TEMP_PREFIX)?;
    let (pid, chance, digits) = match rest.split_once('-') {
        Some((pid, chance)) => (Some(pid.parse().ok()?), chance, CHANCE),
        None => (None, rest, 32),
    };
    (chance.len() == digits && chance.bytes().all(|b| b.is_ascii_hexdigit())).then_some(pid)
}

impl Look {
    /// Is this the name of a temporary that nobody works on any more? Another redis-dr may be at work in the same
    /// directory for another instance. To be asked only while this process has none of its own there.
    #[must_use]
    pub fn is_dead_temp(&self, name: &OsStr) -> bool {
        let program = |pid: &str| std::fs::read(format!("/proc/{pid}/comm")).ok();
        match owner(name) {
            None => false,
            Some(None) => true,
            Some(Some(pid)) if pid == std::process::id() => true,
            // its number may be another program's by now
            Some(Some(pid)) => program(&pid.to_string()).is_none_or(|is| program("self").is_some_and(|me| me != is)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_temporaries_are_recognised_and_only_dead_ones() {
        let dead = |name: &str| Look::new().is_dead_temp(OsStr::new(name));
        assert!(dead(".redis-dr-0123456789abcdef0123456789abcdef"));
        assert!(dead(".redis-dr-4194305-0123456789abcdef01234567"), "no process has that number");
        assert!(dead(temp_name().unwrap().to_str().unwrap()));
        assert!(!dead(".redis-dr"));
        assert!(!dead(".redis-dr-notes"));
        assert!(!dead(".redis-dr-1-notes"));
        assert!(!dead("temp-0123456789abcdef0123456789abcdef"));
    }
}
