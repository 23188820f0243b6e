//! What a process of the table means for an instance.
use crate::config::Address;
use crate::host::Look;
use crate::host::process::{Listener, Proc};
use crate::service::answers_for;
use std::path::PathBuf;

/// The program, where its path is known. The title that a server writes over its arguments begins with it; the program
/// file may carry another name (Debian links redis-server to redis-check-rdb).
#[must_use]
pub fn program(process: &Proc) -> Option<PathBuf> {
    let first = process.cmdline.first()?;
    let program = first.split(' ').next().unwrap_or(first);
    program.starts_with('/').then(|| PathBuf::from(program))
}

/// Did it write a title (`redis-server 127.0.0.1:6379`) over its command line? Then its arguments are not known.
#[must_use]
pub fn wrote_title(process: &Proc) -> bool {
    process.cmdline.first().is_some_and(|first| first.contains(' '))
}

/// The command line without the empty words that a shorter title leaves behind.
#[must_use]
pub fn arguments(process: &Proc) -> Vec<String> {
    let last = process.cmdline.iter().rposition(|word| !word.trim().is_empty()).map_or(0, |at| at + 1);
    process.cmdline.iter().take(last).cloned().collect()
}

/// A process for evidence: command line and id.
#[must_use]
pub fn shown(process: &Proc) -> String {
    format!("{} (pid {})", process.shown(), process.pid())
}

/// Who listens on an address of this host.
#[must_use]
pub fn listeners(look: &Look, address: &Address) -> Vec<Listener> {
    let mut all = match address {
        Address::Tcp { port, .. } => look.listeners(*port),
        Address::Unix(path) => look.unix_listeners(path),
    }
    .unwrap_or_default();
    if let Address::Tcp { host, .. } = address {
        // Servers on other addresses of this host may have the same port.
        all.retain(|listener| answers_for(listener, host));
    }
    all
}
