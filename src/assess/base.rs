//! What one look at process, port, server and configuration gives.
use super::answer::{self, Answer};
use super::assessor::{Assessor, printable};
use super::identity::{self, Whose};
use super::{Seen, binary, clock, log, settings};
use crate::config::{Address, Secret};
use crate::facts::{ConfigFacts, Facts, ServiceKind, Time};
use crate::rdb::ServerVersion;
use crate::redis_conf::{Effective, Start};
use crate::server::{Endpoint, ServerError};
use crate::service::UnitState;
use std::path::{Path, PathBuf};

/// Process, port, server and configuration, as facts and as what later probes need of them.
pub(super) struct Base {
    pub facts: Facts,
    pub seen: Seen,
    pub effective: Effective,
    pub version: Option<ServerVersion>,
    pub endpoint: Endpoint,
    /// The unit it is a service of, by name.
    pub unit: Option<(String, UnitState)>,
}

/// How a start would come about, and what it would read.
struct Starting {
    /// The configuration file, where there is one.
    file: Option<PathBuf>,
    /// Is there a file, or a command line that says it all?
    configured: bool,
    /// What it would read.
    effective: Effective,
    /// The directory it is started in, where that is another one than expected.
    elsewhere: Option<PathBuf>,
}

/// The program that would be started.
struct Program {
    path: Option<PathBuf>,
    version: Option<ServerVersion>,
}

