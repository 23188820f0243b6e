//! NDJSON: a line is a key with its whole value,
//! `{"key": "user:1", "type": "hash", "value": {"name": "Ada"}, "ttl_ms": 60000, "db": 0}`.
//!
//! A text that is none (bytes) is written `{"base64": "/wA="}`, wherever a text may stand. Values: of a string a text; of
//! a list and a set a list of texts; of a hash an object, or a list of pairs; of a zset an object of scores, or a list of
//! pairs member, score; of a stream a list of `{"id": "1-1", "fields": …}`. The type `none` says that the key is gone.
use super::LoadError;
use super::base64;
use super::item::{Fault, Item, Next};
use super::source::{Line, Reading};
use crate::server::Words;
use serde::Deserialize;
use serde_json::Value;

/// A line is not longer than the longest value of a server, written as base64.
const LONGEST: usize = 720 << 20;
/// Elements of one command.
const ELEMENTS: usize = 512;

/// What stands in a line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    key: Value,
    r#type: Kind,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    ttl_ms: Option<i64>,
    #[serde(default)]
    expires_at_ms: Option<i64>,
    #[serde(default)]
    db: Option<u32>,
    #[serde(default)]
    at: Option<jiff::Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    String,
    List,
    Set,
    Hash,
    Zset,
    Stream,
    None,
}

/// The next record. `now_ms` is what times to live count from, Unix milliseconds.
pub(super) fn next(from: &mut Reading<'_>, now_ms: i64, since_ms: Option<i64>) -> Result<Next, LoadError> {
    loop {
        let (line, text) = match from.line(LONGEST)? {
            Line::End => return Ok(Next::End),
            Line::TooLong(line) => {
                return Ok(Next::Fault(Fault {
                    line,
                    because: "it is longer than any value that a server holds".into(),
                }));
            }
            Line::Is(line, text) => (line, text),
        };
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        return Ok(match read(&text, line, now_ms, since_ms) {
            Ok(Some(item)) => Next::Item(item),
            Ok(None) => Next::Passed,
            Err(because) => Next::Fault(Fault { line, because }),
        });
    }
}

fn read(text: &[u8], line: u64, now_ms: i64, since_ms: Option<i64>) -> Result<Option<Item>, String> {
    let record: Record = serde_json::from_slice(text).map_err(|e| odd(&e))?;
    if let Some(since) = since_ms {
        let at = record.at.ok_or("it has no `at`, so nobody can tell whether it is newer than the moment asked for")?;
        if at.as_millisecond() <= since {
            return Ok(None);
        }
    }
    let expires = match (record.ttl_ms, record.expires_at_ms) {
        (Some(_), Some(_)) => return Err("it has both `ttl_ms` and `expires_at_ms`".into()),
        (Some(ttl), None) => Some(now_ms.saturating_add(ttl)),
        (None, at) => at,
    };
    if record.r#type != Kind::None && expires.is_some_and(|at| at <= now_ms) {
        return Ok(None);
    }
    let (key, db) = (bytes(&record.key, "key")?, record.db.unwrap_or(0));
    let mut commands = value(record.r#type, &key, &record.value)?;
    if let Some(at) = expires.filter(|_| record.r#type != Kind::None) {
        commands.push(vec![b"PEXPIREAT".to_vec(), key.clone(), at.to_string().into_bytes()]);
    }
    Ok(Some(Item { line, db, then: db, key: Some(key), commands }))
}

/// What is wrong, without the data: a message of the library may repeat it.
fn odd(e: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let said = e.to_string();
    let ours = ["unknown field", "missing field", "unknown variant", "duplicate field"];
    match e.classify() {
        Category::Data if ours.iter().any(|word| said.starts_with(word)) => {
            said.split(" at line").next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect()
        }
        Category::Data => "a value in it is not of the type it must have".into(),
        Category::Eof => "it ends in the middle of a record".into(),
        _ => format!("it is no JSON (byte {})", e.column()),
    }
}

