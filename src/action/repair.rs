//! `data.repair`: keys that fail a data check are repaired as the check declares it, each saved first.
//!
//! What is changed is decided, and saved by DUMP into a file of the vault, before the step is journalled: roll back puts the
//! keys back from that file alone. A key is changed only while it is as it was saved.
use super::results::DataRepaired;
use super::{Act, ActError, Change, ChangeKind, DataRepair, Done, Effects, Hands, RepeatClass, Site, UndoMove};
use crate::checks::{self, Checks, Repair, Scan};
use crate::host::Look;
use crate::rdb;
use crate::server::{Edit, Pace, Server};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The file in the vault that holds the keys as they were.
const KEYS: &str = "keys-before-repair.jsonl";
/// The same, of keys as they were when they were put back.
const KEYS_AFTER: &str = "keys-before-rollback.jsonl";
/// Largest value that is saved by DUMP, in bytes of memory: it comes in one answer, and the server does nothing else meanwhile.
const LARGEST: u64 = 16 << 20;
/// Largest file of saved keys that is read.
const FILE: u64 = 1 << 30;
/// Largest file of data checks that is read.
const CHECKS: u64 = 2 << 20;

/// One key, as it is saved, with what is done to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SavedKey {
    db: u32,
    /// Bytes as hex, as all that follow.
    key: String,
    /// What DUMP gave.
    dump: String,
    /// When it expires, Unix milliseconds.
    expires_at_ms: Option<i64>,
    /// The checks that it failed, and what they do.
    edits: Vec<SavedEdit>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SavedEdit {
    check: String,
    /// The field of a hash; none for a string.
    field: Option<String>,
    /// The new value; none where the key is deleted.
    new: Option<String>,
}

/// The owner's checks of this instance.
pub(super) fn owners_checks(look: &Look, site: &Site) -> Result<Option<(PathBuf, Checks)>, ActError> {
    let Some(path) = &site.data_checks else { return Ok(None) };
    if look.is_root()
        && let Some(problem) = look.trust(path)?.problem_for_root()
    {
        let hint = format!("chown root {0} && chmod go-w {0}", path.display());
        return Err(ActError::failed(format!("{problem}; as root it is not followed"), hint));
    }
    let text = look.read_text(path, CHECKS)?;
    match checks::load(&text) {
        Ok(checks) => Ok(Some((path.clone(), checks))),
        Err(diags) => {
            let first = diags.first().map(|d| format!("{}:{}: {}", d.line, d.column, d.message)).unwrap_or_default();
            let because = format!("the data checks are not valid: {}:{first}", path.display());
            Err(ActError::failed(because, "redis-dr verify --lint shows every error"))
        }
    }
}

impl Act for DataRepair {
    fn effects(&self, site: &Site) -> Effects {
        let file = site.data_checks.as_ref().map_or("the data checks".into(), |path| path.display().to_string());
        let what = format!("keys that fail a check of {file} with a declared repair, at most {}", self.at_most);
        Effects {
            changes: vec![
                Change { what, kind: ChangeKind::Keys },
                Change { what: site.vault_dir.join(KEYS).display().to_string(), kind: ChangeKind::Create },
            ],
            saves: vec![],
            // told by `before`: which keys there are is known only then
            undo: vec![],
            undo_text: "put every key back by RESTORE, with its time to live; what is there then is saved first".into(),
            class: RepeatClass::Checkable,
            opens: false,
        }
    }

    fn before(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let mut server = hands.connect()?;
        let keys = self.to_repair(hands, &mut server)?;
        let path = save(hands, &mut server, KEYS, keys)?;
        Ok(json!({ "keys": path, "undo": [UndoMove::RestoreKeys { saved: path.clone() }] }))
    }

    fn already_done(&self, hands: &mut Hands<'_>, before: &Value) -> Done {
        match as_saved(hands, before) {
            Ok((0, 0)) => Done::Yes("no key fails a check with a repair".into()),
            Ok((0, _)) => Done::Yes("no key is as it was saved".into()),
            Ok(_) => Done::No,
            Err(e) => Done::CantTell(e.because),
        }
    }

