//! What commands mean for a recovery: where to cut, what was thrown away, when.
use super::frame::FirstWords;
use super::report::{Boundary, CommandsReport, End, Flush, Readable};
use super::text;
use super::until::Until;
use crate::aof::witness::Shown;

/// What the commands so far add up to.
pub(super) struct Tally<'u> {
    start: u64,
    /// Where the command or line being read starts.
    pub(super) item: u64,
    commands: u64,
    writes: u64,
    safe_cut: u64,
    safe_cut_commands: u64,
    safe_cut_writes: u64,
    multi: Option<Multi>,
    db: u32,
    ts: (Option<i64>, Option<i64>, Option<i64>),
    annotations: u64,
    flushes: Vec<Flush>,
    /// Writes read when each kept flush was met.
    flush_at: Vec<u64>,
    flush_count: u64,
    max_flushes: usize,
    transactions: u64,
    until: Option<&'u Until>,
    /// The tag was read, and the transaction that it is in not yet ended.
    tagged: bool,
    boundary: Option<Boundary>,
}

/// An open transaction.
struct Multi {
    offset: u64,
    commands_before: u64,
    /// The database a SELECT inside it chose.
    selected: Option<u32>,
    /// Commands read when a server took up the file again.
    resumed_at: Option<u64>,
}

impl<'u> Tally<'u> {
    pub(super) fn new(start: u64, max_flushes: usize, until: Option<&'u Until>) -> Self {
        Self {
            start,
            item: start,
            commands: 0,
            writes: 0,
            safe_cut: start,
            safe_cut_commands: 0,
            safe_cut_writes: 0,
            multi: None,
            db: 0,
            ts: (None, None, None),
            annotations: 0,
            flushes: Vec::new(),
            flush_at: Vec::new(),
            flush_count: 0,
            max_flushes,
            transactions: 0,
            until,
            tagged: false,
            boundary: None,
        }
    }

    /// A command as a witness is shown it, before it is counted.
    #[inline]
    pub(super) fn shown<'b>(&self, start: u64, end: u64, bytes: &'b [u8], first: FirstWords<'b>) -> Shown<'b> {
        Shown { start, end, bytes, ts: self.ts.1, db: self.db, first }
    }

    #[inline]
    pub(super) fn command(&mut self, start: u64, after: u64, name: Option<&[u8]>, bytes: Option<&[u8]>) {
        self.commands += 1;
        self.writes += 1;
        // Only names of these lengths mean anything here.
        if let Some(name) = name
            && (4..=8).contains(&name.len())
        {
            self.named(start, after, name, bytes.unwrap_or(&[]));
        }
        if let Some(until) = self.until {
            self.seek(until, after, bytes.unwrap_or(&[]));
        }
        if self.multi.is_none() {
            self.safe_cut = after;
            self.safe_cut_commands = self.commands;
            self.safe_cut_writes = self.writes;
            self.ts.2 = self.ts.1;
            if std::mem::take(&mut self.tagged) {
                self.mark();
            }
        }
    }

    /// Is the moment that is looked for at this command, which ends at `after`?
    fn seek(&mut self, until: &Until, after: u64, bytes: &[u8]) {
        match until {
            Until::Offset(_, offset) if after > *offset && self.boundary.is_none() => self.mark(),
            Until::Tag(_) => self.tagged |= until.is_tag(&text::words(bytes)),
            _ => {}
        }
    }

    /// The last safe cut.
    fn safe(&self) -> Boundary {
        Boundary { offset: self.safe_cut, writes: self.safe_cut_writes, ts: self.ts.2 }
    }

    /// The moment is here.
    fn mark(&mut self) {
        self.boundary = Some(self.safe());
    }

