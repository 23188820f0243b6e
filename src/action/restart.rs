//! `service.restart` and `service.hold`.
use super::results::{Restarted, Stopped};
use super::service::{for_its_time, unit_name};
use super::{
    Act, ActError, Change, ChangeKind, Done, Effects, Hands, PUT_BACK, RepeatClass, ServiceHold, ServiceRestart,
    ServiceStart, ServiceStop, Site, StartUntil, UndoMove,
};
use serde_json::{Value, json};
use std::path::Path;

impl Act for ServiceRestart {
    /// What a start may change is saved by [`Act::perform`], between stop and start: before the stop the server still
    /// writes, and an undo that put such a copy back would take away what was written since.
    fn effects(&self, site: &Site) -> Effects {
        let start = self.start().effects(site);
        let unit = unit_name(site);
        Effects {
            changes: [
                vec![Change { what: format!("{unit}: stop and hold"), kind: ChangeKind::Service }],
                start.changes,
            ]
            .concat(),
            saves: start.saves.into_iter().filter(|s| s.path == site.config_file).collect(),
            undo: vec![UndoMove::EnsureDown, UndoMove::RestoreSaved, UndoMove::ReleaseHold, UndoMove::StartIfItRan],
            undo_text: "stop it without saving, put its configuration back, start it again".into(),
            class: RepeatClass::Checkable,
            opens: start.opens,
        }
    }

    fn before(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let run_id = hands.connect().and_then(|mut s| s.info(Some("server"))).ok();
        let run_id = run_id.and_then(|i| i.get("run_id").map(str::to_string));
        let put_back = for_its_time(hands);
        Ok(json!({ "pid": hands.running()?, "held": hands.is_held(), "run_id": run_id, PUT_BACK: put_back }))
    }

    fn already_done(&self, hands: &mut Hands<'_>, before: &Value) -> Done {
        match hands.connect().and_then(|mut s| s.info(None)) {
            Ok(info) if !info.loading() && info.get("run_id") != before["run_id"].as_str() && !before.is_null() => {
                Done::Yes("another process runs by now, and has loaded".into())
            }
            _ => Done::No,
        }
    }

    fn found(&self, hands: &mut Hands<'_>, _: &Value) -> Value {
        self.start().found(hands, &Value::Null)
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let Stopped { memory, .. } = ServiceStop { save: false, timeout: self.stop_timeout }.stopped(hands)?;
        let start = self.start();
        let mut saved = Vec::new();
        for spec in start.effects(hands.site).saves.iter().filter(|s| s.path != hands.site.config_file) {
            let progress = &mut *hands.progress;
            let mut told = |path: &Path, done, total| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                progress(&format!("copy {name}"), done, Some(total));
            };
            let copy = spec.save(hands.vault, hands.site, &[], &mut told)?;
            saved.push(copy.path().display().to_string());
        }
        let started = start.started(hands)?;
        Ok(json!(Restarted { started, memory, saved }))
    }
}

impl ServiceRestart {
    fn start(&self) -> ServiceStart {
        ServiceStart { until: StartUntil::Loaded, fenced: self.fenced, timeout: self.timeout }
    }
}

impl Act for ServiceHold {
    fn effects(&self, site: &Site) -> Effects {
        Effects {
            changes: vec![Change {
                what: format!("{}: held, nothing starts it", unit_name(site)),
                kind: ChangeKind::Service,
            }],
            undo: vec![UndoMove::ReleaseHold],
            undo_text: "lift the hold".into(),
            class: RepeatClass::Checkable,
            ..Effects::none()
        }
    }

    fn before(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        Ok(json!({ "held": hands.is_held() }))
    }

    fn already_done(&self, hands: &mut Hands<'_>, _: &Value) -> Done {
        if hands.is_held() { Done::Yes("it is held".into()) } else { Done::No }
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        hands.hold()?;
        Ok(Value::Null)
    }
}
