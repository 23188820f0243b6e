//! Where the data comes from: a file, or what a program writes. It is read once from its beginning, and hashed, so that a
//! second reading can be held against the first.
use super::{Format, LoadError};
use crate::host::process::{Chunk, Command, Reins, Streamed};
use crate::host::{Look, shown};
use crate::store;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file, packed or not.
    File(PathBuf),
    /// What a program writes to its standard output.
    Command {
        /// Program and arguments.
        argv: Vec<String>,
        /// What it reads from its standard input, where it reads anything.
        stdin: Option<PathBuf>,
        /// Names of variables of our own environment that it is given, with their values.
        env: Vec<(String, String)>,
    },
}

/// A source at its beginning.
pub struct Source<'a> {
    from: Bytes<'a>,
    name: String,
    /// Its length in bytes, where that is known.
    pub total: Option<u64>,
}

enum Bytes<'a> {
    File(Box<dyn Read + Send>),
    Command(Patient<'a>),
    #[cfg(test)]
    Test(&'a [u8]),
}

/// What a program writes, waited for.
struct Patient<'a> {
    streamed: Streamed,
    rest: io::Cursor<Vec<u8>>,
    patience: Duration,
    interrupted: &'a dyn Fn() -> bool,
}

impl Read for Patient<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let since = Instant::now();
        loop {
            match self.rest.read(room)? {
                0 => {}
                got => return Ok(got),
            }
            match self.streamed.chunk(Duration::from_millis(100))? {
                Chunk::Bytes(bytes) => self.rest = io::Cursor::new(bytes),
                Chunk::End => return Ok(0),
                Chunk::NotYet if (self.interrupted)() => return Err(io::ErrorKind::ConnectionAborted.into()),
                Chunk::NotYet if since.elapsed() > self.patience => return Err(io::ErrorKind::TimedOut.into()),
                Chunk::NotYet => {}
            }
        }
    }
}

impl Origin {
    /// Opens it, or starts its program.
    ///
    /// # Errors
    /// It can't be opened or started.
    pub fn open<'a>(
        &self,
        look: &Look,
        patience: Duration,
        interrupted: &'a dyn Fn() -> bool,
    ) -> Result<Source<'a>, LoadError> {
        let failed = |e: &dyn std::error::Error, hint: String| {
            let why = e.source().map(|why| format!(": {why}")).unwrap_or_default();
            LoadError::new(format!("{e}{why}"), hint)
        };
        match self {
            Origin::File(path) => {
                let opened = store::open(look, path).map_err(|e| failed(&e, e.hint()))?;
                let total = opened.len_hint();
                Ok(Source { from: Bytes::File(Box::new(opened)), name: shown(path).to_string(), total })
            }
            Origin::Command { argv, stdin, env } => {
                let stdin = stdin.as_ref().map(|path| look.open(path)).transpose().map_err(|e| failed(&e, e.hint()))?;
                let command = Command { env: env.clone(), ..Command::new(argv.clone(), patience) };
                let streamed = Reins::new().stream(&command, stdin).map_err(|e| failed(&e, e.hint()))?;
                let patient = Patient { streamed, rest: io::Cursor::default(), patience, interrupted };
                Ok(Source { from: Bytes::Command(patient), name: command.shown(), total: None })
            }
        }
    }

    /// In words.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Origin::File(path) => shown(path).to_string(),
            Origin::Command { argv, .. } => {
                format!("what {} writes", Command::new(argv.clone(), Duration::ZERO).shown())
            }
        }
    }
}

impl<'a> Source<'a> {
    /// Begins to read it.
    pub(super) fn read(self) -> Reading<'a> {
        let from = BufReader::with_capacity(256 << 10, self.from);
        Reading { from, name: self.name, total: self.total, offset: 0, lines: 0, hash: blake3::Hasher::new() }
    }
}

impl Read for Bytes<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Bytes::File(file) => file.read(room),
            Bytes::Command(patient) => patient.read(room),
            #[cfg(test)]
            Bytes::Test(bytes) => bytes.read(room),
        }
    }
}

/// A source that is being read.
pub(super) struct Reading<'a> {
    from: BufReader<Bytes<'a>>,
    name: String,
    /// Its length in bytes, where that is known.
    pub total: Option<u64>,
    offset: u64,
    lines: u64,
    hash: blake3::Hasher,
}

/// A line, and its number.
pub(super) enum Line {
    Is(u64, Vec<u8>),
    TooLong(u64),
    End,
}

