//! `service.stop`, `service.start`, `service.open` and `server.snapshot`.
use super::beside::{Loaded, Walk};
use super::conf::{FENCE_MARKER, effective, text};
use super::files::aof_appended;
use super::results::{MemorySaved, Started, Stopped, Was};
use super::started::{check_start, wait_loaded};
use super::{
    Act, ActError, Change, ChangeKind, Done, Effects, Hands, PUT_BACK, RepeatClass, SaveSpec, SaveUse, ServerSnapshot,
    ServiceOpen, ServiceStart, ServiceStop, Site, UndoMove,
};
use crate::facts::{Bytes, Seconds};
use crate::redis_conf;
use crate::server::{self, Info};
use crate::vault::Content;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// As many replicas as nobody has: every write of a client answers NOREPLICAS (redis-facts §11).
pub const FENCE: u64 = 1_000_000;

pub(super) fn unit_name(site: &Site) -> String {
    site.unit.clone().unwrap_or_else(|| "the server".into())
}

impl Act for ServiceStop {
    fn effects(&self, site: &Site) -> Effects {
        Effects {
            changes: vec![Change { what: format!("{}: stop and hold", unit_name(site)), kind: ChangeKind::Service }],
            saves: vec![],
            undo: match site.stray {
                // what would be started is another server than the one that was stopped
                true => vec![UndoMove::ReleaseHold],
                false => vec![UndoMove::ReleaseHold, UndoMove::StartIfItRan],
            },
            undo_text: match (site.stray, site.was_answering) {
                (true, _) => "lift the hold; the stray server stays down, what it held is in the vault",
                (false, true) => "start it again",
                (false, false) => "lift the hold",
            }
            .into(),
            class: RepeatClass::Checkable,
            opens: false,
        }
    }

    fn before(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let answered = hands.connect().and_then(|mut server| server.ping()).is_ok();
        let put_back = for_its_time(hands);
        Ok(json!({ "pid": hands.running()?, "answered": answered, "held": hands.is_held(), PUT_BACK: put_back }))
    }

    fn already_done(&self, hands: &mut Hands<'_>, _: &Value) -> Done {
        match hands.running() {
            Ok(None) if hands.is_held() => Done::Yes("nothing runs, and it is held".into()),
            _ => Done::No,
        }
    }

    fn found(&self, _: &mut Hands<'_>, before: &Value) -> Value {
        let was = if before["pid"].is_null() { Was::Down } else { Was::Running };
        json!(Stopped { was, memory: None })
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        Ok(json!(self.stopped(hands)?))
    }
}

/// The live settings that saving its memory changes for that time alone.
pub(super) fn for_its_time(hands: &Hands<'_>) -> Vec<UndoMove> {
    let Ok(mut server) = hands.connect() else { return vec![] };
    let settings = server::changed_by_snapshot(&mut server).into_iter();
    settings.map(|(name, value)| UndoMove::ConfigSet { name: name.into(), value }).collect()
}

impl ServiceStop {
    /// Holds it, saves what it holds in memory, and stops it.
    ///
    /// # Errors
    /// It could not be held, saved or stopped.
    pub(super) fn stopped(&self, hands: &mut Hands<'_>) -> Result<Stopped, ActError> {
        hands.hold()?;
        if hands.running()?.is_none() {
            return Ok(Stopped { was: Was::Down, memory: None });
        }
        let memory = save_memory(hands, self.timeout.duration().max(Duration::from_secs(600)))?;
        hands.stop(self.save, self.timeout.duration())?;
        Ok(Stopped { was: Was::Running, memory })
    }
}

/// Saves what the server holds, unless it is known to be worth nothing.
fn save_memory(hands: &mut Hands<'_>, timeout: Duration) -> Result<Option<MemorySaved>, ActError> {
    let Ok(mut server) = hands.connect() else {
        return Ok(None);
    };
    // What it has loaded so far came from files that are still there.
    let holds = server.info(None).is_ok_and(|i| i.keys() > 0 && !i.loading());
    if !holds {
        return Ok(None);
    }
    snapshot(hands, "memory.rdb", timeout).map(Some)
}

/// Saves what clients wrote since the run opened the server, before a person takes the run back; `None` where no server
/// runs any more.
///
/// # Errors
/// The server answers and its memory could not be saved: then nothing may be taken back.
pub fn save_live(hands: &mut Hands<'_>) -> Result<Option<MemorySaved>, ActError> {
    if let Err(e) = hands.connect() {
        return match hands.running()? {
            None => Ok(None),
            Some(pid) => Err(ActError::failed(
                format!("the server runs (pid {pid}) and can't be asked for its memory: {e}"),
                "make it answer",
            )),
        };
    }
    let full = |e: ActError| ActError { hint: format!("{}; then redis-dr runs rollback again", e.hint), ..e };
    snapshot(hands, "live-before-rollback.rdb", Duration::from_secs(600)).map(Some).map_err(full)
}

