//! Digests of files: whole, edges, and the part before an offset.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{HostError, Look};

/// Bytes at each edge that stand for a large file: 64 KiB.
pub const EDGE: u64 = 64 * 1024;

/// A mark in a file that grows: its size then, and the digest of the 64 KiB (or fewer) before that size.
///
/// A file that is still at least that long and still has those bytes there holds what it held when the mark was made,
/// as far as appending goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Size in bytes when the mark was made.
    pub size: u64,
    /// blake3 of the bytes from `size - 64 KiB` (or 0) to `size`, hexadecimal.
    pub digest: String,
}

impl Look {
    /// blake3 of a whole regular file, hexadecimal.
    ///
    /// # Errors
    /// As [`Look::open`], or the file can't be read.
    pub fn digest(&self, path: &Path) -> Result<String, HostError> {
        let file = self.open_to_walk(path)?;
        digest_of(file, path)
    }

    /// blake3 of the first and the last 64 KiB of a file, hexadecimal; of all of it when it is shorter than both.
    ///
    /// # Errors
    /// As [`Look::open`], or the file can't be read.
    pub fn edge_digest(&self, path: &Path) -> Result<String, HostError> {
        let mut file = self.open(path)?;
        let size = self.stat_open(&file, path)?.size;
        let mut hasher = blake3::Hasher::new();
        let head = size.min(EDGE);
        feed(&mut file, 0, head, &mut hasher, path)?;
        let tail = size.saturating_sub(EDGE).max(head);
        feed(&mut file, tail, size - tail, &mut hasher, path)?;
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// blake3 of the 64 KiB (or fewer) before offset `end`, hexadecimal.
    ///
    /// # Errors
    /// [`HostError::TooShort`] when the file ends before `end`; as [`Look::open`].
    pub fn prefix_tail_digest(&self, path: &Path, end: u64) -> Result<String, HostError> {
        let mut file = self.open(path)?;
        let size = self.stat_open(&file, path)?.size;
        if size < end {
            return Err(HostError::TooShort { path: path.to_path_buf(), size, wanted: end });
        }
        let mut hasher = blake3::Hasher::new();
        let start = end.saturating_sub(EDGE);
        feed(&mut file, start, end - start, &mut hasher, path)?;
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// Marks the present end of a file that may grow.
    ///
    /// # Errors
    /// As [`Look::open`].
    pub fn mark(&self, path: &Path) -> Result<Mark, HostError> {
        let size = self.stat(path)?.size;
        Ok(Mark { size, digest: self.prefix_tail_digest(path, size)? })
    }

    /// Whether a file still holds what it held when the mark was made (it may have grown).
    ///
    /// # Errors
    /// As [`Look::open`].
    pub fn holds_mark(&self, path: &Path, mark: &Mark) -> Result<bool, HostError> {
        match self.prefix_tail_digest(path, mark.size) {
            Ok(digest) => Ok(digest == mark.digest),
            Err(HostError::TooShort { .. }) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Whether two files hold the same bytes.
    ///
    /// # Errors
    /// As [`Look::open`], or one of them can't be read.
    pub fn same_bytes(&self, one: &Path, other: &Path) -> Result<bool, HostError> {
        if self.stat(one)?.size != self.stat(other)?.size {
            return Ok(false);
        }
        Ok(self.digest(one)? == self.digest(other)?)
    }
}

/// blake3 of all that is left in a reader.
pub(super) fn digest_of(mut from: impl Read, path: &Path) -> Result<String, HostError> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0_u8; 512 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finalize().to_hex().to_string()),
            Ok(n) => {
                hasher.update(&buffer[..n]);
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(HostError::os("read", path, e)),
        }
    }
}

fn feed(file: &mut File, from: u64, len: u64, into: &mut blake3::Hasher, path: &Path) -> Result<(), HostError> {
    file.seek(SeekFrom::Start(from)).map_err(|e| HostError::os("read", path, e))?;
    let read = std::io::copy(&mut file.take(len), into).map_err(|e| HostError::os("read", path, e))?;
    if read < len {
        return Err(HostError::TooShort { path: path.to_path_buf(), size: from + read, wanted: from + len });
    }
    Ok(())
}
