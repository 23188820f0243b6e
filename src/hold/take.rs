//! Holding an instance: settings first, since they stop what is overwriting data now.
use super::{Active, FILES, HoldError, JOURNAL, RESTARTS, SETTINGS, World, active, who};
use crate::action::{REVISION, UndoMove};
use crate::assess::{Assessed, Assessor, Depth, Wanted, data_files};
use crate::facts::{ProcessState, ServiceKind};
use crate::host::process::Reins;
use crate::host::{Pen, Planters};
use crate::journal::{Event, FORMAT, Header, Journal, StepOutcome};
use crate::lock::Lock;
use crate::server::{Server, ServerError};
use crate::service::{self, SystemdUnit, held_path};
use crate::vault::{self, Save, Use, Vault};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What keeps a server from overwriting what is on disk: no snapshot over the old one, no rewrite that drops the AOF's
/// history, and no removal of the parts that a rewrite left (from 7.0 on).
pub(super) const SETTINGS_HELD: &[(&str, &str)] =
    &[("save", ""), ("auto-aof-rewrite-percentage", "0"), ("aof-disable-auto-gc", "yes")];

/// What is left to do where the server could not be told.
const HOLD_AGAIN: &str = "once it answers: redis-dr hold again";

/// How long one word of the server may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// The part of an AOF that is written to is copied up to this many bytes; beyond that a second name must do, so that a
/// hold takes no time. The server only ever appends to it.
const COPIED: u64 = 16 << 20;

/// What was done.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The hold.
    pub id: String,
    /// Who held it, and since when.
    pub by: String,
    /// Since when.
    pub since: jiff::Timestamp,
    /// Was it held already?
    pub already: bool,
    /// What is in force now.
    pub did: Vec<String>,
    /// What could not be done, and why.
    pub could_not: Vec<String>,
    /// Did what protects the files on disk fail, or did the server not answer? Then the hold is not what it says.
    pub incomplete: bool,
    /// What has a copy or a second name.
    pub saves: Vec<Save>,
    /// Where the copies are.
    pub vault: PathBuf,
    /// The record.
    pub journal: PathBuf,
}

impl Taken {
    /// For a person: whether `instance` is held, by whom, and what that did and could not do, a line each.
    #[must_use]
    pub fn lines(&self, instance: &str) -> Vec<String> {
        let word = match (self.already, self.incomplete) {
            (true, _) => "is held already",
            (false, true) => "is held in part",
            (false, false) => "is held",
        };
        let first = format!("{instance} {word}: by {} since {:.0}", self.by, self.since);
        let did = self.did.iter().map(|line| format!("  {line}"));
        let could_not = self.could_not.iter().map(|line| format!("  NOT DONE  {line}"));
        std::iter::once(first).chain(did).chain(could_not).collect()
    }
}

/// A hold in the making.
struct Making<'w> {
    world: &'w World<'w>,
    assessed: Assessed,
    journal: Journal,
    taken: Taken,
}

/// Holds an instance. One that is held already is said to be, and what is missing of it is done.
///
/// # Errors
/// A run is at work, the record can't be written, or there is nothing that could be held.
pub fn take(world: &World<'_>) -> Result<Taken, HoldError> {
    let (assessed, dir) = seen(world)?;
    let lock = world.lock(dir.as_deref())?;
    made(world, assessed, dir, &lock)
}

/// The same for a caller that has locked the instance already.
///
/// # Errors
/// As [`take`].
pub fn take_under(world: &World<'_>, lock: &Lock) -> Result<Taken, HoldError> {
    let (assessed, dir) = seen(world)?;
    made(world, assessed, dir, lock)
}

