//! The assessment as a story: who answers, whose process, which configuration, what is stored, what is wrong.
use super::answer::{self, Answer};
use super::identity::{self, Whose};
use super::{Seen, Target, binary, clock, findings, log, settings, walks};
use crate::config::Secret;
use crate::facts::{Assessment, ConfigFacts, Facts, RunFacts, Seconds, ServiceKind, Time};
use crate::finding::Severity;
use crate::host::Look;
use crate::points::{self, Prefer, Rates};
use crate::rdb::ServerVersion;
use crate::redis_conf::{Effective, Start};
use crate::service::{self, SystemdUnit, UnitState};
use crate::state::State;
use std::path::{Path, PathBuf};

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
    /// How long the caller has watched it wait without any progress.
    pub unchanged_for: Seconds,
}

/// Tells of earlier runs on an instance; the journals are read by whoever knows them.
pub type Runs<'a> = dyn Fn(&str) -> RunFacts + Sync + 'a;

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

/// What one look at process, port, server and configuration gave.
pub(super) struct Base {
    pub facts: Facts,
    pub seen: Seen,
    pub effective: Effective,
    pub version: Option<ServerVersion>,
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
        self.around(&mut base, now);
        let stored = walks::walk(self, &mut base, wanted, now);
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

    /// Process, port, server and configuration.
    pub(super) fn base(&self) -> Base {
        let target = &self.target;
        let mut facts = Facts::default();
        self.instance(&mut facts);
        let mut endpoint = target.endpoint.clone();
        let (mut whose, mut answer) = std::thread::scope(|scope| {
            let table = target.local.then(|| scope.spawn(|| identity::table(&self.look, &endpoint.address)));
            let answer = answer::ask(&endpoint, true);
            (table.and_then(|t| t.join().ok()), answer)
        });
        let mut file = self.config_file(whose.as_ref(), &answer);
        let unit = self.unit_state(whose.as_ref(), file.as_deref());
        let command = unit.as_ref().map(|(_, state)| state.exec_start.clone()).filter(|argv| argv.len() > 1);
        if file.is_none() {
            // The unit's start command names the file of a server that is down.
            let named = command.as_ref().and_then(|argv| argv.get(1)).filter(|word| word.starts_with('/'));
            file = named.map(PathBuf::from);
        }
        let mut working_dir = self.working_dir(file.as_deref());
        if let Some(dir) = unit.as_ref().and_then(|(_, state)| state.working_dir.clone()) {
            working_dir = dir;
        }
        let mut start = file.as_ref().map(Start::with_file).unwrap_or_default();
        start.cwd.clone_from(&working_dir);
        let by_unit = command.filter(|argv| match (argv.get(1), file.as_deref()) {
            (Some(first), None) => first.starts_with('-'),
            (first, file) => first.map(Path::new) == file,
        });
        let argv = whose.as_ref().and_then(|w| w.arguments(file.as_deref())).or(by_unit);
        let configured = file.is_some() || argv.is_some();
        if let Some(argv) = argv {
            start = Start::from_argv(&argv, working_dir);
        }
        let running = answer.info.as_ref().and_then(|i| binary::of_server(i.flavour(), i.version()));
        // The program of another host is not to be found on this one.
        let program = target
            .local
            .then(|| binary::find(&self.look, target.bin_dir.as_deref(), whose.as_ref().and_then(Whose::program)))
            .flatten();
        let version = running.or_else(|| program.as_ref().and_then(|p| binary::version(&self.look, p)));
        let conf_version = version.as_ref().map(binary::for_conf);
        let mut effective = settings::load(&self.look, &start, conf_version);
        let works_in = whose.as_ref().and_then(Whose::works_in);
        let elsewhere = settings::started_elsewhere(&self.look, &start, &effective, works_in.as_deref());
        if let Some(cwd) = elsewhere.as_ref().filter(|_| target.local) {
            start.cwd.clone_from(cwd);
            effective = settings::load(&self.look, &start, conf_version);
        }
        // The password of the file opens the door where nobody gave another.
        if !target.auth_fixed
            && endpoint.password.is_none()
            && matches!(
                answer.error.as_ref().or(answer.ping.as_ref().and_then(|p| p.as_ref().err())),
                Some(crate::server::ServerError::AuthFailed { .. })
            )
            && let Some(password) = effective.requirepass().and_then(|p| Secret::from_file_bytes(p.expose()))
        {
            endpoint.password = Some(password);
            answer = answer::ask(&endpoint, true);
        }
        answer.fill(&mut facts.server, &mut facts.persistence, &mut facts.unknown);
        let port = match &endpoint.address {
            crate::config::Address::Tcp { port, .. } => *port,
            crate::config::Address::Unix(_) => 0,
        };
        let tls_port = target.local && port != 0 && effective.tls_port() == port;
        facts.server.tls_failed = Some(answer.tls_failed(endpoint.tls.is_some(), tls_port));
        if facts.server.version.is_none()
            && let Some(version) = &version
        {
            let (flavour, text, major) = binary::as_facts(version);
            facts.server.flavour = Some(flavour);
            facts.server.version = Some(text);
            facts.server.major = Some(major);
        }
        if version.is_none() {
            facts.unknown.insert("server.version".into(), "no server program was found; set bin_dir".into());
        }
        facts.config = if !target.local {
            facts.unknown.insert("config.state".into(), "its files are on another host".into());
            ConfigFacts::default()
        } else if configured {
            self.configuration(&effective, file.as_deref(), version.as_ref(), &mut facts)
        } else {
            settings::without_file(&effective, &answer, version.as_ref().map(binary::for_conf), &mut facts)
        };
        facts.process.binary = program.map(|p| p.to_string_lossy().into_owned());
        let mut seen = Seen { appendfsync: Some(effective.appendfsync().to_string()), ..Seen::default() };
        seen.timestamps = effective.flag("aof-timestamp-enabled");
        seen.started_in = elsewhere;
        if let Some(whose) = &mut whose {
            whose.judge(&self.look, &facts.config, &answer, &mut seen);
            whose.fill(&self.look, target, &mut facts);
        } else {
            facts.port.listening =
                Some(answer.ping.is_some() || answer.error.as_ref().is_some_and(crate::server::ServerError::answered));
            facts.unknown.insert("process.state".into(), "its host is another one".into());
            // Whatever speaks as a server there is what was asked for.
            facts.port.held_by_other = answer.is_redis().map(|redis| !redis);
        }
        if facts.port.held_by_other == Some(true) {
            identity::forget_stranger(&mut facts, &mut seen);
            answer = Answer::default();
        }
        self.live(&mut facts, &mut seen, &effective, &answer);
        if facts.server.fenced.is_none() {
            // Our fence is set in the file before a start: where the server can't be asked, the file tells.
            facts.server.fenced = facts.config.fenced;
        }
        if let Some(unit) = &unit {
            self.unit(unit, &mut facts, &mut seen);
        }
        Base { facts, seen, effective, version, endpoint }
    }

