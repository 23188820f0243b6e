//! Whether a directive's words are ones the server takes. Only for kinds a mistake in which is common; the rest is let
//! through, since a false alarm here would stop a recovery.

/// Why the server would refuse these words, in its own terms, or nothing.
pub(super) fn refusal(name: &str, kind: &str, words: &[Vec<u8>], since_seven: bool) -> Option<String> {
    let text: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    match kind {
        "any" | "many" => return None,
        "save" => return save(&text, since_seven),
        "replicaof" => return replicaof(&text),
        _ => {}
    }
    let [value] = text.as_slice() else {
        return Some("wrong number of arguments".to_owned());
    };
    match kind {
        "text" => None,
        "basename" => value.contains('/').then(|| format!("{name} can't be a path, just a filename")),
        "yesno" => {
            let known = value.eq_ignore_ascii_case("yes") || value.eq_ignore_ascii_case("no");
            (!known).then(|| "argument must be 'yes' or 'no'".to_owned())
        }
        "port" => integer(value, 0, 65_535),
        "octal" => {
            let known = i64::from_str_radix(value, 8).is_ok_and(|mode| (0..=0o777).contains(&mode));
            (!known).then(|| "argument couldn't be parsed into an integer".to_owned())
        }
        "memory" => memory(value).is_none().then(|| "argument must be a memory value".to_owned()),
        "int" => integer(value, i64::MIN, i64::MAX),
        _ => match kind.strip_prefix("int:") {
            Some(low) => integer(value, low.parse().unwrap_or(i64::MIN), i64::MAX),
            None => word(value, kind),
        },
    }
}

fn integer(value: &str, low: i64, high: i64) -> Option<String> {
    // The server takes no plus sign and no leading zeros.
    let strict = value.parse::<i64>().ok().filter(|number| number.to_string() == value);
    match strict {
        None => Some("argument couldn't be parsed into an integer".to_owned()),
        Some(number) if number < low || number > high => Some(if high == i64::MAX {
            format!("argument must be {low} or more")
        } else {
            format!("argument must be between {low} and {high} inclusive")
        }),
        Some(_) => None,
    }
}

fn word(value: &str, choices: &str) -> Option<String> {
    let known = choices.split('|').any(|choice| choice.eq_ignore_ascii_case(value));
    (!known).then(|| format!("argument must be one of: {}", choices.replace('|', ", ")))
}

fn save(words: &[String], since_seven: bool) -> Option<String> {
    if let [only] = words
        && only.is_empty()
    {
        return None;
    }
    let pair_count_ok = if since_seven { words.len().is_multiple_of(2) } else { words.len() == 2 };
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<i64>().ok());
    let all_ok = (0..words.len()).all(|at| number(at).is_some_and(|v| v >= i64::from(at % 2 == 0)));
    (!pair_count_ok || !all_ok).then(|| "Invalid save parameters".to_owned())
}

fn replicaof(words: &[String]) -> Option<String> {
    let [host, port] = words else {
        return Some("wrong number of arguments".to_owned());
    };
    if host.eq_ignore_ascii_case("no") && port.eq_ignore_ascii_case("one") {
        return None;
    }
    integer(port, 0, 65_535).map(|_| "Invalid master port".to_owned())
}

/// Bytes of a memory size (`100mb`, `1g`, `4096`), as the server's `memtoull` reads it.
pub(super) fn memory(value: &str) -> Option<u64> {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}
