//! The records between keys: AUX fields, functions, modules, slots.

use super::cursor::{Step, Text};
use super::decimal::{DECIMAL, decimal};
use super::feed::Feed;
use super::lzf::unlzf;
use super::report::Announced;
use super::visitor::Visitor;
use super::walker::Walker;

/// Limits on what a report may hold, however the file was made.
const AUX_FIELDS: usize = 64;
const AUX_BYTES: u64 = 1024;
const MODULES: usize = 256;
/// The longest code of a library that is looked at.
const LIBRARY_BYTES: u64 = 64 << 20;

impl<F: Feed, V: Visitor> Walker<'_, F, V> {
    /// The opcodes a file has few of.
    pub(super) fn opcode(&mut self, op: u8) -> Step<()> {
        match op {
            0xfb => {
                let announced = Announced { keys: self.cursor.number()?, expires: self.cursor.number()? };
                self.tally.announced = Some(announced);
                Ok(())
            }
            0xfa => self.aux(),
            0xf7 => {
                let from = self.cursor.offset() - 1;
                self.module_aux()?;
                if V::LIBRARIES {
                    self.visitor.module_data(from, self.cursor.offset() - from);
                }
                Ok(())
            }
            0xf6 => {
                self.skip_strings(2)?;
                let described = u64::from(self.cursor.number()? != 0);
                self.skip_strings(described + 1)?;
                self.report.functions += 1;
                Ok(())
            }
            0xf5 => {
                if V::LIBRARIES {
                    self.library()?;
                } else {
                    self.skip_strings(1)?;
                }
                self.report.functions += 1;
                Ok(())
            }
            0xf4 => self.skip_numbers(3),
            _ if self.valkey => self.slot_import(),
            _ if self.report.version >= 13 => self.key_meta(),
            other => self.cursor.bad(format!("opcode {other} does not exist")),
        }
    }

    fn library(&mut self) -> Step<()> {
        let text = self.cursor.text()?;
        let mut code = std::mem::take(&mut self.blob);
        code.clear();
        let read = self.string_into(text, LIBRARY_BYTES, &mut code);
        self.blob = code;
        read?;
        self.visitor.library(&self.blob);
        Ok(())
    }

    fn aux(&mut self) -> Step<()> {
        let (name, value) = (self.short_string()?, self.short_string()?);
        if let (Some(name), Some(value)) = (name, value)
            && self.report.aux.len() < AUX_FIELDS
        {
            self.report.aux.insert(name, value);
        }
        Ok(())
    }

    /// A string for the report; none when it is longer than a report should hold.
    fn short_string(&mut self) -> Step<Option<String>> {
        let text = self.cursor.text()?;
        let len = match text {
            Text::Plain(len) | Text::Lzf { len, .. } => len,
            Text::Int(_) => 0,
        };
        if len > AUX_BYTES {
            self.pass(text)?;
            return Ok(None);
        }
        let mut bytes = Vec::new();
        self.string_into(text, AUX_BYTES, &mut bytes)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Appends a string, unpacked, to `sink`.
    #[inline]
    pub(super) fn string_into(&mut self, text: Text, limit: u64, sink: &mut Vec<u8>) -> Step<()> {
        match text {
            Text::Plain(len) | Text::Lzf { len, .. } if len > limit => {
                self.cursor.bad(format!("a string of {len} bytes where at most {limit} can be"))
            }
            Text::Plain(len) => self.cursor.append(len, sink),
            Text::Int(n) => {
                sink.extend_from_slice(decimal(n, &mut [0; DECIMAL]));
                Ok(())
            }
            Text::Lzf { packed, len } => self.unlzf_into(packed, len as usize, sink),
        }
    }

    /// Appends what the next `packed` bytes unpack to.
    pub(super) fn unlzf_into(&mut self, packed: u64, len: usize, sink: &mut Vec<u8>) -> Step<()> {
        let unpacked = if let Some(whole) = self.cursor.here(packed) {
            unlzf(whole, len, sink)
        } else {
            self.packed.clear();
            self.cursor.append(packed, &mut self.packed)?;
            unlzf(&self.packed, len, sink)
        };
        unpacked.or_else(|because| self.cursor.bad(because))
    }

    fn module_aux(&mut self) -> Step<()> {
        let id = self.cursor.number()?;
        self.module(id);
        if self.cursor.number()? != 2 {
            return self.cursor.bad("module data does not say when to load it");
        }
        self.cursor.number()?;
        self.module_opcodes()
    }

    /// Redis 8.6: module metadata of the next key.
    fn key_meta(&mut self) -> Step<()> {
        for _ in 0..self.cursor.number()? {
            self.cursor.skip(4)?;
            self.module_opcodes()?;
        }
        Ok(())
    }

    /// Valkey 9: a slot migration under way.
    fn slot_import(&mut self) -> Step<()> {
        self.skip_strings(1)?;
        for _ in 0..self.cursor.number()? {
            self.skip_numbers(2)?;
        }
        Ok(())
    }

    /// Notes the module a 64-bit id stands for: nine characters of six bits, then ten bits of version.
    pub(super) fn module(&mut self, id: u64) {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let letter = |at: u32| char::from(LETTERS.get((id >> (10 + 6 * at) & 63) as usize).copied().unwrap_or(b'?'));
        let name: String = (0..9).rev().map(letter).collect();
        if self.report.modules.len() < MODULES && !self.report.modules.contains(&name) {
            self.report.modules.push(name);
        }
    }
}
