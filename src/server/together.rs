//! Commands that are carried out together or not at all: MULTI with all of them, sent in one go.
use super::link::convert;
use super::{Server, ServerError, error};
use redis::{Cmd, Pipeline, Value};
use std::time::Duration;

/// The words of a command, its name first.
pub type Words = Vec<Vec<u8>>;

/// What became of commands that were to be carried out together.
#[derive(Debug)]
pub enum Together {
    /// They were. For each the error it was answered with, where there was one: the others stand all the same.
    Done(Vec<Option<ServerError>>),
    /// None was: the server did not take these, by their place.
    Refused(Vec<(usize, ServerError)>),
    /// None was: a watched key changed meanwhile.
    Moved,
}

impl Server {
    /// Watches keys of one database for the next [`Server::together`], and tells of each whether it is there.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn watch(&mut self, db: u32, keys: &[&[u8]]) -> Result<Vec<bool>, ServerError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.select(db)?;
        let mut commands = redis::pipe();
        commands.cmd("WATCH").arg(keys);
        for key in keys {
            commands.cmd("EXISTS").arg(*key);
        }
        let mut answers = self.ask_all(&commands)?.into_iter();
        convert::<()>(answers.next().unwrap_or(Value::Nil), "WATCH")?;
        answers.map(|answer| Ok(convert::<u64>(answer, "EXISTS")? > 0)).collect()
    }

    /// The string under a key; none where there is none.
    ///
    /// # Errors
    /// Any [`ServerError`]; `Answer` with WRONGTYPE where it is of another type.
    pub fn text(&mut self, db: u32, key: &[u8]) -> Result<Option<Vec<u8>>, ServerError> {
        self.select(db)?;
        self.ask(redis::cmd("GET").arg(key))
    }

    /// Sets a string that lives so long.
    ///
    /// # Errors
    /// Why the server takes no writes.
    pub fn set_for(&mut self, db: u32, key: &str, value: &str, lives: Duration) -> Result<(), ServerError> {
        self.select(db)?;
        let lives = u64::try_from(lives.as_millis()).unwrap_or(u64::MAX).max(1);
        self.ask(redis::cmd("SET").arg(key).arg(value).arg("PX").arg(lives))
    }

    /// Removes one key.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn delete(&mut self, db: u32, key: &[u8]) -> Result<(), ServerError> {
        self.select(db)?;
        self.ask(redis::cmd("DEL").arg(key))
    }

    /// Forgets what was watched.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn unwatch(&mut self) -> Result<(), ServerError> {
        self.ask(&redis::cmd("UNWATCH"))
    }

    /// MULTI, these commands, EXEC, within the timeout. A SELECT among them counts from then on.
    ///
    /// # Errors
    /// The connection failed: then nobody knows whether they were carried out. Or EXEC was answered with something else.
    pub fn together(&mut self, commands: &[Words]) -> Result<Together, ServerError> {
        let mut all: Pipeline = redis::pipe();
        all.cmd("MULTI");
        for words in commands {
            all.add_command(packed(words));
        }
        all.cmd("EXEC");
        let mut answers = self.ask_all(&all)?;
        let exec = answers.pop().unwrap_or(Value::Nil);
        let mut queued = answers.into_iter();
        convert::<()>(queued.next().unwrap_or(Value::Nil), "MULTI")?;
        let refused: Vec<(usize, ServerError)> =
            queued.enumerate().filter_map(|(at, answer)| Some((at, failure(answer, &commands[at])?))).collect();
        match exec {
            _ if !refused.is_empty() => Ok(Together::Refused(refused)),
            Value::Nil => Ok(Together::Moved),
            Value::Array(answers) if answers.len() == commands.len() => {
                self.selected(commands);
                Ok(Together::Done(
                    answers.into_iter().zip(commands).map(|(answer, words)| failure(answer, words)).collect(),
                ))
            }
            other => {
                convert::<()>(other, "EXEC")?;
                Err(ServerError::Protocol { because: "EXEC was answered with something else".into() })
            }
        }
    }

    /// The database of the last SELECT among commands that were carried out.
    fn selected(&mut self, commands: &[Words]) {
        let db = |words: &Words| match words.as_slice() {
            [name, db] if name.eq_ignore_ascii_case(b"SELECT") => std::str::from_utf8(db).ok()?.parse().ok(),
            _ => None,
        };
        if let Some(db) = commands.iter().rev().find_map(db) {
            self.db = db;
        }
    }
}

fn packed(words: &Words) -> Cmd {
    let mut command = Cmd::new();
    for word in words {
        command.arg(word.as_slice());
    }
    command
}

/// The error that an answer is.
fn failure(answer: Value, words: &Words) -> Option<ServerError> {
    let Value::ServerError(said) = answer else {
        return None;
    };
    let name = words.first().map(|name| String::from_utf8_lossy(name).to_uppercase()).unwrap_or_default();
    Some(ServerError::from_answer(&error::text_of(&said), &name))
}