/// A quick look, and the directory of the data.
fn seen(world: &World<'_>) -> Result<(Assessed, Option<PathBuf>), HoldError> {
    let wanted = Wanted { depth: Depth::Quick, ..Wanted::default() };
    let assessed = Assessor::new(world.look, world.target.clone(), world.state).assess(&wanted);
    let facts = &assessed.document.facts;
    let dir = facts.config.data_dir.clone().filter(|_| world.target.local).map(PathBuf::from);
    let dir = dir.filter(|dir| world.look.exists(dir)).map(|dir| world.look.real_path(&dir).unwrap_or(dir));
    if facts.process.state == Some(ProcessState::Blocked) && facts.server.answers != Some(true) {
        return Err(HoldError::Blocked { instance: world.target.name.clone() });
    }
    if dir.is_none() && facts.server.answers != Some(true) {
        return Err(HoldError::Nothing { instance: world.target.name.clone() });
    }
    Ok((assessed, dir))
}

fn made(world: &World<'_>, assessed: Assessed, dir: Option<PathBuf>, _: &Lock) -> Result<Taken, HoldError> {
    if let Some(run) = world.unfinished_run()? {
        return Err(HoldError::Run { run });
    }
    let mut making = match active(world.look, world.state, &world.target.name)? {
        Some(held) => Making::again(world, assessed, &held)?,
        None => Making::anew(world, assessed, dir.as_deref())?,
    };
    making.settings()?;
    match &dir {
        Some(dir) => {
            making.restarts(dir)?;
            making.files()?;
        }
        None => {
            making.cannot("its data directory is not known: its files are not saved, and a restart is not prevented")
        }
    }
    Ok(making.taken)
}

impl<'w> Making<'w> {
    fn anew(world: &'w World<'w>, assessed: Assessed, dir: Option<&Path>) -> Result<Self, HoldError> {
        let (now, by) = (world.look.now(), who(world.look));
        let own = world.state.holds().new_run(now, "hold")?;
        let nowhere = own.path().to_path_buf();
        let disk = &assessed.document.facts.disk;
        let avoid = disk.io_error == Some(true) || disk.read_only == Some(true) || disk.full == Some(true);
        let vault = match &world.target.vault_dir {
            Some(dir) => dir.join(own.id()),
            None => vault::home(world.look, own.path(), dir.unwrap_or(&nowhere), own.id(), avoid),
        };
        let header = Header {
            journal: FORMAT,
            run_id: own.id().into(),
            instance: world.target.name.clone(),
            runbook: "hold".into(),
            plan_digest: String::new(),
            action_revisions: BTreeMap::from([("all".to_string(), REVISION)]),
            vault: vault.clone(),
            host: world.look.hostname(),
            boot_id: world.look.boot_id(),
            version: env!("CARGO_PKG_VERSION").into(),
            started_at: now,
            site: serde_json::Value::Null,
        };
        let mut journal = Journal::create(own.own(), JOURNAL, &header)?;
        journal.record(Event::RunStarted { by: by.clone(), auto: false })?;
        let taken = Taken {
            id: own.id().into(),
            by,
            since: now,
            already: false,
            did: vec![],
            could_not: vec![],
            incomplete: false,
            saves: vec![],
            vault,
            journal: own.journal_path(),
        };
        Ok(Self { world, assessed, journal, taken })
    }

    fn again(world: &'w World<'w>, assessed: Assessed, held: &Active) -> Result<Self, HoldError> {
        if held.log.status()?.going_back() {
            let by_hand = vec!["redis-dr hold --release".to_string()];
            return Err(HoldError::Stuck { because: "its release was cut off".into(), by_hand });
        }
        let dir = world.state.holds().open_run(&held.id)?;
        let (mut journal, _) = Journal::open(dir.own(), JOURNAL)?;
        journal.record(Event::Resumed { by: who(world.look) })?;
        let taken = Taken {
            id: held.id.clone(),
            by: held.by.clone(),
            since: held.since,
            already: true,
            did: vec![],
            could_not: vec![],
            incomplete: false,
            saves: held.log.saves().into_iter().cloned().collect(),
            vault: held.vault.clone(),
            journal: dir.journal_path(),
        };
        Ok(Self { world, assessed, journal, taken })
    }

