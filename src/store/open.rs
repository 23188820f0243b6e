//! The bytes of a backup, decompressed on the way.
use super::{Compression, StoreError};
use crate::host::{Look, Stat, shown};
use std::fs::File;
use std::io::{BufReader, Chain, Cursor, Read};
use std::path::Path;

/// Room that a Zstandard stream may ask for: 2^27 bytes, what its own tool allows without being told otherwise.
const WINDOW_LOG: u32 = 27;

/// A backup opened for reading from its start. Nothing of it is held in memory but a window, however much it unpacks to.
pub struct Opened {
    reader: Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>,
    /// What the file was when it was opened.
    pub stat: Stat,
    /// How it is packed.
    pub compression: Compression,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened")
            .field("stat", &self.stat)
            .field("compression", &self.compression)
            .finish_non_exhaustive()
    }
}

impl Opened {
    /// The first `len` bytes, without taking them away; for a sniff right after opening.
    pub(super) fn head(&mut self, len: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A reader that fails here fails again, and is reported, when it is walked.
        let _ = self.reader.by_ref().take(len).read_to_end(&mut bytes);
        bytes
    }

    /// Length in bytes, where it is known without unpacking.
    #[must_use]
    pub fn len_hint(&self) -> Option<u64> {
        (self.compression == Compression::None).then_some(self.stat.size)
    }
}

impl Read for Opened {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.reader.read(buf)
    }
}

/// Opens a file, packed or not, by its first bytes and not by its name.
///
/// # Errors
/// It is no regular file, can't be opened, or its compressed stream can't be begun.
pub fn open(look: &Look, path: &Path) -> Result<Opened, StoreError> {
    let mut file = look.open_to_walk(path)?;
    let stat = look.stat_open(&file, path)?;
    let mut head = Vec::new();
    let failed = |e: std::io::Error| StoreError::Compressed { path: shown(path).to_string(), because: e.to_string() };
    file.by_ref().take(4).read_to_end(&mut head).map_err(failed)?;
    let compression = Compression::sniff(&head);
    let whole = Cursor::new(head).chain(file);
    let reader: Box<dyn Read + Send> = match compression {
        Compression::None => Box::new(whole),
        // Files joined together count as one, as gunzip and unzstd have it.
        Compression::Gz => Box::new(flate2::bufread::MultiGzDecoder::new(buffered(whole))),
        Compression::Zst => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(buffered(whole)).map_err(failed)?;
            decoder.window_log_max(WINDOW_LOG).map_err(failed)?;
            Box::new(decoder)
        }
    };
    Ok(Opened { reader: Cursor::new(Vec::new()).chain(reader), stat, compression })
}

fn buffered(reader: Chain<Cursor<Vec<u8>>, File>) -> BufReader<Chain<Cursor<Vec<u8>>, File>> {
    BufReader::with_capacity(128 * 1024, reader)
}
