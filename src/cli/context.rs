//! What every command needs first: the config in force, the state directory, the instance and how it is reached.
use super::Failure;
use super::args::Global;
use crate::action::ServiceCommands;
use crate::assess::Target;
use crate::config::{self, Config, Instance, Pick};
use crate::facts::{Role, ServiceKind, Topology};
use crate::host::Look;
use crate::playbook;
use crate::runbook::{self, Library, Source};
use crate::server::{Address, Endpoint, Secret, Tls};
use crate::state::State;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What is in force.
pub struct Context {
    /// Options that every command takes.
    pub global: Global,
    /// The config, where there is one.
    pub config: Option<Config>,
    /// Its file.
    pub config_path: Option<PathBuf>,
    /// The half of the host that looks.
    pub look: Look,
    /// The state directory.
    pub state: State,
}

/// An instance with what its config says.
pub struct Chosen {
    /// For the assessment.
    pub target: Target,
    /// Its part of the config; defaults where there is none.
    pub instance: Instance,
}

fn env(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

impl Context {
    /// Finds and reads the config.
    ///
    /// # Errors
    /// It can't be read, is not valid, or root must not trust it.
    pub fn new(global: &Global) -> Result<Self, Failure> {
        let look = Look::new();
        if global.pass.is_some() {
            return Err(Failure::usage(
                "a password on the command line can be read by everybody on this host",
                "use --password-file FILE, --askpass or REDISCLI_AUTH",
            ));
        }
        let path = config::lookup(global.config.as_deref(), &env, look.is_root(), &|p| look.exists(p));
        let mut config = None;
        if let Some(path) = &path {
            let text = look.read_text(path, 1 << 20).map_err(Failure::file)?;
            trusted(&look, path)?;
            config = Some(Config::from_text(&text, &path.display().to_string()).map_err(|e| {
                Failure::usage(e.to_string().trim_end().to_string(), e.hint().unwrap_or("mend the config"))
            })?);
        }
        let own = global.state_dir.clone().or_else(|| config.as_ref().and_then(|c| c.state_dir.clone()));
        let dir = match own {
            Some(dir) => std::path::absolute(&dir).unwrap_or(dir),
            None => State::default_dir(look.is_root(), env)?,
        };
        Ok(Self { global: global.clone(), config, config_path: path, look, state: State::at(dir) })
    }

    /// Where the settings came from, for the first line of a screen.
    #[must_use]
    pub fn where_from(&self) -> String {
        self.config_path.as_ref().map_or("no config".into(), |p| p.display().to_string())
    }

    /// A next command that can be pasted: it carries `-c` and `--state-dir` in force.
    #[must_use]
    pub fn command(&self, words: &str) -> String {
        let mut out = format!("redis-dr {words}");
        // whoever pastes it may be in another directory
        let whole = |path: &Path| quoted(&std::path::absolute(path).unwrap_or_else(|_| path.into()));
        if let Some(c) = &self.global.config {
            out.push_str(&format!(" -c {}", whole(c)));
        }
        if let Some(s) = &self.global.state_dir {
            out.push_str(&format!(" --state-dir {}", whole(s)));
        }
        out
    }

    /// The instance that was asked for.
    ///
    /// # Errors
    /// There is none of this name, or more than one without a name.
    pub fn choose(&self, wanted: Option<&str>) -> Result<Chosen, Failure> {
        let by_option = self.address_option()?;
        if let (Some(_), Some(_)) = (wanted, &by_option) {
            return Err(Failure::usage("an instance and -p, -s or -u were given", "give one of them"));
        }
        let text = by_option.or_else(|| wanted.map(String::from));
        let empty = Config {
            version: 1,
            state_dir: None,
            runbooks: vec![],
            playbooks: vec![],
            stores: Default::default(),
            instances: Default::default(),
        };
        let config = self.config.as_ref().unwrap_or(&empty);
        match config.pick(text.as_deref())? {
            Pick::Named(name, instance) => self.named(name, instance, config),
            Pick::Address(address) => {
                let mut endpoint = Endpoint::plain(parse_address(&address.to_string())?);
                self.let_in(&mut endpoint, None)?;
                let target = Target::discover(endpoint);
                Ok(Chosen { target, instance: Instance::at(address) })
            }
        }
    }

    fn address_option(&self) -> Result<Option<String>, Failure> {
        let g = &self.global;
        match (&g.port, &g.socket, &g.uri) {
            (None, None, None) => Ok(None),
            (Some(p), None, None) => Ok(Some(format!("127.0.0.1:{p}"))),
            (None, Some(s), None) => {
                Ok(Some(format!("unix:{}", std::path::absolute(s).unwrap_or(s.clone()).display())))
            }
            (None, None, Some(u)) => uri(u).map(Some),
            _ => Err(Failure::usage("more than one of -p, -s and -u was given", "give one of them")),
        }
    }

    fn named(&self, name: &str, i: &Instance, config: &Config) -> Result<Chosen, Failure> {
        let mut endpoint = Endpoint::plain(parse_address(&i.address.to_string())?);
        endpoint.tls = i.tls.as_ref().map(|t| Tls { ca: t.ca.clone(), cert: t.cert.clone(), key: t.key.clone() });
        self.let_in(&mut endpoint, i.auth.as_ref())?;
        let mut target = Target::discover(endpoint);
        target.name = name.into();
        target.auth_fixed = i.auth.is_some();
        target.config_file.clone_from(&i.config_file);
        match &i.service {
            None => {}
            Some(config::Service::Process(_)) => target.service = ServiceKind::Process,
            Some(config::Service::Systemd(unit)) => {
                target.service = ServiceKind::Systemd;
                target.unit = Some(unit.clone());
            }
            Some(config::Service::Command(c)) => {
                target.service = ServiceKind::Command;
                let (start, stop, status) = (c.start.clone(), c.stop.clone(), c.status.clone());
                target.commands = Some(ServiceCommands { start, stop, status });
            }
        }
        target.run_as.clone_from(&i.run_as);
        target.bin_dir.clone_from(&i.bin_dir);
        target.topology = match &i.topology {
            None => Topology::Unknown,
            Some(config::Topology::Word(config::TopologyWord::Standalone)) => Topology::Standalone,
            Some(config::Topology::Word(config::TopologyWord::Cluster)) => Topology::Cluster,
            Some(config::Topology::Replicated(_)) => Topology::Replicated,
        };
        target.role = match i.role {
            config::Role::Database => Role::Database,
            config::Role::Cache => Role::Cache,
        };
        target.vault_dir.clone_from(&i.vault_dir);
        target.stores =
            i.stores.iter().filter_map(|s| config.stores.get(s).map(|store| (s.clone(), store.dir.clone()))).collect();
        (target.rto, target.rpo) = (i.objectives.rto, i.objectives.rpo);
        target.probe = i.policy.probe;
        target.recoveries_within = i.policy.max_recoveries.within;
        Ok(Chosen { target, instance: i.clone() })
    }

    /// User, password and TLS: the config's alone where it has them, else the options'.
    fn let_in(&self, endpoint: &mut Endpoint, auth: Option<&config::Auth>) -> Result<(), Failure> {
        let g = &self.global;
        if g.tls && endpoint.tls.is_none() {
            endpoint.tls = Some(Tls { ca: g.cacert.clone(), cert: g.cert.clone(), key: g.key.clone() });
        }
        if let Some(auth) = auth {
            endpoint.user.clone_from(&auth.user);
            if let Some(file) = &auth.password_file {
                endpoint.password = Some(self.password(file)?);
            } else if let Some(name) = &auth.password_env {
                let value = env(name).ok_or_else(|| {
                    Failure::usage(format!("the environment has no {name}"), "set it, or use password_file")
                })?;
                endpoint.password = Some(Secret::new(value.to_string_lossy().into_owned()));
            }
            return Ok(());
        }
        endpoint.user.clone_from(&g.user);
        if let Some(file) = &g.password_file {
            endpoint.password = Some(self.password(file)?);
        } else if g.askpass {
            let typed = dialoguer::Password::new().with_prompt("Password").interact().map_err(|_| {
                Failure::usage("--askpass needs a terminal", "use --password-file FILE or REDISCLI_AUTH")
            })?;
            endpoint.password = Some(Secret::new(typed));
        } else if let Some(value) = env("REDISCLI_AUTH") {
            endpoint.password = Some(Secret::new(value.to_string_lossy().into_owned()));
        }
        Ok(())
    }

    fn password(&self, file: &Path) -> Result<Secret, Failure> {
        let mut bytes = self.look.read(file, 1 << 16).map_err(Failure::file)?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        Ok(Secret::new(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The operator's runbooks before the built-in ones.
    ///
    /// # Errors
    /// A directory can't be read, or root must not trust a file.
    pub fn runbooks(&self) -> Result<Library, Failure> {
        let dirs = self.config.as_ref().map(|c| c.runbooks.clone()).unwrap_or_default();
        Ok(Library::new(self.sources(&dirs)?, runbook::builtin()))
    }

    /// The operator's playbooks before the built-in ones.
    ///
    /// # Errors
    /// As [`Context::runbooks`].
    pub fn playbooks(&self) -> Result<Library, Failure> {
        let dirs = self.config.as_ref().map(|c| c.playbooks.clone()).unwrap_or_default();
        Ok(Library::new(self.sources(&dirs)?, playbook::builtin()))
    }

    fn sources(&self, dirs: &[PathBuf]) -> Result<Vec<Source>, Failure> {
        let mut out = Vec::new();
        for dir in dirs {
            if !self.look.exists(dir) {
                continue;
            }
            for entry in self.look.list(dir)? {
                let path = dir.join(&entry.name);
                if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
                    out.push(self.source(&path)?);
                }
            }
        }
        Ok(out)
    }

    /// One YAML file of the operator's.
    ///
    /// # Errors
    /// It can't be read, or root must not trust it.
    pub fn source(&self, path: &Path) -> Result<Source, Failure> {
        let text = self.look.read_text(path, 2 << 20).map_err(Failure::file)?;
        trusted(&self.look, path)?;
        Ok(Source::new(path.display().to_string(), text))
    }
}

/// As root, only files that nobody else could have written are followed.
pub fn trusted(look: &Look, path: &Path) -> Result<(), Failure> {
    if !look.is_root() {
        return Ok(());
    }
    match look.trust(path)?.problem_for_root() {
        None => Ok(()),
        Some(problem) => Err(Failure::usage(
            format!("{problem}; as root it is not followed"),
            format!("chown root {0} && chmod go-w {0}", path.display()),
        )),
    }
}

fn parse_address(text: &str) -> Result<Address, Failure> {
    text.parse::<Address>()
        .map_err(|e| Failure::usage(e.to_string(), "such as 127.0.0.1:6379 or unix:/run/redis/redis.sock"))
}

/// `redis://HOST:PORT` without a password in it.
fn uri(text: &str) -> Result<String, Failure> {
    let rest = text.strip_prefix("redis://").or_else(|| text.strip_prefix("rediss://")).unwrap_or(text);
    if rest.contains('@') {
        return Err(Failure::usage(
            "a URI with a password in it can be read by everybody on this host",
            "use --user and --password-file",
        ));
    }
    Ok(rest.split('/').next().unwrap_or(rest).to_string())
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+:".contains(c)) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
