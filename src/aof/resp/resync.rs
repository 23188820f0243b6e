//! Commands that can still be read after a damage: they tell a hole from a tail.
use std::io::{self, Read};

use super::chunks::fill;
use super::frame::{self, Frame, LONGEST_ANNOTATION};
use super::report::Readable;

/// Commands longer than this are not recognised here.
const WINDOW: usize = 1024 * 1024;
/// Bytes looked at per byte read before giving up: only bytes made for it go over.
const PATIENCE: u64 = 16;

/// Counts the complete commands in what `reader` hands out, where they may start at any place.
///
/// Hand it the bytes from the damaged command on, its own first byte left out: `offset + 1`.
///
/// # Errors
/// Those of the reader.
pub fn readable_after<R: Read>(mut reader: R) -> io::Result<Readable> {
    let mut window = vec![0; 2 * WINDOW];
    let (mut from, mut to, mut done) = (0, 0, false);
    let (mut found, mut work, mut read) = (Readable::default(), 0_u64, 0_u64);
    loop {
        if !done && to - from < WINDOW {
            window.copy_within(from..to, 0);
            (from, to) = (0, to - from);
            let got = window.get_mut(to..).map_or(Ok(0), |room| fill(&mut reader, room))?;
            (to, done, read) = (to + got, to + got < window.len(), read + got as u64);
        }
        let Some(bytes) = window.get(from..to).filter(|b| !b.is_empty()) else {
            return Ok(found);
        };
        let taken = match bytes.first() {
            Some(b'*') => command(bytes, &mut found, &mut work),
            Some(b'#') => {
                memchr::memchr(b'\n', bytes.get(..LONGEST_ANNOTATION.min(bytes.len())).unwrap_or(&[])).map(|n| n + 1)
            }
            _ => None,
        };
        // Between commands: the next place a command may start.
        from +=
            taken.unwrap_or_else(|| memchr::memchr(b'*', bytes.get(1..).unwrap_or(&[])).map_or(bytes.len(), |n| n + 1));
        if work > (read + WINDOW as u64) * PATIENCE {
            found.at_least = true;
            return Ok(found);
        }
    }
}

fn command(bytes: &[u8], found: &mut Readable, work: &mut u64) -> Option<usize> {
    match frame::command(bytes, 0) {
        Frame::Command { end, .. } => {
            found.commands += 1;
            *work += 16;
            Some(end)
        }
        // How far it got is not known: headers of a few bytes each over the whole window at worst.
        Frame::Short => {
            *work += bytes.len() as u64;
            None
        }
        Frame::Bad => {
            *work += 16;
            None
        }
    }
}
