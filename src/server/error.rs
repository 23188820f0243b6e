//! Why a server did not do what it was asked.

use std::io;
use std::time::Duration;

/// A server that did not answer, or answered with an error.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Nobody listens there.
    #[error("nobody listens on {address}")]
    Refused {
        /// Where.
        address: String,
    },
    /// The host name has no address.
    #[error("the host name {host} has no address: {because}")]
    NoSuchHost {
        /// The name.
        host: String,
        /// The resolver's answer.
        because: String,
    },
    /// It did not answer in time. The connection is gone with it.
    #[error("the server did not answer within {after:?} (while {doing})")]
    Timeout {
        /// What was waited for.
        doing: &'static str,
        /// How long.
        after: Duration,
    },
    /// It wants a password, or another one, or does not know the user.
    #[error("the server refuses our credentials: {text}")]
    AuthFailed {
        /// Its answer.
        text: String,
    },
    /// It reads its data files.
    #[error("the server is loading its data")]
    Loading,
    /// A script or function blocks it.
    #[error("a script blocks the server: {text}")]
    Busy {
        /// Its answer.
        text: String,
    },
    /// It can't persist and therefore takes no writes.
    #[error("the server refuses writes because it can't persist them: {text}")]
    Misconf {
        /// Its answer.
        text: String,
    },
    /// It has reached maxmemory.
    #[error("the server refuses the command because it used up its maxmemory")]
    Oom,
    /// It has fewer replicas than min-replicas-to-write asks for; a fence answers like this.
    #[error("the server refuses writes because too few replicas are connected (min-replicas-to-write)")]
    NoReplicas,
    /// It is a replica.
    #[error("the server is a read-only replica")]
    ReadOnly,
    /// It is a replica that lost its primary and does not serve old data.
    #[error("the server is a replica without its primary, and replica-serve-stale-data is no")]
    MasterDown,
    /// It does not know the command (renamed away, older server), or its user may not give it.
    #[error("the server does not let us use {command}: {text}")]
    Denied {
        /// The command.
        command: String,
        /// Its answer.
        text: String,
    },
    /// Any other error that it answered with.
    #[error("the server answered: {text}")]
    Answer {
        /// Its answer, printable and without arguments.
        text: String,
    },
    /// It closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// What came is not RESP, or too large to be an answer.
    #[error("that is not the answer of a Redis or Valkey server: {because}")]
    Protocol {
        /// What was wrong.
        because: String,
    },
    /// TLS did not come about.
    #[error("no TLS connection: {because}")]
    Tls {
        /// The library's words.
        because: String,
    },
    /// The socket failed.
    #[error("the connection failed while {doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// A snapshot could not be written where it was to go.
    #[error("the snapshot could not be written")]
    Sink {
        /// The system's answer.
        source: io::Error,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl ServerError {
    /// The short name that scripts may match: the server's own code (`NOAUTH`, `LOADING`, …) or a word in lower case.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            ServerError::Refused { .. } => "refused",
            ServerError::NoSuchHost { .. } => "no_such_host",
            ServerError::Timeout { .. } => "timeout",
            ServerError::Loading => "LOADING",
            ServerError::Oom => "OOM",
            ServerError::NoReplicas => "NOREPLICAS",
            ServerError::ReadOnly => "READONLY",
            ServerError::MasterDown => "MASTERDOWN",
            ServerError::AuthFailed { text }
            | ServerError::Busy { text }
            | ServerError::Misconf { text }
            | ServerError::Denied { text, .. }
            | ServerError::Answer { text } => text.split(' ').next().unwrap_or("ERR"),
            ServerError::Closed => "closed",
            ServerError::Protocol { .. } => "protocol",
            ServerError::Tls { .. } => "tls",
            ServerError::Io { .. } => "io",
            ServerError::Sink { .. } => "sink",
            ServerError::Interrupted => "interrupted",
        }
    }

    /// The next thing to do, for a person.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            ServerError::Refused { .. } => "redis-dr assess says whether the server is down or listens elsewhere",
            ServerError::NoSuchHost { .. } => "check `address` in the configuration",
            ServerError::Timeout { .. } => "it hangs, or something between drops packets: redis-dr assess",
            ServerError::AuthFailed { .. } => "set auth.user and auth.password_file in the configuration, or $REDISCLI_AUTH",
            ServerError::Loading => "wait until it has loaded: redis-cli INFO persistence shows how far it is",
            ServerError::Busy { .. } => "redis-cli SCRIPT KILL (or FUNCTION KILL) ends a script that has not written",
            ServerError::Misconf { .. } => "free or mend the disk of the data directory, then let it save again",
            ServerError::Oom => "raise maxmemory, or free memory in the server",
            ServerError::NoReplicas => "min-replicas-to-write is not met; redis-dr assess says if it is a fence left by a run",
            ServerError::ReadOnly => "give the address of its primary",
            ServerError::MasterDown => "see INFO replication on this server",
            ServerError::Denied { .. } => "give the user of redis-dr this command (ACL SETUSER), or undo its rename-command",
            ServerError::Answer { .. } => "see the server's log",
            ServerError::Closed => "see the server's log: it crashed, was stopped, or closed us out (maxclients, client-output-buffer-limit)",
            ServerError::Protocol { .. } => "check that the address is a Redis or Valkey server, and whether it wants TLS",
            ServerError::Tls { .. } => "check tls.ca, tls.cert and tls.key, and that this is the server's TLS port",
            ServerError::Io { .. } => "redis-dr assess",
            ServerError::Sink { .. } => "free space where the safety copies go (vault_dir)",
            ServerError::Interrupted => "redis-dr runs list shows what is unfinished",
        }
        .to_string()
    }

    /// True when something answers there, whatever it says.
    #[must_use]
    pub fn answered(&self) -> bool {
        !matches!(
            self,
            ServerError::Refused { .. }
                | ServerError::NoSuchHost { .. }
                | ServerError::Timeout { .. }
                | ServerError::Closed
                | ServerError::Tls { .. }
                | ServerError::Io { .. }
        )
    }

    /// Reads an error line of the server, the answer to a command of this name.
    pub(super) fn from_answer(text: &str, command: &str) -> ServerError {
        let text = clean(text);
        match text.split(' ').next().unwrap_or("") {
            "NOAUTH" | "WRONGPASS" => ServerError::AuthFailed { text },
            "LOADING" => ServerError::Loading,
            "BUSY" => ServerError::Busy { text },
            "MISCONF" => ServerError::Misconf { text },
            "OOM" => ServerError::Oom,
            "NOREPLICAS" => ServerError::NoReplicas,
            "READONLY" => ServerError::ReadOnly,
            "MASTERDOWN" => ServerError::MasterDown,
            "NOPERM" => ServerError::Denied { command: command.to_string(), text },
            "ERR"
                if text.to_lowercase().starts_with("err unknown command")
                    || text.to_lowercase().starts_with("err unknown subcommand") =>
            {
                ServerError::Denied { command: command.to_string(), text }
            }
            _ => ServerError::Answer { text },
        }
    }
}

