//! Streams: entries by node, then the consumer groups and what each has pending.

use super::cursor::{Step, Text};
use super::encoded::Packing;
use super::feed::Feed;
use super::report::Kind;
use super::value::Value;
use super::visitor::Visitor;
use super::walker::Walker;

impl<F: Feed, V: Visitor> Walker<'_, F, V> {
    pub(super) fn stream(&mut self, op: u8) -> Step<Value> {
        for _ in 0..self.cursor.number()? {
            match self.cursor.text()? {
                Text::Plain(16) => self.cursor.skip(16)?,
                _ => return self.cursor.bad("a stream id is not 16 bytes long"),
            }
            self.blob(Packing::Listpack, Kind::Stream, 1)?;
        }
        let length = self.cursor.number()?;
        // Last id; since 7.0 also first id, highest deleted id, and entries ever added.
        self.skip_numbers(if op >= 19 { 7 } else { 2 })?;
        for _ in 0..self.cursor.number()? {
            self.consumer_group(op)?;
        }
        // An empty stream is a stream.
        Ok(Value { empty: false, ..Value::of(Kind::Stream, length) })
    }

    fn consumer_group(&mut self, op: u8) -> Step<()> {
        self.skip_strings(1)?;
        self.skip_numbers(if op >= 19 { 3 } else { 2 })?;
        for _ in 0..self.cursor.number()? {
            self.cursor.skip(24)?;
            self.cursor.number()?;
        }
        for _ in 0..self.cursor.number()? {
            self.skip_strings(1)?;
            self.cursor.skip(if op >= 21 { 16 } else { 8 })?;
            let pending = self.cursor.number()?;
            // One id at a time, so that an absurd count ends at the end of the file.
            for _ in 0..pending {
                self.cursor.skip(16)?;
            }
        }
        Ok(())
    }
}