    fn found(&self, hands: &mut Hands<'_>, before: &Value) -> Value {
        let told = as_saved(hands, before).and_then(|(_, all)| {
            let left = self.left(hands)?;
            Ok(json!(DataRepaired { repaired: all, moved: 0, left, keys: saved_in(before).display().to_string() }))
        });
        told.unwrap_or_default()
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let path = hands.vault.dir().join(KEYS);
        let keys = read(hands.look, &path)?;
        let mut server = hands.connect()?;
        let (mut repaired, mut moved) = (0, 0);
        let total = keys.len() as u64;
        for (n, key) in keys.iter().enumerate() {
            if (hands.interrupted)() {
                return Err(ActError::interrupted());
            }
            let done = change(&mut server, key)?;
            *(if done { &mut repaired } else { &mut moved }) += 1;
            (hands.progress)("repair keys", n as u64 + 1, Some(total));
        }
        let left = self.left(hands)?;
        Ok(json!(DataRepaired { repaired, moved, left, keys: path.display().to_string() }))
    }
}

impl DataRepair {
    /// How many keys fail a check with a repair.
    fn left(&self, hands: &mut Hands<'_>) -> Result<u64, ActError> {
        let mut server = hands.connect()?;
        Ok(self.to_repair(hands, &mut server)?.len() as u64)
    }

    /// Keys that fail a check with a repair, once each.
    fn to_repair(&self, hands: &mut Hands<'_>, server: &mut Server) -> Result<Vec<SavedKey>, ActError> {
        let Some((_, checks)) = owners_checks(hands.look, hands.site)? else {
            return Err(ActError::failed(
                "the config names no data checks for this instance",
                "set data_checks in the config; docs/verify.md describes the file",
            ));
        };
        let with_repair = |check: &&checks::Check| check.repair.is_some();
        let only = Checks { checks: checks.checks.iter().filter(with_repair).cloned().collect(), ..checks.clone() };
        let mut found: BTreeMap<(u32, Vec<u8>), Vec<SavedEdit>> = BTreeMap::new();
        let progress = &mut *hands.progress;
        Scan {
            look: hands.look,
            now: hands.look.now(),
            pace: Pace::new(None),
            interrupted: hands.interrupted,
            progress: &mut |done, total| progress("look for keys to repair", done, Some(total)),
            offence: &mut |offence| {
                let delete = offence.check.repair == Some(Repair::Delete);
                // nothing to set: a number to be clamped that is no number, a value of another type
                if !delete && offence.new.is_none() {
                    return;
                }
                let edit = SavedEdit {
                    check: offence.check.id.clone(),
                    field: offence.check.expect.field().map(|field| hex(field.as_bytes())),
                    new: offence.new.as_deref().map(hex),
                };
                found.entry((offence.db, offence.key.to_vec())).or_default().push(edit);
            },
        }
        .carry_out(server, &only)
        .map_err(|e| if e.code() == "interrupted" { ActError::interrupted() } else { e.into() })?;
        if found.len() as u64 > self.at_most {
            let because = format!("{} keys would be repaired, and at most {} may be", found.len(), self.at_most);
            return Err(ActError::failed(
                because,
                "so many point to another cause: redis-dr verify names them, redis-dr points shows what else there is",
            ));
        }
        let unsaved = |((db, key), edits): ((u32, Vec<u8>), Vec<SavedEdit>)| SavedKey {
            db,
            key: hex(&key),
            dump: String::new(),
            expires_at_ms: None,
            edits,
        };
        Ok(found.into_iter().map(unsaved).collect())
    }
}

