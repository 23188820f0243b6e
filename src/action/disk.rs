//! `disk.free`: room on the data's disk, without losing anything that could ever be loaded.
use super::results::DiskFreed;
use super::{Act, ActError, Change, ChangeKind, DiskFree, Done, Effects, Hands, RepeatClass, Site};
use crate::facts::Bytes;
use crate::service;
use serde_json::{Value, json};
use std::path::Path;

impl Act for DiskFree {
    /// Nothing of it is saved: a link would free nothing, and a copy would only fill the next disk. In return it takes
    /// nothing but what no server could load: half a file, under a name that only saves and rewrites give, of a process
    /// that is gone.
    fn effects(&self, site: &Site) -> Effects {
        let gone = |l: &crate::facts::LeftOver| format!("{} ({}), process {} is gone", l.path, l.bytes, l.process);
        Effects {
            changes: site.leftovers.iter().map(|l| Change { what: gone(l), kind: ChangeKind::Remove }).collect(),
            class: RepeatClass::Checkable,
            undo_text: "none: these halves of files are removed for good; nothing could load them".into(),
            ..Effects::none()
        }
    }

    fn already_done(&self, hands: &mut Hands<'_>, _: &Value) -> Done {
        if hands.site.leftovers.iter().all(|l| !hands.look.exists(Path::new(&l.path))) {
            return Done::Yes("none of them is there any more".into());
        }
        Done::No
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        // looked at again: meanwhile a save may have begun, under the same number
        let names: Vec<String> = hands
            .site
            .leftovers
            .iter()
            .filter_map(|l| Some(Path::new(&l.path).file_name()?.to_string_lossy().into_owned()))
            .collect();
        let still = service::leftovers(hands.look, &hands.site.data_dir, &names)?;
        let (mut removed, mut kept, mut freed) = (vec![], vec![], 0);
        for planned in &hands.site.leftovers {
            if still.contains(planned) {
                hands.vault.discard(Path::new(&planned.path), planned.bytes.0)?;
                freed += planned.bytes.0;
                removed.push(planned.path.clone());
            } else {
                kept.push(planned.path.clone());
            }
        }
        if removed.is_empty() {
            return Err(ActError::failed(
                "none of the left-over files is still what the plan saw, so none was removed",
                "make a new plan: redis-dr recover looks again",
            ));
        }
        Ok(json!(DiskFreed { removed, kept, freed: Bytes(freed) }))
    }
}
