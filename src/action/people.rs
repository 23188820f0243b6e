//! `run`, `notify`, `manual` and `ask`: the operator's own programs, and the operator.
use super::results::{Agreed, Notified, Ran, Yes};
use super::{
    Act, ActError, Ask, Change, ChangeKind, Done, Effects, Hands, Manual, Notify, RepeatClass, Run, SaveSpec, SaveUse,
    Site, UndoMove,
};
use crate::host::process::{Command, Reins};
use serde_json::{Value, json};
use std::path::PathBuf;

impl Act for Run {
    fn effects(&self, _: &Site) -> Effects {
        let mut changes: Vec<Change> =
            self.changes.iter().map(|p| Change { what: p.clone(), kind: ChangeKind::WriteInPlace }).collect();
        changes.push(Change { what: self.argv.join(" "), kind: ChangeKind::Outside });
        Effects {
            changes,
            saves: self.changes.iter().map(|p| SaveSpec { path: PathBuf::from(p), usage: SaveUse::Written }).collect(),
            undo: if self.changes.is_empty() { vec![] } else { vec![UndoMove::RestoreSaved] },
            undo_text: if self.changes.is_empty() {
                "nothing that redis-dr knows of".into()
            } else {
                "put the declared paths back".into()
            },
            class: if self.repeatable { RepeatClass::Idempotent } else { RepeatClass::Once },
            opens: false,
        }
    }

    fn already_done(&self, _: &mut Hands<'_>, _: &Value) -> Done {
        if self.repeatable {
            return Done::No;
        }
        Done::CantTell(format!("only {} knows whether it did its work", self.argv.join(" ")))
    }

    fn perform(&self, _: &mut Hands<'_>) -> Result<Value, ActError> {
        let out = Reins::new().run(&Command::new(self.argv.clone(), self.timeout.duration()))?;
        if out.timed_out {
            let because = format!("{} ran longer than {}", self.argv.join(" "), self.timeout);
            return Err(ActError::in_doubt(because, "find out whether it did its work, then redis-dr runs resume"));
        }
        if !out.ok() {
            let because = format!("{}: {}", self.argv.join(" "), out.complaint());
            return Err(ActError::failed(because, "mend it, then redis-dr runs resume"));
        }
        Ok(json!(Ran { stdout: out.text().trim().lines().next_back().unwrap_or_default().to_string() }))
    }
}

impl Act for Notify {
    fn effects(&self, _: &Site) -> Effects {
        Effects {
            changes: vec![Change { what: self.argv.join(" "), kind: ChangeKind::Outside }],
            class: RepeatClass::Idempotent,
            undo_text: "nothing to undo: it only tells".into(),
            ..Effects::none()
        }
    }

    /// Nobody is left without a server because a message did not go out: its failure is noted and nothing else.
    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let document = json!({
            "schema": "redis-dr/notice/1", "instance": hands.site.instance, "address": hands.site.address,
            "message": self.message,
        });
        let stdin = Some(serde_json::to_vec(&document).unwrap_or_default());
        let command = Command { stdin, ..Command::new(self.argv.clone(), self.timeout.duration()) };
        let told = match Reins::new().run(&command) {
            Ok(out) if out.ok() => return Ok(json!(Notified { told: true, note: None })),
            Ok(out) => out.complaint(),
            Err(e) => e.to_string(),
        };
        Ok(json!(Notified { told: false, note: Some(format!("{}: {told}", command.shown())) }))
    }
}

impl Act for Manual {
    fn effects(&self, _: &Site) -> Effects {
        Effects {
            changes: vec![Change { what: self.instructions.clone(), kind: ChangeKind::Outside }],
            class: RepeatClass::Once,
            undo_text: "by hand".into(),
            ..Effects::none()
        }
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        answer(hands, &format!("{}\nDone?", self.instructions), "it was not done")
    }
}

impl Act for Ask {
    fn effects(&self, _: &Site) -> Effects {
        Effects { class: RepeatClass::Once, ..Effects::none() }
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        answer(hands, &self.question, "the answer was no")
    }
}

fn answer(hands: &mut Hands<'_>, text: &str, no: &str) -> Result<Value, ActError> {
    let Some(ask) = hands.ask.as_mut() else {
        return Err(ActError::failed("there is nobody to ask", "run it in a terminal"));
    };
    if ask(text) {
        return Ok(json!(Agreed { answer: Yes::Yes }));
    }
    Err(ActError::failed(no, "redis-dr runs resume asks again"))
}
