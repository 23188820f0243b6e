//! The moment of an incident, as people write it down at night.
use super::{Context, Failure, out};
use crate::facts::Time;
use jiff::civil::{DateTime, Time as Clock};
use jiff::{SignedDuration, ToSpan, Zoned};

/// How a moment is written.
pub const HOW: &str = "write it as 03:12, 03:12:44, \"2026-11-21 03:12\", -15m, \"15m ago\" or 2026-11-21T03:12:44Z";

/// The moment that was meant, said on standard error as it was understood.
///
/// # Errors
/// It is none, or it lies ahead.
pub fn moment(context: &Context, text: Option<&str>) -> Result<Option<Time>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let now = context.look.now().to_zoned(jiff::tz::TimeZone::system());
    let meant = read(text, &now).map_err(|why| Failure::usage(format!("--incident-at {text}: {why}"), HOW))?;
    if !context.global.quiet {
        let ago = Time(now.timestamp()).since(Time(meant.timestamp()));
        let zone = meant.strftime("%Y-%m-%d %H:%M:%S %Z");
        out::note(&format!("incident at {zone}, {ago} ago ({})", Time(meant.timestamp())));
    }
    Ok(Some(Time(meant.timestamp())))
}

/// A moment that lies behind, as [`moment`] reads it.
///
/// # Errors
/// It is none, or it lies ahead.
pub fn past(text: &str) -> Result<Time, String> {
    let now = crate::host::Look::new().now().to_zoned(jiff::tz::TimeZone::system());
    read(text, &now).map(|meant| Time(meant.timestamp()))
}

/// A time of day is the latest that is over, in the zone of `now`; a duration is counted back from it.
fn read(text: &str, now: &Zoned) -> Result<Zoned, String> {
    let text = text.trim();
    let meant = match ago(text) {
        Some(span) => span.and_then(|span| now.checked_sub(span).map_err(|e| e.to_string()))?,
        None => absolute(text, now)?,
    };
    if meant > *now {
        return Err(format!("this lies ahead; it is {} now", now.strftime("%Y-%m-%d %H:%M:%S %Z")));
    }
    Ok(meant)
}

fn absolute(text: &str, now: &Zoned) -> Result<Zoned, String> {
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Ok(moment.to_zoned(now.time_zone().clone()));
    }
    let zoned = |at: DateTime| at.to_zoned(now.time_zone().clone()).map_err(|e| e.to_string());
    if let Some(clock) = clock(text) {
        let today = zoned(now.date().to_datetime(clock))?;
        return if today <= *now {
            Ok(today)
        } else {
            zoned(now.date().checked_sub(1.day()).map_err(|e| e.to_string())?.to_datetime(clock))
        };
    }
    let parts = text.split_once([' ', 'T']);
    match parts.and_then(|(day, time)| Some((day.parse::<jiff::civil::Date>().ok()?, clock(time.trim())?))) {
        Some((day, time)) => zoned(day.to_datetime(time)),
        None => Err("this is not a moment".into()),
    }
}

/// HH:MM or HH:MM:SS and nothing else.
fn clock(text: &str) -> Option<Clock> {
    let parts: Vec<&str> = text.split(':').collect();
    if !(2..=3).contains(&parts.len()) || !parts.iter().all(|p| (1..=2).contains(&p.len())) {
        return None;
    }
    let mut numbers = parts.iter().map(|p| p.bytes().all(|b| b.is_ascii_digit()).then(|| p.parse::<i8>().ok())?);
    let (hour, minute, second) = (numbers.next()??, numbers.next()??, numbers.next().unwrap_or(Some(0))?);
    Clock::new(hour, minute, second, 0).ok()
}

/// `-15m` or `15m ago`; `None` where it is no such thing.
fn ago(text: &str) -> Option<Result<SignedDuration, String>> {
    let back = text.strip_prefix('-').or_else(|| text.strip_suffix("ago"))?.trim();
    let span = crate::facts::Seconds::parse(back).map(|s| SignedDuration::try_from(s.duration()).unwrap_or_default());
    Some(span)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn now() -> Zoned {
        "2026-11-24T03:30:00+01:00[Europe/Berlin]".parse().unwrap()
    }

    fn utc(text: &str) -> String {
        read(text, &now()).unwrap().timestamp().to_string()
    }

    #[test]
    fn a_time_of_day_is_the_latest_that_is_over_in_the_local_zone() {
        assert_eq!(utc("03:12"), "2026-11-24T02:12:00Z");
        assert_eq!(utc("3:12:44"), "2026-11-24T02:12:44Z");
        assert_eq!(utc("23:50"), "2026-11-23T22:50:00Z");
    }

    #[test]
    fn dates_durations_and_rfc_3339_are_taken_too() {
        assert_eq!(utc("2026-11-21 03:12"), "2026-11-21T02:12:00Z");
        assert_eq!(utc("2026-11-21T03:12:44"), "2026-11-21T02:12:44Z");
        assert_eq!(utc("-15m"), "2026-11-24T02:15:00Z");
        assert_eq!(utc("2h ago"), "2026-11-24T00:30:00Z");
        assert_eq!(utc("2026-11-21T03:12:44Z"), "2026-11-21T03:12:44Z");
    }

    #[test]
    fn what_is_no_moment_or_lies_ahead_says_so() {
        for text in ["", "soon", "25:00", "03:12:44:1", "-15", "2026-11-31 03:12", "ago", "+3:12"] {
            assert!(read(text, &now()).is_err(), "{text}");
        }
        assert_eq!(read("2026-11-25 03:12", &now()).unwrap_err(), "this lies ahead; it is 2026-11-24 03:30:00 CET now");
    }
}
