//! A second look at what changes while a run goes on: fast enough for a gate that polls.
use super::assessor::Assessor;
use super::{answer, machine};
use crate::facts::{Facts, PersistenceFacts, ServerFacts};
use crate::server::Endpoint;
use std::path::Path;

impl Assessor<'_> {
    /// Takes these groups of facts anew: `server` (with `persistence`), `process`, `port`, `config`, `disk`, `memory`.
    /// `endpoint` is the one that worked in the assessment. Other groups, and unknown names, stay as they are.
    pub fn refresh(&self, facts: &mut Facts, groups: &[&str], endpoint: &Endpoint) {
        let wants = |name: &str| groups.contains(&name);
        if wants("process") || wants("port") || wants("config") {
            // Whose process it is, and what a start would load, hang together with all of it.
            let base = self.base();
            facts.process = crate::facts::ProcessFacts {
                stopped_on_purpose: facts.process.stopped_on_purpose,
                down_since: facts.process.down_since,
                down_exactly: facts.process.down_exactly,
                restart_loop: facts.process.restart_loop,
                oom_killed: facts.process.oom_killed,
                ..base.facts.process
            };
            facts.port = base.facts.port;
            facts.config = crate::facts::ConfigFacts {
                start_loads: facts.config.start_loads,
                start_because: facts.config.start_because.take(),
                trap: facts.config.trap,
                ..base.facts.config
            };
            if let Some(paths) = super::stored::Paths::of(&facts.config) {
                let survey = super::stored::survey(&self.look, &paths);
                let starts = crate::points::would_load(&paths.settings, &survey.files);
                facts.config.start_loads = Some(starts.loads);
                facts.config.start_because = Some(starts.because);
                facts.config.trap = Some(starts.trap);
            }
        }
        if wants("server") || wants("persistence") {
            let before = std::mem::take(&mut facts.server);
            facts.persistence = PersistenceFacts::default();
            facts.server = ServerFacts {
                data_empty: before.data_empty,
                config_drift: before.config_drift,
                ..ServerFacts::default()
            };
            facts.unknown.retain(|name, _| !name.starts_with("server."));
            let answer = answer::ask(endpoint, true);
            answer.fill(&mut facts.server, &mut facts.persistence, &mut facts.unknown);
            facts.server.fenced = facts.server.fenced.or(facts.config.fenced);
            facts.server.flavour = facts.server.flavour.or(before.flavour);
            facts.server.version = facts.server.version.take().or(before.version);
            facts.server.major = facts.server.major.or(before.major);
        }
        if wants("disk")
            && let Some(dir) = &facts.config.data_dir
        {
            facts.disk = machine::disk(&self.look, Path::new(dir)).0;
        }
        if wants("memory") {
            facts.memory = machine::memory(&self.look, facts.process.pid.and_then(|p| i32::try_from(p).ok()));
        }
    }
}