fn value(kind: Kind, key: &[u8], value: &Value) -> Result<Vec<Words>, String> {
    match kind {
        Kind::String => Ok(vec![vec![b"SET".to_vec(), key.to_vec(), bytes(value, "value")?]]),
        Kind::List => Ok(split(b"RPUSH", key, &texts(value)?)),
        Kind::Set => Ok(split(b"SADD", key, &texts(value)?)),
        Kind::Hash => Ok(split(b"HSET", key, &pairs(value)?.into_iter().flatten().collect::<Words>())),
        Kind::Zset => {
            let scored = pairs(value)?.into_iter().map(|[member, score]| Ok([finite(score)?, member]));
            let scored: Vec<[Vec<u8>; 2]> = scored.collect::<Result<_, String>>()?;
            Ok(split(b"ZADD", key, &scored.into_iter().flatten().collect::<Words>()))
        }
        Kind::Stream => entries(key, value),
        Kind::None if value.is_null() => Ok(vec![]),
        Kind::None => Err("type `none` says that the key is gone, and it has a value".into()),
    }
}

/// A command with many elements as several with fewer, each with an even number of them.
fn split(name: &[u8], key: &[u8], elements: &[Vec<u8>]) -> Vec<Words> {
    let command = |some: &[Vec<u8>]| [vec![name.to_vec(), key.to_vec()], some.to_vec()].concat();
    elements.chunks(ELEMENTS).map(command).collect()
}

/// A text, a number as it is written, or `{"base64": …}`.
fn bytes(value: &Value, what: &str) -> Result<Vec<u8>, String> {
    match value {
        Value::String(text) => Ok(text.clone().into_bytes()),
        Value::Number(number) => Ok(number.to_string().into_bytes()),
        Value::Object(map) if map.len() == 1 => match map.get("base64") {
            Some(Value::String(text)) => base64::decode(text),
            _ => Err(format!("`{what}` is neither a text nor {{\"base64\": …}}")),
        },
        Value::Null => Err(format!("`{what}` is missing")),
        _ => Err(format!("`{what}` is neither a text nor {{\"base64\": …}}")),
    }
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    match value {
        Value::Array(items) if items.is_empty() => Err("`value` is empty, and a key can't be".into()),
        Value::Array(items) => Ok(items),
        _ => Err("`value` is no list".into()),
    }
}

fn texts(value: &Value) -> Result<Words, String> {
    list(value)?.iter().map(|item| bytes(item, "value")).collect()
}

/// An object, or a list of pairs.
fn pairs(value: &Value) -> Result<Vec<[Vec<u8>; 2]>, String> {
    match value {
        Value::Object(map) if map.is_empty() => Err("`value` is empty, and a key can't be".into()),
        Value::Object(map) => map.iter().map(|(k, v)| Ok([k.clone().into_bytes(), bytes(v, "value")?])).collect(),
        Value::Array(_) => {
            let pair = |item: &Value| match item.as_array().map(Vec::as_slice) {
                Some([first, second]) => Ok([bytes(first, "value")?, bytes(second, "value")?]),
                _ => Err("`value` is no list of pairs".to_string()),
            };
            list(value)?.iter().map(pair).collect()
        }
        _ => Err("`value` is neither an object nor a list of pairs".into()),
    }
}

/// A score that every server reads.
fn finite(score: Vec<u8>) -> Result<Vec<u8>, String> {
    let number = std::str::from_utf8(&score).ok().and_then(|text| text.parse::<f64>().ok());
    match number {
        Some(number) if !number.is_nan() => Ok(score),
        _ => Err("a score of a zset is no number".into()),
    }
}

