//! Durations and sizes as people write them, both ways. Used by expressions, and by whoever reads such a value
//! from YAML or a command line.

/// `30s`, `500ms`, `1h30m`, `1.5h` in seconds. Units: ms, s, m, h, d.
///
/// # Errors
/// A sentence saying what is wrong, with the units that are known.
pub fn duration(text: &str) -> Result<f64, String> {
    let mut total = 0.0;
    let mut rest = text;
    let mut smallest = f64::INFINITY;
    if rest.is_empty() {
        return Err("a duration is a number and a unit, such as 30s".into());
    }
    while !rest.is_empty() {
        let (number, unit, tail) = split(rest).ok_or_else(|| unit_missing(text))?;
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => return Err(unit_missing(text)),
        };
        if seconds >= smallest {
            return Err(format!("`{text}`: units go from large to small, each once"));
        }
        smallest = seconds;
        total += number * seconds;
        rest = tail;
    }
    // Thousandths of a second are as fine as the language gets; this also undoes 0.1 + 0.2.
    Ok((total * 1000.0).round() / 1000.0)
}

/// `512B`, `64kB`, `64MB`, `1GiB` in bytes. kB, MB, GB, TB count in thousands; KiB, MiB, GiB, TiB in 1024.
///
/// # Errors
/// A sentence saying what is wrong, with the units that are known.
pub fn size(text: &str) -> Result<i64, String> {
    let bad = || {
        format!("`{text}` is not a size: a number and one of B, kB, MB, GB, TB, KiB, MiB, GiB, TiB")
    };
    let (number, unit, tail) = split(text).ok_or_else(bad)?;
    let factor: f64 = match unit {
        "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        "TiB" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(bad()),
    };
    if !tail.is_empty() {
        return Err(bad());
    }
    whole(number * factor).ok_or_else(|| format!("`{text}` is too large"))
}

/// The nearest integer when it is one that can be counted with.
pub(crate) fn whole(number: f64) -> Option<i64> {
    // 2^53: beyond it neighbouring integers are no longer told apart.
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation)]
    (number.is_finite() && number.abs() <= LIMIT).then(|| number.round() as i64)
}

fn unit_missing(text: &str) -> String {
    format!("`{text}` is not a duration: a number and one of ms, s, m, h, d")
}

/// Number, unit and what follows.
fn split(text: &str) -> Option<(f64, &str, &str)> {
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let (number, rest) = text.split_at_checked(digits)?;
    let letters = rest
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(rest.len());
    let (unit, tail) = rest.split_at_checked(letters)?;
    let plain = !number.starts_with('.') && !number.ends_with('.');
    number
        .parse()
        .ok()
        .filter(|n: &f64| plain && n.is_finite())
        .map(|n| (n, unit, tail))
}

/// `250 ms`, `13 s`, `14 min 34 s`, `1 h 12 min`, `2 d 3 h`: at most two units, for people.
#[allow(clippy::cast_possible_truncation)]
pub fn show_duration(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "" };
    let s = seconds.abs();
    if s > 0.0 && s < 0.9995 {
        return format!("{sign}{} ms", (s * 1000.0).round());
    }
    if s < 10.0 && (s - s.round()).abs() > 0.05 {
        return format!("{sign}{s:.1} s");
    }
    let s = s.round().min(1e15) as i64;
    let (big, unit, small, sub) = match s {
        0..60 => return format!("{sign}{s} s"),
        60..3600 => (s / 60, "min", s % 60, "s"),
        3600..86400 => (s / 3600, "h", s % 3600 / 60, "min"),
        _ => (s / 86400, "d", s % 86400 / 3600, "h"),
    };
    if small == 0 {
        format!("{sign}{big} {unit}")
    } else {
        format!("{sign}{big} {unit} {small} {sub}")
    }
}

/// `512 B`, `18.0 MiB`: for people, in units of 1024.
#[allow(clippy::cast_precision_loss)]
pub fn show_size(bytes: i64) -> String {
    let mut n = bytes as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if n.abs() < 1024.0 {
            break;
        }
        n /= 1024.0;
        unit = next;
    }
    if unit == "B" {
        format!("{bytes} B")
    } else {
        format!("{n:.1} {unit}")
    }
}