    fn cannot(&mut self, because: impl Into<String>) {
        self.taken.could_not.push(because.into());
    }

    fn started(&mut self, step: &str, saves: Vec<Save>, undo: &[UndoMove], before: Value) -> Result<(), HoldError> {
        let undo = json!(undo);
        Ok(self.journal.record(Event::StepStarted { step: step.into(), saves, undo, before })?)
    }

    fn done(&mut self, step: &str, began: Instant) -> Result<(), HoldError> {
        Ok(self.journal.record(Event::StepDone {
            step: step.into(),
            outcome: StepOutcome::Done,
            because: String::new(),
            seconds: began.elapsed().as_secs_f64(),
            results: Value::Null,
        })?)
    }

    fn failed(&mut self, step: &str, because: String, hint: String) -> Result<(), HoldError> {
        self.journal.record(Event::StepFailed {
            step: step.into(),
            because: because.clone(),
            hint,
            in_doubt: false,
        })?;
        self.taken.incomplete = true;
        self.cannot(because);
        Ok(())
    }

    /// The owner's values go on record, then the held ones are set.
    fn settings(&mut self) -> Result<(), HoldError> {
        if self.assessed.document.facts.process.state == Some(ProcessState::Down) {
            return Ok(());
        }
        let began = Instant::now();
        let mut server = match Server::connect(&self.assessed.endpoint, PATIENCE) {
            Ok(server) => server,
            Err(error) => return self.unset(&error),
        };
        let run_id = match server.info(Some("server")) {
            Err(error) if !error.answered() => return self.unset(&error),
            info => info.ok().and_then(|i| i.get("run_id").map(str::to_string)),
        };
        let (mut undo, mut to_set) = (Vec::new(), Vec::new());
        for (name, held) in SETTINGS_HELD {
            match server.setting(name) {
                // Before 7.0 there is no aof-disable-auto-gc.
                Ok(None) => {}
                Ok(Some(value)) if value == *held => self.taken.did.push(shown(name, held)),
                Ok(Some(value)) => {
                    undo.push(UndoMove::ConfigSet { name: (*name).into(), value });
                    to_set.push((*name, *held));
                }
                Err(error) if !error.answered() => return self.unset(&error),
                Err(error) => {
                    self.cannot(format!("{}: {error}", shown(name, held)));
                    if matches!(error, ServerError::Denied { .. }) {
                        break;
                    }
                }
            }
        }
        if to_set.is_empty() {
            return Ok(());
        }
        self.started(SETTINGS, vec![], &undo, json!({ "run_id": run_id }))?;
        for (name, held) in to_set {
            match server.config_set(name, held) {
                Ok(()) => self.taken.did.push(shown(name, held)),
                // What it was told last it may still do: the undo is on record.
                Err(error) if !error.answered() => return self.failed(SETTINGS, unset(&error), HOLD_AGAIN.into()),
                Err(error) => self.cannot(format!("{}: {error}", shown(name, held))),
            }
        }
        self.done(SETTINGS, began)
    }

    /// The live settings are as they were: the server may go on overwriting its files.
    fn unset(&mut self, error: &ServerError) -> Result<(), HoldError> {
        self.taken.incomplete |= !error.answered();
        self.cannot(unset(error));
        Ok(())
    }

