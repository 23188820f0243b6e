//! Why a service did not start, stop or stay held.

use std::time::Duration;

use crate::host::HostError;
use crate::host::process::ProcessError;
use crate::server::ServerError;

/// A service that could not be looked at, started, stopped or held.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The address belongs to another program.
    #[error("the address is held by another program: {shown}")]
    HeldByOther {
        /// Its process id, where it may be seen.
        pid: Option<i32>,
        /// Its command line.
        shown: String,
    },
    /// Somebody listens, but whose process it is may not be seen.
    #[error("whose process listens on {address} can't be seen")]
    Hidden {
        /// The address.
        address: String,
    },
    /// The server can be stopped only in a way that writes its memory over the files.
    #[error("the server could only be stopped in a way that saves: {because}")]
    WouldSave {
        /// Why the other ways are closed.
        because: String,
    },
    /// It was told to stop and is still there.
    #[error("process {pid} is still there after {after:?}")]
    StillThere {
        /// Its process id.
        pid: i32,
        /// How long was waited.
        after: Duration,
    },
    /// Something started it again.
    #[error("the server was stopped, and something started it again as process {pid}")]
    CameBack {
        /// The new process.
        pid: i32,
    },
    /// It was started and did not come up.
    #[error("the server did not start: {because}")]
    NotStarted {
        /// What is known.
        because: String,
    },
    /// A server of ours would end with the unit that redis-dr runs in.
    #[error("redis-dr runs in {unit}, and systemd would end the server together with it")]
    DiesWithUs {
        /// The unit.
        unit: String,
    },
    /// A command of the operator, or systemctl, failed.
    #[error("{command} failed: {because}")]
    Command {
        /// The command.
        command: String,
        /// How it ended and its last words.
        because: String,
    },
    /// No server program.
    #[error("no redis-server or valkey-server in {looked_in}")]
    NoProgram {
        /// Where was looked.
        looked_in: String,
    },
    /// A process.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A file.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
}

impl ServiceError {
    /// The next thing to do, for a person.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            ServiceError::HeldByOther { .. } => "stop that program, or give this instance another port".to_string(),
            ServiceError::Hidden { .. } => "run redis-dr as root, or as the user the server runs as".to_string(),
            ServiceError::WouldSave { .. } => {
                "allow redis-dr's user SHUTDOWN and CONFIG SET, or stop the server by hand and run this again"
                    .to_string()
            }
            ServiceError::StillThere { pid, .. } => {
                format!("see the server's log, and what it waits for: ps -o pid,stat,wchan -p {pid}")
            }
            ServiceError::CameBack { .. } => {
                "a supervisor restarts it: say in the configuration how to stop it (service: systemd or command)"
                    .to_string()
            }
            ServiceError::NotStarted { .. } => "see the server's log; redis-dr assess explains its words".to_string(),
            ServiceError::DiesWithUs { unit } => {
                format!("set KillMode=process in {unit}, or start redis-dr from a terminal")
            }
            ServiceError::Command { command, .. } => format!("try it by hand: {command}"),
            ServiceError::NoProgram { .. } => {
                "install redis-server or valkey-server, or give bin_dir in the configuration".to_string()
            }
            ServiceError::Process(error) => error.hint(),
            ServiceError::Host(error) => error.hint(),
            ServiceError::Server(error) => error.hint(),
        }
    }
}
