//! Bytes of a file on a disk that fails: read again where it says no, and what stays unreadable is noted.
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

/// How often a read is tried again.
const RETRIES: usize = 3;
/// The least that a disk reads; unreadable bytes are told in these.
pub(super) const SECTOR: u64 = 4096;

/// Reads at offsets.
pub(super) trait Source: Sync {
    /// Reads at most the buffer's length; zero at the end.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl Source for File {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buf, offset)
    }
}

/// A source whose reads are tried again, in smaller pieces.
#[derive(Clone, Copy)]
pub(super) struct Patient<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) len: u64,
}

impl Patient<'_> {
    /// Reads at an offset; what can be read before an unreadable sector is read. Only a single sector is tried again.
    pub(super) fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let border = (SECTOR - offset % SECTOR) as usize;
        let mut size = buf.len().min(left);
        while size > border {
            match self.source.read_at(buf.get_mut(..size).unwrap_or_default(), offset) {
                Err(_) => size = (size / 2).max(border),
                read => return read,
            }
        }
        self.again(buf.get_mut(..size).unwrap_or_default(), offset)
    }

    fn again(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut last = None;
        for _ in 0..=RETRIES {
            match self.source.read_at(buf, offset) {
                Err(error) => last = Some(error),
                read => return read,
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::Other.into()))
    }

    /// The first offset from `offset` on that can be read, in sectors; the end where none can. Steps grow, so that a disk
    /// that is gone for good does not take for ever.
    pub(super) fn readable_from(&self, offset: u64) -> u64 {
        let (mut at, mut step, mut one) = (offset, SECTOR, [0; 1]);
        while at < self.len && self.source.read_at(&mut one, at).is_err() {
            at = (at / SECTOR * SECTOR).saturating_add(step);
            step = (step * 2).min(1 << 20);
        }
        // Back to the first readable sector of the last step.
        let mut first = at.min(self.len);
        while step > SECTOR && first > offset + SECTOR && self.source.read_at(&mut one, first - SECTOR).is_ok() {
            first -= SECTOR;
        }
        first
    }
}

/// Reads on from an offset.
pub(super) struct From<'a> {
    pub(super) disk: Patient<'a>,
    pub(super) at: u64,
}

impl Read for From<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.disk.read_at(buf, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}
