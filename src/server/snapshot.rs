//! The memory of a running server as a snapshot, fed to us as to a replica.
//!
//! It needs no disk on the server's side, so it works when the data directory is full, read-only or gone. The server forks
//! once, as for BGSAVE. What is answered to PSYNC is no answer of RESP but newlines, a header and the file itself: the
//! `redis` crate leads up to it and then leaves the channel to us.

use std::io::{BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::channel::Channel;
use super::{Endpoint, Server, ServerError};

/// What was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Size in bytes.
    pub bytes: u64,
    /// Replication id of the server.
    pub replication_id: String,
    /// Replication offset that the snapshot stands for.
    pub offset: u64,
    /// Sent straight from memory; else the server wrote a file of its own first.
    pub diskless: bool,
}

/// Silence of this length ends a transfer; a server sends a newline every second while it prepares one.
const SILENCE: Duration = Duration::from_secs(60);
/// How long single questions may take.
const QUESTION: Duration = Duration::from_secs(10);
/// Length of the mark at the end of a transfer whose size was not known.
const MARK: usize = 40;
/// Longest line before the snapshot.
const LINE: u64 = 1024;
/// Bytes read from the socket at once.
const CHUNK: usize = 64 * 1024;

/// Streams a snapshot of the server's memory into `sink`, within `deadline`. The sink's owner syncs it.
///
/// `progress` gets the bytes so far and the total where the server says it, and may break off.
/// `repl-diskless-sync` and its delay are set for the time of the transfer and put back, where CONFIG is allowed.
///
/// # Errors
/// [`ServerError`]: `Denied` when PSYNC is not allowed, `Closed` when the server gave up (its log says why), `Sink`.
/// What is in the sink then is no snapshot.
pub fn snapshot(
    endpoint: &Endpoint,
    sink: &mut dyn Write,
    progress: &mut dyn FnMut(u64, Option<u64>) -> ControlFlow<()>,
    deadline: Duration,
) -> Result<SnapshotInfo, ServerError> {
    let ends = Instant::now() + deadline;
    let mut server = Server::connect(endpoint, QUESTION.min(deadline))?;
    let old = feed_from_memory(&mut server);
    let fed = feed(endpoint, sink, progress, ends);
    put_back(endpoint, server, &old);
    fed
}

/// What makes the server send from memory, and at once.
const FROM_MEMORY: [(&str, &str); 2] = [("repl-diskless-sync", "yes"), ("repl-diskless-sync-delay", "0")];

/// The settings that [`snapshot`] changes for its time, with the values they have now: who may be cut off in the middle
/// writes them down first.
#[must_use]
pub fn changed_by_snapshot(server: &mut Server) -> Vec<(&'static str, String)> {
    let differs = |(name, value): (&'static str, &str)| {
        let now = server.setting(name).ok().flatten().filter(|now| now != value);
        now.map(|now| (name, now))
    };
    FROM_MEMORY.into_iter().filter_map(differs).collect()
}

/// Sets what makes the server send from memory at once; returns the values to put back.
fn feed_from_memory(server: &mut Server) -> Vec<(&'static str, String)> {
    let mut old = changed_by_snapshot(server);
    // Denied or unknown: the server feeds us in its own way, only later or by way of its disk.
    old.retain(|(name, _)| {
        let value = FROM_MEMORY.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value);
        server.config_set(name, value).is_ok()
    });
    old
}

