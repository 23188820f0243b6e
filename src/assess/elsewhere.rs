//! A server that is down and would come up empty: does its data lie in another directory than the configured one?
use super::assessor::Assessor;
use super::base::Base;
use super::settings::same_path;
use super::stored::{Paths, survey};
use super::{Earlier, printable};
use crate::facts::{ConfigFacts, ProcessState, WouldLoad};
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
