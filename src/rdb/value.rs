//! What each value type looks like.

use super::cursor::{Step, Text};
use super::decimal::decimal_len;
use super::encoded::{HEAD, Packing, listpack_entries, listpack_number};
use super::feed::Feed;
use super::lzf::{PACKED_HEAD, unlzf_head};
use super::report::Kind;
use super::visitor::Visitor;
use super::walker::Walker;

/// Blobs above this are walked over without looking inside, so that a hostile one cannot ask for memory.
const BLOB_LIMIT: u64 = 256 << 20;

/// What was learnt about one value.
#[derive(Clone, Copy)]
pub(super) struct Value {
    pub(super) kind: Kind,
    pub(super) size: Option<u64>,
    /// A collection without an element.
    pub(super) empty: bool,
    /// A hash with fields that expire.
    pub(super) field_expires: bool,
    /// When the last field of a hash goes whose every field expires, Unix milliseconds.
    pub(super) last_field_ms: Option<i64>,
}

impl Value {
    pub(super) fn of(kind: Kind, size: u64) -> Self {
        Value { empty: size == 0, ..Value::sized(kind, Some(size)) }
    }

    pub(super) fn sized(kind: Kind, size: Option<u64>) -> Self {
        Value { kind, size, empty: false, field_expires: false, last_field_ms: None }
    }

    /// A hash with fields that expire, each with its expiry or none.
    pub(super) fn timed(fields: &Fields) -> Self {
        let last_field_ms = fields.last.filter(|_| !fields.stays);
        Value { field_expires: true, last_field_ms, ..Value::of(Kind::Hash, fields.count) }
    }
}

/// The fields of one hash, as far as they were read.
#[derive(Default)]
pub(super) struct Fields {
    count: u64,
    /// The latest expiry, Unix milliseconds.
    last: Option<i64>,
    /// Has one of them none?
    stays: bool,
}

impl Fields {
    pub(super) fn add(&mut self, expires_at_ms: Option<i64>) {
        self.count += 1;
        self.last = self.last.max(expires_at_ms);
        self.stays |= expires_at_ms.is_none();
    }
}

/// Can this walker read the type in such a file?
#[inline]
pub(super) fn known(op: u8, valkey: bool) -> bool {
    match op {
        0..=5 | 7 | 9..=22 => true,
        23..=25 => !valkey,
        _ => false,
    }
}

/// The name of a record, for messages.
pub(super) fn name(op: u8, valkey: bool) -> String {
    let name = match op {
        0 => "string",
        1 | 10 | 14 | 18 => "list",
        2 | 11 | 20 => "set",
        3 | 5 | 12 | 17 => "sorted set",
        4 | 9 | 13 | 16 | 22..=25 => "hash",
        6 | 7 => "module value",
        15 | 19 | 21 | 26 | 27 => "stream",
        0xf3 if valkey => "slot import",
        0xf3 => "key metadata",
        0xf4 => "slot info",
        0xf5 | 0xf6 => "function library",
        0xf7 => "module data",
        0xf8 => "idle time",
        0xf9 => "use frequency",
        0xfa => "AUX field",
        0xfb => "database size",
        0xfc | 0xfd => "expiry",
        0xfe => "database number",
        _ => "record",
    };
    format!("{name} (type {op})")
}

