//! A meaning, put together from the parts of a value.
use super::super::encoded::Item;
use super::super::report::Kind;
use super::Meaning;
use super::ink::Ink;
use super::maker::{Maker, Secret};

/// The id of a stream's entry: milliseconds and sequence.
pub type StreamId = (u64, u64);

/// Puts a meaning together. A file's walk does it so; so can whoever asks a server for a large value in pieces, in whatever
/// pieces: the members of a set, the fields of a hash, the members of a sorted set and the groups of a stream in any order,
/// each once; the bytes of a string, the elements of a list and the entries of a stream in theirs.
///
/// [`Parts::begin`], then the parts of that type, then [`Parts::end`]. It can be used again.
#[derive(Debug, Default)]
pub struct Parts {
    kind: Option<Kind>,
    /// What has an order.
    pub(super) whole: Ink,
    /// One element of what has none.
    pub(super) each: Ink,
    count: u64,
    sum: u128,
    last_id: StreamId,
    group: Group,
}

/// Of the group of a stream that is being read: sums of the digests of its parts.
#[derive(Debug, Default)]
struct Group {
    pending: u128,
    consumers: u128,
    owned: u128,
}

impl Parts {
    /// Gives meanings that can only be compared with others of the same secret.
    pub(in super::super) fn keyed(secret: &Secret) -> Self {
        let ink = || Ink::of(Maker::Keyed(secret.clone()));
        Parts { whole: ink(), each: ink(), ..Parts::default() }
    }

    /// A value of this type begins.
    pub fn begin(&mut self, kind: Kind) {
        (self.kind, self.count, self.sum, self.last_id) = (Some(kind), 0, 0, (0, 0));
        // What was broken off before.
        self.whole.wipe();
        self.each.wipe();
        self.group = Group::default();
    }

    /// The next bytes of a string.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.whole.raw(bytes);
    }

    /// The next element of a list.
    pub fn element(&mut self, element: &[u8]) {
        self.whole.text(element);
    }

    /// A member of a set.
    pub fn member(&mut self, member: &[u8]) {
        self.each.text(member);
        self.close_member();
    }

    /// A member of a sorted set. Plus and minus zero are one score.
    pub fn scored(&mut self, member: &[u8], score: f64) {
        self.each.text(member);
        self.close_scored(score);
    }

    /// A field of a hash, with the moment at which it expires, Unix milliseconds.
    pub fn field(&mut self, field: &[u8], value: &[u8], expires_at_ms: Option<i64>) {
        self.each.text(field);
        self.each.text(value);
        self.close_field(expires_at_ms);
    }

    /// The next entry of a stream; its fields and values follow, as [`Parts::element`]s, so many in all.
    pub fn entry(&mut self, id: StreamId, texts: u64) {
        self.whole.raw(&id.0.to_le_bytes());
        self.whole.raw(&id.1.to_le_bytes());
        self.whole.len(texts);
    }

    /// The id a stream has come to.
    pub fn last_id(&mut self, id: StreamId) {
        self.last_id = id;
    }

    /// An entry that was delivered to a consumer of the group that [`Parts::group`] will name, and not acknowledged: when it
    /// was last delivered, Unix milliseconds, and how often.
    pub fn pending(&mut self, id: StreamId, delivered_at_ms: i64, times: u64) {
        let of = [id.0.to_le_bytes(), id.1.to_le_bytes(), delivered_at_ms.to_le_bytes(), times.to_le_bytes()];
        self.each.raw(of.as_flattened());
        self.group.pending = self.group.pending.wrapping_add(self.each.dry());
    }

    /// An entry that is pending with the consumer that [`Parts::consumer`] will name.
    pub fn owns(&mut self, id: StreamId) {
        self.each.raw([id.0.to_le_bytes(), id.1.to_le_bytes()].as_flattened());
        self.group.owned = self.group.owned.wrapping_add(self.each.dry());
    }

    /// A consumer, behind all it owns.
    pub fn consumer(&mut self, name: &[u8]) {
        self.each.text(name);
        self.each.raw(&std::mem::take(&mut self.group.owned).to_le_bytes());
        self.group.consumers = self.group.consumers.wrapping_add(self.each.dry());
    }

    /// A group, behind its pending entries and its consumers: the last id it delivered.
    pub fn group(&mut self, name: &[u8], last_id: StreamId) {
        let group = std::mem::take(&mut self.group);
        self.each.text(name);
        self.each.raw([last_id.0.to_le_bytes(), last_id.1.to_le_bytes()].as_flattened());
        self.each.raw([group.pending.to_le_bytes(), group.consumers.to_le_bytes()].as_flattened());
        self.close_member();
    }

    /// The meaning of all that was given since the value began.
    pub fn end(&mut self) -> Meaning {
        let whole = self.whole.dry();
        let kind = self.kind.take().map_or(u8::MAX, |kind| kind as u8);
        let digests = [whole.to_le_bytes(), self.sum.to_le_bytes()];
        let numbers = [self.count, self.last_id.0, self.last_id.1].map(u64::to_le_bytes);
        self.each.wipe();
        for part in [&[kind], digests.as_flattened(), numbers.as_flattened()] {
            self.each.raw(part);
        }
        Meaning::of(self.each.dry())
    }

    /// The element is written whole.
    pub(super) fn close_member(&mut self) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(self.each.dry());
    }

    pub(super) fn close_scored(&mut self, score: f64) {
        let score = if score == 0.0 { 0.0 } else { score };
        self.each.raw(&score.to_bits().to_le_bytes());
        self.close_member();
    }

    pub(super) fn close_field(&mut self, expires_at_ms: Option<i64>) {
        if let Some(at) = expires_at_ms {
            self.each.raw(&at.to_le_bytes());
        }
        self.close_member();
    }

    pub(super) fn next_item(&mut self, item: Item<'_>) {
        self.whole.item(item);
    }

    /// Elements taken, of what has no order.
    pub(super) fn count(&self) -> u64 {
        self.count
    }
}
