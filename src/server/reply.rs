//! RESP2: packing commands, reading answers, with limits that a hostile or half-broken server can't talk us out of.

use super::ServerError;
use super::wire::Wire;

/// An answer. RESP2 only: `HELLO 3` is never sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`
    Simple(String),
    /// `-ERR …`; only inside pipelines and arrays, elsewhere it is an `Err`.
    Error(String),
    /// `:1`
    Number(i64),
    /// `$3`
    Bulk(Vec<u8>),
    /// Nothing there.
    Nil,
    /// `*2`
    Array(Vec<Reply>),
}

impl Reply {
    /// As text: a string as it is (lossy where it is not UTF-8), a number in digits, anything else empty.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Reply::Simple(text) | Reply::Error(text) => text.clone(),
            Reply::Number(number) => number.to_string(),
            Reply::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Reply::Nil | Reply::Array(_) => String::new(),
        }
    }

    /// As a number, also where it came as a string of digits.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        match self {
            Reply::Number(number) => Some(*number),
            Reply::Simple(_) | Reply::Bulk(_) => self.text().parse().ok(),
            Reply::Error(_) | Reply::Nil | Reply::Array(_) => None,
        }
    }

    /// The items of an array; empty for anything else.
    #[must_use]
    pub fn items(self) -> Vec<Reply> {
        match self {
            Reply::Array(items) => items,
            _ => Vec::new(),
        }
    }

    /// The bytes of a string.
    #[must_use]
    pub fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Reply::Bulk(bytes) => Some(bytes),
            Reply::Simple(text) => Some(text.into_bytes()),
            _ => None,
        }
    }
}

/// Longest status or error line.
const LINE: usize = 64 * 1024;
/// Longest string (the server's own limit for one value, proto-max-bulk-len).
const BULK: u64 = 512 << 20;
/// Deepest nesting.
const DEPTH: u32 = 16;
/// Room taken on the word of a length alone; more only as bytes arrive.
const TRUSTED: usize = 64 * 1024;

/// Appends a command in wire format.
pub(super) fn pack(out: &mut Vec<u8>, args: &[&[u8]]) {
    out.extend_from_slice(format!("*{}\r\n", args.len()).as_bytes());
    for arg in args {
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}

/// Reads one answer.
pub(super) fn read(wire: &mut Wire) -> Result<Reply, ServerError> {
    read_at(wire, 0)
}

fn read_at(wire: &mut Wire, depth: u32) -> Result<Reply, ServerError> {
    let line = wire.line(LINE)?;
    let (kind, rest) = match line.split_first() {
        Some((kind, rest)) => (*kind, rest),
        None => return Err(bad("an empty line")),
    };
    match kind {
        b'+' => Ok(Reply::Simple(String::from_utf8_lossy(rest).into_owned())),
        b'-' => Ok(Reply::Error(String::from_utf8_lossy(rest).into_owned())),
        b':' => Ok(Reply::Number(number(rest)?)),
        b'$' => read_bulk(wire, number(rest)?),
        b'*' => read_array(wire, number(rest)?, depth),
        _ => Err(bad(&format!("a line that starts with byte 0x{kind:02x}"))),
    }
}

fn read_bulk(wire: &mut Wire, len: i64) -> Result<Reply, ServerError> {
    let Ok(len) = u64::try_from(len) else {
        return Ok(Reply::Nil);
    };
    if len > BULK {
        return Err(bad(&format!("a string of {len} bytes")));
    }
    let len = usize::try_from(len).map_err(|_| bad("a string larger than memory"))?;
    let mut bytes = Vec::with_capacity(len.min(TRUSTED));
    wire.exactly(&mut bytes, len)?;
    let mut end = Vec::with_capacity(2);
    wire.exactly(&mut end, 2)?;
    if end == b"\r\n" { Ok(Reply::Bulk(bytes)) } else { Err(bad("a string without its end of line")) }
}

fn read_array(wire: &mut Wire, len: i64, depth: u32) -> Result<Reply, ServerError> {
    let Ok(len) = usize::try_from(len) else {
        return Ok(Reply::Nil);
    };
    if depth >= DEPTH {
        return Err(bad("arrays nested too deeply"));
    }
    let mut items = Vec::with_capacity(len.min(1024));
    for _ in 0..len {
        items.push(read_at(wire, depth + 1)?);
    }
    Ok(Reply::Array(items))
}

fn number(digits: &[u8]) -> Result<i64, ServerError> {
    std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).ok_or_else(|| bad("a length that is no number"))
}

fn bad(because: &str) -> ServerError {
    ServerError::Protocol { because: because.to_string() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::time::{Duration, Instant};

    /// What is read when the other side says `said` and closes.
    fn hear(said: &[u8]) -> Result<Reply, ServerError> {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(said).unwrap();
        drop(theirs);
        let mut wire = Wire::over_unix(ours, Instant::now() + Duration::from_secs(2));
        read(&mut wire)
    }

    #[test]
    fn answers_are_read() {
        assert_eq!(hear(b"+OK\r\n").unwrap(), Reply::Simple("OK".into()));
        assert_eq!(hear(b"$-1\r\n").unwrap(), Reply::Nil);
        assert_eq!(
            hear(b"*3\r\n:-1\r\n$3\r\na\r\n\r\n*-1\r\n").unwrap(),
            Reply::Array(vec![Reply::Number(-1), Reply::Bulk(b"a\r\n".to_vec()), Reply::Nil])
        );
        let mut packed = Vec::new();
        pack(&mut packed, &[b"GET", b"a b"]);
        assert_eq!(packed, b"*2\r\n$3\r\nGET\r\n$3\r\na b\r\n");
    }

    #[test]
    fn nonsense_is_refused_without_taking_its_word() {
        for said in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"$99999999999999\r\n",
            b"$3\r\nabcd\r\n",
            b":abc\r\n",
            b"\r\n",
            "*1\r\n".repeat(100).as_bytes(),
        ] {
            assert!(matches!(hear(said), Err(ServerError::Protocol { .. })), "{said:?}");
        }
        assert!(matches!(hear(b"$500000000\r\nab"), Err(ServerError::Closed)));
        assert!(matches!(hear(b"*2147483647\r\n:1\r\n"), Err(ServerError::Closed)));
        assert!(matches!(hear(&vec![b'+'; 200_000]), Err(ServerError::Protocol { .. })));
    }
}
