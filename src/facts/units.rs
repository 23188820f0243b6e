//! Quantities with a unit: durations, sizes and moments, as the JSON, the schema and the expressions know them.
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// A duration in seconds. JSON: a number. YAML: `30s`, `5m`, `1h`, `2d`, `500ms`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Seconds(pub f64);

/// A size in bytes. JSON: an integer. YAML: `64MB` (powers of ten), `64MiB` (powers of two) or an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Bytes(pub u64);

/// A moment. JSON: RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub jiff::Timestamp);

impl Seconds {
    /// Reads `500ms`, `30s`, `5m`, `1h` or `2d`; `1h30m` is allowed too.
    ///
    /// # Errors
    /// Says what is wrong and what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is not a duration: write a number with ms, s, m, h or d, such as 30s");
        let (mut rest, mut total) = (text.trim(), 0.0);
        if rest.is_empty() {
            return Err(bad());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
            let number: f64 = rest[..digits].parse().map_err(|_| bad())?;
            let after = &rest[digits..];
            let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
            total += number
                * match &after[..end] {
                    "ms" => 0.001,
                    "s" => 1.0,
                    "m" => 60.0,
                    "h" => 3600.0,
                    "d" => 86400.0,
                    _ => return Err(bad()),
                };
            rest = &after[end..];
        }
        Ok(Self(total))
    }

    /// The same as a standard duration; negative becomes zero.
    #[must_use]
    pub fn duration(self) -> std::time::Duration {
        std::time::Duration::try_from_secs_f64(self.0.max(0.0)).unwrap_or(std::time::Duration::MAX)
    }
}

impl Bytes {
    /// Reads `4096`, `64MB` or `1GiB`.
    ///
    /// # Errors
    /// Says what is wrong and what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is not a size: write a number with B, KB, MB, GB, TB, KiB, MiB, GiB or TiB");
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let number: f64 = text[..digits].parse().map_err(|_| bad())?;
        let factor: u64 = match text[digits..].trim() {
            "" | "B" => 1,
            "KB" => 1000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => return Err(bad()),
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        Ok(Self((number * factor as f64) as u64))
    }
}

impl Time {
    /// The moment `seconds` after 1970; `None` outside the range of RFC 3339.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Option<Self> {
        jiff::Timestamp::from_second(seconds).ok().map(Self)
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn unix(self) -> i64 {
        self.0.as_second()
    }

    /// Seconds from `earlier` to this moment, negative if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Time) -> Seconds {
        Seconds(self.0.duration_since(earlier.0).as_secs_f64())
    }
}

impl fmt::Display for Seconds {
    /// `9 s`, `14 min 34 s`, `1 h 12 min`, `3 d 4 h`; tenths below ten seconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.0.max(0.0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let n = s.round() as u64;
        match n {
            0..=9 if s.fract() > 0.05 && s < 9.95 => write!(f, "{s:.1} s"),
            0..=59 => write!(f, "{n} s"),
            60..=3599 if n.is_multiple_of(60) => write!(f, "{} min", n / 60),
            60..=3599 => write!(f, "{} min {} s", n / 60, n % 60),
            3600..=86399 => write!(f, "{} h {} min", n / 3600, n % 3600 / 60),
            _ => write!(f, "{} d {} h", n / 86400, n % 86400 / 3600),
        }
    }
}

impl fmt::Display for Bytes {
    /// `812 B`, `18.0 MiB`, `1.2 GiB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[allow(clippy::cast_precision_loss)]
        let mut value = self.0 as f64;
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut unit = "B";
        for next in ["KiB", "MiB", "GiB", "TiB", "PiB"] {
            if value < 1024.0 {
                break;
            }
            value /= 1024.0;
            unit = next;
        }
        write!(f, "{value:.1} {unit}")
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = jiff::Timestamp::from_second(self.0.as_second()).unwrap_or(self.0);
        write!(f, "{whole}")
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_f64((self.0 * 1000.0).round() / 1000.0)
    }
}
impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(self.0)
    }
}
impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.0)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(f64),
    Text(String),
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match NumberOrText::deserialize(d)? {
            NumberOrText::Number(n) => Ok(Self(n)),
            NumberOrText::Text(t) => Self::parse(&t).map_err(serde::de::Error::custom),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(d)? {
            serde_json::Value::Number(n) => {
                n.as_u64().map(Self).ok_or_else(|| serde::de::Error::custom("a size is a whole number of bytes"))
            }
            serde_json::Value::String(t) => Self::parse(&t).map_err(serde::de::Error::custom),
            _ => Err(serde::de::Error::custom("a size is a whole number of bytes or a text such as 64MB")),
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Seconds {
    fn schema_name() -> Cow<'static, str> {
        "Seconds".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number", "format": "duration"})
    }
}
impl JsonSchema for Bytes {
    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "format": "bytes", "minimum": 0})
    }
}
impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn durations_are_read_and_shown() {
        assert_eq!(Seconds::parse("1h30m").unwrap(), Seconds(5400.0));
        assert_eq!(Seconds::parse("500ms").unwrap(), Seconds(0.5));
        assert!(Seconds::parse("1M").is_err());
        assert!(Seconds::parse("5").is_err());
        assert_eq!(Seconds(874.0).to_string(), "14 min 34 s");
        assert_eq!(Seconds(0.94).to_string(), "0.9 s");
    }

    #[test]
    fn sizes_are_read_and_shown() {
        assert_eq!(Bytes::parse("64MiB").unwrap(), Bytes(64 << 20));
        assert!(Bytes::parse("64 foo").is_err());
        assert_eq!(Bytes(18_900_000).to_string(), "18.0 MiB");
    }
}
