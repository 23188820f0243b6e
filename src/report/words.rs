//! Small words that every screen uses.
use crate::facts::{Point, Seconds};
use crate::finding::Severity;
use console::style;
use serde_json::Value;

/// A count with thin groups: `18 442 113`.
#[must_use]
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

/// A count with its noun.
#[must_use]
pub fn many(n: u64, one: &str, more: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { more })
}

/// What a point loses, in words; `unknown` where nobody can tell.
#[must_use]
pub fn loss(point: &Point) -> String {
    match (point.loss_seconds, point.loss_upper) {
        (Some(l), _) => lost(l),
        (None, Some(upper)) => format!("up to {upper}"),
        (None, None) => "unknown".into(),
    }
}

/// A loss that is known, in words.
#[must_use]
pub fn lost(loss: Seconds) -> String {
    if loss.0 < 0.0005 { "nothing".into() } else { loss.to_string() }
}

/// Text from outside with control characters made visible, so that no terminal obeys it.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) { '\u{fffd}' } else { c })
        .collect()
}

/// What a step found out, on one short line: values by name, lists by their length, what is unknown left out.
#[must_use]
pub fn found(results: &Value) -> Option<String> {
    let mut said = Vec::new();
    say(results, "", &mut said);
    (!said.is_empty()).then(|| said.join(", "))
}

fn say(value: &Value, name: &str, said: &mut Vec<String>) {
    const LONGEST: usize = 60;
    let text = match value {
        Value::Null => return,
        Value::Object(fields) => {
            for (key, value) in fields {
                say(value, &if name.is_empty() { key.clone() } else { format!("{name}.{key}") }, said);
            }
            return;
        }
        Value::Array(items) => items.len().to_string(),
        Value::Number(n) if n.is_f64() => format!("{:.3}", n.as_f64().unwrap_or_default()),
        Value::String(text) => clean(text),
        other => other.to_string(),
    };
    let cut = if text.chars().count() > LONGEST { "…" } else { "" };
    said.push(format!("{name} {}{cut}", text.chars().take(LONGEST).collect::<String>()));
}

/// The severity as a padded word, coloured where colour is on.
#[must_use]
pub fn severity(severity: Severity) -> String {
    let word = match severity {
        Severity::Healthy => "ok",
        Severity::Minor => "minor",
        Severity::Major => "MAJOR",
        Severity::Critical => "CRITICAL",
    };
    let padded = format!("{word:<8}");
    match severity {
        Severity::Healthy => style(padded).green().to_string(),
        Severity::Minor => style(padded).cyan().to_string(),
        Severity::Major => style(padded).yellow().bold().to_string(),
        Severity::Critical => style(padded).red().bold().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(number(7), "7");
        assert_eq!(number(18_442_113), "18 442 113");
        assert_eq!(number(100), "100");
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(clean("a\u{1b}[31mb\n"), "a\u{fffd}[31mb\u{fffd}");
    }

    #[test]
    fn what_a_step_found_out_is_told_on_one_short_line() {
        let results = json!({
            "load_seconds": 0.123_456, "memory": { "bytes": 7 }, "run_id": null, "saved": ["a", "b"],
            "stdout": format!("two\nlines{}", "x".repeat(99)),
        });
        let line = format!("load_seconds 0.123, memory.bytes 7, saved 2, stdout two\u{fffd}lines{}…", "x".repeat(51));
        assert_eq!(found(&results), Some(line));
        assert_eq!((found(&Value::Null), found(&json!({}))), (None, None));
    }
}
