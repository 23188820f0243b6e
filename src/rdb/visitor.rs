//! What a walk shows, and to whom.

use std::ops::ControlFlow;

use super::meaning::{Meaning, Parts, Secret};
use super::report::Kind;

/// One key, after its value was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyMeta<'a> {
    /// The database.
    pub db: u64,
    /// The key's bytes.
    pub key: &'a [u8],
    /// The logical type.
    pub kind: Kind,
    /// When it expires, Unix milliseconds.
    pub expire_ms: Option<i64>,
    /// When it is gone, Unix milliseconds: by its own expiry, or, a hash, by that of its last field.
    pub gone_ms: Option<i64>,
    /// Bytes of a string, elements of anything else (a hash field with its value is one); none where only unpacking
    /// would tell.
    pub size: Option<u64>,
    /// Where its record begins: its type, behind its expiry.
    pub offset: u64,
    /// Bytes of its record in the file: type, key and value as they are stored.
    pub bytes: u64,
    /// Bytes between its expiry and its record: how long it is idle or how often it is used, and what modules say of it.
    pub before: u64,
    /// What its value means, where the walk was asked for it ([`super::walk_meanings`]).
    pub meaning: Option<Meaning>,
    /// The digest of its value as it is stored, where the walk was asked for it ([`super::walk_stored`]).
    pub stored: Option<u128>,
}

impl KeyMeta<'_> {
    /// 128 bits that tell its database and its name from all others. `scratch` is only there to be used again.
    #[must_use]
    pub fn digest(&self, secret: &Secret, scratch: &mut Vec<u8>) -> u128 {
        scratch.clear();
        scratch.extend_from_slice(&self.db.to_le_bytes());
        scratch.extend_from_slice(self.key);
        secret.digest(scratch)
    }
}

/// What a walk shows its keys to.
pub(super) trait Visitor {
    /// False spares the walk from reading keys and sizes at all.
    const KEYS: bool;
    /// True: values are read and digested by meaning.
    const MEANINGS: bool = false;
    /// Libraries of functions, and data of modules, are shown.
    const LIBRARIES: bool = false;
    /// With what the values are digested as they are stored; none: they are not.
    #[inline]
    fn stored(&self) -> Option<&Secret> {
        None
    }
    /// Is the meaning of the next value wanted? Only with `MEANINGS`.
    #[inline]
    fn wants(&mut self) -> bool {
        true
    }
    /// What puts meanings together.
    fn parts(&self) -> Parts {
        Parts::default()
    }
    fn key(&mut self, key: &KeyMeta<'_>) -> ControlFlow<()>;
    /// The code of a library of functions; only with `LIBRARIES`.
    fn library(&mut self, _: &[u8]) {}
    /// A record of data that belongs to a module and to no key; only with `LIBRARIES`.
    fn module_data(&mut self, _offset: u64, _bytes: u64) {}
}

/// Only counts.
pub(super) struct Nobody;

impl Visitor for Nobody {
    const KEYS: bool = false;
    fn key(&mut self, _: &KeyMeta<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl Visitor for &mut dyn FnMut(&KeyMeta<'_>) -> ControlFlow<()> {
    const KEYS: bool = true;
    fn key(&mut self, key: &KeyMeta<'_>) -> ControlFlow<()> {
        self(key)
    }
}
