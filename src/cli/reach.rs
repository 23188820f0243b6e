//! redis-cli's hands: `-p -s -u --user --tls …`, and where a password may come from.
use super::Failure;
use super::args::Global;
use super::context::Context;
use crate::config::{self, Address, AddressError};
use crate::server::{Endpoint, Secret, Tls};
use std::path::Path;

/// The port of a URI that names none.
const DEFAULT_PORT: u16 = 6379;

impl Context {
    /// The address that -p, -s or -u name, as it is written in a config.
    ///
    /// # Errors
    /// More than one of them was given, or a URI that is none or holds a password.
    pub(super) fn address_option(&self) -> Result<Option<String>, Failure> {
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

    /// User, password and TLS: the config's alone where it has them, else the options'.
    pub(super) fn let_in(&self, endpoint: &mut Endpoint, auth: Option<&config::Auth>) -> Result<(), Failure> {
        let g = &self.global;
        if endpoint.tls.is_none() {
            endpoint.tls = tls(g)?;
        }
        if let Some(auth) = auth {
            endpoint.user.clone_from(&auth.user);
            if let Some(file) = &auth.password_file {
                endpoint.password = Some(self.password(file)?);
            } else if let Some(name) = &auth.password_env {
                let value = std::env::var_os(name).ok_or_else(|| {
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
        } else if let Some(value) = std::env::var_os("REDISCLI_AUTH").filter(|v| !v.is_empty()) {
            endpoint.password = Some(Secret::new(value.to_string_lossy().into_owned()));
        }
        Ok(())
    }

    fn password(&self, file: &Path) -> Result<Secret, Failure> {
        let bytes = self.look.read(file, 1 << 16).map_err(Failure::file)?;
        Secret::from_file_bytes(&bytes).ok_or_else(|| {
            Failure::usage(format!("{} is not UTF-8", file.display()), "the file holds the password and nothing else")
        })
    }
}

fn tls(g: &Global) -> Result<Option<Tls>, Failure> {
    let secure = g.tls || g.uri.as_deref().is_some_and(|u| u.starts_with("rediss://") || u.starts_with("valkeys://"));
    if !secure {
        if g.cacert.is_some() || g.cert.is_some() || g.key.is_some() {
            return Err(Failure::usage("--cacert, --cert and --key are for TLS", "add --tls"));
        }
        return Ok(None);
    }
    if g.cert.is_some() != g.key.is_some() {
        return Err(Failure::usage("--cert and --key belong together", "give both, or neither"));
    }
    Ok(Some(Tls { ca: g.cacert.clone(), cert: g.cert.clone(), key: g.key.clone() }))
}

/// `redis://HOST:PORT` without a password in it, as HOST:PORT. Never repeats the text: it may hold one.
fn uri(text: &str) -> Result<String, Failure> {
    let wrong =
        || Failure::usage("this is not a URI of a server", "such as -u redis://127.0.0.1:6379 or rediss://HOST");
    let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
    if rest.contains('@') || rest.contains("password=") {
        return Err(Failure::usage(
            "a URI with a password in it can be read by everybody on this host",
            "use --user, and --password-file FILE, --askpass or REDISCLI_AUTH",
        ));
    }
    if scheme == "unix" && rest.starts_with('/') {
        return Ok(format!("unix:{}", rest.split('?').next().unwrap_or(rest)));
    }
    if !["redis", "rediss", "valkey", "valkeys"].contains(&scheme) {
        return Err(wrong());
    }
    let host = rest.split(['/', '?']).next().unwrap_or(rest);
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    match host.parse::<Address>() {
        Ok(address) => Ok(address.to_string()),
        Err(AddressError::NoPort { .. }) => Ok(format!("{host}:{DEFAULT_PORT}")),
        Err(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_uri_is_an_address() {
        for (text, address) in [
            ("redis://127.0.0.1:7000/3", "127.0.0.1:7000"),
            ("rediss://cache.example", "cache.example:6379"),
            ("valkey://[::1]:7000", "[::1]:7000"),
            ("redis://", "127.0.0.1:6379"),
            ("unix:///run/r.sock?db=1", "unix:/run/r.sock"),
        ] {
            assert_eq!(uri(text).unwrap(), address, "{text}");
        }
    }

    #[test]
    fn a_password_in_it_is_refused_and_not_repeated() {
        for text in ["redis://:sesame@h:1", "redis://sesame@h", "rediss://ann:sesame@h:1", "unix:///s?password=sesame"]
        {
            let failure = uri(text).expect_err(text);
            assert!(failure.exit_code == 2 && !failure.text().contains("sesame"), "{}", failure.text());
        }
        for text in ["sesame", "http://sesame", "redis://h:sesame", "redis://::sesame"] {
            assert!(!uri(text).expect_err(text).text().contains("sesame"));
        }
    }

    #[test]
    fn tls_options_belong_together() {
        let with = |f: fn(&mut Global)| {
            let mut g = Global::default();
            f(&mut g);
            tls(&g)
        };
        assert_eq!(with(|_| {}).unwrap(), None);
        assert!(with(|g| g.uri = Some("rediss://h".into())).unwrap().is_some());
        assert!(with(|g| g.cacert = Some("ca".into())).is_err());
        assert!(with(|g| (g.tls, g.cert) = (true, Some("c".into()))).is_err());
        let all =
            with(|g| (g.tls, g.cacert, g.cert, g.key) = (true, Some("a".into()), Some("c".into()), Some("k".into())));
        assert_eq!(all.unwrap().unwrap().ca, Some("a".into()));
    }
}
