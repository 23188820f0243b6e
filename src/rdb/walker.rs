//! The walk itself: header, opcodes, keys, checksum. What a value looks like is in `value`.

use super::cursor::{Cursor, Step, Stop};
use super::feed::Feed;
use super::meaning::{Meaning, Parts};
use super::report::{Announced, Checksum, DbCount, Kind, Magic, Report, Verdict};
use super::value::Value;
use super::visitor::{KeyMeta, Visitor};
use super::{Place, WalkOptions};

/// A limit on what a report may hold, however the file was made.
const DATABASES: usize = 65_536;
/// The longest key a server accepts.
const KEY_BYTES: u64 = 512 << 20;

/// The counts of the database being read, as plain numbers while it is.
#[derive(Default)]
pub(super) struct Tally {
    db: u64,
    keys: u64,
    expires: u64,
    expired: u64,
    field_expires: u64,
    expired_hashes: u64,
    kinds: [u64; Kind::ALL.len()],
    pub(super) announced: Option<Announced>,
}

/// One walk over one file.
pub(super) struct Walker<'p, F, V> {
    pub(super) cursor: Cursor<'p, F>,
    pub(super) opts: &'p WalkOptions,
    pub(super) visitor: V,
    pub(super) report: Report,
    pub(super) tally: Tally,
    pub(super) valkey: bool,
    /// Where the record being read begins, and its first byte; for messages.
    at: u64,
    op: Option<u8>,
    key: Vec<u8>,
    /// Scratch for blobs and compressed strings, reused.
    pub(super) packed: Vec<u8>,
    pub(super) blob: Vec<u8>,
    /// The meaning of the value being read, where it is asked for.
    pub(super) parts: Parts,
}

impl<'p, F: Feed, V: Visitor> Walker<'p, F, V> {
    pub(super) fn new(cursor: Cursor<'p, F>, opts: &'p WalkOptions, visitor: V) -> Self {
        let parts = visitor.parts();
        Walker {
            cursor,
            opts,
            visitor,
            report: Report::blank(),
            tally: Tally::default(),
            valkey: false,
            at: 0,
            op: None,
            key: Vec::new(),
            packed: Vec::new(),
            blob: Vec::new(),
            parts,
        }
    }

    /// Walks the records from a place inside a file, up to an end mark or to the first thing wrong.
    pub(super) fn records_from(mut self, place: Place) -> Report {
        self.report.magic = Some(place.magic);
        self.report.version = place.version;
        self.valkey = place.magic == Magic::Valkey;
        self.tally.db = place.db;
        let read = self.records();
        self.close_database();
        self.report.verdict = match read {
            Ok(()) => Verdict::Intact,
            Err(stop) => self.judge(*stop),
        };
        self.report.bytes = self.cursor.offset();
        self.report
    }

    /// Reads one value that stands alone behind its type, as DUMP gives it.
    pub(super) fn alone(mut self, valkey: bool) -> Result<(Kind, Meaning), Verdict> {
        self.valkey = valkey;
        self.report.version = u32::MAX;
        let read = self.cursor.byte().and_then(|op| {
            self.op = Some(op);
            if !super::value::known(op, valkey) {
                return Err(Box::new(Stop::Unknown(format!("type {op} is not known"))));
            }
            let (value, meaning) = self.meant(op)?;
            if !self.cursor.at_end()? {
                return self.cursor.bad("bytes follow the value");
            }
            Ok((value.kind, meaning))
        });
        read.map_err(|stop| self.judge(*stop))
    }

    /// Walks to the end or to the first thing wrong.
    pub(super) fn run(mut self) -> (Report, Cursor<'p, F>) {
        let verdict = self.file();
        self.close_database();
        self.report.verdict = match verdict {
            Ok(verdict) => verdict,
            Err(stop) => self.judge(*stop),
        };
        self.report.bytes = self.cursor.offset();
        self.report.memory_hint = self.report.aux.get("used-mem").and_then(|n| n.parse().ok());
        (self.report, self.cursor)
    }

    fn judge(&self, stop: Stop) -> Verdict {
        let inside = match self.op {
            None => "the header".to_owned(),
            Some(op) => format!("the {} that begins at offset {}", super::value::name(op, self.valkey), self.at),
        };
        match stop {
            Stop::Short => Verdict::Damaged {
                offset: self.cursor.offset(),
                because: match self.op {
                    Some(255) => "the file ends inside its checksum".to_owned(),
                    _ if self.at == self.cursor.offset() => "the file ends without its end mark".to_owned(),
                    _ => format!("the file ends inside {inside}"),
                },
            },
            Stop::Io(error) => Verdict::Unreadable { because: error.to_string() },
            Stop::Bad(offset, because) => Verdict::Damaged { offset, because: format!("{because}, in {inside}") },
            Stop::Unknown(because) => Verdict::UnknownVersion { because },
            Stop::Halted => Verdict::Stopped,
        }
    }