impl<F: Feed, V: Visitor> Walker<'_, F, V> {
    pub(super) fn value(&mut self, op: u8) -> Step<Value> {
        Ok(match op {
            0 => Value::sized(Kind::String, self.string()?),
            1 => Value::of(Kind::List, self.strings(1)?),
            2 => Value::of(Kind::Set, self.strings(1)?),
            3 => Value::of(Kind::Zset, self.text_scores()?),
            4 => Value::of(Kind::Hash, self.strings(2)?),
            5 => Value::of(Kind::Zset, self.scores()?),
            7 => self.module_value()?,
            9 => self.blob(Packing::Zipmap, Kind::Hash, 2)?,
            10 => self.blob(Packing::Ziplist, Kind::List, 1)?,
            11 => self.blob(Packing::Intset, Kind::Set, 1)?,
            12 => self.blob(Packing::Ziplist, Kind::Zset, 2)?,
            13 => self.blob(Packing::Ziplist, Kind::Hash, 2)?,
            14 => self.quicklist(false)?,
            15 | 19 | 21 => self.stream(op)?,
            16 => self.blob(Packing::Listpack, Kind::Hash, 2)?,
            17 => self.blob(Packing::Listpack, Kind::Zset, 2)?,
            18 => self.quicklist(true)?,
            20 => self.blob(Packing::Listpack, Kind::Set, 1)?,
            22 if self.valkey => self.dated_fields()?,
            // Before the release the times were not relative: as if to the first millisecond.
            22 => self.timed_fields(1)?,
            23 => self.timed_listpack()?,
            24 => {
                let first = i64::from_le_bytes(self.cursor.array()?);
                self.timed_fields(first)?
            }
            25 => {
                self.cursor.skip(8)?;
                self.timed_listpack()?
            }
            other => return self.cursor.bad(format!("unknown type {other}")),
        })
    }

    /// Reads over a string whose head was read; looks inside a compressed one only in a deep walk.
    #[inline]
    pub(super) fn pass(&mut self, text: Text) -> Step<()> {
        match text {
            Text::Lzf { packed, len } if self.opts.deep => self.unpack(packed, len),
            _ => self.cursor.skip_text(text),
        }
    }

    #[inline]
    pub(super) fn skip_strings(&mut self, n: u64) -> Step<()> {
        self.skip_members(n, 0)
    }

    /// Reads over strings, each with so many bytes behind it.
    fn skip_members(&mut self, mut left: u64, behind: usize) -> Step<()> {
        loop {
            left = self.cursor.skip_short(left, behind);
            if left == 0 {
                return Ok(());
            }
            let text = self.cursor.text()?;
            self.pass(text)?;
            self.cursor.skip(behind as u64)?;
            left -= 1;
        }
    }

    #[inline]
    pub(super) fn skip_numbers(&mut self, n: u64) -> Step<()> {
        for _ in 0..n {
            self.cursor.number()?;
        }
        Ok(())
    }

    fn string(&mut self) -> Step<Option<u64>> {
        let text = self.cursor.text()?;
        self.pass(text)?;
        Ok(Some(match text {
            Text::Plain(len) | Text::Lzf { len, .. } => len,
            Text::Int(n) if V::KEYS => decimal_len(n),
            Text::Int(_) => 0,
        }))
    }

    /// A count, and so many groups of `each` strings.
    fn strings(&mut self, each: u64) -> Step<u64> {
        let count = self.cursor.number()?;
        // An absurd count ends at the end of the file, however it is multiplied.
        self.skip_strings(count.saturating_mul(each))?;
        Ok(count)
    }

    fn scores(&mut self) -> Step<u64> {
        let count = self.cursor.number()?;
        self.skip_members(count, 8)?;
        Ok(count)
    }

    /// Sorted sets before RDB 8: scores as text.
    fn text_scores(&mut self) -> Step<u64> {
        let count = self.cursor.number()?;
        for _ in 0..count {
            self.skip_strings(1)?;
            let len = self.cursor.byte()?;
            // 253 to 255 stand for not-a-number and the infinities.
            if len < 253 {
                self.cursor.skip(u64::from(len))?;
            }
        }
        Ok(count)
    }

    /// Redis 7.4: hash fields, each after its expiry, which counts from one before `first`; 0 is none.
    fn timed_fields(&mut self, first: i64) -> Step<Value> {
        let (count, mut fields) = (self.cursor.number()?, Fields::default());
        for _ in 0..count {
            let after = self.cursor.number()?;
            let at = first.saturating_add_unsigned(after).saturating_sub(1);
            fields.add((after > 0).then_some(at));
            self.skip_strings(2)?;
        }
        Ok(Value::timed(&fields))
    }

    /// Valkey 9: hash fields, each before its expiry; -1 is none.
    fn dated_fields(&mut self) -> Step<Value> {
        let (count, mut fields) = (self.cursor.number()?, Fields::default());
        for _ in 0..count {
            self.skip_strings(2)?;
            let at = i64::from_le_bytes(self.cursor.array()?);
            fields.add((at != -1).then_some(at));
        }
        Ok(Value::timed(&fields))
    }

    /// Redis 7.4: a packed hash, every field followed by its value and its expiry; 0 is none.
    fn timed_listpack(&mut self) -> Step<Value> {
        let at = self.cursor.offset();
        let text = self.cursor.text()?;
        match text {
            Text::Plain(len) if len <= BLOB_LIMIT => {
                self.blob.clear();
                self.cursor.append(len, &mut self.blob)?;
            }
            Text::Lzf { packed, len } if len <= BLOB_LIMIT => self.unpack(packed, len)?,
            _ => {
                self.cursor.skip_text(text)?;
                return Ok(Value { field_expires: true, ..Value::sized(Kind::Hash, None) });
            }
        }
        let (mut entries, mut fields) = (0u64, Fields::default());
        let walked = listpack_entries(&self.blob, |entry| {
            if entries % 3 == 2 {
                fields.add(listpack_number(entry).filter(|at| *at > 0));
            }
            entries += 1;
        });
        match walked {
            Ok(()) if entries % 3 == 0 => Ok(Value::timed(&fields)),
            Ok(()) => self.cursor.bad_at(at, format!("{entries} packed elements do not make fields with expiries")),
            Err(because) => self.cursor.bad_at(at, because),
        }
    }

    fn module_value(&mut self) -> Step<Value> {
        let id = self.cursor.number()?;
        self.module(id);
        self.module_opcodes()?;
        Ok(Value::sized(Kind::Module, None))
    }

    /// What a module wrote, readable without the module.
    pub(super) fn module_opcodes(&mut self) -> Step<()> {
        loop {
            match self.cursor.number()? {
                0 => return Ok(()),
                1 | 2 => _ = self.cursor.number()?,
                3 => self.cursor.skip(4)?,
                4 => self.cursor.skip(8)?,
                5 => self.skip_strings(1)?,
                other => {
                    return self.cursor.bad(format!("module opcode {other} does not exist"));
                }
            }
        }
    }

    /// A list of packed lists; in the newer form each says whether it is one large element instead.
    fn quicklist(&mut self, newer: bool) -> Step<Value> {
        let packing = if newer { Packing::Listpack } else { Packing::Ziplist };
        let (mut size, mut empty) = (Some(0u64), true);
        for _ in 0..self.cursor.number()? {
            let node = match if newer { self.cursor.number()? } else { 2 } {
                1 => {
                    self.skip_strings(1)?;
                    Value::of(Kind::List, 1)
                }
                2 => self.blob(packing, Kind::List, 1)?,
                other => {
                    return self.cursor.bad(format!("list container {other} does not exist"));
                }
            };
            size = size.zip(node.size).map(|(sum, n)| sum.saturating_add(n));
            empty &= node.empty;
        }
        Ok(Value { empty, ..Value::sized(Kind::List, size) })
    }

    /// A packed collection; `each` packed elements make one logical one.
    pub(super) fn blob(&mut self, packing: Packing, kind: Kind, each: u64) -> Step<Value> {
        let text = self.cursor.text()?;
        let len = match text {
            Text::Plain(len) | Text::Lzf { len, .. } => len,
            Text::Int(_) if self.opts.deep => {
                return self.cursor.bad("an integer where packed elements belong");
            }
            Text::Int(_) => u64::MAX,
        };
        let count = if self.opts.deep && len <= BLOB_LIMIT {
            Some(self.check_blob(packing, text)?)
        } else if V::KEYS {
            self.peek_count(packing, text)?
        } else {
            self.cursor.skip_text(text)?;
            None
        };
        if let (true, Some(n)) = (self.opts.deep, count)
            && n % each != 0
        {
            return self.cursor.bad(format!("{n} packed elements do not make a {kind}"));
        }
        let empty = len == packing.empty_len() || count == Some(0);
        Ok(Value { empty, ..Value::sized(kind, count.map(|n| n / each)) })
    }

    /// The element count a blob begins with.
    fn peek_count(&mut self, packing: Packing, text: Text) -> Step<Option<u64>> {
        self.blob.clear();
        match text {
            Text::Plain(len) => {
                if let Some(blob) = self.cursor.here(len) {
                    return Ok(packing.count(blob));
                }
                let head = len.min(HEAD as u64);
                self.cursor.append(head, &mut self.blob)?;
                self.cursor.skip(len - head)?;
            }
            Text::Lzf { packed, .. } => {
                let head = packed.min(PACKED_HEAD as u64);
                if let Some(whole) = self.cursor.here(packed) {
                    unlzf_head(whole.get(..head as usize).unwrap_or(whole), &mut self.blob);
                    return Ok(packing.count(&self.blob));
                }
                self.packed.clear();
                self.cursor.append(head, &mut self.packed)?;
                self.cursor.skip(packed - head)?;
                unlzf_head(&self.packed, &mut self.blob);
            }
            Text::Int(_) => {}
        }
        Ok(packing.count(&self.blob))
    }

    /// Reads a blob whole and walks it.
    fn check_blob(&mut self, packing: Packing, text: Text) -> Step<u64> {
        match text {
            Text::Plain(len) => {
                self.blob.clear();
                self.cursor.append(len, &mut self.blob)?;
            }
            Text::Lzf { packed, len } => self.unpack(packed, len)?,
            Text::Int(_) => return self.cursor.bad("an integer where packed elements belong"),
        }
        packing.check(&self.blob).or_else(|because| self.cursor.bad(because))
    }

    /// Unpacks a compressed string into the scratch buffer; one too large for that is only walked over.
    fn unpack(&mut self, packed: u64, len: u64) -> Step<()> {
        if len > BLOB_LIMIT {
            return self.cursor.skip(packed);
        }
        let mut blob = std::mem::take(&mut self.blob);
        blob.clear();
        let unpacked = self.unlzf_into(packed, len as usize, &mut blob);
        self.blob = blob;
        unpacked
    }
}
