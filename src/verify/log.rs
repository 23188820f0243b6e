//! The server's log since its start.
use crate::host::{HostError, Look};
use std::path::Path;

/// What a server writes when a command of its AOF fails while it loads.
const CRITICAL: &[u8] = b"== CRITICAL ==";
/// Read at once, in bytes.
const PIECE: u64 = 256 << 10;
/// Longest line that is shown.
const LINE: usize = 300;

/// The first line, from a size of the log on, that says that a command failed while the server loaded.
///
/// # Errors
/// The log can't be read.
pub fn first_critical(look: &Look, path: &Path, from: u64) -> Result<Option<String>, HostError> {
    let mut at = from;
    loop {
        let piece = look.read_at(path, at, PIECE)?;
        let last = (piece.len() as u64) < PIECE;
        if let Some(found) = memchr::memmem::find(&piece, CRITICAL) {
            let begin = memchr::memrchr(b'\n', piece.get(..found).unwrap_or(&[])).map_or(0, |n| n + 1);
            let line = look.read_at(path, at + begin as u64, LINE as u64)?;
            let line = line.split(|b| *b == b'\n').next().unwrap_or(&[]);
            return Ok(Some(String::from_utf8_lossy(line).chars().filter(|c| !c.is_control()).collect()));
        }
        if last {
            return Ok(None);
        }
        // the words may lie across two pieces
        at += piece.len() as u64 - CRITICAL.len() as u64;
    }
}
