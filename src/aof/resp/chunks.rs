//! Buffers of a reader, one after the other: read here, or by a thread that keeps ahead.
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender};

/// Larger ones fall out of the cache and are slower.
pub(super) const SIZE: usize = 256 * 1024;
/// Buffers in turn between the two threads.
pub(super) const TURN: usize = 4;

pub(super) type Full = io::Result<(Vec<u8>, usize)>;

/// A source of buffers; the number is how much of the buffer is filled, 0 at the end.
pub(super) trait Chunks {
    fn next(&mut self, used: Vec<u8>) -> Full;
}

/// Reads where it is asked.
pub(super) struct Direct<R>(pub R);

impl<R: Read> Chunks for Direct<R> {
    fn next(&mut self, mut used: Vec<u8>) -> Full {
        if used.is_empty() {
            used = vec![0; SIZE];
        }
        let got = fill(&mut self.0, &mut used)?;
        Ok((used, got))
    }
}

/// Takes what [`feed`] reads in another thread.
pub(super) struct Fed {
    pub full: Receiver<Full>,
    pub empty: SyncSender<Vec<u8>>,
}

impl Chunks for Fed {
    fn next(&mut self, used: Vec<u8>) -> Full {
        if !used.is_empty() {
            // The feeder has gone at the end of the file: nothing to give back to.
            let _ = self.empty.send(used);
        }
        self.full.recv().unwrap_or_else(|_| Ok((Vec::new(), 0)))
    }
}

/// Reads ahead until the end, an error, or nobody takes the buffers any more.
pub(super) fn feed<R: Read>(mut reader: R, empty: &Receiver<Vec<u8>>, full: &SyncSender<Full>) {
    let mut fresh = TURN;
    loop {
        let mut buffer = if fresh > 0 {
            fresh -= 1;
            vec![0; SIZE]
        } else {
            let Ok(used) = empty.recv() else { return };
            used
        };
        let got = fill(&mut reader, &mut buffer);
        let last = !matches!(got, Ok(n) if n > 0);
        if full.send(got.map(|n| (buffer, n))).is_err() || last {
            return;
        }
    }
}

/// Fills the whole buffer where the reader has that much.
pub(super) fn fill<R: Read>(reader: &mut R, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while let Some(rest) = buffer.get_mut(got..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}