    fn file(&mut self) -> Step<Verdict> {
        if let Some(verdict) = self.header()? {
            return Ok(verdict);
        }
        self.records()?;
        let offset = self.cursor.offset();
        self.report.checksum = self.checksum()?;
        if !self.opts.stop_at_eof_opcode {
            self.report.trailing = !self.cursor.at_end()?;
        }
        Ok(match &self.report.checksum {
            Checksum::Bad { expected, got } => Verdict::Damaged {
                offset,
                because: format!("wrong checksum: the bytes give {expected}, the file says {got}"),
            },
            // One bit of the version turns the checksum off; what it leaves behind gives that away. No server that
            // writes preambles writes such versions.
            Checksum::Absent if self.report.trailing || self.opts.stop_at_eof_opcode => Verdict::Damaged {
                offset: 5,
                because: format!("version {} has no checksum, and yet bytes follow the end mark", self.report.version),
            },
            _ => Verdict::Intact,
        })
    }

    /// Reads the nine bytes of the header; a verdict when nothing after them can be read.
    fn header(&mut self) -> Step<Option<Verdict>> {
        if self.cursor.at_end()? {
            return Ok(Some(Verdict::Empty));
        }
        let mut head = [0; 9];
        for (at, slot) in head.iter_mut().enumerate() {
            // Digits only after the magic: a longer common prefix is not a header cut off.
            if self.cursor.at_end()? {
                let begun = head.get(..at).unwrap_or_default();
                let ours = b"REDIS".starts_with(begun.get(..at.min(5)).unwrap_or_default())
                    || b"VALKEY".starts_with(begun.get(..at.min(6)).unwrap_or_default());
                return if ours { Err(Box::new(Stop::Short)) } else { Ok(Some(Verdict::NotRdb)) };
            }
            *slot = self.cursor.byte()?;
        }
        let (magic, digits) = match &head {
            [b'R', b'E', b'D', b'I', b'S', digits @ ..] => (Magic::Redis, &digits[..]),
            [b'V', b'A', b'L', b'K', b'E', b'Y', digits @ ..] => (Magic::Valkey, &digits[..]),
            _ => return Ok(Some(Verdict::NotRdb)),
        };
        if !digits.iter().all(u8::is_ascii_digit) {
            return Ok(Some(Verdict::NotRdb));
        }
        let version = digits.iter().fold(0, |n, digit| n * 10 + u32::from(digit - b'0'));
        self.report.magic = Some(magic);
        self.report.version = version;
        self.valkey = magic == Magic::Valkey;
        let known = match magic {
            Magic::Redis => (1..=14).contains(&version),
            Magic::Valkey => (80..=81).contains(&version),
        };
        let because = || {
            format!("{} version {version} is not known to this walker", if self.valkey { "VALKEY" } else { "REDIS" })
        };
        Ok((!known).then(|| Verdict::UnknownVersion { because: because() }))
    }

    /// Everything up to and including the EOF opcode.
    fn records(&mut self) -> Step<()> {
        let (mut expire, mut from) = (None, None);
        loop {
            self.at = self.cursor.offset();
            let op = self.cursor.byte()?;
            self.op = Some(op);
            let before = from.take();
            match op {
                0xff => return Ok(()),
                0xfe => self.select()?,
                // Seconds in a signed 32-bit number, from before 2.6.
                0xfd => expire = Some(i64::from(i32::from_le_bytes(self.cursor.array()?)) * 1000),
                0xfc => expire = Some(i64::from_le_bytes(self.cursor.array()?)).filter(|at| *at != -1),
                0xf8 | 0xf9 => {
                    from = before.or(Some(self.at));
                    self.use_of_key(op)?;
                }
                0xf3 if !self.valkey => {
                    from = before.or(Some(self.at));
                    self.opcode(op)?;
                }
                0xf3..=0xfb => self.opcode(op)?,
                _ => self.entry(op, expire.take(), before.unwrap_or(self.at))?,
            }
        }
    }

    /// How long the next key was not used, or how often it was.
    fn use_of_key(&mut self, op: u8) -> Step<()> {
        if op == 0xf9 { self.cursor.skip(1) } else { self.cursor.number().map(|_| ()) }
    }

    fn select(&mut self) -> Step<()> {
        let db = self.cursor.number()?;
        // The server's `databases` is an int.
        if db > i32::MAX as u64 {
            return self.cursor.bad(format!("database number {db}"));
        }
        if self.report.databases.len() >= DATABASES {
            return self.cursor.bad(format!("more than {DATABASES} databases"));
        }
        self.close_database();
        self.tally = Tally { db, ..Tally::default() };
        self.report.databases.entry(db).or_default();
        Ok(())
    }

