//! Snapshots among the safety copies of earlier runs and holds: the last thing to fall back on.
use super::World;
use crate::journal;
use crate::state::State;
use crate::vault::{self, How, Save};
use std::path::PathBuf;

/// A snapshot without a key takes about a hundred bytes: what is not larger than this brings nothing back.
pub(super) const NOTHING: u64 = 256;

/// A snapshot in the vault of an earlier run or hold on the same instance.
pub(super) struct Kept {
    /// The run, or hold.
    pub run: String,
    /// The path as it was before it.
    pub path: PathBuf,
}

/// The newest that holds anything.
pub(super) fn newest(world: &World<'_>) -> Option<Kept> {
    let of = |state: &State| {
        let ids = state.run_ids().unwrap_or_default();
        ids.into_iter().find_map(|id| Some((id.clone(), in_vault(world, state, &id)?))).into_iter().collect::<Vec<_>>()
    };
    let (runs, holds) = (of(world.state), of(&world.state.holds()));
    // ids begin with their moment
    runs.into_iter().chain(holds).max().map(|(run, path)| Kept { run, path })
}

fn in_vault(world: &World<'_>, state: &State, id: &str) -> Option<PathBuf> {
    let look = *world.look;
    let header = journal::read(look, &state.journal_path(id)).ok()?.header;
    if header.instance != world.name() {
        return None;
    }
    let (saves, _) = vault::list(look, &header.vault).ok()?;
    let snapshot = |copy: &std::path::Path| {
        let magic = look.read_at(copy, 0, 6).unwrap_or_default();
        magic.starts_with(b"REDIS") || magic.starts_with(b"VALKEY")
    };
    // What was saved first is what was there before the run; behind a mark a file grows on.
    let files = saves.iter().flat_map(Save::files).filter(|s| s.bytes() > NOTHING && s.how() != How::Tail);
    let mut with_bytes = files.filter(|s| s.copy().is_some_and(snapshot));
    with_bytes.next().map(|s| s.path().to_path_buf())
}

impl Kept {
    /// One line to paste: it is copied out and recovered from.
    pub(super) fn commands(&self, world: &World<'_>) -> String {
        const FILE: &str = "from-vault.rdb";
        let path = self.path.display().to_string().replace('\'', r"'\''");
        let restore = world.command(&format!("vault restore {} '{path}' -o {FILE}", self.run));
        let recover = world.command(&format!("recover {} --point-file {FILE}", world.name()));
        format!("{restore} && {recover}")
    }
}
