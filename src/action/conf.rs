//! `conf.set`: change settings in the configuration file, and prove it the way the server reads it.
use super::results::ConfChanged;
use super::{
    Act, ActError, Change, ChangeKind, ConfSet, Done, Effects, Hands, RepeatClass, SaveSpec, SaveUse, Site, UndoMove,
};
use crate::redis_conf;
use crate::vault::Content;
use serde_json::{Value, json};

/// The block that a fenced start writes at the end of the main file, where it decides over everything before it.
pub const FENCE_MARKER: &str = "redis-dr fence";

/// The main file's text.
///
/// # Errors
/// It can't be read.
pub(super) fn text(hands: &Hands<'_>) -> Result<String, ActError> {
    Ok(hands.look.read_text(&hands.site.config_file, 4 << 20)?)
}

/// What the configuration file and what it includes come to, if the main file read `text`.
pub(super) fn effective(hands: &Hands<'_>, text: &str) -> redis_conf::Effective {
    super::effective(hands.look, hands.site, text)
}

/// Is this the setting's value?
fn says(now: &redis_conf::Effective, key: &str, value: &str) -> bool {
    now.get(key).is_some_and(|s| s.value.join(" ") == value)
}

impl Act for ConfSet {
    fn effects(&self, site: &Site) -> Effects {
        let what = self.0.iter().map(|(k, v)| format!("{}: {k} {v}", site.config_file.display()));
        Effects {
            changes: what.map(|what| Change { what, kind: ChangeKind::Replace }).collect(),
            saves: vec![SaveSpec { path: site.config_file.clone(), usage: SaveUse::Replaced }],
            undo: vec![UndoMove::RestoreSaved],
            undo_text: "put the configuration file back".into(),
            class: RepeatClass::Checkable,
            opens: false,
        }
    }

    fn settings(&self, _: &Site) -> Option<Vec<String>> {
        Some(self.0.keys().map(|name| name.to_lowercase()).collect())
    }

    fn already_done(&self, hands: &mut Hands<'_>, _: &Value) -> Done {
        let Ok(text) = text(hands) else {
            return Done::No;
        };
        let now = effective(hands, &text);
        if self.0.iter().all(|(k, v)| says(&now, k, v)) {
            return Done::Yes("the file says so already".into());
        }
        Done::No
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        for key in self.0.keys() {
            if hands.site.overridden.iter().any(|o| o.eq_ignore_ascii_case(key)) {
                return Err(ActError::failed(
                    format!("{key} is fixed by the start command, so the file can't change it"),
                    "change the start command, then try again",
                ));
            }
        }
        let old = text(hands)?;
        let mut new = old.clone();
        for (key, value) in &self.0 {
            let args: Vec<&str> = value.split_whitespace().collect();
            new = String::from_utf8_lossy(&redis_conf::edit::set(new.as_bytes(), key, &args)).into_owned();
            if !says(&effective(hands, &new), key, value) {
                // an included file says it later: a line behind everything decides
                new.push_str(&redis_conf::edit::line(key, &args));
                new.push('\n');
            }
        }
        let now = effective(hands, &new);
        for (key, value) in &self.0 {
            if !says(&now, key, value) {
                return Err(ActError::failed(
                    format!("{} would still not say {key} {value}", hands.site.config_file.display()),
                    "look for another file that sets it",
                ));
            }
        }
        let path = hands.site.config_file.clone();
        hands.replace(&path, Content::Bytes(new.as_bytes()))?;
        Ok(json!(ConfChanged { changed: old != new }))
    }
}