    /// Moves the running counts into the report.
    fn close_database(&mut self) {
        let tally = std::mem::take(&mut self.tally);
        if tally.keys == 0 && tally.announced.is_none() {
            return;
        }
        let report = &mut self.report;
        report.keys += tally.keys;
        report.expires += tally.expires;
        report.expired += tally.expired;
        report.expired_hashes += tally.expired_hashes;
        let count: &mut DbCount = report.databases.entry(tally.db).or_default();
        count.keys += tally.keys;
        count.expires += tally.expires;
        count.expired += tally.expired;
        count.hash_field_expires += tally.field_expires;
        count.expired_hashes += tally.expired_hashes;
        count.announced = tally.announced.or(count.announced);
        for (kind, n) in Kind::ALL.into_iter().zip(tally.kinds).filter(|(_, n)| *n > 0) {
            *count.types.entry(kind).or_default() += n;
            *report.types.entry(kind).or_default() += n;
        }
    }

    #[inline]
    fn entry(&mut self, op: u8, expire_ms: Option<i64>, from: u64) -> Step<()> {
        if !super::value::known(op, self.valkey) {
            return self.unknown(op);
        }
        let text = self.cursor.text()?;
        if V::KEYS {
            let mut key = std::mem::take(&mut self.key);
            key.clear();
            let read = self.string_into(text, KEY_BYTES, &mut key);
            self.key = key;
            read?;
        } else {
            self.pass(text)?;
        }
        let (value, meaning, stored) = self.told(op)?;
        let tally = &mut self.tally;
        tally.keys += 1;
        if let Some(slot) = tally.kinds.get_mut(value.kind as usize) {
            *slot += 1;
        }
        tally.field_expires += u64::from(value.field_expires);
        let expired = expire_ms.is_some_and(|at| at < self.opts.now_ms);
        tally.expires += u64::from(expire_ms.is_some());
        tally.expired += u64::from(expired);
        let emptied = value.last_field_ms.is_some_and(|at| at < self.opts.now_ms);
        tally.expired_hashes += u64::from(emptied && !expired);
        self.report.empty_collections += u64::from(value.empty);
        if V::KEYS {
            let gone_ms = match (expire_ms, value.last_field_ms) {
                (Some(key), Some(field)) => Some(key.min(field)),
                (key, field) => key.or(field),
            };
            let (db, size) = (self.tally.db, value.size);
            let bytes = self.cursor.offset() - self.at;
            let meta = KeyMeta {
                db,
                key: &self.key,
                kind: value.kind,
                expire_ms,
                gone_ms,
                size,
                offset: self.at,
                bytes,
                before: self.at - from,
                meaning,
                stored,
            };
            if self.visitor.key(&meta).is_break() {
                return Err(Box::new(Stop::Halted));
            }
        }
        Ok(())
    }

    /// A value, and what the visitor wants to know of it.
    #[inline]
    fn told(&mut self, op: u8) -> Step<(Value, Option<Meaning>, Option<u128>)> {
        if V::MEANINGS && self.visitor.wants() {
            let (value, meaning) = self.meant(op)?;
            return Ok((value, Some(meaning), None));
        }
        let Some(secret) = self.visitor.stored() else {
            return Ok((self.value(op)?, None, None));
        };
        self.cursor.tap(secret);
        let value = self.value(op)?;
        // The same bytes are another value where they are of another type, and types 22 and 23 are by family.
        let of = u128::from(op) + if self.valkey { 256 } else { 0 };
        Ok((value, None, Some(self.cursor.tapped().wrapping_add(of))))
    }

    #[cold]
    fn unknown(&self, op: u8) -> Step<()> {
        let newest = self.report.version >= if self.valkey { 81 } else { 13 };
        if newest && matches!(op, 22..=33 | 242) {
            let because = format!("type {op} at offset {} came with a server this walker does not know", self.at);
            return Err(Box::new(Stop::Unknown(because)));
        }
        Err(Box::new(Stop::Bad(self.at, format!("unknown type {op}"))))
    }

    fn checksum(&mut self) -> Step<Checksum> {
        if self.report.version < 5 {
            return Ok(Checksum::Absent);
        }
        let sum = self.cursor.sum();
        let stored = u64::from_le_bytes(self.cursor.array()?);
        Ok(match stored {
            0 => Checksum::Disabled,
            same if same == sum => Checksum::Good,
            other => Checksum::Bad { expected: format!("{sum:016x}"), got: format!("{other:016x}") },
        })
    }
}
