//! What an action holds while it works: the vault with its pen, the server, the service, and the copies of this step.
use super::beside::Loaded;
use super::{Action, Effects, Site};
use crate::host::Look;
use crate::server::{Endpoint, Server, ServerError};
use crate::service::{Service, ServiceError, StopHow, Stopped};
use crate::vault::{Save, Vault};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Why an action did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{because}")]
pub struct ActError {
    /// What went wrong, where.
    pub because: String,
    /// What to do.
    pub hint: String,
    /// May it have happened all the same (a timeout, a broken connection)?
    pub in_doubt: bool,
    /// Was it brought to an end because somebody asked for it?
    pub interrupted: bool,
}

impl ActError {
    /// It did not happen.
    pub fn failed(because: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { because: because.into(), hint: hint.into(), in_doubt: false, interrupted: false }
    }

    /// It may have happened.
    pub fn in_doubt(because: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { in_doubt: true, ..Self::failed(because, hint) }
    }

    /// Somebody asked to stop.
    #[must_use]
    pub fn interrupted() -> Self {
        Self { interrupted: true, ..Self::failed("interrupted", "redis-dr runs resume, or redis-dr runs rollback") }
    }
}

impl From<crate::vault::VaultError> for ActError {
    fn from(e: crate::vault::VaultError) -> Self {
        Self::failed(with_causes(&e), e.hint())
    }
}

impl From<crate::host::HostError> for ActError {
    fn from(e: crate::host::HostError) -> Self {
        Self::failed(with_causes(&e), e.hint())
    }
}

impl From<ServerError> for ActError {
    fn from(e: ServerError) -> Self {
        Self { in_doubt: !e.answered(), ..Self::failed(with_causes(&e), e.hint()) }
    }
}

impl From<ServiceError> for ActError {
    fn from(e: ServiceError) -> Self {
        Self::failed(with_causes(&e), e.hint())
    }
}

impl From<crate::host::process::ProcessError> for ActError {
    fn from(e: crate::host::process::ProcessError) -> Self {
        Self::failed(with_causes(&e), e.hint())
    }
}

/// What went wrong and why, down to the system's answer.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(why) = cause {
        text.push_str(&format!(": {why}"));
        cause = why.source();
    }
    text
}

/// Was it done already?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Yes, and how that shows.
    Yes(String),
    /// No.
    No,
    /// Nobody can tell, and why.
    CantTell(String),
}

/// How a wait stands.
#[derive(Debug)]
pub enum Wait<T> {
    /// It is over.
    Over(T),
    /// It goes on; what part of it is done, from 0 to 1, where that is known.
    Goes(Option<f64>),
}

/// Hears how far something is: what, done, total.
pub type Progress<'a> = dyn FnMut(&str, u64, Option<u64>) + 'a;

/// In what an action found out: what the run was for has come about by itself, and why. The steps that follow are skipped,
/// and what *recovered* means is asked at once.
pub const ENOUGH: &str = "enough";

/// In what an action saw before it acts: the live settings that it changes for its time alone, as [`super::UndoMove`]s. The
/// engine puts them back when the step is over, whichever process began it.
pub const PUT_BACK: &str = "put_back";

/// What an action works with.
pub struct Hands<'a> {
    /// Where the plan acts.
    pub site: &'a Site,
    /// The half of the host that looks.
    pub look: &'a Look,
    /// The safety copies, and the only pen.
    pub vault: &'a mut Vault,
    /// How the server is reached.
    pub endpoint: &'a Endpoint,
    /// How it is started, stopped and held.
    pub service: &'a mut Service,
    /// What was saved for this step.
    pub saves: &'a [Save],
    /// What earlier steps found out, by step id.
    pub results: &'a BTreeMap<String, Value>,
    /// What the server loaded, while this process saw it.
    pub loaded: &'a mut Option<Loaded>,
    /// Hears how far it is.
    pub progress: &'a mut Progress<'a>,
    /// Has somebody asked to stop?
    pub interrupted: &'a dyn Fn() -> bool,
    /// Asks a person; `None` when nobody is there.
    pub ask: Option<&'a mut dyn FnMut(&str) -> bool>,
}

