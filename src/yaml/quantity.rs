//! Durations, sizes and moments as they are written in YAML. The units are those of [`crate::facts`].
use crate::facts::{Bytes, Seconds};

/// A hundred years: anything longer is a slip, and would overflow clocks.
const LONGEST: f64 = 100.0 * 365.0 * 86400.0;

/// Reads `500ms`, `30s`, `5m`, `1h`, `2d` or `1h30m` and gives seconds. No other unit: `1M` is refused, not a month.
///
/// # Errors
/// Says what is wrong and what is allowed.
pub fn parse_duration(text: &str) -> Result<f64, String> {
    let Seconds(seconds) = Seconds::parse(text)?;
    if seconds.is_finite() && seconds <= LONGEST {
        Ok(seconds)
    } else {
        Err(format!("`{}` is longer than a hundred years", super::diag::shortened(text)))
    }
}

/// Reads `4096`, `64MB` (powers of ten) or `1GiB` (powers of two) and gives bytes.
///
/// # Errors
/// Says what is wrong and what is allowed.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let Bytes(bytes) = Bytes::parse(text)?;
    if bytes <= i64::MAX as u64 {
        Ok(bytes)
    } else {
        Err(format!("`{}` is larger than any file can be", super::diag::shortened(text)))
    }
}

/// Reads a moment in RFC 3339, such as `2026-11-21T03:12:44Z`.
///
/// # Errors
/// Says what is wrong and what is allowed.
pub fn parse_moment(text: &str) -> Result<jiff::Timestamp, String> {
    text.parse()
        .map_err(|_| format!("`{}` is not a moment: write it like 2026-11-21T03:12:44Z", super::diag::shortened(text)))
}
