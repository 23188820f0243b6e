//! Where a server listens.
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The port servers listen on unless told otherwise.
const DEFAULT_PORT: u16 = 6379;

/// Where a server listens: `HOST:PORT`, `[IPV6]:PORT` or `unix:PATH`. Displays as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// A TCP endpoint; an IPv6 host is kept without its brackets.
    Tcp {
        /// Name or IP address.
        host: String,
        /// Port, never 0.
        port: u16,
    },
    /// A Unix socket; absolute.
    Unix(PathBuf),
}

/// A text that is not an address. Never repeats the text: it may be a URI with a password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// `redis://…`.
    #[error("an address is HOST:PORT or unix:PATH, not a URI")]
    Uri,
    /// `unix:` without an absolute path.
    #[error("the path after `unix:` must be absolute")]
    RelativeSocket,
    /// No port after the host.
    #[error("the port is missing")]
    NoPort {
        /// What it may have been meant to be.
        guess: String,
    },
    /// Not a number between 1 and 65535.
    #[error("the port must be a number from 1 to 65535")]
    BadPort,
    /// Nothing before the port.
    #[error("the host is missing")]
    NoHost {
        /// The port that was given.
        port: u16,
    },
    /// An IPv6 address without brackets.
    #[error("an IPv6 address needs brackets")]
    Brackets,
    /// Characters that are in no host name.
    #[error("the host has characters that no host name has")]
    BadHost,
}

impl AddressError {
    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Uri => "write HOST:PORT; user, password file and TLS go under `auth` and `tls`".into(),
            Self::RelativeSocket => "write unix:/run/redis/redis.sock".into(),
            Self::NoPort { guess } => format!("write {guess}"),
            Self::NoHost { port } => format!("write 127.0.0.1:{port}"),
            Self::Brackets => "write [::1]:6379".into(),
            Self::BadPort | Self::BadHost => return None,
        })
    }
}

impl Address {
    /// Is it surely on this machine: a socket, or a loopback address?
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp { host, .. } => {
                host.eq_ignore_ascii_case("localhost")
                    || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
        }
    }

    /// The TCP port; `None` for a socket.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp { port, .. } => Some(*port),
            Self::Unix(_) => None,
        }
    }

    /// The socket's path; `None` for TCP.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        match self {
            Self::Tcp { .. } => None,
            Self::Unix(path) => Some(path),
        }
    }
}

impl Default for Address {
    /// `127.0.0.1:6379`.
    fn default() -> Self {
        Self::Tcp { host: "127.0.0.1".into(), port: DEFAULT_PORT }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.contains("://") {
            return Err(AddressError::Uri);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            if path.starts_with('/') && !path.contains(char::is_control) {
                return Ok(Self::Unix(path.into()));
            }
            return Err(AddressError::RelativeSocket);
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or(AddressError::BadHost)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| AddressError::BadHost)?;
                (host, after.strip_prefix(':'))
            }
            None if text.matches(':').count() > 1 => return Err(AddressError::Brackets),
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let odd = |c: char| c.is_whitespace() || c.is_control() || "/@\\?#[]{}\"'".contains(c);
        if host.contains(odd) {
            return Err(AddressError::BadHost);
        }
        let Some(port) = port else {
            return Err(no_port(host));
        };
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        match port.parse::<u16>() {
            Ok(port) if digits && port > 0 && host.is_empty() => Err(AddressError::NoHost { port }),
            Ok(port) if digits && port > 0 => Ok(Self::Tcp { host: host.to_owned(), port }),
            _ => Err(AddressError::BadPort),
        }
    }
}

/// Was it a host or a port that stands alone?
fn no_port(host: &str) -> AddressError {
    match host.parse::<u16>() {
        Ok(port) => AddressError::NoHost { port },
        Err(_) if host.is_empty() => AddressError::NoHost { port: DEFAULT_PORT },
        Err(_) => {
            AddressError::NoPort { guess: Address::Tcp { host: host.to_owned(), port: DEFAULT_PORT }.to_string() }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Address {
    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "address"})
    }
}