impl Hands<'_> {
    /// A connection to the server.
    ///
    /// # Errors
    /// It can't be reached, or refuses.
    pub fn connect(&self) -> Result<Server, ServerError> {
        Server::connect(self.endpoint, Duration::from_secs(2))
    }

    /// The process of this instance, if it runs; a stranger on its address is an error.
    ///
    /// # Errors
    /// The process table can't be read, or another program is on the address.
    pub fn running(&self) -> Result<Option<i32>, ActError> {
        Ok(self.service.running()?.map(|p| p.pid()))
    }

    /// Is there a mark that keeps it from being started?
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.service.is_held()
    }

    /// Keeps anything from starting it.
    ///
    /// # Errors
    /// The mark can't be written, or the unit can't be held.
    pub fn hold(&self) -> Result<(), ActError> {
        Ok(self.service.hold("a recovery is under way")?)
    }

    /// Lifts the hold.
    ///
    /// # Errors
    /// As [`Hands::hold`].
    pub fn release(&self) -> Result<(), ActError> {
        Ok(self.service.release()?)
    }

    /// Starts it.
    ///
    /// # Errors
    /// It was not started.
    pub fn start(&mut self) -> Result<(), ActError> {
        let load = self.site.estimate.load.duration();
        Ok(self.service.start(load)?)
    }

    /// Stops it and waits until it is gone.
    ///
    /// # Errors
    /// It is still there, or would save where it must not.
    pub fn stop(&mut self, save: bool, timeout: Duration) -> Result<(), ActError> {
        let how = if save { StopHow::AsConfigured } else { StopHow::NoSave };
        self.service.stop(how, self.endpoint, timeout, &mut || {})?;
        Ok(())
    }

    /// Kills it and waits until it is gone; its process id.
    ///
    /// # Errors
    /// It is still there, or something started it again.
    pub fn kill(&mut self, timeout: Duration) -> Result<Option<i32>, ActError> {
        match self.service.stop(StopHow::Kill, self.endpoint, timeout, &mut || {})? {
            Stopped::WasDown => Ok(None),
            Stopped::Stopped { pid, .. } => Ok(Some(pid)),
        }
    }

    /// Stops the server that this run started, without saving; one that does not listen is killed.
    ///
    /// # Errors
    /// It is still there.
    pub fn ensure_down(&mut self) -> Result<(), ActError> {
        if self.running()?.is_none() {
            return Ok(());
        }
        self.hold()?;
        match self.service.stop(StopHow::NoSave, self.endpoint, Duration::from_secs(30), &mut || {}) {
            Ok(_) => Ok(()),
            Err(_) => {
                self.service.stop(StopHow::Kill, self.endpoint, Duration::from_secs(30), &mut || {})?;
                Ok(())
            }
        }
    }

    /// Asks `ready` again and again, with back-off, until it says yes.
    ///
    /// # Errors
    /// The deadline passed, somebody asked to stop, or `ready` failed.
    pub fn wait<T>(
        &mut self,
        what: &str,
        timeout: Duration,
        mut ready: impl FnMut(&mut Self) -> Result<Option<T>, ActError>,
    ) -> Result<T, ActError> {
        self.wait_watching(what, timeout, |hands| Ok(ready(hands)?.map_or(Wait::Goes(None), Wait::Over)))
    }

    /// As [`Hands::wait`], for what tells how far it is: asked rarely at first, and often towards its end.
    ///
    /// # Errors
    /// As [`Hands::wait`].
    pub fn wait_watching<T>(
        &mut self,
        what: &str,
        timeout: Duration,
        mut ready: impl FnMut(&mut Self) -> Result<Wait<T>, ActError>,
    ) -> Result<T, ActError> {
        let start = Instant::now();
        loop {
            // longer with what was waited already: a short load is not slept through, a long one not pestered
            let usual = (start.elapsed() / 20).clamp(Duration::from_millis(5), Duration::from_millis(200));
            let pause = match ready(self)? {
                Wait::Over(value) => return Ok(value),
                Wait::Goes(None) => usual,
                Wait::Goes(Some(part)) => {
                    let left = start.elapsed().mul_f64((1.0 / part.clamp(0.01, 1.0)) - 1.0);
                    (left / 3).clamp(Duration::from_millis(2), usual)
                }
            };
            if (self.interrupted)() {
                return Err(ActError::interrupted());
            }
            if start.elapsed() >= timeout {
                let because = format!("waited {} s for {what}", timeout.as_secs());
                return Err(ActError::in_doubt(because, "look at the server's log; redis-dr runs resume goes on"));
            }
            std::thread::sleep(pause);
        }
    }
}

