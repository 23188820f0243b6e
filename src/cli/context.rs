//! What every command needs first: the config in force, the state directory, the instance and how it is reached.
use super::Failure;
use super::args::Global;
use crate::assess::Target;
use crate::config::{self, Config, Instance, Pick};
use crate::host::Look;
use crate::playbook;
use crate::report::Commands;
use crate::runbook::{self, Library, Source};
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
    /// The command that was typed, for the next commands that are printed.
    pub verb: &'static str,
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
    pub fn new(global: &Global, verb: &'static str) -> Result<Self, Failure> {
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
        Ok(Self { global: global.clone(), config, config_path: path, look, state: State::at(dir), verb })
    }

    /// Where the settings came from, for the first line of a screen.
    #[must_use]
    pub fn where_from(&self) -> String {
        self.config_path.as_ref().map_or("no config".into(), |p| p.display().to_string())
    }

    /// A next command that can be pasted: it carries `-c` and `--state-dir` in force.
    #[must_use]
    pub fn command(&self, words: &str) -> String {
        self.commands().command(words)
    }

    /// What makes next commands that can be pasted.
    #[must_use]
    pub fn commands(&self) -> Commands {
        self.global.commands()
    }

    /// The instance that was asked for.
    ///
    /// # Errors
    /// There is none of this name, or more than one without a name.
    pub fn choose(&self, wanted: Option<&str>) -> Result<Chosen, Failure> {
        if wanted.is_some_and(|w| w.contains("://")) {
            return Err(Failure::usage("an instance is a name, HOST:PORT or unix:PATH", "a URI goes behind -u"));
        }
        let by_option = self.address_option()?;
        if let (Some(_), Some(_)) = (wanted, &by_option) {
            return Err(Failure::usage("an instance and -p, -s or -u were given", "give one of them"));
        }
        let text = by_option.or_else(|| wanted.map(String::from));
        if text.is_none() && self.config.as_ref().is_none_or(|c| c.instances.is_empty()) {
            return self.only_server();
        }
        let empty = Config {
            version: 1,
            state_dir: None,
            runbooks: vec![],
            playbooks: vec![],
            stores: Default::default(),
            instances: Default::default(),
        };
        let config = self.config.as_ref().unwrap_or(&empty);
        match config.pick(text.as_deref()).map_err(|e| self.pick_failure(&e))? {
            Pick::Named(name, instance) => self.named(name, instance, config),
            Pick::Address(address) => self.server_at(address),
        }
    }

    fn named(&self, name: &str, instance: &Instance, config: &Config) -> Result<Chosen, Failure> {
        let mut target = Target::of(name, instance, config, None, instance.auth.is_some());
        self.let_in(&mut target.endpoint, instance.auth.as_ref())?;
        Ok(Chosen { target, instance: instance.clone() })
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

    /// The operator's scenarios (`drills/` in its directories of playbooks) before the built-in ones.
    ///
    /// # Errors
    /// As [`Context::runbooks`].
    pub fn drills(&self) -> Result<Library, Failure> {
        let dirs = self.config.as_ref().map(|c| c.playbooks.clone()).unwrap_or_default();
        let dirs: Vec<PathBuf> = dirs.iter().map(|dir| dir.join("drills")).collect();
        Ok(Library::new(self.sources(&dirs)?, playbook::builtin_drills()))
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
