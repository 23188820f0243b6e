//! Streams by meaning: entries out of their nodes, then the groups and what each consumer has pending.
use super::super::cursor::{Step, Text};
use super::super::encoded::{Item, Listpack};
use super::super::feed::Feed;
use super::super::report::Kind;
use super::super::value::Value;
use super::super::visitor::Visitor;
use super::super::walker::Walker;
use super::parts::{Parts, StreamId};

impl<F: Feed, V: Visitor> Walker<'_, F, V> {
    pub(super) fn meant_stream(&mut self, op: u8) -> Step<Value> {
        self.parts.begin(Kind::Stream);
        for _ in 0..self.cursor.number()? {
            let first = match self.cursor.text()? {
                Text::Plain(16) => self.stream_id()?,
                _ => return self.cursor.bad("a stream id is not 16 bytes long"),
            };
            self.read_blob()?;
            if let Err(because) = Node::read(first, &self.blob, &mut self.parts) {
                return self.cursor.bad(because);
            }
        }
        let length = self.cursor.number()?;
        let last = (self.cursor.number()?, self.cursor.number()?);
        self.parts.last_id(last);
        // First id, highest deleted id, entries ever added.
        self.skip_numbers(if op >= 19 { 5 } else { 0 })?;
        for _ in 0..self.cursor.number()? {
            self.meant_group(op)?;
        }
        Ok(Value { empty: false, ..Value::of(Kind::Stream, length) })
    }

    /// As keys of entries are kept: in the order in which they sort.
    fn stream_id(&mut self) -> Step<StreamId> {
        Ok((u64::from_be_bytes(self.cursor.array()?), u64::from_be_bytes(self.cursor.array()?)))
    }

    fn meant_group(&mut self, op: u8) -> Step<()> {
        let name = self.name()?;
        let last = (self.cursor.number()?, self.cursor.number()?);
        // Entries the group has read.
        self.skip_numbers(u64::from(op >= 19))?;
        for _ in 0..self.cursor.number()? {
            let id = self.stream_id()?;
            let delivered_at = i64::from_le_bytes(self.cursor.array()?);
            let times = self.cursor.number()?;
            self.parts.pending(id, delivered_at, times);
        }
        for _ in 0..self.cursor.number()? {
            let consumer = self.name()?;
            // When it was last seen and, since 7.2, last got something.
            self.cursor.skip(if op >= 21 { 16 } else { 8 })?;
            for _ in 0..self.cursor.number()? {
                let id = self.stream_id()?;
                self.parts.owns(id);
            }
            self.parts.consumer(&consumer);
        }
        self.parts.group(&name, last);
        Ok(())
    }

    /// A name of a group or a consumer: a key's limit is more than any has.
    fn name(&mut self) -> Step<Vec<u8>> {
        let text = self.cursor.text()?;
        let mut name = Vec::new();
        self.string_into(text, NAME_BYTES, &mut name)?;
        Ok(name)
    }
}

/// The longest name of a group or a consumer that is read.
const NAME_BYTES: u64 = 16 << 20;

/// What is wrong with a node that reads as a listpack and not as entries.
const ODD: &str = "packed elements do not make a stream's entries";

/// A node: a listpack of a master entry, whose id the node is known by and whose fields the others may share, and entries.
///
/// ```text
/// master    count, deleted, n, n fields, 0
/// entry     flags, ms - first, seq - first, [n, n fields and values | values of the master's fields], number of elements
/// ```
struct Node<'a> {
    items: Listpack<'a>,
    /// The master's fields, and how many.
    fields: (Listpack<'a>, u64),
    first: StreamId,
}

impl<'a> Node<'a> {
    /// Shows the entries of a node that are not deleted.
    fn read(first: StreamId, blob: &'a [u8], parts: &mut Parts) -> Result<(), &'static str> {
        let items = Listpack::open(blob)?;
        let mut node = Node { fields: (items.clone(), 0), items, first };
        let entries = node.int()?.checked_add(node.int()?).ok_or(ODD)?;
        let count = node.count()?;
        node.fields = (node.items.clone(), count);
        for _ in 0..count {
            node.next()?;
        }
        if node.int()? != 0 {
            return Err(ODD);
        }
        for _ in 0..entries {
            node.entry(parts)?;
        }
        if node.items.item()?.is_none() { Ok(()) } else { Err(ODD) }
    }

    fn entry(&mut self, parts: &mut Parts) -> Result<(), &'static str> {
        let flags = self.int()?;
        let (ms, seq) = (self.int()?, self.int()?);
        let id = (self.first.0.wrapping_add_signed(ms), self.first.1.wrapping_add_signed(seq));
        let (deleted, shared) = (flags & 1 != 0, flags & 2 != 0);
        let (mut fields, count) = self.fields.clone();
        let count = if shared { count } else { self.count()? };
        if !deleted {
            parts.entry(id, count.saturating_mul(2));
        }
        for _ in 0..count {
            let field = if shared { fields.item()?.ok_or(ODD)? } else { self.next()? };
            let value = self.next()?;
            if !deleted {
                parts.next_item(field);
                parts.next_item(value);
            }
        }
        // How many elements it had, for going backwards.
        self.int().map(|_| ())
    }

    fn next(&mut self) -> Result<Item<'a>, &'static str> {
        self.items.item()?.ok_or(ODD)
    }

    fn int(&mut self) -> Result<i64, &'static str> {
        match self.next()? {
            Item::Int(number) => Ok(number),
            Item::Text(_) => Err(ODD),
        }
    }

    fn count(&mut self) -> Result<u64, &'static str> {
        u64::try_from(self.int()?).map_err(|_| ODD)
    }
}
