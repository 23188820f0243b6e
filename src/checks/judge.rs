//! Is one value as it must be? Pure.
use super::grammar::{Expect, NumberRule, Repair, TimeRule, Written};
use super::outcome::shown;
use crate::facts::Seconds;
use jiff::{SignedDuration, Timestamp};

/// Why a value is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// In words.
    pub why: String,
}

impl Flaw {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

/// What is wrong with a value; nothing where it is as it must be. References are not judged here: they need the server.
pub(super) fn value(expect: &Expect, value: &[u8], now: Timestamp) -> Option<Flaw> {
    match expect {
        Expect::Number(rule) => number(rule, value),
        Expect::State(rule) => {
            let fits = rule.one_of.iter().any(|word| word.as_bytes() == value);
            (!fits).then(|| Flaw::new(format!("{} is none of {}", shown(value), rule.one_of.join(", "))))
        }
        Expect::Time(rule) => time(rule, value, now),
        Expect::Key(_) | Expect::Keys(_) | Expect::Reference(_) | Expect::Run(_) => None,
    }
}

/// Why a value can't be read as what is expected, whatever range it must be in.
pub(super) fn unreadable(expect: &Expect, value: &[u8]) -> Option<String> {
    match expect {
        Expect::Time(rule) => moment(rule.written, value).err(),
        _ => None,
    }
}

/// The value that a repair gives; none where there is nothing to set.
pub(super) fn repaired(expect: &Expect, repair: &Repair, value: &[u8]) -> Option<Vec<u8>> {
    match (repair, expect) {
        (Repair::Set(new), _) => Some(new.clone().into_bytes()),
        (Repair::Clamp, Expect::Number(rule)) => {
            let is = read_number(value)?;
            let low = rule.min.filter(|min| is < *min);
            let high = rule.max.filter(|max| is > *max);
            low.or(high).map(|bound| bound.to_string().into_bytes())
        }
        (Repair::Clamp | Repair::Delete, _) => None,
    }
}

fn number(rule: &NumberRule, value: &[u8]) -> Option<Flaw> {
    let Some(is) = read_number(value) else {
        return Some(Flaw::new(format!("{} is no number", shown(value))));
    };
    if let Some(min) = rule.min.filter(|min| is < *min) {
        return Some(Flaw::new(format!("{} is less than {min}", shown(value))));
    }
    let max = rule.max.filter(|max| is > *max)?;
    Some(Flaw::new(format!("{} is more than {max}", shown(value))))
}

/// As a server reads it: no spaces, no words such as `inf`.
fn read_number(value: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(value).ok()?;
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    text.parse::<f64>().ok().filter(|n| plain && n.is_finite())
}

fn time(rule: &TimeRule, value: &[u8], now: Timestamp) -> Option<Flaw> {
    let at = match moment(rule.written, value) {
        Ok(at) => at,
        Err(why) => return Some(Flaw::new(why)),
    };
    let limit = |text: &Option<String>| text.as_deref().and_then(|text| bound(text, now).ok());
    if let Some(from) = limit(&rule.from).filter(|from| at < *from) {
        return Some(Flaw::new(format!("{at} is before {from}")));
    }
    let to = limit(&rule.to).filter(|to| at > *to)?;
    Some(Flaw::new(format!("{at} is after {to}")))
}

fn moment(written: Written, value: &[u8]) -> Result<Timestamp, String> {
    let text = std::str::from_utf8(value).unwrap_or("");
    let read = match written {
        Written::UnixMs => text.parse::<i64>().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        Written::UnixS => {
            let seconds = read_number(value).filter(|s| s.abs() < 1e12);
            seconds.and_then(|s| Timestamp::from_millisecond((s * 1000.0) as i64).ok())
        }
        Written::Rfc3339 => text.parse().ok(),
    };
    let wanted = match written {
        Written::UnixS => "no seconds since 1970",
        Written::UnixMs => "no milliseconds since 1970",
        Written::Rfc3339 => "no moment such as 2026-11-21T03:12:44Z",
    };
    read.ok_or_else(|| format!("{} is {wanted}", shown(value)))
}

/// One end of a range: a moment, or `now` with a duration added or taken away.
pub(super) fn bound(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let Some(shift) = text.strip_prefix("now") else {
        return text
            .parse()
            .map_err(|_| format!("`{text}` is no moment: write 2026-11-21T03:12:44Z, now, now-30d or now+5m"));
    };
    let (sign, duration) = match shift.trim().split_at_checked(1) {
        None => return Ok(now),
        Some(("+", rest)) => (1.0, rest),
        Some(("-", rest)) => (-1.0, rest),
        Some(_) => return Err(format!("`{text}`: after now comes + or - and a duration, such as now-30d")),
    };
    let Seconds(seconds) = Seconds::parse(duration.trim())?;
    let by = SignedDuration::try_from_secs_f64(sign * seconds).map_err(|e| e.to_string())?;
    now.checked_add(by).map_err(|_| format!("`{text}` is too far away"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use serde_json::json;

    fn expect(json: serde_json::Value) -> Expect {
        serde_json::from_value(json).unwrap()
    }

    fn why(expect: &Expect, text: &str, now: &str) -> Option<String> {
        value(expect, text.as_bytes(), now.parse().unwrap()).map(|flaw| flaw.why)
    }

    const NOW: &str = "2026-11-21T12:00:00Z";

    #[test]
    fn numbers_are_in_range_ends_included() {
        let rule = expect(json!({ "number": { "pattern": "a:*", "min": 0, "max": 99.5 } }));
        for fine in ["0", "99.5", "-0", "1e1", "+7"] {
            assert_eq!(why(&rule, fine, NOW), None, "{fine}");
        }
        assert_eq!(why(&rule, "-1", NOW).unwrap(), "-1 is less than 0");
        assert_eq!(why(&rule, "100", NOW).unwrap(), "100 is more than 99.5");
        for none in ["", "inf", "nan", " 1", "0x10", "12 €"] {
            assert!(why(&rule, none, NOW).unwrap().ends_with("is no number"), "{none}");
        }
    }

    #[test]
    fn a_clamp_gives_the_nearest_bound_and_leaves_what_is_no_number() {
        let rule = expect(json!({ "number": { "pattern": "a:*", "min": 0, "max": 99.5 } }));
        let clamped = |text: &str| repaired(&rule, &Repair::Clamp, text.as_bytes());
        assert_eq!(clamped("-3"), Some(b"0".to_vec()));
        assert_eq!(clamped("100"), Some(b"99.5".to_vec()));
        assert_eq!(clamped("many"), None);
        assert_eq!(repaired(&rule, &Repair::Set("1".into()), b"many"), Some(b"1".to_vec()));
    }

    #[test]
    fn states_are_whole_words() {
        let rule = expect(json!({ "state": { "pattern": "o:*", "one_of": ["new", "paid"] } }));
        assert_eq!(why(&rule, "paid", NOW), None);
        assert_eq!(why(&rule, "Paid", NOW).unwrap(), "Paid is none of new, paid");
    }

    #[test]
    fn moments_are_read_as_they_are_written() {
        let rule = |written: &str| {
            expect(json!({ "time": { "pattern": "s:*", "written": written, "from": "now-1d", "to": "now+5m" } }))
        };
        for (written, fine, early, late, none) in [
            ("unix_s", "1795262400.5", "1795000000", "1795270000", "soon"),
            ("unix_ms", "1795262400000", "1795000000000", "1795270000000", "1795262400000.5"),
            ("rfc3339", "2026-11-21T13:04:59+01:00", "2026-11-20T11:59:59Z", "2026-11-21T12:05:01Z", "21.11.2026"),
        ] {
            let rule = rule(written);
            assert_eq!(why(&rule, fine, NOW), None, "{written}");
            assert!(why(&rule, early, NOW).unwrap().contains(" is before "), "{written}");
            assert!(why(&rule, late, NOW).unwrap().contains(" is after "), "{written}");
            assert!(why(&rule, none, NOW).unwrap().contains(" is no "), "{written}");
        }
    }

    #[test]
    fn bounds_are_moments_or_relative_to_now() {
        let now = NOW.parse().unwrap();
        let at = |text: &str| bound(text, now).map(|at| at.to_string());
        assert_eq!(at("now").unwrap(), NOW);
        assert_eq!(at("now-1d").unwrap(), "2026-11-20T12:00:00Z");
        assert_eq!(at("now + 5m").unwrap(), "2026-11-21T12:05:00Z");
        assert_eq!(at("2020-01-01T00:00:00Z").unwrap(), "2020-01-01T00:00:00Z");
        for bad in ["nowish", "now-", "now-1M", "yesterday"] {
            assert!(at(bad).is_err(), "{bad}");
        }
    }
}
