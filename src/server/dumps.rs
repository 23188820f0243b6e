//! Whole values, by DUMP, and how large they are, which must be known before one is asked for.
use super::link::convert;
use super::{Server, ServerError};
use redis::{Value, cmd};

/// Elements that the server looks at to estimate the size of a value.
const SAMPLES: u32 = 50;
/// Bytes taken for each element where only their number is known.
const ELEMENT: u64 = 64;

impl Server {
    /// Bytes that these values take in memory, about, in their order; `kinds` are their types as TYPE says them. None where
    /// there is no such key. Where MEMORY USAGE is not allowed, by their number of elements.
    ///
    /// # Errors
    /// `Denied` where neither is allowed; any other [`ServerError`].
    pub fn weights(&mut self, db: u32, keys: &[Vec<u8>], kinds: &[&str]) -> Result<Vec<Option<u64>>, ServerError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.select(db)?;
        let mut commands = redis::pipe();
        for key in keys {
            commands.cmd("MEMORY").arg("USAGE").arg(key).arg("SAMPLES").arg(SAMPLES);
        }
        let answers = self.ask_all(&commands)?;
        let mut weights = Vec::with_capacity(keys.len());
        for ((key, kind), answer) in keys.iter().zip(kinds).zip(answers) {
            weights.push(match convert::<Option<u64>>(answer, "MEMORY USAGE") {
                Ok(bytes) => bytes,
                Err(ServerError::Denied { .. }) => {
                    self.elements(key, kind)?.map(|n| if *kind == "string" { n } else { n.saturating_mul(ELEMENT) })
                }
                Err(other) => return Err(other),
            });
        }
        Ok(weights)
    }

    /// Elements of a value of this type, bytes of a string; none where there is no such key any more.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub(super) fn elements(&mut self, key: &[u8], kind: &str) -> Result<Option<u64>, ServerError> {
        let command = match kind {
            "string" => "STRLEN",
            "list" => "LLEN",
            "set" => "SCARD",
            "zset" => "ZCARD",
            "hash" => "HLEN",
            "stream" => "XLEN",
            _ => return Ok(None),
        };
        match self.ask::<u64>(cmd(command).arg(key)) {
            Ok(0) => Ok(None),
            Ok(count) => Ok(Some(count)),
            Err(ServerError::Answer { text }) if text.starts_with("WRONGTYPE") => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// The code of each library of functions (7.0 and newer); none where the server has no functions, or does not let us see.
    ///
    /// # Errors
    /// The connection broke.
    pub fn libraries(&mut self) -> Result<Option<Vec<Vec<u8>>>, ServerError> {
        let listed: Vec<Value> = match self.ask(cmd("FUNCTION").arg("LIST").arg("WITHCODE")) {
            Ok(listed) => listed,
            Err(refused) if refused.answered() => return Ok(None),
            Err(broken) => return Err(broken),
        };
        Ok(listed.iter().map(|library| super::pieces::bytes(super::pieces::field(library, "library_code")?)).collect())
    }

    /// What DUMP answers for each of these keys, in their order; none where there is no such key. Ask for a few, and small ones
    /// ([`Server::weights`]): the server does nothing else meanwhile.
    ///
    /// # Errors
    /// `Denied` when DUMP is not allowed; any other [`ServerError`].
    pub fn dumps(&mut self, db: u32, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, ServerError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.select(db)?;
        let mut commands = redis::pipe();
        for key in keys {
            commands.cmd("DUMP").arg(key);
        }
        let answers: Vec<Value> = self.ask_all(&commands)?;
        answers.into_iter().map(|answer| convert(answer, "DUMP")).collect()
    }
}