impl Reading<'_> {
    /// Bytes taken so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// blake3 of them.
    pub fn digest(&self) -> String {
        self.hash.finalize().to_hex().to_string()
    }

    /// The format that its first byte says.
    pub fn format(&mut self, said: Format) -> Result<Format, LoadError> {
        if said != Format::Auto {
            return Ok(said);
        }
        let first = self.peek()?.first().copied();
        match first {
            Some(b'*' | b'#') => Ok(Format::Resp),
            Some(b'{' | b' ' | b'\n' | b'\r' | b'\t') | None => Ok(Format::Ndjson),
            Some(b'R' | b'V') => Err(LoadError::new(
                "it begins like a snapshot (RDB), which is restored, not loaded",
                "redis-dr recover --point-file FILE",
            )),
            Some(_) => Err(LoadError::new(
                "it is neither NDJSON (a JSON object a line) nor a stream of commands in RESP",
                "docs/rebuild.md shows both; --param format=resp or format=ndjson says which it is meant to be",
            )),
        }
    }

    /// The next line, without its end; of one that is longer nothing is kept.
    pub fn line(&mut self, longest: usize) -> Result<Line, LoadError> {
        let mut line = Vec::new();
        let mut length = 0_usize;
        loop {
            let here = self.peek()?;
            let end = memchr::memchr(b'\n', here);
            let part = &here[..end.map_or(here.len(), |at| at + 1)];
            let used = part.len();
            length += used;
            if length <= longest {
                line.extend_from_slice(part);
            } else {
                line = Vec::new();
            }
            self.take(used);
            if end.is_some() || used == 0 {
                break;
            }
        }
        if length == 0 {
            return Ok(Line::End);
        }
        self.lines += 1;
        if length > longest {
            return Ok(Line::TooLong(self.lines));
        }
        while line.last().is_some_and(|c| matches!(c, b'\n' | b'\r')) {
            line.pop();
        }
        Ok(Line::Is(self.lines, line))
    }

    /// A line of a protocol: short, and ended by CR LF; none at the end. `Err(None)` where it is no such line.
    pub fn short_line(&mut self) -> Result<Option<Vec<u8>>, Option<LoadError>> {
        // as long as an annotation may be
        const LONGEST: usize = 1024;
        let mut line = Vec::new();
        while !line.ends_with(b"\n") && line.len() <= LONGEST {
            let here = self.peek().map_err(Some)?;
            let here = &here[..here.len().min(LONGEST)];
            let used = memchr::memchr(b'\n', here).map_or(here.len(), |at| at + 1);
            if used == 0 {
                return if line.is_empty() { Ok(None) } else { Err(None) };
            }
            line.extend_from_slice(&here[..used]);
            self.take(used);
        }
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(Some(line.to_vec())),
            None => Err(None),
        }
    }

    /// So many bytes; none where it ends before. No more room is taken than comes.
    pub fn bytes(&mut self, count: u64) -> Result<Option<Vec<u8>>, LoadError> {
        let mut out = Vec::new();
        while (out.len() as u64) < count {
            let here = self.peek()?;
            let used = here.len().min(usize::try_from(count - out.len() as u64).unwrap_or(usize::MAX));
            if used == 0 {
                return Ok(None);
            }
            out.extend_from_slice(&here[..used]);
            self.take(used);
        }
        Ok(Some(out))
    }

    fn peek(&mut self) -> Result<&[u8], LoadError> {
        let (offset, what) = (self.offset, &self.name);
        self.from.fill_buf().map_err(|e| match e.kind() {
            io::ErrorKind::ConnectionAborted => LoadError::interrupted(),
            io::ErrorKind::TimedOut => LoadError::new(
                format!("{what} has written nothing for too long (after {offset} bytes)"),
                "find out what it waits for; then redis-dr runs resume goes on where it was",
            ),
            _ => LoadError::new(
                format!("{what} can't be read after {offset} bytes: {e}"),
                "redis-dr runs resume goes on where it was",
            ),
        })
    }

    fn take(&mut self, used: usize) {
        self.hash.update(self.from.buffer().get(..used).unwrap_or_default());
        self.from.consume(used);
        self.offset += used as u64;
    }

    /// Is it told whether all of it came? A program that failed may have left out the end.
    pub fn end(&mut self, patience: Duration) -> Result<(), LoadError> {
        let Bytes::Command(patient) = self.from.get_mut() else {
            return Ok(());
        };
        let out = patient.streamed.end(patience);
        if out.ok() {
            return Ok(());
        }
        let because = format!("{} failed, so not all of the data may have come: {}", self.name, out.complaint());
        Err(LoadError::new(because, "mend it; then redis-dr runs resume goes on where it was"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Reads bytes in hand.
    pub(in crate::load) fn reading<T>(bytes: &[u8], read: impl FnOnce(&mut Reading<'_>) -> T) -> T {
        read(&mut Source { from: Bytes::Test(bytes), name: String::new(), total: None }.read())
    }

    #[test]
    fn lines_are_counted_and_hashed_as_they_are_taken() {
        reading(b"one\r\n\ntoo long\nend", |from| {
            assert!(matches!(from.line(6).unwrap(), Line::Is(1, line) if line == b"one"));
            assert_eq!((from.offset(), from.digest()), (5, blake3::hash(b"one\r\n").to_hex().to_string()));
            assert!(matches!(from.line(6).unwrap(), Line::Is(2, line) if line.is_empty()));
            assert!(matches!(from.line(6).unwrap(), Line::TooLong(3)));
            assert!(matches!(from.line(6).unwrap(), Line::Is(4, line) if line == b"end"));
            assert!(matches!(from.line(6).unwrap(), Line::End));
        });
    }

    #[test]
    fn the_first_byte_tells_the_format() {
        let of = |bytes: &[u8]| reading(bytes, |from| from.format(Format::Auto).map_err(|e| e.to_string()));
        assert_eq!(
            (of(b"*1\r\n"), of(b"#TS:1\r\n"), of(b"{}"), of(b"")),
            (Ok(Format::Resp), Ok(Format::Resp), Ok(Format::Ndjson), Ok(Format::Ndjson))
        );
        assert!(of(b"REDIS0011").unwrap_err().contains("snapshot"));
        assert!(of(b"key,value\n").unwrap_err().contains("neither NDJSON"));
    }
}