/// The name of a command for a message: `CONFIG SET`, never its arguments.
pub(super) fn name_of(command: &redis::Cmd) -> String {
    let mut words = command.args_iter().map_while(|word| match word {
        redis::Arg::Simple(bytes) => Some(String::from_utf8_lossy(bytes).to_uppercase()),
        _ => None,
    });
    let first = words.next().unwrap_or_default();
    match words.next() {
        Some(second) if matches!(first.as_str(), "CONFIG" | "ACL" | "CLIENT" | "SCRIPT" | "DEBUG") => {
            format!("{first} {second}")
        }
        _ => first,
    }
}

/// The error line as the server sent it.
pub(super) fn text_of(error: &redis::ServerError) -> String {
    match error.details() {
        Some(details) => format!("{} {details}", error.code()),
        None => error.code().to_string(),
    }
}

/// Why bytes could not be read as an answer: the parser's words, which come in lines.
pub(super) fn not_resp(error: &redis::RedisError) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("Incompatible type - ").unwrap_or(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    clean(&format!("it is not RESP: {}", lines.join(", ").to_lowercase()))
}

/// An answer fit for printing: no control characters, not too long, and without the arguments that `unknown command`
/// repeats (a password could be among them).
fn clean(text: &str) -> String {
    let text = text.split(", with args beginning with").next().unwrap_or(text).trim_end_matches(['`', ' ']);
    let text = text.split(" - '").next().unwrap_or(text);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect()
}

/// AUTH was refused only because the server asks for no password.
pub(super) fn no_password_needed(text: &str) -> bool {
    text.contains("no password is set") || text.contains("without any password configured")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_get_their_kind() {
        let kind = |text: &str| {
            ServerError::from_answer(text, &name_of(redis::cmd("config").arg("set").arg("requirepass").arg("hunter2")))
        };
        assert!(matches!(kind("NOAUTH Authentication required."), ServerError::AuthFailed { .. }));
        assert!(matches!(kind("MISCONF Errors writing to the AOF file: No space"), ServerError::Misconf { .. }));
        assert!(matches!(kind("NOREPLICAS Not enough good replicas to write."), ServerError::NoReplicas));
        let denied = kind("ERR unknown command `config`, with args beginning with: `set`, `requirepass`, `hunter2`, ");
        assert_eq!(denied.to_string(), "the server does not let us use CONFIG SET: ERR unknown command `config");
        assert_eq!(denied.code(), "ERR");
        assert_eq!(kind("CLUSTERDOWN Hash slot not served").code(), "CLUSTERDOWN");
    }

    #[test]
    fn values_and_control_characters_do_not_come_back() {
        let error = ServerError::from_answer(
            "ERR CONFIG SET failed (possibly related to argument 'requirepass') - 'hunter2\u{1b}[2J' is bad",
            "CONFIG",
        );
        assert!(!error.to_string().contains("hunter2"));
        assert!(!error.to_string().contains('\u{1b}'));
    }
}