fn entries(key: &[u8], value: &Value) -> Result<Vec<Words>, String> {
    let mut last = (0, 0);
    let mut commands = Vec::new();
    for entry in list(value)? {
        let id = entry.get("id").and_then(Value::as_str).ok_or("an entry of a stream has no `id`")?;
        let parts = id.split_once('-').and_then(|(ms, seq)| Some((ms.parse::<u64>().ok()?, seq.parse::<u64>().ok()?)));
        let parts = parts.ok_or("the id of a stream's entry is not as in 1526919030474-0")?;
        if parts <= last {
            return Err("the entries of a stream are not in the order of their ids".into());
        }
        last = parts;
        let fields = pairs(entry.get("fields").unwrap_or(&Value::Null))?;
        let head = vec![b"XADD".to_vec(), key.to_vec(), id.as_bytes().to_vec()];
        commands.push([head, fields.into_iter().flatten().collect()].concat());
    }
    Ok(commands)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOW: i64 = 1_000_000;

    fn shown(line: &str) -> Result<Vec<String>, String> {
        let item = read(line.as_bytes(), 1, NOW, None)?;
        let words = |words: Words| words.iter().map(|w| w.escape_ascii().to_string()).collect::<Vec<_>>().join(" ");
        Ok(item.map(|item| item.commands.into_iter().map(words).collect()).unwrap_or_default())
    }

    #[test]
    fn every_type_becomes_the_commands_that_write_it_whole() {
        for (line, commands) in [
            (r#"{"key":"a","type":"string","value":"x"}"#, vec!["SET a x"]),
            (r#"{"key":7,"type":"string","value":12}"#, vec!["SET 7 12"]),
            (r#"{"key":{"base64":"/wA="},"type":"string","value":{"base64":"AQ=="}}"#, vec!["SET \\xff\\x00 \\x01"]),
            (r#"{"key":"l","type":"list","value":["1",2]}"#, vec!["RPUSH l 1 2"]),
            (r#"{"key":"s","type":"set","value":["m"],"ttl_ms":5}"#, vec!["SADD s m", "PEXPIREAT s 1000005"]),
            (
                r#"{"key":"h","type":"hash","value":{"f":"v"},"expires_at_ms":2000000}"#,
                vec!["HSET h f v", "PEXPIREAT h 2000000"],
            ),
            (r#"{"key":"h","type":"hash","value":[["f","v"]]}"#, vec!["HSET h f v"]),
            (r#"{"key":"z","type":"zset","value":[["m",1.5],["n","-inf"]]}"#, vec!["ZADD z 1.5 m -inf n"]),
            (
                r#"{"key":"x","type":"stream","value":[{"id":"1-1","fields":{"f":"v"}},{"id":"2-0","fields":[["f","w"]]}]}"#,
                vec!["XADD x 1-1 f v", "XADD x 2-0 f w"],
            ),
            (r#"{"key":"gone","type":"none"}"#, vec![]),
        ] {
            assert_eq!(shown(line).unwrap(), commands, "{line}");
        }
        let many = format!(r#"{{"key":"l","type":"list","value":[{}]}}"#, vec!["1"; 1000].join(","));
        assert_eq!(shown(&many).unwrap().len(), 2);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_data() {
        for (line, because) in [
            (r#"{"key":"a","type":"string"}"#, "`value` is missing"),
            (r#"{"key":"a","type":"strin","value":"secret"}"#, "unknown variant `strin`"),
            (r#"{"key":"a","type":"string","value":"secret","tll_ms":1}"#, "unknown field `tll_ms`"),
            (r#"{"key":"a","type":"string","value":"secret""#, "it ends in the middle of a record"),
            (r#"{"key":"a","type":"list","value":[]}"#, "`value` is empty"),
            (r#"{"key":"a","type":"zset","value":{"m":"secret"}}"#, "a score of a zset is no number"),
            (r#"{"key":"a","type":"hash","value":["secret"]}"#, "no list of pairs"),
            (r#"{"key":"a","type":"string","value":"x","ttl_ms":"secret"}"#, "not of the type it must have"),
            (r#"{"key":"a","type":"string","value":"x","ttl_ms":1,"expires_at_ms":1}"#, "both `ttl_ms`"),
            (
                r#"{"key":"x","type":"stream","value":[{"id":"2-0","fields":{"f":"v"}},{"id":"1-0","fields":{"f":"v"}}]}"#,
                "order of their ids",
            ),
            ("nonsense", "it is no JSON"),
        ] {
            let said = shown(line).unwrap_err();
            assert!(said.contains(because) && !said.contains("secret"), "{line}: {said}");
        }
    }

    #[test]
    fn what_expired_or_is_older_than_the_moment_is_passed() {
        let of = |line: &str, since| read(line.as_bytes(), 1, NOW, since).map(|item| item.is_some());
        assert_eq!(of(r#"{"key":"a","type":"string","value":"x","ttl_ms":0}"#, None), Ok(false));
        let dated = r#"{"key":"a","type":"string","value":"x","at":"1970-01-01T00:10:00Z"}"#;
        assert_eq!((of(dated, Some(600_000)), of(dated, Some(599_999))), (Ok(false), Ok(true)));
        assert!(of(r#"{"key":"a","type":"string","value":"x"}"#, Some(1)).unwrap_err().contains("no `at`"));
    }
}
