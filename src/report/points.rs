//! The table of recovery points.
use super::Width;
use super::words::{clean, loss, number};
use crate::facts::{Loadable, Point, PointKind, Time, Validity};
use crate::inspect::Moments;
use std::fmt::Write as _;

/// The longest name that stands in one line with its columns.
const NAME: usize = 46;
/// What the other columns take.
const COLUMNS: usize = 57;

/// The points by their ids, best first, numbered, so that one can be chosen.
#[must_use]
pub fn points(points: &[Point], now: Time, width: Width) -> String {
    if points.is_empty() {
        return "Recovery points   none: no memory, no AOF, no snapshot and no backup was found\n".into();
    }
    let names: Vec<String> = points.iter().map(name).collect();
    let room = width.left(COLUMNS, NAME);
    let column = names.iter().map(|n| n.chars().count()).filter(|n| *n <= room).max().unwrap_or(0).max(10);
    let mut out = String::new();
    let mut row = |number: &str, name: &str, cells: [&str; 4]| {
        let mut name = name;
        if name.chars().count() > column {
            let _ = writeln!(out, "{number:>3}  {name}");
            name = "";
        }
        let number = if name.is_empty() { "" } else { number };
        let [at, keys, lost, back] = cells;
        let line = format!("{number:>3}  {name:<column$}  {at:<10} {keys:>13}  {lost:<12}  {back}");
        let _ = writeln!(out, "{}", line.trim_end());
    };
    row("", "Recovery points", ["data as of", "keys", "you lose", "back in"]);
    let mut notes: Vec<(usize, String)> = Vec::new();
    for (i, (point, name)) in points.iter().zip(&names).enumerate() {
        let at = point.as_of.map_or("unknown".into(), |t| moment(t, now));
        let keys = match (point.keys, point.base_keys) {
            (Some(n), _) => number(n),
            (None, Some(n)) => match point.commands {
                // a bare 0 would look like nothing
                Some(commands) if commands > 0 => format!("{}+{}*", number(n), number(commands)),
                _ => format!("{}*", number(n)),
            },
            _ => "unknown".into(),
        };
        let back = point.recover_seconds.map_or("unknown".into(), |s| s.to_string());
        row(&(i + 1).to_string(), name, [&at, &keys, &loss(point), &back]);
        notes.extend(note(point).map(|n| (i + 1, n)));
        if point.keys.is_none()
            && point.base_keys.is_some()
            && let Some(commands) = point.commands
        {
            let base = point.base_keys.map_or(String::new(), number);
            notes.push((i + 1, format!("* {base} keys in its base, and {} commands after it", number(commands))));
        }
    }
    for (number, note) in notes {
        let _ = writeln!(out, "     {number}: {}", clean(&note));
    }
    width.wrap(&out)
}

/// The moments that the AOF can be taken back to.
#[must_use]
pub fn moments(found: &Moments, width: Width) -> String {
    let mut out = String::from("Moments of the AOF, for --runbook restore-to-time --param at=…\n");
    if let (Some(from), Some(to)) = (found.from, found.to) {
        let _ = writeln!(out, "     times    {from} to {to}, each second");
    }
    let mut tags: Vec<String> =
        found.tags.iter().rev().take(LISTED).map(|t| format!("tag:{}", clean(&t.name))).collect();
    tags.dedup();
    if !tags.is_empty() {
        let of = if found.tag_count > tags.len() as u64 {
            format!(" (the last of {})", number(found.tag_count))
        } else {
            String::new()
        };
        let _ = writeln!(out, "     tags     {}{of}", tags.join(", "));
    }
    for flush in found.flushes.iter().rev().take(LISTED) {
        let at = flush.at.map(|at| format!(", {at}")).unwrap_or_default();
        let before = format!("offset:{}:{}", clean(&flush.file), flush.cut);
        let _ = writeln!(out, "     before   {}{at}: {before}", clean(&flush.command));
    }
    width.wrap(&out)
}

/// Tags and flushes that a screen shows.
const LISTED: usize = 5;

fn name(point: &Point) -> String {
    let text = match (point.kind, &point.cut) {
        (PointKind::AofCut, Some(cut)) if point.undoes_flush() => format!("{} ({})", point.id, cut.before),
        (PointKind::AofCut, Some(cut)) => format!("{}, byte {}", point.id, number(cut.offset)),
        _ => point.id.clone(),
    };
    clean(&text)
}

/// Why it can't be used, or what a cut takes away.
fn note(point: &Point) -> Option<String> {
    if point.valid == Validity::Damaged || point.loadable == Loadable::No {
        return Some(format!("not usable: {}", point.why));
    }
    if point.why.starts_with("partial: ") {
        return Some(point.why.clone());
    }
    let cut = point.cut.as_ref()?;
    let undone = point.undoes_flush();
    let what = if cut.only_incomplete {
        "only an incomplete command or transaction is cut".to_string()
    } else {
        match cut.commands_lost {
            0 if undone => "no command follows what is taken back".to_string(),
            1 if undone => "1 command that followed is lost".to_string(),
            n if undone => format!("{} commands that followed are lost", number(n)),
            0 => "no complete command is cut".to_string(),
            1 => "1 complete command is cut".to_string(),
            n => format!("{} complete commands are cut", number(n)),
        }
    };
    let hole = match cut.commands_after_damage {
        0 => String::new(),
        n if n == cut.commands_lost => ", behind the damage".to_string(),
        n => format!(", {} of them behind the damage", number(n)),
    };
    let last = match point.as_of {
        None if point.usable() => "; its moment is not known, so it ranks last: it may hold more than those above",
        _ => "",
    };
    Some(format!("{} of {}: {what}{hole}{last}", cut.bytes_lost, cut.file))
}

/// The time of day when it is less than a day ago, else the date.
fn moment(at: Time, now: Time) -> String {
    let text = at.to_string();
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    if now.since(at).0 < 86400.0 { time.trim_end_matches('Z').chars().take(8).collect() } else { date.to_string() }
}
