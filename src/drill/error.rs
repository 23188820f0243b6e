//! Why a rehearsal could not be held.
use crate::host::HostError;
use crate::host::process::ProcessError;
use crate::server::ServerError;
use crate::state::StateError;

/// Why a rehearsal could not be held, or not be ended.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    /// It would come near what is in use.
    #[error("a drill does not work {place}: {because}")]
    NearProduction {
        /// Where it would have worked.
        place: String,
        /// What is there.
        because: String,
    },
    /// No server program.
    #[error("there is no server program {place}")]
    NoServer {
        /// Where it was looked for.
        place: String,
    },
    /// Something of the sandbox could not be done.
    #[error("could not {what}: {because}")]
    Sandbox {
        /// What.
        what: String,
        /// Why.
        because: String,
    },
    /// A file of the sandbox.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A process of the sandbox.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The record of the sandbox.
    #[error(transparent)]
    State(#[from] StateError),
    /// The sandbox's server.
    #[error("the sandbox's server: {0}")]
    Server(#[from] ServerError),
    /// Somebody stopped it.
    #[error("interrupted")]
    Interrupted,
}

impl DrillError {
    /// Something of the sandbox could not be done.
    pub(super) fn sandbox(what: impl Into<String>, because: impl Into<String>) -> Self {
        Self::Sandbox { what: what.into(), because: because.into() }
    }

    /// The next thing to do, for a person.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NearProduction { .. } => "choose another place: --dir DIR, and leave the port to redis-dr".into(),
            Self::NoServer { .. } => {
                "install redis-server or valkey-server, or name its directory: --bin-dir DIR".into()
            }
            Self::Sandbox { .. } | Self::Server(_) => {
                "look into the sandbox: redis-dr drill run SCENARIO --keep".into()
            }
            Self::Host(e) => e.hint(),
            Self::Process(e) => e.hint(),
            Self::State(e) => e.hint(),
            Self::Interrupted => "redis-dr drill run removes what is left".into(),
        }
    }

    /// The process's exit code where nothing else was learnt.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::NearProduction { .. } => 3,
            Self::NoServer { .. } => 2,
            Self::Interrupted => 130,
            _ => 1,
        }
    }
}
