//! Values of a file, read whole and told by meaning. The forms are those of `value`.
use super::super::cursor::{Step, Text};
use super::super::decimal::{DECIMAL, decimal, decimal_len};
use super::super::encoded::{Item, Packing};
use super::super::feed::Feed;
use super::super::lzf::Stretch;
use super::super::report::Kind;
use super::super::value::{Fields, Value};
use super::super::visitor::Visitor;
use super::super::walker::Walker;
use super::Meaning;

/// Compressed strings up to here are unpacked whole; longer ones in pieces.
const WHOLE: u64 = 1 << 20;
/// The longest packed collection a server makes or takes.
const PACKED_BYTES: u64 = 1 << 30;

/// Which ink a string goes into.
#[derive(Clone, Copy)]
enum Into {
    /// The value's, bytes only.
    Bytes,
    /// The value's, as one of several texts.
    Whole,
    /// The element's.
    Each,
}

impl<F: Feed, V: Visitor> Walker<'_, F, V> {
    /// Reads a value whole, as `value` reads over it, and tells what it means.
    pub(in super::super) fn meant(&mut self, op: u8) -> Step<(Value, Meaning)> {
        let value = match op {
            0 => self.meant_string()?,
            1 => self.meant_list()?,
            2 => self.meant_set()?,
            3 => self.meant_scores(true)?,
            4 => self.meant_hash(None)?,
            5 => self.meant_scores(false)?,
            7 => self.meant_module()?,
            9 => self.meant_pairs(Packing::Zipmap)?,
            10 => self.meant_packed_list(Packing::Ziplist)?,
            11 => self.meant_packed_set(Packing::Intset)?,
            12 => self.meant_packed_scores(Packing::Ziplist)?,
            13 => self.meant_pairs(Packing::Ziplist)?,
            14 => self.meant_quicklist(Packing::Ziplist)?,
            15 | 19 | 21 => self.meant_stream(op)?,
            16 => self.meant_pairs(Packing::Listpack)?,
            17 => self.meant_packed_scores(Packing::Listpack)?,
            18 => self.meant_quicklist(Packing::Listpack)?,
            20 => self.meant_packed_set(Packing::Listpack)?,
            22 if self.valkey => self.meant_dated_hash()?,
            22 => self.meant_hash(Some(1))?,
            23 => self.meant_triples()?,
            24 => {
                let first = i64::from_le_bytes(self.cursor.array()?);
                self.meant_hash(Some(first))?
            }
            25 => {
                self.cursor.skip(8)?;
                self.meant_triples()?
            }
            other => return self.cursor.bad(format!("unknown type {other}")),
        };
        Ok((value, self.parts.end()))
    }

    fn meant_string(&mut self) -> Step<Value> {
        self.parts.begin(Kind::String);
        let len = self.string_to(Into::Bytes)?;
        Ok(Value::sized(Kind::String, Some(len)))
    }

    fn meant_list(&mut self) -> Step<Value> {
        self.parts.begin(Kind::List);
        let count = self.cursor.number()?;
        for _ in 0..count {
            self.string_to(Into::Whole)?;
        }
        Ok(Value::of(Kind::List, count))
    }

    fn meant_set(&mut self) -> Step<Value> {
        self.parts.begin(Kind::Set);
        let count = self.cursor.number()?;
        for _ in 0..count {
            self.string_to(Into::Each)?;
            self.parts.close_member();
        }
        Ok(Value::of(Kind::Set, count))
    }

    fn meant_scores(&mut self, as_text: bool) -> Step<Value> {
        self.parts.begin(Kind::Zset);
        let count = self.cursor.number()?;
        for _ in 0..count {
            self.string_to(Into::Each)?;
            let score = if as_text { self.text_score()? } else { f64::from_le_bytes(self.cursor.array()?) };
            self.parts.close_scored(score);
        }
        Ok(Value::of(Kind::Zset, count))
    }

    /// A score before RDB 8.
    fn text_score(&mut self) -> Step<f64> {
        match self.cursor.byte()? {
            253 => Ok(f64::NAN),
            254 => Ok(f64::INFINITY),
            255 => Ok(f64::NEG_INFINITY),
            len => {
                self.blob.clear();
                self.cursor.append(u64::from(len), &mut self.blob)?;
                number(&self.blob).map_or_else(|| self.cursor.bad("a score that is no number"), Ok)
            }
        }
    }

    /// Fields and values; with `first` each behind its expiry, which counts from one before that moment, and 0 is none.
    fn meant_hash(&mut self, first: Option<i64>) -> Step<Value> {
        self.parts.begin(Kind::Hash);
        let (count, mut fields) = (self.cursor.number()?, Fields::default());
        for _ in 0..count {
            let at = match first {
                None => None,
                Some(first) => match self.cursor.number()? {
                    0 => None,
                    after => Some(first.saturating_add_unsigned(after).saturating_sub(1)),
                },
            };
            fields.add(at);
            self.string_to(Into::Each)?;
            self.string_to(Into::Each)?;
            self.parts.close_field(at);
        }
        Ok(if first.is_some() { Value::timed(&fields) } else { Value::of(Kind::Hash, count) })
    }

    /// Valkey 9: fields and values, each before its expiry; -1 is none.
    fn meant_dated_hash(&mut self) -> Step<Value> {
        self.parts.begin(Kind::Hash);
        let (count, mut fields) = (self.cursor.number()?, Fields::default());
        for _ in 0..count {
            self.string_to(Into::Each)?;
            self.string_to(Into::Each)?;
            let at = Some(i64::from_le_bytes(self.cursor.array()?)).filter(|at| *at != -1);
            fields.add(at);
            self.parts.close_field(at);
        }
        Ok(Value::timed(&fields))
    }

    /// Redis 7.4: packed, every field followed by its value and its expiry; 0 is none.
    fn meant_triples(&mut self) -> Step<Value> {
        self.parts.begin(Kind::Hash);
        self.read_blob()?;
        let (parts, mut at, mut fields) = (&mut self.parts, 0u8, Fields::default());
        let walked = Packing::Listpack.items(&self.blob, |item| {
            match item {
                Item::Int(expiry) if at == 2 => {
                    let expiry = Some(expiry).filter(|at| *at > 0);
                    fields.add(expiry);
                    parts.close_field(expiry);
                }
                _ if at == 2 => at = 4,
                item => parts.each.item(item),
            }
            at = (at + 1) % 3;
        });
        match walked {
            Ok(count) if count == 3 * self.parts.count() => Ok(Value::timed(&fields)),
            Ok(count) => self.cursor.bad(format!("{count} packed elements do not make fields with expiries")),
            Err(because) => self.cursor.bad(because),
        }
    }

    fn meant_pairs(&mut self, packing: Packing) -> Step<Value> {
        self.parts.begin(Kind::Hash);
        self.read_blob()?;
        let (parts, mut is_value) = (&mut self.parts, false);
        let walked = packing.items(&self.blob, |item| {
            parts.each.item(item);
            if is_value {
                parts.close_field(None);
            }
            is_value = !is_value;
        });
        self.in_pairs(walked, Kind::Hash)
    }

    fn meant_packed_scores(&mut self, packing: Packing) -> Step<Value> {
        self.parts.begin(Kind::Zset);
        self.read_blob()?;
        let (parts, mut is_score, mut odd) = (&mut self.parts, false, false);
        let walked = packing.items(&self.blob, |item| {
            if is_score {
                let score = match item {
                    Item::Int(score) => Some(score as f64),
                    Item::Text(text) => number(text),
                };
                odd |= score.is_none();
                parts.close_scored(score.unwrap_or(f64::NAN));
            } else {
                parts.each.item(item);
            }
            is_score = !is_score;
        });
        self.in_pairs(if odd { Err("a score that is no number") } else { walked }, Kind::Zset)
    }

    fn in_pairs(&mut self, walked: Result<u64, &'static str>, kind: Kind) -> Step<Value> {
        match walked {
            Ok(count) if count % 2 == 0 => Ok(Value::of(kind, count / 2)),
            Ok(count) => self.cursor.bad(format!("{count} packed elements do not make a {kind}")),
            Err(because) => self.cursor.bad(because),
        }
    }

    fn meant_packed_set(&mut self, packing: Packing) -> Step<Value> {
        self.parts.begin(Kind::Set);
        self.read_blob()?;
        let parts = &mut self.parts;
        let walked = packing.items(&self.blob, |item| {
            parts.each.item(item);
            parts.close_member();
        });
        walked.map(|count| Value::of(Kind::Set, count)).or_else(|because| self.cursor.bad(because))
    }

    fn meant_packed_list(&mut self, packing: Packing) -> Step<Value> {
        self.parts.begin(Kind::List);
        let count = self.packed_elements(packing)?;
        Ok(Value::of(Kind::List, count))
    }

    /// A list of packed lists; in the newer form each says whether it is one large element instead.
    fn meant_quicklist(&mut self, packing: Packing) -> Step<Value> {
        self.parts.begin(Kind::List);
        let mut count = 0u64;
        for _ in 0..self.cursor.number()? {
            count += match if packing == Packing::Listpack { self.cursor.number()? } else { 2 } {
                1 => {
                    self.string_to(Into::Whole)?;
                    1
                }
                2 => self.packed_elements(packing)?,
                other => return self.cursor.bad(format!("list container {other} does not exist")),
            };
        }
        Ok(Value::of(Kind::List, count))
    }

    fn packed_elements(&mut self, packing: Packing) -> Step<u64> {
        self.read_blob()?;
        let parts = &mut self.parts;
        packing.items(&self.blob, |item| parts.next_item(item)).or_else(|because| self.cursor.bad(because))
    }

    fn meant_module(&mut self) -> Step<Value> {
        self.parts.begin(Kind::Module);
        let id = self.cursor.number()?;
        self.module(id);
        self.parts.whole.raw(&id.to_le_bytes());
        loop {
            let op = self.cursor.number()?;
            self.parts.whole.len(op);
            match op {
                0 => return Ok(Value::sized(Kind::Module, None)),
                1 | 2 => {
                    let number = self.cursor.number()?;
                    self.parts.whole.raw(&number.to_le_bytes());
                }
                3 => {
                    let float: [u8; 4] = self.cursor.array()?;
                    self.parts.whole.raw(&float);
                }
                4 => {
                    let float: [u8; 8] = self.cursor.array()?;
                    self.parts.whole.raw(&float);
                }
                5 => _ = self.string_to(Into::Whole)?,
                other => return self.cursor.bad(format!("module opcode {other} does not exist")),
            }
        }
    }

    /// Reads a packed collection into the scratch buffer.
    pub(super) fn read_blob(&mut self) -> Step<()> {
        let text = self.cursor.text()?;
        if matches!(text, Text::Int(_)) {
            return self.cursor.bad("an integer where packed elements belong");
        }
        let mut blob = std::mem::take(&mut self.blob);
        blob.clear();
        let read = self.string_into(text, PACKED_BYTES, &mut blob);
        self.blob = blob;
        read
    }

    /// Reads a string into an ink, without ever holding all of a long one, and gives its length.
    fn string_to(&mut self, into: Into) -> Step<u64> {
        let text = self.cursor.text()?;
        let (len, number) = match text {
            Text::Plain(len) | Text::Lzf { len, .. } => (len, None),
            Text::Int(number) => (decimal_len(number), Some(number)),
        };
        let ink = if matches!(into, Into::Each) { &mut self.parts.each } else { &mut self.parts.whole };
        if !matches!(into, Into::Bytes) {
            ink.len(len);
        }
        if let Some(number) = number {
            ink.raw(decimal(number, &mut [0; DECIMAL]));
            return Ok(len);
        }
        match text {
            Text::Plain(len) => match self.cursor.here(len) {
                // The whole value, and nothing was written before.
                Some(bytes) if matches!(into, Into::Bytes) => ink.all(bytes),
                Some(bytes) => ink.raw(bytes),
                None => self.cursor.pieces(len, |piece| ink.raw(piece))?,
            },
            Text::Lzf { packed, len } if len > WHOLE => {
                let mut stretch = Stretch::new(len);
                let mut bad = Ok(());
                self.cursor.pieces(packed, |piece| {
                    if bad.is_ok() {
                        bad = stretch.take(piece, |unpacked| ink.raw(unpacked));
                    }
                })?;
                let ended = bad.and_then(|()| stretch.end(|unpacked| ink.raw(unpacked)));
                ended.or_else(|because| self.cursor.bad(because))?;
            }
            text => self.unpacked_to(text, into)?,
        }
        Ok(len)
    }

    /// Unpacks a string that is short enough to be held into an ink.
    fn unpacked_to(&mut self, text: Text, into: Into) -> Step<()> {
        let mut blob = std::mem::take(&mut self.blob);
        blob.clear();
        let read = self.string_into(text, WHOLE, &mut blob);
        match into {
            Into::Bytes => self.parts.whole.all(&blob),
            Into::Whole => self.parts.whole.raw(&blob),
            Into::Each => self.parts.each.raw(&blob),
        }
        self.blob = blob;
        read
    }
}

/// A score as text.
fn number(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
