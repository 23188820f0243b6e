//! What is wrong with a `data_checks` file: structure first, then what a schema can't say; all of it, each with its place.
use super::grammar::{Check, Checks, Expect, Repair};
use super::judge;
use crate::yaml::{self, Diag, Node};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::sync::LazyLock;

static SCHEMA: LazyLock<Json> = LazyLock::new(|| schemars::schema_for!(Checks).to_value());

/// The JSON schema of a `data_checks` file.
#[must_use]
pub fn schema() -> &'static Json {
    &SCHEMA
}

/// Reads a file of data checks.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(text: &str) -> Result<Checks, Vec<Diag>> {
    let root = yaml::parse(text)?;
    let mut diags = yaml::check(&root, schema(), false, &mut Vec::new());
    if diags.is_empty() {
        let checks: Checks = yaml::from_node(&root)?;
        diags = Lint { root: &root, diags }.all(&checks);
        if diags.is_empty() {
            return Ok(checks);
        }
    }
    diags.sort_by_key(|d| (d.line, d.column));
    Err(diags)
}

struct Lint<'a> {
    root: &'a Node,
    diags: Vec<Diag>,
}

impl Lint<'_> {
    fn say(&mut self, pointer: &str, message: impl Into<String>, hint: &str) {
        let hint = (!hint.is_empty()).then(|| hint.to_string());
        self.diags.push(self.root.diag_at(pointer, message, hint));
    }

    fn all(mut self, file: &Checks) -> Vec<Diag> {
        if file.version != 1 {
            self.say("/version", format!("version {} is not known; this redis-dr knows 1", file.version), "");
        }
        let mut ids = BTreeSet::new();
        for (n, check) in file.checks.iter().enumerate() {
            let at = format!("/checks/{n}");
            if !ids.insert(check.id.as_str()) {
                self.say(
                    &format!("{at}/id"),
                    format!("there is a check `{}` already", check.id),
                    "give it another name",
                );
            }
            self.expect(&at, &check.expect);
            if let Some(repair) = &check.repair {
                self.repair(&at, check, repair);
            }
        }
        self.diags
    }

    fn expect(&mut self, at: &str, expect: &Expect) {
        let at = format!("{at}/expect/{}", expect.word());
        match expect {
            Expect::Keys(rule) => {
                if rule.at_least.is_none() && rule.at_most.is_none() && rule.kind.is_none() {
                    self.say(&at, "nothing is asked of these keys", "give at_least, at_most or type");
                }
                if rule.at_least.zip(rule.at_most).is_some_and(|(least, most)| least > most) {
                    self.say(&format!("{at}/at_most"), "at_most is less than at_least", "");
                }
            }
            Expect::Number(rule) => {
                if rule.min.is_none() && rule.max.is_none() {
                    self.say(&at, "a number without bounds", "give min, max or both");
                }
                if rule.min.zip(rule.max).is_some_and(|(least, most)| least > most) {
                    self.say(&format!("{at}/max"), "max is less than min", "");
                }
            }
            Expect::Reference(rule) => {
                if rule.to.matches("{}").count() != 1 {
                    let hint = "write `{}` where the value goes: user:{}";
                    self.say(&format!("{at}/to"), "`to` needs `{}` exactly once", hint);
                }
            }
            Expect::Time(rule) => self.bounds(&at, rule.from.as_deref(), rule.to.as_deref()),
            Expect::Key(_) | Expect::State(_) | Expect::Run(_) => {}
        }
    }

    /// The two ends of a time range: each can be read, and they are in order.
    fn bounds(&mut self, at: &str, from: Option<&str>, to: Option<&str>) {
        if from.is_none() && to.is_none() {
            self.say(at, "a moment without bounds", "give from, to or both");
        }
        let now = jiff::Timestamp::UNIX_EPOCH.saturating_add(jiff::SignedDuration::from_hours(24 * 365 * 60));
        let now = now.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let mut read = |name: &str, text: Option<&str>| match judge::bound(text?, now) {
            Ok(at) => Some(at),
            Err(because) => {
                self.say(&format!("{at}/{name}"), because, "");
                None
            }
        };
        let ends = (read("from", from), read("to", to));
        // an absolute end against a relative one depends on the day
        let alike = from.zip(to).is_some_and(|(from, to)| from.starts_with("now") == to.starts_with("now"));
        if let (Some(from), Some(to)) = ends
            && alike
            && from > to
        {
            self.say(&format!("{at}/to"), "`to` is before `from`", "");
        }
    }

    fn repair(&mut self, at: &str, check: &Check, repair: &Repair) {
        let place = format!("{at}/repair");
        match (repair, &check.expect) {
            (_, Expect::Key(_) | Expect::Keys(_) | Expect::Run(_)) => {
                let message = format!("`{}` has no repair", check.expect.word());
                self.say(&place, message, "only values of keys that are there are repaired");
            }
            (Repair::Clamp, Expect::Number(_)) | (Repair::Delete, _) => {}
            (Repair::Clamp, _) => self.say(&place, "only a number can be clamped", "use set or delete"),
            (Repair::Set(_), Expect::Reference(_)) => {
                self.say(&place, "a reference can't be set to one value for all keys", "use delete");
            }
            (Repair::Set(value), expect) => {
                let now = jiff::Timestamp::UNIX_EPOCH;
                if matches!(expect, Expect::Time(_)) {
                    // whether a moment is in a range that moves can't be judged here, how it is written can
                    if let Some(because) = judge::unreadable(expect, value.as_bytes()) {
                        self.say(&format!("{place}/set"), format!("the check would not take this: {because}"), "");
                    }
                } else if let Some(flaw) = judge::value(expect, value.as_bytes(), now) {
                    self.say(&format!("{place}/set"), format!("the check would not take this: {}", flaw.why), "");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The mistakes of one check, as `line:column message`.
    fn mistakes(check: &str) -> Vec<String> {
        let text = format!("version: 1\nchecks:\n  - id: a\n    {}\n", check.replace('\n', "\n    "));
        let diags = load(&text).err().unwrap_or_default();
        diags.iter().map(|d| format!("{}:{} {}", d.line, d.column, d.message)).collect()
    }

    fn only(check: &str, words: &str) {
        let found = mistakes(check);
        assert!(found.len() == 1 && found[0].contains(words), "{check}\n{found:?}");
    }

    #[test]
    fn one_of_each_kind_is_right() {
        for check in [
            "expect: { key: { name: settings, type: hash } }",
            "expect: { keys: { pattern: \"user:*\", at_least: 10, type: string, db: 3 } }",
            "expect: { number: { pattern: \"a:*\", field: balance, min: 0, max: 10.5 } }\nrepair: clamp",
            "expect: { state: { pattern: \"o:*\", field: state, one_of: [new, paid] } }\nrepair: { set: new }",
            "expect: { reference: { pattern: \"o:*\", field: user, to: \"user:{}\" } }\nrepair: delete",
            "expect: { time: { pattern: \"s:*\", written: unix_ms, from: now-30d, to: now+5m, optional: true } }",
            "expect: { run: { argv: [/usr/bin/true], timeout: 5s } }",
        ] {
            assert_eq!(mistakes(check), Vec::<String>::new(), "{check}");
        }
    }

    #[test]
    fn mistakes_are_shown_where_they_are() {
        assert_eq!(
            mistakes("expect: { number: { pattern: \"a:*\" } }"),
            ["4:23 a number without bounds"],
            "the place is that of the rule"
        );
        only("expect: { keys: { pattern: \"a:*\" } }", "nothing is asked of these keys");
        only("expect: { keys: { pattern: \"a:*\", at_least: 3, at_most: 2 } }", "at_most is less");
        only("expect: { number: { pattern: \"a:*\", min: 3, max: 2 } }", "max is less than min");
        only("expect: { reference: { pattern: \"a:*\", to: \"user\" } }", "exactly once");
        only("expect: { time: { pattern: \"a:*\", written: unix_s } }", "a moment without bounds");
        only("expect: { time: { pattern: \"a:*\", written: unix_s, from: soon } }", "`soon` is no moment");
        only("expect: { time: { pattern: \"a:*\", written: unix_s, from: now, to: now-1h } }", "`to` is before `from`");
        only("expect: { sum: { pattern: \"a:*\" } }", "unknown key `sum`");
        only("expect: { key: { name: a, type: hsh } }", "must be");
        only("expect: { run: { argv: [\"true\"], timeout: 30 } }", "needs a unit");
    }

    #[test]
    fn a_repair_must_suit_its_check_and_its_value_must_pass_it() {
        only("expect: { key: { name: a } }\nrepair: delete", "`key` has no repair");
        only("expect: { state: { pattern: \"a:*\", one_of: [x] } }\nrepair: clamp", "only a number can be clamped");
        only("expect: { state: { pattern: \"a:*\", one_of: [x] } }\nrepair: { set: y }", "y is none of x");
        only("expect: { number: { pattern: \"a:*\", min: 1 } }\nrepair: { set: \"0\" }", "0 is less than 1");
        only(
            "expect: { reference: { pattern: \"a:*\", to: \"u:{}\" } }\nrepair: { set: x }",
            "a reference can't be set",
        );
        only(
            "expect: { time: { pattern: \"a:*\", written: unix_s, to: now } }\nrepair: { set: never }",
            "never is no seconds since 1970",
        );
    }

    #[test]
    fn names_are_there_once_and_the_version_is_known() {
        let check = "{ id: a, expect: { key: { name: x } } }";
        let errors = load(&format!("version: 2\nchecks: [{check}, {check}]\n")).unwrap_err();
        let words: Vec<&str> = errors.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(words, ["version 2 is not known; this redis-dr knows 1", "there is a check `a` already"]);
    }
}
