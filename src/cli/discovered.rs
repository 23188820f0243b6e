//! Without a config: the servers of this host, and which of them is meant.
use super::Failure;
use super::context::{Chosen, Context};
use crate::assess::{Discovered, Found, Target, discover};
use crate::config::{Address, Instance, PickError};
use crate::server::Endpoint;
use std::fmt::Write as _;
use std::path::Path;

impl Context {
    /// The only server of this host; 127.0.0.1:6379 where none is found.
    ///
    /// # Errors
    /// There are several; the text lists the command for each.
    pub(super) fn only_server(&self) -> Result<Chosen, Failure> {
        let all = discover(&self.look, Path::new("/"));
        match all.found.as_slice() {
            [] => self.reached(Address::default(), None),
            [one] => self.reached(one.address.clone(), Some(one)),
            many => Err(self.which(many)),
        }
    }

    /// The server at an address, with what this host knows of it.
    ///
    /// # Errors
    /// Credentials were asked for that are not there.
    pub(super) fn server_at(&self, address: Address) -> Result<Chosen, Failure> {
        let Discovered { found, .. } = discover(&self.look, Path::new("/"));
        let one = found.iter().find(|f| f.is_at(&address));
        self.reached(address, one)
    }

    fn reached(&self, address: Address, found: Option<&Found>) -> Result<Chosen, Failure> {
        let mut endpoint = Endpoint::plain(address.clone());
        self.let_in(&mut endpoint, None)?;
        if endpoint.tls.is_none() {
            endpoint.tls = found.and_then(|f| f.tls.clone());
        }
        let target = match found {
            Some(found) => Target::found(&self.look, found, endpoint),
            None => Target::discover(endpoint),
        };
        Ok(Chosen { target, instance: Instance::at(address) })
    }

    /// INSTANCE names nothing; where a name is all that is missing, the command with each.
    pub(super) fn pick_failure(&self, error: &PickError) -> Failure {
        let names = match error {
            PickError::Which { names } => names,
            PickError::Unknown { names, .. } if names.is_empty() => {
                let there = discover(&self.look, Path::new("/")).found;
                let there: Vec<String> = there.iter().map(|one| one.address.to_string()).collect();
                let servers = if there.is_empty() { "none was found".into() } else { there.join(", ") };
                return Failure::usage(error.to_string(), format!("{}; servers on this host: {servers}", error.hint()));
            }
            error => return Failure::usage(error.to_string(), error.hint()),
        };
        let commands: Vec<String> = names.iter().map(|name| self.command(&format!("{} {name}", self.verb))).collect();
        Failure::usage(error.to_string(), format!("name the one you mean:\n  {}", commands.join("\n  ")))
    }

    fn which(&self, many: &[Found]) -> Failure {
        let mut hint = "name the one you mean:".to_string();
        for one in many {
            let name = one.address.to_string();
            let _ = write!(hint, "\n  {:<40} {}", self.command(&format!("{} {name}", self.verb)), one.shown());
        }
        let _ = write!(hint, "\nor write a config for all of them: {}", self.command("init"));
        Failure::usage(format!("which server? {} were found on this host", many.len()), hint)
    }
}
