//! One line: a JSON object whose last field `c` is a check over it and all lines before it.

use serde::Serialize;

/// Hexadecimal digits of the check: 64 bits of blake3.
const DIGITS: usize = 16;

/// The check of the last line, which the next one's check covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chain(String);

impl Chain {
    /// A document as the next line, newline included, and the chain after it.
    pub(super) fn seal<T: Serialize>(&self, document: &T) -> Result<(String, Chain), String> {
        let body = serde_json::to_string(document).map_err(|e| e.to_string())?;
        let Some(open) = body.strip_suffix('}').filter(|open| open.len() > 1) else {
            return Err("it is no JSON object".to_string());
        };
        let check = self.check(&body);
        let line = format!("{open},\"c\":\"{check}\"}}\n");
        Ok((line, Chain(check)))
    }

    /// The document of a line (newline taken off) that follows this chain, and the chain after it.
    pub(super) fn unseal(&self, line: &[u8]) -> Result<(String, Chain), &'static str> {
        let text = std::str::from_utf8(line).map_err(|_| "is not UTF-8")?;
        let (open, check) = text
            .strip_suffix("\"}")
            .and_then(|rest| rest.len().checked_sub(DIGITS).and_then(|at| rest.split_at_checked(at)))
            .and_then(|(open, check)| Some((open.strip_suffix(",\"c\":\"")?, check)))
            .ok_or("does not end in a check")?;
        let body = format!("{open}}}");
        if self.check(&body) != check {
            return Err("does not agree with its check, or a line before it is missing");
        }
        Ok((body, Chain(check.to_string())))
    }

    fn check(&self, body: &str) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.0.as_bytes());
        hasher.update(body.as_bytes());
        hasher.finalize().to_hex().chars().take(DIGITS).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_line_keeps_its_document_and_notices_a_missing_predecessor() {
        let start = Chain::default();
        let (one, after_one) = start.seal(&serde_json::json!({"a": 1})).unwrap();
        let (two, _) = after_one.seal(&serde_json::json!({"a": "},\"c\":\""})).unwrap();
        let (body, chain) = start.unseal(one.trim_end().as_bytes()).unwrap();
        assert_eq!((body.as_str(), &chain), ("{\"a\":1}", &after_one));
        assert!(after_one.unseal(two.trim_end().as_bytes()).is_ok());
        assert!(start.unseal(two.trim_end().as_bytes()).is_err());
    }

    #[test]
    fn any_flipped_byte_is_noticed() {
        let (line, _) = Chain::default().seal(&serde_json::json!({"step": "stop"})).unwrap();
        let line = line.trim_end().as_bytes();
        for at in 0..line.len() {
            let mut bad = line.to_vec();
            bad[at] ^= 1;
            assert!(Chain::default().unseal(&bad).is_err(), "byte {at}");
            assert!(Chain::default().unseal(&line[..at]).is_err(), "cut at {at}");
        }
    }
}
