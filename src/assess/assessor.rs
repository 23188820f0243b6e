//! The assessment as a story: who answers, whose process, which configuration, what is stored, what is wrong.
use super::{Earlier, Seen, Target, clock, down, findings, walks};
use crate::facts::{Assessment, Facts, Seconds, Time};
use crate::finding::Severity;
use crate::host::Look;
use crate::points::{self, Prefer, Rates};
use crate::redis_conf::Effective;
use crate::state::State;
use std::path::PathBuf;

/// How deep to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// Files are never walked.
    Quick,
    /// Files are walked while the server does not answer, or something major is wrong.
    #[default]
    Usual,
    /// Files are walked.
    Full,
}

/// What is asked of an assessment.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// How deep to look.
    pub depth: Depth,
    /// Files in hand that become points.
    pub point_files: Vec<PathBuf>,
    /// How points are ranked.
    pub prefer: Prefer,
    /// The data was good until then.
    pub incident_at: Option<Time>,
    /// A moment that the AOF is to be cut at, as its point is named: `time:SECONDS`, `tag:NAME` or `offset:BYTES`.
    pub moment: Option<String>,
    /// How long the caller has watched it wait without any progress.
    pub unchanged_for: Seconds,
}

/// Tells of earlier runs on an instance; the journals are read by whoever knows them.
pub type Runs<'a> = dyn Fn(&str) -> Earlier + Sync + 'a;

/// Looks at one instance. Changes nothing.
pub struct Assessor<'a> {
    pub(super) look: Look,
    pub(super) target: Target,
    pub(super) state: &'a State,
    pub(super) runs: Option<&'a Runs<'a>>,
}

/// An assessment with what it was made from.
#[derive(Debug)]
pub struct Assessed {
    /// The document, without a decision.
    pub document: Assessment,
    /// The configuration as it was read.
    pub effective: Effective,
    /// Observations beside the facts.
    pub seen: Seen,
    /// The credentials that worked, or were tried.
    pub endpoint: crate::server::Endpoint,
}

impl<'a> Assessor<'a> {
    /// Looks at `target`; verdicts and pauses are kept in `state`.
    #[must_use]
    pub fn new(look: Look, target: Target, state: &'a State) -> Self {
        Self { look, target, state, runs: None }
    }

    /// Lets somebody tell of earlier runs.
    #[must_use]
    pub fn with_runs(mut self, runs: &'a Runs<'a>) -> Self {
        self.runs = Some(runs);
        self
    }

    /// The instance that is looked at.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Everything about the instance at this moment. Never fails: what can't be observed is unknown and says why.
    #[must_use]
    pub fn assess(&self, wanted: &Wanted) -> Assessed {
        let began = self.look.monotonic();
        let now = Time(self.look.now());
        let mut base = self.base();
        base.facts.server.unchanged_for = wanted.unchanged_for;
        let earlier = self.runs.map(|runs| runs(&self.target.name)).unwrap_or_default();
        self.around(&mut base, &earlier);
        let stored = walks::walk(self, &mut base, wanted, &earlier, now);
        down::since(&self.look, &mut base, &stored, &earlier, now);
        clock::judge(&mut base, &stored, now);
        base.facts.points = points::summary(&stored);
        let mut found = findings::derive(&base.facts, &stored, &base.seen);
        for finding in &mut found {
            finding.evidence.iter_mut().for_each(|line| *line = printable(line));
        }
        base.facts.findings = findings::summary(&found);
        let severity = found.iter().map(|f| f.severity).max().unwrap_or(Severity::Healthy);
        let document = Assessment {
            schema: "redis-dr/assessment/1".into(),
            instance: self.target.name.clone(),
            host: base.facts.instance.host.clone(),
            taken_at: now,
            duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            severity,
            findings: found,
            facts: base.facts,
            points: stored,
            decision: None,
        };
        Assessed { document, effective: base.effective, seen: base.seen, endpoint: base.endpoint }
    }

    pub(super) fn instance(&self, facts: &mut Facts) {
        let target = &self.target;
        let instance = &mut facts.instance;
        instance.name.clone_from(&target.name);
        instance.address = target.endpoint.to_string();
        instance.host = self.look.hostname();
        instance.role = target.role;
        instance.topology = target.topology;
        instance.service = target.service;
        instance.service_name.clone_from(&target.unit);
        instance.user.clone_from(&target.run_as);
        instance.files_visible = Some(target.local);
        instance.rto = target.rto;
        instance.rpo = target.rpo;
        match self.state.pause(&target.name, self.look.now()) {
            Ok(pause) => {
                instance.paused = Some(pause.is_some());
                instance.paused_until = pause.as_ref().and_then(|p| p.until).map(Time);
                instance.paused_by = pause.map(|p| p.by);
            }
            Err(error) => {
                // A mark that can't be read still is one: somebody set it.
                instance.paused = Some(true);
                facts.unknown.insert("instance.paused".into(), error.to_string());
            }
        }
    }

    /// Throughputs of this host.
    #[must_use]
    pub fn rates(&self) -> Rates {
        let measured = self.state.rates().0;
        let of = |name: &str, usual: f64| measured.get(name).copied().filter(|r| *r > 0.0).unwrap_or(usual);
        let usual = Rates::default();
        Rates {
            rdb_load: of("load_rdb", usual.rdb_load),
            aof_load: of("load_aof", usual.aof_load),
            rewrite: of("rewrite", usual.rewrite),
            copy: of("copy", usual.copy),
            measured: measured.contains_key("load_rdb"),
        }
    }
}

/// Without control characters, and not longer than a few lines.
pub(super) fn printable(text: &str) -> String {
    text.chars().take(600).flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}
