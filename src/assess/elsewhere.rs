//! Data that is not where the configuration says: in another directory, or only in the hands of the server.
use super::assessor::Assessor;
use super::base::Base;
use super::settings::same_path;
use super::stored::{Paths, survey};
use super::{Earlier, printable};
use crate::facts::{Bytes, ConfigFacts, ProcessState, WouldLoad};
use crate::points::AofNames;
use std::path::Path;

/// Looks where its data was seen before, and where it would lie had it been started beside its configuration. Only names
/// are looked at.
pub fn look_for(assessor: &Assessor<'_>, base: &mut Base, earlier: &Earlier) {
    let config = &base.facts.config;
    let down = base.facts.process.state == Some(ProcessState::Down);
    let Some(configured) = config.data_dir.clone().filter(|_| down && config.start_loads == Some(WouldLoad::Nothing))
    else {
        return;
    };
    let guarded = assessor.state.data_seen(&assessor.target.name).map(|seen| seen.dir.to_string_lossy().into_owned());
    let of_runs = earlier.windows.iter().filter_map(|w| w.before.as_ref()?.data_dir.clone());
    let beside =
        config.file.as_ref().and_then(|file| Path::new(file).parent()).map(|d| d.to_string_lossy().into_owned());
    let known = guarded.into_iter().chain(of_runs).chain(beside);
    base.seen.other_dir = known
        .filter(|dir| !same_path(&assessor.look, dir, &configured))
        .find(|dir| holds_data(assessor, config, dir))
        .map(|dir| printable(&dir));
}

/// Are there files in `dir` that a start there would load?
fn holds_data(assessor: &Assessor<'_>, config: &ConfigFacts, dir: &str) -> bool {
    let there = ConfigFacts { data_dir: Some(dir.to_string()), ..config.clone() };
    Paths::of(&there).is_some_and(|paths| {
        let files = survey(&assessor.look, &paths).files;
        let aof =
            !matches!(files.aof(&paths.settings), AofNames::Missing | AofNames::Single(0) | AofNames::Listed(_, 0));
        aof || files.rdb.is_some_and(|bytes| bytes > 0)
    })
}

/// Data files that the running server still writes although their names are gone.
pub(super) fn held_open(assessor: &Assessor<'_>, base: &mut Base, paths: &Paths) {
    let running = base.facts.process.pid.and_then(|pid| i32::try_from(pid).ok());
    let Some(pid) = running.filter(|_| base.facts.config.appendonly == Some(true)) else { return };
    let real = |path: &Path| assessor.look.real_path(path).unwrap_or_else(|_| path.to_path_buf());
    let (dir, aof) = (real(&paths.dir), real(&paths.aof));
    let own = |was: &Path| was == dir.join(&paths.settings.appendfilename) || (was.starts_with(&aof) && was != aof);
    let held = assessor.look.deleted_files(pid).into_iter().filter(|file| own(&file.was));
    let said = held.map(|file| {
        format!("{} was deleted; {} of it are open as {}", file.was.display(), Bytes(file.size), file.at.display())
    });
    base.facts.files.held_open = said.map(|line| printable(&line)).collect();
}