    fn named(&mut self, start: u64, after: u64, name: &[u8], bytes: &[u8]) {
        let is = |wanted: &[u8]| name.eq_ignore_ascii_case(wanted);
        if !matches!(name.first(), Some(b's' | b'S' | b'm' | b'M' | b'e' | b'E' | b'f' | b'F')) {
            return;
        }
        if is(b"SELECT") {
            self.writes -= 1;
            self.select(bytes);
        } else if is(b"MULTI") {
            self.writes -= 1;
            // A MULTI inside one is an error to the server, and changes nothing.
            let open = Multi { offset: start, commands_before: self.commands, selected: None, resumed_at: None };
            self.multi.get_or_insert(open);
        } else if is(b"EXEC") {
            self.writes -= 1;
            self.transactions += u64::from(self.multi.take().is_some());
        } else if is(b"FLUSHALL") || is(b"FLUSHDB") || is(b"SWAPDB") {
            self.flush(start, after, bytes);
        }
    }

    fn select(&mut self, bytes: &[u8]) {
        let words = text::words(bytes);
        let Some(db) = words.get(1).and_then(|w| std::str::from_utf8(w).ok()?.parse().ok()) else {
            return;
        };
        if let Some(multi) = &mut self.multi {
            // Inside one write of the server the database is selected only when it changes. A second SELECT of the same
            // one is the first line of a server that was started on this file and appended to it.
            if multi.selected == Some(db) && multi.resumed_at.is_none() {
                multi.resumed_at = Some(self.commands - 1);
            }
            multi.selected = Some(db);
        }
        self.db = db;
    }

    fn flush(&mut self, start: u64, after: u64, bytes: &[u8]) {
        self.flush_count += 1;
        // The last ones are those that somebody wants to take back.
        if self.flushes.len() >= self.max_flushes.saturating_mul(2).max(1) {
            self.keep_last_flushes();
        }
        self.flush_at.push(self.writes);
        self.flushes.push(Flush {
            offset: start,
            bytes: after - start,
            cut: self.safe_cut,
            command: text::command(bytes),
            db: self.db,
            ts: self.ts.1,
            ts_before: self.ts.2,
            in_multi: self.multi.is_some(),
            commands_before: self.safe_cut_writes,
            commands_after: 0,
        });
    }

    fn keep_last_flushes(&mut self) {
        let over = self.flushes.len().saturating_sub(self.max_flushes);
        self.flushes.drain(..over);
        self.flush_at.drain(..over);
    }

    pub(super) fn annotation(&mut self, line: Option<&[u8]>) {
        self.annotations += 1;
        let digits = line.and_then(|l| l.strip_prefix(b"#TS:")).map(|l| l.trim_ascii_end());
        if let Some(ts) = digits.and_then(|d| std::str::from_utf8(d).ok()?.parse().ok()) {
            if self.boundary.is_none() && matches!(self.until, Some(Until::Time(wanted)) if ts > *wanted) {
                self.mark();
            }
            self.ts.0 = self.ts.0.or(Some(ts));
            self.ts.1 = Some(ts);
        }
    }

    /// The end of the file at `offset`, with `item` the start of what was being read.
    pub(super) fn end_of_file(&self, item: u64, offset: u64, in_command: bool) -> End {
        let torn = (item < offset).then_some(item);
        match (&self.multi, torn) {
            (Some(multi), torn_at) => End::OpenMulti {
                offset: multi.offset,
                commands: self.commands - multi.commands_before,
                torn_at,
                appended: multi.resumed_at.map_or(0, |at| self.commands - at),
            },
            (None, Some(offset)) => End::Torn { offset, in_command },
            (None, None) => End::Clean,
        }
    }

    pub(super) fn report(mut self, end: End, offset: u64) -> CommandsReport {
        self.keep_last_flushes();
        for (flush, at) in self.flushes.iter_mut().zip(&self.flush_at) {
            flush.commands_after = self.writes - at;
        }
        CommandsReport {
            start: self.start,
            bytes: offset - self.start,
            commands: self.commands,
            writes: self.writes,
            safe_cut: self.safe_cut,
            safe_cut_commands: self.safe_cut_commands,
            safe_cut_writes: self.safe_cut_writes,
            end,
            first_ts: self.ts.0,
            last_ts: self.ts.1,
            ts_before_cut: self.ts.2,
            annotations: self.annotations,
            flushes: self.flushes,
            flush_count: self.flush_count,
            transactions: self.transactions,
            last_db: self.db,
            until: self.boundary,
            after_damage: Readable::default(),
        }
    }
}