pub(super) fn snapshot(hands: &mut Hands<'_>, name: &str, timeout: Duration) -> Result<MemorySaved, ActError> {
    let endpoint = hands.endpoint.clone();
    let (path, mut file) = hands.vault.new_file(name)?;
    let progress = &mut *hands.progress;
    let mut told = |done, total| {
        progress("save memory", done, total);
        ControlFlow::Continue(())
    };
    server::snapshot(&endpoint, &mut file, &mut told, timeout)?;
    let bytes = hands.vault.finish_file(&path, &file)?;
    Ok(MemorySaved { path: path.display().to_string(), bytes: Bytes(bytes) })
}

impl Act for ServerSnapshot {
    fn effects(&self, site: &Site) -> Effects {
        Effects {
            changes: vec![Change {
                what: site.vault_dir.join("memory.rdb").display().to_string(),
                kind: ChangeKind::Create,
            }],
            class: RepeatClass::Idempotent,
            undo_text: "nothing to undo: it only adds a copy".into(),
            ..Effects::none()
        }
    }

    fn before(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        Ok(json!({ PUT_BACK: for_its_time(hands) }))
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        Ok(json!(snapshot(hands, "memory.rdb", self.timeout.duration())?))
    }
}

/// Lines that a start of ours puts behind everything else in the main file.
fn fence_lines(site: &Site, fenced: bool) -> Vec<String> {
    if !site.can_fence {
        return vec![];
    }
    let fixed = |name: &str| site.overridden.iter().any(|o| o.eq_ignore_ascii_case(name));
    let mut lines = Vec::new();
    if fenced && !fixed("min-replicas-to-write") {
        lines.push(format!("min-replicas-to-write {FENCE}"));
    }
    if !fixed("aof-load-truncated") {
        lines.push("aof-load-truncated no".into());
    }
    if !fixed("save") {
        lines.push("save \"\"".into());
    }
    // a rewrite before the proof would put other files in the place of those that are to be compared
    if !fixed("auto-aof-rewrite-percentage") {
        lines.push("auto-aof-rewrite-percentage 0".into());
    }
    // with an evicting policy the first command after the load would throw keys away (redis-facts §0)
    if !fixed("maxmemory") {
        lines.push("maxmemory 0".into());
    }
    lines
}

impl Act for ServiceStart {
    fn effects(&self, site: &Site) -> Effects {
        let mut saves = vec![
            SaveSpec { path: site.config_file.clone(), usage: SaveUse::Replaced },
            aof_appended(site),
            SaveSpec { path: site.rdb.clone(), usage: SaveUse::Replaced },
        ];
        if site.multi_part {
            // a start takes an older server's single file over, into the directory, where no manifest is yet
            saves.push(SaveSpec { path: site.data_dir.join(&site.aof_name), usage: SaveUse::Replaced });
        }
        if fence_lines(site, self.fenced).is_empty() {
            saves.remove(0);
        }
        let fence = if self.fenced && site.can_fence { ", fenced" } else { "" };
        Effects {
            changes: vec![
                Change { what: format!("{}: start{fence}", unit_name(site)), kind: ChangeKind::Service },
                Change { what: site.aof.display().to_string(), kind: ChangeKind::Directory },
                Change { what: site.rdb.display().to_string(), kind: ChangeKind::Replace },
            ],
            saves,
            undo: vec![UndoMove::EnsureDown, UndoMove::RestoreSaved],
            undo_text: "stop it without saving, put its files back".into(),
            class: RepeatClass::Checkable,
            opens: !(self.fenced && site.can_fence),
        }
    }

    fn before(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        Ok(json!({ "log_from": hands.log_size() }))
    }

    fn already_done(&self, hands: &mut Hands<'_>, before: &Value) -> Done {
        let info = match hands.connect().and_then(|mut s| s.info(Some("everything"))) {
            Ok(info) if !info.loading() => info,
            _ => return Done::No,
        };
        let lines = fence_lines(hands.site, self.fenced);
        let log_from = before["log_from"].as_u64().unwrap_or_else(|| hands.log_size());
        match check_start(hands, &info, &lines, log_from) {
            Ok(()) => Done::Yes("it runs and has loaded".into()),
            Err(_) => Done::No,
        }
    }