fn put_back(endpoint: &Endpoint, mut server: Server, old: &[(&'static str, String)]) {
    for (name, value) in old {
        if server.config_set(name, value).is_err()
            && let Ok(mut fresh) = Server::connect(endpoint, QUESTION)
        {
            let _ = fresh.config_set(name, value);
            server = fresh;
        }
    }
}

fn feed(
    endpoint: &Endpoint,
    sink: &mut dyn Write,
    progress: &mut dyn FnMut(u64, Option<u64>) -> ControlFlow<()>,
    ends: Instant,
) -> Result<SnapshotInfo, ServerError> {
    let mut link = Server::connect(endpoint, QUESTION)?;
    // `rdb-only` (7.0 and newer) makes the server drop us when the snapshot is through; older ones refuse the word.
    for words in [&["rdb-only", "1"][..], &["capa", "eof", "capa", "psync2"]] {
        match link.ask(redis::cmd("REPLCONF").arg(words)) {
            Ok(()) | Err(ServerError::Answer { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let mut wire = Wire { from: BufReader::with_capacity(CHUNK, link.link.into_channel()), ends };
    wire.send(redis::cmd("PSYNC").arg("?").arg("-1"))?;
    let (replication_id, offset) = full_resync(&mut wire)?;
    let announced = wire.spoken_line()?;
    let mut body = Body { sink, progress, begin: Vec::new(), bytes: 0 };
    let diskless = match announced.strip_prefix(b"$EOF:") {
        Some(mark) if mark.len() == MARK => {
            body.until_mark(&mut wire, mark)?;
            true
        }
        _ => {
            body.of_length(&mut wire, announced_length(&announced)?)?;
            false
        }
    };
    if !body.begin.starts_with(b"REDIS") && !body.begin.starts_with(b"VALKEY") {
        return Err(ServerError::Protocol { because: "what it sent is not a snapshot".to_string() });
    }
    let bytes = body.bytes;
    sink.flush().map_err(|source| ServerError::Sink { source })?;
    Ok(SnapshotInfo { bytes, replication_id, offset, diskless })
}

/// The channel while it carries something else than answers.
struct Wire {
    from: BufReader<Channel>,
    /// End of the whole transfer.
    ends: Instant,
}

impl Wire {
    fn send(&mut self, command: &redis::Cmd) -> Result<(), ServerError> {
        self.listen();
        let channel = self.from.get_mut();
        let sent = channel.write_all(&command.get_packed_command()).and_then(|()| channel.flush());
        sent.map_err(|error| channel.failed("sending a command", error))
    }

    /// From now on, silence may not last too long.
    fn listen(&mut self) {
        self.from.get_mut().set_deadline(self.ends.min(Instant::now() + SILENCE));
    }

    /// The next line that says something: bare newlines only keep the connection alive.
    fn spoken_line(&mut self) -> Result<Vec<u8>, ServerError> {
        loop {
            self.listen();
            let mut line = Vec::new();
            let read = (&mut self.from).take(LINE).read_until(b'\n', &mut line);
            read.map_err(|error| self.from.get_ref().failed("waiting for an answer", error))?;
            match line.strip_suffix(b"\n") {
                None if line.len() as u64 == LINE => {
                    return Err(ServerError::Protocol { because: format!("a line of more than {LINE} bytes") });
                }
                None => return Err(ServerError::Closed),
                Some(said) => match said.strip_suffix(b"\r").unwrap_or(said) {
                    [] => {}
                    said => return Ok(said.to_vec()),
                },
            }
        }
    }

    /// What is there, at least one byte.
    fn chunk(&mut self) -> Result<&[u8], ServerError> {
        self.listen();
        if let Err(error) = self.from.fill_buf() {
            return Err(self.from.get_ref().failed("waiting for an answer", error));
        }
        match self.from.buffer() {
            [] => Err(ServerError::Closed),
            bytes => Ok(bytes),
        }
    }
}

/// Reads `+FULLRESYNC <id> <offset>`.
fn full_resync(wire: &mut Wire) -> Result<(String, u64), ServerError> {
    let line = String::from_utf8_lossy(&wire.spoken_line()?).into_owned();
    if let Some(refusal) = line.strip_prefix('-') {
        return Err(ServerError::from_answer(refusal, "PSYNC"));
    }
    let mut words = line.split(' ');
    match (words.next(), words.next(), words.next().and_then(|offset| offset.parse().ok())) {
        (Some("+FULLRESYNC"), Some(id), Some(offset)) => Ok((id.to_string(), offset)),
        _ => Err(ServerError::Protocol { because: "PSYNC was not answered with FULLRESYNC".to_string() }),
    }
}

fn announced_length(line: &[u8]) -> Result<u64, ServerError> {
    if let Some(refusal) = line.strip_prefix(b"-") {
        return Err(ServerError::from_answer(&String::from_utf8_lossy(refusal), "PSYNC"));
    }
    let digits = line.strip_prefix(b"$").and_then(|digits| std::str::from_utf8(digits).ok());
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or(ServerError::Protocol { because: "no length before the snapshot".to_string() })
}

/// The snapshot on its way into the sink.
struct Body<'a> {
    sink: &'a mut dyn Write,
    progress: &'a mut dyn FnMut(u64, Option<u64>) -> ControlFlow<()>,
    /// The first bytes, to see whether it is a snapshot at all.
    begin: Vec<u8>,
    bytes: u64,
}

impl Body<'_> {
    fn keep(&mut self, bytes: &[u8], total: Option<u64>) -> Result<(), ServerError> {
        if self.begin.len() < 9 {
            self.begin.extend_from_slice(&bytes[..bytes.len().min(9)]);
        }
        self.sink.write_all(bytes).map_err(|source| ServerError::Sink { source })?;
        self.bytes += bytes.len() as u64;
        match (self.progress)(self.bytes, total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ServerError::Interrupted),
        }
    }

    fn of_length(&mut self, wire: &mut Wire, total: u64) -> Result<(), ServerError> {
        while self.bytes < total {
            let chunk = wire.chunk()?;
            let take = usize::try_from(total - self.bytes).unwrap_or(usize::MAX).min(chunk.len());
            self.keep(&chunk[..take], Some(total))?;
            wire.from.consume(take);
        }
        Ok(())
    }

    /// The mark is random and can lie across two reads: the last bytes are held back until more came.
    fn until_mark(&mut self, wire: &mut Wire, mark: &[u8]) -> Result<(), ServerError> {
        let finder = memchr::memmem::Finder::new(mark);
        let mut held = Vec::new();
        loop {
            let chunk = wire.chunk()?;
            let used = chunk.len();
            held.extend_from_slice(chunk);
            wire.from.consume(used);
            if let Some(end) = finder.find(&held) {
                return self.keep(&held[..end], None);
            }
            let sure = held.len().saturating_sub(MARK - 1);
            self.keep(&held[..sure], None)?;
            held.drain(..sure);
        }
    }
}
