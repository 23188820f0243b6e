//! Takes bytes and gives their digest.
use super::super::decimal::{DECIMAL, decimal};
use super::super::encoded::Item;
use super::maker::{Long, Maker};

/// Bytes that are gathered before they are hashed; one call on short ones is far faster than a hasher.
const GATHERED: usize = 64 << 10;

/// Gathers what is written, and gives its digest.
#[derive(Debug, Default)]
pub(super) struct Ink {
    bytes: Vec<u8>,
    long: Option<Long>,
    /// The digest of what was given whole.
    whole: Option<u128>,
    maker: Maker,
}

impl Ink {
    pub(super) fn of(maker: Maker) -> Self {
        Ink { maker, ..Ink::default() }
    }

    /// Bytes as they are.
    #[inline]
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > GATHERED {
            self.long.get_or_insert_with(|| self.maker.long()).update(&self.bytes);
            self.bytes.clear();
        }
    }

    /// All that is written between two digests, at once: it need not be gathered.
    #[inline]
    pub(super) fn all(&mut self, bytes: &[u8]) {
        self.whole = Some(self.maker.digest(bytes));
    }

    /// How many bytes the text has whose bytes come next. No other text begins like it.
    #[inline]
    pub(super) fn len(&mut self, len: u64) {
        match u8::try_from(len) {
            Ok(short) if short < u8::MAX => self.bytes.push(short),
            _ => {
                self.bytes.push(u8::MAX);
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
        self.text(decimal(number, &mut [0; DECIMAL]));
    }

    /// A packed element.
    #[inline]
    pub(super) fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Text(text) => self.text(text),
            Item::Int(number) => self.decimal(number),
        }
    }

    /// Forgets what was written.
    pub(super) fn wipe(&mut self) {
        self.bytes.clear();
        (self.long, self.whole) = (None, None);
    }

    /// The digest of all that was written; the next begins anew.
    #[inline]
    pub(super) fn dry(&mut self) -> u128 {
        if let Some(whole) = self.whole.take() {
            return whole;
        }
        let digest = match self.long.take() {
            None => self.maker.digest(&self.bytes),
            Some(long) => long.end(&self.bytes),
        };
        self.bytes.clear();
        digest
    }
}
