//! Takes bytes and gives their digest.
use super::super::encoded::Item;
use super::super::value::decimal_len;
use std::io::Write;

/// Bytes that are gathered before they are hashed; one call on short ones is far faster than a hasher.
const GATHERED: usize = 64 << 10;

/// Gathers what is written, and gives its digest.
#[derive(Debug, Default)]
pub(super) struct Ink {
    bytes: Vec<u8>,
    long: Option<Box<blake3::Hasher>>,
}

impl Ink {
    /// Bytes as they are.
    #[inline]
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > GATHERED {
            self.long.get_or_insert_default().update(&self.bytes);
            self.bytes.clear();
        }
    }

    /// How many bytes the text has whose bytes come next. No other text begins like it.
    #[inline]
    pub(super) fn len(&mut self, len: u64) {
        match u8::try_from(len) {
            Ok(short) if short < u8::MAX => self.raw(&[short]),
            _ => {
                self.raw(&[u8::MAX]);
                self.raw(&len.to_le_bytes());
            }
        }
    }

    /// A whole text.
    #[inline]
    pub(super) fn text(&mut self, text: &[u8]) {
        self.len(text.len() as u64);
        self.raw(text);
    }

    /// A number, as the text it is to clients.
    #[inline]
    pub(super) fn decimal(&mut self, number: i64) {
        self.len(decimal_len(number));
        self.digits(number);
    }

    /// Its digits alone.
    pub(super) fn digits(&mut self, number: i64) {
        // Writing into memory does not fail.
        let _ = write!(self.bytes, "{number}");
    }

    /// A packed element.
    #[inline]
    pub(super) fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Text(text) => self.text(text),
            Item::Int(number) => self.decimal(number),
        }
    }

    /// The digest of all that was written; the next begins anew.
    pub(super) fn dry(&mut self) -> u128 {
        let hash = match self.long.take() {
            None => blake3::hash(&self.bytes),
            Some(mut long) => long.update(&self.bytes).finalize(),
        };
        self.bytes.clear();
        let half = hash.as_bytes().first_chunk::<16>();
        half.map_or(0, |half| u128::from_le_bytes(*half))
    }
}