    fn found(&self, hands: &mut Hands<'_>, before: &Value) -> Value {
        let info = hands.connect().and_then(|mut s| s.info(Some("everything")));
        info.map_or(Value::Null, |i| json!(self.told(hands.site, &i, None, before["log_from"].as_u64())))
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        Ok(json!(self.started(hands)?))
    }
}

impl ServiceStart {
    /// Starts it, waits until it has loaded, and checks that it runs as was asked.
    ///
    /// # Errors
    /// It did not start, did not load, or runs with other settings.
    pub(super) fn started(&self, hands: &mut Hands<'_>) -> Result<Started, ActError> {
        let lines = fence_lines(hands.site, self.fenced);
        if !lines.is_empty() {
            let old = text(hands)?;
            let bare = redis_conf::edit::remove_block(old.as_bytes(), FENCE_MARKER).unwrap_or_else(|| old.into_bytes());
            let new = redis_conf::edit::append_block(&bare, FENCE_MARKER, &lines);
            let path = hands.site.config_file.clone();
            hands.replace(&path, Content::Bytes(&new))?;
        }
        let log_from = hands.log_size();
        let begun = Instant::now();
        let mut walk = None;
        if hands.running()?.is_none() {
            walk = Some(Walk::begin(hands)?);
            hands.start()?;
        }
        let info = wait_loaded(hands, self.timeout.duration(), log_from)?;
        *hands.loaded = match walk {
            Some(walk) => Some(Loaded { holdings: walk.end()?, info: info.clone(), log_from: Some(log_from) }),
            None => None,
        };
        check_start(hands, &info, &lines, log_from)?;
        Ok(self.told(hands.site, &info, Some(Seconds(begun.elapsed().as_secs_f64())), Some(log_from)))
    }

    /// `info` is that of the server right after it loaded.
    fn told(&self, site: &Site, info: &Info, load_seconds: Option<Seconds>, log_from: Option<u64>) -> Started {
        Started {
            pid: info.number("process_id"),
            run_id: info.get("run_id").map(str::to_string),
            load_seconds,
            loaded_keys: info.keys(),
            fenced: self.fenced && site.can_fence,
            log_from,
        }
    }
}

impl Act for ServiceOpen {
    fn effects(&self, site: &Site) -> Effects {
        let fenced = !fence_lines(site, true).is_empty();
        Effects {
            changes: vec![Change { what: "clients may write again".into(), kind: ChangeKind::LiveConfig }],
            saves: if fenced {
                vec![SaveSpec { path: site.config_file.clone(), usage: SaveUse::Replaced }]
            } else {
                vec![]
            },
            undo: vec![],
            undo_text: "point of no return for --auto; a person may still roll back".into(),
            class: RepeatClass::Idempotent,
            opens: true,
        }
    }

    fn already_done(&self, hands: &mut Hands<'_>, _: &Value) -> Done {
        let bare = text(hands).is_ok_and(|t| !redis_conf::edit::has_block(t.as_bytes(), FENCE_MARKER));
        let open = hands.connect().and_then(|mut s| s.setting("min-replicas-to-write"));
        match open {
            Ok(Some(n)) if bare && n != FENCE.to_string() && !hands.is_held() => {
                Done::Yes("clients may write already".into())
            }
            _ => Done::No,
        }
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let old = text(hands)?;
        let bare = match redis_conf::edit::remove_block(old.as_bytes(), FENCE_MARKER) {
            Some(bare) => {
                let path = hands.site.config_file.clone();
                hands.replace(&path, Content::Bytes(&bare))?;
                String::from_utf8_lossy(&bare).into_owned()
            }
            None => old,
        };
        if hands.site.can_fence {
            let owner = effective(hands, &bare);
            let points: Vec<String> =
                owner.save_points().iter().map(|p| format!("{} {}", p.seconds, p.changes)).collect();
            let mut server = hands.connect()?;
            server.config_set("maxmemory", &owner.maxmemory().to_string())?;
            server.config_set("save", &points.join(" "))?;
            server.config_set("auto-aof-rewrite-percentage", &owner.auto_aof_rewrite_percentage().to_string())?;
            server.config_set("aof-load-truncated", if owner.aof_load_truncated() { "yes" } else { "no" })?;
            server.config_set("min-replicas-to-write", &owner.min_replicas_to_write().to_string())?;
            let is = server.setting("min-replicas-to-write")?.unwrap_or_default();
            if is != owner.min_replicas_to_write().to_string() {
                return Err(ActError::failed("the fence could not be lifted", "CONFIG SET min-replicas-to-write 0"));
            }
        }
        hands.release()?;
        Ok(Value::Null)
    }
}
