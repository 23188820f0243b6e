//! A command whose output is read while it runs, however long that is and however much it writes.
use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::command::{Gathering, Output, clean, wait};
use super::{Command, ProcessError, Reins};

/// Read at once.
const CHUNK: usize = 64 << 10;
/// Chunks that are read ahead; the command waits when nobody takes them.
const AHEAD: usize = 8;
/// How long after its end the command's complaints may stay open.
const AFTERWARDS: Duration = Duration::from_millis(500);

/// A running command. It is killed, with all it started in its process group, when this is dropped before its end.
#[derive(Debug)]
pub struct Streamed {
    child: Child,
    chunks: Receiver<std::io::Result<Vec<u8>>>,
    complaints: Option<Gathering>,
    ended: bool,
}

/// What came.
#[derive(Debug)]
pub enum Chunk {
    /// These bytes.
    Bytes(Vec<u8>),
    /// Its output is over.
    End,
    /// Nothing, in the time that was given.
    NotYet,
}

impl Reins {
    /// Starts a command whose output is read with [`Streamed::chunk`]. Its `timeout` is how long it may take to end once
    /// its output is over; `stdin` takes the place of the command's own.
    ///
    /// # Errors
    /// It could not be started.
    pub fn stream(&self, command: &Command, stdin: Option<File>) -> Result<Streamed, ProcessError> {
        let program = command.argv.first().cloned().ok_or(ProcessError::Empty)?;
        let mut child = clean(command)
            .ok_or(ProcessError::Empty)?
            .stdin(stdin.map_or_else(Stdio::null, Stdio::from))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // as in `command`: Ctrl-C is for us, and a kill reaches what it started
            .process_group(0)
            .spawn()
            .map_err(|source| ProcessError::Spawn { program, source })?;
        let complaints = Some(Gathering::of(child.stderr.take()));
        let (send, chunks) = sync_channel(AHEAD);
        if let Some(pipe) = child.stdout.take() {
            std::thread::spawn(move || feed(pipe, &send));
        }
        Ok(Streamed { child, chunks, complaints, ended: false })
    }
}

fn feed(mut pipe: ChildStdout, chunks: &SyncSender<std::io::Result<Vec<u8>>>) {
    loop {
        let mut chunk = vec![0; CHUNK];
        let got = match pipe.read(&mut chunk) {
            Ok(0) => return,
            Ok(got) => got,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => {
                let _ = chunks.send(Err(e));
                return;
            }
        };
        chunk.truncate(got);
        if chunks.send(Ok(chunk)).is_err() {
            return;
        }
    }
}

impl Streamed {
    /// What comes within `wait`.
    ///
    /// # Errors
    /// The pipe broke.
    pub fn chunk(&mut self, wait: Duration) -> std::io::Result<Chunk> {
        match self.chunks.recv_timeout(wait) {
            Ok(Ok(bytes)) => Ok(Chunk::Bytes(bytes)),
            Ok(Err(e)) => Err(e),
            Err(RecvTimeoutError::Timeout) => Ok(Chunk::NotYet),
            Err(RecvTimeoutError::Disconnected) => Ok(Chunk::End),
        }
    }

    /// How it ended, once its output is over; killed if it does not end within `timeout`. Its output is not kept.
    pub fn end(&mut self, timeout: Duration) -> Output {
        let (status, timed_out) = wait(&mut self.child, Instant::now() + timeout);
        self.ended = true;
        Output::ended(status, timed_out, self.complaints.take().map(|said| said.until(Instant::now() + AFTERWARDS)))
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        if !self.ended {
            self.end(Duration::ZERO);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sh(script: &str) -> Streamed {
        Reins::new().stream(&Command::new(["sh", "-c", script], Duration::ZERO), None).unwrap()
    }

    fn all(stream: &mut Streamed) -> usize {
        let mut got = 0;
        loop {
            match stream.chunk(Duration::from_secs(10)).unwrap() {
                Chunk::Bytes(bytes) => got += bytes.len(),
                Chunk::End => return got,
                Chunk::NotYet => return usize::MAX,
            }
        }
    }

    #[test]
    fn more_than_is_ever_held_comes_through_and_the_end_is_told() {
        let mut stream = sh("yes | head -c 3000000; echo mended >&2; exit 4");
        assert_eq!(all(&mut stream), 3_000_000);
        let out = stream.end(Duration::from_secs(5));
        assert_eq!((out.status, out.complaint().as_str()), (Some(4), "exit code 4: mended"));
    }

    #[test]
    fn one_that_says_nothing_is_not_waited_for_and_goes_with_its_reader() {
        let mut stream = sh("sleep 60 & sleep 60");
        assert!(matches!(stream.chunk(Duration::from_millis(20)).unwrap(), Chunk::NotYet));
        let pid = nix::unistd::Pid::from_raw(i32::try_from(stream.child.id()).unwrap());
        drop(stream);
        assert!(nix::sys::signal::kill(pid, None).is_err(), "it was ended and reaped");
    }
}
