//! How digests are made: ones that stay the same, or ones that are good for one comparison and much faster.
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use xxhash_rust::xxh3::{Xxh3, Xxh3Builder, xxh3_128_with_secret};

/// Bytes of a secret.
const SECRET: usize = 192;

/// What the digests of one comparison are keyed with. It never leaves the process, so nobody can make values whose digests
/// meet, though the hash itself (XXH3, 128 bits) is not one that withstands an attacker who knows the key.
#[derive(Clone)]
pub struct Secret(Arc<[u8; SECRET]>);

impl Secret {
    /// A new one, out of the system's randomness.
    #[must_use]
    pub fn random() -> Self {
        let random = RandomState::new();
        let mut secret = [0; SECRET];
        for (place, eight) in secret.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            *eight = random.hash_one(place).to_le_bytes();
        }
        Secret(Arc::new(secret))
    }

    /// 128 bits of bytes.
    #[inline]
    #[must_use]
    pub fn digest(&self, bytes: &[u8]) -> u128 {
        xxh3_128_with_secret(bytes, self.0.as_slice())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// Makes digests.
#[derive(Debug, Clone, Default)]
pub(super) enum Maker {
    /// The same in every run: BLAKE3.
    #[default]
    Lasting,
    /// Only to be compared with others of the same secret.
    Keyed(Secret),
}

impl Maker {
    #[inline]
    pub(super) fn digest(&self, bytes: &[u8]) -> u128 {
        match self {
            Maker::Lasting => half(blake3::hash(bytes)),
            Maker::Keyed(secret) => secret.digest(bytes),
        }
    }

    /// For what is too long to be gathered.
    pub(super) fn long(&self) -> Long {
        match self {
            Maker::Lasting => Long::Lasting(Box::default()),
            Maker::Keyed(secret) => Long::keyed(secret),
        }
    }
}

/// A digest being made of pieces; the same as that of all of them together.
pub(in super::super) enum Long {
    Lasting(Box<blake3::Hasher>),
    Keyed(Box<Xxh3>),
}

impl Long {
    pub(in super::super) fn keyed(secret: &Secret) -> Self {
        Long::Keyed(Box::new(Xxh3Builder::new().with_secret(*secret.0).build()))
    }

    pub(in super::super) fn update(&mut self, piece: &[u8]) {
        match self {
            Long::Lasting(hasher) => _ = hasher.update(piece),
            Long::Keyed(hasher) => hasher.update(piece),
        }
    }

    pub(in super::super) fn end(mut self, last: &[u8]) -> u128 {
        self.update(last);
        match self {
            Long::Lasting(hasher) => half(hasher.finalize()),
            Long::Keyed(hasher) => hasher.digest128(),
        }
    }
}

impl std::fmt::Debug for Long {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Long")
    }
}

fn half(hash: blake3::Hash) -> u128 {
    let half = hash.as_bytes().first_chunk::<16>();
    half.map_or(0, |half| u128::from_le_bytes(*half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_the_digest_of_the_whole() {
        let bytes: Vec<u8> = (0..200_000u32).map(|n| (n * 7 % 251) as u8).collect();
        for maker in [Maker::Lasting, Maker::Keyed(Secret::random())] {
            for len in [0, 1, 16, 17, 128, 240, 241, 1024, 1025, 100_000, 200_000] {
                let all = bytes.get(..len).unwrap_or_default();
                let mut long = maker.long();
                let (pieces, rest) = all.split_at(len / 3 * 2);
                pieces.chunks(333).for_each(|piece| long.update(piece));
                assert_eq!(long.end(rest), maker.digest(all), "{len} bytes, {maker:?}");
            }
        }
    }

    #[test]
    fn another_secret_gives_other_digests() {
        for len in [0usize, 3, 8, 16, 100, 200, 1000] {
            let bytes = vec![7; len];
            let (one, other) = (Secret::random(), Secret::random());
            assert_eq!(one.digest(&bytes), one.clone().digest(&bytes));
            assert_ne!(one.digest(&bytes), other.digest(&bytes), "{len} bytes");
        }
    }
}