impl Assessor<'_> {
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
        let file = self.config_file(whose.as_ref(), &answer);
        let unit = self.unit_state(whose.as_ref(), file.as_deref());
        let program = self.program(whose.as_ref(), &answer);
        let starting = self.starting(file, whose.as_ref(), unit.as_ref().map(|(_, state)| state), &program);
        self.let_in(&starting.effective, &mut endpoint, &mut answer);
        answer.fill(&mut facts.server, &mut facts.persistence, &mut facts.unknown);
        facts.server.tls_failed = Some(self.tls_failed(&endpoint, &starting.effective, &answer));
        program.fill(&mut facts);
        facts.config = self.config(&starting, &answer, &program, &mut facts);
        let Starting { effective, elsewhere, .. } = starting;
        let mut seen = Seen { appendfsync: Some(effective.appendfsync().to_string()), ..Seen::default() };
        seen.timestamps = effective.flag("aof-timestamp-enabled");
        seen.started_in = elsewhere;
        self.whose(whose.as_mut(), &answer, &mut facts, &mut seen);
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
        Base { facts, seen, effective, version: program.version, endpoint, unit }
    }

    /// The program of the running server, else the one that is installed.
    fn program(&self, whose: Option<&Whose>, answer: &Answer) -> Program {
        let running = answer.info.as_ref().and_then(|i| binary::of_server(i.flavour(), i.version()));
        // The program of another host is not to be found on this one.
        let find = || binary::find(&self.look, self.target.bin_dir.as_deref(), whose.and_then(Whose::program));
        let path = self.target.local.then(find).flatten();
        let version = running.or_else(|| path.as_ref().and_then(|p| binary::version(&self.look, p)));
        Program { path, version }
    }

    /// Reads the configuration as a start would: by the command line of the process, of the unit, or the file alone.
    fn starting(
        &self,
        mut file: Option<PathBuf>,
        whose: Option<&Whose>,
        unit: Option<&UnitState>,
        program: &Program,
    ) -> Starting {
        let command = unit.map(|state| state.exec_start.clone()).filter(|argv| argv.len() > 1);
        if file.is_none() {
            // The unit's start command names the file of a server that is down.
            let named = command.as_ref().and_then(|argv| argv.get(1)).filter(|word| word.starts_with('/'));
            file = named.map(PathBuf::from);
        }
        let by_unit = unit.and_then(|state| state.working_dir.clone());
        let working_dir = by_unit.unwrap_or_else(|| self.working_dir(file.as_deref()));
        let mut start = file.as_ref().map(Start::with_file).unwrap_or_default();
        start.cwd.clone_from(&working_dir);
        let of_unit = command.filter(|argv| match (argv.get(1), file.as_deref()) {
            (Some(first), None) => first.starts_with('-'),
            (first, file) => first.map(Path::new) == file,
        });
        let argv = whose.and_then(|w| w.arguments(file.as_deref())).or(of_unit);
        let configured = file.is_some() || argv.is_some();
        if let Some(argv) = argv {
            start = Start::from_argv(&argv, working_dir);
        }
        let version = program.version.as_ref().map(binary::for_conf);
        let mut effective = settings::load(&self.look, &start, version);
        let works_in = whose.and_then(Whose::works_in);
        let elsewhere = settings::started_elsewhere(&self.look, &start, &effective, works_in.as_deref());
        if let Some(cwd) = elsewhere.as_ref().filter(|_| self.target.local) {
            start.cwd.clone_from(cwd);
            effective = settings::load(&self.look, &start, version);
        }
        Starting { file, configured, effective, elsewhere }
    }

    /// The password of the file opens the door where nobody gave another.
    fn let_in(&self, effective: &Effective, endpoint: &mut Endpoint, answer: &mut Answer) {
        let error = answer.error.as_ref().or(answer.ping.as_ref().and_then(|p| p.as_ref().err()));
        if !self.target.auth_fixed
            && endpoint.password.is_none()
            && matches!(error, Some(ServerError::AuthFailed { .. }))
            && let Some(password) = effective.requirepass().and_then(|p| Secret::from_file_bytes(p.expose()))
        {
            endpoint.password = Some(password);
            *answer = answer::ask(endpoint, true);
        }
    }

    fn tls_failed(&self, endpoint: &Endpoint, effective: &Effective, answer: &Answer) -> bool {
        let port = match &endpoint.address {
            Address::Tcp { port, .. } => *port,
            Address::Unix(_) => 0,
        };
        let tls_port = self.target.local && port != 0 && effective.tls_port() == port;
        answer.tls_failed(endpoint.tls.is_some(), tls_port)
    }

    /// Whose process it is, and who holds the port.
    fn whose(&self, whose: Option<&mut Whose>, answer: &Answer, facts: &mut Facts, seen: &mut Seen) {
        if let Some(whose) = whose {
            whose.judge(&self.look, &facts.config, answer, seen);
            whose.fill(&self.look, &self.target, facts);
            return;
        }
        let answered = answer.error.as_ref().is_some_and(ServerError::answered);
        facts.port.listening = Some(answer.ping.is_some() || answered);
        facts.unknown.insert("process.state".into(), "its host is another one".into());
        // Whatever speaks as a server there is what was asked for.
        facts.port.held_by_other = answer.is_redis().map(|redis| !redis);
    }

    /// The configuration as facts: of a file, a command line, the running server, or unknown.
    fn config(&self, starting: &Starting, answer: &Answer, program: &Program, facts: &mut Facts) -> ConfigFacts {
        let version = program.version.as_ref().map(binary::for_conf);
        if !self.target.local {
            facts.unknown.insert("config.state".into(), "its files are on another host".into());
            return ConfigFacts::default();
        }
        if !starting.configured {
            return settings::without_file(&starting.effective, answer, version, facts);
        }
        let file = starting.file.as_deref();
        let Some(because) = file.and_then(|f| settings::may_not_read(&self.look, f)) else {
            return settings::facts(&starting.effective, file, facts.server.major, version);
        };
        facts.unknown.insert("config.state".into(), because);
        ConfigFacts { file: file.map(|f| f.to_string_lossy().into_owned()), ..ConfigFacts::default() }
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
            // it can't say where it is any more
            seen.dir_gone = live.is_empty();
            seen.other_dir = Some(printable(live));
        }
    }
}

impl Program {
    fn fill(&self, facts: &mut Facts) {
        if let Some(version) = self.version.as_ref().filter(|_| facts.server.version.is_none()) {
            let (flavour, text, major) = binary::as_facts(version);
            facts.server.flavour = Some(flavour);
            facts.server.version = Some(text);
            facts.server.major = Some(major);
        }
        if self.version.is_none() {
            facts.unknown.insert("server.version".into(), "no server program was found; set bin_dir".into());
        }
        facts.process.binary = self.path.as_ref().map(|p| p.to_string_lossy().into_owned());
    }
}
