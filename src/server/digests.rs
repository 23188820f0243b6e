//! Values of single keys, as digests: a value is not held longer than it takes to sum it.
use super::link::convert;
use super::{Server, ServerError};

/// Values asked for at once: each may be 64 KiB as the files have it, and somewhat longer as the server has it.
const BATCH: usize = 50;

impl Server {
    /// blake3 of the string under each of these keys, in their order; `None` where there is none, or another type.
    ///
    /// # Errors
    /// `Denied` when GET is not allowed; any other [`ServerError`].
    pub fn digests(&mut self, db: u32, keys: &[Vec<u8>]) -> Result<Vec<Option<blake3::Hash>>, ServerError> {
        let mut digests = Vec::with_capacity(keys.len());
        if !keys.is_empty() {
            self.select(db)?;
        }
        for batch in keys.chunks(BATCH) {
            let mut commands = redis::pipe();
            for key in batch {
                commands.cmd("GET").arg(key);
            }
            for answer in self.ask_all(&commands)? {
                digests.push(match convert::<Option<Vec<u8>>>(answer, "GET") {
                    Ok(value) => value.map(|value: Vec<u8>| blake3::hash(&value)),
                    Err(ServerError::Answer { text }) if text.starts_with("WRONGTYPE") => None,
                    Err(other) => return Err(other),
                });
            }
        }
        Ok(digests)
    }
}
