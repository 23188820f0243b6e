//! The difference between two files, as a page.
use super::Width;
use super::inspection::{BAR, NAME, fitted};
use super::words::{clean, many, number};
use crate::facts::Validity;
use crate::inspect::difference::{Difference, KeyDifference, PrefixDifference, Side, What};
use console::style;
use std::fmt::Write as _;

/// The page.
#[must_use]
pub fn key_difference(found: &Difference, width: Width) -> String {
    let mut out = String::new();
    side(&mut out, "From", &found.a);
    side(&mut out, "To", &found.b);
    let verdict = match (&found.because, found.same) {
        (Some(because), _) => style(format!("CAN'T BE TOLD IN FULL: {}", clean(because))).red(),
        (None, true) => style("the same keys, values and expiries".to_string()).green(),
        (None, false) => style("DIFFERENT".to_string()).yellow(),
    };
    let _ = writeln!(out, "Verdict    {verdict}");
    if let Some(pattern) = &found.pattern {
        let _ = writeln!(out, "Compared   only keys that match {}", clean(pattern));
    }
    if [&found.a, &found.b].iter().any(|side| side.valid != Validity::Intact && side.keys == 0) {
        // counts against nothing would read like keys that came or went
        return width.wrap(&out);
    }
    totals(&mut out, found);
    types(&mut out, found);
    prefixes(&mut out, found);
    functions(&mut out, found);
    names(&mut out, "Added, only in the second", &found.added_keys, found.added);
    names(&mut out, "Gone, only in the first", &found.gone_keys, found.gone);
    names(&mut out, "Changed", &found.changed_keys, found.changed);
    width.wrap(&out)
}

fn side(out: &mut String, title: &str, side: &Side) {
    let by = side.written_by.as_deref().map(|by| format!(", written by {}", clean(by))).unwrap_or_default();
    let at = side.written_at.map(|at| format!(" at {at}")).unwrap_or_default();
    let loaded = side.loaded_by.as_deref().map(|by| format!(", loaded by a private {}", clean(by))).unwrap_or_default();
    let _ = writeln!(out, "{title:<9}  {}", side.path);
    let _ = writeln!(out, "           {}{by}{at}{loaded}", many(side.keys, "key", "keys"));
    if side.valid != Validity::Intact {
        let because = side.because.as_deref().map(clean).unwrap_or_default();
        let _ = writeln!(out, "           {}", style(format!("NOT WHOLE: {because}")).red());
    }
}

fn totals(out: &mut String, found: &Difference) {
    let _ = writeln!(out);
    let _ = writeln!(out, "{:<9}  {:>13}", "Added", number(found.added));
    let _ = writeln!(out, "{:<9}  {:>13}", "Gone", number(found.gone));
    let parts = [
        (found.changed_value, "another value"),
        (found.changed_expiry, "another expiry"),
        (found.changed_type, "another type"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", number(*n))).collect();
    let in_what = if parts.is_empty() { String::new() } else { format!("   ({})", parts.join(", ")) };
    let _ = writeln!(out, "{:<9}  {:>13}{in_what}", "Changed", number(found.changed));
    let _ = writeln!(out, "{:<9}  {:>13}", "The same", number(found.equal));
    for (n, which) in [(found.expired_a, "first"), (found.expired_b, "second")].into_iter().filter(|(n, _)| *n > 0) {
        let keys = many(n, "key that only the", "keys that only the");
        let _ = writeln!(out, "{keys} {which} has, and whose time is over: no client could read them");
    }
}

fn types(out: &mut String, found: &Difference) {
    if found.types.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{:<12}{:>13}  {:>13}  {:>13}  {:>13}", "Types", "added", "gone", "changed", "the same");
    for row in &found.types {
        let [added, gone, changed, equal] = [row.added, row.gone, row.changed, row.equal].map(number);
        let _ = writeln!(out, "  {:<10}{added:>13}  {gone:>13}  {changed:>13}  {equal:>13}", row.kind.as_str());
    }
}

fn prefixes(out: &mut String, found: &Difference) {
    let most = found.prefixes.iter().map(sum).max().unwrap_or(0);
    if most == 0 {
        return;
    }
    let _ = writeln!(out, "\n{:<NAME$}{:>11}  {:>11}  {:>11}", "Prefixes", "added", "gone", "changed");
    for row in &found.prefixes {
        let name = if row.prefix.is_empty() { "(no prefix)".into() } else { fitted(&row.prefix, NAME - 4) };
        let [added, gone, changed] = [row.added, row.gone, row.changed].map(number);
        let long = u128::from(sum(row)) * (BAR as u128 / 2) / u128::from(most);
        let bar = "#".repeat(usize::try_from(long).unwrap_or(0).max(1));
        let _ = writeln!(out, "  {name:<w$}{added:>11}  {gone:>11}  {changed:>11}  {bar}", w = NAME - 2);
    }
    if found.other_keys > 0 {
        let _ = writeln!(out, "  and {} with other prefixes", many(found.other_keys, "key", "keys"));
    }
    if !found.prefixes_exact {
        let _ = writeln!(out, "  (so many prefixes that the numbers are lower bounds)");
    }
}

fn sum(row: &PrefixDifference) -> u64 {
    row.added + row.gone + row.changed
}

fn functions(out: &mut String, found: &Difference) {
    let functions = &found.functions;
    for (what, names) in [("added", &functions.added), ("gone", &functions.gone), ("changed", &functions.changed)] {
        if !names.is_empty() {
            let _ = writeln!(out, "\nLibraries of functions {what}: {}", clean(&names.join(", ")));
        }
    }
}

fn names(out: &mut String, title: &str, keys: &[KeyDifference], all: u64) {
    if keys.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{title} (the database, then the key)");
    for key in keys {
        let what: Vec<&str> = key.differs_in.iter().map(|what| word(*what)).collect();
        let what = if what.is_empty() { String::new() } else { format!("  {}", what.join(", ")) };
        let _ = writeln!(out, "  {:<3} {:<44}  {:<6}{what}", key.db, fitted(&key.key, 44), key.kind.as_str());
    }
    let more = all.saturating_sub(keys.len() as u64);
    if more > 0 {
        let _ = writeln!(out, "  and {} more: --top N shows more, --keys PATTERN fewer", number(more));
    }
}

fn word(what: What) -> &'static str {
    match what {
        What::Type => "type",
        What::Value => "value",
        What::Expiry => "expiry",
    }
}
