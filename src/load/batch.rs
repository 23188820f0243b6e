//! What goes into one transaction: the items that may be loaded, and the mark that says so.
use super::item::{Fault, Faults, Item};
use super::mark::{self, Tally};
use super::{Existing, LoadError};
use crate::server::{Server, ServerError, Together, Words};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How often a transaction is tried whose keys others write meanwhile.
const TRIES: u32 = 100;

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// As the tally stands after it.
    pub tally: Tally,
    /// What the server did not take.
    pub faults: Faults,
}

/// Why a batch was not sent, or nobody knows whether it was.
pub(super) enum NotSent {
    /// The load can't go on.
    Stop(LoadError),
    /// The connection failed: with the tally that its mark would have, to find out.
    InDoubt(ServerError, Box<Tally>),
}

impl From<ServerError> for NotSent {
    fn from(e: ServerError) -> Self {
        NotSent::Stop(e.into())
    }
}

/// Sends items in one transaction with the mark that `tally` gives once they are in.
pub(super) fn send(
    server: &mut Server,
    name: &str,
    mut items: Vec<Item>,
    tally: &Tally,
    existing: Existing,
) -> Result<Sent, NotSent> {
    let mut faults = Faults::default();
    let mut tries = 0;
    loop {
        let chosen = choose(server, &items, existing)?;
        let after = Tally {
            loaded: tally.loaded + chosen.loaded,
            kept: tally.kept + chosen.kept,
            replaced: tally.replaced + chosen.replaced,
            errors: tally.errors + faults.count,
            ..tally.clone()
        };
        let (commands, of) = transaction(name, &after, &items, &chosen);
        match server.together(&commands) {
            Err(e) if !e.answered() => return Err(NotSent::InDoubt(e, Box::new(after))),
            Err(e) => return Err(e.into()),
            Ok(Together::Moved) if tries < TRIES => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(u64::from(tries)));
            }
            Ok(Together::Moved) => {
                let line = items.first().map_or(0, |item| item.line);
                let because = format!("keys from line {line} on are written by others all the time");
                return Err(NotSent::Stop(LoadError::new(because, "stop what writes them, then redis-dr runs resume")));
            }
            Ok(Together::Refused(refused)) => items = without(items, refused, &of, &mut faults)?,
            Ok(Together::Done(answers)) => {
                let errors = answers.into_iter().enumerate().filter_map(|(at, e)| Some((at, e?)));
                let failed = note(errors, &of, &items, &mut faults)?;
                return settled(server, name, after, failed.len() as u64, faults);
            }
        }
    }
}

/// What is to be done with each item.
#[derive(Default)]
struct Chosen {
    /// Those that stay out: their keys are there.
    out: BTreeSet<usize>,
    /// Those whose keys are removed first.
    remove: BTreeSet<usize>,
    loaded: u64,
    kept: u64,
    replaced: u64,
}

/// Looks which keys are there, and watches them until the transaction.
fn choose(server: &mut Server, items: &[Item], existing: Existing) -> Result<Chosen, NotSent> {
    let mut by_db: BTreeMap<u32, Vec<(usize, &[u8])>> = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        if let Some(key) = &item.key {
            by_db.entry(item.db).or_default().push((at, key));
        }
    }
    let mut there = BTreeSet::new();
    for (db, keys) in &by_db {
        let mut seen = BTreeSet::new();
        let names: Vec<&[u8]> = keys.iter().map(|(_, key)| *key).collect();
        let found = server.watch(*db, &names)?;
        for ((at, key), found) in keys.iter().zip(found) {
            // a key that comes twice is there the second time
            if found || !seen.insert(*key) {
                there.insert(*at);
            }
        }
    }
    let mut chosen = Chosen::default();
    for (at, item) in items.iter().enumerate() {
        match (there.contains(&at), existing) {
            (true, Existing::Keep) => {
                chosen.out.insert(at);
                chosen.kept += 1;
            }
            (true, Existing::Fail) => {
                let key = item.key.as_deref().unwrap_or_default().escape_ascii().to_string();
                let because =
                    format!("line {}: the key {} is there already", item.line, key.get(..200).unwrap_or(&key));
                let hint = "say what becomes of it, and begin anew: --param existing=keep or existing=replace";
                return Err(NotSent::Stop(LoadError::new(because, hint)));
            }
            (true, Existing::Replace) => {
                chosen.remove.insert(at);
                chosen.replaced += 1;
                chosen.loaded += 1;
            }
            (false, _) => chosen.loaded += 1,
        }
    }
    Ok(chosen)
}

/// The commands, and of which item each is.
fn transaction(name: &str, tally: &Tally, items: &[Item], chosen: &Chosen) -> (Vec<Words>, Vec<Option<usize>>) {
    let mut commands = mark::written(name, tally);
    let mut of = vec![None; commands.len()];
    let mut db = 0;
    for (at, item) in items.iter().enumerate().filter(|(at, _)| !chosen.out.contains(at)) {
        if item.db != db {
            commands.push(vec![b"SELECT".to_vec(), item.db.to_string().into_bytes()]);
            of.push(Some(at));
        }
        if let Some(key) = item.key.as_ref().filter(|_| chosen.remove.contains(&at)) {
            commands.push(vec![b"DEL".to_vec(), key.clone()]);
            of.push(Some(at));
        }
        commands.extend(item.commands.iter().cloned());
        of.resize(commands.len(), Some(at));
        db = item.then;
    }
    (commands, of)
}

/// Of which items these errors are; an error that is not about an item stops the load.
fn note(
    errors: impl IntoIterator<Item = (usize, ServerError)>,
    of: &[Option<usize>],
    items: &[Item],
    faults: &mut Faults,
) -> Result<BTreeSet<usize>, NotSent> {
    let mut failed = BTreeSet::new();
    for (at, error) in errors {
        let about = of.get(at).copied().flatten().filter(|_| matches!(error, ServerError::Answer { .. }));
        let Some(item) = about else {
            return Err(error.into());
        };
        if failed.insert(item) {
            let line = items.get(item).map_or(0, |item| item.line);
            faults.add(Fault { line, because: error.to_string() });
        }
    }
    Ok(failed)
}

/// The items that are left when those that the server did not take are taken out.
fn without(
    items: Vec<Item>,
    refused: Vec<(usize, ServerError)>,
    of: &[Option<usize>],
    faults: &mut Faults,
) -> Result<Vec<Item>, NotSent> {
    let failed = note(refused, of, &items, faults)?;
    Ok(items.into_iter().enumerate().filter(|(at, _)| !failed.contains(at)).map(|(_, item)| item).collect())
}

/// What the server took at first and then could not do is counted among the errors, also in the mark.
fn settled(server: &mut Server, name: &str, mut tally: Tally, failed: u64, faults: Faults) -> Result<Sent, NotSent> {
    if failed > 0 {
        tally.loaded = tally.loaded.saturating_sub(failed);
        tally.errors += failed;
        server.together(&mark::written(name, &tally))?;
    }
    Ok(Sent { tally, faults })
}