    /// The configuration of files or a command line, unless we may not read it.
    fn configuration(
        &self,
        effective: &Effective,
        file: Option<&Path>,
        version: Option<&ServerVersion>,
        facts: &mut Facts,
    ) -> ConfigFacts {
        let Some(because) = file.and_then(|f| settings::may_not_read(&self.look, f)) else {
            return settings::facts(effective, file, facts.server.major, version.map(binary::for_conf));
        };
        facts.unknown.insert("config.state".into(), because);
        ConfigFacts { file: file.map(|f| f.to_string_lossy().into_owned()), ..ConfigFacts::default() }
    }

    fn instance(&self, facts: &mut Facts) {
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

    /// The configured file, else the one of the command line, else what the server says, else one that fits.
    fn config_file(&self, whose: Option<&Whose>, answer: &Answer) -> Option<PathBuf> {
        if self.target.config_file.is_some() || !self.target.local {
            return self.target.config_file.clone();
        }
        let told = answer.info.as_ref().and_then(|i| i.get("config_file"));
        let likely = match told {
            Some("") => None,
            told => told.map(PathBuf::from).or_else(|| self.target.likely_config.clone()),
        };
        whose.and_then(Whose::config_file).or(likely)
    }

    /// Where a start happens: systemd starts in `/`, we start a process beside its configuration.
    fn working_dir(&self, file: Option<&Path>) -> PathBuf {
        match (self.target.service, file.and_then(Path::parent)) {
            (ServiceKind::Systemd, _) | (_, None) => PathBuf::from("/"),
            (_, Some(dir)) => dir.to_path_buf(),
        }
    }

    /// What systemd says of the unit: the configured one, that of the process, or one whose command names the file.
    fn unit_state(&self, whose: Option<&Whose>, file: Option<&Path>) -> Option<(String, UnitState)> {
        if !self.target.local || matches!(self.target.service, ServiceKind::Process | ServiceKind::Command) {
            return None;
        }
        let booted = self.look.exists(Path::new("/run/systemd/system"));
        let name = self.target.unit.clone().or_else(|| whose?.unit(&self.look)).or_else(|| {
            let file = file.filter(|_| booted && whose.is_some_and(Whose::is_down))?;
            service::find_unit(&self.look, file)
        })?;
        let state = SystemdUnit::new(&name).state(&self.look).ok()?;
        Some((name, state))
    }

    /// Puts what systemd says into facts.
    fn unit(&self, (name, state): &(String, UnitState), facts: &mut Facts, seen: &mut Seen) {
        facts.instance.service = ServiceKind::Systemd;
        facts.instance.service_name = Some(name.clone());
        facts.process.supervisor = None;
        facts.process.supervisor_unknown = Some(false);
        if facts.instance.user.is_none() {
            facts.instance.user = Some(state.user.clone().unwrap_or_else(|| "root".into()));
        }
        let serves = facts.server.answers == Some(true);
        let ended_by = if serves { String::new() } else { SystemdUnit::new(name).ended_by(&self.look, state) };
        facts.process.restart_loop = Some(state.restart_loop() && !serves);
        facts.process.oom_killed = Some(ended_by == "oom-kill");
        facts.process.stopped_on_purpose = state.stopped_by_hand;
        if facts.process.restart_loop == Some(true) {
            seen.restarts =
                Some(format!("{name}: {} restarts, {} (it ended by {ended_by})", state.restarts, state.sub_state));
        }
        if ended_by == "timeout" {
            seen.start_timeout = state.timeout_start;
        }
    }

    /// What only the running server tells: settings that differ, another directory, memory.
    fn live(&self, facts: &mut Facts, seen: &mut Seen, effective: &Effective, answer: &Answer) {
        let Some(info) = &answer.info else { return };
        seen.used_memory = info.number("used_memory");
        let refuses = info.get("maxmemory_policy") == Some("noeviction");
        seen.max_memory = info.number("maxmemory").filter(|max| *max > 0 && refuses);
        seen.child_running =
            ["rdb_bgsave_in_progress", "aof_rewrite_in_progress"].iter().any(|n| info.flag(n) == Some(true));
        answer.replication(facts.server.role, &mut facts.replication);
        seen.cluster.clone_from(&answer.cluster);
        seen.clock_ahead = clock::ahead(answer, Time(self.look.now()));
        if let Some(live) = &answer.settings
            && let (Some(dir), Some(name)) = (live.get("dir"), live.get("dbfilename"))
            && log::planted(dir, name)
        {
            seen.break_in.push(format!("the running server saves to {name} in {dir}"));
        }
        if facts.config.state == Some(crate::facts::ConfigState::Missing) || facts.config.state.is_none() {
            settings::of_the_running(&mut facts.config, answer);
            return;
        }
        facts.server.config_drift = settings::drift(&self.look, effective, answer);
        let dir = answer.settings.as_ref().and_then(|s| s.get("dir"));
        if let (Some(live), Some(configured)) = (dir, facts.config.data_dir.as_ref())
            && !settings::same_path(&self.look, live, configured)
        {
            seen.other_dir = Some(printable(live));
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
