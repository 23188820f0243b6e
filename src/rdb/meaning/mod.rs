//! What a value means, whatever its encoding: a digest that is the same for the same data.
//!
//! A hash in a ziplist, in a listpack and in a table is the same hash; the order of a set or a hash does not count; a score
//! is a number, however it is written; a number in an integer encoding is its decimal text. So two values have the same
//! [`Meaning`] if and only if a client could not tell them apart, apart from what is left out on purpose:
//!
//! - the key, its database and its own expiry, which stand outside the value (the expiries of hash fields are in);
//! - of a stream what only counts or clocks, and what servers before 7.0 don't save: entries ever added, the highest deleted
//!   id, entries a group has read, when a consumer was last seen. Entries, last id, groups, consumers, and who has what
//!   pending since when and how often, are in;
//! - a module's value is taken as the bytes the module wrote: it may write the same data in two ways.
//!
//! The meaning comes from a file ([`super::walk_meanings`]), from what DUMP answers ([`of_dump`]), or from parts asked of a
//! server one after the other ([`Parts`]), and is the same for the same data.
mod ink;
mod maker;
mod parts;
mod stream;
mod values;

use super::cursor::Cursor;
use super::feed::{Chunk, Inline, digest};
use super::report::{Kind, Verdict};
use super::visitor::{KeyMeta, Nobody, Visitor};
use super::walker::Walker;
use super::{Met, Stored, WalkOptions};
use std::ops::ControlFlow;

pub(super) use maker::Long;
pub use maker::Secret;
pub use parts::{Parts, StreamId};

/// The digest of a value by what it means: 128 bits. Good for comparing values, also ones somebody made on purpose. Made with
/// a [`Secret`] it can only be compared with others of the same secret; else it is BLAKE3's, the same in every run of this
/// version of redis-dr, and no promise to later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Meaning(u128);

impl Meaning {
    pub(super) fn of(digest: u128) -> Self {
        Meaning(digest)
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// From its bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Meaning(u128::from_le_bytes(bytes))
    }
}

/// Bytes behind the value in what DUMP answers: the RDB version and a checksum.
const FOOTER: usize = 10;
/// From this version on a payload is Valkey's.
const VALKEY: u16 = 80;

/// What the answer of DUMP means, and the type of the value. Works for every server: the payload says which family wrote it.
///
/// # Errors
/// It is cut off or damaged, or of a type that is not known here; in words.
pub fn of_dump(payload: &[u8]) -> Result<(Kind, Meaning), String> {
    let cut = || "the payload is too short".to_owned();
    let (body, footer) = payload.split_last_chunk::<FOOTER>().ok_or_else(cut)?;
    let (version, sum) = footer.split_first_chunk::<2>().ok_or_else(cut)?;
    let stored = u64::from_le_bytes(*sum.first_chunk().ok_or_else(cut)?);
    let mut bytes = digest();
    bytes.update(body);
    bytes.update(version);
    if bytes.finalize() != stored {
        return Err("the payload's checksum is wrong".into());
    }
    let options = WalkOptions::default();
    let cursor = Cursor::new(Inline::new(body), Chunk::empty(body.len() as u64 + 1), &|_| {});
    let read = Walker::new(cursor, &options, Nobody).alone(u16::from_le_bytes(*version) >= VALKEY);
    read.map_err(|verdict| match verdict {
        Verdict::Damaged { because, .. } | Verdict::UnknownVersion { because } => because,
        other => other.to_string(),
    })
}

/// Shows keys with their meanings.
pub(super) struct Telling<'a> {
    pub(super) visit: &'a mut dyn FnMut(Met<'_>) -> ControlFlow<()>,
    /// What the meanings are keyed with; none: lasting ones.
    pub(super) secret: Option<&'a Secret>,
    /// Whose meanings are wanted; none: everybody's.
    pub(super) wants: Option<&'a mut dyn FnMut() -> bool>,
}

impl<'a> Telling<'a> {
    /// Of all values, and lasting.
    pub(super) fn all(visit: &'a mut dyn FnMut(Met<'_>) -> ControlFlow<()>) -> Self {
        Telling { visit, secret: None, wants: None }
    }
}

impl Visitor for Telling<'_> {
    const KEYS: bool = true;
    const MEANINGS: bool = true;
    const LIBRARIES: bool = true;

    fn parts(&self) -> Parts {
        self.secret.map(Parts::keyed).unwrap_or_default()
    }

    fn wants(&mut self) -> bool {
        self.wants.as_mut().is_none_or(|wants| wants())
    }

    fn key(&mut self, key: &KeyMeta<'_>) -> ControlFlow<()> {
        match key.meaning {
            Some(meaning) => (self.visit)(Met::Key(key, meaning)),
            None => ControlFlow::Continue(()),
        }
    }

    fn library(&mut self, code: &[u8]) {
        // Only a key can end the walk: libraries are few.
        let _ = (self.visit)(Met::Library(code));
    }

    fn module_data(&mut self, offset: u64, bytes: u64) {
        let _ = (self.visit)(Met::ModuleData { offset, bytes });
    }
}

/// Shows keys with digests of their values as they are stored.
pub(super) struct Storing<'a> {
    pub(super) visit: &'a mut dyn FnMut(Stored<'_>) -> ControlFlow<()>,
    pub(super) secret: &'a Secret,
}

impl Visitor for Storing<'_> {
    const KEYS: bool = true;
    const LIBRARIES: bool = true;

    fn stored(&self) -> Option<&Secret> {
        Some(self.secret)
    }

    fn key(&mut self, key: &KeyMeta<'_>) -> ControlFlow<()> {
        (self.visit)(Stored::Key(key, key.stored.unwrap_or_default()))
    }

    fn library(&mut self, code: &[u8]) {
        let _ = (self.visit)(Stored::Library(code));
    }
}
