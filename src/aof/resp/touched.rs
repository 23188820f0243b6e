//! Which keys commands touch, as far as their words say so.
use std::collections::BTreeSet;
use std::io::{self, Read};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::chunks::fill;
use super::frame::{self, Frame};
use super::text;
use crate::aof::notes::changes_first_key;

/// Keys that are shown.
const SHOWN: usize = 20;
/// Keys that are told apart.
const TOLD_APART: usize = 10_000;

/// Keys that commands write to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Touched {
    /// Some of them, printable, with their database where that is not 0: at most twenty.
    pub keys: Vec<String>,
    /// How many different ones there are, as far as commands name them.
    pub distinct: u64,
    /// Commands that name their keys in a way that is not known here.
    pub unnamed: u64,
    /// Were there more commands than were read?
    pub at_least: bool,
}

/// Takes in commands, file by file, each from a place where a command starts.
#[derive(Debug, Default)]
pub struct TouchedKeys {
    seen: BTreeSet<(u32, Vec<u8>)>,
    found: Touched,
}

impl TouchedKeys {
    /// Reads the commands of `reader`, at most `most` bytes, with this database selected at first.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn read<R: Read>(&mut self, reader: R, mut db: u32, most: usize) -> io::Result<()> {
        let mut bytes = vec![0; most];
        let got = fill(&mut reader.take(most as u64), &mut bytes)?;
        bytes.truncate(got);
        let mut at = 0;
        while let Some(mark) = bytes.get(at) {
            match mark {
                b'#' => match bytes.get(at..).and_then(|rest| memchr::memchr(b'\n', rest)) {
                    Some(length) => at += length + 1,
                    None => break,
                },
                b'*' => match frame::command(&bytes, at) {
                    Frame::Command { end, .. } => {
                        self.command(bytes.get(at..end).unwrap_or(&[]), &mut db);
                        at = end;
                    }
                    Frame::Short | Frame::Bad => break,
                },
                _ => break,
            }
        }
        self.found.at_least |= at < bytes.len() || got == most;
        Ok(())
    }

    /// What was found.
    #[must_use]
    pub fn found(mut self) -> Touched {
        self.found.distinct = self.seen.len() as u64;
        self.found
    }

    fn command(&mut self, bytes: &[u8], db: &mut u32) {
        let mut words = text::each_word(bytes);
        let name = words.next().unwrap_or_default().to_ascii_lowercase();
        match name.as_slice() {
            b"select" => {
                let number = words.next().and_then(|word| std::str::from_utf8(word).ok()?.parse().ok());
                *db = number.unwrap_or(*db);
            }
            b"multi" | b"exec" | b"ping" | b"publish" | b"spublish" | b"function" | b"script" => {}
            b"del" | b"unlink" => words.for_each(|key| self.key(*db, key)),
            b"mset" => words.step_by(2).for_each(|key| self.key(*db, key)),
            b"set" | b"getset" | b"pexpireat" | b"persist" => {
                words.next().into_iter().for_each(|key| self.key(*db, key))
            }
            name if changes_first_key(name) => words.next().into_iter().for_each(|key| self.key(*db, key)),
            _ => self.found.unnamed += 1,
        }
    }

    fn key(&mut self, db: u32, key: &[u8]) {
        if self.seen.len() >= TOLD_APART {
            self.found.at_least = true;
            return;
        }
        if self.seen.insert((db, key.to_vec())) && self.found.keys.len() < SHOWN {
            let short = key.get(..key.len().min(128)).unwrap_or(key);
            let of = if db == 0 { String::new() } else { format!(" (db {db})") };
            self.found.keys.push(format!("{}{of}", text::printable(short)));
        }
    }
}

/// Are these bytes one whole command that throws a dataset away or exchanges it?
#[must_use]
pub fn is_flush(bytes: &[u8]) -> bool {
    let whole = matches!(frame::command(bytes, 0), Frame::Command { end, .. } if end == bytes.len());
    let name = text::each_word(bytes).next().unwrap_or_default();
    let flushes = |word: &[u8]| name.eq_ignore_ascii_case(word);
    bytes.first() == Some(&b'*') && whole && (flushes(b"flushall") || flushes(b"flushdb") || flushes(b"swapdb"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn touched(commands: &[&str]) -> Touched {
        let words = |line: &&str| {
            let words: Vec<&str> = line.split(' ').collect();
            let each = words.iter().map(|w| format!("${}\r\n{w}\r\n", w.len())).collect::<String>();
            format!("*{}\r\n{each}", words.len())
        };
        let bytes = commands.iter().map(words).collect::<String>();
        let mut keys = TouchedKeys::default();
        keys.read(bytes.as_bytes(), 0, 1 << 20).unwrap();
        keys.found()
    }

    #[test]
    fn keys_are_told_once_with_their_database() {
        let found = touched(&["SET a 1", "INCR a", "SELECT 3", "LPUSH a x", "MSET b 1 c 2", "SELECT 0", "DEL a d"]);
        assert_eq!(found.keys, ["a", "a (db 3)", "b (db 3)", "c (db 3)", "d"]);
        assert_eq!((found.distinct, found.unnamed, found.at_least), (5, 0, false));
    }

    #[test]
    fn what_names_its_keys_otherwise_is_counted() {
        let found = touched(&["MULTI", "SUNIONSTORE a b c", "EXEC"]);
        assert_eq!((found.distinct, found.unnamed), (0, 1));
    }

    #[test]
    fn control_characters_never_reach_a_terminal() {
        let mut keys = TouchedKeys::default();
        keys.read(b"*2\r\n$4\r\nINCR\r\n$3\r\n\x1b[2\r\n".as_slice(), 0, 1 << 20).unwrap();
        assert_eq!(keys.found().keys, ["\\u{1b}[2"]);
    }
}
