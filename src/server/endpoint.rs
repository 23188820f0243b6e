//! Where a server is and how to be let in.

use std::fmt;

use crate::config::{Address, Secret, Tls};

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
    use super::*;

    #[test]
    fn a_password_is_not_printed() {
        let password = Some(Secret::new("open sesame"));
        let endpoint = Endpoint { password, ..Endpoint::plain(Address::default()) };
        assert!(!format!("{endpoint:?} {endpoint}").contains("sesame"));
    }
}
