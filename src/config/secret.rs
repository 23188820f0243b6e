//! A password in memory.
use std::fmt;

/// A password. Shows as `***`, cannot be serialized, and is taken out only by [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a password as it is.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The content of a `password_file`: its bytes less one final newline. `None` if they are not UTF-8.
    #[must_use]
    pub fn from_file_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        std::str::from_utf8(bytes).ok().map(Self::new)
    }

    /// The password itself, for the moment it is sent. Never for argv, a log, a journal, a plan, a report or an error.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