/// Saves keys by DUMP into a file of the vault, and syncs it. Keys that are gone are left out.
fn save(hands: &mut Hands<'_>, server: &mut Server, name: &str, keys: Vec<SavedKey>) -> Result<PathBuf, ActError> {
    let (path, mut file) = hands.vault.new_file(name)?;
    let unwritten = |e: std::io::Error| {
        ActError::failed(format!("{} can't be written: {e}", path.display()), "free space for the vault (vault_dir)")
    };
    for mut key in keys {
        let names = [bytes(&key.key)];
        let state = server.types_and_expiries(key.db, &names)?.into_iter().next();
        let Some((kind, state)) = state.and_then(|state| Some((state.kind.clone()?, state))) else { continue };
        let weight = server.weights(key.db, &names, &[kind.as_str()])?.into_iter().next().flatten().unwrap_or(0);
        if weight > LARGEST {
            let shown = checks::shown(&bytes(&key.key));
            let because = format!("{shown} takes {weight} bytes, too large to be saved by one DUMP");
            return Err(ActError::failed(because, "repair this key by hand, or take the repair out of its check"));
        }
        let Some(dump) = server.dumps(key.db, &names)?.into_iter().next().flatten() else { continue };
        (key.dump, key.expires_at_ms) = (hex(&dump), state.expires_at_ms);
        let mut line = serde_json::to_vec(&key).unwrap_or_default();
        line.push(b'\n');
        file.write_all(&line).map_err(unwritten)?;
    }
    hands.vault.finish_file(&path, &file)?;
    Ok(path)
}

/// Changes a key if it is as it was saved; false where it is not.
fn change(server: &mut Server, key: &SavedKey) -> Result<bool, ActError> {
    let (name, saved) = (bytes(&key.key), meaning(&bytes(&key.dump)));
    let mut first = true;
    for edit in &key.edits {
        let (field, new) = (edit.field.as_deref().map(bytes), edit.new.as_deref().map(bytes));
        let change = match (&field, &new) {
            (_, None) => Edit::Delete,
            (Some(field), Some(new)) => Edit::SetField(field, new),
            (None, Some(new)) => Edit::Set(new),
        };
        // behind its own first change the key is no longer as it was saved
        let as_saved = |now: Option<&[u8]>| now.is_some_and(|now| !first || meaning(now) == saved);
        if !server.edit(key.db, &name, change, &as_saved)? {
            return Ok(!first);
        }
        first = false;
    }
    Ok(!first)
}

/// Puts keys back as they were saved; what is there now is saved first.
///
/// # Errors
/// The file can't be read; the server does not answer, or takes no writes.
pub fn restore_keys(hands: &mut Hands<'_>, saved: &Path) -> Result<(), ActError> {
    let keys = read(hands.look, saved)?;
    let mut server = hands.connect()?;
    save(hands, &mut server, KEYS_AFTER, keys.clone())?;
    for key in &keys {
        let (name, dump) = (bytes(&key.key), bytes(&key.dump));
        let was = meaning(&dump);
        // one that is as it was needs nothing
        let other = |now: Option<&[u8]>| now.is_none_or(|now| meaning(now) != was);
        server.put_back(key.db, &name, &dump, key.expires_at_ms, &other)?;
    }
    Ok(())
}

/// Of the keys that were saved, how many are as they were, and how many there are.
fn as_saved(hands: &mut Hands<'_>, before: &Value) -> Result<(u64, u64), ActError> {
    let mut server = hands.connect()?;
    let keys = read(hands.look, &saved_in(before))?;
    let mut same = 0;
    for key in &keys {
        let now = server.dumps(key.db, &[bytes(&key.key)])?.into_iter().next().flatten();
        same += u64::from(now.is_some_and(|now| meaning(&now) == meaning(&bytes(&key.dump))));
    }
    Ok((same, keys.len() as u64))
}

fn saved_in(before: &Value) -> PathBuf {
    PathBuf::from(before["keys"].as_str().unwrap_or_default())
}

fn read(look: &Look, path: &Path) -> Result<Vec<SavedKey>, ActError> {
    let text = look.read_text(path, FILE)?;
    let lines = text.lines().map(serde_json::from_str::<SavedKey>);
    lines.collect::<Result<_, _>>().map_err(|e| {
        ActError::failed(format!("{} is not a file of saved keys: {e}", path.display()), "redis-dr vault list")
    })
}

fn meaning(payload: &[u8]) -> Option<rdb::Meaning> {
    rdb::of_dump(payload).ok().map(|(_, meaning)| meaning)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2).filter_map(|two| std::str::from_utf8(two).ok());
    digits.filter_map(|two| u8::from_str_radix(two, 16).ok()).collect()
}
