//! Where a server is and how to be let in.

use std::fmt;
use std::path::PathBuf;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// Host name or IP address, and port.
    Tcp(String, u16),
    /// A unix socket.
    Unix(PathBuf),
}

impl Address {
    /// Reads `HOST:PORT`, `[::1]:PORT`, `:PORT` and a bare `PORT` (this host), `unix:PATH` and an absolute path.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Address, String> {
        let path = text.strip_prefix("unix://").or_else(|| text.strip_prefix("unix:"));
        if let Some(path) = path.or_else(|| text.starts_with('/').then_some(text)) {
            return if path.starts_with('/') {
                Ok(Address::Unix(PathBuf::from(path)))
            } else {
                Err(format!("the path of a unix socket must be absolute, `{}` is not", path.escape_debug()))
            };
        }
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        let port = port.parse::<u16>().ok().filter(|port| *port > 0);
        let port = port.ok_or_else(|| format!("`{}` is neither HOST:PORT nor unix:PATH", text.escape_debug()))?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let host = if bare.is_empty() { "127.0.0.1" } else { bare };
        Ok(Address::Tcp(host.to_string(), port))
    }

    /// The port, of a TCP address.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match self {
            Address::Tcp(_, port) => Some(*port),
            Address::Unix(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp(host, port) => write!(f, "{host}:{port}"),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A password. It is never printed, not by `{:?}` either.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Keeps the bytes of a password.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Secret(bytes.into())
    }

    /// The bytes, for AUTH.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// TLS: all files in PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Authorities to trust; those of the system without it.
    pub ca: Option<PathBuf>,
    /// Our certificate, where the server asks for one.
    pub cert: Option<PathBuf>,
    /// The key of our certificate.
    pub key: Option<PathBuf>,
}

/// An address with all that is needed to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it listens.
    pub address: Address,
    /// TLS, when it asks for it; not on unix sockets.
    pub tls: Option<Tls>,
    /// ACL user; the default one without it.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
}

impl Endpoint {
    /// An endpoint with neither TLS nor password.
    #[must_use]
    pub fn plain(address: Address) -> Self {
        Endpoint { address, tls: None, user: None, password: None }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, shown) in [
            ("10.0.0.1:7000", "10.0.0.1:7000"),
            ("[::1]:7000", "[::1]:7000"),
            ("6379", "127.0.0.1:6379"),
            (":6379", "127.0.0.1:6379"),
            ("unix:/run/redis.sock", "unix:/run/redis.sock"),
            ("/run/redis.sock", "unix:/run/redis.sock"),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), shown);
        }
        for wrong in ["", "host", "host:0", "host:70000", "unix:redis.sock", "host:-1"] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        let endpoint = Endpoint {
            password: Some(Secret::new("open sesame")),
            ..Endpoint::plain(Address::parse("1").unwrap())
        };
        assert!(!format!("{endpoint:?} {endpoint}").contains("sesame"));
    }
}
