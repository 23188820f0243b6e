//! Writes an RDB: a header, records as they were in another file of the same version, and a checksum that fits.
use std::io::{self, Write};

use crc_fast::Digest;

use super::feed::digest;
use super::report::Magic;

/// An RDB being written.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    sum: Digest,
    /// The database of the last record.
    db: Option<u64>,
    version: u32,
}

impl<W: Write> Writer<W> {
    /// Begins with the header of a family and a version, and then AUX fields.
    ///
    /// # Errors
    /// The bytes can't be written.
    pub fn begin(out: W, magic: Magic, version: u32) -> io::Result<Self> {
        let mut writer = Writer { out, sum: digest(), db: None, version };
        let header = match magic {
            Magic::Redis => format!("REDIS{version:04}"),
            Magic::Valkey => format!("VALKEY{version:03}"),
        };
        writer.raw(header.as_bytes())?;
        Ok(writer)
    }

    /// Bytes that are part of a record.
    ///
    /// # Errors
    /// They can't be written.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.update(bytes);
        self.out.write_all(bytes)
    }

    fn number(&mut self, n: u64) -> io::Result<()> {
        match u8::try_from(n) {
            Ok(short) if short < 64 => self.raw(&[short]),
            _ => {
                self.raw(&[0x81])?;
                self.raw(&n.to_be_bytes())
            }
        }
    }

    fn text(&mut self, text: &[u8]) -> io::Result<()> {
        self.number(text.len() as u64)?;
        self.raw(text)
    }

    /// An AUX field.
    ///
    /// # Errors
    /// It can't be written.
    pub fn aux(&mut self, name: &str, value: &str) -> io::Result<()> {
        self.raw(&[0xfa])?;
        self.text(name.as_bytes())?;
        self.text(value.as_bytes())
    }

    /// A library of functions.
    ///
    /// # Errors
    /// It can't be written.
    pub fn library(&mut self, code: &[u8]) -> io::Result<()> {
        self.raw(&[0xf5])?;
        self.text(code)
    }

    /// What stands before the bytes of a key's record: its database where that is another, and its expiry, Unix
    /// milliseconds. The record itself comes next, by [`Writer::raw`].
    ///
    /// # Errors
    /// It can't be written.
    pub fn before_key(&mut self, db: u64, expire_ms: Option<i64>) -> io::Result<()> {
        if self.db != Some(db) {
            self.db = Some(db);
            self.raw(&[0xfe])?;
            self.number(db)?;
        }
        if let Some(at) = expire_ms {
            self.raw(&[0xfc])?;
            self.raw(&at.to_le_bytes())?;
        }
        Ok(())
    }

    /// Ends the file, with its checksum, and gives back what it was written to.
    ///
    /// # Errors
    /// It can't be written.
    pub fn end(mut self) -> io::Result<W> {
        self.raw(&[0xff])?;
        if self.version >= 5 {
            let sum = self.sum.finalize();
            self.out.write_all(&sum.to_le_bytes())?;
        }
        self.out.flush()?;
        Ok(self.out)
    }
}
