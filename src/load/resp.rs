//! A stream of commands in RESP, as `redis-cli --pipe` takes it and an AOF has it. A transaction of the stream stays one.
use super::LoadError;
use super::item::{Item, Next};
use super::source::Reading;
use super::words::{is_allowed, is_silent};
use crate::server::Words;

/// More words no command of a stream has.
const MOST_WORDS: u64 = 1 << 20;
/// Longer words no server takes.
const LONGEST_WORD: u64 = 512 << 20;
/// A transaction of the stream is held until its end: not more than this.
const TRANSACTION: usize = 256 << 20;

/// Where a stream is.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Commands read.
    commands: u64,
    /// The database that is selected.
    db: u32,
    /// The last moment that an annotation gave, Unix seconds.
    moment: Option<i64>,
}

/// What stands at a place of the stream.
enum Piece {
    Command(Words),
    Moment(i64),
    Remark,
    End,
}

impl Stream {
    /// The next command, or transaction.
    ///
    /// # Errors
    /// It is no RESP there, or a command that was not declared: what follows can't be relied on.
    pub fn next(
        &mut self,
        from: &mut Reading<'_>,
        since_ms: Option<i64>,
        declared: &[String],
    ) -> Result<Next, LoadError> {
        loop {
            match piece(from)? {
                Piece::End => return Ok(Next::End),
                Piece::Moment(second) => self.moment = Some(second),
                Piece::Remark => {}
                Piece::Command(words) => {
                    self.commands += 1;
                    if let Some(next) = self.command(words, from, since_ms, declared)? {
                        return Ok(next);
                    }
                }
            }
        }
    }

    fn command(
        &mut self,
        words: Words,
        from: &mut Reading<'_>,
        since_ms: Option<i64>,
        declared: &[String],
    ) -> Result<Option<Next>, LoadError> {
        let name = name(&words);
        let (line, db) = (self.commands, self.db);
        let commands = match name.as_str() {
            "SELECT" => {
                self.db = self.selects(&words)?;
                return Ok(None);
            }
            "MULTI" => self.transaction(from, declared)?,
            "EXEC" | "DISCARD" => return Err(self.wrong(from, "an EXEC without its MULTI")),
            name if is_silent(name) => return Ok(None),
            name if !is_allowed(name, declared) => return Err(self.undeclared(name)),
            _ => vec![words],
        };
        if let Some(since) = since_ms {
            let Some(moment) = self.moment else {
                let because = "the stream carries no timestamps, so the moment asked for can't be found in it";
                return Err(LoadError::new(because, "leave --param since out, or take a stream that has #TS: lines"));
            };
            // a second's commands may have come before or after: they count as after
            if moment.saturating_mul(1000).saturating_add(999) < since {
                return Ok(Some(Next::Passed));
            }
        }
        if commands.is_empty() {
            return Ok(None);
        }
        Ok(Some(Next::Item(Item { line, db, then: self.db, key: None, commands })))
    }

    /// The commands up to EXEC; their SELECTs stay among them.
    fn transaction(&mut self, from: &mut Reading<'_>, declared: &[String]) -> Result<Vec<Words>, LoadError> {
        let (mut all, mut weight) = (Vec::new(), 0);
        loop {
            let words = match piece(from)? {
                Piece::Command(words) => words,
                Piece::Moment(second) => {
                    self.moment = Some(second);
                    continue;
                }
                Piece::Remark => continue,
                Piece::End => return Err(self.wrong(from, "the stream ends within a MULTI")),
            };
            self.commands += 1;
            weight += words.iter().map(Vec::len).sum::<usize>();
            match name(&words).as_str() {
                "EXEC" => return Ok(all),
                "DISCARD" => return Ok(Vec::new()),
                "MULTI" => return Err(self.wrong(from, "a MULTI within a MULTI")),
                "SELECT" => self.db = self.selects(&words)?,
                name if is_silent(name) => continue,
                name if !is_allowed(name, declared) => return Err(self.undeclared(name)),
                _ => {}
            }
            if weight > TRANSACTION {
                return Err(self.wrong(from, "a MULTI of more than 256 MiB"));
            }
            all.push(words);
        }
    }

    fn selects(&self, words: &Words) -> Result<u32, LoadError> {
        let number = words.get(1).and_then(|n| std::str::from_utf8(n).ok()?.parse().ok());
        number.ok_or_else(|| {
            LoadError::new(format!("command {}: SELECT of no database", self.commands), "mend the stream")
        })
    }

    fn undeclared(&self, name: &str) -> LoadError {
        let name: String = name.escape_default().take(40).collect();
        let because = format!("command {} is {name}, which is not loaded unless it is declared", self.commands);
        LoadError::new(because, format!("if it is meant to be carried out: --param allow={name}"))
    }

    fn wrong(&self, from: &Reading<'_>, what: &str) -> LoadError {
        LoadError::new(format!("command {}, before byte {}: {what}", self.commands, from.offset()), MEND)
    }
}

const MEND: &str =
    "it must be commands in RESP, as redis-cli --pipe takes them: redis-dr inspect FILE tells where they end";

fn name(words: &Words) -> String {
    words.first().map(|name| String::from_utf8_lossy(name).to_uppercase()).unwrap_or_default()
}