/// One action: what it says about itself, and what it does.
pub trait Act {
    /// What it changes, saves and undoes. Pure.
    fn effects(&self, site: &Site) -> Effects;

    /// The settings of the configuration file that it changes, in lower case; `None`: it may be any. Pure.
    fn settings(&self, _site: &Site) -> Option<Vec<String>> {
        Some(vec![])
    }

    /// Do its parameters fit together? What a single value can tell is told when it is read.
    ///
    /// # Errors
    /// What does not fit.
    fn sound(&self) -> Result<(), String> {
        Ok(())
    }

    /// Files that it reads besides those of the instance and the point. Pure.
    fn reads(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// The state that its undo needs, looked at before it acts.
    ///
    /// # Errors
    /// It could not look.
    fn before(&self, _hands: &mut Hands<'_>) -> Result<Value, ActError> {
        Ok(Value::Null)
    }

    /// Was it done already? `before` is what [`Act::before`] saw.
    fn already_done(&self, _hands: &mut Hands<'_>, _before: &Value) -> Done {
        Done::No
    }

    /// What [`Act::perform`] would have told, of a step that is found done; `before` as above. What can't be told cheaply
    /// is null.
    fn found(&self, _hands: &mut Hands<'_>, _before: &Value) -> Value {
        Value::Null
    }

    /// Does it, and tells what it found out: the struct of `results.rs` that [`super::results_schema`] names, as JSON.
    ///
    /// # Errors
    /// [`ActError`] says whether it may have happened all the same.
    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError>;
}

impl Action {
    /// The action's behaviour.
    #[must_use]
    pub fn act(&self) -> &dyn Act {
        match self {
            Self::ServiceStop(a) => a,
            Self::ServiceStart(a) => a,
            Self::ServiceRestart(a) => a,
            Self::ServiceHold(a) => a,
            Self::ServiceWake(a) => a,
            Self::ServiceKill(a) => a,
            Self::ServiceOpen(a) => a,
            Self::ServerSnapshot(a) => a,
            Self::ConfSet(a) => a,
            Self::DiskFree(a) => a,
            Self::ConfDisable(a) => a,
            Self::FilesSetAside(a) => a,
            Self::FilesRestore(a) => a,
            Self::FilesChown(a) => a,
            Self::RdbPlace(a) => a,
            Self::RdbCheck(a) => a,
            Self::AofCheck(a) => a,
            Self::AofCut(a) => a,
            Self::AofSeed(a) => a,
            Self::AofRebuildManifest(a) => a,
            Self::RedisConfigSet(a) => a,
            Self::RedisConfigRewrite(a) => a,
            Self::RedisRaiseMaxmemory(a) => a,
            Self::RedisCommand(a) => a,
            Self::RedisWait(a) => a,
            Self::RedisEnableAof(a) => a,
            Self::RedisRewriteAof(a) => a,
            Self::RedisBgsave(a) => a,
            Self::DataVerify(a) => a,
            Self::DataLoad(a) => a,
            Self::DataRepair(a) => a,
            Self::Notify(a) => a,
            Self::Run(a) => a,
            Self::Manual(a) => a,
            Self::Ask(a) => a,
        }
    }
}
