//! Questions and answers over a channel: packed, parsed and converted by the `redis` crate, within limits of ours.
//!
//! The crate's own `Connection` is not used. Its timeouts bound single reads, so that a server which drips out an answer
//! holds it for ever; names are resolved and unix sockets opened without any; and it reads whatever is sent. Its parser
//! takes any reader, and believes no length before the bytes are there, so it is given one that ends at the deadline and
//! after [`REPLY`] bytes.

use std::io::{self, Read, Write};
use std::time::Instant;

use redis::{Cmd, FromRedisValue, Parser, Pipeline, Value};

use super::channel::Channel;
use super::{Endpoint, ServerError, error};

/// Most bytes of one answer. The longest that is ever asked for is a page of SCAN.
const REPLY: usize = 64 << 20;

/// A connection of which each answer is known to belong to the last question.
pub(super) struct Link {
    channel: Channel,
    parser: Parser,
    /// Why it can't be used any more; the next answer could belong to an older question.
    broken: bool,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("channel", &self.channel).field("broken", &self.broken).finish_non_exhaustive()
    }
}

impl Link {
    /// Connects, with TLS where asked for.
    pub(super) fn open(endpoint: &Endpoint, deadline: Instant) -> Result<Link, ServerError> {
        Channel::open(endpoint, deadline).map(Link::over)
    }

    fn over(channel: Channel) -> Link {
        Link { channel, parser: Parser::new(), broken: false }
    }

    /// From now on, calls end at this moment.
    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        self.channel.set_deadline(deadline);
    }

    /// The bytes beneath; nothing may have been sent that was not answered.
    pub(super) fn into_channel(self) -> Channel {
        self.channel
    }

    /// Asks one command and reads its answer; an error answer is an `Err`.
    pub(super) fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, ServerError> {
        let mut answers = self.exchange(&command.get_packed_command(), 1)?;
        let name = error::name_of(command);
        convert(answers.pop().unwrap_or(Value::Nil), &name)
    }

    /// Sends many commands before it reads the first answer. One answer for each, errors among them.
    pub(super) fn ask_all(&mut self, commands: &Pipeline) -> Result<Vec<Value>, ServerError> {
        self.exchange(&commands.get_packed_pipeline(), commands.len())
    }

    fn exchange(&mut self, packed: &[u8], count: usize) -> Result<Vec<Value>, ServerError> {
        if self.broken {
            return Err(ServerError::Closed);
        }
        let sent = self.channel.write_all(packed).and_then(|()| self.channel.flush());
        let answers = (0..count).map(|_| self.read()).collect::<Result<Vec<Value>, ServerError>>();
        self.broken = sent.is_err() || answers.is_err();
        match (sent, answers) {
            (Err(refused), Err(_)) => Err(self.channel.failed("sending a command", refused)),
            // The server may have said why before it closed ("max number of clients reached").
            (_, answers) => answers,
        }
    }

    /// Reads one answer.
    fn read(&mut self) -> Result<Value, ServerError> {
        let mut hearing = Hearing { channel: &mut self.channel, left: REPLY, failed: None };
        match (self.parser.parse_value(&mut hearing), hearing.failed) {
            (Ok(value), _) => Ok(value),
            (Err(_), Some(why)) => Err(why),
            (Err(error), None) => Err(ServerError::Protocol { because: error::not_resp(&error) }),
        }
    }
}

/// An answer as what was asked for.
pub(super) fn convert<T: FromRedisValue>(answer: Value, command: &str) -> Result<T, ServerError> {
    if let Value::ServerError(error) = answer {
        return Err(ServerError::from_answer(&error::text_of(&error), command));
    }
    redis::from_redis_value(answer)
        .map_err(|_| ServerError::Protocol { because: format!("{command} was answered with something else") })
}

/// What the parser may read for one answer.
struct Hearing<'a> {
    channel: &'a mut Channel,
    /// Bytes that may still come.
    left: usize,
    /// Why no more came; the parser only has to stop.
    failed: Option<ServerError>,
}

impl Read for Hearing<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let most = room.len().min(self.left);
        let failed = match self.channel.read(&mut room[..most]) {
            Ok(0) if self.left == 0 => {
                ServerError::Protocol { because: format!("an answer of more than {} MiB", REPLY >> 20) }
            }
            Ok(0) => ServerError::Closed,
            Ok(got) => {
                self.left -= got;
                return Ok(got);
            }
            Err(error) => self.channel.failed("waiting for an answer", error),
        };
        self.failed = Some(failed);
        Err(io::ErrorKind::Other.into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::socket::Socket;
    use super::*;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    /// What is read when the other side says `said` and closes.
    fn hear(said: &[u8]) -> Result<Value, ServerError> {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let said = said.to_vec();
        // A side that is not listened to any more can't say all of it.
        let speaker = std::thread::spawn(move || theirs.write_all(&said).is_ok());
        let socket = Socket::over_unix(ours, Instant::now() + Duration::from_secs(20));
        let heard = Link::over(Channel::Plain(socket)).read();
        speaker.join().unwrap();
        heard
    }

    #[test]
    fn answers_are_read() {
        assert_eq!(hear(b"+PONG\r\n").unwrap(), Value::SimpleString("PONG".into()));
        assert_eq!(hear(b"$-1\r\n").unwrap(), Value::Nil);
        assert_eq!(
            hear(b"*3\r\n:-1\r\n$3\r\na\r\n\r\n*-1\r\n").unwrap(),
            Value::Array(vec![Value::Int(-1), Value::BulkString(b"a\r\n".to_vec()), Value::Nil])
        );
    }

    #[test]
    fn nonsense_is_refused_without_taking_its_word() {
        for said in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"$99999999999999999999\r\n",
            b"$3\r\nabcd\r\n",
            b":abc\r\n",
            b"\r\n",
            "*1\r\n".repeat(1000).as_bytes(),
        ] {
            assert!(matches!(hear(said), Err(ServerError::Protocol { .. })), "{said:?}");
        }
        for said in [&b"$500000000\r\nab"[..], b"$9223372036854775807\r\nab", b"*2147483647\r\n:1\r\n", b"+OK"] {
            assert!(matches!(hear(said), Err(ServerError::Closed)), "{said:?}");
        }
    }

    #[test]
    fn an_answer_without_end_is_not_kept_without_end() {
        let mut endless = b"$9223372036854775807\r\n".to_vec();
        endless.resize(REPLY + 1024, b'x');
        let error = hear(&endless).unwrap_err();
        assert_eq!(
            error.to_string(),
            "that is not the answer of a Redis or Valkey server: an answer of more than 64 MiB"
        );
    }

    #[test]
    fn a_dripping_answer_ends_at_the_deadline() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let socket = Socket::over_unix(ours, Instant::now() + Duration::from_millis(200));
        let mut link = Link::over(Channel::Plain(socket));
        let drip = std::thread::spawn(move || {
            while theirs.write_all(b"+").is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let ping = redis::cmd("PING");
        assert!(matches!(link.ask::<()>(&ping), Err(ServerError::Timeout { doing: "waiting for an answer", .. })));
        // The rest of it must not be taken for the answer to another question.
        assert!(matches!(link.ask::<()>(&ping), Err(ServerError::Closed)));
        drop(link);
        drip.join().unwrap();
    }
}