fn piece(from: &mut Reading<'_>) -> Result<Piece, LoadError> {
    let at = from.offset();
    let odd = |what: &str| LoadError::new(format!("byte {at} of the stream: {what}"), MEND);
    let Some(line) = from.short_line().map_err(|e| e.unwrap_or_else(|| odd("no command")))? else {
        return Ok(Piece::End);
    };
    match line.split_first() {
        Some((b'#', rest)) => {
            let moment = rest.strip_prefix(b"TS:").and_then(number::<i64>);
            Ok(moment.map_or(Piece::Remark, Piece::Moment))
        }
        Some((b'*', rest)) => {
            let count =
                number::<u64>(rest).filter(|n| (1..=MOST_WORDS).contains(n)).ok_or_else(|| odd("no command"))?;
            let mut words = Words::new();
            for _ in 0..count {
                let cut = || odd("a command that is cut off");
                let head = from.short_line().map_err(|e| e.unwrap_or_else(|| odd("no command")))?.ok_or_else(cut)?;
                let length = head.strip_prefix(b"$").and_then(number::<u64>).filter(|n| *n <= LONGEST_WORD);
                let length = length.ok_or_else(|| odd("a command with a word of no length"))?;
                let mut word = from.bytes(length + 2)?.ok_or_else(cut)?;
                if !word.ends_with(b"\r\n") {
                    return Err(odd("a command whose word does not end where it says"));
                }
                word.truncate(word.len() - 2);
                words.push(word);
            }
            Ok(Piece::Command(words))
        }
        _ => Err(odd("no command")),
    }
}

fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::source::tests::reading;
    use super::*;

    fn stream(commands: &[&str]) -> String {
        let command = |line: &&str| {
            if line.starts_with('#') {
                return format!("{line}\r\n");
            }
            let words: Vec<&str> = line.split(' ').collect();
            let body: String = words.iter().map(|w| format!("${}\r\n{w}\r\n", w.len())).collect();
            format!("*{}\r\n{body}", words.len())
        };
        commands.iter().map(command).collect()
    }

    /// Line, database and words of what is loaded; or why it stops.
    fn read(text: &str, since_ms: Option<i64>, allow: &[String]) -> Result<Vec<String>, String> {
        reading(text.as_bytes(), |from| {
            let (mut stream, mut out) = (Stream::default(), vec![]);
            loop {
                match stream.next(from, since_ms, allow).map_err(|e| format!("{e} ({})", e.hint))? {
                    Next::Item(item) => {
                        let words = |w: &Words| String::from_utf8_lossy(&w.join(&b' ')).into_owned();
                        let all: Vec<String> = item.commands.iter().map(words).collect();
                        out.push(format!("{} db{}: {}", item.line, item.db, all.join("; ")));
                    }
                    Next::Passed => out.push("passed".into()),
                    Next::Fault(fault) => out.push(fault.because),
                    Next::End => return Ok(out),
                }
            }
        })
    }

    #[test]
    fn commands_keep_their_database_and_a_transaction_stays_one() {
        let text = stream(&["SET a 1", "SELECT 3", "PING", "MULTI", "SET b 2", "SELECT 4", "SET c 3", "EXEC", "DEL d"]);
        let read = read(&text, None, &[]).unwrap();
        assert_eq!(read, ["1 db0: SET a 1", "4 db3: SET b 2; SELECT 4; SET c 3", "9 db4: DEL d"]);
    }

    #[test]
    fn what_is_not_a_write_to_a_key_stops_it_unless_it_is_declared() {
        let text = stream(&["SET a 1", "flushall"]);
        let said = read(&text, None, &[]).unwrap_err();
        assert!(said.contains("command 2 is FLUSHALL") && said.contains("--param allow=FLUSHALL"), "{said}");
        assert_eq!(read(&text, None, &["FLUSHALL".into()]).unwrap().len(), 2);
        let hidden = stream(&["MULTI", "CONFIG SET dir /tmp", "EXEC"]);
        assert!(read(&hidden, None, &[]).unwrap_err().contains("command 2 is CONFIG"));
    }

    #[test]
    fn a_gap_begins_at_its_moment() {
        let text = stream(&["SELECT 2", "#TS:100", "SET a 1", "#TS:200", "SET a 2", "#TS:300", "SET a 3"]);
        assert_eq!(read(&text, Some(200_500), &[]).unwrap(), ["passed", "3 db2: SET a 2", "4 db2: SET a 3"]);
        let said = read(&stream(&["SET a 1"]), Some(1), &[]).unwrap_err();
        assert!(said.contains("no timestamps"), "{said}");
    }

    #[test]
    fn what_is_no_stream_of_commands_says_where() {
        for (text, because) in [
            ("SET a 1\r\n", "byte 0 of the stream: no command"),
            ("*2\r\n$3\r\nDEL\r\n$1\r\n", "byte 0 of the stream: a command that is cut off"),
            ("*1\r\n$9999999999\r\n", "a word of no length"),
            ("*99999999\r\n", "no command"),
            ("*1\r\n$4\r\nMULTI\r\n", "does not end where it says"),
        ] {
            let said = read(text, None, &[]).unwrap_err();
            assert!(said.contains(because), "{text:?}: {said}");
        }
        assert!(read(&stream(&["MULTI", "SET a 1"]), None, &[]).unwrap_err().contains("ends within a MULTI"));
    }
}