    /// Nothing starts it: the mark, which guard honours, and a drop-in of its unit.
    fn restarts(&mut self, dir: &Path) -> Result<(), HoldError> {
        let facts = &self.assessed.document.facts;
        let unit = facts.instance.service_name.clone().filter(|_| facts.instance.service == ServiceKind::Systemd);
        let supervised = facts.process.supervisor.clone();
        let unit = unit.as_deref().map(SystemdUnit::new);
        let began = Instant::now();
        let held = self.world.look.exists(&held_path(dir));
        if !(held && self.taken.already) {
            let before = json!({ "held": held, "dir": dir, "unit": unit.as_ref().map(|u| u.name.clone()) });
            self.started(RESTARTS, vec![], &[UndoMove::ReleaseHold], before)?;
            let why = format!("held by {} since {:.0}", self.taken.by, self.taken.since);
            if let Err(error) = service::hold(unit.as_ref(), dir, &Reins::new(), &why) {
                return self.failed(RESTARTS, format!("restarts are not prevented: {error}"), error.hint());
            }
            self.done(RESTARTS, began)?;
        }
        self.taken.did.push(match (&unit, supervised) {
            (Some(unit), _) => format!("{} is not started again", unit.name),
            (None, Some(who)) => format!("a mark tells redis-dr guard to refuse a start; {who} may not ask it"),
            (None, None) => "a mark tells redis-dr guard to refuse a start".into(),
        });
        Ok(())
    }

    /// Every data file gets a second name or a copy; whatever a rewrite, a save or a person removes stays there.
    fn files(&mut self) -> Result<(), HoldError> {
        if !self.taken.saves.is_empty() {
            self.taken.did.push(self.kept());
            return Ok(());
        }
        let began = Instant::now();
        let saves = match self.save_all() {
            Ok(saves) => saves,
            Err(because) => {
                return self.failed(FILES, because, "free space for the vault, then redis-dr hold again".into());
            }
        };
        self.taken.saves.clone_from(&saves);
        self.started(FILES, saves, &[], Value::Null)?;
        self.done(FILES, began)?;
        self.taken.did.push(self.kept());
        Ok(())
    }

    fn kept(&self) -> String {
        let files = self.taken.saves.iter().flat_map(Save::files).filter(|f| f.copy().is_some());
        let (count, bytes) = files.fold((0, 0), |(n, sum), f| (n + 1, sum + f.bytes()));
        format!("{count} data files, {}, are kept in {}", crate::facts::Bytes(bytes), self.taken.vault.display())
    }

    fn save_all(&self) -> Result<Vec<Save>, String> {
        let planters = self.planters();
        let mut vault = Vault::open(Pen::new(), &self.taken.vault, planters).map_err(|e| e.to_string())?;
        let (mut saves, mut failed) = (Vec::new(), Vec::new());
        for file in data_files(&self.world.look, &self.assessed.document.facts.config) {
            let copied = file.grows && file.bytes <= COPIED;
            let usage = if copied { Use::WrittenInPlace } else { Use::Replaced };
            // What grows while it is copied gets a second name: what it holds now stays readable there.
            let saved = vault
                .save(&file.path, usage)
                .or_else(|e| if copied { vault.save(&file.path, Use::Replaced) } else { Err(e) });
            match saved {
                Ok(saved) => saves.push(Save::File(saved)),
                // A rewrite may have removed it since it was listed.
                Err(_) if !self.world.look.exists(&file.path) => {}
                Err(error) => failed.push(format!("{}: {error}", file.path.display())),
            }
        }
        if failed.is_empty() {
            Ok(saves)
        } else {
            Err(format!("not all data files could be kept: {}", failed.join("; ")))
        }
    }

    /// Whose links are not followed.
    fn planters(&self) -> Planters {
        let look = self.world.look;
        let user = self.assessed.document.facts.instance.user.as_deref().and_then(|name| look.user(name).ok());
        Planters { server: user.map(|u| (u.uid, look.groups_of(&u).unwrap_or_default())) }
    }
}

fn unset(error: &ServerError) -> String {
    match error {
        ServerError::Timeout { .. } => {
            format!("the server does not answer, so its settings could not be changed; {HOLD_AGAIN}")
        }
        error => format!("its settings could not be changed: {error}"),
    }
}

fn shown(name: &str, value: &str) -> String {
    if value.is_empty() { format!("{name} \"\"") } else { format!("{name} {value}") }
}
