//! Which instance a command is about.
use super::{Address, Config, Instance};
use crate::yaml;

/// What INSTANCE on the command line names.
#[derive(Debug, Clone, PartialEq)]
pub enum Pick<'a> {
    /// An instance of the configuration and its name.
    Named(&'a str, &'a Instance),
    /// An address the configuration does not know: to be discovered.
    Address(Address),
}

/// INSTANCE names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PickError {
    /// Left out, and the configuration has several.
    #[error("which instance? The configuration has {}", names.join(", "))]
    Which {
        /// The names to choose from.
        names: Vec<String>,
    },
    /// Neither a name of the configuration nor an address.
    #[error("no instance `{name}` in the configuration")]
    Unknown {
        /// What was asked for, printable.
        name: String,
        /// What may have been meant.
        near: Option<String>,
        /// The names there are.
        names: Vec<String>,
    },
}

impl PickError {
    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Which { names } => {
                let first = names.first().map_or("NAME", String::as_str);
                format!("name one, for example: {first}")
            }
            Self::Unknown { near: Some(near), .. } => format!("did you mean `{near}`?"),
            Self::Unknown { names, .. } if names.is_empty() => {
                "it has no instances; give HOST:PORT or unix:PATH".into()
            }
            Self::Unknown { names, .. } => format!("it has {}; HOST:PORT or unix:PATH work too", names.join(", ")),
        }
    }

    /// The process's exit code: always 2.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        2
    }
}

impl Config {
    /// The instance a command is about: a name, an address, or, left out, the only one (`127.0.0.1:6379` when there is none).
    ///
    /// # Errors
    /// When it is not clear, with the names to choose from.
    pub fn pick(&self, wanted: Option<&str>) -> Result<Pick<'_>, PickError> {
        let names = || self.instances.keys().cloned().collect::<Vec<_>>();
        let Some(wanted) = wanted else {
            let mut all = self.instances.iter();
            return match (all.next(), all.next()) {
                (None, _) => Ok(Pick::Address(Address::default())),
                (Some((name, instance)), None) => Ok(Pick::Named(name, instance)),
                _ => Err(PickError::Which { names: names() }),
            };
        };
        if let Some((name, instance)) = self.instances.get_key_value(wanted) {
            return Ok(Pick::Named(name, instance));
        }
        if let Ok(address) = wanted.parse::<Address>() {
            let mut same = self.instances.iter().filter(|(_, i)| i.address == address);
            return Ok(match (same.next(), same.next()) {
                (Some((name, instance)), None) => Pick::Named(name, instance),
                _ => Pick::Address(address),
            });
        }
        let near = yaml::nearest(wanted, self.instances.keys().map(String::as_str));
        Err(PickError::Unknown { name: yaml::printable(wanted), near: near.map(str::to_owned), names: names() })
    }
}
