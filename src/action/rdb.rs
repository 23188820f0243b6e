//! `rdb.place` and `rdb.check`.
use super::files::{open_snapshot, point_of};
use super::results::{RdbChecked, RdbPlaced};
use super::{
    Act, ActError, Change, ChangeKind, Done, Effects, Hands, RdbCheck, RdbPlace, RepeatClass, SaveSpec, SaveUse, Site,
    UndoMove,
};
use crate::facts::Bytes;
use crate::rdb;
use crate::vault::Content;
use serde_json::{Value, json};

impl Act for RdbPlace {
    fn effects(&self, site: &Site) -> Effects {
        Effects {
            changes: vec![Change { what: site.rdb.display().to_string(), kind: ChangeKind::Replace }],
            saves: vec![SaveSpec { path: site.rdb.clone(), usage: SaveUse::Replaced }],
            undo: vec![UndoMove::RestoreSaved],
            undo_text: "put the old snapshot back".into(),
            class: RepeatClass::Checkable,
            opens: false,
        }
    }

    fn already_done(&self, hands: &mut Hands<'_>, _: &Value) -> Done {
        let Ok(point) = point_of(hands.site, &self.from.0) else {
            return Done::No;
        };
        if point.path.as_deref() == hands.site.rdb.to_str() && point.compression.is_none() {
            return Done::Yes("the snapshot is in place already".into());
        }
        Done::No
    }

    fn found(&self, hands: &mut Hands<'_>, _: &Value) -> Value {
        let path = &hands.site.rdb;
        let placed = path.display().to_string();
        hands.look.stat(path).map_or(Value::Null, |s| json!(RdbPlaced { placed, bytes: Bytes(s.size) }))
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let point = point_of(hands.site, &self.from.0)?.clone();
        let mut from = open_snapshot(hands, &point)?;
        let path = hands.site.rdb.clone();
        let bytes = hands.replace(&path, Content::Reader(&mut from))?;
        Ok(json!(RdbPlaced { placed: path.display().to_string(), bytes: Bytes(bytes) }))
    }
}

impl Act for RdbCheck {
    fn effects(&self, _: &Site) -> Effects {
        Effects::none()
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let point = point_of(hands.site, &self.point.0)?.clone();
        let from = open_snapshot(hands, &point)?;
        let opts = rdb::WalkOptions { now_ms: hands.look.now().as_millisecond(), ..Default::default() };
        let report = rdb::walk(from, point.bytes.map(|b| b.0), &opts, &|_| {});
        match report.verdict {
            rdb::Verdict::Intact if self.load => {
                let mut from = open_snapshot(hands, &point)?;
                let loaded = super::scratch::load_snapshot(hands, &mut from, report.keys, self.timeout)?;
                Ok(json!(RdbChecked { keys: report.keys, loaded: Some(loaded) }))
            }
            rdb::Verdict::Intact => Ok(json!(RdbChecked { keys: report.keys, loaded: None })),
            other => {
                Err(ActError::failed(format!("{}: {other}", point.source), "choose another point: redis-dr points"))
            }
        }
    }
}
