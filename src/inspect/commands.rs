//! Statistics of an AOF: its base's keys, its commands by name and key, its tags; a witness of the walk.
use super::Options;
use super::document::{Command, Match, Matching, Prefix, Tag};
use super::keys::{Keys, row};
use super::moments::Tags;
use super::most::{ByName, prefix};
use super::pattern::Pattern;
use crate::aof::{Shown, Witness};
use crate::facts::Time;
use crate::rdb::KeyMeta;
use std::collections::VecDeque;

/// Counts what it is shown.
#[derive(Debug)]
pub(super) struct Commands {
    pub(super) keys: Keys,
    top: usize,
    pattern: Option<Pattern>,
    file: String,
    names: ByName,
    prefixes: ByName,
    tags: Tags,
    matching: (u64, VecDeque<Match>),
}

/// What it counted of the commands.
pub(super) struct Counted {
    pub(super) keys: Keys,
    pub(super) by_name: Vec<Command>,
    pub(super) other_commands: u64,
    pub(super) prefixes: Vec<Prefix>,
    pub(super) tags: Vec<Tag>,
    pub(super) tag_count: u64,
    pub(super) matching: Option<Matching>,
}

impl Commands {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            keys: Keys::new(options),
            top: options.top,
            pattern: options.keys.clone(),
            file: String::new(),
            names: ByName::default(),
            prefixes: ByName::default(),
            tags: Tags::default(),
            matching: (0, VecDeque::new()),
        }
    }

    fn matches(&mut self, command: &Shown<'_>) {
        self.matching.0 += 1;
        if self.matching.1.len() >= self.top {
            self.matching.1.pop_front();
        }
        if self.top > 0 {
            let at = command.ts.and_then(Time::from_unix);
            let (file, offset, command) = (self.file.clone(), command.start, command.text());
            self.matching.1.push_back(Match { file, offset, at, command });
        }
    }

    pub(super) fn into_counted(self) -> Counted {
        let (names, other) = self.names.top(self.top.max(20), |sum| sum.count);
        let by_name =
            names.into_iter().map(row).map(|row| Command { name: row.prefix, count: row.count, bytes: row.bytes });
        let pattern = self.pattern.map(|pattern| pattern.text());
        let (commands, last) = self.matching;
        Counted {
            keys: self.keys,
            by_name: by_name.collect(),
            other_commands: other.count,
            prefixes: self.prefixes.top(self.top, |sum| sum.count).0.into_iter().map(row).collect(),
            tag_count: self.tags.count,
            tags: self.tags.last.into(),
            matching: pattern.map(|pattern| Matching { pattern, commands, last: last.into() }),
        }
    }
}

impl Witness for Commands {
    fn file(&mut self, name: &str) {
        self.file = crate::aof::resp::printable(name.as_bytes());
    }

    fn key(&mut self, key: &KeyMeta<'_>) {
        self.keys.add(key);
    }

    fn command(&mut self, command: &Shown<'_>) {
        let mut lower = [0_u8; 32];
        let name = command.word(0).map_or(&b"?"[..], |word| in_lower_case(word, &mut lower));
        let bytes = command.end - command.start;
        self.names.add(name, bytes);
        let Some(key) = key_of(name, command) else {
            return;
        };
        self.prefixes.add(prefix(key), bytes);
        self.tags.see(&self.file, name, key, command);
        if self.pattern.as_ref().is_some_and(|pattern| pattern.fits(key)) {
            self.matches(command);
        }
    }
}

pub(super) fn in_lower_case<'a>(word: &[u8], room: &'a mut [u8; 32]) -> &'a [u8] {
    let room = room.get_mut(..word.len().min(32)).unwrap_or_default();
    room.copy_from_slice(word.get(..room.len()).unwrap_or_default());
    room.make_ascii_lowercase();
    room
}

/// The first key of a command, by its name in lower case; none where it has no key, or it is not at hand.
pub(super) fn key_of<'a>(name: &[u8], command: &Shown<'a>) -> Option<&'a [u8]> {
    match name {
        b"select" | b"multi" | b"exec" | b"flushall" | b"flushdb" | b"swapdb" | b"ping" | b"script" | b"function"
        | b"publish" | b"spublish" => None,
        b"xgroup" => command.word(2),
        b"eval" | b"evalsha" | b"fcall" => command.word(3),
        _ => command.word(1),
    }
}
